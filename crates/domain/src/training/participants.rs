//! Who takes part in a training by name: seats, attendance, certificates.
//!
//! Those who are counted ([`Registration`](super::Registration)) and those who are registered one by
//! one are different people, and share the seats. Attendance as a headcount is of all; minutes of one
//! person are for the certificate alone and add to no figure.

use super::{Audience, Event, Known, Refusal};
use crate::decider::Facts;
use crate::identity::Label;
use crate::measure::{People, TrainingMinutes};
use crate::person::vocabulary::PersonKind;
use crate::person::{self, Person};
use crate::{ClientKey, PersonId};

/// The participants of one training, each once.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Participants(Vec<Participant>);

/// A participant.
#[derive(Debug, Clone, PartialEq)]
struct Participant {
    person: PersonId,
    audience: Audience,
    withdrawn: bool,
    minutes: Option<TrainingMinutes>,
    certificate: Option<Label>,
}

impl Participants {
    /// How many seats they take.
    pub fn seats(&self) -> u32 {
        u32::try_from(self.0.iter().filter(|participant| !participant.withdrawn).count()).unwrap_or(u32::MAX)
    }

    fn of(&self, person: PersonId) -> Option<&Participant> {
        self.0.iter().find(|participant| participant.person == person && !participant.withdrawn)
    }

    /// Notes what happened to one of them.
    pub fn evolve(&mut self, event: &Event) {
        let (Event::ParticipantRegistered { person, .. }
        | Event::ParticipantWithdrawn { person, .. }
        | Event::ParticipantAttended { person, .. }
        | Event::CertificateIssued { person, .. }) = event
        else {
            return;
        };
        if let Event::ParticipantRegistered { audience, .. } = event {
            self.0.retain(|participant| participant.person != *person);
            let (person, audience) = (*person, *audience);
            self.0.push(Participant { person, audience, withdrawn: false, minutes: None, certificate: None });
        }
        let Some(participant) = self.0.iter_mut().find(|participant| participant.person == *person) else { return };
        match event {
            Event::ParticipantWithdrawn { .. } => participant.withdrawn = true,
            Event::ParticipantAttended { minutes, .. } => participant.minutes = Some(*minutes),
            Event::CertificateIssued { number, .. } => participant.certificate = Some(number.clone()),
            _ => {}
        }
    }
}

/// How many have a seat, if one more or less of those registered by name has.
fn registered(known: &Known, by_name: u32) -> Result<People, Refusal> {
    let total = known.counted().saturating_add(by_name);
    People::try_from(i64::from(total)).map_err(|_| Refusal::NoSeatForPerson)
}

/// Whether that pseudonym stands for somebody who can take part in trainings.
fn check_trainee(person: PersonId, facts: &Facts<'_>) -> Result<(), Refusal> {
    let known = facts.other::<Person>(&person::stream(&person));
    let whole = known.and_then(|known| known.whole(PersonKind::TrainingParticipant));
    whole.map(|_| ()).ok_or(Refusal::NotATrainee)
}

/// The event of a registration, if there is a seat.
pub(super) fn register(
    training: ClientKey,
    person: PersonId,
    audience: Audience,
    known: &Known,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    match known.participants.of(person) {
        Some(participant) if participant.audience == audience => return Ok(Vec::new()),
        Some(_) => return Err(Refusal::OtherAudience),
        None => {}
    }
    check_trainee(person, facts)?;
    let registered = registered(known, known.participants.seats() + 1)?;
    if registered > known.seats {
        return Err(Refusal::NoSeatForPerson);
    }
    Ok(vec![Event::ParticipantRegistered { training, person, audience, registered }])
}

/// The event of a withdrawal: the seat is free again.
pub(super) fn withdraw(training: ClientKey, person: PersonId, known: &Known) -> Result<Vec<Event>, Refusal> {
    let withdrawn = |participant: &Participant| participant.person == person && participant.withdrawn;
    if known.participants.0.iter().any(withdrawn) {
        return Ok(Vec::new());
    }
    known.participants.of(person).ok_or(Refusal::NotRegistered)?;
    let registered = registered(known, known.participants.seats().saturating_sub(1))?;
    Ok(vec![Event::ParticipantWithdrawn { training, person, registered }])
}

/// The event of attendance; what was confirmed before a certificate can be corrected.
pub(super) fn attend(
    training: ClientKey,
    person: PersonId,
    minutes: TrainingMinutes,
    known: &Known,
) -> Result<Vec<Event>, Refusal> {
    let participant = known.participants.of(person).ok_or(Refusal::NotRegistered)?;
    if participant.minutes == Some(minutes) {
        return Ok(Vec::new());
    }
    if participant.certificate.is_some() {
        return Err(Refusal::Certified);
    }
    if minutes > known.lasted() {
        return Err(Refusal::TooLong);
    }
    Ok(vec![Event::ParticipantAttended { training, person, minutes }])
}

/// The event of a certificate, if the person was there for long enough.
pub(super) fn certify(
    training: ClientKey,
    person: PersonId,
    number: &Label,
    known: &Known,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    let participant = known.participants.of(person).ok_or(Refusal::NotRegistered)?;
    match &participant.certificate {
        Some(issued) if issued == number => return Ok(Vec::new()),
        Some(_) => return Err(Refusal::OtherCertificate),
        None => {}
    }
    check_trainee(person, facts)?;
    let minutes = participant.minutes.ok_or(Refusal::NotAttended)?;
    // Minutes are at most 14,400 and basis points at most 10,000, so the products fit.
    if minutes.get() * 10_000 < known.lasted().get() * facts.reference.min_certificate_attendance.get() {
        return Err(Refusal::TooLittle);
    }
    if known.participants.0.iter().any(|other| other.certificate.as_ref() == Some(number)) {
        return Err(Refusal::NumberUsed);
    }
    Ok(vec![Event::CertificateIssued { training, person, number: number.clone() }])
}
