//! Rules of a cooperation: given events, when a command, then events or a refusal.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::fixtures::{
    agreement_signed, at_school, at_school_of_provider, cooperation_proposed, digest, organisation_id,
    provider_deactivated, provider_recognised, provider_registered, school_closed, school_id, school_registered,
};
use crate::testing::{Given, day, given, key, written};

fn ask(name: &str, more: Value) -> Command {
    let mut body = json!({"school": "S1", "provider": "P1"});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    written(name, body)
}

fn propose(concept: char) -> Command {
    ask("propose-cooperation", json!({"concept": digest(concept)}))
}

fn sign_with(from: &str, to: &str, change: impl FnOnce(&mut Value)) -> Command {
    let mut body = json!({
        "period": {"from": from, "to": to}, "goals": ["fewer_dropouts", "teamwork"], "meeting_rhythm": "monthly",
        "data_protection_clause": true, "signed_by": {"school": true, "provider": true}, "document": digest('A'),
    });
    change(&mut body);
    ask("sign-cooperation-agreement", body)
}

fn sign(from: &str, to: &str) -> Command {
    sign_with(from, to, |_| {})
}

fn resolve(held_on: &str, result: &str) -> Command {
    ask("record-conference-resolution", json!({"held_on": held_on, "result": result}))
}

fn resolved(held_on: &str, result: &str) -> Event {
    written("cooperation.conference-resolution-recorded.v1", json!({"held_on": held_on, "result": result}))
}

fn amend(more: Value) -> Command {
    ask("amend-cooperation-agreement", more)
}

fn review(held_on: &str, goals: &[&str]) -> Command {
    let goals: Vec<_> = goals.iter().map(|goal| json!({"goal": goal, "degree": "partly"})).collect();
    ask("hold-cooperation-review", json!({"held_on": held_on, "goals": goals}))
}

fn terminate(on: &str) -> Command {
    ask("terminate-cooperation", json!({"on": on}))
}

fn terminated(on: &str) -> Event {
    written("cooperation.terminated.v1", json!({"on": on}))
}

fn with(
    events: impl IntoIterator<Item = Event>,
    school: Vec<school::Event>,
    provider: Vec<organisation::Event>,
) -> Given<Cooperation> {
    given::<Cooperation>(events)
        .at(at_school_of_provider())
        .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
        .and::<Organisation>(&organisation::stream(&organisation_id("P1")), provider)
}

/// With an open school and a recognised provider.
fn usual(events: impl IntoIterator<Item = Event>) -> Given<Cooperation> {
    with(events, vec![school_registered()], vec![provider_registered(), provider_recognised()])
}

fn agreed() -> [Event; 2] {
    [cooperation_proposed(), agreement_signed("2025-08-01", "2026-08-01")]
}

fn folded(events: impl IntoIterator<Item = Event>) -> State {
    let mut state = State::default();
    for event in events {
        let fact = crate::testing::fact(1, "2025-09-01", at_school_of_provider());
        Cooperation::evolve(&mut state, &event, &fact);
    }
    state
}

#[test]
fn a_cooperation_is_proposed_once() {
    usual([]).when(propose('A')).then([cooperation_proposed()]);
    usual([cooperation_proposed()]).when(propose('A')).then([]);
    usual([cooperation_proposed()]).when(propose('B')).refused(Refusal::OtherParticulars);
}

#[test]
fn a_cooperation_is_of_an_open_school_and_an_active_provider() {
    let provider = || vec![provider_registered()];
    with([], vec![], provider()).when(propose('A')).refused(Refusal::SchoolNotOpen);
    with([], vec![school_registered(), school_closed()], provider()).when(propose('A')).refused(Refusal::SchoolNotOpen);
    with([], vec![school_registered()], vec![]).when(propose('A')).refused(Refusal::ProviderNotActive);
    with([], vec![school_registered()], vec![provider_registered(), provider_deactivated()])
        .when(propose('A'))
        .refused(Refusal::ProviderNotActive);
}

#[test]
fn nothing_is_signed_that_was_not_proposed() {
    usual([]).when(sign("2025-08-01", "2026-08-01")).refused(Refusal::NotProposed);
}

#[test]
fn an_agreement_is_signed_by_both_with_data_protection_and_goals() {
    let sign = |change: fn(&mut Value)| sign_with("2025-08-01", "2026-08-01", change);
    let begun = || usual([cooperation_proposed()]);
    begun().when(sign(|_| {})).then([agreement_signed("2025-08-01", "2026-08-01")]);
    begun().when(sign(|body| body["signed_by"]["school"] = json!(false))).refused(Refusal::Unsigned);
    begun().when(sign(|body| body["signed_by"]["provider"] = json!(false))).refused(Refusal::Unsigned);
    begun().when(sign(|body| body["data_protection_clause"] = json!(false))).refused(Refusal::NoDataProtection);
    begun().when(sign(|body| body["goals"] = json!([]))).refused(Refusal::GoalCount);
    let all: Vec<_> = Goal::ALL.iter().map(|goal| goal.code()).collect();
    let eleven = sign_with("2025-08-01", "2026-08-01", |body| body["goals"] = json!(all[..11]));
    begun().when(eleven).refused(Refusal::GoalCount);
    let ten = sign_with("2025-08-01", "2026-08-01", |body| body["goals"] = json!(all[..10]));
    assert!(begun().when(ten).accepted());
}

