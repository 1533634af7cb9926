//! A further training: offered for identified needs, held, attended, evaluated, or cancelled.
//!
//! Registrations are counts by audience, always the whole count so far, so that a repetition adds
//! nobody; people who want a certificate are registered one by one, beside those who are counted.
//! Absent on purpose: names, waiting lists.

mod participants;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::Label;
use crate::measure::{People, Score, TrainingMinutes};
use crate::person;
use crate::training_need::{self, TrainingNeed, TrainingTopic};
use crate::{Ags, BusinessDate, ClientKey, Headcount, PersonId, Place, StreamId, refusals, vocabulary};

use participants::Participants;

/// The aggregate.
pub struct Training;

vocabulary! {
    /// How a training is given.
    Format {
        /// In one room.
        InPerson = "in_person",
        /// Online.
        Online = "online",
        /// Both.
        Hybrid = "hybrid",
    }
    /// Who registers for a training.
    Audience {
        /// School social workers.
        SchoolSocialWorkers = "school_social_workers",
        /// Staff of network offices.
        NetworkOffices = "network_offices",
        /// Managers of providers.
        ProviderManagers = "provider_managers",
        /// Teachers.
        Teachers = "teachers",
        /// School leaders.
        SchoolLeaders = "school_leaders",
        /// Staff of youth offices.
        YouthOffices = "youth_offices",
        /// Others.
        Others = "others",
    }
}

/// How many people of one audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// Who.
    pub audience: Audience,
    /// How many so far.
    pub people: People,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Offers a training.
    OfferTraining {
        /// The training's key.
        training: ClientKey,
        /// The needs that it answers: 1 to 20, each once.
        #[schemars(length(min = 1, max = 20))]
        needs: Vec<ClientKey>,
        /// What it is about.
        topic: TrainingTopic,
        /// District, or `15` for the whole state.
        district: Ags,
        /// Seats, at least one.
        seats: People,
        /// How long it lasts.
        minutes: TrainingMinutes,
        /// First day.
        begins_on: BusinessDate,
        /// How it is given.
        format: Format,
    },
    /// Moves a training to another day.
    RescheduleTraining {
        /// The training's key.
        training: ClientKey,
        /// The new first day.
        begins_on: BusinessDate,
    },
    /// States how many people have registered so far.
    RecordTrainingRegistrations {
        /// The training's key.
        training: ClientKey,
        /// People by audience, each audience once; replaces what was stated before.
        #[schemars(length(min = 1, max = 7))]
        registrations: Vec<Registration>,
    },
    /// Says that a training took place; the business date is its last day.
    HoldTraining {
        /// The training's key.
        training: ClientKey,
    },
    /// Confirms who took part, as counts, from the attendance list.
    ConfirmTrainingAttendance {
        /// The training's key.
        training: ClientKey,
        /// People who took part.
        attendance: Headcount,
        /// How long it lasted, if other than offered.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        minutes: Option<TrainingMinutes>,
    },
    /// Records the evaluation by those who took part.
    EvaluateTraining {
        /// The training's key.
        training: ClientKey,
        /// How many answered, at least one.
        responses: People,
        /// Their mean score.
        score: Score,
    },
    /// Registers one person, beside those who are counted.
    RegisterTrainingParticipant {
        /// The training's key.
        training: ClientKey,
        /// Person, registered for trainings.
        person: PersonId,
        /// Which audience the person belongs to.
        audience: Audience,
    },
    /// Takes the registration of one person back.
    WithdrawTrainingParticipant {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
    },
    /// Confirms for how long one person took part.
    ConfirmParticipantAttendance {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// For how long.
        minutes: TrainingMinutes,
    },
    /// Issues the certificate of one person who took part for long enough.
    IssueTrainingCertificate {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// Number of the certificate, unique in the training.
        number: Label,
    },
    /// Cancels a training before it is held.
    CancelTraining {
        /// The training's key.
        training: ClientKey,
    },
}

