//! Persons over HTTP: what a client says of somebody, what is wrong with it, who is known already, and what
//! an opening shows.

use serde_json::{Value, json};
use sfs_domain::{Ags, OrganisationId, Role, SchoolId, Scope};

use crate::service::{Reply, Service};
use crate::story::Programme;

const FAMILY: &str = "Kanarienvogel";

fn pseudonym(n: u8) -> String {
    format!("9d4c1c3e-5f0a-4b7e-8a39-2f6a0c1d7e{n:02x}")
}

fn identity(family: &str) -> Value {
    json!({"identity": {"family_name": family, "given_names": "Ana Maria", "born_on": "2009-08-07"}})
}

fn participant(n: u8, family: &str) -> Value {
    json!({
        "occurred_on": "2023-04-11",
        "data": {"person": pseudonym(n), "provider": "P1", "school": "S1"},
        "personal": identity(family),
    })
}

fn trainee(n: u8, family: &str) -> Value {
    json!({"data": {"person": pseudonym(n), "district": "15083"}, "personal": identity(family)})
}

async fn opened(service: &Service, key: &str, idempotency_key: &str, n: u8, position: &Value) -> Reply {
    let body = json!({"data": {"person": pseudonym(n), "position": position, "ground": "certificate"}});
    service.command_with("open-trainee-record", key, &[("idempotency-key", idempotency_key)], &body).await
}

#[tokio::test]
async fn what_is_wrong_with_a_record_is_pointed_at_and_not_repeated() {
    let service = Service::start().await;
    let key = service.key(Role::CoordinationOffice, Scope::State {}).await;
    for (personal, status, rule, pointer) in [
        (json!({"identity": {"family_name": FAMILY}}), 422, "JSON-01", "/personal/identity/given_names"),
        (
            json!({"identity": {"family_name": format!(" {FAMILY}"), "given_names": "A"}}),
            422,
            "JSON-03",
            "/personal/identity/family_name",
        ),
        (
            json!({"identity": {"family_name": FAMILY, "given_names": "A", "born_on": FAMILY}}),
            422,
            "JSON-03",
            "/personal/identity/born_on",
        ),
        (
            json!({"identity": {"family_name": FAMILY, "given_names": "A", "height": 1}}),
            422,
            "JSON-02",
            "/personal/identity/height",
        ),
        (json!({"identity": [FAMILY, "A"]}), 422, "JSON-03", "/personal/identity"),
        (json!({"names": FAMILY}), 422, "JSON-02", "/personal/names"),
        (json!({}), 422, "GEN-03", "/personal/identity"),
        (
            json!({"identity": {"family_name": FAMILY, "given_names": "A"}, "absence": {"ground": "illness"}}),
            422,
            "GEN-04",
            "/personal/absence",
        ),
    ] {
        let body = json!({"data": {"person": pseudonym(1), "district": "15083"}, "personal": personal});
        let reply = service.command("register-trainee", &key, &body).await;
        let said = reply.json();
        assert_eq!((reply.status, said["errors"][0]["rule"].as_str()), (status, Some(rule)), "{said}");
        assert_eq!(reply.pointer(), pointer);
        assert!(!said.to_string().contains(FAMILY), "{said}");
    }
}

#[tokio::test]
async fn an_opening_shows_once_what_it_opens_and_only_where_it_may() {
    let service = Service::start().await;
    let coordination = service.key(Role::CoordinationOffice, Scope::State {}).await;
    let near = service.key(Role::NetworkOffice, Scope::District(Ags::parse("15083").unwrap())).await;
    let far = service.key(Role::NetworkOffice, Scope::District(Ags::parse("15003").unwrap())).await;
    let first = service.command("register-trainee", &coordination, &trainee(1, FAMILY)).await.json();
    let second = service.command("register-trainee", &coordination, &trainee(2, "Rotkehlchen")).await.json();

    let shown = opened(&service, &near, "a", 1, &first["position"]).await;
    assert_eq!(shown.json()["opened"][0]["records"][0]["record"]["identity"]["family_name"], FAMILY);
    assert_eq!(shown.header("cache-control"), "no-store");
    let again = opened(&service, &near, "a", 1, &first["position"]).await;
    assert_eq!((again.status, again.json().get("opened")), (200, None), "{}", again.json());
    let would = json!({"data": {"person": pseudonym(1), "position": first["position"], "ground": "certificate"}});
    let would = service.command("open-trainee-record?dry_run=true", &near, &would).await;
    assert_eq!((would.status, would.json().get("opened")), (200, None));
    // The person of one event and the position of another one show nothing.
    let other = opened(&service, &near, "b", 1, &second["position"]).await.json();
    assert_eq!(other["opened"], json!([]), "{other}");
    assert_eq!(opened(&service, &far, "c", 1, &first["position"]).await.status, 404);
}

#[tokio::test]
async fn the_same_key_with_another_person_is_another_command() {
    let service = Service::start().await;
    let key = service.key(Role::CoordinationOffice, Scope::State {}).await;
    let send = async |family: &str| {
        let header = [("idempotency-key", "k")];
        service.command_with("register-trainee", &key, &header, &trainee(1, family)).await
    };
    assert_eq!(send(FAMILY).await.status, 201);
    assert_eq!(send(FAMILY).await.status, 200);
    send("Rotkehlchen").await.is_problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn nobody_is_registered_under_two_pseudonyms_and_who_never_was_keeps_none() {
    let programme = Programme::told().await;
    let service = &programme.service;
    let manager = service.key(Role::ProviderManager, Scope::Provider(OrganisationId::parse("P1").unwrap())).await;
    let worker = service.key(Role::SchoolSocialWorker, Scope::School(SchoolId::parse("S1").unwrap())).await;
    // A list of which a later line is refused: the person was recognised, and never came to be.
    let line = |n, family: &str| {
        let mut line = participant(n, family);
        line["command"] = json!("register-participant");
        line
    };
    let mut wrong = line(2, "Zaunkönig");
    wrong["data"]["school"] = json!("S404");
    let list = format!("{}\n{wrong}\n", line(1, FAMILY));
    let request = Service::request(axum::http::Method::POST, "/v1/commands:bulk?mode=all", &manager);
    let request = request.header("content-type", "application/x-ndjson").body(list.into()).unwrap();
    let reply = service.send(request).await;
    assert!((400..500).contains(&reply.status), "{reply:?}");

    let registered = service.command("register-participant", &worker, &participant(3, FAMILY)).await;
    assert_eq!(registered.status, 201, "{}", registered.json());
    let twice = service.command("register-participant", &manager, &participant(4, " kanarienVOGEL".trim())).await;
    assert_eq!(twice.is_problem(409, "known-person")["known_as"], json!(pseudonym(3)));
    assert!(!twice.json().to_string().contains("anarien"));
    assert_eq!(service.command("register-participant", &manager, &participant(5, "Zaunkönig")).await.status, 201);
}
