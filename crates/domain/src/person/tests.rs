//! What may be done with what is known of a person, and what not.

mod erasure;

use serde_json::{Value, json};

use super::*;
use crate::Period;
use crate::absence::Absence;
use crate::cooperation::Cooperation;
use crate::decider::Reason;
use crate::organisation::Organisation;
use crate::school::School;
use crate::staff::Staff;
use crate::testing::fixtures::{
    agreement_signed, at_school, at_school_of_provider, cooperation_proposed, organisation_id, provider_deactivated,
    provider_registered, school_closed, school_id, school_registered, staff_assigned, staff_qualified,
};
use crate::testing::{Given, Outcome, day, event_id, given, key, written};

fn body(more: Value) -> Value {
    let mut body = json!({"person": key(1)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn ask(name: &str, more: Value) -> Command {
    written(name, body(more))
}

fn happened(name: &str, more: Value) -> Event {
    written(&format!("person.{name}.v1"), body(more))
}

fn registered_as(kind: &str) -> Event {
    happened("registered", json!({"kind": kind}))
}

fn participant() -> Event {
    registered_as("participant")
}

/// School `S1` with an agreement with `P1`.
fn with(events: impl IntoIterator<Item = Event>) -> Given<Person> {
    let organisation = organisation::stream(&organisation_id("P1"));
    elsewhere(events, vec![school_registered()]).and_at::<Organisation>(
        &organisation,
        Place::state().of_provider(organisation_id("P1")),
        [provider_registered()],
    )
}

fn elsewhere(events: impl IntoIterator<Item = Event>, school: Vec<school::Event>) -> Given<Person> {
    given::<Person>(events)
        .at(at_school_of_provider())
        .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
        .and::<Cooperation>(
            &cooperation::stream(&school_id("S1"), &organisation_id("P1")),
            [cooperation_proposed(), agreement_signed("2025-08-01", "2026-08-01")],
        )
}

fn register_participant() -> Command {
    ask("register-participant", json!({"provider": "P1", "school": "S1"}))
}

#[test]
fn a_participant_is_registered_once() {
    with([]).when(register_participant()).then([participant()]);
    with([participant()]).when(register_participant()).then([]);
    with([participant()])
        .when(ask("register-pupil", json!({"provider": "P1", "school": "S1"})))
        .refused(Refusal::OtherParticulars);
    with([participant()])
        .when(ask("register-participant", json!({"provider": "P1"})))
        .refused(Refusal::OtherParticulars);
}

#[test]
fn a_participant_is_at_an_open_school_with_an_agreement_or_at_an_active_provider() {
    elsewhere([], vec![]).when(register_participant()).refused(Refusal::SchoolNotOpen);
    elsewhere([], vec![school_registered(), school_closed()])
        .when(register_participant())
        .refused(Refusal::SchoolNotOpen);
    with([]).on("2025-07-31").when(register_participant()).refused(Refusal::NoAgreement);
    let without_school = || ask("register-participant", json!({"provider": "P1"}));
    with([]).when(without_school()).then([participant()]);
    elsewhere([], vec![]).when(without_school()).refused(Refusal::ProviderNotActive);
    let organisation = organisation::stream(&organisation_id("P1"));
    elsewhere([], vec![])
        .and::<Organisation>(&organisation, [provider_registered(), provider_deactivated()])
        .when(without_school())
        .refused(Refusal::ProviderNotActive);
}

#[test]
fn people_of_the_other_kinds_are_registered_where_they_belong() {
    with([]).when(ask("register-pupil", json!({"provider": "P1", "school": "S1"}))).then([registered_as("pupil")]);
    with([])
        .when(ask("register-beneficial-owner", json!({"provider": "P1"})))
        .then([registered_as("beneficial_owner")]);
    with([]).when(ask("register-trainee", json!({"district": "15"}))).then([registered_as("training_participant")]);
    with([]).when(ask("register-trainee", json!({"district": "15999"}))).refused(Refusal::UnknownDistrict);
}

#[test]
fn a_member_of_staff_works_for_the_provider_before_a_name_is_known() {
    let register = |n: u128| written::<Command>("register-staff-member", json!({"person": key(n), "provider": "P1"}));
    let staff = |n| staff::stream(&StaffPseudonym(key(n).0));
    let with_staff = |n| with([]).and::<Staff>(&staff(n), [staff_assigned(n, 1, 500, "2025-09-01", "2026-08-01")]);
    with_staff(1).when(register(1)).then([registered_as("staff")]);
    with([]).when(register(1)).refused(Refusal::UnknownStaff);
    // That a provider has seen a document makes nobody work for it.
    with([]).and::<Staff>(&staff(2), [staff_qualified(2)]).when(register(2)).refused(Refusal::UnknownStaff);
    let elsewhere = at_school().of_provider(organisation_id("P2"));
    with([])
        .and_at::<Staff>(&staff(1), elsewhere, [staff_assigned(1, 1, 500, "2025-09-01", "2026-08-01")])
        .when(register(1))
        .refused(Refusal::UnknownStaff);
}

#[test]
fn under_the_pseudonym_of_a_member_of_staff_nobody_else_is_registered() {
    let staff = StaffPseudonym(key(1).0);
    let absent = || {
        let period = Period::new(day("2025-09-01"), day("2025-09-02")).unwrap();
        [crate::absence::Event::Recorded { staff, absence: key(4), period }]
    };
    let others = [
        register_participant(),
        ask("register-pupil", json!({"provider": "P1", "school": "S1"})),
        ask("register-beneficial-owner", json!({"provider": "P1"})),
        ask("register-trainee", json!({"district": "15"})),
    ];
    for command in others {
        assert!(with([]).when(command.clone()).accepted());
        with([])
            .and::<Staff>(&staff::stream(&staff), [staff_qualified(1)])
            .when(command.clone())
            .refused(Refusal::MemberOfStaff);
        with([])
            .and::<Absence>(&absence::stream(&staff), absent())
            .when(command.clone())
            .refused(Refusal::MemberOfStaff);
        let reads = Person::reads(&command, &State::Unknown);
        assert!(reads.contains(&staff::stream(&staff)) && reads.contains(&absence::stream(&staff)), "{command:?}");
    }
}

#[test]
fn the_identity_that_holds_is_corrected_for_a_reason() {
    let correct = |n| ask("correct-identity", json!({"corrects": event_id(n)}));
    let corrected = |n| happened("identity-corrected", json!({"corrects": event_id(n)}));
    with([participant()]).when(correct(1)).refused(Refusal::ReasonMissing);
    let correcting = |events: Vec<Event>| with(events).because(Reason::DataEntryError);
    correcting(vec![participant()]).when(correct(1)).then([corrected(1)]);
    correcting(vec![participant()]).when(correct(2)).refused(Refusal::NotStanding);
    correcting(vec![participant(), corrected(1)]).when(correct(1)).refused(Refusal::NotStanding);
    correcting(vec![participant(), corrected(1)]).when(correct(2)).then([corrected(2)]);
    correcting(vec![]).when(correct(1)).refused(Refusal::NotRegistered);
    assert_eq!(Person::corrects(&corrected(2)), Some(event_id(2)));
}

#[test]
fn somebody_is_recognised_within_the_operations_of_one_provider() {
    let known_as = |kind: &str| {
        let mut state = State::default();
        Person::evolve(
            &mut state,
            &registered_as(kind),
            &crate::testing::fact(1, "2025-09-01", at_school_of_provider()),
        );
        state
    };
    let in_p1 = || "participant/P1".to_owned();
    let register = |provider: &str| ask("register-participant", json!({"provider": provider}));
    let unknown = State::default();
    assert_eq!(Person::recognised_in(&register_participant(), &unknown), Some(Recognition::Claims(in_p1())));
    assert_ne!(
        Person::recognised_in(&register("P1"), &unknown),
        Person::recognised_in(&register("P2"), &unknown),
        "each operation counts for itself"
    );
    let correct = ask("correct-identity", json!({"corrects": event_id(1)}));
    assert_eq!(Person::recognised_in(&correct, &known_as("participant")), Some(Recognition::Replaces(in_p1())));
    for (command, state) in [
        (correct.clone(), known_as("beneficial_owner")),
        (correct, unknown.clone()),
        (ask("register-trainee", json!({"district": "15"})), unknown),
    ] {
        assert_eq!(Person::recognised_in(&command, &state), None);
    }
}

#[test]
fn a_command_for_one_kind_of_person_reaches_no_other() {
    let opening = json!({"position": 1, "ground": "legal_claims"});
    let correcting = json!({"corrects": event_id(1)});
    let cases = [
        ("open-record", &opening, ["participant", "beneficial_owner", "staff"].as_slice()),
        ("open-owner-record", &opening, &["beneficial_owner"]),
        ("open-trainee-record", &opening, &["training_participant"]),
        ("correct-identity", &correcting, &["participant", "beneficial_owner"]),
        ("correct-staff-identity", &correcting, &["staff"]),
        ("correct-trainee-identity", &correcting, &["training_participant"]),
    ];
    for (name, more, kinds) in cases {
        for kind in PersonKind::ALL {
            let outcome = with([registered_as(kind.code())])
                .because(Reason::DataEntryError)
                .repeatable()
                .when(ask(name, more.clone()));
            match kinds.contains(&kind.code()) {
                true => assert!(outcome.accepted(), "{name} {kind:?}"),
                false => outcome.refused(Refusal::OtherKind),
            }
        }
    }
}

#[test]
fn each_opening_and_each_export_is_a_fact() {
    let open = || ask("open-record", json!({"position": 5, "ground": "work"}));
    let opened = || happened("record-opened", json!({"position": 5, "ground": "work"}));
    with([participant()]).repeatable().when(open()).then([opened()]);
    with([participant(), opened()]).repeatable().when(open()).then([opened()]);
    with([]).when(open()).refused(Refusal::NotRegistered);
    let export = || ask("export-person", json!({"ground": "data_subject_request"}));
    let exported = || happened("exported", json!({"ground": "data_subject_request"}));
    with([participant(), exported()]).repeatable().when(export()).then([exported()]);
}

#[test]
fn under_a_restriction_only_the_person_and_claims_count() {
    let restrict = |ground| ask("restrict-processing", json!({"ground": ground}));
    let restricted = || happened("processing-restricted", json!({"ground": "unlawful"}));
    let lift = || ask("lift-restriction", json!({}));
    let lifted = || happened("restriction-lifted", json!({}));
    with([participant()]).when(restrict("unlawful")).then([restricted()]);
    with([participant(), restricted()]).when(restrict("unlawful")).then([]);
    with([participant(), restricted()]).when(restrict("objection_pending")).refused(Refusal::AlreadyRestricted);
    let open = |ground: &str| {
        with([participant(), restricted()])
            .repeatable()
            .when(ask("open-record", json!({"position": 5, "ground": ground})))
    };
    open("work").refused(Refusal::Restricted);
    assert!(open("data_subject_request").accepted() && open("legal_claims").accepted());
    let export = |ground: &str| {
        with([participant(), restricted()]).repeatable().when(ask("export-person", json!({"ground": ground})))
    };
    export("supervisory_authority").refused(Refusal::Restricted);
    assert!(export("data_subject_request").accepted());
    with([participant(), restricted()]).when(lift()).refused(Refusal::ReasonMissing);
    let lifting = |events: Vec<Event>| with(events).because(Reason::LateInformation);
    lifting(vec![participant(), restricted()]).when(lift()).then([lifted()]);
    lifting(vec![participant()]).when(lift()).refused(Refusal::NotRestricted);
    assert!(
        with([participant(), restricted(), lifted()])
            .repeatable()
            .when(ask("open-record", json!({"position": 5, "ground": "work"})))
            .accepted()
    );
}

fn lock(purposes: &[&str], until: &str) -> Command {
    ask("lock-retention", json!({"purposes": purposes, "until": until, "ground": "esf_documents"}))
}

fn locked(purposes: &[&str], until: &str) -> Event {
    happened("retention-locked", json!({"purposes": purposes, "until": until, "ground": "esf_documents"}))
}

#[test]
fn a_lock_grows_and_never_shrinks() {
    let standing = || with([participant(), locked(&["statistics"], "2030-01-01")]);
    with([participant()]).when(lock(&["statistics"], "2030-01-01")).then([locked(&["statistics"], "2030-01-01")]);
    standing().when(lock(&["statistics"], "2030-01-01")).then([]);
    standing().when(lock(&["statistics"], "2031-01-01")).then([locked(&["statistics"], "2031-01-01")]);
    standing().when(lock(&["statistics"], "2029-12-31")).refused(Refusal::LockShortened);
    standing().when(lock(&["identity"], "2031-01-01")).refused(Refusal::LockShortened);
    with([participant()]).when(lock(&[], "2030-01-01")).refused(Refusal::NoPurpose);
    with([participant()]).when(lock(&["statistics"], "2025-10-01")).refused(Refusal::EndsInPast);
}

#[test]
fn a_lock_ends_early_for_a_reason_by_another_than_who_set_it() {
    let end = || ask("end-retention-lock", json!({"ground": "esf_documents"}));
    let ended = || happened("retention-lock-ended", json!({"ground": "esf_documents"}));
    let standing = || with([participant(), locked(&["statistics"], "2030-01-01")]);
    standing().acting(8).when(end()).refused(Refusal::ReasonMissing);
    standing().because(Reason::RuleChange).when(end()).refused(Refusal::OwnLock);
    standing().because(Reason::RuleChange).acting(8).when(end()).then([ended()]);
    standing().because(Reason::RuleChange).acting(8).on("2030-01-01").when(end()).refused(Refusal::NoLock);
    with([participant()]).because(Reason::RuleChange).when(end()).refused(Refusal::NoLock);
}

fn held() -> Event {
    happened("legal-hold-set", json!({"hold": key(5), "ground": "audit"}))
}

fn released() -> Event {
    happened("legal-hold-released", json!({"hold": key(5)}))
}

#[test]
fn a_hold_is_set_once_and_released_once_for_a_reason() {
    let hold = |ground| ask("set-legal-hold", json!({"hold": key(5), "ground": ground}));
    let release = || ask("release-legal-hold", json!({"hold": key(5)}));
    with([participant()]).when(hold("audit")).then([held()]);
    with([participant(), held()]).when(hold("audit")).then([]);
    with([participant(), held()]).when(hold("court_order")).refused(Refusal::OtherHold);
    with([participant(), held(), released()]).when(hold("audit")).refused(Refusal::OtherHold);
    with([participant(), held()]).when(release()).refused(Refusal::ReasonMissing);
    let releasing = |events: Vec<Event>| with(events).because(Reason::LateInformation);
    releasing(vec![participant(), held()]).when(release()).then([released()]);
    releasing(vec![participant(), held(), released()]).when(release()).then([]);
    releasing(vec![participant()]).when(release()).refused(Refusal::NoHold);
}

#[test]
fn what_is_known_of_a_pupil_is_exported_by_the_owner_of_the_case_alone() {
    let export = || ask("export-pupil", json!({"ground": "data_subject_request"}));
    let opened = written::<support_case::Event>(
        "support-case.opened.v1",
        json!({"person": key(1), "number": 1, "entry": "pupil"}),
    );
    let pupil = || {
        with([registered_as("pupil")])
            .and::<SupportCase>(&support_case::stream(&PersonId(key(1).0)), [opened.clone()])
            .repeatable()
    };
    assert!(pupil().when(export()).accepted());
    pupil().acting(8).when(export()).refused(Refusal::NotTheCaseOwner);
    let anyone = || ask("export-person", json!({"ground": "data_subject_request"}));
    pupil().when(anyone()).refused(Refusal::OtherKind);
}
