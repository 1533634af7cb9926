//! A copy of a key store: what is in it, what is not, and that looking at it changes nothing.

use sfs_sql::Db;
use sfs_vault::{Identity, Inspection, KeysError, Purpose, Statistics, inspect};
use uuid::Uuid;

use crate::support::{Shelf, keks, subject};

#[tokio::test]
async fn a_copy_has_the_keys_and_the_tombstones_and_opens_under_the_right_keks_only() {
    let (shelf, directory) = (Shelf::new(), tempfile::tempdir().unwrap());
    let store = shelf.open().await;
    let kept = store.key::<Identity>(subject(1)).await.unwrap().held().unwrap().id();
    let gone = store.key::<Statistics>(subject(1)).await.unwrap().held().unwrap().id();
    let wrapped = shelf.blobs("select wrapped from subject_key where purpose = 'statistics'").await.remove(0);
    store.destroy(subject(1), vec![Purpose::Statistics], Uuid::from_u128(9)).await.unwrap();

    // The store stays open, as that of a running server does.
    let copy = directory.path().join("keys.db");
    Db::copy(&shelf.path(), &copy).await.unwrap();

    let before = std::fs::read(&copy).unwrap();
    assert!(!before.windows(wrapped.len()).any(|found| found == wrapped), "a destroyed key does not travel");
    let found = inspect(&copy, Some(&keks(&[1]))).await.unwrap();
    let expected = Inspection {
        held: [(kept, (subject(1), Purpose::Identity))].into(),
        destroyed: [gone].into(),
        versions: [1].into(),
    };
    assert_eq!(found, expected);
    assert_eq!(inspect(&copy, None).await.unwrap(), expected, "without them the rest is told");
    assert!(matches!(inspect(&copy, Some(&keks(&[2]))).await, Err(KeysError::KekMissing(1))));
    let other = sfs_vault::KeyEncryptionKeys::parse(&format!("1 {}", "B".repeat(42) + "A")).unwrap();
    assert!(matches!(inspect(&copy, Some(&other)).await, Err(KeysError::KekWrong { version: 1 })));
    assert_eq!(std::fs::read(&copy).unwrap(), before);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1, "nothing was made beside it");
}

#[tokio::test]
async fn what_is_no_key_store_is_not_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let other = directory.path().join("other.db");
    std::fs::write(&other, "nothing").unwrap();
    assert!(matches!(inspect(&other, None).await, Err(KeysError::Foreign(_))));
}
