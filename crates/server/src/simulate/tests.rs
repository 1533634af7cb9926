//! The simulation on a log in memory: complete, repeatable, resumable, within what it says.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sfs_command::business_date;
use sfs_domain::catalogue::routed;
use sfs_domain::{BusinessDate, Role, SchoolYear};
use sfs_eventlog::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Direction, EventLog, Filter, Page, Purge, ReadError,
    Reader, StoredEvent,
};
use sfs_ledger::{Hash, Head, Leaf, OpenBody};

use super::*;
use crate::import::testing::{Subject, at};

fn settings(schools: usize, seed: u64) -> SimulationSettings {
    let start = SchoolYear::try_from("2024/25".to_owned()).unwrap();
    SimulationSettings { schools, school_years: 1, seed, events: None, start, until: None }
}

async fn simulated(settings: &SimulationSettings) -> (Subject, SimulationReport) {
    let subject = Subject::new(beginning(settings.start)).await;
    let report = run(&subject.handler, settings, &subject.clock, &|_| ()).await.unwrap();
    (subject, report)
}

async fn events(subject: &Subject) -> Vec<StoredEvent> {
    let filter = Filter { leaves: true, ..Filter::default() };
    subject.log.read(&filter, Direction::Forwards, 0, usize::MAX).await.unwrap().events
}

/// All but what concerns single persons: their keys are random, and a seed must give the same log again.
fn simulated_commands() -> impl Iterator<Item = &'static str> {
    let of_persons = [
        "record-beneficial-owners",
        "register-training-participant",
        "withdraw-training-participant",
        "confirm-participant-attendance",
        "issue-training-certificate",
    ];
    let is_of_persons = |category| {
        use sfs_domain::Category::{Absence, ChildProtection, Person, SupportCase};
        matches!(category, Absence | ChildProtection | Person | SupportCase)
    };
    let simulated = routed().filter(move |entry| !is_of_persons(entry.category));
    simulated.map(|entry| entry.name).filter(move |name| !of_persons.contains(name))
}

