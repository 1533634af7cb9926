//! All non-personal work at a school in a school year: recorded, corrected, voided.
//!
//! An intervention is named by the event that recorded it. A wrong kind or day is voided and
//! recorded anew, everything else is corrected; both facts carry what they take back, so that a
//! projection writes a difference without looking anything up. What each kind of work must carry
//! stands in `work`. Absent on purpose: cases, child protection and anything about a single pupil.

pub mod work;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::school::{self, School};
use crate::staff::{self, Staff, Workplace};
use crate::{
    BusinessDate, ClientKey, EventId, Headcount, Minutes, OrganisationId, Place, SchoolId, SchoolYear, StaffPseudonym,
    StreamId, refusals,
};
use work::Incomplete;
pub use work::{Kind, Work};

/// The aggregate.
pub struct Intervention;

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Records work at a school on the business date.
    RecordIntervention {
        /// School.
        school: SchoolId,
        /// Who worked.
        staff: StaffPseudonym,
        /// In which assignment.
        assignment: ClientKey,
        /// How long.
        minutes: Minutes,
        /// What was done.
        work: Work,
    },
    /// Corrects minutes or particulars; kind and day stay.
    CorrectIntervention {
        /// School.
        school: SchoolId,
        /// School year of the recorded day.
        school_year: SchoolYear,
        /// The event that recorded it.
        intervention: EventId,
        /// How long it really was.
        minutes: Minutes,
        /// What was really done; of the same kind.
        work: Work,
    },
    /// Takes a recording back.
    VoidIntervention {
        /// School.
        school: SchoolId,
        /// School year of the recorded day.
        school_year: SchoolYear,
        /// The event that recorded it.
        intervention: EventId,
    },
}

/// What a correction takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Minutes as they stood.
    pub minutes: Minutes,
    /// Pupils reached as they stood.
    pub headcount: Headcount,
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// Somebody worked at the school on the business date.
    #[serde(rename = "intervention.recorded.v1")]
    Recorded {
        /// Who worked.
        staff: StaffPseudonym,
        /// In which assignment.
        assignment: ClientKey,
        /// How long.
        minutes: Minutes,
        /// What was done.
        work: Work,
    },
    /// It was otherwise: the figures of `day` change by the difference.
    #[serde(rename = "intervention.corrected.v1")]
    Corrected {
        /// The event that recorded it.
        intervention: EventId,
        /// The recorded day.
        day: BusinessDate,
        /// How long it really was.
        minutes: Minutes,
        /// What was really done.
        work: Work,
        /// What stood there before.
        before: Before,
    },
    /// It was not: the figures of `day` lose what stood there.
    #[serde(rename = "intervention.voided.v1")]
    Voided {
        /// The event that recorded it.
        intervention: EventId,
        /// The recorded day.
        day: BusinessDate,
        /// The recorded kind.
        kind: Kind,
        /// Minutes as they stood.
        minutes: Minutes,
        /// Pupils reached as they stood.
        headcount: Headcount,
    },
}

refusals! {
    SchoolNotOpen => "INT-01", Rule, "/data/school", "Die Schule besteht an diesem Tag nicht.", "The school does not exist on that day.";
    UnknownAssignment => "INT-02", Rule, "/data/assignment", "Diesen Einsatz gibt es an dieser Schule nicht.", "There is no such assignment at this school.";
    NotAssignedThen => "INT-03", Rule, "/occurred_on", "Der Einsatz gilt an diesem Tag nicht.", "The assignment does not hold on that day.";
    TooManyMinutes => "INT-04", Rule, "/data/minutes", "An einem Tag sind für eine Person an einer Schule höchstens zehn Stunden und Pausen möglich.", "One person cannot work more than ten hours and breaks at one school on one day.";
    NobodyReached => "INT-05", Invalid, "/data/work", "Diese Art von Arbeit erreicht mindestens eine Person.", "Work of this kind reaches at least one person.";
    NoPartner => "INT-06", Invalid, "/data/work", "Diese Art von Arbeit hat mindestens einen Partner.", "Work of this kind has at least one partner.";
    UnknownIntervention => "INT-07", Missing, "/data/intervention", "Diese Intervention ist an dieser Schule in diesem Schuljahr nicht erfasst.", "This intervention is not recorded at this school in this school year.";
    Voided => "INT-08", Rule, "/data/intervention", "Diese Intervention ist storniert.", "This intervention is voided.";
    OtherKind => "INT-09", Rule, "/data/work", "Die Art der Arbeit wird nicht berichtigt: bitte stornieren und neu erfassen.", "The kind of work is not corrected: void the intervention and record it anew.";
    ReasonMissing => "INT-10", Invalid, "/reason", "Berichtigung und Stornierung brauchen einen Grund.", "Correcting and voiding need a reason.";
    BeforeTheDay => "INT-11", Rule, "/occurred_on", "Das Datum liegt vor dem Tag der Intervention.", "The date lies before the day of the intervention.";
}

