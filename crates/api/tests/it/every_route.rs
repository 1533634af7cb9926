//! The same wrong things to every command's route: each is a precise problem, none is a 500, and
//! nothing is stored.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sfs_domain::catalogue::{COMMANDS, CommandEntry, Precondition};
use sfs_domain::testing::story::story;
use sfs_domain::{Grant, Role, Scope};

use crate::service::{Reply, Service};

/// A service and a key of somebody who may send every command.
async fn service() -> (Service, String) {
    let service = Service::start().await;
    let grants: Vec<Grant> =
        Role::ALL.iter().map(|role| Grant { role: *role, scope: Scope::State {}, until: None }).collect();
    // Roles that do not exist in the whole state are given to the caller below the rules.
    let allowed = [Role::CoordinationOffice, Role::Ministry, Role::GrantingAuthority, Role::Administrator];
    let grants: Vec<Grant> = grants.into_iter().filter(|grant| allowed.contains(&grant.role)).collect();
    let (_, key) = service.key_of(&grants).await;
    (service, key)
}

/// A body that the command's own schema takes.
fn body_of(entry: &CommandEntry) -> Value {
    let told = story().into_iter().find(|told| told.name == entry.name);
    json!({"data": told.unwrap_or_else(|| panic!("{} is not told", entry.name)).body})
}

async fn raw(service: &Service, entry: &CommandEntry, key: &str, body: impl Into<Body>) -> Reply {
    let request = Service::request(Method::POST, &format!("/v1/commands/{}", entry.name), key);
    service.send(request.header("content-type", "application/json").body(body.into()).unwrap()).await
}

#[tokio::test]
async fn wrong_types_are_pointed_at() {
    let (service, key) = service().await;
    for entry in COMMANDS {
        for (body, pointer) in [
            (json!(null), ""),
            (json!([]), ""),
            (json!("x"), ""),
            (json!({"data": null}), "/data"),
            (json!({"data": []}), "/data"),
            (json!({"data": 1}), "/data"),
            (json!({"data": "x"}), "/data"),
        ] {
            let reply = raw(&service, entry, &key, body.to_string()).await;
            reply.is_problem(422, "invalid");
            assert_eq!(reply.pointer(), pointer, "{} {body}", entry.name);
        }
        let whole = body_of(entry);
        for field in whole["data"].as_object().unwrap().keys() {
            for wrong in [json!({"x": 1}), json!([[1]]), json!(-1.5)] {
                let mut body = whole.clone();
                body["data"][field] = wrong;
                let reply = raw(&service, entry, &key, body.to_string()).await;
                reply.is_problem(422, "invalid");
                let pointer = format!("/data/{field}");
                assert!(reply.pointer().starts_with(&pointer), "{}: {} is not {pointer}", entry.name, reply.pointer());
            }
        }
    }
}

#[tokio::test]
async fn missing_and_unknown_fields_are_pointed_at() {
    let (service, key) = service().await;
    let schemas = sfs_api::command_schemas();
    for entry in COMMANDS {
        let whole = body_of(entry);
        for field in schemas[entry.name]["required"].as_array().unwrap() {
            let mut body = whole.clone();
            let field = field.as_str().unwrap();
            body["data"].as_object_mut().unwrap().remove(field);
            let reply = raw(&service, entry, &key, body.to_string()).await;
            assert_eq!(reply.is_problem(422, "invalid")["errors"][0]["rule"], "JSON-01");
            assert_eq!(reply.pointer(), format!("/data/{field}"));
        }
        for (place, pointer) in [("/data", "/data/remark"), ("", "/remark")] {
            let mut body = whole.clone();
            body.pointer_mut(place).unwrap().as_object_mut().unwrap().insert("remark".into(), json!("x"));
            let reply = raw(&service, entry, &key, body.to_string()).await;
            assert_eq!(reply.is_problem(422, "invalid")["errors"][0]["rule"], "JSON-02");
            assert_eq!(reply.pointer(), pointer);
        }
        raw(&service, entry, &key, "{}").await.is_problem(422, "invalid");
    }
}

#[tokio::test]
async fn what_is_no_json_no_text_or_too_large_is_said_so() {
    let (service, key) = service().await;
    let size = service.size().await;
    for entry in COMMANDS {
        for body in ["", "{", "{\"data\":{}}}", "nul", "{\"data\":{\"x\":\"\\q\"}}"] {
            raw(&service, entry, &key, body).await.is_problem(400, "malformed");
        }
        raw(&service, entry, &key, &b"{\"data\":\"\xc3\x28\"}"[..]).await.is_problem(400, "malformed");
        raw(&service, entry, &key, format!("{{\"data\":{{\"x\":\"{}\"}}}}", "y".repeat(65_536)))
            .await
            .is_problem(413, "too-large");
        let frames: [Result<String, std::io::Error>; 2] = [Ok("z".repeat(40_000)), Ok("z".repeat(40_000))];
        let unstated = Body::from_stream(futures_util::stream::iter(frames));
        raw(&service, entry, &key, unstated).await.is_problem(413, "too-large");
        raw(&service, entry, &key, "[".repeat(60_000)).await.is_problem(400, "malformed");
    }
    assert_eq!(service.size().await, size);
}

#[tokio::test]
async fn keys_that_open_nothing_or_the_wrong_thing_are_turned_away() {
    let (service, _) = service().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    for entry in COMMANDS {
        let body = body_of(entry).to_string();
        raw(&service, entry, "", body.clone()).await.is_problem(401, "unauthorised");
        raw(&service, entry, &format!("sfs_{}", "a".repeat(64)), body.clone()).await.is_problem(401, "unauthorised");
        raw(&service, entry, &auditor, body).await.is_problem(403, "forbidden");
    }
}

#[tokio::test]
async fn a_version_that_is_not_the_current_one_changes_nothing() {
    let (service, key) = service().await;
    let size = service.size().await;
    for entry in COMMANDS {
        let body = body_of(entry);
        let path = format!("/v1/commands/{}", entry.name);
        for tag in ["\"v9\"", "\"v18446744073709551615\""] {
            let request = Service::request(Method::POST, &path, &key)
                .header("content-type", "application/json")
                .header("if-match", tag)
                .body(Body::from(body.to_string()))
                .unwrap();
            let reply = service.send(request).await;
            // Nothing is there yet: either that is said, or that the version is not 9, or that this
            // role may not.
            assert!(matches!(reply.status, 403 | 404 | 412), "{} {}", entry.name, reply.json());
            if entry.precondition == Precondition::Creates && entry.roles.contains(&Role::Ministry) {
                assert_eq!(reply.status, 412, "{} {}", entry.name, reply.json());
            }
        }
    }
    assert_eq!(service.size().await, size);
}
