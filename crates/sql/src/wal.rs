//! Keeps a write-ahead log short while somebody writes.
//!
//! The log begins anew when everything in it has been moved into the database file and nobody reads
//! it. Most is moved off the path of commits; the rest, in which new pages would appear for ever, is
//! moved by the writer between two transactions. The file keeps its length: writing over blocks that
//! are there is faster to make durable than making a file longer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::{Db, SqlError, Writer};
use crate::stmt::Stmt;

/// How often is looked whether there is something to move.
const EVERY: Duration = Duration::from_millis(500);

/// Pages in the log from which it is to begin anew: 32 MiB.
const LONG: i64 = 8_192;

/// Pages from which writers wait for readers so that it does: 256 MiB.
const TOO_LONG: i64 = 65_536;

impl Db {
    /// Moves the write-ahead log into the database file every half second if something was written,
    /// on a connection of its own, until `ended`.
    pub async fn keep_wal_short(&self, ended: CancellationToken) -> Result<(), SqlError> {
        let mut writer = self.writer().await?;
        // Whoever waits for readers keeps writers waiting: a backup reads for minutes.
        writer.fetch_optional(Stmt::new("pragma busy_timeout = 50")).await?;
        let wal = self.path().with_extension("db-wal");
        tokio::spawn(async move {
            let mut seen = None;
            while ended.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
                let written = std::fs::metadata(&wal).and_then(|file| file.modified()).ok();
                if written == seen {
                    continue;
                }
                match move_most(&mut writer).await {
                    Ok(()) => seen = written,
                    Err(why) => tracing::warn!(
                        error = &why as &dyn std::error::Error,
                        file = %wal.display(),
                        "the write-ahead log could not be shortened"
                    ),
                }
            }
        });
        Ok(())
    }
}

async fn move_most(writer: &mut Writer) -> Result<(), SqlError> {
    let pages = writer.checkpoint(false).await?.log_pages;
    if pages > TOO_LONG {
        writer.checkpoint(true).await?;
    } else if pages > LONG {
        writer.wal_is_long.store(true, Ordering::Relaxed);
    }
    Ok(())
}

impl Writer {
    /// To be called between two transactions: moves the rest of a log that became long, so that the next
    /// transaction begins it anew.
    pub async fn finish_wal(&mut self) {
        if self.wal_is_long.swap(false, Ordering::Relaxed)
            && let Err(why) = self.checkpoint(false).await
        {
            tracing::warn!(error = &why as &dyn std::error::Error, "the write-ahead log could not be shortened");
        }
    }
}
