//! The few pages: where to begin, the page of the interface, the page for auditors, the kinds of
//! problems. They load nothing from elsewhere.

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;

use crate::answers::json_response;
use crate::headers;
use crate::kinds::{self, Kind};
use crate::problem::Problem;
use crate::schemas::cached;

/// What a page may load: its own style and script, and what its own service answers.
const OWN_ONLY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

fn asset(media: &'static str, text: impl Into<Body>) -> Response {
    let mut response = Response::new(text.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CONTENT_SECURITY_POLICY, OWN_ONLY);
    cached(response)
}

const HTML: &str = "text/html; charset=utf-8";

/// `GET /`.
pub async fn landing() -> Response {
    asset(HTML, include_str!("../assets/landing.html"))
}

/// `GET /docs`.
pub async fn docs() -> Response {
    asset(HTML, include_str!("../assets/docs.html"))
}

/// `GET /pruefung`: how to verify without us, in German.
pub async fn audit_german() -> Response {
    asset(HTML, include_str!("../assets/audit.de.html"))
}

/// `GET /en/audit`: the same in English.
pub async fn audit_english() -> Response {
    asset(HTML, include_str!("../assets/audit.en.html"))
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// `GET /assets/docs.js`.
pub async fn script() -> Response {
    asset(SCRIPT, include_str!("../assets/docs.js"))
}

/// `GET /assets/audit.js`.
pub async fn audit_script() -> Response {
    asset(SCRIPT, include_str!("../assets/audit.js"))
}

/// `GET /assets/bundle.js`: the verifier of bundles, the same file that Node runs.
pub async fn bundle_script() -> Response {
    asset(SCRIPT, include_str!("../assets/bundle.mjs"))
}

/// `GET /assets/style.css`.
pub async fn style() -> Response {
    asset("text/css; charset=utf-8", include_str!("../assets/style.css"))
}

/// A kind of problem.
#[derive(Serialize, JsonSchema)]
pub struct KindAnswer {
    /// Address: what a problem names as its `type`.
    #[serde(rename = "type")]
    uri: &'static str,
    /// Status of answers with it.
    status: u16,
    /// German title.
    title_de: &'static str,
    /// English title.
    title_en: &'static str,
    /// What it means and what to do, in German.
    about_de: &'static str,
    /// The same in English.
    about_en: &'static str,
}

impl From<&'static Kind> for KindAnswer {
    fn from(kind: &'static Kind) -> Self {
        Self {
            uri: kind.uri,
            status: kind.status.as_u16(),
            title_de: kind.de,
            title_en: kind.en,
            about_de: kind.about_de,
            about_en: kind.about_en,
        }
    }
}

/// `GET /problems`: every kind.
pub async fn problems(headers: HeaderMap) -> Result<Response, Problem> {
    let all = kinds::ALL.iter().map(|kind| KindAnswer::from(*kind));
    if wants_json(&headers)? {
        return Ok(cached(json_response(&all.collect::<Vec<_>>())));
    }
    let line = |kind: KindAnswer| {
        format!("<li><a href=\"{}\">{}</a> ({})</li>", kind.uri, escaped(kind.title_de), kind.status)
    };
    Ok(html("Meldungen", &format!("<ul>{}</ul>", all.map(line).collect::<String>())))
}

/// `GET /problems/{kind}`: what it means and what to do.
pub async fn problem(headers: HeaderMap, Path(name): Path<String>) -> Result<Response, Problem> {
    let kind = kinds::ALL.iter().find(|kind| kind.name() == name).ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let kind = KindAnswer::from(*kind);
    if wants_json(&headers)? {
        return Ok(cached(json_response(&kind)));
    }
    let body = format!(
        "<p>Status {}.</p><p>{}</p><div lang=\"en\"><h2>{}</h2><p>{}</p></div>",
        kind.status,
        escaped(kind.about_de),
        escaped(kind.title_en),
        escaped(kind.about_en),
    );
    Ok(html(kind.title_de, &body))
}

fn wants_json(headers: &HeaderMap) -> Result<bool, Problem> {
    let offered = [("application/json", "json"), ("text/html", "html")];
    let chosen = headers::accepted(headers, &offered).ok_or_else(|| {
        let possible = "application/json, text/html";
        Problem::new(&kinds::NOT_ACCEPTABLE)
            .detail(format!("Möglich sind {possible}."), format!("Possible are {possible}."))
    })?;
    Ok(chosen == "json")
}

fn html(title: &str, body: &str) -> Response {
    let page = include_str!("../assets/problems.html");
    asset(HTML, page.replace("{{title}}", &escaped(title)).replace("{{body}}", body))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
