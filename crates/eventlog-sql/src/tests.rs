//! The contract on SQLite, the guards, and what a log refuses to be opened with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sfs_eventlog::contract::{Subject, append};
use sfs_eventlog::{AppendError, Appended, EventLog, Expected, Limits, Reader};
use sfs_sql::{Db, Durability, Options, Stmt};

use crate::open::{OpenError, Settings, SqliteLog, open};

fn settings() -> Settings {
    Settings {
        origin: "test".into(),
        create: true,
        durability: Durability::Full,
        limits: Limits::default(),
        readers: 2,
    }
}

async fn at(path: &Path) -> Result<SqliteLog, OpenError> {
    open(path, settings(), || 1_764_000_000_000_000).await
}

async fn subject() -> Subject {
    let directory = Arc::new(tempfile::tempdir().expect("a directory"));
    Subject::new(Box::new(move || {
        let directory = Arc::clone(&directory);
        Box::pin(async move {
            let log = at(&directory.path().join("log.db")).await.expect("a log");
            Arc::new(log) as Arc<dyn EventLog>
        })
    }))
}

sfs_eventlog::event_log_contract!(sqlite, crate::tests::subject);

/// A log with three events, closed.
async fn closed_log() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.db");
    let log = at(&path).await.expect("a log");
    for n in 1..=3 {
        log.append(append(n, "s/1", Expected::Any, &["a"])).await.expect("an append");
    }
    log.close().await;
    (directory, path)
}

#[tokio::test]
async fn guards_refuse_update_delete_and_replace() {
    let (_directory, path) = closed_log().await;
    let db = Db::open(&path, Options::default()).await.expect("a database");
    let mut writer = db.writer().await.expect("a writer");
    // As a foreign program would come: without our pragma.
    writer.run_script("pragma recursive_triggers = off").await.expect("a pragma");
    let again = "(pos, sid, sv, tid, at, leaf_hash, leaf, open, tags) select pos, sid, sv, tid, at, leaf_hash, x'00', open, tags from event where pos = 2";
    let moved = "(pos, sid, sv, tid, at, leaf_hash, leaf, open, tags) select 9, sid, sv, tid, at, leaf_hash, x'00', open, tags from event where pos = 2";
    for text in [
        "update event set leaf = x'00' where pos = 2".to_owned(),
        "delete from event where pos = 3".to_owned(),
        format!("insert into event {again}"),
        format!("insert or replace into event {again}"),
        format!("insert or replace into event {moved}"),
        "update stream set name = 'other'".to_owned(),
        "delete from stream".to_owned(),
        "insert or replace into stream (sid, name) values (1, 'other')".to_owned(),
        "insert or replace into event_type (tid, name) values (1, 'other')".to_owned(),
        "delete from log_head".to_owned(),
        "insert or replace into log_head (id, origin, level, size, root, range, at) values (1, 'x', 1, 0, x'', x'', 0)".to_owned(),
        "update log_head set size = 1".to_owned(),
        "update log_head set origin = 'other'".to_owned(),
        "delete from log_command".to_owned(),
        "update log_command set first = 7".to_owned(),
        "update log_command set digest = x'00'".to_owned(),
        "insert or replace into log_command (cmd, digest, first, count, at) select cmd, x'00', 1, 1, 1 from log_command limit 1".to_owned(),
    ] {
        let refused = writer.execute(Stmt::composed(text.clone())).await;
        assert!(refused.is_err(), "not refused: {text}");
    }
    let log = at(&path).await.expect("the log is whole");
    assert_eq!(log.forget_digests(i64::MAX).await.expect("digests can be forgotten"), 3);
    assert!(matches!(log.append(append(1, "s/1", Expected::Any, &["a"])).await, Err(AppendError::PayloadForgotten(_))));
    log.close().await;
}

#[tokio::test]
async fn a_foreign_file_is_refused_and_not_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    for content in [&b""[..], b"hello", &[0; 5_000], b"SQLite format 3\0 but nothing behind it"] {
        let path = directory.path().join("log.db");
        std::fs::write(&path, content).expect("a file");
        assert!(matches!(at(&path).await, Err(OpenError::Foreign(_))));
        assert_eq!(std::fs::read(&path).expect("a file"), content);
    }
    let path = directory.path().join("other.db");
    let db = Db::open(&path, Options::default()).await.expect("a database");
    db.writer().await.expect("a writer").run_script("create table t (a)").await.expect("a table");
    assert!(matches!(at(&path).await, Err(OpenError::Foreign(_))));
}

