//! The law of what can leave a log: ciphertexts, and the digests of commands.

use sfs_ledger::{Hash, digest};
use uuid::Uuid;

use super::{Subject, accepted, append, texts};
use crate::port::{Expected, Purge, SealedSlot};

pub(super) async fn ciphertexts_leave_alone(subject: &Subject) {
    let log = subject.open().await;
    let slot = |text: &str| SealedSlot { digest: digest(text.as_bytes()), bytes: text.as_bytes().to_vec() };
    for (command, stream, text) in [(1, "test/a", "one"), (2, "test/b", "two")] {
        let mut append = append(command, stream, Expected::Version(0), &["x"]);
        append.writes[0].events[0].sealed = vec![slot(text)];
        accepted(&*log, append).await;
    }
    let asked = ["two", "never", "one"].map(|text| digest(text.as_bytes()));
    let found = log.sealed(&asked).await.expect("ciphertexts");
    assert_eq!(found, [Some(b"two".to_vec()), None, Some(b"one".to_vec())]);
    let (before, head) = (texts(&*log).await, log.head().await.expect("a head"));
    let digest_of = async |n: u128| {
        log.command(Uuid::from_u128(n << 16)).await.expect("an answer").expect("a known command").digest
    };
    assert!(digest_of(1).await.is_some() && digest_of(2).await.is_some());
    let purge = |slots: &[Hash]| Purge { slots: slots.to_vec(), events: vec![(Uuid::from_u128(2 << 16), 2)] };
    assert_eq!(log.purge(purge(&asked[..2])).await.expect("purged"), 1);
    assert_eq!(log.purge(purge(&asked[..1])).await.expect("purged again"), 0);
    assert!(digest_of(1).await.is_some() && digest_of(2).await.is_none());
    // Under the id of a list the command is found by its position.
    let of_list = Purge { slots: Vec::new(), events: vec![(Uuid::from_u128(99), 1)] };
    assert_eq!(log.purge(of_list).await.expect("purged"), 0);
    assert_eq!(digest_of(1).await, None);
    log.close().await;
    let log = subject.open().await;
    assert_eq!(log.sealed(&asked).await.expect("ciphertexts"), [None, None, Some(b"one".to_vec())]);
    assert_eq!((texts(&*log).await, log.head().await.expect("a head").root), (before, head.root));
    let committed = accepted(&*log, append(3, "test/a", Expected::Version(1), &["more"])).await;
    assert_eq!(log.forget_digests(committed.recorded_at).await.expect("forgotten"), 0, "none is older than itself");
    assert_eq!(log.forget_digests(committed.recorded_at + 1).await.expect("forgotten"), 1);
    assert_eq!(log.forget_digests(committed.recorded_at + 1).await.expect("forgotten"), 0);
    log.close().await;
}
