//! The end of a key: what it sealed reads as erased, its bytes are in no file, it does not come back.

use std::path::PathBuf;
use std::task::Poll;

use sfs_sql::{Db, Options, Stmt};
use sfs_vault::{
    Class, Identity, KeyId, KeyReading, Keys, KeysError, PersonIdentity, Personal, Place, Purpose, Reading, Statistics,
    SubjectId, SubjectKey, Tombstone, open, seal,
};
use uuid::Uuid;

use crate::support::{Counting, Shelf, subject};

const PLACE: Place<'_> = Place { origin: "demo", event: Uuid::from_u128(5), slot: 0, event_type: "a.b.v1" };
const ERASURE: Uuid = Uuid::from_u128(77);

async fn held<C: Class>(keys: &Keys, subject: SubjectId) -> SubjectKey<C> {
    keys.key::<C>(subject).await.unwrap().held().unwrap().clone()
}

fn sealed<C: Class>(key: &SubjectKey<C>) -> Vec<u8> {
    seal(key, &PLACE, &Personal::new("canary".to_owned()), &Counting::default()).unwrap().bytes
}

async fn read<C: Class>(keys: &Keys, key: &SubjectKey<C>) -> Reading<String> {
    let reading = keys.find::<C>(key.id()).await.unwrap();
    open(&reading, &PLACE, Some(&sealed(key))).unwrap().into_revealed()
}

fn nowhere() -> Vec<PathBuf> {
    Vec::new()
}

#[tokio::test]
async fn an_erased_identity_leaves_the_figure_and_everybody_else() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let identity = held::<Identity>(&keys, subject(1)).await;
    let statistics = held::<Statistics>(&keys, subject(1)).await;
    let other = held::<Identity>(&keys, subject(2)).await;
    let known = || Reading::Known("canary".to_owned());
    assert_eq!(read(&keys, &identity).await, known());

    let tombstones = keys.destroy(subject(1), vec![Purpose::Identity], ERASURE).await.unwrap();

    let expected = Tombstone { key: identity.id(), subject: subject(1), purpose: Purpose::Identity, erasure: ERASURE };
    assert_eq!(tombstones, [expected]);
    let copy = shelf.copy();
    for keys in [&keys, &copy.open().await] {
        assert_eq!(read(keys, &identity).await, Reading::Erased);
        assert_eq!(read(keys, &statistics).await, known());
        assert_eq!(read(keys, &other).await, known());
        assert_eq!(keys.tombstones().await.unwrap(), [expected]);
    }
}

#[tokio::test]
async fn no_new_key_is_made_for_what_was_erased_even_if_there_was_none() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    held::<Identity>(&keys, subject(1)).await;
    let both = vec![Purpose::Identity, Purpose::Statistics];
    let tombstones = keys.destroy(subject(1), both.clone(), ERASURE).await.unwrap();
    assert_eq!(tombstones.len(), 2);
    keys.prepare(both.iter().map(|purpose| (subject(1), *purpose)).collect()).await.unwrap();
    assert!(matches!(keys.key::<Identity>(subject(1)).await, Ok(KeyReading::Destroyed)));
    assert!(matches!(keys.key::<Statistics>(subject(1)).await, Ok(KeyReading::Destroyed)));
    // Asked again, it is the same erasure and no second one.
    assert_eq!(keys.destroy(subject(1), both, Uuid::from_u128(78)).await.unwrap(), tombstones);
}

#[tokio::test]
async fn whom_an_erased_subject_was_known_as_is_forgotten() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let person = PersonIdentity::of(["canary"]);
    keys.recognise("", &person, subject(1)).await.unwrap();
    held::<Identity>(&keys, subject(1)).await;
    let digest = shelf.blobs("select digest from person").await.remove(0);
    assert_ne!(shelf.found(&digest), nowhere(), "the search finds nothing at all");

    // The statistics key alone does not make a person unknown.
    keys.destroy(subject(1), vec![Purpose::Statistics], ERASURE).await.unwrap();
    assert_eq!(keys.recognise("", &person, subject(2)).await.unwrap(), subject(1));
    keys.destroy(subject(1), vec![Purpose::Identity], ERASURE).await.unwrap();

    assert_eq!(shelf.found(&digest), nowhere());
    let claimed = keys.recognise("", &person, subject(1)).await;
    assert!(matches!(claimed, Err(KeysError::SubjectErased(erased)) if erased == subject(1)));
    assert_eq!(keys.recognise("", &person, subject(2)).await.unwrap(), subject(2), "a new person to us");
}

/// A store whose pages were split and merged many times, so that cells were moved about.
async fn crowded(shelf: &Shelf) -> Keys {
    let keys = shelf.open().await;
    for bulk in 0..20_u128 {
        let wanted = (0..100).map(|n| (subject(bulk * 100 + n), Purpose::Identity)).collect();
        keys.prepare(wanted).await.unwrap();
    }
    keys
}

