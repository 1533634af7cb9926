//! A log in memory: a real log that keeps the whole law, for tests and for trying things out, with
//! faults that can be ordered in both directions and defects that can be seeded.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sfs_ledger::{Hash, Head};
use uuid::Uuid;

use crate::appender::{Appender, Batch, CommitError, Engine, Limits, StreamHead, Taken};
use crate::log::Log;
use crate::port::{BoxError, BoxFuture, CommandRecord, Direction, Filter, Page, Purge, ReadError, Reader, StoredEvent};

/// What happens to the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails and nothing was stored.
    Fails,
    /// It fails, but everything was stored: the answer was lost.
    FailsButPersists,
    /// Like `FailsButPersists`, and the look-up after it fails too.
    FailsAndStaysSilent,
}

/// A defect that the contract suite must find. Each is a test of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    /// Says yes and stores all but the last event.
    LosesAcknowledged,
    /// Does not find commands that were accepted before.
    ForgetsCommands,
    /// Says that every stream is as it was when it began.
    ForgetsVersions,
    /// Shows the last event before the one in front of it is there.
    ShowsGaps,
    /// Stores the events of a batch in the wrong order.
    SwapsOrder,
}

struct Store {
    head: Head,
    events: Vec<(StoredEvent, Vec<Arc<str>>)>,
    streams: HashMap<Arc<str>, StreamHead>,
    commands: HashMap<Uuid, CommandRecord>,
    sealed: HashMap<Hash, Vec<u8>>,
    faults: VecDeque<Fault>,
    defect: Option<Defect>,
    silent: bool,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            head: Head::empty(),
            events: Vec::new(),
            streams: HashMap::new(),
            commands: HashMap::new(),
            sealed: HashMap::new(),
            faults: VecDeque::new(),
            defect: None,
            silent: false,
        }
    }
}

/// A handle on the stored events and on the faults.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Store>>);

/// The log in memory.
pub type MemoryLog = Log<Memory>;

impl Memory {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a log on this memory; it goes on where the last one on it was.
    pub fn start(&self, limits: Limits, now: impl Fn() -> i64 + Send + 'static) -> MemoryLog {
        let head = self.store().head.size;
        Log::new(Appender::start(self.clone(), limits, head, now), self.clone())
    }

    /// Orders a fault for the next commit; several happen one after the other.
    pub fn order(&self, fault: Fault) {
        self.store().faults.push_back(fault);
    }

    /// Seeds a defect.
    pub fn seed(&self, defect: Defect) {
        self.store().defect = Some(defect);
    }

    /// Ends the idempotency window: the digests of all commands are gone.
    pub fn forget_digests(&self) {
        for record in self.store().commands.values_mut() {
            record.digest = None;
        }
    }
}

impl Store {
    fn persist(&mut self, batch: Batch) {
        for (number, stream) in batch.streams {
            self.streams.insert(stream, StreamHead { number, version: 0, last: None });
        }
        let mut names: HashMap<i64, Arc<str>> =
            self.streams.iter().map(|(name, head)| (head.number, Arc::clone(name))).collect();
        for row in batch.rows {
            let Some(stream) = names.get_mut(&row.stream).cloned() else { continue };
            if let Some(head) = self.streams.get_mut(&stream) {
                head.version = row.version;
                head.last = Some(row.hash);
            }
            let event = StoredEvent {
                position: row.position,
                stream,
                version: row.version,
                event_type: row.event_type,
                recorded_at: row.recorded_at,
                leaf: row.leaf,
                leaf_hash: row.hash,
                open: row.open,
            };
            self.events.push((event, row.tags));
            self.sealed.extend(row.sealed.into_iter().map(|slot| (slot.digest, slot.bytes)));
        }
        self.commands.extend(batch.commands);
        self.head = batch.head;
    }
}

