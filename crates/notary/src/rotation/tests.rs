//! Given a log that says (or does not say) which key follows which, when a checkpoint is verified or a
//! key is to go, then (audit.md 6, case 40).

use std::sync::Arc;

use sfs_eventlog::contract::{append, event};
use sfs_eventlog::memory::{Memory, MemoryLog};
use sfs_eventlog::{EventLog, Expected, Limits};
use sfs_ledger::SignedNote;
use sfs_ops::Ops;
use tempfile::TempDir;

use super::*;
use crate::notary::Notary;
use crate::outside::OutsideSettings;
use crate::tiles::Tiles;

const ORIGIN: &str = "test.example/log/1";

struct Given {
    directory: TempDir,
    log: Arc<MemoryLog>,
    commands: u128,
}

impl Given {
    /// A log of three events that the first key has signed.
    async fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let log = Arc::new(Memory::default().start(Limits::default(), || 1_764_000_000_000_000));
        let mut given = Self { directory, log, commands: 0 };
        Notary::create(given.directory.path(), ORIGIN, &[1; 32]).expect("a key");
        given.grow(3).await;
        given.sign().await;
        given
    }

    async fn grow(&mut self, events: u128) {
        for _ in 0..events {
            self.commands += 1;
            self.log.append(append(self.commands, "s/1", Expected::Any, &["a"])).await.expect("an append");
        }
    }

    /// The next key beside the others, of which the log does not speak yet.
    fn next_key(&self) -> VerifierKey {
        let ring = KeyRing::open(self.directory.path()).expect("keys");
        let seed = [ring.verifiers().len() as u8 + 1; 32];
        KeyRing::rotate(self.directory.path(), &seed).expect("a key").verifiers().pop().expect("a key")
    }

    async fn record(&mut self, old: &VerifierKey, new: &VerifierKey) {
        self.commands += 1;
        // The helper puts the text between quotation marks.
        let text = format!("\",\"old_verifier\":\"{old}\",\"new_verifier\":\"{new}\",\"effective_size\":\"3");
        let mut one = append(self.commands, "log/1", Expected::Any, &["a"]);
        one.writes[0].events = vec![event("log/1", KEY_ROTATED, &text, one.command)];
        self.log.append(one).await.expect("an append");
    }

    async fn sign(&self) -> SignedNote {
        let reader: Arc<dyn Reader> = self.log.clone();
        let tiles = Tiles::open(&self.directory.path().join("tiles.db"), Arc::clone(&reader)).await.expect("tiles");
        let ops = Ops::open(&self.directory.path().join("ops.db")).await.expect("an operational store");
        let nobody = OutsideSettings::nobody();
        let notary = Notary::open(self.directory.path(), Arc::new(tiles), reader, ops, nobody).await.expect("a notary");
        notary.sign().await.expect("a checkpoint");
        SignedNote::parse(notary.checkpoint().expect("a checkpoint").as_bytes()).expect("a note")
    }

    fn keys(&self) -> Vec<VerifierKey> {
        KeyRing::open(self.directory.path()).expect("keys").verifiers()
    }

    async fn retire(&self, key: &VerifierKey) -> Result<KeyRing, RotationError> {
        retire(self.directory.path(), &key_id(key), &*self.log).await
    }
}

#[tokio::test]
async fn while_both_sign_whoever_knows_one_or_both_accepts_and_the_rotation_leads_from_old_to_new() {
    let mut given = Given::new().await;
    let by_old = given.sign().await;
    let old = given.keys().remove(0);
    let new = given.next_key();
    given.record(&old, &new).await;
    let by_both = given.sign().await;
    given.retire(&old).await.expect("the old one is retired");
    given.grow(1).await;
    let by_new = given.sign().await;

    let (only_old, both, only_new) = ([old.clone()], [old.clone(), new.clone()], [new.clone()]);
    for (what, note, known, accepted) in [
        ("before", &by_old, &only_old[..], true),
        ("before", &by_old, &both[..], true),
        ("before", &by_old, &only_new[..], false),
        ("meanwhile", &by_both, &only_old[..], true),
        ("meanwhile", &by_both, &both[..], true),
        ("meanwhile", &by_both, &only_new[..], true),
        ("after", &by_new, &only_old[..], false),
        ("after", &by_new, &both[..], true),
        ("after", &by_new, &only_new[..], true),
    ] {
        assert_eq!(note.verify(known).is_ok(), accepted, "signed {what}, known are {known:?}");
    }
    // Whoever knows the old one and holds what both have signed believes the new one for what follows.
    let rotations = rotations(&*given.log).await.expect("rotations");
    assert_eq!(rotations, [Rotation { position: 4, old: old.clone(), new }]);
    by_new.verify(&heirs(&only_old, &rotations, 4)).expect("accepted after the leaf");
    by_new.verify(&heirs(&only_old, &rotations, 3)).expect_err("the leaf is not covered");
    by_new.verify(&heirs(&only_old, &[], 5)).expect_err("the leaf is missing");
}

