//! Appends a batch in one transaction: the head is taken first and moved last.

use std::collections::HashMap;
use std::sync::Arc;

use sfs_eventlog::appender::{Batch, CommitError, Engine, StreamHead, Taken};
use sfs_eventlog::{CommandRecord, Purge, SealedSlot};
use sfs_ledger::{Hash, Head};
use sfs_sql::{Many, SqlError, Stmt, Writer};
use tokio_util::sync::DropGuard;
use uuid::Uuid;

use crate::open::StoredHead;
use crate::segments::{Filling, SEGMENT, decode_tags, encode_tags};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Another process moved the head, or somebody changed it by hand.
#[derive(Debug, thiserror::Error)]
#[error("the head of the log is not where this process left it")]
struct HeadMoved;

/// The writing half of the log on SQLite.
pub struct SqliteEngine {
    writer: Writer,
    /// What this process knows of the database; `None` after a commit that was not confirmed.
    known: Option<Known>,
    statements: Statements,
    /// Whether the head is held: a transaction is open.
    holds_head: bool,
    /// Ends the task that shortens the write-ahead log.
    _shortening: DropGuard,
}

/// Runs into the guard of the head if the head is not at that size.
const SAME_HEAD: &str = "insert or rollback into log_head (id, origin, level, size, root, range, at) \
     select id, origin, level, size, root, range, at from log_head where size <> ?";

struct Known {
    head: Head,
    next_stream: i64,
    types: Names,
    tags: Names,
    filling: Filling,
}

/// Numbers of names, as the database has them.
#[derive(Default)]
struct Names {
    numbers: HashMap<Arc<str>, i64>,
    next: i64,
}

impl Names {
    async fn load(writer: &mut Writer, query: &'static str) -> Result<Self, SqlError> {
        let mut names = Self { numbers: HashMap::new(), next: 1 };
        for row in writer.fetch_all(Stmt::new(query)).await? {
            let number = row.int(0)?;
            names.numbers.insert(row.text(1)?.into(), number);
            names.next = names.next.max(number + 1);
        }
        Ok(names)
    }

    /// The number of a name; a new one is noted in `fresh`.
    fn number(&mut self, name: &Arc<str>, fresh: &mut Vec<(i64, Arc<str>)>) -> i64 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(Arc::clone(name), number);
        fresh.push((number, Arc::clone(name)));
        number
    }
}

struct Statements {
    streams: Many,
    types: Many,
    tags: Many,
    events: Many,
    commands: Many,
    slots: Many,
    segments: Many,
    find_commands: Many,
    find_streams: Many,
}

impl Statements {
    fn new() -> Self {
        Self {
            streams: Many::insert("stream (sid, name)", 2),
            types: Many::insert("event_type (tid, name)", 2),
            tags: Many::insert("tag (tag, name)", 2),
            events: Many::insert("event (pos, sid, sv, tid, at, leaf_hash, leaf, open, tags)", 9),
            commands: Many::insert("log_command (cmd, digest, first, count, at)", 5),
            slots: Many::insert("sealed_slot (digest, bytes)", 2),
            segments: Many::insert("tag_segment (tag, segment, positions)", 3),
            find_commands: Many::list("select 1, cmd, digest, first, count from log_command where cmd in", ""),
            find_streams: Many::list(
                "select 2, s.sid, s.name, e.sv, e.leaf_hash from stream s \
                 left join event e on e.sid = s.sid \
                 and e.sv = (select max(l.sv) from event l where l.sid = s.sid) \
                 where s.name in",
                "",
            ),
        }
    }
}

impl SqliteEngine {
    /// An engine on an open writer; with it ends the task that `shortening` guards.
    pub fn new(writer: Writer, shortening: DropGuard) -> Self {
        Self { writer, known: None, statements: Statements::new(), holds_head: false, _shortening: shortening }
    }

    /// What the database holds now; at the start and after a commit that was not confirmed.
    async fn learn(&mut self) -> Result<(), BoxError> {
        let head = StoredHead::load(&mut self.writer).await?.head;
        let next_stream = self
            .writer
            .fetch_optional(Stmt::new("select coalesce(max(sid), 0) + 1 from stream"))
            .await?
            .map_or(Ok(1), |row| row.int(0))?;
        let types = Names::load(&mut self.writer, "select tid, name from event_type").await?;
        let tags = Names::load(&mut self.writer, "select tag, name from tag").await?;
        let mut filling = Filling::default();
        let complete = head.size / SEGMENT * SEGMENT;
        let tail = Stmt::new("select pos, tags from event where pos > $1 order by pos").int(complete as i64);
        for row in self.writer.fetch_all(tail).await? {
            filling.add(row.int(0)? as u64, &decode_tags(row.blob(1)?));
        }
        self.known = Some(Known { head, next_stream, types, tags, filling });
        Ok(())
    }

