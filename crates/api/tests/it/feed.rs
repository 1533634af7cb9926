//! The event feed: one order, one filter, one rule of resuming in three representations.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Value, json};
use sfs_api::ApiSettings;
use sfs_domain::principal::Command as Access;
use sfs_domain::{Ags, Grant, Role, Scope};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use crate::service::{Reply, Service};

async fn read(service: &Service, path: &str, key: &str, accept: &str) -> Reply {
    let request = Service::request(Method::GET, path, key).header("accept", accept);
    service.send(request.body(Body::empty()).unwrap()).await
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["position"].as_u64().unwrap()).collect()
}

/// A service with `n` schools and an auditor's key; and the position after which they lie.
async fn with_schools(n: usize) -> (Service, String, u64) {
    with_schools_and(n, ApiSettings { rate_limit: None, ..ApiSettings::default() }).await
}

async fn with_schools_and(n: usize, settings: ApiSettings) -> (Service, String, u64) {
    let service = Service::start_with(settings).await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let coordination = service.coordination().await;
    let before = service.size().await;
    for n in 0..n {
        service.school(&coordination, &format!("S{n}")).await;
    }
    (service, auditor, before)
}

#[tokio::test]
async fn pages_lead_through_the_whole_log_and_then_wait() {
    let (service, key, before) = with_schools(7).await;
    let mut path = format!("/v1/events?after={before}&limit=3");
    let mut seen = Vec::new();
    for _ in 0..4 {
        let page = read(&service, &path, &key, "application/cloudevents-batch+json").await;
        assert_eq!(page.header("content-type"), "application/cloudevents-batch+json");
        seen.extend(positions(page.json().as_array().unwrap()));
        let link = page.header("link");
        assert!(link.ends_with("; rel=\"next\""), "{link}");
        path = link[1..].split('>').next().unwrap().to_owned();
    }
    assert_eq!(seen, (before + 1..=before + 7).collect::<Vec<_>>());
    // At the end, a reader that prefers so is answered when something happens.
    let request = Service::request(Method::GET, &path, &key).header("prefer", "wait=20").body(Body::empty()).unwrap();
    let coordination = service.coordination().await;
    let (page, _) = tokio::join!(service.send(request), service.school(&coordination, "S9"));
    assert_eq!(page.header("preference-applied"), "wait=20");
    assert!(!page.json().as_array().unwrap().is_empty());
}

#[tokio::test]
async fn all_three_representations_show_the_same() {
    let (service, key, before) = with_schools(5).await;
    let path = format!("/v1/events?after={}&categories=school&limit=1000", before - 1);
    let batch = read(&service, &path, &key, "*/*").await.json();
    let lines = read(&service, &path, &key, "application/x-ndjson").await.lines();
    assert_eq!(batch, json!(lines));
    assert_eq!(batch.as_array().unwrap().len(), 5);
    let mut sse = Sse::connect(&service, &path, &key, &[]).await;
    for event in &lines {
        let seen = sse.event().await;
        assert_eq!(seen.id, event["position"].to_string());
        assert_eq!(seen.name, "school.registered.v1");
        assert_eq!(&serde_json::from_str::<Value>(&seen.data).unwrap(), event);
    }
    assert_eq!(sse.event().await.name, "caught-up");
}

