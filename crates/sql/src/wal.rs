//! Keeps a write-ahead log short, off the path of commits.
//!
//! The log begins anew when everything in it has been moved into the database file and nobody reads
//! it. Its file keeps its length then: writing over blocks that are there is faster to make durable
//! than making a file longer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::db::{Db, SqlError, Writer};

/// How often is looked whether there is something to move.
const EVERY: Duration = Duration::from_millis(500);

/// Pages in the log from which it is to begin anew: 32 MiB.
const LONG: i64 = 8_192;

impl Db {
    /// Moves the write-ahead log into the database file every half second if something was written,
    /// on a connection of its own, until `ended`.
    pub async fn keep_wal_short(&self, ended: CancellationToken) -> Result<(), SqlError> {
        let mut writer = self.writer().await?;
        let wal = self.path().with_extension("db-wal");
        tokio::spawn(async move {
            let mut seen = None;
            while ended.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
                let written = std::fs::metadata(&wal).and_then(|file| file.modified()).ok();
                if written == seen {
                    continue;
                }
                match shorten(&mut writer).await {
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

/// Beginning anew keeps writers waiting while the rest is moved, so the rest is made small before.
async fn shorten(writer: &mut Writer) -> Result<(), SqlError> {
    if writer.checkpoint(false).await?.log_pages > LONG {
        writer.checkpoint(false).await?;
        writer.checkpoint(true).await?;
    }
    Ok(())
}
