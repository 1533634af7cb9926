//! The write side: who asks is authorised, the state is loaded, the domain decides, the log appends.
//!
//! [`Handler::handle`] is the way of one command; [`Handler::handle_each`] and
//! [`Handler::handle_all`] that of many. Absent on purpose: SQL, HTTP and read models. A decision
//! reads nothing but folded streams, and names them in its append.

mod bulk;
mod caller;
mod clock;
mod erasing;
mod forgetting;
mod handler;
mod ids;
mod opening;
mod request;
mod sealing;
mod states;
#[cfg(test)]
mod tests;
mod write;

pub use caller::Caller;
pub use clock::{Clock, ManualClock, SystemClock, business_date};
pub use erasing::ErasureError;
pub use handler::{Handler, Settings};
pub use ids::{Entropy, SeededEntropy, SystemEntropy, event_id};
pub use request::{CommandError, Outcome, Precondition, Receipt, ReceiptEvent, Request};
pub use sealing::{Opened, OpenedEvent, OpeningError, Sealer};
pub use states::{Folded, LoadError};
