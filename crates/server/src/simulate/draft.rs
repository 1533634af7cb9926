//! A command of the simulation before it is sent, with what it must come to.

use std::collections::BTreeMap;

use sfs_domain::{BusinessDate, ClientKey, Command, Digest, Reason};
use sfs_ledger::digest;
use uuid::{Builder, Uuid};

use super::calendar::Week;

/// What the sender says about the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    /// Nothing.
    Unsaid,
    /// The one that the stream has when the command is sent.
    Current,
    /// One that the stream does not have.
    Wrong,
}

/// What a command must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    /// It is done.
    Accepted,
    /// It is as the command wants it. Never foreseen.
    Unchanged,
    /// A rule says no.
    Refused(&'static str),
    /// The version is not the current one.
    Stale,
    /// The version is missing.
    VersionMissing,
    /// No role allows it.
    Forbidden,
    /// It lies outside of the scope.
    NotFound,
}

/// A command with its envelope.
#[derive(Debug)]
pub(super) struct Draft {
    /// Its identity.
    pub id: Uuid,
    /// Who sends it: a place in the cast.
    pub by: usize,
    /// Its name in the catalogue.
    pub name: &'static str,
    pub command: Command,
    /// Business date.
    pub on: BusinessDate,
    pub reason: Option<Reason>,
    pub version: Version,
    pub expected: Expected,
    /// Whether it comes behind everything else that its sender sends at the time.
    pub last: bool,
}

impl Draft {
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    pub fn at_current_version(mut self) -> Self {
        self.version = Version::Current;
        self
    }

    pub fn refused(mut self, rule: &'static str) -> Self {
        self.expected = Expected::Refused(rule);
        self
    }

    pub fn expecting(mut self, expected: Expected) -> Self {
        self.expected = expected;
        self
    }
}

/// Identities that follow from the seed and what was asked for, one after another.
pub(super) struct Ids {
    namespace: [u8; 32],
    next: u64,
}

impl Ids {
    pub fn new(namespace: &[u8]) -> Self {
        Self { namespace: *digest(namespace).as_bytes(), next: 0 }
    }

    fn bytes(&mut self) -> [u8; 32] {
        let mut all = [0; 40];
        all[..32].copy_from_slice(&self.namespace);
        all[32..].copy_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        *digest(&all).as_bytes()
    }

    /// The next identity (UUID version 8).
    pub fn uuid(&mut self) -> Uuid {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&self.bytes()[..16]);
        Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The next key of a thing.
    pub fn key(&mut self) -> ClientKey {
        ClientKey(self.uuid())
    }

    /// The digest of the next document, which does not exist.
    pub fn document(&mut self) -> Result<Digest, super::SimulationError> {
        let bytes = self.bytes();
        Digest::parse(digest(&bytes).to_b64()).map_err(super::value)
    }
}

/// What is to be sent when.
#[derive(Default)]
pub(super) struct Agenda(BTreeMap<Week, Vec<Draft>>);

impl Agenda {
    /// Sends it in that week.
    pub fn add(&mut self, at: Week, draft: Draft) {
        self.0.entry(at).or_default().push(draft);
    }

    /// Everything up to that week, by sender and business date.
    pub fn take(&mut self, at: Week) -> Vec<Draft> {
        let later = self.0.split_off(&at.after(1));
        let mut drafts: Vec<Draft> = std::mem::replace(&mut self.0, later).into_values().flatten().collect();
        // The sort is stable: what was added first comes first.
        drafts.sort_by_key(|draft| (draft.by, draft.last, draft.on));
        drafts
    }
}
