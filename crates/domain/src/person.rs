//! A person of whom something is sealed: registered under a random pseudonym, corrected, opened,
//! exported, kept, erased.
//!
//! Absent on purpose: who it is. That comes beside a command, is sealed with its first event, and no
//! decision ever reads it.

mod command;
mod erasure;
mod event;
mod registration;
mod retention;
#[cfg(test)]
mod tests;
pub mod vocabulary;

use crate::decider::{Decider, Fact, Facts, Opens, Recognition};
use crate::personal::Purpose;
use crate::support_case::{self, SupportCase};
use crate::{
    BusinessDate, EventId, OrganisationId, PersonId, Place, StaffPseudonym, StreamId, absence, cooperation,
    organisation, refusals, school, staff,
};

pub use command::Command;
pub use erasure::{Erasure, Request};
pub use event::Event;
use event::said;
use registration::{check_registration, place_of, registered, repeated};
use retention::stands_against_erasure;
pub use retention::{Hold, Lock, Retention};
use vocabulary::PersonKind;

/// The aggregate.
pub struct Person;

refusals! {
    NotRegistered => "PER-01", Missing, "/data/person", "Diese Person ist nicht registriert.", "This person is not registered.";
    OtherParticulars => "PER-02", Rule, "/data/person", "Unter diesem Pseudonym ist schon jemand mit anderen Angaben registriert.", "Somebody is already registered under this pseudonym with other particulars.";
    SchoolNotOpen => "PER-03", Rule, "/data/school", "Die Schule ist nicht registriert oder besteht nicht mehr.", "The school is not registered or no longer exists.";
    NoAgreement => "PER-04", Rule, "/data/provider", "Schule und Träger haben an dem Tag keine Kooperationsvereinbarung.", "School and provider have no cooperation agreement on that day.";
    ProviderNotActive => "PER-05", Rule, "/data/provider", "Die Organisation ist nicht registriert oder nicht mehr beteiligt.", "The organisation is not registered or no longer takes part.";
    UnknownStaff => "PER-06", Rule, "/data/person", "Bei diesem Träger ist unter diesem Pseudonym keine Fachkraft bekannt.", "This provider knows no member of staff under this pseudonym.";
    UnknownDistrict => "PER-07", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    Erased => "PER-08", Rule, "/data/person", "Die Angaben zu dieser Person sind gelöscht.", "What was known of this person is erased.";
    OtherKind => "PER-09", Rule, "/data/person", "Diesen Vorgang gibt es für diese Person nicht.", "There is no such command for this person.";
    ReasonMissing => "PER-10", Invalid, "/reason", "Berichtigung, Freigabe und vorzeitiges Ende brauchen einen Grund.", "A correction, a release and an early end need a reason.";
    NotStanding => "PER-11", Rule, "/data/corrects", "Mit diesem Ereignis kamen nicht die Angaben, die jetzt gelten.", "This event did not bring the identity that holds now.";
    Restricted => "PER-12", Rule, "/data/ground", "Die Verarbeitung ist eingeschränkt: nur für die Person selbst und für Rechtsansprüche.", "Processing is restricted: only for the person and for legal claims.";
    AlreadyRestricted => "PER-13", Rule, "/data/ground", "Die Verarbeitung ist schon aus einem anderen Grund eingeschränkt.", "Processing is already restricted for another ground.";
    NotRestricted => "PER-14", Rule, "/data/person", "Die Verarbeitung ist nicht eingeschränkt.", "Processing is not restricted.";
    EndsInPast => "PER-15", Invalid, "/data/until", "Das Ende liegt nicht nach dem Datum des Vorgangs.", "The end does not lie after the business date.";
    LockShortened => "PER-16", Rule, "/data/until", "Eine Aufbewahrungssperre wird so nicht kürzer und nicht enger.", "A retention lock becomes neither shorter nor narrower this way.";
    NoLock => "PER-17", Missing, "/data/ground", "Diese Aufbewahrungssperre gibt es nicht, oder ihr Tag ist gekommen.", "There is no such retention lock, or its day has come.";
    OwnLock => "PER-18", Rule, "", "Wer eine Sperre gesetzt hat, beendet sie nicht vorzeitig.", "Whoever has set a lock does not end it early.";
    OtherHold => "PER-19", Rule, "/data/hold", "Dieser Löschstopp ist schon mit anderem Grund gesetzt oder aufgehoben.", "This hold is already set for another ground, or was released.";
    NoHold => "PER-20", Missing, "/data/hold", "Diesen Löschstopp gibt es nicht.", "There is no such hold.";
    NoPurpose => "PER-21", Invalid, "/data/purposes", "Mindestens ein Zweck ist zu nennen.", "At least one purpose has to be named.";
    AlreadyErased => "PER-22", Rule, "/data/purposes", "Mindestens einer dieser Zwecke ist schon gelöscht.", "At least one of these purposes is already erased.";
    RequestPending => "PER-23", Rule, "/data/purposes", "Für mindestens einen dieser Zwecke läuft schon ein anderer Antrag.", "Another request is pending for at least one of these purposes.";
    UnknownRequest => "PER-24", Missing, "/data/request", "Diesen Löschantrag gibt es nicht.", "There is no such request for erasure.";
    NotPending => "PER-25", Rule, "/data/request", "Über diesen Löschantrag ist schon entschieden.", "This request for erasure is already decided.";
    OwnRequest => "PER-26", Rule, "/data/request", "Wer die Löschung beantragt hat, genehmigt sie nicht.", "Whoever has asked for the erasure does not approve it.";
    Kept => "PER-27", Rule, "/data/request", "Eine Aufbewahrungspflicht, ein Löschstopp oder eine Einschränkung der Verarbeitung steht entgegen.", "A duty to keep it, a legal hold or a restriction of processing stands against it.";
    NothingStandsAgainst => "PER-28", Rule, "/data/ground", "Eine solche Sperre besteht nicht.", "There is no such lock or hold.";
    NotApproved => "PER-29", Rule, "/data/request", "Noch haben nicht zwei die Löschung genehmigt.", "Two have not yet approved the erasure.";
    CaseOpen => "PER-31", Rule, "/data/person", "Unter diesem Pseudonym ist ein Fall offen: er wird zuerst geschlossen.", "A case is open under this pseudonym: it is closed first.";
    MemberOfStaff => "PER-35", Rule, "/data/person", "Unter diesem Pseudonym ist eine Fachkraft bekannt.", "A member of staff is known under this pseudonym.";
    ErasureBegun => "PER-33", Rule, "/data/person", "Die Löschung hat begonnen und wird nicht mehr aufgehalten.", "The erasure has begun and is stopped no more.";
    NotBegun => "PER-34", Rule, "/data/request", "Diese Löschung hat nicht begonnen.", "This erasure has not begun.";
    NotTheCaseOwner => "PER-32", Rule, "/data/person", "Auskunft gibt hier nur, wer den Fall führt oder vertritt.", "Only the owner of the case and the deputy export this.";
    OtherPurposes => "PER-30", Rule, "/data/purposes", "Genehmigt ist die Löschung für andere Zwecke.", "The erasure was approved for other purposes.";
}

