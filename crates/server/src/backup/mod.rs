//! A backup of an installation, running or not, in the order that lets a restored one start and keeps
//! erasure true:
//!
//! 1. **What the signer has signed**, so that the log that is copied after it has at least as much. The
//!    other way round the signer could be ahead of the log, and a restored installation would be taken
//!    for one that has lost events.
//! 2. **The operational state**, for the same reason: checkpoints that others vouch for and cursors must
//!    not be ahead of the log. The price is an API key that is issued while a backup is made: the copied
//!    log may name it without its digest, so that it opens nothing there.
//! 3. **The log**, at one moment. From here on its head is the backup's.
//! 4. **The keys of persons**, after the log: a key is durable before the event that names it, so every
//!    key that the copied log names is in this copy, or was destroyed meanwhile and is a tombstone. A key
//!    that is destroyed while a backup is made does not survive in it. The copy is compact, so that no
//!    free page carries a destroyed key away, and keys stay wrapped: what wraps them is never in a backup.
//! 5. **Files**, after the log: a file is durable before the event that names its digest.
//!
//! Read models and tiles are made again from the log. Private keys of the signer are left out unless they
//! are asked for: a backup lies in many hands, and whoever has a signer's key can sign a log that never
//! was. The manifest is written last; until then the directory has another name.

mod check;
mod manifest;

pub use check::{Checked, Finding, Weight, check};
pub use manifest::{FileEntry, Manifest, SignedSize};

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use sfs_eventlog_sql::stored_head;
use sfs_notary::{KeyError, KeyRing, Signed, Signer, Signing, SigningError, StateError};
use sfs_ops::DataDirectory;
use sfs_sql::{Db, SqlError};

use crate::configuration::Configuration;
use crate::installation::{InstallationError, signer_socket};

/// The databases of a data directory that are backed up, in this order, and whether each must be there.
const DATABASES: [(&str, bool); 3] = [("ops.db", true), ("log.db", true), ("keys.db", false)];

/// The directory of content-addressed files.
const FILES: &str = "files";

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is nothing to back up, or only a part.
    #[error("{} is missing: this is no whole data directory", .0.display())]
    Missing(PathBuf),
    /// The place is taken.
    #[error("{} is there already; a backup has a directory of its own", .0.display())]
    Exists(PathBuf),
    /// The place is in the data directory.
    #[error("{} is in the data directory: a backup lies elsewhere", .0.display())]
    Inside(PathBuf),
    /// The file system did not do it.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A database could not be copied.
    #[error("the database {name} could not be copied")]
    Copy {
        /// Its name.
        name: &'static str,
        /// What happened.
        source: SqlError,
    },
    /// The copied log has no head.
    #[error("the log cannot be read: {0}")]
    Log(Box<dyn std::error::Error + Send + Sync>),
    /// The setting of the signer.
    #[error(transparent)]
    Setting(InstallationError),
    /// The keys of the signer cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What it has signed cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The signer did not answer.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The log is not what was signed.
    #[error(
        "the log has {found} events, but the checkpoint of {signed} events was signed: it was restored from an older \
         backup or cut. No backup is made of it"
    )]
    Truncated {
        /// Events that it has.
        found: u64,
        /// Events that were signed.
        signed: u64,
    },
    /// The manifest could not be written down. A defect of this program.
    #[error("the manifest cannot be written")]
    Manifest(#[from] serde_json::Error),
    /// Keys are to be copied that lie with another process.
    #[error("the signer is a process of its own and gives its keys to nobody: copy them where they are")]
    KeyElsewhere,
}

impl BackupError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }
}

/// What is wanted.
pub struct Wanted<'a> {
    /// The directory that the backup becomes; it must not be there yet.
    pub to: &'a Path,
    /// Whether the private keys of the signer go with it.
    pub with_signer_key: bool,
    /// Now, microseconds since 1970.
    pub now_micros: i64,
}

/// Makes a backup of the data directory, which may be in use.
pub async fn make(configuration: &Configuration, wanted: &Wanted<'_>) -> Result<Manifest, BackupError> {
    let data = &configuration.data;
    for (name, _) in DATABASES.iter().filter(|(_, is_needed)| *is_needed) {
        if !data.join(name).exists() {
            return Err(BackupError::Missing(data.join(name)));
        }
    }
    let parent = parent(wanted.to).canonicalize().map_err(BackupError::io(parent(wanted.to)))?;
    if parent.starts_with(data.canonicalize().map_err(BackupError::io(data))?) {
        return Err(BackupError::Inside(wanted.to.to_path_buf()));
    }
    let mut unfinished = wanted.to.as_os_str().to_owned();
    unfinished.push(".unfinished");
    let unfinished = PathBuf::from(unfinished);
    for path in [wanted.to, &unfinished] {
        if path.exists() {
            return Err(BackupError::Exists(path.to_path_buf()));
        }
    }
    make_private(&unfinished).map_err(BackupError::io(&unfinished))?;
    let made = fill(configuration, wanted, &unfinished).await;
    let made = made.and_then(|manifest| {
        fs::rename(&unfinished, wanted.to).map_err(BackupError::io(wanted.to))?;
        let synced = File::open(&parent).and_then(|parent| parent.sync_all());
        synced.map_err(BackupError::io(&parent))?;
        Ok(manifest)
    });
    if made.is_err() {
        // Half a backup helps nobody. What went wrong first is what is told.
        let _ = fs::remove_dir_all(&unfinished);
    }
    made
}

