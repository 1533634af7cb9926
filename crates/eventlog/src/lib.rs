//! The log as the rest of the house sees it: what it must do, and the one appender that does it.
//!
//! [`EventLog`] is the port. An [`Engine`](appender::Engine) is something that appends a batch at
//! an expected head; [`Log`] puts the appender in front of one. [`memory`] is a real log without a
//! disk, with fault hooks; `contract` is the suite that every engine passes. Absent on purpose:
//! anything about schools. A log stores names, bytes and metadata.

pub mod appender;
mod clock_watch;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
mod log;
pub mod memory;
mod plan;
mod port;
pub mod tags;

pub use appender::{Appender, Limits};
pub use log::Log;
pub use port::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Committed, Direction, EventLog, Expected, Filter, Guard,
    NewEvent, Page, Purge, ReadError, Reader, SealedSlot, StoredEvent, StreamWrite,
};