/// The wrapped bytes of the first, the last and some keys between, by subject.
async fn some_wrapped(shelf: &Shelf) -> Vec<(SubjectId, Vec<u8>)> {
    let subjects = shelf.blobs("select subject from subject_key order by key_id").await;
    let wrapped = shelf.blobs("select wrapped from subject_key order by key_id").await;
    let subjects = subjects.iter().map(|bytes| SubjectId(Uuid::from_slice(bytes).unwrap()));
    subjects.zip(wrapped).step_by(23).collect()
}

#[tokio::test]
async fn the_bytes_of_a_destroyed_key_are_in_no_file_of_the_store() {
    let shelf = Shelf::new();
    let keys = crowded(&shelf).await;
    let some = some_wrapped(&shelf).await;
    assert!(some.len() > 80);
    for (_, wrapped) in &some {
        assert_ne!(shelf.found(wrapped), nowhere(), "the search finds nothing at all");
    }
    for (subject, wrapped) in &some {
        keys.destroy(*subject, vec![Purpose::Identity], ERASURE).await.unwrap();
        assert_eq!(shelf.found(wrapped), nowhere());
    }
    drop(keys);
    let keys = shelf.open().await;
    for (_, wrapped) in &some {
        assert_eq!(shelf.found(wrapped), nowhere());
    }
    assert_eq!(keys.tombstones().await.unwrap().len(), some.len());
    assert_eq!(keys.versions_in_use().await.unwrap(), [(1, 2000 - some.len() as u64)]);
}

/// Seeded faults: destroys keys as the store does, but without one of the two things that take the bytes
/// out of the files. Answers with those that can still be found.
async fn destroyed_carelessly(shelf: &mut Shelf, pragma: &'static str, cut: &'static str) -> Vec<Vec<u8>> {
    let _keys = crowded(shelf).await;
    let some = some_wrapped(shelf).await;
    let db = Db::open(shelf.path(), Options::default()).await.unwrap();
    let mut writer = db.writer().await.unwrap();
    writer.fetch_optional(Stmt::new(pragma)).await.unwrap();
    for (_, wrapped) in &some {
        let update = "update subject_key set wrapped = null, kek_version = null, erasure = $1 where wrapped = $2";
        let update = Stmt::new(update).blob(*ERASURE.as_bytes()).blob(wrapped.clone());
        assert_eq!(writer.execute(update).await.unwrap(), 1);
    }
    writer.fetch_optional(Stmt::new(cut)).await.unwrap();
    // As a killed process leaves them: closing would cut the log.
    *shelf = shelf.copy();
    some.into_iter().map(|(_, wrapped)| wrapped).filter(|wrapped| !shelf.found(wrapped).is_empty()).collect()
}

#[tokio::test]
async fn without_cutting_the_write_ahead_log_bytes_are_found_until_the_next_start_cuts_it() {
    let mut shelf = Shelf::new();
    let (on, passive) = ("pragma secure_delete = on", "pragma wal_checkpoint(passive)");
    let left = destroyed_carelessly(&mut shelf, on, passive).await;
    assert!(!left.is_empty());
    let _keys = shelf.open().await;
    assert_eq!(left.iter().flat_map(|wrapped| shelf.found(wrapped)).collect::<Vec<_>>(), nowhere());
}

#[tokio::test]
async fn without_overwriting_bytes_are_found_in_the_database_itself() {
    let mut shelf = Shelf::new();
    let (off, truncate) = ("pragma secure_delete = off", "pragma wal_checkpoint(truncate)");
    let left = destroyed_carelessly(&mut shelf, off, truncate).await;
    assert!(left.iter().flat_map(|wrapped| shelf.found(wrapped)).any(|file| file == shelf.path()));
}

