//! Keys: who gets in, who does not, and how a key comes to be.

use serde_json::{Value, json};
use sfs_domain::principal::Command as Access;
use sfs_domain::{Grant, Role, Scope};
use uuid::Uuid;

use crate::service::{Service, school};

fn uuid(n: u128) -> Value {
    json!(Uuid::from_u128(n))
}

fn issue(principal: u128, key: u128) -> Value {
    json!({"data": {"principal": uuid(principal), "key": uuid(key)}})
}

fn grant(principal: u128, role: &str) -> Value {
    json!({"data": {"principal": uuid(principal), "grant": {"role": role, "scope": {"state": {}}}}})
}

#[tokio::test]
async fn without_a_valid_key_nothing_is_told() {
    let service = Service::start().await;
    let unknown = format!("sfs_{}", "0".repeat(64));
    for key in ["", "x", "sfs_0", &*unknown] {
        let reply = service.command("register-school", key, &school("S1")).await;
        reply.is_problem(401, "unauthorised");
        let challenge = reply.header("www-authenticate");
        assert_eq!(challenge.contains("invalid_token"), !key.is_empty(), "{challenge}");
    }
    let valid = service.coordination().await;
    let request = axum::http::Request::builder().uri("/v1/events").header("authorization", format!("Basic {valid}"));
    service.send(request.body(axum::body::Body::empty()).unwrap()).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_any_more() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    assert_eq!(service.command("grant-role", &administrator, &grant(1, "CO")).await.status, 201);
    let issued = service.command("issue-api-key", &administrator, &issue(1, 2)).await;
    let key = issued.json()["api_key"].as_str().unwrap().to_owned();
    service.school(&key, "S1").await;
    let revoke = json!({"data": {"principal": uuid(1), "key": uuid(2)}});
    assert_eq!(service.command("revoke-api-key", &administrator, &revoke).await.status, 201);
    service.command("register-school", &key, &school("S2")).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn a_key_ends_with_its_last_day() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    service.command("grant-role", &administrator, &grant(1, "CO")).await;
    let mut body = issue(1, 2);
    body["data"]["until"] = json!("2026-11-25");
    let key =
        service.command("issue-api-key", &administrator, &body).await.json()["api_key"].as_str().unwrap().to_owned();
    service.school(&key, "S1").await;
    // Midnight in Berlin is an hour before midnight UTC.
    service.clock.advance(14 * 3_600_000_000);
    service.command("register-school", &key, &school("S2")).await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn a_secret_is_shown_once_and_only_when_the_key_is_new() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    service.command("grant-role", &administrator, &grant(1, "CO")).await;
    let dry = service.command("issue-api-key?dry_run=true", &administrator, &issue(1, 2)).await;
    assert_eq!((dry.status, dry.json().get("api_key")), (200, None));
    let headers = [("idempotency-key", "k")];
    let first = service.command_with("issue-api-key", &administrator, &headers, &issue(1, 2)).await;
    let secret = first.json()["api_key"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("sfs_") && secret.len() == 68);
    let replayed = service.command_with("issue-api-key", &administrator, &headers, &issue(1, 2)).await;
    assert_eq!((replayed.status, replayed.json().get("api_key")), (200, None));
    assert_eq!(replayed.json()["outcome"], "replayed");
    let unchanged = service.command("issue-api-key", &administrator, &issue(1, 2)).await;
    assert_eq!((unchanged.status, unchanged.json().get("api_key")), (200, None));
    assert_eq!(service.get("/v1/events", &secret).await.status, 200, "the first secret is the key");
    let without_role = service.command("issue-api-key", &administrator, &issue(9, 9)).await;
    without_role.is_problem(409, "rule-violated");
    let coordination = service.coordination().await;
    service.command("issue-api-key", &coordination, &issue(1, 3)).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn of_concurrent_issues_of_one_key_one_shows_a_secret_that_works() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    service.command("grant-role", &administrator, &grant(1, "CO")).await;
    let body = issue(1, 2);
    let all = (0..8).map(|_| service.command("issue-api-key", &administrator, &body));
    let replies = futures_util::future::join_all(all).await;
    let secrets: Vec<String> =
        replies.iter().filter_map(|reply| Some(reply.json().get("api_key")?.as_str()?.to_owned())).collect();
    assert_eq!(secrets.len(), 1, "{replies:?}");
    assert_eq!(service.get("/v1/events", &secrets[0]).await.status, 200);
}

