//! What every engine must keep, as tests. An engine that cannot keep a line changes its shape, not
//! the suite.
//!
//! `event_log_contract!(name, make)` makes one test of each law; `make` yields a [`Subject`]: a log
//! that can be closed and opened again on the same storage.

#![expect(clippy::expect_used, reason = "a test says what it expected")]

mod sealed;
mod time;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::Arc;

use sfs_ledger::{CompactRange, LEAF_FORMAT, LeafDraft, OpenBody, digest, leaf_hash, write_open};
use uuid::Uuid;

use crate::appender::Limits;
use crate::memory::Memory;
use crate::port::{
    Append, AppendError, Appended, Committed, Direction, EventLog, Expected, Filter, Guard, NewEvent, StreamWrite,
};
use crate::tags;

/// Opens the storage of a subject (again).
pub type Open = Box<dyn Fn() -> Pin<Box<dyn Future<Output = Arc<dyn EventLog>> + Send>> + Send + Sync>;

/// An engine under test.
pub struct Subject {
    open: Open,
}

impl Subject {
    /// A subject that `open` opens, each time on the same storage.
    pub fn new(open: Open) -> Self {
        Self { open }
    }

    /// The memory log.
    pub async fn memory() -> Self {
        Self::of_memory(Memory::default(), Limits::default())
    }

    /// The memory log on a memory that the caller keeps.
    pub fn of_memory(memory: Memory, limits: Limits) -> Self {
        Self::new(Box::new(move || {
            let memory = memory.clone();
            Box::pin(async move { Arc::new(memory.start(limits, || 1_000_000)) as Arc<dyn EventLog> })
        }))
    }

    async fn open(&self) -> Arc<dyn EventLog> {
        (self.open)().await
    }
}

/// The laws, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// Positions are dense and in the order of the answers.
    Order,
    /// A reader that follows sees every position once.
    NoGaps,
    /// A stream at another version is a conflict.
    Versions,
    /// A repeated command is one command.
    Idempotency,
    /// What was acknowledged is there after a restart.
    Durability,
    /// All events of an append, or none.
    Atomicity,
    /// Tags find what they are on.
    Filters,
    /// Head, root and links are those of the leaves.
    Tree,
    /// 64 writers at once.
    Concurrency,
    /// Limits are kept.
    Limits,
    /// The log's time never runs backwards.
    Time,
    /// Ciphertexts are stored with their events and leave alone.
    Sealed,
}

impl Law {
    /// Checks it; panics where it is broken.
    pub async fn check(self, subject: Subject) {
        match self {
            Self::Order => appends_in_order(&subject).await,
            Self::NoGaps => a_follower_sees_every_position_once(&subject).await,
            Self::Versions => a_stale_writer_is_refused(&subject).await,
            Self::Idempotency => a_repeated_command_is_one_command(&subject).await,
            Self::Durability => what_was_acknowledged_survives_a_restart(&subject).await,
            Self::Atomicity => a_batch_is_all_or_nothing(&subject).await,
            Self::Filters => tags_find_what_they_are_on(&subject).await,
            Self::Tree => the_tree_is_that_of_the_leaves(&subject).await,
            Self::Concurrency => sixty_four_writers_keep_the_order(&subject).await,
            Self::Limits => limits_are_kept(&subject).await,
            Self::Time => time::time_finds_positions(&subject).await,
            Self::Sealed => sealed::ciphertexts_leave_alone(&subject).await,
        }
    }
}

/// One test of each law for an engine.
#[macro_export]
macro_rules! event_log_contract {
    ($engine:ident, $make:path) => {
        mod $engine {
            $crate::event_log_contract!(@laws $make,
                order Order, no_gaps NoGaps, versions Versions, idempotency Idempotency,
                durability Durability, atomicity Atomicity, filters Filters, tree Tree,
                concurrency Concurrency, limits Limits, time Time, sealed Sealed);
        }
    };
    (@laws $make:path, $($test:ident $law:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            $crate::contract::Law::$law.check($make().await).await;
        })+
    };
}

