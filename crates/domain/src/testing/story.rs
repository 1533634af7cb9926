//! One small programme from its opening to the last voided intervention: every command of the
//! catalogue is accepted at least once, every event type happens. What others test on begins here.

mod absences;
mod cases;
mod persons;
mod trainings;

use serde_json::{Value, json};

use super::fixtures::digest;
use super::world::World;
use super::{day, event_id, key};
use crate::catalogue::command_entry;
use crate::decider::Reason;
use crate::wire::Named;
use crate::{BusinessDate, Command};

/// One command of the story with its envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Business date.
    pub on: BusinessDate,
    /// Why.
    pub reason: Option<Reason>,
    /// Name of the command.
    pub name: &'static str,
    /// Its body, as a client would send it.
    pub body: Value,
    /// What it says of a person: the member `personal` of the request.
    pub personal: Value,
    /// Who sends it: the n-th principal of the tests.
    pub actor: u128,
}

impl Told {
    fn because(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    fn by(mut self, actor: u128) -> Self {
        self.actor = actor;
        self
    }

    fn with(mut self, personal: Value) -> Self {
        self.personal = personal;
        self
    }

    /// The command, read as a client's would be.
    pub fn command(&self) -> Command {
        let Some(entry) = command_entry(self.name) else { panic!("no command `{}`", self.name) };
        match Command::deserialize_as(entry.category, Named { name: self.name, body: self.body.clone() }) {
            Ok(command) => command,
            Err(why) => panic!("{}: {why}", self.name),
        }
    }
}

fn told(on: &str, name: &'static str, body: Value) -> Told {
    Told { on: day(on), reason: None, name, body, personal: Value::Null, actor: 7 }
}

/// The world after the story.
pub fn world() -> World {
    let mut world = World::default();
    for told in story() {
        if let Err(why) = world.hear(&told) {
            panic!("the story breaks at {told:?}: {why:?}");
        }
    }
    world
}

/// Every command of the story, in order.
pub fn story() -> Vec<Told> {
    let begun = [programme(), organisations(), cooperation(), people(), trainings::all(), work(), access()].concat();
    let parts: [fn(u128) -> Vec<Told>; 4] = [persons::all, |_| absences::all(), cases::all, |_| endings()];
    parts.iter().fold(begun, |all, part| [&all[..], &part(all.len() as u128)].concat())
}

fn programme() -> Vec<Told> {
    let cci = "2021DE05SFPR013";
    vec![
        told(
            "2022-07-13",
            "open-programme",
            json!({
                "cci": cci, "title": "Schulerfolg sichern", "specific_objective": "ESO4.6", "fund": "esf_plus",
                "category_of_region": "transition", "intervention_field": "149", "priority": "3",
                "eligibility": {"from": "2021-01-01", "to": "2030-01-01"},
                "provenance": {"source": "programme page", "status": "stated", "as_of": "2022-08-26"},
            }),
        ),
        told(
            "2022-07-13",
            "define-funding-period",
            json!({
                "cci": cci, "label": "2008–2015", "period": {"from": "2008-01-01", "to": "2015-08-01"},
                "provenance": {"source": "programme page", "status": "stated"},
            }),
        ),
        told(
            "2022-07-13",
            "define-funding-cycle",
            json!({
                "cci": cci, "cycle": "1b", "module": "school_social_work",
                "period": {"from": "2022-08-01", "to": "2024-08-01"},
                "rates": {"eu": 6000, "land": 3000, "municipal": 1000}, "legal_basis": digest('L'),
                "provenance": {"source": "guideline 2022-07-13", "status": "stated"},
            }),
        ),
        told(
            "2023-01-02",
            "change-cofinancing-rates",
            json!({
                "cci": cci, "cycle": "1b", "rates": {"eu": 6000, "land": 2000, "municipal": 2000}, "from": "2023-08-01",
            }),
        ),
        told("2024-08-01", "close-funding-cycle", json!({"cci": cci, "cycle": "1b", "on": "2024-08-01"})),
    ]
}

fn organisations() -> Vec<Told> {
    let organisation = |id: &str, name: &str, form: &str, sector: &str, kind: &str| {
        told(
            "2022-07-20",
            "register-organisation",
            json!({
                "organisation": id, "name": name, "legal_form": form, "sector": sector, "kind": kind,
                "district": "15083", "provenance": {"source": "office list", "status": "stated", "as_of": "2022-07-01"},
            }),
        )
    };
    vec![
        organisation("P1", "Verein für Jugendarbeit e. V.", "registered_association", "private", "free_youth_welfare"),
        organisation("L1", "Landkreis Börde", "local_authority", "public", "public_youth_welfare"),
        told(
            "2022-07-21",
            "confirm-provider-recognition",
            json!({
                "organisation": "P1", "recognition": "youth_welfare_75", "document": digest('R'),
            }),
        ),
        told("2022-07-21", "set-vat-status", json!({"organisation": "P1", "recoverable": false})),
        told(
            "2022-07-22",
            "amend-organisation",
            json!({
                "organisation": "P1", "name": "Jugendarbeit gGmbH", "legal_form": "non_profit_company",
            }),
        ),
        told(
            "2022-07-25",
            "register-school",
            json!({
                "school": "S1", "name": "Sekundarschule Wanzleben", "form": "SEK", "district": "15083",
                "ownership": "public", "authority": "L1",
                "provenance": {"source": "school list 2016-17", "status": "inferred", "as_of": "2016-08-01"},
            }),
        ),
        told(
            "2022-07-25",
            "register-school",
            json!({
                "school": "S2", "name": "Grundschule Klein Wanzleben", "form": "GS", "district": "15083", "ownership": "public",
            }),
        ),
        told(
            "2022-07-25",
            "register-school",
            json!({
                "school": "S3", "name": "Freie Schule Wanzleben", "form": "GMS", "district": "15083", "ownership": "private",
            }),
        ),
        told(
            "2022-09-15",
            "record-pupil-numbers",
            json!({
                "school": "S1", "school_year": "2022/23", "pupils": {"women": 151, "men": 160, "non_binary": 1},
                "source": "school statistics",
            }),
        ),
        told("2023-08-01", "change-school-form", json!({"school": "S1", "form": "GMS"})),
        told(
            "2022-08-01",
            "establish-network-office",
            json!({
                "district": "15083", "name": "Netzwerkstelle Börde", "provider": "P1", "from": "2022-08-01",
                "site": {"place": "Haldensleben", "postcode": "39340"},
                "provenance": {"source": "office list", "status": "historic", "as_of": "2022-07-01"},
            }),
        ),
        told(
            "2022-10-01",
            "add-network-office-site",
            json!({
                "district": "15083", "site": {"place": "Wanzleben", "postcode": "39164"},
            }),
        ),
        told(
            "2024-08-01",
            "change-network-office-provider",
            json!({
                "district": "15083", "provider": "L1", "from": "2024-08-01",
            }),
        ),
    ]
}

fn cooperation() -> Vec<Told> {
    let with = |on: &str, name, more: Value| {
        let mut body = json!({"school": "S1", "provider": "P1"});
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        told(on, name, body)
    };
    vec![
        with(
            "2022-07-26",
            "propose-cooperation",
            json!({
                "youth_office": "L1", "school_authority": "L1", "concept": digest('C'),
            }),
        ),
        with("2022-07-28", "record-conference-resolution", json!({"held_on": "2022-07-27", "result": "affirmative"})),
        with("2022-07-28", "record-expert-opinion", json!({"by": "youth_office", "result": "in_favour"})),
        with(
            "2022-07-29",
            "sign-cooperation-agreement",
            json!({
                "period": {"from": "2022-08-01", "to": "2024-08-01"}, "goals": ["fewer_dropouts", "teamwork"],
                "meeting_rhythm": "monthly", "data_protection_clause": true,
                "signed_by": {"school": true, "provider": true}, "document": digest('D'),
            }),
        ),
        with(
            "2023-07-05",
            "amend-cooperation-agreement",
            json!({
                "period": {"from": "2022-08-01", "to": "2026-08-01"}, "document": digest('E'),
            }),
        ),
        with(
            "2023-07-05",
            "hold-cooperation-review",
            json!({
                "held_on": "2023-07-04",
                "goals": [{"goal": "fewer_dropouts", "degree": "partly"}, {"goal": "teamwork", "degree": "reached"}],
            }),
        ),
        with("2023-09-01", "raise-cooperation-issue", json!({"issue": key(900), "topic": "rooms"})),
        with("2023-10-01", "resolve-cooperation-issue", json!({"issue": key(900)})),
    ]
}

fn people() -> Vec<Told> {
    let at_school = json!({"school": {"school": "S1", "provider": "P1"}});
    let at_office = json!({"office": {"district": "15083"}});
    vec![
        told(
            "2022-07-29",
            "confirm-staff-qualification",
            json!({
                "staff": key(500), "provider": "P1", "qualification": "social_work", "state_recognised": true,
                "document": digest('Q'),
            }),
        ),
        told(
            "2022-07-29",
            "report-vacancy",
            json!({
                "vacancy": key(700), "workplace": at_school, "function": "school_social_worker", "fte": 750, "from": "2022-08-01",
            }),
        ),
        told(
            "2022-08-01",
            "assign-staff",
            json!({
                "staff": key(500), "assignment": key(600), "function": "school_social_worker", "workplace": at_school,
                "fte": 750, "period": {"from": "2022-09-01", "to": "2026-08-01"},
            }),
        ),
        told(
            "2022-08-01",
            "fill-vacancy",
            json!({
                "vacancy": key(700), "staff": key(500), "assignment": key(600), "on": "2022-09-01",
            }),
        ),
        told(
            "2022-08-01",
            "assign-staff",
            json!({
                "staff": key(500), "assignment": key(601), "function": "network_coordinator", "workplace": at_office,
                "fte": 250, "period": {"from": "2022-09-01", "to": "2024-08-01"},
            }),
        ),
        told("2023-01-15", "end-assignment", json!({"staff": key(500), "assignment": key(601), "on": "2023-02-01"}))
            .because(Reason::StaffChange),
        told(
            "2023-01-16",
            "change-assignment-fte",
            json!({
                "staff": key(500), "assignment": key(600), "fte": 1000, "from": "2023-02-01",
            }),
        ),
        told(
            "2023-02-01",
            "report-vacancy",
            json!({
                "vacancy": key(701), "workplace": at_office, "function": "network_coordinator", "fte": 250, "from": "2023-02-01",
            }),
        ),
        told("2023-03-01", "withdraw-vacancy", json!({"vacancy": key(701), "on": "2023-03-01"}))
            .because(Reason::FundingEnded),
    ]
}

/// One piece of work of every kind, on one school day each.
pub fn every_kind_of_work() -> Vec<Value> {
    vec![
        json!({"crisis": {"topic": "violence", "urgency": "immediate", "involved": ["pupils", "teachers"], "result": "stabilised"}}),
        json!({"mediation": {"parties": 2, "result": "agreed"}}),
        json!({"prevention": {
            "topic": "addiction", "levels": "7-8", "sessions": 2, "headcount": {"women": 11, "men": 12, "non_binary": 0},
        }}),
        json!({"learning_climate": {"reach": "class", "method": "class_council"}}),
        json!({"social_learning": {
            "group": "small_group", "sessions": 1, "headcount": {"women": 4, "men": 3, "non_binary": 1},
        }}),
        json!({"participation": {
            "form": "pupils_council", "headcount": {"women": 6, "men": 6, "non_binary": 0}, "result": "decision",
        }}),
        json!({"social_space": {
            "partners": ["association", "youth_club"], "activity": "visit", "headcount": {"women": 9, "men": 8, "non_binary": 0},
        }}),
        json!({"staff_advice": {"form": "talk", "advised": "teachers", "topic": "behaviour", "persons": 2}}),
        json!({"guardian_support": {"form": "home_visit", "topic": "absenteeism", "persons": 1}}),
        json!({"committee": {"body": "steering_group", "role": "member", "decisions": 1}}),
        json!({"networking": {"partners": ["network_office", "counselling"]}}),
        json!({"preparation": {}}),
        json!({"documentation": {}}),
        json!({"travel": {}}),
        json!({"training_attended": {}}),
    ]
}

fn work() -> Vec<Told> {
    let before = [programme(), organisations(), cooperation(), people(), trainings::all()].concat().len() as u128;
    let mut all: Vec<_> = (0..)
        .zip(every_kind_of_work())
        .map(|(days, work)| {
            let mut told = told(
                "2023-03-06",
                "record-intervention",
                json!({
                    "school": "S1", "staff": key(500), "assignment": key(600), "minutes": 45 + days, "work": work,
                }),
            );
            told.on = told.on.plus_days(days);
            told
        })
        .collect();
    // Event ids count from 1, and every command before was one event.
    let intervention = |n: u128| event_id(before + n);
    all.push(
        told("2023-03-28", "correct-intervention", json!({
            "school": "S1", "school_year": "2022/23", "intervention": intervention(3), "minutes": 90,
            "work": {"prevention": {
                "topic": "addiction", "levels": "7-8", "sessions": 2, "headcount": {"women": 10, "men": 12, "non_binary": 1},
            }},
        }))
        .because(Reason::DataEntryError),
    );
    all.push(
        told(
            "2023-03-29",
            "void-intervention",
            json!({
                "school": "S1", "school_year": "2022/23", "intervention": intervention(5),
            }),
        )
        .because(Reason::NotCarriedOut),
    );
    all
}

fn access() -> Vec<Told> {
    let scope = json!({"school": "S1"});
    vec![
        told(
            "2022-08-01",
            "grant-role",
            json!({
                "principal": key(1000), "grant": {"role": "SSW", "scope": scope, "until": "2026-08-01"},
            }),
        ),
        told("2022-08-01", "issue-api-key", json!({"principal": key(1000), "key": key(1001), "until": "2023-08-01"})),
        told("2023-08-01", "revoke-api-key", json!({"principal": key(1000), "key": key(1001)})),
        told("2023-08-01", "revoke-role", json!({"principal": key(1000), "role": "SSW", "scope": scope})),
    ]
}

fn endings() -> Vec<Told> {
    vec![
        told("2026-07-01", "terminate-cooperation", json!({"school": "S1", "provider": "P1", "on": "2026-07-15"}))
            .because(Reason::FundingEnded),
        told("2026-08-01", "close-network-office", json!({"district": "15083", "on": "2026-08-01"})),
        told("2026-08-01", "deactivate-organisation", json!({"organisation": "P1"})),
        told("2026-08-01", "merge-schools", json!({"school": "S2", "into": "S1"})).because(Reason::Reorganisation),
        told("2026-08-01", "close-school", json!({"school": "S3"})).because(Reason::SchoolClosed),
    ]
}
