//! A witness (C2SP tlog-witness): it cosigns a checkpoint of a log that it knows only if that continues
//! what it has cosigned before, and remembers it before it answers. It sees sizes and roots, and nothing
//! of what the log holds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use sfs_ledger::{
    Checkpoint, NoteError, NoteSignature, SignedNote, VerifierKey, WitnessKey, digest, verify_consistency,
};

use crate::add_checkpoint::AddCheckpoint;
use crate::durable::{self, Step};
use crate::key::{KeyError, NoteKey};
use crate::signer::{SignerError, lock};
use crate::state::{State, StateError};

/// Name of the key file in the directory of a witness.
const KEY: &str = "witness.key";

/// A witness cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// Something is wrong with its key.
    #[error("the witness cannot use its key")]
    Key(#[from] KeyError),
    /// Something is wrong with what it remembers of a log.
    #[error("the witness cannot use its state of the log `{origin}`")]
    State {
        /// Origin of the log.
        origin: String,
        /// What is wrong.
        #[source]
        source: StateError,
    },
    /// It has never been told of the log, or its memory of it is gone.
    #[error(
        "this witness does not know the log `{0}`: add it with --new-log if it is new; if it has been cosigned before, \
         restore the directory of the witness"
    )]
    NewLog(String),
    /// Another process uses the directory, or it cannot be written to.
    #[error("the witness cannot have its directory for itself")]
    Lock(#[source] SignerError),
}

