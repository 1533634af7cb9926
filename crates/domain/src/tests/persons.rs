//! Rules about persons under random commands, checked by naive lists over the events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::properties::{among, random_world};
use crate::{Event, absence, person, support_case};

/// Erasure and what stands against it.
const ERASURE: &[&str] = &[
    "request-erasure",
    "approve-erasure",
    "record-erasure",
    "refuse-erasure",
    "set-legal-hold",
    "release-legal-hold",
    "register-participant",
    "open-record",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn nothing_is_erased_that_two_others_have_not_approved(choices in proptest::collection::vec(among(ERASURE), 1..120)) {
        let world = random_world(&choices);
        let (mut requested, mut approved) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        let (mut held, mut ended) = (BTreeMap::<_, BTreeSet<_>>::new(), BTreeSet::new());
        for recorded in world.events() {
            let Event::Person(event) = &recorded.event else { continue };
            match event {
                person::Event::ErasureRequested { .. } => {
                    requested.insert(recorded.fact.id, recorded.fact.actor);
                }
                person::Event::ErasureApproved { request, .. } => {
                    approved.entry(*request).or_default().insert(recorded.fact.actor);
                }
                person::Event::ErasureRefused { request, .. } => prop_assert!(ended.insert(*request)),
                person::Event::LegalHoldSet { person, hold, .. } => {
                    held.entry(*person).or_default().insert(*hold);
                }
                person::Event::LegalHoldReleased { person, hold } => {
                    held.entry(*person).or_default().remove(hold);
                }
                person::Event::Erased { person, request, .. } => {
                    prop_assert!(ended.insert(*request), "{:?} ends twice", request);
                    let approvers = &approved[request];
                    prop_assert!(approvers.len() == 2 && !approvers.contains(&requested[request]), "{:?}", approvers);
                    prop_assert!(held.get(person).is_none_or(BTreeSet::is_empty), "{} is held", person);
                }
                _ => {}
            }
        }
    }

    #[test]
    fn nobody_is_absent_twice_on_a_day_and_nobody_stands_in_outside_an_absence(
        choices in proptest::collection::vec(among(&[
            "record-absence", "amend-absence", "withdraw-absence", "appoint-substitute", "end-substitution",
        ]), 1..120),
    ) {
        let world = random_world(&choices);
        let (mut absences, mut substitutions) = (BTreeMap::new(), BTreeMap::new());
        for recorded in world.events() {
            let Event::Absence(event) = &recorded.event else { continue };
            match event {
                absence::Event::Recorded { staff, absence, period }
                | absence::Event::Amended { staff, absence, period, .. } => {
                    absences.insert((*staff, *absence), *period);
                }
                absence::Event::GroundCorrected { .. } => {}
                absence::Event::Withdrawn { staff, absence } => {
                    absences.remove(&(*staff, *absence));
                }
                absence::Event::SubstituteAppointed { staff, absence, substitute, period } => {
                    substitutions.insert((*staff, *absence, *substitute, period.from), period.to);
                }
                absence::Event::SubstitutionEnded { staff, absence, substitute, on } => {
                    let of = (*staff, *absence, *substitute);
                    for (key, to) in &mut substitutions {
                        if (key.0, key.1, key.2) == of && key.3 <= *on && *on <= *to {
                            *to = *on;
                        }
                    }
                    substitutions.retain(|key, to| key.3 < *to);
                }
            }
            let mut days = BTreeSet::new();
            for ((staff, _), period) in &absences {
                for on in period.from.days()..period.to.days() {
                    prop_assert!(days.insert((*staff, on)), "{} is absent twice", staff);
                }
            }
            for ((staff, absence, substitute, from), to) in &substitutions {
                let period = absences.get(&(*staff, *absence));
                prop_assert!(period.is_some_and(|period| period.from <= *from && *to <= period.to));
                prop_assert!(staff != substitute);
            }
        }
    }

    #[test]
    fn no_two_cases_of_a_pseudonym_are_open_and_only_owner_and_deputy_open_notes(
        choices in proptest::collection::vec(among(&[
            "open-support-case", "close-support-case", "reopen-support-case", "name-deputy", "hand-over-case",
            "reassign-case", "open-note", "write-note",
        ]), 1..120),
    ) {
        let world = random_world(&choices);
        let (mut open, mut readers) = (BTreeMap::new(), BTreeMap::new());
        for recorded in world.events() {
            let Event::SupportCase(event) = &recorded.event else { continue };
            let actor = recorded.fact.actor;
            match event {
                support_case::Event::Opened { person, deputy, .. } => {
                    prop_assert!(!open.insert(*person, true).unwrap_or(false), "{} has two open cases", person);
                    readers.insert(*person, (actor, *deputy));
                }
                support_case::Event::Reopened { person } => {
                    prop_assert!(!open.insert(*person, true).unwrap_or(false));
                }
                support_case::Event::Closed { person, .. } => {
                    open.insert(*person, false);
                }
                support_case::Event::DeputyNamed { person, deputy } => readers.get_mut(person).unwrap().1 = *deputy,
                support_case::Event::HandedOver { person, to } => {
                    let reader = readers.get_mut(person).unwrap();
                    *reader = (*to, reader.1.filter(|deputy| deputy != to));
                }
                support_case::Event::NoteOpened { person, .. } | support_case::Event::NoteWritten { person, .. } => {
                    let (owner, deputy) = readers[person];
                    prop_assert!(owner == actor || deputy == Some(actor), "{:?} reads", actor);
                }
                _ => {}
            }
        }
    }
}