async fn fill(configuration: &Configuration, wanted: &Wanted<'_>, to: &Path) -> Result<Manifest, BackupError> {
    let data = &configuration.data;
    let signer = signer(configuration, wanted.with_signer_key, to)?;
    for (name, _) in DATABASES.iter().filter(|(name, _)| data.join(name).exists()) {
        let failed = |source| BackupError::Copy { name, source };
        Db::copy(&data.join(name), &to.join(name)).await.map_err(failed)?;
    }
    let files = data.join(FILES);
    if files.is_dir() {
        copy_files(&files, &to.join(FILES))?;
    }
    let log = Db::open_copy(&to.join("log.db"));
    let head = stored_head(&log).await.map_err(BackupError::Log)?;
    log.close().await;
    let (verifiers, signed) = match signer {
        Some((keys, signed)) => (keys, Some(signed)),
        None => (Vec::new(), None),
    };
    if let Some(signed) = signed.filter(|signed| head.head.size < signed.size) {
        return Err(BackupError::Truncated { found: head.head.size, signed: signed.size });
    }
    let manifest = Manifest {
        format: manifest::FORMAT,
        by: concat!("sfs/", env!("CARGO_PKG_VERSION")).into(),
        made_at: jiff::Timestamp::from_microsecond(wanted.now_micros).unwrap_or_default().to_string(),
        origin: head.origin,
        size: head.head.size,
        root: head.head.root,
        signed,
        verifiers,
        with_signer_key: wanted.with_signer_key,
        files: describe(to)?,
    };
    let text = manifest.text()?;
    for (name, text) in [(manifest::DIGEST_NAME, manifest::digest_line(text.as_bytes())), (manifest::NAME, text)] {
        let path = to.join(name);
        fs::write(&path, text).and_then(|()| settle(&path)).map_err(BackupError::io(&path))?;
    }
    File::open(to).and_then(|directory| directory.sync_all()).map_err(BackupError::io(to))?;
    Ok(manifest)
}

/// Copies what the signer has signed; answers its verifier keys and how far it is.
fn signer(
    configuration: &Configuration,
    with_key: bool,
    to: &Path,
) -> Result<Option<(Vec<String>, SignedSize)>, BackupError> {
    let directory = configuration.data.join(DataDirectory::SIGNER);
    let socket = signer_socket(configuration).map_err(BackupError::Setting)?;
    let (keys, signed) = match socket {
        Some(_) if with_key => return Err(BackupError::KeyElsewhere),
        Some(socket) => {
            let signing = Signing::There(socket);
            (signing.verifiers()?, signing.last()?)
        }
        None if directory.exists() => {
            let ring = KeyRing::open(&directory)?;
            (ring.verifiers(), Signed::read(&directory.join(Signer::STATE), ring.name(), &ring.verifiers())?)
        }
        None => return Ok(None),
    };
    let to = to.join(DataDirectory::SIGNER);
    make_private(&to).map_err(BackupError::io(&to))?;
    signed.store(&to.join(Signer::STATE))?;
    for path in if with_key { KeyRing::files(&directory)? } else { Vec::new() } {
        copy(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    let size = SignedSize { size: signed.checkpoint.size(), root: signed.checkpoint.root() };
    Ok(Some((keys.iter().map(ToString::to_string).collect(), size)))
}

/// Copies all files below a directory. Links and devices are none of ours.
fn copy_files(from: &Path, to: &Path) -> Result<(), BackupError> {
    make_private(to).map_err(BackupError::io(to))?;
    for entry in fs::read_dir(from).map_err(BackupError::io(from))? {
        let entry = entry.map_err(BackupError::io(from))?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(BackupError::io(&path))?;
        if kind.is_dir() {
            copy_files(&path, &to)?;
        } else if kind.is_file() {
            copy(&path, &to)?;
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    fs::copy(from, to).map(drop).map_err(BackupError::io(to))
}

/// Makes every file durable and its owner's alone, and describes it.
fn describe(backup: &Path) -> Result<Vec<FileEntry>, BackupError> {
    let mut entries = Vec::new();
    for path in files_below(backup).map_err(BackupError::io(backup))? {
        let full = backup.join(&path);
        settle(&full).map_err(BackupError::io(&full))?;
        entries.push(FileEntry::of(backup, path).map_err(BackupError::io(&full))?);
    }
    Ok(entries)
}

/// The paths of all files below a directory, with slashes, in order.
fn files_below(directory: &Path) -> io::Result<Vec<String>> {
    let (mut found, mut left) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(below) = left.pop() {
        for entry in fs::read_dir(directory.join(&below))? {
            let entry = entry?;
            let path = below.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                left.push(path);
            } else {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    found.sort();
    Ok(found)
}

fn settle(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    File::open(path)?.sync_all()
}

fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
