//! A running programme: agreements, staff, trainings and the daily work at schools, lived through school year by
//! school year through the ordinary command path. The same seed gives the same log; an interrupted run goes on.
//!
//! What is simulated says so: each simulated organisation has „(Simulation)" in its name. Nothing here is a finding
//! about the real programme.

mod calendar;
mod cast;
mod chance;
mod cooperations;
mod daily;
mod draft;
mod mistakes;
mod opening;
mod positions;
mod sender;
mod staffing;
mod surroundings;
#[cfg(test)]
mod tests;
mod trainings;
mod work;
mod world;

use std::collections::BTreeMap;
use std::fmt::Display;

use sfs_command::{CommandError, Handler, LoadError, ManualClock};
use sfs_domain::{BusinessDate, PrincipalId, Role, SchoolYear, Scope};
use uuid::Uuid;

use self::calendar::Week;
use self::cast::seat;
use self::sender::Sender;
use self::world::World;
use crate::import::{ImportError, Progress, reference_data_after};
use crate::reference::{ReferenceError, files};

/// Least schools of a simulation: with fewer there is no room for everything that happens in a programme.
pub const LEAST_SCHOOLS: usize = 6;

/// Most schools of a simulation: some of the list stay outside of the programme.
pub const MOST_SCHOOLS: usize = 850;

/// Most events of a simulation.
pub const MOST_EVENTS: u64 = 5_000_000;

/// Corrected interventions in thousandths.
pub const CORRECTED_PERMILLE: u32 = 20;

/// Voided interventions in thousandths.
pub const VOIDED_PERMILLE: u32 = 10;

/// Commands that are refused on purpose, in thousandths of the recorded interventions.
pub const REFUSED_PERMILLE: u32 = 10;

/// What is to be simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationSettings {
    /// Schools with school social work, [`LEAST_SCHOOLS`] to [`MOST_SCHOOLS`].
    pub schools: usize,
    /// School years, at least one; each must have its calendar in the reference data.
    pub school_years: u32,
    /// The same seed gives the same log.
    pub seed: u64,
    /// Stops at about that many events, at most [`MOST_EVENTS`]. If the years bring fewer by themselves, more work a
    /// day is recorded.
    pub events: Option<u64>,
    /// The first school year. The simulation begins in February before it.
    pub start: SchoolYear,
    /// The last business date that is lived through, if not the last of the last school year. A later one goes on
    /// where an earlier one ended.
    pub until: Option<BusinessDate>,
}

impl SimulationSettings {
    /// How many events' worth of folded states a handler should keep, so that no state is loaded twice: a school year
    /// is one stream for each school, and all of them grow together.
    pub fn cached_events(&self) -> u64 {
        let years = u64::from(self.school_years.max(1));
        let a_year = self.events.unwrap_or_default().div_ceil(years).max(self.schools as u64 * 1_000);
        a_year * 5 / 4 + 50_000
    }
}

/// What a simulation came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimulationReport {
    /// Events of the simulation in the log, with the reference data.
    pub events: u64,
    /// Those of them that the log had before this run.
    pub replayed: u64,
    /// Accepted commands by name, with the reference data.
    pub commands: BTreeMap<&'static str, u64>,
    /// Commands refused on purpose, by the number of the rule or by `stale-version`, `version-missing`, `forbidden`,
    /// `not-found`.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Schools with school social work.
    pub schools: usize,
    /// Positions at schools on 1 October of the first year, in thousandths of full positions.
    pub fte_thousandths: u32,
    /// Whether the simulation stopped at the wanted number of events before its last day.
    pub stopped_early: bool,
    /// First business date.
    pub first_day: BusinessDate,
    /// The day up to which everything was recorded.
    pub last_day: BusinessDate,
    /// Who acted: role, scope and pseudonym.
    pub principals: Vec<(Role, Scope, PrincipalId)>,
}

impl SimulationReport {
    /// Commands that were refused on purpose.
    pub fn refused(&self) -> u64 {
        self.refusals.values().sum()
    }
}

