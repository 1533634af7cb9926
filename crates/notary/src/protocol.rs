//! What a log and its signer say to each other when the signer is a process of its own: one JSON
//! object a line over a Unix socket, one question and one answer a connection, nothing long.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sfs_ledger::Hash;

/// A longer line is no question and no answer: a proof has at most 106 hashes of 43 characters.
pub(crate) const MAX_LINE: usize = 32 * 1024;

/// What a signer is asked.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Question {
    /// What it has signed last.
    Last {},
    /// For a signature of that checkpoint (C2SP tlog-checkpoint), with the consistency proof from the
    /// last one.
    Sign { checkpoint: String, proof: Vec<Hash> },
    /// Whom a verifier may know.
    Verifiers {},
}

/// What it says.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Answer {
    /// The last checkpoint, and its note if anything has been signed.
    Last { checkpoint: String, note: Option<String> },
    /// The note, which is durable with the signer.
    Signed { note: String },
    /// Verifier keys, oldest first.
    Verifiers { keys: Vec<String> },
    /// The checkpoint does not continue what was signed.
    Refused { why: String },
    /// The question is none, or the signer cannot work.
    Failed { why: String },
}

/// Writes one line within that time.
pub(crate) fn write(stream: &mut UnixStream, message: &impl Serialize, within: Duration) -> io::Result<()> {
    stream.set_write_timeout(Some(within))?;
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    stream.write_all(&line)
}

/// Reads one line within that time, however slowly its bytes come.
pub(crate) fn read<T: DeserializeOwned>(stream: &mut UnixStream, within: Duration) -> io::Result<T> {
    let until = Instant::now() + within;
    let mut line = Vec::with_capacity(1_024);
    let mut piece = [0; 4_096];
    while line.last() != Some(&b'\n') {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n if line.len() + n > MAX_LINE => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line too long"));
            }
            n => line.extend_from_slice(&piece[..n]),
        }
    }
    Ok(serde_json::from_slice(&line)?)
}
