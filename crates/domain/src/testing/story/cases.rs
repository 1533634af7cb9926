//! The support case of the story, and a process of child protection beside it.

use serde_json::{Value, json};

use super::{Told, told};
use crate::decider::Reason;
use crate::testing::{event_id, key};

/// A case from its opening to its third owner, and a process with all its steps; so many events were
/// before.
pub(super) fn all(before: u128) -> Vec<Told> {
    let colleagues = colleagues();
    let case = case(before + colleagues.len() as u128);
    [colleagues, case, protection()].concat()
}

/// Two school social workers who can stand in for the one who tells the story.
fn colleagues() -> Vec<Told> {
    [1010, 1011]
        .map(|n| {
            let grant = json!({"role": "SSW", "scope": {"school": "S1"}});
            told("2023-04-03", "grant-role", json!({"principal": key(n), "grant": grant}))
        })
        .to_vec()
}

fn case(before: u128) -> Vec<Told> {
    let about = |on, name, more: Value| {
        let mut body = json!({"person": key(3001)});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        told(on, name, body)
    };
    vec![
        about("2023-04-17", "open-support-case", json!({"number": 12, "entry": "school", "deputy": key(1010)})).with(
            json!({
                "case_profile": {"gender": "female", "class_level": 8},
                "case_concern": {"topics": ["absenteeism", "family"]},
            }),
        ),
        about("2023-04-18", "record-support-contact", json!({"contact": key(3400), "minutes": 45, "form": "talk"})),
        about("2023-04-18", "write-note", json!({"note": key(3401)}))
            .with(json!({"note": {"age": "YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOQo="}})),
        about("2023-04-20", "open-note", json!({"event": event_id(before + 3)})),
        about("2023-04-20", "agree-support-goal", json!({"goal": key(3402)})),
        about("2023-06-20", "assess-support-goal", json!({"goal": key(3402)}))
            .with(json!({"goal_assessment": {"degree": "mostly"}})),
        about("2023-05-02", "refer-case", json!({"referral": key(3403)}))
            .with(json!({"referral": {"service": "counselling"}})),
        about("2023-06-01", "record-referral-outcome", json!({"referral": key(3403)}))
            .with(json!({"referral_outcome": {"outcome": "taken_up"}})),
        about("2023-06-02", "name-deputy", json!({})),
        about("2023-06-28", "export-pupil", json!({"ground": "data_subject_request"})),
        about("2023-06-30", "close-support-case", json!({"closing": "goals_reached"}))
            .with(json!({"case_outcome": {"outcome": "better"}})),
        about("2023-09-11", "reopen-support-case", json!({})),
        about("2023-09-12", "hand-over-case", json!({"to": key(1010)})),
        about("2023-10-04", "reassign-case", json!({"to": key(1011)})).because(Reason::StaffChange),
    ]
}

fn protection() -> Vec<Told> {
    let process = json!({"process": key(3500)});
    vec![
        told("2023-05-10", "raise-protection-concern", json!({"process": key(3500), "school": "S1", "provider": "P1"})),
        told("2023-05-11", "hold-risk-assessment", json!({"process": key(3500), "experienced_professional": true})),
        told("2023-05-12", "inform-youth-office", json!({"process": key(3500), "imminent_danger": false})),
        told("2023-06-12", "close-protection-process", process),
    ]
}
