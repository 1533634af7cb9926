//! One command over HTTP: what it is answered, and what it is refused with.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sfs_domain::{Ags, OrganisationId, Role, Scope};

use crate::service::{Service, school};

#[tokio::test]
async fn an_accepted_command_says_where_it_is_and_what_to_send_along_with_a_read() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let before = service.size().await;
    let reply = service.command("register-school", &key, &school("S1")).await;
    let told = reply.json();
    assert_eq!(reply.status, 201);
    assert_eq!(told["outcome"], "accepted");
    assert_eq!(told["stream"], "school/S1");
    assert_eq!(told["version"], 1);
    assert_eq!(told["position"], before + 1);
    assert_eq!(told["recorded_at"], "2026-11-24T09:00:00.000000Z");
    assert_eq!(told["events"][0]["type"], "school.registered.v1");
    assert_eq!(told["events"][0]["leaf_hash"].as_str().map(str::len), Some(43));
    assert_eq!(told["links"]["resource"], "/v1/schools/S1");
    assert_eq!(reply.header("etag"), "\"v1\"");
    assert_eq!(reply.header("location"), "/v1/schools/S1");
    assert_eq!(reply.header("consistency-token"), told["consistency_token"]);
    assert_eq!(reply.header("cache-control"), "no-store");
    let status = service.get(told["links"]["self"].as_str().unwrap(), &key).await;
    assert_eq!((status.status, &status.json()["events"]), (200, &told["events"]));
}

#[tokio::test]
async fn a_command_sent_again_under_its_key_happens_once() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let headers = [("idempotency-key", "first")];
    let first = service.command_with("register-school", &key, &headers, &school("S1")).await;
    let size = service.size().await;
    let again = service.command_with("register-school", &key, &headers, &school("S1")).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.json()["outcome"], "replayed");
    for same in ["command_id", "events", "position", "version", "recorded_at"] {
        assert_eq!(again.json()[same], first.json()[same], "{same}");
    }
    let other = service.command_with("register-school", &key, &headers, &school("S2")).await;
    other.is_problem(422, "idempotency-key-reused");
    let elses = service.coordination().await;
    let elses = service.command_with("register-school", &elses, &headers, &school("S3")).await;
    assert_eq!(elses.status, 201, "another principal's key is another key");
    assert_eq!(service.size().await, size + 3, "the other school, with a grant and a key for who registered it");
}

#[tokio::test]
async fn concurrent_duplicates_happen_once() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    let (headers, body) = ([("idempotency-key", "twice")], school("S1"));
    let all = (0..32).map(|_| service.command_with("register-school", &key, &headers, &body));
    let replies = futures_util::future::join_all(all).await;
    let count = |status| replies.iter().filter(|reply| reply.status == status).count();
    assert_eq!((count(201), count(200)), (1, 31));
    let first = &replies[0].json()["events"];
    assert!(replies.iter().all(|reply| reply.json()["events"] == *first));
    assert_eq!(service.size().await, size + 1);
}

#[tokio::test]
async fn what_already_is_changes_nothing() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let size = service.size().await;
    let again = service.command("register-school", &key, &school("S1")).await;
    assert_eq!((again.status, &again.json()["outcome"]), (200, &json!("unchanged")));
    assert_eq!(again.json()["version"], 1);
    assert_eq!(service.size().await, size);
}

#[tokio::test]
async fn a_dry_run_says_what_would_happen_and_does_not_do_it() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    let reply = service.command("register-school?dry_run=true", &key, &school("S1")).await;
    let told = reply.json();
    assert_eq!((reply.status, &told["outcome"]), (200, &json!("would_accept")));
    assert_eq!(told["events"][0]["data"]["school"], "S1");
    assert_eq!(told.get("consistency_token"), None);
    assert_eq!(service.size().await, size);
    service.command("register-school?dry_run=yes", &key, &school("S1")).await.is_problem(400, "parameter");
    service.command("register-school?dryrun=true", &key, &school("S1")).await.is_problem(400, "parameter");
}

#[tokio::test]
async fn a_change_asks_for_the_version_that_it_changes() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let change = json!({"data": {"school": "S1", "form": "GMS"}});
    let missing = service.command("change-school-form", &key, &change).await;
    assert_eq!(missing.is_problem(428, "version-missing")["current_version"], 1);
    let stale = service.command_with("change-school-form", &key, &[("if-match", "\"v7\"")], &change).await;
    assert_eq!(stale.is_problem(412, "version-stale")["current_version"], 1);
    assert_eq!(stale.header("etag"), "\"v1\"");
    let wrong = service.command_with("change-school-form", &key, &[("if-match", "v1")], &change).await;
    assert_eq!(wrong.is_problem(400, "parameter")["errors"][0]["parameter"], "if-match");
    let right = service.command_with("change-school-form", &key, &[("if-match", "\"v1\"")], &change).await;
    assert_eq!((right.status, right.header("etag")), (201, "\"v2\""));
    let exists = service.command_with("register-school", &key, &[("if-none-match", "*")], &school("S1")).await;
    exists.is_problem(412, "version-stale");
}

#[tokio::test]
async fn of_concurrent_changes_of_one_version_one_wins() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let headers = [("if-match", "\"v1\"")];
    let bodies = [json!({"data": {"school": "S1", "form": "GMS"}}), json!({"data": {"school": "S1", "form": "GS"}})];
    let both = bodies.iter().map(|body| service.command_with("change-school-form", &key, &headers, body));
    let mut statuses: Vec<u16> = futures_util::future::join_all(both).await.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 412]);
}