impl Engine for Memory {
    fn remembered(&self) -> Option<Taken> {
        let store = self.store();
        // What forgets versions does not remember them either.
        (store.defect != Some(Defect::ForgetsVersions)).then(|| Taken {
            head: store.head.clone(),
            commands: Vec::new(),
            streams: Vec::new(),
            next_stream: store.streams.len() as i64 + 1,
        })
    }

    async fn take(&mut self, commands: &[Uuid], streams: &[Arc<str>]) -> Result<Taken, BoxError> {
        let mut store = self.store();
        if std::mem::take(&mut store.silent) {
            return Err("the memory does not answer".into());
        }
        let next_stream = store.streams.len() as i64 + 1;
        let forgets_commands = store.defect == Some(Defect::ForgetsCommands);
        let forgets_versions = store.defect == Some(Defect::ForgetsVersions);
        Ok(Taken {
            head: store.head.clone(),
            commands: commands
                .iter()
                .filter(|_| !forgets_commands)
                .filter_map(|id| Some((*id, store.commands.get(id)?.clone())))
                .collect(),
            streams: streams
                .iter()
                .filter(|_| !forgets_versions)
                .filter_map(|stream| Some((Arc::clone(stream), store.streams.get(stream)?.clone())))
                .collect(),
            next_stream,
        })
    }

    async fn commit(&mut self, mut batch: Batch) -> Result<(), CommitError> {
        let failed = |why: &str| Err(CommitError::Failed(why.into()));
        let mut store = self.store();
        let forgets = store.defect == Some(Defect::ForgetsCommands);
        if batch.base != store.head.size
            || (!forgets && batch.commands.iter().any(|(id, _)| store.commands.contains_key(id)))
        {
            return Err(CommitError::Outdated);
        }
        let fault = store.faults.pop_front();
        if fault == Some(Fault::Fails) {
            return failed("the memory refuses");
        }
        match store.defect {
            Some(Defect::LosesAcknowledged) => {
                batch.rows.pop();
            }
            Some(Defect::SwapsOrder) => batch.rows.reverse(),
            _ => {}
        }
        store.persist(batch);
        match fault {
            Some(Fault::FailsButPersists) => failed("the answer was lost"),
            Some(Fault::FailsAndStaysSilent) => {
                store.silent = true;
                failed("the answer was lost")
            }
            Some(Fault::Fails) | None => Ok(()),
        }
    }

    async fn purge(&mut self, purge: &Purge) -> Result<u64, BoxError> {
        let mut store = self.store();
        for (_, position) in &purge.events {
            let has = |record: &&mut CommandRecord| (record.first..record.first + record.count).contains(position);
            store.commands.values_mut().filter(has).for_each(|record| record.digest = None);
        }
        Ok(purge.slots.iter().filter(|digest| store.sealed.remove(digest).is_some()).count() as u64)
    }

    async fn forget_digests(&mut self, before: i64) -> Result<u64, BoxError> {
        let mut store = self.store();
        let old = store.events.partition_point(|(event, _)| event.recorded_at < before) as u64;
        let is_old = |record: &&mut CommandRecord| record.first <= old && record.digest.is_some();
        let forgotten = store.commands.values_mut().filter(is_old).map(|record| record.digest = None);
        Ok(forgotten.count() as u64)
    }

    async fn release(&mut self) {}

    async fn close(self) {}
}

/// Whether an event with these tags is asked for.
fn matches(filter: &Filter, tags: &[Arc<str>]) -> bool {
    filter.all_of.iter().all(|any_of| any_of.iter().any(|tag| tags.contains(tag)))
}

