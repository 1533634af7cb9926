//! A hostile place to live: no room on the disk, no right to write, a second process on the same
//! data, events that a newer program wrote. Each has a clear message and a documented exit code,
//! damages nothing, and what can still be answered is answered.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::book::{Book, Meant, Sent};
use crate::support::disk::Disk;
use crate::support::http::{Answer, Client};
use crate::support::process::{Server, exit, run, run_well, stderr, token, wait_for};
use crate::support::{fingerprint, inject};

/// A new data directory with a key for the coordination office.
fn installation(data: &Path) -> String {
    token(data, "CO")
}

fn send(client: &mut Client, mut sent: Sent) -> (Sent, Answer) {
    assert!(sent.send(client), "no answer to `{}`", sent.name);
    let answer = sent.answer.clone().unwrap();
    (sent, answer)
}

fn register(client: &mut Client, school: &str) -> Answer {
    send(client, Sent::school(school, school, Meant::Accepted)).1
}

/// The name of the problem that an answer states.
fn problem(answer: &Answer) -> String {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.text());
    answer.json()["type"].as_str().unwrap().trim_start_matches("/problems/").to_owned()
}

/// A verb that must refuse with that exit code and say something with those words.
fn assert_refused(data: &Path, args: &[&str], code: i32, words: &[&str]) {
    let output = run(data, args);
    assert_refusal(&format!("sfs {args:?}"), output.status.code(), &stderr(&output), code, words);
}

/// A server that must not start.
fn assert_not_served(data: &Path, change: impl FnOnce(&mut Command), code: i32, words: &[&str]) {
    match Server::try_start(data, change) {
        Ok(_) => panic!("sfs serve was to be refused, and it serves"),
        Err((status, said)) => assert_refusal("sfs serve", status.code(), &said, code, words),
    }
}

fn assert_refusal(what: &str, ended: Option<i32>, said: &str, code: i32, words: &[&str]) {
    assert_eq!(ended, Some(code), "{what} said: {said}");
    for word in words {
        assert!(said.contains(word), "{what} does not say `{word}`: {said}");
    }
    assert!(!said.contains("panicked"), "{what} said: {said}");
}

#[test]
fn a_full_disk_is_answered_with_a_problem_until_there_is_room_again() {
    let disk = Disk::new();
    let data = disk.data();
    let key = installation(&data);
    let mut book = Book::of(&data);
    let server = Server::start_with(&data, |command| disk.prepare(command));
    server.wait_ready();
    let mut client = server.client(&key);
    let (first, answer) = send(&mut client, Sent::school("first", "first", Meant::Accepted));
    let command = answer.json()["command_id"].as_str().unwrap().to_owned();
    book.take(vec![first]);

    disk.fill();
    let mut refused = None;
    for number in 0..10_000 {
        let name = format!("full-{number}");
        let (mut sent, answer) = send(&mut client, Sent::school(&name, &name, Meant::Accepted));
        match answer.status {
            201 => book.take(vec![sent]),
            503 => {
                assert!(["storage", "outcome-unknown"].contains(&&*problem(&answer)), "{}", answer.text());
                // Whoever got no promise sends it again.
                sent.answer = None;
                book.take(vec![sent.clone()]);
                refused = Some((sent, answer));
                break;
            }
            status => panic!("on a full disk a command is answered {status}: {}", answer.text()),
        }
    }
    let (mut sent, answer) = refused.expect("the disk was never full");
    assert!(answer.header("retry-after").is_some(), "{:?}", answer.headers);
    // What can be read is still read.
    assert_eq!(client.get(&format!("/v1/commands/{command}")).unwrap().status, 200);
    assert_eq!(client.get("/healthz").unwrap().status, 200);
    assert_eq!(client.get("/v1/overview").unwrap().status, 200);

    disk.free();
    let accepted = wait_for(|| {
        assert!(sent.send(&mut client), "no answer after there was room again");
        let status = sent.answer.as_ref().unwrap().status;
        assert!([200, 201, 503].contains(&status), "{}", sent.answer.as_ref().unwrap().text());
        status != 503
    });
    assert!(accepted, "it does not go on: {}", server.said());
    assert_eq!(register(&mut client, "after").status, 201);
    server.wait_ready();
    book.resend(&mut client);
    book.ask(&mut client);
    server.stop();
    book.check(&data);
    assert_eq!(book.take_findings(), Vec::<String>::new());
}

