//! API keys: 256 random bits behind the prefix `sfs_`. Only the digest is kept.

use std::fmt;

use sha2::{Digest, Sha256};

const PREFIX: &str = "sfs_";

/// A key as its owner sees it, once. Never logged, never stored.
pub struct ApiKeySecret(String);

/// SHA-256 of a key. A random key needs no slow hash.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub [u8; 32]);

/// The text is not an API key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an API key is `sfs_` and 64 hexadecimal digits")]
pub struct NotAnApiKey;

impl ApiKeySecret {
    /// The key made of these random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        use fmt::Write;
        let mut text = PREFIX.to_owned();
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }

    /// The text to hand over.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn digest(&self) -> KeyDigest {
        KeyDigest(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for ApiKeySecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sfs_…")
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

impl KeyDigest {
    /// The digest of a presented key. Looking it up compares digests of a secret, so the time of
    /// the comparison tells nothing about the key.
    pub fn of_presented(text: &str) -> Result<Self, NotAnApiKey> {
        let digits = text.strip_prefix(PREFIX).ok_or(NotAnApiKey)?;
        if digits.len() == 64 && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(Sha256::digest(text.as_bytes()).into()))
        } else {
            Err(NotAnApiKey)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_digest_and_never_shown() {
        let key = ApiKeySecret::from_random([7; 32]);
        assert_eq!(KeyDigest::of_presented(key.reveal()), Ok(key.digest()));
        assert!(!format!("{key:?}{:?}", key.digest()).contains("0707"));
        for wrong in ["", "sfs_", "sfs_07", &key.reveal().replace("sfs_", "abc_")] {
            assert_eq!(KeyDigest::of_presented(wrong), Err(NotAnApiKey));
        }
    }
}
