//! Rules of a member of staff: given events, when a command, then events or a refusal.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::fixtures::{
    agreement_signed, at_school, at_school_of_provider, cooperation_proposed, digest, district, office_established,
    organisation_id, provider_registered, school_closed, school_id, school_registered, staff_assigned, staff_qualified,
};
use crate::testing::{Given, day, given, key, written};

fn at_school_of(provider: &str) -> Value {
    json!({"school": {"school": "S1", "provider": provider}})
}

fn assign_to(workplace: &Value, function: &str, assignment: u128, fte: u32, from: &str, to: &str) -> Command {
    written(
        "assign-staff",
        json!({
            "staff": key(1), "assignment": key(assignment), "function": function, "workplace": workplace,
            "fte": fte, "period": {"from": from, "to": to},
        }),
    )
}

fn assign(assignment: u128, fte: u32, from: &str, to: &str) -> Command {
    assign_to(&at_school_of("P1"), "school_social_worker", assignment, fte, from, to)
}

fn assigned(assignment: u128, fte: u32, from: &str, to: &str) -> Event {
    staff_assigned(1, assignment, fte, from, to)
}

fn change(assignment: u128, fte: u32, from: &str) -> Command {
    written("change-assignment-fte", json!({"staff": key(1), "assignment": key(assignment), "fte": fte, "from": from}))
}

fn changed(assignment: u128, fte: u32, from: &str) -> Event {
    written("staff.fte-changed.v1", json!({"staff": key(1), "assignment": key(assignment), "fte": fte, "from": from}))
}

fn end(assignment: u128, on: &str) -> Command {
    written("end-assignment", json!({"staff": key(1), "assignment": key(assignment), "on": on}))
}

fn ended(assignment: u128, on: &str) -> Event {
    written("staff.assignment-ended.v1", json!({"staff": key(1), "assignment": key(assignment), "on": on}))
}

fn with(events: Vec<Event>, school: Vec<school::Event>, agreement: Option<(&str, &str)>) -> Given<Staff> {
    let agreement = agreement.map(|(from, to)| agreement_signed(from, to));
    given::<Staff>(events)
        .at(at_school_of_provider())
        .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
        .and_at::<Cooperation>(
            &cooperation::stream(&school_id("S1"), &organisation_id("P1")),
            at_school_of_provider(),
            [cooperation_proposed()].into_iter().chain(agreement),
        )
        .and::<NetworkOffice>(&network_office::stream(&district("15083")), [office_established("2025-08-01")])
        .and::<Organisation>(&organisation::stream(&organisation_id("P1")), [provider_registered()])
}

/// Qualified, with an open school, an agreement from 2025 to 2027 and an office.
fn usual(events: impl IntoIterator<Item = Event>) -> Given<Staff> {
    let events = [staff_qualified(1)].into_iter().chain(events).collect();
    with(events, vec![school_registered()], Some(("2025-08-01", "2027-08-01")))
}

fn folded(events: impl IntoIterator<Item = Event>) -> State {
    let mut state = State::default();
    for event in events {
        let fact = crate::testing::fact(1, "2025-09-01", at_school_of_provider());
        Staff::evolve(&mut state, &event, &fact);
    }
    state
}

#[test]
fn a_qualification_is_confirmed_once_by_a_provider() {
    let confirm = |provider| {
        written::<Command>(
            "confirm-staff-qualification",
            json!({
                "staff": key(1), "provider": provider, "qualification": "social_work", "state_recognised": true,
                "document": digest('A'),
            }),
        )
    };
    with(vec![], vec![], None).when(confirm("P1")).then([staff_qualified(1)]);
    usual([]).when(confirm("P1")).then([]);
    with(vec![], vec![], None).when(confirm("P2")).refused(Refusal::ProviderNotActive);
}

#[test]
fn somebody_is_assigned_once_under_a_key() {
    let time = ("2025-09-01", "2026-08-01");
    usual([]).when(assign(1, 500, time.0, time.1)).then([assigned(1, 500, time.0, time.1)]);
    usual([assigned(1, 500, time.0, time.1)]).when(assign(1, 500, time.0, time.1)).then([]);
    usual([assigned(1, 500, time.0, time.1)]).when(assign(1, 600, time.0, time.1)).refused(Refusal::OtherParticulars);
}