/// An event for tests.
pub fn event(stream: &str, event_type: &str, text: &str, command: Uuid) -> NewEvent {
    let data = format!("{{\"text\":\"{text}\"}}");
    let body = OpenBody {
        occurred_on: "2026-11-24".into(),
        ags: "15".into(),
        provider: None,
        operation: None,
        school: None,
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data: &data,
        salt: [7; 16],
    };
    let mut open = Vec::new();
    write_open(&body, &mut open).expect("an open body");
    let open = String::from_utf8(open).expect("JSON");
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(command.as_u128() ^ 1),
        stream: stream.into(),
        event_type: event_type.into(),
        actor: "00000000-0000-0000-0000-000000000007".into(),
        role: "AD".into(),
        org: None,
        rule: "test/AD@state".into(),
        cmd: command,
        corr: None,
        cause: None,
        by: "sfs/test".into(),
        open: digest(open.as_bytes()),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let leaf = draft.prepare().expect("a leaf of a test");
    let tags = vec![
        tags::event_type(event_type),
        tags::district(if text.len().is_multiple_of(2) { "15083" } else { "15003" }),
    ];
    NewEvent { leaf, event_type: event_type.into(), open, tags, sealed: Vec::new() }
}

/// An append of one event for each text, to one stream.
pub fn append(command: u128, stream: &str, expected: Expected, texts: &[&str]) -> Append {
    let command = Uuid::from_u128(command << 16);
    Append {
        command,
        digest: *digest(texts.join("|").as_bytes()).as_bytes(),
        writes: vec![StreamWrite {
            stream: stream.into(),
            expected,
            events: texts.iter().map(|text| event(stream, "test.happened.v1", text, command)).collect(),
        }],
        guards: Vec::new(),
    }
}

async fn accepted(log: &dyn EventLog, append: Append) -> Committed {
    match log.append(append).await {
        Ok(Appended::Committed(committed)) => committed,
        other => panic!("not committed: {other:?}"),
    }
}

async fn texts(log: &dyn EventLog) -> Vec<(u64, String, u64)> {
    let mut all = Vec::new();
    let mut cursor = 0;
    loop {
        let page = log.read(&Filter::default(), Direction::Forwards, cursor, 100).await.expect("a page");
        all.extend(page.events.iter().map(|e| (e.position, e.open.clone(), e.version)));
        if page.scanned_to == cursor {
            return all;
        }
        cursor = page.scanned_to;
    }
}

async fn appends_in_order(subject: &Subject) {
    let log = subject.open().await;
    for n in 0..10_u64 {
        let texts = [format!("first {n}"), format!("second {n}")];
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let committed = accepted(&*log, append(u128::from(n) + 1, "s/1", Expected::Version(n * 2), &texts)).await;
        assert_eq!(committed.first, n * 2 + 1);
        assert_eq!(committed.versions, [n * 2 + 1, n * 2 + 2]);
    }
    let all = texts(&*log).await;
    assert_eq!(all.len(), 20);
    for (n, (position, open, version)) in all.iter().enumerate() {
        let which = if n % 2 == 0 { "first" } else { "second" };
        assert_eq!((*position, *version), (n as u64 + 1, n as u64 + 1));
        assert!(open.contains(&format!("{which} {}", n / 2)), "{open}");
    }
    let back = log.read(&Filter::default(), Direction::Backwards, u64::MAX >> 1, 3).await.expect("a page");
    assert_eq!(back.events.iter().map(|e| e.position).collect::<Vec<_>>(), [20, 19, 18]);
    let stream = log.read_stream("s/1", 18, 10).await.expect("a stream");
    assert_eq!(stream.iter().map(|e| e.version).collect::<Vec<_>>(), [19, 20]);
    log.close().await;
}

async fn a_follower_sees_every_position_once(subject: &Subject) {
    let log = subject.open().await;
    let follower = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            let mut heads = log.heads();
            let (mut cursor, mut seen) = (0, Vec::new());
            while seen.len() < 300 {
                let page = log.read(&Filter::default(), Direction::Forwards, cursor, 7).await.expect("a page");
                for event in &page.events {
                    assert_eq!(event.position, seen.len() as u64 + 1, "a follower met a gap or a repeat");
                    seen.push(event.position);
                }
                if page.scanned_to == cursor {
                    heads.wait_for(|head| *head > cursor).await.expect("the log is open");
                }
                cursor = page.scanned_to;
            }
            seen.len()
        }
    });
    for n in 0..150 {
        accepted(&*log, append(n + 1, &format!("s/{}", n % 5), Expected::Any, &["a", "b"])).await;
    }
    assert_eq!(follower.await.expect("the follower"), 300);
    log.close().await;
}

