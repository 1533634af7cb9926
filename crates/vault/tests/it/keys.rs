//! The key store: keys are durable before they are handed out, bound to whom they belong, wrapped anew
//! when asked, and never taken for destroyed when they are only unreadable.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use sfs_sql::{Db, Options, Stmt};
use sfs_vault::{
    Class, Identity, KeyId, KeyReading, Keys, KeysError, PersonIdentity, Personal, Place, Purpose, RandomBytes,
    Reading, SpecialCategory, Statistics, SubjectId, SubjectKey, open, seal,
};
use uuid::Uuid;

use crate::support::{Counting, Shelf, keks, random, subject};

const PLACE: Place<'_> = Place { origin: "demo", event: Uuid::from_u128(5), slot: 0, event_type: "a.b.v1" };

async fn held<C: Class>(keys: &Keys, subject: SubjectId) -> SubjectKey<C> {
    keys.key::<C>(subject).await.unwrap().held().unwrap().clone()
}

fn sealed<C: Class>(key: &SubjectKey<C>) -> Vec<u8> {
    seal(key, &PLACE, &Personal::new("canary".to_owned()), &Counting::default()).unwrap().bytes
}

fn read<C: Class>(key: &KeyReading<C>, bytes: &[u8]) -> Reading<String> {
    open(key, &PLACE, Some(bytes)).unwrap().into_revealed()
}

fn known() -> Reading<String> {
    Reading::Known("canary".to_owned())
}

#[tokio::test]
async fn a_key_is_durable_before_it_is_handed_out() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    for number in 0..8 {
        let before = shelf.copy();
        let key = held::<Identity>(&keys, subject(number)).await;
        // What is in the files at this moment is what a killed process leaves.
        let copy = shelf.copy();
        let after_a_kill = copy.open().await;
        let again = after_a_kill.find::<Identity>(key.id()).await.unwrap();
        assert_eq!(read(&again, &sealed(&key)), known());
        // A copy that was made too early has no such key: the test could fail.
        assert!(matches!(before.open().await.find::<Identity>(key.id()).await, Err(KeysError::Unknown(_))));
    }
}

#[tokio::test]
async fn a_person_has_one_key_for_each_purpose_and_keeps_it() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let (identity, statistics) =
        (held::<Identity>(&keys, subject(1)).await, held::<Statistics>(&keys, subject(1)).await);
    assert_ne!(identity.id(), statistics.id());
    assert_eq!((identity.subject(), identity.purpose()), (subject(1), Purpose::Identity));
    assert_ne!(held::<Identity>(&keys, subject(2)).await.id(), identity.id());
    drop(keys);
    let keys = shelf.open().await;
    assert_eq!(held::<Identity>(&keys, subject(1)).await.id(), identity.id());
    assert_eq!(read(&keys.key::<Identity>(subject(1)).await.unwrap(), &sealed(&identity)), known());
}

#[tokio::test]
async fn many_who_ask_at_once_get_the_same_key() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let asking: Vec<_> = (0..16)
        .map(|_| {
            let keys = keys.clone();
            tokio::spawn(async move { held::<Identity>(&keys, subject(1)).await.id() })
        })
        .collect();
    let first = held::<Identity>(&keys, subject(1)).await.id();
    for one in asking {
        assert_eq!(one.await.unwrap(), first);
    }
    assert_eq!(keys.versions_in_use().await.unwrap(), [(1, 1)]);
}

#[tokio::test]
async fn a_bulk_of_keys_is_made_at_once_and_none_twice() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let first = held::<Identity>(&keys, subject(1)).await.id();
    let wanted = (1..=300).flat_map(|n| [(subject(n), Purpose::Identity), (subject(n), Purpose::Statistics)]);
    keys.prepare(wanted.clone().chain(wanted).collect()).await.unwrap();
    assert_eq!(keys.versions_in_use().await.unwrap(), [(1, 600)]);
    let mut ids = Vec::new();
    for number in 1..=300 {
        ids.push(held::<Identity>(&keys, subject(number)).await.id());
    }
    assert_eq!(ids[0], first);
    let found = keys.find_all::<Identity>(&ids).await.unwrap();
    assert_eq!(found.len(), 300);
    assert!(ids.iter().zip(1..).all(|(id, n)| found[id].held().unwrap().subject() == subject(n)));
}

