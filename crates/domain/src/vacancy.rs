//! A vacancy: a funded position that nobody holds, from its report until it is filled or withdrawn.
//!
//! Absent on purpose: applicants.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cooperation::{self, Cooperation};
use crate::decider::{Decider, Fact, Facts};
use crate::network_office::{self, NetworkOffice};
use crate::school::{self, School};
use crate::staff::{self, Function, Staff, Workplace};
use crate::{BusinessDate, ClientKey, Fte, Place, StaffPseudonym, StreamId, refusals};

/// The aggregate.
pub struct Vacancy;

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Reports that nobody holds a position.
    ReportVacancy {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// Where.
        workplace: Workplace,
        /// What is to be done.
        function: Function,
        /// Share of a full position.
        fte: Fte,
        /// First vacant day.
        from: BusinessDate,
    },
    /// Says by which assignment the position was filled.
    FillVacancy {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// Who fills it.
        staff: StaffPseudonym,
        /// By which assignment.
        assignment: ClientKey,
        /// First day on which it is no longer vacant.
        on: BusinessDate,
    },
    /// Gives the position up.
    WithdrawVacancy {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// First day on which it no longer exists.
        on: BusinessDate,
    },
}

impl Command {
    /// The vacancy that the command names.
    const fn vacancy(&self) -> ClientKey {
        match self {
            Self::ReportVacancy { vacancy, .. }
            | Self::FillVacancy { vacancy, .. }
            | Self::WithdrawVacancy { vacancy, .. } => *vacancy,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// Nobody holds a position.
    #[serde(rename = "vacancy.reported.v1")]
    Reported {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// Where.
        workplace: Workplace,
        /// What is to be done.
        function: Function,
        /// Share of a full position.
        fte: Fte,
        /// First vacant day.
        from: BusinessDate,
    },
    /// Somebody holds it.
    #[serde(rename = "vacancy.filled.v1")]
    Filled {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// Who fills it.
        staff: StaffPseudonym,
        /// By which assignment.
        assignment: ClientKey,
        /// First day on which it is no longer vacant.
        on: BusinessDate,
    },
    /// It no longer exists.
    #[serde(rename = "vacancy.withdrawn.v1")]
    Withdrawn {
        /// The vacancy's key.
        vacancy: ClientKey,
        /// First day on which it no longer exists.
        on: BusinessDate,
    },
}

refusals! {
    NotReported => "VAC-01", Missing, "/data/vacancy", "Diese Vakanz ist nicht gemeldet.", "This vacancy has not been reported.";
    OtherParticulars => "VAC-02", Rule, "/data/vacancy", "Diese Vakanz ist schon mit anderen Angaben gemeldet.", "This vacancy has already been reported with other particulars.";
    Over => "VAC-03", Rule, "/data/vacancy", "Diese Vakanz ist schon besetzt oder zurückgezogen.", "This vacancy is already filled or withdrawn.";
    WorkplaceNotActive => "VAC-04", Rule, "/data/workplace", "An diesem Einsatzort gibt es an dem Tag keine Stelle: die Schule oder Netzwerkstelle besteht nicht oder hat keine Vereinbarung.", "There is no position at this workplace on that day: the school or office does not exist or has no agreement.";
    FunctionElsewhere => "VAC-05", Invalid, "/data/function", "Diese Funktion gibt es an diesem Einsatzort nicht.", "This function does not exist at this workplace.";
    UnknownAssignment => "VAC-06", Rule, "/data/assignment", "Diesen Einsatz gibt es nicht.", "There is no such assignment.";
    OtherPosition => "VAC-07", Rule, "/data/assignment", "Dieser Einsatz ist nicht an diesem Einsatzort oder hat eine andere Funktion.", "This assignment is not at this workplace or has another function.";
    NotActiveThen => "VAC-08", Rule, "/data/on", "Dieser Einsatz gilt an dem Tag nicht.", "This assignment does not hold on that day.";
    EndsBeforeItBegan => "VAC-09", Rule, "/data/on", "Der Tag liegt vor dem Beginn der Vakanz.", "The day lies before the vacancy began.";
    ReasonMissing => "VAC-10", Invalid, "/reason", "Der Rückzug einer Vakanz braucht einen Grund.", "Withdrawing a vacancy needs a reason.";
}

/// What decisions about a vacancy remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Reported.
    Reported(Box<Reported>),
}

/// A reported vacancy.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// As reported, to recognise a repetition.
    reported: Event,
    /// Where it belongs.
    place: Place,
    workplace: Workplace,
    function: Function,
    from: BusinessDate,
    /// How it ended.
    ended: Option<Event>,
}

/// The stream of a vacancy.
pub fn stream(vacancy: &ClientKey) -> StreamId {
    StreamId::new("vacancy", vacancy)
}

