//! Key-encryption keys: what wraps the subjects' keys where they are stored. They are versioned, come
//! from outside, and are never written anywhere by this program once they were handed out.
//!
//! The text is one key a line, `<version> <43 characters of base64url>`; the highest version wraps,
//! the others only open. Empty lines and lines that begin with `#` are left out.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::crypto::{RandomBytes, Unsealable, decrypt, encrypt, push_sized, random};
use crate::key::{KeyId, SubjectId};

/// A longer text is no list of keys.
const MAX_BYTES: u64 = 64 * 1024;

/// Why there are no key-encryption keys. None of it shows a byte of one.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read.
    #[error("cannot read the key-encryption keys in {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error("{} has the mode {mode:04o}: only its owner may read it; run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// It is a directory, a device or a pipe.
    #[error("{} is not a file", .0.display())]
    NotAFile(PathBuf),
    /// The credential's name is no plain file name.
    #[error("`{0}` is not the name of a credential")]
    CredentialName(String),
    /// The variable, or the directory of credentials, is not set.
    #[error("the environment variable `{0}` is not set")]
    NotSet(String),
    /// A line is not a version and a key.
    #[error("line {0} of the key-encryption keys is not `<version> <43 characters of base64url>`")]
    Line(usize),
    /// Two lines have the same version.
    #[error("two key-encryption keys have the version {0}")]
    VersionRepeated(u32),
    /// Two versions are one key: a rewrap would change nothing.
    #[error("the versions {0} and {1} are the same key-encryption key")]
    KeyRepeated(u32, u32),
    /// The text holds no key.
    #[error("there is no key-encryption key")]
    None,
}

/// Where the key-encryption keys come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A file that only its owner may read.
    File(PathBuf),
    /// A systemd credential of this name (`LoadCredential=`). The service manager answers for its
    /// mode: it may hold an access list, which looks like a group's right.
    Systemd(String),
    /// An environment variable of this name. Children inherit it and crash dumps hold it: for
    /// platforms that have nothing better.
    Environment(String),
}

/// All versions that are there, and the one that wraps.
#[derive(Clone)]
pub struct KeyEncryptionKeys {
    keys: BTreeMap<u32, Zeroizing<[u8; 32]>>,
    current: u32,
}

impl fmt::Debug for KeyEncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEncryptionKeys(versions {:?})", self.versions())
    }
}

impl KeyEncryptionKeys {
    /// Reads them from where they are. `environment` is asked for variables: `std::env::var(name).ok()`.
    pub fn load(credential: &Credential, environment: impl Fn(&str) -> Option<String>) -> Result<Self, KekError> {
        let variable = |name: &str| environment(name).ok_or_else(|| KekError::NotSet(name.to_owned()));
        match credential {
            Credential::File(path) => Self::parse(&read(path, true)?),
            Credential::Systemd(name) => {
                // A name that leads elsewhere would read a file that nobody has checked.
                if name.is_empty() || name.starts_with('.') || name.contains('/') {
                    return Err(KekError::CredentialName(name.clone()));
                }
                Self::parse(&read(&Path::new(&variable("CREDENTIALS_DIRECTORY")?).join(name), false)?)
            }
            Credential::Environment(name) => Self::parse(&Zeroizing::new(variable(name)?)),
        }
    }

    /// Reads them from a text.
    pub fn parse(text: &str) -> Result<Self, KekError> {
        let mut keys: BTreeMap<u32, Zeroizing<[u8; 32]>> = BTreeMap::new();
        let lines = (1..).zip(text.lines().map(str::trim));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (version, key) = parse_line(line).ok_or(KekError::Line(number))?;
            if let Some((other, _)) = keys.iter().find(|(_, known)| **known == key) {
                return Err(if *other == version {
                    KekError::VersionRepeated(version)
                } else {
                    KekError::KeyRepeated(*other, version)
                });
            }
            if keys.insert(version, key).is_some() {
                return Err(KekError::VersionRepeated(version));
            }
        }
        let current = *keys.keys().next_back().ok_or(KekError::None)?;
        Ok(Self { keys, current })
    }

    /// The versions that are there, ascending.
    #[must_use]
    pub fn versions(&self) -> Vec<u32> {
        self.keys.keys().copied().collect()
    }

    /// The version that wraps: the highest.
    #[must_use]
    pub const fn current(&self) -> u32 {
        self.current
    }

    /// Forgets all versions but the current one; answers which.
    pub(crate) fn forget_older(&mut self) -> Vec<u32> {
        let current = self.current;
        let older = self.versions().into_iter().filter(|version| *version != current).collect();
        self.keys.retain(|version, _| *version == current);
        older
    }

    /// Wraps a key under the current version.
    pub(crate) fn wrap(
        &self,
        bound: &Bound<'_>,
        key: &[u8; 32],
        source: &dyn RandomBytes,
    ) -> Result<Vec<u8>, UnwrapError> {
        let kek = self.keys.get(&self.current).ok_or(UnwrapError::NoKek(self.current))?;
        encrypt(kek, &bound.associated(self.current), key, source).map_err(|Unsealable| UnwrapError::Refused)
    }

    /// Unwraps what that version wrapped.
    pub(crate) fn unwrap_key(
        &self,
        bound: &Bound<'_>,
        version: u32,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, UnwrapError> {
        let kek = self.keys.get(&version).ok_or(UnwrapError::NoKek(version))?;
        let refused = |_| UnwrapError::Refused;
        let plain = decrypt(kek, &bound.associated(version), wrapped).map_err(|Unsealable| UnwrapError::Refused)?;
        Ok(Zeroizing::new(plain.as_slice().try_into().map_err(refused)?))
    }
}

