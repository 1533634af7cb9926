//! A need for further training: identified, perhaps withdrawn. Trainings refer to needs.
//!
//! Absent on purpose: who has the need.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::{Ags, ClientKey, Place, StreamId, refusals, vocabulary};

/// The aggregate.
pub struct TrainingNeed;

vocabulary! {
    /// How a need became known.
    NeedSource {
        /// A network office has heard of it.
        Office = "office",
        /// A survey.
        Survey = "survey",
        /// The steering of the programme.
        Steering = "steering",
    }
    /// What a training is about.
    TrainingTopic {
        /// Crisis intervention.
        CrisisIntervention = "crisis_intervention",
        /// Mediation.
        Mediation = "mediation",
        /// Violence and bullying.
        ViolencePrevention = "violence_prevention",
        /// Addiction.
        AddictionPrevention = "addiction_prevention",
        /// School absenteeism.
        Absenteeism = "absenteeism",
        /// Child protection.
        ChildProtection = "child_protection",
        /// Confidentiality and data protection.
        Confidentiality = "confidentiality",
        /// Documentation and monitoring.
        Documentation = "documentation",
        /// Cooperation in school.
        Cooperation = "cooperation",
        /// Work with guardians.
        GuardianWork = "guardian_work",
        /// Inclusion.
        Inclusion = "inclusion",
        /// Diversity and discrimination.
        Diversity = "diversity",
        /// Mental health.
        MentalHealth = "mental_health",
        /// Digital media.
        DigitalMedia = "digital_media",
        /// Participation of pupils.
        PupilParticipation = "pupil_participation",
        /// Transition from school to work.
        Transition = "transition",
        /// Methods of counselling.
        Counselling = "counselling",
        /// Funding rules.
        FundingRules = "funding_rules",
    }
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Says that a training is needed.
    IdentifyTrainingNeed {
        /// The need's key.
        need: ClientKey,
        /// How it became known.
        source: NeedSource,
        /// What the training should be about.
        topic: TrainingTopic,
        /// District, or `15` for the whole state.
        district: Ags,
    },
    /// Says that it is no longer needed.
    WithdrawTrainingNeed {
        /// The need's key.
        need: ClientKey,
    },
}

impl Command {
    /// The need that the command names.
    const fn need(&self) -> ClientKey {
        match self {
            Self::IdentifyTrainingNeed { need, .. } | Self::WithdrawTrainingNeed { need } => *need,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A training is needed.
    #[serde(rename = "training-need.identified.v1")]
    Identified {
        /// The need's key.
        need: ClientKey,
        /// How it became known.
        source: NeedSource,
        /// What the training should be about.
        topic: TrainingTopic,
        /// District, or `15` for the whole state.
        district: Ags,
    },
    /// It is no longer needed.
    #[serde(rename = "training-need.withdrawn.v1")]
    Withdrawn {
        /// The need's key.
        need: ClientKey,
    },
}

refusals! {
    NotIdentified => "NEE-01", Missing, "/data/need", "Dieser Fortbildungsbedarf ist nicht bekannt.", "This training need is not known.";
    OtherParticulars => "NEE-02", Rule, "/data/need", "Dieser Fortbildungsbedarf ist schon mit anderen Angaben bekannt.", "This training need is already known with other particulars.";
    UnknownDistrict => "NEE-03", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    ReasonMissing => "NEE-04", Invalid, "/reason", "Die Rücknahme eines Bedarfs braucht einen Grund.", "Withdrawing a need needs a reason.";
}

/// What decisions about a need remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Identified.
    Known(Box<Known>),
}

/// An identified need.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// As identified, to recognise a repetition.
    identified: Event,
    place: Place,
    withdrawn: bool,
}

impl State {
    /// Whether a training can refer to the need.
    pub fn stands(&self) -> bool {
        matches!(self, Self::Known(known) if !known.withdrawn)
    }
}

/// The stream of a need.
pub fn stream(need: &ClientKey) -> StreamId {
    StreamId::new("training-need", need)
}

impl Decider for TrainingNeed {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.need())
    }

    fn place(command: &Command, state: &State, _: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::IdentifyTrainingNeed { district, .. }) => Some(Place::district(district.clone())),
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        match (state, command) {
            (State::Unknown, Command::IdentifyTrainingNeed { district, .. }) => {
                if !district.is_state() && !facts.reference.is_district(district) {
                    return Err(Refusal::UnknownDistrict);
                }
                Ok(vec![said(command)])
            }
            (State::Unknown, Command::WithdrawTrainingNeed { .. }) => Err(Refusal::NotIdentified),
            // The same again is a retry, not a mistake: nothing more happens.
            (State::Known(known), Command::IdentifyTrainingNeed { .. }) if said(command) == known.identified => {
                Ok(Vec::new())
            }
            (State::Known(_), Command::IdentifyTrainingNeed { .. }) => Err(Refusal::OtherParticulars),
            (State::Known(_), Command::WithdrawTrainingNeed { .. }) if facts.reason.is_none() => {
                Err(Refusal::ReasonMissing)
            }
            (State::Known(known), Command::WithdrawTrainingNeed { .. }) => {
                Ok(if known.withdrawn { Vec::new() } else { vec![said(command)] })
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Identified { .. }) => {
                *state = State::Known(Box::new(Known {
                    identified: event.clone(),
                    place: fact.place.clone(),
                    withdrawn: false,
                }));
            }
            (State::Known(known), Event::Withdrawn { .. }) => known.withdrawn = true,
            (State::Unknown, _) => {}
        }
    }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::IdentifyTrainingNeed { need, source, topic, district } => {
            Event::Identified { need, source, topic, district }
        }
        Command::WithdrawTrainingNeed { need } => Event::Withdrawn { need },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decider::Reason;
    use crate::testing::{given, key, written};

    fn body(topic: &str, district: &str) -> Value {
        json!({"need": key(1), "source": "survey", "topic": topic, "district": district})
    }

    fn identify(topic: &str, district: &str) -> Command {
        written("identify-training-need", body(topic, district))
    }

    fn identified(district: &str) -> Event {
        written("training-need.identified.v1", body("mediation", district))
    }

    fn withdraw() -> Command {
        written("withdraw-training-need", json!({"need": key(1)}))
    }

    fn withdrawn() -> Event {
        written("training-need.withdrawn.v1", json!({"need": key(1)}))
    }

    #[test]
    fn a_need_is_identified_once() {
        given::<TrainingNeed>([]).when(identify("mediation", "15083")).then([identified("15083")]);
        given::<TrainingNeed>([identified("15083")]).when(identify("mediation", "15083")).then([]);
        given::<TrainingNeed>([identified("15083")])
            .when(identify("inclusion", "15083"))
            .refused(Refusal::OtherParticulars);
    }

    #[test]
    fn a_need_belongs_to_a_district_or_the_state() {
        given::<TrainingNeed>([]).when(identify("mediation", "15")).then([identified("15")]);
        given::<TrainingNeed>([]).when(identify("mediation", "15999")).refused(Refusal::UnknownDistrict);
    }

    #[test]
    fn a_need_is_withdrawn_once_for_a_reason() {
        given::<TrainingNeed>([identified("15083")]).when(withdraw()).refused(Refusal::ReasonMissing);
        given::<TrainingNeed>([identified("15083")]).because(Reason::Duplicate).when(withdraw()).then([withdrawn()]);
        given::<TrainingNeed>([identified("15083"), withdrawn()]).because(Reason::Duplicate).when(withdraw()).then([]);
        given::<TrainingNeed>([]).because(Reason::Duplicate).when(withdraw()).refused(Refusal::NotIdentified);
    }
}
