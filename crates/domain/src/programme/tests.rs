//! Rules of the programme: given events, when a command, then events or a refusal.

use serde_json::{Value, json};

use super::*;
use crate::testing::{day, given, written};

const CCI: &str = "2021DE05SFPR013";

fn programme(title: &str) -> Value {
    json!({
        "cci": CCI, "title": title, "specific_objective": "ESO4.6", "fund": "esf_plus",
        "category_of_region": "transition", "intervention_field": "149",
        "eligibility": {"from": "2021-01-01", "to": "2030-01-01"},
    })
}

fn opened() -> Event {
    written("programme.opened.v1", programme("Schulerfolg sichern"))
}

fn cycle(from: &str, to: &str, rates: [u32; 3]) -> Value {
    json!({
        "cci": CCI, "cycle": "1b", "module": "school_social_work", "period": {"from": from, "to": to},
        "rates": {"eu": rates[0], "land": rates[1], "municipal": rates[2]},
    })
}

fn defined() -> Event {
    written("programme.funding-cycle-defined.v1", cycle("2022-08-01", "2024-08-01", [6000, 3000, 1000]))
}

fn changed(from: &str) -> Value {
    json!({"cci": CCI, "cycle": "1b", "rates": {"eu": 6000, "land": 2000, "municipal": 2000}, "from": from})
}

fn closed(on: &str) -> Value {
    json!({"cci": CCI, "cycle": "1b", "on": on})
}

fn define(from: &str, to: &str, rates: [u32; 3]) -> Command {
    written("define-funding-cycle", cycle(from, to, rates))
}

fn change(from: &str) -> Command {
    written("change-cofinancing-rates", changed(from))
}

fn close(on: &str) -> Command {
    written("close-funding-cycle", closed(on))
}

fn period(from: &str) -> Command {
    written(
        "define-funding-period",
        json!({"cci": CCI, "label": "2008–2015", "period": {"from": from, "to": "2015-08-01"}}),
    )
}

#[test]
fn a_programme_is_opened_once() {
    let open = |title| written::<Command>("open-programme", programme(title));
    given::<Programme>([]).when(open("Schulerfolg sichern")).then([opened()]);
    given::<Programme>([opened()]).when(open("Schulerfolg sichern")).then([]);
    given::<Programme>([opened()]).when(open("Other")).refused(Refusal::OtherParticulars);
}

#[test]
fn nothing_is_defined_before_the_programme_is_open() {
    given::<Programme>([]).when(period("2008-01-01")).refused(Refusal::NotOpened);
}

#[test]
fn a_funding_period_may_lie_before_the_eligibility() {
    let event: Event = written(
        "programme.funding-period-defined.v1",
        json!({"cci": CCI, "label": "2008–2015", "period": {"from": "2008-01-01", "to": "2015-08-01"}}),
    );
    given::<Programme>([opened()]).when(period("2008-01-01")).then([event.clone()]);
    given::<Programme>([opened(), event.clone()]).when(period("2008-01-01")).then([]);
    given::<Programme>([opened(), event]).when(period("2009-01-01")).refused(Refusal::PeriodLabelTaken);
}

#[test]
fn a_cycle_is_defined_once_and_inside_the_eligibility() {
    let usual = [6000, 3000, 1000];
    given::<Programme>([opened()]).when(define("2022-08-01", "2024-08-01", usual)).then([defined()]);
    given::<Programme>([opened(), defined()]).when(define("2022-08-01", "2024-08-01", usual)).then([]);
    given::<Programme>([opened(), defined()])
        .when(define("2022-08-01", "2025-08-01", usual))
        .refused(Refusal::CycleLabelTaken);
    given::<Programme>([opened()]).when(define("2020-08-01", "2022-08-01", usual)).refused(Refusal::OutsideEligibility);
    given::<Programme>([opened()]).when(define("2028-08-01", "2030-01-02", usual)).refused(Refusal::OutsideEligibility);
}

#[test]
fn rates_sum_to_the_whole_and_keep_the_maximum_of_the_fund() {
    let define = |rates| define("2022-08-01", "2024-08-01", rates);
    given::<Programme>([opened()]).when(define([6000, 3000, 999])).refused(Refusal::RatesDoNotSum);
    given::<Programme>([opened()]).when(define([6001, 2999, 1000])).refused(Refusal::EuRateTooHigh);
}

#[test]
fn rates_change_inside_the_cycle_and_never_before_the_last_change() {
    let event = |from| written::<Event>("programme.cofinancing-rates-changed.v1", changed(from));
    let begun = || [opened(), defined()];
    given::<Programme>(begun()).when(change("2023-08-01")).then([event("2023-08-01")]);
    given::<Programme>(begun()).when(change("2024-08-01")).refused(Refusal::ChangeOutsideCycle);
    given::<Programme>(begun()).when(change("2022-07-31")).refused(Refusal::ChangeOutsideCycle);
    given::<Programme>([opened(), defined(), event("2023-08-01")])
        .when(change("2023-07-31"))
        .refused(Refusal::BeforeLastChange);
    given::<Programme>([opened()]).when(change("2023-08-01")).refused(Refusal::UnknownCycle);
}

#[test]
fn a_cycle_is_closed_once_at_most_at_its_planned_end() {
    let event = |on| written::<Event>("programme.funding-cycle-closed.v1", closed(on));
    let begun = || [opened(), defined()];
    given::<Programme>(begun()).when(close("2024-08-01")).then([event("2024-08-01")]);
    given::<Programme>(begun()).when(close("2024-08-02")).refused(Refusal::EndOutsideCycle);
    given::<Programme>(begun()).when(close("2022-08-01")).refused(Refusal::EndOutsideCycle);
    let ended = || [opened(), defined(), event("2024-01-01")];
    given::<Programme>(ended()).when(close("2024-01-01")).then([]);
    given::<Programme>(ended()).when(close("2024-02-01")).refused(Refusal::CycleClosed);
    given::<Programme>(ended()).when(change("2023-08-01")).refused(Refusal::CycleClosed);
}

#[test]
fn a_cycle_knows_its_rates_of_each_day() {
    let mut state = State::default();
    let events = [
        opened(),
        defined(),
        written("programme.cofinancing-rates-changed.v1", changed("2023-08-01")),
        written("programme.funding-cycle-closed.v1", closed("2024-01-01")),
    ];
    for event in events {
        let fact = crate::testing::fact(1, "2022-07-13", Place::state());
        Programme::evolve(&mut state, &event, &fact);
    }
    let State::Open(open) = state else { panic!("not open") };
    let land = |on| open.cycles.values().next().unwrap().rates_on(day(on)).map(|rates| rates.land.get());
    assert_eq!(
        ["2022-07-31", "2022-08-01", "2023-07-31", "2023-08-01", "2024-01-01"].map(land),
        [None, Some(3000), Some(3000), Some(2000), None],
    );
}
