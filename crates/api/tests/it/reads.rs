//! Reads: what a command did is shown, as of when it is asked for, page by page, to whoever may see
//! it.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sfs_domain::{Ags, Role, Scope};

use crate::service::{Reply, Service, school};
use crate::story::Programme;

async fn read(service: &Service, path: &str, key: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Service::request(Method::GET, path, key);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(Body::empty()).unwrap()).await
}

/// The read of everything that has happened so far.
async fn now(service: &Service, path: &str, key: &str) -> Reply {
    let position = service.size().await;
    assert!(service.api.reads.wait_for(position, std::time::Duration::from_secs(10)).await);
    read(service, path, key, &[]).await
}

#[tokio::test]
async fn a_read_with_the_token_of_a_command_shows_it() {
    let service = Service::start().await;
    let key = service.coordination().await;
    for n in 0..20 {
        let token =
            service.school(&key, &format!("S{n}")).await.json()["consistency_token"].as_str().unwrap().to_owned();
        let path = format!("/v1/schools/S{n}");
        let reply = read(&service, &path, &key, &[("consistency-token", &token), ("prefer", "wait=5")]).await;
        assert_eq!((reply.status, reply.header("etag")), (200, "\"v1\""), "{}", reply.json());
        assert_eq!(reply.json()["data"]["document"]["name"], format!("Schule S{n}"));
        let in_query = read(&service, &format!("{path}?consistency_token={token}"), &key, &[]).await;
        assert_eq!(in_query.status, 200);
        assert!(in_query.header("read-position").parse::<u64>().unwrap() > n);
        assert!(in_query.header("read-lag-seconds").parse::<f64>().is_ok());
    }
}

#[tokio::test]
async fn a_read_model_that_is_behind_says_so_or_shows_what_there_is() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    now(&service, "/v1/schools", &key).await;
    service.api.reads.stop().await;
    let token = service.school(&key, "S2").await.header("consistency-token").to_owned();
    let at_once = ("prefer", "wait=0");
    let behind = read(&service, "/v1/schools", &key, &[("consistency-token", &token), at_once]).await;
    let told = behind.is_problem(503, "read-model-behind");
    assert_eq!(told["read_position"], service.size().await - 1);
    let lenient = [("consistency-token", &*token), ("prefer", "wait=0, handling=lenient")];
    let stale = read(&service, "/v1/schools", &key, &lenient).await;
    assert_eq!((stale.status, &stale.json()["stale"]), (200, &json!(true)));
    assert_eq!(stale.header("preference-applied"), "wait=0, handling=lenient");
    assert_eq!(stale.json()["data"]["entries"].as_array().unwrap().len(), 1);
    let known = format!("/v1/schools?known_until={}", service.size().await);
    read(&service, &known, &key, &[at_once]).await.is_problem(503, "read-model-behind");
    assert_eq!(
        read(&service, "/v1/schools", &key, &[]).await.status,
        200,
        "without a token there is nothing to wait for"
    );
}

#[tokio::test]
async fn a_token_of_another_log_is_refused() {
    let (one, other) = (Service::start().await, Service::start().await);
    let (key, foreign) = (one.coordination().await, other.coordination().await);
    let token = other.school(&foreign, "S1").await.header("consistency-token").to_owned();
    for token in [&*token, "", "AAAA", "7"] {
        let reply = read(&one, "/v1/schools", &key, &[("consistency-token", token)]).await;
        assert_eq!(reply.is_problem(400, "parameter")["errors"][0]["parameter"], "consistency-token");
    }
}

