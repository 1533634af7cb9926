//! Opening a log: is it one, is it whole, can this program read it?

use std::path::{Path, PathBuf};

use sfs_eventlog::{Appender, Limits, Log};
use sfs_ledger::{Hash, Head, leaf_hash};
use sfs_sql::{Db, Durability, Options, Row, SqlError, Stmt, Writer};
use tokio_util::sync::CancellationToken;

use crate::engine::SqliteEngine;
use crate::reader::SqliteReader;

/// The log on SQLite.
pub type SqliteLog = Log<SqliteReader>;

/// The highest log level that this program understands. A level is raised when event types are
/// written that older programs do not know.
pub const LEVEL: i64 = 1;

/// What stands in the file's header so that a log is known as one: "SfSl".
const APPLICATION_ID: u32 = 0x5366_536c;

/// Version of `schema.sql`.
const SCHEMA_VERSION: i64 = 1;

/// How a log is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the log; fixed when it is made. An existing log must have the same.
    pub origin: String,
    /// Whether a missing log is made.
    pub create: bool,
    /// What a commit waits for. Anything but `Full` is for tests and throw-away logs.
    pub durability: Durability,
    /// Queue, batch, cache.
    pub limits: Limits,
    /// How many connections may read at once.
    pub readers: u32,
}

/// Why a log was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The database cannot be opened or read.
    #[error("cannot open the log {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: SqlError,
    },
    /// The file is another program's database or no database.
    #[error("{} is not a log of this program", .0.display())]
    Foreign(PathBuf),
    /// The file ends before its content does, or the head does not fit the events.
    #[error("the log {} is damaged: {what}; restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The log belongs to another installation.
    #[error("the log {} has the origin `{found}`, not `{expected}`", path.display())]
    OtherOrigin {
        /// The file.
        path: PathBuf,
        /// The origin that it has.
        found: String,
        /// The origin that was asked for.
        expected: String,
    },
    /// A newer program wrote it.
    #[error("the log {} has level {found}; this program understands levels up to {LEVEL}: use a newer one", path.display())]
    NewerLevel {
        /// The file.
        path: PathBuf,
        /// The level that it has.
        found: i64,
    },
    /// There is none.
    #[error("there is no log {}", .0.display())]
    Missing(PathBuf),
}

/// The head row.
pub struct StoredHead {
    /// Name of the log.
    pub origin: String,
    /// Which event types it may hold.
    pub level: i64,
    /// Size, root and time.
    pub head: Head,
}

impl StoredHead {
    pub(crate) const QUERY: &str = "select origin, level, size, root, range, at from log_head where id = 1";

    pub(crate) fn from_row(row: &Row) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let size = u64::try_from(row.int(2)?)?;
        let root = Hash::try_from(row.blob(3)?)?;
        Ok(Self {
            origin: row.text(0)?.to_owned(),
            level: row.int(1)?,
            head: Head::restore(size, root, row.blob(4)?, row.int(5)?)?,
        })
    }

    pub(crate) async fn load(writer: &mut Writer) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        match writer.fetch_optional(Stmt::new(Self::QUERY)).await? {
            Some(row) => Self::from_row(&row),
            None => Err("the log has no head".into()),
        }
    }
}

