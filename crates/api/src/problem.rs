//! A problem (RFC 9457): what an answer says when it is not what was asked for.
//!
//! A [`Problem`] knows both languages. It is written down where the request's language is known:
//! by the edge for a whole answer, by the bulk route for one line.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use problem_details::ProblemDetails;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::{Refused, Severity};
use uuid::Uuid;

use crate::kinds::{self, Kind};
use crate::language::{Language, Text};

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) into the request's body; empty for the whole of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<Cow<'static, str>>,
    /// Name of the query parameter or header, if it is none of the body's fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<Cow<'static, str>>,
    /// Stable number of the rule.
    pub rule: &'static str,
    /// German sentence.
    pub message_de: Cow<'static, str>,
    /// English sentence.
    pub message_en: Cow<'static, str>,
}

/// Members of a problem beyond those of RFC 9457.
#[derive(Debug, Clone, Default, Serialize)]
struct Extensions {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(skip_serializing_if = "Option::is_none")]
    current_version: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_position: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    known_as: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// How a problem is written, for the OpenAPI document.
#[derive(JsonSchema)]
#[schemars(rename = "Problem")]
#[expect(dead_code, reason = "its fields are read by the schema derive only")]
pub struct ProblemSchema {
    /// Address of the kind of problem; it documents the kind.
    r#type: String,
    /// Status of the answer.
    status: u16,
    /// What kind of problem it is, in the language that was asked for.
    title: String,
    /// What is the matter in this case.
    detail: Option<String>,
    /// Field by field.
    errors: Option<Vec<FieldError>>,
    /// The stream's version now.
    current_version: Option<u64>,
    /// How far the read model is.
    read_position: Option<u64>,
    /// The line of a list, from 1.
    line: Option<u64>,
    /// The pseudonym under which a person is known already.
    known_as: Option<Uuid>,
    /// Identity of the request, as it stands in the service's own records.
    request_id: Option<String>,
}

/// A problem in both languages.
#[derive(Debug, Clone)]
pub struct Problem(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: &'static Kind,
    detail: Option<Text>,
    extensions: Extensions,
    retry_after: Option<u32>,
    /// Whether a key was presented that opens nothing.
    invalid_token: bool,
}

impl Problem {
    /// A problem of that kind, without particulars.
    pub fn new(kind: &'static Kind) -> Self {
        let retry_after = (kind.status == StatusCode::SERVICE_UNAVAILABLE).then_some(1);
        let extensions = Extensions::default();
        Self(Box::new(Inner { kind, detail: None, extensions, retry_after, invalid_token: false }))
    }

    /// The same with a sentence on this case.
    #[must_use]
    pub fn detail(mut self, de: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(Text::new(de, en));
        self
    }

    /// The same with an error of a field.
    #[must_use]
    pub fn error(mut self, error: FieldError) -> Self {
        self.0.extensions.errors.push(error);
        self
    }