#[tokio::test]
async fn a_key_is_not_retired_before_its_successor_has_signed_that_it_is() {
    let mut given = Given::new().await;
    let old = given.keys().remove(0);
    assert!(matches!(given.retire(&old).await, Err(RotationError::Only(_))));
    let new = given.next_key();
    given.sign().await;
    assert!(matches!(given.retire(&old).await, Err(RotationError::NotRecorded(_))), "the leaf is missing");
    given.record(&old, &new).await;
    let early = given.retire(&old).await;
    assert!(matches!(early, Err(RotationError::NotCovered { position: 4, signed: 3 })), "{early:?}");
    given.sign().await;
    assert!(matches!(given.retire(&new).await, Err(RotationError::NotRecorded(_))), "nobody follows the new one");
    assert!(matches!(retire(given.directory.path(), "00000000", &*given.log).await, Err(RotationError::Unknown(_))));
    assert_eq!(given.keys().len(), 2, "all of that has changed nothing");

    assert_eq!(given.retire(&old).await.expect("retired").verifiers(), [new]);

    given.grow(1).await;
    given.sign().await;
}

#[tokio::test]
async fn a_key_whose_successor_has_not_signed_yet_is_not_retired() {
    let mut given = Given::new().await;
    let old = given.keys().remove(0);
    // The log speaks of a key that the signer gets later.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let new = KeyRing::create(elsewhere.path(), ORIGIN, &[2; 32]).expect("a key").verifiers().remove(0);
    given.record(&old, &new).await;
    given.sign().await;
    assert_eq!(given.next_key(), new);
    let early = given.retire(&old).await;
    assert!(matches!(early, Err(RotationError::NotCovered { position: 4, signed: 4 })), "{early:?}");
    given.sign().await;
    given.retire(&old).await.expect("retired");
}

#[tokio::test]
async fn a_log_that_is_not_what_was_signed_retires_no_key() {
    let mut given = Given::new().await;
    let old = given.keys().remove(0);
    let new = given.next_key();
    given.record(&old, &new).await;
    given.sign().await;
    let mut other = Given::new().await;
    other.grow(1).await;
    other.record(&old, &new).await;
    let refused = retire(given.directory.path(), &key_id(&old), &*other.log).await;
    assert!(matches!(refused, Err(RotationError::NotCovered { position: 5, signed: 4 })), "{refused:?}");
    given.grow(1).await;
    given.sign().await;
    let refused = retire(given.directory.path(), &key_id(&old), &*other.log).await;
    assert!(matches!(refused, Err(RotationError::NotAsSigned { size: 5, .. })), "{refused:?}");
}

#[tokio::test]
async fn over_several_rotations_the_oldest_key_leads_to_the_newest() {
    let mut given = Given::new().await;
    let first = given.keys().remove(0);
    let second = given.next_key();
    given.record(&first, &second).await;
    let third = given.next_key();
    given.record(&second, &third).await;
    given.sign().await;
    let rotations = rotations(&*given.log).await.expect("rotations");
    assert_eq!(heirs(std::slice::from_ref(&first), &rotations, 4), [first.clone(), second.clone()]);
    assert_eq!(heirs(std::slice::from_ref(&first), &rotations, 5), [first.clone(), second.clone(), third.clone()]);
    assert_eq!(heirs(std::slice::from_ref(&third), &rotations, 5), std::slice::from_ref(&third));
    given.retire(&second).await.expect("retired");
    given.retire(&first).await.expect("retired: the third follows the second, which followed it");
    assert_eq!(given.keys(), [third]);
}

#[tokio::test]
async fn the_root_of_every_size_is_that_of_its_leaves() {
    let given = Given::new().await;
    let page = given.log.read(&Filter::default(), Direction::Forwards, 0, 10).await.expect("a page");
    let leaves: Vec<Hash> = page.events.iter().map(|event| event.leaf_hash).collect();
    for size in 0..=3 {
        let root = root_at(&*given.log, size).await.expect("a root");
        assert_eq!(root, sfs_ledger::tile_root(&leaves[..size as usize]));
    }
    assert!(matches!(root_at(&*given.log, 4).await, Err(RotationError::Short { found: 3, size: 4 })));
}
