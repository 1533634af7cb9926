//! For whoever runs the installation: health, metrics, the read side.

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use serde_json::json;
use sfs_api::{ApiSettings, admin_router};
use sfs_domain::{Role, Scope};
use sfs_eventlog::{Append, Expected, NewEvent, StreamWrite, tags};
use sfs_ledger::{LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use tower::ServiceExt;
use uuid::Uuid;

use crate::service::{Reply, Service, school};

async fn admin(service: &Service, method: Method, path: &str) -> Reply {
    let request = Service::request(method, path, "").body(Body::empty()).unwrap();
    Reply::of(admin_router(service.api.clone()).oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_service_that_shuts_down_lives_but_is_not_ready() {
    let service = Service::start().await;
    assert_eq!(service.get("/healthz", "").await.json()["status"], "ok");
    let ready = service.get("/readyz", "").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &json!("ok")));
    assert!(ready.json()["projections"]["lag_seconds"].is_number());
    service.api.shutdown.cancel();
    let ending = service.get("/readyz", "").await;
    assert_eq!((ending.status, &ending.json()["reasons"][0]), (503, &json!("shutting-down")));
    assert_eq!(service.get("/healthz", "").await.status, 200);
}

#[tokio::test]
async fn metrics_are_for_those_who_run_the_installation() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    service.get("/metrics", "").await.is_problem(401, "unauthorised");
    service.get("/metrics", &key).await.is_problem(403, "forbidden");
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    for reply in [service.get("/metrics", &auditor).await, admin(&service, Method::GET, "/metrics").await] {
        let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
        for measured in [
            "sfs_http_requests_total{route=\"/v1/commands/register-school\",status=\"201\"}",
            "sfs_http_request_duration_seconds_bucket{route=\"/v1/commands/register-school\"",
            "sfs_commands_total{command=\"register-school\",outcome=\"accepted\"}",
            "sfs_log_head_position",
            "sfs_projection_lag_seconds",
        ] {
            assert!(text.contains(measured), "{measured} is not in\n{text}");
        }
        assert!(!text.contains("sfs_0"), "no key is in the metrics");
    }
}

#[tokio::test]
async fn the_read_side_is_shown_and_rebuilt_by_administrators() {
    let service = Service::start().await;
    let (administrator, auditor) =
        (service.key(Role::Administrator, Scope::State {}).await, service.key(Role::Auditor, Scope::State {}).await);
    let coordination = service.coordination().await;
    assert_eq!(service.get("/admin/v1/projections", &auditor).await.status, 200);
    service.get("/admin/v1/projections", &coordination).await.is_problem(403, "forbidden");
    assert_eq!(admin(&service, Method::GET, "/admin/v1/projections").await.status, 200);
    let rebuild = async |key: &str| {
        let request = Service::request(Method::POST, "/admin/v1/rebuild", key).body(Body::empty()).unwrap();
        service.send(request).await
    };
    rebuild(&auditor).await.is_problem(403, "forbidden");
    assert_eq!(rebuild(&administrator).await.status, 202);
    assert!(matches!(admin(&service, Method::POST, "/admin/v1/rebuild").await.status, 202 | 409));
}

#[tokio::test]
async fn nothing_else_is_served_without_a_key_on_the_side_of_the_installation() {
    let service = Service::start().await;
    admin(&service, Method::GET, "/v1/events").await.is_problem(404, "not-found");
    admin(&service, Method::POST, "/v1/commands/register-school").await.is_problem(404, "not-found");
}

/// What a newer program might have written.
async fn append_unknown_type(service: &Service) {
    let mut open = Vec::new();
    let body = OpenBody {
        occurred_on: "2026-11-24".into(),
        ags: "15083".into(),
        provider: None,
        operation: None,
        school: Some("S1".into()),
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data: "{}",
        salt: [0; 16],
    };
    write_open(&body, &mut open).unwrap();
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(1),
        stream: "school/S1".into(),
        event_type: "school.painted.v1".into(),
        actor: Uuid::nil().to_string().into(),
        role: "CO".into(),
        org: None,
        rule: "paint-school/CO@state".into(),
        cmd: Uuid::from_u128(2),
        corr: None,
        cause: None,
        by: "newer".into(),
        open: digest(&open),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let event = NewEvent {
        leaf: draft.prepare().unwrap(),
        event_type: "school.painted.v1".into(),
        open: String::from_utf8(open).unwrap(),
        tags: vec![tags::category("school"), tags::event_type("school.painted.v1"), tags::district("15083")],
        sealed: Vec::new(),
    };
    let write = StreamWrite { stream: "school/S1".into(), expected: Expected::Any, events: vec![event] };
    let append = Append { command: Uuid::from_u128(2), digest: [0; 32], writes: vec![write], guards: Vec::new() };
    service.api.log.append(append).await.unwrap();
}

