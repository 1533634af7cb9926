//! `sfs key`: the keys that sign checkpoints. They lie in a directory of their own beside the stores and
//! are in no database.

use sfs_notary::{KeyRing, Notary};
use sfs_ops::DataDirectory;

use super::{VerbError, answer};
use crate::cli::{KeyAction, KeyArgs, exit};
use crate::configuration::Configuration;

pub fn run(configuration: &Configuration, args: &KeyArgs, json: bool) -> Result<u8, VerbError> {
    let signer = configuration.data.join(DataDirectory::SIGNER);
    let ring = match args.action {
        KeyAction::New => {
            make_private(&signer).map_err(VerbError::unusable)?;
            Notary::create(&signer, &configuration.origin, &entropy()?).map_err(VerbError::unusable)?
        }
        KeyAction::Rotate => KeyRing::rotate(&signer, &entropy()?).map_err(VerbError::unusable)?,
        KeyAction::Show => KeyRing::open(&signer).map_err(VerbError::unusable)?,
    };
    let verifiers: Vec<String> = ring.verifiers().iter().map(ToString::to_string).collect();
    if json {
        answer(&verifiers);
    } else {
        for verifier in verifiers {
            println!("{verifier}");
        }
    }
    Ok(exit::OK)
}

/// A directory that only its owner may enter.
pub(super) fn make_private(path: &std::path::Path) -> std::io::Result<()> {
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