impl Decider for Vacancy {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.vacancy())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::ReportVacancy { workplace, .. } => workplace.streams(),
            Command::FillVacancy { staff, .. } => vec![staff::stream(staff)],
            Command::WithdrawVacancy { .. } => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Reported(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::ReportVacancy { workplace, from, .. }) => workplace.place(*from, facts),
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::ReportVacancy { workplace, function, from, .. }) => {
                if !workplace.has(*function) {
                    return Err(Refusal::FunctionElsewhere);
                }
                return if has_position(workplace, *from, facts) {
                    Ok(vec![said(command)])
                } else {
                    Err(Refusal::WorkplaceNotActive)
                };
            }
            (State::Unknown, _) => return Err(Refusal::NotReported),
            (State::Reported(known), _) => known,
        };
        match command {
            // The same again is a retry, not a mistake: nothing more happens.
            Command::ReportVacancy { .. } if said(command) == known.reported => return Ok(Vec::new()),
            Command::ReportVacancy { .. } => return Err(Refusal::OtherParticulars),
            Command::WithdrawVacancy { .. } if facts.reason.is_none() => return Err(Refusal::ReasonMissing),
            Command::FillVacancy { on, .. } | Command::WithdrawVacancy { on, .. } => match &known.ended {
                Some(ended) if *ended == said(command) => return Ok(Vec::new()),
                Some(_) => return Err(Refusal::Over),
                None if *on < known.from => return Err(Refusal::EndsBeforeItBegan),
                None => {}
            },
        }
        if let Command::FillVacancy { staff, assignment, on, .. } = command {
            let assignment = facts
                .other::<Staff>(&staff::stream(staff))
                .and_then(|staff| staff.assignment(assignment))
                .ok_or(Refusal::UnknownAssignment)?;
            if assignment.workplace != known.workplace || assignment.function != known.function {
                return Err(Refusal::OtherPosition);
            }
            if !assignment.active_on(*on) {
                return Err(Refusal::NotActiveThen);
            }
        }
        Ok(vec![said(command)])
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Reported { workplace, function, from, .. }) => {
                *state = State::Reported(Box::new(Reported {
                    reported: event.clone(),
                    place: fact.place.clone(),
                    workplace: workplace.clone(),
                    function: *function,
                    from: *from,
                    ended: None,
                }));
            }
            (State::Reported(known), Event::Filled { .. } | Event::Withdrawn { .. }) => {
                known.ended = Some(event.clone());
            }
            (State::Unknown, _) => {}
        }
    }
}

