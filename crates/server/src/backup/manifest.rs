//! What a backup says of itself: `backup.json`, and its digest beside it as `sha256sum` writes and checks
//! it. The manifest comes last: a directory without one is no backup.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use sfs_ledger::Hash;
use sha2::{Digest, Sha256};

/// Name of the manifest.
pub const NAME: &str = "backup.json";

/// Name of the file with its digest.
pub const DIGEST_NAME: &str = "backup.json.sha256";

/// The format that this program writes and reads.
pub const FORMAT: u32 = 1;

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Format of the backup: 1.
    pub format: u32,
    /// Program that made it.
    pub by: String,
    /// When it was made, RFC 3339, UTC.
    pub made_at: String,
    /// Name of the log.
    pub origin: String,
    /// Events of the copied log.
    pub size: u64,
    /// Its root, base64url.
    pub root: Hash,
    /// What the signer had signed before the log was copied, if there is a signer.
    pub signed: Option<SignedSize>,
    /// Verifier keys of the signer, oldest first.
    pub verifiers: Vec<String>,
    /// Whether the private keys of the signer are in it.
    pub with_signer_key: bool,
    /// Every file but this one and its digest, by path.
    pub files: Vec<FileEntry>,
}

/// Size and root of a signed checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedSize {
    /// Events.
    pub size: u64,
    /// Root, base64url.
    pub root: Hash,
}

/// A file of the backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path below the backup, with slashes.
    pub path: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub sha256: String,
}

impl FileEntry {
    /// Describes the file as it is now.
    pub fn of(backup: &Path, path: String) -> io::Result<Self> {
        let (bytes, sha256) = digest(&mut File::open(backup.join(&path))?)?;
        Ok(Self { path, bytes, sha256 })
    }

    /// Whether the path leads nowhere but below the backup.
    pub fn is_below(&self) -> bool {
        let mut parts = Path::new(&self.path).components().peekable();
        parts.peek().is_some() && parts.all(|part| matches!(part, Component::Normal(_)))
    }
}

/// Length and SHA-256 of what comes.
fn digest(from: &mut impl Read) -> io::Result<(u64, String)> {
    let (mut hasher, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; 1 << 16]);
    loop {
        match from.read(&mut piece)? {
            0 => return Ok((bytes, hex(&hasher.finalize()))),
            n => {
                hasher.update(&piece[..n]);
                bytes += n as u64;
            }
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The line of the digest's file for the manifest's text.
pub fn digest_line(text: &[u8]) -> String {
    format!("{}  {NAME}\n", hex(&Sha256::digest(text)))
}

impl Manifest {
    /// The text that is stored.
    pub fn text(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }

    /// Reads a manifest.
    pub fn parse(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leads_out_of_the_backup_is_none_of_it() {
        let is_below = |path: &str| FileEntry { path: path.into(), bytes: 0, sha256: String::new() }.is_below();
        assert!(is_below("log.db") && is_below("files/ab/cd"));
        for path in ["", "/etc/passwd", "../log.db", "files/../../x", ".."] {
            assert!(!is_below(path), "{path}");
        }
    }
}
