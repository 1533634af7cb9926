//! A member of staff with all assignments: who works where, with which share of a position.
//!
//! Everything of one person is one stream under a random pseudonym, so that the sum of shares is
//! checked where it is decided. Absent on purpose: names, contracts, absences.

mod assignment;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cooperation::{self, Cooperation};
use crate::decider::{Decider, Fact, Facts};
use crate::network_office::{self, NetworkOffice};
use crate::organisation::{self, Organisation};
use crate::school::{self, School};
use crate::{
    Ags, BusinessDate, ClientKey, Digest, Fte, OrganisationId, Period, Place, SchoolId, StaffPseudonym, StreamId,
    refusals, vocabulary,
};

pub use assignment::Assignment;

/// The aggregate.
pub struct Staff;

vocabulary! {
    /// What somebody has been trained for.
    Qualification {
        /// Social work or social pedagogy (degree).
        SocialWork = "social_work",
        /// Educational science (degree).
        EducationalScience = "educational_science",
        /// Special needs education (degree).
        SpecialEducation = "special_education",
        /// Childhood education (degree).
        ChildhoodEducation = "childhood_education",
        /// State-recognised educator.
        Educator = "educator",
        /// Another qualification that was accepted as equal.
        Equivalent = "equivalent",
    }
    /// What somebody does.
    Function {
        /// School social work at a school.
        SchoolSocialWorker = "school_social_worker",
        /// Coordination in a network office.
        NetworkCoordinator = "network_coordinator",
        /// Administration in a network office.
        OfficeAssistant = "office_assistant",
    }
}

/// Where somebody works. Stored as `{"school":{…}}` or `{"office":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Workplace {
    /// At a school, for a provider.
    School {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
    },
    /// In the network office of a district.
    Office {
        /// District.
        district: Ags,
    },
}

impl Workplace {
    /// The streams that know whether somebody can work there.
    pub fn streams(&self) -> Vec<StreamId> {
        match self {
            Self::School { school, provider } => {
                vec![school::stream(school), cooperation::stream(school, provider)]
            }
            Self::Office { district } => vec![network_office::stream(district)],
        }
    }

    /// Where work there belongs, with the provider that is responsible on that day; `None` if there
    /// is no such school or office.
    pub fn place(&self, day: BusinessDate, facts: &Facts<'_>) -> Option<Place> {
        match self {
            Self::School { school, provider } => {
                let place = facts.other::<School>(&school::stream(school))?.known()?.place.clone();
                let known = facts.other::<Cooperation>(&cooperation::stream(school, provider));
                let known = known.is_some_and(|state| state.known().is_some());
                Some(if known { place.of_provider(provider.clone()) } else { place })
            }
            Self::Office { district } => {
                let office = facts.other::<NetworkOffice>(&network_office::stream(district))?;
                let provider = office.provider_on(day)?.clone();
                Some(Place::district(district.clone()).of_provider(provider))
            }
        }
    }

    /// Whether that function exists at this kind of workplace.
    pub const fn has(&self, function: Function) -> bool {
        match self {
            Self::School { .. } => matches!(function, Function::SchoolSocialWorker),
            Self::Office { .. } => matches!(function, Function::NetworkCoordinator | Function::OfficeAssistant),
        }
    }
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Confirms that a document shows a qualification.
    ConfirmStaffQualification {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The provider that has seen the document.
        provider: OrganisationId,
        /// Which qualification.
        qualification: Qualification,
        /// Whether the state has recognised it (then § 203 StGB binds the person).
        state_recognised: bool,
        /// The document.
        document: Digest,
    },
    /// Assigns somebody to a school or an office.
    AssignStaff {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// What the person does.
        function: Function,
        /// Where.
        workplace: Workplace,
        /// Share of a full position.
        fte: Fte,
        /// Its days.
        period: Period,
    },
    /// Changes the share of an assignment from a day to its end.
    ChangeAssignmentFte {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// The new share.
        fte: Fte,
        /// First day of the new share.
        from: BusinessDate,
    },
    /// Ends an assignment earlier than planned.
    EndAssignment {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// First day without it.
        on: BusinessDate,
    },
}

