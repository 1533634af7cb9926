//! What was signed is held against the log at every start: a log that was restored, cut or exchanged is
//! not served, and the message says what was found and what to do (cases 7 to 9 of `audit.md` 6).

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

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

/// Whether OpenSSL finds the note signed by the key that `sfs key new` printed.
fn openssl_verifies(directory: &Path, note: &str, verifier: &str) -> bool {
    let (text, signatures) = note.split_once("\n\n").expect("a signed note");
    let signature = BASE64_STANDARD.decode(signatures.trim().rsplit(' ').next().unwrap()).unwrap();
    // Name, key id and key; base64 may have a plus of its own.
    let parts: Vec<&str> = verifier.trim().splitn(3, '+').collect();
    let key = BASE64_STANDARD.decode(parts[2]).unwrap();
    let (key_id, signature) = signature.split_at(4);
    assert_eq!(u32::from_be_bytes(key_id.try_into().unwrap()), u32::from_str_radix(parts[1], 16).unwrap());
    // RFC 8410: an Ed25519 key as SubjectPublicKeyInfo.
    let mut der = vec![0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    der.extend_from_slice(&key[1..]);
    let file = |name: &str, bytes: &[u8]| {
        let path = directory.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let (der, text) = (file("key.der", &der), file("text", format!("{text}\n").as_bytes()));
    let signature = file("signature", signature);
    let mut openssl = Command::new("openssl");
    openssl.args(["pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey"]).arg(der);
    openssl.arg("-in").arg(text).arg("-sigfile").arg(signature);
    openssl.output().expect("openssl is needed").status.success()
}

#[test]
fn a_checkpoint_is_verified_by_a_program_that_is_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "CO");
    let verifier = run_well(&data, &["key", "new"]);
    let note = signed(&data);
    assert!(openssl_verifies(directory.path(), &note, &verifier), "{note}");
    let other = note.replacen("\n2\n", "\n3\n", 1);
    assert_ne!(other, note);
    assert!(!openssl_verifies(directory.path(), &other, &verifier), "another size is not what was signed");
}