#[tokio::test]
async fn a_truncated_log_is_refused() {
    let (_directory, path) = closed_log().await;
    let length = std::fs::metadata(&path).expect("a file").len();
    for keep in [length - 4_096, length / 2, 4_096] {
        let cut = path.with_file_name(format!("cut{keep}.db"));
        let bytes = std::fs::read(&path).expect("a file");
        std::fs::write(&cut, &bytes[..keep as usize]).expect("a file");
        let refused = at(&cut).await.err();
        assert!(matches!(refused, Some(OpenError::Damaged { .. } | OpenError::Foreign(_))), "{keep}: {refused:?}");
    }
}

#[tokio::test]
async fn a_log_of_another_origin_or_a_newer_level_is_refused() {
    let (_directory, path) = closed_log().await;
    let other = Settings { origin: "other".into(), ..settings() };
    assert!(matches!(open(&path, other, || 1).await.err(), Some(OpenError::OtherOrigin { .. })));
    let db = Db::open(&path, Options::default()).await.expect("a database");
    let mut writer = db.writer().await.expect("a writer");
    writer.execute(Stmt::new("update log_head set level = 2")).await.expect("levels are raised");
    assert!(writer.execute(Stmt::new("update log_head set level = 1")).await.is_err(), "levels are never lowered");
    writer.close().await.expect("closed");
    assert!(matches!(at(&path).await.err(), Some(OpenError::NewerLevel { found: 2, .. })));
}

