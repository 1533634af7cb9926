//! Answers from the log on SQLite: by position, by stream, by tags.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use sfs_eventlog::{BoxFuture, CommandRecord, Direction, Filter, Page, ReadError, Reader, StoredEvent};
use sfs_ledger::{Hash, Head};
use sfs_sql::{Db, SqlError, Stmt};
use uuid::Uuid;

use crate::open::StoredHead;
use crate::packed::{self, Packed};
use crate::segments::{Bits, SEGMENT, decode_tags, segment_of};

/// Segments that one call looks at, at most: a filter that finds little answers in pages too.
const SEGMENTS_PER_CALL: u64 = 64;

/// The reading half of the log on SQLite.
#[derive(Clone)]
pub struct SqliteReader {
    db: Db,
    types: Arc<RwLock<HashMap<i64, Arc<str>>>>,
}

fn storage(why: SqlError) -> ReadError {
    ReadError::Storage(Box::new(why))
}

impl SqliteReader {
    /// A reader of that database.
    pub fn new(db: Db) -> Self {
        Self { db, types: Arc::default() }
    }

    /// The database, for those who check it.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    async fn type_name(&self, tid: i64) -> Result<Arc<str>, ReadError> {
        if let Some(name) = self.types.read().ok().and_then(|types| types.get(&tid).cloned()) {
            return Ok(name);
        }
        let mut fresh = HashMap::new();
        for row in self.db.fetch_all(Stmt::new("select tid, name from event_type")).await.map_err(storage)? {
            fresh.insert(row.int(0).map_err(storage)?, Arc::from(row.text(1).map_err(storage)?));
        }
        let name = fresh.get(&tid).cloned();
        if let Ok(mut types) = self.types.write() {
            *types = fresh;
        }
        name.ok_or_else(|| ReadError::Damaged {
            position: 0,
            what: format!("an event has the unknown type number {tid}"),
        })
    }

    /// The events that `rows` finds, with the size of the log, in one and the same state of it.
    async fn page(
        &self,
        leaves: bool,
        rows: &'static str,
        bind: impl FnOnce(Stmt) -> Stmt,
    ) -> Result<Found, ReadError> {
        let stmt = bind(Stmt::composed(packed::query(leaves, rows)));
        let row = self.db.fetch_optional(stmt).await.map_err(storage)?;
        let Some(row) = row else { return Ok(Found { size: 0, events: Vec::new() }) };
        let packed = Packed::of(&row, leaves).map_err(storage)?;
        let mut events = Vec::new();
        let mut last: Option<(i64, Arc<str>)> = None;
        for unpacked in packed.events() {
            let unpacked = unpacked?;
            let event_type = match &last {
                Some((known, name)) if *known == unpacked.event_type => Arc::clone(name),
                _ => self.type_name(unpacked.event_type).await?,
            };
            last = Some((unpacked.event_type, Arc::clone(&event_type)));
            events.push(unpacked.stored(event_type));
        }
        Ok(Found { size: packed.size, events })
    }

    async fn size(&self) -> Result<u64, ReadError> {
        let row = self.db.fetch_optional(Stmt::new("select size from log_head")).await.map_err(storage)?;
        row.map_or(Ok(0), |row| row.int(0)).map(|size| size as u64).map_err(storage)
    }

    /// The numbers of the asked tags; a tag that no event has is left out.
    async fn tag_numbers(&self, filter: &Filter) -> Result<Vec<Vec<i64>>, ReadError> {
        let mut groups = Vec::with_capacity(filter.all_of.len());
        for any_of in &filter.all_of {
            let mut group = Vec::with_capacity(any_of.len());
            for name in any_of {
                let stmt = Stmt::new("select tag from tag where name = $1").shared_text(Arc::clone(name));
                if let Some(row) = self.db.fetch_optional(stmt).await.map_err(storage)? {
                    group.push(row.int(0).map_err(storage)?);
                }
            }
            groups.push(group);
        }
        Ok(groups)
    }

    /// Which positions of the complete segments `from..=to` match.
    async fn match_segments(&self, groups: &[Vec<i64>], from: u64, to: u64) -> Result<HashMap<u64, Bits>, ReadError> {
        let mut lists: HashMap<(i64, u64), Bits> = HashMap::new();
        for tag in groups.iter().flatten() {
            let stmt =
                Stmt::new("select segment, positions from tag_segment where tag = $1 and segment between $2 and $3")
                    .int(*tag)
                    .int(from as i64)
                    .int(to as i64);
            for row in self.db.fetch_all(stmt).await.map_err(storage)? {
                let segment = row.int(0).map_err(storage)? as u64;
                let bits = Bits::decode(row.blob(1).map_err(storage)?).ok_or_else(|| ReadError::Damaged {
                    position: segment * SEGMENT + 1,
                    what: "a list of the index by tags is not readable".into(),
                })?;
                lists.insert((*tag, segment), bits);
            }
        }
        Ok((from..=to)
            .map(|segment| {
                let mut all = Bits::ALL;
                for group in groups {
                    let mut any = Bits::NONE;
                    for bits in group.iter().filter_map(|tag| lists.get(&(*tag, segment))) {
                        any.or(bits);
                    }
                    all.and(&any);
                }
                (segment, all)
            })
            .collect())
    }

    /// Which positions after the last complete segment match.
    async fn match_tail(&self, groups: &[Vec<i64>], after: u64, size: u64) -> Result<Vec<u64>, ReadError> {
        let stmt = Stmt::new("select pos, tags from event where pos > $1 and pos <= $2 order by pos")
            .int(after as i64)
            .int(size as i64);
        let mut positions = Vec::new();
        for row in self.db.fetch_all(stmt).await.map_err(storage)? {
            let tags = decode_tags(row.blob(1).map_err(storage)?);
            if groups.iter().all(|group| group.iter().any(|tag| tags.contains(tag))) {
                positions.push(row.int(0).map_err(storage)? as u64);
            }
        }
        Ok(positions)
    }

    async fn filtered(
        &self,
        filter: &Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> Result<Page, ReadError> {
        let size = self.size().await?;
        let nothing_left = match direction {
            Direction::Forwards => cursor >= size,
            Direction::Backwards => cursor <= 1 || size == 0,
        };
        if nothing_left {
            let scanned_to = if direction == Direction::Forwards { cursor } else { 1 };
            return Ok(Page { events: Vec::new(), scanned_to, head: size });
        }
        let groups = self.tag_numbers(filter).await?;
        // Segments up to this one are complete, and so have lists.
        let complete = size / SEGMENT;
        let mut positions = Vec::new();
        let mut scanned_to = cursor;
        match direction {
            Direction::Forwards => {
                let first = segment_of(cursor + 1);
                let last = (first + SEGMENTS_PER_CALL).min(complete);
                if first < last {
                    let matches = self.match_segments(&groups, first, last - 1).await?;
                    let found = (first..last).filter_map(|segment| Some(matches.get(&segment)?.positions(segment)));
                    positions.extend(found.flatten().filter(|position| *position > cursor).take(max));
                    scanned_to = last * SEGMENT;
                }
                if last >= complete && positions.len() < max {
                    let tail = self.match_tail(&groups, cursor.max(complete * SEGMENT), size).await?;
                    positions.extend(tail.into_iter().take(max - positions.len()));
                    scanned_to = size;
                }
                if let (Some(position), true) = (positions.last(), positions.len() == max) {
                    scanned_to = *position;
                }
            }
            Direction::Backwards => {
                let cursor = cursor.min(size + 1);
                let mut end = cursor - 1;
                if end > complete * SEGMENT {
                    let tail = self.match_tail(&groups, complete * SEGMENT, end).await?;
                    positions.extend(tail.into_iter().rev().take(max));
                    end = complete * SEGMENT;
                }
                scanned_to = end + 1;
                if positions.len() < max && end > 0 {
                    let last = segment_of(end);
                    let first = last.saturating_sub(SEGMENTS_PER_CALL - 1);
                    let matches = self.match_segments(&groups, first, last).await?;
                    let found = (first..=last)
                        .rev()
                        .filter_map(|segment| Some(matches.get(&segment)?.positions(segment).rev()));
                    let left = max - positions.len();
                    positions.extend(found.flatten().filter(|position| *position <= end).take(left));
                    scanned_to = first * SEGMENT + 1;
                }
                if let (Some(position), true) = (positions.last(), positions.len() == max) {
                    scanned_to = *position;
                }
            }
        }
        let events = self.at(&positions, direction, filter.leaves).await?;
        Ok(Page { events, scanned_to, head: size })
    }

    /// The events at these positions, which ascend, with their leaves; those that are not there are
    /// left out.
    pub async fn events_at(&self, positions: &[u64]) -> Result<Vec<StoredEvent>, ReadError> {
        self.at(positions, Direction::Forwards, true).await
    }

    /// The events at these positions, in the asked direction.
    async fn at(&self, positions: &[u64], direction: Direction, leaves: bool) -> Result<Vec<StoredEvent>, ReadError> {
        if positions.is_empty() {
            return Ok(Vec::new());
        }
        let list: Vec<String> = positions.iter().map(u64::to_string).collect();
        let rows = match direction {
            Direction::Forwards => AT_POSITIONS,
            Direction::Backwards => AT_POSITIONS_BACKWARDS,
        };
        Ok(self.page(leaves, rows, |stmt| stmt.text(format!("[{}]", list.join(",")))).await?.events)
    }
}

