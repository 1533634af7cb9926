//! The register: every stream has its document, found by name and shown to those who see its place.

use serde_json::json;
use sfs_domain::authority::{Role, Scope};
use sfs_domain::testing::{fixtures, key};
use sfs_domain::{Category, StreamId};

use super::support::{Programme, WITHOUT_DOCUMENT, auditor, viewer};
use crate::register::documents::Document;
use crate::{AsOf, Denied, PageRequest, QueryError, RegisterQuery};

#[tokio::test]
async fn every_stream_but_those_of_work_and_principals_has_an_entry_with_its_version() {
    let programme = Programme::story();
    let all = programme.models().await;
    let mut versions = std::collections::BTreeMap::<StreamId, u64>::new();
    for recorded in programme.world.events() {
        *versions.entry(recorded.stream.clone()).or_default() += 1;
    }
    for (stream, version) in versions {
        let category = Category::from_name(stream.category()).unwrap();
        let key = stream.as_str().split_once('/').unwrap().1;
        let entry = all.models.register_entry(&auditor(), category, key, AsOf::default()).await;
        if WITHOUT_DOCUMENT.contains(&category) {
            assert!(matches!(entry, Err(QueryError::Denied(Denied::NoAccess))), "{stream}");
        } else {
            let entry = entry.unwrap().data.unwrap();
            assert_eq!((entry.key.as_str(), entry.version), (key, version), "{stream}");
        }
    }
    all.models.stop().await;
}

#[tokio::test]
async fn a_document_tells_all_that_its_events_said() {
    let all = Programme::story().models().await;
    let document = async |category, key: &str| {
        let entry = all.models.register_entry(&auditor(), category, key, AsOf::default()).await.unwrap();
        json!(entry.data.unwrap().document)
    };
    assert_eq!(
        document(Category::School, "S1").await,
        json!({
            "school": "S1", "name": "Sekundarschule Wanzleben", "district": "15083", "ownership": "public",
            "authority": "L1", "registered_on": "2022-07-25", "form": "GMS",
            "provenance": {"source": "school list 2016-17", "status": "inferred", "as_of": "2016-08-01"},
            "form_changes": [{"from": "2023-08-01", "form": "GMS"}],
            "pupils": [{
                "school_year": "2022/23", "pupils": {"women": 151, "men": 160, "non_binary": 1},
                "source": "school statistics",
            }],
        })
    );
    let cooperation = document(Category::Cooperation, "S1/P1").await;
    assert_eq!(cooperation["agreements"][0]["period"], json!({"from": "2022-08-01", "to": "2026-07-15"}));
    assert_eq!(cooperation["issues"][0]["resolved_on"], "2023-10-01");
    assert_eq!(cooperation["terminated_on"], "2026-07-15");
    let staff = document(Category::Staff, &key(500).to_string()).await;
    assert_eq!(
        staff["assignments"][0]["shares"],
        json!([{"from": "2022-09-01", "fte": 750}, {"from": "2023-02-01", "fte": 1000}])
    );
    assert_eq!(staff["assignments"][1]["ended_on"], "2023-02-01");
    let office = document(Category::NetworkOffice, "15083").await;
    assert_eq!(office["offices"][0]["providers"].as_array().unwrap().len(), 2);
    assert_eq!(office["offices"][0]["sites"].as_array().unwrap().len(), 2);
    assert_eq!(office["offices"][0]["closed_on"], "2026-08-01");
    let programme = document(Category::Programme, "2021DE05SFPR013").await;
    assert_eq!(programme["funding_cycles"][0]["rates"].as_array().unwrap().len(), 2);
    assert_eq!(programme["funding_cycles"][0]["closed_on"], "2024-08-01");
    let vacancy = document(Category::Vacancy, &key(700).to_string()).await;
    assert_eq!(vacancy["filled_by"], json!({"staff": key(500), "assignment": key(600)}));
    let training = document(Category::Training, &key(810).to_string()).await;
    assert_eq!(training["evaluation"], json!({"responses": 12, "score": 432}));
    assert_eq!(document(Category::TrainingNeed, &key(801).to_string()).await["withdrawn_on"], "2023-01-20");
    all.models.stop().await;
}

