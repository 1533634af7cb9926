//! What lies outside of a viewer's scopes is in no answer.

use serde_json::{Value, json};
use sfs_domain::authority::{Role, Scope};
use sfs_domain::testing::{day, fixtures, key};
use sfs_domain::{Category, Grant};

use super::support::{Models, Programme, period, viewer};
use crate::{
    ActivityQuery, AsOf, CoverageQuery, Denied, Figure, Group, OverviewQuery, PageRequest, QueryError, RegisterQuery,
    StaffingQuery, TrainingsQuery, Viewer,
};

/// Two districts with a school, a provider, a person, an office, a training and work each. Whatever
/// belongs to the second has a `2` in its name; its AGS is 15003.
fn two_districts() -> Programme {
    let mut programme = Programme::default();
    for (n, district) in [(1_u128, "15083"), (2, "15003")] {
        let (school, provider) = (format!("S{n}"), format!("P{n}"));
        programme.tell(
            "2022-07-20",
            "register-organisation",
            json!({
                "organisation": provider, "name": format!("Verein {n}"), "legal_form": "registered_association",
                "sector": "private", "kind": "free_youth_welfare", "district": district,
            }),
        );
        programme.tell(
            "2022-07-20",
            "confirm-provider-recognition",
            json!({
                "organisation": provider, "recognition": "youth_welfare_75", "document": fixtures::digest('A'),
            }),
        );
        programme.tell("2022-07-25", "register-school", json!({
            "school": school, "name": format!("Schule {n}"), "form": "GS", "district": district, "ownership": "public",
        }));
        programme.tell(
            "2022-08-01",
            "establish-network-office",
            json!({
                "district": district, "name": format!("Netzwerkstelle {n}"), "provider": provider, "from": "2022-08-01",
            }),
        );
        programme.tell(
            "2022-07-26",
            "propose-cooperation",
            json!({
                "school": school, "provider": provider, "concept": fixtures::digest('C'),
            }),
        );
        programme.tell(
            "2022-07-29",
            "sign-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": {"from": "2022-08-01", "to": "2024-08-01"},
                "goals": ["teamwork"], "meeting_rhythm": "monthly", "data_protection_clause": true,
                "signed_by": {"school": true, "provider": true}, "document": fixtures::digest('A'),
            }),
        );
        programme.tell(
            "2022-07-29",
            "confirm-staff-qualification",
            json!({
                "staff": key(500 + n), "provider": provider, "qualification": "social_work", "state_recognised": true,
                "document": fixtures::digest('E'),
            }),
        );
        programme.tell(
            "2022-07-30",
            "assign-staff",
            json!({
                "staff": key(500 + n), "assignment": key(600 + n), "function": "school_social_worker", "fte": 500,
                "workplace": {"school": {"school": school, "provider": provider}},
                "period": {"from": "2022-08-01", "to": "2023-08-01"},
            }),
        );
        programme.tell(
            "2022-09-01",
            "report-vacancy",
            json!({
                "vacancy": key(700 + n), "workplace": {"school": {"school": school, "provider": provider}},
                "function": "school_social_worker", "fte": 250, "from": "2022-09-01",
            }),
        );
        programme.tell(
            "2022-10-01",
            "identify-training-need",
            json!({
                "need": key(800 + n), "source": "office", "topic": "mediation", "district": district,
            }),
        );
        programme.tell("2022-10-02", "offer-training", json!({
            "training": key(810 + n), "needs": [key(800 + n)], "topic": "mediation", "district": district, "seats": 5,
            "minutes": 60, "begins_on": "2022-11-01", "format": "online",
        }));
        programme.tell(
            "2022-10-04",
            "record-intervention",
            json!({
                "school": school, "staff": key(500 + n), "assignment": key(600 + n), "minutes": 30 * n,
                "work": {"mediation": {"parties": 2, "result": "agreed"}},
            }),
        );
    }
    programme.tell(
        "2022-10-03",
        "offer-training",
        json!({
            "training": key(820), "needs": [key(801), key(802)], "topic": "inclusion", "district": "15", "seats": 5,
            "minutes": 60, "begins_on": "2022-11-01", "format": "online",
        }),
    );
    programme
}

/// Every answer that a viewer gets; what is denied is left out.
async fn all_texts(all: &Models, viewer: &Viewer, as_of: AsOf) -> Vec<(String, Value)> {
    let (on, during) = (day("2022-10-10"), period("2022-10-01", "2022-11-02"));
    let mut texts = Vec::new();
    let mut add = |name: &str, answer: Result<Value, QueryError>| match answer {
        Ok(data) => texts.push((name.to_owned(), data)),
        Err(QueryError::Denied(_)) => {}
        Err(why) => panic!("{name}: {why}"),
    };
    let models = &all.models;
    let overview = OverviewQuery { on, during, as_of };
    add("overview", models.programme_overview(viewer, &overview).await.map(|a| json!(a.data)));
    let coverage = CoverageQuery { as_of, ..CoverageQuery::on(on) };
    add("coverage", models.school_coverage(viewer, &coverage).await.map(|a| json!(a.data)));
    let staffing = StaffingQuery { as_of, ..StaffingQuery::on(on) };
    add("staffing", models.staffing(viewer, &staffing).await.map(|a| json!(a.data)));
    let trainings = TrainingsQuery { as_of, ..TrainingsQuery::all() };
    add("trainings", models.trainings(viewer, &trainings).await.map(|a| json!(a.data)));
    for group in [Group::District, Group::Form, Group::Provider, Group::School, Group::Month] {
        let query = ActivityQuery { as_of, group: Some(group), ..ActivityQuery::of(during) };
        add(&format!("activity {group:?}"), models.activity_profile(viewer, &query).await.map(|a| json!(a.data)));
    }
    let figure = Figure::Activity(ActivityQuery { as_of, ..ActivityQuery::of(during) });
    let page = PageRequest::default();
    add("contributing", models.contributing(viewer, &figure, &page).await.map(|a| json!(a.data)));
    for category in Category::ALL {
        let query = RegisterQuery { as_of, ..RegisterQuery::of(*category) };
        add(category.name(), models.register(viewer, &query).await.map(|a| json!(a.data)));
    }
    texts
}