    /// Takes the write lock and looks up what the batch needs to know, in one go.
    async fn look_up(&mut self, commands: &[Uuid], streams: &[Arc<str>]) -> Result<Taken, BoxError> {
        let mut parts = vec![Stmt::new("begin immediate"), Stmt::new("select 0, size from log_head")];
        parts.extend(self.statements.find_commands.statements(commands, |stmt, id| stmt.blob(*id.as_bytes())));
        parts.extend(self.statements.find_streams.statements(streams, |stmt, name| stmt.shared_text(Arc::clone(name))));
        let (mut size, mut found, mut heads) = (0, Vec::new(), Vec::new());
        for row in self.writer.fetch_all(Stmt::batch(parts)).await? {
            match row.int(0)? {
                0 => size = row.int(1)? as u64,
                1 => {
                    let record = CommandRecord {
                        first: row.int(3)? as u64,
                        count: row.int(4)? as u64,
                        digest: row.opt_blob(2)?.and_then(|bytes| bytes.try_into().ok()),
                    };
                    found.push((Uuid::from_slice(row.blob(1)?)?, record));
                }
                _ => {
                    let head = StreamHead {
                        number: row.int(1)?,
                        version: row.opt_int(3)?.unwrap_or(0) as u64,
                        last: row.opt_blob(4)?.map(Hash::try_from).transpose()?,
                    };
                    heads.push((row.text(2)?.into(), head));
                }
            }
        }
        if self.known.as_ref().is_none_or(|known| known.head.size != size) {
            self.learn().await?;
        }
        let Some(known) = &self.known else { return Err(HeadMoved.into()) };
        Ok(Taken { head: known.head.clone(), commands: found, streams: heads, next_stream: known.next_stream })
    }

    async fn write(&mut self, batch: Batch) -> Result<(), BoxError> {
        let Some(known) = &mut self.known else { return Err(HeadMoved.into()) };
        let holds_head = std::mem::take(&mut self.holds_head);
        let (writer, statements) = (&mut self.writer, &self.statements);
        let (mut new_types, mut new_tags) = (Vec::new(), Vec::new());
        let mut segments: Vec<(i64, i64, Vec<u8>)> = Vec::new();
        let mut sealed: Vec<SealedSlot> = Vec::new();
        let at = batch.head.at_micros;
        let mut rows = Vec::with_capacity(batch.rows.len());
        for mut row in batch.rows {
            let tid = known.types.number(&row.event_type, &mut new_types);
            let mut tags: Vec<i64> = row.tags.iter().map(|tag| known.tags.number(tag, &mut new_tags)).collect();
            tags.sort_unstable();
            tags.dedup();
            if let Some((segment, lists)) = known.filling.add(row.position, &tags) {
                segments.extend(lists.into_iter().map(|(tag, list)| (tag, segment as i64, list.encode())));
            }
            sealed.append(&mut row.sealed);
            rows.push((row, tid, encode_tags(&tags)));
        }
        let mut stmts: Vec<Stmt> = Vec::new();
        if !holds_head {
            stmts.push(Stmt::new("begin immediate"));
            stmts.push(Stmt::new(SAME_HEAD).int(batch.base as i64));
        }
        let name = |stmt: Stmt, (number, name): (i64, Arc<str>)| stmt.int(number).shared_text(name);
        stmts.extend(statements.types.statements(new_types, name));
        stmts.extend(statements.tags.statements(new_tags, name));
        stmts.extend(statements.streams.statements(batch.streams.iter().cloned(), name));
        stmts.extend(statements.events.statements(rows, |stmt, (row, tid, tags)| {
            stmt.int(row.position as i64)
                .int(row.stream)
                .int(row.version as i64)
                .int(tid)
                .int(row.recorded_at)
                .blob(*row.hash.as_bytes())
                .blob(row.leaf)
                .text(row.open)
                .blob(tags)
        }));
        stmts.extend(
            statements.slots.statements(sealed, |stmt, slot| stmt.blob(*slot.digest.as_bytes()).blob(slot.bytes)),
        );
        stmts.extend(statements.commands.statements(batch.commands, |stmt, (id, record)| {
            stmt.blob(*id.as_bytes())
                .opt_blob(record.digest.map(Vec::from))
                .int(record.first as i64)
                .int(record.count as i64)
                .int(at)
        }));
        stmts.extend(
            statements
                .segments
                .statements(segments, |stmt, (tag, segment, positions)| stmt.int(tag).int(segment).blob(positions)),
        );
        // The insert guard refuses positions at or below the stored head, so a head that somebody
        // else has moved in the meantime makes this fail as a whole.
        stmts.push(
            Stmt::new("update log_head set size = ?, root = ?, range = ?, at = ? where id = 1")
                .int(batch.head.size as i64)
                .blob(*batch.head.root.as_bytes())
                .blob(batch.head.range.to_bytes())
                .int(at),
        );
        stmts.push(Stmt::new("commit"));
        writer.execute(Stmt::batch(stmts)).await?;
        known.next_stream += batch.streams.len() as i64;
        known.head = batch.head;
        Ok(())
    }
}

