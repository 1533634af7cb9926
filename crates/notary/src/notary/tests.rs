//! Given a log and what was signed of it, when the notary opens or signs, then.

use std::path::Path;
use std::sync::Arc;

use sfs_eventlog::contract::append;
use sfs_eventlog::memory::{Memory, MemoryLog};
use sfs_eventlog::{EventLog, Expected, Limits, Reader};
use sfs_ledger::{Checkpoint, SignedNote, VerifierKey};
use sfs_ops::Ops;

use super::{Notary, NotaryError, OutsideSettings, Trouble, Vouched};
use crate::keyring::KeyRing;
use crate::service::SignerService;
use crate::signer::Signer;
use crate::signing::{Signing, SigningError};
use crate::tiles::Tiles;

const ORIGIN: &str = "test.example/log/1";

async fn log_of(stream: &str, events: u128) -> Arc<MemoryLog> {
    let log = Memory::default().start(Limits::default(), || 1_764_000_000_000_000);
    grow(&log, stream, 1..=events).await;
    Arc::new(log)
}

async fn grow(log: &MemoryLog, stream: &str, commands: std::ops::RangeInclusive<u128>) {
    for n in commands {
        log.append(append(n, stream, Expected::Any, &["a"])).await.expect("an append");
    }
}

async fn open(directory: &Path, log: &Arc<MemoryLog>) -> Result<Notary, NotaryError> {
    let reader: Arc<dyn Reader> = log.clone();
    let tiles = Tiles::open(&directory.join("tiles.db"), Arc::clone(&reader)).await.expect("tiles");
    let ops = Ops::open(&directory.join("ops.db")).await.expect("an operational store");
    Notary::open(directory, Arc::new(tiles), reader, ops, OutsideSettings::nobody()).await
}

fn keys(directory: &Path) -> Vec<VerifierKey> {
    Notary::create(directory, ORIGIN, &[7; 32]).expect("a key").verifiers()
}

fn read(notary: &Notary, keys: &[VerifierKey]) -> Checkpoint {
    let note = SignedNote::parse(notary.checkpoint().expect("a checkpoint").as_bytes()).expect("a note");
    note.verify(keys).expect("signed by us").text.parse().expect("a checkpoint")
}

#[tokio::test]
async fn checkpoints_are_signed_as_the_log_grows() {
    let directory = tempfile::tempdir().expect("a directory");
    let (keys, log) = (keys(directory.path()), log_of("s/1", 300).await);
    let notary = open(directory.path(), &log).await.expect("a notary");
    assert_eq!(notary.checkpoint(), None);
    for size in [300, 301, 700] {
        let before = u128::from(log.head().await.expect("a head").size);
        grow(&log, "s/1", before + 1..=size).await;
        notary.sign().await.expect("a checkpoint");
        let (checkpoint, head) = (read(&notary, &keys), log.head().await.expect("a head"));
        assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.root()), (ORIGIN, head.size, head.root));
    }
    drop(notary);
    let again = open(directory.path(), &log).await.expect("the same log");
    assert_eq!(read(&again, &keys).size(), 700, "what was signed is served at once");
}

#[tokio::test]
async fn a_log_that_has_lost_signed_events_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    keys(directory.path());
    let notary = open(directory.path(), &log_of("s/1", 20).await).await.expect("a notary");
    notary.sign().await.expect("a checkpoint");
    drop(notary);
    let restored = open(directory.path(), &log_of("s/1", 19).await).await;
    assert!(matches!(restored, Err(NotaryError::Truncated { found: 19, signed: 20, how: Vouched::Signed })));
}

#[tokio::test]
async fn a_log_with_other_events_than_were_signed_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    keys(directory.path());
    let log = log_of("s/1", 600).await;
    let notary = open(directory.path(), &log).await.expect("a notary");
    notary.sign().await.expect("a checkpoint");
    drop(notary);
    let other = open(directory.path(), &log_of("s/2", 700).await).await;
    assert!(matches!(other, Err(NotaryError::Forked { size: 600, .. })));
    open(directory.path(), &log).await.expect("the log that was signed");
}

#[tokio::test]
async fn a_second_key_signs_beside_the_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let (old, log) = (keys(directory.path()), log_of("s/1", 3).await);
    let both = KeyRing::rotate(directory.path(), &[8; 32]).expect("a second key").verifiers();
    let notary = open(directory.path(), &log).await.expect("a notary");
    notary.sign().await.expect("a checkpoint");
    assert_eq!((read(&notary, &old).size(), both.len()), (3, 2));
    assert_eq!(read(&notary, &both[1..]).size(), 3);
}

/// Where the process was killed, after 300 events were signed and 500 more were committed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    BeforeTheTiles,
    AmongTheTiles,
    BeforeTheSignature,
    AfterTheSignature,
}

