//! The only crate that names a database engine. Above it, SQL is written once: `$1` parameters,
//! integers, texts and blobs.
//!
//! [`Db`] is a database with readers; [`Writer`] is its one writing connection; [`Stmt`] is a text
//! with [`Arg`]uments; [`Row`] is what comes back.

mod copy;
mod db;
mod file;
mod stmt;
mod wal;

pub use db::{Checkpointed, Db, Durability, Options, SqlError, Writer};
pub use file::is_database_of;
pub use stmt::{Arg, Many, Row, Stmt};
