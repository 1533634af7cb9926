//! `sfs backup` and `sfs restore-check`: copies of an installation, and whether they could be restored.

use sfs_command::{Clock, SystemClock};
use sfs_vault::{Credential, ErasureList, KeyEncryptionKeys, Listed};

use super::{VerbError, answer};
use crate::backup::{self, BackupError, Wanted, Weight};
use crate::cli::{BackupArgs, RestoreCheckArgs, exit};
use crate::configuration::Configuration;
use crate::person_keys::{self, credential};
use crate::progress::Shown;

pub async fn run(configuration: &Configuration, args: &BackupArgs, json: bool) -> Result<u8, VerbError> {
    let shown = Shown::start("Sichern", json);
    let now_micros = SystemClock.now_micros();
    let wanted = Wanted { to: &args.to, with_signer_key: args.with_signer_key, now_micros };
    let made = backup::make(configuration, &wanted).await;
    shown.end();
    let manifest = made.map_err(|why| match why {
        BackupError::Truncated { .. } => VerbError::Invalid(why.into()),
        BackupError::Setting(why) => VerbError::opening(why),
        why => VerbError::unusable(why),
    })?;
    if json {
        answer(&manifest);
    } else {
        let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        println!("{} events · root {} · {bytes} bytes in {}", manifest.size, manifest.root, args.to.display());
        if manifest.files.iter().any(|file| file.path == "keys.db") {
            eprintln!(
                "The key-encryption keys are not in it: keep them elsewhere, without them keys.db opens for nobody."
            );
        }
        if manifest.signed.is_some() && !manifest.with_signer_key {
            eprintln!("The signer's keys are not in it; see README, „Backup“.");
        }
    }
    Ok(exit::OK)
}

/// What was erased so far, if the list is at hand.
fn listed(configuration: &Configuration) -> Result<Vec<Listed>, VerbError> {
    let path = person_keys::list_of_erasures(configuration).map_err(VerbError::unusable)?;
    if !path.exists() {
        return Ok(Vec::new());
    }
    ErasureList::open(&path).map(|(_, listed)| listed).map_err(VerbError::unusable)
}

pub async fn check(configuration: &Configuration, args: &RestoreCheckArgs, json: bool) -> Result<u8, VerbError> {
    let keks = keks(configuration)?;
    let shown = Shown::start("Sicherung prüfen", json);
    let listed = listed(configuration)?;
    let checked = backup::check(&args.directory, keks.as_ref(), &listed, |done, total| shown.at(done, total)).await;
    shown.end();
    let checked = checked.map_err(VerbError::unusable)?;
    if json {
        answer(&checked);
    } else {
        for finding in &checked.findings {
            println!("{:24} {}", finding.check, finding.what);
        }
        for key in &checked.destroyed_again {
            println!("{:24} {key} was destroyed since; the next start destroys it again", "keys.db");
        }
        if let Some(manifest) = &checked.manifest {
            println!("{} · {} events · root {} · {}", manifest.origin, manifest.size, manifest.root, manifest.made_at);
        }
        for thing in &checked.not_checked {
            println!("not checked: {thing}");
        }
    }
    Ok(match checked.weight() {
        Some(Weight::Invalid) => exit::INVALID,
        Some(Weight::Missing) => exit::UNUSABLE,
        None if !checked.destroyed_again.is_empty() => exit::FINDINGS,
        None => exit::OK,
    })
}

/// The key-encryption keys, if the configuration names them or the data directory has them.
fn keks(configuration: &Configuration) -> Result<Option<KeyEncryptionKeys>, VerbError> {
    let named = configuration.kek.as_deref();
    let place = credential(&configuration.data, named).map_err(|why| VerbError::Usage(why.to_string()))?;
    match (&place, named) {
        (Credential::File(path), None) if !path.exists() => Ok(None),
        _ => KeyEncryptionKeys::load(&place, |name| std::env::var(name).ok()).map(Some).map_err(VerbError::unusable),
    }
}
