//! Random commands about persons: few people, few grounds, so that they meet each other.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::{Choice, ENDINGS, date, keys, pick};
use crate::EventId;
use crate::testing::fixtures::verifier_key;
use crate::testing::story::{Told, story};
use crate::testing::{day, event_id, key};

/// The story without its endings, as far as there are events.
fn told() -> &'static [Told] {
    static STORY: LazyLock<Vec<Told>> = LazyLock::new(|| {
        let mut story = story();
        story.truncate(story.len() - ENDINGS);
        story
    });
    &STORY
}

/// The event of the story's first command of that name.
pub(super) fn event_of(name: &str) -> EventId {
    let place = told().iter().position(|told| told.name == name);
    event_id(1 + place.unwrap_or_else(|| panic!("no {name}")) as u128)
}

/// What has begun when the random commands come: somebody whose erasure two may approve, somebody
/// whose erasure two have approved, somebody whose erasure has begun, and a training that can be evaluated.
pub(super) fn begun() -> Vec<Told> {
    let by = |actor, name, body| Told { on: day("2023-09-01"), reason: None, name, body, personal: Value::Null, actor };
    let erasure = |person, purpose| json!({"person": key(person), "ground": "no_longer_needed", "purposes": [purpose]});
    let approved = json!({"person": key(3003), "request": event_id(told().len() as u128 + 3)});
    let begun = json!({"person": key(3011), "request": event_id(told().len() as u128 + 7)});
    let offer = |training| {
        by(
            7,
            "offer-training",
            json!({
                "training": key(training), "needs": [key(800)], "topic": "mediation", "district": "15", "seats": 20,
                "minutes": 60, "begins_on": "2023-09-01", "format": "online",
            }),
        )
    };
    vec![
        by(7, "register-participant", json!({"person": key(3004), "provider": "P1"})),
        by(10, "request-erasure", erasure(3004, "identity")),
        by(10, "request-erasure", erasure(3003, "statistics")),
        by(11, "approve-erasure", approved.clone()),
        by(12, "approve-erasure", approved),
        by(7, "register-trainee", json!({"person": key(3011), "district": "15"})),
        by(10, "request-erasure", erasure(3011, "identity")),
        by(11, "approve-erasure", begun.clone()),
        by(12, "approve-erasure", begun.clone()),
        by(7, "begin-erasure", begun),
        offer(813),
        offer(814),
        offer(815),
        by(7, "register-trainee", json!({"person": key(3008), "district": "15"})),
        by(7, "register-trainee", json!({"person": key(3009), "district": "15"})),
        by(
            7,
            "register-training-participant",
            json!({"training": key(814), "person": key(3008), "audience": "others"}),
        ),
        by(
            7,
            "register-training-participant",
            json!({"training": key(814), "person": key(3009), "audience": "others"}),
        ),
        by(7, "hold-training", json!({"training": key(814)})),
        by(7, "hold-training", json!({"training": key(815)})),
        by(
            7,
            "confirm-training-attendance",
            json!({"training": key(814), "attendance": {"women": 12, "men": 0, "non_binary": 0}}),
        ),
    ]
}

/// Every command about persons with these particulars.
pub(super) fn commands(c: Choice) -> Vec<(&'static str, Value)> {
    let person = pick(&[key(3000), key(3001), key(3002), key(3003), key(3004), key(500), key(501), key(3011)], c[10]);
    let before = told().len() as u128;
    let event = pick(
        &[
            event_of("correct-staff-identity"),
            event_of("correct-trainee-identity"),
            event_of("register-beneficial-owner"),
            event_id(before + 1),
            event_id(before + 2),
            event_id(before + 3),
            event_id(before + 7),
        ],
        c[11],
    );
    let position = 1 + u64::from(c[11]);
    let purposes = pick(&[json!(["identity"]), json!(["statistics"]), json!(["special_category"]), json!([])], c[6]);
    let provider = pick(&["P1", "P1", "L1", "P2"], c[4]);
    let ground = pick(&["esf_documents", "accounting"], c[5]);
    let named = |name, more: Value| {
        let mut body = json!({"person": person});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        (name, body)
    };
    let (training, trainee) = (keys(813, c[7]), key(3008 + u128::from(c[8]) % 3));
    let opening = json!({"position": position, "ground": pick(&["work", "legal_claims"], c[5])});
    vec![
        named("register-participant", json!({"provider": provider, "school": pick(&["S1", "S2"], c[3])})),
        named("register-participant", json!({"provider": provider})),
        named("register-pupil", json!({"provider": provider, "school": "S1"})),
        named("register-staff-member", json!({"provider": provider})),
        named("register-beneficial-owner", json!({"provider": provider})),
        named("register-trainee", json!({"district": pick(&["15", "15083", "15999"], c[3])})),
        named("correct-identity", json!({"corrects": event})),
        named("correct-staff-identity", json!({"corrects": event})),
        named("correct-trainee-identity", json!({"corrects": event})),
        named("open-record", opening.clone()),
        named("open-owner-record", opening.clone()),
        named("open-trainee-record", opening),
        named("export-person", json!({"ground": pick(&["data_subject_request", "supervisory_authority"], c[5])})),
        named("lock-retention", json!({"purposes": purposes, "until": date(c[7]).plus_days(600), "ground": ground})),
        named("end-retention-lock", json!({"ground": ground})),
        named("set-legal-hold", json!({"hold": keys(3100, c[5]), "ground": pick(&["audit", "court_order"], c[6])})),
        named("release-legal-hold", json!({"hold": keys(3100, c[5])})),
        named("restrict-processing", json!({"ground": pick(&["unlawful", "needed_for_claims"], c[5])})),
        named("lift-restriction", json!({})),
        named("request-erasure", json!({"ground": pick(&["objection", "unlawful"], c[5]), "purposes": purposes})),
        named("refuse-erasure", json!({"request": event, "ground": pick(&["legal_duty", "legal_hold"], c[5])})),
        named("approve-erasure", json!({"request": event})),
        named("begin-erasure", json!({"request": event})),
        named(
            "record-erasure",
            json!({
                "request": event, "keys": [keys(3200, c[5])], "purposes": pick(&[["identity"], ["statistics"]], c[9]),
                "kek_version": 1, "slots_purged": 0,
                "bound_until": date(c[7]),
            }),
        ),
        (
            "record-beneficial-owners",
            json!({"organisation": "P1", "owners": [{"person": key(3002), "share": 100 + u32::from(c[5]) % 3}]}),
        ),
        (
            "register-training-participant",
            json!({"training": training, "person": trainee, "audience": pick(&["teachers", "others"], c[9])}),
        ),
        ("withdraw-training-participant", json!({"training": training, "person": trainee})),
        (
            "confirm-participant-attendance",
            json!({"training": key(814), "person": trainee, "minutes": 30 + u32::from(c[9]) % 31}),
        ),
        (
            "issue-training-certificate",
            json!({"training": key(814), "person": trainee, "number": pick(&["1", "2"], c[9])}),
        ),
        (
            "record-key-rotation",
            json!({
                "old_verifier": verifier_key(pick(&['a', 'b', 'c', 'd'], c[3])),
                "new_verifier": verifier_key(pick(&['a', 'b', 'c', 'd'], c[4])), "effective_size": 80 + u32::from(c[5]),
            }),
        ),
    ]
}
