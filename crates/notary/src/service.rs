//! The signer as a process of its own: it answers at a Unix socket, one question after another, and
//! believes nothing that it is told but what the consistency proof shows.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sfs_ledger::{Checkpoint, VerifierKey};

use crate::protocol::{self, Answer, Question};
use crate::signer::{SignError, Signer};

/// How long an asker may take for its question. One that hangs keeps the others waiting so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why a signer does not answer at a socket.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Another process answers there.
    #[error("another process answers at {}", .0.display())]
    InUse(PathBuf),
    /// The system does not make or open the socket.
    #[error("cannot answer at {}", socket.display())]
    Socket {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A state could not be stored: the signer must be started again.
    #[error(transparent)]
    Signer(SignError),
}

/// A signer at its socket. What the socket leaves behind, the next one replaces.
#[derive(Debug)]
pub struct SignerService {
    signer: Signer,
    listener: UnixListener,
    socket: PathBuf,
}

impl SignerService {
    /// Makes the socket. `mode` says who may ask: 0600 the owner, 0660 its group too. What a killed
    /// process left there is replaced.
    pub fn bind(signer: Signer, socket: &Path, mode: u32) -> Result<Self, ServiceError> {
        let failed = |source| ServiceError::Socket { socket: socket.to_owned(), source };
        if UnixStream::connect(socket).is_ok() {
            return Err(ServiceError::InUse(socket.to_owned()));
        }
        // Under another name first, so that nobody finds it before it has its mode.
        let mut other = socket.as_os_str().to_owned();
        other.push(".new");
        let other = PathBuf::from(other);
        match fs::remove_file(&other) {
            Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(failed(why)),
            _ => {}
        }
        let listener = UnixListener::bind(&other).map_err(failed)?;
        fs::set_permissions(&other, fs::Permissions::from_mode(mode)).map_err(failed)?;
        fs::rename(&other, socket).map_err(failed)?;
        Ok(Self { signer, listener, socket: socket.to_owned() })
    }

    /// Answers until the signer must be opened again. Whoever ends it ends the process: a kill loses
    /// nothing.
    pub fn run(mut self) -> ServiceError {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return ServiceError::Socket { socket: self.socket.clone(), source },
            };
            let (answer, broken) = match protocol::read(&mut stream, PATIENCE) {
                Ok(question) => self.answer(question),
                Err(why) => (Answer::Failed { why: format!("no question came: {why}") }, None),
            };
            // Whoever does not listen to the answer asks again.
            let _ = protocol::write(&mut stream, &answer, PATIENCE);
            if let Some(why) = broken {
                return ServiceError::Signer(why);
            }
        }
    }

    /// The answer, and why it is the last one.
    fn answer(&mut self, question: Question) -> (Answer, Option<SignError>) {
        let answer = match question {
            Question::Last {} => {
                let note = self.signer.last_note().map(ToString::to_string);
                Answer::Last { checkpoint: self.signer.last().to_string(), note }
            }
            Question::Verifiers {} => {
                Answer::Verifiers { keys: self.signer.verifiers().iter().map(VerifierKey::to_string).collect() }
            }
            Question::Sign { checkpoint, proof } => match checkpoint.parse::<Checkpoint>() {
                Err(why) => Answer::Failed { why: why.to_string() },
                Ok(checkpoint) => match self.signer.sign(&checkpoint, &proof) {
                    Ok(note) => Answer::Signed { note: note.to_string() },
                    Err(why) if matches!(why, SignError::Store(_) | SignError::Unusable) => {
                        return (Answer::Failed { why: why.to_string() }, Some(why));
                    }
                    Err(why) => {
                        tracing::error!(error = &why as &dyn std::error::Error, "a checkpoint was not signed");
                        Answer::Refused { why: why.to_string() }
                    }
                },
            },
        };
        (answer, None)
    }
}
