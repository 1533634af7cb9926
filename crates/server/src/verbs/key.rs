//! `sfs key`: the keys that sign checkpoints. They lie in a directory of their own beside the stores, or
//! with a signer that is a process of its own, and are in no database.

use std::path::Path;

use sfs_eventlog_sql::SqliteReader;
use sfs_ledger::VerifierKey;
use sfs_notary::{KeyRing, Notary, RotationError, Signing};
use sfs_sql::{Db, Options};

use super::signer::directory;
use super::{VerbError, answer};
use crate::cli::{KeyAction, KeyArgs, exit};
use crate::configuration::Configuration;
use crate::installation::{log_path, signer_socket};

pub async fn run(configuration: &Configuration, args: &KeyArgs, json: bool) -> Result<u8, VerbError> {
    let socket = signer_socket(configuration).map_err(VerbError::opening)?.filter(|_| args.directory.is_none());
    let directory = directory(configuration, args.directory.as_ref());
    let verifiers = match (&args.action, socket) {
        (KeyAction::Show, Some(socket)) => Signing::There(socket).verifiers().map_err(VerbError::unusable)?,
        (KeyAction::Show, None) => KeyRing::open(&directory).map_err(VerbError::unusable)?.verifiers(),
        (KeyAction::New | KeyAction::Retire { .. }, Some(_)) => {
            let why = "the signer is a process of its own: do that where its keys are, with --directory";
            return Err(VerbError::Usage(why.into()));
        }
        (KeyAction::New, None) => {
            make_private(&directory).map_err(VerbError::unusable)?;
            let ring = Notary::create(&directory, &configuration.origin, &entropy()?);
            ring.map_err(VerbError::unusable)?.verifiers()
        }
        (KeyAction::Rotate, _) if args.directory.is_some() => {
            eprintln!(
                "Start the signer again, then `sfs key rotate` beside the server: the log must say which key follows."
            );
            KeyRing::rotate(&directory, &entropy()?).map_err(VerbError::unusable)?.verifiers()
        }
        (KeyAction::Rotate, socket) => {
            let ring = socket.is_none().then_some(&*directory);
            super::rotation::rotate(configuration, ring, entropy()?).await?
        }
        (KeyAction::Retire { key }, None) => retire(configuration, &directory, key).await?,
    };
    let verifiers: Vec<String> = verifiers.iter().map(ToString::to_string).collect();
    if json {
        answer(&verifiers);
    } else {
        for verifier in verifiers {
            println!("{verifier}");
        }
    }
    Ok(exit::OK)
}

/// Takes a key away that another one follows. The log is only read: its server may run.
async fn retire(configuration: &Configuration, directory: &Path, key: &str) -> Result<Vec<VerifierKey>, VerbError> {
    let path = log_path(configuration);
    if !path.exists() {
        return Err(VerbError::unusable(format!("there is no log {}", path.display())));
    }
    let options = Options { create: false, readers: 1, ..Options::default() };
    let log = SqliteReader::new(Db::open(&path, options).await.map_err(VerbError::unusable)?);
    let left = sfs_notary::retire(directory, key, &log).await.map_err(|why| match why {
        RotationError::NotAsSigned { .. } | RotationError::Short { .. } => VerbError::Invalid(why.into()),
        why => VerbError::unusable(why),
    })?;
    Ok(left.verifiers())
}

/// A directory that only its owner may enter.
pub(super) fn make_private(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

pub(super) fn entropy() -> Result<[u8; 32], VerbError> {
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(VerbError::unusable)?;
    Ok(random)
}
