//! The body of a checkpoint (C2SP tlog-checkpoint v1.0.0): which log, how large, with which root.
//! Signed as a note it is the only thing here that is ever called a checkpoint.

use std::fmt;
use std::str::FromStr;

use crate::hash::Hash;
use crate::writer::MAX_INTEGER;

/// What a log says of its tree: origin, size, root, and extension lines of others.
///
/// Its text is written by [`fmt::Display`] and read by [`FromStr`]; one checkpoint has one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// The text is not a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// Fewer than three lines, an empty line, or no newline at the end.
    #[error("a checkpoint has three lines or more, none empty, each with its newline")]
    Lines,
    /// The origin is empty or has a control character.
    #[error("the origin is empty or has a control character")]
    Origin,
    /// The second line is no decimal number without leading zeros, or exceeds [`MAX_INTEGER`].
    #[error("the size is not a plain decimal number up to 2^53 - 1")]
    Size,
    /// The third line is no hash.
    #[error("the root is not 32 bytes as standard base64")]
    Root,
    /// An extension line has a control character.
    #[error("an extension line has a control character")]
    Extension,
}

impl Checkpoint {
    /// What the log of this origin says at `size` leaves. Our own logs never write extension lines:
    /// nobody can audit them.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if !is_line(origin) {
            return Err(CheckpointError::Origin);
        }
        if size > MAX_INTEGER {
            return Err(CheckpointError::Size);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// Which log it is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of leaves, which is the position of the last event.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree of that size.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.root
    }

    /// Lines after the third one, not interpreted.
    #[must_use]
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_standard_b64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let lines: Vec<&str> = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?.split('\n').collect();
        let [origin, size, root, extensions @ ..] = &lines[..] else {
            return Err(CheckpointError::Lines);
        };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = Hash::from_standard_b64(root).map_err(|_| CheckpointError::Root)?;
        let checkpoint = Self::new(origin, size, root)?;
        if !extensions.iter().all(|line| is_line(line)) {
            return Err(CheckpointError::Extension);
        }
        Ok(Self { extensions: extensions.iter().map(|line| (*line).to_owned()).collect(), ..checkpoint })
    }
}

/// Not empty and without control characters, the newline among them.
fn is_line(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte >= b' ')
}

/// Reads ASCII digits without sign and leading zeros, up to [`MAX_INTEGER`].
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|number| is_plain && *number <= MAX_INTEGER)
}