async fn a_stale_writer_is_refused(subject: &Subject) {
    let log = subject.open().await;
    accepted(&*log, append(1, "s/1", Expected::Version(0), &["a"])).await;
    accepted(&*log, append(2, "s/2", Expected::Version(0), &["a"])).await;
    for (expected, stale) in
        [(0, append(3, "s/1", Expected::Version(0), &["b"])), (5, append(4, "s/1", Expected::Version(5), &["b"]))]
    {
        match log.append(stale).await {
            Err(AppendError::Conflict { stream, expected: told, actual }) => {
                assert_eq!((&*stream, told, actual), ("s/1", expected, 1));
            }
            other => panic!("a stale writer was not refused: {other:?}"),
        }
    }
    let mut guarded = append(5, "s/1", Expected::Version(1), &["b"]);
    guarded.guards.push(Guard { stream: "s/2".into(), version: 0 });
    assert!(matches!(log.append(guarded.clone()).await, Err(AppendError::Conflict { .. })));
    guarded.guards[0].version = 1;
    accepted(&*log, guarded).await;
    let mut absent = append(6, "s/1", Expected::Version(2), &["c"]);
    absent.guards.push(Guard { stream: "s/none".into(), version: 0 });
    accepted(&*log, absent).await;
    assert_eq!(texts(&*log).await.len(), 4, "a refused command leaves no trace");
    log.close().await;
}

async fn a_repeated_command_is_one_command(subject: &Subject) {
    let log = subject.open().await;
    let first = accepted(&*log, append(1, "s/1", Expected::Version(0), &["a", "b"])).await;
    for _ in 0..3 {
        match log.append(append(1, "s/1", Expected::Version(0), &["a", "b"])).await {
            Ok(Appended::Replayed(record)) => assert_eq!((record.first, record.count), (first.first, 2)),
            other => panic!("not replayed: {other:?}"),
        }
    }
    assert!(matches!(
        log.append(append(1, "s/1", Expected::Version(0), &["other"])).await,
        Err(AppendError::PayloadDiffers)
    ));
    // The same command from many callers at once.
    let callers: Vec<_> = (0..20)
        .map(|_| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(append(2, "s/2", Expected::Version(0), &["x"])).await })
        })
        .collect();
    let mut committed = 0;
    for caller in callers {
        match caller.await.expect("a caller") {
            Ok(Appended::Committed(_)) => committed += 1,
            Ok(Appended::Replayed(record)) => assert_eq!((record.first, record.count), (3, 1)),
            Err(why) => panic!("{why:?}"),
        }
    }
    assert_eq!(committed, 1);
    log.close().await;
    let log = subject.open().await;
    assert!(matches!(log.append(append(1, "s/1", Expected::Version(0), &["a", "b"])).await, Ok(Appended::Replayed(_))));
    assert_eq!(log.command(Uuid::from_u128(1 << 16)).await.expect("an answer").map(|r| r.count), Some(2));
    assert_eq!(log.command(Uuid::from_u128(99)).await.expect("an answer"), None);
    assert_eq!(texts(&*log).await.len(), 3);
    log.close().await;
}

async fn what_was_acknowledged_survives_a_restart(subject: &Subject) {
    let log = subject.open().await;
    let mut acknowledged = BTreeMap::new();
    for n in 0..20_u64 {
        let text = format!("t{n}");
        let committed = accepted(&*log, append(u128::from(n) + 1, "s/1", Expected::Version(n), &[&text])).await;
        acknowledged.insert(committed.first, text);
    }
    let before = log.head().await.expect("a head");
    log.close().await;
    assert!(matches!(log.append(append(99, "s/1", Expected::Any, &["late"])).await, Err(AppendError::Closed)));
    let log = subject.open().await;
    assert_eq!(log.head().await.expect("a head"), before);
    let all = texts(&*log).await;
    assert_eq!(all.len(), acknowledged.len());
    for (position, open, _) in all {
        assert!(open.contains(&acknowledged[&position]), "{open}");
    }
    accepted(&*log, append(21, "s/1", Expected::Version(20), &["after"])).await;
    log.close().await;
}

