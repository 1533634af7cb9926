//! Cosignatures (C2SP tlog-cosignature, Ed25519): with one a witness says at what time the signed
//! checkpoint was the largest that it had seen of this log, and that the log had only grown until then.

use crate::note::{NamedKey, NoteError, NoteSignature, SignedNote};

/// The signature type byte of Ed25519 cosignatures with a time.
pub const COSIGNATURE: u8 = 0x04;

/// The largest time of a cosignature, in seconds since 1970: 2^63 - 1.
pub const MAX_COSIGNATURE_TIME: u64 = i64::MAX as u64;

/// Whose cosignature counts: a witness's. The same bytes as a log's key are another key.
pub type WitnessKey = NamedKey<COSIGNATURE>;

/// What a witness signs: the time, in seconds since 1970, and the whole text of the note.
#[must_use]
pub fn cosigned_message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

impl NoteSignature {
    /// The line for the 64 bytes that the witness made over [`cosigned_message`] of this time.
    #[must_use]
    pub fn cosignature(key: &WitnessKey, time: u64, signature: [u8; 64]) -> Self {
        Self::of(key, [&time.to_be_bytes()[..], &signature].concat())
    }
}

impl WitnessKey {
    /// The time of a cosignature that this key made over the text; `None` if it did not.
    #[must_use]
    pub fn cosigned(&self, text: &str, signature: &NoteSignature) -> Option<u64> {
        let (time, bytes) = signature.bytes().split_first_chunk()?;
        let time = u64::from_be_bytes(*time);
        let is_right = time <= MAX_COSIGNATURE_TIME && self.verifies(&cosigned_message(time, text), bytes);
        (is_right && Self::claimed(signature, [self]) == Ok(Some(self))).then_some(time)
    }
}

impl SignedNote {
    /// Which of these witnesses have cosigned the text, each once with its newest time, in seconds
    /// since 1970. Lines of others are ignored; a wrong one of a known witness condemns the note.
    pub fn cosigners<'a>(&self, keys: &'a [WitnessKey]) -> Result<Vec<(&'a WitnessKey, u64)>, NoteError> {
        let mut found: Vec<(&WitnessKey, u64)> = Vec::new();
        for signature in self.signatures() {
            let Some(key) = WitnessKey::claimed(signature, keys)? else { continue };
            let time = key.cosigned(self.unverified_text(), signature);
            let time = time.ok_or_else(|| NoteError::WrongSignature(key.name().to_owned()))?;
            match found.iter_mut().find(|(known, _)| *known == key) {
                Some((_, newest)) => *newest = time.max(*newest),
                None => found.push((key, time)),
            }
        }
        Ok(found)
    }
}
