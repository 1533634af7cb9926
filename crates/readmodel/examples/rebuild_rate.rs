//! How fast the read models are built, and how fast they answer.
//!
//! `cargo run --release -p sfs-readmodel --example rebuild_rate -- [events] [directory] [quick]` makes a log of
//! interventions at 400 schools (300,000 unless told otherwise; one that is there already is used
//! again), reads it, decodes it, builds the read models and, unless `quick` follows, asks them. Prints
//! events per second of each, peak memory, and latencies.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sfs_domain::intervention::{Event, Kind, Work};
use sfs_domain::{
    Ags, BusinessDate, ClientKey, Grant, Minutes, OrganisationId, Period, Place, Role, SchoolId, SchoolYear, Scope,
    StaffPseudonym, wire,
};
use sfs_eventlog::{
    Append, AppendError, Appended, BoxFuture, CommandRecord, Direction, EventLog, Expected, Filter, Limits, NewEvent,
    Page, ReadError, Reader, StoredEvent, StreamWrite, tags,
};
use sfs_eventlog_sql::{Settings, open};
use sfs_ledger::{Head, LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use sfs_readmodel::{ActivityQuery, AsOf, Group, OverviewQuery, ReadModels, Viewer};
use sfs_sql::Durability;
use uuid::Uuid;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SCHOOLS: u64 = 400;
const APPEND: u64 = 2_000;
/// As dense as 5,000,000 events in seven years.
const EVENTS_PER_DAY: u64 = 5_000_000 / (7 * 365);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut args = std::env::args().skip(1);
    let events: u64 = args.next().map_or(Ok(300_000), |text| text.parse())?;
    let directory = args.next().map_or_else(|| std::env::temp_dir().join("sfs-rebuild-rate"), PathBuf::from);
    let quick = args.next().is_some_and(|word| word == "quick");
    std::fs::create_dir_all(&directory)?;
    let log = log_of(&directory.join(format!("log-{events}.db")), events).await?;

    let read = read_all(&*log, false).await?;
    let decoded = read_all(&*log, true).await?;
    println!("read            {:>9.0} events/s", rate(events, read));
    println!("read and decode {:>9.0} events/s, one after the other", rate(events, decoded));

    let reads = directory.join("read");
    let (models, generation, taken) = rebuild(&reads, Arc::clone(&log)).await?;
    println!("rebuild         {:>9.0} events/s ({taken:.1?})", rate(events, taken));
    println!("peak memory     {:>9} KiB", peak_memory()?);
    let size = std::fs::metadata(reads.join(format!("gen-{generation}.db")))?.len();
    println!("read database   {:>9} KiB", size / 1024);
    if events <= MOST_IN_MEMORY {
        let held: Arc<dyn EventLog> = Arc::new(Held::of(Arc::clone(&log)).await?);
        let (models, _, taken) = rebuild(&directory.join("held"), held).await?;
        println!("without reading {:>9.0} events/s (the log in memory, the rest as before)", rate(events, taken));
        models.stop().await;
    }
    if !quick {
        ask(&models, events).await?;
    }
    models.stop().await;
    log.close().await;
    Ok(())
}

async fn rebuild(reads: &Path, log: Arc<dyn EventLog>) -> Result<(ReadModels, u64, Duration), Failure> {
    let _ = std::fs::remove_dir_all(reads);
    let clock = Instant::now();
    let now = Arc::new(move || 1_790_000_000_000_000 + clock.elapsed().as_micros() as i64);
    let models = ReadModels::open(reads, log, now).await?;
    let begun = Instant::now();
    let rebuilt = models.rebuild(|_| {}).await?;
    Ok((models, rebuilt.generation, begun.elapsed()))
}

/// A log whose events are held in memory, to see what all the rest costs.
struct Held {
    log: Arc<dyn EventLog>,
    events: Vec<StoredEvent>,
}

/// About 1 KiB each.
const MOST_IN_MEMORY: u64 = 1_000_000;

impl Held {
    async fn of(log: Arc<dyn EventLog>) -> Result<Self, Failure> {
        let mut events: Vec<StoredEvent> = Vec::new();
        loop {
            let page = log.read(&Filter::default(), Direction::Forwards, events.len() as u64, 4_096).await?;
            if page.events.is_empty() {
                return Ok(Self { log, events });
            }
            events.extend(page.events);
        }
    }
}

impl Reader for Held {
    fn read<'a>(
        &'a self,
        _: &'a Filter,
        _: Direction,
        cursor: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Page, ReadError>> {
        Box::pin(async move {
            let rest = self.events.get(cursor as usize..).unwrap_or_default();
            let events: Vec<StoredEvent> = rest.iter().take(max).cloned().collect();
            let scanned_to = cursor + events.len() as u64;
            Ok(Page { events, scanned_to, head: self.events.len() as u64 })
        })
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
}

impl EventLog for Held {
    fn append(&self, append: Append) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.log.append(append)
    }

    fn heads(&self) -> tokio::sync::watch::Receiver<u64> {
        self.log.heads()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.log.close()
    }
}

fn rate(events: u64, taken: Duration) -> f64 {
    events as f64 / taken.as_secs_f64()
}

