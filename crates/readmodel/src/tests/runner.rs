//! The runner: skips nothing, goes on exactly where it was, and is one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use sfs_domain::testing::day;
use sfs_eventlog::EventLog;
use sfs_sql::{Db, Options, Stmt};
use uuid::Uuid;

use super::support::{
    Models, Programme, SMALL, all_answers, append, auditor, log_of, open_in, paged, period, raw_event, silenced,
};
use crate::catch_up::Pace;
use crate::{ActivityQuery, AsOf, HaltKind, ReadModels};

const SALT: &str = "AAECAwQFBgcICQoLDA0ODw";

fn open_body(data: &str) -> String {
    format!(r#"{{"ags":"15","data":{data},"occurred_on":"2026-11-23","salt":"{SALT}"}}"#)
}

async fn halted_by(event_type: &str, open: String) -> (Models, crate::Halted, u64) {
    let programme = Programme::story();
    let log = programme.log().await;
    let good = log.head().await.unwrap().size;
    append(&*log, raw_event("school/S9", event_type, Uuid::from_u128(9_000), open)).await;
    append(&*log, raw_event("need/x", "school.closed.v1", Uuid::from_u128(9_001), open_body("{}"))).await;
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let models = open_in(directory.path(), &log, SMALL).await;
    models.start();
    assert!(models.wait_for(good, Duration::from_secs(60)).await);
    assert!(!models.wait_for(good + 1, Duration::from_secs(60)).await, "it went past what it cannot read");
    let halted = models.status().halted.unwrap();
    (Models { models, log, directory }, halted, good)
}

#[tokio::test]
async fn an_unknown_event_halts_and_everything_before_it_is_answered() {
    let (all, halted, good) = halted_by("school.renamed.v7", open_body("{}")).await;
    assert_eq!((halted.position, halted.kind), (good, HaltKind::UnknownEvent));
    assert!(halted.why.contains("school.renamed.v7"), "{}", halted.why);
    assert_eq!(all.models.position(), good);
    let query = ActivityQuery::of(period("2023-03-01", "2023-04-01"));
    let live = all.models.activity_profile(&auditor(), &query).await.unwrap();
    assert!(!live.complete, "something is missing");
    assert_eq!(live.data.total.count, 14);
    let known = ActivityQuery { as_of: AsOf { known: Some(good) }, ..query };
    assert!(all.models.activity_profile(&auditor(), &known).await.unwrap().complete, "nothing is missing before it");
    let status = all.models.status();
    assert_eq!((status.lag_events, status.head), (2, good + 2));
    all.models.stop().await;
}

#[tokio::test]
async fn an_event_that_is_not_readable_halts() {
    for (event_type, open) in [
        ("school.closed.v1", open_body(r#"{"why":"?"}"#)),
        ("school.closed.v1", "not an open body".to_owned()),
        // Nothing is known of this school.
        ("school.closed.v1", open_body("{}")),
    ] {
        let (all, halted, good) = halted_by(event_type, open).await;
        assert_eq!((halted.position, halted.kind), (good, HaltKind::Unreadable), "{}", halted.why);
        all.models.stop().await;
    }
}

#[tokio::test]
async fn a_rebuild_stops_where_the_runner_stops_and_the_old_go_on_serving() {
    let (all, _, good) = halted_by("school.renamed.v7", open_body("{}")).await;
    let before = all.models.status().generation;
    match all.models.rebuild(|_| {}).await {
        Err(crate::ReadModelError::Halted(halted)) => assert_eq!(halted.position, good),
        other => panic!("{other:?}"),
    }
    assert_eq!(all.models.status().generation, before);
    let files: Vec<_> = std::fs::read_dir(all.directory.path().join("read")).unwrap().collect();
    assert!(files.len() <= 4, "the unfinished generation is gone: {files:?}");
    all.models.stop().await;
}

#[tokio::test]
async fn the_runner_goes_on_where_it_was_whenever_it_ends() {
    let programme = Programme::story();
    let events = programme.world.events();
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let log = log_of(events, 0).await;
    let mut told = 0;
    for stops in [1, 9, 10, 31, 60, events.len()] {
        for (n, event) in events.iter().enumerate().take(stops).skip(told) {
            append(&*log, super::support::new_event(n as u64, event)).await;
        }
        told = stops;
        let models = open_in(directory.path(), &log, SMALL).await;
        models.start();
        assert!(models.wait_for(stops as u64, Duration::from_secs(60)).await);
        // Sometimes it is stopped, sometimes it is just gone.
        if stops % 2 == 0 {
            models.stop().await;
        }
        drop(models);
    }
    let once = Models::in_directory(directory, Arc::clone(&log), SMALL).await;
    let fresh = programme.models().await;
    assert_eq!(once.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    once.models.stop().await;
    fresh.models.stop().await;
}

#[tokio::test]
async fn a_page_that_was_not_finished_leaves_nothing() {
    let programme = Programme::story();
    let log = programme.log().await;
    let reader: Arc<dyn sfs_eventlog::Reader> = log.clone();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("g.db");
    let created = crate::generation::Generation::create(path.clone(), 1, sfs_sql::Durability::Process, true);
    let generation = Arc::new(created.await.unwrap());
    let mut decoder = crate::recorded::Decoder::default();
    for _ in 0..3 {
        let mut follower = crate::follower::Follower::take(Arc::clone(&generation)).await.unwrap();
        let before = follower.position();
        crate::catch_up::step(&*reader, &mut follower, &mut decoder, SMALL).await.unwrap();
        let done = follower.position();
        assert_eq!(done, before + SMALL.near as u64);
        // The next page is folded and half written when it dies.
        let page =
            reader.read(&sfs_eventlog::Filter::default(), sfs_eventlog::Direction::Forwards, done, 5).await.unwrap();
        follower.fold(&decoder.decode_all(page.events).unwrap()).unwrap();
        follower.spill().await.unwrap();
        drop(follower);
        let again = crate::follower::Follower::take(Arc::clone(&generation)).await.unwrap();
        assert_eq!(again.position(), done);
    }
}

#[tokio::test]
async fn of_two_runners_the_one_that_came_first_writes_no_more() {
    let programme = Programme::story();
    let events = programme.world.events();
    let log = log_of(events, 40).await;
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let first = Models::in_directory(Arc::clone(&directory), Arc::clone(&log), SMALL).await;
    let second = Models::in_directory(Arc::clone(&directory), Arc::clone(&log), SMALL).await;
    for (n, event) in events.iter().enumerate().skip(40) {
        append(&*log, super::support::new_event(n as u64, event)).await;
    }
    second.caught_up().await;
    assert!(!first.models.wait_for(events.len() as u64, Duration::from_secs(60)).await);
    assert_eq!(first.models.status().halted.unwrap().kind, HaltKind::TakenOver);
    assert!(second.models.status().halted.is_none());
    let fresh = programme.models().await;
    assert_eq!(second.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    for all in [first, second, fresh] {
        all.models.stop().await;
    }
}

#[tokio::test]
async fn a_storage_that_answers_again_is_followed_again() {
    let programme = Programme::story();
    let events = programme.world.events();
    let silent = Arc::new(AtomicBool::new(false));
    let log = silenced(log_of(events, 40).await, Arc::clone(&silent));
    let all = Models::following(log).await;
    silent.store(true, Ordering::Relaxed);
    append(&*all.log, super::support::new_event(40, &events[40])).await;
    assert!(!all.models.wait_for(41, Duration::from_secs(60)).await);
    let halted = all.models.status().halted.unwrap();
    assert_eq!((halted.position, halted.kind), (40, HaltKind::Storage));
    assert!(halted.why.contains("the disk does not answer"), "{}", halted.why);
    silent.store(false, Ordering::Relaxed);
    for (n, event) in events.iter().enumerate().skip(41) {
        append(&*all.log, super::support::new_event(n as u64, event)).await;
    }
    while all.models.status().halted.is_some() {
        tokio::task::yield_now().await;
    }
    all.caught_up().await;
    let fresh = programme.models().await;
    assert_eq!(all.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    all.models.stop().await;
    fresh.models.stop().await;
}

#[tokio::test]
async fn waiting_ends_in_time_or_when_it_is_there() {
    let all = Programme::story().models().await;
    let head = all.log.head().await.unwrap().size;
    assert!(all.models.wait_for(head, Duration::ZERO).await);
    assert!(!all.models.wait_for(head + 1, Duration::from_millis(20)).await);
    let waiting = all.models.wait_for(head + 1, Duration::from_secs(60));
    let mut school = Programme::default();
    school.tell(
        "2022-07-25",
        "register-school",
        json!({
            "school": "S8", "name": "Neue Schule", "form": "GS", "district": "15083", "ownership": "public",
        }),
    );
    let adding = append(&*all.log, super::support::new_event(head, &school.world.events()[0]));
    assert!(tokio::join!(waiting, adding).0);
    assert_eq!(all.models.status().lag_events, 0);
    all.models.stop().await;
}

/// Opens read models, lets somebody do something to their files, opens them again.
async fn opened_again(harm: impl AsyncFn(&std::path::Path)) -> (ReadModels, Models) {
    let programme = Programme::story();
    let all = programme.models().await;
    let (directory, log) = all.stopped().await;
    harm(&directory.path().join("read")).await;
    let again = Models::in_directory(directory, log, SMALL).await;
    let fresh = programme.models().await;
    assert_eq!(again.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    (fresh.models, again)
}

async fn change(directory: &std::path::Path, text: &'static str) {
    let db = Db::open(directory.join("gen-1.db"), Options::default()).await.unwrap();
    let mut writer = db.writer().await.unwrap();
    writer.execute(Stmt::new(text)).await.unwrap();
    writer.close().await.unwrap();
    db.close().await;
}

#[tokio::test]
async fn read_models_that_are_whole_are_used_again() {
    let (fresh, again) = opened_again(async |_| {}).await;
    assert_eq!(again.models.status().generation, 1);
    fresh.stop().await;
    again.models.stop().await;
}

#[tokio::test]
async fn what_is_missing_damaged_or_of_another_version_is_built_anew() {
    type Harm = fn(&std::path::Path);
    let cases: [(&str, Harm); 5] = [
        ("missing", |directory| std::fs::remove_file(directory.join("gen-1.db")).unwrap()),
        ("no current", |directory| std::fs::remove_file(directory.join("current")).unwrap()),
        ("garbage", |directory| {
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(directory.join(format!("gen-1.db{suffix}")));
            }
            std::fs::write(directory.join("gen-1.db"), [7; 9_000]).unwrap();
        }),
        ("cut", |directory| {
            let file = std::fs::OpenOptions::new().write(true).open(directory.join("gen-1.db")).unwrap();
            let length = file.metadata().unwrap().len();
            file.set_len(length / 2).unwrap();
        }),
        ("stray", |directory| {
            std::fs::write(directory.join("gen-7.db"), b"an interrupted rebuild").unwrap();
            std::fs::remove_file(directory.join("gen-1.db")).unwrap();
        }),
    ];
    for (name, harm) in cases {
        let (fresh, again) = opened_again(async |directory| harm(directory)).await;
        assert!(again.models.status().generation > 1, "{name}");
        let left: Vec<_> = std::fs::read_dir(again.directory.path().join("read"))
            .unwrap()
            .filter_map(|entry| entry.unwrap().file_name().into_string().ok())
            .filter(|name| name.ends_with(".db"))
            .collect();
        assert_eq!(left.len(), 1, "{name}: {left:?}");
        fresh.stop().await;
        again.models.stop().await;
    }
    let (fresh, again) =
        opened_again(async |directory| change(directory, "update meta set schema = 'old'").await).await;
    assert_eq!(again.models.status().generation, 2);
    fresh.stop().await;
    again.models.stop().await;
}

#[tokio::test]
async fn read_models_of_another_or_a_shorter_log_are_built_anew() {
    for position in ["update cursor set hash = x'00'", "update cursor set position = 100000"] {
        let (fresh, again) = opened_again(async |directory| change(directory, position).await).await;
        assert_eq!(again.models.status().generation, 2);
        fresh.stop().await;
        again.models.stop().await;
    }
}

#[tokio::test]
async fn an_empty_generation_is_not_complete_until_it_has_what_was_there() {
    let programme = Programme::story();
    let log = programme.log().await;
    let directory = tempfile::tempdir().unwrap();
    let models = open_in(directory.path(), &log, SMALL).await;
    let query = ActivityQuery::of(period("2023-03-01", "2023-04-01"));
    let answer = models.activity_profile(&auditor(), &query).await.unwrap();
    assert_eq!((answer.complete, answer.position), (false, 0));
    models.start();
    assert!(models.wait_for(log.head().await.unwrap().size, Duration::from_secs(60)).await);
    assert!(models.activity_profile(&auditor(), &query).await.unwrap().complete);
    models.stop().await;
}

#[tokio::test]
async fn a_long_log_fills_an_empty_generation_by_a_rebuild() {
    let programme = Programme::story();
    let log = programme.log().await;
    let pace = Pace { worth_a_rebuild: 10, ..SMALL };
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let all = Models::in_directory(directory, log, pace).await;
    assert_eq!(all.models.status().generation, 2);
    let fresh = programme.models().await;
    assert_eq!(all.models.digest().await.unwrap(), fresh.models.digest().await.unwrap());
    all.models.stop().await;
    fresh.models.stop().await;
}

#[tokio::test]
async fn a_log_that_leaves_an_event_out_is_not_followed() {
    let programme = Programme::story();
    let memory = sfs_eventlog::memory::Memory::default();
    let log: Arc<dyn EventLog> = Arc::new(memory.start(sfs_eventlog::Limits::default(), || 1));
    for (n, event) in (0..30).zip(programme.world.events()) {
        append(&*log, super::support::new_event(n, event)).await;
    }
    memory.seed(sfs_eventlog::memory::Defect::ShowsGaps);
    let directory = tempfile::tempdir().unwrap();
    let models = open_in(directory.path(), &paged(log, vec![4]), SMALL).await;
    models.start();
    assert!(!models.wait_for(30, Duration::from_secs(60)).await);
    let status = models.status();
    assert_eq!(status.halted.as_ref().map(|halted| halted.kind), Some(HaltKind::Unreadable), "{status:?}");
    assert!(status.position < 30);
    models.stop().await;
}

#[tokio::test]
async fn every_answer_is_the_same_whatever_the_pages() {
    let programme = Programme::story();
    let once = programme.models().await;
    let (on, during) = (day("2023-03-10"), period("2022-10-10", "2023-04-01"));
    let expected = all_answers(&once.models, AsOf::default(), on, during).await;
    assert!(expected["overview"]["total"]["activities"] == 10);
    for sizes in [vec![1], vec![2, 1, 3], vec![1_000]] {
        let paged = Models::following(paged(programme.log().await, sizes)).await;
        assert_eq!(all_answers(&paged.models, AsOf::default(), on, during).await, expected);
        assert_eq!(paged.models.digest().await.unwrap(), once.models.digest().await.unwrap());
        paged.models.stop().await;
    }
    once.models.stop().await;
}
