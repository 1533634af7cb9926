//! How an event looks to the outside: CloudEvents 1.0 in JSON, made from leaf and open body.

use std::borrow::Cow;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sfs_eventlog::StoredEvent;
use sfs_ledger::{Hash, Leaf, OpenBody};
use uuid::Uuid;

use crate::error::FeedError;

/// Whose log it is: first part of every event's `source`.
#[derive(Debug, Clone)]
pub struct Source {
    /// The log's origin.
    pub origin: String,
    /// Whether events carry the exact bytes that are hashed, as `leaf` and `openbody`.
    pub with_leaves: bool,
}

/// An event as CloudEvents 1.0 (JSON event format). What stands in `data` is described by the schema
/// that `dataschema` names; everything else about the event is an extension attribute.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CloudEvent<'a> {
    /// Always `1.0`.
    pub specversion: &'static str,
    /// The event's identity.
    pub id: Uuid,
    /// `/sfs/<origin>/<ags>`: whose log, and the district (15 is the whole state).
    pub source: String,
    /// `de.schulerfolg.` and the stored type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The stream.
    pub subject: &'a str,
    /// When the log learned it.
    #[schemars(extend("format" = "date-time"))]
    pub time: String,
    /// Always `application/json`.
    pub datacontenttype: &'static str,
    /// Address of the JSON Schema of `data`.
    pub dataschema: String,
    /// Position in the log: 1, 2, 3 … without gaps.
    pub position: u64,
    /// Version of the stream with this event.
    pub streamversion: u64,
    /// Business date, Europe/Berlin.
    #[schemars(extend("format" = "date"))]
    pub occurredon: Cow<'a, str>,
    /// The same as `time`: beside `occurredon`, so that nobody has to guess which is which.
    #[schemars(extend("format" = "date-time"))]
    pub recordedtime: String,
    /// The command that led to it.
    pub commandid: Uuid,
    /// What it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlationid: Option<Uuid>,
    /// The event that caused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub causationid: Option<Uuid>,
    /// Pseudonym of who acted.
    pub actor: Cow<'a, str>,
    /// Role in which they acted.
    pub role: Cow<'a, str>,
    /// Organisation for which they acted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organisation: Option<Cow<'a, str>>,
    /// The rule that allowed it.
    pub rule: Cow<'a, str>,
    /// Hash of the leaf at that position: leaf `position - 1` of the tree (RFC 9162).
    #[schemars(with = "String")]
    pub leafhash: Hash,
    /// District, or 15 for the whole state.
    pub ags: Cow<'a, str>,
    /// Provider that was responsible on the business date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Cow<'a, str>>,
    /// School.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school: Option<Cow<'a, str>>,
    /// Operation that it is charged to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<Cow<'a, str>>,
    /// Why, from the closed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Cow<'a, str>>,
    /// The earlier event that this one corrects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects: Option<Uuid>,
    /// Digests of documents, with a blank between them (an attribute cannot be a list).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The exact text of the leaf, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaf: Option<&'a str>,
    /// The exact text of the open body, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub openbody: Option<&'a str>,
    /// The event's own fields.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub data: &'a RawValue,
}

impl<'a> CloudEvent<'a> {
    /// The event as it is shown; `open` is its parsed open body. Needs the leaf.
    pub(crate) fn of(source: &Source, stored: &'a StoredEvent, open: OpenBody<'a>) -> Result<Self, FeedError> {
        let unreadable =
            |what: &dyn std::fmt::Display| FeedError::Envelope { position: stored.position, what: what.to_string() };
        let leaf = Leaf::parse(&stored.leaf).map_err(|why| unreadable(&why))?;
        let time = Timestamp::from_microsecond(stored.recorded_at).map_err(|why| unreadable(&why))?;
        let time = format!("{time:.6}");
        let evidence: Vec<String> = open.evidence.iter().map(Hash::to_b64).collect();
        let text = std::str::from_utf8(&stored.leaf).map_err(|why| unreadable(&why))?;
        Ok(Self {
            specversion: "1.0",
            id: leaf.draft.id,
            source: format!("/sfs/{}/{}", source.origin, open.ags),
            event_type: format!("de.schulerfolg.{}", stored.event_type),
            subject: &stored.stream,
            recordedtime: time.clone(),
            time,
            datacontenttype: "application/json",
            dataschema: format!("/v1/schemas/{}.json", stored.event_type),
            position: stored.position,
            streamversion: stored.version,
            occurredon: open.occurred_on,
            commandid: leaf.draft.cmd,
            correlationid: leaf.draft.corr,
            causationid: leaf.draft.cause,
            actor: leaf.draft.actor,
            role: leaf.draft.role,
            organisation: leaf.draft.org,
            rule: leaf.draft.rule,
            leafhash: stored.leaf_hash,
            ags: open.ags,
            provider: open.provider,
            school: open.school,
            operation: open.operation,
            reason: open.reason,
            corrects: open.corrects,
            evidence: (!evidence.is_empty()).then(|| evidence.join(" ")),
            leaf: source.with_leaves.then_some(text),
            openbody: source.with_leaves.then_some(&stored.open),
            data: serde_json::from_str(open.data).map_err(|why| unreadable(&why))?,
        })
    }
}
