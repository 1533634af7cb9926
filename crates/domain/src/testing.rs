//! Given events, when a command, then events or a refusal. Every `when` also tries the command a
//! second time: it may be no event or a refusal then, never a second fact (unless it creates
//! something new each time, see [`Given::repeatable`]).

pub mod fixtures;
pub mod story;
pub mod world;

use std::fmt::Debug;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalogue::Folded;
use crate::decider::{Decider, Fact, Facts, Reason};
use crate::reference::{District, Reference, SchoolForm};
use crate::{Ags, BusinessDate, ClientKey, EventId, Place, PrincipalId, State, StreamId};

/// The day on which the tests' events happened unless they say otherwise.
pub fn day(text: &str) -> BusinessDate {
    match BusinessDate::parse(text) {
        Ok(day) => day,
        Err(why) => panic!("{text}: {why}"),
    }
}

/// A command or an event (or any externally tagged enum) from its name and body, as it is written.
#[track_caller]
pub fn written<T: DeserializeOwned>(name: &str, body: Value) -> T {
    match serde_json::from_value(json!({ name: body })) {
        Ok(value) => value,
        Err(why) => panic!("{name}: {why}"),
    }
}

/// The n-th key of a test.
pub fn key(n: u128) -> ClientKey {
    ClientKey(Uuid::from_u128(n))
}

/// The n-th event id of a test.
pub fn event_id(n: u128) -> EventId {
    EventId(Uuid::from_u128(n))
}

/// The n-th principal of a test; the seventh acts where a test does not care.
pub fn principal(n: u128) -> PrincipalId {
    PrincipalId(Uuid::from_u128(n))
}

/// What the envelope of the n-th event tells the fold, done by the seventh principal.
pub fn fact(n: u128, on: &str, place: Place) -> Fact {
    Fact { id: event_id(n), occurred_on: day(on), place, actor: principal(7) }
}

/// Two districts, three school forms.
pub fn reference() -> Reference {
    let mut reference = Reference::default();
    for (ags, name, nuts3) in [("15083", "Börde", "DEE07"), ("15003", "Magdeburg", "DEE03")] {
        if let Ok(ags) = Ags::parse(ags) {
            let district = District { name: name.into(), nuts3: nuts3.into(), kind: "Landkreis".into() };
            reference.districts.insert(ags, district);
        }
    }
    for code in ["GS", "SEK", "GMS"] {
        let form = SchoolForm { name_de: code.into(), name_en: code.into(), valid_from: None, valid_to: None };
        reference.school_forms.insert(code.into(), form);
    }
    reference
}

/// What a decision is told in a test that does not care: 1 October 2025, nothing else read.
pub fn facts(reference: &Reference) -> Facts<'_> {
    Facts {
        occurred_on: day("2025-10-01"),
        today: day("2026-06-30"),
        reason: None,
        evidence: 0,
        actor: principal(7),
        event_id: event_id(1),
        reference,
        others: &[],
    }
}

/// The history of a test.
pub struct Given<D: Folded> {
    events: Vec<(D::Event, BusinessDate, PrincipalId)>,
    actor: PrincipalId,
    others: Vec<(StreamId, Arc<State>)>,
    occurred_on: BusinessDate,
    reason: Option<Reason>,
    evidence: usize,
    place: Place,
    repeatable: bool,
}

/// What came of it.
pub struct Outcome<D: Decider> {
    result: Result<Vec<D::Event>, D::Refusal>,
}

/// Starts a test with the events of the aggregate's own stream, all on 1 September 2025. Event
/// ids count from 1.
pub fn given<D: Folded>(events: impl IntoIterator<Item = D::Event>) -> Given<D> {
    let on = day("2025-09-01");
    Given {
        events: events.into_iter().map(|event| (event, on, principal(7))).collect(),
        actor: principal(7),
        others: Vec::new(),
        occurred_on: day("2025-10-01"),
        reason: None,
        evidence: 0,
        place: Place::state(),
        repeatable: false,
    }
}

fn fold<D: Decider>(
    events: impl IntoIterator<Item = (D::Event, BusinessDate, PrincipalId)>,
    place: &Place,
) -> D::State {
    let mut state = D::State::default();
    for (n, (event, occurred_on, actor)) in (1..).zip(events) {
        D::evolve(&mut state, &event, &Fact { id: event_id(n), occurred_on, place: place.clone(), actor });
    }
    state
}

