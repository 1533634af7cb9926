//! Given events, then answers: on SQLite files and on logs in memory.

mod as_of;
mod histories;
mod oracle;
mod queries;
mod random;
mod rebuild;
mod registers;
mod runner;
mod scopes;
mod support;
