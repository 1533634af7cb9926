//! The days of a school year: what everybody at a school does and records, a little of it late, some corrected, some
//! voided, and some mistakes that are refused.

use sfs_domain::intervention::{Command, Kind, Work};
use sfs_domain::{BusinessDate, Minutes, Reason, SchoolYear};

use super::calendar::{Week, is_working_day, weekday};
use super::draft::Draft;
use super::world::{Assignment, World};
use super::{CORRECTED_PERMILLE, REFUSED_PERMILLE, SimulationError, VOIDED_PERMILLE, value, work};

/// Interventions of a full position on a school day, in thousandths.
const SCHOOL_DAY: u32 = 3_900;

/// Interventions of a full position on a working day without school.
const FREE_DAY: u32 = 1_200;

/// How many do not work on a working day without school, in thousandths.
const ON_LEAVE: u32 = 650;

/// Interventions that are recorded days or weeks after those of the same day, in thousandths.
const LATE: u32 = 40;

/// Most minutes that somebody records on a day, less than the rules allow.
const MOST_MINUTES: u32 = 540;

/// Most minutes that somebody records on a day on which there is more to do than fits in.
const LONGEST_DAY: u32 = 700;

/// Most interventions of one person on a day: five minutes for each.
const MOST_A_DAY: u32 = LONGEST_DAY / 5;

/// An intervention that was just recorded.
pub(super) struct Done {
    pub assignment: Assignment,
    pub id: uuid::Uuid,
    pub by: usize,
    pub day: BusinessDate,
    pub minutes: u32,
    pub work: Work,
    /// When it is recorded.
    pub at: Week,
    /// Whether it is voided later.
    pub voided: bool,
}

