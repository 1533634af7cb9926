//! A log held in memory, to see what all but reading costs.

use std::sync::Arc;

use sfs_eventlog::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Direction, EventLog, Filter, Page, Purge, ReadError,
    Reader, StoredEvent,
};
use sfs_ledger::{Hash, Head};
use uuid::Uuid;

use crate::Failure;

/// Events that fit: about 1 KiB each.
pub const MOST_IN_MEMORY: u64 = 1_000_000;

/// See the module.
pub struct Held {
    log: Arc<dyn EventLog>,
    events: Vec<StoredEvent>,
}

impl Held {
    /// Reads all of that log.
    pub async fn of(log: Arc<dyn EventLog>) -> Result<Self, Failure> {
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let page = log.read(&Filter::default(), Direction::Forwards, events.len() as u64, 4_096).await?;
            if page.events.is_empty() {
                return Ok(Self { log, events });
            }
            events.extend(page.events);
        }
    }
}

impl Reader for Held {
    fn read<'a>(
        &'a self,
        _: &'a Filter,
        _: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let rest = self.events.get(cursor as usize..).unwrap_or_default();
            let events: Vec<StoredEvent> = rest.iter().take(max).cloned().collect();
            let scanned_to = cursor + events.len() as u64;
            Ok(Page { events, scanned_to, head: self.events.len() as u64 })
        })
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>> {
        self.log.read_stream(stream, after, max)
    }

    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>> {
        self.log.command(id)
    }

    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>> {
        self.log.position_at(instant)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>> {
        self.log.head()
    }

    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>> {
        self.log.sealed(digests)
    }
}

impl EventLog for Held {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(append)
    }

    fn purge(&self, purge: Purge) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.purge(purge)
    }

    fn forget_digests(&self, before: i64) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.forget_digests(before)
    }

    fn heads(&self) -> tokio::sync::watch::Receiver<u64> {
        self.log.heads()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.log.close()
    }
}
