//! What was erased, in a file that no backup of the key store holds: a restored store would know the
//! persons again, and a log that was restored with it would not know better. Whoever keeps it beside the
//! key-encryption keys has it when both come back. It names pseudonyms alone.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use uuid::Uuid;

use crate::key::SubjectId;
use crate::purpose::Purpose;

/// First line of the file.
const TITLE: &str = "sfs erasures 1";

/// An erasure of a subject for a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Whose keys.
    pub subject: SubjectId,
    /// For what.
    pub purpose: Purpose,
    /// What asked for it.
    pub erasure: Uuid,
}

/// The list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ErasureListError {
    /// The file system did not do it.
    #[error("the list of erasures {} cannot be read or written", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of it is not what was written. Nobody is taken for not erased because of that.
    #[error("line {line} of the list of erasures {} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
    },
}

/// The list, open for further lines.
#[derive(Debug)]
pub struct ErasureList {
    path: PathBuf,
    file: Mutex<File>,
}

impl ErasureList {
    /// Opens the file, and makes it if there is none; answers what stands in it. A last line that was
    /// cut off by a crash is taken away: it was never answered, so nothing was erased for it.
    pub fn open(path: &Path) -> Result<(Self, Vec<Listed>), ErasureListError> {
        let failed = |source| ErasureListError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(failed)?;
        let text = std::fs::read_to_string(path).map_err(failed)?;
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        if whole.len() < text.len() {
            file.set_len(whole.len() as u64).map_err(failed)?;
        }
        if whole.is_empty() {
            file.write_all(format!("{TITLE}\n").as_bytes()).map_err(failed)?;
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            file.sync_all().and_then(|()| File::open(parent)?.sync_all()).map_err(failed)?;
        }
        let damaged = |line| ErasureListError::Damaged { path: path.to_owned(), line };
        let mut listed = Vec::new();
        for (number, line) in (1..).zip(whole.lines()) {
            match number {
                1 if line == TITLE => {}
                1 => return Err(damaged(1)),
                _ => listed.push(read_line(line).ok_or_else(|| damaged(number))?),
            }
        }
        Ok((Self { path: path.to_owned(), file: Mutex::new(file) }, listed))
    }

    /// Adds what is about to be erased, durably before it returns: so the keys go after the line is there.
    pub fn add(&self, erased: &[Listed]) -> Result<(), ErasureListError> {
        let text: String = erased.iter().map(|one| format!("{}\n", write_line(one))).collect();
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        written.map_err(|source| ErasureListError::Io { path: self.path.clone(), source })
    }
}

fn write_line(one: &Listed) -> String {
    format!("{} {} {}", one.subject, one.purpose.code(), one.erasure)
}

fn read_line(line: &str) -> Option<Listed> {
    let mut parts = line.split(' ');
    let listed = Listed {
        subject: SubjectId(Uuid::try_parse(parts.next()?).ok()?),
        purpose: Purpose::from_code(parts.next()?)?,
        erasure: Uuid::try_parse(parts.next()?).ok()?,
    };
    (write_line(&listed) == line).then_some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(n: u128, purpose: Purpose) -> Listed {
        Listed { subject: SubjectId(Uuid::from_u128(n)), purpose, erasure: Uuid::from_u128(n + 100) }
    }

    #[test]
    fn what_was_added_is_there_after_the_next_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("erased");
        let (list, before) = ErasureList::open(&path).unwrap();
        assert_eq!(before, []);
        let all = [listed(1, Purpose::Identity), listed(1, Purpose::Actor), listed(2, Purpose::Statistics)];
        list.add(&all[..2]).unwrap();
        list.add(&all[2..]).unwrap();
        assert_eq!(ErasureList::open(&path).unwrap().1, all);
    }

    #[test]
    fn a_line_that_was_cut_off_is_taken_away_and_a_damaged_one_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("erased");
        let (list, _) = ErasureList::open(&path).unwrap();
        list.add(&[listed(1, Purpose::Identity), listed(2, Purpose::Identity)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 5]).unwrap();
        let (list, kept) = ErasureList::open(&path).unwrap();
        assert_eq!(kept, [listed(1, Purpose::Identity)]);
        list.add(&[listed(3, Purpose::Actor)]).unwrap();
        assert_eq!(ErasureList::open(&path).unwrap().1, [listed(1, Purpose::Identity), listed(3, Purpose::Actor)]);
        for (from, to) in [("identity", "identitt"), ("sfs erasures 1", "sfs erasures 2"), ("0001 ", "0001  ")] {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            assert!(matches!(ErasureList::open(&path), Err(ErasureListError::Damaged { .. })), "{to}");
        }
    }
}