impl World<'_> {
    /// About how many events the days of so many thousandths of a school year bring, if nobody asks for more, once the
    /// opening is planned.
    fn usual_work(&self, years_permille: u64) -> u64 {
        let year = self.settings.start.period();
        let work = |assignment: &Assignment| {
            let days = assignment.to.min(year.to).days() - assignment.from.max(year.from).days();
            let days = u64::try_from(days).unwrap_or_default();
            u64::from(assignment.share_on(assignment.from)) * u64::from(assignment.pace) * days / 365
        };
        let work: u64 = self.assignments.iter().map(work).sum();
        // What a full position at the usual pace brings in a year: work days less illness, with corrections.
        work * 755 / 1_000_000 * years_permille / 1_000
    }

    /// About how many events that time brings by work, and by everything else. Plans the opening to find out.
    pub fn usual(&mut self, years_permille: u64) -> Result<(u64, u64), SimulationError> {
        self.open()?;
        Ok((self.usual_work(years_permille).max(1), self.other_events(years_permille)))
    }

    /// About how many events everything else brings in that time, with the reference data.
    fn other_events(&self, years_permille: u64) -> u64 {
        let sites = self.sites.len() as u64;
        1_020 + sites * 9 + (sites * 5 + 180) * years_permille / 1_000
    }

    /// The work of a week.
    pub fn work(&mut self, week: Week) -> Result<(), SimulationError> {
        let (first, end) = (self.first_day(0), self.first_day(self.settings.school_years));
        for day in week.days() {
            if day < first || end <= day || !is_working_day(&self.files.reference, day) {
                continue;
            }
            let school_day = self.files.reference.is_school_day(day);
            for place in 0..self.assignments.len() {
                let assignment = &self.assignments[place];
                let away = assignment.ill_on(day) || (!school_day && self.chance.permille(ON_LEAVE));
                if assignment.active_on(day) && !away {
                    self.day_of(place, day, school_day, week)?;
                }
            }
        }
        Ok(())
    }

    /// The day of one person at one school.
    fn day_of(&mut self, place: usize, day: BusinessDate, school_day: bool, week: Week) -> Result<(), SimulationError> {
        let assignment = &self.assignments[place];
        let usual = u64::from(if school_day { SCHOOL_DAY } else { FREE_DAY });
        let mean = usual * u64::from(assignment.share_on(day)) * u64::from(assignment.pace) / 1_000_000;
        let mean = (mean * u64::from(self.density) / 1_000).min(u64::from(MOST_A_DAY) * 1_000);
        let count = self.chance.about(mean as u32).min(MOST_A_DAY);
        let form = self.sites[assignment.site].form;
        let drawn: Vec<_> = (0..count).map(|_| work::kind(&mut self.chance, form, weekday(day), school_day)).collect();
        for ((kind, _), minutes) in drawn.iter().zip(fitted(&drawn)) {
            let work = work::work(&mut self.chance, *kind, form)?;
            self.record(place, day, minutes, work, week, count)?;
        }
        Ok(())
    }

    fn record(
        &mut self,
        place: usize,
        day: BusinessDate,
        minutes: u32,
        work: Work,
        week: Week,
        count: u32,
    ) -> Result<(), SimulationError> {
        let assignment = self.assignments[place].clone();
        let school = self.sites[assignment.site].school.clone();
        let by = match self.cast.workers.get(&school) {
            Some(worker) => *worker,
            None => self.manager_of(assignment.provider),
        };
        let at = if self.chance.permille(LATE) { week.after(self.chance.between(1, 5) as u32) } else { week };
        let draft = self.draft(
            by,
            "record-intervention",
            day,
            Command::RecordIntervention {
                school,
                staff: assignment.staff,
                assignment: assignment.key,
                minutes: minutes_of(minutes)?,
                work,
            },
        );
        let mut done = Done { assignment, id: draft.id, by, day, minutes, work, at, voided: false };
        self.agenda.add(at, draft);
        if self.chance.permille(CORRECTED_PERMILLE) {
            self.correct(&done, count)?;
        } else if self.chance.permille(VOIDED_PERMILLE) {
            done.voided = true;
            self.void(&done)?;
        }
        if self.chance.permille(REFUSED_PERMILLE) {
            self.mistake(&done)?;
        }
        Ok(())
    }

    /// When something is said about an intervention later, and on which business date.
    pub fn later(&mut self, done: &Done) -> (Week, BusinessDate) {
        let at = done.at.after(self.chance.between(1, 5) as u32);
        let on = at.days().next().unwrap_or(done.day);
        (at, on)
    }

    /// The correction of an intervention.
    pub fn correction(
        &mut self,
        done: &Done,
        on: BusinessDate,
        minutes: u32,
        work: Work,
    ) -> Result<Draft, SimulationError> {
        let command = Command::CorrectIntervention {
            school: self.sites[done.assignment.site].school.clone(),
            school_year: SchoolYear::of(done.day),
            intervention: sfs_command::event_id(done.id, 0),
            minutes: minutes_of(minutes)?,
            work,
        };
        let draft = self.draft(done.by, "correct-intervention", on, command);
        let reason = self.chance.weighted(&[(Reason::DataEntryError, 7), (Reason::LateInformation, 3)]);
        Ok(draft.because(reason))
    }

    fn correct(&mut self, done: &Done, count: u32) -> Result<(), SimulationError> {
        let form = self.sites[done.assignment.site].form;
        let work = work::corrected(&mut self.chance, done.work, form)?;
        // Longer only on days that are not full: the rule counts all minutes of the day.
        let longer = count <= 6 && done.minutes < 240 && self.chance.permille(500);
        let minutes = match done.minutes {
            minutes if longer => minutes + 15,
            minutes if minutes > 20 => minutes - 10,
            minutes => minutes - 1,
        };
        let (at, on) = self.later(done);
        let draft = self.correction(done, on, minutes, work)?;
        self.agenda.add(at, draft);
        Ok(())
    }

    /// The voiding of an intervention.
    pub fn voiding(&mut self, done: &Done, on: BusinessDate) -> Draft {
        let command = Command::VoidIntervention {
            school: self.sites[done.assignment.site].school.clone(),
            school_year: SchoolYear::of(done.day),
            intervention: sfs_command::event_id(done.id, 0),
        };
        self.draft(done.by, "void-intervention", on, command)
    }

    fn void(&mut self, done: &Done) -> Result<(), SimulationError> {
        let reason =
            self.chance.weighted(&[(Reason::NotCarriedOut, 4), (Reason::Duplicate, 4), (Reason::DataEntryError, 2)]);
        let (at, on) = self.later(done);
        let draft = self.voiding(done, on).because(reason);
        self.agenda.add(at, draft);
        if self.chance.permille(100) {
            // What is voided is not corrected.
            let draft = self.correction(done, on, done.minutes, done.work)?.refused("INT-08");
            self.agenda.add(at.after(1), draft);
        }
        Ok(())
    }
}

/// The minutes of a day's work; if the day is too full, everything takes less time.
fn fitted(drawn: &[(Kind, u32)]) -> Vec<u32> {
    let sum: u32 = drawn.iter().map(|(_, minutes)| minutes).sum();
    if sum <= MOST_MINUTES {
        return drawn.iter().map(|(_, minutes)| *minutes).collect();
    }
    let shorter: Vec<u32> = drawn.iter().map(|(_, minutes)| (minutes * MOST_MINUTES / sum).max(5)).collect();
    if shorter.iter().sum::<u32>() <= LONGEST_DAY {
        shorter
    } else {
        vec![LONGEST_DAY / drawn.len() as u32; drawn.len()]
    }
}

/// So many minutes.
pub(super) fn minutes_of(minutes: u32) -> Result<Minutes, SimulationError> {
    Minutes::try_from(i64::from(minutes)).map_err(value)
}