/// Opens the log in that file, checks it, and starts its appender. `now` is microseconds since 1970.
pub async fn open(
    path: &Path,
    settings: Settings,
    now: impl Fn() -> i64 + Send + 'static,
) -> Result<SqliteLog, OpenError> {
    let failed = |source: SqlError| {
        if source.is_damaged() {
            OpenError::Foreign(path.to_path_buf())
        } else {
            OpenError::Database { path: path.to_path_buf(), source }
        }
    };
    let is_new = !path.exists();
    if is_new && !settings.create {
        return Err(OpenError::Missing(path.to_path_buf()));
    }
    if is_new {
        let fill = async |writer: &mut Writer| create(writer, &settings.origin).await;
        Db::make(path, APPLICATION_ID, settings.durability, fill).await.map_err(failed)?;
    } else if !sfs_sql::is_database_of(path, APPLICATION_ID) {
        return Err(OpenError::Foreign(path.to_path_buf()));
    }
    let options =
        Options { create: false, durability: settings.durability, readers: settings.readers, ..Options::default() };
    let db = Db::open(path, options).await.map_err(failed)?;
    let mut writer = db.writer().await.map_err(failed)?;
    check(path, &mut writer, &settings.origin).await?;
    let head = StoredHead::load(&mut writer)
        .await
        .map_err(|what| OpenError::Damaged { path: path.to_path_buf(), what: what.to_string() })?
        .head
        .size;
    let ended = CancellationToken::new();
    db.keep_wal_short(ended.clone()).await.map_err(failed)?;
    let appender = Appender::start(SqliteEngine::new(writer, ended.drop_guard()), settings.limits, head, now);
    Ok(Log::new(appender, SqliteReader::new(db)))
}

async fn create(writer: &mut Writer, origin: &str) -> Result<(), SqlError> {
    writer.execute(Stmt::composed(format!("pragma user_version = {SCHEMA_VERSION}"))).await?;
    writer.begin().await?;
    writer.run_script(include_str!("schema.sql")).await?;
    let empty = Head::empty();
    let head =
        Stmt::new("insert into log_head (id, origin, level, size, root, range, at) values (1, $1, $2, 0, $3, $4, 0)")
            .text(origin)
            .int(LEVEL)
            .blob(*empty.root.as_bytes())
            .blob(empty.range.to_bytes());
    writer.execute(head).await?;
    writer.commit().await
}

async fn check(path: &Path, writer: &mut Writer, origin: &str) -> Result<(), OpenError> {
    let damaged = |what: String| OpenError::Damaged { path: path.to_path_buf(), what };
    let failed = |source: SqlError| match source.engine_message() {
        Some(message) if source.is_damaged() => damaged(message),
        _ => OpenError::Database { path: path.to_path_buf(), source },
    };
    if let Some((is, should)) = writer.missing_length(path).await.map_err(failed)? {
        return Err(damaged(format!("the file has {is} bytes and should have {should}")));
    }
    let stored = StoredHead::load(writer).await.map_err(|what| damaged(what.to_string()))?;
    if stored.level > LEVEL {
        return Err(OpenError::NewerLevel { path: path.to_path_buf(), found: stored.level });
    }
    if stored.origin != origin {
        return Err(OpenError::OtherOrigin {
            path: path.to_path_buf(),
            found: stored.origin,
            expected: origin.to_owned(),
        });
    }
    let last = Stmt::new("select pos, leaf_hash, leaf from event order by pos desc limit 1");
    match writer.fetch_optional(last).await.map_err(failed)? {
        None if stored.head.size == 0 => Ok(()),
        Some(row) if row.int(0).map_err(failed)? as u64 == stored.head.size => {
            if leaf_hash(row.blob(2).map_err(failed)?).as_bytes().as_slice() == row.blob(1).map_err(failed)? {
                Ok(())
            } else {
                Err(damaged(format!("the event at position {} does not have its hash", stored.head.size)))
            }
        }
        _ => Err(damaged(format!("the head says {} events, and the last event is not that one", stored.head.size))),
    }
}

/// The head of a log that is only read: of a copy. An error if there is none or it contradicts itself.
pub async fn stored_head(db: &Db) -> Result<StoredHead, Box<dyn std::error::Error + Send + Sync>> {
    match db.fetch_optional(Stmt::new(StoredHead::QUERY)).await? {
        Some(row) => StoredHead::from_row(&row),
        None => Err("the log has no head".into()),
    }
}

/// Whether the file is a log, by its header.
pub fn is_log(path: &Path) -> bool {
    sfs_sql::is_database_of(path, APPLICATION_ID)
}
