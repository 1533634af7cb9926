//! A school: registered once under its identifier, changes form, merges into another, closes.
//!
//! What is imported says where it comes from and how sure it is: the list of schools is of 2016,
//! has no official numbers, and its school forms are concluded from names. Absent on purpose:
//! anything about persons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::{Label, Name};
use crate::measure::Headcount;
use crate::provenance::Provenance;
use crate::{Ags, BusinessDate, OrganisationId, Place, SchoolId, SchoolYear, StreamId, refusals};

/// The aggregate.
pub struct School;

/// Who maintains the school.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// A public school authority.
    Public,
    /// A private body (Schule in freier Trägerschaft).
    Private,
    /// Not known.
    Unknown,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Registers a school.
    RegisterSchool {
        /// Identifier.
        school: SchoolId,
        /// Name.
        name: Name,
        /// Code of the school form, from the list valid on the business date.
        form: Label,
        /// District.
        district: Ags,
        /// Who maintains it.
        ownership: Ownership,
        /// The school authority, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        authority: Option<OrganisationId>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Changes the form, for example from Sekundarschule to Gemeinschaftsschule.
    ChangeSchoolForm {
        /// Identifier.
        school: SchoolId,
        /// Code of the new form.
        form: Label,
    },
    /// Merges a school into another, which goes on; the history stays.
    MergeSchools {
        /// The school that ends.
        school: SchoolId,
        /// The school that goes on.
        into: SchoolId,
    },
    /// Closes a school.
    CloseSchool {
        /// Identifier.
        school: SchoolId,
    },
    /// Records the number of pupils in a school year, as counts.
    RecordPupilNumbers {
        /// Identifier.
        school: SchoolId,
        /// School year.
        school_year: SchoolYear,
        /// Pupils by gender.
        pupils: Headcount,
        /// Short name of the source.
        source: Label,
    },
}

