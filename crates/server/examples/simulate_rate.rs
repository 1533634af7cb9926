//! How many events a second the simulation writes on SQLite, without and with full durability, in a temporary
//! directory: `simulate_rate [events] [schools] [years] [none|full] [seed]`. No events is as many as the years bring.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use sfs_command::{Clock, Handler, ManualClock, SeededEntropy};
use sfs_domain::SchoolYear;
use sfs_eventlog::{EventLog, Limits, Reader};
use sfs_eventlog_sql::{Settings, open};
use sfs_server::reference::files;
use sfs_server::simulate::{SimulationSettings, beginning, run};
use sfs_sql::Durability;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let number = |place, otherwise: u64| -> Result<u64, Failure> {
        Ok(std::env::args().nth(place).map(|text| text.parse()).transpose()?.unwrap_or(otherwise))
    };
    let (events, schools, years) = (number(1, 200_000)?, number(2, 355)?, number(3, 1)?);
    let only = std::env::args().nth(4);
    for (name, durability) in [("none", Durability::None), ("full", Durability::Full)] {
        if only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        let start = SchoolYear::try_from(format!("{}/{}", 2026 - years, 27 - years))?;
        let settings = SimulationSettings {
            schools: usize::try_from(schools)?,
            school_years: u32::try_from(years)?,
            seed: number(5, 1)?,
            events: (events > 0).then_some(events),
            start,
            until: None,
        };
        let directory = tempfile::tempdir()?;
        let clock = ManualClock::at(beginning(start));
        let told = clock.clone();
        let log = open(
            &directory.path().join("log.db"),
            Settings { origin: "rate".into(), create: true, durability, limits: Limits::default(), readers: 2 },
            move || told.now_micros(),
        )
        .await?;
        let log: Arc<dyn EventLog> = Arc::new(log);
        let reference = files().map_err(ToString::to_string)?;
        let handler = Handler::new(sfs_command::Settings {
            log: Arc::clone(&log),
            reference: Arc::clone(&reference.reference),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(1)),
            digest_key: [1; 32],
            cached_events: settings.cached_events(),
            sealer: None,
        });
        let begun = Instant::now();
        let total = std::sync::atomic::AtomicU64::new(0);
        let told = |progress: sfs_server::import::Progress| total.store(progress.total, Ordering::Relaxed);
        let report = run(&handler, &settings, &clock, &told).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let head = Reader::head(&*log).await?;
        println!(
            "durability {name}: {} events of about {} in {seconds:.2} s, {:.0} events/s; {} refused; to {}; {} thousandths of positions; root {}",
            report.events,
            total.into_inner(),
            report.events as f64 / seconds,
            report.refused(),
            report.last_day,
            report.fte_thousandths,
            head.root,
        );
        if name == "none" {
            println!("{:#?}\n{:#?}", report.commands, report.refusals);
        }
        log.close().await;
    }
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    Ok(())
}
