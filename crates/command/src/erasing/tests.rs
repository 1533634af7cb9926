//! Erasure on a log in memory with a real key store: what comes too late, and what a kill leaves behind.
//! The states in between are made by the commands that lead to them, as a process would have left them.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use sfs_domain::authority::Scope;
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::personal::{Personal, PersonalBody};
use sfs_domain::{EventId, Grant, PersonId, PrincipalId, Reason, Role, State, person, testing};
use sfs_eventlog::memory::{Fault, Memory};
use sfs_eventlog::{EventLog, Limits};
use sfs_ledger::Leaf;
use sfs_vault::{KeyEncryptionKeys, Keys, Purpose, RandomBytes, SubjectId};
use uuid::Uuid;

use crate::{
    Caller, CommandError, ErasureError, Handler, ManualClock, Outcome, Request, Sealer, SeededEntropy, Settings,
};

/// 1 November 2025, noon.
const NOW: i64 = 1_761_998_400_000_000;

/// Bytes that never repeat soon and are the same in every run.
#[derive(Default)]
struct Counting(std::sync::atomic::AtomicU64);

impl RandomBytes for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            chunk.copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()[..chunk.len()]);
        }
    }
}

/// A write side on a log in memory with a real key store.
pub(crate) struct House {
    _directory: tempfile::TempDir,
    memory: Memory,
    log: Arc<dyn EventLog>,
    keys: Keys,
    pub(crate) handler: Handler,
    sent: u128,
}

fn handler(log: &Arc<dyn EventLog>, keys: &Keys) -> Handler {
    Handler::new(Settings {
        log: Arc::clone(log),
        reference: Arc::new(testing::reference()),
        clock: Arc::new(ManualClock::at(NOW)),
        entropy: Arc::new(SeededEntropy::new(1)),
        digest_key: [9; 32],
        cached_events: 10_000,
        sealer: Some(Sealer::new(keys.clone(), "log.example", Arc::new(Counting::default()))),
    })
}

/// The n-th person.
fn person(n: u128) -> PersonId {
    PersonId(Uuid::from_u128(n))
}

impl House {
    pub(crate) async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let keks = KeyEncryptionKeys::parse(&format!("1 {}\n", "A".repeat(43))).expect("keys");
        let path = directory.path().join("keys.db");
        let keys = Keys::open(&path, keks, Arc::new(Counting::default())).await.expect("a key store");
        let memory = Memory::default();
        let log: Arc<dyn EventLog> = Arc::new(memory.start(Limits::default(), || NOW));
        let handler = handler(&log, &keys);
        Self { _directory: directory, memory, log, keys, handler, sent: 0 }
    }

    /// Killed and started again: nothing is remembered but what is stored.
    fn restart(&mut self) {
        self.handler = handler(&self.log, &self.keys);
    }

    async fn send(&mut self, caller: &Caller, name: &str, body: Value, said: Value) -> Result<EventId, CommandError> {
        self.sent += 1;
        let entry = command_entry(name).expect("a command");
        let command = Command::Person(testing::written(name, body));
        let mut request = Request::new(entry, command, Uuid::from_u128(1_000 + self.sent));
        request.reason = Some(Reason::LateInformation);
        request.personal = match said {
            Value::Null => Personal::default(),
            said => serde_json::from_value::<PersonalBody>(said).expect("records").into_personal().expect("records"),
        };
        match self.handler.handle(caller, &request).await? {
            Outcome::Accepted(receipt) => Ok(receipt.events[0].id),
            other => panic!("{name}: {other:?}"),
        }
    }

    async fn accepted(&mut self, actor: u128, name: &str, body: Value) -> EventId {
        self.send(&as_role(Role::DataProtectionOfficer, actor), name, body, Value::Null).await.expect(name)
    }

    /// A person of trainings whose erasure two have approved; answers the request.
    async fn approved(&mut self, n: u128) -> EventId {
        let coordination = as_role(Role::CoordinationOffice, 5);
        let who = json!({"identity": {"family_name": "Muster", "given_names": "Erika"}});
        let body = json!({"person": person(n), "district": "15"});
        self.send(&coordination, "register-trainee", body, who).await.expect("registered");
        let body = json!({"person": person(n), "ground": "objection", "purposes": ["identity"]});
        let request = self.send(&coordination, "request-erasure", body, Value::Null).await.expect("requested");
        for officer in [8, 9] {
            self.accepted(officer, "approve-erasure", json!({"person": person(n), "request": request})).await;
        }
        request
    }

    /// The process has said that it begins, and got no further.
    async fn begin(&mut self, n: u128, request: EventId) {
        let body = json!({"person": person(n), "request": request});
        self.send(&Caller::system(), "begin-erasure", body, Value::Null).await.expect("begun");
    }

    async fn erase(&self, cursor: &mut u64, waiting: &mut BTreeSet<PersonId>) -> Result<(), ErasureError> {
        self.handler.erase_approved(cursor, waiting).await
    }

    /// One round as at a start.
    async fn round(&self) -> Result<(), ErasureError> {
        self.erase(&mut 0, &mut BTreeSet::new()).await
    }

    /// The types of the person's events.
    async fn events(&self, n: u128) -> Vec<String> {
        let stream = person::stream(&person(n));
        let all = self.log.read_stream(stream.as_str(), 0, 100).await.expect("a page");
        all.iter().map(|event| event.event_type.trim_start_matches("person.").to_owned()).collect()
    }

    /// How many ciphertexts of the person are left.
    async fn ciphertexts(&self, n: u128) -> usize {
        let stream = person::stream(&person(n));
        let all = self.log.read_stream(stream.as_str(), 0, 100).await.expect("a page");
        let leaves = all.iter().map(|event| Leaf::parse(&event.leaf).expect("a leaf"));
        let digests: Vec<_> =
            leaves.flat_map(|leaf| leaf.draft.sealed.iter().map(|slot| slot.h).collect::<Vec<_>>()).collect();
        assert!(!digests.is_empty(), "something was sealed");
        self.log.sealed(&digests).await.expect("an answer").into_iter().flatten().count()
    }

    /// What the log says last: the erasure with the key that the store has destroyed.
    async fn check_erased(&self, n: u128) {
        let begun_once = ["registered.v1", "erasure-requested.v1", "erasure-approved.v1", "erasure-approved.v1"]
            .into_iter()
            .chain(["erasure-begun.v1", "erased.v1"]);
        assert_eq!(self.events(n).await, begun_once.collect::<Vec<_>>());
        assert_eq!(self.ciphertexts(n).await, 0);
        let tombstones = self.keys.tombstones().await.expect("tombstones");
        let destroyed: Vec<_> = tombstones.iter().filter(|tombstone| tombstone.subject.0 == person(n).0).collect();
        let folded = self.handler.state(&person::stream(&person(n))).await.expect("a state");
        let State::Person(state) = &*folded.state else { panic!("no person") };
        let ended = state.known().and_then(|known| known.erasure.requests()[0].ended().cloned());
        let Some(person::Event::Erased { keys, .. }) = ended else { panic!("not erased") };
        assert_eq!(keys.iter().map(|key| key.0).collect::<Vec<_>>(), [destroyed[0].key.0]);
    }
}