impl Command {
    /// The training that the command names.
    const fn training(&self) -> ClientKey {
        match self {
            Self::OfferTraining { training, .. }
            | Self::RescheduleTraining { training, .. }
            | Self::RecordTrainingRegistrations { training, .. }
            | Self::HoldTraining { training }
            | Self::ConfirmTrainingAttendance { training, .. }
            | Self::EvaluateTraining { training, .. }
            | Self::RegisterTrainingParticipant { training, .. }
            | Self::WithdrawTrainingParticipant { training, .. }
            | Self::ConfirmParticipantAttendance { training, .. }
            | Self::IssueTrainingCertificate { training, .. }
            | Self::CancelTraining { training } => *training,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A training is on offer.
    #[serde(rename = "training.offered.v1")]
    Offered {
        /// The training's key.
        training: ClientKey,
        /// The needs that it answers.
        #[schemars(length(min = 1, max = 20))]
        needs: Vec<ClientKey>,
        /// What it is about.
        topic: TrainingTopic,
        /// District, or `15` for the whole state.
        district: Ags,
        /// Seats.
        seats: People,
        /// How long it lasts.
        minutes: TrainingMinutes,
        /// First day.
        begins_on: BusinessDate,
        /// How it is given.
        format: Format,
    },
    /// It moved to another day.
    #[serde(rename = "training.rescheduled.v1")]
    Rescheduled {
        /// The training's key.
        training: ClientKey,
        /// The new first day.
        begins_on: BusinessDate,
    },
    /// So many people have registered so far.
    #[serde(rename = "training.registrations-recorded.v1")]
    RegistrationsRecorded {
        /// The training's key.
        training: ClientKey,
        /// People by audience.
        #[schemars(length(min = 1, max = 7))]
        registrations: Vec<Registration>,
        /// All of them.
        total: People,
        /// All of them before this statement.
        before: People,
    },
    /// It took place.
    #[serde(rename = "training.held.v1")]
    Held {
        /// The training's key.
        training: ClientKey,
    },
    /// So many people took part.
    #[serde(rename = "training.attendance-confirmed.v1")]
    AttendanceConfirmed {
        /// The training's key.
        training: ClientKey,
        /// People who took part.
        attendance: Headcount,
        /// How long it lasted.
        minutes: TrainingMinutes,
    },
    /// Those who took part have evaluated it.
    #[serde(rename = "training.evaluated.v1")]
    Evaluated {
        /// The training's key.
        training: ClientKey,
        /// How many answered.
        responses: People,
        /// Their mean score.
        score: Score,
    },
    /// One person has a seat.
    #[serde(rename = "training.participant-registered.v1")]
    ParticipantRegistered {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// Which audience the person belongs to.
        audience: Audience,
        /// How many have a seat now, counted or by name.
        registered: People,
    },
    /// One person gave the seat back.
    #[serde(rename = "training.participant-withdrawn.v1")]
    ParticipantWithdrawn {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// How many have a seat now, counted or by name.
        registered: People,
    },
    /// One person took part for so long.
    #[serde(rename = "training.participant-attended.v1")]
    ParticipantAttended {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// For how long.
        minutes: TrainingMinutes,
    },
    /// One person has a certificate.
    #[serde(rename = "training.certificate-issued.v1")]
    CertificateIssued {
        /// The training's key.
        training: ClientKey,
        /// Person.
        person: PersonId,
        /// Number of the certificate.
        number: Label,
    },
    /// It will not take place.
    #[serde(rename = "training.cancelled.v1")]
    Cancelled {
        /// The training's key.
        training: ClientKey,
    },
}

refusals! {
    NotOffered => "TRA-01", Missing, "/data/training", "Diese Fortbildung ist nicht angeboten.", "This training is not on offer.";
    OtherParticulars => "TRA-02", Rule, "/data/training", "Diese Fortbildung ist schon mit anderen Angaben bekannt.", "This training is already known with other particulars.";
    NeedCount => "TRA-03", Invalid, "/data/needs", "Eine Fortbildung nennt ein bis zwanzig Bedarfe, jeden einmal.", "A training names one to twenty needs, each once.";
    NeedNotIdentified => "TRA-04", Rule, "/data/needs", "Mindestens ein Bedarf ist nicht bekannt oder zurückgenommen.", "At least one need is not known or was withdrawn.";
    UnknownDistrict => "TRA-05", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    NoSeats => "TRA-06", Invalid, "/data/seats", "Eine Fortbildung hat mindestens einen Platz.", "A training has at least one seat.";
    BeginsBeforeOffer => "TRA-07", Invalid, "/data/begins_on", "Die Fortbildung beginnt vor dem Angebot.", "The training begins before it is offered.";
    Cancelled => "TRA-08", Rule, "/data/training", "Diese Fortbildung ist abgesagt.", "This training is cancelled.";
    AlreadyHeld => "TRA-09", Rule, "/data/training", "Diese Fortbildung hat schon stattgefunden.", "This training has already taken place.";
    NotHeld => "TRA-10", Rule, "/data/training", "Diese Fortbildung hat noch nicht stattgefunden.", "This training has not yet taken place.";
    AudienceTwice => "TRA-11", Invalid, "/data/registrations", "Jede Zielgruppe steht einmal in der Liste, mindestens eine.", "Each audience stands in the list once, and at least one does.";
    NoSeatLeft => "TRA-12", Rule, "/data/registrations", "Es gibt nicht so viele Plätze.", "There are not so many seats.";
    HeldBeforeOffer => "TRA-13", Rule, "/occurred_on", "Das Datum liegt vor dem Angebot oder dem Tag der Fortbildung.", "The date lies before the offer or the day of the training.";
    MoreThanSeats => "TRA-14", Rule, "/data/attendance", "Es können nicht mehr Personen teilgenommen haben, als es Plätze gab.", "No more people can have taken part than there were seats.";
    AttendanceNotConfirmed => "TRA-15", Rule, "/data/training", "Die Teilnahme ist noch nicht bestätigt.", "Attendance is not yet confirmed.";
    ResponseCount => "TRA-16", Rule, "/data/responses", "Es antworten mindestens eine Person und höchstens so viele, wie teilgenommen haben.", "At least one person answers, and no more than took part.";
    NotATrainee => "TRA-18", Rule, "/data/person", "Unter diesem Pseudonym ist niemand für Fortbildungen registriert, oder die Angaben sind gelöscht.", "Nobody is registered for trainings under this pseudonym, or what was known is erased.";
    NoSeatForPerson => "TRA-19", Rule, "/data/person", "Es ist kein Platz mehr frei.", "No seat is left.";
    NotRegistered => "TRA-20", Missing, "/data/person", "Diese Person ist für diese Fortbildung nicht angemeldet.", "This person is not registered for this training.";
    OtherAudience => "TRA-21", Rule, "/data/audience", "Diese Person ist schon mit einer anderen Zielgruppe angemeldet.", "This person is already registered with another audience.";
    TooLong => "TRA-22", Rule, "/data/minutes", "So lange hat die Fortbildung nicht gedauert.", "The training did not last as long.";
    Certified => "TRA-23", Rule, "/data/minutes", "Für diese Person ist schon eine Bescheinigung ausgestellt.", "A certificate is already issued for this person.";
    NotAttended => "TRA-24", Rule, "/data/person", "Die Teilnahme dieser Person ist nicht bestätigt.", "The attendance of this person is not confirmed.";
    TooLittle => "TRA-25", Rule, "/data/person", "Diese Person hat nicht lange genug teilgenommen.", "This person did not take part for long enough.";
    OtherCertificate => "TRA-26", Rule, "/data/number", "Diese Person hat schon eine Bescheinigung mit anderer Nummer.", "This person already has a certificate with another number.";
    NumberUsed => "TRA-27", Rule, "/data/number", "Diese Nummer hat schon eine andere Bescheinigung.", "Another certificate already has this number.";
    ReasonMissing => "TRA-17", Invalid, "/reason", "Eine Absage braucht einen Grund.", "A cancellation needs a reason.";
}

/// What decisions about a training remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Offered.
    Known(Box<Known>),
}

/// An offered training.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// As offered, to recognise a repetition.
    offered: Event,
    place: Place,
    offered_on: BusinessDate,
    seats: People,
    minutes: TrainingMinutes,
    begins_on: BusinessDate,
    registrations: Vec<Registration>,
    registered: People,
    participants: Participants,
    held_on: Option<BusinessDate>,
    /// As confirmed, to recognise a repetition.
    confirmed: Option<Event>,
    attended: u32,
    /// As evaluated, to recognise a repetition.
    evaluated: Option<Event>,
    cancelled: bool,
}

