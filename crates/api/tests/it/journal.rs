//! The journal: what happened, newest first, page by page.

use serde_json::{Value, json};
use sfs_domain::{Role, Scope};

use crate::service::Service;

async fn through(service: &Service, path: &str, key: &str) -> Vec<Value> {
    let (mut path, mut all) = (path.to_owned(), Vec::new());
    loop {
        let page = service.get(&path, key).await;
        assert_eq!(page.status, 200, "{}", page.json());
        all.extend(page.json()["items"].as_array().unwrap().clone());
        let Some(link) = page.header("link").strip_prefix('<') else { return all };
        assert!(page.json()["next"].is_string());
        path = link.split('>').next().unwrap().to_owned();
    }
}

#[tokio::test]
async fn the_journal_leads_from_the_newest_event_to_the_first() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let coordination = service.coordination().await;
    for n in 0..7 {
        service.school(&coordination, &format!("S{n}")).await;
    }
    let size = service.size().await;
    for limit in [1, 3, 1_000] {
        let all = through(&service, &format!("/v1/journal?limit={limit}"), &auditor).await;
        let positions: Vec<Value> = all.iter().map(|event| event["position"].clone()).collect();
        assert_eq!(positions, (1..=size).rev().map(|position| json!(position)).collect::<Vec<_>>());
    }
    let one = through(&service, "/v1/journal?stream=school/S3&limit=1", &auditor).await;
    assert_eq!((one.len(), &one[0]["subject"]), (1, &json!("school/S3")));
    let actor = one[0]["actor"].as_str().unwrap();
    assert_eq!(through(&service, &format!("/v1/journal?actor={actor}&limit=2"), &auditor).await.len(), 7);
}

#[tokio::test]
async fn days_of_the_journal_are_those_on_which_the_log_learned_it() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let coordination = service.coordination().await;
    service.school(&coordination, "S1").await;
    service.clock.advance(86_400_000_000);
    service.school(&coordination, "S2").await;
    let on = async |query: &str| {
        let events = through(&service, &format!("/v1/journal?categories=school&{query}"), &auditor).await;
        events.iter().map(|event| event["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(on("from=2026-11-25").await, ["school/S2"]);
    assert_eq!(on("to=2026-11-25").await, ["school/S1"]);
    assert_eq!(on("from=2026-11-24&to=2026-11-26").await, ["school/S2", "school/S1"]);
    assert_eq!(on("from=2026-11-26").await, [""; 0]);
    assert_eq!(on("stream=school/S1&from=2026-11-25").await, [""; 0]);
}

#[tokio::test]
async fn a_cursor_is_worth_something_for_its_own_query_only() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let cursor = service.get("/v1/journal?limit=1", &auditor).await.json()["next"].as_str().unwrap().to_owned();
    assert_eq!(service.get(&format!("/v1/journal?limit=2&cursor={cursor}"), &auditor).await.status, 200);
    for wrong in [
        format!("/v1/journal?categories=school&cursor={cursor}"),
        "/v1/journal?cursor=abc".into(),
        "/v1/journal?cursor=".into(),
    ] {
        service.get(&wrong, &auditor).await.is_problem(400, "parameter");
    }
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    service.get("/v1/journal", &administrator).await.is_problem(403, "forbidden");
}
