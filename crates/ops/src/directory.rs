//! The data directory: five stores side by side, one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It does not exist and could not be made, or is not a directory.
    #[error("cannot make or enter the data directory {}", path.display())]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing can be written there.
    #[error("the data directory {} cannot be written to", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process works on it.
    #[error("another process is using the data directory {}", .0.display())]
    InUse(PathBuf),
    /// It was asked not to make one, and there is none.
    #[error("there is no data directory {}", .0.display())]
    Missing(PathBuf),
}

/// An opened and locked data directory. The lock ends with the value, and with the process.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    _lock: File,
}

impl DataDirectory {
    /// Name of the directory of the signer's keys and state.
    pub const SIGNER: &str = "signer";

    /// Name of the database of the tree's tiles.
    pub const TILES: &str = "tiles.db";

    /// Name of the operational state's database.
    pub const OPS: &str = "ops.db";

    /// Opens the directory, makes it if that is allowed, and locks it for this process.
    pub fn open(path: &Path, create: bool) -> Result<Self, DirectoryError> {
        let at = || path.to_path_buf();
        if !path.exists() {
            if !create {
                return Err(DirectoryError::Missing(at()));
            }
            make(path).map_err(|source| DirectoryError::Unusable { path: at(), source })?;
        }
        if !path.is_dir() {
            let source = io::Error::from(io::ErrorKind::NotADirectory);
            return Err(DirectoryError::Unusable { path: at(), source });
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join("lock"))
            .map_err(|source| DirectoryError::ReadOnly { path: at(), source })?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: at(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DirectoryError::InUse(at())),
            Err(TryLockError::Error(source)) => Err(DirectoryError::Unusable { path: at(), source }),
        }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log's database.
    pub fn log(&self) -> PathBuf {
        self.path.join("log.db")
    }

    /// The directory of the read models' generations.
    pub fn read(&self) -> PathBuf {
        self.path.join("read")
    }

    /// The directory of the signer's keys and state.
    pub fn signer(&self) -> PathBuf {
        self.path.join(Self::SIGNER)
    }

    /// The database of the tree's tiles.
    pub fn tiles(&self) -> PathBuf {
        self.path.join(Self::TILES)
    }

    /// The database of the keys of persons.
    pub fn keys(&self) -> PathBuf {
        self.path.join("keys.db")
    }

    /// The operational state's database.
    pub fn ops(&self) -> PathBuf {
        self.path.join(Self::OPS)
    }
}

/// Makes the directory for its owner only: it holds digests of keys and, later, the keys of people.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_belongs_to_one_process_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        assert!(matches!(DataDirectory::open(&path, false), Err(DirectoryError::Missing(_))));
        let first = DataDirectory::open(&path, true).unwrap();
        assert!(matches!(DataDirectory::open(&path, true), Err(DirectoryError::InUse(_))));
        drop(first);
        assert!(DataDirectory::open(&path, false).is_ok());
    }

    #[test]
    fn a_file_is_no_directory() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("file");
        std::fs::write(&path, "x").unwrap();
        assert!(matches!(DataDirectory::open(&path, true), Err(DirectoryError::Unusable { .. })));
    }
}
