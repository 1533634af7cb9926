//! A support case of a pupil: opened, worked on, closed, perhaps reopened.
//!
//! One stream holds all cases under a pseudonym, so that no two are open at once. Absent on purpose:
//! what a case is about. Profile, concern, services and outcomes are sealed, notes by their authors before
//! they come here, and only owner and deputy open them: those of the last case open that case, and
//! nothing of the earlier ones.

mod command;
mod event;
#[cfg(test)]
mod tests;
pub mod vocabulary;

use crate::decider::{Decider, Fact, Facts, Opens};
use crate::measure::CaseNumber;
use crate::person::vocabulary::PersonKind;
use crate::person::{self, Person};
use crate::principal::{self, Principal};
use crate::{BusinessDate, ClientKey, EventId, PersonId, Place, PrincipalId, Role, StreamId, refusals};

pub use command::Command;
pub use event::Event;

/// The aggregate.
pub struct SupportCase;

refusals! {
    NoCase => "CAS-01", Missing, "/data/person", "Unter diesem Pseudonym gibt es keinen Fall.", "There is no case under this pseudonym.";
    NotAPupil => "CAS-02", Rule, "/data/person", "Unter diesem Pseudonym ist niemand für die Einzelfallhilfe registriert, oder die Angaben sind gelöscht.", "Nobody is registered as a pupil under this pseudonym, or what was known is erased.";
    ErasureRequested => "CAS-03", Rule, "/data/person", "Für diese Person ist die Löschung beantragt.", "Erasure is requested for this person.";
    AlreadyOpen => "CAS-04", Rule, "/data/person", "Unter diesem Pseudonym ist schon ein Fall offen.", "A case is already open under this pseudonym.";
    NumberUsed => "CAS-05", Rule, "/data/number", "Diese Nummer hat ein früherer Fall dieses Pseudonyms.", "An earlier case of this pseudonym has this number.";
    NotTheOwner => "CAS-06", Rule, "", "Das darf nur, wer den Fall führt.", "Only the owner of the case may do this.";
    NeitherOwnerNorDeputy => "CAS-07", Rule, "", "Das darf nur, wer den Fall führt oder vertritt.", "Only the owner of the case and the deputy may do this.";
    NotOpen => "CAS-08", Rule, "/data/person", "Der Fall ist geschlossen.", "The case is closed.";
    NotClosed => "CAS-09", Rule, "/data/person", "Der Fall ist nicht geschlossen.", "The case is not closed.";
    OutsideCase => "CAS-10", Rule, "/occurred_on", "Das Datum liegt vor dem Beginn des Falls oder vor dem, was in ihm zuletzt geschah.", "The date lies before the beginning of the case, or before what last happened in it.";
    OtherParticulars => "CAS-11", Rule, "/data/contact", "Dieser Kontakt ist schon mit anderen Angaben erfasst.", "This contact is already recorded with other particulars.";
    NotSchoolSocialWorker => "CAS-12", Rule, "/data/to", "Diese Person ist an dieser Schule keine Schulsozialarbeiterin und kein Schulsozialarbeiter.", "This principal is no school social worker at this school.";
    DeputyNotSchoolSocialWorker => "CAS-13", Rule, "/data/deputy", "Die Vertretung ist an dieser Schule keine Schulsozialarbeiterin und kein Schulsozialarbeiter, oder sie führt den Fall selbst.", "The deputy is no school social worker at this school, or is the owner.";
    UnknownGoal => "CAS-14", Missing, "/data/goal", "Dieses Ziel gibt es nicht.", "There is no such goal.";
    UnknownReferral => "CAS-15", Missing, "/data/referral", "Diese Vermittlung gibt es nicht.", "There is no such referral.";
    ReasonMissing => "CAS-16", Invalid, "/reason", "Die Übergabe durch andere braucht einen Grund.", "Reassigning a case needs a reason.";
    UnknownRecord => "CAS-18", Missing, "/data/event", "Mit diesem Ereignis kam in diesem Fall nichts Versiegeltes.", "Nothing sealed came with this event in this case.";
    Restricted => "CAS-17", Rule, "/data/person", "Die Verarbeitung ist eingeschränkt.", "Processing is restricted.";
}

