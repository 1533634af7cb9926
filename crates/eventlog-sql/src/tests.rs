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
    let forgotten = crate::forget_command_digests(&db, i64::MAX).await.expect("digests can be forgotten");
    assert_eq!(forgotten, 3);
    let log = at(&path).await.expect("the log is whole");
    assert!(matches!(
        log.append(append(1, "s/1", Expected::Any, &["a"])).await,
        Err(AppendError::PayloadForgotten(_))
    ));
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
async fn the_time_of_the_log_never_runs_backwards() {
    use std::sync::atomic::{AtomicI64, Ordering};
    let directory = tempfile::tempdir().expect("a directory");
    let clock = Arc::new(AtomicI64::new(2_000_000));
    let now = { let clock = Arc::clone(&clock); move || clock.load(Ordering::Relaxed) };
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
