//! Random accepted histories: whatever the pages, a rebuild makes the same; as of any position the
//! answers are those of a shorter log; and they are what the rules' own states say.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use sfs_domain::decider::Reason;
use sfs_domain::intervention::{Event as Work, Kind};
use sfs_domain::staff::{Event as StaffFact, Function};
use sfs_domain::testing::world::Recorded;
use sfs_domain::testing::{day, event_id, fixtures, key};
use sfs_domain::training::Event as TrainingFact;
use sfs_domain::vacancy::Event as VacancyFact;
use sfs_domain::{BusinessDate, Event, EventId, Period, SchoolYear, State};

use super::support::{Models, Programme, all_answers, append, auditor, log_of, new_event, paged};
use crate::{ActivityQuery, AsOf, Group, OverviewFigures, OverviewQuery};

const FORMS: [&str; 3] = ["GS", "SEK", "GMS"];

/// Where each school belongs and who works there.
const SCHOOLS: [(&str, &str, &str); 3] = [("S1", "15083", "P1"), ("S2", "15083", "P2"), ("S3", "15003", "P2")];

/// What every history begins with: schools, providers, agreements, people, offices.
fn beginning() -> Programme {
    let mut programme = Programme::default();
    for provider in ["P1", "P2"] {
        programme.tell(
            "2022-07-01",
            "register-organisation",
            json!({
                "organisation": provider, "name": provider, "legal_form": "registered_association", "sector": "private",
                "kind": "free_youth_welfare", "district": "15083",
            }),
        );
        programme.tell(
            "2022-07-01",
            "confirm-provider-recognition",
            json!({
                "organisation": provider, "recognition": "youth_welfare_75", "document": fixtures::digest('A'),
            }),
        );
    }
    for (n, (school, district, provider)) in (1_u128..).zip(SCHOOLS) {
        programme.tell("2022-07-02", "register-school", json!({
            "school": school, "name": format!("Schule {school}"), "form": FORMS[n as usize - 1], "district": district,
            "ownership": "public",
        }));
        programme.tell(
            "2022-07-03",
            "propose-cooperation",
            json!({
                "school": school, "provider": provider, "concept": fixtures::digest('C'),
            }),
        );
        programme.tell(
            "2022-07-04",
            "sign-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": {"from": "2022-08-01", "to": "2024-08-01"},
                "goals": ["teamwork"], "meeting_rhythm": "monthly", "data_protection_clause": true,
                "signed_by": {"school": true, "provider": true}, "document": fixtures::digest('A'),
            }),
        );
        programme.tell(
            "2022-07-05",
            "confirm-staff-qualification",
            json!({
                "staff": key(n), "provider": provider, "qualification": "social_work", "state_recognised": true,
                "document": fixtures::digest('A'),
            }),
        );
        programme.tell(
            "2022-07-06",
            "assign-staff",
            json!({
                "staff": key(n), "assignment": key(n), "function": "school_social_worker", "fte": 500,
                "workplace": {"school": {"school": school, "provider": provider}},
                "period": {"from": "2022-08-01", "to": "2024-08-01"},
            }),
        );
    }
    programme.tell(
        "2022-07-07",
        "establish-network-office",
        json!({
            "district": "15083", "name": "Netzwerkstelle", "provider": "P1", "from": "2022-08-01",
        }),
    );
    programme.tell(
        "2022-07-08",
        "identify-training-need",
        json!({
            "need": key(1), "source": "survey", "topic": "mediation", "district": "15083",
        }),
    );
    programme
}

fn numbers() -> impl Strategy<Value = [u32; 5]> {
    // Days within two years, and small numbers for everything else.
    (0_u32..19, 0_u32..700, 0_u32..6, 0_u32..200, 0_u32..4).prop_map(|(what, days, a, b, c)| [what, days, a, b, c])
}