#[tokio::test]
async fn a_head_that_does_not_fit_its_events_is_refused() {
    let (_directory, path) = closed_log().await;
    let db = Db::open(&path, Options::default()).await.expect("a database");
    let mut writer = db.writer().await.expect("a writer");
    writer.run_script("drop trigger event_no_delete; delete from event where pos = 3").await.expect("a deletion");
    writer.close().await.expect("closed");
    assert!(matches!(at(&path).await.err(), Some(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn a_missing_log_is_made_only_when_asked() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.db");
    let reading = Settings { create: false, ..settings() };
    assert!(matches!(open(&path, reading, || 1).await.err(), Some(OpenError::Missing(_))));
    assert!(!path.exists());
}

#[tokio::test]
async fn a_log_that_another_writer_has_moved_is_asked_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.db");
    let (mine, other) = (at(&path).await.expect("a log"), at(&path).await.expect("a log"));
    let (mut positions, mut versions) = (Vec::new(), Vec::new());
    // Each remembers the stream as it left it, and the other has moved it since.
    for n in (1..=8).step_by(2) {
        for (n, log) in [(n, &mine), (n + 1, &other)] {
            match log.append(append(n, "s/1", Expected::Any, &["a"])).await {
                Ok(Appended::Committed(committed)) => {
                    positions.push(committed.first);
                    versions.extend(committed.versions);
                }
                other => panic!("not committed: {other:?}"),
            }
        }
    }
    assert_eq!((positions, versions), ((1..=8).collect(), (1..=8).collect()));
    let stale = mine.append(append(9, "s/1", Expected::Version(7), &["a"])).await;
    assert!(matches!(stale, Err(AppendError::Conflict { actual: 8, .. })), "{stale:?}");
    let again = mine.append(append(2, "s/1", Expected::Any, &["a"])).await;
    assert!(matches!(&again, Ok(Appended::Replayed(record)) if record.first == 2), "{again:?}");
    let report = crate::verify(mine.reader().db(), &[], test_tags, |_, _| {}).await;
    let findings = report.expect("a report").findings;
    assert!(findings.is_empty(), "{findings:?}");
}

#[tokio::test]
async fn the_time_of_the_log_never_runs_backwards() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(AtomicI64::new(2_000_000));
    let now = {
        let clock = Arc::clone(&clock);
        move || clock.load(Ordering::Relaxed)
    };
    let log = open(&directory.path().join("log.db"), settings(), now).await.expect("a log");
    let mut times = Vec::new();
    for (n, at) in [2_000_000, 1_000_000, 3_000_000].into_iter().enumerate() {
        clock.store(at, Ordering::Relaxed);
        match log.append(append(n as u128 + 1, "s/1", Expected::Any, &["a"])).await {
            Ok(Appended::Committed(committed)) => times.push(committed.recorded_at),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(times, [2_000_000, 2_000_000, 3_000_000]);
    assert_eq!(log.position_at(2_500_000).await.expect("a position"), 2);
    log.close().await;
}

/// The tags that the contract's events have.
fn test_tags(leaf: &sfs_ledger::Leaf<'_>, open: &sfs_ledger::OpenBody<'_>) -> Vec<Arc<str>> {
    use sfs_eventlog::tags;
    let text = open.data.trim_start_matches("{\"text\":\"").trim_end_matches("\"}");
    let district = if text.len().is_multiple_of(2) { "15083" } else { "15003" };
    vec![tags::event_type(&leaf.draft.event_type), tags::district(district)]
}

#[tokio::test]
async fn a_clean_log_has_no_findings_and_every_change_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.db");
    let log = at(&path).await.expect("a log");
    for n in 0..60_u128 {
        let words = vec!["a"; 100];
        log.append(append(n + 1, &format!("s/{}", n % 7), Expected::Any, &words)).await.expect("an append");
    }
    log.close().await;
    let db = Db::open(&path, Options::default()).await.expect("a database");
    let clean = crate::verify(&db, &[], test_tags, |_, _| {}).await.expect("a report");
    assert_eq!((clean.events, clean.found, clean.findings), (6_000, 0, Vec::new()));
    for (check, change) in [
        ("leaf hash", "update event set leaf = cast(replace(cast(leaf as text), 'AD', 'MB') as blob) where pos = 17"),
        ("leaf hash", "update event set leaf_hash = zeroblob(32) where pos = 17"),
        ("type", "update event set tid = 99 where pos = 17"),
        ("stream", "update event set sid = 2, sv = 77777 where pos = 1"),
        ("stream version", "update event set sv = 99999 where pos = 17"),
        ("recorded at", "update event set at = at + 1 where pos = 17"),
        ("open body", "update event set open = replace(open, '2026', '2025') where pos = 17"),
        ("tags", "update event set tags = x'01' where pos = 17"),
        ("position", "delete from event where pos = 17"),
        ("back link", "delete from event where pos = 17"),
        ("size", "update event set pos = 7001 where pos = 6000"),
        ("size", "delete from event where pos > 5990"),
        ("root", "delete from event where pos > 5990"),
        ("index", "update tag_segment set positions = x'0000' where tag = 1"),
        ("index", "delete from tag_segment where tag = 2"),
        ("command", "delete from log_command where first = 101"),
        ("head", "update log_head set root = zeroblob(32)"),
    ] {
        let changed = directory.path().join("changed.db");
        std::fs::copy(&path, &changed).expect("a copy");
        let db = Db::open(&changed, Options::default()).await.expect("a database");
        let mut writer = db.writer().await.expect("a writer");
        // Made by one who has the file, and so no guards.
        for trigger in writer
            .fetch_all(Stmt::new("select name from sqlite_master where type = 'trigger'"))
            .await
            .expect("triggers")
        {
            writer
                .execute(Stmt::composed(format!("drop trigger {}", trigger.text(0).expect("a name"))))
                .await
                .expect("dropped");
        }
        let changed = writer.execute(Stmt::composed(change.to_owned())).await.expect(change);
        assert!(changed > 0, "nothing changed: {change}");
        writer.close().await.expect("closed");
        let report = crate::verify(&db, &[], test_tags, |_, _| {}).await.expect("a report");
        assert!(report.findings.iter().any(|finding| finding.check == check), "{change}: {:?}", report.findings);
        db.close().await;
        for name in ["changed.db", "changed.db-wal", "changed.db-shm"] {
            let _ = std::fs::remove_file(directory.path().join(name));
        }
    }
}

#[tokio::test]
async fn an_erased_ciphertext_is_counted_and_another_one_is_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.db");
    let log = at(&path).await.expect("a log");
    let (named, mut bytes) = (sfs_ledger::digest(b"ciphertext"), Vec::new());
    let mut sealing = append(1, "s/1", Expected::Any, &["a"]);
    let event = &mut sealing.writes[0].events[0];
    event.leaf.complete(1, 0, 1, None, &mut bytes).expect("a leaf");
    let mut leaf = sfs_ledger::Leaf::parse(&bytes).expect("a leaf");
    leaf.draft.sealed = vec![sfs_ledger::SealedRef { a: "xc20p".into(), k: "k1".into(), h: named }];
    event.leaf = leaf.draft.prepare().expect("a leaf");
    event.sealed = vec![sfs_eventlog::SealedSlot { digest: named, bytes: b"ciphertext".to_vec() }];
    log.append(sealing).await.expect("an append");
    log.close().await;
    let db = Db::open(&path, Options::default()).await.expect("a database");
    for (change, erased, found) in [
        ("update sealed_slot set bytes = bytes", 0, 0),
        ("update sealed_slot set bytes = x'00'", 0, 1),
        ("delete from sealed_slot", 1, 0),
    ] {
        let mut writer = db.writer().await.expect("a writer");
        writer.run_script(change).await.expect(change);
        writer.close().await.expect("closed");
        let report = crate::verify(&db, &[0, 1, 7], test_tags, |_, _| {}).await.expect("a report");
        assert_eq!((report.sealed, report.erased, report.found), (1, erased, found), "{change}: {:?}", report.findings);
        assert_eq!(report.roots.keys().copied().collect::<Vec<_>>(), [0, 1], "the log has these sizes");
        assert_eq!(report.roots.get(&1), report.root.as_ref());
    }
}
