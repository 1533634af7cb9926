//! What events can be found by: opaque texts with a letter in front. The log only compares them.

use std::fmt::Display;
use std::sync::Arc;

/// Events of a type.
pub fn event_type(name: impl Display) -> Arc<str> {
    format!("t:{name}").into()
}

/// Events of a category (first part of the type).
pub fn category(name: impl Display) -> Arc<str> {
    format!("c:{name}").into()
}

/// Events by an actor's pseudonym.
pub fn actor(id: impl Display) -> Arc<str> {
    format!("a:{id}").into()
}

/// Events of a district (AGS).
pub fn district(ags: impl Display) -> Arc<str> {
    format!("d:{ags}").into()
}

/// Events for which a provider was responsible.
pub fn provider(id: impl Display) -> Arc<str> {
    format!("p:{id}").into()
}

/// Events of a school.
pub fn school(id: impl Display) -> Arc<str> {
    format!("s:{id}").into()
}
