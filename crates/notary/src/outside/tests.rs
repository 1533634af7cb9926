//! Asking others by the clock: given a log, witnesses and a time, when the notary asks, then what is
//! served has its quorum, and nobody is asked more often than is due.

use std::io::BufReader;
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::AtomicU64;

use sfs_eventlog::contract::append;
use sfs_eventlog::memory::{Memory, MemoryLog};
use sfs_eventlog::{EventLog as _, Expected, Limits, Reader};

use super::*;
use crate::notary::Notary;
use crate::testing::{read_request, write_answer};
use crate::witness::{Witness, WitnessRefusal};

const ORIGIN: &str = "test.example/log/1";

/// Noon of a day.
const NOON: u64 = 1_764_072_000;

/// Serves a witness; while `is_dead` it takes connections and answers nothing.
fn serve(directory: &Path, log: VerifierKey, clock: &Arc<AtomicU64>, is_dead: &Arc<AtomicBool>) -> String {
    std::fs::create_dir(directory).unwrap();
    let name = directory.file_name().unwrap().to_str().unwrap();
    let key = Witness::create(directory, name, &digest_of(name)).unwrap();
    Witness::add_log(directory, ORIGIN).unwrap();
    let witness = Witness::open(directory, vec![log]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("witness {name} {key} http://{}\n", listener.local_addr().unwrap());
    let (clock, is_dead) = (Arc::clone(clock), Arc::clone(is_dead));
    std::thread::spawn(move || {
        let mut waiting = Vec::new();
        for stream in listener.incoming().map_while(Result::ok) {
            if is_dead.load(Ordering::Acquire) {
                waiting.push(stream);
                continue;
            }
            let mut stream = BufReader::new(stream);
            let (_, request) = read_request(&mut stream);
            let (status, body) = match witness.add_checkpoint(&request, clock.load(Ordering::Acquire)) {
                Ok(line) => (200, line),
                Err(WitnessRefusal::Conflict(size)) => (409, format!("{size}\n")),
                Err(_) => (422, String::new()),
            };
            write_answer(&mut stream, status, &body);
        }
    });
    line
}

fn digest_of(name: &str) -> [u8; 32] {
    *sfs_ledger::digest(name.as_bytes()).as_bytes()
}

struct World {
    directory: tempfile::TempDir,
    log: Arc<MemoryLog>,
    clock: Arc<AtomicU64>,
    /// Whether the second witness is.
    is_dead: Arc<AtomicBool>,
    policy: Policy,
}

impl World {
    /// A log of 20 events with a key and two witnesses, who must both have cosigned.
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let log = Arc::new(Memory::default().start(Limits::default(), || 1_764_000_000_000_000));
        let (clock, is_dead) = (Arc::new(AtomicU64::new(NOON)), Arc::new(AtomicBool::new(false)));
        let key = Notary::create(directory.path(), ORIGIN, &[7; 32]).unwrap().verifiers()[0].clone();
        let first = serve(&directory.path().join("w1"), key.clone(), &clock, &Arc::default());
        let second = serve(&directory.path().join("w2"), key, &clock, &is_dead);
        let policy = Policy::parse(format!("{first}{second}group both all w1 w2\nquorum both\n").as_bytes()).unwrap();
        let world = Self { directory, log, clock, is_dead, policy };
        world.grow(1..=20).await;
        world
    }

    async fn grow(&self, commands: std::ops::RangeInclusive<u128>) {
        for n in commands {
            self.log.append(append(n, "s/1", Expected::Any, &["a"])).await.unwrap();
        }
    }

    async fn notary(&self) -> Notary {
        let path = self.directory.path();
        let reader: Arc<dyn Reader> = self.log.clone();
        let tiles = Tiles::open(&path.join("tiles.db"), Arc::clone(&reader)).await.unwrap();
        let ops = Ops::open(&path.join("ops.db")).await.unwrap();
        let clock = Arc::clone(&self.clock);
        let settings = OutsideSettings {
            policy: Some(self.policy.clone()),
            now: Arc::new(move || clock.load(Ordering::Acquire)),
            ..OutsideSettings::nobody()
        };
        let mut notary = Notary::open(path, Arc::new(tiles), reader, ops, settings).await.unwrap();
        notary.outside_mut().hurry(&self.policy);
        notary
    }
}

