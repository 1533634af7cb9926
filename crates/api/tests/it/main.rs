//! The whole service through its real router, on a real log in a directory of its own.

#![expect(clippy::unwrap_used, reason = "a test says what it expected")]

mod service;

mod access;
mod bulk;
mod commands;
mod descriptions;
mod every_route;
mod feed;
mod journal;
mod no_input_breaks_it;
mod operations;
mod persons;
mod proofs;
mod reads;
mod story;
