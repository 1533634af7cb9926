//! What must hold over all aggregates at once.

mod authority;
mod catalogue;
mod golden;
mod persons;
mod properties;
mod random;
mod schemas;