impl From<Incomplete> for Refusal {
    fn from(why: Incomplete) -> Self {
        match why {
            Incomplete::NobodyReached => Self::NobodyReached,
            Incomplete::NoPartner => Self::NoPartner,
        }
    }
}

/// What decisions about a school's year remember. Kept in memory for many schools and about a
/// thousand entries long, hence one list of small copies.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The school's place without a provider; every event has the same.
    place: Option<Place>,
    /// Responsible providers; entries name them by index.
    providers: Vec<OrganisationId>,
    /// Who did the work; entries name them by index.
    staff: Vec<StaffPseudonym>,
    /// Interventions sorted by day, those of a day in the order in which they were recorded.
    entries: Vec<Entry>,
}

/// An intervention as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: EventId,
    day: BusinessDate,
    minutes: Minutes,
    work: Work,
    /// Index of who did the work.
    staff: u16,
    /// Index of the provider; `None` if the event had none.
    provider: Option<u16>,
    voided: bool,
}

/// The index of a value in a list that gets it if it is not there yet. A school's year has few
/// providers and few people, never more than fit.
fn index_in<T: Clone + PartialEq>(list: &mut Vec<T>, value: &T) -> u16 {
    let known = list.iter().position(|other| other == value);
    let index = known.unwrap_or(list.len());
    if known.is_none() {
        list.push(value.clone());
    }
    u16::try_from(index).unwrap_or(u16::MAX)
}

impl State {
    /// How many interventions stand.
    pub fn standing(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.voided).count()
    }

    fn entry(&self, id: &EventId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    fn entry_mut(&mut self, id: &EventId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == *id)
    }

    /// The minutes of one person on one day.
    fn minutes_of(&self, day: BusinessDate, staff: u16) -> u32 {
        let first = self.entries.partition_point(|entry| entry.day < day);
        let of_day = self.entries.iter().skip(first).take_while(|entry| entry.day == day);
        of_day.filter(|entry| entry.staff == staff && !entry.voided).map(|entry| entry.minutes.get()).sum()
    }

    fn minutes_of_person(&self, day: BusinessDate, staff: &StaffPseudonym) -> u32 {
        let known = self.staff.iter().position(|other| other == staff).and_then(|index| u16::try_from(index).ok());
        known.map_or(0, |staff| self.minutes_of(day, staff))
    }

    fn place_of(&self, entry: &Entry) -> Option<Place> {
        let place = self.place.clone()?;
        let provider = entry.provider.and_then(|index| self.providers.get(usize::from(index)));
        Some(match provider {
            Some(provider) => place.of_provider(provider.clone()),
            None => place,
        })
    }
}

/// The stream of a school's year.
pub fn stream(school: &SchoolId, year: SchoolYear) -> StreamId {
    StreamId::new("intervention", format_args!("{school}/{}", year.slug()))
}