#[tokio::test]
async fn every_command_of_the_catalogue_is_used_by_the_smallest_simulation() {
    for seed in 1..=3 {
        let (subject, report) = simulated(&settings(LEAST_SCHOOLS, seed)).await;
        let unused: Vec<_> = simulated_commands().filter(|name| !report.commands.contains_key(name)).collect();
        assert_eq!(unused, Vec::<&str>::new(), "seed {seed}");
        assert_eq!(report.commands.values().sum::<u64>(), report.events);
        assert_eq!(subject.head().await.size, report.events, "each accepted command is one event");
        assert_eq!(report.replayed, 0);
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_log_and_another_seed_another() {
    let root = async |seed| simulated(&settings(LEAST_SCHOOLS, seed)).await.0.head().await.root;
    let first = root(11).await;
    assert_eq!(root(11).await, first);
    assert_ne!(root(12).await, first);
}

#[tokio::test]
async fn corrections_voids_and_refusals_have_the_stated_shares() {
    let (_, report) = simulated(&settings(28, 5)).await;
    let of = |name| report.commands.get(name).copied().unwrap_or_default();
    let recorded = of("record-intervention");
    let permille = |count: u64| count * 1_000 / recorded;
    assert!((15..=25).contains(&permille(of("correct-intervention"))), "{report:?}");
    assert!((7..=13).contains(&permille(of("void-intervention"))), "{report:?}");
    assert!((8..=15).contains(&permille(report.refused())), "{report:?}");
    // Every rule of which the simulation makes fun.
    for rule in [
        "COO-06",
        "COO-07",
        "COO-18",
        "GEN-01",
        "GEN-02",
        "INT-02",
        "INT-03",
        "INT-04",
        "INT-05",
        "INT-06",
        "INT-08",
        "INT-09",
        "INT-10",
        "INT-11",
        "NEE-04",
        "OFF-03",
        "ORG-05",
        "PRG-05",
        "PRI-01",
        "SCH-02",
        "STA-03",
        "STA-04",
        "STA-05",
        "STA-13",
        "TRA-12",
        "TRA-17",
        "VAC-10",
        "forbidden",
        "not-found",
        "stale-version",
        "version-missing",
    ] {
        assert!(report.refusals.contains_key(rule), "{rule} is missing: {:?}", report.refusals);
    }
}

#[tokio::test]
async fn an_interrupted_simulation_goes_on_and_comes_to_the_same_events() {
    let settings = settings(LEAST_SCHOOLS, 8);
    let (whole, report) = simulated(&settings).await;
    let ids = |events: &[StoredEvent]| -> Vec<_> {
        events.iter().map(|event| Leaf::parse(&event.leaf).unwrap().draft.id).collect()
    };
    let all = ids(&events(&whole).await);
    for appends in [3, 1_500, all.len() as u64 - 40] {
        let subject = Subject::new(beginning(settings.start)).await;
        // Between two batches or within one: wherever the log ends.
        let log = Arc::new(Ending { log: Arc::clone(&subject.log), left: AtomicU64::new(appends) });
        let broken = Subject::on(log, subject.clock.clone());
        assert!(run(&broken.handler, &settings, &broken.clock, &|_| ()).await.is_err());
        assert_eq!(subject.head().await.size, appends);
        let second = run(&subject.handler, &settings, &subject.clock, &|_| ()).await.unwrap();
        assert_eq!(ids(&events(&subject).await), all, "interrupted after {appends}");
        assert_eq!(second.commands, report.commands);
        assert_eq!(second.replayed, appends, "interrupted after {appends}");
    }
    let again = run(&whole.handler, &settings, &whole.clock, &|_| ()).await.unwrap();
    assert_eq!((again.replayed, again.commands), (again.events, report.commands));
    assert_eq!(whole.head().await.size, report.events);
}

/// A log that takes so many appends and then no more.
struct Ending {
    log: Arc<dyn EventLog>,
    left: AtomicU64,
}

impl Reader for Ending {
    fn read<'a>(
        &'a self,
        filter: &'a Filter,
        direction: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        self.log.read(filter, direction, cursor, max)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a str,
        after_version: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<StoredEvent>, ReadError>> {
        self.log.read_stream(stream, after_version, max)
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

impl EventLog for Ending {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        if self.left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_err() {
            return Box::pin(async { Err(AppendError::Closed) });
        }
        self.log.append(append)
    }

    fn purge(&self, purge: Purge) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.purge(purge)
    }

    fn forget_digests(&self, before: i64) -> BoxFuture<'_, Result<u64, AppendError>> {
        self.log.forget_digests(before)
    }

    fn heads(&self) -> tokio::sync::watch::Receiver<u64> {
        self.log.heads()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.log.close()
    }
}

#[tokio::test]
async fn what_is_simulated_until_a_day_goes_on_from_there() {
    let whole = settings(LEAST_SCHOOLS, 9);
    let half = SimulationSettings { until: Some(BusinessDate::parse("2025-01-20").unwrap()), ..whole.clone() };
    let (subject, first) = simulated(&half).await;
    assert_eq!(first.last_day, BusinessDate::parse("2025-01-17").unwrap(), "the Friday whose week is over");
    let until = BusinessDate::parse("2025-01-20").unwrap();
    assert!(events(&subject).await.iter().all(|event| business_date(event.recorded_at) <= until));
    let second = run(&subject.handler, &whole, &subject.clock, &|_| ()).await.unwrap();
    assert_eq!((second.replayed, second.last_day), (first.events, BusinessDate::parse("2025-07-31").unwrap()));
    assert_eq!(subject.head().await.root, simulated(&whole).await.0.head().await.root);
}

#[tokio::test]
async fn it_stops_at_the_wanted_number_of_events() {
    let wanted = SimulationSettings { events: Some(3_000), ..settings(LEAST_SCHOOLS, 4) };
    let (subject, report) = simulated(&wanted).await;
    assert!((3_000..3_500).contains(&report.events), "{}", report.events);
    assert!(report.stopped_early);
    assert_eq!(subject.head().await.size, report.events);
}

#[tokio::test]
async fn more_events_than_usual_are_more_work_a_day() {
    let wanted = SimulationSettings { events: Some(20_000), ..settings(LEAST_SCHOOLS, 4) };
    let (_, report) = simulated(&wanted).await;
    assert!((19_000..21_000).contains(&report.events), "{}", report.events);
    assert!(report.last_day > BusinessDate::parse("2025-05-01").unwrap(), "{}", report.last_day);
}

#[tokio::test]
async fn everything_is_recorded_hours_to_weeks_after_it_happened_and_in_order() {
    let (subject, _) = simulated(&settings(LEAST_SCHOOLS, 6)).await;
    let (mut before, mut lags, mut days) = (0, BTreeSet::new(), BTreeSet::new());
    for event in events(&subject).await {
        assert!(before <= event.recorded_at);
        before = event.recorded_at;
        let body = OpenBody::parse(&event.open).unwrap();
        let occurred_on = BusinessDate::parse(&body.occurred_on).unwrap();
        if &*event.event_type == "intervention.recorded.v1" {
            let recorded_on = business_date(event.recorded_at);
            lags.insert(recorded_on.days() - occurred_on.days());
            assert!((occurred_on.days() + 3).rem_euclid(7) < 5, "{occurred_on} is a weekend");
            days.insert(occurred_on);
        }
    }
    assert!(lags.contains(&0) && lags.contains(&7));
    assert!(lags.iter().all(|lag| (0..=45).contains(lag)), "{lags:?}");
    assert!(!days.contains(&BusinessDate::parse("2025-05-01").unwrap()), "a public holiday");
}

#[tokio::test]
async fn most_work_is_recorded_by_principals_of_a_school_or_a_provider() {
    let (subject, report) = simulated(&settings(LEAST_SCHOOLS, 6)).await;
    let recorded: Vec<_> =
        events(&subject).await.into_iter().filter(|event| &*event.event_type == "intervention.recorded.v1").collect();
    for event in &recorded {
        let role = Leaf::parse(&event.leaf).unwrap().draft.role.to_string();
        assert!(["SSW", "PM"].contains(&role.as_str()), "{role}");
    }
    let roles = |wanted| report.principals.iter().filter(|(role, ..)| *role == wanted).count();
    assert!(roles(Role::SchoolSocialWorker) >= 2);
    assert_eq!(roles(Role::Ministry), 1);
    assert!(report.principals.len() < 60);
}

#[tokio::test]
async fn progress_grows_to_its_total() {
    let subject = Subject::new(at("2024-01-01T08:00:00Z")).await;
    let seen = Mutex::new(Vec::new());
    let told = |progress: Progress| seen.lock().unwrap().push(progress);
    run(&subject.handler, &settings(LEAST_SCHOOLS, 6), &subject.clock, &told).await.unwrap();
    let seen: Vec<Progress> =
        seen.into_inner().unwrap().into_iter().filter(|progress| progress.what_de == "Schuljahr simulieren").collect();
    assert!(seen.is_sorted_by_key(|progress| progress.done));
    assert!(seen.last().is_some_and(|last| last.done == last.total));
}

#[tokio::test]
async fn impossible_settings_are_refused() {
    let subject = Subject::new(at("2024-01-01T08:00:00Z")).await;
    let refused = async |settings: SimulationSettings| run(&subject.handler, &settings, &subject.clock, &|_| ()).await;
    assert!(matches!(refused(settings(5, 1)).await, Err(SimulationError::Schools(5))));
    assert!(matches!(refused(settings(851, 1)).await, Err(SimulationError::Schools(851))));
    let none = SimulationSettings { school_years: 0, ..settings(6, 1) };
    assert!(matches!(refused(none).await, Err(SimulationError::NoYear)));
    let long = SimulationSettings { school_years: 9, ..settings(6, 1) };
    assert!(matches!(refused(long).await, Err(SimulationError::UnknownSchoolYear(_))));
    let many = SimulationSettings { events: Some(5_000_001), ..settings(6, 1) };
    assert!(matches!(refused(many).await, Err(SimulationError::Events(_))));
    assert_eq!(subject.head().await.size, 0);
}

#[test]
fn the_whole_land_has_about_380_positions_at_355_schools() {
    let files = crate::reference::files().unwrap();
    for seed in 1..=5 {
        let settings = settings(355, seed);
        let world = World::new(files, &settings, b"test").unwrap();
        let fte: u32 = world.sites.iter().flat_map(|site| &site.posts).sum();
        assert!((365_000..=395_000).contains(&fte), "seed {seed}: {fte}");
        assert_eq!(world.districts().len(), 14);
    }
}
