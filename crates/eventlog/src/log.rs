//! A whole log: what writes it and what reads the same storage, behind the one port.

use sfs_ledger::{Hash, Head};
use tokio::sync::watch;
use uuid::Uuid;

use crate::appender::Appender;
use crate::port::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Direction, EventLog, Filter, Page, Purge, ReadError,
    Reader, StoredEvent,
};

/// A log: the appender in front of an engine, and a reader of the same storage.
pub struct Log<R> {
    appender: Appender,
    reader: R,
}

impl<R: Reader> Log<R> {
    /// Puts the two halves together.
    pub const fn new(appender: Appender, reader: R) -> Self {
        Self { appender, reader }
    }

    /// The reading half, with what the engine offers beyond the port.
    pub const fn reader(&self) -> &R {
        &self.reader
    }
}

impl<R: Reader> Reader for Log<R> {
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.reader.read(filter, direction, cursor, max)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after_version: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>> {
        self.reader.read_stream(stream, after_version, max)
    }

    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>> {
        self.reader.command(id)
    }

    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>> {
        self.reader.position_at(instant)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>> {
        self.reader.head()
    }

    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>> {
        self.reader.sealed(digests)
    }
}

impl<R: Reader> EventLog for Log<R> {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.appender.append(append))
    }

    fn purge(&self, purge: Purge) -> BoxFuture<'_, Result<u64, AppendError>> {
        Box::pin(self.appender.purge(purge))
    }

    fn forget_digests(&self, before: i64) -> BoxFuture<'_, Result<u64, AppendError>> {
        Box::pin(self.appender.forget_digests(before))
    }

    fn heads(&self) -> watch::Receiver<u64> {
        self.appender.heads()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.appender.close())
    }
}
