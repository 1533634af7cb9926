//! What is done when a child at a school may be in danger (§ 8a SGB VIII, § 4 KKG): dates and steps.
//!
//! Absent on purpose: the child, what was seen, what was found. Nothing here is in any figure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cooperation::{self, Cooperation};
use crate::decider::{Decider, Fact, Facts};
use crate::school::{self, School};
use crate::{BusinessDate, ClientKey, OrganisationId, Place, SchoolId, StreamId, refusals};

/// The aggregate.
pub struct ChildProtection;

/// What may be asked for. The business date is the day of the step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Says that there is a concern.
    RaiseProtectionConcern {
        /// The process's key.
        process: ClientKey,
        /// School.
        school: SchoolId,
        /// Provider of the school social work.
        provider: OrganisationId,
    },
    /// Says that the risk was assessed.
    HoldRiskAssessment {
        /// The process's key.
        process: ClientKey,
        /// Whether an experienced professional took part (§ 8b SGB VIII).
        experienced_professional: bool,
    },
    /// Says that the youth office was informed.
    InformYouthOffice {
        /// The process's key.
        process: ClientKey,
        /// Whether the danger was imminent: then no assessment comes first.
        imminent_danger: bool,
    },
    /// Says that the process has ended.
    CloseProtectionProcess {
        /// The process's key.
        process: ClientKey,
    },
}

impl Command {
    /// The process that the command names.
    const fn process(&self) -> ClientKey {
        match self {
            Self::RaiseProtectionConcern { process, .. }
            | Self::HoldRiskAssessment { process, .. }
            | Self::InformYouthOffice { process, .. }
            | Self::CloseProtectionProcess { process } => *process,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// There is a concern.
    #[serde(rename = "child-protection.concern-raised.v1")]
    ConcernRaised {
        /// The process's key.
        process: ClientKey,
    },
    /// The risk was assessed.
    #[serde(rename = "child-protection.risk-assessment-held.v1")]
    RiskAssessmentHeld {
        /// The process's key.
        process: ClientKey,
        /// Whether an experienced professional took part.
        experienced_professional: bool,
    },
    /// The youth office was informed.
    #[serde(rename = "child-protection.youth-office-informed.v1")]
    YouthOfficeInformed {
        /// The process's key.
        process: ClientKey,
        /// Whether the danger was imminent.
        imminent_danger: bool,
    },
    /// The process has ended.
    #[serde(rename = "child-protection.closed.v1")]
    Closed {
        /// The process's key.
        process: ClientKey,
    },
}

refusals! {
    NotRaised => "CHI-01", Missing, "/data/process", "Dieses Schutzverfahren gibt es nicht.", "There is no such protection process.";
    OtherParticulars => "CHI-02", Rule, "/data/process", "Dieses Schutzverfahren ist schon an einem anderen Ort oder Tag bekannt.", "This protection process is already known at another place or day.";
    SchoolNotOpen => "CHI-03", Rule, "/data/school", "Die Schule ist nicht registriert oder besteht nicht mehr.", "The school is not registered or no longer exists.";
    NoAgreement => "CHI-04", Rule, "/data/provider", "Schule und Träger haben an dem Tag keine Kooperationsvereinbarung.", "School and provider have no cooperation agreement on that day.";
    BeforeLastStep => "CHI-05", Rule, "/occurred_on", "Das Datum liegt vor dem letzten Schritt.", "The date lies before the last step.";
    NotAssessed => "CHI-06", Rule, "/data/process", "Zuerst wird das Risiko eingeschätzt, außer bei dringender Gefahr.", "The risk is assessed first, unless the danger is imminent.";
    AlreadyInformed => "CHI-07", Rule, "/data/imminent_danger", "Das Jugendamt ist schon mit anderen Angaben informiert.", "The youth office is already informed with other particulars.";
    Ended => "CHI-08", Rule, "/data/process", "Dieses Schutzverfahren ist abgeschlossen.", "This protection process is closed.";
}

/// What decisions about a process remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Raised.
    Known(Box<Known>),
}

/// A raised process.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    place: Place,
    raised_on: BusinessDate,
    /// The last assessment, with its day.
    assessed: Option<(BusinessDate, Event)>,
    informed: Option<Event>,
    closed: bool,
    /// The day of the last step.
    last: BusinessDate,
}

