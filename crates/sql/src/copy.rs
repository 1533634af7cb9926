//! Copies of a database: made at one moment of a running one, and read without being changed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Connection};

use crate::db::{Db, Options, SqlError};
use crate::stmt::{Row, Stmt};

impl Db {
    /// Copies the database at `from`, as it is at one moment, into a new file `to`. Nobody who reads or
    /// writes it is kept waiting. The copy is compact: what was deleted is not in it. Another process
    /// may have the database open. The file is not synced yet.
    pub async fn copy(from: &Path, to: &Path) -> Result<(), SqlError> {
        let failed = |source| SqlError::Open { path: from.to_path_buf(), source };
        let options = SqliteConnectOptions::new()
            .filename(from)
            .create_if_missing(false)
            .busy_timeout(Duration::from_secs(5))
            .pragma("cache_size", "-16384")
            .pragma("trusted_schema", "off")
            .disable_statement_logging();
        let mut connection = options.connect().await.map_err(failed)?;
        let (text, args) = Stmt::new("vacuum into $1").text(to.to_string_lossy()).ready()?;
        sqlx::query_with(text, args).execute(&mut connection).await.map_err(SqlError::Query)?;
        connection.close().await.map_err(SqlError::Query)
    }

    /// Opens a copy that nobody writes. Nothing in it is changed, nothing is made beside it, and nothing
    /// beside it is read.
    pub fn open_copy(path: &Path) -> Self {
        let reading = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .immutable(true)
            .pragma("cache_size", "-16384")
            .pragma("temp_store", "memory")
            .pragma("trusted_schema", "off")
            .disable_statement_logging();
        let readers = SqlitePoolOptions::new().max_connections(2).min_connections(0).connect_lazy_with(reading);
        let options = Options { create: false, readers: 2, ..Options::default() };
        Self { path: path.to_path_buf(), options, readers, wal_is_long: Arc::default() }
    }

    /// What the engine finds wrong with the file's pages, the first thing; `None` if nothing.
    pub async fn damage(&self) -> Result<Option<String>, SqlError> {
        let row: Option<Row> = self.fetch_optional(Stmt::new("pragma quick_check(1)")).await?;
        let said = row.map(|row| row.text(0).map(str::to_owned)).transpose()?;
        Ok(said.filter(|said| said != "ok"))
    }
}