    /// The same with the stream's version now.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.0.extensions.current_version = Some(version);
        self
    }

    /// The same with how far the read model is.
    #[must_use]
    pub fn read_position(mut self, position: u64) -> Self {
        self.0.extensions.read_position = Some(position);
        self
    }

    /// The same with the line that it is about, from 1.
    #[must_use]
    pub fn line(mut self, line: u64) -> Self {
        self.0.extensions.line = Some(line);
        self
    }

    /// The same with the pseudonym under which a person is known already.
    #[must_use]
    pub fn known_as(mut self, person: Uuid) -> Self {
        self.0.extensions.known_as = Some(person);
        self
    }

    /// The same with the seconds after which it is worth to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds.max(1));
        self
    }

    /// The same with the identity of the request.
    #[must_use]
    pub fn request(mut self, id: &str) -> Self {
        self.0.extensions.request_id = Some(id.to_owned());
        self
    }

    /// No key, or one that opens nothing.
    pub fn unauthorised(presented: bool) -> Self {
        let mut problem = Self::new(&kinds::UNAUTHORISED);
        problem.0.invalid_token = presented;
        problem
    }

    /// A field of the body that is not what it should be.
    pub fn invalid(pointer: impl Into<Cow<'static, str>>, rule: &'static str, message: Text) -> Self {
        Self::new(&kinds::INVALID).error(FieldError::at(pointer, rule, message))
    }

    /// A query parameter or header that is not what it should be.
    pub fn parameter(name: impl Into<Cow<'static, str>>, message: Text) -> Self {
        Self::new(&kinds::PARAMETER).error(FieldError {
            pointer: None,
            parameter: Some(name.into()),
            rule: "PAR-01",
            message_de: message.de,
            message_en: message.en,
        })
    }

    /// A rule of the programme that says no.
    pub fn refused(refused: &Refused) -> Self {
        let kind = match refused.severity {
            Severity::Missing => &kinds::NOT_FOUND,
            Severity::Invalid => &kinds::INVALID,
            Severity::Rule => &kinds::RULE,
        };
        let message = Text::new(refused.de, refused.en);
        Self::new(kind).error(FieldError::at(refused.pointer, refused.rule, message))
    }

    /// The status of an answer with it.
    pub fn status(&self) -> StatusCode {
        self.0.kind.status
    }

    /// What kind it is.
    pub fn kind(&self) -> &'static Kind {
        self.0.kind
    }

    /// The problem in that language, to be written down.
    pub fn in_language(&self, language: Language) -> impl Serialize + use<> {
        let Inner { kind, detail, extensions, .. } = &*self.0;
        let title = Text::new(kind.de, kind.en);
        let one = extensions.errors.first().filter(|_| extensions.errors.len() == 1);
        let detail = detail.as_ref().map(|text| text.in_language(language).to_owned()).or_else(|| {
            one.map(|error| match language {
                Language::German => error.message_de.to_string(),
                Language::English => error.message_en.to_string(),
            })
        });
        let mut details = ProblemDetails::new()
            .with_type(Uri::from_static(kind.uri))
            .with_status(kind.status)
            .with_title(title.in_language(language));
        if let Some(detail) = detail {
            details = details.with_detail(detail);
        }
        details.with_extensions(extensions.clone())
    }

    /// The headers and the body in that language, into an answer whose status is already there.
    pub fn write(&self, language: Language, response: &mut Response) {
        // A problem consists of texts and numbers, so writing it cannot fail.
        let text = serde_json::to_vec(&self.in_language(language)).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CONTENT_LANGUAGE, HeaderValue::from_static(language.tag()));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
        *response.body_mut() = Body::from(text);
    }
}

impl FieldError {
    /// An error of that field of the body.
    pub fn at(pointer: impl Into<Cow<'static, str>>, rule: &'static str, message: Text) -> Self {
        Self { pointer: Some(pointer.into()), parameter: None, rule, message_de: message.de, message_en: message.en }
    }
}

impl IntoResponse for Problem {
    /// Status and headers; the edge writes the body, since it knows the language.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            let challenge = match self.0.invalid_token {
                true => r#"Bearer realm="sfs", error="invalid_token""#,
                false => r#"Bearer realm="sfs""#,
            };
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(version) = self.0.extensions.current_version
            && let Ok(tag) = HeaderValue::try_from(format!("\"v{version}\""))
        {
            headers.insert(header::ETAG, tag);
        }
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_problem_speaks_the_asked_language_and_names_its_fields_in_both() {
        let problem =
            Problem::invalid("/data/school", "JSON-01", Text::new("Das Feld fehlt.", "The field is missing."));
        let written = |language| serde_json::to_value(problem.in_language(language)).unwrap();
        assert_eq!(
            written(Language::English),
            json!({
                "type": "/problems/invalid", "status": 422, "title": "What is stated is not valid.",
                "detail": "The field is missing.",
                "errors": [{
                    "pointer": "/data/school", "rule": "JSON-01", "message_de": "Das Feld fehlt.",
                    "message_en": "The field is missing.",
                }],
            })
        );
        assert_eq!(written(Language::German)["detail"], "Das Feld fehlt.");
    }

    #[test]
    fn a_problem_that_passes_says_when_to_try_again() {
        let response = Problem::new(&kinds::OVERLOADED).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        let response = Problem::new(&kinds::STALE).version(7).into_response();
        assert_eq!(response.headers()[header::ETAG], "\"v7\"");
        let response = Problem::unauthorised(true).into_response();
        assert!(response.headers()[header::WWW_AUTHENTICATE].to_str().unwrap().contains("invalid_token"));
    }
}
