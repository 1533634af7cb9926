//! The one writer of a log: a bounded queue, batches, one durable commit for each.
//!
//! While a batch is on its way to the disk the next one gathers in the queue: that is the group
//! commit. Everything that can be refused is refused before the engine writes, so a refused
//! command leaves no trace and does not sink its neighbours.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::unsync::Cache;
use sfs_ledger::{Hash, Head};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::clock_watch::ClockWatch;
use crate::plan::{Fate, Planned, plan};
use crate::port::{Append, AppendError, Appended, BoxError, CommandRecord, Purge, SealedSlot};

/// Largest open body in bytes.
pub const MAX_OPEN_BYTES: usize = 60_000;

/// Most events in one append.
pub const MAX_EVENTS_PER_APPEND: usize = 5_000;

/// How much the appender takes on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Appends that may wait; more are answered with [`AppendError::Overloaded`].
    pub queue: usize,
    /// Appends in one commit.
    pub batch: usize,
    /// Streams whose head is remembered.
    pub cached_streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { queue: 4_096, batch: 512, cached_streams: 32_768 }
    }
}

/// What the storage answers when it is asked for the head.
pub struct Taken {
    /// The head as it now stands, held until commit or release.
    pub head: Head,
    /// The asked commands that were accepted before.
    pub commands: Vec<(Uuid, CommandRecord)>,
    /// The asked streams that exist.
    pub streams: Vec<(Arc<str>, StreamHead)>,
    /// The number that the next new stream gets.
    pub next_stream: i64,
}

/// The end of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamHead {
    /// The storage's number of the stream.
    pub number: i64,
    /// Version.
    pub version: u64,
    /// Hash of the last leaf; `None` for a stream without events.
    pub last: Option<Hash>,
}

/// A completed event on its way into the storage.
pub struct Row {
    /// Position.
    pub position: u64,
    /// The storage's number of the stream.
    pub stream: i64,
    /// Stream version.
    pub version: u64,
    /// Stored type.
    pub event_type: Arc<str>,
    /// Microseconds since 1970.
    pub recorded_at: i64,
    /// The leaf's bytes.
    pub leaf: Vec<u8>,
    /// Its hash.
    pub hash: Hash,
    /// The open body.
    pub open: String,
    /// Tags.
    pub tags: Vec<Arc<str>>,
    /// Ciphertexts.
    pub sealed: Vec<SealedSlot>,
}

/// What is written in one transaction.
pub struct Batch {
    /// The size of the log before.
    pub base: u64,
    /// The head after.
    pub head: Head,
    /// New streams with their numbers.
    pub streams: Vec<(i64, Arc<str>)>,
    /// The events in order.
    pub rows: Vec<Row>,
    /// The commands that they belong to.
    pub commands: Vec<(Uuid, CommandRecord)>,
}

/// Why a batch was not (or perhaps not) written.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Nothing was written: the log is not what the engine remembered.
    #[error("the log is not what was remembered of it")]
    Outdated,
    /// Either: the appender looks the commands up.
    #[error("a commit was not confirmed")]
    Failed(#[source] BoxError),
}

/// Storage that appends a batch at an expected head.
pub trait Engine: Send + 'static {
    /// The log as it was after the last commit of this engine, without asking the storage. A batch that
    /// is planned on it is checked within its own transaction: [`CommitError::Outdated`] if the head
    /// has moved or one of its commands is known. `None` if it does not remember or cannot check.
    fn remembered(&self) -> Option<Taken> {
        None
    }

    /// Takes the head (so that no other node can append) and looks up commands and streams.
    fn take(&mut self, commands: &[Uuid], streams: &[Arc<str>])
    -> impl Future<Output = Result<Taken, BoxError>> + Send;

    /// Writes the batch and commits once with full durability.
    fn commit(&mut self, batch: Batch) -> impl Future<Output = Result<(), CommitError>> + Send;

    /// See [`EventLog::purge`](crate::EventLog::purge); in a transaction of its own.
    fn purge(&mut self, purge: &Purge) -> impl Future<Output = Result<u64, BoxError>> + Send;

    /// See [`EventLog::forget_digests`](crate::EventLog::forget_digests); in a transaction of its own.
    fn forget_digests(&mut self, before: i64) -> impl Future<Output = Result<u64, BoxError>> + Send;

    /// Gives the head back without writing.
    fn release(&mut self) -> impl Future<Output = ()> + Send;

    /// The end.
    fn close(self) -> impl Future<Output = ()> + Send;
}

