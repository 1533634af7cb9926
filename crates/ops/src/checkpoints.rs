//! Checkpoints that others have vouched for: with the cosignatures of witnesses, and with timestamps.

use sfs_sql::{Db, Row, Stmt};

use crate::store::{Ops, OpsError};

/// A signed checkpoint as it was kept. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    /// Size of the tree.
    pub size: u64,
    /// When it was kept.
    pub kept_at: u64,
    /// The note with all its signatures, byte for byte.
    pub note: String,
    /// The reply of a timestamp authority for these bytes (RFC 3161, DER).
    pub timestamp: Option<Vec<u8>>,
}

const COLUMNS: &str = "size, kept_at, note, timestamp";

impl KeptCheckpoint {
    fn read(row: &Row) -> Result<Self, OpsError> {
        let number = |column| u64::try_from(row.int(column)?).map_err(|_| OpsError::Damaged("a checkpoint"));
        let timestamp = row.opt_blob(3)?.map(<[u8]>::to_vec);
        Ok(Self { size: number(0)?, kept_at: number(1)?, note: row.text(2)?.to_owned(), timestamp })
    }
}

impl KeptCheckpoint {
    /// Every checkpoint that a copy of the store keeps, smallest first; the copy is not changed.
    pub async fn in_copy(copy: &Db) -> Result<Vec<Self>, OpsError> {
        let table = Stmt::new("select 1 from sqlite_master where type = 'table' and name = 'checkpoint'");
        if copy.fetch_optional(table).await?.is_none() {
            // A store of an earlier program keeps none.
            return Ok(Vec::new());
        }
        let select = format!("select {COLUMNS} from checkpoint order by size, kept_at");
        copy.fetch_all(Stmt::composed(select)).await?.iter().map(Self::read).collect()
    }
}

impl Ops {
    /// Keeps a signed checkpoint, durably before it returns. One of the same size and second is left
    /// alone: a timestamp may be of its bytes.
    pub async fn keep_checkpoint(&self, size: u64, kept_at: u64, note: &str) -> Result<(), OpsError> {
        let insert = "insert into checkpoint (size, kept_at, note) values ($1, $2, $3) on conflict do nothing";
        let insert = Stmt::new(insert).int(size as i64).int(kept_at as i64).text(note);
        self.writer.lock().await.execute(insert).await?;
        Ok(())
    }

    /// The largest checkpoint that was kept, the newest of its size.
    pub async fn last_checkpoint(&self) -> Result<Option<KeptCheckpoint>, OpsError> {
        let select = format!("select {COLUMNS} from checkpoint order by size desc, kept_at desc limit 1");
        self.kept(Stmt::composed(select)).await
    }

    /// A checkpoint of that size: one with a timestamp if there is, else the newest.
    pub async fn checkpoint(&self, size: u64) -> Result<Option<KeptCheckpoint>, OpsError> {
        let select = format!(
            "select {COLUMNS} from checkpoint where size = $1 order by timestamp is null, kept_at desc limit 1"
        );
        let Ok(size) = i64::try_from(size) else { return Ok(None) };
        self.kept(Stmt::composed(select).int(size)).await
    }

    async fn kept(&self, select: Stmt) -> Result<Option<KeptCheckpoint>, OpsError> {
        let row = self.writer.lock().await.fetch_optional(select).await?;
        row.as_ref().map(KeptCheckpoint::read).transpose()
    }

    /// Keeps the timestamp of a kept checkpoint, durably before it returns.
    pub async fn keep_timestamp(&self, of: &KeptCheckpoint, stamped_at: u64, reply: &[u8]) -> Result<(), OpsError> {
        let update =
            "update checkpoint set stamped_at = $4, timestamp = $5 where size = $1 and kept_at = $2 and note = $3";
        let update = Stmt::new(update).int(of.size as i64).int(of.kept_at as i64).text(of.note.as_str());
        self.writer.lock().await.execute(update.int(stamped_at as i64).blob(reply)).await?;
        Ok(())
    }

    /// Of the checkpoints without timestamp that were kept before that time, leaves the last one of each
    /// day (in UTC).
    pub async fn thin_checkpoints(&self, before: u64) -> Result<(), OpsError> {
        let delete = "delete from checkpoint where timestamp is null and kept_at < $1 and kept_at < \
                      (select max(kept_at) from checkpoint as other where other.kept_at / 86400 = checkpoint.kept_at / 86400)";
        self.writer.lock().await.execute(Stmt::new(delete).int(before as i64)).await?;
        Ok(())
    }

    /// When the last timestamp was kept.
    pub async fn last_timestamp(&self) -> Result<Option<u64>, OpsError> {
        let row = self.writer.lock().await.fetch_optional(Stmt::new("select max(stamped_at) from checkpoint")).await?;
        Ok(row.map(|row| row.opt_int(0)).transpose()?.flatten().map(|seconds| seconds as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checkpoints_and_timestamps_are_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ops.db");
        let ops = Ops::open(&path).await.unwrap();
        assert_eq!((ops.last_checkpoint().await.unwrap(), ops.last_timestamp().await.unwrap()), (None, None));
        for (size, kept_at, note) in [(7, 100, "seven"), (9, 200, "nine"), (7, 300, "seven again"), (7, 100, "other")] {
            ops.keep_checkpoint(size, kept_at, note).await.unwrap();
        }
        let kept = |size, kept_at, note: &str| KeptCheckpoint { size, kept_at, note: note.into(), timestamp: None };
        assert_eq!(ops.last_checkpoint().await.unwrap(), Some(kept(9, 200, "nine")));
        assert_eq!(ops.checkpoint(7).await.unwrap(), Some(kept(7, 300, "seven again")));
        ops.keep_timestamp(&kept(7, 100, "seven"), 400, b"reply").await.unwrap();
        drop(ops);
        let ops = Ops::open(&path).await.unwrap();
        // The timestamp is of the bytes that it was made for.
        let stamped = KeptCheckpoint { timestamp: Some(b"reply".to_vec()), ..kept(7, 100, "seven") };
        assert_eq!(ops.checkpoint(7).await.unwrap(), Some(stamped));
        assert_eq!(ops.checkpoint(8).await.unwrap(), None);
        assert_eq!(ops.checkpoint(u64::MAX).await.unwrap(), None);
        assert_eq!(ops.last_timestamp().await.unwrap(), Some(400));
    }

    #[tokio::test]
    async fn of_old_checkpoints_the_last_of_each_day_and_those_with_a_timestamp_stay() {
        let directory = tempfile::tempdir().unwrap();
        let ops = Ops::open(&directory.path().join("ops.db")).await.unwrap();
        let day = 86_400;
        for (size, kept_at) in [(1, 5), (2, 6), (3, 7), (4, day), (5, day + 1), (6, 2 * day), (7, 2 * day + 1)] {
            ops.keep_checkpoint(size, kept_at, "note").await.unwrap();
        }
        ops.keep_timestamp(&ops.checkpoint(2).await.unwrap().unwrap(), 7, b"reply").await.unwrap();
        ops.thin_checkpoints(2 * day).await.unwrap();
        let mut left = Vec::new();
        for size in 1..=7 {
            left.extend(ops.checkpoint(size).await.unwrap().map(|kept| kept.size));
        }
        assert_eq!(left, [2, 3, 5, 6, 7]);
    }
}
