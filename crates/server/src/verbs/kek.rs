//! `sfs kek`: the key-encryption keys of an installation whose server is not running.

use std::path::PathBuf;

use sfs_ops::DataDirectory;
use sfs_vault::Credential;

use super::{VerbError, answer};
use crate::cli::{KekAction, KekArgs, exit};
use crate::configuration::Configuration;
use crate::person_keys;

#[derive(serde::Serialize)]
struct Version {
    version: u32,
    keys: u64,
}

/// The file that holds them: what a service manager or the environment hands in is changed there.
fn file(configuration: &Configuration) -> Result<PathBuf, VerbError> {
    let kek = configuration.kek.as_deref();
    match person_keys::credential(&configuration.data, kek).map_err(VerbError::unusable)? {
        Credential::File(path) => Ok(path),
        Credential::Systemd(_) | Credential::Environment(_) => {
            Err(VerbError::Usage("these key-encryption keys lie in no file: change them where they are kept".into()))
        }
    }
}

pub async fn run(configuration: Configuration, args: &KekArgs, json: bool) -> Result<u8, VerbError> {
    let directory = DataDirectory::open(&configuration.data, false).map_err(VerbError::unusable)?;
    let kek = configuration.kek.as_deref();
    if matches!(args.action, KekAction::New) {
        person_keys::add_version(&file(&configuration)?).map_err(VerbError::unusable)?;
    }
    // Opening wraps everything under the newest version.
    let keys = person_keys::open(&directory, kek).await.map_err(VerbError::unusable)?;
    let in_use = keys.versions_in_use().await.map_err(VerbError::unusable)?;
    if matches!(args.action, KekAction::Retire) {
        let retired = person_keys::retire_older(&file(&configuration)?).map_err(VerbError::unusable)?;
        if !json {
            println!("retired: {}", retired.iter().map(u32::to_string).collect::<Vec<_>>().join(", "));
        }
    }
    let keks = person_keys::credential(&configuration.data, kek).and_then(|place| person_keys::load(&place));
    let wrapped = |version| in_use.iter().find(|(used, _)| *used == version).map_or(0, |(_, keys)| *keys);
    let versions = keks.map_err(VerbError::unusable)?.versions();
    let versions: Vec<Version> =
        versions.into_iter().map(|version| Version { version, keys: wrapped(version) }).collect();
    if json {
        answer(&versions);
    } else {
        for Version { version, keys } in versions {
            println!("version {version} wraps {keys} keys");
        }
    }
    Ok(exit::OK)
}
