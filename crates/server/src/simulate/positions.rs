//! Positions that nobody holds, and the people in network offices.

use sfs_domain::staff::{self, Function, Workplace};
use sfs_domain::{BusinessDate, OrganisationId, Period, Reason, StaffPseudonym, vacancy};

use super::world::{OfficeAssignment, World, fte};
use super::{SimulationError, value};

/// What becomes of a vacancy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Somebody is found.
    Filled,
    /// The position is given up.
    Withdrawn,
    /// Nobody is found.
    Open,
}

/// The positions of a network office: two full ones in each region.
const OFFICE: [(Function, u32); 3] =
    [(Function::NetworkCoordinator, 1_000), (Function::NetworkCoordinator, 500), (Function::OfficeAssistant, 500)];

impl World<'_> {
    /// A position at a school is vacant from a day on.
    pub fn vacancy(
        &mut self,
        site: usize,
        share: u32,
        from: BusinessDate,
        told_on: BusinessDate,
        fate: Fate,
    ) -> Result<(), SimulationError> {
        let manager = self.manager_of(self.sites[site].provider);
        let office = self.cast.network_office(&self.sites[site].district);
        let by = if self.chance.permille(800) { manager } else { office };
        let vacancy = self.ids.key();
        let report = vacancy::Command::ReportVacancy {
            vacancy,
            workplace: self.workplace(site),
            function: Function::SchoolSocialWorker,
            fte: fte(share)?,
            from,
        };
        let draft = self.draft(by, "report-vacancy", told_on, report);
        self.send(draft);
        let found = self.day_between(from, 35, 85);
        let withdraw = |on| vacancy::Command::WithdrawVacancy { vacancy, on };
        match fate {
            // Where the agreement ends before, nobody begins.
            Fate::Filled if found < self.sites[site].agreement.to.plus_days(-20) => {
                let (staff, assignment) = self.replace(site, share, found)?;
                let told_on = self.day(found, -3);
                let fill = vacancy::Command::FillVacancy { vacancy, staff, assignment, on: found };
                let draft = self.draft(manager, "fill-vacancy", told_on, fill).at_current_version();
                self.send(draft);
                if self.chance.permille(100) {
                    self.withdraw_wrongly(manager, withdraw(found), found);
                }
            }
            Fate::Withdrawn => {
                let on = self.day_between(from, 30, 80);
                let draft = self.draft(by, "withdraw-vacancy", on, withdraw(on)).at_current_version();
                self.send(draft.because(Reason::FundingEnded));
                self.withdraw_wrongly(by, withdraw(on), on);
            }
            Fate::Filled | Fate::Open => {}
        }
        Ok(())
    }

    /// Gives a position up without saying why: no, whatever else is true.
    fn withdraw_wrongly(&mut self, by: usize, command: vacancy::Command, after: BusinessDate) {
        let on = self.day(after, 14);
        let draft = self.draft(by, "withdraw-vacancy", on, command).at_current_version().refused("VAC-10");
        self.send(draft);
    }

    /// The offices of the districts with schools get their people.
    pub fn staff_offices(&mut self) -> Result<(), SimulationError> {
        let first = self.first_day(0);
        let (from, to) = (first.plus_days(31), self.first_day(self.settings.school_years));
        for office in &self.files.offices {
            if !self.cast.network_offices.contains_key(&office.district) {
                continue;
            }
            for (function, share) in OFFICE {
                let staff = StaffPseudonym(self.ids.uuid());
                if function == Function::NetworkCoordinator {
                    let on = self.day_between(first, 12, 16);
                    self.qualify(staff, office.provider.clone(), on)?;
                }
                let told_on = self.day_between(first, 20, 27);
                let period = Period::new(from, to).map_err(value)?;
                let assignment = OfficeAssignment {
                    staff,
                    key: self.ids.key(),
                    district: office.district.clone(),
                    function,
                    fte: share,
                    to,
                };
                self.assign_to_office(assignment, &office.provider, period, told_on)?;
            }
        }
        Ok(())
    }

    fn assign_to_office(
        &mut self,
        assignment: OfficeAssignment,
        provider: &OrganisationId,
        period: Period,
        told_on: BusinessDate,
    ) -> Result<(), SimulationError> {
        let command = staff::Command::AssignStaff {
            staff: assignment.staff,
            assignment: assignment.key,
            function: assignment.function,
            workplace: Workplace::Office { district: assignment.district.clone() },
            fte: fte(assignment.fte)?,
            period,
        };
        let draft = self.draft(self.cast.manager(provider), "assign-staff", told_on, command);
        self.send(draft);
        self.office_staff.push(assignment);
        Ok(())
    }

    /// The people of an office go over from one provider to another on a day.
    pub fn move_office_staff(
        &mut self,
        district: &sfs_domain::Ags,
        before: &OrganisationId,
        after: &OrganisationId,
        on: BusinessDate,
    ) -> Result<(), SimulationError> {
        let (moved, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.office_staff).into_iter().partition(|assigned| assigned.district == *district);
        self.office_staff = others;
        for assigned in moved {
            let told_on = self.day(on, -14);
            let end = staff::Command::EndAssignment { staff: assigned.staff, assignment: assigned.key, on };
            let draft = self.draft(self.cast.manager(before), "end-assignment", told_on, end).at_current_version();
            self.send(draft.because(Reason::Reorganisation));
            let told_on = self.day(on, -7);
            let period = Period::new(on, assigned.to).map_err(value)?;
            let again = OfficeAssignment { key: self.ids.key(), ..assigned };
            self.assign_to_office(again, after, period, told_on)?;
        }
        Ok(())
    }
}
