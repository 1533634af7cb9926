//! Why a feed stops.

use sfs_eventlog::ReadError;

/// Why a feed stops. None of these is skipped over: a reader that goes on would have guessed.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The log did not answer.
    #[error("the log did not answer")]
    Read(#[from] ReadError),
    /// The event's type is not known to this program.
    #[error("the event at position {position} has the unknown type `{event_type}`")]
    UnknownType {
        /// Where it is.
        position: u64,
        /// What it is called.
        event_type: String,
    },
    /// The event's leaf or open body cannot be read.
    #[error("the envelope of the event at position {position} cannot be read: {what}")]
    Envelope {
        /// Where it is.
        position: u64,
        /// What is wrong with it.
        what: String,
    },
}
