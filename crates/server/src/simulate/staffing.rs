//! People at schools: qualified, assigned, with another share after a while, leaving, assigned again.

use sfs_domain::staff::{Command, Function, Qualification, Workplace};
use sfs_domain::{BusinessDate, Period, Reason, StaffPseudonym};

use super::positions::Fate;
use super::world::{Assignment, World, fte};
use super::{SimulationError, value};

/// Somebody who works at schools.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub staff: StaffPseudonym,
    /// How much the person records, in thousandths of the usual.
    pub pace: u32,
    /// Whether the person works at two schools at a time.
    pub shared: bool,
}

/// With fewer schools every position is filled at the beginning, so that there is somebody to whom things happen.
const FEW_SCHOOLS: usize = 12;

impl World<'_> {
    fn new_person(&mut self, shared: bool) -> Person {
        Person { staff: StaffPseudonym(self.ids.uuid()), pace: self.chance.between(700, 1_300) as u32, shared }
    }

    pub fn workplace(&self, site: usize) -> Workplace {
        let site = &self.sites[site];
        Workplace::School { school: site.school.clone(), provider: self.providers[site.provider].id.clone() }
    }

    pub fn workplace_of(&self, assignment: &Assignment) -> Workplace {
        let provider = self.providers[assignment.provider].id.clone();
        Workplace::School { school: self.sites[assignment.site].school.clone(), provider }
    }

    /// A document shows what somebody has been trained for; the manager of a provider has seen it.
    pub fn qualify(
        &mut self,
        staff: StaffPseudonym,
        provider: sfs_domain::OrganisationId,
        on: BusinessDate,
    ) -> Result<(), SimulationError> {
        let qualification = self.chance.weighted(&[
            (Qualification::SocialWork, 62),
            (Qualification::EducationalScience, 12),
            (Qualification::SpecialEducation, 6),
            (Qualification::ChildhoodEducation, 5),
            (Qualification::Educator, 10),
            (Qualification::Equivalent, 5),
        ]);
        let by = self.cast.manager(&provider);
        let command = Command::ConfirmStaffQualification {
            staff,
            provider,
            qualification,
            state_recognised: qualification == Qualification::SocialWork && self.chance.permille(900),
            document: self.ids.document()?,
        };
        let draft = self.draft(by, "confirm-staff-qualification", on, command);
        self.send(draft);
        Ok(())
    }

    /// Assigns somebody to a school for its provider; answers with the assignment's key.
    pub fn assign(
        &mut self,
        person: &Person,
        site: usize,
        share: u32,
        period: Period,
        told_on: BusinessDate,
    ) -> Result<sfs_domain::ClientKey, SimulationError> {
        let provider = self.sites[site].provider;
        let key = self.ids.key();
        let command = Command::AssignStaff {
            staff: person.staff,
            assignment: key,
            function: Function::SchoolSocialWorker,
            workplace: self.workplace(site),
            fte: fte(share)?,
            period,
        };
        let draft = self.draft(self.manager_of(provider), "assign-staff", told_on, command);
        self.send(draft);
        let ill = self.illness(&period);
        self.assignments.push(Assignment {
            staff: person.staff,
            key,
            site,
            provider,
            from: period.from,
            to: period.to,
            shares: vec![(period.from, share)],
            pace: person.pace,
            shared: person.shared,
            ill,
        });
        Ok(key)
    }

    fn illness(&mut self, period: &Period) -> Vec<(BusinessDate, BusinessDate)> {
        let mut spells = Vec::new();
        let mut day = period.from.plus_days(self.chance.between(10, 150));
        while day < period.to {
            let back = day.plus_days(self.chance.between(1, 10));
            spells.push((day, back));
            day = back.plus_days(self.chance.between(60, 240));
        }
        spells
    }

    /// Every position of every school gets somebody, or is vacant at the beginning.
    pub fn staff_schools(&mut self) -> Result<(), SimulationError> {
        let first = self.first_day(0);
        let mut half: Option<(usize, Person)> = None;
        for site in 0..self.sites.len() {
            let provider = self.sites[site].provider;
            for (number, share) in self.sites[site].posts.clone().into_iter().enumerate() {
                let turn = provider as i32;
                let told_on = self.day_in_week_of(first.plus_days(-14 + turn % 8));
                let period = Period::new(first, self.sites[site].agreement.to).map_err(value)?;
                if site < 2 && number == 0 {
                    self.assign_wrongly(site, period, told_on)?;
                }
                if self.sites.len() >= FEW_SCHOOLS && self.chance.permille(60) {
                    let fate = self.chance.weighted(&[(Fate::Filled, 75), (Fate::Withdrawn, 15), (Fate::Open, 10)]);
                    self.vacancy(site, share, first, told_on, fate)?;
                    continue;
                }
                // Somebody with half a position at another school of the provider takes this half as well.
                if share <= 500
                    && let Some((_, person)) = half.take_if(|(known, _)| *known == provider)
                {
                    self.assign(&person, site, share, period, told_on)?;
                    continue;
                }
                let shares = share <= 500 && self.chance.permille(500);
                let person = self.new_person(shares);
                let on = self.day_in_week_of(first.plus_days(-38 + turn % 18));
                self.qualify(person.staff, self.providers[provider].id.clone(), on)?;
                self.assign(&person, site, share, period, told_on)?;
                if shares {
                    half = Some((provider, person));
                }
            }
        }
        Ok(())
    }

    /// Somebody without a qualification, or for longer than there is an agreement: no.
    fn assign_wrongly(&mut self, site: usize, period: Period, on: BusinessDate) -> Result<(), SimulationError> {
        let (period, rule) = match site {
            0 => (period, "STA-04"),
            _ => (Period::new(period.from, period.to.plus_days(30)).map_err(value)?, "STA-05"),
        };
        let command = Command::AssignStaff {
            staff: StaffPseudonym(self.ids.uuid()),
            assignment: self.ids.key(),
            function: Function::SchoolSocialWorker,
            workplace: self.workplace(site),
            fte: fte(500)?,
            period,
        };
        let by = self.manager_of(self.sites[site].provider);
        let draft = self.draft(by, "assign-staff", on, command).refused(rule);
        self.send(draft);
        Ok(())
    }

    /// Ends an assignment on a day.
    fn end_assignment(&mut self, place: usize, on: BusinessDate, told_on: BusinessDate, reason: Reason) {
        let Assignment { staff, key, provider, .. } = self.assignments[place];
        let command = Command::EndAssignment { staff, assignment: key, on };
        let draft = self.draft(self.manager_of(provider), "end-assignment", told_on, command);
        self.send(draft.at_current_version().because(reason));
        self.assignments[place].to = on;
    }

    /// Ends all assignments at a school on a day; answers with the people and their shares.
    pub fn end_site_assignments(&mut self, site: usize, on: BusinessDate, reason: Reason) -> Vec<(Person, u32)> {
        let told_on = self.day(on, -20);
        let mut people = Vec::new();
        for place in 0..self.assignments.len() {
            let assignment = &self.assignments[place];
            if assignment.site == site && assignment.active_on(on) {
                let person = Person { staff: assignment.staff, pace: assignment.pace, shared: assignment.shared };
                people.push((person, assignment.share_on(on)));
                self.end_assignment(place, on, told_on, reason);
            }
        }
        people
    }

    /// People whose assignments end with the school year are assigned for the next agreement, or leave.
    pub fn renew_assignments(&mut self, site: usize, end: BusinessDate) -> Result<(), SimulationError> {
        let period = Period::new(end, self.sites[site].agreement.to).map_err(value)?;
        for place in 0..self.assignments.len() {
            let assignment = &self.assignments[place];
            if assignment.site != site || assignment.to != end {
                continue;
            }
            let share = assignment.share_on(end.plus_days(-1));
            let person = Person { staff: assignment.staff, pace: assignment.pace, shared: assignment.shared };
            let told_on = self.day_between(end, -15, -5);
            if self.chance.permille(920) {
                self.assign(&person, site, share, period, told_on)?;
            } else {
                let fate = self.chance.weighted(&[(Fate::Filled, 80), (Fate::Withdrawn, 10), (Fate::Open, 10)]);
                self.vacancy(site, share, end, told_on, fate)?;
            }
        }
        Ok(())
    }

    /// In a school year some leave, and some get another share. Those at the schools of `except` have their own story.
    pub fn change_staff(&mut self, year: u32, except: &[usize]) -> Result<(), SimulationError> {
        let (first, end) = (self.first_day(year), self.first_day(year + 1));
        let stays = |assignment: &Assignment| {
            assignment.from <= first && assignment.to >= end && !except.contains(&assignment.site)
        };
        let mut places: Vec<usize> = (0..self.assignments.len()).filter(|at| stays(&self.assignments[*at])).collect();
        self.chance.shuffle(&mut places);
        let leaving = (places.len() * 60 / 1_000).max(2).min(places.len());
        let others = places.split_off(leaving);
        for (number, place) in places.into_iter().enumerate() {
            // The first of a month from October to May.
            let on = self.first_of_month(first, 2, 9);
            let told_on = self.day_between(on, -30, -10);
            let Assignment { site, .. } = self.assignments[place];
            let share = self.assignments[place].share_on(on);
            self.end_assignment(place, on, told_on, Reason::StaffChange);
            let fate = match number {
                0 => Fate::Filled,
                1 => Fate::Withdrawn,
                _ => self.chance.weighted(&[(Fate::Filled, 80), (Fate::Withdrawn, 10), (Fate::Open, 10)]),
            };
            let told_on = self.day_between(on, -5, 5);
            self.vacancy(site, share, on, told_on, fate)?;
        }
        let changing = (others.len() * 80 / 1_000).max(1);
        let alone = others.into_iter().filter(|place| !self.assignments[*place].shared).collect::<Vec<_>>();
        for place in alone.into_iter().take(changing) {
            let from = self.first_of_month(first, 3, 9);
            self.change_share(place, from)?;
        }
        Ok(())
    }

    fn change_share(&mut self, place: usize, from: BusinessDate) -> Result<(), SimulationError> {
        let now = self.assignments[place].share_on(from);
        let step = self.chance.weighted(&[(125, 2), (250, 3)]);
        let share = if now <= 875 && self.chance.permille(700) { (now + step).min(1_000) } else { now - step };
        let Assignment { staff, key, provider, .. } = self.assignments[place];
        let told_on = self.day_between(from, -25, -10);
        let command = Command::ChangeAssignmentFte { staff, assignment: key, fte: fte(share)?, from };
        let draft = self.draft(self.manager_of(provider), "change-assignment-fte", told_on, command);
        self.send(draft.at_current_version());
        self.assignments[place].shares.push((from, share));
        Ok(())
    }

    /// The first day of a month, that many months after the beginning of a school year.
    fn first_of_month(&mut self, first: BusinessDate, least: i32, most: i32) -> BusinessDate {
        let months = self.chance.between(least, most);
        BusinessDate::from_civil(first.civil().saturating_add(jiff::Span::new().months(months)))
    }

    /// Somebody new for a vacant position; answers with who and by which assignment.
    pub fn replace(
        &mut self,
        site: usize,
        share: u32,
        from: BusinessDate,
    ) -> Result<(StaffPseudonym, sfs_domain::ClientKey), SimulationError> {
        let person = self.new_person(false);
        let on = self.day_between(from, -24, -16);
        let provider = self.providers[self.sites[site].provider].id.clone();
        self.qualify(person.staff, provider, on)?;
        let period = Period::new(from, self.sites[site].agreement.to).map_err(value)?;
        let told_on = self.day(from, -12);
        let key = self.assign(&person, site, share, period, told_on)?;
        Ok((person.staff, key))
    }
}
