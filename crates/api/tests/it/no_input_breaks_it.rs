//! Whatever is sent: an answer that is documented, never a 500. Bodies begin with ones that are
//! right, so that changes reach deep.

use std::cell::RefCell;
use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Method;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};
use sfs_domain::catalogue::command_entry;
use sfs_domain::testing::story::{Told, story};
use sfs_domain::{Ags, Grant, OrganisationId, Role, SchoolId, Scope};

use crate::service::Service;

/// Any JSON, with texts and numbers that mean something somewhere.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3_i64..2_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
        prop::sample::select(vec![
            "S1",
            "P1",
            "15083",
            "15",
            "2026-11-24",
            "2199-12-31",
            "1900-01-01",
            "2025/26",
            "2198/99",
            "SEK",
            ""
        ])
        .prop_map(Value::from),
        (0_u128..3).prop_map(|n| json!(uuid::Uuid::from_u128(n))),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Pointers to every node of a value.
fn nodes(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(name, member)| nodes(member, &format!("{at}/{name}"), found))
        }
        Value::Array(items) => items.iter().enumerate().for_each(|(n, item)| nodes(item, &format!("{at}/{n}"), found)),
        _ => {}
    }
}

/// A command of the story with one node of its request replaced; now and then as it is, so that
/// there is something for the others to be about.
fn changed() -> impl Strategy<Value = (&'static str, Value)> {
    let is_routed = |told: &Told| command_entry(told.name).is_some_and(|entry| !entry.is_internal());
    let told: Vec<Told> = story().into_iter().filter(is_routed).collect();
    let node = prop::option::weighted(0.8, any::<prop::sample::Index>());
    (prop::sample::select(told), node, any_json()).prop_map(|(told, node, new)| {
        let mut body = json!({"occurred_on": told.on, "reason": told.reason, "evidence": [], "data": told.body});
        if !told.personal.is_null() {
            body["personal"] = told.personal;
        }
        let mut found = Vec::new();
        nodes(&body, "", &mut found);
        let pointer = node.map(|node| node.get(&found).clone());
        if let Some(place) = pointer.and_then(|pointer| body.pointer_mut(&pointer)) {
            *place = new;
        }
        (told.name, body)
    })
}

#[test]
fn no_body_of_a_command_is_answered_with_a_500() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (service, keys, documented) = runtime.block_on(async {
        let service = Service::start().await;
        let scope = |role: Role| match role {
            Role::SchoolSocialWorker => Scope::School(SchoolId::parse("S1").unwrap()),
            Role::ProviderManager => Scope::Provider(OrganisationId::parse("P1").unwrap()),
            Role::NetworkOffice | Role::YouthOffice => Scope::District(Ags::parse("15083").unwrap()),
            _ => Scope::State {},
        };
        let everything: Vec<Grant> = Role::ALL
            .iter()
            .filter(|role| **role != Role::Auditor)
            .map(|role| Grant { role: *role, scope: scope(*role), until: None })
            .collect();
        let (_, key) = service.key_of(&everything).await;
        (service, [key], sfs_api::openapi())
    });
    let config = ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() };
    let statuses = RefCell::new(BTreeSet::new());
    TestRunner::new(config)
        .run(&(changed(), any::<bool>()), |((name, body), dry_run)| {
            let reply = runtime.block_on(service.command(&format!("{name}?dry_run={dry_run}"), &keys[0], &body));
            prop_assert!(reply.status < 500, "{name} {body}\n{}", reply.json());
            let described = &documented["paths"][format!("/v1/commands/{name}")]["post"]["responses"];
            prop_assert!(described.get(reply.status.to_string()).is_some(), "{} is not described", reply.status);
            if reply.status >= 400 {
                prop_assert_eq!(reply.header("content-type"), "application/problem+json");
            }
            statuses.borrow_mut().insert(reply.status);
            Ok(())
        })
        .unwrap();
    // The generator is worth something only if it gets through the first door.
    for status in [200, 201, 404, 409, 422] {
        assert!(statuses.borrow().contains(&status), "{statuses:?}");
    }
}

#[test]
fn no_bytes_and_no_address_are_answered_with_a_500() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (service, key) = runtime.block_on(async {
        let service = Service::start().await;
        let grants =
            [Role::DataProtectionOfficer, Role::Administrator, Role::GrantingAuthority, Role::CoordinationOffice]
                .map(|role| Grant { role, scope: Scope::State {}, until: None });
        let (_, key) = service.key_of(&grants).await;
        (service, key)
    });
    let paths: Vec<String> = sfs_api::openapi()["paths"].as_object().unwrap().keys().cloned().collect();
    let query = "[a-z_]{1,10}=[!-~&&[^#\"<>`{}]]{0,12}(&(after|limit|cursor|known_until|from|to|on|types|stream|period)=[0-9a-z/.:-]{0,12}){0,3}";
    let strategy = (
        prop::sample::select(paths),
        "[0-9A-Za-z-]{1,12}",
        prop::option::of(query),
        prop::collection::vec(any::<u8>(), 0..200),
        any::<bool>(),
    );
    let config = ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&strategy, |(path, part, query, bytes, post)| {
            let parts: Vec<&str> = path.split('/').map(|it| if it.starts_with('{') { &*part } else { it }).collect();
            let uri = parts.join("/") + &query.map(|query| format!("?{query}")).unwrap_or_default();
            let Ok(uri) = uri.parse::<axum::http::Uri>() else { return Ok(()) };
            let method = if post { Method::POST } else { Method::GET };
            let media = if path.contains("bulk") { "application/x-ndjson" } else { "application/json" };
            let request = Service::request(method, &uri.to_string(), &key).header("content-type", media);
            let reply = runtime.block_on(service.send(request.body(Body::from(bytes)).unwrap()));
            prop_assert!(reply.status < 500, "{uri}\n{:?}", reply);
            Ok(())
        })
        .unwrap();
}