impl Command {
    /// The member of staff that the command names.
    const fn staff(&self) -> StaffPseudonym {
        match self {
            Self::ConfirmStaffQualification { staff, .. }
            | Self::AssignStaff { staff, .. }
            | Self::ChangeAssignmentFte { staff, .. }
            | Self::EndAssignment { staff, .. } => *staff,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A document showed a qualification.
    #[serde(rename = "staff.qualification-confirmed.v1")]
    QualificationConfirmed {
        /// Member of staff.
        staff: StaffPseudonym,
        /// Which qualification.
        qualification: Qualification,
        /// Whether the state has recognised it.
        state_recognised: bool,
        /// The document.
        document: Digest,
    },
    /// Somebody works somewhere.
    #[serde(rename = "staff.assigned.v1")]
    Assigned {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// What the person does.
        function: Function,
        /// Where.
        workplace: Workplace,
        /// Share of a full position.
        fte: Fte,
        /// Its days.
        period: Period,
    },
    /// An assignment has another share from a day to its end.
    #[serde(rename = "staff.fte-changed.v1")]
    FteChanged {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// The new share.
        fte: Fte,
        /// First day of the new share.
        from: BusinessDate,
    },
    /// An assignment ended earlier than planned.
    #[serde(rename = "staff.assignment-ended.v1")]
    AssignmentEnded {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The assignment's key.
        assignment: ClientKey,
        /// First day without it.
        on: BusinessDate,
    },
}

refusals! {
    UnknownAssignment => "STA-01", Missing, "/data/assignment", "Diesen Einsatz gibt es nicht.", "There is no such assignment.";
    OtherParticulars => "STA-02", Rule, "/data/assignment", "Dieser Einsatz ist schon mit anderen Angaben bekannt.", "This assignment is already known with other particulars.";
    TooMuch => "STA-03", Rule, "/data/fte", "Die Stellenanteile der Person übersteigen an mindestens einem Tag eine volle Stelle.", "On at least one day the person's shares exceed a full position.";
    NotQualified => "STA-04", Rule, "/data/staff", "Vor dem ersten Tag ist keine Qualifikation bestätigt.", "No qualification is confirmed before the first day.";
    NoAgreement => "STA-05", Rule, "/data/workplace", "Schule und Träger haben keine Kooperationsvereinbarung für die ganze Zeit.", "School and provider have no cooperation agreement for all of this time.";
    SchoolNotOpen => "STA-06", Rule, "/data/workplace", "Die Schule ist nicht registriert oder besteht nicht mehr.", "The school is not registered or no longer exists.";
    OfficeNotActive => "STA-07", Rule, "/data/workplace", "Der Landkreis hat am ersten Tag keine Netzwerkstelle.", "The district has no network office on the first day.";
    FunctionElsewhere => "STA-08", Invalid, "/data/function", "Diese Funktion gibt es an diesem Einsatzort nicht.", "This function does not exist at this workplace.";
    ProviderNotActive => "STA-09", Rule, "/data/provider", "Der Träger ist nicht registriert oder nicht mehr beteiligt.", "The provider is not registered or no longer takes part.";
    OutsideAssignment => "STA-10", Rule, "/data/from", "Der Tag liegt nicht in der Zeit des Einsatzes.", "The day does not lie in the time of the assignment.";
    BeforeLastChange => "STA-11", Rule, "/data/from", "Der Tag liegt vor der letzten Änderung des Stellenanteils.", "The day lies before the last change of the share.";
    EndsOutside => "STA-12", Rule, "/data/on", "Das Ende liegt nicht in der Zeit des Einsatzes.", "The end does not lie in the time of the assignment.";
    ReasonMissing => "STA-13", Invalid, "/reason", "Das Ende eines Einsatzes braucht einen Grund.", "The end of an assignment needs a reason.";
}

/// What decisions about a member of staff remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Confirmed qualifications with the day of the confirmation.
    qualifications: Vec<(BusinessDate, Event)>,
    assignments: Vec<Assignment>,
}

impl State {
    /// The assignment with that key.
    pub fn assignment(&self, key: &ClientKey) -> Option<&Assignment> {
        self.assignments.iter().find(|assignment| assignment.key == *key)
    }

