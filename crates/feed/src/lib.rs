//! Events to the outside: how an event looks there ([`CloudEvent`]), who sees which
//! ([`Visibility`]), one loop over the log for whoever follows it ([`Subscription`]), and the way
//! back through it ([`newest_first`]). Absent on purpose: HTTP. All of it is free of personal data
//! by construction, since it reads open bodies only.

mod cloud_event;
mod error;
mod journal;
mod selection;
mod subscription;
mod visibility;

#[cfg(test)]
mod testing;

pub use cloud_event::{CloudEvent, Source};
pub use error::FeedError;
pub use journal::{Backwards, newest_first};
pub use selection::{Selection, Wanted};
pub use subscription::{Scanned, Subscription, Woken};
pub use visibility::Visibility;
