//! A database: one writing connection, a pool of readers, and how durable a commit is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor};

use crate::stmt::{Row, Stmt};

/// What can go wrong at the database. None of it is the caller's input.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The file cannot be opened.
    #[error("cannot open the database {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        source: sqlx::Error,
    },
    /// A statement failed.
    #[error("a statement failed")]
    Query(#[source] sqlx::Error),
    /// An argument could not be encoded.
    #[error("an argument of a statement could not be encoded")]
    Argument,
    /// The file could not be moved to its name.
    #[error("a database file could not be moved")]
    File(#[source] std::io::Error),
}

impl SqlError {
    /// What the engine said, in its own words.
    pub fn engine_message(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } | Self::Query(source) => Some(source.to_string()),
            Self::Argument | Self::File(_) => None,
        }
    }

    /// The engine's result code (SQLite's extended code), if it gave one.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Open { source, .. } | Self::Query(source) => {
                source.as_database_error().and_then(|e| e.code()).map(std::borrow::Cow::into_owned)
            }
            Self::Argument | Self::File(_) => None,
        }
    }

    /// Whether the disk is full (SQLITE_FULL) .
    pub fn is_disk_full(&self) -> bool {
        self.primary_code() == Some(13)
    }

    /// Whether a constraint or a guard has refused it (SQLITE_CONSTRAINT): nothing of the statement
    /// happened.
    pub fn is_constraint(&self) -> bool {
        self.primary_code() == Some(19)
    }

    /// Whether the file is not a database or is damaged (SQLITE_NOTADB, SQLITE_CORRUPT).
    pub fn is_damaged(&self) -> bool {
        matches!(self.primary_code(), Some(11 | 26))
    }

    /// Whether the file or its directory cannot be written (SQLITE_READONLY, SQLITE_CANTOPEN).
    pub fn is_read_only(&self) -> bool {
        matches!(self.primary_code(), Some(8 | 14))
    }

    fn primary_code(&self) -> Option<i64> {
        self.code().and_then(|code| code.parse::<i64>().ok()).map(|code| code & 0xff)
    }
}

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The data is on the disk before the commit returns.
    Full,
    /// The data survives the end of the process, not that of the machine: for what can be rebuilt.
    Process,
    /// Nothing: for a file that is thrown away when it is not finished.
    None,
}

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whether a missing file is made.
    pub create: bool,
    /// What a commit waits for.
    pub durability: Durability,
    /// How many connections may read at once.
    pub readers: u32,
    /// Page cache of each reading connection, in KiB.
    pub cache_kib: u32,
    /// Page cache of the writing connection, in KiB.
    pub writer_cache_kib: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { create: true, durability: Durability::Full, readers: 4, cache_kib: 2 * 1024, writer_cache_kib: 4 * 1024 }
    }
}

/// A database that many may read. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
    pub(crate) readers: SqlitePool,
    pub(crate) wal_is_long: Arc<AtomicBool>,
}