    /// All shares of the person on that day, in thousandths.
    pub fn fte_on(&self, day: BusinessDate) -> u32 {
        self.assignments.iter().map(|assignment| assignment.fte_on(day)).sum()
    }

    /// The assignments that hold on that day.
    pub fn assignments_on(&self, day: BusinessDate) -> impl Iterator<Item = &Assignment> {
        self.assignments.iter().filter(move |assignment| assignment.active_on(day))
    }

    /// Whether anything is known of the person.
    pub fn is_known(&self) -> bool {
        !self.qualifications.is_empty() || !self.assignments.is_empty()
    }

    /// Whether the provider assigns the person, or did. That it has seen a document of somebody makes nobody
    /// work for it.
    pub fn works_for(&self, provider: &OrganisationId) -> bool {
        self.assignments.iter().any(|assignment| assignment.place.provider.as_ref() == Some(provider))
    }

    /// Whether a qualification was confirmed by that day.
    pub fn qualified_on(&self, day: BusinessDate) -> bool {
        self.qualifications.iter().any(|(confirmed, _)| *confirmed <= day)
    }

    /// Whether the person would work more than a full position on any day, were `candidate` true.
    ///
    /// The sum changes only where a share begins, and can rise only there, so these days suffice.
    fn too_much_with(&self, candidate: &Assignment) -> bool {
        let others = || self.assignments.iter().filter(|other| other.key != candidate.key);
        others().chain([candidate]).flat_map(|assignment| assignment.shares.iter().map(|(from, _)| *from)).any(|day| {
            let mine = candidate.fte_on(day);
            mine > 0 && mine + others().map(|other| other.fte_on(day)).sum::<u32>() > FULL
        })
    }
}

/// A full position in thousandths.
const FULL: u32 = 1_000;

/// The stream of a member of staff.
pub fn stream(staff: &StaffPseudonym) -> StreamId {
    StreamId::new("staff", staff)
}

impl Decider for Staff {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.staff())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::ConfirmStaffQualification { provider, .. } => vec![organisation::stream(provider)],
            Command::AssignStaff { workplace, .. } => workplace.streams(),
            Command::ChangeAssignmentFte { .. } | Command::EndAssignment { .. } => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match command {
            Command::ConfirmStaffQualification { provider, .. } => {
                let provider = facts.other::<Organisation>(&organisation::stream(provider))?.known()?;
                Some(provider.place.clone())
            }
            Command::AssignStaff { workplace, period, .. } => workplace.place(period.from, facts),
            Command::ChangeAssignmentFte { assignment, .. } | Command::EndAssignment { assignment, .. } => {
                Some(state.assignment(assignment)?.place.clone())
            }
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::ConfirmStaffQualification { provider, .. } => {
                if state.qualifications.iter().any(|(_, known)| *known == said(command)) {
                    return Ok(Vec::new());
                }
                facts
                    .other::<Organisation>(&organisation::stream(provider))
                    .and_then(|state| state.active_on(facts.occurred_on))
                    .ok_or(Refusal::ProviderNotActive)?;
                Ok(vec![said(command)])
            }
            Command::AssignStaff { assignment, function, workplace, fte, period, .. } => {
                match state.assignment(assignment) {
                    // The same again is a retry, not a mistake: nothing more happens.
                    Some(known) if known.assigned == said(command) => return Ok(Vec::new()),
                    Some(_) => return Err(Refusal::OtherParticulars),
                    None => {}
                }
                if !workplace.has(*function) {
                    return Err(Refusal::FunctionElsewhere);
                }
                check_workplace(workplace, period, facts)?;
                if *function == Function::SchoolSocialWorker && !state.qualified_on(period.from) {
                    return Err(Refusal::NotQualified);
                }
                let candidate = Assignment {
                    assigned: said(command),
                    key: *assignment,
                    function: *function,
                    workplace: workplace.clone(),
                    place: Place::state(),
                    from: period.from,
                    to: period.to,
                    shares: vec![(period.from, *fte)],
                };
                if state.too_much_with(&candidate) {
                    return Err(Refusal::TooMuch);
                }
                Ok(vec![said(command)])
            }
            Command::ChangeAssignmentFte { assignment, fte, from, .. } => {
                let known = state.assignment(assignment).ok_or(Refusal::UnknownAssignment)?;
                if !known.active_on(*from) {
                    return Err(Refusal::OutsideAssignment);
                }
                match known.shares.last() {
                    Some((since, _)) if from < since => return Err(Refusal::BeforeLastChange),
                    Some((_, now)) if now == fte => return Ok(Vec::new()),
                    _ => {}
                }
                if state.too_much_with(&known.with(*fte, *from)) {
                    return Err(Refusal::TooMuch);
                }
                Ok(vec![said(command)])
            }
            Command::EndAssignment { assignment, on, .. } => {
                let known = state.assignment(assignment).ok_or(Refusal::UnknownAssignment)?;
                if facts.reason.is_none() {
                    return Err(Refusal::ReasonMissing);
                }
                if *on == known.to {
                    return Ok(Vec::new());
                }
                if *on < known.from || known.to < *on {
                    return Err(Refusal::EndsOutside);
                }
                Ok(vec![said(command)])
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match event {
            Event::QualificationConfirmed { .. } => {
                state.qualifications.push((fact.occurred_on, event.clone()));
            }
            Event::Assigned { assignment, function, workplace, fte, period, .. } => {
                state.assignments.push(Assignment {
                    assigned: event.clone(),
                    key: *assignment,
                    function: *function,
                    workplace: workplace.clone(),
                    place: fact.place.clone(),
                    from: period.from,
                    to: period.to,
                    shares: vec![(period.from, *fte)],
                });
            }
            Event::FteChanged { assignment, fte, from, .. } => {
                if let Some(known) = state.assignments.iter_mut().find(|known| known.key == *assignment) {
                    *known = known.with(*fte, *from);
                }
            }
            Event::AssignmentEnded { assignment, on, .. } => {
                if let Some(known) = state.assignments.iter_mut().find(|known| known.key == *assignment) {
                    known.to = *on;
                    known.shares.retain(|(from, _)| from < on);
                }
            }
        }
    }
}

/// Whether somebody can be assigned to that workplace for that time: the school exists and has an
/// agreement with the provider on every day, or the district has an office on the first.
fn check_workplace(workplace: &Workplace, period: &Period, facts: &Facts<'_>) -> Result<(), Refusal> {
    match workplace {
        Workplace::School { school, provider } => {
            facts
                .other::<School>(&school::stream(school))
                .and_then(|state| state.open_on(period.from))
                .ok_or(Refusal::SchoolNotOpen)?;
            let agreed = facts
                .other::<Cooperation>(&cooperation::stream(school, provider))
                .is_some_and(|cooperation| cooperation.covers(period));
            if agreed { Ok(()) } else { Err(Refusal::NoAgreement) }
        }
        Workplace::Office { district } => {
            let active = facts
                .other::<NetworkOffice>(&network_office::stream(district))
                .is_some_and(|office| office.active_on(period.from));
            if active { Ok(()) } else { Err(Refusal::OfficeNotActive) }
        }
    }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        // Which provider has seen the document stands in the event's place.
        Command::ConfirmStaffQualification { staff, qualification, state_recognised, document, .. } => {
            Event::QualificationConfirmed { staff, qualification, state_recognised, document }
        }
        Command::AssignStaff { staff, assignment, function, workplace, fte, period } => {
            Event::Assigned { staff, assignment, function, workplace, fte, period }
        }
        Command::ChangeAssignmentFte { staff, assignment, fte, from } => {
            Event::FteChanged { staff, assignment, fte, from }
        }
        Command::EndAssignment { staff, assignment, on } => Event::AssignmentEnded { staff, assignment, on },
    }
}

#[cfg(test)]
mod tests;