#[tokio::test]
async fn principals_are_listed_page_by_page_to_those_who_look_after_access() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    for n in 1..=5 {
        service.command("grant-role", &administrator, &grant(n, "CO")).await;
    }
    service.command("issue-api-key", &administrator, &issue(3, 30)).await;
    let (mut path, mut seen) = ("/v1/principals?limit=2".to_owned(), Vec::new());
    loop {
        let page = service.get(&path, &administrator).await;
        assert_eq!(page.status, 200, "{}", page.json());
        seen.extend(page.json()["items"].as_array().unwrap().clone());
        let Some(link) = page.header("link").strip_prefix('<') else { break };
        path = link.split('>').next().unwrap().to_owned();
    }
    let ids: Vec<&Value> = seen.iter().map(|item| &item["principal"]).collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(ids[1..], [&uuid(1), &uuid(2), &uuid(3), &uuid(4), &uuid(5)]);
    assert_eq!(seen[3]["keys"], json!([{"key": uuid(30), "revoked": false, "valid": true}]));
    let one = service.get(&format!("/v1/principals/{}", Uuid::from_u128(3)), &administrator).await;
    assert_eq!((one.json(), one.header("etag")), (seen[3].clone(), "\"v2\""));
    service.get("/v1/principals/x", &administrator).await.is_problem(404, "not-found");
    let coordination = service.coordination().await;
    service.get("/v1/principals", &coordination).await.is_problem(403, "forbidden");
    service.get("/v1/principals?cursor=AAAA", &administrator).await.is_problem(400, "parameter");
    let foreign = path.replace("limit=2", "limit=2&cursor=x");
    service.get(&foreign, &administrator).await.is_problem(400, "parameter");
}

#[tokio::test]
async fn a_role_that_was_taken_away_allows_nothing_any_more() {
    let service = Service::start().await;
    let grants = [Grant { role: Role::CoordinationOffice, scope: Scope::State {}, until: None }];
    let (principal, key) = service.key_of(&grants).await;
    service.school(&key, "S1").await;
    service.console(Access::RevokeRole { principal, role: Role::CoordinationOffice, scope: Scope::State {} }).await;
    service.command("register-school", &key, &school("S2")).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn too_many_requests_with_a_key_are_told_when_to_come_back() {
    let limit = sfs_api::RateLimit { per_second: 1, burst: 3 };
    let service = Service::start_with(sfs_api::ApiSettings { rate_limit: Some(limit), ..Default::default() }).await;
    let (one, other) = (service.coordination().await, service.coordination().await);
    for _ in 0..3 {
        assert_eq!(service.get("/v1/events", &one).await.status, 200);
    }
    service.get("/v1/events", &one).await.is_problem(429, "too-many-requests");
    assert_eq!(service.get("/v1/events", &other).await.status, 200, "another key has an allowance of its own");
    assert_eq!(service.get("/healthz", "").await.status, 200);
}

#[tokio::test]
async fn made_up_keys_share_one_allowance() {
    let limit = sfs_api::RateLimit { per_second: 1, burst: 2 };
    let service = Service::start_with(sfs_api::ApiSettings { rate_limit: Some(limit), ..Default::default() }).await;
    let mut statuses = Vec::new();
    for n in 0..4 {
        statuses.push(service.get("/v1/events", &format!("sfs_{n:064}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 429, 429]);
}
