//! What was signed is held against the log at every start: a log that was restored, cut or exchanged is
//! not served, and the message says what was found and what to do (cases 7 to 9 of `audit.md` 6).

use std::path::Path;

use crate::support::process::{Server, exit, run_well, token};

fn replace_log(data: &Path, by: &Path) {
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("log.db{suffix}")));
    }
    std::fs::copy(by, data.join("log.db")).unwrap();
}

/// Serves once, so that what the log has is signed; answers the checkpoint.
fn signed(data: &Path) -> String {
    let server = Server::start(data);
    server.wait_ready();
    let mut client = server.client("");
    let checkpoint = crate::support::process::wait_for(|| client.get("/checkpoint").unwrap().status == 200);
    assert!(checkpoint, "nothing is signed: {}", server.said());
    let note = client.get("/checkpoint").unwrap().text();
    server.stop();
    note
}

fn assert_not_served(data: &Path, words: &[&str]) {
    match Server::try_start(data, |_| {}) {
        Ok(_) => panic!("a log that is not what was signed is served"),
        Err((status, said)) => {
            assert_eq!(status.code(), Some(exit::INVALID), "{said}");
            for word in words {
                assert!(said.contains(word), "it does not say `{word}`: {said}");
            }
        }
    }
}

#[test]
fn a_log_that_was_restored_from_an_older_backup_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let (data, backup) = (directory.path().join("data"), directory.path().join("backup.db"));
    token(&data, "CO");
    std::fs::copy(data.join("log.db"), &backup).unwrap();
    token(&data, "CO");
    let newest = directory.path().join("newest.db");
    std::fs::copy(data.join("log.db"), &newest).unwrap();
    run_well(&data, &["key", "new"]);
    let note = signed(&data);
    assert_eq!(note.lines().nth(1), Some("4"), "{note}");
    replace_log(&data, &backup);
    assert_not_served(&data, &["has 2 events", "4 events was signed", "Restore the newest backup"]);
    replace_log(&data, &newest);
    assert_eq!(signed(&data), note, "the log that was signed is served again, and nothing else is signed");
}

#[test]
fn a_log_that_was_exchanged_is_not_served() {
    let directory = tempfile::tempdir().unwrap();
    let (data, other) = (directory.path().join("data"), directory.path().join("other"));
    for data in [&data, &other] {
        token(data, "CO");
    }
    run_well(&data, &["key", "new"]);
    signed(&data);
    token(&other, "CO");
    replace_log(&data, &other.join("log.db"));
    assert_not_served(&data, &["the first 2 events", "was signed", "changed or is another one"]);
}

#[test]
fn without_a_key_nothing_is_signed_and_everything_else_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "CO");
    let server = Server::start(&data);
    server.wait_ready();
    assert_eq!(server.client("").get("/checkpoint").unwrap().status, 404);
    server.stop();
}
