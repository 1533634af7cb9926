//! What a signer or witness remembers: the last checkpoint that it has signed, in a file of three parts: a
//! title, the digest of what follows, and the note itself (before the first signature the bare
//! checkpoint of the empty tree).

use std::io;
use std::path::{Path, PathBuf};

use sfs_ledger::{Checkpoint, CheckpointError, NoteError, SignedNote, digest, root_of_empty_tree};

use crate::durable::{self, Step};

const TITLE: &str = "sfs-signer-state v1";

/// The state of a signer is not to be used. Nothing is repaired: a signer that has forgotten what
/// it signed could sign a fork.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// There is a key, but no state.
    #[error("the signer has a key but no state {0}: restore the file, or begin a new log with a new key")]
    Missing(PathBuf),
    /// A state that is to be made is there already, and something has been signed.
    #[error("there is a state already: {0}")]
    Exists(PathBuf),
    /// The bytes are not those that the signer wrote.
    #[error("the signer's state {0} is damaged: restore the file")]
    Damaged(PathBuf),
    /// The last note is not signed by one of the signer's keys.
    #[error("the last note of the signer's state is not its own")]
    NotOurs(#[source] NoteError),
    /// The state holds no checkpoint.
    #[error("the signer's state holds no checkpoint")]
    Checkpoint(#[source] CheckpointError),
    /// The state is of another log than the keys.
    #[error("the signer's state is of the log `{state}`, its keys are of `{keys}`")]
    Origin {
        /// Origin of the last checkpoint.
        state: String,
        /// Name of the keys.
        keys: String,
    },
    /// The file system did not do it.
    #[error("cannot use the signer's state {path}")]
    Io {
        /// The state file or its lock.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StateError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

/// The last checkpoint, and its note if anything has been signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) last: Checkpoint,
    pub(crate) note: Option<SignedNote>,
}

impl State {
    /// Of a log for which nothing has been signed.
    pub(crate) fn empty(origin: &str) -> Result<Self, StateError> {
        let last = Checkpoint::new(origin, 0, root_of_empty_tree()).map_err(StateError::Checkpoint)?;
        Ok(Self { last, note: None })
    }

    fn encode(&self) -> String {
        let body = self.note.as_ref().map_or_else(|| self.last.to_string(), SignedNote::to_string);
        format!("{TITLE}\n{}\n{body}", digest(body.as_bytes()))
    }

    /// Makes the file of a log for which nothing has been signed. One that says the same is left
    /// there: then an earlier attempt was interrupted before its key was made.
    pub(crate) fn create(path: &Path, origin: &str) -> Result<(), StateError> {
        let state = Self::empty(origin)?;
        match durable::create(path, state.encode().as_bytes()) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => {
                match Self::read(path, origin, |_| Err(NoteError::NotSigned)) {
                    Ok(there) if there == state => Ok(()),
                    _ => Err(StateError::Exists(path.to_owned())),
                }
            }
            made => made.map_err(StateError::io(path)),
        }
    }

    /// Reads the file and checks it: digest, origin, and that the note is `is_ours`, signed by whom
    /// the state is of. Only the empty tree goes without signature.
    pub(crate) fn read(
        path: &Path,
        origin: &str,
        is_ours: impl FnOnce(&SignedNote) -> Result<(), NoteError>,
    ) -> Result<Self, StateError> {
        let bytes = std::fs::read(path).map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => StateError::Missing(path.to_owned()),
            _ => StateError::io(path)(why),
        })?;
        let body = body(&bytes).ok_or_else(|| StateError::Damaged(path.to_owned()))?;
        let empty = Self::empty(origin)?;
        if body == empty.last.to_string() {
            return Ok(empty);
        }
        let note = SignedNote::parse(body.as_bytes()).map_err(StateError::NotOurs)?;
        is_ours(&note).map_err(StateError::NotOurs)?;
        let last: Checkpoint = note.unverified_text().parse().map_err(StateError::Checkpoint)?;
        if last.origin() != origin {
            return Err(StateError::Origin { state: last.origin().to_owned(), keys: origin.to_owned() });
        }
        Ok(Self { last, note: Some(note) })
    }

    /// Stores the state durably; `stop` is for tests.
    pub(crate) fn write(&self, path: &Path, stop: Option<Step>) -> io::Result<()> {
        durable::replace(path, self.encode().as_bytes(), stop)
    }
}

/// What stands behind title and digest, if the digest fits.
fn body(bytes: &[u8]) -> Option<&str> {
    let (title, rest) = str::from_utf8(bytes).ok()?.split_once('\n')?;
    let (sum, body) = rest.split_once('\n')?;
    (title == TITLE && sum == digest(body.as_bytes()).to_b64()).then_some(body)
}
