//! How a decision is made: a pure function of a command, the folded state and what it was told.

use crate::reference::Reference;
use crate::{BusinessDate, EventId, Explain, PersonId, Place, PrincipalId, Refused, State, StreamId, vocabulary};

/// The rules of one aggregate. Static dispatch, synchronous, total; knows no clock and no I/O.
pub trait Decider {
    /// What may be asked for.
    type Command;
    /// What then is a fact.
    type Event;
    /// What the decisions need to remember.
    type State: Default + Clone;
    /// Why not.
    type Refusal: Explain;

    /// The stream that the command writes.
    fn stream(command: &Self::Command, facts: &Facts<'_>) -> StreamId;

    /// The other streams that the decision reads. The append fails if one of them has changed.
    fn reads(_command: &Self::Command, _state: &Self::State) -> Vec<StreamId> {
        Vec::new()
    }

    /// Where the fact would belong; `None` when what the command names does not exist.
    fn place(command: &Self::Command, state: &Self::State, facts: &Facts<'_>) -> Option<Place>;

    /// The decision. No event means that the command asks for what already is.
    fn decide(
        command: &Self::Command,
        state: &Self::State,
        facts: &Facts<'_>,
    ) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// What is true after the event. Never refuses: the event has happened.
    fn evolve(state: &mut Self::State, event: &Self::Event, fact: &Fact);

    /// Under whose keys the personal records of the command are sealed; they go with its first event.
    fn subject(_command: &Self::Command) -> Option<PersonId> {
        None
    }

    /// The scope within which nobody is known twice under different pseudonyms, if the command says who
    /// somebody is.
    fn recognised_in(_command: &Self::Command, _state: &Self::State) -> Option<Recognition> {
        None
    }

    /// What the command shows of somebody once its event is durable.
    fn opens(_command: &Self::Command) -> Option<Opens> {
        None
    }

    /// The earlier event that this one corrects, if it does.
    fn corrects(_event: &Self::Event) -> Option<EventId> {
        None
    }
}

/// Within which scope somebody is recognised by what a command says of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognition {
    /// They come to be known there.
    Claims(String),
    /// They are known there, and by something else from now on.
    Replaces(String),
}

impl Recognition {
    /// The scope, as the key store keeps it.
    pub fn scope(&self) -> &str {
        match self {
            Self::Claims(scope) | Self::Replaces(scope) => scope,
        }
    }
}

/// What a command shows of somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// What an event says of a person, but no confidential note.
    Record {
        /// The person.
        person: PersonId,
        /// The event's position in the log.
        position: u64,
    },
    /// What an event of a support case says, confidential notes as their authors have sealed them.
    CaseRecord {
        /// The pupil.
        person: PersonId,
        /// The event, in the stream of the pupil's cases.
        event: EventId,
    },
    /// Everything that is said of a person (GDPR Art. 15), but no confidential note.
    Everything {
        /// The person.
        person: PersonId,
    },
}

/// What the envelope of an event tells the fold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// The event's identity.
    pub id: EventId,
    /// The business date.
    pub occurred_on: BusinessDate,
    /// District, responsible provider and school.
    pub place: Place,
    /// Who did it.
    pub actor: PrincipalId,
}

/// What a decision is told besides the command.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The business date that the client states.
    pub occurred_on: BusinessDate,
    /// Today in Europe/Berlin.
    pub today: BusinessDate,
    /// Why, from the closed list; demanded by corrections and endings.
    pub reason: Option<Reason>,
    /// How many documents the client names as evidence.
    pub evidence: usize,
    /// Who asks.
    pub actor: PrincipalId,
    /// The identity that the first event of this decision will have.
    pub event_id: EventId,
    /// Districts, school forms, vocabularies.
    pub reference: &'a Reference,
    /// The states of the other streams that the decision reads.
    pub others: &'a [(StreamId, std::sync::Arc<State>)],
}

impl<'a> Facts<'a> {
    /// The state of another stream that [`Decider::reads`] has named; `None` if it was not named
    /// or holds another aggregate.
    pub fn other<D: crate::catalogue::Folded>(&self, stream: &StreamId) -> Option<&'a D::State> {
        self.others.iter().find(|(id, _)| id == stream).and_then(|(_, state)| D::of(state))
    }
}

vocabulary! {
    /// Why something was corrected or ended. Closed: no free text enters the log.
    Reason {
        /// Something was entered wrongly.
        DataEntryError = "data_entry_error",
        /// Something became known only later.
        LateInformation = "late_information",
        /// The same thing had been recorded twice.
        Duplicate = "duplicate",
        /// What was recorded had not taken place.
        NotCarriedOut = "not_carried_out",
        /// Schools or organisations were reorganised.
        Reorganisation = "reorganisation",
        /// The funding ended.
        FundingEnded = "funding_ended",
        /// A member of staff left or changed.
        StaffChange = "staff_change",
        /// The school closed.
        SchoolClosed = "school_closed",
        /// Too few registrations.
        TooFewRegistrations = "too_few_registrations",
        /// The person in charge fell ill.
        Illness = "illness",
        /// The rule or rate behind it changed.
        RuleChange = "rule_change",
        /// Another reason, with a document as evidence.
        Documented = "documented",
    }
}

/// A refusal that is the same for every command.
pub(crate) fn general(
    rule: &'static str,
    severity: crate::Severity,
    pointer: &'static str,
    de: &'static str,
    en: &'static str,
) -> Refused {
    Refused { rule, pointer, severity, de, en }
}

/// The rules that hold for every command before its aggregate is asked (`domain.md` 8.0, G3).
pub fn check_envelope(facts: &Facts<'_>) -> Result<(), Refused> {
    use crate::Severity::Invalid;
    if facts.occurred_on > facts.today {
        return Err(general(
            "GEN-01",
            Invalid,
            "/occurred_on",
            "Das Datum des Vorgangs liegt in der Zukunft.",
            "The business date lies in the future.",
        ));
    }
    if facts.reason == Some(Reason::Documented) && facts.evidence == 0 {
        return Err(general(
            "GEN-02",
            Invalid,
            "/evidence",
            "Der Grund „documented“ verlangt ein Dokument als Beleg.",
            "The reason `documented` asks for a document as evidence.",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{day, facts, reference};

    #[test]
    fn a_fact_is_not_of_tomorrow() {
        let reference = reference();
        let mut facts = facts(&reference);
        facts.occurred_on = facts.today;
        assert_eq!(check_envelope(&facts), Ok(()));
        facts.occurred_on = facts.today.plus_days(1);
        assert_eq!(check_envelope(&facts).map_err(|refused| refused.rule), Err("GEN-01"));
    }

    #[test]
    fn a_documented_reason_has_a_document() {
        let reference = reference();
        let mut facts = facts(&reference);
        facts.reason = Some(Reason::Documented);
        assert_eq!(check_envelope(&facts).map_err(|refused| refused.rule), Err("GEN-02"));
        facts.evidence = 1;
        assert_eq!(check_envelope(&facts), Ok(()));
    }

    #[test]
    fn only_a_stream_that_was_read_has_a_state_and_only_of_its_aggregate() {
        let reference = reference();
        let read = StreamId::new("school", "S1");
        let others = [(read.clone(), std::sync::Arc::new(State::initial(crate::Category::School)))];
        let facts = Facts { others: &others, occurred_on: day("2025-10-01"), ..facts(&reference) };
        assert!(facts.other::<crate::school::School>(&read).is_some());
        assert!(facts.other::<crate::school::School>(&StreamId::new("school", "S2")).is_none());
        assert!(facts.other::<crate::staff::Staff>(&read).is_none());
    }
}
