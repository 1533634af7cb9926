//! The log on SQLite: the stored form, the guards, the engine that writes it and the reader.
//!
//! `schema.sql` is the stored form; `engine` appends batches; `reader` answers, a page as one row
//! (`packed`); `segments` is the index by tags, kept in lists of 4,096 positions so that the hot
//! path writes no index rows.

mod engine;
mod open;
mod packed;
mod reader;
mod segments;
mod verify;

#[cfg(test)]
mod tests;

pub use engine::SqliteEngine;
pub use open::{LEVEL, OpenError, Settings, SqliteLog, StoredHead, is_log, open, stored_head};
pub use reader::SqliteReader;
pub use segments::SEGMENT;
pub use verify::{Finding, Report, verify};