fn connect_options(path: &Path, options: &Options) -> SqliteConnectOptions {
    let synchronous = match options.durability {
        Durability::Full => SqliteSynchronous::Full,
        Durability::Process => SqliteSynchronous::Normal,
        Durability::None => SqliteSynchronous::Off,
    };
    let journal = match options.durability {
        Durability::None => SqliteJournalMode::Memory,
        Durability::Full | Durability::Process => SqliteJournalMode::Wal,
    };
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(options.create)
        .journal_mode(journal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", format!("-{}", options.cache_kib))
        .pragma("temp_store", "memory")
        .pragma("recursive_triggers", "on")
        .pragma("trusted_schema", "off")
        .statement_cache_capacity(256)
        .disable_statement_logging()
}

impl Db {
    /// Opens the file (and makes it, if so asked).
    pub async fn open(path: impl AsRef<Path>, options: Options) -> Result<Self, SqlError> {
        let path = path.as_ref().to_path_buf();
        let failed = |source| SqlError::Open { path: path.clone(), source };
        // The writing options once, so that the file exists in the right journal mode …
        connect_options(&path, &options).connect().await.map_err(failed)?.close().await.map_err(failed)?;
        // … and readers that cannot write. `create` must be off: a reader never makes a file.
        let reading = connect_options(&path, &Options { create: false, ..options.clone() }).pragma("query_only", "on");
        let readers = SqlitePoolOptions::new()
            .max_connections(options.readers)
            .min_connections(0)
            .test_before_acquire(false)
            .idle_timeout(Duration::from_secs(300))
            .connect_lazy_with(reading);
        Ok(Self { path, options, readers, wal_is_long: Arc::default() })
    }

    /// Makes a database under another name first, so that one that is there is whole: marked with
    /// the application's id, filled, closed, renamed.
    pub async fn make(
        path: &Path,
        application_id: u32,
        durability: Durability,
        fill: impl AsyncFnOnce(&mut Writer) -> Result<(), SqlError>,
    ) -> Result<(), SqlError> {
        let unfinished = path.with_extension("db.new");
        for leftover in ["db.new", "db.new-wal", "db.new-shm"] {
            // Of a start that was killed; usually there is none.
            let _ = std::fs::remove_file(path.with_extension(leftover));
        }
        let options = Options { create: true, durability, readers: 1, ..Options::default() };
        let db = Self::open(&unfinished, options).await?;
        let mut writer = db.writer().await?;
        writer.execute(Stmt::composed(format!("pragma application_id = {application_id}"))).await?;
        fill(&mut writer).await?;
        writer.checkpoint(true).await?;
        writer.close().await?;
        db.close().await;
        std::fs::rename(&unfinished, path).map_err(SqlError::File)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the connection that writes. There is to be one per database and process.
    pub async fn writer(&self) -> Result<Writer, SqlError> {
        let connection = connect_options(&self.path, &self.options)
            .pragma("cache_size", format!("-{}", self.options.writer_cache_kib))
            .pragma("wal_autocheckpoint", "0")
            // A log that grew out of all proportion is cut when it begins anew.
            .pragma("journal_size_limit", "134217728")
            .connect()
            .await
            .map_err(|source| SqlError::Open { path: self.path.clone(), source })?;
        Ok(Writer { connection, wal_is_long: Arc::clone(&self.wal_is_long) })
    }

    async fn reader(&self) -> Result<PoolConnection<sqlx::Sqlite>, SqlError> {
        self.readers.acquire().await.map_err(SqlError::Query)
    }

    /// All rows of a query.
    pub async fn fetch_all(&self, stmt: Stmt) -> Result<Vec<Row>, SqlError> {
        let (text, args) = stmt.ready()?;
        let rows = sqlx::query_with(text, args).fetch_all(&mut *self.reader().await?).await;
        Ok(rows.map_err(SqlError::Query)?.into_iter().map(Row).collect())
    }

    /// The first row of a query.
    pub async fn fetch_optional(&self, stmt: Stmt) -> Result<Option<Row>, SqlError> {
        let (text, args) = stmt.ready()?;
        let row = sqlx::query_with(text, args).fetch_optional(&mut *self.reader().await?).await;
        Ok(row.map_err(SqlError::Query)?.map(Row))
    }

    /// All rows of several queries that see one and the same state of the database.
    pub async fn fetch_together(&self, stmts: Vec<Stmt>) -> Result<Vec<Vec<Row>>, SqlError> {
        let mut connection = self.reader().await?;
        let mut transaction = connection.begin().await.map_err(SqlError::Query)?;
        let mut answers = Vec::with_capacity(stmts.len());
        for stmt in stmts {
            let (text, args) = stmt.ready()?;
            let rows = sqlx::query_with(text, args).fetch_all(&mut *transaction).await;
            answers.push(rows.map_err(SqlError::Query)?.into_iter().map(Row).collect());
        }
        transaction.rollback().await.map_err(SqlError::Query)?;
        Ok(answers)
    }

    /// Closes the readers.
    pub async fn close(&self) {
        self.readers.close().await;
    }
}

/// The connection that writes.
pub struct Writer {
    connection: SqliteConnection,
    /// Set when most of a long write-ahead log has been moved.
    pub(crate) wal_is_long: Arc<AtomicBool>,
}

/// What a WAL checkpoint came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checkpointed {
    /// Pages in the write-ahead log.
    pub log_pages: i64,
    /// Pages of it that are in the database file now.
    pub moved_pages: i64,
}

impl Writer {
    /// Runs a text of several statements without arguments: a migration.
    pub async fn run_script(&mut self, text: &'static str) -> Result<(), SqlError> {
        self.connection.execute(text).await.map_err(SqlError::Query)?;
        Ok(())
    }

    /// Takes the write lock.
    pub async fn begin(&mut self) -> Result<(), SqlError> {
        self.run_script("begin immediate").await
    }

    /// Makes what was written since [`begin`](Self::begin) last, as durably as the options say.
    pub async fn commit(&mut self) -> Result<(), SqlError> {
        self.run_script("commit").await
    }

    /// Forgets what was written since [`begin`](Self::begin).
    pub async fn rollback(&mut self) -> Result<(), SqlError> {
        self.run_script("rollback").await
    }

    /// Runs a statement; answers how many rows it changed.
    pub async fn execute(&mut self, stmt: Stmt) -> Result<u64, SqlError> {
        let (text, args) = stmt.ready()?;
        let done = sqlx::query_with(text, args).execute(&mut self.connection).await;
        Ok(done.map_err(SqlError::Query)?.rows_affected())
    }

    /// All rows of a query, as this transaction sees them.
    pub async fn fetch_all(&mut self, stmt: Stmt) -> Result<Vec<Row>, SqlError> {
        let (text, args) = stmt.ready()?;
        let rows = sqlx::query_with(text, args).fetch_all(&mut self.connection).await;
        Ok(rows.map_err(SqlError::Query)?.into_iter().map(Row).collect())
    }

    /// The first row of a query, as this transaction sees it.
    pub async fn fetch_optional(&mut self, stmt: Stmt) -> Result<Option<Row>, SqlError> {
        let (text, args) = stmt.ready()?;
        let row = sqlx::query_with(text, args).fetch_optional(&mut self.connection).await;
        Ok(row.map_err(SqlError::Query)?.map(Row))
    }

    /// Moves the write-ahead log into the database file without keeping writers from writing; with
    /// `restart`, waits for readers so that the log begins anew.
    pub async fn checkpoint(&mut self, restart: bool) -> Result<Checkpointed, SqlError> {
        let text = if restart { "pragma wal_checkpoint(restart)" } else { "pragma wal_checkpoint(passive)" };
        let row = self.fetch_optional(Stmt::new(text)).await?;
        let read = |column| row.as_ref().map_or(Ok(0), |row| row.int(column));
        Ok(Checkpointed { log_pages: read(1)?, moved_pages: read(2)? })
    }

    /// How long the file should be at least and is not, once everything has been moved into it: a
    /// file that was cut. `None` if nothing is missing, or if somebody keeps the last pages from being
    /// moved: a backup that reads an earlier state, or whoever is moving them at this moment.
    pub async fn missing_length(&mut self, path: &Path) -> Result<Option<(u64, u64)>, SqlError> {
        let done = self.checkpoint(true).await?;
        // Both are -1 while another connection is moving pages itself.
        if done.moved_pages < done.log_pages || done.log_pages < 0 {
            return Ok(None);
        }
        let number = |row: Option<Row>| row.map_or(Ok(0), |row| row.int(0));
        let pages = number(self.fetch_optional(Stmt::new("pragma page_count")).await?)?;
        let page = number(self.fetch_optional(Stmt::new("pragma page_size")).await?)?;
        let (is, should) = (std::fs::metadata(path).map_or(0, |file| file.len()), (pages * page) as u64);
        Ok((is < should).then_some((is, should)))
    }

    /// Writes the whole file to the disk: for a file that was made without durability.
    pub async fn close(self) -> Result<(), SqlError> {
        self.connection.close().await.map_err(SqlError::Query)
    }
}