type Reply = oneshot::Sender<Result<Appended, AppendError>>;

struct Pending {
    append: Append,
    reply: Reply,
}

/// What the task is asked for.
enum Order {
    Append(Pending),
    Purge(Purge, oneshot::Sender<Result<u64, AppendError>>),
    ForgetDigests(i64, oneshot::Sender<Result<u64, AppendError>>),
}

/// The writing half of a log: sends appends to the task that owns the engine.
pub struct Appender {
    queue: mpsc::Sender<Order>,
    heads: watch::Receiver<u64>,
    task: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
    closing: CancellationToken,
}

impl Appender {
    /// Starts the task. `now` is microseconds since 1970; `head` the size at the start.
    pub fn start<E: Engine>(engine: E, limits: Limits, head: u64, now: impl Fn() -> i64 + Send + 'static) -> Self {
        let (queue, inbox) = mpsc::channel(limits.queue.max(1));
        let (publish, heads) = watch::channel(head);
        let closing = CancellationToken::new();
        let worker = Worker {
            engine,
            now: Box::new(now),
            publish,
            streams: Cache::new(limits.cached_streams.max(1)),
            remember: limits.cached_streams > 0,
            known_size: None,
            clock: ClockWatch::default(),
        };
        let task = tokio::spawn(worker.run(inbox, limits.batch.max(1), closing.clone()));
        Self { queue, heads, task: tokio::sync::Mutex::new(Some(task)), closing }
    }

    /// See [`EventLog::append`].
    pub async fn append(&self, append: Append) -> Result<Appended, AppendError> {
        check(&append)?;
        self.ask(|reply| Order::Append(Pending { append, reply })).await
    }

    /// See [`EventLog::purge`].
    pub async fn purge(&self, purge: Purge) -> Result<u64, AppendError> {
        self.ask(|reply| Order::Purge(purge, reply)).await
    }

    /// See [`EventLog::forget_digests`](crate::EventLog::forget_digests).
    pub async fn forget_digests(&self, before: i64) -> Result<u64, AppendError> {
        self.ask(|reply| Order::ForgetDigests(before, reply)).await
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, AppendError>>) -> Order,
    ) -> Result<T, AppendError> {
        if self.closing.is_cancelled() {
            return Err(AppendError::Closed);
        }
        let (reply, answer) = oneshot::channel();
        self.send(order(reply))?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    fn send(&self, order: Order) -> Result<(), AppendError> {
        self.queue.try_send(order).map_err(|full| match full {
            mpsc::error::TrySendError::Full(_) => AppendError::Overloaded,
            mpsc::error::TrySendError::Closed(_) => AppendError::Closed,
        })
    }

    /// See [`EventLog::heads`].
    pub fn heads(&self) -> watch::Receiver<u64> {
        self.heads.clone()
    }

    /// See [`EventLog::close`].
    pub async fn close(&self) {
        self.closing.cancel();
        if let Some(task) = self.task.lock().await.take()
            && let Err(why) = task.await
        {
            tracing::error!(error = %why, "the appender ended abnormally");
        }
    }
}

fn check(append: &Append) -> Result<(), AppendError> {
    let mut events = 0;
    for write in &append.writes {
        for event in &write.events {
            events += 1;
            if event.open.len() > MAX_OPEN_BYTES {
                return Err(AppendError::TooLarge("an event's open body"));
            }
        }
    }
    match events {
        0 => Err(AppendError::TooLarge("an append without events")),
        n if n > MAX_EVENTS_PER_APPEND => Err(AppendError::TooLarge("the number of events in one append")),
        _ => Ok(()),
    }
}

struct Worker<E> {
    engine: E,
    now: Box<dyn Fn() -> i64 + Send>,
    publish: watch::Sender<u64>,
    streams: Cache<Arc<str>, StreamHead>,
    remember: bool,
    /// The size after our last commit: another size means that another node wrote.
    known_size: Option<u64>,
    clock: ClockWatch,
}

