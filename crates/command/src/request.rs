//! What the write side is asked, and what it answers.

use std::sync::Arc;

use sfs_domain::catalogue::CommandEntry;
use sfs_domain::personal::Personal;
use sfs_domain::{BusinessDate, Command, Digest, EventId, PersonId, Reason, Refused};
use sfs_eventlog::{AppendError, ReadError};
use sfs_ledger::Hash;
use sfs_vault::KeysError;
use uuid::Uuid;

use crate::caller::Caller;
use crate::states::LoadError;

/// What the client says about the version that it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// The stream must have this version (`If-Match`).
    Version(u64),
    /// There must be no such stream (`If-None-Match: *`).
    Absent,
}

/// One command on its way.
#[derive(Debug, Clone)]
pub struct Request {
    /// Its line in the catalogue.
    pub entry: &'static CommandEntry,
    /// The command.
    pub command: Command,
    /// Its identity: repeating it repeats nothing.
    pub command_id: Uuid,
    /// Business date; today if the client says nothing.
    pub occurred_on: Option<BusinessDate>,
    /// Why.
    pub reason: Option<Reason>,
    /// Documents that prove it.
    pub evidence: Vec<Digest>,
    /// What it says of a person: sealed before it is stored.
    pub personal: Personal,
    /// What the client has seen.
    pub precondition: Precondition,
    /// What it belongs to.
    pub correlation: Option<Uuid>,
    /// The event that caused it.
    pub causation: Option<Uuid>,
    /// Everything but the append.
    pub dry_run: bool,
}

/// An event of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptEvent {
    /// Identity.
    pub id: EventId,
    /// Stored type.
    pub event_type: Arc<str>,
    /// Position in the log.
    pub position: u64,
    /// Leaf hash at that position.
    pub leaf_hash: Hash,
}

/// What the log has of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The command.
    pub command_id: Uuid,
    /// The stream that it wrote.
    pub stream: Arc<str>,
    /// The stream's version after it.
    pub version: u64,
    /// Its events, in order.
    pub events: Vec<ReceiptEvent>,
    /// When the log learned it: microseconds since 1970, UTC.
    pub recorded_at: i64,
}

impl Receipt {
    /// Position of the last event: what a reader must have seen to see the command.
    pub fn position(&self) -> u64 {
        self.events.last().map_or(0, |event| event.position)
    }
}

/// What a command came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Accepted(Receipt),
    /// It had been done before under this id.
    Replayed(Receipt),
    /// Nothing to do: it is as the command wants it.
    Unchanged {
        /// The stream that it would have written.
        stream: Arc<str>,
        /// Its version.
        version: u64,
    },
    /// What would happen.
    Would {
        /// The stream that it would write.
        stream: Arc<str>,
        /// The version that it has now.
        version: u64,
        /// Types and bodies of the events.
        events: Vec<(String, String)>,
    },
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// A rule says no.
    #[error("refused by rule {}", .0.rule)]
    Refused(Refused),
    /// No grant allows this command at all.
    #[error("no role allows this command")]
    Forbidden,
    /// There is no such thing, or it lies outside every scope of the caller: the answer is the same.
    #[error("there is no such thing in reach")]
    NotFound,
    /// The client's version is not the current one.
    #[error("stream `{stream}` is at version {actual}, not {expected}")]
    Stale {
        /// The stream.
        stream: Arc<str>,
        /// What the client has seen.
        expected: u64,
        /// What is.
        actual: u64,
    },
    /// The command needs the version that the client has seen.
    #[error("the command needs the version that it changes")]
    VersionMissing {
        /// The stream.
        stream: Arc<str>,
        /// Its version now.
        actual: u64,
    },
    /// The command id is known with another body.
    #[error("the command id is known with another body")]
    PayloadDiffers,
    /// The command id was used before the idempotency window.
    #[error("the command id was used before the idempotency window")]
    PayloadForgotten,
    /// Others kept changing the same streams.
    #[error("others kept changing what the decision read")]
    Contended,
    /// The log could not do it, or does not know whether it did.
    #[error("the log did not append")]
    Append(#[source] AppendError),
    /// What the decision needs could not be read.
    #[error("the state could not be loaded")]
    Load(#[from] LoadError),
    /// A receipt could not be read again.
    #[error("the log did not answer")]
    Read(#[from] ReadError),
    /// The person to be registered is known already.
    #[error("the person is known under another pseudonym")]
    KnownPerson {
        /// The pseudonym under which they are known, if the caller may know it.
        person: Option<PersonId>,
    },
    /// The key store did not answer, or is not what it was.
    #[error("the key store did not answer")]
    Keys(#[from] KeysError),
    /// There is no key store, so nothing can be said of persons.
    #[error("there is no key store")]
    NoKeys,
    /// An event could not be written down. A defect of this program.
    #[error("an event could not be encoded: {0}")]
    Encode(String),
    /// Another command of the same all-or-nothing list was not done.
    #[error("another command of the list was not done")]
    Sibling {
        /// Its place in the list, from 0.
        index: usize,
    },
}

impl Request {
    /// A plain request, without version, reason or evidence.
    pub fn new(entry: &'static CommandEntry, command: Command, command_id: Uuid) -> Self {
        Self {
            entry,
            command,
            command_id,
            occurred_on: None,
            reason: None,
            evidence: Vec::new(),
            personal: Personal::default(),
            precondition: Precondition::None,
            correlation: None,
            causation: None,
            dry_run: false,
        }
    }
}

/// A request with who sends it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub caller: &'a Caller,
    pub request: &'a Request,
}
