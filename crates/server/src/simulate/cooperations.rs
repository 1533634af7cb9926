//! Cooperations of schools and providers: from the proposal to the agreement, its reviews, issues and changes, and its
//! end, sometimes with another provider after it.

use sfs_domain::cooperation::{
    Command, Degree, Goal, GoalDegree, IssueTopic, MeetingRhythm, Opinion, OpinionBy, Resolution, SignedBy,
};
use sfs_domain::vocabulary::Set;
use sfs_domain::{BusinessDate, OrganisationId, Period, SchoolId};

use super::cast::seat;
use super::world::{Site, World};
use super::{SimulationError, value};

impl World<'_> {
    fn parties(&self, site: usize) -> (SchoolId, OrganisationId, usize) {
        let Site { school, provider, .. } = &self.sites[site];
        (school.clone(), self.providers[*provider].id.clone(), self.manager_of(*provider))
    }

    /// A cooperation from its proposal to the signed agreement, which begins on a day. `before` is the number of days
    /// that all of it takes, at least 90.
    pub fn agree(&mut self, site: usize, from: BusinessDate, before: i32) -> Result<(), SimulationError> {
        let (school, provider, manager) = self.parties(site);
        let district = self.sites[site].district.clone();
        // All days are shares of the time that there is. A provider does the same for all its schools in one week, an
        // authority for all of a provider's; each has another week.
        let turn = self.sites[site].provider as i32;
        let at = |share: i32| from.plus_days(-before + before * share / 100);
        let on = self.day_in_week_of(at(16 + turn % 11));
        let youth_office = self.files.offices.iter().find(|office| office.public && office.district == district);
        let command = Command::ProposeCooperation {
            school: school.clone(),
            provider: provider.clone(),
            youth_office: youth_office.map(|office| office.provider.clone()),
            school_authority: None,
            concept: self.ids.document()?,
        };
        let draft = self.draft(manager, "propose-cooperation", on, command);
        self.send(draft);
        let authority = self.cast.network_office(&district);
        let youth = self.cast.youth_offices.get(&district).copied().unwrap_or(seat::COORDINATION_OFFICE);
        let opinions = [
            (OpinionBy::SchoolAuthority, authority, 38 + turn % 3 * 4),
            (OpinionBy::YouthOffice, youth, 42 + turn % 3 * 4),
            (OpinionBy::StateSchoolOffice, seat::GRANTING_AUTHORITY, 46 + turn % 3 * 4),
        ];
        for (by, actor, share) in opinions {
            if self.chance.permille(950) {
                let on = self.day_in_week_of(at(share));
                let result =
                    self.chance.weighted(&[(Opinion::InFavour, 85), (Opinion::Conditional, 13), (Opinion::Against, 2)]);
                let command =
                    Command::RecordExpertOpinion { school: school.clone(), provider: provider.clone(), by, result };
                let draft = self.draft(actor, "record-expert-opinion", on, command);
                self.send_late(draft, turn as u32 % 2);
            }
        }
        let held_on = self.day_in_week_of(at(58 + turn % 4));
        let negative = self.chance.permille(40) || site == 2;
        let resolve = |held_on, result| Command::RecordConferenceResolution {
            school: school.clone(),
            provider: provider.clone(),
            held_on,
            result,
        };
        if negative {
            let on = self.day(held_on, 1);
            let draft = self.draft(manager, "record-conference-resolution", on, resolve(held_on, Resolution::Negative));
            self.send(draft);
            let sign = self.sign_command(site, from, 12)?;
            let on = self.day(held_on, 8);
            let draft = self.draft(manager, "sign-cooperation-agreement", on, sign).refused("COO-06");
            self.send(draft);
        }
        let held_on = if negative { self.day_in_week_of(at(76)) } else { held_on };
        let on = self.day(held_on, 1);
        let draft = self.draft(manager, "record-conference-resolution", on, resolve(held_on, Resolution::Affirmative));
        self.send(draft);
        let on = self.day_in_week_of(at(83 + turn % 6));
        self.sign(site, from, on)
    }

    fn some_goals(&mut self) -> Set<Goal> {
        self.chance.some::<Goal>(2, 5)
    }

    /// What a site's agreement says; it lasts for so many months.
    fn sign_command(&mut self, site: usize, from: BusinessDate, months: u32) -> Result<Command, SimulationError> {
        let (school, provider, _) = self.parties(site);
        let to = BusinessDate::from_civil(from.civil().saturating_add(jiff::Span::new().months(months)));
        Ok(Command::SignCooperationAgreement {
            school,
            provider,
            period: Period::new(from, to).map_err(value)?,
            goals: self.some_goals(),
            meeting_rhythm: self.chance.any::<MeetingRhythm>(),
            data_protection_clause: true,
            signed_by: SignedBy { school: true, provider: true },
            document: self.ids.document()?,
        })
    }

    /// Signs an agreement that ends with a school year.
    fn sign(&mut self, site: usize, from: BusinessDate, on: BusinessDate) -> Result<(), SimulationError> {
        let years = self.chance.weighted(&[(1, 30), (2, 40), (3, 30)]);
        // From August a whole year, from February six months.
        let to_summer = (19 - u32::from(from.civil().month().unsigned_abs())) % 12 + 1;
        let command = self.sign_command(site, from, to_summer + 12 * (years - 1))?;
        let (.., manager) = self.parties(site);
        if let Command::SignCooperationAgreement { period, goals, .. } = &command {
            (self.sites[site].agreement, self.sites[site].goals) = (*period, *goals);
        }
        if self.chance.permille(30) || site == 1 {
            let mut half = command.clone();
            if let Command::SignCooperationAgreement { signed_by, .. } = &mut half {
                signed_by.school = false;
            }
            let draft = self.draft(manager, "sign-cooperation-agreement", on, half).refused("COO-07");
            self.send(draft);
        }
        let draft = self.draft(manager, "sign-cooperation-agreement", on, command);
        self.send(draft);
        Ok(())
    }

    /// What happens to agreements in a school year; those of `except` have their own.
    pub fn keep_cooperations(&mut self, year: u32, except: &[usize]) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let sites: Vec<usize> =
            (0..self.sites.len()).filter(|site| self.sites[*site].active && !except.contains(site)).collect();
        for (number, site) in sites.into_iter().enumerate() {
            if number == 0 || self.chance.permille(60) {
                self.amend_goals(site, first)?;
            }
            if number < 2 || self.chance.permille(80) {
                let resolved = number == 0 || (number > 1 && self.chance.permille(850));
                self.raise_issue(site, first, resolved);
            }
            if number == 0 || self.chance.permille(960) {
                self.review(site, first);
            }
        }
        Ok(())
    }

    fn amend_goals(&mut self, site: usize, first: BusinessDate) -> Result<(), SimulationError> {
        let (school, provider, manager) = self.parties(site);
        let on = self.day_between(first, 150, 235);
        let goals = self.some_goals();
        self.sites[site].goals = goals;
        let command = Command::AmendCooperationAgreement {
            school,
            provider,
            period: None,
            goals: Some(goals),
            document: self.ids.document()?,
        };
        let draft = self.draft(manager, "amend-cooperation-agreement", on, command).at_current_version();
        self.send(draft);
        Ok(())
    }

    fn raise_issue(&mut self, site: usize, first: BusinessDate, resolved: bool) {
        let (school, provider, manager) = self.parties(site);
        let office = self.cast.network_office(&self.sites[site].district);
        let issue = self.ids.key();
        let topic = self.chance.any::<IssueTopic>();
        let on = self.day_between(first, 40, 220);
        let by = if self.chance.permille(700) { manager } else { office };
        let raise = Command::RaiseCooperationIssue { school: school.clone(), provider: provider.clone(), issue, topic };
        let draft = self.draft(by, "raise-cooperation-issue", on, raise);
        self.send(draft);
        if resolved {
            let on = self.day_between(on, 14, 70);
            let resolve = Command::ResolveCooperationIssue { school, provider, issue };
            let draft = self.draft(by, "resolve-cooperation-issue", on, resolve);
            self.send(draft);
        }
    }

    fn review(&mut self, site: usize, first: BusinessDate) {
        let (school, provider, manager) = self.parties(site);
        let held_on = self.day_between(first, 290, 335);
        let goals: Vec<Goal> = self.sites[site].goals.iter().collect();
        let goals = goals
            .into_iter()
            .map(|goal| {
                let degrees =
                    [(Degree::NotReached, 6), (Degree::Partly, 34), (Degree::Mostly, 40), (Degree::Reached, 20)];
                GoalDegree { goal, degree: self.chance.weighted(&degrees) }
            })
            .collect();
        let command = Command::HoldCooperationReview { school, provider, held_on, goals };
        let late = self.chance.below(4);
        let draft = self.draft(manager, "hold-cooperation-review", held_on, command);
        self.send_late(draft, late);
    }

    /// A cooperation ends on a day in the middle of the year; another provider of the district follows, if there is
    /// one.
    pub fn change_provider(&mut self, site: usize, on: BusinessDate) -> Result<(), SimulationError> {
        let (school, provider, manager) = self.parties(site);
        let told_on = self.day(on, -40);
        let terminate = Command::TerminateCooperation { school, provider, on };
        let forgotten = self.draft(manager, "terminate-cooperation", told_on, terminate.clone());
        let forgotten = forgotten.at_current_version().refused("COO-18");
        self.send(forgotten);
        let reason = self.ending_reason();
        let told_on = self.day(on, -33);
        let draft = self.draft(manager, "terminate-cooperation", told_on, terminate);
        let draft = draft.at_current_version().because(reason);
        self.send(draft);
        let people = self.end_site_assignments(site, on, reason);
        let rivals = self.rivals(site);
        if rivals.is_empty() {
            self.sites[site].active = false;
            return Ok(());
        }
        let next = rivals[self.chance.place(rivals.len())];
        let before = std::mem::replace(&mut self.sites[site].provider, next);
        self.sites[site].former.push(before);
        self.agree(site, on, 110)?;
        let to = self.sites[site].agreement.to;
        for (person, share) in people {
            let told_on = self.day_between(on, -8, -4);
            self.assign(&person, site, share, Period::new(on, to).map_err(value)?, told_on)?;
        }
        Ok(())
    }

    /// Agreements that end with the school year are prolonged or signed anew, and their people assigned again.
    pub fn renew_cooperations(&mut self, year: u32) -> Result<(), SimulationError> {
        let end = self.first_day(year + 1);
        for site in 0..self.sites.len() {
            if !self.sites[site].active || self.sites[site].agreement.to != end {
                continue;
            }
            if self.chance.permille(450) {
                let (school, provider, manager) = self.parties(site);
                let years = self.chance.weighted(&[(1, 40), (2, 60)]);
                let to = self.first_day(year + 1 + years);
                let period = Period::new(self.sites[site].agreement.from, to).map_err(value)?;
                self.sites[site].agreement = period;
                let on = self.day_between(end, -75, -45);
                let command = Command::AmendCooperationAgreement {
                    school,
                    provider,
                    period: Some(period),
                    goals: None,
                    document: self.ids.document()?,
                };
                let draft = self.draft(manager, "amend-cooperation-agreement", on, command).at_current_version();
                self.send(draft);
            } else {
                let on = self.day_between(end, -45, -30);
                self.sign(site, end, on)?;
            }
            self.renew_assignments(site, end)?;
        }
        Ok(())
    }

    /// Terminations that are planned for a school year: site and day.
    pub fn plan_terminations(&mut self, year: u32) -> Vec<(usize, BusinessDate)> {
        let on = self.first_day(year).plus_days(184);
        let end = self.first_day(year + 1);
        let mut sites: Vec<usize> = (0..self.sites.len())
            .filter(|site| self.sites[*site].active && self.sites[*site].agreement.to >= end)
            .collect();
        self.chance.shuffle(&mut sites);
        // The first three are where something else always happens.
        sites.retain(|site| *site >= 3 && !self.rivals(*site).is_empty());
        let count = (self.sites.len() * 15).div_ceil(1_000);
        sites.truncate(count);
        sites.into_iter().map(|site| (site, on)).collect()
    }
}
