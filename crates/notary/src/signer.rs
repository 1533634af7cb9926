//! The stateful signer: it signs a checkpoint only if that continues what it has signed before, and
//! remembers it before it answers. So it is the log's first witness: an application that was broken
//! into gets no fork signed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sfs_ledger::{
    Checkpoint, Hash, KeyTextError, NoteError, ProofError, SignedNote, VerifierKey, is_key_name, verify_consistency,
};

use crate::durable::Step;
use crate::key::KeyError;
use crate::keyring::KeyRing;
use crate::state::{State, StateError};

/// A signer cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// Something is wrong with its keys.
    #[error("the signer cannot use its keys")]
    Key(#[from] KeyError),
    /// Something is wrong with what it remembers.
    #[error("the signer cannot use its state")]
    State(#[from] StateError),
    /// Another signer has the state open: two would not know what the other one signs.
    #[error("another signer uses {0}")]
    Locked(PathBuf),
}

/// A checkpoint is not signed. After every variant but the last two the signer is as before.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The checkpoint is of another log.
    #[error("this signer signs for `{ours}`, not for `{asked}`")]
    Origin {
        /// Origin of the checkpoint.
        asked: String,
        /// Origin of the signer's log.
        ours: String,
    },
    /// Extension lines cannot be audited, so that our logs have none.
    #[error("the checkpoint has extension lines")]
    Extensions,
    /// The log has become smaller: it was restored from a backup or cut off.
    #[error("the log has {asked} events, but {signed} were signed: it was restored or cut off")]
    Smaller {
        /// Size of the checkpoint.
        asked: u64,
        /// Last size that was signed.
        signed: u64,
    },
    /// The log of the same size has another root: it was changed.
    #[error("the log of {size} events has the root {asked}, but {signed} was signed: it was changed")]
    Fork {
        /// Size of both checkpoints.
        size: u64,
        /// Root of the checkpoint.
        asked: Hash,
        /// The root that was signed.
        signed: Hash,
    },
    /// The proof does not show that the log continues what was signed.
    #[error("it is not proved that the log of {asked} events continues the {signed} that were signed")]
    Inconsistent {
        /// Size of the checkpoint.
        asked: u64,
        /// Last size that was signed.
        signed: u64,
        /// What is wrong with the proof.
        #[source]
        source: ProofError,
    },
    /// The keys cannot sign such a text.
    #[error("the checkpoint cannot be signed")]
    Note(#[from] NoteError),
    /// The state could not be stored, so that nothing was answered. The signer is not to be used
    /// again: it does not know which state the file system has.
    #[error("the signer's state could not be stored")]
    Store(#[source] io::Error),
    /// An earlier state could not be stored; the signer must be opened again.
    #[error("the signer must be opened again: an earlier state could not be stored")]
    Unusable,
}

/// Signs for one log. As long as it lives no other signer can use the same state.
#[derive(Debug)]
pub struct Signer {
    ring: KeyRing,
    state: State,
    path: PathBuf,
    is_usable: bool,
    /// The step after which the next write stops as if killed: the fault of the tests.
    stop: Option<Step>,
    /// Held, not read.
    _lock: File,
}

impl Signer {
    /// Name of the state beside the keys.
    pub const STATE: &str = "state";

    /// Makes key and state of a new log and opens the signer: `origin` names the log and its keys,
    /// the entropy is 32 random bytes. An interrupted call can be repeated.
    pub fn create(state: &Path, keys: &Path, origin: &str, entropy: &[u8; 32]) -> Result<Self, SignerError> {
        if !is_key_name(origin) {
            return Err(KeyError::Text(KeyTextError::Malformed).into());
        }
        // A key without state is refused for ever; so the state comes first.
        match KeyRing::open(keys) {
            Err(KeyError::None(_)) => State::create(state, origin)?,
            Ok(_) => return Err(KeyError::Exists(keys.to_owned()).into()),
            Err(why) => return Err(why.into()),
        }
        Self::open(state, KeyRing::create(keys, origin, entropy)?)
    }

    /// Opens the signer. A state that is missing, damaged, not signed by one of the keys, or in
    /// use is refused.
    pub fn open(state: &Path, ring: KeyRing) -> Result<Self, SignerError> {
        let lock = lock(state)?;
        let path = state.to_owned();
        let state = State::read(state, ring.name(), |note| note.verify(&ring.verifiers()).map(drop))?;
        Ok(Self { ring, state, path, is_usable: true, stop: None, _lock: lock })
    }

    /// Opens the signer whose keys and state are in one directory.
    pub fn open_in(directory: &Path) -> Result<Self, SignerError> {
        Self::open(&directory.join(Self::STATE), KeyRing::open(directory)?)
    }

    /// The last checkpoint that was signed, or that of the empty tree: at every start the head of
    /// the log is held against it.
    #[must_use]
    pub fn last(&self) -> &Checkpoint {
        &self.state.last
    }

    /// The last note, if anything has been signed.
    #[must_use]
    pub fn last_note(&self) -> Option<&SignedNote> {
        self.state.note.as_ref()
    }

    /// Whom a verifier may know.
    #[must_use]
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.ring.verifiers()
    }

    /// Signs the checkpoint with all keys. `proof` is the consistency proof from [`Signer::last`]
    /// to it (RFC 9162 2.1.4): empty from size 0 and for the same size, for which the same note is
    /// given again. When the answer is there, the state is durable.
    pub fn sign(&mut self, checkpoint: &Checkpoint, proof: &[Hash]) -> Result<SignedNote, SignError> {
        if !self.is_usable {
            return Err(SignError::Unusable);
        }
        check(&self.state.last, checkpoint, proof)?;
        let note = self.ring.sign(&checkpoint.to_string())?;
        let next = State { last: checkpoint.clone(), note: Some(note.clone()) };
        // The same again is not stored again, unless a key has come or gone.
        if next != self.state {
            next.write(&self.path, self.stop).map_err(|why| {
                self.is_usable = false;
                SignError::Store(why)
            })?;
            self.state = next;
        }
        Ok(note)
    }
}

/// Whether `asked` may follow `last`.
fn check(last: &Checkpoint, asked: &Checkpoint, proof: &[Hash]) -> Result<(), SignError> {
    if asked.origin() != last.origin() {
        return Err(SignError::Origin { asked: asked.origin().to_owned(), ours: last.origin().to_owned() });
    }
    if !asked.extensions().is_empty() {
        return Err(SignError::Extensions);
    }
    let (size, signed) = (asked.size(), last.size());
    if size < signed {
        return Err(SignError::Smaller { asked: size, signed });
    }
    if size == signed && asked.root() != last.root() {
        return Err(SignError::Fork { size, asked: asked.root(), signed: last.root() });
    }
    verify_consistency(signed, size, proof, &last.root(), &asked.root()).map_err(|source| SignError::Inconsistent {
        asked: size,
        signed,
        source,
    })
}

/// Takes the lock beside the state. The system releases it when the process ends, however.
pub(crate) fn lock(state: &Path) -> Result<File, SignerError> {
    let mut path = state.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = file.map_err(StateError::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SignerError::Locked(state.to_owned())),
        Err(TryLockError::Error(why)) => Err(StateError::io(&path)(why).into()),
    }
}

#[cfg(test)]
mod tests;
