//! What changes around the cooperations in a school year: schools, network offices, and the programme's cycles.

use sfs_domain::identity::{Label, Name};
use sfs_domain::network_office::{self, Site};
use sfs_domain::programme::{self, Module, Rates};
use sfs_domain::school::{self, Ownership};
use sfs_domain::{Ags, BasisPoints, BusinessDate, Period, Reason, SchoolId, SchoolYear};

use super::cast::seat;
use super::work::headcount;
use super::world::World;
use super::{SimulationError, value};

impl World<'_> {
    /// Plans a school year, counted from 0. What depends on the end of an agreement comes last.
    pub fn plan_year(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        self.assignments.retain(|assignment| assignment.to > first.plus_days(-14));
        self.change_schools(year)?;
        self.count_pupils(year)?;
        self.change_offices(year)?;
        self.change_programme(year)?;
        self.change_organisations(year)?;
        self.stand_in(year);
        self.plan_trainings(year)?;
        let terminations = self.plan_terminations(year);
        for (site, on) in &terminations {
            self.change_provider(*site, *on)?;
        }
        let except: Vec<usize> = terminations.into_iter().map(|(site, _)| site).collect();
        self.keep_cooperations(year, &except)?;
        self.change_staff(year, &except)?;
        if year == 0 {
            self.first_fte = self.fte_on(first.plus_days(61));
        }
        self.renew_cooperations(year)
    }

    fn change_schools(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let gms = Label::parse("GMS").map_err(value)?;
        let on = self.day(first, 0);
        let mut changing: Vec<usize> = (0..self.sites.len()).filter(|site| self.sites[*site].form == "SEK").collect();
        self.chance.shuffle(&mut changing);
        changing.truncate(self.sites.len() / 200 + 1);
        let mut schools: Vec<SchoolId> = changing.iter().map(|site| self.sites[*site].school.clone()).collect();
        for site in changing {
            self.sites[site].form = "GMS";
        }
        if schools.is_empty()
            && let Some(school) = self.take_other("SEK", None)
        {
            schools.push(school);
        }
        for school in schools {
            let command = school::Command::ChangeSchoolForm { school, form: gms.clone() };
            let draft = self.draft(seat::COORDINATION_OFFICE, "change-school-form", on, command);
            self.send(draft.at_current_version());
        }
        for _ in 0..2 {
            self.merge_schools(on);
        }
        if let Some(school) = self.take_other("GS", None) {
            let on = self.day_between(first, 335, 350);
            let draft =
                self.draft(seat::COORDINATION_OFFICE, "close-school", on, school::Command::CloseSchool { school });
            self.send(draft.at_current_version().because(Reason::SchoolClosed));
        }
        let on = self.day_between(first, 15, 30);
        if let Some(site) = self.sites.first() {
            let command = school::Command::RegisterSchool {
                school: site.school.clone(),
                name: Name::parse("Andere Schule").map_err(value)?,
                form: gms,
                district: site.district.clone(),
                ownership: Ownership::Unknown,
                authority: None,
                provenance: None,
            };
            let draft = self.draft(seat::COORDINATION_OFFICE, "register-school", on, command).refused("SCH-02");
            self.send(draft);
        }
        Ok(())
    }

    /// Takes a school outside of the programme away, of that form and, if asked, of the same district as another.
    fn take_other(&mut self, form: &str, district: Option<&Ags>) -> Option<SchoolId> {
        let fits = |place: &usize| {
            let other = self.others[*place];
            other.form.as_str() == form && district.is_none_or(|district| other.district == *district)
        };
        let places: Vec<usize> = (0..self.others.len()).filter(fits).collect();
        let place = *places.get(self.chance.place(places.len()))?;
        Some(self.others.swap_remove(place).school.clone())
    }

    fn merge_schools(&mut self, on: BusinessDate) {
        let Some(into) = self.others.iter().find(|school| school.form.as_str() == "GS").copied() else { return };
        let place = self.others.iter().position(|other| other.school == into.school);
        // The school that goes on is no longer there to be chosen a second time.
        let into = place.map(|place| self.others.swap_remove(place));
        let Some(into) = into else { return };
        let Some(school) = self.take_other("GS", Some(&into.district)) else { return };
        let command = school::Command::MergeSchools { school, into: into.school.clone() };
        let draft = self.draft(seat::COORDINATION_OFFICE, "merge-schools", on, command);
        self.send(draft.at_current_version().because(Reason::Reorganisation));
    }

    fn count_pupils(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let source = Label::parse("simulated count").map_err(value)?;
        for site in 0..self.sites.len() {
            let change = self.chance.between(96, 104) as u32;
            let (pupils, by) =
                (self.sites[site].pupils * change / 100, self.cast.network_office(&self.sites[site].district));
            self.sites[site].pupils = pupils;
            let on = self.day_between(first, 75, 92);
            let command = school::Command::RecordPupilNumbers {
                school: self.sites[site].school.clone(),
                school_year: SchoolYear::of(first),
                pupils: headcount(&mut self.chance, pupils)?,
                source: source.clone(),
            };
            let draft = self.draft(by, "record-pupil-numbers", on, command);
            self.send(draft);
        }
        Ok(())
    }

    fn change_offices(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let districts: Vec<_> = self.districts().into_iter().collect();
        let Some(district) = districts.get(year as usize % districts.len().max(1)).cloned() else { return Ok(()) };
        let Some(office) = self.files.offices.iter().find(|office| office.district == district) else { return Ok(()) };
        let establish = |name: Name| network_office::Command::EstablishNetworkOffice {
            district: district.clone(),
            name,
            provider: office.provider.clone(),
            from: first.plus_days(30),
            site: None,
            provenance: None,
        };
        let second = establish(Name::parse("Zweite Netzwerkstelle").map_err(value)?);
        let on = self.day(first, 35);
        let draft = self.draft(seat::COORDINATION_OFFICE, "establish-network-office", on, second).refused("OFF-03");
        self.send(draft);

        // Another provider takes the office over in the middle of the year.
        let before = self.office_providers.get(&district).cloned().unwrap_or_else(|| office.provider.clone());
        let next = self.providers.iter().find(|provider| provider.district == district && provider.id != before);
        if let Some(after) = next.map(|provider| provider.id.clone()) {
            let from = first.plus_days(184);
            let on = self.day(from, -21);
            let command = network_office::Command::ChangeNetworkOfficeProvider {
                district: district.clone(),
                provider: after.clone(),
                from,
            };
            let draft = self.draft(seat::COORDINATION_OFFICE, "change-network-office-provider", on, command);
            self.send(draft.at_current_version());
            self.move_office_staff(&district, &before, &after, from)?;
            self.office_providers.insert(district.clone(), after);
        }
        self.add_office_sites(&districts, year);
        if year == 0 { self.establish_office_again(&district, first) } else { Ok(()) }
    }

    /// Two offices get another site, in a town where they have none; in a city there may be no other town.
    fn add_office_sites(&mut self, districts: &[Ags], year: u32) {
        let first = self.first_day(year);
        let everywhere: Vec<Ags> = self.files.reference.districts.keys().cloned().collect();
        let here = districts.iter().cycle().skip(year as usize).take(districts.len());
        let mut left = 2;
        for district in here.chain(&everywhere) {
            let towns: Vec<&Name> = self
                .files
                .schools
                .iter()
                .filter(|school| school.district == *district)
                .map(|school| &school.municipality)
                .filter(|town| !self.office_towns.contains(&(district.clone(), (*town).clone())))
                .collect();
            let Some(place) = towns.get(self.chance.place(towns.len())).map(|town| (*town).clone()) else { continue };
            self.office_towns.insert((district.clone(), place.clone()));
            let on = self.day_between(first, 40, 150);
            let command = network_office::Command::AddNetworkOfficeSite {
                district: district.clone(),
                site: Site { place, postcode: None },
            };
            let draft = self.draft(self.cast.network_office(district), "add-network-office-site", on, command);
            self.send(draft);
            left -= 1;
            if left == 0 {
                return;
            }
        }
    }

    /// The office of another district is closed and, on the same day, established anew.
    fn establish_office_again(&mut self, except: &Ags, first: BusinessDate) -> Result<(), SimulationError> {
        let office = self.files.offices.iter().find(|office| office.public && office.district != *except);
        let Some(office) = office else { return Ok(()) };
        let on = self.day(first, 212);
        let told_on = self.day(first, 198);
        let close = network_office::Command::CloseNetworkOffice { district: office.district.clone(), on };
        let draft = self.draft(seat::MINISTRY, "close-network-office", told_on, close).at_current_version();
        self.send(draft);
        let command = network_office::Command::EstablishNetworkOffice {
            district: office.district.clone(),
            name: Name::parse(format!("{} (neu eingerichtet, Simulation)", office.name)).map_err(value)?,
            provider: office.provider.clone(),
            from: on,
            site: office.site.clone(),
            provenance: None,
        };
        let draft = self.draft(seat::MINISTRY, "establish-network-office", on, command);
        self.send(draft);
        Ok(())
    }

    /// A cycle that exists in the simulation only: defined, with other rates after half a year, closed.
    fn change_programme(&mut self, year: u32) -> Result<(), SimulationError> {
        let (first, end) = (self.first_day(year), self.first_day(year + 1));
        let cci = self.files.programme.cci.clone();
        let cycle = |kind: &str| Label::parse(format!("{kind} {}", SchoolYear::of(first))).map_err(value);
        let rates = |eu: i64, land: i64, municipal: i64| -> Result<Rates, SimulationError> {
            let share = |points| BasisPoints::try_from(points).map_err(value);
            Ok(Rates { eu: share(eu)?, land: share(land)?, municipal: share(municipal)? })
        };
        let define = |cycle, rates| -> Result<programme::Command, SimulationError> {
            Ok(programme::Command::DefineFundingCycle {
                cci: cci.clone(),
                cycle,
                module: Module::CoordinationOffice,
                period: Period::new(first, end).map_err(value)?,
                rates,
                legal_basis: None,
                provenance: None,
            })
        };
        let by = seat::MINISTRY;
        let on = self.day(first, 60);
        let wrong = define(cycle("Wrong")?, rates(6_000, 3_000, 2_000)?)?;
        let draft = self.draft(by, "define-funding-cycle", on, wrong).refused("PRG-05");
        self.send(draft);
        let right = define(cycle("Simulation")?, rates(6_000, 4_000, 0)?)?;
        let draft = self.draft(by, "define-funding-cycle", on, right);
        self.send(draft);
        let from = first.plus_days(184);
        let on = self.day(first, 170);
        let command = programme::Command::ChangeCofinancingRates {
            cci: cci.clone(),
            cycle: cycle("Simulation")?,
            rates: rates(6_000, 3_000, 1_000)?,
            from,
        };
        let draft = self.draft(by, "change-cofinancing-rates", on, command).at_current_version();
        self.send(draft);
        let on = self.day(end, -14);
        let command = programme::Command::CloseFundingCycle { cci, cycle: cycle("Simulation")?, on: end };
        let draft = self.draft(seat::GRANTING_AUTHORITY, "close-funding-cycle", on, command).at_current_version();
        self.send(draft);
        Ok(())
    }
}
