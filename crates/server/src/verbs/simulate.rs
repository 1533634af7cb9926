//! `sfs simulate`: school years lived through with a fixed seed, into an empty data directory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use sfs_command::{Clock, ManualClock, SeededEntropy, SystemClock};
use sfs_domain::SchoolYear;
use sfs_sql::Durability;

use super::{VerbError, answer};
use crate::cli::{SimulateArgs, exit};
use crate::configuration::Configuration;
use crate::import::Progress;
use crate::installation::{Installation, Opening};
use crate::progress::Shown;
use crate::simulate::{SimulationReport, SimulationSettings, beginning, run as simulate};

#[derive(Serialize)]
struct Answer<'a> {
    events: u64,
    replayed: u64,
    schools: usize,
    first_day: String,
    last_day: String,
    commands: &'a BTreeMap<&'static str, u64>,
    refusals: &'a BTreeMap<&'static str, u64>,
    seconds: f64,
    events_per_second: f64,
    root: String,
}

/// The school year with which a simulation of so many years ends before today.
pub(super) fn first_year(years: u32) -> SchoolYear {
    let mut year = SchoolYear::of(SystemClock.today());
    for _ in 0..years {
        year = SchoolYear::of(year.period().from.plus_days(-1));
    }
    year
}

/// Simulates into that data directory, on a clock that is moved through the years.
pub(super) async fn into_directory(
    configuration: &Configuration,
    settings: &SimulationSettings,
    durability: Durability,
    json: bool,
) -> Result<(SimulationReport, String), VerbError> {
    let clock = ManualClock::at(beginning(settings.start));
    let opening = Opening {
        create: true,
        durability,
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SeededEntropy::new(settings.seed)),
    };
    // All streams of a school year are written in turn, so all of them are to be remembered.
    let cached_events = configuration.cached_events.max(settings.cached_events());
    let configuration = &Configuration { cached_events, ..configuration.clone() };
    let installation = Installation::open(configuration, opening).await.map_err(VerbError::opening)?;
    let shown = Shown::start("Schuljahr simulieren", json);
    let progress = |progress: Progress| shown.at(progress.done, progress.total);
    let report = simulate(&installation.handler, settings, &clock, &progress).await;
    shown.end();
    let root = installation.log.head().await.map(|head| head.root.to_b64()).unwrap_or_default();
    installation.close().await;
    report.map(|report| (report, root)).map_err(VerbError::unusable)
}

pub async fn run(configuration: Configuration, args: &SimulateArgs, json: bool) -> Result<u8, VerbError> {
    let settings = SimulationSettings {
        schools: args.schools,
        school_years: args.years,
        seed: args.seed,
        events: args.events,
        start: first_year(args.years),
        until: None,
    };
    let durability = if args.throw_away { Durability::Process } else { Durability::Full };
    let started = Instant::now();
    let (report, root) = into_directory(&configuration, &settings, durability, json).await?;
    let seconds = started.elapsed().as_secs_f64();
    let fresh = (report.events - report.replayed) as f64;
    let shown = Answer {
        events: report.events,
        replayed: report.replayed,
        schools: report.schools,
        first_day: report.first_day.to_string(),
        last_day: report.last_day.to_string(),
        commands: &report.commands,
        refusals: &report.refusals,
        seconds,
        events_per_second: fresh / seconds,
        root,
    };
    if json {
        answer(&shown);
        return Ok(exit::OK);
    }
    for (name, count) in shown.commands {
        println!("{count:>9}  {name}");
    }
    for (rule, count) in shown.refusals {
        println!("{count:>9}  refused on purpose: {rule}");
    }
    println!(
        "{} events ({} were there) of {} schools, {} to {}, in {seconds:.1} s ({:.0} events/s)",
        shown.events, shown.replayed, shown.schools, shown.first_day, shown.last_day, shown.events_per_second
    );
    println!("root {}", shown.root);
    Ok(exit::OK)
}
