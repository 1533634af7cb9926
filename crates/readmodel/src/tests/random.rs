//! Random commands to a small programme; most are accepted.

use proptest::prelude::*;
use serde_json::{Value, json};
use sfs_domain::decider::Reason;
use sfs_domain::intervention::Event as Work;
use sfs_domain::testing::world::Recorded;
use sfs_domain::testing::{day, fixtures, key};
use sfs_domain::{Event, EventId, SchoolYear};

use super::support::Programme;

const FORMS: [&str; 3] = ["GS", "SEK", "GMS"];

/// Where each school belongs and who works there.
const SCHOOLS: [(&str, &str, &str); 3] = [("S1", "15083", "P1"), ("S2", "15083", "P2"), ("S3", "15003", "P2")];

/// What every history begins with: schools, providers, agreements, people, offices.
pub fn beginning() -> Programme {
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

pub fn numbers() -> impl Strategy<Value = [u32; 5]> {
    // Days within two years, and small numbers for everything else.
    (0_u32..19, 0_u32..700, 0_u32..6, 0_u32..200, 0_u32..4).prop_map(|(what, days, a, b, c)| [what, days, a, b, c])
}

/// Tells one command that the numbers choose; most are accepted.
pub fn tell(programme: &mut Programme, [what, days, a, b, c]: [u32; 5]) {
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
