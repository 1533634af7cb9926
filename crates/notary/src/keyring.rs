//! The keys of one log, oldest first, in a directory: `signer-1.key`, after a rotation
//! `signer-2.key` beside it. All of them sign, so that a verifier may know the old or the new one;
//! a key is retired by taking its file away.

use std::fs;
use std::path::{Path, PathBuf};

use sfs_ledger::{NoteError, SignedNote, VerifierKey};

use crate::durable;
use crate::key::{KeyError, NoteKey};

/// At least one key, all of the same name.
#[derive(Debug)]
pub struct KeyRing {
    keys: Vec<NoteKey>,
}

impl KeyRing {
    /// Makes the first key of a log. The name is the log's origin, the entropy 32 random bytes.
    pub fn create(directory: &Path, name: &str, entropy: &[u8; 32]) -> Result<Self, KeyError> {
        if let Some((_, path)) = key_files(directory)?.pop() {
            return Err(KeyError::Exists(path));
        }
        NoteKey::generate(name, entropy)?.create_file(&key_file(directory, 1))?;
        Self::open(directory)
    }

    /// Reads all keys of the directory.
    pub fn open(directory: &Path) -> Result<Self, KeyError> {
        let read = |(_, path): &(u32, PathBuf)| NoteKey::read_file(path);
        let keys = key_files(directory)?.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let Some(first) = keys.first() else {
            return Err(KeyError::None(directory.to_owned()));
        };
        let one = first.verifier().name();
        if let Some(other) = keys.iter().find(|key| key.verifier().name() != one) {
            let other = other.verifier().name().to_owned();
            return Err(KeyError::Names { directory: directory.to_owned(), one: one.to_owned(), other });
        }
        Ok(Self { keys })
    }

    /// Puts a new key beside the others. From now on all of them sign.
    pub fn rotate(directory: &Path, entropy: &[u8; 32]) -> Result<Self, KeyError> {
        let ring = Self::open(directory)?;
        let number = key_files(directory)?.last().map_or(1, |(number, _)| number.saturating_add(1));
        NoteKey::generate(ring.name(), entropy)?.create_file(&key_file(directory, number))?;
        Self::open(directory)
    }

    /// The files of the keys of that directory, oldest first.
    pub fn files(directory: &Path) -> Result<Vec<PathBuf>, KeyError> {
        Ok(key_files(directory)?.into_iter().map(|(_, path)| path).collect())
    }

    /// Takes a key away for good: it signed, and nobody needs it to verify.
    pub(crate) fn remove(directory: &Path, key: &VerifierKey) -> Result<Self, KeyError> {
        for (_, path) in key_files(directory)? {
            if NoteKey::read_file(&path)?.verifier() == key {
                fs::remove_file(&path).map_err(KeyError::io(&path))?;
                durable::sync_directory(&path).map_err(KeyError::io(&path))?;
            }
        }
        Self::open(directory)
    }

    /// The name of all keys, which is the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        self.keys.first().map_or("", |key| key.verifier().name())
    }

    /// Whom a verifier may know, oldest first.
    #[must_use]
    pub fn verifiers(&self) -> Vec<VerifierKey> {
        self.keys.iter().map(|key| key.verifier().clone()).collect()
    }

    /// The text with a signature of each key, oldest first. The same text gives the same note.
    pub(crate) fn sign(&self, text: &str) -> Result<SignedNote, NoteError> {
        SignedNote::new(text, self.keys.iter().map(|key| key.sign(text)).collect())
    }
}

fn key_file(directory: &Path, number: u32) -> PathBuf {
    directory.join(format!("signer-{number}.key"))
}

/// Number and path of each key file, in the order of the numbers.
fn key_files(directory: &Path) -> Result<Vec<(u32, PathBuf)>, KeyError> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(KeyError::io(directory))? {
        let path = entry.map_err(KeyError::io(directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = name.strip_prefix("signer-").and_then(|rest| rest.strip_suffix(".key")?.parse().ok());
        // `signer-01.key` is not one of ours.
        if let Some(number) = number.filter(|number| path == key_file(directory, *number)) {
            files.push((number, path));
        }
    }
    files.sort_unstable();
    Ok(files)
}
