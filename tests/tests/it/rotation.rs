//! One key follows another (audit.md 2.5, case 40): the log says so, both sign, whoever knows one of them
//! accepts, and the old one goes only when its heir is named in what was signed.

use std::path::Path;
use std::process::Output;

use sfs_ledger::{SignedNote, VerifierKey};

use crate::support::process::{Server, exit, run, run_well, stderr, token, wait_for};
use crate::support::signer::Signer;

fn keys(printed: &str) -> Vec<VerifierKey> {
    printed.lines().map(|line| line.parse().unwrap()).collect()
}

/// The digits that `sfs key retire` takes.
fn digits(key: &VerifierKey) -> String {
    key.to_string().split('+').nth(1).unwrap().to_owned()
}

/// The checkpoint of so many events as soon as it is signed.
fn checkpoint(server: &Server, size: u64) -> SignedNote {
    let mut note = String::new();
    let signed = wait_for(|| {
        note = server.client("").get("/checkpoint").unwrap().text();
        note.lines().nth(1) == Some(&size.to_string())
    });
    assert!(signed, "{size} events are not signed: {note}; {}", server.said());
    SignedNote::parse(note.as_bytes()).unwrap()
}

fn assert_refused(output: &Output, words: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(exit::UNUSABLE), "{said}");
    assert!(said.contains(words), "it does not say `{words}`: {said}");
}

fn rotations(data: &Path) -> usize {
    run_well(data, &["events", "--type", "log.key-rotated.v1"]).lines().count()
}

#[test]
fn both_keys_sign_after_a_rotation_and_the_old_one_goes_when_that_is_signed() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "AD");
    assert_refused(&run(&data, &["key", "rotate"]), "there is no key");
    let old = keys(&run_well(&data, &["key", "new"])).remove(0);
    let server = Server::start(&data);
    let by_old = checkpoint(&server, 2);
    server.stop();
    assert_refused(&run(&data, &["key", "retire", &digits(&old)]), "is the only one");

    let both = keys(&run_well(&data, &["key", "rotate"]));

    assert_eq!((both.len(), &both[0], rotations(&data)), (2, &old, 1));
    let new = both[1].clone();
    assert_refused(&run(&data, &["key", "retire", &digits(&old)]), "is not covered by a signed checkpoint");
    let server = Server::start(&data);
    let by_both = checkpoint(&server, 3);
    assert_refused(&run(&data, &["key", "retire", &digits(&old)]), "another signer uses");
    server.stop();
    assert_refused(&run(&data, &["key", "retire", &digits(&new)]), "does not say which key follows");
    let only_new = std::slice::from_ref(&new);
    assert_eq!(keys(&run_well(&data, &["key", "retire", &digits(&old)])), only_new);
    token(&data, "CO");
    let server = Server::start(&data);
    let by_new = checkpoint(&server, 5);
    server.stop();
    for known in [std::slice::from_ref(&old), &both, only_new] {
        by_both.verify(known).unwrap();
    }
    by_old.verify(only_new).unwrap_err();
    by_new.verify(std::slice::from_ref(&old)).unwrap_err();
    by_new.verify(only_new).unwrap();
    run_well(&data, &["verify"]);
}

#[test]
fn a_rotation_that_was_cut_off_after_its_key_is_finished_by_the_next() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "AD");
    run_well(&data, &["key", "new"]);
    // The key is made and nothing is recorded, as if the process had been killed.
    let signer = data.join("signer");
    let both = keys(&run_well(&data, &["key", "--directory", signer.to_str().unwrap(), "rotate"]));
    assert_eq!((both.len(), rotations(&data)), (2, 0));
    assert_refused(&run(&data, &["key", "retire", &digits(&both[0])]), "does not say which key follows");
    let warned = |server: Server| {
        let said = server.said().contains("a key signs that the log does not name");
        server.stop();
        said
    };
    assert!(warned(Server::start(&data)), "whoever serves is told");
    assert_eq!(keys(&run_well(&data, &["key", "rotate"])), both);
    assert_eq!(rotations(&data), 1);
    assert!(!warned(Server::start(&data)));
    assert_eq!(keys(&run_well(&data, &["key", "rotate"])).len(), 3);
    assert_eq!(rotations(&data), 2);
}

#[test]
fn a_signer_of_its_own_gets_its_key_where_it_is_and_the_server_records_it() {
    let directory = tempfile::tempdir().unwrap();
    let (data, custody) = (directory.path().join("data"), directory.path().join("custody"));
    token(&data, "AD");
    let mut signer = Signer::with_new_key(&custody);
    let record = |signer: &Signer| signer.sfs(&data).args(["key", "rotate"]).output().unwrap();
    assert_refused(&record(&signer), "names all keys of the signer");
    let at_the_signer =
        |verb: &[&str]| run(&data, &[&["key", "--directory", custody.to_str().unwrap()], verb].concat());
    assert!(at_the_signer(&["rotate"]).status.success());
    signer.kill();
    signer = Signer::start(&custody);
    let recorded = record(&signer);
    assert!(recorded.status.success(), "{}", stderr(&recorded));
    let both = keys(&String::from_utf8(recorded.stdout).unwrap());
    assert_eq!((both.len(), rotations(&data)), (2, 1));
    let server = signer.serve(&data);
    checkpoint(&server, 3).verify(&both[1..]).unwrap();
    // The server goes on while the signer loses its old key.
    signer.stop();
    let left = at_the_signer(&["retire", &digits(&both[0])]);
    assert!(left.status.success(), "{}", stderr(&left));
    let signer = Signer::start(&custody);
    server.stop();
    let server = signer.serve(&data);
    let note = checkpoint(&server, 3);
    note.verify(&both[1..]).unwrap();
    server.stop();
}
