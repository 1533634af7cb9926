//! The absences of a member of staff and who stands in.
//!
//! Absent on purpose: why somebody is absent. The ground comes beside the command and is sealed as a
//! special category.

mod command;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::person::vocabulary::PersonKind;
use crate::person::{self, Person};
use crate::personal::Purpose;
use crate::staff::{self, Function, Staff};
use crate::{BusinessDate, ClientKey, Period, PersonId, Place, StaffPseudonym, StreamId, refusals};

pub use command::Command;

/// The aggregate.
pub struct Absence;

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A member of staff is absent.
    #[serde(rename = "absence.recorded.v1")]
    Recorded {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Its days.
        period: Period,
    },
    /// An absence has other days.
    #[serde(rename = "absence.amended.v1")]
    Amended {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// The days before.
        before: Period,
        /// The days now.
        period: Period,
    },
    /// The ground was corrected.
    #[serde(rename = "absence.ground-corrected.v1")]
    GroundCorrected {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
    },
    /// There was no such absence.
    #[serde(rename = "absence.withdrawn.v1")]
    Withdrawn {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
    },
    /// Somebody stands in.
    #[serde(rename = "absence.substitute-appointed.v1")]
    SubstituteAppointed {
        /// The absent member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Who stands in.
        substitute: StaffPseudonym,
        /// Days.
        period: Period,
    },
    /// Somebody stands in no longer.
    #[serde(rename = "absence.substitution-ended.v1")]
    SubstitutionEnded {
        /// The absent member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Who stood in.
        substitute: StaffPseudonym,
        /// First day without them.
        on: BusinessDate,
    },
}

refusals! {
    UnknownAbsence => "ABS-01", Missing, "/data/absence", "Diese Abwesenheit gibt es nicht.", "There is no such absence.";
    OtherParticulars => "ABS-02", Rule, "/data/absence", "Diese Abwesenheit ist schon mit anderen Angaben bekannt oder zurückgenommen.", "This absence is already known with other particulars, or was withdrawn.";
    NotAssigned => "ABS-03", Rule, "/data/period", "Am ersten Tag hat die Fachkraft keinen Einsatz.", "The member of staff has no assignment on the first day.";
    Overlaps => "ABS-04", Rule, "/data/period", "Die Fachkraft ist an mindestens einem dieser Tage schon abwesend.", "The member of staff is already absent on at least one of these days.";
    ReasonMissing => "ABS-05", Invalid, "/reason", "Änderung und Rücknahme brauchen einen Grund.", "A change and a withdrawal need a reason.";
    Substituted => "ABS-06", Rule, "/data/absence", "Eine Vertretung läge danach außerhalb der Abwesenheit.", "A substitution would then lie outside the absence.";
    OutsideAbsence => "ABS-07", Rule, "/data/period", "Die Vertretung liegt nicht in der Zeit der Abwesenheit.", "The substitution does not lie in the time of the absence.";
    Themselves => "ABS-08", Invalid, "/data/substitute", "Niemand vertritt sich selbst.", "Nobody stands in for themselves.";
    NotQualified => "ABS-09", Rule, "/data/substitute", "Für die Vertretung ist vor ihrem ersten Tag keine Qualifikation bestätigt.", "No qualification of the substitute is confirmed before the first day.";
    SubstituteAbsent => "ABS-10", Rule, "/data/substitute", "Die Vertretung ist an mindestens einem dieser Tage selbst abwesend.", "The substitute is absent too on at least one of these days.";
    AlreadySubstitute => "ABS-11", Rule, "/data/substitute", "Diese Person vertritt an mindestens einem dieser Tage schon.", "This person already stands in on at least one of these days.";
    UnknownSubstitution => "ABS-12", Missing, "/data/substitute", "Diese Vertretung gibt es nicht.", "There is no such substitution.";
    EndsOutside => "ABS-13", Rule, "/data/on", "Das Ende liegt nicht in der Zeit der Vertretung.", "The end does not lie in the time of the substitution.";
    SomebodyElse => "ABS-15", Rule, "/data/staff", "Unter diesem Pseudonym ist jemand registriert, der keine Fachkraft ist.", "Somebody who is no member of staff is registered under this pseudonym.";
    Erased => "ABS-14", Rule, "/data/staff", "Die Angaben zu Abwesenheiten dieser Fachkraft sind gelöscht.", "What was known of this member of staff's absences is erased.";
}

/// What decisions about absences remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    absences: Vec<Known>,
}

