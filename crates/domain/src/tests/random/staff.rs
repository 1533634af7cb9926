//! Random commands about absences and cases of few members of staff.

use serde_json::{Value, json};

use super::{Choice, date, keys, pick};
use crate::testing::story::Told;
use crate::testing::{day, key};

/// An absence that lasts, with a substitute, and a vacancy that can be filled.
pub(super) fn begun() -> Vec<Told> {
    let told = |name, body| Told { on: day("2024-01-01"), reason: None, name, body, personal: Value::Null, actor: 7 };
    let with = |to, mut body: Value| {
        body["period"] = json!({"from": "2024-01-01", "to": to});
        body
    };
    let vacancy = json!({
        "vacancy": key(702), "workplace": {"school": {"school": "S1", "provider": "P1"}},
        "function": "school_social_worker", "fte": 500, "from": "2023-01-01",
    });
    let absence = json!({"staff": key(500), "absence": key(3305)});
    let substitution = json!({"staff": key(500), "absence": key(3305), "substitute": key(503)});
    vec![
        told("record-absence", with("2025-01-01", absence)),
        told("appoint-substitute", with("2024-12-01", substitution)),
        told("report-vacancy", vacancy),
    ]
}

/// Every command about absences with these particulars.
pub(super) fn commands(c: Choice) -> Vec<(&'static str, Value)> {
    let (staff, absence) = (keys(500, c[10] % 2), keys(3302, c[11]));
    let substitute = keys(500, c[5]);
    let period = json!({"from": date(c[6]), "to": date(c[6]).plus_days(1 + i32::from(c[7] % 60))});
    let inside = json!({"from": date(c[6]), "to": date(c[6]).plus_days(1 + i32::from(c[8] % 8))});
    vec![
        ("record-absence", json!({"staff": staff, "absence": absence, "period": period})),
        ("amend-absence", json!({"staff": staff, "absence": absence, "period": period})),
        ("correct-absence-ground", json!({"staff": staff, "absence": absence})),
        ("withdraw-absence", json!({"staff": staff, "absence": absence})),
        ("appoint-substitute", json!({"staff": staff, "absence": absence, "substitute": substitute, "period": inside})),
        (
            "end-substitution",
            json!({
                "staff": key(500), "absence": pick(&[keys(3302, c[11]), json!(key(3305))], c[9]),
                "substitute": key(503), "on": date(c[6]),
            }),
        ),
    ]
}