impl<D: Folded> Given<D>
where
    D::Event: Clone + PartialEq + Debug,
    D::Command: Clone,
{
    /// The envelope place that all given events have.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }

    /// Adds another event of the own stream, on that day.
    #[must_use]
    pub fn then_on(mut self, on: &str, event: D::Event) -> Self {
        self.events.push((event, day(on), principal(7)));
        self
    }

    /// Adds another event of the own stream, on 1 September 2025, done by the n-th principal.
    #[must_use]
    pub fn then_by(mut self, n: u128, event: D::Event) -> Self {
        self.events.push((event, day("2025-09-01"), principal(n)));
        self
    }

    /// Says that the n-th principal sends the command.
    #[must_use]
    pub fn acting(mut self, n: u128) -> Self {
        self.actor = principal(n);
        self
    }

    /// Adds the events of another stream, all on 1 September 2025.
    #[must_use]
    pub fn and<O: Folded>(self, stream: &StreamId, events: impl IntoIterator<Item = O::Event>) -> Self
    where
        State: From<Other<O>>,
    {
        let place = self.place.clone();
        self.and_at::<O>(stream, place, events)
    }

    /// Adds the events of another stream, at a place of its own.
    #[must_use]
    pub fn and_at<O: Folded>(
        mut self,
        stream: &StreamId,
        place: Place,
        events: impl IntoIterator<Item = O::Event>,
    ) -> Self
    where
        State: From<Other<O>>,
    {
        let on = day("2025-09-01");
        let state = fold::<O>(events.into_iter().map(|event| (event, on, principal(7))), &place);
        self.others.push((stream.clone(), Arc::new(Other::<O>(state).into())));
        self
    }

    /// States the business date of the command.
    #[must_use]
    pub fn on(mut self, text: &str) -> Self {
        self.occurred_on = day(text);
        self
    }

    /// States the reason.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// States how many documents are named.
    #[must_use]
    pub fn with_evidence(mut self, documents: usize) -> Self {
        self.evidence = documents;
        self
    }

    /// Says that the command creates something new each time it is decided (its identity comes
    /// from the command id), so a second decision is a second fact by right.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// Decides, twice.
    pub fn when(self, command: D::Command) -> Outcome<D> {
        let reference = reference();
        let mut facts = Facts {
            occurred_on: self.occurred_on,
            reason: self.reason,
            evidence: self.evidence,
            actor: self.actor,
            event_id: event_id(self.events.len() as u128 + 1),
            others: &self.others,
            ..facts(&reference)
        };
        let state = fold::<D>(self.events.iter().cloned(), &self.place);
        let result = D::decide(&command, &state, &facts);
        if let Ok(events) = &result
            && !events.is_empty()
            && !self.repeatable
        {
            let place = D::place(&command, &state, &facts).unwrap_or_else(|| self.place.clone());
            let mut after = state.clone();
            let (id, occurred_on, actor) = (facts.event_id, facts.occurred_on, facts.actor);
            for event in events {
                D::evolve(&mut after, event, &Fact { id, occurred_on, place: place.clone(), actor });
            }
            facts.event_id = event_id(self.events.len() as u128 + 100);
            if let Ok(second) = D::decide(&command, &after, &facts) {
                assert!(second.is_empty(), "the same command twice became a second fact: {second:?}");
            }
        }
        Outcome { result }
    }
}

/// A folded state of the aggregate `O` on its way into a [`State`].
pub struct Other<O: Decider>(pub O::State);

impl<D: Decider> Outcome<D>
where
    D::Event: PartialEq + Debug,
    D::Refusal: PartialEq + Debug,
{
    /// Expects exactly these events.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = D::Event>) {
        assert_eq!(self.result, Ok(expected.into_iter().collect()));
    }

    /// Whether something came of it.
    pub fn accepted(&self) -> bool {
        self.result.as_ref().is_ok_and(|events| !events.is_empty())
    }

    /// Expects this refusal.
    #[track_caller]
    pub fn refused(self, expected: D::Refusal) {
        assert_eq!(self.result, Err(expected));
    }
}
