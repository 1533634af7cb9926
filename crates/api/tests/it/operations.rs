//! For whoever runs the installation: health, metrics, the read side.

use axum::body::Body;
use axum::http::Method;
use sfs_api::admin_router;
use sfs_domain::{Role, Scope};
use tower::ServiceExt;

use crate::service::{Reply, Service};

async fn admin(service: &Service, method: Method, path: &str) -> Reply {
    let request = Service::request(method, path, "").body(Body::empty()).unwrap();
    Reply::of(admin_router(service.api.clone()).oneshot(request).await.unwrap()).await
}

#[tokio::test]
async fn a_service_that_shuts_down_lives_but_is_not_ready() {
    let service = Service::start().await;
    assert_eq!(service.get("/healthz", "").await.json()["status"], "ok");
    let ready = service.get("/readyz", "").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &serde_json::json!("ok")));
    assert!(ready.json()["projections"]["lag_seconds"].is_number());
    service.api.shutdown.cancel();
    let ending = service.get("/readyz", "").await;
    assert_eq!((ending.status, &ending.json()["reasons"][0]), (503, &serde_json::json!("shutting-down")));
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
