//! Asking a witness: given what it answers, then what is made of it. The witness is a script: each
//! request that it gets is answered by the next answer, and kept.

use std::io::BufReader;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use sfs_eventlog::contract::append;
use sfs_eventlog::memory::Memory;
use sfs_eventlog::{EventLog as _, Expected, Limits, Reader};
use sfs_ledger::{Checkpoint, Hash, verify_consistency};

use super::*;
use crate::key::NoteKey;
use crate::testing::{read_request, write_answer};

const ORIGIN: &str = "test.example/log/1";
const SIZE: u64 = 300;

/// Status and body of an answer.
type Answered = (u16, String);

/// A witness that answers by a list, and what it was asked.
struct Scripted {
    address: String,
    asked: Arc<Mutex<Vec<AddCheckpoint>>>,
}

impl Scripted {
    fn answering(answers: Vec<Answered>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/prefix/", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for (status, body) in answers {
                let mut stream = BufReader::new(listener.accept().unwrap().0);
                let (head, request) = read_request(&mut stream);
                assert!(head.starts_with("POST /prefix/add-checkpoint HTTP/1.1\r\n"), "{head}");
                kept.lock().unwrap().push(AddCheckpoint::parse(&request).unwrap());
                write_answer(&mut stream, status, &body);
            }
        });
        Self { address, asked }
    }
}

/// A log of `SIZE` events with its tiles, and its checkpoint.
async fn log() -> (tempfile::TempDir, Tiles, SignedNote, Checkpoint) {
    let directory = tempfile::tempdir().unwrap();
    let log = Memory::default().start(Limits::default(), || 1_764_000_000_000_000);
    for n in 1..=u128::from(SIZE) {
        log.append(append(n, "s/1", Expected::Any, &["a"])).await.unwrap();
    }
    let head = log.head().await.unwrap();
    let reader: Arc<dyn Reader> = Arc::new(log);
    let tiles = Tiles::open(&directory.path().join("tiles.db"), reader).await.unwrap();
    tiles.prepare().await.unwrap();
    let checkpoint = Checkpoint::new(ORIGIN, SIZE, head.root).unwrap();
    let key = NoteKey::generate(ORIGIN, &[1; 32]).unwrap();
    let note = SignedNote::new(&checkpoint.to_string(), vec![key.sign(&checkpoint.to_string())]).unwrap();
    (directory, tiles, note, checkpoint)
}

fn witness() -> NoteKey {
    NoteKey::generate("witness.example", &[2; 32]).unwrap()
}

fn client(scripted: &Scripted) -> WitnessClient {
    WitnessClient::new(&witness().witness(), &scripted.address, &Outbound::new())
}

fn conflict(size: u64) -> Answered {
    (409, format!("{size}\n"))
}

#[tokio::test]
async fn a_witness_that_knows_another_size_is_asked_once_more_from_there() {
    let (_directory, tiles, note, checkpoint) = log().await;
    let line = witness().cosign(5, note.unverified_text());
    let stranger = NoteKey::generate("other.example", &[3; 32]).unwrap().cosign(5, note.unverified_text());
    let answers = vec![conflict(100), (200, format!("{stranger}\n{line}\n")), (200, format!("{line}\n"))];
    let scripted = Scripted::answering(answers);
    let client = client(&scripted);
    assert_eq!(client.cosign(&note, SIZE, &tiles).await.unwrap(), line);
    assert_eq!(client.cosign(&note, SIZE, &tiles).await.unwrap(), line);
    let asked = std::mem::take(&mut *scripted.asked.lock().unwrap());
    assert_eq!(asked.iter().map(|request| request.old).collect::<Vec<_>>(), [0, 100, SIZE], "it remembers");
    let root: Hash = tiles.root(100).await.unwrap();
    verify_consistency(100, SIZE, &asked[1].proof, &root, &checkpoint.root()).unwrap();
    assert!(asked.iter().all(|request| request.note == note));
}

#[tokio::test]
async fn a_witness_that_contradicts_the_log_is_told_from_one_that_is_broken() {
    let (_directory, tiles, note, _) = log().await;
    let other = witness().cosign(5, "another text\n");
    let cases: [(&str, Vec<Answered>, &str); 16] = [
        ("it has seen more", vec![conflict(SIZE + 1)], "ahead"),
        ("it has seen another one of the size that it was asked from", vec![conflict(0)], "fork"),
        ("it has seen another one of this size", vec![conflict(SIZE), conflict(SIZE)], "fork"),
        ("it grows while it is asked", vec![conflict(100), conflict(SIZE + 1)], "ahead"),
        ("somebody else asks meanwhile", vec![conflict(100), conflict(200)], "status"),
        ("it finds no consistency", vec![(422, String::new())], "fork"),
        ("it finds none from the size that it says", vec![conflict(100), (422, String::new())], "fork"),
        ("it does not know the log", vec![(404, String::new())], "status"),
        ("it does not know the key", vec![(403, String::new())], "status"),
        ("it is broken", vec![(500, String::new())], "status"),
        ("it sends us elsewhere", vec![(307, String::new())], "status"),
        ("it says no size", vec![(409, "many\n".into())], "malformed"),
        ("it says a size with a zero before", vec![(409, "0100\n".into())], "malformed"),
        ("it has cosigned something else", vec![(200, format!("{other}\n"))], "malformed"),
        ("it says nothing", vec![(200, String::new())], "malformed"),
        ("it is gone", vec![], "no-answer"),
    ];
    for (what, answers, name) in cases {
        let why = client(&Scripted::answering(answers)).cosign(&note, SIZE, &tiles).await.unwrap_err();
        assert_eq!(why.name(), name, "{what}: {why}");
        assert_eq!(why.is_dispute(), ["ahead", "fork"].contains(&name), "{what}");
    }
}