impl<E: Engine> Worker<E> {
    async fn run(mut self, mut inbox: mpsc::Receiver<Order>, max: usize, closing: CancellationToken) {
        let mut orders = Vec::with_capacity(max);
        loop {
            let received = tokio::select! {
                biased;
                received = inbox.recv_many(&mut orders, max) => received,
                () = closing.cancelled() => {
                    // What was queued before the end is still done.
                    inbox.close();
                    inbox.recv_many(&mut orders, max).await
                }
            };
            if received == 0 {
                break;
            }
            let (mut batch, mut others) = (Vec::with_capacity(received), Vec::new());
            for order in orders.drain(..) {
                match order {
                    Order::Append(pending) => batch.push(pending),
                    other => others.push(other),
                }
            }
            if !batch.is_empty() {
                self.append_batch(batch).await;
            }
            for other in others {
                let (done, reply) = match other {
                    Order::Append(_) => continue,
                    Order::Purge(purge, reply) => (self.engine.purge(&purge).await, reply),
                    Order::ForgetDigests(before, reply) => (self.engine.forget_digests(before).await, reply),
                };
                let _ = reply.send(done.map_err(AppendError::Storage));
            }
        }
        self.engine.close().await;
    }

    async fn append_batch(&mut self, pending: Vec<Pending>) {
        let now = (self.now)();
        if let Some(planned) = self.plan_remembered(&pending, now)
            && let Some(fates) = self.write(&pending, planned).await
        {
            return answer(pending, fates);
        }
        let taken = match self.take(&pending).await {
            Ok(taken) => taken,
            Err(why) => {
                let why: Arc<dyn std::error::Error + Send + Sync> = why.into();
                for p in pending {
                    let _ = p.reply.send(Err(AppendError::Storage(Box::new(Shared(Arc::clone(&why))))));
                }
                return;
            }
        };
        self.clock.look(now, taken.head.at_micros);
        let planned = plan(taken, now, &appends(&pending), &self.streams);
        let fates = match planned.batch {
            Some(_) => self.write(&pending, planned).await.unwrap_or_else(|| overtaken(pending.len())),
            None => {
                self.engine.release().await;
                planned.fates
            }
        };
        answer(pending, fates);
    }

    /// A plan on what is remembered, if all of the batch can be accepted on it: who is to be refused is
    /// refused after asking.
    fn plan_remembered(&mut self, pending: &[Pending], now: i64) -> Option<Planned> {
        let taken = self.engine.remembered()?;
        self.clock.look(now, taken.head.at_micros);
        if self.known_size != Some(taken.head.size) || !unknown_streams(pending, &self.streams).is_empty() {
            return None;
        }
        let planned = plan(taken, now, &appends(pending), &self.streams);
        planned.fates.iter().all(|fate| matches!(fate, Fate::Accepted(_))).then_some(planned)
    }

    /// Writes what was planned; `None` if nothing was written because the plan was outdated.
    async fn write(&mut self, pending: &[Pending], planned: Planned) -> Option<Vec<Fate>> {
        let Planned { batch: Some(batch), touched, fates } = planned else { return None };
        let (base, size) = (batch.base, batch.head.size);
        match self.engine.commit(batch).await {
            Ok(()) => {
                self.known_size = Some(size);
                for (stream, head) in touched {
                    self.remember_stream(stream, head);
                }
                self.publish.send_replace(size);
                Some(fates)
            }
            Err(CommitError::Outdated) => None,
            Err(CommitError::Failed(why)) => {
                tracing::error!(
                    error = &*why as &dyn std::error::Error,
                    position = base,
                    "the log could not confirm a commit"
                );
                self.forget();
                let commands: Vec<Uuid> = pending.iter().map(|p| p.append.command).collect();
                let outcome = self.look_up(&commands).await;
                Some(resolve(fates, &commands, &outcome, why))
            }
        }
    }

    fn forget(&mut self) {
        self.streams.clear();
        self.known_size = None;
    }

    /// Takes the head with what the batch needs to know; forgets the cache if another node wrote.
    async fn take(&mut self, pending: &[Pending]) -> Result<Taken, BoxError> {
        let commands: Vec<Uuid> = pending.iter().map(|p| p.append.command).collect();
        let streams = unknown_streams(pending, &self.streams);
        let mut taken = self.engine.take(&commands, &streams).await?;
        if self.known_size.is_some_and(|size| size != taken.head.size) {
            self.engine.release().await;
            self.streams.clear();
            let streams = unknown_streams(pending, &self.streams);
            taken = self.engine.take(&commands, &streams).await?;
        }
        self.known_size = Some(taken.head.size);
        for (stream, head) in &taken.streams {
            self.remember_stream(Arc::clone(stream), head.clone());
        }
        Ok(taken)
    }

