//! A programme in memory, its log, and read models in a directory of their own.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use sfs_domain::authority::{Role, Scope};
use sfs_domain::catalogue::command_entry;
use sfs_domain::decider::Reason;
use sfs_domain::testing::day;
use sfs_domain::testing::world::{Recorded, World};
use sfs_domain::wire::Named;
use sfs_domain::{BusinessDate, Category, Command, Grant, Period, Refused};
use sfs_eventlog::memory::Memory;
use sfs_eventlog::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Direction, EventLog, Expected, Filter, Limits, NewEvent,
    Page, Purge, ReadError, Reader, StoredEvent, StreamWrite, tags,
};
use sfs_ledger::{Hash, Head, LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use crate::catch_up::Pace;
use crate::{
    ActivityQuery, AsOf, CoverageQuery, Group, OverviewQuery, PageRequest, ReadModels, RegisterQuery, StaffingQuery,
    TrainingsQuery, Viewer,
};

/// What the register does not show.
pub const WITHOUT_DOCUMENT: &[Category] = &[
    Category::Intervention,
    Category::Principal,
    Category::Person,
    Category::Absence,
    Category::SupportCase,
    Category::ChildProtection,
    Category::Log,
];

/// Today in the tests.
pub const TODAY: &str = "2026-11-24";

/// A page of everything.
pub fn everything_on_one_page() -> PageRequest {
    PageRequest { after: None, limit: 1_000 }
}

pub fn period(from: &str, to: &str) -> Period {
    Period::new(day(from), day(to)).unwrap()
}

/// Somebody with these grants.
pub fn viewer(grants: impl IntoIterator<Item = (Role, Scope)>) -> Viewer {
    let grants: Vec<Grant> = grants.into_iter().map(|(role, scope)| Grant { role, scope, until: None }).collect();
    Viewer { grants: grants.into(), today: day(TODAY) }
}

/// Somebody who sees everything.
pub fn auditor() -> Viewer {
    viewer([(Role::Auditor, Scope::State {})])
}

/// An event of the programme on its way into a log.
pub fn new_event(n: u64, recorded: &Recorded) -> StreamWrite {
    let encoded = recorded.event.encode().unwrap();
    let place = &recorded.fact.place;
    let mut open = Vec::new();
    let body = OpenBody {
        occurred_on: recorded.fact.occurred_on.to_string().into(),
        ags: place.ags.as_str().into(),
        provider: place.provider.as_ref().map(|provider| provider.as_str().into()),
        operation: None,
        school: place.school.as_ref().map(|school| school.as_str().into()),
        reason: recorded.reason.map(|reason| reason.code().into()),
        corrects: recorded.event.corrects().map(|event| event.0),
        evidence: Vec::new(),
        data: &encoded.data,
        salt: u128::from(n).to_be_bytes(),
    };
    write_open(&body, &mut open).unwrap();
    raw_event(recorded.stream.as_str(), &encoded.event_type, recorded.fact.id.0, String::from_utf8(open).unwrap())
}

/// An event with any type and any open body.
pub fn raw_event(stream: &str, event_type: &str, id: Uuid, open: String) -> StreamWrite {
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id,
        stream: stream.into(),
        event_type: event_type.into(),
        actor: "tester".into(),
        role: "CO".into(),
        org: None,
        rule: "test/CO@state".into(),
        cmd: id,
        corr: None,
        cause: None,
        by: "test".into(),
        open: digest(open.as_bytes()),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let event = NewEvent {
        leaf: draft.prepare().unwrap(),
        event_type: event_type.into(),
        open,
        tags: vec![tags::event_type(event_type)],
        sealed: Vec::new(),
    };
    StreamWrite { stream: stream.into(), expected: Expected::Any, events: vec![event] }
}

/// Appends one event.
pub async fn append(log: &dyn EventLog, write: StreamWrite) {
    let id = Uuid::from_u128(u128::from(log.head().await.unwrap().size) + 1);
    let append = Append { command: id, digest: [0; 32], writes: vec![write], guards: Vec::new() };
    assert!(matches!(log.append(append).await, Ok(Appended::Committed(_))));
}

/// A log in memory with the first `count` of these events, a second between one and the next.
pub async fn log_of(events: &[Recorded], count: usize) -> Arc<dyn EventLog> {
    let clock = AtomicI64::new(1_790_000_000_000_000);
    let now = move || clock.fetch_add(1_000_000, Ordering::Relaxed);
    let log = Memory::default().start(Limits::default(), now);
    for (n, event) in (0..).zip(&events[..count]) {
        append(&log, new_event(n, event)).await;
    }
    Arc::new(log)
}

/// See [`paged`].
struct Paged {
    log: Arc<dyn EventLog>,
    sizes: Vec<usize>,
    turn: AtomicUsize,
    silent: Arc<AtomicBool>,
}

/// That log, with pages of these sizes in turn.
pub fn paged(log: Arc<dyn EventLog>, sizes: Vec<usize>) -> Arc<dyn EventLog> {
    Arc::new(Paged { log, sizes, turn: AtomicUsize::new(0), silent: Arc::default() })
}

/// That log, whose storage does not answer while the switch is on.
pub fn silenced(log: Arc<dyn EventLog>, silent: Arc<AtomicBool>) -> Arc<dyn EventLog> {
    Arc::new(Paged { log, sizes: vec![1_000], turn: AtomicUsize::new(0), silent })
}

impl Reader for Paged {
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        if self.silent.load(Ordering::Relaxed) {
            return Box::pin(async { Err(ReadError::Storage("the disk does not answer".into())) });
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.log.read(filter, direction, cursor, max.min(self.sizes[turn % self.sizes.len()]))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>> {
        self.log.read_stream(stream, after, max)
    }

    fn command(&self, id: Uuid) -> BoxFuture<'_, Result<Option<CommandRecord>, ReadError>> {
        self.log.command(id)
    }

    fn position_at(&self, instant: i64) -> BoxFuture<'_, Result<u64, ReadError>> {
        self.log.position_at(instant)
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, ReadError>> {
        self.log.head()
    }

    fn sealed<'a>(&'a self, digests: &'a [Hash]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, ReadError>> {
        self.log.sealed(digests)
    }
}