#[tokio::test]
async fn the_list_is_in_the_order_of_names_and_found_by_their_beginnings() {
    let mut programme = Programme::default();
    for (id, name) in [("S3", "Zörbig"), ("S1", "Äpfelschule"), ("S4", "apfelbaum"), ("S2", "Álmos")] {
        programme.tell(
            "2022-07-25",
            "register-school",
            json!({
                "school": id, "name": name, "form": "GS", "district": "15083", "ownership": "public",
            }),
        );
    }
    let all = programme.models().await;
    let keys = async |prefix: Option<&str>, limit| {
        let (mut keys, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit };
            let query =
                RegisterQuery { prefix: prefix.map(str::to_owned), page, ..RegisterQuery::of(Category::School) };
            let list = all.models.register(&auditor(), &query).await.unwrap().data;
            keys.extend(list.entries.into_iter().map(|entry| entry.key));
            after = list.next;
            if after.is_none() {
                return keys;
            }
        }
    };
    assert_eq!(keys(None, 100).await, ["S2", "S4", "S1", "S3"]);
    assert_eq!(keys(None, 1).await, ["S2", "S4", "S1", "S3"]);
    assert_eq!(keys(Some("APFEL"), 100).await, ["S4", "S1"]);
    assert_eq!(keys(Some("zorb"), 100).await, ["S3"]);
    assert_eq!(keys(Some("%"), 100).await.len(), 4, "a sign is no letter and so no filter");
    assert!(keys(Some("b"), 100).await.is_empty());
    all.models.stop().await;
}

#[tokio::test]
async fn a_provider_sees_of_a_person_only_its_own_assignments() {
    let mut programme = Programme::default();
    for (id, district) in [("P1", "15083"), ("P2", "15003")] {
        programme.tell(
            "2022-07-20",
            "register-organisation",
            json!({
                "organisation": id, "name": id, "legal_form": "registered_association", "sector": "private",
                "kind": "free_youth_welfare", "district": district,
            }),
        );
        programme.tell(
            "2022-07-20",
            "confirm-provider-recognition",
            json!({
                "organisation": id, "recognition": "youth_welfare_75", "document": fixtures::digest('A'),
            }),
        );
    }
    for (school, provider, district, assignment) in [("S1", "P1", "15083", 1), ("S2", "P2", "15003", 2)] {
        programme.tell(
            "2022-07-25",
            "register-school",
            json!({
                "school": school, "name": school, "form": "GS", "district": district, "ownership": "public",
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
                "signed_by": {"school": true, "provider": true}, "document": fixtures::digest('D'),
            }),
        );
        programme.tell(
            "2022-07-29",
            "confirm-staff-qualification",
            json!({
                "staff": key(500), "provider": provider, "qualification": "social_work", "state_recognised": true,
                "document": fixtures::digest(if assignment == 1 { 'E' } else { 'I' }),
            }),
        );
        programme.tell(
            "2022-07-30",
            "assign-staff",
            json!({
                "staff": key(500), "assignment": key(assignment), "function": "school_social_worker", "fte": 500,
                "workplace": {"school": {"school": school, "provider": provider}},
                "period": {"from": "2022-08-01", "to": "2023-08-01"},
            }),
        );
    }
    let all = programme.models().await;
    let manager = |id| viewer([(Role::ProviderManager, Scope::Provider(fixtures::organisation_id(id)))]);
    for (id, other, assignment) in [("P1", "P2", 1), ("P2", "P1", 2)] {
        let person = key(500).to_string();
        let entry = all.models.register_entry(&manager(id), Category::Staff, &person, AsOf::default()).await;
        let entry = entry.unwrap().data.unwrap();
        assert_eq!(entry.provider.as_deref(), Some(id));
        let Document::Staff(staff) = entry.document else { panic!("no staff") };
        let assignments: Vec<_> = staff.assignments.iter().map(|a| a.assignment).collect();
        assert_eq!(assignments, [key(assignment)]);
        assert_eq!(staff.qualifications.len(), 1);
        // Of schools it sees those with which it cooperates.
        let schools = all.models.register(&manager(id), &RegisterQuery::of(Category::School)).await.unwrap().data;
        assert_eq!(schools.entries.len(), 1);
        let foreign = all.models.register_entry(&manager(id), Category::Organisation, other, AsOf::default()).await;
        assert_eq!(foreign.unwrap().data, None);
    }
    let both = all.models.register_entry(&auditor(), Category::Staff, &key(500).to_string(), AsOf::default()).await;
    let Document::Staff(staff) = both.unwrap().data.unwrap().document else { panic!("no staff") };
    assert_eq!(staff.assignments.len(), 2);
    all.models.stop().await;
}