/// The stream of a process.
pub fn stream(process: &ClientKey) -> StreamId {
    StreamId::new("child-protection", process)
}

impl Decider for ChildProtection {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.process())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::RaiseProtectionConcern { school, provider, .. } => {
                vec![school::stream(school), cooperation::stream(school, provider)]
            }
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::RaiseProtectionConcern { school, provider, .. }) => {
                place_of(school, provider, facts)
            }
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::RaiseProtectionConcern { school, provider, .. }) => {
                facts
                    .other::<School>(&school::stream(school))
                    .and_then(|school| school.open_on(facts.occurred_on))
                    .ok_or(Refusal::SchoolNotOpen)?;
                facts
                    .other::<Cooperation>(&cooperation::stream(school, provider))
                    .and_then(|cooperation| cooperation.agreement_on(facts.occurred_on))
                    .ok_or(Refusal::NoAgreement)?;
                return Ok(vec![said(command)]);
            }
            (State::Unknown, _) => return Err(Refusal::NotRaised),
            (State::Known(known), _) => known,
        };
        if let Command::RaiseProtectionConcern { school, provider, .. } = command {
            // The same again is a retry, not a mistake: nothing more happens.
            let same = place_of(school, provider, facts).as_ref() == Some(&known.place);
            let same = same && known.raised_on == facts.occurred_on;
            return if same { Ok(Vec::new()) } else { Err(Refusal::OtherParticulars) };
        }
        if known.closed {
            let again = matches!(command, Command::CloseProtectionProcess { .. });
            return if again { Ok(Vec::new()) } else { Err(Refusal::Ended) };
        }
        if facts.occurred_on < known.last {
            return Err(Refusal::BeforeLastStep);
        }
        match command {
            Command::RaiseProtectionConcern { .. } => Ok(Vec::new()),
            Command::HoldRiskAssessment { .. } => {
                let same = known.assessed == Some((facts.occurred_on, said(command)));
                Ok(if same { Vec::new() } else { vec![said(command)] })
            }
            Command::InformYouthOffice { imminent_danger, .. } => match &known.informed {
                Some(informed) if *informed == said(command) => Ok(Vec::new()),
                Some(_) => Err(Refusal::AlreadyInformed),
                None if known.assessed.is_none() && !imminent_danger => Err(Refusal::NotAssessed),
                None => Ok(vec![said(command)]),
            },
            // Who was informed without an assessment assesses afterwards.
            Command::CloseProtectionProcess { .. } if known.assessed.is_none() => Err(Refusal::NotAssessed),
            Command::CloseProtectionProcess { .. } => Ok(vec![said(command)]),
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        let known = match (state, event) {
            (state, Event::ConcernRaised { .. }) => {
                *state = State::Known(Box::new(Known {
                    place: fact.place.clone(),
                    raised_on: fact.occurred_on,
                    assessed: None,
                    informed: None,
                    closed: false,
                    last: fact.occurred_on,
                }));
                return;
            }
            (State::Unknown, _) => return,
            (State::Known(known), _) => known,
        };
        known.last = fact.occurred_on;
        match event {
            Event::ConcernRaised { .. } => {}
            Event::RiskAssessmentHeld { .. } => known.assessed = Some((fact.occurred_on, event.clone())),
            Event::YouthOfficeInformed { .. } => known.informed = Some(event.clone()),
            Event::Closed { .. } => known.closed = true,
        }
    }
}

