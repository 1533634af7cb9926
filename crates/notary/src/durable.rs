//! Small files that are there whole or not at all, whenever the process or the machine stops:
//! written under another name, synced, given their name, and the directory synced.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// What has just been done when a file is replaced. A test stops the writer there as a kill would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Half of the bytes are in the other file.
    HalfWritten,
    /// All bytes are in the other file, perhaps not on the medium.
    Written,
    /// The other file is on the medium.
    Synced,
    /// The file has its name, perhaps not on the medium.
    Renamed,
}

/// Replaces the file or makes it. After an error either the old or the new content is there.
///
/// `stop` is for tests: the step after which the writer is killed.
pub(crate) fn replace(path: &Path, bytes: &[u8], stop: Option<Step>) -> io::Result<()> {
    let reached = |step| match stop {
        Some(stop) if stop == step => Err(io::Error::other("stopped by a test")),
        _ => Ok(()),
    };
    let other = write_other(path, bytes, reached)?;
    fs::rename(other, path)?;
    reached(Step::Renamed)?;
    sync_directory(path)
}

/// Makes the file; one that is there already is left alone and is an error
/// ([`io::ErrorKind::AlreadyExists`]).
pub(crate) fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let other = write_other(path, bytes, |_| Ok(()))?;
    // A rename would replace what somebody else has made meanwhile; a link cannot.
    let linked = fs::hard_link(&other, path);
    fs::remove_file(&other)?;
    linked?;
    sync_directory(path)
}

/// Writes and syncs the bytes beside the file, readable by the owner only.
fn write_other(path: &Path, bytes: &[u8], reached: impl Fn(Step) -> io::Result<()>) -> io::Result<PathBuf> {
    let other = other_name(path);
    // What a killed writer left may have other rights.
    match fs::remove_file(&other) {
        Err(why) if why.kind() != io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&other)?;
    let (first, second) = bytes.split_at(bytes.len() / 2);
    file.write_all(first)?;
    reached(Step::HalfWritten)?;
    file.write_all(second)?;
    reached(Step::Written)?;
    file.sync_all()?;
    reached(Step::Synced)?;
    Ok(other)
}

fn other_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// Syncs the directory that the file is in.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}