#[tokio::test]
async fn wherever_a_seal_was_cut_off_it_is_finished_with_the_same_root() {
    for killed in [Killed::BeforeTheTiles, Killed::AmongTheTiles, Killed::BeforeTheSignature, Killed::AfterTheSignature]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let (keys, log) = (keys(directory.path()), log_of("s/1", 300).await);
        let notary = open(directory.path(), &log).await.expect("a notary");
        notary.sign().await.expect("a checkpoint");
        grow(&log, "s/1", 301..=800).await;
        match killed {
            Killed::BeforeTheTiles => {}
            Killed::AmongTheTiles => notary.tiles.seal(600).await.expect("one more tile"),
            Killed::BeforeTheSignature => notary.tiles.seal(800).await.expect("all full tiles"),
            Killed::AfterTheSignature => notary.sign().await.expect("a checkpoint"),
        }
        drop(notary);

        let again = open(directory.path(), &log).await.expect("the same log");

        let (signed, head) = (read(&again, &keys).size(), log.head().await.expect("a head"));
        assert_eq!(signed, if matches!(killed, Killed::AfterTheSignature) { 800 } else { 300 }, "{killed:?}");
        for _ in 0..2 {
            again.sign().await.expect("a checkpoint");
            assert_eq!((read(&again, &keys).size(), read(&again, &keys).root()), (800, head.root), "{killed:?}");
        }
        assert_eq!(
            (again.tiles.sealed(), again.tiles.root(800).await.expect("a root")),
            (768, head.root),
            "{killed:?}"
        );
    }
}

#[tokio::test]
async fn a_signer_that_is_away_leaves_the_log_alone_and_is_asked_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let (keys, log) = (keys(directory.path()), log_of("s/1", 3).await);
    let reader: Arc<dyn Reader> = log.clone();
    let tiles = Arc::new(Tiles::open(&directory.path().join("tiles.db"), Arc::clone(&reader)).await.expect("tiles"));
    let socket = directory.path().join("socket");
    let ops = Ops::open(&directory.path().join("ops.db")).await.expect("an operational store");
    let with = |tiles, reader| {
        Notary::with(Signing::There(socket.clone()), tiles, reader, ops.clone(), OutsideSettings::nobody())
    };
    let away = with(Arc::clone(&tiles), Arc::clone(&reader)).await;
    assert!(matches!(away, Err(NotaryError::Signing(SigningError::Away { .. }))));

    let signer = Signer::open_in(directory.path()).expect("a signer");
    let service = SignerService::bind(signer, &socket, 0o600).expect("a socket");
    std::thread::spawn(move || service.run());
    let notary = with(tiles, reader).await.expect("a notary");
    assert!(notary.tell(notary.sign().await.err()));
    assert_eq!((read(&notary, &keys).size(), notary.signed_size(), notary.trouble()), (3, 3, None));

    let moved = directory.path().join("moved");
    std::fs::rename(&socket, &moved).expect("a socket");
    grow(&log, "s/1", 4..=5).await;
    assert!(!notary.tell(notary.sign().await.err()));
    assert_eq!((notary.signed_size(), notary.trouble()), (3, Some(Trouble::Away)));

    std::fs::rename(&moved, &socket).expect("a socket");
    assert!(notary.tell(notary.sign().await.err()));
    assert_eq!((notary.signed_size(), notary.trouble()), (5, None));
}

#[tokio::test]
async fn a_log_is_held_against_what_others_have_vouched_for_also_if_the_signer_has_forgotten_it() {
    let directory = tempfile::tempdir().expect("a directory");
    keys(directory.path());
    let ops = Ops::open(&directory.path().join("ops.db")).await.expect("an operational store");
    let log = log_of("s/1", 20).await;
    let notary = open(directory.path(), &log).await.expect("a notary");
    notary.sign().await.expect("a checkpoint");
    let note = notary.checkpoint().expect("a checkpoint");
    ops.keep_checkpoint(20, 5, &note).await.expect("kept");
    drop(notary);
    open(directory.path(), &log).await.expect("the log that was vouched for");
    // The signer's state is that of a log for which nothing has been signed.
    for file in ["state", "signer-1.key"] {
        std::fs::remove_file(directory.path().join(file)).expect("a file of the signer");
    }
    keys(directory.path());
    let shorter = open(directory.path(), &log_of("s/1", 19).await).await;
    assert!(matches!(shorter, Err(NotaryError::Truncated { found: 19, signed: 20, how: Vouched::Outside })));
    let other = open(directory.path(), &log_of("s/2", 30).await).await;
    assert!(matches!(other, Err(NotaryError::Forked { size: 20, how: Vouched::Outside, .. })));
    open(directory.path(), &log).await.expect("the log that was vouched for");
}

#[tokio::test]
async fn whoever_asks_at_once_for_a_checkpoint_gets_the_same() {
    let directory = tempfile::tempdir().expect("a directory");
    let (keys, log) = (keys(directory.path()), log_of("s/1", 20).await);
    let notary = open(directory.path(), &log).await.expect("a notary");
    notary.sign().await.expect("a checkpoint");
    for round in 1..=5 {
        grow(&log, "s/1", 20 * round + 1..=20 * (round + 1)).await;
        let (one, two, three) = tokio::join!(notary.sign(), notary.sign(), notary.sign());
        for signed in [one, two, three] {
            signed.expect("a checkpoint");
        }
        assert_eq!(u128::from(read(&notary, &keys).size()), 20 * (round + 1));
    }
}
