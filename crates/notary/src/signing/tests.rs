//! Given a signer behind a socket, when it is asked rightly, wrongly or not at all, then.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::thread::JoinHandle;

use sfs_ledger::{consistency_proof, leaf_hash, tile_root};
use tempfile::TempDir;

use super::*;
use crate::keyring::KeyRing;
use crate::service::{ServiceError, SignerService};

const ORIGIN: &str = "sfs.example/log";

fn leaves(seed: u8) -> Vec<Hash> {
    (0..40).map(|leaf| leaf_hash(&[seed, leaf])).collect()
}

fn checkpoint(leaves: &[Hash], size: usize) -> Checkpoint {
    Checkpoint::new(ORIGIN, size as u64, tile_root(&leaves[..size])).unwrap()
}

/// A signer at its socket, in a thread that ends with the test program.
struct Given {
    directory: TempDir,
    _thread: JoinHandle<ServiceError>,
}

impl Given {
    fn new(mode: u32) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        let signer = Signer::create(&state, directory.path(), ORIGIN, &[7; 32]).unwrap();
        let service = SignerService::bind(signer, &directory.path().join("socket"), mode).unwrap();
        Self { directory, _thread: std::thread::spawn(|| service.run()) }
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("socket")
    }

    fn signing(&self) -> Signing {
        Signing::There(self.socket())
    }

    /// What is answered to these bytes.
    fn answer_to(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.socket()).unwrap();
        // Whoever is not listened to to the end gets an error; the answer is what counts.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        answer
    }
}

#[test]
fn a_signer_behind_a_socket_signs_what_continues_and_refuses_a_fork() {
    let given = Given::new(0o600);
    let (mut signing, leaves) = (given.signing(), leaves(1));
    let keys = signing.verifiers().unwrap();
    assert_eq!(keys, KeyRing::open(given.directory.path()).unwrap().verifiers());
    assert_eq!(signing.last().unwrap().note, None);

    let note = signing.sign(&checkpoint(&leaves, 20), &[]).unwrap();

    assert_eq!(note.verify(&keys).unwrap().text, checkpoint(&leaves, 20).to_string());
    let last = signing.last().unwrap();
    assert_eq!((last.checkpoint, last.note), (checkpoint(&leaves, 20), Some(note.clone())));
    let proof = consistency_proof(&leaves[..30], 20).unwrap();
    for (size, leaves, proof) in
        [(20, self::leaves(2), vec![]), (30, self::leaves(2), proof.clone()), (10, self::leaves(1), vec![])]
    {
        let refused = signing.sign(&checkpoint(&leaves, size), &proof);
        assert!(matches!(refused, Err(SigningError::Refused(_))), "{size}: {refused:?}");
    }
    assert_eq!(signing.last().unwrap().note, Some(note), "nothing of it was remembered");
    signing.sign(&checkpoint(&leaves, 30), &proof).unwrap();
}

#[test]
fn what_is_no_question_is_answered_as_such_and_the_next_one_is_answered() {
    let given = Given::new(0o600);
    let long = [&[b' '; protocol::MAX_LINE][..], b"{\"ask\":\"last\"}\n"].concat();
    for bytes in [
        &b"\n"[..],
        b"GET /checkpoint HTTP/1.1\r\n\r\n",
        b"{\"ask\":\"last\"}",
        b"{\"ask\":\"last\",\"more\":1}\n",
        b"{\"ask\":\"key\"}\n",
        b"{\"ask\":\"sign\",\"checkpoint\":\"nothing\",\"proof\":[]}\n",
        b"{\"ask\":\"sign\",\"checkpoint\":\"nothing\",\"proof\":[\"AAAA\"]}\n",
        b"\xff\xfe\n",
        &long,
    ] {
        let answer = given.answer_to(bytes);
        assert!(!answer.contains("\"last\""), "{answer}");
        assert!(answer.is_empty() || answer.starts_with("{\"answer\":\"failed\""), "{answer}");
    }
    assert!(given.answer_to(b"{\"ask\":\"last\"}\n").starts_with("{\"answer\":\"last\""));
}

#[test]
fn the_socket_is_its_owners_unless_the_group_is_let_in() {
    for mode in [0o600, 0o660] {
        let given = Given::new(mode);
        let is = std::fs::metadata(given.socket()).unwrap().permissions().mode();
        assert_eq!(is & 0o777, mode);
    }
}

#[test]
fn two_processes_do_not_answer_at_one_socket_but_what_a_killed_one_left_is_replaced() {
    let given = Given::new(0o600);
    let signer = || {
        let other = tempfile::tempdir().unwrap();
        Signer::create(&other.path().join("state"), other.path(), ORIGIN, &[8; 32]).unwrap()
    };
    let second = SignerService::bind(signer(), &given.socket(), 0o600);
    assert!(matches!(second, Err(ServiceError::InUse(_))), "{second:?}");

    let left = given.directory.path().join("left");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    assert!(matches!(Signing::There(left.clone()).last(), Err(SigningError::Away { .. })));
    SignerService::bind(signer(), &left, 0o600).unwrap();
}

#[test]
fn a_signer_that_is_away_and_one_that_answers_something_else_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("socket");
    let away = Signing::There(socket.clone()).last();
    assert!(matches!(away, Err(SigningError::Away { .. })), "{away:?}");

    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let answers = [
        "hello\n",
        "{\"answer\":\"verifiers\",\"keys\":[]}\n",
        "{\"answer\":\"last\",\"checkpoint\":\"x\",\"note\":null}\n",
    ];
    let thread = std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            stream.read_exact(&mut [0; 15]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    for answer in answers {
        let got = Signing::There(socket.clone()).last();
        assert!(matches!(got, Err(SigningError::NoAnswer(_))), "{answer}: {got:?}");
    }
    thread.join().unwrap();
}

#[test]
fn a_note_of_another_checkpoint_is_not_taken_for_the_answer() {
    let (given, other) = (Given::new(0o600), Given::new(0o600));
    let note = other.signing().sign(&checkpoint(&leaves(2), 20), &[]).unwrap().to_string();
    let socket = given.directory.path().join("liar");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _: Question = protocol::read(&mut stream, PATIENCE).unwrap();
        protocol::write(&mut stream, &Answer::Signed { note }, PATIENCE).unwrap();
    });
    let got = Signing::There(socket).sign(&checkpoint(&leaves(1), 20), &[]);
    assert!(matches!(got, Err(SigningError::NoAnswer(_))), "{got:?}");
    thread.join().unwrap();
}
