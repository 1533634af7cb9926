//! Mistakes as people make them. Each is refused, by a rule that is known beforehand, and leaves no trace in the log.
//! They are chosen in turn, so that every rule has its refusals also in a small simulation.

use sfs_domain::intervention::work::{ClassLevels, Topic};
use sfs_domain::intervention::{self, Work};
use sfs_domain::measure::Sessions;
use sfs_domain::staff::{self, Function};
use sfs_domain::vocabulary::Set;
use sfs_domain::{Command, EventId, Headcount, Period, Reason, Role, SchoolYear, school};

use super::SimulationError;
use super::calendar::Week;
use super::daily::{Done, minutes_of};
use super::draft::{Draft, Expected, Version};
use super::value;
use super::world::{World, fte};

/// The mistakes, in the order in which they are made.
const MISTAKES: [Mistake; 17] = [
    Mistake::TooManyMinutes,
    Mistake::StaleVersion,
    Mistake::UnknownAssignment,
    Mistake::TooMuch,
    Mistake::BeforeTheAssignment,
    Mistake::Future,
    Mistake::VersionMissing,
    Mistake::NobodyReached,
    Mistake::Foreign,
    Mistake::NoEvidence,
    Mistake::NoPartner,
    Mistake::EndWithoutReason,
    Mistake::UnknownIntervention,
    Mistake::VoidWithoutReason,
    Mistake::OtherKind,
    Mistake::BeforeTheDay,
    Mistake::NotAllowed,
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mistake {
    TooManyMinutes,
    StaleVersion,
    UnknownAssignment,
    TooMuch,
    BeforeTheAssignment,
    Future,
    VersionMissing,
    NobodyReached,
    Foreign,
    NoEvidence,
    NoPartner,
    EndWithoutReason,
    UnknownIntervention,
    VoidWithoutReason,
    OtherKind,
    BeforeTheDay,
    NotAllowed,
}

impl World<'_> {
    /// The next mistake, made by who recorded an intervention or by their manager.
    pub fn mistake(&mut self, done: &Done) -> Result<(), SimulationError> {
        let mistake = MISTAKES[self.mistakes % MISTAKES.len()];
        self.mistakes += 1;
        let drafts = match mistake {
            Mistake::StaleVersion | Mistake::VersionMissing | Mistake::TooMuch | Mistake::EndWithoutReason => {
                self.staff_mistake(mistake, done)?
            }
            Mistake::VoidWithoutReason | Mistake::OtherKind | Mistake::BeforeTheDay => {
                let (at, draft) = self.mistake_about(mistake, done)?;
                self.agenda.add(at, draft);
                return Ok(());
            }
            _ => Some(self.work_mistake(mistake, done)?),
        };
        if let Some(mut draft) = drafts {
            // Behind everything else, so that nothing that is sent with it changes what it is refused for.
            draft.last = true;
            self.agenda.add(done.at, draft);
        }
        Ok(())
    }

    /// Something wrong with the recording itself.
    fn work_mistake(&mut self, mistake: Mistake, done: &Done) -> Result<Draft, SimulationError> {
        let assignment = &done.assignment;
        let school = self.sites[assignment.site].school.clone();
        let mut command = intervention::Command::RecordIntervention {
            school: school.clone(),
            staff: assignment.staff,
            assignment: assignment.key,
            minutes: minutes_of(done.minutes)?,
            work: done.work,
        };
        let intervention::Command::RecordIntervention { minutes, assignment: key, work, .. } = &mut command else {
            return Err(SimulationError::Value("not a recording".into()));
        };
        let (mut on, mut by, mut reason) = (done.day, done.by, None);
        let mut name = "record-intervention";
        let mut told = None;
        let expected = match mistake {
            Mistake::TooManyMinutes => {
                *minutes = minutes_of(725 + self.chance.below(600))?;
                Expected::Refused("INT-04")
            }
            Mistake::UnknownAssignment => {
                *key = self.ids.key();
                // Without the assignment nobody knows the provider: outside of the manager's scope.
                match self.cast.actors[by].role {
                    Role::SchoolSocialWorker => Expected::Refused("INT-02"),
                    _ => Expected::NotFound,
                }
            }
            Mistake::BeforeTheAssignment => {
                on = assignment.from.plus_days(-self.chance.between(1, 20));
                Expected::Refused("INT-03")
            }
            Mistake::Future => {
                // Recording takes days; this day has not come even then.
                on = done.at.friday().unwrap_or(done.day).plus_days(12);
                Expected::Refused("GEN-01")
            }
            Mistake::NoEvidence => {
                reason = Some(Reason::Documented);
                Expected::Refused("GEN-02")
            }
            Mistake::NobodyReached => {
                *work = Work::Prevention {
                    topic: Topic::Violence,
                    levels: ClassLevels::Mixed,
                    sessions: Sessions::try_from(1).map_err(value)?,
                    headcount: Headcount::default(),
                };
                Expected::Refused("INT-05")
            }
            Mistake::NoPartner => {
                *work = Work::Networking { partners: Set::from_iter([]) };
                Expected::Refused("INT-06")
            }
            Mistake::Foreign => {
                let provider = assignment.provider;
                let strangers: Vec<usize> =
                    (0..self.providers.len()).filter(|other| *other != provider && *other != self.spare).collect();
                let stranger = strangers[self.chance.place(strangers.len())];
                by = self.manager_of(stranger);
                Expected::NotFound
            }
            Mistake::UnknownIntervention => {
                name = "void-intervention";
                told = Some(Command::Intervention(intervention::Command::VoidIntervention {
                    school,
                    school_year: SchoolYear::of(done.day),
                    intervention: EventId(self.ids.uuid()),
                }));
                Expected::NotFound
            }
            _ => {
                // Nobody but the authorities closes a school.
                name = "close-school";
                told = Some(Command::School(school::Command::CloseSchool { school }));
                Expected::Forbidden
            }
        };
        let mut draft = self.draft(by, name, on, command).expecting(expected);
        draft.reason = reason;
        draft.command = told.unwrap_or(draft.command);
        Ok(draft)
    }

    /// Something wrong with what is said about an intervention later.
    fn mistake_about(&mut self, mistake: Mistake, done: &Done) -> Result<(Week, Draft), SimulationError> {
        let (at, on) = self.later(done);
        let draft = match mistake {
            // What is voided has no kind any more that could be wrong.
            Mistake::OtherKind if !done.voided => {
                let work = match done.work {
                    Work::Travel {} => Work::Preparation {},
                    _ => Work::Travel {},
                };
                self.correction(done, on, done.minutes, work)?.refused("INT-09")
            }
            Mistake::BeforeTheDay => {
                let on = done.day.plus_days(-1);
                self.correction(done, on, done.minutes, done.work)?.refused("INT-11")
            }
            _ => self.voiding(done, on).refused("INT-10"),
        };
        Ok((at, draft))
    }

    /// Something wrong with an assignment; by the manager, since nobody else may say anything about it.
    fn staff_mistake(&mut self, mistake: Mistake, done: &Done) -> Result<Option<Draft>, SimulationError> {
        let assignment = done.assignment.clone();
        let by = self.manager_of(assignment.provider);
        let on = done.at.friday().unwrap_or(done.day);
        let soon = on.plus_days(14);
        if assignment.to <= soon.plus_days(7) {
            // An assignment that is about to end gives no room for these.
            return Ok(None);
        }
        let change = staff::Command::ChangeAssignmentFte {
            staff: assignment.staff,
            assignment: assignment.key,
            fte: fte(510)?,
            from: soon,
        };
        Ok(Some(match mistake {
            Mistake::StaleVersion => {
                let mut draft = self.draft(by, "change-assignment-fte", on, change).expecting(Expected::Stale);
                draft.version = Version::Wrong;
                draft
            }
            Mistake::VersionMissing => {
                self.draft(by, "change-assignment-fte", on, change).expecting(Expected::VersionMissing)
            }
            Mistake::TooMuch => {
                let command = staff::Command::AssignStaff {
                    staff: assignment.staff,
                    assignment: self.ids.key(),
                    function: Function::SchoolSocialWorker,
                    workplace: self.workplace_of(&assignment),
                    fte: fte(1_000)?,
                    period: Period::new(soon, assignment.to).map_err(value)?,
                };
                self.draft(by, "assign-staff", on, command).refused("STA-03")
            }
            _ => {
                let command =
                    staff::Command::EndAssignment { staff: assignment.staff, assignment: assignment.key, on: soon };
                self.draft(by, "end-assignment", on, command).at_current_version().refused("STA-13")
            }
        }))
    }
}
