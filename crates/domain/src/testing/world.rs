//! A whole programme in memory: commands of any aggregate, decided one after another against the
//! streams that the earlier ones left. No log, no scopes, no concurrency.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use super::story::Told;
use super::{day, event_id, reference};
use crate::decider::{Fact, Facts, Reason, check_envelope};
use crate::reference::Reference;
use crate::{BusinessDate, Command, Event, PrincipalId, Refused, State, StreamId};

/// The programme so far.
pub struct World {
    /// What the decisions are told of districts and school forms.
    pub reference: Reference,
    /// The last possible business date.
    pub today: BusinessDate,
    /// Who asks.
    pub actor: PrincipalId,
    streams: BTreeMap<StreamId, Arc<State>>,
    events: Vec<Recorded>,
}

/// An event of the world.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Its stream.
    pub stream: StreamId,
    /// What its envelope tells the fold.
    pub fact: Fact,
    /// Why.
    pub reason: Option<Reason>,
    /// The event.
    pub event: Event,
}

impl Default for World {
    fn default() -> Self {
        Self {
            reference: reference(),
            today: day("2026-11-24"),
            actor: PrincipalId(Uuid::from_u128(7)),
            streams: BTreeMap::new(),
            events: Vec::new(),
        }
    }
}

impl World {
    /// Decides the command on that business date and keeps what follows from it.
    ///
    /// Panics if a command is accepted though its place is unknown: no scope could allow it.
    pub fn tell(&mut self, on: BusinessDate, reason: Option<Reason>, command: &Command) -> Result<Vec<Event>, Refused> {
        let mut facts = Facts {
            occurred_on: on,
            today: self.today,
            reason,
            evidence: usize::from(reason == Some(Reason::Documented)),
            actor: self.actor,
            event_id: event_id(self.events.len() as u128 + 1),
            reference: &self.reference,
            others: &[],
        };
        check_envelope(&facts)?;
        let stream = command.stream(&facts);
        let state = self.state(&stream, command);
        let others: Vec<_> =
            command.reads(&state).into_iter().filter_map(|id| Some((id.clone(), self.other(&id)?))).collect();
        facts.others = &others;
        let place = command.place(&state, &facts);
        let events = command.decide(&state, &facts)?;
        if events.is_empty() {
            return Ok(events);
        }
        let Some(place) = place else { panic!("{command:?} was accepted at no place") };
        let mut state = Arc::unwrap_or_clone(state);
        for event in &events {
            let id = event_id(self.events.len() as u128 + 1);
            let fact = Fact { id, occurred_on: on, place: place.clone(), actor: self.actor };
            state.evolve(event, &fact);
            self.events.push(Recorded { stream: stream.clone(), fact, reason, event: event.clone() });
        }
        self.streams.insert(stream, Arc::new(state));
        Ok(events)
    }

    /// Decides a command of the story, as whoever sends it.
    pub fn hear(&mut self, told: &Told) -> Result<Vec<Event>, Refused> {
        self.actor = super::principal(told.actor);
        self.tell(told.on, told.reason, &told.command())
    }

    /// Everything that happened, in order.
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// The streams with their folded states.
    pub fn streams(&self) -> impl Iterator<Item = (&StreamId, &State)> {
        self.streams.iter().map(|(id, state)| (id, state.as_ref()))
    }

    fn state(&self, stream: &StreamId, command: &Command) -> Arc<State> {
        let known = self.streams.get(stream).cloned();
        known.unwrap_or_else(|| Arc::new(State::initial(command.category())))
    }

    /// The state of a stream that a decision reads, also of one that has no events.
    fn other(&self, stream: &StreamId) -> Option<Arc<State>> {
        if let Some(known) = self.streams.get(stream) {
            return Some(known.clone());
        }
        Some(Arc::new(State::initial(crate::Category::from_name(stream.category())?)))
    }
}