#[tokio::test]
async fn a_key_that_was_never_here_is_unknown_and_not_destroyed() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let id = KeyId(Uuid::from_u128(9));
    assert!(matches!(keys.find::<Identity>(id).await, Err(KeysError::Unknown(missing)) if missing == id));
}

#[tokio::test]
async fn a_key_for_one_purpose_is_not_handed_out_for_another() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let id = held::<SpecialCategory>(&keys, subject(1)).await.id();
    let asked = keys.find::<Statistics>(id).await;
    assert!(matches!(
        asked,
        Err(KeysError::OtherPurpose { is: Purpose::SpecialCategory, asked: Purpose::Statistics, .. })
    ));
}

/// Changes the database behind the store's back.
async fn tamper(shelf: &Shelf, statement: &'static str) {
    let db = Db::open(shelf.path(), Options::default()).await.unwrap();
    let mut writer = db.writer().await.unwrap();
    assert!(writer.execute(Stmt::new(statement)).await.unwrap() > 0);
    writer.close().await.unwrap();
    db.close().await;
}

#[tokio::test]
async fn a_wrapped_key_that_was_given_to_somebody_else_does_not_open() {
    let tampers = [
        "update subject_key set wrapped = (select wrapped from subject_key order by key_id limit 1)",
        "update subject_key set subject = x'00000000000000000000000000000000'",
        "update subject_key set purpose = 'statistics'",
        "update subject_key set wrapped = zeroblob(72)",
        "update subject_key set wrapped = x''",
    ];
    for statement in tampers {
        let shelf = Shelf::new();
        let keys = shelf.open().await;
        let ids =
            [held::<Identity>(&keys, subject(1)).await.id(), held::<SpecialCategory>(&keys, subject(2)).await.id()];
        let second = ids.into_iter().max().unwrap();
        tamper(&shelf, statement).await;
        let read = [
            keys.find::<Identity>(second).await.err(),
            keys.find::<Statistics>(second).await.err(),
            keys.find::<SpecialCategory>(second).await.err(),
        ];
        assert!(
            read.iter().any(|why| matches!(why, Some(KeysError::KekWrong { version: 1 }))),
            "{statement}: {read:?}"
        );
        assert!(read.iter().all(Option::is_some), "{statement}: {read:?}");
    }
}

#[tokio::test]
async fn another_or_a_missing_key_encryption_key_is_refused_at_the_start() {
    let shelf = Shelf::new();
    held::<Identity>(&shelf.open().await, subject(1)).await;
    assert!(matches!(shelf.open_under(&[2]).await, Err(KeysError::KekMissing(1))));
    let line = "1 AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";
    let other = sfs_vault::KeyEncryptionKeys::parse(line).unwrap();
    let opened = Keys::open(&shelf.path(), other, random()).await;
    assert!(matches!(opened, Err(KeysError::KekWrong { version: 1 })));
    assert!(shelf.open_under(&[1, 2]).await.is_ok());
}

#[tokio::test]
async fn an_empty_store_belongs_to_its_key_encryption_key_too() {
    let shelf = Shelf::new();
    drop(shelf.open().await);
    assert!(matches!(shelf.open_under(&[2]).await, Err(KeysError::KekMissing(1))));
}

