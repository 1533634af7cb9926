//! Rules of interventions: given events, when a command, then events or a refusal.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::fixtures::{
    at_school, at_school_of_provider, school_closed, school_id, school_registered, staff_assigned,
};
use crate::testing::story::every_kind_of_work;
use crate::testing::{Given, day, event_id, given, key, written};

fn mediation(parties: u32) -> Value {
    json!({"mediation": {"parties": parties, "result": "agreed"}})
}

fn prevention(women: u32) -> Value {
    json!({"prevention": {
        "topic": "addiction", "levels": "7-8", "sessions": 1, "headcount": {"women": women, "men": 0, "non_binary": 0},
    }})
}

fn record(assignment: u128, minutes: u32, work: &Value) -> Command {
    written(
        "record-intervention",
        json!({
            "school": "S1", "staff": key(1), "assignment": key(assignment), "minutes": minutes, "work": work,
        }),
    )
}

fn recorded(minutes: u32, work: &Value) -> Event {
    written(
        "intervention.recorded.v1",
        json!({"staff": key(1), "assignment": key(1), "minutes": minutes, "work": work}),
    )
}

fn correct(intervention: u128, minutes: u32, work: &Value) -> Command {
    written(
        "correct-intervention",
        json!({
            "school": "S1", "school_year": "2025/26", "intervention": event_id(intervention), "minutes": minutes,
            "work": work,
        }),
    )
}

fn corrected(minutes: u32, women: u32, before: (u32, u32)) -> Event {
    written(
        "intervention.corrected.v1",
        json!({
            "intervention": event_id(1), "day": "2025-09-01", "minutes": minutes, "work": prevention(women),
            "before": {"minutes": before.0, "headcount": {"women": before.1, "men": 0, "non_binary": 0}},
        }),
    )
}

fn void(intervention: u128) -> Command {
    written(
        "void-intervention",
        json!({"school": "S1", "school_year": "2025/26", "intervention": event_id(intervention)}),
    )
}

fn voided(minutes: u32, women: u32) -> Event {
    written(
        "intervention.voided.v1",
        json!({
            "intervention": event_id(1), "day": "2025-09-01", "kind": "prevention", "minutes": minutes,
            "headcount": {"women": women, "men": 0, "non_binary": 0},
        }),
    )
}

/// Assignment 1 is at school `S1` from 1 September 2025 to 1 August 2026.
fn with(events: impl IntoIterator<Item = Event>, school: Vec<school::Event>) -> Given<Intervention> {
    given::<Intervention>(events)
        .at(at_school_of_provider())
        .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
        .and_at::<Staff>(
            &staff::stream(&StaffPseudonym(key(1).0)),
            at_school_of_provider(),
            [staff_assigned(1, 1, 500, "2025-09-01", "2026-08-01"), elsewhere()],
        )
}

/// Assignment 2 is at another school.
fn elsewhere() -> staff::Event {
    written(
        "staff.assigned.v1",
        json!({
            "staff": key(1), "assignment": key(2), "function": "school_social_worker",
            "workplace": {"school": {"school": "S2", "provider": "P1"}}, "fte": 500,
            "period": {"from": "2025-09-01", "to": "2026-08-01"},
        }),
    )
}

fn usual(events: impl IntoIterator<Item = Event>) -> Given<Intervention> {
    with(events, vec![school_registered()])
}

#[test]
fn every_kind_of_work_is_recorded_as_it_was_said() {
    for work in every_kind_of_work() {
        usual([]).repeatable().when(record(1, 60, &work)).then([recorded(60, &work)]);
    }
}

#[test]
fn each_kind_has_one_form_of_work() {
    let kinds: Vec<_> = every_kind_of_work()
        .into_iter()
        .map(|work| {
            let (name, _) = work.as_object().unwrap().iter().next().unwrap();
            let kind = serde_json::from_value::<Work>(work.clone()).unwrap().kind();
            assert_eq!(kind.code(), name);
            kind
        })
        .collect();
    assert_eq!(kinds, Kind::ALL);
    let indirect = Kind::ALL.iter().filter(|kind| !kind.is_direct()).count();
    assert_eq!(indirect, 4);
}

