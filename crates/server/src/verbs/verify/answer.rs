//! What `sfs verify` says: for people in lines, for machines as one object; the exit code is the same.

use serde::Serialize;
use sfs_ledger::{Finding, Outcome, Report};

use super::super::answer;
use crate::cli::exit;
use crate::resources::Used;

/// What was verified and what it came to.
#[derive(Default)]
pub struct Verified {
    /// 0: the checkpoint only; 1: events and their proof; 2: the whole log.
    pub level: u8,
    /// Findings, facts, and what was not checked.
    pub report: Report,
    /// The checkpoint as it was signed.
    pub note: Option<Vec<u8>>,
    /// Root over all events, where all were read.
    pub root: Option<String>,
    /// Sealed data that are gone.
    pub erased: u64,
    /// Tables of read models that differ from a rebuild.
    pub differing: Vec<String>,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    position: u64,
    check: &'a str,
    what: &'a str,
    code: u8,
}

#[derive(Serialize)]
struct CheckpointLine<'a> {
    origin: &'a str,
    size: u64,
    root: String,
    signed_by: &'a [String],
    cosigned_by: Vec<Cosigned<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continues: Option<u64>,
}

#[derive(Serialize)]
struct Cosigned<'a> {
    key: &'a str,
    /// Seconds since 1970.
    at: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    level: u8,
    code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<CheckpointLine<'a>>,
    events: u64,
    streams: u64,
    disclosures: u64,
    sealed: u64,
    erased: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<&'a str>,
    findings: Vec<FindingLine<'a>>,
    found: u64,
    not_checked: &'a [String],
    #[serde(flatten)]
    used: Used,
}

const fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Whole => "whole",
        Outcome::Erased => "whole; data of people have been erased since",
        Outcome::Incomplete => "INCOMPLETE: something that is needed is missing",
        Outcome::Inconsistent => "INCONSISTENT: the log does not continue what was known of it",
        Outcome::Invalid => "INVALID: something is not what it says to be",
        Outcome::Untrusted => "UNTRUSTED: not signed by whom the policy wants",
    }
}

impl Verified {
    /// Prints it and answers the exit code.
    pub fn say(mut self, json: bool) -> u8 {
        if self.erased > 0 {
            self.report.outcome = self.report.outcome.or_worse(Outcome::Erased);
        }
        let code = match self.report.outcome {
            Outcome::Whole | Outcome::Erased if !self.differing.is_empty() => exit::READ_MODELS,
            outcome => outcome.code(),
        };
        if json {
            self.say_json(code)
        } else {
            self.say_lines()
        }
        code
    }

    fn findings(&self) -> Vec<FindingLine<'_>> {
        let of_log = self.report.findings.iter().map(|Finding { position, check, outcome, what }| FindingLine {
            position: *position,
            check,
            what,
            code: outcome.code(),
        });
        let of_tables = self.differing.iter().map(|what| FindingLine {
            position: 0,
            check: "read model",
            what,
            code: exit::READ_MODELS,
        });
        of_log.chain(of_tables).collect()
    }

    fn say_json(&self, code: u8) {
        let facts = &self.report.facts;
        let cosigned_by = facts.cosigned_by.iter().map(|(key, at)| Cosigned { key, at: *at }).collect();
        let checkpoint = facts.log.as_ref().map(|(origin, size, root)| CheckpointLine {
            origin,
            size: *size,
            root: root.to_b64(),
            signed_by: &facts.signed_by,
            cosigned_by,
            continues: facts.continues,
        });
        answer(&Answer {
            level: self.level,
            code,
            checkpoint,
            events: facts.events,
            streams: facts.streams,
            disclosures: facts.disclosures,
            sealed: facts.sealed,
            erased: self.erased,
            root: self.root.as_deref(),
            findings: self.findings(),
            found: self.report.found + self.differing.len() as u64,
            not_checked: &self.report.not_checked,
            used: Used::until_now(),
        });
    }

    fn say_lines(&self) {
        let Report { facts, outcome, found, not_checked, .. } = &self.report;
        for finding in self.findings() {
            println!("{:>10}  {:16} {}", finding.position, finding.check, finding.what);
        }
        if let Some((origin, size, root)) = &facts.log {
            println!("checkpoint of {origin}: {size} events · root {root}");
        }
        for key in &facts.signed_by {
            println!("signed by   {key}");
        }
        for (key, at) in &facts.cosigned_by {
            println!("cosigned by {key} at {at}");
        }
        if let Some(size) = facts.continues {
            println!("continues the remembered log of {size} events");
        }
        if self.level > 0 {
            println!("{} events of {} streams were checked", facts.events, facts.streams);
        }
        if let Some(root) = &self.root {
            println!("root of all events {root}");
        }
        if facts.disclosures > 0 {
            println!("{} disclosures are committed to", facts.disclosures);
        }
        if facts.sealed > 0 {
            println!("{} sealed data are named", facts.sealed);
        }
        if self.erased > 0 {
            println!("{} of them have been erased", self.erased);
        }
        for thing in not_checked {
            println!("not checked: {thing}");
        }
        println!("level {} · {found} findings · {} · {}", self.level, words(*outcome), Used::until_now());
        if !self.differing.is_empty() {
            println!("READ MODELS differ from a rebuild: `sfs rebuild` makes them anew");
        }
    }
}