impl Command {
    /// The school that the command names.
    const fn school(&self) -> &SchoolId {
        match self {
            Self::RegisterSchool { school, .. }
            | Self::ChangeSchoolForm { school, .. }
            | Self::MergeSchools { school, .. }
            | Self::CloseSchool { school }
            | Self::RecordPupilNumbers { school, .. } => school,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A school is known to the programme.
    #[serde(rename = "school.registered.v1")]
    Registered {
        /// Identifier.
        school: SchoolId,
        /// Name.
        name: Name,
        /// Code of the school form.
        form: Label,
        /// District.
        district: Ags,
        /// Who maintains it.
        ownership: Ownership,
        /// The school authority, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        authority: Option<OrganisationId>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// It has another form from the business date on.
    #[serde(rename = "school.form-changed.v1")]
    FormChanged {
        /// Code of the new form.
        form: Label,
    },
    /// It ended by merging into another.
    #[serde(rename = "school.merged.v1")]
    Merged {
        /// The school that goes on.
        into: SchoolId,
    },
    /// It was closed.
    #[serde(rename = "school.closed.v1")]
    Closed {},
    /// Its pupils were counted for a school year.
    #[serde(rename = "school.pupils-recorded.v1")]
    PupilsRecorded {
        /// School year.
        school_year: SchoolYear,
        /// Pupils by gender.
        pupils: Headcount,
        /// Short name of the source.
        source: Label,
    },
}

refusals! {
    NotRegistered => "SCH-01", Missing, "/data/school", "Diese Schule ist nicht registriert.", "This school is not registered.";
    OtherParticulars => "SCH-02", Rule, "/data/school", "Diese Schule ist schon mit anderen Angaben registriert.", "This school is already registered with other particulars.";
    Ended => "SCH-03", Rule, "/data/school", "Diese Schule besteht nicht mehr.", "This school no longer exists.";
    UnknownForm => "SCH-04", Invalid, "/data/form", "Diese Schulform gibt es an dem Datum nicht.", "There is no such school form on that date.";
    UnknownDistrict => "SCH-05", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    IntoItself => "SCH-06", Invalid, "/data/into", "Eine Schule kann nicht in sich selbst aufgehen.", "A school cannot merge into itself.";
    TargetNotOpen => "SCH-07", Rule, "/data/into", "Die aufnehmende Schule ist nicht registriert oder besteht nicht mehr.", "The school that is to go on is not registered or no longer exists.";
    BeforeRegistration => "SCH-08", Rule, "/occurred_on", "Das Datum liegt vor der letzten Änderung dieser Schule.", "The date lies before the last change of this school.";
    ReasonMissing => "SCH-09", Invalid, "/reason", "Schließung und Zusammenlegung brauchen einen Grund.", "Closing and merging need a reason.";
}

/// What decisions about a school remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Known to the programme.
    Known(Box<Known>),
}

/// A registered school.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The particulars as registered, to recognise a repeated registration.
    registered: Event,
    /// Where it belongs.
    pub place: Place,
    /// Code of its form now.
    pub form: Label,
    /// The day of the last change of form or existence.
    since: BusinessDate,
    /// Whether it still exists, and if not since when.
    pub ended_on: Option<BusinessDate>,
    /// The last counted pupils.
    pupils: Vec<(SchoolYear, Headcount)>,
}

impl State {
    /// The school, if it is registered.
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// The school, if it exists on that day.
    pub fn open_on(&self, day: BusinessDate) -> Option<&Known> {
        self.known().filter(|known| known.ended_on.is_none_or(|ended| day < ended))
    }
}

/// The stream of a school.
pub fn stream(school: &SchoolId) -> StreamId {
    StreamId::new("school", school)
}

impl Decider for School {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(command.school())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::MergeSchools { school, into } if school != into => vec![stream(into)],
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, _: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::RegisterSchool { school, district, .. }) => {
                Some(Place::school(district.clone(), school.clone()))
            }
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::RegisterSchool { form, district, .. }) => {
                if !facts.reference.is_district(district) {
                    return Err(Refusal::UnknownDistrict);
                }
                if !facts.reference.is_school_form(form.as_str(), facts.occurred_on) {
                    return Err(Refusal::UnknownForm);
                }
                return Ok(vec![registered(command)?]);
            }
            (State::Unknown, _) => return Err(Refusal::NotRegistered),
            (State::Known(known), _) => known,
        };
        match command {
            // The same registration again is a retry, not a mistake: nothing more happens.
            Command::RegisterSchool { .. } if registered(command)? == known.registered => Ok(Vec::new()),
            Command::RegisterSchool { .. } => Err(Refusal::OtherParticulars),
            Command::MergeSchools { school, into } if school == into => Err(Refusal::IntoItself),
            Command::CloseSchool { .. } | Command::MergeSchools { .. } if facts.reason.is_none() => {
                Err(Refusal::ReasonMissing)
            }
            _ if known.ended_on.is_some() => Err(Refusal::Ended),
            Command::RecordPupilNumbers { school_year, pupils, source, .. } => {
                if known.pupils.contains(&(*school_year, *pupils)) {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::PupilsRecorded { school_year: *school_year, pupils: *pupils, source: source.clone() }])
            }
            _ if facts.occurred_on < known.since => Err(Refusal::BeforeRegistration),
            Command::ChangeSchoolForm { form, .. } => {
                if !facts.reference.is_school_form(form.as_str(), facts.occurred_on) {
                    return Err(Refusal::UnknownForm);
                }
                if known.form == *form {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::FormChanged { form: form.clone() }])
            }
            Command::MergeSchools { into, .. } => {
                let target = facts.other::<School>(&stream(into));
                if target.and_then(|target| target.open_on(facts.occurred_on)).is_none() {
                    return Err(Refusal::TargetNotOpen);
                }
                Ok(vec![Event::Merged { into: into.clone() }])
            }
            Command::CloseSchool { .. } => Ok(vec![Event::Closed {}]),
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Registered { form, .. }) => {
                *state = State::Known(Box::new(Known {
                    registered: event.clone(),
                    place: fact.place.clone(),
                    form: form.clone(),
                    since: fact.occurred_on,
                    ended_on: None,
                    pupils: Vec::new(),
                }));
            }
            (State::Known(known), Event::FormChanged { form }) => {
                known.form = form.clone();
                known.since = fact.occurred_on;
            }
            (State::Known(known), Event::Merged { .. } | Event::Closed {}) => {
                known.ended_on = Some(fact.occurred_on);
            }
            (State::Known(known), Event::PupilsRecorded { school_year, pupils, .. }) => {
                known.pupils.retain(|(year, _)| year != school_year);
                known.pupils.push((*school_year, *pupils));
            }
            (State::Unknown, _) => {}
        }
    }
}

