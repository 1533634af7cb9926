//! `sfs key rotate`: a further key, and the event that says whose heir it is.

use std::path::Path;

use sfs_command::{Caller, Outcome, Request};
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::{Position, identity, log};
use sfs_eventlog::Reader;
use sfs_ledger::VerifierKey;
use sfs_notary::{KeyRing, key_id, rotations};

use super::VerbError;
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};

/// Records every key of the signer that the log does not name yet. If it names all and the signer lies in
/// `ring`, a new one is made there first, so that a rotation that was cut off is finished by the next one.
pub(super) async fn rotate(
    configuration: &Configuration,
    ring: Option<&Path>,
    entropy: [u8; 32],
) -> Result<Vec<VerifierKey>, VerbError> {
    let opening = Opening { create: false, ..Opening::default() };
    let installation = Installation::open(configuration, opening).await.map_err(VerbError::opening)?;
    let rotated = rotate_in(&installation, ring, &entropy).await;
    installation.close().await;
    rotated
}

async fn rotate_in(
    installation: &Installation,
    ring: Option<&Path>,
    entropy: &[u8; 32],
) -> Result<Vec<VerifierKey>, VerbError> {
    let notary = installation.notary.as_ref();
    let notary = notary.ok_or_else(|| VerbError::unusable("there is no key: make the first one with `sfs key new`"))?;
    let mut keys = notary.verifiers().await.map_err(VerbError::unusable)?;
    let log: &dyn Reader = &*installation.log;
    let named = rotations(log).await.map_err(VerbError::unusable)?;
    // The oldest key that is left is the first of the log, or an event names it.
    let is_named = |key: &VerifierKey| named.iter().any(|rotation| rotation.new == *key);
    if keys.iter().skip(1).all(is_named) {
        let Some(ring) = ring else {
            let why = "the log names all keys of the signer: make a further one where they are, and start it again";
            return Err(VerbError::unusable(why));
        };
        keys = KeyRing::rotate(ring, entropy).map_err(VerbError::unusable)?.verifiers();
    }
    for pair in keys.windows(2).filter(|pair| !is_named(&pair[1])) {
        record(installation, &pair[0], &pair[1]).await?;
    }
    Ok(keys)
}

/// Tells of keys that sign and that the log does not name: who knows the old one cannot know them.
pub(super) async fn warn_of_unnamed(installation: &Installation) {
    let Some(notary) = &installation.notary else { return };
    let log: &dyn Reader = &*installation.log;
    let (Ok(keys), Ok(named)) = (notary.verifiers().await, rotations(log).await) else { return };
    for key in keys.iter().skip(1).filter(|key| named.iter().all(|rotation| rotation.new != **key)) {
        tracing::warn!(key = key_id(key), "a key signs that the log does not name: run `sfs key rotate`");
    }
}

/// Appends the event. The first tree that the new key signs is the one that has it.
async fn record(installation: &Installation, old: &VerifierKey, new: &VerifierKey) -> Result<(), VerbError> {
    let text = |key: &VerifierKey| identity::VerifierKey::parse(key.to_string()).map_err(VerbError::unusable);
    let size = installation.log.head().await.map_err(VerbError::unusable)?.size as i64 + 1;
    let command = log::Command::RecordKeyRotation {
        old_verifier: text(old)?,
        new_verifier: text(new)?,
        effective_size: Position::try_from(size).map_err(VerbError::defect)?,
    };
    let entry = command_entry("record-key-rotation").ok_or_else(|| VerbError::defect("no such command"))?;
    let handler = &installation.handler;
    let id = handler.entropy().uuid(handler.clock().now_micros());
    match handler.handle(&Caller::system(), &Request::new(entry, Command::Log(command), id)).await {
        Ok(Outcome::Accepted(_) | Outcome::Unchanged { .. }) => Ok(()),
        Ok(_) => Err(VerbError::defect("the rotation was not recorded")),
        Err(why) => Err(VerbError::unusable(why)),
    }
}
