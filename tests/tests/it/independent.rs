//! The independent check: a Python script that shares no code with the product recomputes the log
//! and every figure, and must come to the same.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::process::{Server, run_well, stderr, token, wait_for};
use crate::support::workspace;

fn check(args: &[&str]) -> Output {
    let script = workspace().join("tests/check/check.py");
    Command::new("python3").arg("-B").arg(script).args(args).output().expect("python3 is needed")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &stderr(output)
}

/// Replaces a text in one line of an export.
fn changed(export: &str, line: usize, from: &str, to: &str) -> String {
    let lines: Vec<String> = export
        .lines()
        .enumerate()
        .map(|(number, text)| if number == line { text.replacen(from, to, 1) } else { text.to_owned() })
        .collect();
    let all = lines.join("\n") + "\n";
    assert_ne!(all, export, "nothing was changed");
    all
}

/// Closes the school that was worked at last, so that there is work at a school which no longer
/// exists when its year ends.
fn close_a_school(data: &Path, server: &Server, key: &str) {
    let export = run_well(data, &["events"]);
    let events: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let worked = |event: &&Value| event["type"] == "intervention.recorded.v1";
    let last = events.iter().rev().find(worked).expect("the simulation records interventions");
    let (school, day) = (&last["open"]["school"], &last["open"]["occurred_on"]);
    let stream = format!("school/{}", school.as_str().unwrap());
    let version = events.iter().filter(|event| event["stream"] == *stream).count();
    let body = json!({"occurred_on": day, "reason": "school_closed", "data": {"school": school}}).to_string();
    let if_match = format!("\"v{version}\"");
    let headers = [("Content-Type", "application/json"), ("If-Match", &*if_match)];
    let answer = server.client(key).request("POST", "/v1/commands/close-school", &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    let position = answer.json()["position"].as_u64().unwrap();
    let shown = wait_for(|| {
        let overview = server.client(key).get("/v1/overview").unwrap();
        overview.json()["position"].as_u64() >= Some(position)
    });
    assert!(shown, "the read models do not get to position {position}");
}

#[test]
fn log_and_figures_are_what_an_independent_script_computes() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    run_well(&data, &["simulate", "--schools", "12", "--seed", "7"]);
    let key = token(&data, "GA");
    let server = Server::start(&data);
    server.wait_ready();
    close_a_school(&data, &server, &key);
    let export = run_well(&data, &["events", "--leaves"]);
    let path = directory.path().join("events.ndjson");
    let write = |path: &Path, text: &str| std::fs::write(path, text).unwrap();
    write(&path, &export);
    let verified: Value = serde_json::from_str(&run_well(&data, &["--json", "verify"])).unwrap();
    let root = verified["root"].as_str().unwrap();
    let url = format!("http://{}", server.address);
    let file = path.to_str().unwrap();

    let output = check(&[file, "--root", root, "--url", &url, "--key", &key]);
    assert!(output.status.success(), "{}", said(&output));
    println!("{}", said(&output));

    // The test of the test: an event that the sums leave out is missed, in every read model.
    for (event_type, model) in [
        ("school.registered.v1", "M01"),
        ("school.registered.v1", "M02"),
        ("staff.assigned.v1", "M03"),
        ("intervention.recorded.v1", "M04"),
        ("training.offered.v1", "M14"),
    ] {
        let output =
            check(&[file, "--url", &url, "--key", &key, "--forget", event_type, "--only", model, "--positions", "1"]);
        assert_eq!(output.status.code(), Some(1), "{event_type} in {model}: {}", said(&output));
        assert!(said(&output).contains(model), "{}", said(&output));
    }
    // … and so is a change of the log, wherever it is made.
    let middle = export.lines().count() / 2;
    for (from, to, finding) in [
        ("\"occurred_on\":\"20", "\"occurred_on\":\"19", "digest of the open body"),
        ("\\\"role\\\":\\\"", "\\\"role\\\":\\\"X", "leaf hash"),
        ("\"version\":", "\"version\":1", "stream version"),
    ] {
        write(&path, &changed(&export, middle, from, to));
        let output = check(&[file]);
        assert_eq!(output.status.code(), Some(1), "{finding}: {}", said(&output));
        assert!(said(&output).contains(finding), "{finding}: {}", said(&output));
    }
    let without_last: Vec<&str> = export.lines().take(export.lines().count() - 1).collect();
    write(&path, &(without_last.join("\n") + "\n"));
    let output = check(&[file, "--root", root]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("states the root"), "{}", said(&output));
    server.stop();
}
