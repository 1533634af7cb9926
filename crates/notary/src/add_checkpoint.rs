//! The one request of C2SP tlog-witness: a checkpoint that a log asks a witness to cosign, and the proof
//! that it continues what the witness has cosigned before.

use std::fmt;

use sfs_ledger::{Hash, SignedNote};

/// Hashes that a request may have, by the specification.
const MAX_PROOF: usize = 63;

/// Limit of a request in bytes: a note with a few dozen signatures.
pub const MAX_ADD_CHECKPOINT_BYTES: usize = 64 * 1024;

/// What is sent to a witness. Written by [`fmt::Display`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AddCheckpoint {
    /// Size that the witness is believed to have cosigned last; 0 if none.
    pub(crate) old: u64,
    /// From that size to the checkpoint's (RFC 9162 §2.1.4).
    pub(crate) proof: Vec<Hash>,
    /// The checkpoint, signed by the log.
    pub(crate) note: SignedNote,
}

impl AddCheckpoint {
    /// Reads a request; one request has one text.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok().filter(|text| text.len() <= MAX_ADD_CHECKPOINT_BYTES)?;
        let (head, note) = text.split_once("\n\n")?;
        let mut lines = head.split('\n');
        let old = plain_number(lines.next()?.strip_prefix("old ")?)?;
        let proof: Vec<Hash> = lines.map(|line| Hash::from_standard_b64(line).ok()).collect::<Option<_>>()?;
        let note = SignedNote::parse(note.as_bytes()).ok()?;
        (proof.len() <= MAX_PROOF).then_some(Self { old, proof, note })
    }
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_standard_b64()))?;
        write!(f, "\n{}", self.note)
    }
}

/// Decimal digits without sign and leading zeros.
pub(crate) fn plain_number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number: &u64| number.to_string() == text)
}