impl Decider for Intervention {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, facts: &Facts<'_>) -> StreamId {
        match command {
            Command::RecordIntervention { school, .. } => stream(school, SchoolYear::of(facts.occurred_on)),
            Command::CorrectIntervention { school, school_year, .. }
            | Command::VoidIntervention { school, school_year, .. } => stream(school, *school_year),
        }
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::RecordIntervention { school, staff, .. } => {
                vec![school::stream(school), staff::stream(staff)]
            }
            // The assignment was checked when the work was recorded; day and person stay.
            Command::CorrectIntervention { .. } | Command::VoidIntervention { .. } => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match command {
            Command::RecordIntervention { school, staff, assignment, .. } => {
                let known = facts.other::<School>(&school::stream(school))?.known()?;
                let place = known.place.clone();
                let staff = facts.other::<Staff>(&staff::stream(staff));
                let assignment = staff.and_then(|staff| staff.assignment(assignment));
                Some(match assignment.map(|assignment| &assignment.workplace) {
                    Some(Workplace::School { school: at, provider }) if at == school => {
                        place.of_provider(provider.clone())
                    }
                    _ => place,
                })
            }
            Command::CorrectIntervention { intervention, .. } | Command::VoidIntervention { intervention, .. } => {
                state.place_of(state.entry(intervention)?)
            }
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::RecordIntervention { school, staff, assignment, minutes, work } => {
                facts
                    .other::<School>(&school::stream(school))
                    .and_then(|state| state.open_on(facts.occurred_on))
                    .ok_or(Refusal::SchoolNotOpen)?;
                let at_school =
                    |workplace: &Workplace| matches!(workplace, Workplace::School { school: at, .. } if at == school);
                let assigned = facts
                    .other::<Staff>(&staff::stream(staff))
                    .and_then(|staff| staff.assignment(assignment))
                    .filter(|assignment| at_school(&assignment.workplace))
                    .ok_or(Refusal::UnknownAssignment)?;
                if !assigned.active_on(facts.occurred_on) {
                    return Err(Refusal::NotAssignedThen);
                }
                work.check()?;
                check_day(state.minutes_of_person(facts.occurred_on, staff), *minutes, facts)?;
                Ok(vec![Event::Recorded { staff: *staff, assignment: *assignment, minutes: *minutes, work: *work }])
            }
            Command::CorrectIntervention { intervention, minutes, work, .. } => {
                let entry = standing(state, intervention, facts)?;
                if entry.voided {
                    return Err(Refusal::Voided);
                }
                if entry.work.kind() != work.kind() {
                    return Err(Refusal::OtherKind);
                }
                // The same again is a retry, not a mistake: nothing more happens.
                if entry.minutes == *minutes && entry.work == *work {
                    return Ok(Vec::new());
                }
                work.check()?;
                let others = state.minutes_of(entry.day, entry.staff).saturating_sub(entry.minutes.get());
                check_day(others, *minutes, facts)?;
                Ok(vec![Event::Corrected {
                    intervention: *intervention,
                    day: entry.day,
                    minutes: *minutes,
                    work: *work,
                    before: Before { minutes: entry.minutes, headcount: entry.work.headcount() },
                }])
            }
            Command::VoidIntervention { intervention, .. } => {
                let entry = standing(state, intervention, facts)?;
                if entry.voided {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::Voided {
                    intervention: *intervention,
                    day: entry.day,
                    kind: entry.work.kind(),
                    minutes: entry.minutes,
                    headcount: entry.work.headcount(),
                }])
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match event {
            Event::Recorded { staff, minutes, work, .. } => {
                if state.place.is_none() {
                    state.place = Some(Place { provider: None, ..fact.place.clone() });
                }
                let entry = Entry {
                    id: fact.id,
                    day: fact.occurred_on,
                    minutes: *minutes,
                    work: *work,
                    staff: index_in(&mut state.staff, staff),
                    provider: fact.place.provider.as_ref().map(|provider| index_in(&mut state.providers, provider)),
                    voided: false,
                };
                let index = state.entries.partition_point(|other| other.day <= entry.day);
                state.entries.insert(index, entry);
            }
            Event::Corrected { intervention, minutes, work, .. } => {
                if let Some(entry) = state.entry_mut(intervention) {
                    entry.minutes = *minutes;
                    entry.work = *work;
                }
            }
            Event::Voided { intervention, .. } => {
                if let Some(entry) = state.entry_mut(intervention) {
                    entry.voided = true;
                }
            }
        }
    }

    fn corrects(event: &Event) -> Option<EventId> {
        match event {
            Event::Recorded { .. } => None,
            Event::Corrected { intervention, .. } | Event::Voided { intervention, .. } => Some(*intervention),
        }
    }
}

/// The intervention that is to be corrected or voided, once the envelope allows that.
fn standing<'a>(state: &'a State, intervention: &EventId, facts: &Facts<'_>) -> Result<&'a Entry, Refusal> {
    let entry = state.entry(intervention).ok_or(Refusal::UnknownIntervention)?;
    if facts.reason.is_none() {
        return Err(Refusal::ReasonMissing);
    }
    if facts.occurred_on < entry.day {
        return Err(Refusal::BeforeTheDay);
    }
    Ok(entry)
}