async fn a_batch_is_all_or_nothing(subject: &Subject) {
    let log = subject.open().await;
    let two = |command: u128, second: u64| {
        let mut both = append(command, "s/1", Expected::Version(0), &["a"]);
        both.writes.extend(append(command, "s/2", Expected::Version(second), &["b"]).writes);
        both
    };
    assert!(matches!(log.append(two(1, 4)).await, Err(AppendError::Conflict { .. })));
    assert_eq!(log.head().await.expect("a head").size, 0);
    // The same id is free: what was refused left nothing behind.
    let committed = accepted(&*log, two(1, 0)).await;
    assert_eq!((committed.first, committed.versions), (1, vec![1, 1]));
    log.close().await;
}

async fn tags_find_what_they_are_on(subject: &Subject) {
    let log = subject.open().await;
    // More than one segment of any index, so that lists and tail are both read.
    for n in 0..100_u64 {
        let words: Vec<String> = (0..100).map(|m| "x".repeat(1 + ((n + m) % 3) as usize)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        accepted(&*log, append(u128::from(n) + 1, &format!("s/{}", n % 7), Expected::Any, &words)).await;
    }
    let all = texts(&*log).await;
    let expected: Vec<u64> =
        all.iter().filter(|(_, open, _)| open.contains("\"xx\"")).map(|(position, ..)| *position).collect();
    let filter = Filter {
        all_of: vec![
            vec![tags::event_type("test.happened.v1"), tags::event_type("none")],
            vec![tags::district("15083")],
        ],
        leaves: false,
    };
    let (mut cursor, mut found) = (0, Vec::new());
    loop {
        let page = log.read(&filter, Direction::Forwards, cursor, 333).await.expect("a page");
        found.extend(page.events.iter().map(|e| e.position));
        if page.scanned_to == page.head && page.events.len() < 333 {
            break;
        }
        assert!(page.scanned_to > cursor, "the reader stands still");
        cursor = page.scanned_to;
    }
    assert_eq!(found, expected);
    let (mut cursor, mut back) = (u64::MAX >> 1, Vec::new());
    loop {
        let page = log.read(&filter, Direction::Backwards, cursor, 500).await.expect("a page");
        back.extend(page.events.iter().map(|e| e.position));
        if page.scanned_to <= 1 {
            break;
        }
        cursor = page.scanned_to;
    }
    back.reverse();
    assert_eq!(back, expected);
    let none = Filter { all_of: vec![vec![tags::district("15001")]], leaves: false };
    let page = log.read(&none, Direction::Forwards, 0, 10).await.expect("a page");
    assert!(page.events.is_empty());
    assert!(page.scanned_to > 0, "a filter that finds nothing still moves on");
    log.close().await;
}

async fn the_tree_is_that_of_the_leaves(subject: &Subject) {
    let log = subject.open().await;
    for n in 0..40 {
        accepted(&*log, append(n + 1, &format!("s/{}", n % 3), Expected::Any, &["a", "bb", "c"])).await;
    }
    let filter = Filter { leaves: true, ..Filter::default() };
    let page = log.read(&filter, Direction::Forwards, 0, 1_000).await.expect("a page");
    let mut range = CompactRange::new();
    let mut last: HashMap<Arc<str>, String> = HashMap::new();
    for event in &page.events {
        assert_eq!(leaf_hash(&event.leaf), event.leaf_hash);
        range.push(event.leaf_hash);
        let leaf = sfs_ledger::Leaf::parse(&event.leaf).expect("a leaf");
        assert_eq!((leaf.pos, &*leaf.draft.stream, leaf.sv), (event.position, &*event.stream, event.version));
        assert_eq!(leaf.at_micros, event.recorded_at);
        assert_eq!(leaf.draft.open, digest(event.open.as_bytes()));
        let link = leaf.prev.as_ref().map(sfs_ledger::Hash::to_b64);
        assert_eq!(link.as_ref(), last.get(&event.stream), "the back link of {}", event.position);
        last.insert(Arc::clone(&event.stream), event.leaf_hash.to_b64());
    }
    let head = log.head().await.expect("a head");
    assert_eq!(head.size, 120);
    assert_eq!(head.root, range.root());
    log.close().await;
}

async fn sixty_four_writers_keep_the_order(subject: &Subject) {
    let log = subject.open().await;
    let writers: Vec<_> = (0..64_u128)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                let stream = format!("s/{}", writer % 16);
                let (mut mine, mut conflicts) = (Vec::new(), 0);
                for n in 0..20_u128 {
                    let command = writer * 1_000 + n + 1;
                    loop {
                        // Load, decide, append: several writers race for each stream.
                        let version = log.read_stream(&stream, 0, 10_000).await.expect("a stream").len() as u64;
                        let text = format!("w{writer}n{n}");
                        match log.append(append(command, &stream, Expected::Version(version), &[&text])).await {
                            Ok(Appended::Committed(committed)) => break mine.push((committed.first, text)),
                            Err(AppendError::Conflict { .. }) => conflicts += 1,
                            other => panic!("{other:?}"),
                        }
                    }
                }
                assert!(mine.windows(2).all(|pair| pair[0].0 < pair[1].0), "a writer's own order");
                (mine, conflicts)
            })
        })
        .collect();
    let mut acknowledged = BTreeMap::new();
    for writer in writers {
        acknowledged.extend(writer.await.expect("a writer").0);
    }
    let all = texts(&*log).await;
    assert_eq!(all.len(), 64 * 20);
    assert_eq!(acknowledged.len(), all.len(), "no two answers name one position");
    let positions: BTreeSet<u64> = all.iter().map(|(position, ..)| *position).collect();
    assert_eq!(positions.iter().copied().collect::<Vec<_>>(), (1..=64 * 20).collect::<Vec<_>>());
    for (position, open, _) in &all {
        assert!(open.contains(&format!("\"{}\"", acknowledged[position])), "{open}");
    }
    log.close().await;
}