const AFTER: &str = "from event e join stream s on s.sid = e.sid where e.pos > $1 order by e.pos limit $2";
const BEFORE: &str = "from event e join stream s on s.sid = e.sid where e.pos < $1 order by e.pos desc limit $2";
const OF_STREAM: &str =
    "from stream s join event e on e.sid = s.sid where s.name = $1 and e.sv > $2 order by e.sv limit $3";
// A limit keeps the order of the rows within an aggregate.
const AT_POSITIONS: &str = "from json_each($1) j join event e on e.pos = j.value join stream s on s.sid = e.sid \
     order by e.pos limit -1";
const AT_POSITIONS_BACKWARDS: &str = "from json_each($1) j join event e on e.pos = j.value \
     join stream s on s.sid = e.sid order by e.pos desc limit -1";

/// A page of events, and the size of the log when it was read.
struct Found {
    size: u64,
    events: Vec<StoredEvent>,
}

impl Reader for SqliteReader {
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            if !filter.all_of.is_empty() {
                return self.filtered(filter, direction, cursor, max).await;
            }
            let rows = match direction {
                Direction::Forwards => AFTER,
                Direction::Backwards => BEFORE,
            };
            let cursor_row = i64::try_from(cursor).unwrap_or(i64::MAX);
            let found = self.page(filter.leaves, rows, |stmt| stmt.int(cursor_row).int(max as i64)).await?;
            let Found { size: head, events } = found;
            let scanned_to = match (events.last(), direction) {
                (Some(last), _) => last.position,
                (None, Direction::Forwards) => cursor,
                (None, Direction::Backwards) => 1,
            };
            Ok(Page { events, scanned_to, head })
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after_version: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>> {
        Box::pin(async move {
            let bind = |stmt: Stmt| stmt.text(stream).int(after_version as i64).int(max as i64);
            Ok(self.page(true, OF_STREAM, bind).await?.events)
        })
    }

    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>> {
        Box::pin(async move {
            let stmt = Stmt::new("select first, count, digest from log_command where cmd = $1").blob(*id.as_bytes());
            let row = self.db.fetch_optional(stmt).await.map_err(storage)?;
            row.map(|row| {
                Ok(CommandRecord {
                    first: row.int(0)? as u64,
                    count: row.int(1)? as u64,
                    digest: row.opt_blob(2)?.and_then(|bytes| bytes.try_into().ok()),
                })
            })
            .transpose()
            .map_err(storage)
        })
    }

    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move {
            // Time grows with the position, so a date is found by halving.
            let (mut low, mut high) = (0, self.size().await?);
            while low < high {
                let middle = low + (high - low).div_ceil(2);
                let stmt = Stmt::new("select at from event where pos = $1").int(middle as i64);
                let at = self.db.fetch_optional(stmt).await.map_err(storage)?.map(|row| row.int(0));
                match at.transpose().map_err(storage)? {
                    Some(at) if at <= instant => low = middle,
                    Some(_) => high = middle - 1,
                    None => return Err(ReadError::Damaged { position: middle, what: "the event is missing".into() }),
                }
            }
            Ok(low)
        })
    }

    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(digests.len());
            for digest in digests {
                let select = Stmt::new("select bytes from sealed_slot where digest = $1").blob(*digest.as_bytes());
                let row = self.db.fetch_optional(select).await.map_err(storage)?;
                found.push(row.map(|row| row.blob(0).map(Vec::from)).transpose().map_err(storage)?);
            }
            Ok(found)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>> {
        Box::pin(async move {
            let row = self.db.fetch_optional(Stmt::new(StoredHead::QUERY)).await.map_err(storage)?;
            let Some(row) = row else {
                return Err(ReadError::Damaged { position: 0, what: "the log has no head".into() });
            };
            StoredHead::from_row(&row)
                .map(|stored| stored.head)
                .map_err(|what| ReadError::Damaged { position: 0, what: what.to_string() })
        })
    }
}
