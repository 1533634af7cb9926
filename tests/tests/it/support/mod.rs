//! What the tests share: where things are, the program as a process, a client.

pub mod book;
pub mod disk;
pub mod http;
pub mod inject;
pub mod process;
pub mod signer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// A path as it is written in a message or a list: relative to the workspace, with slashes.
pub fn relative(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// Every file below a folder, in order; none if there is no such folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Every Rust file below a folder, in order.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// SHA-256 in hexadecimal digits.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every file of a data directory with its digest. What SQLite keeps beside a database while it is
/// open, and the lock, are no part of it.
pub fn fingerprint(data: &Path) -> BTreeMap<String, String> {
    let lasting = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name != "lock" && !name.ends_with("-shm") && !name.ends_with("-wal")
    };
    let entry = |path: PathBuf| {
        let name = path.strip_prefix(data).unwrap().to_string_lossy().into_owned();
        (name, sha256(&std::fs::read(&path).unwrap()))
    };
    files(data).into_iter().filter(lasting).map(entry).collect()
}