impl Outside {
    /// Gives up on a witness sooner.
    fn hurry(&mut self, policy: &Policy) {
        let outbound = Outbound::within(Duration::from_secs(2));
        let client = |(key, url): (_, Option<&str>)| Arc::new(WitnessClient::new(key, url.unwrap(), &outbound));
        self.witnesses = policy.witnesses().map(client).collect();
    }
}

/// Size of what is served, and the time of its quorum.
fn served(notary: &Notary, world: &World) -> Option<(u64, u64)> {
    let note = SignedNote::parse(notary.checkpoint()?.as_bytes()).unwrap();
    let keys = [crate::keyring::KeyRing::open(world.directory.path()).unwrap().verifiers()[0].clone()];
    let evaluation = world.policy.evaluate(&note, &keys).unwrap();
    match evaluation.quorum {
        sfs_ledger::Quorum::Reached { at } => Some((evaluation.checkpoint.size(), at)),
        quorum => panic!("what is served has no quorum: {quorum:?}"),
    }
}

#[tokio::test]
async fn witnesses_are_asked_when_the_log_has_grown_and_once_a_day() {
    let world = World::new().await;
    let notary = world.notary().await;
    assert_eq!(served(&notary, &world), None, "nothing is served without its quorum");
    notary.ask_outside().await;
    assert_eq!(served(&notary, &world), Some((20, NOON)));
    world.clock.store(NOON + DAY - 1, Ordering::Release);
    notary.ask_outside().await;
    assert_eq!(served(&notary, &world), Some((20, NOON)), "not before a day is over");
    world.clock.store(NOON + DAY, Ordering::Release);
    notary.ask_outside().await;
    assert_eq!(served(&notary, &world), Some((20, NOON + DAY)));
    world.clock.store(NOON + DAY + 60, Ordering::Release);
    world.grow(21..=25).await;
    notary.ask_outside().await;
    assert_eq!(served(&notary, &world), Some((25, NOON + DAY + 60)));
    drop(notary);
    assert_eq!(served(&world.notary().await, &world), Some((25, NOON + DAY + 60)), "it is kept");
}

#[tokio::test]
async fn a_witness_that_does_not_answer_is_given_up_and_what_has_its_quorum_stays() {
    let world = World::new().await;
    let notary = world.notary().await;
    notary.ask_outside().await;
    world.is_dead.store(true, Ordering::Release);
    world.grow(21..=25).await;
    let missed = notary.cosign().await;
    assert!(matches!(missed, Err(NotaryError::Policy(sfs_ledger::PolicyRefusal::Quorum(1)))), "{missed:?}");
    assert_eq!(served(&notary, &world), Some((20, NOON)));
    assert!(!notary.is_disputed(), "who is silent contradicts nobody");
    world.is_dead.store(false, Ordering::Release);
    notary.cosign().await.unwrap();
    assert_eq!(served(&notary, &world), Some((25, NOON)));
}

#[tokio::test]
async fn timestamps_are_due_once_a_day() {
    let world = World::new().await;
    let notary = world.notary().await;
    notary.cosign().await.unwrap();
    let missing = notary.stamp().await;
    assert!(matches!(missing, Err(NotaryError::NoAuthority)), "{missing:?}");
    let ops = Ops::open(&world.directory.path().join("other.db")).await.unwrap();
    let clock = Arc::clone(&world.clock);
    let settings = OutsideSettings {
        timestamp_url: Some("http://127.0.0.1:1/".into()),
        now: Arc::new(move || clock.load(Ordering::Acquire)),
        ..OutsideSettings::nobody()
    };
    let outside = Outside::new(settings, ops.clone(), vec![], None);
    let is_due = async |at| {
        world.clock.store(at, Ordering::Release);
        outside.is_timestamp_due().await.unwrap()
    };
    assert!(is_due(NOON).await, "there has never been one");
    ops.keep_checkpoint(20, NOON, "note").await.unwrap();
    let kept = ops.checkpoint(20).await.unwrap().unwrap();
    ops.keep_timestamp(&kept, NOON, b"reply").await.unwrap();
    let midnight = NOON / DAY * DAY + DAY;
    assert!(!is_due(midnight - 1).await, "it has one of this day");
    assert!(is_due(midnight).await, "it has none of this day");
}