#[tokio::test]
async fn an_event_of_an_unknown_type_stops_every_reader_and_turns_readiness_red() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let key = service.coordination().await;
    append_unknown_type(&service).await;
    assert!(!service.api.reads.wait_for(service.size().await, Duration::from_secs(10)).await);
    let ready = service.get("/readyz", "").await;
    assert_eq!((ready.status, &ready.json()["reasons"]), (503, &json!(["read-model-halted"])));
    assert!(ready.json()["projections"].get("halted_because").is_none());
    let told = admin(&service, Method::GET, "/admin/v1/projections").await.json();
    assert!(told["halted_because"].as_str().unwrap().contains("school.painted.v1"), "{told}");
    service.get("/v1/events", &auditor).await.is_problem(503, "log-unreadable");
    service.get("/v1/journal", &auditor).await.is_problem(503, "log-unreadable");
    service.command("register-school", &key, &school("S1")).await.is_problem(503, "log-unreadable");
    service.school(&key, "S2").await;
    let token = service.school(&key, "S3").await.header("consistency-token").to_owned();
    let path = format!("/v1/schools?consistency_token={token}");
    service.get(&path, &key).await.is_problem(503, "read-model-halted");
    let answer = service.get("/v1/schools", &key).await;
    assert_eq!((answer.status, &answer.json()["complete"]), (200, &json!(false)));
}

#[tokio::test]
async fn a_request_that_does_not_end_is_ended() {
    let settings =
        ApiSettings { request_timeout: Duration::from_millis(50), rate_limit: None, ..ApiSettings::default() };
    let service = Service::start_with(settings).await;
    let key = service.coordination().await;
    let endless = Body::from_stream(futures_util::stream::pending::<Result<String, std::io::Error>>());
    let request = Service::request(Method::POST, "/v1/commands/register-school", &key);
    let request = request.header("content-type", "application/json").body(endless).unwrap();
    service.send(request).await.is_problem(503, "timeout");
}

#[tokio::test]
async fn answers_are_compressed_and_streams_of_events_are_not() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let encoding = async |path: &str, accept: &str| {
        let request =
            Service::request(Method::GET, path, &auditor).header("accept-encoding", "gzip").header("accept", accept);
        service.send(request.body(Body::empty()).unwrap()).await.header("content-encoding").to_owned()
    };
    assert_eq!(encoding("/openapi.json", "*/*").await, "gzip");
    assert_eq!(encoding("/v1/journal", "*/*").await, "gzip");
    assert_eq!(encoding("/v1/events", "application/x-ndjson").await, "");
}

#[tokio::test]
async fn no_page_from_elsewhere_reads_an_answer_unless_it_is_allowed_to() {
    let allowed = |origin: &str| {
        let cors_origins = if origin.is_empty() { Vec::new() } else { vec![origin.to_owned()] };
        ApiSettings { cors_origins, rate_limit: None, ..ApiSettings::default() }
    };
    for (configured, expected) in [("", ""), ("https://example.org", "https://example.org")] {
        let service = Service::start_with(allowed(configured)).await;
        let request = Service::request(Method::GET, "/v1/catalogue", "").header("origin", "https://example.org");
        let reply = service.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(reply.header("access-control-allow-origin"), expected);
        let request = Service::request(Method::OPTIONS, "/v1/commands/register-school", "")
            .header("origin", "https://example.org")
            .header("access-control-request-method", "POST");
        let preflight = service.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(preflight.header("access-control-allow-origin"), expected);
    }
}