async fn limits_are_kept(subject: &Subject) {
    let log = subject.open().await;
    let huge = "x".repeat(70_000);
    assert!(matches!(log.append(append(1, "s/1", Expected::Any, &[&huge])).await, Err(AppendError::TooLarge(_))));
    assert!(matches!(log.append(append(2, "s/1", Expected::Any, &[])).await, Err(AppendError::TooLarge(_))));
    let large = "x".repeat(50_000);
    accepted(&*log, append(3, "s/1", Expected::Any, &[&large])).await;
    assert_eq!(log.head().await.expect("a head").size, 1);
    log.close().await;
}

/// With a fault ordered that refuses the next commit.
pub async fn refused_by_storage_leaves_no_trace(log: &dyn EventLog) {
    assert!(matches!(log.append(append(1, "s/1", Expected::Version(0), &["a"])).await, Err(AppendError::Storage(_))));
    assert_eq!(log.head().await.expect("a head").size, 0);
    accepted(log, append(1, "s/1", Expected::Version(0), &["a"])).await;
    assert_eq!(texts(log).await.len(), 1);
}

/// With a fault ordered that stores the next commit and loses its answer.
pub async fn lost_answer_is_looked_up(log: &dyn EventLog) {
    let committed = accepted(log, append(1, "s/1", Expected::Version(0), &["a"])).await;
    assert_eq!(committed.first, 1);
    accepted(log, append(2, "s/1", Expected::Version(1), &["b"])).await;
    assert_eq!(texts(log).await.len(), 2);
}

/// With a fault ordered that stores the next commit, loses its answer and fails the look-up.
pub async fn unknown_outcome_is_said_and_healed(log: &dyn EventLog) {
    assert!(matches!(
        log.append(append(1, "s/1", Expected::Version(0), &["a"])).await,
        Err(AppendError::OutcomeUnknown(_))
    ));
    // The caller asks again under the same id and learns that it happened.
    assert!(matches!(log.append(append(1, "s/1", Expected::Version(0), &["a"])).await, Ok(Appended::Replayed(_))));
    assert_eq!(texts(log).await.len(), 1);
}

/// After the idempotency window has ended for everything.
pub async fn forgotten_payload_is_refused(log: &dyn EventLog, forget: impl Fn()) {
    accepted(log, append(1, "s/1", Expected::Version(0), &["a"])).await;
    forget();
    assert!(matches!(
        log.append(append(1, "s/1", Expected::Version(0), &["a"])).await,
        Err(AppendError::PayloadForgotten(_))
    ));
    assert_eq!(texts(log).await.len(), 1);
}