#[tokio::test]
async fn the_version_of_a_read_is_what_a_change_has_to_name() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let tag = now(&service, "/v1/schools/S1", &key).await.header("etag").to_owned();
    let change = json!({"data": {"school": "S1", "form": "GMS"}});
    assert_eq!(service.command_with("change-school-form", &key, &[("if-match", &tag)], &change).await.status, 201);
    let changed = now(&service, "/v1/schools/S1", &key).await;
    assert_eq!((changed.header("etag"), &changed.json()["data"]["version"]), ("\"v2\"", &json!(2)));
    let same = read(&service, "/v1/schools/S1", &key, &[("if-none-match", "\"v2\"")]).await;
    assert_eq!((same.status, same.bytes.len(), same.header("etag")), (304, 0, "\"v2\""));
    let position = changed.json()["data"]["position"].as_u64().unwrap();
    let before = read(&service, &format!("/v1/schools/S1?as_of={}", position - 1), &key, &[]).await;
    assert_eq!((before.header("etag"), &before.json()["known_until"]), ("\"v1\"", &json!(position - 1)));
    now(&service, "/v1/schools/S9", &key).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn a_list_leads_page_by_page_through_all_of_it() {
    let service = Service::start().await;
    let key = service.coordination().await;
    for n in 0..7 {
        service.school(&key, &format!("S{n}")).await;
    }
    now(&service, "/v1/schools", &key).await;
    let (mut path, mut seen) = ("/v1/schools?limit=3&district=15083".to_owned(), Vec::new());
    loop {
        let page = read(&service, &path, &key, &[]).await;
        for entry in page.json()["data"]["entries"].as_array().unwrap() {
            seen.push(entry["key"].as_str().unwrap().to_owned());
        }
        assert!(page.json()["data"].get("next").is_none(), "the cursor of the read model is not shown");
        let Some(link) = page.header("link").strip_prefix('<') else { break };
        path = link.split('>').next().unwrap().to_owned();
        assert!(path.ends_with(page.json()["next"].as_str().unwrap()));
    }
    assert_eq!(seen, (0..7).map(|n| format!("S{n}")).collect::<Vec<_>>());
    let foreign = path.replace("/v1/schools", "/v1/coverage");
    read(&service, &foreign, &key, &[]).await.is_problem(400, "parameter");
    assert_eq!(now(&service, "/v1/schools?name=schule+s3", &key).await.json()["data"]["entries"][0]["key"], "S3");
}

#[tokio::test]
async fn every_figure_of_the_story_is_shown_with_its_meaning() {
    let programme = Programme::told().await;
    let (service, auditor) = (&programme.service, &*programme.keys[&Role::Auditor]);
    let data = async |path: &str| {
        let reply = now(service, path, auditor).await;
        assert_eq!(reply.status, 200, "{path} {}", reply.json());
        assert_eq!(reply.json()["complete"], true);
        assert!(reply.json()["definition"]["version"].is_number());
        reply.json()["data"].clone()
    };
    let overview = data("/v1/overview?valid=2023-03-10&period=2022/23").await;
    assert_eq!(overview["total"]["schools_with_social_work"], 1);
    assert_eq!(overview["total"]["trainings_held"], 2);
    let coverage = data("/v1/coverage?valid=2023-03-10&with_social_work=true").await;
    assert_eq!(coverage["schools"][0]["school"], "S1");
    let staffing = data("/v1/staffing?valid=2023-03-10&occupancy=filled&function=school_social_worker").await;
    assert_eq!(staffing["posts"].as_array().unwrap().len(), 1);
    let activities = data("/v1/activities?period=2022/23&group=school&kinds=mediation").await;
    assert_eq!(activities["rows"][0]["count"], 1);
    let trainings = data("/v1/trainings?topic=mediation").await;
    assert_eq!(trainings["total"]["attended"], 15);
}

#[tokio::test]
async fn a_figure_leads_back_to_the_events_behind_it() {
    let programme = Programme::told().await;
    let (service, auditor) = (&programme.service, &*programme.keys[&Role::Auditor]);
    let explained = now(service, "/v1/explain/activities?period=2022/23&kinds=mediation", auditor).await;
    let positions = explained.json()["data"]["positions"].as_array().unwrap().clone();
    assert_eq!(positions.len(), 1);
    let after = positions[0].as_u64().unwrap() - 1;
    let event = read(service, &format!("/v1/events?after={after}&limit=1"), auditor, &[]).await.json();
    assert!(event[0]["data"]["work"].get("mediation").is_some(), "{event}");
    let held = now(service, "/v1/explain/overview/trainings_held?period=2022/23", auditor).await;
    assert!(!held.json()["data"]["positions"].as_array().unwrap().is_empty());
    now(service, "/v1/explain/overview/happiness", auditor).await.is_problem(404, "not-found");
    let overview = now(service, "/v1/overview", auditor).await.json();
    for figure in overview["data"]["total"].as_object().unwrap().keys() {
        let path = format!("/v1/explain/overview/{figure}?limit=1");
        assert_eq!(read(service, &path, auditor, &[]).await.status, 200, "{figure}");
    }
}

#[tokio::test]
async fn every_thing_of_the_story_is_found_where_its_command_said() {
    let programme = Programme::told().await;
    let (service, auditor) = (&programme.service, &*programme.keys[&Role::Auditor]);
    now(service, "/v1/schools", auditor).await;
    let events = service.get("/v1/events?limit=1000", auditor).await.json();
    let mut found = std::collections::BTreeSet::new();
    for event in events.as_array().unwrap() {
        let (category, key) = event["subject"].as_str().unwrap().split_once('/').unwrap();
        let noun = match category {
            "office" => "offices",
            "staff" => "staff",
            "vacancy" => "vacancies",
            "intervention" | "log" | "absence" | "support-case" | "child-protection" => continue,
            other => &format!("{other}s"),
        };
        let reply = read(service, &format!("/v1/{noun}/{key}"), auditor, &[]).await;
        assert_eq!(reply.status, 200, "{noun}/{key} {}", reply.json());
        found.insert(category.to_owned());
    }
    assert_eq!(found.len(), 11, "{found:?}");
}