    fn remember_stream(&mut self, stream: Arc<str>, head: StreamHead) {
        if self.remember {
            self.streams.insert(stream, head);
        }
    }

    /// Which commands of a batch with an unknown outcome are in the log.
    async fn look_up(&mut self, commands: &[Uuid]) -> Result<HashMap<Uuid, CommandRecord>, BoxError> {
        let taken = self.engine.take(commands, &[]).await?;
        self.engine.release().await;
        self.publish.send_replace(taken.head.size);
        Ok(taken.commands.into_iter().collect())
    }
}

fn appends(pending: &[Pending]) -> Vec<&Append> {
    pending.iter().map(|p| &p.append).collect()
}

/// The streams that the batch writes or reads and whose ends are not remembered.
fn unknown_streams(pending: &[Pending], remembered: &Cache<Arc<str>, StreamHead>) -> Vec<Arc<str>> {
    let mut streams: Vec<Arc<str>> = pending
        .iter()
        .flat_map(|p| {
            let written = p.append.writes.iter().map(|write| &write.stream);
            written.chain(p.append.guards.iter().map(|guard| &guard.stream))
        })
        .filter(|stream| remembered.peek(*stream).is_none())
        .cloned()
        .collect();
    streams.sort_unstable();
    streams.dedup();
    streams
}

/// Nobody can move a head that was taken; an engine that says so has nothing to offer.
fn overtaken(appends: usize) -> Vec<Fate> {
    (0..appends).map(|_| Fate::Answered(Err(AppendError::Overloaded))).collect()
}

fn answer(pending: Vec<Pending>, mut fates: Vec<Fate>) {
    // Repeats first: they are answered like the one before them.
    for n in 0..fates.len() {
        if let Fate::SameAs(first) = fates[n] {
            fates[n] = Fate::Answered(match &fates[first] {
                Fate::Accepted(committed) => Ok(Appended::Replayed(CommandRecord {
                    first: committed.first,
                    count: committed.versions.len() as u64,
                    digest: None,
                })),
                Fate::Answered(Ok(appended)) => Ok(appended.clone()),
                Fate::Answered(Err(_)) | Fate::SameAs(_) => Err(AppendError::Overloaded),
            });
        }
    }
    for (p, fate) in pending.into_iter().zip(fates) {
        let result = match fate {
            Fate::Accepted(committed) => Ok(Appended::Committed(committed)),
            Fate::Answered(result) => result,
            Fate::SameAs(_) => Err(AppendError::Overloaded),
        };
        // A caller that no longer waits is no reason to stop.
        let _ = p.reply.send(result);
    }
}

/// The fates after a commit whose answer was lost: what is found happened, what is not did not.
fn resolve(
    fates: Vec<Fate>,
    commands: &[Uuid],
    outcome: &Result<HashMap<Uuid, CommandRecord>, BoxError>,
    why: BoxError,
) -> Vec<Fate> {
    let why: Arc<dyn std::error::Error + Send + Sync> = why.into();
    let storage = || AppendError::Storage(Box::new(Shared(Arc::clone(&why))));
    fates
        .into_iter()
        .zip(commands)
        .map(|(fate, command)| match (fate, outcome) {
            (Fate::Accepted(committed), Ok(found)) => match found.get(command) {
                Some(record) if record.first == committed.first => Fate::Accepted(committed),
                Some(record) => Fate::Answered(Ok(Appended::Replayed(record.clone()))),
                None => Fate::Answered(Err(storage())),
            },
            (Fate::Accepted(_), Err(_)) => {
                Fate::Answered(Err(AppendError::OutcomeUnknown(Box::new(Shared(Arc::clone(&why))))))
            }
            (fate, _) => fate,
        })
        .collect()
}

/// One cause told to several callers.
#[derive(Debug)]
struct Shared(Arc<dyn std::error::Error + Send + Sync>);

impl std::fmt::Display for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Shared {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
