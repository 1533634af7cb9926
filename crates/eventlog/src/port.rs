//! What a log must do, in types. The law of each call stands beside it.

use std::pin::Pin;
use std::sync::Arc;

use sfs_ledger::{Hash, Head, PreparedLeaf};
use tokio::sync::watch;
use uuid::Uuid;

/// A future that can be called through a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A cause that no caller can do anything about.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The version that a stream must have for an append to happen. A stream without events has
/// version 0; its first event makes it 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Exactly this version; 0 means that there must be no stream.
    Version(u64),
    /// Whatever it is.
    Any,
}

/// Everything that one command appends. All of it happens, or none.
#[derive(Debug, Clone)]
pub struct Append {
    /// The command's identity: at most one append ever happens under it.
    pub command: Uuid,
    /// Keyed digest of the command's body: tells a repeated command from another under its id.
    pub digest: [u8; 32],
    /// The events, by stream, in the order in which they get their positions.
    pub writes: Vec<StreamWrite>,
    /// Streams that the decision read and their versions then.
    pub guards: Vec<Guard>,
}

/// Events for one stream.
#[derive(Debug, Clone)]
pub struct StreamWrite {
    /// The stream.
    pub stream: Arc<str>,
    /// The version that it must have.
    pub expected: Expected,
    /// The events, at least one.
    pub events: Vec<NewEvent>,
}

/// A stream that must not have changed.
#[derive(Debug, Clone)]
pub struct Guard {
    /// The stream.
    pub stream: Arc<str>,
    /// Its version when it was read.
    pub version: u64,
}

/// An event with everything but its place in the log.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The leaf, all but position, time, stream version and back link.
    pub leaf: PreparedLeaf,
    /// Stored type.
    pub event_type: Arc<str>,
    /// The open body: the exact text whose digest is in the leaf.
    pub open: String,
    /// What the event can be found by besides stream and position; see [`tags`](crate::tags).
    pub tags: Vec<Arc<str>>,
    /// Ciphertexts whose digests are in the leaf.
    pub sealed: Vec<SealedSlot>,
}

/// A ciphertext beside the log: the only thing that can be deleted from it.
#[derive(Debug, Clone)]
pub struct SealedSlot {
    /// Digest that the leaf names.
    pub digest: Hash,
    /// Nonce, ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// What is deleted after the destruction of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Purge {
    /// Digests of ciphertexts.
    pub slots: Vec<Hash>,
    /// The events that they came with: command id and position. The log may know the command under
    /// the id of a whole list, so it looks for the position too.
    pub events: Vec<(Uuid, u64)>,
}

/// Where the events of an append are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committed {
    /// Position of the first.
    pub first: u64,
    /// Stream version of each event, in order; position `first + n` belongs to the n-th.
    pub versions: Vec<u64>,
    /// Leaf hash of each event.
    pub hashes: Vec<Hash>,
    /// When the log learned it: microseconds since 1970, UTC.
    pub recorded_at: i64,
}

/// What an append came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// It happened now.
    Committed(Committed),
    /// It had happened before, under the same command id with the same body.
    Replayed(CommandRecord),
}

/// What the log knows of a command that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRecord {
    /// Position of its first event.
    pub first: u64,
    /// How many events it has; they follow one another.
    pub count: u64,
    /// Digest of the body; gone after the idempotency window.
    pub digest: Option<[u8; 32]>,
}

