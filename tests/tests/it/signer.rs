//! The signer as a process of its own beside the server (audit.md 2.3, 2.8): the log goes on without it,
//! and it believes nobody.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::book::{Meant, Sent};
use crate::support::process::{Server, exit, run_well, stderr, token, wait_for};
use crate::support::signer::Signer;

fn checkpoint_size(server: &Server) -> u64 {
    let answer = server.client("").get("/checkpoint").unwrap();
    if answer.status != 200 {
        return 0;
    }
    answer.text().lines().nth(1).unwrap().parse().unwrap()
}

fn wait_signed(server: &Server, size: u64) {
    assert!(wait_for(|| checkpoint_size(server) == size), "{} events are not signed: {}", size, server.said());
}

/// What `/readyz` says of the signer; the server is ready.
fn signer_as_told(server: &Server) -> String {
    let answer = server.client("").get("/readyz").unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body: Value = serde_json::from_str(&answer.text()).unwrap();
    body["signer"].as_str().unwrap_or_default().to_owned()
}

/// The figure of that name in `/metrics`.
fn figure(server: &Server, key: &str, name: &str) -> f64 {
    let text = server.client(key).get("/metrics").unwrap().text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

fn register(server: &Server, key: &str, school: &str) {
    let mut sent = Sent::school(school, school, Meant::Accepted);
    assert!(sent.send(&mut server.client(key)));
    assert_eq!(sent.answer.unwrap().status, 201, "the log goes on");
}

struct Given {
    directory: tempfile::TempDir,
    key: String,
}

impl Given {
    /// A log of two events that nobody signs yet.
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = token(&directory.path().join("data"), "CO");
        Self { directory, key }
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    fn signer_directory(&self) -> std::path::PathBuf {
        self.directory.path().join("signer")
    }
}

#[test]
fn a_signer_of_its_own_signs_and_the_server_has_no_key() {
    let given = Given::new();
    let signer = Signer::with_new_key(&given.signer_directory());
    let server = signer.serve(&given.data());
    wait_signed(&server, 2);
    assert_eq!(signer_as_told(&server), "signs");
    assert!(!given.data().join("signer").exists());
    server.stop();
    let output = signer.sfs(&given.data()).args(["key", "show"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let directory = given.signer_directory();
    let own = run_well(&given.data(), &["key", "--directory", directory.to_str().unwrap(), "show"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), own);
    signer.stop();
    assert!(!directory.join("socket").exists(), "the socket is taken away");
}

#[test]
fn the_log_goes_on_without_its_signer_and_is_signed_when_that_is_back() {
    let given = Given::new();
    let operator = token(&given.data(), "AD");
    let mut signer = Signer::with_new_key(&given.signer_directory());
    let server = signer.serve(&given.data());
    wait_signed(&server, 4);
    for round in 0..2 {
        signer.kill();
        for school in 0..3 {
            register(&server, &given.key, &format!("R{round}S{school}"));
        }
        assert!(wait_for(|| signer_as_told(&server) == "away"));
        assert_eq!(checkpoint_size(&server), 4 + 3 * round, "nothing was signed");
        let figures = |names: [&str; 3]| names.map(|name| figure(&server, &operator, name));
        let names = ["sfs_signer_up", "sfs_checkpoint_size", "sfs_log_head_position"];
        assert_eq!(figures(names), [0.0, (4 + 3 * round) as f64, (7 + 3 * round) as f64]);
        signer = Signer::start(&given.signer_directory());
        wait_signed(&server, 4 + 3 * (round + 1));
        assert!(wait_for(|| signer_as_told(&server) == "signs"));
        assert_eq!(figures(names), [1.0, (7 + 3 * round) as f64, (7 + 3 * round) as f64]);
    }
    let told = server.said().matches("no checkpoint was signed").count();
    assert_eq!(told, 2, "once for each time that it was away: {}", server.said());
    server.stop();
}

#[test]
fn without_the_signer_that_is_configured_nothing_appends() {
    let given = Given::new();
    let signer = Signer::with_new_key(&given.signer_directory());
    signer.serve(&given.data()).stop();
    let verbs: [&[&str]; 4] = [
        &["serve", "--listen", "127.0.0.1:0"],
        &["token", "--role", "CO"],
        &["simulate", "--schools", "1"],
        &["rebuild"],
    ];
    let mut commands: Vec<_> = verbs.iter().map(|verb| (verb, signer.sfs(&given.data()))).collect();
    signer.stop();
    for (verb, command) in &mut commands {
        let output = command.args(**verb).output().unwrap();
        assert_eq!(output.status.code(), Some(exit::UNUSABLE), "{verb:?}: {}", stderr(&output));
        assert!(stderr(&output).contains("does not answer"), "{}", stderr(&output));
    }
}

#[test]
fn a_fork_is_refused_by_the_signer_whoever_asks() {
    let given = Given::new();
    let signer = Signer::with_new_key(&given.signer_directory());
    let server = signer.serve(&given.data());
    wait_signed(&server, 2);
    let last = signer.ask(r#"{"ask":"last"}"#);
    let note = server.client("").get("/checkpoint").unwrap().text();
    let lines: Vec<&str> = note.lines().take(3).collect();
    let ask = |size: &str, root: &str| {
        let checkpoint = format!("{}\n{size}\n{root}\n", lines[0]);
        signer.ask(&json!({"ask": "sign", "checkpoint": checkpoint, "proof": []}).to_string())
    };
    let other = "A".repeat(43) + "=";
    for (size, root) in [("2", &*other), ("3", &*other), ("1", lines[2]), ("3", lines[2])] {
        let answer = ask(size, root);
        assert!(answer.starts_with("{\"answer\":\"refused\""), "{size}: {answer}");
    }
    assert!(ask(lines[1], lines[2]).starts_with("{\"answer\":\"signed\""), "the same again is no fork");
    assert_eq!(signer.ask(r#"{"ask":"last"}"#), last, "nothing of it was remembered");
    server.stop();
    // The same through the front door: another log under the same name.
    let other = given.directory.path().join("other");
    token(&other, "AD");
    let output = signer.sfs(&other).args(["token", "--role", "CO"]).output().unwrap();
    assert_not_as_signed(&output, &["the first 2 events", "changed or is another one"]);
}

fn assert_not_as_signed(output: &std::process::Output, words: &[&str]) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(exit::INVALID), "{said}");
    for word in words {
        assert!(said.contains(word), "it does not say `{word}`: {said}");
    }
}

fn copy_log(from: &Path, to: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(to.with_extension(format!("db{suffix}")));
    }
    std::fs::copy(from, to).unwrap();
}

#[test]
fn no_verb_appends_to_a_log_that_is_not_what_was_signed() {
    let given = Given::new();
    let (data, older) = (given.data(), given.directory.path().join("older.db"));
    std::fs::copy(data.join("log.db"), &older).unwrap();
    token(&data, "CO");
    let newest = given.directory.path().join("newest.db");
    std::fs::copy(data.join("log.db"), &newest).unwrap();
    run_well(&data, &["key", "new"]);
    let server = Server::start(&data);
    wait_signed(&server, 4);
    server.stop();
    let template = run_well(&data, &["import", "schools", "--template"]);
    let table = given.directory.path().join("schools.csv");
    std::fs::write(&table, template).unwrap();
    let verbs: [&[&str]; 5] = [
        &["serve", "--listen", "127.0.0.1:0"],
        &["token", "--role", "CO"],
        &["import", "schools", table.to_str().unwrap()],
        &["simulate", "--schools", "1"],
        &["rebuild"],
    ];

    copy_log(&older, &data.join("log.db"));

    for verb in verbs {
        let output = crate::support::process::run(&data, verb);
        assert_not_as_signed(&output, &["has 2 events", "4 events was signed", "Restore the newest backup"]);
    }
    copy_log(&newest, &data.join("log.db"));
    token(&data, "CO");
}

#[test]
fn a_log_that_was_set_back_and_went_on_elsewhere_is_not_appended_to() {
    let given = Given::new();
    let (data, elsewhere) = (given.data(), given.directory.path().join("elsewhere"));
    std::fs::create_dir(&elsewhere).unwrap();
    for store in ["log.db", "keys.db", "ops.db", "kek"] {
        std::fs::copy(data.join(store), elsewhere.join(store)).unwrap();
    }
    token(&data, "CO");
    run_well(&data, &["key", "new"]);
    let server = Server::start(&data);
    wait_signed(&server, 4);
    server.stop();
    // Yesterday's log goes on where nobody asks the signer, until it is longer than what was signed.
    for _ in 0..2 {
        token(&elsewhere, "AD");
    }
    copy_log(&elsewhere.join("log.db"), &data.join("log.db"));
    for verb in [&["token", "--role", "CO"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let output = crate::support::process::run(&data, verb);
        assert_not_as_signed(&output, &["the first 4 events", "changed or is another one", "find out who had access"]);
    }
}