/// What decisions about the cases of a pseudonym remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// In the order in which they were opened; only the last can be open.
    cases: Vec<Case>,
}

/// A case.
#[derive(Debug, Clone, PartialEq)]
struct Case {
    /// As opened, to recognise a repetition.
    opened: Event,
    number: CaseNumber,
    place: Place,
    owner: PrincipalId,
    deputy: Option<PrincipalId>,
    /// The day on which it was opened, or opened again.
    since: BusinessDate,
    /// The day of the last contact.
    last: BusinessDate,
    contacts: Vec<(BusinessDate, Event)>,
    notes: Vec<ClientKey>,
    /// The events with which something sealed came, or may have: what the owner and the deputy open.
    records: Vec<EventId>,
    goals: Vec<ClientKey>,
    referrals: Vec<ClientKey>,
    closed: Option<Event>,
}

impl Case {
    fn may_read(&self, who: PrincipalId) -> bool {
        self.owner == who || self.deputy == Some(who)
    }
}

impl State {
    /// Whether a case is open.
    pub fn is_open(&self) -> bool {
        self.cases.last().is_some_and(|case| case.closed.is_none())
    }

    /// Whether somebody owns the last case or is its deputy: they alone read what is sealed.
    pub fn may_read(&self, who: PrincipalId) -> bool {
        self.cases.last().is_some_and(|case| case.may_read(who))
    }
}

/// The stream of a pupil's cases.
pub fn stream(person: &PersonId) -> StreamId {
    StreamId::new("support-case", person)
}