impl Reader for Memory {
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let store = self.store();
            let head = store.head.size;
            let shows_gaps = store.defect == Some(Defect::ShowsGaps);
            let wanted = |event: &StoredEvent| match direction {
                Direction::Forwards => event.position > cursor,
                Direction::Backwards => event.position < cursor,
            };
            let strip = |(event, _): &(StoredEvent, Vec<Arc<str>>)| {
                let leaf = if filter.leaves { event.leaf.clone() } else { Vec::new() };
                StoredEvent { leaf, ..event.clone() }
            };
            let found = store
                .events
                .iter()
                .filter(|(event, tags)| wanted(event) && matches(filter, tags))
                .filter(|(event, _)| !(shows_gaps && event.position + 1 == head));
            let events: Vec<StoredEvent> = match direction {
                Direction::Forwards => found.take(max).map(strip).collect(),
                Direction::Backwards => found.rev().take(max).map(strip).collect(),
            };
            let full = events.len() == max;
            let scanned_to = match (events.last(), full, direction) {
                (Some(last), true, _) => last.position,
                (_, _, Direction::Forwards) => head.max(cursor),
                (_, _, Direction::Backwards) => 1,
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
            let store = self.store();
            Ok(store
                .events
                .iter()
                .filter(|(event, _)| &*event.stream == stream && event.version > after_version)
                .take(max)
                .map(|(event, _)| event.clone())
                .collect())
        })
    }

    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>> {
        Box::pin(async move { Ok(self.store().commands.get(&id).cloned()) })
    }

    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>> {
        Box::pin(async move {
            let store = self.store();
            Ok(store.events.partition_point(|(event, _)| event.recorded_at <= instant) as u64)
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>> {
        Box::pin(async move { Ok(self.store().head.clone()) })
    }

    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>> {
        Box::pin(async move {
            let store = self.store();
            Ok(digests.iter().map(|digest| store.sealed.get(digest).cloned()).collect())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::event_log_contract!(memory, crate::contract::Subject::memory);

    #[tokio::test]
    async fn a_commit_that_failed_left_no_trace() {
        let memory = Memory::default();
        memory.order(Fault::Fails);
        crate::contract::refused_by_storage_leaves_no_trace(&memory.start(Limits::default(), || 1)).await;
    }

    #[tokio::test]
    async fn a_commit_that_failed_but_was_stored_is_found_and_not_repeated() {
        let memory = Memory::default();
        memory.order(Fault::FailsButPersists);
        crate::contract::lost_answer_is_looked_up(&memory.start(Limits::default(), || 1)).await;
    }

    #[tokio::test]
    async fn an_outcome_that_cannot_be_looked_up_is_said_to_be_unknown() {
        let memory = Memory::default();
        memory.order(Fault::FailsAndStaysSilent);
        crate::contract::unknown_outcome_is_said_and_healed(&memory.start(Limits::default(), || 1)).await;
    }

    #[tokio::test]
    async fn a_command_id_from_before_the_window_is_neither_repeated_nor_answered() {
        let memory = Memory::default();
        let log = memory.start(Limits::default(), || 1);
        crate::contract::forgotten_payload_is_refused(&log, || memory.forget_digests()).await;
    }

    /// A test of the tests: each seeded defect turns a law of the contract red.
    #[tokio::test]
    async fn the_contract_finds_every_seeded_defect() {
        use crate::contract::Law;
        for (defect, law) in [
            (Defect::LosesAcknowledged, Law::Order),
            (Defect::SwapsOrder, Law::Order),
            (Defect::ShowsGaps, Law::NoGaps),
            (Defect::ForgetsCommands, Law::Idempotency),
            (Defect::ForgetsVersions, Law::Versions),
            (Defect::LosesAcknowledged, Law::Durability),
        ] {
            let found = tokio::spawn(async move {
                let memory = Memory::default();
                memory.seed(defect);
                // Without remembered streams the storage is asked each time, so it can lie.
                let limits = Limits { cached_streams: 0, ..Limits::default() };
                let subject = crate::contract::Subject::of_memory(memory, limits);
                law.check(subject).await;
            })
            .await;
            assert!(found.is_err_and(|why| why.is_panic()), "{defect:?} was not found by {law:?}");
        }
    }
}