/// Why a simulation could not go on. What it has sent stays in the log; the same settings go on there.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// So many schools cannot be simulated.
    #[error("a simulation has {LEAST_SCHOOLS} to {MOST_SCHOOLS} schools, not {0}")]
    Schools(usize),
    /// No year is no simulation.
    #[error("a simulation has at least one school year")]
    NoYear,
    /// So many events are not simulated.
    #[error("a simulation has 1 to {MOST_EVENTS} events, not {0}")]
    Events(u64),
    /// The reference data know no calendar of a school year.
    #[error("the reference data have no calendar of the school year {0}")]
    UnknownSchoolYear(SchoolYear),
    /// A reference file of the binary is not usable. A defect of the binary.
    #[error("the reference data cannot be used")]
    Reference(#[source] &'static ReferenceError),
    /// The reference data could not be taken over.
    #[error("the reference data could not be taken over")]
    Import(#[from] ImportError),
    /// The simulation made up something impossible. A defect of the binary.
    #[error("the simulation made up something impossible: {0}")]
    Value(String),
    /// The catalogue has no such command. A defect of the binary.
    #[error("there is no command `{0}`")]
    NoSuchCommand(&'static str),
    /// A command came to something else than was foreseen: the log holds something that this simulation did not
    /// write, or a rule has changed.
    #[error("`{command}` of {on} ({id}) came to `{came}`, not to `{expected}`")]
    Unexpected {
        /// The command.
        command: &'static str,
        /// Its identity.
        id: Uuid,
        /// Its business date.
        on: BusinessDate,
        /// What was foreseen.
        expected: &'static str,
        /// What came.
        came: &'static str,
    },
    /// The state of a stream could not be loaded.
    #[error("a state could not be loaded")]
    Load(#[source] LoadError),
    /// The write side could not do a command.
    #[error("the command `{command}` could not be done")]
    Command {
        /// The command.
        command: &'static str,
        /// Why.
        source: CommandError,
    },
}

fn value(why: impl Display) -> SimulationError {
    SimulationError::Value(why.to_string())
}

/// The instant at which a simulation that starts with that school year begins (microseconds since 1970): log and
/// handler should show no later time before it, since recorded time never runs backwards.
pub fn beginning(start: SchoolYear) -> i64 {
    opening_week(start).recorded_from()
}

fn opening_week(start: SchoolYear) -> Week {
    // 1 February is 181 days before 1 August, in a leap year one more.
    Week::of(start.period().from.plus_days(-181))
}

/// Simulates. `clock` is the one that handler and log were given; it is moved through the years. The reference data are
/// taken over first, if they are not there.
pub async fn run(
    handler: &Handler,
    settings: &SimulationSettings,
    clock: &ManualClock,
    progress: &(dyn Fn(Progress) + Sync),
) -> Result<SimulationReport, SimulationError> {
    let files = files().map_err(SimulationError::Reference)?;
    check(settings, files)?;
    let mut world = World::new(files, settings, &namespace(settings, 0))?;
    let years = lived_through(settings, &world);
    let (work, others) = world.usual(years)?;
    // Another number of events a day is another simulation: it shares no command with the usual one.
    let density = match settings.events {
        Some(wanted) if wanted > work + others => (wanted - others) * 1_060 / work,
        _ => 1_000,
    };
    world = World::new(files, settings, &namespace(settings, density))?;
    world.density = u32::try_from(density).unwrap_or(u32::MAX);
    let total = settings.events.unwrap_or(work + others);
    let mut sender = Sender::new(handler, clock);
    let first = opening_week(settings.start);
    let last = last_week(settings, world.first_day(settings.school_years).plus_days(-1));
    sender.advance_to(first.recorded_from());

    // First who may act, then what there is.
    world.grant_roles()?;
    let grants = world.agenda.take(first);
    sender.send(&world.cast.actors[seat::CONSOLE], &grants).await?;
    let mut reference = Reference::default();
    reference.take_over(handler, &world, progress).await?;
    world.open()?;

    let mut years = 0;
    let mut week = first;
    let mut stopped_early = false;
    'years: while week <= last {
        if years < settings.school_years && week == Week::of(world.first_day(years)) {
            world.plan_year(years)?;
            years += 1;
        }
        sender.advance_to(week.recorded_from());
        if reference.later > 0 && week.begins_a_month() {
            reference.take_over(handler, &world, &|_| ()).await?;
        }
        world.work(week)?;
        let drafts = world.agenda.take(week);
        let batches = drafts.chunk_by(|one, other| one.by == other.by);
        let pause = Week::RECORDED_WITHIN / (world.cast.actors.len() as i64 + 1);
        for (number, batch) in batches.enumerate() {
            sender.advance_to(week.recorded_from() + pause * number as i64);
            if let Some(actor) = batch.first().and_then(|draft| world.cast.actors.get(draft.by)) {
                sender.send(actor, batch).await?;
            }
            let done = sender.tally.events + reference.events();
            progress(Progress { done: done.min(total), total, what_de: "Schuljahr simulieren" });
            if settings.events.is_some_and(|wanted| wanted <= done) {
                stopped_early = week < last;
                break 'years;
            }
        }
        week = week.after(1);
    }
    progress(Progress { done: total, total, what_de: "Schuljahr simulieren" });
    Ok(report(world, sender, reference, week, stopped_early))
}

/// How much of the school years is lived through, in thousandths of a year.
fn lived_through(settings: &SimulationSettings, world: &World<'_>) -> u64 {
    let end = world.first_day(settings.school_years);
    let last = settings.until.map_or(end, |until| until.min(end));
    let days = (last.days() - world.first_day(0).days()).max(0);
    u64::try_from(days * 1_000 / 365).unwrap_or_default()
}

/// The last week that is recorded whole by the last day.
fn last_week(settings: &SimulationSettings, end: BusinessDate) -> Week {
    match settings.until {
        Some(until) if until < end => Week::recorded_by(until),
        _ => Week::of(end),
    }
}

fn check(settings: &SimulationSettings, files: &crate::reference::ReferenceFiles) -> Result<(), SimulationError> {
    if !(LEAST_SCHOOLS..=MOST_SCHOOLS).contains(&settings.schools) {
        return Err(SimulationError::Schools(settings.schools));
    }
    if settings.school_years == 0 {
        return Err(SimulationError::NoYear);
    }
    if let Some(events) = settings.events.filter(|events| !(1..=MOST_EVENTS).contains(events)) {
        return Err(SimulationError::Events(events));
    }
    let mut year = settings.start;
    for _ in 0..settings.school_years {
        if !files.reference.school_years.contains_key(&year) {
            return Err(SimulationError::UnknownSchoolYear(year));
        }
        year = SchoolYear::of(year.period().to);
    }
    Ok(())
}

/// What tells the commands of this simulation from those of another.
fn namespace(settings: &SimulationSettings, density: u64) -> Vec<u8> {
    let SimulationSettings { schools, school_years, seed, events: _, start, until: _ } = settings;
    format!("sfs simulation {schools} {school_years} {seed} {start} {density}").into_bytes()
}

/// The reference data as far as they have been taken over.
#[derive(Default)]
struct Reference {
    commands: BTreeMap<&'static str, u64>,
    replayed: u64,
    later: u64,
    /// The day of the last run.
    taken_on: Option<BusinessDate>,
}

impl Reference {
    async fn take_over(
        &mut self,
        handler: &Handler,
        world: &World<'_>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(), SimulationError> {
        let Some(ministry) = world.cast.actors.get(seat::MINISTRY).and_then(|actor| actor.principal) else {
            return Ok(());
        };
        let caller = handler.caller(ministry).await.map_err(SimulationError::Load)?;
        let today = handler.clock().today();
        let taken = reference_data_after(handler, &caller, self.taken_on.replace(today), progress).await?;
        self.replayed += taken.unchanged.values().sum::<u64>();
        for (name, count) in taken.unchanged.into_iter().chain(taken.accepted) {
            *self.commands.entry(name).or_default() += count;
        }
        self.later = taken.later;
        Ok(())
    }

    fn events(&self) -> u64 {
        self.commands.values().sum()
    }
}

fn report(
    world: World<'_>,
    sender: Sender<'_>,
    reference: Reference,
    week: Week,
    stopped_early: bool,
) -> SimulationReport {
    let mut commands = sender.tally.commands;
    let events = sender.tally.events + reference.events();
    for (name, count) in reference.commands {
        *commands.entry(name).or_default() += count;
    }
    let first_day = opening_week(world.settings.start).friday().unwrap_or(world.first_day(0));
    let end = world.first_day(world.settings.school_years).plus_days(-1);
    SimulationReport {
        events,
        replayed: sender.tally.replayed + reference.replayed,
        commands,
        refusals: sender.tally.refusals,
        schools: world.sites.len(),
        fte_thousandths: world.first_fte,
        stopped_early,
        first_day,
        last_day: week.before().friday().unwrap_or(end).min(end),
        principals: world
            .cast
            .actors
            .into_iter()
            .filter_map(|actor| Some((actor.role, actor.scope, actor.principal?)))
            .collect(),
    }
}
