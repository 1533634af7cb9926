//! How fast the read models are built, how far behind the log they are, and how fast they answer.
//!
//! `cargo run --release -p sfs-readmodel --example rebuild_rate -- [events] [directory] [quick]` makes a
//! log of interventions at 400 schools (300,000 unless told otherwise; one that is there already is used
//! again), reads it, decodes it, builds the read models, follows a log that grows by 5,000 events a
//! second and, unless `quick` follows, asks everything. Prints events per second, peak memory,
//! latencies.

mod held;
mod log;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfs_domain::{Ags, BusinessDate, Grant, Period, Role, Scope, wire};
use sfs_eventlog::{Direction, EventLog, Filter};
use sfs_ledger::OpenBody;
use sfs_readmodel::{ActivityQuery, AsOf, Group, OverviewQuery, ReadModels, Viewer};
use sfs_sql::Durability;

use crate::held::{Held, MOST_IN_MEMORY};
use crate::log::{append, log_of, open_log};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(300_000), |text| text.parse())?;
    let directory = args.next().map_or_else(|| std::env::temp_dir().join("sfs-rebuild-rate"), PathBuf::from);
    let quick = args.next().is_some_and(|word| word == "quick");
    std::fs::create_dir_all(&directory)?;
    let log = log_of(&directory.join(format!("log-{events}.db")), events).await?;

    let used = Used::begin()?;
    read_all(&*log, false).await?;
    used.show("read", events, "")?;
    let used = Used::begin()?;
    read_all(&*log, true).await?;
    used.show("read and decode", events, "one after the other")?;

    let reads = directory.join("read");
    // From here on the peak is that of the rebuild.
    std::fs::write("/proc/self/clear_refs", "5")?;
    let used = Used::begin()?;
    let (models, generation) = rebuild(&reads, Arc::clone(&log)).await?;
    used.show("rebuild", events, "of all read models")?;
    println!("peak memory     {:>9} KiB", peak_memory()?);
    let size = std::fs::metadata(reads.join(format!("gen-{generation}.db")))?.len();
    println!("read database   {:>9} KiB", size / 1024);
    if events <= MOST_IN_MEMORY {
        let held: Arc<dyn EventLog> = Arc::new(Held::of(Arc::clone(&log)).await?);
        let used = Used::begin()?;
        let (models, _) = rebuild(&directory.join("held"), held).await?;
        used.show("without reading", events, "the log in memory, the rest as before")?;
        models.stop().await;
    }
    lag(&directory).await?;
    if !quick {
        ask(&models, events).await?;
    }
    models.stop().await;
    log.close().await;
    Ok(())
}

async fn rebuild(reads: &Path, log: Arc<dyn EventLog>) -> Result<(ReadModels, u64), Failure> {
    let _ = std::fs::remove_dir_all(reads);
    let clock = Instant::now();
    let now = Arc::new(move || 1_790_000_000_000_000 + clock.elapsed().as_micros() as i64);
    let models = ReadModels::open(reads, log, now).await?;
    let rebuilt = models.rebuild(|_| {}).await?;
    Ok((models, rebuilt.generation))
}

/// Time that passed and time that the processors worked: on a shared machine only the second tells
/// much.
struct Used {
    begun: Instant,
    cpu: f64,
}

impl Used {
    fn begin() -> Result<Self, Failure> {
        Ok(Self { begun: Instant::now(), cpu: cpu_seconds()? })
    }

    fn show(&self, name: &str, events: u64, remark: &str) -> Result<(), Failure> {
        let (wall, cpu) = (self.begun.elapsed().as_secs_f64(), cpu_seconds()? - self.cpu);
        let per_second = events as f64 / wall;
        let per_event = cpu * 1e6 / events as f64;
        println!(
            "{name:<16}{per_second:>9.0} events/s ({wall:.1} s), {per_event:.2} µs of processor time an event; {remark}"
        );
        Ok(())
    }
}

/// User and system time of this process, from Linux's 100 ticks a second.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>()? + fields[12].parse::<u64>()?;
    Ok(ticks as f64 / 100.0)
}

async fn read_all(log: &dyn EventLog, decode: bool) -> Result<(), Failure> {
    let (mut cursor, mut seen) = (0, 0_usize);
    loop {
        let page = log.read(&Filter::default(), Direction::Forwards, cursor, 2_048).await?;
        if page.events.is_empty() {
            break;
        }
        cursor = page.scanned_to;
        for event in &page.events {
            if decode {
                let body = OpenBody::parse(&event.open)?;
                let _ = BusinessDate::parse(&body.occurred_on)?;
                seen += usize::from(wire::decode(&event.event_type, body.data).is_ok());
            } else {
                seen += event.open.len();
            }
        }
    }
    assert!(seen > 0, "the log is empty");
    Ok(())
}

