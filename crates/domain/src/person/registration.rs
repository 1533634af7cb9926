//! Registration: whether what it names is there, where the person then belongs.

use super::vocabulary::PersonKind;
use super::{Command, Event, Known, Refusal};
use crate::absence::{self, Absence};
use crate::cooperation::{self, Cooperation};
use crate::decider::Facts;
use crate::organisation::{self, Organisation};
use crate::school::{self, School};
use crate::staff::{self, Staff};
use crate::{Place, StaffPseudonym};

/// Where a registration would belong; `None` when what it names does not exist.
pub(super) fn place_of(command: &Command, facts: &Facts<'_>) -> Option<Place> {
    match command {
        Command::RegisterParticipant { provider, school: Some(school), .. }
        | Command::RegisterPupil { provider, school, .. } => {
            let place = facts.other::<School>(&school::stream(school))?.known()?.place.clone();
            facts.other::<Cooperation>(&cooperation::stream(school, provider))?.known()?;
            Some(place.of_provider(provider.clone()))
        }
        Command::RegisterParticipant { provider, school: None, .. }
        | Command::RegisterBeneficialOwner { provider, .. }
        | Command::RegisterStaffMember { provider, .. } => {
            Some(facts.other::<Organisation>(&organisation::stream(provider))?.known()?.place.clone())
        }
        Command::RegisterTrainee { district, .. } => Some(Place::district(district.clone())),
        _ => None,
    }
}

/// Whether what a registration names is there on the business date.
pub(super) fn check_registration(command: &Command, facts: &Facts<'_>) -> Result<(), Refusal> {
    match command {
        Command::RegisterParticipant { provider, school: Some(school), .. }
        | Command::RegisterPupil { provider, school, .. } => {
            facts
                .other::<School>(&school::stream(school))
                .and_then(|school| school.open_on(facts.occurred_on))
                .ok_or(Refusal::SchoolNotOpen)?;
            facts
                .other::<Cooperation>(&cooperation::stream(school, provider))
                .and_then(|cooperation| cooperation.agreement_on(facts.occurred_on))
                .ok_or(Refusal::NoAgreement)?;
        }
        Command::RegisterParticipant { provider, school: None, .. }
        | Command::RegisterBeneficialOwner { provider, .. }
        | Command::RegisterStaffMember { provider, .. } => {
            facts
                .other::<Organisation>(&organisation::stream(provider))
                .and_then(|organisation| organisation.active_on(facts.occurred_on))
                .ok_or(Refusal::ProviderNotActive)?;
        }
        Command::RegisterTrainee { district, .. } => {
            if !district.is_state() && !facts.reference.is_district(district) {
                return Err(Refusal::UnknownDistrict);
            }
        }
        _ => return Err(Refusal::NotRegistered),
    }
    // The absences of staff are sealed under their pseudonym without any registration, so nobody else may
    // come to be known under it.
    let pseudonym = StaffPseudonym(command.person().0);
    let staff = facts.other::<Staff>(&staff::stream(&pseudonym));
    if let Command::RegisterStaffMember { provider, .. } = command {
        let works = staff.is_some_and(|staff| staff.works_for(provider));
        return if works { Ok(()) } else { Err(Refusal::UnknownStaff) };
    }
    let absences = facts.other::<Absence>(&absence::stream(&pseudonym));
    if staff.is_some_and(staff::State::is_known) || absences.is_some_and(absence::State::is_known) {
        return Err(Refusal::MemberOfStaff);
    }
    Ok(())
}

/// A registration under a pseudonym that is known: a retry, or somebody else.
pub(super) fn repeated(command: &Command, known: &Known, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
    if known.erasure.is_erased(known.kind.identity()) {
        return Err(Refusal::Erased);
    }
    if known.erasure.is_closed(known.kind.identity()) {
        return Err(Refusal::ErasureBegun);
    }
    let same = command.kinds().contains(&known.kind) && place_of(command, facts).as_ref() == Some(&known.place);
    if same { Ok(Vec::new()) } else { Err(Refusal::OtherParticulars) }
}

/// The event of a registration.
pub(super) fn registered(command: &Command) -> Event {
    let kind = command.kinds().first().copied().unwrap_or(PersonKind::Participant);
    Event::Registered { person: command.person(), kind }
}
