//! A rebuild makes what the runner made, while queries are answered and events come in.

use std::sync::Arc;

use sfs_domain::testing::day;
use sfs_eventlog::EventLog;
use sfs_sql::{Db, Options, Stmt};

use super::support::{Models, Programme, SMALL, all_answers, append, auditor, log_of, new_event, period};
use crate::{ActivityQuery, AsOf, Progress, ReadModelError, compare_with_rebuild};

#[tokio::test]
async fn a_rebuild_serves_what_was_served_before() {
    let all = Programme::story().models().await;
    let (on, during) = (day("2023-03-10"), period("2022-10-10", "2023-04-01"));
    let before = all_answers(&all.models, AsOf::default(), on, during).await;
    let mut reports: Vec<Progress> = Vec::new();
    let rebuilt = all.models.rebuild_and_compare(|progress| reports.push(*progress)).await.unwrap();
    let head = all.log.head().await.unwrap().size;
    assert_eq!((rebuilt.generation, rebuilt.position), (2, head));
    assert_eq!(rebuilt.differing, Some(vec![]));
    assert_eq!(all_answers(&all.models, AsOf::default(), on, during).await, before);
    assert_eq!(all.models.status().generation, 2);
    assert!(all.models.status().rebuilding.is_none());
    assert_eq!(reports.last().map(|last| (last.position, last.target)), Some((head, head)));
    assert!(reports.is_sorted_by_key(|report| report.position) && reports.len() > 3);
    // The old file goes when nobody uses it any more, at the latest when everything is closed.
    let (directory, log) = all.stopped().await;
    let read = directory.path().join("read");
    assert!(!read.join("gen-1.db").exists());
    assert_eq!(std::fs::read_to_string(read.join("current")).unwrap(), "gen-2.db\n");
    let again = Models::in_directory(directory, log, SMALL).await;
    assert_eq!(again.models.status().generation, 2);
    again.models.stop().await;
}

#[tokio::test]
async fn a_rebuild_shows_which_tables_were_not_as_they_should_be() {
    let programme = Programme::story();
    let all = programme.models().await;
    let (directory, log) = all.stopped().await;
    let path = directory.path().join("read/gen-1.db");
    let db = Db::open(&path, Options::default()).await.unwrap();
    let mut writer = db.writer().await.unwrap();
    for text in ["update activity_fact set minutes = minutes + 1 where kind = 0", "delete from post where vacant = 1"] {
        assert!(writer.execute(Stmt::new(text)).await.unwrap() > 0);
    }
    writer.close().await.unwrap();
    db.close().await;

    let now = || Arc::new(|| 5_i64) as crate::Now;
    let found = compare_with_rebuild(&directory.path().join("read"), log.clone(), now(), |_, _| {}).await.unwrap();
    let names: Vec<_> = found.iter().map(|difference| difference.table.as_str()).collect();
    assert_eq!(names, ["activity_fact", "post"]);

    let again = Models::in_directory(directory, log, SMALL).await;
    let rebuilt = again.models.rebuild_and_compare(|_| {}).await.unwrap();
    assert_eq!(rebuilt.differing, Some(found));
    let (directory, log) = again.stopped().await;
    let found = compare_with_rebuild(&directory.path().join("read"), log, now(), |_, _| {}).await.unwrap();
    assert_eq!(found, []);
    let left = std::fs::read_dir(directory.path().join("read")).unwrap();
    let left: Vec<_> = left.filter_map(|entry| entry.unwrap().file_name().into_string().ok()).collect();
    assert!(!left.iter().any(|name| name.starts_with("compare")), "{left:?}");
}

#[tokio::test]
async fn where_there_are_no_read_models_there_is_nothing_to_compare() {
    let programme = Programme::story();
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("read");
    let log: Arc<dyn EventLog> = programme.log().await;
    let found = compare_with_rebuild(&missing, log, Arc::new(|| 5), |_, _| {}).await.unwrap();
    assert_eq!(found, []);
    assert!(!missing.exists());
}

#[tokio::test]
async fn a_second_rebuild_at_the_same_time_is_refused() {
    let all = Programme::story().models().await;
    let (first, second) = tokio::join!(all.models.rebuild(|_| {}), all.models.rebuild(|_| {}));
    assert!(first.is_ok());
    assert!(matches!(second, Err(ReadModelError::AlreadyRebuilding)));
    // And a third one, later, is not.
    assert_eq!(all.models.rebuild(|_| {}).await.unwrap().generation, 3);
    all.models.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_answered_and_events_come_in_while_it_is_rebuilt() {
    let programme = Programme::story();
    let events = programme.world.events();
    let all = Models::following(log_of(events, 60).await).await;
    let writing = async {
        for (n, event) in events.iter().enumerate().skip(60) {
            append(&*all.log, new_event(n as u64, event)).await;
            tokio::task::yield_now().await;
        }
    };
    let rebuilding = async {
        for _ in 0..5 {
            all.models.rebuild(|_| {}).await.unwrap();
        }
    };
    let asking = async {
        let query = ActivityQuery::of(period("2023-03-01", "2023-04-01"));
        let mut last = 0;
        for _ in 0..200 {
            let answer = all.models.activity_profile(&auditor(), &query).await.unwrap();
            assert!(last <= answer.position, "{last} was seen before {}", answer.position);
            assert!(answer.complete);
            last = answer.position;
        }
    };
    tokio::join!(writing, rebuilding, asking);
    all.caught_up().await;
    assert_eq!(all.models.status().generation, 6);
    let fresh = programme.models().await;
    assert_eq!(all.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    all.models.stop().await;
    fresh.models.stop().await;
}

#[tokio::test]
async fn read_models_that_nobody_follows_can_be_rebuilt() {
    let programme = Programme::story();
    let directory = tempfile::tempdir().unwrap();
    let models = super::support::open_in(directory.path(), &programme.log().await, SMALL).await;
    let rebuilt = models.rebuild(|_| {}).await.unwrap();
    assert_eq!(rebuilt.position, programme.world.events().len() as u64);
    assert_eq!(models.position(), rebuilt.position);
    models.stop().await;
}
