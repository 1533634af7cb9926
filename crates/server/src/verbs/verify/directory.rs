//! A data directory: the log computed again from its bytes, held against what was signed and
//! remembered, and the read models from the log (level 2).

use std::sync::Arc;

use sfs_command::{Clock, SystemClock};
use sfs_eventlog::tags;
use sfs_ledger::{Leaf, OpenBody, Outcome, Policy, Report, SignedNote, VerifierKey, verify_checkpoint};
use sfs_notary::{KeyRing, Signed, Signer, check_timestamp};
use sfs_ops::{DataDirectory, Ops};
use sfs_sql::{Db, Options};

use super::super::{VerbError, chain};
use super::answer::Verified;
use super::{Trust, hold_against};
use crate::cli::VerifyArgs;
use crate::configuration::Configuration;
use crate::installation::log_path;
use crate::progress::Shown;

/// The tags that an event has by its leaf and open body: the same that the command side gave it.
pub fn event_tags(leaf: &Leaf<'_>, open: &OpenBody<'_>) -> Vec<Arc<str>> {
    let event_type = &*leaf.draft.event_type;
    let mut all = vec![
        tags::event_type(event_type),
        tags::category(event_type.split('.').next().unwrap_or_default()),
        tags::actor(&leaf.draft.actor),
        tags::district(&open.ags),
    ];
    all.extend(open.provider.as_ref().map(tags::provider));
    all.extend(open.school.as_ref().map(tags::school));
    all
}

/// The checkpoints that a data directory has of its log.
#[derive(Default)]
pub struct Notes {
    /// The newest that witnesses have vouched for.
    pub cosigned: Option<SignedNote>,
    /// The timestamp of exactly these bytes.
    pub timestamp: Option<Vec<u8>>,
    /// The last that the directory's own signer has signed.
    pub signed: Option<SignedNote>,
    /// The signer's keys.
    pub keys: Vec<VerifierKey>,
}

impl Notes {
    /// Reads them beside a running server.
    pub async fn read(configuration: &Configuration) -> Result<Self, VerbError> {
        let mut notes = Self::default();
        notes.read_signed(configuration)?;
        notes.read_cosigned(configuration).await?;
        Ok(notes)
    }

    /// Reads what can be read of them: what is wrong with the others is a finding.
    async fn read_for(report: &mut Report, configuration: &Configuration) -> Self {
        let mut notes = Self::default();
        let read = [notes.read_signed(configuration), notes.read_cosigned(configuration).await];
        for why in read.into_iter().filter_map(Result::err) {
            report.find(0, "checkpoint", Outcome::Incomplete, chain(&why));
        }
        notes
    }

    fn read_signed(&mut self, configuration: &Configuration) -> Result<(), VerbError> {
        let signer = configuration.data.join(DataDirectory::SIGNER);
        if signer.exists() {
            let ring = KeyRing::open(&signer).map_err(VerbError::unusable)?;
            self.keys = ring.verifiers();
            let signed = Signed::read(&signer.join(Signer::STATE), ring.name(), &self.keys);
            self.signed = signed.map_err(VerbError::unusable)?.note;
        }
        Ok(())
    }

    async fn read_cosigned(&mut self, configuration: &Configuration) -> Result<(), VerbError> {
        let ops = configuration.data.join(DataDirectory::OPS);
        if !ops.exists() {
            return Ok(());
        }
        let ops = Ops::open(&ops).await.map_err(VerbError::unusable)?;
        if let Some(last) = ops.last_checkpoint().await.map_err(VerbError::unusable)? {
            // Of the same size there may be one with a timestamp.
            let kept = ops.checkpoint(last.size).await.map_err(VerbError::unusable)?.unwrap_or(last);
            self.cosigned = Some(SignedNote::parse(kept.note.as_bytes()).map_err(VerbError::unusable)?);
            self.timestamp = kept.timestamp;
        }
        Ok(())
    }

    /// The signer's own comes first: it is never older.
    fn all(&self) -> impl Iterator<Item = &SignedNote> {
        self.signed.iter().chain(&self.cosigned)
    }

    /// The newest that the policy accepts; if there is none, the one that lacks least.
    fn best(&self, policy: Option<&Policy>) -> Option<&SignedNote> {
        let Some(policy) = policy else { return self.all().next() };
        let is_enough = |note: &&SignedNote| {
            let accepted = policy.evaluate(note, &[]).and_then(|evaluation| evaluation.require_quorum());
            accepted.is_ok()
        };
        self.all().find(is_enough).or_else(|| self.all().last())
    }
}