#[test]
fn a_function_belongs_to_its_workplace() {
    let office = json!({"office": {"district": "15083"}});
    usual([])
        .when(assign_to(&office, "school_social_worker", 1, 500, "2025-09-01", "2026-08-01"))
        .refused(Refusal::FunctionElsewhere);
    usual([])
        .when(assign_to(&at_school_of("P1"), "network_coordinator", 1, 500, "2025-09-01", "2026-08-01"))
        .refused(Refusal::FunctionElsewhere);
}

#[test]
fn an_office_is_active_on_the_first_day_and_asks_for_no_qualification() {
    let office = json!({"office": {"district": "15083"}});
    let assign = |from| assign_to(&office, "network_coordinator", 1, 500, from, "2026-08-01");
    assert!(with(vec![], vec![], None).when(assign("2025-08-01")).accepted());
    with(vec![], vec![], None).when(assign("2025-07-31")).refused(Refusal::OfficeNotActive);
}

#[test]
fn school_social_work_asks_for_a_qualification_before_the_first_day() {
    let school = || vec![school_registered()];
    let agreement = Some(("2025-08-01", "2027-08-01"));
    with(vec![], school(), agreement).when(assign(1, 500, "2025-09-01", "2026-08-01")).refused(Refusal::NotQualified);
    // The qualification of `usual` was confirmed on 1 September.
    usual([]).when(assign(1, 500, "2025-08-31", "2026-08-01")).refused(Refusal::NotQualified);
}

#[test]
fn an_agreement_is_in_force_for_the_whole_assignment() {
    let school = || vec![school_registered()];
    let qualified = || vec![staff_qualified(1)];
    let assign = || assign(1, 500, "2025-09-01", "2026-08-01");
    with(qualified(), school(), None).when(assign()).refused(Refusal::NoAgreement);
    with(qualified(), school(), Some(("2025-09-02", "2026-08-01"))).when(assign()).refused(Refusal::NoAgreement);
    with(qualified(), school(), Some(("2025-09-01", "2026-07-31"))).when(assign()).refused(Refusal::NoAgreement);
    assert!(with(qualified(), school(), Some(("2025-09-01", "2026-08-01"))).when(assign()).accepted());
    usual([])
        .when(assign_to(&at_school_of("P2"), "school_social_worker", 1, 500, "2025-09-01", "2026-08-01"))
        .refused(Refusal::NoAgreement);
}

#[test]
fn the_school_exists_on_the_first_day() {
    let agreement = Some(("2025-08-01", "2027-08-01"));
    let assign = || assign(1, 500, "2025-09-01", "2026-08-01");
    with(vec![staff_qualified(1)], vec![], agreement).when(assign()).refused(Refusal::SchoolNotOpen);
    with(vec![staff_qualified(1)], vec![school_registered(), school_closed()], agreement)
        .when(assign())
        .refused(Refusal::SchoolNotOpen);
}

#[test]
fn nobody_is_assigned_to_more_than_a_full_position_on_any_day() {
    let half_then_more = || [assigned(1, 500, "2025-09-01", "2026-08-01"), changed(1, 700, "2026-01-01")];
    usual(half_then_more()).when(assign(2, 301, "2025-09-01", "2026-08-01")).refused(Refusal::TooMuch);
    assert!(usual(half_then_more()).when(assign(2, 300, "2025-09-01", "2026-08-01")).accepted());
    assert!(usual(half_then_more()).when(assign(2, 500, "2025-09-01", "2026-01-01")).accepted());
    usual(half_then_more()).when(assign(2, 500, "2025-09-01", "2026-01-02")).refused(Refusal::TooMuch);
}