impl SqliteEngine {
    async fn purge_in_one_go(&mut self, purge: &Purge) -> Result<u64, BoxError> {
        self.writer.begin().await?;
        let mut purged = 0;
        for digest in &purge.slots {
            let delete = Stmt::new("delete from sealed_slot where digest = $1").blob(*digest.as_bytes());
            purged += self.writer.execute(delete).await?;
        }
        for (command, position) in &purge.events {
            let by_id = Stmt::new("update log_command set digest = null where cmd = $1").blob(*command.as_bytes());
            if self.writer.execute(by_id).await? == 0 {
                let by_place = "update log_command set digest = null where first <= $1 and first + count > $1";
                self.writer.execute(Stmt::new(by_place).int(i64::try_from(*position)?)).await?;
            }
        }
        self.writer.commit().await?;
        Ok(purged)
    }
}

impl Engine for SqliteEngine {
    fn remembered(&self) -> Option<Taken> {
        let known = self.known.as_ref()?;
        Some(Taken {
            head: known.head.clone(),
            commands: Vec::new(),
            streams: Vec::new(),
            next_stream: known.next_stream,
        })
    }

    async fn take(&mut self, commands: &[Uuid], streams: &[Arc<str>]) -> Result<Taken, BoxError> {
        let taken = self.look_up(commands, streams).await;
        self.holds_head = taken.is_ok();
        if taken.is_err() {
            self.known = None;
            // The transaction may be gone already; then there is nothing to roll back.
            let _ = self.writer.rollback().await;
        }
        taken
    }

    async fn commit(&mut self, batch: Batch) -> Result<(), CommitError> {
        let held = self.holds_head;
        let Err(why) = self.write(batch).await else {
            self.writer.finish_wal().await;
            return Ok(());
        };
        self.known = None;
        let _ = self.writer.rollback().await;
        match why.downcast_ref::<SqlError>() {
            // A guard has rolled the transaction back.
            Some(refused) if !held && refused.is_constraint() => Err(CommitError::Outdated),
            _ => Err(CommitError::Failed(why)),
        }
    }

    async fn purge(&mut self, purge: &Purge) -> Result<u64, BoxError> {
        // Overwritten in the file, not only left out of it.
        self.writer.execute(Stmt::new("pragma secure_delete = on")).await?;
        let purged = self.purge_in_one_go(purge).await;
        if purged.is_err() {
            let _ = self.writer.rollback().await;
        }
        self.writer.execute(Stmt::new("pragma secure_delete = off")).await?;
        // And out of the write-ahead log, unless somebody reads an older state: then it is written over
        // in time.
        if let Err(why) = self.writer.checkpoint(true).await {
            tracing::debug!(error = &why as &dyn std::error::Error, "the write-ahead log was not begun anew");
        }
        purged
    }

    async fn forget_digests(&mut self, before: i64) -> Result<u64, BoxError> {
        let forget = "update log_command set digest = null where cmd in
            (select cmd from log_command where digest is not null and at < $1 limit 10000)";
        let forgotten = self.writer.execute(Stmt::new(forget).int(before)).await?;
        self.writer.finish_wal().await;
        Ok(forgotten)
    }

    async fn release(&mut self) {
        self.holds_head = false;
        if let Err(why) = self.writer.rollback().await {
            tracing::warn!(
                error = &why as &dyn std::error::Error,
                "a transaction that wrote nothing could not be ended"
            );
        }
    }

    async fn close(mut self) {
        // Everything into the one file, so that a copy of it is a copy of the log.
        let moved = self.writer.checkpoint(true).await;
        if let Err(why) = moved.and(self.writer.close().await) {
            tracing::warn!(error = &why as &dyn std::error::Error, "the log's database was not closed properly");
        }
    }
}
