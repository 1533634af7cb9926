//! The half year before the first school year: roles, organisations with their recognition, agreements and staff. What
//! happens to principals and organisations in later years stands here too.

use sfs_domain::identity::Name;
use sfs_domain::organisation::{self, Kind, LegalForm, Recognition, Sector};
use sfs_domain::{BusinessDate, Grant, OrganisationId, Reason, Role, Scope, principal};

use super::cast::seat;
use super::world::{Told, World};
use super::{SimulationError, opening_week, value};

impl World<'_> {
    /// The business date on which everything begins.
    pub fn opening_day(&self) -> BusinessDate {
        opening_week(self.settings.start).friday().unwrap_or(self.settings.start.period().from)
    }

    /// Everybody gets a role at the console.
    pub fn grant_roles(&mut self) -> Result<(), SimulationError> {
        let on = self.opening_day();
        for (place, actor) in self.cast.actors.clone().into_iter().enumerate() {
            let Some(principal) = actor.principal else { continue };
            let grant = Grant { role: actor.role, scope: actor.scope, until: None };
            let draft = self.draft(seat::CONSOLE, "grant-role", on, principal::Command::GrantRole { principal, grant });
            self.send(draft);
            if place == seat::MINISTRY {
                // The console grants a role to itself: no.
                let console = sfs_command::Caller::console().principal;
                let grant = Grant { role: Role::Ministry, scope: Scope::State {}, until: None };
                let command = principal::Command::GrantRole { principal: console, grant };
                let draft = self.draft(seat::CONSOLE, "grant-role", on, command).refused("PRI-01");
                self.send(draft);
            }
        }
        Ok(())
    }

    /// Plans the half year before the first school year.
    pub fn open(&mut self) -> Result<(), SimulationError> {
        self.register_providers()?;
        for site in 0..self.sites.len() {
            let first = self.first_day(0);
            self.agree(site, first, 180)?;
        }
        self.staff_schools()?;
        self.staff_offices()
    }

    fn register_providers(&mut self) -> Result<(), SimulationError> {
        let opening = self.opening_day();
        for place in 0..self.providers.len() {
            let provider = self.providers[place].clone();
            let on = self.day_between(opening, 4, 12);
            let command = |organisation, sector| organisation::Command::RegisterOrganisation {
                organisation,
                name: provider.name.clone(),
                legal_form: provider.legal_form,
                sector,
                kind: Kind::FreeYouthWelfare,
                district: Some(provider.district.clone()),
                provenance: None,
            };
            let office = seat::COORDINATION_OFFICE;
            if place == 0 {
                // A provider of free youth welfare is not public.
                let wrong = OrganisationId::parse("freier-traeger-simulation").map_err(value)?;
                let command = command(wrong, Sector::Public);
                let draft = self.draft(office, "register-organisation", on, command).refused("ORG-05");
                self.send(draft);
            }
            let command = command(provider.id.clone(), Sector::Private);
            let draft = self.draft(office, "register-organisation", on, command);
            self.send(draft);
            let on = self.day_between(opening, 18, 26);
            self.confirm_recognition(&provider.id, on)?;
            let recoverable = self.chance.permille(150);
            let on = self.day_between(opening, 25, 40);
            let command = organisation::Command::SetVatStatus { organisation: provider.id, recoverable };
            let draft = self.draft(self.manager_of(place), "set-vat-status", on, command);
            self.send(draft);
        }
        // The offices' own providers are older; their documents are looked at in the first autumn.
        for office in self.files.offices.iter().filter(|office| !office.public) {
            let on = self.day_between(self.first_day(0), 35, 60);
            self.confirm_recognition(&office.provider, on)?;
        }
        Ok(())
    }

    fn confirm_recognition(&mut self, provider: &OrganisationId, on: BusinessDate) -> Result<(), SimulationError> {
        let command = organisation::Command::ConfirmProviderRecognition {
            organisation: provider.clone(),
            recognition: Recognition::YouthWelfare75,
            document: self.ids.document()?,
        };
        let draft = self.draft(seat::GRANTING_AUTHORITY, "confirm-provider-recognition", on, command);
        self.send(draft);
        Ok(())
    }

    /// A provider gets another name, and the one without schools leaves the programme.
    pub fn change_organisations(&mut self, year: u32) -> Result<(), SimulationError> {
        let first = self.first_day(year);
        let place = year as usize % self.spare.max(1);
        let provider = self.providers[place].clone();
        let plain = provider.name.as_str().trim_end_matches(" (Simulation)");
        let stem = plain.trim_end_matches(" e. V.").trim_end_matches(" gGmbH");
        let (ending, legal_form) = match provider.legal_form {
            LegalForm::NonProfitCompany => ("Stiftung", LegalForm::Foundation),
            _ => ("gGmbH", LegalForm::NonProfitCompany),
        };
        let name = Name::parse(format!("{stem} {ending} (Simulation)")).map_err(value)?;
        let on = self.day_between(first, 95, 125);
        let command = organisation::Command::AmendOrganisation {
            organisation: provider.id,
            name: Some(name.clone()),
            legal_form: Some(legal_form),
        };
        let draft = self.draft(seat::COORDINATION_OFFICE, "amend-organisation", on, command).at_current_version();
        self.send(draft);
        (self.providers[place].name, self.providers[place].legal_form) = (name, legal_form);
        if year == 0 {
            let on = self.day_between(first, 300, 340);
            let spare = self.providers[self.spare].id.clone();
            let command = organisation::Command::DeactivateOrganisation { organisation: spare };
            let draft =
                self.draft(seat::COORDINATION_OFFICE, "deactivate-organisation", on, command).at_current_version();
            self.send(draft);
        }
        Ok(())
    }

    /// Somebody stands in for a while at the first school: a role, a key, and both end.
    pub fn stand_in(&mut self, year: u32) {
        let first = self.first_day(year);
        let Some(school) = self.sites.first().map(|site| site.school.clone()) else { return };
        let (principal, key) = (sfs_domain::PrincipalId(self.ids.uuid()), self.ids.key());
        let (role, scope) = (Role::SchoolSocialWorker, Scope::School(school));
        let until = Some(self.day(first, 200));
        let commands: [(&'static str, i32, Told); 4] = [
            (
                "grant-role",
                60,
                principal::Command::GrantRole { principal, grant: Grant { role, scope: scope.clone(), until } }.into(),
            ),
            ("issue-api-key", 61, principal::Command::IssueApiKey { principal, key, until }.into()),
            ("revoke-api-key", 130, principal::Command::RevokeApiKey { principal, key }.into()),
            ("revoke-role", 137, principal::Command::RevokeRole { principal, role, scope }.into()),
        ];
        for (name, days, command) in commands {
            let on = self.day(first, days);
            let draft = self.draft(seat::CONSOLE, name, on, command);
            self.send(draft);
        }
    }

    /// One of the reasons for which something ends.
    pub fn ending_reason(&mut self) -> Reason {
        self.chance.weighted(&[(Reason::FundingEnded, 3), (Reason::Reorganisation, 3), (Reason::RuleChange, 1)])
    }
}
