//! Many commands in one request.

use axum::body::Body;
use axum::http::Method;
use serde_json::{Value, json};
use sfs_api::ApiSettings;
use sfs_domain::principal::Command as Access;
use sfs_domain::{Grant, Role, Scope};

use crate::service::{Reply, Service, school};

fn line(id: &str) -> Value {
    let mut line = school(id);
    line["command"] = json!("register-school");
    line
}

fn text(lines: &[Value]) -> String {
    lines.iter().map(|line| line.to_string() + "\n").collect()
}

async fn send(service: &Service, query: &str, key: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Reply {
    let mut request = Service::request(Method::POST, &format!("/v1/commands:bulk{query}"), key);
    request = request.header("content-type", "application/x-ndjson");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    service.send(request.body(body.into()).unwrap()).await
}

fn statuses(reply: &Reply) -> Vec<(u64, u64)> {
    reply.lines().iter().map(|line| (line["line"].as_u64().unwrap(), line["status"].as_u64().unwrap())).collect()
}

#[tokio::test]
async fn each_line_is_answered_in_its_place_whatever_the_others_are() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    let broken = format!(
        "{}{{\n\n{}{}{}{}",
        text(&[line("S1")]),
        text(&[line("S1")]),
        text(&[json!({"command": "paint-school", "data": {}})]),
        text(&[json!({"command": "register-school", "data": {"school": "S2"}})]),
        line("S3"),
    );
    let reply = send(&service, "", &key, &[], broken).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "application/x-ndjson"));
    assert_eq!(statuses(&reply), [(1, 201), (2, 400), (4, 200), (5, 422), (6, 422), (7, 201)]);
    let lines = reply.lines();
    assert_eq!(lines[0]["stream"], "school/S1");
    assert_eq!(lines[2]["outcome"], "unchanged");
    assert_eq!(lines[3]["problem"]["errors"][0]["pointer"], "/command");
    assert_eq!(lines[4]["problem"]["errors"][0]["pointer"], "/data/name");
    assert_eq!(service.size().await, size + 2);
}

#[tokio::test]
async fn a_list_sent_again_under_its_key_happens_once() {
    let service = Service::start().await;
    let key = service.coordination().await;
    for (mode, first) in [("?mode=each", "A"), ("?mode=all", "B")] {
        let headers = [("idempotency-key", first)];
        let list: Vec<Value> = (0..50).map(|n| line(&format!("{first}{n}"))).collect();
        let done = send(&service, mode, &key, &headers, text(&list)).await;
        let size = service.size().await;
        let again = send(&service, mode, &key, &headers, text(&list)).await;
        assert!(done.lines().iter().all(|line| line["outcome"] == "accepted"), "{mode}");
        assert!(again.lines().iter().all(|line| line["outcome"] == "replayed"), "{mode}");
        for (one, other) in done.lines().iter().zip(again.lines()) {
            assert_eq!(one["events"], other["events"]);
        }
        assert_eq!(service.size().await, size);
    }
}

#[tokio::test]
async fn lines_may_have_keys_and_versions_of_their_own() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let mut create = line("S1");
    create["idempotency_key"] = json!("one");
    create["if_none_match"] = json!("*");
    let mut change =
        json!({"command": "change-school-form", "data": {"school": "S1", "form": "GMS"}, "if_match": "\"v1\""});
    let list = [create.clone(), change.clone(), create];
    let reply = send(&service, "", &key, &[], text(&list)).await;
    assert_eq!(statuses(&reply), [(1, 201), (2, 201), (3, 200)]);
    assert_eq!(reply.lines()[2]["outcome"], "replayed");
    change["data"]["form"] = json!("GS");
    let mut wrong = change.clone();
    wrong["if_match"] = json!("v1");
    let mut bad_key = line("S2");
    bad_key["idempotency_key"] = json!("");
    let reply = send(&service, "", &key, &[], text(&[change, wrong, bad_key])).await;
    assert_eq!(statuses(&reply), [(1, 412), (2, 422), (3, 422)]);
    assert_eq!(reply.lines()[0]["problem"]["current_version"], 2);
}

#[tokio::test]
async fn all_or_nothing_is_nothing_when_one_line_is_in_the_way() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    let mut invalid = line("S2");
    invalid["data"]["form"] = json!("XX");
    let refused = send(&service, "?mode=all", &key, &[], text(&[line("S1"), invalid, line("S3")])).await;
    assert_eq!(refused.status, 422);
    assert_eq!(statuses(&refused), [(1, 424), (2, 422), (3, 424)]);
    assert_eq!(refused.lines()[0]["problem"]["line"], 2);
    let unreadable = send(&service, "?mode=all", &key, &[], format!("{}\n{{\n", line("S1"))).await;
    assert_eq!((unreadable.status, statuses(&unreadable)), (400, vec![(1, 424), (2, 400)]));
    assert_eq!(service.size().await, size);
    let done = send(&service, "?mode=all", &key, &[], text(&[line("S1"), line("S2")])).await;
    assert_eq!((done.status, statuses(&done)), (200, vec![(1, 201), (2, 201)]));
    let mut keyed = line("S4");
    keyed["idempotency_key"] = json!("x");
    assert_eq!(send(&service, "?mode=all", &key, &[], text(&[keyed])).await.status, 422);
}

#[tokio::test]
async fn a_dry_run_of_a_list_does_nothing() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let size = service.size().await;
    for mode in ["each", "all"] {
        let reply =
            send(&service, &format!("?mode={mode}&dry_run=true"), &key, &[], text(&[line("S1"), line("S2")])).await;
        assert_eq!(statuses(&reply), [(1, 200), (2, 200)]);
        assert!(reply.lines().iter().all(|line| line["outcome"] == "would_accept"));
    }
    assert_eq!(service.size().await, size);
}