/// Tells one command that the numbers choose; most are accepted.
fn tell(programme: &mut Programme, [what, days, a, b, c]: [u32; 5]) {
    let on = day("2022-08-01").plus_days(days as i32);
    let later = on.plus_days(b as i32 + 1);
    let (school, _, provider) = SCHOOLS[a as usize % 3];
    let person = u128::from(a % 3 + 1);
    let parties = json!({"school": school, "provider": provider});
    let with = |more: Value| {
        let mut body = parties.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let at_school = json!({"school": parties});
    let at_office = json!({"office": {"district": "15083"}});
    let fte = 100 + b;
    let (name, body) = match what {
        // Work is most of what happens.
        0..=6 => (
            "record-intervention",
            json!({
                "school": school, "staff": key(person), "assignment": key(person + 10 * u128::from(c % 2)),
                "minutes": b % 60 + 1, "work": work(a * 3 + c),
            }),
        ),
        7 | 8 => {
            let Some((id, event)) = nth_intervention(programme, b as usize) else { return };
            let school_year = SchoolYear::of(event.fact.occurred_on);
            let place = event.fact.place.school.clone();
            let Event::Intervention(Work::Recorded { work, .. }) = &event.event else { return };
            let mut body = json!({"school": place, "school_year": school_year, "intervention": id});
            if what == 8 {
                ("void-intervention", body)
            } else {
                body["minutes"] = json!(b % 90 + 1);
                body["work"] = changed(json!(work), c + 1);
                ("correct-intervention", body)
            }
        }
        9 => ("change-school-form", json!({"school": school, "form": FORMS[c as usize % 3]})),
        10 if days > 600 => ("close-school", json!({"school": school})),
        10 => (
            "change-network-office-provider",
            json!({
                "district": "15083", "provider": if c % 2 == 0 { "P1" } else { "P2" }, "from": later,
            }),
        ),
        11 if c == 0 => (
            "assign-staff",
            json!({
                "staff": key(person), "assignment": key(person + 20 + u128::from(b)), "function": "network_coordinator",
                "workplace": at_office, "fte": fte, "period": {"from": on, "to": later},
            }),
        ),
        11 => (
            "assign-staff",
            json!({
                "staff": key(person), "assignment": key(person + 10), "function": "school_social_worker",
                "workplace": at_school, "fte": fte, "period": {"from": on, "to": later},
            }),
        ),
        12 => (
            "change-assignment-fte",
            json!({
                "staff": key(person), "assignment": key(person + 10 * u128::from(c % 2)), "fte": fte, "from": on,
            }),
        ),
        13 if b % 3 == 0 => (
            "end-assignment",
            json!({
                "staff": key(person), "assignment": key(person + 10 * u128::from(c % 2)), "on": later,
            }),
        ),
        13 | 14 => (
            "report-vacancy",
            json!({
                "vacancy": key(u128::from(b % 20)), "workplace": if c == 0 { at_office } else { at_school },
                "function": if c == 0 { "office_assistant" } else { "school_social_worker" }, "fte": fte, "from": on,
            }),
        ),
        15 => ("withdraw-vacancy", json!({"vacancy": key(u128::from(b % 20)), "on": later})),
        16 if c == 0 => ("terminate-cooperation", with(json!({"on": later}))),
        16 => (
            "amend-cooperation-agreement",
            with(json!({
                "period": {"from": on, "to": later}, "document": fixtures::digest('E'),
            })),
        ),
        17 => (
            "offer-training",
            json!({
                "training": key(u128::from(b % 4)), "needs": [key(1)], "topic": "mediation", "district": "15083", "seats": 9,
                "minutes": 60, "begins_on": later, "format": "online",
            }),
        ),
        18 if c == 0 => (
            "record-training-registrations",
            json!({
                "training": key(u128::from(b % 4)), "registrations": [{"audience": "teachers", "people": a}],
            }),
        ),
        18 if c == 1 => ("cancel-training", json!({"training": key(u128::from(b % 4))})),
        _ => ("hold-training", json!({"training": key(u128::from(b % 4))})),
    };
    // Trainings are held after they begin.
    let on = if name == "hold-training" { on.plus_days(250) } else { on };
    let _ = programme.tries(&on.to_string(), Some(Reason::DataEntryError), name, body);
}

fn work(n: u32) -> Value {
    let people = json!({"women": n % 5 + 1, "men": n % 3, "non_binary": n % 2});
    match n % 4 {
        0 => json!({"prevention": {"topic": "addiction", "levels": "7-8", "sessions": 1, "headcount": people}}),
        1 => json!({"mediation": {"parties": 2, "result": "agreed"}}),
        2 => json!({"social_learning": {"group": "class", "sessions": 1, "headcount": people}}),
        _ => json!({"travel": {}}),
    }
}

/// The same kind of work with other people.
fn changed(mut work: Value, women: u32) -> Value {
    if let Some(headcount) = work.as_object_mut().and_then(|kinds| kinds.values_mut().next()?.get_mut("headcount")) {
        headcount["women"] = json!(women);
    }
    work
}

fn nth_intervention(programme: &Programme, n: usize) -> Option<(EventId, &Recorded)> {
    let recorded: Vec<_> = programme
        .world
        .events()
        .iter()
        .filter(|recorded| matches!(recorded.event, Event::Intervention(Work::Recorded { .. })))
        .collect();
    let found = recorded.get(n.checked_rem(recorded.len())?)?;
    Some((found.fact.id, found))
}

/// What happened to each intervention in the end: its day, kind, minutes, women; nothing if voided.
fn standing(events: &[Recorded]) -> BTreeMap<EventId, (BusinessDate, Kind, i64, i64, String)> {
    let mut all = BTreeMap::new();
    for recorded in events {
        let Event::Intervention(event) = &recorded.event else { continue };
        match event {
            Work::Recorded { minutes, work, .. } => {
                let district = recorded.fact.place.ags.to_string();
                let (minutes, women) = (i64::from(minutes.get()), i64::from(work.headcount().women.get()));
                all.insert(recorded.fact.id, (recorded.fact.occurred_on, work.kind(), minutes, women, district));
            }
            Work::Corrected { intervention, minutes, work, .. } => {
                let known = all.get_mut(intervention).unwrap();
                known.2 = i64::from(minutes.get());
                known.3 = i64::from(work.headcount().women.get());
            }
            Work::Voided { intervention, .. } => {
                all.remove(intervention);
            }
        }
    }
    all
}

/// The overview as the rules' states have it.
fn overview(programme: &Programme, on: BusinessDate, during: Period) -> OverviewFigures {
    let mut figures = OverviewFigures::default();
    let mut covered = std::collections::BTreeSet::new();
    for (_, state) in programme.world.streams() {
        match state {
            State::School(school) => {
                figures.schools_known += i64::from(school.known().is_some());
                figures.schools_open += i64::from(school.open_on(on).is_some());
            }
            State::NetworkOffice(office) => figures.offices_active += i64::from(office.active_on(on)),
            State::Cooperation(cooperation) => {
                figures.agreements_active += i64::from(cooperation.agreement_on(on).is_some());
            }
            State::Staff(staff) => figures.positions_filled_fte += i64::from(staff.fte_on(on)),
            _ => {}
        }
    }
    let mut vacancies = BTreeMap::new();
    for recorded in programme.world.events() {
        match &recorded.event {
            Event::Staff(StaffFact::Assigned { staff, assignment, .. }) => {
                let stream = sfs_domain::staff::stream(staff);
                let state = programme.world.streams().find(|(id, _)| **id == stream).unwrap().1;
                let State::Staff(state) = state else { panic!("no staff") };
                let known = state.assignment(assignment).unwrap();
                if known.function == Function::SchoolSocialWorker && known.active_on(on) {
                    covered.insert(recorded.fact.place.school.clone());
                }
            }
            Event::Vacancy(VacancyFact::Reported { vacancy, fte, from, .. }) => {
                vacancies.insert(*vacancy, (*from, None, i64::from(fte.get())));
            }
            Event::Vacancy(VacancyFact::Filled { vacancy, on, .. } | VacancyFact::Withdrawn { vacancy, on }) => {
                vacancies.get_mut(vacancy).unwrap().1 = Some(*on);
            }
            Event::Training(TrainingFact::Held { .. }) => {
                figures.trainings_held += i64::from(during.contains(recorded.fact.occurred_on));
            }
            _ => {}
        }
    }
    figures.schools_with_social_work = covered.len() as i64;
    let vacant = vacancies.values().filter(|(from, to, _)| *from <= on && to.is_none_or(|to| on < to));
    figures.positions_planned_fte = figures.positions_filled_fte + vacant.map(|(.., fte)| fte).sum::<i64>();
    for (_, kind, minutes, ..) in standing(programme.world.events()).values().filter(|known| during.contains(known.0)) {
        if kind.is_direct() {
            figures.activities += 1;
            figures.activity_minutes += minutes;
        } else {
            figures.indirect_minutes += minutes;
        }
    }
    figures
}

/// Count, minutes and women by district and kind, as they stand.
fn profile(events: &[Recorded], during: Period) -> BTreeMap<(String, &'static str), (i64, i64, i64)> {
    let mut all = BTreeMap::new();
    for (on, kind, minutes, women, district) in standing(events).into_values() {
        if during.contains(on) {
            let sums: &mut (i64, i64, i64) = all.entry((district, kind.code())).or_default();
            *sums = (sums.0 + 1, sums.1 + minutes, sums.2 + women);
        }
    }
    all
}

async fn check(programme: &Programme, pages: Vec<usize>, cut: usize, on: BusinessDate, during: Period) {
    let events = programme.world.events();
    // Live: the log grows while it is followed, in pages of any size.
    let log = log_of(events, cut).await;
    let live = Models::following(paged(Arc::clone(&log), pages)).await;
    for (n, event) in events.iter().enumerate().skip(cut) {
        append(&*log, new_event(n as u64, event)).await;
    }
    live.caught_up().await;

    let answer =
        live.models.programme_overview(&auditor(), &OverviewQuery { on, during, as_of: AsOf::default() }).await;
    assert_eq!(answer.unwrap().data.total, overview(programme, on, during), "on {on}, {during:?}");
    let query = ActivityQuery { group: Some(Group::District), ..ActivityQuery::of(during) };
    let rows = live.models.activity_profile(&auditor(), &query).await.unwrap().data.rows;
    let found: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| ((row.group.unwrap(), row.kind.unwrap().code()), (row.count, row.minutes, row.women)))
        .collect();
    assert_eq!(found, profile(events, during), "{during:?}");

    let answers = all_answers(&live.models, AsOf::default(), on, during).await;
    let then = all_answers(&live.models, AsOf { known: Some(cut as u64) }, on, during).await;
    let digest = live.models.digest().await.unwrap();
    let rebuilt = live.models.rebuild_and_compare(|_| {}).await.unwrap();
    assert_eq!(rebuilt.differing, Some(vec![]), "live and rebuilt");
    assert_eq!(live.models.digest().await.unwrap(), digest);
    assert_eq!(all_answers(&live.models, AsOf::default(), on, during).await, answers);
    live.models.stop().await;

    let shorter = Models::following(log_of(events, cut).await).await;
    assert_eq!(all_answers(&shorter.models, AsOf::default(), on, during).await, then, "as of {cut}");
    shorter.models.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_answers_are_those_of_the_rules_whatever_the_pages_and_the_position(
        commands in prop::collection::vec(numbers(), 1..90),
        pages in prop::collection::vec(1_usize..30, 1..6),
        cut in 0.0..1.0_f64,
        on in 0_i32..900,
        from in 0_i32..500,
        length in 1_i32..500,
    ) {
        let mut programme = beginning();
        for numbers in commands {
            tell(&mut programme, numbers);
        }
        let cut = (programme.world.events().len() as f64 * cut) as usize;
        let at = |days| day("2022-08-01").plus_days(days);
        let during = Period::new(at(from), at(from + length)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&programme, pages, cut, at(on - 30), during));
    }
}

#[test]
fn the_random_commands_are_mostly_accepted_and_reach_every_read_model() {
    let mut programme = beginning();
    let before = programme.world.events().len();
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) % below) as u32
    };
    for _ in 0..600 {
        tell(&mut programme, [next(19), next(700), next(6), next(200), next(4)]);
    }
    let events = &programme.world.events()[before..];
    let types: std::collections::BTreeSet<_> = events.iter().map(|e| e.event.encode().unwrap().event_type).collect();
    assert!(events.len() > 150, "{} events", events.len());
    for expected in [
        "intervention.recorded.v1",
        "intervention.corrected.v1",
        "intervention.voided.v1",
        "school.form-changed.v1",
        "school.closed.v1",
        "office.provider-changed.v1",
        "staff.assigned.v1",
        "staff.fte-changed.v1",
        "staff.assignment-ended.v1",
        "vacancy.reported.v1",
        "vacancy.withdrawn.v1",
        "cooperation.terminated.v1",
        "cooperation.agreement-amended.v1",
        "training.offered.v1",
        "training.held.v1",
    ] {
        assert!(types.contains(expected), "{expected} never happens: {types:?}");
    }
    assert_eq!(events[0].fact.id, event_id(before as u128 + 1));
}
