//! The trainings of the story.

use serde_json::json;

use super::{Told, told};
use crate::decider::Reason;
use crate::testing::key;

/// Trainings and the needs that they answer.
pub(super) fn all() -> Vec<Told> {
    let offer = |training: u128| {
        told(
            "2023-01-10",
            "offer-training",
            json!({
                "training": key(training), "needs": [key(800)], "topic": "mediation", "district": "15", "seats": 20,
                "minutes": 720, "begins_on": "2023-03-01", "format": "in_person",
            }),
        )
    };
    vec![
        told(
            "2023-01-05",
            "identify-training-need",
            json!({
                "need": key(800), "source": "survey", "topic": "mediation", "district": "15083",
            }),
        ),
        told(
            "2023-01-05",
            "identify-training-need",
            json!({
                "need": key(801), "source": "office", "topic": "digital_media", "district": "15",
            }),
        ),
        told("2023-01-20", "withdraw-training-need", json!({"need": key(801)})).because(Reason::Duplicate),
        offer(810),
        offer(811),
        told("2023-01-20", "reschedule-training", json!({"training": key(810), "begins_on": "2023-03-08"})),
        told(
            "2023-02-20",
            "record-training-registrations",
            json!({
                "training": key(810),
                "registrations": [{"audience": "school_social_workers", "people": 14}, {"audience": "teachers", "people": 3}],
            }),
        ),
        told("2023-03-09", "hold-training", json!({"training": key(810)})),
        told(
            "2023-03-10",
            "confirm-training-attendance",
            json!({
                "training": key(810), "attendance": {"women": 10, "men": 4, "non_binary": 1}, "minutes": 690,
            }),
        ),
        told("2023-03-20", "evaluate-training", json!({"training": key(810), "responses": 12, "score": 432})),
        told("2023-02-15", "cancel-training", json!({"training": key(811)})).because(Reason::TooFewRegistrations),
    ]
}