impl Known {
    /// How many people are counted, beside those who are registered one by one.
    fn counted(&self) -> u32 {
        self.registrations.iter().map(|registration| registration.people.get()).sum()
    }

    /// How long it lasted, or is to last.
    const fn lasted(&self) -> TrainingMinutes {
        match self.confirmed {
            Some(Event::AttendanceConfirmed { minutes, .. }) => minutes,
            _ => self.minutes,
        }
    }
}

/// The stream of a training.
pub fn stream(training: &ClientKey) -> StreamId {
    StreamId::new("training", training)
}

impl Decider for Training {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.training())
    }

    fn reads(command: &Command, state: &State) -> Vec<StreamId> {
        match (state, command) {
            (State::Unknown, Command::OfferTraining { needs, .. }) if (1..=20).contains(&needs.len()) => {
                let distinct: BTreeSet<_> = needs.iter().collect();
                distinct.into_iter().map(training_need::stream).collect()
            }
            (
                State::Known(_),
                Command::RegisterTrainingParticipant { person, .. } | Command::IssueTrainingCertificate { person, .. },
            ) => vec![person::stream(person)],
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, _: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::OfferTraining { district, .. }) => Some(Place::district(district.clone())),
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::OfferTraining { .. }) => return offer(command, facts),
            (State::Unknown, _) => return Err(Refusal::NotOffered),
            (State::Known(known), _) => known,
        };
        match command {
            // The same again is a retry, not a mistake: nothing more happens.
            Command::OfferTraining { .. } => match offered(command)? == known.offered {
                true => return Ok(Vec::new()),
                false => return Err(Refusal::OtherParticulars),
            },
            Command::CancelTraining { .. } if facts.reason.is_none() => return Err(Refusal::ReasonMissing),
            Command::CancelTraining { .. } if known.cancelled => return Ok(Vec::new()),
            Command::HoldTraining { .. } if known.held_on == Some(facts.occurred_on) => return Ok(Vec::new()),
            _ if known.cancelled => return Err(Refusal::Cancelled),
            _ => {}
        }
        match (command, known.held_on) {
            (
                Command::ConfirmTrainingAttendance { .. }
                | Command::EvaluateTraining { .. }
                | Command::ConfirmParticipantAttendance { .. }
                | Command::IssueTrainingCertificate { .. },
                None,
            ) => Err(Refusal::NotHeld),
            (
                Command::ConfirmParticipantAttendance { .. } | Command::IssueTrainingCertificate { .. },
                Some(held_on),
            ) if facts.occurred_on < held_on => Err(Refusal::HeldBeforeOffer),
            (Command::ConfirmParticipantAttendance { training, person, minutes }, Some(_)) => {
                participants::attend(*training, *person, *minutes, known)
            }
            (Command::IssueTrainingCertificate { training, person, number }, Some(_)) => {
                participants::certify(*training, *person, number, known, facts)
            }
            (Command::ConfirmTrainingAttendance { training, attendance, minutes }, Some(held_on)) => {
                confirm(*training, *attendance, *minutes, known, held_on, facts)
            }
            (Command::EvaluateTraining { training, responses, score }, Some(held_on)) => {
                evaluate(*training, *responses, *score, known, held_on, facts)
            }
            (_, Some(_)) => Err(Refusal::AlreadyHeld),
            (Command::RescheduleTraining { training, begins_on }, None) => {
                if *begins_on < known.offered_on {
                    return Err(Refusal::BeginsBeforeOffer);
                }
                if *begins_on == known.begins_on {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::Rescheduled { training: *training, begins_on: *begins_on }])
            }
            (Command::RecordTrainingRegistrations { training, registrations }, None) => {
                register(*training, registrations, known)
            }
            (Command::RegisterTrainingParticipant { training, person, audience }, None) => {
                participants::register(*training, *person, *audience, known, facts)
            }
            (Command::WithdrawTrainingParticipant { training, person }, None) => {
                participants::withdraw(*training, *person, known)
            }
            (Command::HoldTraining { training }, None) => {
                if facts.occurred_on < known.offered_on || facts.occurred_on < known.begins_on {
                    return Err(Refusal::HeldBeforeOffer);
                }
                Ok(vec![Event::Held { training: *training }])
            }
            (Command::CancelTraining { training }, None) => Ok(vec![Event::Cancelled { training: *training }]),
            (Command::OfferTraining { .. }, None) => Err(Refusal::OtherParticulars),
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Offered { seats, minutes, begins_on, .. }) => {
                *state = State::Known(Box::new(Known {
                    offered: event.clone(),
                    place: fact.place.clone(),
                    offered_on: fact.occurred_on,
                    seats: *seats,
                    minutes: *minutes,
                    begins_on: *begins_on,
                    registrations: Vec::new(),
                    registered: People::default(),
                    participants: Participants::default(),
                    held_on: None,
                    confirmed: None,
                    attended: 0,
                    evaluated: None,
                    cancelled: false,
                }));
            }
            (State::Known(known), Event::Rescheduled { begins_on, .. }) => known.begins_on = *begins_on,
            (State::Known(known), Event::RegistrationsRecorded { registrations, total, .. }) => {
                known.registrations.clone_from(registrations);
                known.registered = *total;
            }
            (State::Known(known), Event::Held { .. }) => known.held_on = Some(fact.occurred_on),
            (State::Known(known), Event::AttendanceConfirmed { attendance, .. }) => {
                known.confirmed = Some(event.clone());
                known.attended = attendance.total();
            }
            (State::Known(known), Event::Evaluated { .. }) => known.evaluated = Some(event.clone()),
            (
                State::Known(known),
                Event::ParticipantRegistered { registered, .. } | Event::ParticipantWithdrawn { registered, .. },
            ) => {
                known.registered = *registered;
                known.participants.evolve(event);
            }
            (State::Known(known), Event::ParticipantAttended { .. } | Event::CertificateIssued { .. }) => {
                known.participants.evolve(event);
            }
            (State::Known(known), Event::Cancelled { .. }) => known.cancelled = true,
            (State::Unknown, _) => {}
        }
    }
}