#[test]
fn an_agreement_asks_for_a_recognised_provider() {
    with([cooperation_proposed()], vec![school_registered()], vec![provider_registered()])
        .when(sign("2025-08-01", "2026-08-01"))
        .refused(Refusal::ProviderNotRecognised);
}

#[test]
fn a_negative_resolution_stands_in_the_way_until_a_later_one_is_affirmative() {
    let no = resolved("2025-06-01", "negative");
    usual([cooperation_proposed(), no.clone()])
        .when(sign("2025-08-01", "2026-08-01"))
        .refused(Refusal::ResolutionNegative);
    usual([cooperation_proposed(), no, resolved("2025-06-20", "affirmative")])
        .when(sign("2025-08-01", "2026-08-01"))
        .then([agreement_signed("2025-08-01", "2026-08-01")]);
}

#[test]
fn a_resolution_is_recorded_once_after_it_was_made_and_in_order() {
    usual([cooperation_proposed()])
        .when(resolve("2025-09-30", "affirmative"))
        .then([resolved("2025-09-30", "affirmative")]);
    usual([cooperation_proposed()]).when(resolve("2025-10-02", "affirmative")).refused(Refusal::HeldLater);
    let known = || [cooperation_proposed(), resolved("2025-09-30", "affirmative")];
    usual(known()).when(resolve("2025-09-30", "affirmative")).then([]);
    usual(known()).when(resolve("2025-09-29", "negative")).refused(Refusal::OtherResolution);
}

#[test]
fn an_opinion_is_recorded_until_it_changes() {
    let body = |result| json!({"by": "youth_office", "result": result});
    let event = |result| written::<Event>("cooperation.expert-opinion-recorded.v1", body(result));
    let ask = |result| ask("record-expert-opinion", body(result));
    usual([cooperation_proposed()]).when(ask("against")).then([event("against")]);
    usual([cooperation_proposed(), event("against")]).when(ask("against")).then([]);
    usual([cooperation_proposed(), event("against")]).when(ask("in_favour")).then([event("in_favour")]);
}

#[test]
fn one_agreement_is_in_force_at_a_time() {
    usual(agreed()).when(sign("2025-08-01", "2026-08-01")).then([]);
    usual(agreed()).when(sign("2026-07-31", "2027-08-01")).refused(Refusal::Overlap);
    usual(agreed()).when(sign("2026-08-01", "2027-08-01")).then([agreement_signed("2026-08-01", "2027-08-01")]);
}

#[test]
fn an_amendment_changes_days_or_goals_of_the_latest_agreement() {
    let longer = || json!({"period": {"from": "2025-08-01", "to": "2027-08-01"}, "document": digest('B')});
    let amended: Event = written(
        "cooperation.agreement-amended.v1",
        json!({
            "before": {"from": "2025-08-01", "to": "2026-08-01"}, "period": {"from": "2025-08-01", "to": "2027-08-01"},
            "goals": ["fewer_dropouts", "teamwork"], "document": digest('B'),
        }),
    );
    let [proposed, signed] = agreed();
    usual([proposed.clone(), signed.clone()]).when(amend(longer())).then([amended.clone()]);
    usual([proposed.clone(), signed, amended]).when(amend(longer())).then([]);
    usual(agreed()).when(amend(json!({"document": digest('B')}))).refused(Refusal::NothingAmended);
    usual([proposed.clone()]).when(amend(longer())).refused(Refusal::NoAgreement);
    usual([proposed, agreement_signed("2024-08-01", "2025-08-01"), agreement_signed("2025-08-01", "2026-08-01")])
        .when(amend(json!({"period": {"from": "2025-07-31", "to": "2026-08-01"}, "document": digest('B')})))
        .refused(Refusal::Overlap);
}

#[test]
fn the_latest_agreement_is_the_one_that_begins_last_in_whatever_order_they_were_signed() {
    let state = [
        cooperation_proposed(),
        agreement_signed("2025-08-01", "2026-08-01"),
        agreement_signed("2024-08-01", "2025-08-01"),
    ];
    usual(state)
        .when(amend(json!({"period": {"from": "2025-08-01", "to": "2027-08-01"}, "document": digest('A')})))
        .then([written(
            "cooperation.agreement-amended.v1",
            json!({
                "before": {"from": "2025-08-01", "to": "2026-08-01"}, "period": {"from": "2025-08-01", "to": "2027-08-01"},
                "goals": ["fewer_dropouts", "teamwork"], "document": digest('A'),
            }),
        )]);
}