/// How long after a durable append its events are in the answers, at 5,000 events a second.
async fn lag(directory: &Path) -> Result<(), Failure> {
    const EVENTS: u64 = 50;
    const EVERY: Duration = Duration::from_millis(10);
    let path = directory.join("lag.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    let log = open_log(&path, Durability::Full).await?;
    let reads = directory.join("lag");
    let _ = std::fs::remove_dir_all(&reads);
    let models = ReadModels::open(&reads, Arc::clone(&log), Arc::new(|| 1_790_000_000_000_000)).await?;
    models.start();
    let begun = tokio::time::Instant::now();
    let mut waiting = Vec::new();
    for n in 0..500_u32 {
        tokio::time::sleep_until(begun + EVERY * n).await;
        let from = u64::from(n) * EVENTS;
        log.append(append(from, from + EVENTS)?).await?;
        let (models, appended) = (models.clone(), Instant::now());
        waiting.push(tokio::spawn(async move {
            let there = models.wait_for(from + EVENTS, Duration::from_secs(60)).await;
            (there, appended.elapsed())
        }));
    }
    let taken = begun.elapsed().as_secs_f64();
    let mut times = Vec::new();
    for waiting in waiting {
        let (there, elapsed) = waiting.await?;
        assert!(there, "the read models stand still");
        times.push(elapsed);
    }
    show(&format!("lag at {:.0} events/s", 500.0 * EVENTS as f64 / taken), times);
    models.stop().await;
    log.close().await;
    Ok(())
}

/// Asks everything often enough for a 99th percentile.
async fn ask(models: &ReadModels, events: u64) -> Result<(), Failure> {
    let day = BusinessDate::parse("2026-11-24")?;
    let state = viewer(Role::Auditor, Scope::State {}, day);
    let district = viewer(Role::NetworkOffice, Scope::District(Ags::parse("15003")?), day);
    let period = |from: &str, to: &str| -> Result<Period, Failure> {
        Ok(Period::new(BusinessDate::parse(from)?, BusinessDate::parse(to)?)?)
    };
    let year = period("2019-08-01", "2020-08-01")?;
    let all = period("2019-08-01", "2026-08-01")?;
    let odd = period("2019-09-10", "2020-05-20")?;
    for known in [None, Some(events / 2 + 12_345), Some(events - 1)] {
        let as_of = AsOf { known };
        let label = known.map_or("live".to_owned(), |known| format!("as of {known}"));
        for (name, viewer, during, group) in [
            ("year, by kind", &state, year, None),
            ("year, by district", &state, year, Some(Group::District)),
            ("year, by form", &state, year, Some(Group::Form)),
            ("year, by school", &state, year, Some(Group::School)),
            ("year, by month", &state, year, Some(Group::Month)),
            ("year, one district by provider", &district, year, Some(Group::Provider)),
            ("seven years, by kind", &state, all, None),
            ("seven years, by district", &state, all, Some(Group::District)),
            ("odd days, by kind", &state, odd, None),
            ("odd days, by district", &state, odd, Some(Group::District)),
        ] {
            let query = ActivityQuery { as_of, group, ..ActivityQuery::of(during) };
            let mut times = Vec::new();
            for _ in 0..if known.is_some() { 20 } else { 100 } {
                let begun = Instant::now();
                let answer = models.activity_profile(viewer, &query).await?;
                times.push(begun.elapsed());
                assert!(answer.complete);
            }
            show(&format!("M04 {label}: {name}"), times);
        }
        let mut times = Vec::new();
        for _ in 0..20 {
            let begun = Instant::now();
            models.programme_overview(&state, &OverviewQuery { on: day, during: year, as_of }).await?;
            times.push(begun.elapsed());
        }
        show(&format!("M01 {label}: a year"), times);
    }
    Ok(())
}

fn show(name: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    println!("{name:<55} p50 {:>7.2} ms  p99 {:>7.2} ms", at(50), at(99));
}

fn viewer(role: Role, scope: Scope, today: BusinessDate) -> Viewer {
    Viewer { grants: [Grant { role, scope, until: None }].into(), today }
}

fn peak_memory() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