#[tokio::test]
async fn after_a_rewrap_the_older_version_is_needed_no_more() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    keys.prepare((0..1200).map(|n| (subject(n), Purpose::Identity)).collect()).await.unwrap();
    let key = held::<Identity>(&keys, subject(7)).await;
    let print = keys.stream_fingerprint("invoice", &["7"]);
    let old_bytes = shelf.blobs("select wrapped from subject_key").await;
    assert_eq!(old_bytes.len(), 1200);
    let done = keys.rewrap(keks(&[1, 2, 3])).await.unwrap();
    // The keys of two kinds of digests are wrapped anew as well.
    assert_eq!((done.keys, done.current, done.retired), (1202, 3, vec![1, 2]));
    assert_eq!(keys.versions_in_use().await.unwrap(), [(3, 1200)]);
    // The store in use goes on under the new version alone.
    assert_eq!(read(&keys.find::<Identity>(key.id()).await.unwrap(), &sealed(&key)), known());
    held::<Identity>(&keys, subject(5000)).await;
    drop(keys);
    let keys = shelf.open_under(&[3]).await.unwrap();
    assert_eq!(read(&keys.find::<Identity>(key.id()).await.unwrap(), &sealed(&key)), known());
    assert_eq!(keys.stream_fingerprint("invoice", &["7"]), print);
    assert_eq!(keys.versions_in_use().await.unwrap(), [(3, 1201)]);
    for bytes in old_bytes.iter().step_by(97) {
        assert_eq!(shelf.found(bytes), Vec::<std::path::PathBuf>::new(), "an older wrapping is still there");
    }
}

#[tokio::test]
async fn a_rewrap_goes_on_where_another_was_stopped() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    keys.prepare((0..10).map(|n| (subject(n), Purpose::Identity)).collect()).await.unwrap();
    drop(keys);
    let keys = shelf.open_under(&[1, 2]).await.unwrap();
    keys.prepare((10..30).map(|n| (subject(n), Purpose::Identity)).collect()).await.unwrap();
    assert_eq!(keys.versions_in_use().await.unwrap(), [(1, 10), (2, 20)]);
    let done = keys.rewrap(keks(&[1, 2])).await.unwrap();
    assert_eq!((done.keys, done.current, done.retired), (12, 2, vec![1]));
    assert_eq!(keys.versions_in_use().await.unwrap(), [(2, 30)]);
    assert_eq!(keys.rewrap(keks(&[2])).await.unwrap().keys, 0);
}

#[tokio::test]
async fn a_rewrap_stops_at_a_key_that_was_changed_and_loses_none() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    keys.prepare((0..10).map(|n| (subject(n), Purpose::Identity)).collect()).await.unwrap();
    let whole = shelf.blobs("select wrapped from subject_key order by key_id desc limit 9").await;
    tamper(
        &shelf,
        "update subject_key set wrapped = zeroblob(72) where key_id = (select max(key_id) from subject_key)",
    )
    .await;
    let stopped = keys.rewrap(keks(&[1, 2])).await;
    assert!(matches!(stopped, Err(KeysError::KekWrong { version: 1 })), "{stopped:?}");
    assert_eq!(keys.versions_in_use().await.unwrap(), [(1, 10), (2, 0)], "those of fingerprints went first");
    let left = shelf.blobs("select wrapped from subject_key order by key_id desc limit 9").await;
    assert_eq!(left[1..], whole[1..]);
}

#[tokio::test]
async fn the_write_ahead_log_stays_short() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    for bulk in 0..40_u128 {
        keys.prepare((0..250).map(|n| (subject(bulk * 250 + n), Purpose::Identity)).collect()).await.unwrap();
    }
    let wal = std::fs::metadata(shelf.path().with_extension("db-wal")).unwrap().len();
    let whole = std::fs::metadata(shelf.path()).unwrap().len();
    assert!(whole > 1_000_000, "the keys are in the file: {whole} bytes");
    assert!(wal < 4 * whole, "{wal} bytes of log beside {whole}");
}

#[tokio::test]
async fn a_rewrap_that_cannot_open_everything_changes_nothing() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let key = held::<Identity>(&keys, subject(1)).await;
    assert!(matches!(keys.rewrap(keks(&[2])).await, Err(KeysError::KekMissing(1))));
    assert_eq!(read(&keys.find::<Identity>(key.id()).await.unwrap(), &sealed(&key)), known());
    drop(keys);
    assert!(shelf.open_under(&[1]).await.is_ok());
}