#[tokio::test]
async fn a_destruction_that_somebody_keeps_from_the_files_is_finished_when_asked_again() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let key = held::<Identity>(&keys, subject(1)).await;
    // A backup that reads: it keeps the write-ahead log from being cut.
    let db = Db::open(shelf.path(), Options::default()).await.unwrap();
    let mut reading = db.writer().await.unwrap();
    reading.run_script("begin").await.unwrap();
    reading.fetch_all(Stmt::new("select wrapped from subject_key")).await.unwrap();
    let destroyed = keys.destroy(subject(1), vec![Purpose::Identity], ERASURE).await;
    assert!(matches!(destroyed, Err(KeysError::NotScrubbed)), "{destroyed:?}");
    assert_eq!(read(&keys, &key).await, Reading::Erased, "the key is gone all the same");
    reading.rollback().await.unwrap();
    assert_eq!(keys.destroy(subject(1), vec![Purpose::Identity], ERASURE).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_restored_store_destroys_again_what_the_log_says_was_destroyed() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let first = held::<Identity>(&keys, subject(1)).await;
    let person = PersonIdentity::of(["canary"]);
    keys.recognise("", &person, subject(1)).await.unwrap();
    let backup = shelf.copy();
    // After the backup: one more key, and both are destroyed.
    let later = held::<Identity>(&keys, subject(2)).await;
    let wrapped = shelf.blobs("select wrapped from subject_key").await;
    for erased in [subject(1), subject(2)] {
        keys.destroy(erased, vec![Purpose::Identity], ERASURE).await.unwrap();
    }
    let of_the_log = keys.tombstones().await.unwrap();

    let restored = backup.open().await;
    assert_eq!(read(&restored, &first).await, Reading::Known("canary".to_owned()), "the restore brought it back");
    assert_eq!(restored.destroy_again(of_the_log.clone()).await.unwrap(), 1);

    assert_eq!(read(&restored, &first).await, Reading::Erased);
    assert_eq!(read(&restored, &later).await, Reading::Erased, "a key that the backup had never seen");
    assert_eq!(restored.tombstones().await.unwrap(), of_the_log);
    assert_eq!(restored.recognise("", &person, subject(3)).await.unwrap(), subject(3));
    assert_eq!(wrapped.iter().flat_map(|bytes| backup.found(bytes)).collect::<Vec<_>>(), nowhere());
    // Again, and nothing is left to do.
    assert_eq!(restored.destroy_again(of_the_log.clone()).await.unwrap(), 0);
    assert_eq!(restored.tombstones().await.unwrap(), of_the_log);
}

#[tokio::test]
async fn a_key_that_was_made_between_restore_and_reconciliation_is_destroyed_too() {
    let shelf = Shelf::new();
    let restored = shelf.open().await;
    let strayed = held::<Identity>(&restored, subject(1)).await;
    let of_the_log =
        Tombstone { key: KeyId(Uuid::from_u128(9)), subject: subject(1), purpose: Purpose::Identity, erasure: ERASURE };
    assert_eq!(restored.destroy_again(vec![of_the_log]).await.unwrap(), 1);
    assert_eq!(read(&restored, &strayed).await, Reading::Erased);
    assert!(matches!(restored.find::<Identity>(of_the_log.key).await, Ok(KeyReading::Destroyed)));
    assert!(matches!(restored.key::<Identity>(subject(1)).await, Ok(KeyReading::Destroyed)));
}

#[tokio::test]
async fn a_tombstone_is_neither_filled_again_nor_deleted() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let key = held::<Identity>(&keys, subject(1)).await;
    keys.destroy(subject(1), vec![Purpose::Identity], ERASURE).await.unwrap();
    let db = Db::open(shelf.path(), Options::default()).await.unwrap();
    let mut writer = db.writer().await.unwrap();
    let attempts = [
        "update subject_key set wrapped = x'00', kek_version = 1, erasure = null",
        "delete from subject_key",
        "insert or replace into subject_key (key_id, subject, purpose, kek_version, wrapped)
         select key_id, subject, purpose, 1, x'00' from subject_key",
    ];
    for attempt in attempts {
        let why = writer.execute(Stmt::new(attempt)).await.unwrap_err();
        assert!(why.is_constraint(), "{attempt}: {why:?}");
    }
    assert_eq!(read(&keys, &key).await, Reading::Erased);
}

/// Works on something for so many steps and leaves, as a client does whose connection ends.
async fn abandoned(work: impl Future, steps: usize) {
    let mut work = std::pin::pin!(work);
    for _ in 0..steps {
        if std::future::poll_fn(|context| Poll::Ready(work.as_mut().poll(context).is_ready())).await {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_caller_who_leaves_leaves_nothing_half_done() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    // The database answers from a thread of its own, so no number of steps is a certain place: many are
    // tried.
    for number in 0..60 {
        let subject = subject(number);
        abandoned(keys.key::<Identity>(subject), number as usize % 20).await;
        let key = held::<Identity>(&keys, subject).await;
        abandoned(keys.destroy(subject, Purpose::ALL.to_vec(), ERASURE), number as usize % 20).await;
        let left = keys.tombstones().await.unwrap().iter().filter(|tombstone| tombstone.subject == subject).count();
        assert!(left == 0 || left == Purpose::ALL.len(), "{left}");
        assert_eq!(keys.destroy(subject, Purpose::ALL.to_vec(), ERASURE).await.unwrap().len(), Purpose::ALL.len());
        assert_eq!(read(&keys, &key).await, Reading::Erased);
    }
}
