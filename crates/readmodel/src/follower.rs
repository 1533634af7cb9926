//! The one who writes a generation: folds events into its projections and writes their rows and the
//! cursor in one transaction, as long as nobody else has begun to.

use std::sync::Arc;

use sfs_eventlog::ReadError;
use sfs_ledger::Hash;
use sfs_sql::{SqlError, Stmt, Writer};

use crate::generation::Generation;
use crate::projection::{Contradiction, Projections};
use crate::recorded::{Recorded, Undecodable};

/// Why a follower does not go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stop {
    /// The next event cannot be read.
    #[error(transparent)]
    Event(#[from] Undecodable),
    /// The next event does not fit those before it.
    #[error(transparent)]
    Contradiction(#[from] Contradiction),
    /// The log did not answer, or it is damaged.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    /// The read database did not take the rows.
    #[error("the read models cannot be written")]
    Sql(#[from] SqlError),
    /// Another runner writes this generation now.
    #[error("another runner has taken over the read models")]
    TakenOver,
    /// It was told to end.
    #[error("the read models are being closed")]
    Ended,
}

/// See the module.
pub(crate) struct Follower {
    generation: Arc<Generation>,
    writer: Writer,
    projections: Projections,
    /// Everything up to here is written.
    position: u64,
    epoch: i64,
    /// The last folded event that is not yet written.
    folded: Option<(u64, Hash)>,
    /// When the log learned the last folded event.
    last_at: Option<i64>,
    writing: bool,
}

impl Follower {
    /// Takes a generation over: from now on nobody who had it before can write it.
    pub async fn take(generation: Arc<Generation>) -> Result<Self, SqlError> {
        let mut writer = generation.db().writer().await?;
        writer.begin().await?;
        Self::begin(generation, writer).await
    }

    /// Takes a generation that one had before; not if somebody else has taken it since.
    pub async fn take_again(generation: Arc<Generation>, epoch: i64) -> Result<Self, Stop> {
        let mut writer = generation.db().writer().await?;
        writer.begin().await?;
        let same = Stmt::new("select position from cursor where epoch = $1").int(epoch);
        match writer.fetch_optional(same).await? {
            Some(_) => Ok(Self::begin(generation, writer).await?),
            None => Err(Stop::TakenOver),
        }
    }

    async fn begin(generation: Arc<Generation>, mut writer: Writer) -> Result<Self, SqlError> {
        writer.execute(Stmt::new("update cursor set epoch = epoch + 1")).await?;
        let row = writer.fetch_optional(Stmt::new("select position, epoch from cursor")).await?;
        let (position, epoch) = match row {
            Some(row) => (row.int(0)? as u64, row.int(1)?),
            None => (0, 0),
        };
        let mut projections = Projections::new();
        projections.load(&mut writer).await?;
        writer.commit().await?;
        Ok(Self { generation, writer, projections, position, epoch, folded: None, last_at: None, writing: false })
    }

    /// What it writes.
    pub const fn generation(&self) -> &Arc<Generation> {
        &self.generation
    }

    /// Everything up to here is written.
    pub const fn position(&self) -> u64 {
        self.position
    }

    /// What tells it from those who had the generation before and after it.
    pub const fn epoch(&self) -> i64 {
        self.epoch
    }

    /// When the log learned the last event that was folded; `None` if none was.
    pub const fn last_at(&self) -> Option<i64> {
        self.last_at
    }

    /// Takes events; they must follow those before without a gap. Stops at one that does not fit; what
    /// came before it can still be written.
    pub fn fold(&mut self, events: &[Recorded]) -> Result<(), Contradiction> {
        for event in events {
            self.projections.fold(event)?;
            self.folded = Some((event.position, event.leaf_hash));
            self.last_at = Some(event.recorded_at);
        }
        Ok(())
    }

    /// Writes what need not wait for the end of a long page. Nobody sees it before [`write`](Self::write).
    pub async fn spill(&mut self) -> Result<(), Stop> {
        let stmts = self.projections.spill();
        self.run(stmts).await
    }

    /// Writes the net change of everything folded, and the cursor; commits.
    pub async fn write(&mut self) -> Result<(), Stop> {
        let Some((position, hash)) = self.folded.take() else { return Ok(()) };
        let stmts = self.projections.write();
        self.run(stmts).await?;
        let moved = Stmt::new("update cursor set position = $1, hash = $2 where position = $3 and epoch = $4")
            .int(position as i64)
            .blob(*hash.as_bytes())
            .int(self.position as i64)
            .int(self.epoch);
        if self.writer.execute(moved).await? != 1 {
            return Err(Stop::TakenOver);
        }
        self.writer.commit().await?;
        self.writer.finish_wal().await;
        self.writing = false;
        self.position = position;
        Ok(())
    }

    /// Runs the statements in the open transaction, or in a new one if nobody else has written.
    async fn run(&mut self, stmts: Vec<Stmt>) -> Result<(), Stop> {
        if !self.writing {
            self.writer.begin().await?;
            self.writing = true;
            let mine = Stmt::new("select position from cursor where position = $1 and epoch = $2")
                .int(self.position as i64)
                .int(self.epoch);
            if self.writer.fetch_optional(mine).await?.is_none() {
                return Err(Stop::TakenOver);
            }
        }
        for stmt in stmts {
            self.writer.execute(stmt).await?;
        }
        Ok(())
    }

    /// Makes the indexes, once the tables are full.
    pub async fn create_indexes(&mut self) -> Result<(), SqlError> {
        crate::generation::create_indexes(&mut self.writer).await
    }

    /// Lets go of the generation: what was not written is forgotten.
    pub async fn close(mut self) -> Result<(), SqlError> {
        if self.writing {
            self.writer.rollback().await?;
        }
        self.writer.close().await
    }
}
