//! The log itself: which keys have signed its checkpoints. Only the program writes here.
//!
//! The first key of a log stands in no event, it is what the log was begun with. Absent on purpose:
//! the keys that sign, and the checkpoints.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::VerifierKey;
use crate::{Place, Position, StreamId, refusals};

/// The aggregate.
pub struct Log;

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Says that from a tree size on another key signs.
    RecordKeyRotation {
        /// The key that has signed so far.
        old_verifier: VerifierKey,
        /// The key that signs from then on.
        new_verifier: VerifierKey,
        /// The first tree size that the new key signs.
        effective_size: Position,
    },
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// Another key signs the checkpoints.
    #[serde(rename = "log.key-rotated.v1")]
    KeyRotated {
        /// The key that has signed so far.
        old_verifier: VerifierKey,
        /// The key that signs from then on.
        new_verifier: VerifierKey,
        /// The first tree size that the new key signs.
        effective_size: Position,
    },
}

refusals! {
    SameKey => "LOG-01", Invalid, "/data/new_verifier", "Alter und neuer Schlüssel sind derselbe.", "The old and the new key are the same.";
    NotCurrent => "LOG-02", Rule, "/data/old_verifier", "Dieser Schlüssel unterschreibt nicht mehr.", "This key does not sign any more.";
    UsedBefore => "LOG-03", Rule, "/data/new_verifier", "Ein abgelöster Schlüssel kommt nicht wieder.", "A key that was replaced does not come back.";
    SizeGoesBack => "LOG-04", Rule, "/data/effective_size", "Der letzte Wechsel gilt schon ab einer größeren Zahl von Ereignissen.", "The last rotation holds from a larger number of events on.";
}

/// What decisions about the log remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The rotations so far.
    rotations: Vec<Event>,
}

impl State {
    /// Every rotation, in order: the key before, the key after, the first tree size that it signs.
    pub fn rotations(&self) -> impl Iterator<Item = (&VerifierKey, &VerifierKey, Position)> {
        self.rotations.iter().map(|Event::KeyRotated { old_verifier, new_verifier, effective_size }| {
            (old_verifier, new_verifier, *effective_size)
        })
    }
}

/// The stream of the keys.
pub fn stream() -> StreamId {
    StreamId::new("log", "checkpoints")
}

impl Decider for Log {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(_: &Command, _: &Facts<'_>) -> StreamId {
        stream()
    }

    fn place(_: &Command, _: &State, _: &Facts<'_>) -> Option<Place> {
        Some(Place::state())
    }

    fn decide(command: &Command, state: &State, _: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let Command::RecordKeyRotation { old_verifier, new_verifier, effective_size } = command;
        if old_verifier == new_verifier {
            return Err(Refusal::SameKey);
        }
        let last = state.rotations().last();
        // The same again is a retry, not a mistake: nothing more happens.
        if last == Some((old_verifier, new_verifier, *effective_size)) {
            return Ok(Vec::new());
        }
        if last.is_some_and(|(_, current, _)| current != old_verifier) {
            return Err(Refusal::NotCurrent);
        }
        if state.rotations().any(|(old, ..)| old == new_verifier) {
            return Err(Refusal::UsedBefore);
        }
        if last.is_some_and(|(_, _, since)| *effective_size < since) {
            return Err(Refusal::SizeGoesBack);
        }
        Ok(vec![said(command)])
    }

    fn evolve(state: &mut State, event: &Event, _: &Fact) {
        state.rotations.push(event.clone());
    }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    let Command::RecordKeyRotation { old_verifier, new_verifier, effective_size } = command.clone();
    Event::KeyRotated { old_verifier, new_verifier, effective_size }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::fixtures::verifier_key;
    use crate::testing::{given, written};

    fn body(old: char, new: char, size: u32) -> Value {
        json!({"old_verifier": verifier_key(old), "new_verifier": verifier_key(new), "effective_size": size})
    }

    fn rotate(old: char, new: char, size: u32) -> Command {
        written("record-key-rotation", body(old, new, size))
    }

    fn rotated(old: char, new: char, size: u32) -> Event {
        written("log.key-rotated.v1", body(old, new, size))
    }

    #[test]
    fn a_rotation_is_recorded_once() {
        given::<Log>([]).when(rotate('a', 'b', 10)).then([rotated('a', 'b', 10)]);
        given::<Log>([rotated('a', 'b', 10)]).when(rotate('a', 'b', 10)).then([]);
        given::<Log>([]).when(rotate('a', 'a', 10)).refused(Refusal::SameKey);
    }

    #[test]
    fn each_key_follows_the_one_before_it() {
        given::<Log>([rotated('a', 'b', 10)]).when(rotate('b', 'c', 10)).then([rotated('b', 'c', 10)]);
        given::<Log>([rotated('a', 'b', 10)]).when(rotate('a', 'c', 11)).refused(Refusal::NotCurrent);
        given::<Log>([rotated('a', 'b', 10)]).when(rotate('b', 'a', 11)).refused(Refusal::UsedBefore);
        given::<Log>([rotated('a', 'b', 10)]).when(rotate('b', 'c', 9)).refused(Refusal::SizeGoesBack);
    }
}
