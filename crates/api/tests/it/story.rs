//! The whole small programme of the domain's tests, told over HTTP by those who may: every command
//! of the catalogue is accepted. What is read begins with it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sfs_command::{Caller, Outcome, Request};
use sfs_domain::catalogue::{Command, command_entry, routed};
use sfs_domain::testing::story::story;
use sfs_domain::wire::Named;
use sfs_domain::{Ags, Grant, OrganisationId, Role, SchoolId, Scope};
use uuid::Uuid;

use crate::service::Service;

/// A service in which the story has happened, with a key for every role.
pub struct Programme {
    pub service: Service,
    pub keys: BTreeMap<Role, String>,
    /// Further people with that role, by their number in the story.
    others: BTreeMap<(Role, u128), String>,
}

fn scope(role: Role) -> Scope {
    match role {
        Role::SchoolSocialWorker => Scope::School(SchoolId::parse("S1").unwrap()),
        Role::ProviderManager => Scope::Provider(OrganisationId::parse("P1").unwrap()),
        Role::NetworkOffice | Role::YouthOffice => Scope::District(Ags::parse("15083").unwrap()),
        _ => Scope::State {},
    }
}

impl Programme {
    /// Tells the story.
    pub async fn told() -> Self {
        let service = Service::start().await;
        let (mut keys, mut others) = (BTreeMap::new(), BTreeMap::new());
        for role in Role::ALL.iter().filter(|role| **role != Role::System) {
            let until = (*role == Role::Auditor).then(|| sfs_domain::testing::day("2027-01-01"));
            let grant = Grant { role: *role, scope: scope(*role), until };
            for actor in [8, 9] {
                others.insert((*role, actor), service.key_of(std::slice::from_ref(&grant)).await.1);
            }
            keys.insert(*role, service.key_of(&[grant]).await.1);
        }
        let programme = Self { service, keys, others };
        // The story names events by their number; here they have identities of their own.
        let mut ids = BTreeMap::new();
        for told in story() {
            let mut body =
                json!({"occurred_on": told.on, "reason": told.reason, "personal": told.personal, "data": told.body});
            rename(&mut body, &ids);
            let entry = command_entry(told.name).unwrap();
            let reply = match entry.is_internal() {
                true => programme.tell_internally(entry.name, &body).await,
                false => programme.tell(told.name, told.actor, &body).await,
            };
            for event in reply["events"].as_array().unwrap() {
                let number = Uuid::from_u128(ids.len() as u128 + 1).to_string();
                ids.insert(number, event["id"].as_str().unwrap().to_owned());
            }
        }
        programme
    }

    /// Does what only the program itself does.
    async fn tell_internally(&self, name: &'static str, body: &Value) -> Value {
        let entry = command_entry(name).unwrap();
        let named = Named { name, body: body["data"].clone() };
        let command = Command::deserialize_as(entry.category, named).unwrap();
        let handler = &self.service.api.handler;
        let id = handler.entropy().uuid(handler.clock().now_micros());
        let request = Request {
            occurred_on: Some(serde_json::from_value(body["occurred_on"].clone()).unwrap()),
            ..Request::new(entry, command, id)
        };
        let outcome = handler.handle(&Caller::system(), &request).await.unwrap();
        let Outcome::Accepted(receipt) = outcome else { panic!("{name}: {outcome:?}") };
        json!({"events": receipt.events.iter().map(|event| json!({"id": event.id})).collect::<Vec<_>>()})
    }

    /// Sends a command as the first role that may, with the version if that is asked for.
    async fn tell(&self, name: &str, actor: u128, body: &Value) -> Value {
        let mut last = Value::Null;
        for role in command_entry(name).unwrap().roles {
            let key = self.others.get(&(*role, actor)).unwrap_or(&self.keys[role]);
            let mut reply = self.service.command(name, key, body).await;
            if reply.status == StatusCode::PRECONDITION_REQUIRED {
                let version = reply.header("etag").to_owned();
                reply = self.service.command_with(name, key, &[("if-match", &version)], body).await;
            }
            if reply.status == StatusCode::CREATED {
                return reply.json();
            }
            last = reply.json();
        }
        panic!("nobody could {name}: {last}\n{body}");
    }
}

/// Fields that hold the identity of an event.
const NAMES_AN_EVENT: [&str; 4] = ["intervention", "corrects", "request", "event"];

/// Puts the real identities of events where the story has their numbers.
fn rename(value: &mut Value, ids: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str().filter(|_| NAMES_AN_EVENT.contains(&&**name)).and_then(|number| ids.get(number)) {
                    Some(id) => *member = json!(id),
                    None => rename(member, ids),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, ids)),
        _ => {}
    }
}

#[tokio::test]
async fn every_command_of_the_catalogue_is_accepted_over_http() {
    let programme = Programme::told().await;
    // Cases are seen where they are worked on, and by no auditor.
    let mut events = Vec::new();
    for role in [Role::Auditor, Role::SchoolSocialWorker] {
        let seen = programme.service.get("/v1/events?limit=1000", &programme.keys[&role]).await.json();
        events.extend(seen.as_array().unwrap().iter().cloned());
    }
    for entry in routed() {
        let rule = |event: &Value| event["rule"].as_str().unwrap().starts_with(&format!("{}/", entry.name));
        assert!(events.iter().any(rule), "{}", entry.name);
    }
}

#[tokio::test]
async fn every_event_fits_the_schema_that_it_names() {
    let programme = Programme::told().await;
    let auditor = &programme.keys[&Role::Auditor];
    let events = programme.service.get("/v1/events?limit=1000", auditor).await.json();
    for event in events.as_array().unwrap() {
        let schema = programme.service.get(event["dataschema"].as_str().unwrap(), "").await.json();
        let data = event["data"].as_object().unwrap();
        for field in schema["required"].as_array().into_iter().flatten() {
            assert!(data.contains_key(field.as_str().unwrap()), "{event} lacks {field}");
        }
        for field in data.keys() {
            assert!(schema["properties"].get(field).is_some(), "{event} has {field}");
        }
    }
}

#[tokio::test]
async fn interventions_are_seen_by_those_who_may_see_exact_figures() {
    let programme = Programme::told().await;
    let count = async |role: Role| {
        let path = "/v1/events?categories=intervention&limit=1000";
        let reply = programme.service.get(path, &programme.keys[&role]).await;
        if reply.status == 200 { reply.json().as_array().unwrap().len() } else { usize::MAX }
    };
    for exact in
        [Role::SchoolSocialWorker, Role::ProviderManager, Role::NetworkOffice, Role::GrantingAuthority, Role::Auditor]
    {
        assert_eq!(count(exact).await, 17, "{exact:?}");
    }
    for suppressed in [Role::CoordinationOffice, Role::Ministry, Role::ManagingAuthority, Role::YouthOffice] {
        assert_eq!(count(suppressed).await, 0, "{suppressed:?}");
    }
}