#[test]
fn a_review_concerns_goals_of_the_agreement_of_that_day_once() {
    let held: Event = written(
        "cooperation.review-held.v1",
        json!({"held_on": "2025-09-20", "goals": [{"goal": "teamwork", "degree": "partly"}]}),
    );
    usual(agreed()).when(review("2025-09-20", &["teamwork"])).then([held.clone()]);
    usual(agreed()).when(review("2025-09-20", &["inclusion"])).refused(Refusal::ForeignGoal);
    usual(agreed()).when(review("2025-09-20", &["teamwork", "teamwork"])).refused(Refusal::ForeignGoal);
    usual(agreed()).when(review("2025-09-20", &[])).refused(Refusal::ForeignGoal);
    usual(agreed()).when(review("2025-07-31", &["teamwork"])).refused(Refusal::NoAgreement);
    usual(agreed()).when(review("2025-10-02", &["teamwork"])).refused(Refusal::HeldLater);
    let [proposed, signed] = agreed();
    let known = || [proposed.clone(), signed.clone(), held.clone()];
    usual(known()).when(review("2025-09-20", &["teamwork"])).then([]);
    usual(known()).when(review("2025-09-20", &["fewer_dropouts"])).refused(Refusal::OtherReview);
}

#[test]
fn an_issue_is_raised_and_resolved_once() {
    let raise = |topic| ask("raise-cooperation-issue", json!({"issue": key(1), "topic": topic}));
    let resolve = || ask("resolve-cooperation-issue", json!({"issue": key(1)}));
    let raised = || written::<Event>("cooperation.issue-raised.v1", json!({"issue": key(1), "topic": "rooms"}));
    let done = || written::<Event>("cooperation.issue-resolved.v1", json!({"issue": key(1)}));
    usual([cooperation_proposed()]).when(raise("rooms")).then([raised()]);
    usual([cooperation_proposed(), raised()]).when(raise("rooms")).then([]);
    usual([cooperation_proposed(), raised()]).when(raise("roles")).refused(Refusal::OtherIssue);
    usual([cooperation_proposed()]).when(resolve()).refused(Refusal::UnknownIssue);
    usual([cooperation_proposed(), raised()]).when(resolve()).then([done()]);
    usual([cooperation_proposed(), raised(), done()]).when(resolve()).then([]);
}

#[test]
fn a_cooperation_ends_for_a_reason_and_not_before_its_agreement_began() {
    usual(agreed()).when(terminate("2025-12-01")).refused(Refusal::ReasonMissing);
    let ending = |events: Vec<Event>| usual(events).because(Reason::FundingEnded);
    ending(agreed().to_vec()).when(terminate("2025-12-01")).then([terminated("2025-12-01")]);
    ending(agreed().to_vec()).when(terminate("2025-07-31")).refused(Refusal::EndsTooEarly);
    ending(agreed().to_vec()).when(terminate("2026-08-01")).refused(Refusal::NoAgreement);
    let [proposed, signed] = agreed();
    ending(vec![proposed, signed, terminated("2025-12-01")]).when(terminate("2025-12-01")).then([]);
}

#[test]
fn a_later_agreement_ends_with_the_cooperation_and_a_new_one_can_follow() {
    let [proposed, signed] = agreed();
    let next = agreement_signed("2026-08-01", "2027-08-01");
    let state = folded([proposed.clone(), signed.clone(), next, terminated("2025-12-01")]);
    let in_force = |on| state.agreement_on(day(on)).is_some();
    assert_eq!(["2025-11-30", "2025-12-01", "2026-08-01"].map(in_force), [true, false, false]);
    usual([proposed, signed, terminated("2025-12-01")])
        .when(sign("2025-12-01", "2026-08-01"))
        .then([agreement_signed("2025-12-01", "2026-08-01")]);
}

#[test]
fn a_time_is_covered_by_one_agreement_or_several_in_turn() {
    let state = folded([
        cooperation_proposed(),
        agreement_signed("2024-08-01", "2025-08-01"),
        agreement_signed("2025-08-01", "2026-08-01"),
        agreement_signed("2026-08-02", "2027-08-01"),
    ]);
    let covers = |from, to| state.covers(&Period::new(day(from), day(to)).unwrap());
    assert!(covers("2024-08-01", "2025-08-01"));
    assert!(covers("2025-01-01", "2026-08-01"));
    assert!(!covers("2024-07-31", "2025-08-01"));
    assert!(!covers("2026-01-01", "2026-08-02"));
    assert!(!covers("2026-01-01", "2027-01-01"));
}

#[test]
fn a_cooperation_belongs_to_the_school_and_a_known_provider() {
    let reference = crate::testing::reference();
    let facts = crate::testing::facts(&reference);
    assert_eq!(Cooperation::place(&propose('A'), &State::default(), &facts), None);
    let known = folded([cooperation_proposed()]);
    let place = Cooperation::place(&terminate("2026-01-01"), &known, &facts);
    assert_eq!(place, Some(at_school_of_provider()));
}