/// What decisions about a person remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Registered.
    Known(Box<Known>),
}

/// A registered person.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// What they are in the programme.
    pub kind: PersonKind,
    /// Where they belong.
    pub place: Place,
    /// The event with which the identity came that holds now.
    identity: EventId,
    /// Locks, holds, restriction.
    pub retention: Retention,
    /// Requests and what is erased.
    pub erasure: Erasure,
}

impl State {
    /// The person, if registered.
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// The person, if registered as that and nothing of them is erased or being erased.
    pub fn whole(&self, kind: PersonKind) -> Option<&Known> {
        self.known().filter(|known| known.kind == kind && !known.erasure.has_begun())
    }

    /// Whether the keys for that purpose are destroyed.
    pub fn is_erased(&self, purpose: Purpose) -> bool {
        self.known().is_some_and(|known| known.erasure.is_erased(purpose))
    }

    /// Whether nothing is sealed any more for that purpose: its keys are destroyed, or that has begun. Whatever
    /// seals for a person asks this, so that no ciphertext comes after the keys are gone.
    pub fn is_closed(&self, purpose: Purpose) -> bool {
        self.known().is_some_and(|known| known.erasure.is_closed(purpose))
    }

    /// Whether what is known of them is used for little (GDPR Art. 18).
    pub fn is_restricted(&self) -> bool {
        self.known().is_some_and(|known| known.retention.restricted.is_some())
    }

    /// Whether an erasure was approved by two or has begun, and is not carried out: it is to be done now, or
    /// once nothing stands against it.
    pub fn has_approved_erasure(&self) -> bool {
        self.known().is_some_and(|known| known.erasure.has_approved())
    }

    /// The erasures that are to be carried out now: they have begun, or two have approved them and nothing
    /// stands against them on that day.
    pub fn pending_erasures(&self, today: BusinessDate) -> impl Iterator<Item = &Request> {
        self.known().into_iter().flat_map(move |known| known.erasure.pending(&known.retention, today))
    }
}

/// The stream of a person.
pub fn stream(person: &PersonId) -> StreamId {
    StreamId::new("person", person)
}

/// The stream of a member of staff as a person.
pub fn stream_of_staff(staff: &StaffPseudonym) -> StreamId {
    stream(&PersonId(staff.0))
}