impl EventLog for Paged {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(append)
    }

    fn purge(&self, purge: Purge) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.purge(purge)
    }

    fn forget_digests(&self, before: i64) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.forget_digests(before)
    }

    fn heads(&self) -> watch::Receiver<u64> {
        self.log.heads()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.log.close()
    }
}

/// Read models with all they stand on.
pub struct Models {
    pub models: ReadModels,
    pub log: Arc<dyn EventLog>,
    pub directory: Arc<TempDir>,
}

/// Small pages and transactions, so that tests have several.
pub const SMALL: Pace =
    Pace { near: 7, far: 5, commit_every: 12, far_behind: 40, stride: 30, worth_a_rebuild: u64::MAX };

pub async fn open_in(directory: &Path, log: &Arc<dyn EventLog>, pace: Pace) -> ReadModels {
    let now = Arc::new(|| 1_790_000_100_000_000);
    ReadModels::open_at(&directory.join("read"), Arc::clone(log), now, pace).await.unwrap()
}

impl Models {
    /// Read models that follow that log and have read all of it.
    pub async fn following(log: Arc<dyn EventLog>) -> Self {
        Self::in_directory(Arc::new(tempfile::tempdir().unwrap()), log, SMALL).await
    }

    pub async fn in_directory(directory: Arc<TempDir>, log: Arc<dyn EventLog>, pace: Pace) -> Self {
        let models = open_in(directory.path(), &log, pace).await;
        models.start();
        let all = Self { models, log, directory };
        all.caught_up().await;
        all
    }

    /// Waits until everything in the log is in the answers.
    pub async fn caught_up(&self) {
        let head = self.log.head().await.unwrap().size;
        assert!(self.models.wait_for(head, Duration::from_secs(60)).await, "{:?}", self.models.status());
    }

