//! SHA-256 in the three roles it has here, each with its own prefix or none: leaf, inner node,
//! digest of stored bytes. The prefixes (RFC 9162 2.1.1) keep a leaf from being passed off as a
//! node.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::{reader, writer};

/// 32 bytes of SHA-256. As text it is base64url without padding, 43 characters, everywhere but in
/// the formats of C2SP, which have standard base64.
///
/// Its order is the order of its bytes, which is not the order of its texts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The text or the bytes are not a hash: wrong length, foreign alphabet, padding or loose trailing
/// bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 32 bytes, or not their base64url without padding")]
pub struct NotAHash;

impl Hash {
    /// The 43 characters of base64url without padding.
    #[must_use]
    pub fn to_b64(&self) -> String {
        let mut text = Vec::with_capacity(43);
        writer::push_base64(&mut text, &self.0);
        text.into_iter().map(char::from).collect()
    }

    /// Reads what [`Hash::to_b64`] writes and nothing else: one hash has one text.
    pub fn from_b64(text: &str) -> Result<Self, NotAHash> {
        reader::base64(text).map(Self).ok_or(NotAHash)
    }

    /// The 44 characters of standard base64, as the formats of C2SP have them.
    #[must_use]
    pub fn to_standard_b64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads what [`Hash::to_standard_b64`] writes and nothing else.
    pub fn from_standard_b64(text: &str) -> Result<Self, NotAHash> {
        let bytes = STANDARD.decode(text).map_err(|_| NotAHash)?;
        Self::try_from(&bytes[..])
    }

    /// The bytes, as a database stores them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = NotAHash;

    fn try_from(bytes: &[u8]) -> Result<Self, NotAHash> {
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        Self::from_b64(text)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_b64())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_b64())
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_b64())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::from_b64(&text).map_err(serde::de::Error::custom)
    }
}

/// The hash of a leaf's stored bytes: SHA-256(0x00 || leaf), RFC 9162 2.1.1.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Hash(Sha256::new_with_prefix([0x00]).chain_update(leaf).finalize().into())
}

/// The hash of an inner node: SHA-256(0x01 || left || right), RFC 9162 2.1.1.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut text = [0x01; 65];
    text[1..33].copy_from_slice(&left.0);
    text[33..].copy_from_slice(&right.0);
    digest(&text)
}

/// Plain SHA-256 of stored bytes: an open body, a sealed slot, a file.
#[must_use]
pub fn digest(bytes: &[u8]) -> Hash {
    Hash(Sha256::digest(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        hash.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_three_roles_differ_by_their_prefix_only() {
        // `printf abc | sha256sum`, the example of FIPS 180-4.
        assert_eq!(hex(digest(b"abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(leaf_hash(b"abc"), digest(b"\0abc"));
        // The empty leaf of the RFC 6962 test vectors.
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let (left, right) = (digest(b"left"), digest(b"right"));
        let joined = [&[0x01], left.as_ref(), right.as_ref()].concat();
        assert_eq!(node_hash(&left, &right), digest(&joined));
        assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
    }

    #[test]
    fn a_hash_has_exactly_one_text() {
        let hash = digest(b"");
        let text = hash.to_b64();
        assert_eq!(text, "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        assert_eq!(Hash::from_b64(&text), Ok(hash));
        assert_eq!(format!("{hash:?} {hash}"), format!("{text} {text}"));

        let loose_bits = format!("{}V", &text[..42]);
        let standard = text.replace('-', "+").replace('_', "/");
        for wrong in [
            String::new(),
            text[..42].to_owned(),
            format!("{text}A"),
            format!("{text}="),
            format!(" {text}"),
            loose_bits,
            standard,
            "ä".repeat(21) + "a",
        ] {
            assert_eq!(Hash::from_b64(&wrong), Err(NotAHash), "{wrong}");
        }
    }

    #[test]
    fn a_hash_has_exactly_one_standard_text() {
        let hash = digest(b"");
        let text = hash.to_standard_b64();
        assert_eq!(text, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        assert_eq!(Hash::from_standard_b64(&text), Ok(hash));
        for wrong in [&text[..43], &text.replace('U', "V")[..], &hash.to_b64(), &format!("{text}\n"), "", "AAAA"] {
            assert_eq!(Hash::from_standard_b64(wrong), Err(NotAHash), "{wrong}");
        }
    }

    #[test]
    fn json_carries_the_text() {
        let hash = digest(b"abc");
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(json, format!("\"{hash}\""));
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
        assert!(serde_json::from_str::<Hash>("\"abc\"").is_err());
        assert!(serde_json::from_slice::<Hash>(b"7").is_err());
    }

    #[test]
    fn bytes_of_another_length_are_no_hash() {
        assert_eq!(Hash::try_from(&[7; 32][..]), Ok(Hash::from([7; 32])));
        assert_eq!(Hash::try_from(&[7; 31][..]), Err(NotAHash));
        assert_eq!(Hash::try_from(&[7; 33][..]), Err(NotAHash));
    }
}
