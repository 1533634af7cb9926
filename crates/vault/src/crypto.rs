//! The few primitives that the rest is made of: keyed digests, one derivation, one cipher, and where
//! chance comes in.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::Zeroizing;

/// Bytes of a nonce, in front of every ciphertext.
pub(crate) const NONCE_BYTES: usize = 24;

/// A SHA-256 digest, or a keyed one: 32 bytes.
pub type Digest = [u8; 32];

/// Where random bytes come from. They must be the operating system's or those of a generator that is
/// as good; a closure over one is enough. A generator that begins with the same seed at every start
/// gives two keys the same nonce: it is for tests alone.
pub trait RandomBytes: Send + Sync {
    /// Fills the slice.
    fn fill(&self, bytes: &mut [u8]);
}

impl<F: Fn(&mut [u8]) + Send + Sync> RandomBytes for F {
    fn fill(&self, bytes: &mut [u8]) {
        self(bytes);
    }
}

/// Does not compile if the cipher forgets to wipe its key.
const _: () = {
    const fn is_wiped<T: zeroize::ZeroizeOnDrop>() {}
    is_wiped::<XChaCha20Poly1305>();
};

/// As many random bytes as the caller's array has, wiped when they are dropped.
pub(crate) fn random<const N: usize>(source: &dyn RandomBytes) -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    source.fill(bytes.as_mut_slice());
    bytes
}

/// A random identity (UUID version 4).
pub(crate) fn random_uuid(source: &dyn RandomBytes) -> Uuid {
    uuid::Builder::from_random_bytes(*random(source)).into_uuid()
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA-256 of the parts, one after the other.
pub(crate) fn keyed_digest(key: &[u8; 32], parts: &[&[u8]]) -> Digest {
    // A key shorter than a block of the hash counts as if zeros followed it (RFC 2104, section 2).
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// HKDF-SHA-256 without a salt, 32 bytes.
pub(crate) fn derive(key: &[u8; 32], info: &[&[u8]]) -> Result<Zeroizing<[u8; 32]>, Unsealable> {
    let mut derived = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key).expand_multi_info(info, derived.as_mut_slice()).map_err(|_| Unsealable)?;
    Ok(derived)
}

/// The cipher refused: a wrong key, other associated data, or changed bytes. It does not say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unsealable;

/// XChaCha20-Poly1305 under a random nonce: nonce, ciphertext, tag.
pub(crate) fn encrypt(
    key: &[u8; 32],
    associated: &[u8],
    plain: &[u8],
    source: &dyn RandomBytes,
) -> Result<Vec<u8>, Unsealable> {
    let nonce = random::<NONCE_BYTES>(source);
    let payload = Payload { msg: plain, aad: associated };
    let text = XChaCha20Poly1305::new(key.into()).encrypt(&XNonce::from(*nonce), payload).map_err(|_| Unsealable)?;
    Ok([nonce.as_slice(), &text].concat())
}

/// The plaintext of what [`encrypt`] gave.
pub(crate) fn decrypt(key: &[u8; 32], associated: &[u8], bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let (nonce, text) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(Unsealable)?;
    let payload = Payload { msg: text, aad: associated };
    let plain = XChaCha20Poly1305::new(key.into()).decrypt(&XNonce::from(*nonce), payload).map_err(|_| Unsealable)?;
    Ok(Zeroizing::new(plain))
}

/// A text with its length before it, so that two texts in a row cannot be read as two others.
pub(crate) fn push_sized(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}
