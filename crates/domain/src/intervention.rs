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
mod tests;
