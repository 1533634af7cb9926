//! What a verification came to: findings, each with what it means for the whole, figures, and the list
//! of what was not checked, which is never empty.

use std::fmt;

use crate::hash::Hash;

/// Findings that are listed; more are only counted.
const LISTED: usize = 100;

/// What a verification, or one finding, means. The value is the exit code of whoever verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Outcome {
    /// Everything that was checked is so.
    #[default]
    Whole = 0,
    /// So too, but data of people have been erased since.
    Erased = 10,
    /// Something that is needed is missing.
    Incomplete = 20,
    /// The log does not continue what was known of it.
    Inconsistent = 30,
    /// Something is not what it says to be.
    Invalid = 40,
    /// Those who should have signed have not, or too long ago.
    Untrusted = 50,
}

impl Outcome {
    /// The exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The graver of the two: what is false is worse than what changed, than what nobody vouches for,
    /// than what is missing.
    #[must_use]
    pub fn or_worse(self, other: Self) -> Self {
        let gravity = |outcome| match outcome {
            Self::Whole => 0,
            Self::Erased => 1,
            Self::Incomplete => 2,
            Self::Untrusted => 3,
            Self::Inconsistent => 4,
            Self::Invalid => 5,
        };
        if gravity(other) > gravity(self) { other } else { self }
    }
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position that it was found at; 0 where none is meant.
    pub position: u64,
    /// Which check found it.
    pub check: &'static str,
    /// What it means.
    pub outcome: Outcome,
    /// What is wrong.
    pub what: String,
}

/// What was learned on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Name, size and root of the log, as the checkpoint says them.
    pub log: Option<(String, u64, Hash)>,
    /// Keys of the log that have signed the checkpoint.
    pub signed_by: Vec<String>,
    /// Witnesses that have cosigned it, with the time in seconds since 1970.
    pub cosigned_by: Vec<(String, u64)>,
    /// Size of the remembered log that this one continues.
    pub continues: Option<u64>,
    /// Events that were checked.
    pub events: u64,
    /// Streams that they are of.
    pub streams: u64,
    /// Events whose predecessor in their stream was there too, and whose back link was so checked.
    pub linked: u64,
    /// When the first and the last of them were recorded, microseconds since 1970.
    pub recorded: Option<(i64, i64)>,
    /// Attributes that were disclosed and are committed to.
    pub disclosures: u64,
    /// Timestamp replies that were carried along.
    pub timestamps: u64,
    /// Sealed data that the events name.
    pub sealed: u64,
}

/// What a verification came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The gravest of all findings.
    pub outcome: Outcome,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many there were.
    pub found: u64,
    /// What was learned.
    pub facts: Facts,
    /// What was not checked, as phrases for a reader.
    pub not_checked: Vec<String>,
}

impl Report {
    /// Notes a finding.
    pub fn find(&mut self, position: u64, check: &'static str, outcome: Outcome, what: impl fmt::Display) {
        self.found += 1;
        self.outcome = self.outcome.or_worse(outcome);
        if self.findings.len() < LISTED {
            self.findings.push(Finding { position, check, outcome, what: what.to_string() });
        }
    }

    /// Notes something that was not checked.
    pub fn skip(&mut self, what: impl Into<String>) {
        self.not_checked.push(what.into());
    }

    /// Notes what no verification of a log can show (`audit.md` 2.7).
    pub fn skip_the_unprovable(&mut self) {
        self.skip("what was never recorded, and whether what was recorded is true");
        self.skip("when something happened: only when it was recorded, and that this never ran backwards");
        self.skip("what was recorded after this checkpoint");
        self.skip("whether a destroyed key has a copy somewhere");
    }
}
