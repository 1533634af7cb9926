//! What several tests need: chance that is none, keys of given bytes, a store in a directory that ends
//! with the test, and a look into its files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use sfs_sql::{Db, Options, Stmt};
use sfs_vault::{Class, KeyEncryptionKeys, KeyId, Keys, KeysError, RandomBytes, SubjectId, SubjectKey};
use uuid::Uuid;

/// Bytes that never repeat and are the same in every run.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl RandomBytes for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            // SplitMix64: no two numbers give the same bytes.
            let number = self.0.fetch_add(1, Ordering::Relaxed).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let mixed = mixed ^ (mixed >> 31);
            chunk.copy_from_slice(&mixed.to_le_bytes()[..chunk.len()]);
        }
    }
}

pub fn random() -> Arc<dyn RandomBytes> {
    Arc::new(Counting::default())
}

/// A key that is in no store.
pub fn key<C: Class>(bytes: [u8; 32]) -> SubjectKey<C> {
    SubjectKey::of_bytes(KeyId(Uuid::from_u128(1)), SubjectId(Uuid::from_u128(2)), bytes)
}

pub fn unhex<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    }
    bytes
}

/// Key-encryption keys of these versions, each of bytes that are its version.
pub fn keks(versions: &[u8]) -> KeyEncryptionKeys {
    let line = |version: &u8| format!("{version} {}\n", URL_SAFE_NO_PAD.encode([*version; 32]));
    KeyEncryptionKeys::parse(&versions.iter().map(line).collect::<String>()).unwrap()
}

pub fn subject(number: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(number << 64 | 7))
}

/// A directory with a key store in it.
pub struct Shelf {
    directory: tempfile::TempDir,
    random: Arc<dyn RandomBytes>,
}

impl Shelf {
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), random: random() }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("keys.db")
    }

    pub async fn open(&self) -> Keys {
        self.open_under(&[1]).await.unwrap()
    }

    pub async fn open_under(&self, versions: &[u8]) -> Result<Keys, KeysError> {
        Keys::open(&self.path(), keks(versions), Arc::clone(&self.random)).await
    }

    /// Copies the files as they are while nobody writes, as the end of the process would leave them. The
    /// store must be open: while it closes, its files come and go.
    pub fn copy(&self) -> Self {
        let copy = Self { directory: tempfile::tempdir().unwrap(), random: Arc::clone(&self.random) };
        for file in files(self.directory.path()) {
            std::fs::copy(&file, copy.directory.path().join(file.file_name().unwrap())).unwrap();
        }
        copy
    }

    /// Asks the database beside the store.
    pub async fn blobs(&self, query: &'static str) -> Vec<Vec<u8>> {
        let db = Db::open(self.path(), Options { create: false, ..Options::default() }).await.unwrap();
        let rows = db.fetch_all(Stmt::new(query)).await.unwrap();
        db.close().await;
        rows.iter().map(|row| row.blob(0).unwrap().to_vec()).collect()
    }

    /// In which files of the store the bytes are: as they are, in base64 of either alphabet at any
    /// offset, or in hexadecimal digits.
    pub fn found(&self, secret: &[u8]) -> Vec<PathBuf> {
        let needles = spellings(secret);
        let has = |file: &PathBuf| {
            // A write-ahead log ends with its connection, which may be just now.
            let content = std::fs::read(file).unwrap_or_default();
            needles.iter().any(|needle| memchr::memmem::find(&content, needle).is_some())
        };
        files(self.directory.path()).into_iter().filter(has).collect()
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.sort();
    all
}

fn spellings(secret: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![secret.to_vec(), secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()];
    for skipped in 0..3 {
        // Whole groups of three only: what stands before and after is another matter.
        let whole = &secret[skipped..][..(secret.len() - skipped) / 3 * 3];
        all.push(STANDARD.encode(whole).into());
        all.push(URL_SAFE_NO_PAD.encode(whole).into());
    }
    all
}