#[tokio::test]
async fn a_rule_says_its_number_and_both_sentences() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let unknown =
        json!({"data": {"school": "S1", "name": "x", "form": "XX", "district": "15083", "ownership": "public"}});
    let reply = service.command("register-school", &key, &unknown).await;
    let told = reply.is_problem(422, "invalid");
    let error = &told["errors"][0];
    assert_eq!(error["pointer"], "/data/form");
    assert!(error["rule"].as_str().unwrap().starts_with("SCH-"));
    assert_eq!(told["detail"], error["message_de"]);
    let english = service.command_with("register-school", &key, &[("accept-language", "en")], &unknown).await;
    assert_eq!(english.json()["detail"], error["message_en"]);
    assert_eq!(english.header("content-language"), "en");
    service.school(&key, "S1").await;
    let other =
        json!({"data": {"school": "S1", "name": "Anders", "form": "SEK", "district": "15083", "ownership": "public"}});
    service.command("register-school", &key, &other).await.is_problem(409, "rule-violated");
    let future = json!({"occurred_on": "2026-11-25", "data": school("S2")["data"]});
    assert_eq!(
        service.command("register-school", &key, &future).await.is_problem(422, "invalid")["errors"][0]["rule"],
        "GEN-01"
    );
}

#[tokio::test]
async fn what_is_absent_and_what_is_foreign_is_answered_alike() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let foreign = service.key(Role::NetworkOffice, Scope::District(Ags::parse("15003").unwrap())).await;
    let numbers = |school: &str| json!({"data": {"school": school, "school_year": "2025/26", "pupils": {"women": 1, "men": 1, "non_binary": 0}, "source": "school statistics"}});
    let elsewhere = service.command("record-pupil-numbers", &foreign, &numbers("S1")).await;
    let nowhere = service.command("record-pupil-numbers", &foreign, &numbers("S9")).await;
    let mut both = [elsewhere.is_problem(404, "not-found"), nowhere.is_problem(404, "not-found")];
    both.iter_mut().for_each(|told| {
        told["request_id"].take();
    });
    assert_eq!(both[0], both[1]);
    let provider = service.key(Role::ProviderManager, Scope::Provider(OrganisationId::parse("P1").unwrap())).await;
    service.command("record-pupil-numbers", &provider, &numbers("S1")).await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn headers_of_a_command_are_read_strictly() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let long = "x".repeat(201);
    for (name, value) in [
        ("idempotency-key", "a b"),
        ("idempotency-key", &*long),
        ("correlation-id", "7"),
        ("causation-id", "x"),
        ("if-none-match", "\"v1\""),
        ("if-match", "*"),
    ] {
        let reply = service.command_with("register-school", &key, &[(name, value)], &school("S1")).await;
        assert_eq!(reply.is_problem(400, "parameter")["errors"][0]["parameter"], name);
    }
    let ids = [
        ("correlation-id", "00000000-0000-0000-0000-00000000000a"),
        ("causation-id", "00000000-0000-0000-0000-00000000000b"),
    ];
    let reply = service.command_with("register-school", &key, &ids, &school("S1")).await;
    assert_eq!(reply.status, 201);
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let event = &service.get("/v1/events?stream=school/S1", &auditor).await.json()[0];
    assert_eq!((&event["correlationid"], &event["causationid"]), (&json!(ids[0].1), &json!(ids[1].1)));
}

#[tokio::test]
async fn a_request_id_is_taken_over_or_made() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let reply = service.command_with("register-school", &key, &[("x-request-id", "abc-7")], &json!({})).await;
    assert_eq!((reply.header("x-request-id"), &reply.json()["request_id"]), ("abc-7", &json!("abc-7")));
    let made = service.command("register-school", &key, &json!({})).await;
    assert_eq!(made.json()["request_id"], made.header("x-request-id"));
}

#[tokio::test]
async fn a_log_that_is_closed_is_a_documented_problem() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.api.log.close().await;
    let reply = service.command("register-school", &key, &school("S1")).await;
    reply.is_problem(503, "shutting-down");
}

#[tokio::test]
async fn a_command_status_is_told_to_its_sender_and_to_those_who_look_after_the_log() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let path = service.school(&key, "S1").await.json()["links"]["self"].as_str().unwrap().to_owned();
    let other = service.coordination().await;
    service.get(&path, &other).await.is_problem(404, "not-found");
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    assert_eq!(service.get(&path, &auditor).await.status, 200);
    for unknown in ["/v1/commands/00000000-0000-0000-0000-000000000000", "/v1/commands/x"] {
        service.get(unknown, &auditor).await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_body_in_a_foreign_form_is_refused() {
    let service = Service::start().await;
    let key = service.coordination().await;
    for (content_type, encoding) in
        [("text/plain", ""), ("", ""), ("application/xml", ""), ("application/json", "gzip")]
    {
        let mut request = Service::request(Method::POST, "/v1/commands/register-school", &key);
        for (name, value) in [("content-type", content_type), ("content-encoding", encoding)] {
            if !value.is_empty() {
                request = request.header(name, value);
            }
        }
        let reply = service.send(request.body(Body::from(school("S1").to_string())).unwrap()).await;
        reply.is_problem(415, "media-type");
    }
    let request = Service::request(Method::POST, "/v1/commands/register-school", &key)
        .header("content-type", "application/JSON; charset=utf-8");
    assert_eq!(service.send(request.body(Body::from(school("S1").to_string())).unwrap()).await.status, 201);
}

/// For the table of refusals: nothing of a refused command is in the log.
#[tokio::test]
async fn a_refused_command_leaves_no_trace() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    let bodies: [Value; 3] = [json!({}), json!({"data": {}}), json!({"data": {"school": "?"}})];
    for body in bodies {
        assert_eq!(service.command("register-school", &key, &body).await.status, 422);
    }
    assert_eq!(service.size().await, size);
}