/// Where a process at that school belongs; `None` if there is no such school or cooperation.
fn place_of(school: &SchoolId, provider: &OrganisationId, facts: &Facts<'_>) -> Option<Place> {
    let place = facts.other::<School>(&school::stream(school))?.known()?.place.clone();
    facts.other::<Cooperation>(&cooperation::stream(school, provider))?.known()?;
    Some(place.of_provider(provider.clone()))
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::RaiseProtectionConcern { process, .. } => Event::ConcernRaised { process },
        Command::HoldRiskAssessment { process, experienced_professional } => {
            Event::RiskAssessmentHeld { process, experienced_professional }
        }
        Command::InformYouthOffice { process, imminent_danger } => {
            Event::YouthOfficeInformed { process, imminent_danger }
        }
        Command::CloseProtectionProcess { process } => Event::Closed { process },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::fixtures::{
        agreement_signed, at_school, at_school_of_provider, cooperation_proposed, organisation_id, school_closed,
        school_id, school_registered,
    };
    use crate::testing::{Given, given, key, written};

    fn ask(name: &str, more: Value) -> Command {
        let mut body = json!({"process": key(1)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        written(name, body)
    }

    fn raise() -> Command {
        ask("raise-protection-concern", json!({"school": "S1", "provider": "P1"}))
    }

    fn raised() -> Event {
        Event::ConcernRaised { process: key(1) }
    }

    fn assess(experienced: bool) -> Command {
        ask("hold-risk-assessment", json!({"experienced_professional": experienced}))
    }

    fn assessed(experienced: bool) -> Event {
        Event::RiskAssessmentHeld { process: key(1), experienced_professional: experienced }
    }

    fn inform(imminent: bool) -> Command {
        ask("inform-youth-office", json!({"imminent_danger": imminent}))
    }

    fn informed(imminent: bool) -> Event {
        Event::YouthOfficeInformed { process: key(1), imminent_danger: imminent }
    }

    fn close() -> Command {
        ask("close-protection-process", json!({}))
    }

    fn closed() -> Event {
        Event::Closed { process: key(1) }
    }

    fn with_school(events: Vec<Event>, school: Vec<school::Event>) -> Given<ChildProtection> {
        given::<ChildProtection>(events)
            .at(at_school_of_provider())
            .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
            .and::<Cooperation>(
                &cooperation::stream(&school_id("S1"), &organisation_id("P1")),
                [cooperation_proposed(), agreement_signed("2025-08-01", "2026-08-01")],
            )
    }

    fn with(events: impl IntoIterator<Item = Event>) -> Given<ChildProtection> {
        with_school(events.into_iter().collect(), vec![school_registered()])
    }

    #[test]
    fn a_concern_is_raised_once_at_an_open_school_with_an_agreement() {
        with([]).when(raise()).then([raised()]);
        with([raised()]).on("2025-09-01").when(raise()).then([]);
        with([raised()]).on("2025-09-02").when(raise()).refused(Refusal::OtherParticulars);
        with_school(vec![], vec![]).when(raise()).refused(Refusal::SchoolNotOpen);
        with_school(vec![], vec![school_registered(), school_closed()]).when(raise()).refused(Refusal::SchoolNotOpen);
        with([]).on("2025-07-31").when(raise()).refused(Refusal::NoAgreement);
    }

    #[test]
    fn the_risk_is_assessed_before_the_youth_office_is_informed_unless_danger_is_imminent() {
        with([raised()]).when(inform(false)).refused(Refusal::NotAssessed);
        with([raised()]).when(inform(true)).then([informed(true)]);
        with([raised(), assessed(true)]).when(inform(false)).then([informed(false)]);
        with([raised(), assessed(true), informed(false)]).when(inform(false)).then([]);
        with([raised(), assessed(true), informed(false)]).when(inform(true)).refused(Refusal::AlreadyInformed);
    }

    #[test]
    fn the_risk_can_be_assessed_again() {
        with([raised()]).when(assess(false)).then([assessed(false)]);
        with([raised(), assessed(false)]).on("2025-09-01").when(assess(false)).then([]);
        with([raised(), assessed(false)]).on("2025-09-02").when(assess(false)).then([assessed(false)]);
    }

    #[test]
    fn a_process_is_closed_once_after_an_assessment() {
        with([raised()]).when(close()).refused(Refusal::NotAssessed);
        with([raised(), informed(true)]).when(close()).refused(Refusal::NotAssessed);
        with([raised(), assessed(true)]).when(close()).then([closed()]);
        with([raised(), assessed(true), closed()]).when(close()).then([]);
        with([raised(), assessed(true), closed()]).when(assess(true)).refused(Refusal::Ended);
        with([]).when(close()).refused(Refusal::NotRaised);
    }

    #[test]
    fn steps_follow_one_another_in_time() {
        with([raised()]).on("2025-08-31").when(assess(true)).refused(Refusal::BeforeLastStep);
        with([raised()])
            .then_on("2025-09-10", assessed(true))
            .on("2025-09-09")
            .when(close())
            .refused(Refusal::BeforeLastStep);
    }
}