#[test]
fn a_directory_that_cannot_be_written_to_is_refused() {
    let disk = Disk::new();
    let data = disk.data();
    installation(&data);
    let before = fingerprint(&data);
    disk.make_read_only();
    let words = ["cannot be written to", &*data.to_string_lossy()];
    assert_not_served(&data, |_| {}, exit::UNUSABLE, &words);
    for args in [&["token", "--role", "CO"][..], &["rebuild"]] {
        assert_refused(&data, args, exit::UNUSABLE, &words);
    }
    assert_eq!(fingerprint(&data), before);
}

#[test]
fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let key = installation(&data);
    let server = Server::start(&data);
    server.wait_ready();
    let mut client = server.client(&key);
    let words = ["another process", &*data.to_string_lossy()];
    assert_not_served(&data, |_| {}, exit::UNUSABLE, &words);
    for args in
        [&["rebuild"][..], &["token", "--role", "CO"], &["simulate", "--schools", "1"], &["demo", "--prepare-only"]]
    {
        assert_refused(&data, args, exit::UNUSABLE, &words);
    }
    assert_eq!(register(&mut client, "still-there").status, 201);
    // Reading beside it is allowed.
    assert!(run_well(&data, &["events"]).contains("school/still-there"));
    server.stop();
    assert_eq!(run(&data, &["verify"]).status.code(), Some(exit::OK));
}

#[test]
fn a_log_of_a_higher_level_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    installation(&data);
    inject::raise_level(&data);
    let before = fingerprint(&data);
    let words = ["level", "newer"];
    assert_not_served(&data, |_| {}, exit::UNUSABLE, &words);
    for args in [&["rebuild"][..], &["token", "--role", "CO"]] {
        assert_refused(&data, args, exit::UNUSABLE, &words);
    }
    assert_eq!(fingerprint(&data), before);
}

#[test]
fn a_log_of_another_installation_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    installation(&data);
    let before = fingerprint(&data);
    let elsewhere = |command: &mut Command| {
        command.env("SFS_ORIGIN", "elsewhere/log/1");
    };
    assert_not_served(&data, elsewhere, exit::UNUSABLE, &["elsewhere/log/1"]);
    assert_eq!(fingerprint(&data), before);
}

#[test]
fn a_type_that_the_program_does_not_know_stops_who_reads_it_and_nobody_else() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let key = installation(&data);
    let server = Server::start(&data);
    server.wait_ready();
    assert_eq!(register(&mut server.client(&key), "old").status, 201);
    server.stop();
    let position = inject::unknown_type(&data, "school/old");

    let server = Server::start(&data);
    let mut client = server.client(&key);
    // Who reads everything stands before it, and says so.
    let mut anyone = Client::new(&server.address, None);
    let stands = wait_for(|| {
        let overview = client.get("/v1/overview").unwrap();
        overview.status == 503 || overview.json()["position"].as_u64() == Some(position - 1)
    });
    assert!(stands, "the read models do not stop before position {position}");
    let overview = client.get("/v1/overview").unwrap();
    match overview.status {
        200 => assert_eq!(overview.json()["complete"], Value::Bool(false), "{}", overview.text()),
        503 => assert_eq!(problem(&overview), "read-model-halted"),
        status => panic!("{status}: {}", overview.text()),
    }
    let red = wait_for(|| anyone.get("/readyz").unwrap().status == 503);
    assert!(red, "readiness does not turn red");
    assert!(anyone.get("/readyz").unwrap().text().contains(&position.to_string()), "readiness does not say where");
    assert_eq!(anyone.get("/healthz").unwrap().status, 200);
    // A command on that stream has nothing to stand on; any other is done.
    let answer = send(&mut client, Sent::pupils("old-pupils", "old")).1;
    assert_eq!((answer.status, problem(&answer).as_str()), (503, "log-unreadable"));
    assert_eq!(register(&mut client, "new").status, 201);
    server.stop();
    // The log itself is whole.
    let output = run(&data, &["verify", "--log-only"]);
    assert_eq!(output.status.code(), Some(exit::OK), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(run_well(&data, &["events"]).contains(inject::UNKNOWN_TYPE));
}