/// Why an append did not happen (or may not have).
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another writer came first: load again and decide again.
    #[error("stream `{stream}` is at version {actual}, expected {expected}")]
    Conflict {
        /// The stream that differs.
        stream: Arc<str>,
        /// The version that was asked for.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The command id is known with another body.
    #[error("the command id is known with another body")]
    PayloadDiffers,
    /// The command id is known, but too long ago to tell whether the body is the same.
    #[error("the command id was used before the idempotency window")]
    PayloadForgotten(CommandRecord),
    /// The answer of the storage was lost and the look-up failed too. Ask again with the same id.
    #[error("it is not known whether the append happened")]
    OutcomeUnknown(#[source] BoxError),
    /// The queue is full. Nothing happened.
    #[error("the log has more to do than it can take")]
    Overloaded,
    /// An event or the whole append is larger than the log takes. Nothing happened.
    #[error("too large: {0}")]
    TooLarge(&'static str),
    /// The log is shut or has stopped. Nothing happened.
    #[error("the log is closed")]
    Closed,
    /// The storage refused. Nothing happened.
    #[error("the storage cannot write")]
    Storage(#[source] BoxError),
}

/// Why a read did not answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The storage did not answer.
    #[error("the storage cannot read")]
    Storage(#[source] BoxError),
    /// What is stored is not what was written.
    #[error("the log is damaged at position {position}: {what}")]
    Damaged {
        /// The position.
        position: u64,
        /// What was found.
        what: String,
    },
}

/// What a reader wants to see. Everything, unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// An event matches if it has, for each inner list, at least one of its tags.
    pub all_of: Vec<Vec<Arc<str>>>,
    /// Whether the leaves are wanted; projections do without.
    pub leaves: bool,
}

/// Which way a page goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first, positions above the cursor.
    Forwards,
    /// Newest first, positions below the cursor.
    Backwards,
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Position: 1, 2, 3 … without gaps.
    pub position: u64,
    /// Stream.
    pub stream: Arc<str>,
    /// Version of the stream with this event.
    pub version: u64,
    /// Stored type.
    pub event_type: Arc<str>,
    /// When the log learned it: microseconds since 1970, UTC.
    pub recorded_at: i64,
    /// The leaf's bytes; empty if [`Filter::leaves`] did not ask for them.
    pub leaf: Vec<u8>,
    /// The stored leaf hash.
    pub leaf_hash: Hash,
    /// The open body.
    pub open: String,
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The events that match, in the asked direction.
    pub events: Vec<StoredEvent>,
    /// The reader's next cursor: everything up to here was looked at.
    pub scanned_to: u64,
    /// Position of the last event of the log when the page was read.
    pub head: u64,
}

/// What every stored log can be asked.
pub trait Reader: Send + Sync {
    /// Up to `max` events beyond the position `cursor` that match. A position that is not yet
    /// there is never skipped: no slower writer may still fill it.
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>>;

    /// Up to `max` events of a stream after a version, oldest first, with leaves.
    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after_version: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>>;

    /// What is known of an accepted command.
    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>>;

    /// The last position that the log had learned at that instant (microseconds since 1970, UTC,
    /// included); 0 if none.
    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>>;

    /// Size, root and time of the log as stored.
    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>>;

    /// The ciphertexts with these digests, in their order; `None` for one that was purged or never
    /// there. Whoever uses one holds its digest against the leaf's.
    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>>;
}

/// The log.
pub trait EventLog: Reader {
    /// Appends what one command decided, durably before it answers. A repeated command id with
    /// the same digest is answered with what happened the first time.
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Deletes ciphertexts after their key was destroyed, and the digests of the commands that brought
    /// them: the only things that ever leave the log. No leaf and no proof changes. Answers how many
    /// ciphertexts were there; asking again is harmless.
    fn purge(&self, purge: Purge) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Ends the idempotency window of some commands that were accepted before that instant (microseconds
    /// since 1970, UTC): their ids stay, their digests go. Answers how many; 0 when all are done.
    fn forget_digests(&self, before: i64) -> BoxFuture<'_, Result<u64, AppendError>>;

    /// Wakes when the log has grown; the number is a hint, the truth is [`Reader::read`].
    fn heads(&self) -> watch::Receiver<u64>;

    /// Takes no more appends, finishes those it has and closes the storage.
    fn close(&self) -> BoxFuture<'_, ()>;
}