/// A new line for the file: the version and a random key.
#[must_use]
pub fn new_kek_line(version: u32, source: &dyn RandomBytes) -> Zeroizing<String> {
    let key = Zeroizing::new(URL_SAFE_NO_PAD.encode(*random::<32>(source)));
    Zeroizing::new(format!("{version} {}", *key))
}

/// Why a key cannot be unwrapped. It is never taken for a destroyed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnwrapError {
    /// The key-encryption key of this version is not there.
    NoKek(u32),
    /// Another key-encryption key of the same version, or changed bytes.
    Refused,
}

/// What a wrapped key is bound to: whoever can write to the store cannot give one person's key to
/// another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub id: KeyId,
    pub subject: SubjectId,
    pub purpose: &'a str,
}

impl Bound<'_> {
    fn associated(&self, version: u32) -> Vec<u8> {
        let mut text = b"sfs key 1".to_vec();
        text.extend_from_slice(self.id.0.as_bytes());
        text.extend_from_slice(self.subject.0.as_bytes());
        push_sized(&mut text, self.purpose);
        text.extend_from_slice(&version.to_be_bytes());
        text
    }
}

fn parse_line(line: &str) -> Option<(u32, Zeroizing<[u8; 32]>)> {
    let (version, key) = line.split_once(' ')?;
    // Only its one spelling, so that whoever edits the file finds the line by it.
    let version: u32 = version.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == version)?;
    let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(key).ok()?);
    Some((version, Zeroizing::new(bytes.as_slice().try_into().ok()?)))
}

fn read(path: &Path, owner_only: bool) -> Result<Zeroizing<String>, KekError> {
    let failed = |source| KekError::Unreadable { path: path.to_path_buf(), source };
    // Asked before it is opened too: opening a pipe would wait for somebody to write into it.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(KekError::NotAFile(path.to_path_buf()));
    }
    let file = std::fs::File::open(path).map_err(failed)?;
    // The opened file is asked, not the path: it cannot be exchanged in between.
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    if owner_only {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KekError::Exposed { path: path.to_path_buf(), mode });
        }
    }
    // All at once, so that no copy stays behind where the text grew.
    let mut text = Zeroizing::new(String::with_capacity(metadata.len().min(MAX_BYTES) as usize + 1));
    file.take(MAX_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vector {
        kek: String,
        version: u32,
        nonce: String,
        owner: uuid::Uuid,
        purpose: String,
        id: uuid::Uuid,
        key: String,
        stored: String,
    }

    fn unhex<const N: usize>(text: &str) -> [u8; N] {
        std::array::from_fn(|n| u8::from_str_radix(&text[2 * n..][..2], 16).unwrap())
    }

    #[test]
    fn the_stored_form_of_a_wrapped_key_is_what_another_program_computed() {
        let vectors: Vec<Vector> = serde_json::from_str(include_str!("../tests/golden/wrapped.json")).unwrap();
        assert_eq!(vectors.len(), 2);
        for vector in vectors {
            let kek = URL_SAFE_NO_PAD.encode(unhex::<32>(&vector.kek));
            let keks = KeyEncryptionKeys::parse(&format!("{} {kek}", vector.version)).unwrap();
            let bound = Bound { id: KeyId(vector.id), subject: SubjectId(vector.owner), purpose: &vector.purpose };
            let nonce: [u8; 24] = unhex(&vector.nonce);
            let of_vector = |bytes: &mut [u8]| bytes.copy_from_slice(&nonce);
            let wrapped = keks.wrap(&bound, &unhex(&vector.key), &of_vector).unwrap();
            assert_eq!(URL_SAFE_NO_PAD.encode(&wrapped), vector.stored);
            assert_eq!(*keks.unwrap_key(&bound, vector.version, &wrapped).unwrap(), unhex::<32>(&vector.key));
        }
    }
}
