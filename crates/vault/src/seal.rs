//! Sealed slots: one ciphertext per person and purpose of an event. It is bound to its place, so that
//! it cannot be moved to another event, another slot or another type, and padded, so that its length
//! does not tell `true` from `false`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::{Digest, RandomBytes, decrypt, derive, encrypt, push_sized, sha256};
use crate::key::{KeyId, KeyReading, SubjectKey};
use crate::personal::{Personal, Reading};
use crate::purpose::Class;

/// The algorithm as the leaf names it: XChaCha20-Poly1305 under HKDF-SHA-256 of the subject's key,
/// the plaintext padded to blocks of 64 bytes.
pub const ALGORITHM: &str = "xc20p";

/// Plaintexts are padded to a multiple of this many bytes.
const BLOCK: usize = 64;

/// Where a slot is: what its ciphertext is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// Origin of the log.
    pub origin: &'a str,
    /// Event id.
    pub event: Uuid,
    /// Which of the event's slots, from 0: its place in the leaf's `sealed`.
    pub slot: u16,
    /// Stored name of the event.
    pub event_type: &'a str,
}

/// A sealed slot: what the leaf says of it, and the bytes that lie beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key; the leaf's `k`.
    pub key: KeyId,
    /// SHA-256 of `bytes`; the leaf's `h`.
    pub digest: Digest,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Why a value cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The value was erased: there is nothing left to seal.
    #[error("an erased value cannot be sealed")]
    Erased,
    /// The value has no JSON form.
    #[error("the value cannot be encoded")]
    Encode(#[source] serde_json::Error),
    /// The cipher takes no text of that length.
    #[error("the value is too long to be sealed")]
    TooLong,
}

/// Why a slot cannot be opened although its key is there. None of it means that it was erased.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The ciphertext is not there although the key is.
    #[error("the sealed value is missing, and its key is not destroyed")]
    Missing,
    /// Another key, another place, or changed bytes: the cipher does not say which.
    #[error("the sealed value does not belong to this key and place, or it was changed")]
    Refused,
    /// What was sealed is not a value of the expected form.
    #[error("the sealed value has another form")]
    Form(#[source] serde_json::Error),
}

/// Seals a value for its place under a key of its own purpose.
pub fn seal<C: Class, T: Serialize>(
    key: &SubjectKey<C>,
    place: &Place<'_>,
    value: &Personal<C, T>,
    random: &dyn RandomBytes,
) -> Result<Sealed, SealError> {
    let Reading::Known(value) = value.reveal() else {
        return Err(SealError::Erased);
    };
    // Long enough for most values, so that no copy stays behind where the text grew.
    let mut plain = Zeroizing::new(Vec::with_capacity(8 * BLOCK));
    serde_json::to_writer(&mut *plain, value).map_err(SealError::Encode)?;
    pad(&mut plain);
    let slot_key = place.key(key.bytes()).map_err(|_| SealError::TooLong)?;
    let bytes = encrypt(&slot_key, &place.associated(), &plain, random).map_err(|_| SealError::TooLong)?;
    Ok(Sealed { key: key.id(), digest: sha256(&bytes), bytes })
}

/// Opens a slot. A destroyed key gives an erased value, whether the ciphertext (`None` once it was
/// purged) is still there or not.
pub fn open<C: Class, T: DeserializeOwned>(
    key: &KeyReading<C>,
    place: &Place<'_>,
    bytes: Option<&[u8]>,
) -> Result<Personal<C, T>, OpenError> {
    let KeyReading::Held(key) = key else {
        return Ok(Personal::erased());
    };
    let bytes = bytes.ok_or(OpenError::Missing)?;
    let slot_key = place.key(key.bytes()).map_err(|_| OpenError::Refused)?;
    let padded = decrypt(&slot_key, &place.associated(), bytes).map_err(|_| OpenError::Refused)?;
    let plain = unpadded(&padded).ok_or(OpenError::Refused)?;
    serde_json::from_slice(plain).map(Personal::new).map_err(|why| OpenError::Form(value_free(&why)))
}

/// The error without what it quotes: a parser shows the value that it did not expect.
fn value_free(why: &serde_json::Error) -> serde_json::Error {
    serde::de::Error::custom(format_args!("{:?} error in column {}", why.classify(), why.column()))
}

impl Place<'_> {
    fn key(&self, subject_key: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, crate::crypto::Unsealable> {
        derive(subject_key, &[b"slot", self.event.as_bytes(), &self.slot.to_be_bytes()])
    }

    fn associated(&self) -> Vec<u8> {
        let mut text = b"sfs slot 1".to_vec();
        push_sized(&mut text, self.origin);
        text.extend_from_slice(self.event.as_bytes());
        text.extend_from_slice(&self.slot.to_be_bytes());
        push_sized(&mut text, self.event_type);
        text
    }
}

/// ISO/IEC 7816-4: a byte 0x80, then zeros up to the end of the block.
fn pad(plain: &mut Vec<u8>) {
    plain.push(0x80);
    plain.resize(plain.len().next_multiple_of(BLOCK), 0);
}

fn unpadded(padded: &[u8]) -> Option<&[u8]> {
    let end = padded.iter().rposition(|byte| *byte != 0)?;
    (padded[end] == 0x80).then(|| &padded[..end])
}
