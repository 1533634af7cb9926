//! What the service says about itself: the OpenAPI document, schemas, problems, pages.

use std::collections::BTreeSet;

use serde_json::Value;
use sfs_domain::catalogue::routed;

use crate::service::Service;

fn references(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_reference_of_the_document_leads_somewhere() {
    let document = sfs_api::openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference}"));
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own_and_an_answer() {
    let document = sfs_api::openapi();
    let mut names = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(!name.is_empty() && names.insert(name.to_owned()), "{method} {path} {name}");
            assert!(operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')));
            let parameters: Vec<&str> = operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["name"].as_str())
                .collect();
            for part in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                assert!(parameters.contains(&part), "{path} does not describe {part}");
            }
        }
    }
    for entry in routed() {
        assert!(document["paths"].get(format!("/v1/commands/{}", entry.name)).is_some(), "{}", entry.name);
    }
}

#[tokio::test]
async fn every_described_route_is_served() {
    let service = Service::start().await;
    let document = sfs_api::openapi();
    assert_eq!(service.get("/openapi.json", "").await.json(), document);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{kind}", "invalid").replace("{file}", "x.json").replace(['{', '}'], "");
        for (method, operation) in methods.as_object().unwrap() {
            let public = operation["security"] == serde_json::json!([]);
            let method = method.to_uppercase().parse().unwrap();
            let request = Service::request(method, &path, "").body(axum::body::Body::empty()).unwrap();
            let status = service.send(request).await.status;
            if public {
                assert!(
                    status == 200 || (status == 404 && (path.ends_with("x.json") || path.contains("/checkpoints/"))),
                    "{path}: {status}"
                );
            } else {
                assert_eq!(status, 401, "{path}");
            }
            assert!(operation["responses"].get(status.to_string()).is_some(), "{path} does not describe {status}");
        }
    }
}

#[tokio::test]
async fn schemas_are_found_by_type_and_by_command() {
    let service = Service::start().await;
    let index = service.get("/v1/schemas", "").await.json();
    for list in ["events", "commands"] {
        for entry in index[list].as_array().unwrap() {
            let reply = service.get(entry["href"].as_str().unwrap(), "").await;
            assert_eq!((reply.status, reply.header("content-type")), (200, "application/schema+json"));
            assert_eq!(reply.json()["$id"], entry["href"]);
            assert_eq!(reply.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
        }
    }
    service.get("/v1/schemas/school.painted.v1.json", "").await.is_problem(404, "not-found");
    service.get("/v1/schemas/school.registered.v1", "").await.is_problem(404, "not-found");
}

#[tokio::test]
async fn every_problem_is_documented_at_its_address() {
    let service = Service::start().await;
    let all = service.get("/problems", "").await.json();
    for kind in all.as_array().unwrap() {
        let address = kind["type"].as_str().unwrap();
        assert_eq!(service.get(address, "").await.json(), *kind);
        let request = Service::request(axum::http::Method::GET, address, "").header("accept", "text/html");
        let page = service.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert!(String::from_utf8(page.bytes.to_vec()).unwrap().contains("<h1>"));
        assert!(page.header("content-security-policy").contains("default-src 'none'"));
    }
    service.get("/problems/x", "").await.is_problem(404, "not-found");
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let service = Service::start().await;
    for path in ["/", "/docs", "/assets/docs.js", "/assets/audit.js", "/assets/bundle.js", "/assets/style.css"] {
        let page = service.get(path, "").await;
        assert_eq!(page.status, 200, "{path}");
        let text = String::from_utf8(page.bytes.to_vec()).unwrap();
        assert!(!text.contains("http://") && !text.contains("https://") && !text.contains("src=\"//"), "{path}");
        assert!(!text.contains("innerHTML"), "{path}");
    }
}

#[tokio::test]
async fn the_catalogue_is_the_table_that_decides() {
    let service = Service::start().await;
    let told = service.get("/v1/catalogue", "").await.json();
    let commands = told["commands"].as_array().unwrap();
    assert_eq!(commands.len(), routed().count());
    for (line, entry) in commands.iter().zip(routed()) {
        let codes: Vec<&str> = entry.roles.iter().map(|role| role.code()).collect();
        assert_eq!((&line["name"], &line["roles"]), (&serde_json::json!(entry.name), &serde_json::json!(codes)));
    }
}

#[tokio::test]
async fn what_is_nowhere_and_what_is_not_meant_is_a_problem() {
    let service = Service::start().await;
    service.get("/v2/schools", "").await.is_problem(404, "not-found");
    let reply = service.get("/v1/commands/register-school/x", "").await;
    reply.is_problem(404, "not-found");
    let request = Service::request(axum::http::Method::DELETE, "/v1/commands/register-school", "");
    let reply = service.send(request.body(axum::body::Body::empty()).unwrap()).await;
    reply.is_problem(405, "method-not-allowed");
    assert_eq!(reply.header("allow"), "POST");
}
