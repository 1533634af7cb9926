//! Given leaves that name keys, and a key store that has them, has their tombstones or neither, then.

use sfs_ledger::{Hash, LEAF_FORMAT, LeafDraft, SealedRef, digest, leaf_hash, write_open};

use super::*;

fn key(number: u128) -> KeyId {
    KeyId(Uuid::from_u128(number))
}

/// An event that names these keys, as the log stores it.
fn event(event_type: &str, sealed: &[String], data: &str) -> StoredEvent {
    let body = OpenBody {
        occurred_on: "2026-11-24".into(),
        ags: "15".into(),
        provider: None,
        operation: None,
        school: None,
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data,
        salt: [7; 16],
    };
    let mut open = Vec::new();
    write_open(&body, &mut open).unwrap();
    let slot = |key: &String| SealedRef { a: "xc20p".into(), k: key.clone().into(), h: digest(key.as_bytes()) };
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(1),
        stream: "person/1".into(),
        event_type: event_type.into(),
        actor: "00000000-0000-0000-0000-000000000007".into(),
        role: "AD".into(),
        org: None,
        rule: "test/AD@state".into(),
        cmd: Uuid::from_u128(2),
        corr: None,
        cause: None,
        by: "sfs/test".into(),
        open: digest(&open),
        sealed: sealed.iter().map(slot).collect(),
        sd: Vec::<Hash>::new(),
    };
    let mut leaf = Vec::new();
    draft.prepare().unwrap().complete(1, 1, 1, None, &mut leaf).unwrap();
    StoredEvent {
        position: 1,
        stream: "person/1".into(),
        version: 1,
        event_type: event_type.into(),
        recorded_at: 1,
        leaf_hash: leaf_hash(&leaf),
        leaf,
        open: String::from_utf8(open).unwrap(),
    }
}

fn sealing(keys: &[u128]) -> StoredEvent {
    let keys: Vec<String> = keys.iter().map(|number| key(*number).to_string()).collect();
    event("support-case.opened.v1", &keys, "{}")
}

fn erasing(keys: &[u128]) -> StoredEvent {
    let keys: Vec<String> = keys.iter().map(|number| format!("\"{}\"", key(*number))).collect();
    let data = format!("{{\"erasure\":\"{}\",\"keys\":[{}]}}", Uuid::from_u128(9), keys.join(","));
    event(ERASED, &[], &data)
}

fn check(events: &[StoredEvent], held: &[u128], destroyed: &[u128]) -> Checked {
    let (mut named, mut checked) = (Named::default(), Checked::default());
    events.iter().for_each(|event| named.read(event).unwrap());
    let all = |keys: &[u128]| keys.iter().map(|number| key(*number)).collect();
    let owner = |number: u128| (SubjectId(Uuid::from_u128(number)), Purpose::Identity);
    let held = held.iter().map(|number| (key(*number), owner(*number))).collect();
    let keys = Inspection { held, destroyed: all(destroyed), ..Inspection::default() };
    let (subject, purpose) = owner(77);
    let listed = [Listed { subject, purpose, erasure: Uuid::nil() }];
    compare_keys(&named, Some(&keys), &listed, &mut checked);
    checked
}

#[test]
fn every_key_that_a_leaf_names_is_there_or_was_destroyed() {
    let events = [sealing(&[1, 2]), sealing(&[2, 3])];
    assert_eq!(check(&events, &[1, 2, 3], &[]).weight(), None);
    assert_eq!(check(&events, &[1, 3, 4], &[2]).weight(), None, "a tombstone is enough, and more keys may be there");
    let lost = check(&events, &[1], &[2]);
    assert_eq!(lost.weight(), Some(Weight::Invalid));
    assert!(lost.findings[0].what.contains(&key(3).to_string()), "{:?}", lost.findings);
}

#[test]
fn a_key_that_the_log_says_was_destroyed_is_told_and_no_finding() {
    let events = [sealing(&[1, 2, 3]), erasing(&[1, 2])];
    let checked = check(&events, &[1, 3], &[2]);
    assert_eq!((checked.weight(), checked.destroyed_again), (None, vec![key(1).0]));
    assert!(check(&events, &[3], &[1, 2]).destroyed_again.is_empty());
    // Erased after the backup was made: only the list knows.
    let later = check(&[sealing(&[77])], &[77], &[]);
    assert_eq!((later.destroyed_again.len(), later.weight()), (1, None));
}

#[test]
fn without_a_key_store_a_log_that_names_keys_is_incomplete() {
    for (events, weight) in [(vec![], None), (vec![sealing(&[1])], Some(Weight::Missing))] {
        let (mut named, mut checked) = (Named::default(), Checked::default());
        events.iter().for_each(|event| named.read(event).unwrap());
        compare_keys(&named, None, &[], &mut checked);
        assert_eq!(checked.weight(), weight);
    }
}

#[test]
fn what_names_no_key_is_invalid() {
    assert!(Named::default().read(&event("support-case.opened.v1", &["no key".to_owned()], "{}")).is_err());
    assert!(Named::default().read(&event(ERASED, &[], "{}")).is_err());
    let mut cut = sealing(&[1]);
    cut.leaf.pop();
    assert!(Named::default().read(&cut).is_err());
}
