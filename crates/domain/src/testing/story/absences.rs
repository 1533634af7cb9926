//! The absences of the story, and who stands in.

use serde_json::{Value, json};

use super::{Told, told};
use crate::decider::Reason;
use crate::testing::fixtures::digest;
use crate::testing::key;

/// One absence with a substitute for its first weeks, one that never was.
pub(super) fn all() -> Vec<Told> {
    let absent = |on, name, absence: u128, more: Value| {
        let mut body = json!({"staff": key(500), "absence": key(absence)});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        told(on, name, body)
    };
    let days = |from, to| json!({"period": {"from": from, "to": to}});
    let standing_in = json!({"substitute": key(503), "period": {"from": "2023-09-04", "to": "2023-10-01"}});
    vec![
        told(
            "2023-08-28",
            "confirm-staff-qualification",
            json!({
                "staff": key(503), "provider": "P1", "qualification": "social_work", "state_recognised": true,
                "document": digest('S'),
            }),
        ),
        absent("2023-09-01", "record-absence", 3300, days("2023-09-01", "2023-09-16"))
            .with(json!({"absence": {"ground": "illness"}})),
        absent("2023-09-15", "amend-absence", 3300, days("2023-09-01", "2023-10-01"))
            .because(Reason::LateInformation)
            .with(json!({"absence": {"ground": "illness"}})),
        absent("2023-09-15", "correct-absence-ground", 3300, json!({}))
            .because(Reason::DataEntryError)
            .with(json!({"absence": {"ground": "child_illness"}})),
        absent("2023-09-15", "appoint-substitute", 3300, standing_in),
        absent("2023-09-25", "end-substitution", 3300, json!({"substitute": key(503), "on": "2023-09-25"})),
        absent("2023-10-02", "record-absence", 3301, days("2023-10-02", "2023-10-05")),
        absent("2023-10-02", "withdraw-absence", 3301, json!({})).because(Reason::DataEntryError),
    ]
}