#[tokio::test]
async fn everybody_reads_what_their_role_and_scope_show() {
    let programme = Programme::told().await;
    let service = &programme.service;
    now(service, "/v1/schools", &programme.keys[&Role::Auditor]).await;
    let status = async |role: Role, path: &str| read(service, path, &programme.keys[&role], &[]).await.status;
    assert_eq!(status(Role::Public, "/v1/coverage").await, 200);
    assert_eq!(status(Role::Public, "/v1/overview").await, 403);
    assert_eq!(status(Role::Administrator, "/v1/schools").await, 403);
    assert_eq!(status(Role::SchoolSocialWorker, "/v1/staffing").await, 403);
    let ministry = read(service, "/v1/activities", &programme.keys[&Role::Ministry], &[]).await;
    let told = ministry.is_problem(403, "forbidden");
    assert!(told["detail"].as_str().unwrap().contains("kleinen Zellen"), "{told}");
    let elsewhere = service.key(Role::NetworkOffice, Scope::District(Ags::parse("15003").unwrap())).await;
    let rows = async |key: &str| {
        let reply = read(service, "/v1/staffing?valid=2023-03-10", key, &[]).await;
        reply.json()["data"]["posts"].as_array().unwrap().len()
    };
    assert_eq!((rows(&programme.keys[&Role::NetworkOffice]).await, rows(&elsewhere).await), (1, 0));
    read(service, "/v1/vacancies/x", &elsewhere, &[]).await.is_problem(404, "not-found");
}

#[tokio::test]
async fn what_was_known_on_an_earlier_day_is_still_answered_so() {
    let service = Service::start().await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    service.clock.advance(86_400_000_000);
    service.school(&key, "S2").await;
    let count = async |until: &str| {
        let reply = now(&service, &format!("/v1/coverage?known_until={until}&valid=2026-11-25"), &key).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()["data"]["schools"].as_array().unwrap().len()
    };
    assert_eq!(count("2026-11-24").await, 1);
    assert_eq!(count("2026-11-25").await, 2);
    assert_eq!(count("2026-11-23").await, 0);
    assert_eq!(count("2026-11-24T09:00:00Z").await, 1);
    assert_eq!(count("0").await, 0);
    let beyond = format!("/v1/coverage?known_until={}", service.size().await + 1);
    read(&service, &beyond, &key, &[]).await.is_problem(400, "parameter");
}

#[tokio::test]
async fn parameters_of_reads_are_read_strictly() {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    for wrong in [
        "overview?valid=24.11.2026",
        "overview?period=2026/28",
        "overview?foo=1",
        "coverage?limit=0",
        "coverage?district=7",
        "coverage?with_social_work=1",
        "coverage?form=%20",
        "staffing?function=x",
        "staffing?occupancy=x",
        "staffing?ending_within_days=-1",
        "activities?kinds=x",
        "activities?group=x",
        "trainings?topic=x",
        "schools?name=",
        "schools?cursor=x",
        "schools?as_of=x",
        "schools?known_until=yesterday",
        "explain/activities?group=school",
        "coverage?valid=2026-11-24&valid=2026-11-25",
        "schools/S1?district=15083",
    ] {
        read(&service, &format!("/v1/{wrong}"), &auditor, &[]).await.is_problem(400, "parameter");
    }
    let german = read(&service, "/v1/overview?period=x", &auditor, &[]).await.json();
    assert!(german["detail"].as_str().unwrap().starts_with("Ein Zeitraum wird"), "{german}");
}

#[tokio::test]
async fn a_rebuild_leaves_the_answers_as_they_are() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    let key = service.coordination().await;
    service.school(&key, "S1").await;
    let before = now(&service, "/v1/schools", &key).await.json()["data"].clone();
    let generation = async || service.get("/readyz", "").await.json()["projections"]["generation"].as_u64().unwrap();
    let first = generation().await;
    let request = Service::request(Method::POST, "/admin/v1/rebuild", &administrator).body(Body::empty()).unwrap();
    assert_eq!(service.send(request).await.status, 202);
    while generation().await == first {
        tokio::task::yield_now().await;
    }
    assert_eq!(now(&service, "/v1/schools", &key).await.json()["data"], before);
    let more: Value = service.command("register-school", &key, &school("S2")).await.json();
    assert_eq!(more["outcome"], "accepted");
}
