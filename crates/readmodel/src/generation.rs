//! A generation: one file with all read models. A rebuild makes the next beside the one that serves;
//! a small file `current` says which that is.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sfs_sql::{Db, Durability, Options, SqlError, Stmt};
use tokio_util::sync::CancellationToken;

use crate::projection::{Projections, schema};

/// Name of the file that names the generation that serves.
const CURRENT: &str = "current";

/// Why a file is not used as a generation; it is rebuilt then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unusable {
    /// There is none yet.
    #[error("there are no read models yet")]
    Missing,
    /// It was written by another version of the projections.
    #[error("the read models were written by another version of this program")]
    OtherSchema,
    /// It knows events that the log does not have.
    #[error("the read models belong to another log")]
    OtherLog,
    /// The file ends before its content does.
    #[error("the read models' file is damaged")]
    Damaged,
    /// The database cannot be read.
    #[error("the read models' file cannot be read")]
    Sql(#[from] SqlError),
}

/// A generation that is open. When the last who uses a retired one lets go of it, its files go too.
pub(crate) struct Generation {
    number: u64,
    db: Db,
    path: PathBuf,
    retired: AtomicBool,
    closing: CancellationToken,
}

impl Generation {
    /// Makes a new file with all tables. Without `indexes` they are made later, when the tables are
    /// full.
    pub async fn create(path: PathBuf, number: u64, durability: Durability, indexes: bool) -> Result<Self, SqlError> {
        remove_files(&path);
        let db = Db::open(&path, options(true, durability)).await?;
        let mut writer = db.writer().await?;
        writer.begin().await?;
        writer.run_script(include_str!("schema.sql")).await?;
        for table in Projections::new().tables() {
            writer.run_script(table.create).await?;
        }
        let stamp = Stmt::new("insert into meta (id, schema) values (1, $1)").text(schema().to_b64());
        writer.execute(stamp).await?;
        writer.commit().await?;
        if indexes {
            create_indexes(&mut writer).await?;
        }
        writer.close().await?;
        Ok(Self::of(number, db, path))
    }

    /// Opens a generation that a rebuild or an earlier run has left.
    pub async fn open(path: PathBuf, number: u64) -> Result<Self, Unusable> {
        if !path.exists() {
            return Err(Unusable::Missing);
        }
        let db = Db::open(&path, options(false, Durability::Process)).await?;
        let number_of = |row: Option<sfs_sql::Row>| row.map_or(Ok(0), |row| row.int(0));
        let pages = number_of(db.fetch_optional(Stmt::new("pragma page_count")).await?)?;
        let page = number_of(db.fetch_optional(Stmt::new("pragma page_size")).await?)?;
        // What is still in the write-ahead log lies beyond the end of the file.
        let wal = std::fs::metadata(beside(&path, "-wal")).map_or(0, |file| file.len());
        if std::fs::metadata(&path).map_or(0, |file| file.len()) + wal < (pages * page) as u64 {
            return Err(Unusable::Damaged);
        }
        let stamp = db.fetch_optional(Stmt::new("select schema from meta where id = 1")).await?;
        match stamp {
            Some(stamp) if stamp.text(0)? == schema().to_b64() => Ok(Self::of(number, db, path)),
            _ => Err(Unusable::OtherSchema),
        }
    }

    fn of(number: u64, db: Db, path: PathBuf) -> Self {
        Self { number, db, path, retired: AtomicBool::new(false), closing: CancellationToken::new() }
    }

    /// Its number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Its database.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// Says that nobody new will ask it; its files go when nobody uses it any more.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        self.closing.cancel();
    }

    /// Ends what keeps its write-ahead log short.
    pub fn rest(&self) {
        self.closing.cancel();
    }

    /// Keeps its write-ahead log short while the runner writes.
    pub async fn keep_wal_short(&self) -> Result<(), SqlError> {
        self.db.keep_wal_short(self.closing.clone()).await
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.closing.cancel();
        if self.retired.load(Ordering::Acquire) {
            remove_files(&self.path);
        }
    }
}

/// Makes the indexes of all tables.
pub(crate) async fn create_indexes(writer: &mut sfs_sql::Writer) -> Result<(), SqlError> {
    for table in Projections::new().tables() {
        for index in table.indexes {
            writer.run_script(index).await?;
        }
    }
    Ok(())
}

fn options(create: bool, durability: Durability) -> Options {
    Options { create, durability, ..Options::default() }
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Removes a database with all that lies beside it; what is not there is as wanted.
pub(crate) fn remove_files(path: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let file = beside(path, suffix);
        if let Err(why) = std::fs::remove_file(&file)
            && why.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(error = &why as &dyn std::error::Error, path = %file.display(), "an old file could not be removed");
        }
    }
}

/// The directory with the generations.
#[derive(Debug, Clone)]
pub(crate) struct Generations(PathBuf);

impl Generations {
    /// The generations in that directory, which is made if it is not there.
    pub fn at(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self(directory.to_path_buf()))
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.0
    }

    /// The file of a generation.
    pub fn path(&self, number: u64) -> PathBuf {
        self.0.join(format!("gen-{number}.db"))
    }

    /// The number of the generation that serves, if there is one.
    pub fn current(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.0.join(CURRENT)).ok()?;
        number_in(text.trim())
    }

    /// The highest number that a file here has, or that serves.
    pub fn highest(&self) -> u64 {
        self.numbers().into_iter().chain(self.current()).max().unwrap_or(0)
    }

    /// Says which generation serves: all at once, by renaming.
    pub fn set_current(&self, number: u64) -> io::Result<()> {
        let new = self.0.join("current.new");
        let mut file = std::fs::File::create(&new)?;
        writeln!(file, "gen-{number}.db")?;
        file.sync_all()?;
        std::fs::rename(&new, self.0.join(CURRENT))?;
        std::fs::File::open(&self.0)?.sync_all()
    }

    /// A file for a generation that is compared and thrown away; no other has its name.
    pub fn passing(&self, now: i64) -> PathBuf {
        self.0.join(format!("compare-{now}.db"))
    }

    /// Removes what interrupted rebuilds and comparisons have left.
    pub fn remove_all_but(&self, current: u64) {
        for name in self.names() {
            let left = name.starts_with("compare-") || number_in(&name).is_some_and(|number| number != current);
            if left && name.ends_with(".db") {
                remove_files(&self.0.join(name));
            }
        }
    }

    fn numbers(&self) -> Vec<u64> {
        self.names().iter().filter_map(|name| number_in(name)).collect()
    }

    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(&self.0) else { return Vec::new() };
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
    }
}

fn number_in(name: &str) -> Option<u64> {
    name.strip_prefix("gen-")?.strip_suffix(".db")?.parse().ok()
}
