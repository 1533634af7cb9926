//! Whether a backup is what was made and a restored installation would start from it: the files against
//! the manifest, the log computed again, what was signed, and every key that a leaf names. Nothing in the
//! backup is changed.

use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sfs_eventlog::{Direction, Filter, ReadError, Reader, StoredEvent};
use sfs_eventlog_sql::{SqliteReader, is_log, stored_head};
use sfs_ledger::{Checkpoint, CompactRange, Leaf, OpenBody, SignedNote, VerifierKey};
use sfs_notary::{Signed, Signer};
use sfs_ops::{DataDirectory, KeptCheckpoint, OpsError};
use sfs_sql::{Db, SqlError};
use sfs_vault::{Inspection, KeyEncryptionKeys, KeyId, KeysError, Listed, Purpose, SubjectId};
use uuid::Uuid;

use super::manifest::{DIGEST_NAME, FORMAT, FileEntry, Manifest, NAME, digest_line};
use super::{DATABASES, files_below};
use crate::verbs::event_tags;

/// Events read in one go.
const PAGE: usize = 1_000;

/// The event after which keys are destroyed.
const ERASED: &str = "person.erased.v1";

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// Something is not there: nothing is wrong with the rest.
    Missing,
    /// It is not what was written.
    Invalid,
}

/// Something that keeps the backup from being restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub weight: Weight,
    /// The file or the check.
    pub check: String,
    /// What was found.
    pub what: String,
}

/// What a check came to.
#[derive(Debug, Default, Serialize)]
pub struct Checked {
    /// The manifest, if it could be read.
    #[serde(flatten)]
    pub manifest: Option<Manifest>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Keys that the log says were destroyed and that this copy has: the next start destroys them again.
    pub destroyed_again: Vec<Uuid>,
    /// What was not looked at.
    pub not_checked: Vec<&'static str>,
}

impl Checked {
    fn add(&mut self, weight: Weight, check: impl Into<String>, what: impl ToString) {
        self.findings.push(Finding { weight, check: check.into(), what: what.to_string() });
    }

    fn invalid(&mut self, check: impl Into<String>, what: impl ToString) {
        self.add(Weight::Invalid, check, what);
    }

    /// The worst of the findings.
    pub fn weight(&self) -> Option<Weight> {
        self.findings.iter().map(|finding| finding.weight).max()
    }
}

