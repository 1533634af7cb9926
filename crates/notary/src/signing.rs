//! Who signs for a log: a signer in this process, or one that is a process of its own behind a socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sfs_ledger::{Checkpoint, Hash, SignedNote, VerifierKey};

use crate::protocol::{self, Answer, Question};
use crate::signer::{SignError, Signer, SignerError};
use crate::state::{State, StateError};

/// How long a signer may take for an answer: two writes to a disk that others use too.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum SigningError {
    /// The signer in this process has not signed.
    #[error(transparent)]
    Here(#[from] SignError),
    /// The signer behind the socket says that the checkpoint does not continue what it has signed.
    #[error("the signer refuses: {0}")]
    Refused(String),
    /// The signer behind the socket could not do it.
    #[error("the signer cannot sign: {0}")]
    Failed(String),
    /// Nobody answers at the socket.
    #[error("the signer at {} does not answer", socket.display())]
    Away {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What came from the socket is no answer to the question.
    #[error("what answers at {} is not the signer of this log", .0.display())]
    NoAnswer(PathBuf),
}

impl SigningError {
    /// Whether the log is not what was signed.
    pub(crate) const fn is_refusal(&self) -> bool {
        match self {
            Self::Here(why) => !matches!(why, SignError::Store(_) | SignError::Unusable),
            Self::Refused(_) => true,
            Self::Failed(_) | Self::Away { .. } | Self::NoAnswer(_) => false,
        }
    }
}

/// The signer of one log.
#[derive(Debug)]
pub enum Signing {
    /// It lies in this process, and holds its state.
    Here(Box<Signer>),
    /// It is a process of its own, reached through this socket.
    There(PathBuf),
}

/// What a signer has signed last: of an empty tree and without a note if nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// The same, signed.
    pub note: Option<SignedNote>,
}

impl Signed {
    /// Reads a signer's state, or a copy of one: one of these keys must have signed it.
    pub fn read(path: &Path, origin: &str, keys: &[VerifierKey]) -> Result<Self, StateError> {
        let state = State::read(path, origin, |note| note.verify(keys).map(drop))?;
        Ok(Self { checkpoint: state.last, note: state.note })
    }

    /// Writes it as a signer's state, durably.
    pub fn store(&self, path: &Path) -> Result<(), StateError> {
        let state = State { last: self.checkpoint.clone(), note: self.note.clone() };
        state.write(path, None).map_err(StateError::io(path))
    }
}

impl Signing {
    /// Opens the signer whose keys and state are in that directory.
    pub fn here(directory: &Path) -> Result<Self, SignerError> {
        Ok(Self::Here(Box::new(Signer::open_in(directory)?)))
    }

    /// What was signed last.
    pub fn last(&self) -> Result<Signed, SigningError> {
        let socket = match self {
            Self::Here(signer) => {
                return Ok(Signed { checkpoint: signer.last().clone(), note: signer.last_note().cloned() });
            }
            Self::There(socket) => socket,
        };
        match ask(socket, &Question::Last {})? {
            Answer::Last { checkpoint, note } => {
                let note = note.map(|note| SignedNote::parse(note.as_bytes())).transpose();
                match (checkpoint.parse(), note) {
                    (Ok(checkpoint), Ok(note)) => Ok(Signed { checkpoint, note }),
                    _ => Err(SigningError::NoAnswer(socket.clone())),
                }
            }
            other => Err(unexpected(socket, other)),
        }
    }

    /// Has that checkpoint signed; see [`Signer::sign`].
    pub fn sign(&mut self, checkpoint: &Checkpoint, proof: &[Hash]) -> Result<SignedNote, SigningError> {
        let socket = match self {
            Self::Here(signer) => return Ok(signer.sign(checkpoint, proof)?),
            Self::There(socket) => &*socket,
        };
        let question = Question::Sign { checkpoint: checkpoint.to_string(), proof: proof.to_vec() };
        match ask(socket, &question)? {
            // Whoever answers does not put another checkpoint into our mouth.
            Answer::Signed { note } => SignedNote::parse(note.as_bytes())
                .ok()
                .filter(|note| note.unverified_text() == checkpoint.to_string())
                .ok_or_else(|| SigningError::NoAnswer(socket.to_owned())),
            other => Err(unexpected(socket, other)),
        }
    }

    /// Whom a verifier may know, oldest first.
    pub fn verifiers(&self) -> Result<Vec<VerifierKey>, SigningError> {
        let socket = match self {
            Self::Here(signer) => return Ok(signer.verifiers()),
            Self::There(socket) => socket,
        };
        match ask(socket, &Question::Verifiers {})? {
            Answer::Verifiers { keys } => {
                let keys = keys.iter().map(|key| key.parse()).collect::<Result<_, _>>();
                keys.map_err(|_| SigningError::NoAnswer(socket.clone()))
            }
            other => Err(unexpected(socket, other)),
        }
    }
}

fn unexpected(socket: &Path, answer: Answer) -> SigningError {
    match answer {
        Answer::Refused { why } => SigningError::Refused(why),
        Answer::Failed { why } => SigningError::Failed(why),
        _ => SigningError::NoAnswer(socket.to_owned()),
    }
}

/// One question on a connection of its own: a signer that was restarted is found again by itself.
fn ask(socket: &Path, question: &Question) -> Result<Answer, SigningError> {
    let away = |source: io::Error| SigningError::Away { socket: socket.to_owned(), source };
    let mut stream = UnixStream::connect(socket).map_err(away)?;
    protocol::write(&mut stream, question, PATIENCE).map_err(away)?;
    protocol::read(&mut stream, PATIENCE).map_err(|why| match why.kind() {
        io::ErrorKind::InvalidData => SigningError::NoAnswer(socket.to_owned()),
        _ => away(why),
    })
}

#[cfg(test)]
mod tests;
