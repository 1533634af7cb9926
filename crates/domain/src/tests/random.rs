//! Random commands of every aggregate.

mod cases;
mod persons;
mod staff;

use serde_json::{Value, json};

use crate::BusinessDate;
use crate::decider::Reason;
use crate::testing::fixtures::digest;
use crate::testing::story::{Told, every_kind_of_work};
use crate::testing::{day, event_id, key};

/// How many commands at the end of the story close what the random ones need.
pub(super) const ENDINGS: usize = 5;

/// What has begun when the random commands come.
pub(super) fn begun() -> Vec<Told> {
    [persons::begun(), staff::begun(), cases::begun()].concat()
}

/// Twelve random bytes choose a command and its particulars from small pools, so that commands
/// often meet each other.
pub(super) type Choice = [u8; 12];

pub(super) fn pick<T: Clone>(pool: &[T], byte: u8) -> T {
    pool[usize::from(byte) % pool.len()].clone()
}

pub(super) fn date(byte: u8) -> BusinessDate {
    day("2022-07-01").plus_days(i32::from(byte) * 6)
}

pub(super) fn keys(first: u128, byte: u8) -> Value {
    json!(key(first + u128::from(byte % 4)))
}

/// The command that these bytes choose.
pub(super) fn command(c: Choice) -> Told {
    let on = date(c[1]);
    let reason = pick(&[Some(Reason::DataEntryError), Some(Reason::Reorganisation), None], c[2]);
    let school = pick(&["S1", "S2", "S4"], c[3]);
    let provider = pick(&["P1", "L1", "P2"], c[4]);
    let district = pick(&["15083", "15003", "15"], c[10]);
    let workplace = pick(
        &[json!({"school": {"school": school, "provider": provider}}), json!({"office": {"district": district}})],
        c[5] / 2,
    );
    let function = pick(&["school_social_worker", "network_coordinator"], c[5] / 2);
    let period = json!({"from": date(c[6]), "to": date(c[6]).plus_days(1 + i32::from(c[7]) * 4)});
    let work = pick(&every_kind_of_work(), c[8]);
    let fte = pick(&[100, 250, 400, 500, 750, 1000], c[9]);
    let intervention = event_id(50 + u128::from(c[10]) % 60);
    let rates = pick(
        &[
            json!({"eu": 6000, "land": 4000, "municipal": 0}),
            json!({"eu": 7000, "land": 3000, "municipal": 0}),
            json!({"eu": 5000, "land": 3000, "municipal": 2000}),
        ],
        c[9],
    );
    let goals = pick(&[json!(["teamwork"]), json!(["inclusion", "transition"]), json!([])], c[9]);
    let cci = "2021DE05SFPR013";
    let all = [
        ("define-funding-period", json!({"cci": cci, "label": pick(&["A", "B"], c[3]), "period": period})),
        (
            "define-funding-cycle",
            json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "module": "network_offices", "period": period, "rates": rates}),
        ),
        (
            "change-cofinancing-rates",
            json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "rates": rates, "from": date(c[6])}),
        ),
        ("close-funding-cycle", json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "on": date(c[6])})),
        (
            "register-organisation",
            json!({
                "organisation": provider, "name": "Verein", "legal_form": "foundation", "kind": "free_youth_welfare",
                "sector": pick(&["private", "public"], c[5]),
            }),
        ),
        (
            "confirm-provider-recognition",
            json!({
                "organisation": provider, "recognition": pick(&["non_profit", "youth_welfare_75"], c[5]), "document": digest('A'),
            }),
        ),
        ("set-vat-status", json!({"organisation": provider, "recoverable": c[5] > 127})),
        ("amend-organisation", json!({"organisation": provider, "name": pick(&["Verein", "Stiftung"], c[5])})),
        ("deactivate-organisation", json!({"organisation": "P2"})),
        (
            "register-school",
            json!({
                "school": school, "name": "Schule", "form": "GS", "district": district, "ownership": "unknown",
            }),
        ),
        ("change-school-form", json!({"school": school, "form": pick(&["GS", "SEK"], c[5])})),
        ("merge-schools", json!({"school": school, "into": pick(&["S2", "S4"], c[5])})),
        ("close-school", json!({"school": school})),
        (
            "record-pupil-numbers",
            json!({
                "school": school, "school_year": "2023/24", "pupils": {"women": c[5], "men": 3, "non_binary": 0}, "source": "x",
            }),
        ),
        (
            "establish-network-office",
            json!({
                "district": district, "name": "Stelle", "provider": provider, "from": date(c[6]),
            }),
        ),
        ("add-network-office-site", json!({"district": district, "site": {"place": pick(&["Burg", "Zeitz"], c[5])}})),
        ("change-network-office-provider", json!({"district": district, "provider": provider, "from": date(c[6])})),
        ("close-network-office", json!({"district": district, "on": date(c[6])})),
        ("propose-cooperation", json!({"school": school, "provider": provider, "concept": digest('A')})),
        (
            "record-conference-resolution",
            json!({
                "school": school, "provider": provider, "held_on": date(c[6]), "result": pick(&["affirmative", "negative"], c[5]),
            }),
        ),
        (
            "record-expert-opinion",
            json!({
                "school": school, "provider": provider, "by": "youth_office", "result": pick(&["against", "in_favour"], c[5]),
            }),
        ),
        (
            "sign-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": period, "goals": goals, "meeting_rhythm": "weekly",
                "data_protection_clause": true, "signed_by": {"school": true, "provider": true}, "document": digest('A'),
            }),
        ),
        (
            "amend-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": period, "goals": goals, "document": digest('A'),
            }),
        ),
        (
            "hold-cooperation-review",
            json!({
                "school": school, "provider": provider, "held_on": date(c[6]), "goals": [{"goal": "teamwork", "degree": "partly"}],
            }),
        ),
        (
            "raise-cooperation-issue",
            json!({
                "school": school, "provider": provider, "issue": keys(900, c[5]), "topic": pick(&["rooms", "roles"], c[9]),
            }),
        ),
        ("resolve-cooperation-issue", json!({"school": school, "provider": provider, "issue": keys(900, c[5])})),
        ("terminate-cooperation", json!({"school": school, "provider": provider, "on": date(c[6])})),
        (
            "confirm-staff-qualification",
            json!({
                "staff": keys(500, c[10]), "provider": provider, "qualification": "educator", "state_recognised": true, "document": digest('A'),
            }),
        ),
        (
            "assign-staff",
            json!({
                "staff": keys(500, c[10]), "assignment": keys(602, c[11]), "function": function, "workplace": workplace,
                "fte": fte, "period": period,
            }),
        ),
        (
            "change-assignment-fte",
            json!({
                "staff": keys(500, c[10]), "assignment": keys(600, c[11]), "fte": fte, "from": date(c[6]),
            }),
        ),
        ("end-assignment", json!({"staff": keys(500, c[10]), "assignment": keys(600, c[11]), "on": date(c[6])})),
        (
            "report-vacancy",
            json!({
                "vacancy": keys(702, c[11]), "workplace": workplace, "function": function, "fte": fte, "from": date(c[6]),
            }),
        ),
        (
            "fill-vacancy",
            json!({
                "vacancy": keys(702, c[11] % 2), "staff": key(500), "assignment": keys(600, c[5] % 2), "on": date(c[6]),
            }),
        ),
        ("withdraw-vacancy", json!({"vacancy": keys(702, c[11]), "on": date(c[6])})),
        (
            "identify-training-need",
            json!({
                "need": keys(800, c[11]), "source": "survey", "topic": pick(&["mediation", "inclusion"], c[5]), "district": district,
            }),
        ),
        ("withdraw-training-need", json!({"need": keys(800, c[11])})),
        (
            "offer-training",
            json!({
                "training": keys(813, c[11]), "needs": [keys(800, c[5])], "topic": "mediation", "district": district,
                "seats": c[9] % 16, "minutes": 60, "begins_on": date(c[6]), "format": "online",
            }),
        ),
        ("reschedule-training", json!({"training": keys(813, c[11]), "begins_on": date(c[6])})),
        (
            "record-training-registrations",
            json!({
                "training": keys(813, c[11]), "registrations": [{"audience": "others", "people": c[9] % 20}],
            }),
        ),
        ("hold-training", json!({"training": keys(813, c[11])})),
        (
            "confirm-training-attendance",
            json!({
                "training": keys(813, c[11]), "attendance": {"women": c[9] % 20, "men": 0, "non_binary": 0},
            }),
        ),
        ("evaluate-training", json!({"training": keys(813, c[11]), "responses": c[9] % 20, "score": 300})),
        ("cancel-training", json!({"training": keys(813, c[11])})),
        (
            "record-intervention",
            json!({
                "school": school, "staff": keys(500, c[10] % 2), "assignment": keys(600, c[11]), "minutes": 1 + u32::from(c[9]) * 2, "work": work,
            }),
        ),
        (
            "correct-intervention",
            json!({
                "school": "S1", "school_year": "2022/23", "intervention": intervention, "minutes": 1 + u32::from(c[9]) * 3, "work": work,
            }),
        ),
        ("void-intervention", json!({"school": "S1", "school_year": "2022/23", "intervention": intervention})),
        (
            "grant-role",
            json!({
                "principal": keys(1000, c[10]), "grant": {"role": pick(&["CO", "NO", "AU"], c[5]), "scope": {"district": district}, "until": date(c[6])},
            }),
        ),
        ("revoke-role", json!({"principal": keys(1000, c[10]), "role": "NO", "scope": {"district": district}})),
        ("issue-api-key", json!({"principal": keys(1000, c[10]), "key": keys(1001, c[11])})),
        ("revoke-api-key", json!({"principal": keys(1000, c[10]), "key": keys(1001, c[11])})),
    ];
    let all = [all.to_vec(), persons::commands(c), staff::commands(c), cases::commands(c)].concat();
    let (name, body) = pick(&all, c[0]);
    Told { on, reason, name, body, personal: Value::Null, actor: 7 + u128::from(c[11] % 3) }
}