/// Why a backup could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// A database.
    #[error("a database of the backup cannot be read")]
    Database(#[from] SqlError),
    /// The log.
    #[error("the log of the backup cannot be read")]
    Log(#[from] ReadError),
    /// The operational state.
    #[error(transparent)]
    Ops(#[from] OpsError),
}

/// Checks the backup. `keks` open its keys, if they are at hand; `listed` are erasures, also later ones, as they
/// are kept outside of backups; `progress` is told how far the log is.
pub async fn check(
    backup: &Path,
    keks: Option<&KeyEncryptionKeys>,
    listed: &[Listed],
    progress: impl Fn(u64, u64),
) -> Result<Checked, CheckError> {
    let mut checked = Checked::default();
    let Some(manifest) = manifest(backup, &mut checked) else {
        return Ok(checked);
    };
    files(backup, &manifest, &mut checked);
    checked.manifest = Some(manifest.clone());
    if checked.weight().is_some() {
        checked.not_checked.push("log, keys and what was signed (the files are not those of the manifest)");
        return Ok(checked);
    }
    for (name, _) in DATABASES.iter().filter(|(name, _)| backup.join(name).exists()) {
        let db = Db::open_copy(&backup.join(name));
        if let Some(what) = db.damage().await? {
            checked.invalid(*name, what);
        }
        db.close().await;
    }
    log(backup, &manifest, &mut checked, progress).await?;
    if checked.weight().is_none() {
        let (named, keys) = leaves(backup, &manifest, keks, &mut checked).await?;
        compare_keys(&named, keys.as_ref(), listed, &mut checked);
    }
    checked.not_checked.extend(["read models and tiles (they are made again)", "what was recorded after the backup"]);
    Ok(checked)
}

fn manifest(backup: &Path, checked: &mut Checked) -> Option<Manifest> {
    let Ok(text) = fs::read(backup.join(NAME)) else {
        checked.add(Weight::Missing, NAME, "there is no manifest: this is no finished backup");
        return None;
    };
    match fs::read(backup.join(DIGEST_NAME)) {
        Err(why) => checked.add(Weight::Missing, DIGEST_NAME, why),
        Ok(line) if line != digest_line(&text).as_bytes() => {
            checked.invalid(NAME, format!("it does not have the digest of {DIGEST_NAME}"));
        }
        Ok(_) => {}
    }
    match Manifest::parse(&text) {
        Ok(manifest) if manifest.format == FORMAT => Some(manifest),
        Ok(manifest) => {
            checked.add(Weight::Missing, NAME, format!("format {} needs a newer program", manifest.format));
            None
        }
        Err(why) => {
            checked.invalid(NAME, why);
            None
        }
    }
}

/// The files against the manifest, in both directions.
fn files(backup: &Path, manifest: &Manifest, checked: &mut Checked) {
    let mut listed = BTreeSet::from([NAME, DIGEST_NAME]);
    for entry in &manifest.files {
        listed.insert(&entry.path);
        if !entry.is_below() {
            checked.invalid(&entry.path, "the path leads out of the backup");
        } else if !backup.join(&entry.path).exists() {
            checked.add(Weight::Missing, &entry.path, "the file is missing");
        } else {
            match FileEntry::of(backup, entry.path.clone()) {
                Ok(is) if is == *entry => {}
                Ok(is) => checked.invalid(
                    &entry.path,
                    format!(
                        "{} bytes with the digest {}, not {} with {}",
                        is.bytes, is.sha256, entry.bytes, entry.sha256
                    ),
                ),
                Err(why) => checked.add(Weight::Missing, &entry.path, why),
            }
        }
    }
    for (name, _) in DATABASES.iter().filter(|(name, is_needed)| *is_needed && !listed.contains(name)) {
        checked.add(Weight::Missing, *name, "the manifest does not have it");
    }
    match files_below(backup) {
        Ok(found) => {
            for path in found.iter().filter(|path| !listed.contains(path.as_str())) {
                checked.invalid(path, "the file is not in the manifest; a database would read it as its own");
            }
        }
        Err(why) => checked.add(Weight::Missing, "files", why),
    }
}

/// The log computed again from its bytes, and its head against the manifest.
async fn log(
    backup: &Path,
    manifest: &Manifest,
    checked: &mut Checked,
    progress: impl Fn(u64, u64),
) -> Result<(), CheckError> {
    let path = backup.join("log.db");
    if !is_log(&path) {
        checked.invalid("log.db", "it is not a log of this program");
        return Ok(());
    }
    let db = Db::open_copy(&path);
    let report = sfs_eventlog_sql::verify(&db, &[], event_tags, progress).await?;
    for finding in report.findings {
        checked.invalid(format!("log.db at {}", finding.position), format!("{}: {}", finding.check, finding.what));
    }
    match stored_head(&db).await {
        Err(why) => checked.invalid("log.db", why),
        Ok(stored) => {
            let (is, should) = (stored.head, manifest);
            if (&stored.origin, is.size, is.root) != (&should.origin, should.size, should.root) {
                checked.invalid(
                    "log.db",
                    format!("it is `{}` with {} events, not the manifest's", stored.origin, is.size),
                );
            }
        }
    }
    db.close().await;
    Ok(())
}

/// What the leaves of the log say to the rest of the backup.
async fn leaves(
    backup: &Path,
    manifest: &Manifest,
    keks: Option<&KeyEncryptionKeys>,
    checked: &mut Checked,
) -> Result<(Named, Option<Inspection>), CheckError> {
    let mut vouched = vouched(backup, manifest, checked).await?;
    let keys = keys(backup, keks, checked).await;
    let db = Db::open_copy(&backup.join("log.db"));
    let log = SqliteReader::new(db.clone());
    let mut named = Named::default();
    let mut range = CompactRange::new();
    let filter = Filter { leaves: true, ..Filter::default() };
    loop {
        // Each checkpoint as soon as the tree is as large.
        while let Some((check, checkpoint)) = vouched.pop_front_if(|(_, next)| next.size() <= range.size()) {
            let (size, root) = (checkpoint.size(), checkpoint.root());
            if size == range.size() && root != range.root() {
                checked.invalid(check, format!("the first {size} events of the log are not those that were signed"));
            }
        }
        // A page ends where the next checkpoint does.
        let next = vouched.front().map_or(u64::MAX, |(_, next)| next.size());
        let max = (next - range.size()).min(PAGE as u64) as usize;
        let page = log.read(&filter, Direction::Forwards, range.size(), max).await?;
        for event in &page.events {
            range.push(event.leaf_hash);
            if let Err(what) = named.read(event) {
                checked.invalid(format!("log.db at {}", event.position), what);
            }
        }
        if page.events.is_empty() {
            break;
        }
    }
    db.close().await;
    for (check, checkpoint) in vouched {
        checked.invalid(check, format!("{} events were signed, but the log has {}", checkpoint.size(), range.size()));
    }
    Ok((named, keys))
}

/// Every checkpoint that the log must continue, smallest first: what the signer had signed, and what others
/// have vouched for.
async fn vouched(
    backup: &Path,
    manifest: &Manifest,
    checked: &mut Checked,
) -> Result<VecDeque<(&'static str, Checkpoint)>, CheckError> {
    let mut all: Vec<_> =
        signed(backup, manifest, checked).map(|signed| ("signer/state", signed.checkpoint)).into_iter().collect();
    let ops = Db::open_copy(&backup.join("ops.db"));
    let kept = KeptCheckpoint::in_copy(&ops).await?;
    ops.close().await;
    for kept in kept {
        let note = SignedNote::parse(kept.note.as_bytes()).ok();
        match note.and_then(|note| note.unverified_text().parse().ok()) {
            Some(checkpoint) => all.push(("ops.db", checkpoint)),
            None => checked.invalid("ops.db", format!("the kept checkpoint of {} events is none", kept.size)),
        }
    }
    all.sort_by_key(|(_, checkpoint)| checkpoint.size());
    Ok(all.into())
}

/// What the signer had signed, if that was copied.
fn signed(backup: &Path, manifest: &Manifest, checked: &mut Checked) -> Option<Signed> {
    let Some(expected) = manifest.signed else {
        checked.not_checked.push("what was signed (there was no signer)");
        return None;
    };
    let check = "signer/state";
    let keys = manifest.verifiers.iter().map(|key| key.parse()).collect::<Result<Vec<VerifierKey>, _>>();
    let keys = keys.map_err(|why| checked.invalid(NAME, why)).ok()?;
    let path = backup.join(DataDirectory::SIGNER).join(Signer::STATE);
    let signed = Signed::read(&path, &manifest.origin, &keys).map_err(|why| checked.invalid(check, why)).ok()?;
    if (signed.checkpoint.size(), signed.checkpoint.root()) != (expected.size, expected.root) {
        checked.invalid(check, "it is not the checkpoint that the manifest names");
    }
    Some(signed)
}

/// The keys of persons, if they were copied.
async fn keys(backup: &Path, keks: Option<&KeyEncryptionKeys>, checked: &mut Checked) -> Option<Inspection> {
    let path = backup.join("keys.db");
    if !path.exists() {
        return None;
    }
    if keks.is_none() {
        checked.not_checked.push("whether the keys open (the key-encryption keys are not at hand)");
    }
    match sfs_vault::inspect(&path, keks).await {
        Ok(found) => Some(found),
        Err(why) => {
            let is_missing = matches!(why, KeysError::KekMissing(_) | KeysError::KekWrong { .. });
            checked.add(if is_missing { Weight::Missing } else { Weight::Invalid }, "keys.db", why);
            None
        }
    }
}

/// Keys that the leaves name.
#[derive(Default)]
struct Named {
    sealing: BTreeSet<KeyId>,
    erased: BTreeSet<KeyId>,
}

impl Named {
    fn read(&mut self, event: &StoredEvent) -> Result<(), String> {
        let leaf = Leaf::parse(&event.leaf).map_err(|why| why.to_string())?;
        for slot in &leaf.draft.sealed {
            let key = slot.k.parse().map_err(|_| format!("`{}` is no id of a key", slot.k))?;
            self.sealing.insert(KeyId(key));
        }
        if leaf.draft.event_type == ERASED {
            /// The rest is for others.
            #[derive(Deserialize)]
            struct Erased {
                keys: Vec<Uuid>,
            }
            let open = OpenBody::parse(&event.open).map_err(|why| why.to_string())?;
            let erased: Erased = serde_json::from_str(open.data).map_err(|why| why.to_string())?;
            self.erased.extend(erased.keys.into_iter().map(KeyId));
        }
        Ok(())
    }
}

fn compare_keys(named: &Named, keys: Option<&Inspection>, listed: &[Listed], checked: &mut Checked) {
    let Some(keys) = keys else {
        let is_told = checked.findings.iter().any(|finding| finding.check == "keys.db");
        let names_any = !named.sealing.is_empty() || !named.erased.is_empty();
        if names_any && !is_told {
            checked.add(Weight::Missing, "keys.db", "events name keys of persons, and no key store was copied");
        }
        return;
    };
    for key in named.sealing.iter().filter(|key| !keys.held.contains_key(key) && !keys.destroyed.contains(key)) {
        checked.invalid("keys.db", format!("an event names the key {key}, which is neither there nor destroyed"));
    }
    let is_erased = |key: &KeyId, held: &(SubjectId, Purpose)| {
        named.erased.contains(key) || listed.iter().any(|one| (one.subject, one.purpose) == *held)
    };
    checked.destroyed_again =
        keys.held.iter().filter(|(key, held)| is_erased(key, held)).map(|(key, _)| key.0).collect();
}

#[cfg(test)]
mod tests;
