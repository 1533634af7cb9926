//! A log in memory with events in it, for the tests of this crate.

use std::sync::Arc;

use sfs_eventlog::memory::Memory;
use sfs_eventlog::{Append, EventLog, Expected, Limits, NewEvent, StreamWrite, tags};
use sfs_ledger::{LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use uuid::Uuid;

use crate::Source;

/// The source of the tests' events.
pub fn source() -> Source {
    Source { origin: "test".into(), with_leaves: false }
}

/// An empty log whose clock stands at one second after 1970.
pub fn log() -> Arc<dyn EventLog> {
    Arc::new(Memory::default().start(Limits::default(), || 1_000_000))
}

/// An event to append.
#[derive(Clone)]
pub struct Told {
    pub stream: &'static str,
    pub event_type: &'static str,
    pub ags: &'static str,
    pub provider: Option<&'static str>,
    pub school: Option<&'static str>,
    pub data: &'static str,
}

/// A pupil number at `S1` in Börde.
pub fn pupils(stream: &'static str, ags: &'static str) -> Told {
    Told {
        stream,
        event_type: "school.pupils-recorded.v1",
        ags,
        provider: None,
        school: Some("S1"),
        data: r#"{"school":"S1"}"#,
    }
}

/// An intervention at `S1`.
pub fn intervention() -> Told {
    Told {
        stream: "intervention/S1/2025-26",
        event_type: "intervention.recorded.v1",
        ags: "15083",
        provider: Some("P1"),
        school: Some("S1"),
        data: r#"{"minutes":45}"#,
    }
}

/// Appends the event as command `n`.
pub async fn append(log: &Arc<dyn EventLog>, n: u128, told: &Told) {
    let actor = Uuid::from_u128(7).to_string();
    let mut open = Vec::new();
    let body = OpenBody {
        occurred_on: "2025-10-01".into(),
        ags: told.ags.into(),
        provider: told.provider.map(Into::into),
        operation: None,
        school: told.school.map(Into::into),
        reason: None,
        corrects: None,
        evidence: vec![digest(b"a document"), digest(b"another")],
        data: told.data,
        salt: [5; 16],
    };
    write_open(&body, &mut open).unwrap();
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(1_000 + n),
        stream: told.stream.into(),
        event_type: told.event_type.into(),
        actor: actor.as_str().into(),
        role: "CO".into(),
        org: None,
        rule: "a-command/CO@state".into(),
        cmd: Uuid::from_u128(n),
        corr: Some(Uuid::from_u128(3)),
        cause: None,
        by: "test".into(),
        open: digest(&open),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let category = told.event_type.split('.').next().unwrap();
    let mut tags = vec![
        tags::event_type(told.event_type),
        tags::category(category),
        tags::actor(&actor),
        tags::district(told.ags),
    ];
    tags.extend(told.provider.map(tags::provider));
    tags.extend(told.school.map(tags::school));
    let event = NewEvent {
        leaf: draft.prepare().unwrap(),
        event_type: told.event_type.into(),
        open: String::from_utf8(open).unwrap(),
        tags,
        sealed: Vec::new(),
    };
    let write = StreamWrite { stream: told.stream.into(), expected: Expected::Any, events: vec![event] };
    log.append(Append { command: Uuid::from_u128(n), digest: [0; 32], writes: vec![write], guards: Vec::new() })
        .await
        .unwrap();
}