    /// Stops, and answers what the next needs to go on.
    pub async fn stopped(self) -> (Arc<TempDir>, Arc<dyn EventLog>) {
        self.models.stop().await;
        (self.directory, self.log)
    }
}

/// A programme that commands are told to.
#[derive(Default)]
pub struct Programme {
    pub world: World,
}

impl Programme {
    /// The story of every command.
    pub fn story() -> Self {
        Self { world: sfs_domain::testing::story::world() }
    }

    /// Tells a command; it may be refused.
    pub fn tries(&mut self, on: &str, reason: Option<Reason>, name: &str, body: Value) -> Result<(), Refused> {
        let entry = command_entry(name).unwrap();
        let command = Command::deserialize_as(entry.category, Named { name, body }).unwrap();
        self.world.tell(day(on), reason, &command).map(|_| ())
    }

    /// Tells a command that must be accepted.
    #[track_caller]
    pub fn tell(&mut self, on: &str, name: &str, body: Value) {
        if let Err(why) = self.tries(on, None, name, body) {
            panic!("{name} on {on}: {why:?}");
        }
    }

    pub async fn log(&self) -> Arc<dyn EventLog> {
        log_of(self.world.events(), self.world.events().len()).await
    }

    /// Its read models.
    pub async fn models(&self) -> Models {
        Models::following(self.log().await).await
    }

    /// The position of the n-th (from 0) event of that type.
    pub fn position(&self, event_type: &str, n: usize) -> u64 {
        let of_type = |recorded: &&(u64, &Recorded)| recorded.1.event.encode().unwrap().event_type == event_type;
        let all: Vec<_> = (1_u64..).zip(self.world.events()).collect();
        all.iter().filter(of_type).nth(n).unwrap().0
    }
}

/// What all queries answer to somebody who sees everything, on a day and for a period.
pub async fn all_answers(
    models: &ReadModels,
    as_of: AsOf,
    on: BusinessDate,
    during: Period,
) -> BTreeMap<String, Value> {
    let viewer = auditor();
    let mut answers = BTreeMap::new();
    let mut add = |name: String, data: Value| {
        answers.insert(name, data);
    };
    let overview = models.programme_overview(&viewer, &OverviewQuery { on, during, as_of }).await.unwrap();
    add("overview".into(), json!(overview.data));
    let page = everything_on_one_page();
    let coverage = CoverageQuery { as_of, page: page.clone(), ..CoverageQuery::on(on) };
    add("coverage".into(), json!(models.school_coverage(&viewer, &coverage).await.unwrap().data));
    let staffing = StaffingQuery { as_of, page: page.clone(), ..StaffingQuery::on(on) };
    add("staffing".into(), json!(models.staffing(&viewer, &staffing).await.unwrap().data));
    for during in [None, Some(during)] {
        let trainings = TrainingsQuery { as_of, during, page: page.clone(), ..TrainingsQuery::all() };
        let answer = models.trainings(&viewer, &trainings).await.unwrap();
        add(format!("trainings {}", during.is_some()), json!(answer.data));
    }
    for group in
        [None, Some(Group::District), Some(Group::Form), Some(Group::Provider), Some(Group::School), Some(Group::Month)]
    {
        let query = ActivityQuery { as_of, group, ..ActivityQuery::of(during) };
        let answer = models.activity_profile(&viewer, &query).await.unwrap();
        add(format!("activity {group:?}"), json!(answer.data));
    }
    for category in Category::ALL.iter().filter(|category| !WITHOUT_DOCUMENT.contains(category)) {
        let viewer =
            super::support::viewer([(Role::Auditor, Scope::State {}), (Role::CoordinationOffice, Scope::State {})]);
        let query = RegisterQuery { as_of, page: page.clone(), ..RegisterQuery::of(*category) };
        add(format!("register {}", category.name()), json!(models.register(&viewer, &query).await.unwrap().data));
    }
    answers
}
