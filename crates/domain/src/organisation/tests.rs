//! Organisations: what they are, what they may, who owns them.

use serde_json::{Value, json};

use super::*;
use crate::testing::fixtures::{
    digest, organisation_id, provider_deactivated, provider_recognised, provider_registered,
};
use crate::testing::{Given, day, given, key, written};

fn particulars(sector: &str, kind: &str, district: &str) -> Value {
    json!({
        "organisation": "P1", "name": "Verein für Jugendarbeit e. V.", "legal_form": "registered_association",
        "sector": sector, "kind": kind, "district": district,
    })
}

fn register(sector: &str, kind: &str, district: &str) -> Command {
    written("register-organisation", particulars(sector, kind, district))
}

fn amend(name: &str) -> Command {
    written("amend-organisation", json!({"organisation": "P1", "name": name}))
}

fn folded(events: impl IntoIterator<Item = Event>) -> State {
    let mut state = State::default();
    for event in events {
        let fact = crate::testing::fact(1, "2025-09-01", Place::state());
        Organisation::evolve(&mut state, &event, &fact);
    }
    state
}

#[test]
fn an_organisation_is_registered_once() {
    let same = || register("private", "free_youth_welfare", "15083");
    given::<Organisation>([]).when(same()).then([provider_registered()]);
    given::<Organisation>([provider_registered()]).when(same()).then([]);
    given::<Organisation>([provider_registered()])
        .when(register("private", "other", "15083"))
        .refused(Refusal::OtherParticulars);
}

#[test]
fn an_organisation_is_registered_in_a_known_district_with_a_possible_sector() {
    given::<Organisation>([])
        .when(register("private", "free_youth_welfare", "15999"))
        .refused(Refusal::UnknownDistrict);
    for (sector, kind) in
        [("public", "free_youth_welfare"), ("private", "public_youth_welfare"), ("private", "authority")]
    {
        given::<Organisation>([]).when(register(sector, kind, "15083")).refused(Refusal::SectorContradictsKind);
    }
}

#[test]
fn a_recognition_is_confirmed_once_per_document() {
    let confirm = |letter| {
        written::<Command>(
            "confirm-provider-recognition",
            json!({"organisation": "P1", "recognition": "youth_welfare_75", "document": digest(letter)}),
        )
    };
    given::<Organisation>([provider_registered()]).when(confirm('A')).then([provider_recognised()]);
    given::<Organisation>([provider_registered(), provider_recognised()]).when(confirm('A')).then([]);
    given::<Organisation>([provider_registered(), provider_recognised()]).when(confirm('B')).then([written(
        "organisation.recognition-confirmed.v1",
        json!({"organisation": "P1", "recognition": "youth_welfare_75", "document": digest('B')}),
    )]);
    let renewed = || {
        written::<Event>(
            "organisation.recognition-confirmed.v1",
            json!({"organisation": "P1", "recognition": "youth_welfare_75", "document": digest('B')}),
        )
    };
    given::<Organisation>([provider_registered(), provider_recognised(), renewed()])
        .when(confirm('A'))
        .then([provider_recognised()]);
    given::<Organisation>([]).when(confirm('A')).refused(Refusal::NotRegistered);
}

#[test]
fn the_vat_status_is_set_until_it_changes() {
    let set = |recoverable: bool| {
        written::<Command>("set-vat-status", json!({"organisation": "P1", "recoverable": recoverable}))
    };
    let event: Event = written("organisation.vat-status-set.v1", json!({"organisation": "P1", "recoverable": false}));
    given::<Organisation>([provider_registered()]).when(set(false)).then([event.clone()]);
    given::<Organisation>([provider_registered(), event]).when(set(false)).then([]);
}

#[test]
fn an_amendment_carries_only_what_changed() {
    let both: Command = written(
        "amend-organisation",
        json!({"organisation": "P1", "name": "Jugendarbeit gGmbH", "legal_form": "registered_association"}),
    );
    given::<Organisation>([provider_registered()])
        .when(both)
        .then([written("organisation.amended.v1", json!({"organisation": "P1", "name": "Jugendarbeit gGmbH"}))]);
    given::<Organisation>([provider_registered()]).when(amend("Verein für Jugendarbeit e. V.")).then([]);
}