fn offer(command: &Command, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
    let Command::OfferTraining { needs, district, seats, begins_on, .. } = command else {
        return Err(Refusal::NotOffered);
    };
    let distinct: BTreeSet<_> = needs.iter().collect();
    if !(1..=20).contains(&needs.len()) || distinct.len() != needs.len() {
        return Err(Refusal::NeedCount);
    }
    if !district.is_state() && !facts.reference.is_district(district) {
        return Err(Refusal::UnknownDistrict);
    }
    if seats.get() == 0 {
        return Err(Refusal::NoSeats);
    }
    if *begins_on < facts.occurred_on {
        return Err(Refusal::BeginsBeforeOffer);
    }
    let stands = |need| {
        let state = facts.other::<TrainingNeed>(&training_need::stream(need));
        state.is_some_and(training_need::State::stands)
    };
    if !needs.iter().all(stands) {
        return Err(Refusal::NeedNotIdentified);
    }
    Ok(vec![offered(command)?])
}

fn register(training: ClientKey, registrations: &[Registration], known: &Known) -> Result<Vec<Event>, Refusal> {
    let once = |audience| registrations.iter().filter(|r| r.audience == audience).count() == 1;
    if registrations.is_empty() || !registrations.iter().all(|r| once(r.audience)) {
        return Err(Refusal::AudienceTwice);
    }
    // Those who are registered one by one have their seats beside those who are counted.
    let counted: u32 = registrations.iter().map(|registration| registration.people.get()).sum();
    let total = counted + known.participants.seats();
    let total = People::try_from(i64::from(total)).map_err(|_| Refusal::NoSeatLeft)?;
    if total > known.seats {
        return Err(Refusal::NoSeatLeft);
    }
    let mut registrations = registrations.to_vec();
    registrations.sort_by_key(|registration| registration.audience);
    if registrations == known.registrations {
        return Ok(Vec::new());
    }
    Ok(vec![Event::RegistrationsRecorded { training, registrations, total, before: known.registered }])
}

