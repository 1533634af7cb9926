//! The programme's rules: what may be done, what then is true. No async, no clock, no chance, no I/O.
//!
//! One aggregate is one file, always in the order Command · Event · Refusal · State · decide ·
//! evolve · tests. `catalogue` lists every command with its route name and roles; `wire` is how
//! events are stored; `authority` says who may do what where.

// What everything is made of.
pub mod identity;
pub mod measure;
pub mod personal;
pub mod place;
pub mod provenance;
pub mod reference;
pub mod time;
pub mod vocabulary;

// How a decision is made, stored and authorised.
pub mod authority;
pub mod catalogue;
pub mod decider;
pub mod refusal;
pub mod wire;

// The aggregates.
pub mod absence;
pub mod child_protection;
pub mod cooperation;
pub mod intervention;
pub mod log;
pub mod network_office;
pub mod organisation;
pub mod person;
pub mod principal;
pub mod programme;
pub mod school;
pub mod staff;
pub mod support_case;
pub mod training;
pub mod training_need;
pub mod vacancy;

#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use authority::{Grant, Role, Scope};
pub use catalogue::{Category, Command, Event, State};
pub use decider::{Decider, Fact, Facts, Opens, Reason, Recognition};
pub use identity::{
    Ags, ClientKey, Digest, EventId, KeyId, OrganisationId, PersonId, PrincipalId, SchoolId, StaffPseudonym, StreamId,
};
pub use measure::{BasisPoints, Cents, Fte, Headcount, Minutes, Position};
pub use place::Place;
pub use refusal::{Explain, Refused, Severity};
pub use time::{BusinessDate, Period, SchoolYear};