#[test]
fn nothing_happens_to_a_deactivated_organisation() {
    let gone = || [provider_registered(), provider_deactivated()];
    given::<Organisation>(gone()).when(amend("Other")).refused(Refusal::Deactivated);
    let again = written("deactivate-organisation", json!({"organisation": "P1"}));
    given::<Organisation>(gone()).when(again).then([]);
}

#[test]
fn nothing_happens_before_the_registration() {
    given::<Organisation>([provider_registered()])
        .on("2025-08-31")
        .when(amend("Other"))
        .refused(Refusal::BeforeRegistration);
}

#[test]
fn a_beneficiary_is_public_or_recognised_and_for_the_coordination_office_non_profit() {
    let public: Event = written("organisation.registered.v1", particulars("public", "public_youth_welfare", "15083"));
    let non_profit: Event = written(
        "organisation.recognition-confirmed.v1",
        json!({"organisation": "P1", "recognition": "non_profit", "document": digest('A')}),
    );
    let cases = [
        (vec![provider_registered()], [false, false, false]),
        (vec![provider_registered(), provider_recognised()], [true, true, false]),
        (vec![provider_registered(), non_profit.clone()], [false, false, true]),
        (vec![public.clone()], [true, true, false]),
        (vec![public, non_profit], [true, true, true]),
    ];
    for (events, expected) in cases {
        let state = folded(events);
        let may = |module: &Module| state.known().unwrap().may_provide(*module);
        assert_eq!(Module::ALL.iter().map(may).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn an_organisation_takes_part_until_the_day_it_is_deactivated() {
    let state = folded([provider_registered(), provider_deactivated()]);
    assert!(state.active_on(day("2025-08-31")).is_some());
    assert!(state.active_on(day("2025-09-01")).is_none());
}

fn owner(n: u128, share: u32) -> Value {
    json!({"person": key(n), "share": share})
}

fn own(owners: Value) -> Command {
    written("record-beneficial-owners", json!({"organisation": "P1", "owners": owners}))
}

fn owned(owners: Value) -> Event {
    written("organisation.beneficial-owners-recorded.v1", json!({"organisation": "P1", "owners": owners}))
}

/// People 1 and 2 are registered as owners of `P1`, person 3 as one of another organisation, person
/// 4 as a participant.
fn with_people(events: impl IntoIterator<Item = Event>) -> Given<Organisation> {
    let here = Place::state().of_provider(organisation_id("P1"));
    let registered = |n: u128, kind: &str| {
        [written::<person::Event>("person.registered.v1", json!({"person": key(n), "kind": kind}))]
    };
    let stream = |n: u128| person::stream(&PersonId(key(n).0));
    given::<Organisation>(events)
        .at(here.clone())
        .and::<Person>(&stream(1), registered(1, "beneficial_owner"))
        .and::<Person>(&stream(2), registered(2, "beneficial_owner"))
        .and_at::<Person>(
            &stream(3),
            Place::state().of_provider(organisation_id("P2")),
            registered(3, "beneficial_owner"),
        )
        .and::<Person>(&stream(4), registered(4, "participant"))
}

#[test]
fn owners_are_recorded_as_they_are_now_whatever_their_order() {
    let known = || vec![provider_registered()];
    let both = || json!([owner(1, 6_000), owner(2, 4_000)]);
    with_people(known()).when(own(json!([owner(2, 4_000), owner(1, 6_000)]))).then([owned(both())]);
    with_people([known(), vec![owned(both())]].concat()).when(own(both())).then([]);
    with_people([known(), vec![owned(both())]].concat()).when(own(json!([]))).then([owned(json!([]))]);
    with_people(known()).when(own(json!([]))).then([owned(json!([]))]);
}

#[test]
fn owners_are_registered_for_the_organisation_each_once_and_own_no_more_than_all() {
    let record = |owners: Value| with_people([provider_registered()]).when(own(owners));
    record(json!([owner(1, 10), owner(1, 20)])).refused(Refusal::OwnerTwice);
    record(json!((100..121).map(|n| owner(n, 1)).collect::<Vec<_>>())).refused(Refusal::OwnerTwice);
    record(json!([owner(1, 6_000), owner(2, 4_001)])).refused(Refusal::MoreThanWhole);
    record(json!([owner(3, 10)])).refused(Refusal::NotAnOwner);
    record(json!([owner(4, 10)])).refused(Refusal::NotAnOwner);
    record(json!([owner(5, 10)])).refused(Refusal::NotAnOwner);
}