/// An absence.
#[derive(Debug, Clone, PartialEq)]
struct Known {
    key: ClientKey,
    place: Place,
    period: Period,
    withdrawn: bool,
    substitutions: Vec<Substitution>,
}

impl Known {
    /// Ends a substitution; one that ends on its first day never was.
    fn end(&mut self, substitute: &StaffPseudonym, on: BusinessDate) {
        let of = |known: &Substitution| known.substitute == *substitute && known.period.from <= on;
        self.substitutions.retain(|known| !(of(known) && known.period.from == on));
        for known in self.substitutions.iter_mut().filter(|known| of(known) && on < known.period.to) {
            known.period.to = on;
        }
    }
}

/// Who stands in, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Substitution {
    substitute: StaffPseudonym,
    period: Period,
}

impl State {
    /// Whether an absence was ever recorded.
    pub fn is_known(&self) -> bool {
        !self.absences.is_empty()
    }

    /// Whether the member of staff is absent on a day of that period.
    pub fn absent_in(&self, period: &Period) -> bool {
        self.absences.iter().any(|known| !known.withdrawn && known.period.overlaps(period))
    }

    fn absence(&self, key: &ClientKey) -> Option<&Known> {
        self.absences.iter().find(|known| known.key == *key)
    }

    /// Whether another absence has a day of that period.
    fn overlaps(&self, key: &ClientKey, period: &Period) -> bool {
        let others = self.absences.iter().filter(|known| known.key != *key && !known.withdrawn);
        others.into_iter().any(|known| known.period.overlaps(period))
    }
}

/// The stream of a member of staff's absences.
pub fn stream(staff: &StaffPseudonym) -> StreamId {
    StreamId::new("absence", staff)
}

