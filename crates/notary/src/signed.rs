//! What was signed last, for whoever looks on: read from the signer's directory without its lock.

use std::path::Path;

use sfs_ledger::{Checkpoint, SignedNote, VerifierKey};

use crate::keyring::KeyRing;
use crate::notary::STATE;
use crate::signer::SignerError;
use crate::state::State;

/// What a signer has signed last, and whom a verifier may know.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The last checkpoint, or that of the empty tree.
    pub checkpoint: Checkpoint,
    /// Its note, if anything has been signed.
    pub note: Option<SignedNote>,
    /// The signer's keys, oldest first.
    pub keys: Vec<VerifierKey>,
}

impl Signed {
    /// Reads it beside a running signer.
    pub fn read(directory: &Path) -> Result<Self, SignerError> {
        let ring = KeyRing::open(directory)?;
        let keys = ring.verifiers();
        let State { last: checkpoint, note } =
            State::read(&directory.join(STATE), ring.name(), |note| note.verify(&keys).map(drop))?;
        Ok(Self { checkpoint, note, keys })
    }
}
