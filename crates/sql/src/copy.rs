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

#[cfg(test)]
mod tests {
    use sqlx::Executor;

    use super::*;
    use crate::db::Writer;

    async fn make(path: &Path) -> Writer {
        let db = Db::open(path, Options::default()).await.unwrap();
        let mut writer = db.writer().await.unwrap();
        writer.run_script("create table t (n integer primary key, x blob)").await.unwrap();
        add(&mut writer, 100).await;
        writer
    }

    async fn add(writer: &mut Writer, rows: i64) {
        writer.begin().await.unwrap();
        for _ in 0..rows {
            writer.execute(Stmt::new("insert into t (x) values (randomblob(500))")).await.unwrap();
        }
        writer.commit().await.unwrap();
    }

    async fn count(db: &Db) -> i64 {
        db.fetch_optional(Stmt::new("select count(*) from t")).await.unwrap().unwrap().int(0).unwrap()
    }

    #[tokio::test]
    async fn a_copy_is_of_one_moment_and_is_read_without_being_changed() {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (directory.path().join("a.db"), directory.path().join("copy/a.db"));
        std::fs::create_dir(directory.path().join("copy")).unwrap();
        let mut writer = make(&path).await;

        Db::copy(&path, &copy).await.unwrap();

        add(&mut writer, 100).await;
        let before = std::fs::read(&copy).unwrap();
        let db = Db::open_copy(&copy);
        assert_eq!(count(&db).await, 100);
        assert_eq!(db.damage().await.unwrap(), None);
        db.close().await;
        assert_eq!(std::fs::read(&copy).unwrap(), before);
        assert_eq!(std::fs::read_dir(directory.path().join("copy")).unwrap().count(), 1);
        assert!(Db::copy(&path, &copy).await.is_err(), "a file that is there is not written over");
    }

    #[tokio::test]
    async fn damage_of_a_copy_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let (path, copy) = (directory.path().join("a.db"), directory.path().join("copy.db"));
        drop(make(&path).await);
        Db::copy(&path, &copy).await.unwrap();
        let mut bytes = std::fs::read(&copy).unwrap();
        bytes[4096..4200].fill(0xff);
        std::fs::write(&copy, bytes).unwrap();
        assert!(!matches!(Db::open_copy(&copy).damage().await, Ok(None)));
    }

    #[tokio::test]
    async fn a_file_is_not_taken_for_a_cut_one_while_a_backup_reads_an_earlier_state() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.db");
        let mut writer = make(&path).await;
        let mut reader = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        reader.execute("begin; select count(*) from t").await.unwrap();
        add(&mut writer, 100).await;
        writer.fetch_optional(Stmt::new("pragma busy_timeout = 0")).await.unwrap();
        assert_eq!(writer.missing_length(&path).await.unwrap(), None);
        reader.execute("commit").await.unwrap();
        assert_eq!(writer.missing_length(&path).await.unwrap(), None);
        std::fs::File::options().write(true).open(&path).unwrap().set_len(8_192).unwrap();
        assert!(writer.missing_length(&path).await.unwrap().is_some(), "a cut file is found");
    }
}