#[tokio::test]
async fn who_sees_one_district_sees_no_row_of_another() {
    let programme = two_districts();
    let all = programme.models().await;
    let head = all.log.head().await.unwrap().size;
    for as_of in [AsOf::default(), AsOf { known: Some(head) }] {
        for (role, scope) in [
            (Role::NetworkOffice, Scope::District(fixtures::district("15083"))),
            (Role::ProviderManager, Scope::Provider(fixtures::organisation_id("P1"))),
            (Role::SchoolSocialWorker, Scope::School(fixtures::school_id("S1"))),
        ] {
            let viewer = viewer([(role, scope.clone())]);
            for (name, data) in all_texts(&all, &viewer, as_of).await {
                let text = data.to_string();
                for foreign in ["15003", "\"S2\"", "\"P2\"", "Schule 2", "Verein 2", "Netzwerkstelle 2"] {
                    assert!(!text.contains(foreign), "{role:?} in {scope:?} sees {foreign} in {name}: {text}");
                }
                for n in [502, 602, 702, 812] {
                    assert!(!text.contains(&key(n).to_string()), "{role:?} in {scope:?} sees {n} in {name}: {text}");
                }
                let own = match name.as_str() {
                    "overview" => text.contains("\"activity_minutes\":30"),
                    "coverage" => text.contains("\"S1\""),
                    "staffing" | "staff" => text.contains(&key(501).to_string()),
                    "trainings" | "training" => text.contains(&key(820).to_string()),
                    "school" => text.contains("Schule 1"),
                    name if name.starts_with("activity") => text.contains("\"minutes\":30"),
                    "contributing" => data["positions"].as_array().unwrap().len() == 1,
                    _ => true,
                };
                assert!(own, "{role:?} in {scope:?} does not see its own in {name}: {text}");
            }
        }
    }
    all.models.stop().await;
}

#[tokio::test]
async fn scopes_of_two_grants_are_seen_together() {
    let all = two_districts().models().await;
    let both = viewer([
        (Role::NetworkOffice, Scope::District(fixtures::district("15083"))),
        (Role::NetworkOffice, Scope::District(fixtures::district("15003"))),
    ]);
    let query = ActivityQuery::of(period("2022-10-01", "2022-11-01"));
    assert_eq!(all.models.activity_profile(&both, &query).await.unwrap().data.total.minutes, 90);
    let one = viewer([(Role::NetworkOffice, Scope::District(fixtures::district("15003")))]);
    assert_eq!(all.models.activity_profile(&one, &query).await.unwrap().data.total.minutes, 60);
    all.models.stop().await;
}

#[tokio::test]
async fn roles_that_see_only_suppressed_figures_are_denied_the_profile_and_nothing_else() {
    let all = two_districts().models().await;
    let query = ActivityQuery::of(period("2022-10-01", "2022-11-01"));
    for role in Role::ALL {
        let viewer = viewer([(*role, Scope::State {})]);
        let denied = match all.models.activity_profile(&viewer, &query).await {
            Ok(_) => None,
            Err(QueryError::Denied(why)) => Some(why),
            Err(why) => panic!("{why}"),
        };
        let expected = match role {
            Role::SchoolSocialWorker
            | Role::ProviderManager
            | Role::NetworkOffice
            | Role::GrantingAuthority
            | Role::Auditor => None,
            Role::CoordinationOffice | Role::Ministry | Role::ManagingAuthority | Role::YouthOffice => {
                Some(Denied::SuppressedOnly)
            }
            Role::DataProtectionOfficer | Role::Public | Role::Administrator | Role::System => Some(Denied::NoAccess),
        };
        assert_eq!(denied, expected, "{role:?}");
        let figure = Figure::Activity(query.clone());
        let behind = all.models.contributing(&viewer, &figure, &PageRequest::default()).await;
        assert_eq!(behind.is_err(), expected.is_some(), "{role:?}");
    }
    all.models.stop().await;
}

#[tokio::test]
async fn a_grant_that_has_ended_shows_nothing() {
    let all = two_districts().models().await;
    let grant = Grant { role: Role::Auditor, scope: Scope::State {}, until: Some(day("2026-11-24")) };
    let ended = Viewer { grants: [grant].into(), today: day("2026-11-24") };
    assert!(all_texts(&all, &ended, AsOf::default()).await.is_empty());
    all.models.stop().await;
}