/// The event that a registration would be.
fn registered(command: &Command) -> Result<Event, Refusal> {
    match command {
        Command::RegisterSchool { school, name, form, district, ownership, authority, provenance } => {
            Ok(Event::Registered {
                school: school.clone(),
                name: name.clone(),
                form: form.clone(),
                district: district.clone(),
                ownership: *ownership,
                authority: authority.clone(),
                provenance: provenance.clone(),
            })
        }
        _ => Err(Refusal::NotRegistered),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::decider::Reason;
    use crate::testing::{day, given, written};

    fn id(text: &str) -> SchoolId {
        SchoolId::parse(text).unwrap()
    }

    fn register(name: &str) -> Command {
        Command::RegisterSchool {
            school: id("S1"),
            name: Name::parse(name).unwrap(),
            form: Label::parse("SEK").unwrap(),
            district: Ags::parse("15083").unwrap(),
            ownership: Ownership::Public,
            authority: None,
            provenance: None,
        }
    }

    fn opened() -> Event {
        registered(&register("Sekundarschule Wanzleben")).unwrap()
    }

    fn form(code: &str) -> Command {
        Command::ChangeSchoolForm { school: id("S1"), form: Label::parse(code).unwrap() }
    }

    #[test]
    fn a_school_is_registered_once() {
        given::<School>([]).when(register("Sekundarschule Wanzleben")).then([opened()]);
    }

    #[test]
    fn the_same_registration_again_changes_nothing() {
        given::<School>([opened()]).when(register("Sekundarschule Wanzleben")).then([]);
    }

    #[test]
    fn a_school_is_not_registered_with_other_particulars() {
        given::<School>([opened()]).when(register("Andere Schule")).refused(Refusal::OtherParticulars);
    }

    #[test]
    fn a_school_form_comes_from_the_list() {
        given::<School>([opened()]).when(form("XYZ")).refused(Refusal::UnknownForm);
        given::<School>([opened()]).when(form("GMS")).then([Event::FormChanged { form: Label::parse("GMS").unwrap() }]);
    }

    #[test]
    fn closing_needs_a_reason() {
        let close = Command::CloseSchool { school: id("S1") };
        given::<School>([opened()]).when(close.clone()).refused(Refusal::ReasonMissing);
        given::<School>([opened()]).because(Reason::Reorganisation).when(close).then([Event::Closed {}]);
    }

    #[test]
    fn nothing_happens_to_a_closed_school() {
        given::<School>([opened(), Event::Closed {}]).when(form("GMS")).refused(Refusal::Ended);
    }

    #[test]
    fn a_school_merges_only_into_one_that_is_open() {
        let merge = Command::MergeSchools { school: id("S1"), into: id("S2") };
        given::<School>([opened()]).because(Reason::Reorganisation).when(merge.clone()).refused(Refusal::TargetNotOpen);
        given::<School>([opened()])
            .and::<School>(&stream(&id("S2")), [opened()])
            .because(Reason::Reorganisation)
            .when(merge)
            .then([Event::Merged { into: id("S2") }]);
    }

    #[test]
    fn an_unknown_school_cannot_be_closed() {
        given::<School>([]).when(Command::CloseSchool { school: id("S1") }).refused(Refusal::NotRegistered);
    }

    #[test]
    fn a_school_is_registered_only_in_a_known_district() {
        let abroad = written(
            "register-school",
            json!({"school": "S1", "name": "Schule", "form": "SEK", "district": "15999", "ownership": "public"}),
        );
        given::<School>([]).when(abroad).refused(Refusal::UnknownDistrict);
    }

    #[test]
    fn a_school_does_not_merge_into_itself() {
        let merge = Command::MergeSchools { school: id("S1"), into: id("S1") };
        given::<School>([opened()]).because(Reason::Reorganisation).when(merge).refused(Refusal::IntoItself);
    }

    #[test]
    fn a_change_does_not_reach_back_before_the_last_one() {
        given::<School>([opened()]).on("2025-08-31").when(form("GMS")).refused(Refusal::BeforeRegistration);
        given::<School>([opened()])
            .then_on("2025-09-20", Event::FormChanged { form: Label::parse("GMS").unwrap() })
            .on("2025-09-19")
            .when(form("GS"))
            .refused(Refusal::BeforeRegistration);
    }

    #[test]
    fn pupils_are_counted_once_per_school_year_until_the_count_changes() {
        let count = |women: u32| {
            written::<Command>(
                "record-pupil-numbers",
                json!({"school": "S1", "school_year": "2025/26", "pupils": {"women": women, "men": 2, "non_binary": 0}, "source": "statistics"}),
            )
        };
        let counted = |women: u32| {
            written::<Event>(
                "school.pupils-recorded.v1",
                json!({"school_year": "2025/26", "pupils": {"women": women, "men": 2, "non_binary": 0}, "source": "statistics"}),
            )
        };
        given::<School>([opened()]).when(count(100)).then([counted(100)]);
        given::<School>([opened(), counted(100)]).when(count(100)).then([]);
        given::<School>([opened(), counted(100)]).when(count(101)).then([counted(101)]);
        given::<School>([opened(), counted(100), counted(101)]).when(count(100)).then([counted(100)]);
    }

    #[test]
    fn a_school_is_open_until_the_day_it_ends() {
        let closed = (1..).zip([opened(), Event::Closed {}]).fold(State::default(), |mut state, (n, event)| {
            let fact = crate::testing::fact(n, "2025-09-01", Place::state());
            School::evolve(&mut state, &event, &fact);
            state
        });
        assert!(closed.open_on(day("2025-08-31")).is_some());
        assert!(closed.open_on(day("2025-09-01")).is_none());
    }
}
