//! When somebody is absent, and who stands in.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::fixtures::{at_school_of_provider, staff_assigned, staff_qualified};
use crate::testing::{Given, given, key, written};

fn body(absence: u128, more: Value) -> Value {
    let mut body = json!({"staff": key(1), "absence": key(absence)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn days(from: &str, to: &str) -> Value {
    json!({"period": {"from": from, "to": to}})
}

fn record(absence: u128, from: &str, to: &str) -> Command {
    written("record-absence", body(absence, days(from, to)))
}

fn recorded(absence: u128, from: &str, to: &str) -> Event {
    written("absence.recorded.v1", body(absence, days(from, to)))
}

/// From 1 to 30 November.
fn absent() -> Event {
    recorded(1, "2025-11-01", "2025-12-01")
}

fn amend(from: &str, to: &str) -> Command {
    written("amend-absence", body(1, days(from, to)))
}

fn withdraw() -> Command {
    written("withdraw-absence", body(1, json!({})))
}

fn withdrawn() -> Event {
    written("absence.withdrawn.v1", body(1, json!({})))
}

fn substitution(substitute: u128, from: &str, to: &str) -> Value {
    body(1, json!({"substitute": key(substitute), "period": {"from": from, "to": to}}))
}

fn appoint(substitute: u128, from: &str, to: &str) -> Command {
    written("appoint-substitute", substitution(substitute, from, to))
}

fn appointed(from: &str, to: &str) -> Event {
    written("absence.substitute-appointed.v1", substitution(2, from, to))
}

fn end(substitute: u128, on: &str) -> Command {
    written("end-substitution", body(1, json!({"substitute": key(substitute), "on": on})))
}

fn ended(on: &str) -> Event {
    written("absence.substitution-ended.v1", body(1, json!({"substitute": key(2), "on": on})))
}

fn of(n: u128) -> StaffPseudonym {
    StaffPseudonym(key(n).0)
}

/// Member of staff 1 is assigned for the school year; 2 is qualified and absent on 20 November, 3 is
/// assigned and not qualified.
fn with(events: impl IntoIterator<Item = Event>) -> Given<Absence> {
    let ill = Event::Recorded {
        staff: of(2),
        absence: key(9),
        period: Period::new(crate::testing::day("2025-11-20"), crate::testing::day("2025-11-21")).unwrap(),
    };
    given::<Absence>(events)
        .at(at_school_of_provider())
        .and::<Staff>(&staff::stream(&of(1)), [staff_assigned(1, 1, 500, "2025-09-01", "2026-08-01")])
        .and::<Staff>(&staff::stream(&of(2)), [staff_qualified(2)])
        .and::<Staff>(&staff::stream(&of(3)), [staff_assigned(3, 1, 500, "2025-09-01", "2026-08-01")])
        .and::<Staff>(&staff::stream(&of(4)), [])
        .and::<Absence>(&stream(&of(2)), [ill])
}

#[test]
fn an_absence_is_recorded_once_while_there_is_an_assignment() {
    with([]).when(record(1, "2025-11-01", "2025-12-01")).then([absent()]);
    with([absent()]).when(record(1, "2025-11-01", "2025-12-01")).then([]);
    with([absent()]).when(record(1, "2025-11-01", "2025-12-02")).refused(Refusal::OtherParticulars);
    with([]).when(record(1, "2025-08-31", "2025-09-02")).refused(Refusal::NotAssigned);
    with([]).when(record(1, "2026-08-01", "2026-08-02")).refused(Refusal::NotAssigned);
}

#[test]
fn nobody_is_absent_twice_on_one_day() {
    with([absent()]).when(record(2, "2025-11-30", "2025-12-05")).refused(Refusal::Overlaps);
    with([absent()]).when(record(2, "2025-12-01", "2025-12-05")).then([recorded(2, "2025-12-01", "2025-12-05")]);
    assert!(with([absent(), withdrawn()]).when(record(2, "2025-11-30", "2025-12-05")).accepted());
    with([absent(), recorded(2, "2025-12-01", "2025-12-05")])
        .because(Reason::LateInformation)
        .when(amend("2025-11-01", "2025-12-02"))
        .refused(Refusal::Overlaps);
}

#[test]
fn an_absence_is_amended_and_withdrawn_for_a_reason() {
    let amended: Event = written(
        "absence.amended.v1",
        body(
            1,
            json!({
                "before": {"from": "2025-11-01", "to": "2025-12-01"}, "period": {"from": "2025-11-01", "to": "2025-11-15"},
            }),
        ),
    );
    with([absent()]).when(amend("2025-11-01", "2025-11-15")).refused(Refusal::ReasonMissing);
    with([absent()]).when(withdraw()).refused(Refusal::ReasonMissing);
    let knowing = |events: Vec<Event>| with(events).because(Reason::LateInformation);
    knowing(vec![absent()]).when(amend("2025-11-01", "2025-11-15")).then([amended]);
    knowing(vec![absent()]).when(amend("2025-11-01", "2025-12-01")).then([]);
    knowing(vec![]).when(amend("2025-11-01", "2025-11-15")).refused(Refusal::UnknownAbsence);
    knowing(vec![absent()]).when(withdraw()).then([withdrawn()]);
    knowing(vec![absent(), withdrawn()]).when(withdraw()).then([]);
    knowing(vec![absent(), withdrawn()]).when(amend("2025-11-01", "2025-11-15")).refused(Refusal::OtherParticulars);
}

#[test]
fn a_ground_is_corrected_for_a_reason_as_often_as_it_was_wrong() {
    let correct = || written::<Command>("correct-absence-ground", body(1, json!({})));
    let corrected = || written::<Event>("absence.ground-corrected.v1", body(1, json!({})));
    with([absent()]).when(correct()).refused(Refusal::ReasonMissing);
    let knowing = |events: Vec<Event>| with(events).because(Reason::DataEntryError).repeatable();
    knowing(vec![absent()]).when(correct()).then([corrected()]);
    knowing(vec![absent(), corrected()]).when(correct()).then([corrected()]);
    knowing(vec![]).when(correct()).refused(Refusal::UnknownAbsence);
    knowing(vec![absent(), withdrawn()]).when(correct()).refused(Refusal::OtherParticulars);
    let participant =
        written::<person::Event>("person.registered.v1", json!({"person": key(1), "kind": "participant"}));
    knowing(vec![absent()])
        .and::<Person>(&person::stream_of_staff(&of(1)), [participant])
        .when(correct())
        .refused(Refusal::SomebodyElse);
}

#[test]
fn a_substitute_is_somebody_else_qualified_and_there() {
    with([absent()]).when(appoint(2, "2025-11-01", "2025-11-20")).then([appointed("2025-11-01", "2025-11-20")]);
    with([absent(), appointed("2025-11-01", "2025-11-20")]).when(appoint(2, "2025-11-01", "2025-11-20")).then([]);
    with([absent()]).when(appoint(1, "2025-11-01", "2025-11-20")).refused(Refusal::Themselves);
    with([absent()]).when(appoint(3, "2025-11-01", "2025-11-20")).refused(Refusal::NotQualified);
    with([absent()]).when(appoint(4, "2025-11-01", "2025-11-20")).refused(Refusal::NotQualified);
    with([absent()]).when(appoint(2, "2025-11-01", "2025-11-21")).refused(Refusal::SubstituteAbsent);
    assert!(with([absent()]).when(appoint(2, "2025-11-21", "2025-12-01")).accepted());
}

#[test]
fn a_substitution_lies_inside_the_absence_and_stays_there() {
    with([absent()]).when(appoint(2, "2025-10-31", "2025-11-20")).refused(Refusal::OutsideAbsence);
    with([absent()]).when(appoint(2, "2025-11-21", "2025-12-02")).refused(Refusal::OutsideAbsence);
    let standing = || vec![absent(), appointed("2025-11-05", "2025-11-20")];
    with(standing()).when(appoint(2, "2025-11-19", "2025-11-20")).refused(Refusal::AlreadySubstitute);
    let knowing = || with(standing()).because(Reason::LateInformation);
    knowing().when(amend("2025-11-06", "2025-12-01")).refused(Refusal::Substituted);
    knowing().when(withdraw()).refused(Refusal::Substituted);
    assert!(knowing().when(amend("2025-11-05", "2025-11-20")).accepted());
}

#[test]
fn a_substitution_ends_inside_its_time_and_on_its_first_day_never_was() {
    let standing = || vec![absent(), appointed("2025-11-05", "2025-11-20")];
    with(standing()).when(end(2, "2025-11-10")).then([ended("2025-11-10")]);
    with(standing()).when(end(2, "2025-11-20")).then([]);
    with(standing()).when(end(2, "2025-11-21")).refused(Refusal::EndsOutside);
    with(standing()).when(end(2, "2025-11-04")).refused(Refusal::EndsOutside);
    with(standing()).when(end(3, "2025-11-10")).refused(Refusal::UnknownSubstitution);
    with([standing(), vec![ended("2025-11-05")]].concat())
        .because(Reason::DataEntryError)
        .when(withdraw())
        .then([withdrawn()]);
}

#[test]
fn nothing_is_recorded_of_which_the_ground_could_not_be_sealed() {
    let said = |name: &str, more: Value| {
        let mut body = json!({"person": key(1)});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        written::<person::Event>(&format!("person.{name}.v1"), body)
    };
    let request = crate::testing::event_id(2);
    let requested = [
        said("registered", json!({"kind": "staff"})),
        said("erasure-requested", json!({"ground": "objection", "purposes": ["special_category"]})),
    ];
    let begun = said("erasure-begun", json!({"request": request}));
    let erased = said(
        "erased",
        json!({
            "request": request, "keys": [], "purposes": ["special_category"], "kek_version": 1, "slots_purged": 0,
            "bound_until": "2025-10-01",
        }),
    );
    let record = |events: &[person::Event]| {
        with([]).and::<Person>(&person::stream_of_staff(&of(1)), events.to_vec()).when(record(
            1,
            "2025-11-01",
            "2025-12-01",
        ))
    };
    assert!(record(&requested).accepted());
    record(&[said("registered", json!({"kind": "participant"}))]).refused(Refusal::SomebodyElse);
    // Between the scan for ciphertexts and the end of the keys nothing comes.
    record(&[&requested[..], std::slice::from_ref(&begun)].concat()).refused(Refusal::Erased);
    record(&[&requested[..], &[begun, erased]].concat()).refused(Refusal::Erased);
}

#[test]
fn an_absence_belongs_where_the_assignment_does() {
    let reference = crate::testing::reference();
    let facts = crate::testing::facts(&reference);
    let mut state = State::default();
    Absence::evolve(&mut state, &absent(), &crate::testing::fact(1, "2025-11-01", at_school_of_provider()));
    assert_eq!(Absence::place(&withdraw(), &state, &facts), Some(at_school_of_provider()));
    assert_eq!(Absence::place(&record(2, "2026-01-01", "2026-01-02"), &state, &facts), None);
}