impl Decider for Absence {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(command.about().0)
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::RecordAbsence { staff, .. } => vec![staff::stream(staff), person::stream_of_staff(staff)],
            Command::AmendAbsence { staff, .. } | Command::CorrectAbsenceGround { staff, .. } => {
                vec![person::stream_of_staff(staff)]
            }
            Command::AppointSubstitute { staff, substitute, .. } if staff != substitute => {
                vec![staff::stream(staff), staff::stream(substitute), stream(substitute)]
            }
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        let (staff, absence) = command.about();
        match (state.absence(absence), command) {
            (Some(known), _) => Some(known.place.clone()),
            (None, Command::RecordAbsence { period, .. }) => {
                let staff = facts.other::<Staff>(&staff::stream(staff))?;
                Some(staff.assignments_on(period.from).next()?.place.clone())
            }
            (None, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let (staff, absence) = command.about();
        if let Command::RecordAbsence { period, .. } = command {
            match state.absence(absence) {
                // The same again is a retry, not a mistake: nothing more happens.
                Some(known) if known.period == *period && !known.withdrawn => return Ok(Vec::new()),
                Some(_) => return Err(Refusal::OtherParticulars),
                None => {}
            }
            check_sealable(staff, facts)?;
            let assigned = facts.other::<Staff>(&staff::stream(staff));
            if assigned.is_none_or(|staff| staff.assignments_on(period.from).next().is_none()) {
                return Err(Refusal::NotAssigned);
            }
            if state.overlaps(absence, period) {
                return Err(Refusal::Overlaps);
            }
            return Ok(vec![Event::Recorded { staff: *staff, absence: *absence, period: *period }]);
        }
        let known = state.absence(absence).ok_or(Refusal::UnknownAbsence)?;
        if known.withdrawn {
            let again = matches!(command, Command::WithdrawAbsence { .. });
            return if again { Ok(Vec::new()) } else { Err(Refusal::OtherParticulars) };
        }
        match command {
            Command::RecordAbsence { .. } => Ok(Vec::new()),
            Command::AmendAbsence { .. } | Command::CorrectAbsenceGround { .. } | Command::WithdrawAbsence { .. }
                if facts.reason.is_none() =>
            {
                Err(Refusal::ReasonMissing)
            }
            // What is said is sealed and not compared: each correction is one of its own.
            Command::CorrectAbsenceGround { .. } => {
                check_sealable(staff, facts)?;
                Ok(vec![Event::GroundCorrected { staff: *staff, absence: *absence }])
            }
            Command::AmendAbsence { period, .. } => {
                if known.period == *period {
                    return Ok(Vec::new());
                }
                check_sealable(staff, facts)?;
                if state.overlaps(absence, period) {
                    return Err(Refusal::Overlaps);
                }
                if known.substitutions.iter().any(|substitution| !period.covers(&substitution.period)) {
                    return Err(Refusal::Substituted);
                }
                Ok(vec![Event::Amended { staff: *staff, absence: *absence, before: known.period, period: *period }])
            }
            Command::WithdrawAbsence { .. } if !known.substitutions.is_empty() => Err(Refusal::Substituted),
            Command::WithdrawAbsence { .. } => Ok(vec![Event::Withdrawn { staff: *staff, absence: *absence }]),
            Command::AppointSubstitute { substitute, period, .. } => appoint(command, known, substitute, period, facts),
            Command::EndSubstitution { substitute, on, .. } => {
                let of = |known: &&Substitution| known.substitute == *substitute;
                let inside = |known: &&Substitution| known.period.from <= *on && *on <= known.period.to;
                let all = || known.substitutions.iter().filter(of);
                if all().next().is_none() {
                    return Err(Refusal::UnknownSubstitution);
                }
                let found = all().find(inside).ok_or(Refusal::EndsOutside)?;
                if found.period.to == *on {
                    return Ok(Vec::new());
                }
                let (staff, absence, substitute) = (*staff, *absence, *substitute);
                Ok(vec![Event::SubstitutionEnded { staff, absence, substitute, on: *on }])
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        if let Event::Recorded { absence, period, .. } = event {
            state.absences.push(Known {
                key: *absence,
                place: fact.place.clone(),
                period: *period,
                withdrawn: false,
                substitutions: Vec::new(),
            });
            return;
        }
        let (Event::Recorded { absence, .. }
        | Event::Amended { absence, .. }
        | Event::GroundCorrected { absence, .. }
        | Event::Withdrawn { absence, .. }
        | Event::SubstituteAppointed { absence, .. }
        | Event::SubstitutionEnded { absence, .. }) = event;
        let Some(known) = state.absences.iter_mut().find(|known| known.key == *absence) else { return };
        match event {
            Event::Recorded { .. } | Event::GroundCorrected { .. } => {}
            Event::Amended { period, .. } => known.period = *period,
            Event::Withdrawn { .. } => known.withdrawn = true,
            Event::SubstituteAppointed { substitute, period, .. } => {
                known.substitutions.push(Substitution { substitute: *substitute, period: *period });
            }
            Event::SubstitutionEnded { substitute, on, .. } => known.end(substitute, *on),
        }
    }

    fn subject(command: &Command) -> Option<PersonId> {
        Some(PersonId(command.about().0.0))
    }
}

/// Whether a ground could be sealed: the key is that of a member of staff, and is neither destroyed nor about
/// to be.
fn check_sealable(staff: &StaffPseudonym, facts: &Facts<'_>) -> Result<(), Refusal> {
    let person = facts.other::<Person>(&person::stream_of_staff(staff));
    if person.and_then(person::State::known).is_some_and(|person| person.kind != PersonKind::Staff) {
        return Err(Refusal::SomebodyElse);
    }
    let erased = person.is_some_and(|person| person.is_closed(Purpose::SpecialCategory));
    if erased { Err(Refusal::Erased) } else { Ok(()) }
}

/// Whether that person can stand in then: somebody else, there, and qualified if school social work
/// is what is missing.
fn appoint(
    command: &Command,
    known: &Known,
    substitute: &StaffPseudonym,
    period: &Period,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    let (staff, absence) = command.about();
    let wanted = Substitution { substitute: *substitute, period: *period };
    if known.substitutions.contains(&wanted) {
        return Ok(Vec::new());
    }
    if staff == substitute {
        return Err(Refusal::Themselves);
    }
    if !known.period.covers(period) {
        return Err(Refusal::OutsideAbsence);
    }
    let there = facts.other::<Staff>(&staff::stream(substitute)).ok_or(Refusal::NotQualified)?;
    let missing = facts.other::<Staff>(&staff::stream(staff));
    let social_work = |staff: &staff::State| {
        staff.assignments_on(known.period.from).any(|missing| missing.function == Function::SchoolSocialWorker)
    };
    let able = if missing.is_some_and(social_work) { there.qualified_on(period.from) } else { there.is_known() };
    if !able {
        return Err(Refusal::NotQualified);
    }
    if facts.other::<Absence>(&stream(substitute)).is_some_and(|absences| absences.absent_in(period)) {
        return Err(Refusal::SubstituteAbsent);
    }
    let already = |known: &Substitution| known.substitute == *substitute && known.period.overlaps(period);
    if known.substitutions.iter().any(already) {
        return Err(Refusal::AlreadySubstitute);
    }
    let (staff, absence) = (*staff, *absence);
    Ok(vec![Event::SubstituteAppointed { staff, absence, substitute: *substitute, period: *period }])
}
