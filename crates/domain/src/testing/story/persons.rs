//! The persons of the story: registered, corrected, opened, kept and erased.

use serde_json::{Value, json};

use super::{Told, told};
use crate::decider::Reason;
use crate::testing::fixtures::verifier_key;
use crate::testing::{event_id, key};

fn who(family_name: &str) -> Value {
    json!({"family_name": family_name, "given_names": "Erika", "born_on": "2008-05-06"})
}

/// Everything about persons; so many events were before.
pub(super) fn all(before: u128) -> Vec<Told> {
    let mut all = registrations(before);
    all.extend(training());
    all.extend(participant(before + all.len() as u128));
    all
}

/// One person of every kind, all of P1 or of the state.
fn registrations(before: u128) -> Vec<Told> {
    let identity = |name| json!({"identity": who(name)});
    let staff = |name| json!({"staff_identity": who(name)});
    vec![
        told("2023-04-03", "register-pupil", json!({"person": key(3001), "provider": "P1", "school": "S1"})),
        told("2023-04-03", "register-staff-member", json!({"person": key(500), "provider": "P1"}))
            .with(staff("Hausman")),
        told("2023-04-03", "register-beneficial-owner", json!({"person": key(3002), "provider": "P1"}))
            .with(identity("Eigner")),
        told("2023-04-03", "register-trainee", json!({"person": key(3003), "district": "15"})).with(identity("Lernig")),
        told("2023-04-04", "correct-staff-identity", json!({"person": key(500), "corrects": event_id(before + 2)}))
            .because(Reason::DataEntryError)
            .with(staff("Hausmann")),
        told("2023-04-04", "correct-trainee-identity", json!({"person": key(3003), "corrects": event_id(before + 4)}))
            .because(Reason::DataEntryError)
            .with(identity("Lernich")),
        told(
            "2023-04-05",
            "open-owner-record",
            json!({"person": key(3002), "position": before + 3, "ground": "ownership_check"}),
        ),
        told(
            "2023-04-05",
            "open-trainee-record",
            json!({"person": key(3003), "position": before + 6, "ground": "certificate"}),
        ),
        told(
            "2023-04-06",
            "record-key-rotation",
            json!({"old_verifier": verifier_key('a'), "new_verifier": verifier_key('b'), "effective_size": before + 8}),
        ),
    ]
}

/// Somebody owns the provider; somebody takes part in a training to its end, somebody does not.
fn training() -> Vec<Told> {
    let training = key(812);
    let trainee = |on, name, person: u128, more: Value| {
        let mut body = json!({"training": training, "person": key(person)});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        told(on, name, body)
    };
    vec![
        told(
            "2023-04-06",
            "record-beneficial-owners",
            json!({"organisation": "P1", "owners": [{"person": key(3002), "share": 2600}]}),
        ),
        told(
            "2023-04-06",
            "offer-training",
            json!({
                "training": training, "needs": [key(800)], "topic": "mediation", "district": "15", "seats": 10,
                "minutes": 480, "begins_on": "2023-04-21", "format": "online",
            }),
        ),
        told("2023-04-06", "register-trainee", json!({"person": key(3007), "district": "15"}))
            .with(json!({"identity": who("Schüler")})),
        trainee("2023-04-07", "register-training-participant", 3003, json!({"audience": "teachers"})),
        trainee("2023-04-07", "register-training-participant", 3007, json!({"audience": "others"})),
        trainee("2023-04-11", "withdraw-training-participant", 3007, json!({})),
        told("2023-04-21", "hold-training", json!({"training": training})),
        trainee("2023-04-24", "confirm-participant-attendance", 3003, json!({"minutes": 450})),
        trainee("2023-04-24", "issue-training-certificate", 3003, json!({"number": "2023/7"})),
    ]
}

/// Somebody who is counted, and does not want to be known any more.
fn participant(before: u128) -> Vec<Told> {
    let person = key(3000);
    let named = |on, name, more: Value| {
        let mut body = json!({"person": person});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        told(on, name, body)
    };
    let refused = event_id(before + 11);
    let request = event_id(before + 13);
    vec![
        named("2023-04-11", "register-participant", json!({"provider": "P1", "school": "S1"}))
            .with(json!({"identity": who("Muster")})),
        named("2023-04-12", "correct-identity", json!({"corrects": event_id(before + 1)}))
            .because(Reason::DataEntryError)
            .with(json!({"identity": who("Mustermann")})),
        named("2023-04-13", "open-record", json!({"position": before + 2, "ground": "work"})),
        named("2023-04-14", "export-person", json!({"ground": "data_subject_request"})),
        named(
            "2023-04-17",
            "lock-retention",
            json!({"purposes": ["statistics"], "until": "2035-01-01", "ground": "esf_documents"}),
        ),
        named("2023-04-18", "end-retention-lock", json!({"ground": "esf_documents"}))
            .because(Reason::DataEntryError)
            .by(8),
        named("2023-04-19", "set-legal-hold", json!({"hold": key(3100), "ground": "audit"})),
        named("2023-06-19", "release-legal-hold", json!({"hold": key(3100)})).because(Reason::LateInformation),
        named("2023-06-20", "restrict-processing", json!({"ground": "accuracy_contested"})),
        named("2023-06-27", "lift-restriction", json!({})).because(Reason::LateInformation),
        named("2023-07-03", "request-erasure", json!({"ground": "objection", "purposes": ["identity", "statistics"]})),
        named(
            "2023-07-04",
            "refuse-erasure",
            json!({"request": refused, "ground": "archiving_statistics", "until": "2030-01-01"}),
        ),
        named("2023-07-05", "request-erasure", json!({"ground": "no_longer_needed", "purposes": ["identity"]})),
        named("2023-07-06", "approve-erasure", json!({"request": request})).by(8),
        named("2023-07-07", "approve-erasure", json!({"request": request})).by(9),
        named("2023-07-07", "begin-erasure", json!({"request": request})),
        named(
            "2023-07-07",
            "record-erasure",
            json!({
                "request": request, "keys": [key(3200)], "purposes": ["identity"], "kek_version": 3,
                "slots_purged": 2, "bound_until": "2023-08-07",
            }),
        ),
    ]
}
