//! The whole service through its real router, on a real log in a directory of its own.

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
mod reads;
mod story;