fn confirm(
    training: ClientKey,
    attendance: Headcount,
    minutes: Option<TrainingMinutes>,
    known: &Known,
    held_on: BusinessDate,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    let minutes = minutes.unwrap_or(known.minutes);
    let confirmed = Event::AttendanceConfirmed { training, attendance, minutes };
    match &known.confirmed {
        Some(same) if *same == confirmed => return Ok(Vec::new()),
        Some(_) => return Err(Refusal::OtherParticulars),
        None => {}
    }
    if facts.occurred_on < held_on {
        return Err(Refusal::HeldBeforeOffer);
    }
    if attendance.total() > known.seats.get() {
        return Err(Refusal::MoreThanSeats);
    }
    Ok(vec![confirmed])
}

fn evaluate(
    training: ClientKey,
    responses: People,
    score: Score,
    known: &Known,
    held_on: BusinessDate,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    let evaluated = Event::Evaluated { training, responses, score };
    match &known.evaluated {
        Some(same) if *same == evaluated => return Ok(Vec::new()),
        Some(_) => return Err(Refusal::OtherParticulars),
        None => {}
    }
    if known.confirmed.is_none() {
        return Err(Refusal::AttendanceNotConfirmed);
    }
    if facts.occurred_on < held_on {
        return Err(Refusal::HeldBeforeOffer);
    }
    if !(1..=known.attended).contains(&responses.get()) {
        return Err(Refusal::ResponseCount);
    }
    Ok(vec![evaluated])
}

/// The event that an offer would be.
fn offered(command: &Command) -> Result<Event, Refusal> {
    match command.clone() {
        Command::OfferTraining { training, needs, topic, district, seats, minutes, begins_on, format } => {
            Ok(Event::Offered { training, needs, topic, district, seats, minutes, begins_on, format })
        }
        _ => Err(Refusal::NotOffered),
    }
}