#[test]
fn a_change_of_share_counts_later_assignments_too() {
    let events = || [assigned(1, 500, "2025-09-01", "2026-08-01"), assigned(2, 500, "2026-02-01", "2026-08-01")];
    usual(events()).when(change(1, 501, "2025-10-01")).refused(Refusal::TooMuch);
    usual(events()).when(change(1, 400, "2025-10-01")).then([changed(1, 400, "2025-10-01")]);
    let [first, second] = events();
    usual([first, second, ended(2, "2026-02-01")]).when(change(1, 1000, "2025-10-01")).then([changed(
        1,
        1000,
        "2025-10-01",
    )]);
}

#[test]
fn a_share_changes_inside_the_assignment_and_not_before_the_last_change() {
    let events = || [assigned(1, 500, "2025-09-01", "2026-08-01"), changed(1, 700, "2026-01-01")];
    usual(events()).when(change(1, 600, "2026-08-01")).refused(Refusal::OutsideAssignment);
    usual(events()).when(change(1, 600, "2025-12-31")).refused(Refusal::BeforeLastChange);
    usual(events()).when(change(1, 600, "2026-01-01")).then([changed(1, 600, "2026-01-01")]);
    usual(events()).when(change(1, 700, "2026-02-01")).then([]);
    usual([]).when(change(1, 700, "2026-02-01")).refused(Refusal::UnknownAssignment);
}

#[test]
fn a_change_of_share_that_the_end_came_before_is_forgotten() {
    let events = [assigned(1, 500, "2025-09-01", "2026-08-01"), changed(1, 700, "2026-01-01"), ended(1, "2025-12-01")];
    usual(events).when(change(1, 600, "2025-11-01")).then([changed(1, 600, "2025-11-01")]);
}

#[test]
fn an_assignment_ends_for_a_reason_inside_its_time() {
    let event = || assigned(1, 500, "2025-09-01", "2026-08-01");
    usual([event()]).when(end(1, "2026-01-01")).refused(Refusal::ReasonMissing);
    let leaving = |events: Vec<Event>| usual(events).because(Reason::StaffChange);
    leaving(vec![event()]).when(end(1, "2026-01-01")).then([ended(1, "2026-01-01")]);
    leaving(vec![event(), ended(1, "2026-01-01")]).when(end(1, "2026-01-01")).then([]);
    leaving(vec![event(), ended(1, "2026-01-01")]).when(end(1, "2026-01-02")).refused(Refusal::EndsOutside);
    leaving(vec![event()]).when(end(1, "2025-08-31")).refused(Refusal::EndsOutside);
    leaving(vec![event()]).when(end(2, "2026-01-01")).refused(Refusal::UnknownAssignment);
}

#[test]
fn the_shares_of_an_assignment_follow_one_another_to_its_end() {
    let state = folded([
        assigned(1, 500, "2025-09-01", "2026-08-01"),
        changed(1, 700, "2026-01-01"),
        changed(1, 800, "2026-03-01"),
        ended(1, "2026-02-01"),
    ]);
    let assignment = state.assignment(&key(1)).unwrap();
    let shares: Vec<_> =
        assignment.shares().map(|(period, fte)| (period.from.to_string(), period.to.to_string(), fte.get())).collect();
    let expected = [("2025-09-01", "2026-01-01", 500), ("2026-01-01", "2026-02-01", 700)];
    assert_eq!(shares, expected.map(|(from, to, fte)| (from.to_owned(), to.to_owned(), fte)));
    assert_eq!(state.fte_on(day("2026-01-31")), 700);
    assert_eq!(state.fte_on(day("2026-02-01")), 0);
    assert!(assignment.active_on(day("2026-01-31")) && !assignment.active_on(day("2026-02-01")));
}

#[test]
fn an_assignment_belongs_to_the_school_and_the_provider() {
    let reference = crate::testing::reference();
    let facts = crate::testing::facts(&reference);
    let state = folded([assigned(1, 500, "2025-09-01", "2026-08-01")]);
    assert_eq!(Staff::place(&end(1, "2026-01-01"), &state, &facts), Some(at_school_of_provider()));
    assert_eq!(Staff::place(&end(2, "2026-01-01"), &state, &facts), None);
    assert_eq!(Staff::place(&assign(3, 1, "2026-01-01", "2026-02-01"), &state, &facts), None);
}