/// Why a checkpoint is not cosigned. After every variant but the last two the witness is as before.
#[derive(Debug, thiserror::Error)]
pub enum WitnessRefusal {
    /// The request cannot be read, or its old size exceeds the size of the checkpoint (400).
    #[error("the request is malformed")]
    Malformed,
    /// The checkpoint is of a log that the witness does not know (404).
    #[error("the log is not known here")]
    UnknownLog,
    /// None of the keys of the log has signed it (403).
    #[error("the checkpoint is not signed by a known key of the log")]
    NotSigned(#[source] NoteError),
    /// The witness has cosigned another size last, or another root of that size (409).
    #[error("the last cosigned checkpoint has {0} leaves")]
    Conflict(u64),
    /// The proof does not show that the log has only grown (422).
    #[error("the proof does not lead to the checkpoint")]
    Inconsistent,
    /// The checkpoint could not be stored, so that nothing was answered. The witness is not to be used
    /// again for this log: it does not know what the file system has (500).
    #[error("the checkpoint could not be stored")]
    Store(#[source] io::Error),
    /// An earlier checkpoint could not be stored; the witness must be opened again (500).
    #[error("the witness must be opened again: an earlier checkpoint could not be stored")]
    Unusable,
}

/// Cosigns for the logs that it knows. As long as it lives no other witness can use its directory.
#[derive(Debug)]
pub struct Witness {
    key: NoteKey,
    directory: PathBuf,
    logs: BTreeMap<String, Mutex<Watched>>,
    /// Held, not read.
    _lock: File,
}

/// One log as the witness remembers it.
#[derive(Debug)]
struct Watched {
    keys: Vec<VerifierKey>,
    state: State,
    is_usable: bool,
    /// The step after which the next write stops as if killed: the fault of the tests.
    stop: Option<Step>,
}

impl Witness {
    /// Makes the key of a witness in its directory; the entropy is 32 random bytes. A directory that
    /// has one is refused.
    pub fn create(directory: &Path, name: &str, entropy: &[u8; 32]) -> Result<WitnessKey, KeyError> {
        let key = NoteKey::generate(name, entropy)?;
        key.create_file(&directory.join(KEY))?;
        Ok(key.witness())
    }

    /// Makes the memory of a log that the witness has never cosigned.
    pub fn add_log(directory: &Path, origin: &str) -> Result<(), WitnessError> {
        State::create(&state_file(directory, origin), origin).map_err(at(origin))
    }

    /// Opens the witness for the logs that have these keys; a log may have several, all named after it.
    pub fn open(directory: &Path, keys: Vec<VerifierKey>) -> Result<Self, WitnessError> {
        let key = NoteKey::read_file(&directory.join(KEY))?;
        let lock = lock(&directory.join(KEY)).map_err(WitnessError::Lock)?;
        let mut logs: BTreeMap<String, Vec<VerifierKey>> = BTreeMap::new();
        for log in keys {
            logs.entry(log.name().to_owned()).or_default().push(log);
        }
        let ours = key.witness();
        let open = |(origin, keys): (String, Vec<VerifierKey>)| {
            // What it remembers it has cosigned itself.
            let is_ours = |note: &SignedNote| match note.cosigners(std::slice::from_ref(&ours))?.is_empty() {
                true => Err(NoteError::NotSigned),
                false => Ok(()),
            };
            let state = match State::read(&state_file(directory, &origin), &origin, is_ours) {
                Err(StateError::Missing(_)) => return Err(WitnessError::NewLog(origin)),
                read => read.map_err(at(&origin))?,
            };
            Ok((origin, Mutex::new(Watched { keys, state, is_usable: true, stop: None })))
        };
        let logs = logs.into_iter().map(open).collect::<Result<_, _>>()?;
        Ok(Self { key, directory: directory.to_owned(), logs, _lock: lock })
    }

    /// Whose cosignature it gives: for the policies of those who trust it.
    #[must_use]
    pub fn verifier(&self) -> WitnessKey {
        self.key.witness()
    }

    /// Answers the body of `POST add-checkpoint` with the line of the cosignature; `now` is in seconds
    /// since 1970. When the answer is there, the checkpoint is durable.
    pub fn add_checkpoint(&self, body: &[u8], now: u64) -> Result<String, WitnessRefusal> {
        let asked = AddCheckpoint::parse(body).ok_or(WitnessRefusal::Malformed)?;
        let text = asked.note.unverified_text();
        let checkpoint: Checkpoint = text.parse().map_err(|_| WitnessRefusal::Malformed)?;
        let log = self.logs.get(checkpoint.origin()).ok_or(WitnessRefusal::UnknownLog)?;
        // Held until the checkpoint is stored: of two requests the second sees what the first has done.
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        asked.note.verify(&log.keys).map_err(WitnessRefusal::NotSigned)?;
        if !log.is_usable {
            return Err(WitnessRefusal::Unusable);
        }
        if asked.old > checkpoint.size() {
            return Err(WitnessRefusal::Malformed);
        }
        let last = &log.state.last;
        if asked.old != last.size() {
            return Err(WitnessRefusal::Conflict(last.size()));
        }
        if checkpoint.size() == last.size() && checkpoint.root() != last.root() {
            self.keep_evidence(&log.state, &asked.note);
            return Err(WitnessRefusal::Conflict(last.size()));
        }
        verify_consistency(last.size(), checkpoint.size(), &asked.proof, &last.root(), &checkpoint.root())
            .map_err(|_| WitnessRefusal::Inconsistent)?;
        let cosignature = self.key.cosign(now, text);
        let note = log.cosigned(&asked.note, &cosignature).map_err(WitnessRefusal::NotSigned)?;
        let next = State { last: checkpoint, note: Some(note) };
        let path = state_file(&self.directory, next.last.origin());
        next.write(&path, log.stop).map_err(|why| {
            log.is_usable = false;
            WitnessRefusal::Store(why)
        })?;
        log.state = next;
        Ok(format!("{cosignature}\n"))
    }

    /// The last cosigned checkpoint of the log with that origin hash (SHA-256 of the origin, lower-case
    /// hex), with the log's signatures and the cosignature.
    pub fn checkpoint(&self, origin_hash: &str) -> Option<String> {
        let (_, log) = self.logs.iter().find(|(origin, _)| hex_of(origin) == origin_hash)?;
        log.lock().unwrap_or_else(PoisonError::into_inner).state.note.as_ref().map(ToString::to_string)
    }

    /// Two checkpoints of one size that the log has signed: whoever has both can show that it has two
    /// histories. The first evidence of a size is kept.
    fn keep_evidence(&self, known: &State, asked: &SignedNote) {
        let Some(cosigned) = &known.note else { return };
        let name = format!("evidence-{}-{}", hex_of(known.last.origin()), known.last.size());
        let path = self.directory.join(name);
        let (size, evidence) = (known.last.size(), path.display());
        match durable::create(&path, format!("{cosigned}\n{asked}").as_bytes()) {
            Err(why) if why.kind() != io::ErrorKind::AlreadyExists => tracing::error!(
                error = &why as &dyn std::error::Error,
                size,
                "a log has signed two histories, and the evidence could not be kept"
            ),
            _ => tracing::error!(size, %evidence, "a log has signed two histories; the evidence is kept"),
        }
    }
}

impl Watched {
    /// The note with the signatures of the log that are known, and ours: of nothing else is known what
    /// it is.
    fn cosigned(&self, note: &SignedNote, cosignature: &NoteSignature) -> Result<SignedNote, NoteError> {
        let is_known =
            |line: &&NoteSignature| self.keys.iter().any(|key| key.name() == line.name() && key.id() == line.key_id());
        let known = note.signatures().iter().filter(is_known).chain([cosignature]).cloned().collect();
        SignedNote::new(note.unverified_text(), known)
    }
}

fn at(origin: &str) -> impl FnOnce(StateError) -> WitnessError {
    let origin = origin.to_owned();
    |source| WitnessError::State { origin, source }
}

/// Where the memory of a log lies. An origin may hold slashes, so its hash names the file.
fn state_file(directory: &Path, origin: &str) -> PathBuf {
    directory.join(format!("log-{}", hex_of(origin)))
}

/// SHA-256 of an origin in lower-case hex, as the specification names logs in paths.
fn hex_of(origin: &str) -> String {
    digest(origin.as_bytes()).as_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests;