/// Whether that many minutes fit into the day beside the others.
fn check_day(others: u32, minutes: Minutes, facts: &Facts<'_>) -> Result<(), Refusal> {
    if others + minutes.get() > facts.reference.max_minutes_per_day {
        return Err(Refusal::TooManyMinutes);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decider::Reason;
    use crate::testing::fixtures::{
        at_school, at_school_of_provider, school_closed, school_id, school_registered, staff_assigned,
    };
    use crate::testing::story::every_kind_of_work;
    use crate::testing::{Given, day, event_id, given, key, written};

    fn mediation(parties: u32) -> Value {
        json!({"mediation": {"parties": parties, "result": "agreed"}})
    }

    fn prevention(women: u32) -> Value {
        json!({"prevention": {
            "topic": "addiction", "levels": "7-8", "sessions": 1, "headcount": {"women": women, "men": 0, "non_binary": 0},
        }})
    }

    fn record(assignment: u128, minutes: u32, work: &Value) -> Command {
        written(
            "record-intervention",
            json!({
                "school": "S1", "staff": key(1), "assignment": key(assignment), "minutes": minutes, "work": work,
            }),
        )
    }

    fn recorded(minutes: u32, work: &Value) -> Event {
        written(
            "intervention.recorded.v1",
            json!({"staff": key(1), "assignment": key(1), "minutes": minutes, "work": work}),
        )
    }

    fn correct(intervention: u128, minutes: u32, work: &Value) -> Command {
        written(
            "correct-intervention",
            json!({
                "school": "S1", "school_year": "2025/26", "intervention": event_id(intervention), "minutes": minutes,
                "work": work,
            }),
        )
    }

    fn corrected(minutes: u32, women: u32, before: (u32, u32)) -> Event {
        written(
            "intervention.corrected.v1",
            json!({
                "intervention": event_id(1), "day": "2025-09-01", "minutes": minutes, "work": prevention(women),
                "before": {"minutes": before.0, "headcount": {"women": before.1, "men": 0, "non_binary": 0}},
            }),
        )
    }

    fn void(intervention: u128) -> Command {
        written(
            "void-intervention",
            json!({"school": "S1", "school_year": "2025/26", "intervention": event_id(intervention)}),
        )
    }

    fn voided(minutes: u32, women: u32) -> Event {
        written(
            "intervention.voided.v1",
            json!({
                "intervention": event_id(1), "day": "2025-09-01", "kind": "prevention", "minutes": minutes,
                "headcount": {"women": women, "men": 0, "non_binary": 0},
            }),
        )
    }

    /// Assignment 1 is at school `S1` from 1 September 2025 to 1 August 2026.
    fn with(events: impl IntoIterator<Item = Event>, school: Vec<school::Event>) -> Given<Intervention> {
        given::<Intervention>(events)
            .at(at_school_of_provider())
            .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
            .and_at::<Staff>(
                &staff::stream(&StaffPseudonym(key(1).0)),
                at_school_of_provider(),
                [staff_assigned(1, 1, 500, "2025-09-01", "2026-08-01"), elsewhere()],
            )
    }

    /// Assignment 2 is at another school.
    fn elsewhere() -> staff::Event {
        written(
            "staff.assigned.v1",
            json!({
                "staff": key(1), "assignment": key(2), "function": "school_social_worker",
                "workplace": {"school": {"school": "S2", "provider": "P1"}}, "fte": 500,
                "period": {"from": "2025-09-01", "to": "2026-08-01"},
            }),
        )
    }

    fn usual(events: impl IntoIterator<Item = Event>) -> Given<Intervention> {
        with(events, vec![school_registered()])
    }

    #[test]
    fn every_kind_of_work_is_recorded_as_it_was_said() {
        for work in every_kind_of_work() {
            usual([]).repeatable().when(record(1, 60, &work)).then([recorded(60, &work)]);
        }
    }

    #[test]
    fn each_kind_has_one_form_of_work() {
        let kinds: Vec<_> = every_kind_of_work()
            .into_iter()
            .map(|work| {
                let (name, _) = work.as_object().unwrap().iter().next().unwrap();
                let kind = serde_json::from_value::<Work>(work.clone()).unwrap().kind();
                assert_eq!(kind.code(), name);
                kind
            })
            .collect();
        assert_eq!(kinds, Kind::ALL);
        let indirect = Kind::ALL.iter().filter(|kind| !kind.is_direct()).count();
        assert_eq!(indirect, 4);
    }

    #[test]
    fn a_kind_counts_the_pupils_it_reaches_and_no_others() {
        let heads = |work: Value| serde_json::from_value::<Work>(work).unwrap().headcount().total();
        let reached: Vec<_> = every_kind_of_work().into_iter().map(heads).collect();
        assert_eq!(reached, [0, 0, 23, 0, 8, 12, 17, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn work_is_recorded_at_an_open_school() {
        with([], vec![]).when(record(1, 60, &mediation(2))).refused(Refusal::SchoolNotOpen);
        with([], vec![school_registered(), school_closed()])
            .when(record(1, 60, &mediation(2)))
            .refused(Refusal::SchoolNotOpen);
    }

    #[test]
    fn work_is_done_in_an_assignment_to_this_school_on_that_day() {
        usual([]).when(record(2, 60, &mediation(2))).refused(Refusal::UnknownAssignment);
        usual([]).when(record(3, 60, &mediation(2))).refused(Refusal::UnknownAssignment);
        usual([]).on("2025-08-31").when(record(1, 60, &mediation(2))).refused(Refusal::NotAssignedThen);
        usual([]).on("2026-08-01").when(record(1, 60, &mediation(2))).refused(Refusal::NotAssignedThen);
    }

    #[test]
    fn work_that_reaches_people_reaches_at_least_one() {
        let nobody = json!({"women": 0, "men": 0, "non_binary": 0});
        let works = [
            prevention(0),
            json!({"social_learning": {"group": "open", "sessions": 1, "headcount": nobody}}),
            json!({"participation": {"form": "open_offer", "headcount": nobody, "result": "exchange"}}),
            json!({"staff_advice": {"form": "talk", "advised": "teachers", "topic": "other", "persons": 0}}),
            json!({"guardian_support": {"form": "talk", "topic": "other", "persons": 0}}),
        ];
        for work in works {
            usual([]).when(record(1, 60, &work)).refused(Refusal::NobodyReached);
        }
    }

    #[test]
    fn networking_has_a_partner() {
        let nobody = json!({"women": 0, "men": 0, "non_binary": 0});
        let works = [
            json!({"networking": {"partners": []}}),
            json!({"social_space": {"partners": [], "activity": "visit", "headcount": nobody}}),
        ];
        for work in works {
            usual([]).when(record(1, 60, &work)).refused(Refusal::NoPartner);
        }
    }

    #[test]
    fn a_mediation_has_two_parties_and_minutes_are_more_than_none() {
        assert!(serde_json::from_value::<Work>(mediation(1)).is_err());
        assert!(serde_json::from_value::<Minutes>(json!(0)).is_err());
    }

    #[test]
    fn nobody_works_more_than_ten_hours_and_breaks_on_one_day() {
        let morning = || recorded(400, &mediation(2));
        usual([morning()])
            .on("2025-09-01")
            .repeatable()
            .when(record(1, 320, &mediation(3)))
            .then([recorded(320, &mediation(3))]);
        usual([morning()]).on("2025-09-01").when(record(1, 321, &mediation(3))).refused(Refusal::TooManyMinutes);
        usual([morning()])
            .on("2025-09-02")
            .repeatable()
            .when(record(1, 720, &mediation(3)))
            .then([recorded(720, &mediation(3))]);
    }

    #[test]
    fn minutes_that_were_taken_back_count_no_more() {
        usual([recorded(700, &prevention(5)), voided(700, 5)])
            .on("2025-09-01")
            .repeatable()
            .when(record(1, 700, &mediation(2)))
            .then([recorded(700, &mediation(2))]);
        usual([recorded(700, &prevention(5)), corrected(100, 5, (700, 5))])
            .on("2025-09-01")
            .repeatable()
            .when(record(1, 620, &mediation(2)))
            .then([recorded(620, &mediation(2))]);
    }

    #[test]
    fn a_correction_says_what_stood_there_before() {
        let correcting = |events: Vec<Event>| usual(events).because(Reason::DataEntryError);
        let first = || recorded(60, &prevention(5));
        correcting(vec![first()]).when(correct(1, 90, &prevention(6))).then([corrected(90, 6, (60, 5))]);
        correcting(vec![first(), corrected(90, 6, (60, 5))]).when(correct(1, 30, &prevention(4))).then([corrected(
            30,
            4,
            (90, 6),
        )]);
        correcting(vec![first()]).when(correct(1, 60, &prevention(5))).then([]);
    }

    #[test]
    fn a_correction_keeps_kind_and_rules() {
        let correcting = |events: Vec<Event>| usual(events).because(Reason::DataEntryError);
        let first = || vec![recorded(60, &prevention(5))];
        correcting(first()).when(correct(1, 60, &mediation(2))).refused(Refusal::OtherKind);
        correcting(first()).when(correct(1, 60, &prevention(0))).refused(Refusal::NobodyReached);
        correcting(first()).when(correct(1, 721, &prevention(5))).refused(Refusal::TooManyMinutes);
        correcting(first()).when(correct(2, 60, &prevention(5))).refused(Refusal::UnknownIntervention);
        correcting(first()).on("2025-08-31").when(correct(1, 61, &prevention(5))).refused(Refusal::BeforeTheDay);
        usual(first()).when(correct(1, 61, &prevention(5))).refused(Refusal::ReasonMissing);
    }

    #[test]
    fn a_correction_may_fill_the_day_up() {
        usual([recorded(300, &prevention(5)), recorded(400, &mediation(2))])
            .because(Reason::DataEntryError)
            .when(correct(1, 320, &prevention(5)))
            .then([corrected(320, 5, (300, 5))]);
        usual([recorded(300, &prevention(5)), recorded(400, &mediation(2))])
            .because(Reason::DataEntryError)
            .when(correct(1, 321, &prevention(5)))
            .refused(Refusal::TooManyMinutes);
    }

    #[test]
    fn an_intervention_is_voided_once_for_a_reason_with_what_stood_there() {
        let voiding = |events: Vec<Event>| usual(events).because(Reason::NotCarriedOut);
        let first = || recorded(60, &prevention(5));
        voiding(vec![first()]).when(void(1)).then([voided(60, 5)]);
        voiding(vec![first(), corrected(90, 6, (60, 5))]).when(void(1)).then([voided(90, 6)]);
        voiding(vec![first(), voided(60, 5)]).when(void(1)).then([]);
        voiding(vec![first(), voided(60, 5)]).when(correct(1, 90, &prevention(5))).refused(Refusal::Voided);
        usual([first()]).when(void(1)).refused(Refusal::ReasonMissing);
        voiding(vec![first()]).when(void(9)).refused(Refusal::UnknownIntervention);
    }

    #[test]
    fn corrections_name_the_event_that_they_correct() {
        assert_eq!(Intervention::corrects(&recorded(60, &prevention(5))), None);
        assert_eq!(Intervention::corrects(&corrected(90, 6, (60, 5))), Some(event_id(1)));
        assert_eq!(Intervention::corrects(&voided(60, 5)), Some(event_id(1)));
    }

    #[test]
    fn the_stream_is_the_school_s_year_of_the_day() {
        let reference = crate::testing::reference();
        let mut facts = crate::testing::facts(&reference);
        let name = |command: &Command, facts: &Facts<'_>| Intervention::stream(command, facts).to_string();
        facts.occurred_on = day("2026-07-31");
        assert_eq!(name(&record(1, 60, &mediation(2)), &facts), "intervention/S1/2025-26");
        facts.occurred_on = day("2026-08-01");
        assert_eq!(name(&record(1, 60, &mediation(2)), &facts), "intervention/S1/2026-27");
        assert_eq!(name(&void(1), &facts), "intervention/S1/2025-26");
    }

    #[test]
    fn a_correction_belongs_where_the_work_was_done() {
        let reference = crate::testing::reference();
        let facts = crate::testing::facts(&reference);
        let mut state = State::default();
        let others = [("P1", 3), ("P2", 1), ("P1", 2)];
        for (provider, id) in others {
            let place = at_school().of_provider(OrganisationId::parse(provider).unwrap());
            let fact = crate::testing::fact(id, "2025-09-01", place);
            Intervention::evolve(&mut state, &recorded(60, &prevention(5)), &fact);
        }
        let provider = |id| {
            let place = Intervention::place(&void(id), &state, &facts)?;
            assert_eq!(place.school, Some(school_id("S1")));
            place.provider.map(|provider| provider.as_str().to_owned())
        };
        let found = [1, 2, 3, 4].map(provider);
        assert_eq!(found.each_ref().map(Option::as_deref), [Some("P2"), Some("P1"), Some("P1"), None]);
        assert_eq!(state.standing(), 3);
    }
}