/// Whether there can be a position: the school exists and has an agreement with the provider, or
/// the district has an office.
fn has_position(workplace: &Workplace, day: BusinessDate, facts: &Facts<'_>) -> bool {
    match workplace {
        Workplace::School { school, provider } => {
            let open = facts.other::<School>(&school::stream(school)).and_then(|state| state.open_on(day));
            let agreed = facts
                .other::<Cooperation>(&cooperation::stream(school, provider))
                .and_then(|cooperation| cooperation.agreement_on(day));
            open.is_some() && agreed.is_some()
        }
        Workplace::Office { district } => {
            facts.other::<NetworkOffice>(&network_office::stream(district)).is_some_and(|office| office.active_on(day))
        }
    }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::ReportVacancy { vacancy, workplace, function, fte, from } => {
            Event::Reported { vacancy, workplace, function, fte, from }
        }
        Command::FillVacancy { vacancy, staff, assignment, on } => Event::Filled { vacancy, staff, assignment, on },
        Command::WithdrawVacancy { vacancy, on } => Event::Withdrawn { vacancy, on },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decider::Reason;
    use crate::testing::fixtures::{
        agreement_signed, at_school, at_school_of_provider, cooperation_proposed, district, office_established,
        organisation_id, school_closed, school_id, school_registered, staff_assigned,
    };
    use crate::testing::{Given, given, key, written};

    fn body(workplace: &Value, function: &str, fte: u32, from: &str) -> Value {
        json!({"vacancy": key(1), "workplace": workplace, "function": function, "fte": fte, "from": from})
    }

    fn at_s1() -> Value {
        json!({"school": {"school": "S1", "provider": "P1"}})
    }

    fn at_office() -> Value {
        json!({"office": {"district": "15083"}})
    }

    fn report(fte: u32, from: &str) -> Command {
        written("report-vacancy", body(&at_s1(), "school_social_worker", fte, from))
    }

    fn reported() -> Event {
        written("vacancy.reported.v1", body(&at_s1(), "school_social_worker", 500, "2025-09-01"))
    }

    fn filling(assignment: u128, on: &str) -> Value {
        json!({"vacancy": key(1), "staff": key(1), "assignment": key(assignment), "on": on})
    }

    fn fill(assignment: u128, on: &str) -> Command {
        written("fill-vacancy", filling(assignment, on))
    }

    fn filled() -> Event {
        written("vacancy.filled.v1", filling(1, "2025-10-01"))
    }

    fn withdraw(on: &str) -> Command {
        written("withdraw-vacancy", json!({"vacancy": key(1), "on": on}))
    }

    fn withdrawn(on: &str) -> Event {
        written("vacancy.withdrawn.v1", json!({"vacancy": key(1), "on": on}))
    }

    /// Assignment 1 is at the school from October to December, assignment 2 is at the office.
    fn with(events: impl IntoIterator<Item = Event>, school: Vec<school::Event>) -> Given<Vacancy> {
        let coordinator = written(
            "staff.assigned.v1",
            json!({
                "staff": key(1), "assignment": key(2), "function": "network_coordinator", "workplace": at_office(),
                "fte": 100, "period": {"from": "2025-10-01", "to": "2026-01-01"},
            }),
        );
        given::<Vacancy>(events)
            .at(at_school_of_provider())
            .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
            .and_at::<Cooperation>(
                &cooperation::stream(&school_id("S1"), &organisation_id("P1")),
                at_school_of_provider(),
                [cooperation_proposed(), agreement_signed("2025-08-01", "2026-08-01")],
            )
            .and::<NetworkOffice>(&network_office::stream(&district("15083")), [office_established("2025-08-01")])
            .and::<Staff>(
                &staff::stream(&StaffPseudonym(key(1).0)),
                [staff_assigned(1, 1, 500, "2025-10-01", "2026-01-01"), coordinator],
            )
    }

    fn usual(events: impl IntoIterator<Item = Event>) -> Given<Vacancy> {
        with(events, vec![school_registered()])
    }

    #[test]
    fn a_vacancy_is_reported_once() {
        usual([]).when(report(500, "2025-09-01")).then([reported()]);
        usual([reported()]).when(report(500, "2025-09-01")).then([]);
        usual([reported()]).when(report(600, "2025-09-01")).refused(Refusal::OtherParticulars);
    }

    #[test]
    fn a_vacancy_is_where_there_can_be_a_position() {
        usual([]).when(report(500, "2025-07-31")).refused(Refusal::WorkplaceNotActive);
        with([], vec![]).when(report(500, "2025-09-01")).refused(Refusal::WorkplaceNotActive);
        with([], vec![school_registered(), school_closed()])
            .when(report(500, "2025-09-01"))
            .refused(Refusal::WorkplaceNotActive);
        let office = |from| written::<Command>("report-vacancy", body(&at_office(), "network_coordinator", 500, from));
        assert!(usual([]).when(office("2025-08-01")).accepted());
        usual([]).when(office("2025-07-31")).refused(Refusal::WorkplaceNotActive);
    }

    #[test]
    fn a_function_belongs_to_its_workplace() {
        usual([])
            .when(written("report-vacancy", body(&at_office(), "school_social_worker", 500, "2025-09-01")))
            .refused(Refusal::FunctionElsewhere);
    }

    #[test]
    fn a_vacancy_is_filled_by_an_assignment_to_the_same_position() {
        usual([reported()]).when(fill(1, "2025-10-01")).then([filled()]);
        usual([reported(), filled()]).when(fill(1, "2025-10-01")).then([]);
        usual([reported()]).when(fill(3, "2025-10-01")).refused(Refusal::UnknownAssignment);
        usual([reported()]).when(fill(2, "2025-10-01")).refused(Refusal::OtherPosition);
        usual([reported()]).when(fill(1, "2025-09-30")).refused(Refusal::NotActiveThen);
        usual([]).when(fill(1, "2025-10-01")).refused(Refusal::NotReported);
    }

    #[test]
    fn a_vacancy_is_not_filled_by_another_function_at_the_same_workplace() {
        let vacant =
            || written::<Event>("vacancy.reported.v1", body(&at_office(), "office_assistant", 500, "2025-09-01"));
        usual([vacant()]).when(fill(2, "2025-10-01")).refused(Refusal::OtherPosition);
    }

    #[test]
    fn a_vacancy_is_withdrawn_for_a_reason_and_not_before_it_began() {
        usual([reported()]).when(withdraw("2025-10-01")).refused(Refusal::ReasonMissing);
        let giving_up = |events: Vec<Event>| usual(events).because(Reason::FundingEnded);
        giving_up(vec![reported()]).when(withdraw("2025-10-01")).then([withdrawn("2025-10-01")]);
        giving_up(vec![reported()]).when(withdraw("2025-08-31")).refused(Refusal::EndsBeforeItBegan);
        giving_up(vec![reported(), withdrawn("2025-10-01")]).when(withdraw("2025-10-01")).then([]);
        giving_up(vec![reported(), filled()]).when(withdraw("2025-10-01")).refused(Refusal::Over);
    }
}