impl Decider for SupportCase {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.person())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        let person = person::stream(&command.person());
        match command {
            Command::OpenSupportCase { deputy, .. } => {
                [person].into_iter().chain(deputy.as_ref().map(principal::stream)).collect()
            }
            // Whatever seals or opens asks whether that has not ended.
            Command::WriteNote { .. }
            | Command::OpenNote { .. }
            | Command::AssessSupportGoal { .. }
            | Command::ReferCase { .. }
            | Command::RecordReferralOutcome { .. }
            | Command::CloseSupportCase { .. }
            | Command::ReopenSupportCase { .. } => vec![person],
            Command::NameDeputy { deputy: Some(who), .. }
            | Command::HandOverCase { to: who, .. }
            | Command::ReassignCase { to: who, .. } => vec![principal::stream(who)],
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match (command, state.cases.last()) {
            (Command::OpenSupportCase { person, .. }, _) => {
                Some(facts.other::<Person>(&person::stream(person))?.known()?.place.clone())
            }
            (_, Some(case)) => Some(case.place.clone()),
            (_, None) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let case = match (command, state.cases.last()) {
            (Command::OpenSupportCase { person, number, deputy, .. }, last) => {
                return open(command, person, *number, *deputy, state, last, facts);
            }
            (_, None) => return Err(Refusal::NoCase),
            (_, Some(case)) => case,
        };
        match command {
            Command::ReassignCase { .. } => {}
            Command::HandOverCase { .. } | Command::NameDeputy { .. } if case.owner != facts.actor => {
                return Err(Refusal::NotTheOwner);
            }
            _ if !case.may_read(facts.actor) => return Err(Refusal::NeitherOwnerNorDeputy),
            _ => {}
        }
        if facts.occurred_on < case.since {
            return Err(Refusal::OutsideCase);
        }
        // A closed case is read, closed again, opened again and given to others; nothing is added to it.
        let adds = matches!(
            command,
            Command::RecordSupportContact { .. }
                | Command::WriteNote { .. }
                | Command::AgreeSupportGoal { .. }
                | Command::AssessSupportGoal { .. }
                | Command::ReferCase { .. }
                | Command::RecordReferralOutcome { .. }
        );
        if case.closed.is_some() && adds {
            return Err(Refusal::NotOpen);
        }
        // Whether there is something to write; else it asks for what already is.
        let new = match command {
            Command::OpenSupportCase { .. } => false,
            Command::RecordSupportContact { contact, .. } => {
                let same = |known: &&(BusinessDate, Event)| matches!(&known.1, Event::ContactRecorded { contact: key, .. } if key == contact);
                match case.contacts.iter().find(same) {
                    Some((on, known)) if *on == facts.occurred_on && *known == said(command) => false,
                    Some(_) => return Err(Refusal::OtherParticulars),
                    None => true,
                }
            }
            Command::WriteNote { note, .. } => {
                whole(command, facts)?;
                !case.notes.contains(note)
            }
            // Opening again is another opening: each is a fact of its own.
            Command::OpenNote { event, .. } => {
                whole(command, facts)?;
                if !case.records.contains(event) {
                    return Err(Refusal::UnknownRecord);
                }
                let restricted = facts.other::<Person>(&person::stream(&command.person()));
                if restricted.is_some_and(person::State::is_restricted) {
                    return Err(Refusal::Restricted);
                }
                true
            }
            Command::NameDeputy { deputy, .. } => {
                if deputy.is_some_and(|who| who == case.owner || !works_at(who, &case.place, facts)) {
                    return Err(Refusal::DeputyNotSchoolSocialWorker);
                }
                *deputy != case.deputy
            }
            Command::ReassignCase { .. } if facts.reason.is_none() => return Err(Refusal::ReasonMissing),
            Command::HandOverCase { to, .. } | Command::ReassignCase { to, .. } => {
                if !works_at(*to, &case.place, facts) {
                    return Err(Refusal::NotSchoolSocialWorker);
                }
                *to != case.owner
            }
            Command::AgreeSupportGoal { goal, .. } => !case.goals.contains(goal),
            // What is said is sealed and not compared: saying it again is another assessment.
            Command::AssessSupportGoal { goal, .. } if !case.goals.contains(goal) => return Err(Refusal::UnknownGoal),
            Command::AssessSupportGoal { .. } => whole(command, facts).map(|()| true)?,
            Command::ReferCase { referral, .. } => {
                whole(command, facts)?;
                !case.referrals.contains(referral)
            }
            Command::RecordReferralOutcome { referral, .. } if !case.referrals.contains(referral) => {
                return Err(Refusal::UnknownReferral);
            }
            Command::RecordReferralOutcome { .. } => whole(command, facts).map(|()| true)?,
            Command::CloseSupportCase { .. } => match &case.closed {
                Some(closed) if *closed == said(command) => false,
                Some(_) => return Err(Refusal::NotOpen),
                None if facts.occurred_on < case.last => return Err(Refusal::OutsideCase),
                None => whole(command, facts).map(|()| true)?,
            },
            Command::ReopenSupportCase { .. } => {
                if case.closed.is_none() {
                    return Err(Refusal::NotClosed);
                }
                whole(command, facts)?;
                true
            }
        };
        Ok(if new { vec![said(command)] } else { Vec::new() })
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        if let Event::Opened { number, deputy, .. } = event {
            state.cases.push(Case {
                opened: event.clone(),
                number: *number,
                place: fact.place.clone(),
                owner: fact.actor,
                deputy: *deputy,
                since: fact.occurred_on,
                last: fact.occurred_on,
                contacts: Vec::new(),
                notes: Vec::new(),
                records: Vec::new(),
                goals: Vec::new(),
                referrals: Vec::new(),
                closed: None,
            });
        }
        let Some(case) = state.cases.last_mut() else { return };
        if may_bring_a_record(event) {
            case.records.push(fact.id);
        }
        match event {
            Event::Opened { .. }
            | Event::NoteOpened { .. }
            | Event::GoalAssessed { .. }
            | Event::ReferralOutcomeRecorded { .. } => {}
            Event::ContactRecorded { .. } => {
                case.last = case.last.max(fact.occurred_on);
                case.contacts.push((fact.occurred_on, event.clone()));
            }
            Event::NoteWritten { note, .. } => case.notes.push(*note),
            Event::DeputyNamed { deputy, .. } => case.deputy = *deputy,
            Event::HandedOver { to, .. } => {
                case.owner = *to;
                case.deputy = case.deputy.filter(|deputy| deputy != to);
            }
            Event::GoalAgreed { goal, .. } => case.goals.push(*goal),
            Event::Referred { referral, .. } => case.referrals.push(*referral),
            Event::Closed { .. } => {
                case.last = fact.occurred_on;
                case.closed = Some(event.clone());
            }
            Event::Reopened { .. } => {
                case.since = fact.occurred_on;
                case.closed = None;
            }
        }
    }

    fn opens(command: &Command) -> Option<Opens> {
        match command {
            Command::OpenNote { person, event } => Some(Opens::CaseRecord { person: *person, event: *event }),
            _ => None,
        }
    }

    fn subject(command: &Command) -> Option<PersonId> {
        Some(command.person())
    }
}