#[test]
fn a_kind_counts_the_pupils_it_reaches_and_no_others() {
    let heads = |work: Value| serde_json::from_value::<Work>(work).unwrap().headcount().total();
    let reached: Vec<_> = every_kind_of_work().into_iter().map(heads).collect();
    assert_eq!(reached, [0, 0, 23, 0, 8, 12, 17, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn work_is_recorded_at_an_open_school() {
    with([], vec![]).when(record(1, 60, &mediation(2))).refused(Refusal::SchoolNotOpen);
    with([], vec![school_registered(), school_closed()])
        .when(record(1, 60, &mediation(2)))
        .refused(Refusal::SchoolNotOpen);
}

#[test]
fn work_is_done_in_an_assignment_to_this_school_on_that_day() {
    usual([]).when(record(2, 60, &mediation(2))).refused(Refusal::UnknownAssignment);
    usual([]).when(record(3, 60, &mediation(2))).refused(Refusal::UnknownAssignment);
    usual([]).on("2025-08-31").when(record(1, 60, &mediation(2))).refused(Refusal::NotAssignedThen);
    usual([]).on("2026-08-01").when(record(1, 60, &mediation(2))).refused(Refusal::NotAssignedThen);
}

#[test]
fn work_that_reaches_people_reaches_at_least_one() {
    let nobody = json!({"women": 0, "men": 0, "non_binary": 0});
    let works = [
        prevention(0),
        json!({"social_learning": {"group": "open", "sessions": 1, "headcount": nobody}}),
        json!({"participation": {"form": "open_offer", "headcount": nobody, "result": "exchange"}}),
        json!({"staff_advice": {"form": "talk", "advised": "teachers", "topic": "other", "persons": 0}}),
        json!({"guardian_support": {"form": "talk", "topic": "other", "persons": 0}}),
    ];
    for work in works {
        usual([]).when(record(1, 60, &work)).refused(Refusal::NobodyReached);
    }
}

#[test]
fn networking_has_a_partner() {
    let nobody = json!({"women": 0, "men": 0, "non_binary": 0});
    let works = [
        json!({"networking": {"partners": []}}),
        json!({"social_space": {"partners": [], "activity": "visit", "headcount": nobody}}),
    ];
    for work in works {
        usual([]).when(record(1, 60, &work)).refused(Refusal::NoPartner);
    }
}

#[test]
fn a_mediation_has_two_parties_and_minutes_are_more_than_none() {
    assert!(serde_json::from_value::<Work>(mediation(1)).is_err());
    assert!(serde_json::from_value::<Minutes>(json!(0)).is_err());
}

#[test]
fn nobody_works_more_than_ten_hours_and_breaks_on_one_day() {
    let morning = || recorded(400, &mediation(2));
    usual([morning()])
        .on("2025-09-01")
        .repeatable()
        .when(record(1, 320, &mediation(3)))
        .then([recorded(320, &mediation(3))]);
    usual([morning()]).on("2025-09-01").when(record(1, 321, &mediation(3))).refused(Refusal::TooManyMinutes);
    usual([morning()])
        .on("2025-09-02")
        .repeatable()
        .when(record(1, 720, &mediation(3)))
        .then([recorded(720, &mediation(3))]);
}

#[test]
fn minutes_that_were_taken_back_count_no_more() {
    usual([recorded(700, &prevention(5)), voided(700, 5)])
        .on("2025-09-01")
        .repeatable()
        .when(record(1, 700, &mediation(2)))
        .then([recorded(700, &mediation(2))]);
    usual([recorded(700, &prevention(5)), corrected(100, 5, (700, 5))])
        .on("2025-09-01")
        .repeatable()
        .when(record(1, 620, &mediation(2)))
        .then([recorded(620, &mediation(2))]);
}

#[test]
fn a_correction_says_what_stood_there_before() {
    let correcting = |events: Vec<Event>| usual(events).because(Reason::DataEntryError);
    let first = || recorded(60, &prevention(5));
    correcting(vec![first()]).when(correct(1, 90, &prevention(6))).then([corrected(90, 6, (60, 5))]);
    correcting(vec![first(), corrected(90, 6, (60, 5))]).when(correct(1, 30, &prevention(4))).then([corrected(
        30,
        4,
        (90, 6),
    )]);
    correcting(vec![first()]).when(correct(1, 60, &prevention(5))).then([]);
}

#[test]
fn a_correction_keeps_kind_and_rules() {
    let correcting = |events: Vec<Event>| usual(events).because(Reason::DataEntryError);
    let first = || vec![recorded(60, &prevention(5))];
    correcting(first()).when(correct(1, 60, &mediation(2))).refused(Refusal::OtherKind);
    correcting(first()).when(correct(1, 60, &prevention(0))).refused(Refusal::NobodyReached);
    correcting(first()).when(correct(1, 721, &prevention(5))).refused(Refusal::TooManyMinutes);
    correcting(first()).when(correct(2, 60, &prevention(5))).refused(Refusal::UnknownIntervention);
    correcting(first()).on("2025-08-31").when(correct(1, 61, &prevention(5))).refused(Refusal::BeforeTheDay);
    usual(first()).when(correct(1, 61, &prevention(5))).refused(Refusal::ReasonMissing);
}

#[test]
fn a_correction_may_fill_the_day_up() {
    usual([recorded(300, &prevention(5)), recorded(400, &mediation(2))])
        .because(Reason::DataEntryError)
        .when(correct(1, 320, &prevention(5)))
        .then([corrected(320, 5, (300, 5))]);
    usual([recorded(300, &prevention(5)), recorded(400, &mediation(2))])
        .because(Reason::DataEntryError)
        .when(correct(1, 321, &prevention(5)))
        .refused(Refusal::TooManyMinutes);
}

#[test]
fn an_intervention_is_voided_once_for_a_reason_with_what_stood_there() {
    let voiding = |events: Vec<Event>| usual(events).because(Reason::NotCarriedOut);
    let first = || recorded(60, &prevention(5));
    voiding(vec![first()]).when(void(1)).then([voided(60, 5)]);
    voiding(vec![first(), corrected(90, 6, (60, 5))]).when(void(1)).then([voided(90, 6)]);
    voiding(vec![first(), voided(60, 5)]).when(void(1)).then([]);
    voiding(vec![first(), voided(60, 5)]).when(correct(1, 90, &prevention(5))).refused(Refusal::Voided);
    usual([first()]).when(void(1)).refused(Refusal::ReasonMissing);
    voiding(vec![first()]).when(void(9)).refused(Refusal::UnknownIntervention);
}

#[test]
fn corrections_name_the_event_that_they_correct() {
    assert_eq!(Intervention::corrects(&recorded(60, &prevention(5))), None);
    assert_eq!(Intervention::corrects(&corrected(90, 6, (60, 5))), Some(event_id(1)));
    assert_eq!(Intervention::corrects(&voided(60, 5)), Some(event_id(1)));
}

#[test]
fn the_stream_is_the_school_s_year_of_the_day() {
    let reference = crate::testing::reference();
    let mut facts = crate::testing::facts(&reference);
    let name = |command: &Command, facts: &Facts<'_>| Intervention::stream(command, facts).to_string();
    facts.occurred_on = day("2026-07-31");
    assert_eq!(name(&record(1, 60, &mediation(2)), &facts), "intervention/S1/2025-26");
    facts.occurred_on = day("2026-08-01");
    assert_eq!(name(&record(1, 60, &mediation(2)), &facts), "intervention/S1/2026-27");
    assert_eq!(name(&void(1), &facts), "intervention/S1/2025-26");
}

#[test]
fn a_correction_belongs_where_the_work_was_done() {
    let reference = crate::testing::reference();
    let facts = crate::testing::facts(&reference);
    let mut state = State::default();
    let others = [("P1", 3), ("P2", 1), ("P1", 2)];
    for (provider, id) in others {
        let place = at_school().of_provider(OrganisationId::parse(provider).unwrap());
        let fact = crate::testing::fact(id, "2025-09-01", place);
        Intervention::evolve(&mut state, &recorded(60, &prevention(5)), &fact);
    }
    let provider = |id| {
        let place = Intervention::place(&void(id), &state, &facts)?;
        assert_eq!(place.school, Some(school_id("S1")));
        place.provider.map(|provider| provider.as_str().to_owned())
    };
    let found = [1, 2, 3, 4].map(provider);
    assert_eq!(found.each_ref().map(Option::as_deref), [Some("P2"), Some("P1"), Some("P1"), None]);
    assert_eq!(state.standing(), 3);
}