impl Decider for Person {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.person())
    }

    fn reads(command: &Command, state: &State) -> Vec<StreamId> {
        let pupil = state.known().is_some_and(|known| known.kind == PersonKind::Pupil);
        let person = command.person();
        let mut streams = match command {
            Command::RequestErasure { .. } | Command::ExportPupil { .. } if pupil => {
                vec![support_case::stream(&person)]
            }
            Command::RegisterParticipant { provider, school: Some(school), .. }
            | Command::RegisterPupil { provider, school, .. } => {
                vec![school::stream(school), cooperation::stream(school, provider)]
            }
            Command::RegisterParticipant { provider, school: None, .. }
            | Command::RegisterBeneficialOwner { provider, .. }
            | Command::RegisterStaffMember { provider, .. } => vec![organisation::stream(provider)],
            _ => Vec::new(),
        };
        if command.registers() {
            let staff = StaffPseudonym(person.0);
            streams.extend([staff::stream(&staff), absence::stream(&staff)]);
        }
        streams
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match state {
            State::Known(known) => Some(known.place.clone()),
            State::Unknown => place_of(command, facts),
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match state {
            State::Unknown if command.registers() => {
                check_registration(command, facts)?;
                return Ok(vec![registered(command)]);
            }
            State::Unknown => return Err(Refusal::NotRegistered),
            State::Known(known) => known,
        };
        if command.registers() {
            return repeated(command, known, facts);
        }
        if !command.kinds().contains(&known.kind) {
            return Err(Refusal::OtherKind);
        }
        // Under which keys a record lies that is opened is not known here, so none is while some are destroyed.
        let readable = || match known.erasure.is_erased(known.kind.identity()) {
            true => Err(Refusal::Erased),
            false if known.erasure.is_any_under_way() => Err(Refusal::ErasureBegun),
            false => Ok(()),
        };
        let (retention, erasure, person) = (&known.retention, &known.erasure, command.person());
        // Whether there is something to write; else it asks for what already is.
        let new = match command {
            Command::RegisterParticipant { .. }
            | Command::RegisterPupil { .. }
            | Command::RegisterStaffMember { .. }
            | Command::RegisterBeneficialOwner { .. }
            | Command::RegisterTrainee { .. } => false,
            Command::CorrectIdentity { corrects, .. }
            | Command::CorrectStaffIdentity { corrects, .. }
            | Command::CorrectTraineeIdentity { corrects, .. } => {
                readable()?;
                if facts.reason.is_none() {
                    return Err(Refusal::ReasonMissing);
                }
                if *corrects != known.identity {
                    return Err(Refusal::NotStanding);
                }
                true
            }
            // Opening again is another opening: each is a fact of its own.
            Command::OpenRecord { ground, .. }
            | Command::OpenOwnerRecord { ground, .. }
            | Command::OpenTraineeRecord { ground, .. } => {
                readable()?;
                retention.check_opening(*ground)?;
                true
            }
            Command::ExportPerson { ground, .. } | Command::ExportPupil { ground, .. } => {
                // What is left is exported, though nobody can say any more whose it is.
                if known.kind.purposes().iter().all(|purpose| erasure.is_erased(*purpose)) {
                    return Err(Refusal::Erased);
                }
                if erasure.is_any_under_way() {
                    return Err(Refusal::ErasureBegun);
                }
                let case = facts.other::<SupportCase>(&support_case::stream(&person));
                let reads = case.is_some_and(|case| case.may_read(facts.actor));
                if known.kind == PersonKind::Pupil && !reads {
                    return Err(Refusal::NotTheCaseOwner);
                }
                retention.check_export(*ground)?;
                true
            }
            Command::LockRetention { purposes, .. } if erasure.is_under_way(*purposes) => {
                return Err(Refusal::ErasureBegun);
            }
            // A hold concerns everything of a person.
            Command::SetLegalHold { .. } if erasure.is_any_under_way() => return Err(Refusal::ErasureBegun),
            Command::LockRetention { purposes, until, ground, .. } => {
                retention.lock(*purposes, *until, *ground, facts)?
            }
            Command::EndRetentionLock { ground, .. } => retention.end_lock(*ground, facts).map(|()| true)?,
            Command::SetLegalHold { hold, ground, .. } => retention.set_hold(*hold, *ground)?,
            Command::ReleaseLegalHold { hold, .. } => retention.release_hold(*hold, facts)?,
            Command::RestrictProcessing { ground, .. }
                if stands_against_erasure(*ground) && erasure.is_any_under_way() =>
            {
                return Err(Refusal::ErasureBegun);
            }
            Command::RestrictProcessing { ground, .. } => match retention.restricted {
                None => true,
                Some(known) if known == *ground => false,
                Some(_) => return Err(Refusal::AlreadyRestricted),
            },
            Command::LiftRestriction { .. } => match retention.restricted {
                None => return Err(Refusal::NotRestricted),
                Some(_) if facts.reason.is_none() => return Err(Refusal::ReasonMissing),
                Some(_) => true,
            },
            Command::RequestErasure { ground, purposes, .. } => {
                let case = facts.other::<SupportCase>(&support_case::stream(&person));
                if case.is_some_and(support_case::State::is_open) {
                    return Err(Refusal::CaseOpen);
                }
                return erasure.ask(person, *ground, *purposes, retention, facts);
            }
            Command::RefuseErasure { request, ground, until, .. } => {
                return erasure.refuse(person, *request, *ground, *until, retention, facts);
            }
            Command::ApproveErasure { request, .. } => return erasure.approve(person, *request, retention, facts),
            Command::BeginErasure { request, .. } => return erasure.begin(person, *request, retention, facts),
            Command::RecordErasure { .. } => erasure.record(&said(command))?,
        };
        Ok(if new { vec![said(command)] } else { Vec::new() })
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        let known = match (state, event) {
            (state, Event::Registered { kind, .. }) => {
                *state = State::Known(Box::new(Known {
                    kind: *kind,
                    place: fact.place.clone(),
                    identity: fact.id,
                    retention: Retention { is_counted: *kind == PersonKind::Participant, ..Retention::default() },
                    erasure: Erasure::default(),
                }));
                return;
            }
            (State::Unknown, _) => return,
            (State::Known(known), _) => known,
        };
        match event {
            Event::Registered { .. } | Event::RecordOpened { .. } | Event::Exported { .. } => {}
            Event::IdentityCorrected { .. } => known.identity = fact.id,
            Event::RetentionLocked { purposes, until, ground, .. } => {
                known.retention.locks.retain(|lock| lock.ground != *ground);
                let (ground, purposes, until) = (*ground, *purposes, *until);
                known.retention.locks.push(Lock { ground, purposes, until, by: fact.actor });
            }
            Event::RetentionLockEnded { ground, .. } => known.retention.lock_ended(*ground),
            Event::LegalHoldSet { hold, ground, .. } => {
                known.retention.holds.push(Hold { key: *hold, ground: *ground, released: false });
            }
            Event::LegalHoldReleased { hold, .. } => {
                known
                    .retention
                    .holds
                    .iter_mut()
                    .filter(|known| known.key == *hold)
                    .for_each(|hold| hold.released = true);
            }
            Event::ProcessingRestricted { ground, .. } => known.retention.restricted = Some(*ground),
            Event::RestrictionLifted { .. } => known.retention.restricted = None,
            Event::ErasureRequested { ground, purposes, .. } => known.erasure.requests.push(Request {
                id: fact.id,
                ground: *ground,
                purposes: *purposes,
                on: fact.occurred_on,
                by: fact.actor,
                approvers: Vec::new(),
                begun: false,
                ended: None,
            }),
            Event::ErasureApproved { request, .. } => known.erasure.approved(*request, fact.actor),
            Event::ErasureBegun { request, .. } => known.erasure.begun(*request),
            Event::ErasureRefused { request, .. } | Event::Erased { request, .. } => {
                known.erasure.ended(*request, event);
            }
        }
    }

    fn subject(command: &Command) -> Option<PersonId> {
        Some(command.person())
    }

    fn recognised_in(command: &Command, state: &State) -> Option<Recognition> {
        // A person is counted once in an operation; another provider's operation counts them again.
        let of = |provider: &OrganisationId| format!("participant/{provider}");
        match command {
            Command::RegisterParticipant { provider, .. } => Some(Recognition::Claims(of(provider))),
            Command::CorrectIdentity { .. } => {
                let known = state.known().filter(|known| known.kind == PersonKind::Participant)?;
                Some(Recognition::Replaces(of(known.place.provider.as_ref()?)))
            }
            _ => None,
        }
    }

    fn opens(command: &Command) -> Option<Opens> {
        match command {
            Command::OpenRecord { person, position, .. }
            | Command::OpenOwnerRecord { person, position, .. }
            | Command::OpenTraineeRecord { person, position, .. } => {
                Some(Opens::Record { person: *person, position: position.get().unsigned_abs() })
            }
            Command::ExportPerson { person, .. } | Command::ExportPupil { person, .. } => {
                Some(Opens::Everything { person: *person })
            }
            _ => None,
        }
    }

    fn corrects(event: &Event) -> Option<EventId> {
        match event {
            Event::IdentityCorrected { corrects, .. } => Some(*corrects),
            _ => None,
        }
    }
}
