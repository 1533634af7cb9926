//! What a command is answered.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sfs_command::{Outcome, Receipt};
use sfs_ledger::Hash;
use uuid::Uuid;

use crate::app::App;
use crate::headers::{CONSISTENCY_TOKEN, IDEMPOTENCY_REPLAYED};
use crate::opened::OpenedAnswer;

/// What a command came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeName {
    /// It is done.
    Accepted,
    /// It had been done before under this id.
    Replayed,
    /// There was nothing to do.
    Unchanged,
    /// A dry run: this is what would happen.
    WouldAccept,
}

/// An event of a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventAnswer<'a> {
    /// Identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Uuid>,
    /// Stored type.
    #[serde(rename = "type")]
    pub event_type: &'a str,
    /// Position in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Leaf hash at that position.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub leaf_hash: Option<Hash>,
    /// Its fields, in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub data: Option<&'a RawValue>,
}

/// Where to go on.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Links {
    /// The command's status.
    #[serde(rename = "self")]
    pub command: String,
    /// What it was about, if that can be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The stream's history.
    pub history: String,
}

/// The answer to a command.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommandAnswer<'a> {
    /// The command.
    pub command_id: Uuid,
    /// What it came to.
    pub outcome: OutcomeName,
    /// The stream that it wrote, or would have.
    pub stream: &'a str,
    /// The stream's version after it.
    pub version: u64,
    /// Position of its last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Its events, in order.
    pub events: Vec<EventAnswer<'a>>,
    /// When the log learned it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    pub recorded_at: Option<String>,
    /// To be sent with a read that must show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consistency_token: Option<String>,
    /// The secret of an issued key. It is shown this once and is nowhere kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_key: Option<String>,
    /// What the command shows of somebody; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opened: Option<Vec<OpenedAnswer>>,
    /// Where to go on; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
}

/// An instant as answers spell it: RFC 3339 in UTC with six decimals.
pub fn instant(micros: i64) -> String {
    format!("{:.6}", Timestamp::from_microsecond(micros).unwrap_or_default())
}

/// The address of what a stream is about, if it can be read.
pub fn resource(stream: &str) -> Option<String> {
    let (category, key) = stream.split_once('/')?;
    let noun = match category {
        "programme" => "programmes",
        "organisation" => "organisations",
        "school" => "schools",
        "office" => "offices",
        "cooperation" => "cooperations",
        "staff" => "staff",
        "vacancy" => "vacancies",
        "training-need" => "training-needs",
        "training" => "trainings",
        "person" => "persons",
        "principal" => "principals",
        _ => return None,
    };
    Some(format!("/v1/{noun}/{key}"))
}

impl Links {
    fn of(command: Uuid, stream: &str) -> Self {
        Self {
            command: format!("/v1/commands/{command}"),
            resource: resource(stream),
            history: format!("/v1/journal?stream={stream}"),
        }
    }
}

impl<'a> CommandAnswer<'a> {
    /// The answer to a command with that id.
    pub fn of(app: &App, command_id: Uuid, outcome: &'a Outcome) -> Self {
        match outcome {
            Outcome::Accepted(receipt) => Self::receipt(app, OutcomeName::Accepted, receipt),
            Outcome::Replayed(receipt) => Self::receipt(app, OutcomeName::Replayed, receipt),
            Outcome::Unchanged { stream, version } => Self {
                consistency_token: Some(app.tokens.consistency(app.head())),
                ..Self::without_events(command_id, OutcomeName::Unchanged, stream, *version)
            },
            Outcome::Would { stream, version, events } => {
                let would = |(event_type, data): &'a (String, String)| EventAnswer {
                    id: None,
                    event_type,
                    position: None,
                    leaf_hash: None,
                    data: serde_json::from_str(data).ok(),
                };
                Self {
                    events: events.iter().map(would).collect(),
                    ..Self::without_events(command_id, OutcomeName::WouldAccept, stream, *version)
                }
            }
        }
    }

    /// The answer that says what the log has of a command.
    pub fn receipt(app: &App, outcome: OutcomeName, receipt: &'a Receipt) -> Self {
        let event = |event: &'a sfs_command::ReceiptEvent| EventAnswer {
            id: Some(event.id.0),
            event_type: &event.event_type,
            position: Some(event.position),
            leaf_hash: Some(event.leaf_hash),
            data: None,
        };
        Self {
            position: Some(receipt.position()),
            events: receipt.events.iter().map(event).collect(),
            recorded_at: Some(instant(receipt.recorded_at)),
            consistency_token: Some(app.tokens.consistency(receipt.position())),
            ..Self::without_events(receipt.command_id, outcome, &receipt.stream, receipt.version)
        }
    }

    fn without_events(command_id: Uuid, outcome: OutcomeName, stream: &'a str, version: u64) -> Self {
        Self {
            command_id,
            outcome,
            stream,
            version,
            position: None,
            events: Vec::new(),
            recorded_at: None,
            consistency_token: None,
            api_key: None,
            opened: None,
            links: None,
        }
    }

    /// Its status: 201 if something happened now.
    pub fn status(&self) -> StatusCode {
        match self.outcome {
            OutcomeName::Accepted => StatusCode::CREATED,
            OutcomeName::Replayed | OutcomeName::Unchanged | OutcomeName::WouldAccept => StatusCode::OK,
        }
    }

    /// The whole answer of a command's own route.
    pub fn into_response(mut self) -> Response {
        let links = Links::of(self.command_id, self.stream);
        let location = links.resource.clone().unwrap_or_else(|| links.command.clone());
        self.links = Some(links);
        let shows = self.opened.is_some() || self.api_key.is_some();
        let mut response = Response::new(json_body(&self));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut put = |name, text: Cow<'_, str>| {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        };
        put(header::ETAG, etag(self.version).into());
        if let Some(token) = &self.consistency_token {
            put(CONSISTENCY_TOKEN, token.into());
        }
        if shows {
            put(header::CACHE_CONTROL, "no-store".into());
        }
        match self.outcome {
            OutcomeName::Accepted => put(header::LOCATION, location.into()),
            OutcomeName::Replayed => put(IDEMPOTENCY_REPLAYED, "true".into()),
            OutcomeName::Unchanged | OutcomeName::WouldAccept => {}
        }
        response
    }
}

/// A stream's version as entity tag.
pub fn etag(version: u64) -> String {
    format!("\"v{version}\"")
}

/// A value as JSON body. What is written consists of texts and numbers, so that cannot fail.
pub fn json_body(value: &impl Serialize) -> Body {
    let mut text = Vec::with_capacity(512);
    if let Err(why) = serde_json::to_writer(&mut text, value) {
        tracing::error!(error = %why, "an answer could not be written down");
    }
    Body::from(text)
}

/// A value as JSON answer.
pub fn json_response(value: &impl Serialize) -> Response {
    let mut response = Response::new(json_body(value));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