pub(super) async fn verify(
    configuration: &Configuration,
    args: &VerifyArgs,
    trust: &Trust,
    json: bool,
) -> Result<Verified, VerbError> {
    let path = log_path(configuration);
    if !path.exists() {
        return Err(VerbError::unusable(format!("there is no log {}", path.display())));
    }
    let mut report = Report::default();
    let notes = Notes::read_for(&mut report, configuration).await;
    let note = notes.best(trust.policy.as_ref());
    let checkpoint = check_note(note, &notes.keys, trust, &mut report)?;
    check_kept_timestamp(&notes, &mut report);
    let options = Options { create: false, readers: 2, cache_kib: 8 * 1024, ..Options::default() };
    let db = Db::open(&path, options).await.map_err(VerbError::unusable)?;
    let signed = notes.all().filter_map(|note| note.unverified_text().parse().ok());
    let known: Vec<(&str, sfs_ledger::Checkpoint)> = signed
        .map(|checkpoint| ("signed", checkpoint))
        .chain(trust.remembered.clone().map(|checkpoint| ("remembered", checkpoint)))
        .collect();
    let sizes: Vec<u64> = known.iter().map(|(_, checkpoint)| checkpoint.size()).collect();
    let shown = Shown::start("Journal prüfen", json);
    let log = sfs_eventlog_sql::verify(&db, &sizes, event_tags, |done, total| shown.at(done, total)).await;
    shown.end();
    let log = log.map_err(VerbError::unusable)?;
    for finding in &log.findings {
        report.find(finding.position, finding.check, Outcome::Invalid, &finding.what);
    }
    report.found += log.found - log.findings.len() as u64;
    for (what, checkpoint) in &known {
        let holds = hold_against(&mut report, what, checkpoint, log.events, log.roots.get(&checkpoint.size()));
        if holds && *what == "remembered" {
            report.facts.continues = Some(checkpoint.size());
        }
    }
    if trust.remembered.is_none() {
        report.skip("whether the log continues what was known of it: no checkpoint was remembered");
    }
    match checkpoint {
        Some(signed) if log.events > signed => {
            report.skip(format!("the last {} events: they were recorded after the checkpoint", log.events - signed));
        }
        _ => {}
    }
    report.facts.events = log.events;
    report.facts.streams = log.streams;
    report.facts.sealed = log.sealed;
    let mut differing = Vec::new();
    if args.log_only {
        report.skip("read models (left out)");
    } else if log.found == 0 {
        differing = compare_read_models(configuration, db, json).await?;
    } else {
        report.skip("read models (the log is not whole)");
    }
    report.skip_the_unprovable();
    let root = log.root.map(|root| root.to_b64());
    let note = note.map(|note| note.to_string().into_bytes());
    Ok(Verified { level: 2, report, note, root, erased: log.erased, differing })
}

/// Checks that the timestamp that is kept beside a checkpoint is of that: it was when it was kept.
fn check_kept_timestamp(notes: &Notes, report: &mut Report) {
    let (Some(reply), Some(note)) = (&notes.timestamp, &notes.cosigned) else { return };
    match check_timestamp(reply, note.to_string().as_bytes()) {
        Ok(_) => report.skip("the authority's signature under the timestamp: `openssl ts -verify` checks it"),
        Err(why) => report.find(0, "timestamp", Outcome::Invalid, chain(&why)),
    }
}

/// Checks who has signed; answers the signed size.
fn check_note(
    note: Option<&SignedNote>,
    keys: &[VerifierKey],
    trust: &Trust,
    report: &mut Report,
) -> Result<Option<u64>, VerbError> {
    let Some(note) = note else {
        if trust.policy.is_some() {
            report.find(0, "policy", Outcome::Untrusted, "nothing has been signed");
        } else {
            report.skip("who vouches for the log: nothing has been signed (`sfs key new` makes a key)");
        }
        return Ok(None);
    };
    let own = Policy::parse(b"quorum none\n").map_err(VerbError::defect)?;
    let terms = match &trust.policy {
        Some(policy) => trust.terms(policy, &[]),
        None => {
            report.skip("whether the signing key is the right one: it was read from the directory itself");
            trust.terms(&own, keys)
        }
    };
    let checkpoint = verify_checkpoint(note.to_string().as_bytes(), &terms, report);
    Ok(checkpoint.map(|checkpoint| checkpoint.size()))
}

/// The tables of the read models that differ from a rebuild from the log.
async fn compare_read_models(configuration: &Configuration, db: Db, json: bool) -> Result<Vec<String>, VerbError> {
    let reader = Arc::new(sfs_eventlog_sql::SqliteReader::new(db));
    let shown = Shown::start("Lesemodelle vergleichen", json);
    let now = Arc::new(|| SystemClock.now_micros());
    let compared = sfs_readmodel::compare_with_rebuild(&configuration.data.join("read"), reader, now, |done, total| {
        shown.at(done, total);
    })
    .await;
    shown.end();
    let differing = compared.map_err(VerbError::unusable)?;
    Ok(differing.into_iter().map(|table| format!("`{table}` differs from a rebuild")).collect())
}