#[tokio::test]
async fn a_person_is_recognised_however_the_name_is_written() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let person = |name| PersonIdentity::of([name, "2001-02-03"]);
    let claim = async |keys: &Keys, scope, name, n| keys.recognise(scope, &person(name), subject(n)).await.unwrap();
    assert_eq!(claim(&keys, "", "Mara Beispiel", 1).await, subject(1));
    assert_eq!(claim(&keys, "", "  mara  BEISPIEL ", 2).await, subject(1));
    assert_eq!(claim(&keys, "", "Mara Beispiels", 3).await, subject(3));
    assert_eq!(claim(&keys, "operation-1", "Mara Beispiel", 4).await, subject(4), "another scope");
    let copy = shelf.copy();
    assert_eq!(claim(&copy.open().await, "", "Mara Beispiel", 5).await, subject(1), "after a kill");
    assert!(shelf.found(b"Beispiel").is_empty() && shelf.found(b"beispiel").is_empty());
}

#[tokio::test]
async fn the_digest_of_a_person_differs_from_installation_to_installation() {
    let digests = async |seed: u64| {
        let shelf = Shelf::new();
        let shift = move |bytes: &mut [u8]| bytes.fill(seed as u8);
        let keys = Keys::open(&shelf.path(), keks(&[1]), Arc::new(shift)).await.unwrap();
        keys.recognise("", &PersonIdentity::of(["a"]), subject(1)).await.unwrap();
        (shelf.blobs("select digest from person").await, keys.stream_fingerprint("invoice", &["1"]))
    };
    let (one, other) = (digests(1).await, digests(2).await);
    assert_ne!(one.0, other.0);
    assert_ne!(one.1, other.1);
}

#[tokio::test]
async fn a_fingerprint_tells_kinds_and_parts_apart_and_stays() {
    let shelf = Shelf::new();
    let keys = shelf.open().await;
    let one = keys.stream_fingerprint("invoice", &["ab", "c"]);
    for (kind, parts) in [("invoice", vec!["a", "bc"]), ("invoice", vec!["abc"]), ("invoicea", vec!["b", "c"])] {
        assert_ne!(keys.stream_fingerprint(kind, &parts), one);
    }
    drop(keys);
    assert_eq!(shelf.open().await.stream_fingerprint("invoice", &["ab", "c"]), one);
}

#[tokio::test]
async fn no_key_is_in_a_file_in_clear() {
    let shelf = Shelf::new();
    let given: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let source = Counting::default();
    let recording = {
        let given = Arc::clone(&given);
        move |bytes: &mut [u8]| {
            source.fill(bytes);
            given.lock().unwrap().push(bytes.to_vec());
        }
    };
    let keys = Keys::open(&shelf.path(), keks(&[1]), Arc::new(recording)).await.unwrap();
    keys.prepare((0..20).map(|n| (subject(n), Purpose::Identity)).collect()).await.unwrap();
    keys.rewrap(keks(&[1, 2])).await.unwrap();
    let given = given.lock().unwrap().clone();
    let of_length = |bytes: usize| given.iter().filter(move |one| one.len() == bytes);
    // Nonces are written, keys are not: those of 20 subjects and of two kinds of digests.
    assert!(of_length(24).any(|nonce| !shelf.found(nonce).is_empty()), "the search finds nothing at all");
    assert_eq!(of_length(32).count(), 22);
    assert!(of_length(32).all(|key| shelf.found(key).is_empty()));
    assert!(shelf.found(&[1; 32]).is_empty() && shelf.found(&[2; 32]).is_empty(), "a key-encryption key");
}

#[tokio::test]
async fn the_file_is_known_by_its_header_and_belongs_to_its_owner() {
    let shelf = Shelf::new();
    drop(shelf.open().await);
    let keys = shelf.open().await;
    held::<Identity>(&keys, subject(1)).await;
    for name in ["keys.db", "keys.db-wal", "keys.db-shm"] {
        let mode = std::fs::metadata(shelf.path().with_file_name(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let shelf = Shelf::new();
    std::fs::write(shelf.path(), "no database at all").unwrap();
    assert!(matches!(shelf.open_under(&[1]).await, Err(KeysError::Foreign(_))));
    assert_eq!(std::fs::read(shelf.path()).unwrap(), b"no database at all", "it is left as it was");
}