#[tokio::test]
async fn a_list_that_is_too_long_says_where_it_was_cut() {
    let settings = ApiSettings {
        bulk_each_lines: 3,
        bulk_each_bytes: 2_000,
        bulk_all_lines: 2,
        bulk_all_bytes: 500,
        command_bytes: 400,
        rate_limit: None,
        ..ApiSettings::default()
    };
    let service = Service::start_with(settings).await;
    let key = service.coordination().await;
    let lines: Vec<Value> = (1..=5).map(|n| line(&format!("S{n}"))).collect();
    let cut = send(&service, "", &key, &[], text(&lines)).await;
    assert_eq!(statuses(&cut), [(1, 201), (2, 201), (3, 201), (4, 413)]);
    send(&service, "?mode=all", &key, &[], text(&lines[..3])).await.is_problem(413, "too-large");
    send(&service, "?mode=all", &key, &[], " ".repeat(501)).await.is_problem(413, "too-large");
    let long = format!("{}\n{}\n{}\n", line("S6"), format_args!("{{\"command\":\"{}\"}}", "x".repeat(500)), line("S7"));
    assert_eq!(statuses(&send(&service, "", &key, &[], long).await), [(1, 201), (2, 413), (3, 201)]);
    // Broken into frames, so that the long line is never in the buffer as a whole.
    let frames: Vec<Result<String, std::io::Error>> = vec![
        Ok(line("S8").to_string() + "\n{\""),
        Ok("y".repeat(300)),
        Ok("y".repeat(300)),
        Ok(format!("\n{}", line("S9"))),
    ];
    let stream = Body::from_stream(futures_util::stream::iter(frames));
    assert_eq!(statuses(&send(&service, "", &key, &[], stream).await), [(1, 201), (2, 413), (3, 201)]);
    let many = format!("{}\n{}", line("S10"), " ".repeat(2_000));
    let many = send(&service, "", &key, &[], many).await;
    assert_eq!(many.lines().last().unwrap()["status"], 413);
}

#[tokio::test]
async fn keys_are_not_issued_in_lists() {
    let service = Service::start().await;
    let administrator = service.key(Role::Administrator, Scope::State {}).await;
    let issue = json!({"command": "issue-api-key", "data": {}});
    let reply = send(&service, "", &administrator, &[], text(&[issue])).await;
    assert_eq!(reply.lines()[0]["problem"]["errors"][0]["rule"], "BUL-02");
}

#[tokio::test]
async fn whoever_loses_the_key_inside_a_long_list_gets_no_further() {
    let service = Service::start().await;
    let grants = [Grant { role: Role::CoordinationOffice, scope: Scope::State {}, until: None }];
    let (principal, key) = service.key_of(&grants).await;
    let (lines, body) = tokio::sync::mpsc::channel::<Result<String, std::io::Error>>(1);
    let body =
        Body::from_stream(futures_util::stream::unfold(
            body,
            |mut body| async move { Some((body.recv().await?, body)) },
        ));
    let writing = async {
        let mut heads = service.api.log.heads();
        let target = service.size().await;
        lines.send(Ok(text(&[line("S1")]))).await.unwrap();
        // The first line is done when its event is there.
        let _ = heads.wait_for(|head| *head > target).await;
        service.console(Access::RevokeApiKey { principal, key: key_id(&service, principal).await }).await;
        lines.send(Ok(text(&[line("S2")]))).await.unwrap();
        drop(lines);
    };
    let (reply, ()) = tokio::join!(send(&service, "", &key, &[], body), writing);
    assert_eq!(statuses(&reply), [(1, 201), (2, 401)]);
}

async fn key_id(service: &Service, principal: sfs_domain::PrincipalId) -> sfs_domain::ClientKey {
    let state = service.api.handler.state(&sfs_domain::principal::stream(&principal)).await.unwrap();
    match &*state.state {
        sfs_domain::State::Principal(state) => state.keys()[0].key,
        _ => unreachable!(),
    }
}

#[tokio::test]
async fn ten_thousand_lines_are_answered_in_order() {
    let service = Service::start().await;
    let key = service.coordination().await;
    let lines: Vec<Value> = (0..10_000).map(|n| line(&format!("S{n}"))).collect();
    let reply = send(&service, "", &key, &[], text(&lines)).await;
    let answers = reply.lines();
    assert_eq!(answers.len(), 10_000);
    for (n, answer) in answers.iter().enumerate() {
        assert_eq!((&answer["line"], &answer["status"]), (&json!(n + 1), &json!(201)), "{answer}");
        assert_eq!(answer["stream"], format!("school/S{n}"));
    }
}

#[tokio::test]
async fn the_list_itself_is_checked_like_a_command() {
    let service = Service::start().await;
    let key = service.coordination().await;
    send(&service, "", "", &[], "").await.is_problem(401, "unauthorised");
    send(&service, "?mode=some", &key, &[], "").await.is_problem(400, "parameter");
    send(&service, "", &key, &[("idempotency-key", "a b")], "").await.is_problem(400, "parameter");
    let request = Service::request(Method::POST, "/v1/commands:bulk", &key).header("content-type", "application/json");
    service.send(request.body(Body::empty()).unwrap()).await.is_problem(415, "media-type");
    let nothing = send(&service, "", &key, &[], "\n \n").await;
    assert_eq!((nothing.status, nothing.bytes.len()), (200, 0));
    let not_text = send(&service, "", &key, &[], vec![b'{', 0xff, b'}']).await;
    assert_eq!(statuses(&not_text), [(1, 400)]);
}