#[tokio::test]
async fn a_broken_off_stream_goes_on_after_the_last_event_that_was_seen() {
    let (service, key, before) = with_schools(6).await;
    let path = format!("/v1/events?after={before}");
    let mut first = Sse::connect(&service, &path, &key, &[]).await;
    let mut seen = vec![first.event().await.id, first.event().await.id];
    drop(first);
    // The address is the first one: a browser connects again with the last id only.
    let mut second = Sse::connect(&service, &path, &key, &[("last-event-id", &seen[1])]).await;
    for _ in 0..4 {
        seen.push(second.event().await.id);
    }
    let all: Vec<String> = (before + 1..=before + 6).map(|position| position.to_string()).collect();
    assert_eq!(seen, all);
    assert_eq!(second.event().await.name, "caught-up");
    let coordination = service.coordination().await;
    service.school(&coordination, "S9").await;
    let live = second.event().await;
    assert_eq!(live.name, "principal.role-granted.v1", "who registers the school is seen too");
    assert_eq!(live.id, (before + 7).to_string());
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive_and_where_it_is() {
    let settings = ApiSettings { rate_limit: None, heartbeat: Duration::from_millis(20), ..ApiSettings::default() };
    let (service, key, _) = with_schools_and(3, settings).await;
    let mut sse = Sse::connect(&service, "/v1/events?categories=staff", &key, &[]).await;
    assert_eq!(sse.event().await.name, "caught-up");
    let block = sse.block().await;
    assert_eq!(block, [": ".to_owned(), format!("id: {}", service.size().await)]);
    let mut lines =
        Sse::connect(&service, "/v1/events?categories=staff&follow=true", &key, &[("accept", "application/x-ndjson")])
            .await;
    // A chunk of one byte: a line without content.
    assert_eq!((lines.raw().await, lines.raw().await), ("1".to_owned(), String::new()));
}

#[tokio::test]
async fn a_stream_ends_with_the_service_and_says_when_to_come_back() {
    let (service, key, _) = with_schools(1).await;
    let mut sse = Sse::connect(&service, "/v1/events?categories=school", &key, &[]).await;
    assert_eq!(sse.event().await.name, "school.registered.v1");
    assert_eq!(sse.event().await.name, "caught-up");
    service.api.shutdown.cancel();
    assert_eq!(sse.block().await, ["retry: 2000"]);
    assert!(sse.ended().await);
}

#[tokio::test]
async fn a_stream_ends_when_the_key_opens_nothing_any_more() {
    let service = Service::start().await;
    let auditor = Grant { role: Role::GrantingAuthority, scope: Scope::State {}, until: None };
    let (principal, key) = service.key_of(&[auditor]).await;
    let mut sse = Sse::connect(&service, "/v1/events?categories=school", &key, &[]).await;
    assert_eq!(sse.event().await.name, "caught-up");
    service.console(Access::RevokeRole { principal, role: Role::GrantingAuthority, scope: Scope::State {} }).await;
    assert_eq!(sse.block().await, ["retry: 2000"]);
    assert!(sse.ended().await);
    read(&service, "/v1/events", &key, "*/*").await.is_problem(403, "forbidden");
}

#[tokio::test]
async fn filters_show_what_they_say_and_nothing_else() {
    let (service, key, _) = with_schools(3).await;
    let seen = async |query: &str| {
        let events = read(&service, &format!("/v1/events?{query}&limit=1000"), &key, "*/*").await.json();
        let subjects = events.as_array().unwrap().iter().map(|event| event["subject"].as_str().unwrap().to_owned());
        subjects.collect::<Vec<_>>()
    };
    assert_eq!(seen("school=S1").await, ["school/S1"]);
    assert_eq!(seen("stream=school/S2").await, ["school/S2"]);
    assert_eq!(seen("types=school.registered.v1,school.closed.v1").await.len(), 3);
    assert_eq!(seen("types=school.closed.v1").await.len(), 0);
    assert_eq!(seen("district=15083").await.len(), 3);
    assert_eq!(seen("district=15003").await.len(), 0);
    assert_eq!(seen("categories=school&school=S0").await, ["school/S0"]);
    assert!(seen("district=15").await.iter().all(|subject| subject.starts_with("principal/")));
    for wrong in [
        "types=school.painted.v1",
        "categories=painting",
        "district=7",
        "school=%3F",
        "stream=x",
        "after=-1",
        "after=x",
        "limit=0",
        "follow=1",
        "include=salt",
        "foo=1",
    ] {
        read(&service, &format!("/v1/events?{wrong}"), &key, "*/*").await.is_problem(400, "parameter");
    }
}

#[tokio::test]
async fn a_position_beyond_the_end_is_one_of_another_log() {
    let (service, key, _) = with_schools(1).await;
    let size = service.size().await;
    assert_eq!(read(&service, &format!("/v1/events?after={size}"), &key, "*/*").await.json(), json!([]));
    read(&service, &format!("/v1/events?after={}", size + 1), &key, "*/*").await.is_problem(400, "parameter");
    let request = Service::request(Method::GET, "/v1/events", &key).header("last-event-id", "999999");
    let told = service.send(request.body(Body::empty()).unwrap()).await.is_problem(400, "parameter");
    assert_eq!(told["errors"][0]["parameter"], "last-event-id");
    read(&service, "/v1/events", &key, "image/png").await.is_problem(406, "not-acceptable");
}

#[tokio::test]
async fn everybody_sees_what_their_scope_and_role_show() {
    let (service, _, _) = with_schools(2).await;
    let grants = |role, scope| [Grant { role, scope, until: None }];
    let count = async |role, scope| {
        let (_, key) = service.key_of(&grants(role, scope)).await;
        let reply = read(&service, "/v1/events?limit=1000", &key, "*/*").await;
        if reply.status == 200 { reply.json().as_array().unwrap().len() as i64 } else { -1 }
    };
    let district = |ags: &str| Scope::District(Ags::parse(ags).unwrap());
    assert_eq!(count(Role::NetworkOffice, district("15083")).await, 2);
    assert_eq!(count(Role::NetworkOffice, district("15003")).await, 0);
    assert_eq!(count(Role::Ministry, Scope::State {}).await, 2);
    assert!(count(Role::DataProtectionOfficer, Scope::State {}).await > 2, "grants and keys too");
    assert_eq!(count(Role::Public, Scope::State {}).await, -1);
    assert_eq!(count(Role::Administrator, Scope::State {}).await, -1);
}

#[tokio::test]
async fn the_hashed_bytes_come_along_when_asked_for() {
    let (service, key, before) = with_schools(2).await;
    let path = format!("/v1/events?after={before}&include=leaf");
    for event in read(&service, &path, &key, "application/x-ndjson").await.lines() {
        let leaf = event["leaf"].as_str().unwrap();
        assert_eq!(sfs_ledger::leaf_hash(leaf.as_bytes()).to_b64(), event["leafhash"]);
        let open = sfs_ledger::digest(event["openbody"].as_str().unwrap().as_bytes()).to_b64();
        assert_eq!(serde_json::from_str::<Value>(leaf).unwrap()["open"], open);
    }
}

/// A server-sent event.
#[derive(Debug, Default)]
struct Event {
    id: String,
    name: String,
    data: String,
}

/// A stream over a real connection.
struct Sse(Lines<BufReader<OwnedReadHalf>>, #[expect(dead_code, reason = "kept open")] Writing);

/// Kept open: a connection that is closed on one side ends.
type Writing = tokio::net::tcp::OwnedWriteHalf;

impl Sse {
    async fn connect(service: &Service, path: &str, key: &str, headers: &[(&str, &str)]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = service.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        let accept =
            headers.iter().find(|(name, _)| *name == "accept").map_or("text/event-stream", |(_, accept)| accept);
        let mut request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\naccept: {accept}\r\n");
        for (name, value) in headers.iter().filter(|(name, _)| *name != "accept") {
            request += &format!("{name}: {value}\r\n");
        }
        writing.write_all((request + "\r\n").as_bytes()).await.unwrap();
        let mut lines = BufReader::new(reading).lines();
        let status = lines.next_line().await.unwrap().unwrap();
        assert!(status.contains(" 200 "), "{status}");
        while !lines.next_line().await.unwrap().unwrap().is_empty() {}
        Self(lines, writing)
    }

    /// The next block: lines up to an empty one.
    async fn block(&mut self) -> Vec<String> {
        let mut block = Vec::new();
        loop {
            let line = self.raw().await;
            if line.is_empty() {
                if !block.is_empty() {
                    return block;
                }
                continue;
            }
            let is_length = line.len() <= 6 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
            if !is_length {
                block.push(line);
            }
        }
    }

    async fn raw(&mut self) -> String {
        self.0.next_line().await.unwrap().unwrap_or_else(|| panic!("the stream ended"))
    }

    /// The next event; comments and settings are passed over.
    async fn event(&mut self) -> Event {
        loop {
            let block = self.block().await;
            let mut event = Event::default();
            for line in &block {
                let (name, value) = line.split_once(':').unwrap();
                match name {
                    "id" => event.id = value.trim().to_owned(),
                    "event" => event.name = value.trim().to_owned(),
                    "data" => event.data = value.trim().to_owned(),
                    _ => {}
                }
            }
            if !event.data.is_empty() {
                return event;
            }
        }
    }

    /// Whether the body ends here, regularly.
    async fn ended(&mut self) -> bool {
        loop {
            match self.0.next_line().await.unwrap() {
                Some(line) if line == "0" => return true,
                Some(line) if line.is_empty() => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

/// For a reader without a connection: the address of a feed never holds a key.
#[tokio::test]
async fn a_key_in_the_address_is_no_key() {
    let (service, key, _) = with_schools(0).await;
    let request = Request::builder().uri(format!("/v1/events?key={key}")).body(Body::empty()).unwrap();
    service.send(request).await.is_problem(401, "unauthorised");
}
