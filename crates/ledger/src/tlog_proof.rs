//! A proof that can be handed out (C2SP tlog-proof): the place of one leaf, its path, and the
//! checkpoint with its signatures, as one text file. It needs nothing but the keys of the log to be
//! checked.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::hash::Hash;
use crate::note::{MAX_NOTE_BYTES, NoteError, SignedNote, VerifierKey};
use crate::proof::{ProofError, verify_inclusion};

/// The first line.
const TITLE: &str = "c2sp.org/tlog-proof@v1";

/// Limit of the opaque data in bytes.
pub const MAX_EXTRA_BYTES: usize = 65_535;

/// Hashes that a path can have: a tree is at most so high.
const MAX_PATH: usize = 53;

/// A proof of inclusion with the checkpoint that it leads to. Written by [`fmt::Display`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    extra: Option<Vec<u8>>,
    index: u64,
    path: Vec<Hash>,
    checkpoint: SignedNote,
}

/// A proof file is malformed or proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlogProofError {
    /// The lines before the checkpoint are not as the format has them, or too long.
    #[error("the lines before the checkpoint are not those of a {TITLE}")]
    Malformed,
    /// The checkpoint is no note, or not signed by the log.
    #[error("the checkpoint of the proof is not a note signed by the log")]
    Note(#[from] NoteError),
    /// The signed text is no checkpoint.
    #[error("the signed text of the proof is not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log `{0}`")]
    Origin(String),
    /// The path does not lead from the leaf to the root of the checkpoint.
    #[error("the proof does not lead to the checkpoint")]
    Proof(#[from] ProofError),
}

impl TlogProof {
    /// The proof of leaf `index` (from 0) with the path to the root of the checkpoint. Whether it
    /// holds is not checked here.
    pub fn new(index: u64, path: Vec<Hash>, checkpoint: SignedNote) -> Result<Self, TlogProofError> {
        Self { extra: None, index, path, checkpoint }.within_limits()
    }

    /// The same with opaque data, which nothing authenticates: 1 to [`MAX_EXTRA_BYTES`] bytes.
    pub fn with_extra(self, extra: Vec<u8>) -> Result<Self, TlogProofError> {
        Self { extra: Some(extra), ..self }.within_limits()
    }

    fn within_limits(self) -> Result<Self, TlogProofError> {
        let extra = self.extra.as_ref().is_none_or(|extra| (1..=MAX_EXTRA_BYTES).contains(&extra.len()));
        let is_right = extra && self.path.len() <= MAX_PATH && self.index < crate::MAX_INTEGER;
        if is_right { Ok(self) } else { Err(TlogProofError::Malformed) }
    }

    /// Reads a proof. One proof has one text.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        if bytes.len() > MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES {
            return Err(TlogProofError::Malformed);
        }
        let text = str::from_utf8(bytes).map_err(|_| TlogProofError::Malformed)?;
        // No line of the proof itself is empty.
        let (head, note) = text.split_once("\n\n").ok_or(TlogProofError::Malformed)?;
        let (extra, index, path) = parse_head(head).ok_or(TlogProofError::Malformed)?;
        Self { extra, index, path, checkpoint: SignedNote::parse(note.as_bytes())? }.within_limits()
    }

    /// Place of the leaf, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// From the leaf's sibling up.
    #[must_use]
    pub fn path(&self) -> &[Hash] {
        &self.path
    }

    /// Opaque data, which nothing authenticates.
    #[must_use]
    pub fn extra(&self) -> Option<&[u8]> {
        self.extra.as_deref()
    }

    /// The checkpoint with all its signatures, the witnesses' among them.
    #[must_use]
    pub fn checkpoint(&self) -> &SignedNote {
        &self.checkpoint
    }

    /// Checks that the leaf with this hash is in the log of this origin, whose keys these are, and
    /// gives the checkpoint that says so. Whether enough witnesses have seen the checkpoint is for
    /// a policy to say.
    pub fn verify(&self, leaf: &Hash, origin: &str, keys: &[VerifierKey]) -> Result<Checkpoint, TlogProofError> {
        let checkpoint: Checkpoint = self.checkpoint.verify(keys)?.text.parse()?;
        if checkpoint.origin() != origin {
            return Err(TlogProofError::Origin(checkpoint.origin().to_owned()));
        }
        verify_inclusion(leaf, self.index, checkpoint.size(), &self.path, &checkpoint.root())?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_standard_b64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// What stands before the empty line.
type ParsedHead = (Option<Vec<u8>>, u64, Vec<Hash>);

fn parse_head(head: &str) -> Option<ParsedHead> {
    let mut lines = head.split('\n').peekable();
    if lines.next()? != TITLE {
        return None;
    }
    let extra = match lines.peek()?.strip_prefix("extra ") {
        Some(encoded) => {
            lines.next();
            Some(STANDARD.decode(encoded).ok()?)
        }
        None => None,
    };
    let index = decimal(lines.next()?.strip_prefix("index ")?)?;
    let path = lines.map(|line| Hash::from_standard_b64(line).ok()).collect::<Option<_>>()?;
    Some((extra, index, path))
}
