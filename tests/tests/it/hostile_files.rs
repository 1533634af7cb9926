//! Files that are not what they should be: truncated, of another program, without their content.
//! The program says which and why, does not start, and changes none of them. Read models are made
//! anew instead: they hold nothing of their own.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::support::process::{Server, exit, run, stderr, token};
use crate::support::{files, fingerprint, inject};

/// A data directory with a few events, made once and copied for each case.
fn original() -> &'static (TempDir, String) {
    static ORIGINAL: OnceLock<(TempDir, String)> = OnceLock::new();
    ORIGINAL.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let key = token(directory.path(), "CO");
        let server = Server::start(directory.path());
        server.wait_ready();
        let mut client = server.client(&key);
        for number in 0..50 {
            let school = format!("S-{number}");
            let mut sent = crate::support::book::Sent::school(&school, &school, crate::support::book::Meant::Accepted);
            assert!(sent.send(&mut client) && sent.answer.unwrap().status == 201);
        }
        server.stop();
        inject::settle(directory.path());
        (directory, key)
    })
}

fn copy() -> TempDir {
    let (original, _) = original();
    let copy = tempfile::tempdir().unwrap();
    for file in files(original.path()) {
        let to = copy.path().join(file.strip_prefix(original.path()).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
    copy
}

/// What is done to a file.
type Harm = fn(&Path);

fn cut_at(path: &Path, numerator: u64, denominator: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length * numerator / denominator).unwrap();
}

const HARMS: &[(&str, Harm)] = &[
    ("empty", |path| std::fs::write(path, "").unwrap()),
    ("a text", |path| std::fs::write(path, "not a database\n".repeat(1_000)).unwrap()),
    ("another program's database", inject::foreign_database),
    ("cut off after two thirds", |path| cut_at(path, 2, 3)),
    ("cut off within its first page", |path| cut_at(path, 1, 200)),
];

/// How a server that must not start ends, and what it says.
fn refusal(data: &Path) -> (Option<i32>, String) {
    match Server::try_start(data, |_| {}) {
        Ok(_) => (None, "it serves".to_owned()),
        Err((status, said)) => (status.code(), said),
    }
}

fn assert_refused_untouched(name: &str) {
    let mut findings = Vec::new();
    for (harm, harmed) in HARMS {
        let directory = copy();
        let path = directory.path().join(name);
        harmed(&path);
        let before = fingerprint(directory.path());
        let (code, said) = refusal(directory.path());
        let mut expect = |is_so: bool, what: &str| {
            if !is_so {
                findings.push(format!("{name} is {harm}: {what}: {code:?} {said}"));
            }
        };
        expect(code == Some(exit::UNUSABLE), "it is not refused");
        expect(said.contains(&*path.to_string_lossy()), "the message does not name it");
        expect(!said.contains("panicked"), "the program has a defect");
        expect(fingerprint(directory.path()) == before, "something was changed");
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn a_log_that_is_none_or_not_whole_is_refused_and_left_as_it_is() {
    assert_refused_untouched("log.db");
}

#[test]
fn an_operational_store_that_is_none_or_not_whole_is_refused_and_left_as_it_is() {
    assert_refused_untouched("ops.db");
}

#[test]
fn a_log_whose_last_event_was_changed_is_refused() {
    let directory = copy();
    inject::change_last_leaf(directory.path());
    let before = fingerprint(directory.path());
    let (code, said) = refusal(directory.path());
    assert_eq!(code, Some(exit::UNUSABLE), "{said}");
    assert!(said.contains("damaged") && said.contains("hash"), "{said}");
    assert_eq!(run(directory.path(), &["verify"]).status.code(), Some(exit::INVALID));
    assert_eq!(fingerprint(directory.path()), before);
}

#[test]
fn a_log_that_was_changed_further_back_is_found_by_verify() {
    let directory = copy();
    inject::change_leaf(directory.path(), 7);
    let output = run(directory.path(), &["--json", "verify"]);
    assert_eq!(output.status.code(), Some(exit::INVALID), "{}", stderr(&output));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let at = |position: u64| answer["findings"].as_array().unwrap().iter().any(|found| found["position"] == position);
    assert!(at(7), "{answer}");
}

fn read_files(data: &Path) -> Vec<PathBuf> {
    files(&data.join("read")).into_iter().filter(|path| path.extension().is_some_and(|end| end == "db")).collect()
}

#[test]
fn read_models_that_are_none_or_not_whole_are_made_anew() {
    let (_, key) = original();
    for (harm, harmed) in HARMS {
        let directory = copy();
        let files = read_files(directory.path());
        assert!(!files.is_empty(), "there are no read models to harm");
        for path in &files {
            harmed(path);
        }
        let server = Server::start(directory.path());
        server.wait_ready();
        let overview = server.client(key).get("/v1/overview").unwrap();
        assert_eq!(overview.status, 200, "read models are {harm}: {}", overview.text());
        server.stop();
        let output = run(directory.path(), &["verify"]);
        assert_eq!(output.status.code(), Some(exit::OK), "read models are {harm}: {}", stderr(&output));
    }
}

#[test]
fn a_store_that_is_gone_is_not_silently_begun_anew() {
    // Without the log there is nothing; without the operational store keys and the secrets that
    // make a repeated command known are lost.
    let mut findings = Vec::new();
    for name in ["log.db", "ops.db"] {
        let directory = copy();
        std::fs::remove_file(directory.path().join(name)).unwrap();
        let before = fingerprint(directory.path());
        let (code, said) = refusal(directory.path());
        if code != Some(exit::UNUSABLE) || !said.contains(name) {
            findings.push(format!("without {name}: {code:?} {said}"));
        }
        if fingerprint(directory.path()) != before {
            findings.push(format!("without {name}: something was changed"));
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}