/// The events of opening a case.
fn open(
    command: &Command,
    person: &PersonId,
    number: CaseNumber,
    deputy: Option<PrincipalId>,
    state: &State,
    last: Option<&Case>,
    facts: &Facts<'_>,
) -> Result<Vec<Event>, Refusal> {
    // The same again is a retry, not a mistake: nothing more happens.
    if last.is_some_and(|last| last.opened == said(command) && last.owner == facts.actor) {
        return Ok(Vec::new());
    }
    if state.is_open() {
        return Err(Refusal::AlreadyOpen);
    }
    whole(command, facts)?;
    if state.cases.iter().any(|case| case.number == number) {
        return Err(Refusal::NumberUsed);
    }
    if last.is_some_and(|last| facts.occurred_on < last.last) {
        return Err(Refusal::OutsideCase);
    }
    let place = facts.other::<Person>(&person::stream(person)).and_then(person::State::known).map(|known| &known.place);
    let place = place.ok_or(Refusal::NotAPupil)?;
    if deputy.is_some_and(|who| who == facts.actor || !works_at(who, place, facts)) {
        return Err(Refusal::DeputyNotSchoolSocialWorker);
    }
    Ok(vec![said(command)])
}

/// Whether the pupil is registered, nothing of them is erased, and nobody has asked for that.
fn whole(command: &Command, facts: &Facts<'_>) -> Result<(), Refusal> {
    let person = facts.other::<Person>(&person::stream(&command.person()));
    let person = person.and_then(|person| person.whole(PersonKind::Pupil)).ok_or(Refusal::NotAPupil)?;
    let begins = matches!(command, Command::OpenSupportCase { .. } | Command::ReopenSupportCase { .. });
    if begins && person.erasure.is_requested() { Err(Refusal::ErasureRequested) } else { Ok(()) }
}

/// Whether a principal is a school social worker there: nobody else may come to own a case.
fn works_at(who: PrincipalId, place: &Place, facts: &Facts<'_>) -> bool {
    facts.other::<Principal>(&principal::stream(&who)).is_some_and(|principal| {
        principal.grants().iter().any(|grant| {
            grant.role == Role::SchoolSocialWorker && grant.holds_on(facts.today) && grant.scope.contains(place)
        })
    })
}

/// Whether something sealed comes with the event, or may.
const fn may_bring_a_record(event: &Event) -> bool {
    matches!(
        event,
        Event::Opened { .. }
            | Event::Reopened { .. }
            | Event::NoteWritten { .. }
            | Event::GoalAssessed { .. }
            | Event::Referred { .. }
            | Event::ReferralOutcomeRecorded { .. }
            | Event::Closed { .. }
    )
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::OpenSupportCase { person, number, entry, deputy } => Event::Opened { person, number, entry, deputy },
        Command::RecordSupportContact { person, contact, minutes, form } => {
            Event::ContactRecorded { person, contact, minutes, form }
        }
        Command::WriteNote { person, note } => Event::NoteWritten { person, note },
        Command::OpenNote { person, event } => Event::NoteOpened { person, event },
        Command::NameDeputy { person, deputy } => Event::DeputyNamed { person, deputy },
        Command::HandOverCase { person, to } | Command::ReassignCase { person, to } => Event::HandedOver { person, to },
        Command::AgreeSupportGoal { person, goal } => Event::GoalAgreed { person, goal },
        Command::AssessSupportGoal { person, goal } => Event::GoalAssessed { person, goal },
        Command::ReferCase { person, referral } => Event::Referred { person, referral },
        Command::RecordReferralOutcome { person, referral } => Event::ReferralOutcomeRecorded { person, referral },
        Command::CloseSupportCase { person, closing } => Event::Closed { person, closing },
        Command::ReopenSupportCase { person } => Event::Reopened { person },
    }
}
