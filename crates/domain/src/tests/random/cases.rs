//! Random commands about support cases and child protection, of few pupils and few social workers.

use serde_json::{Value, json};

use super::{Choice, keys, persons, pick};
use crate::testing::story::Told;
use crate::testing::{day, key};

/// A case of the three who act, and a pupil without a case yet.
pub(super) fn begun() -> Vec<Told> {
    let told = |name, body| Told { on: day("2023-09-01"), reason: None, name, body, personal: Value::Null, actor: 7 };
    let grant = json!({"role": "SSW", "scope": {"school": "S1"}});
    let pupil = |n| told("register-pupil", json!({"person": key(n), "provider": "P1", "school": "S1"}));
    let mut all = vec![pupil(3005), pupil(3006)];
    for (sender, who) in [(7, 8), (7, 9), (8, 7)] {
        let mut granted = told("grant-role", json!({"principal": key(who), "grant": grant}));
        granted.actor = sender;
        all.push(granted);
    }
    all.push(told("open-support-case", json!({"person": key(3005), "number": 1, "entry": "pupil", "deputy": key(8)})));
    all
}

/// Every command about cases with these particulars.
pub(super) fn commands(c: Choice) -> Vec<(&'static str, Value)> {
    let person = pick(&[key(3005), key(3006), key(3001)], c[10]);
    let who = keys(7, c[5]);
    let process = keys(3502, c[10]);
    let case = |name, more: Value| {
        let mut body = json!({"person": person});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        (name, body)
    };
    vec![
        case("open-support-case", json!({"number": 1 + c[9] % 3, "entry": "pupil"})),
        case("open-support-case", json!({"number": 1 + c[9] % 3, "entry": "pupil", "deputy": who})),
        case("record-support-contact", json!({"contact": keys(3410, c[6]), "minutes": 1 + c[9] % 3, "form": "talk"})),
        case("write-note", json!({"note": keys(3420, c[6])})),
        case(
            "open-note",
            json!({"event": persons::event_of(pick(&["open-support-case", "write-note", "agree-support-goal"], c[6]))}),
        ),
        case("agree-support-goal", json!({"goal": keys(3430, c[6])})),
        case("assess-support-goal", json!({"goal": keys(3430, c[6])})),
        case("refer-case", json!({"referral": keys(3440, c[6])})),
        case("record-referral-outcome", json!({"referral": keys(3440, c[6])})),
        case("name-deputy", json!({"deputy": who})),
        case("name-deputy", json!({})),
        case("hand-over-case", json!({"to": who})),
        case("reassign-case", json!({"to": who})),
        case("close-support-case", json!({"closing": pick(&["no_contact", "left_school"], c[9])})),
        case("reopen-support-case", json!({})),
        case("export-pupil", json!({"ground": "data_subject_request"})),
        (
            "raise-protection-concern",
            json!({"process": process, "school": pick(&["S1", "S2"], c[3]), "provider": "P1"}),
        ),
        ("hold-risk-assessment", json!({"process": process, "experienced_professional": c[5] > 127})),
        ("inform-youth-office", json!({"process": process, "imminent_danger": c[5] > 127})),
        ("close-protection-process", json!({"process": process})),
    ]
}
