//! What the tests of several aggregates begin with: an open school, a provider, an agreement.

use serde_json::json;

use super::{day, written};
use crate::identity::{Digest, OrganisationId, SchoolId, VerifierKey};
use crate::{Ags, Place, cooperation, network_office, organisation, school, staff};

/// A digest of nothing, told apart by its first letter.
pub fn digest(letter: char) -> Digest {
    match Digest::parse(format!("{letter}{}", "A".repeat(42))) {
        Ok(digest) => digest,
        Err(why) => panic!("{why}"),
    }
}

/// A verifier key, told apart by a letter.
pub fn verifier_key(letter: char) -> VerifierKey {
    match VerifierKey::parse(format!("log.example+0123abcd+Aa{}", letter.to_string().repeat(42))) {
        Ok(key) => key,
        Err(why) => panic!("{why}"),
    }
}

/// A school's identifier.
pub fn school_id(text: &str) -> SchoolId {
    match SchoolId::parse(text) {
        Ok(id) => id,
        Err(why) => panic!("{text}: {why}"),
    }
}

/// An organisation's identifier.
pub fn organisation_id(text: &str) -> OrganisationId {
    match OrganisationId::parse(text) {
        Ok(id) => id,
        Err(why) => panic!("{text}: {why}"),
    }
}

/// A district.
pub fn district(text: &str) -> Ags {
    match Ags::parse(text) {
        Ok(ags) => ags,
        Err(why) => panic!("{text}: {why}"),
    }
}

/// School `S1` in Börde.
pub fn at_school() -> Place {
    Place::school(district("15083"), school_id("S1"))
}

/// School `S1` in Börde, with provider `P1`.
pub fn at_school_of_provider() -> Place {
    at_school().of_provider(organisation_id("P1"))
}

/// School `S1` was registered.
pub fn school_registered() -> school::Event {
    written(
        "school.registered.v1",
        json!({"school": "S1", "name": "Sekundarschule Wanzleben", "form": "SEK", "district": "15083", "ownership": "public"}),
    )
}

/// School `S1` was closed.
pub fn school_closed() -> school::Event {
    written("school.closed.v1", json!({}))
}

/// Provider `P1`, free youth welfare, was registered.
pub fn provider_registered() -> organisation::Event {
    written(
        "organisation.registered.v1",
        json!({
            "organisation": "P1", "name": "Verein für Jugendarbeit e. V.", "legal_form": "registered_association",
            "sector": "private", "kind": "free_youth_welfare", "district": "15083",
        }),
    )
}

/// Provider `P1` was recognised under § 75 SGB VIII.
pub fn provider_recognised() -> organisation::Event {
    written(
        "organisation.recognition-confirmed.v1",
        json!({"organisation": "P1", "recognition": "youth_welfare_75", "document": digest('A')}),
    )
}

/// Provider `P1` no longer takes part.
pub fn provider_deactivated() -> organisation::Event {
    written("organisation.deactivated.v1", json!({"organisation": "P1"}))
}

/// A cooperation of `S1` and `P1` was proposed.
pub fn cooperation_proposed() -> cooperation::Event {
    written("cooperation.proposed.v1", json!({"school": "S1", "provider": "P1", "concept": digest('A')}))
}

/// An agreement of `S1` and `P1` was signed for that time.
pub fn agreement_signed(from: &str, to: &str) -> cooperation::Event {
    written(
        "cooperation.agreement-signed.v1",
        json!({
            "period": {"from": from, "to": to}, "goals": ["fewer_dropouts", "teamwork"],
            "meeting_rhythm": "monthly", "document": digest('A'),
        }),
    )
}

/// The office of Börde was established by `P1`, from that day on.
pub fn office_established(from: &str) -> network_office::Event {
    written(
        "office.established.v1",
        json!({"district": "15083", "name": "Netzwerkstelle Börde", "provider": "P1", "from": from}),
    )
}

/// The n-th member of staff was found qualified.
pub fn staff_qualified(n: u128) -> staff::Event {
    written(
        "staff.qualification-confirmed.v1",
        json!({"staff": super::key(n), "qualification": "social_work", "state_recognised": true, "document": digest('A')}),
    )
}

/// The n-th member of staff was assigned to `S1` for `P1`: key, share in thousandths, time.
pub fn staff_assigned(n: u128, assignment: u128, fte: u32, from: &str, to: &str) -> staff::Event {
    let (from, to) = (day(from), day(to));
    written(
        "staff.assigned.v1",
        json!({
            "staff": super::key(n), "assignment": super::key(assignment), "function": "school_social_worker",
            "workplace": {"school": {"school": "S1", "provider": "P1"}}, "fte": fte,
            "period": {"from": from, "to": to},
        }),
    )
}