async fn read_all(log: &dyn EventLog, decode: bool) -> Result<Duration, Failure> {
    let begun = Instant::now();
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
    Ok(begun.elapsed())
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

/// The log in that file, made if it does not have that many events.
async fn log_of(path: &Path, events: u64) -> Result<Arc<dyn EventLog>, Failure> {
    let settings = Settings {
        origin: "rebuild-rate".into(),
        create: true,
        durability: Durability::None,
        limits: Limits::default(),
        readers: 4,
    };
    let log = open(path, settings, || 1_790_000_000_000_000).await?;
    let first = log.head().await?.size;
    for begin in (first..events).step_by(APPEND as usize) {
        log.append(append(begin, (begin + APPEND).min(events))?).await?;
    }
    Ok(Arc::new(log))
}

fn append(begin: u64, end: u64) -> Result<Append, Failure> {
    let writes = (begin..end).map(write).collect::<Result<_, Failure>>()?;
    Ok(Append { command: Uuid::from_u128(u128::from(begin) + 1), digest: [0; 32], writes, guards: Vec::new() })
}

/// The n-th event: days go by in order, schools and kinds are spread; every fortieth is a correction.
fn write(n: u64) -> Result<StreamWrite, Failure> {
    let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let school = (mix >> 20) % SCHOOLS;
    let day = BusinessDate::parse("2019-08-01")?.plus_days((n / EVENTS_PER_DAY) as i32);
    let minutes = Minutes::try_from(15 + (mix >> 40) as i64 % 120)?;
    let work = work((mix >> 8) % 15, (mix >> 50) % 20)?;
    let staff = StaffPseudonym(Uuid::from_u128(u128::from(school) * 2 + u128::from(mix >> 13) % 2 + 1));
    let assignment = ClientKey(Uuid::from_u128(staff.0.as_u128() + 1_000_000));
    let event = match n % 40 {
        39 => {
            let back = BusinessDate::parse("2019-08-01")?.plus_days((n.saturating_sub(20_000) / EVENTS_PER_DAY) as i32);
            serde_json::from_value(serde_json::json!({"intervention.corrected.v1": {
                "intervention": Uuid::from_u128(u128::from(n)), "day": back, "minutes": minutes, "work": work,
                "before": {"minutes": 30, "headcount": work.headcount()},
            }}))?
        }
        _ => Event::Recorded { staff, assignment, minutes, work },
    };
    let place = Place {
        ags: Ags::parse(format!("150{:02}", school % 14 + 1))?,
        provider: Some(OrganisationId::parse(format!("P{}", school % 60))?),
        school: Some(SchoolId::parse(format!("ST-JS2016-{school}"))?),
    };
    let encoded = sfs_domain::Event::Intervention(event).encode()?;
    let mut open = Vec::new();
    write_open(
        &OpenBody {
            occurred_on: day.to_string().into(),
            ags: place.ags.as_str().into(),
            provider: place.provider.as_ref().map(|provider| provider.as_str().into()),
            operation: None,
            school: place.school.as_ref().map(|school| school.as_str().into()),
            reason: None,
            corrects: None,
            evidence: Vec::new(),
            data: &encoded.data,
            salt: u128::from(mix).to_be_bytes(),
        },
        &mut open,
    )?;
    let stream = format!("intervention/ST-JS2016-{school}/{}", SchoolYear::of(day).slug());
    let leaf = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(u128::from(n) + 1),
        stream: stream.as_str().into(),
        event_type: encoded.event_type.as_str().into(),
        actor: "01900000-0000-7000-8000-000000000001".into(),
        role: "SSW".into(),
        org: None,
        rule: "record-intervention/SSW@school".into(),
        cmd: Uuid::from_u128(u128::from(n) + 1),
        corr: None,
        cause: None,
        by: "sfs/0.1.0".into(),
        open: digest(&open),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let tags = vec![tags::event_type(&encoded.event_type), tags::district(&place.ags)];
    let event = NewEvent {
        leaf: leaf.prepare()?,
        event_type: encoded.event_type.as_str().into(),
        open: String::from_utf8(open)?,
        tags,
        sealed: Vec::new(),
    };
    Ok(StreamWrite { stream: stream.into(), expected: Expected::Any, events: vec![event] })
}

fn work(kind: u64, people: u64) -> Result<Work, Failure> {
    let headcount = serde_json::json!({"women": people + 1, "men": people / 2, "non_binary": people / 15});
    let kind = Kind::ALL[kind as usize];
    let body = match kind {
        Kind::Crisis => {
            serde_json::json!({"topic": "violence", "urgency": "immediate", "involved": ["pupils"], "result": "stabilised"})
        }
        Kind::Mediation => serde_json::json!({"parties": 2, "result": "agreed"}),
        Kind::Prevention => {
            serde_json::json!({"topic": "addiction", "levels": "7-8", "sessions": 2, "headcount": headcount})
        }
        Kind::LearningClimate => serde_json::json!({"reach": "class", "method": "class_council"}),
        Kind::SocialLearning => serde_json::json!({"group": "small_group", "sessions": 1, "headcount": headcount}),
        Kind::Participation => {
            serde_json::json!({"form": "pupils_council", "headcount": headcount, "result": "decision"})
        }
        Kind::SocialSpace => {
            serde_json::json!({"partners": ["association"], "activity": "visit", "headcount": headcount})
        }
        Kind::StaffAdvice => {
            serde_json::json!({"form": "talk", "advised": "teachers", "topic": "behaviour", "persons": 2})
        }
        Kind::GuardianSupport => serde_json::json!({"form": "home_visit", "topic": "absenteeism", "persons": 1}),
        Kind::Committee => serde_json::json!({"body": "steering_group", "role": "member", "decisions": 1}),
        Kind::Networking => serde_json::json!({"partners": ["network_office"]}),
        Kind::Preparation | Kind::Documentation | Kind::Travel | Kind::TrainingAttended => serde_json::json!({}),
    };
    Ok(serde_json::from_value(serde_json::json!({kind.code(): body}))?)
}