fn as_role(role: Role, n: u128) -> Caller {
    let grants = Arc::new([Grant { role, scope: Scope::State {}, until: None }]);
    Caller { principal: PrincipalId(Uuid::from_u128(n)), grants, read: None }
}

fn hold(n: u128) -> Value {
    json!({"person": person(n), "hold": Uuid::from_u128(77), "ground": "audit"})
}

#[tokio::test]
async fn what_two_have_approved_is_begun_destroyed_and_recorded() {
    let mut house = House::new().await;
    house.approved(1).await;
    assert_eq!(house.ciphertexts(1).await, 1);
    house.round().await.expect("erased");
    house.check_erased(1).await;
    house.round().await.expect("nothing left");
    house.check_erased(1).await;
}

#[tokio::test]
async fn a_hold_that_comes_before_the_beginning_stops_it_and_one_after_it_is_refused() {
    let mut house = House::new().await;
    let request = house.approved(1).await;
    house.accepted(8, "set-legal-hold", hold(1)).await;
    let (mut cursor, mut waiting) = (0, BTreeSet::new());
    house.erase(&mut cursor, &mut waiting).await.expect("nothing to do");
    assert_eq!((house.ciphertexts(1).await, waiting.len()), (1, 1));
    assert_eq!(house.keys.tombstones().await.expect("tombstones"), []);
    let body = json!({"person": person(1), "hold": Uuid::from_u128(77)});
    house.accepted(8, "release-legal-hold", body).await;

    house.begin(1, request).await;
    let mut late = hold(1);
    late["hold"] = json!(Uuid::from_u128(78));
    let late = house.send(&as_role(Role::DataProtectionOfficer, 8), "set-legal-hold", late, Value::Null).await;
    assert!(matches!(late, Err(CommandError::Refused(why)) if why.rule == "PER-33"), "{late:?}");
    house.erase(&mut cursor, &mut waiting).await.expect("erased");
    assert_eq!((house.ciphertexts(1).await, waiting.len()), (0, 0));
}

#[tokio::test]
async fn an_erasure_that_was_killed_before_the_destruction_is_finished_at_the_next_start() {
    let mut house = House::new().await;
    let request = house.approved(1).await;
    house.begin(1, request).await;
    house.restart();
    assert_eq!(house.ciphertexts(1).await, 1);
    house.round().await.expect("erased");
    house.check_erased(1).await;
}

#[tokio::test]
async fn an_erasure_that_was_killed_after_the_destruction_is_finished_at_the_next_start() {
    let mut house = House::new().await;
    let request = house.approved(1).await;
    house.begin(1, request).await;
    house.keys.destroy(SubjectId(person(1).0), vec![Purpose::Identity], request.0).await.expect("destroyed");
    house.restart();
    assert_eq!(house.ciphertexts(1).await, 1);
    house.round().await.expect("erased");
    house.check_erased(1).await;
}

#[tokio::test]
async fn an_erasure_that_was_killed_after_the_deletion_is_finished_at_the_next_start() {
    let mut house = House::new().await;
    let request = house.approved(1).await;
    house.begin(1, request).await;
    let destroyed =
        house.keys.destroy(SubjectId(person(1).0), vec![Purpose::Identity], request.0).await.expect("destroyed");
    let under = house.handler.sealed_under(person(1), &[destroyed[0].key.0]).await.expect("digests");
    house.log.purge(under).await.expect("deleted");
    house.restart();
    house.round().await.expect("erased");
    house.check_erased(1).await;
}

#[tokio::test]
async fn what_fails_for_one_person_stops_no_other_and_is_tried_again() {
    let mut house = House::new().await;
    house.approved(1).await;
    house.approved(2).await;
    let (mut cursor, mut waiting) = (0, BTreeSet::new());
    house.memory.order(Fault::FailsAndStaysSilent);
    let failed = house.erase(&mut cursor, &mut waiting).await;
    assert!(matches!(failed, Err(ErasureError::Begin(_))), "{failed:?}");
    assert_eq!((house.ciphertexts(1).await, waiting.len()), (1, 1));
    house.check_erased(2).await;
    // The answer alone was lost: what the log has of it is found, and not begun again.
    house.erase(&mut cursor, &mut waiting).await.expect("erased");
    house.check_erased(1).await;
    assert!(waiting.is_empty());
}
