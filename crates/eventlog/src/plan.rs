//! A batch is planned before anything is written: each append is checked against the log and against
//! what those before it in the batch have changed, so that what is refused leaves no trace.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::unsync::Cache;
use sfs_ledger::{Head, leaf_hash};
use uuid::Uuid;

use crate::appender::{Batch, Row, StreamHead, Taken};
use crate::port::{Append, AppendError, Appended, CommandRecord, Committed, Expected, StreamWrite};

/// Streams with their ends.
pub(crate) type StreamHeads = HashMap<Arc<str>, StreamHead>;

/// What became of one append within the batch.
pub(crate) enum Fate {
    Accepted(Committed),
    Answered(Result<Appended, AppendError>),
    /// The same command twice in one batch: answered like the first.
    SameAs(usize),
}

/// A batch, if anything was accepted, the streams as they then are, and what becomes of each append.
pub(crate) struct Planned {
    pub batch: Option<Batch>,
    pub touched: StreamHeads,
    pub fates: Vec<Fate>,
}

/// Checks the appends one after the other, each against what those before it have changed.
pub(crate) fn plan(taken: Taken, now: i64, appends: &[&Append], remembered: &Cache<Arc<str>, StreamHead>) -> Planned {
    let mut plan = Plan::new(taken, now);
    let fates = appends.iter().enumerate().map(|(n, append)| plan.add(n, append, remembered)).collect();
    let (batch, touched) = plan.finish();
    Planned { batch, touched, fates }
}

/// A batch in the making: what is accepted so far, and what the next append is checked against.
struct Plan {
    base: u64,
    head: Head,
    next_stream: i64,
    /// Commands known to the log.
    known: HashMap<Uuid, CommandRecord>,
    /// Commands of this batch, by their place in it.
    seen: HashMap<Uuid, (usize, [u8; 32])>,
    loaded: StreamHeads,
    /// Streams that this batch has moved.
    touched: StreamHeads,
    new_streams: Vec<(i64, Arc<str>)>,
    rows: Vec<Row>,
    commands: Vec<(Uuid, CommandRecord)>,
}

impl Plan {
    fn new(taken: Taken, now: i64) -> Self {
        let mut head = taken.head;
        // The log's time never runs backwards, whatever the clock does.
        head.at_micros = head.next_at(now);
        Self {
            base: head.size,
            head,
            next_stream: taken.next_stream,
            known: taken.commands.into_iter().collect(),
            seen: HashMap::new(),
            loaded: taken.streams.into_iter().collect(),
            touched: HashMap::new(),
            new_streams: Vec::new(),
            rows: Vec::new(),
            commands: Vec::new(),
        }
    }

    fn stream_head<'a>(&'a self, stream: &Arc<str>, cache: &'a Cache<Arc<str>, StreamHead>) -> Option<&'a StreamHead> {
        self.touched.get(stream).or_else(|| self.loaded.get(stream)).or_else(|| cache.peek(stream))
    }

    /// Checks an append against the log and what this batch already accepted, and accepts it.
    fn add(&mut self, n: usize, append: &Append, cache: &Cache<Arc<str>, StreamHead>) -> Fate {
        if let Some(record) = self.known.get(&append.command) {
            return Fate::Answered(match record.digest {
                Some(digest) if digest == append.digest => Ok(Appended::Replayed(record.clone())),
                Some(_) => Err(AppendError::PayloadDiffers),
                None => Err(AppendError::PayloadForgotten(record.clone())),
            });
        }
        if let Some((first, digest)) = self.seen.get(&append.command) {
            return if *digest == append.digest {
                Fate::SameAs(*first)
            } else {
                Fate::Answered(Err(AppendError::PayloadDiffers))
            };
        }
        let version = |plan: &Self, stream: &Arc<str>| plan.stream_head(stream, cache).map_or(0, |head| head.version);
        let written = append.writes.iter().filter_map(|write| match write.expected {
            Expected::Version(expected) => Some((&write.stream, expected)),
            Expected::Any => None,
        });
        let guarded = append.guards.iter().map(|guard| (&guard.stream, guard.version));
        for (stream, expected) in written.chain(guarded) {
            let actual = version(self, stream);
            if actual != expected {
                return Fate::Answered(Err(AppendError::Conflict { stream: Arc::clone(stream), expected, actual }));
            }
        }
        match self.complete(&append.writes, cache) {
            Ok((rows, streams)) => Fate::Accepted(self.accept(n, (append.command, append.digest), rows, streams)),
            Err(why) => Fate::Answered(Err(why)),
        }
    }

    /// Completes the leaves; changes nothing, so that a leaf that is too large leaves no trace.
    fn complete(
        &self,
        writes: &[StreamWrite],
        cache: &Cache<Arc<str>, StreamHead>,
    ) -> Result<(Vec<Row>, StreamHeads), AppendError> {
        let mut streams: StreamHeads = HashMap::new();
        let mut next_stream = self.next_stream;
        let mut rows = Vec::new();
        for write in writes {
            let mut head = match streams.get(&write.stream).or_else(|| self.stream_head(&write.stream, cache)) {
                Some(head) => head.clone(),
                None => {
                    next_stream += 1;
                    StreamHead { number: next_stream - 1, version: 0, last: None }
                }
            };
            for event in &write.events {
                head.version += 1;
                let position = self.head.size + rows.len() as u64 + 1;
                let mut leaf = Vec::with_capacity(640);
                event
                    .leaf
                    .complete(position, self.head.at_micros, head.version, head.last.as_ref(), &mut leaf)
                    .map_err(|_| AppendError::TooLarge("an event's leaf"))?;
                let hash = leaf_hash(&leaf);
                head.last = Some(hash);
                rows.push(Row {
                    position,
                    stream: head.number,
                    version: head.version,
                    event_type: Arc::clone(&event.event_type),
                    recorded_at: self.head.at_micros,
                    leaf,
                    hash,
                    open: event.open.clone(),
                    tags: event.tags.clone(),
                    sealed: event.sealed.clone(),
                });
            }
            streams.insert(Arc::clone(&write.stream), head);
        }
        Ok((rows, streams))
    }

    fn accept(
        &mut self,
        n: usize,
        (command, digest): (Uuid, [u8; 32]),
        rows: Vec<Row>,
        streams: StreamHeads,
    ) -> Committed {
        for (stream, head) in streams {
            if head.number >= self.next_stream {
                self.new_streams.push((head.number, Arc::clone(&stream)));
            }
            self.touched.insert(stream, head);
        }
        self.next_stream += self.new_streams.iter().filter(|(number, _)| *number >= self.next_stream).count() as i64;
        let committed = Committed {
            first: self.head.size + 1,
            versions: rows.iter().map(|row| row.version).collect(),
            hashes: rows.iter().map(|row| row.hash).collect(),
            recorded_at: self.head.at_micros,
        };
        for row in &rows {
            self.head.range.push(row.hash);
        }
        self.head.size = self.head.range.size();
        let record = CommandRecord { first: committed.first, count: rows.len() as u64, digest: Some(digest) };
        self.rows.extend(rows);
        self.commands.push((command, record));
        self.seen.insert(command, (n, digest));
        committed
    }

    /// The batch, if anything was accepted, and the streams as they then are.
    fn finish(mut self) -> (Option<Batch>, StreamHeads) {
        if self.rows.is_empty() {
            return (None, self.touched);
        }
        self.head.root = self.head.range.root();
        let batch = Batch {
            base: self.base,
            head: self.head,
            streams: self.new_streams,
            rows: self.rows,
            commands: self.commands,
        };
        (Some(batch), self.touched)
    }
}
