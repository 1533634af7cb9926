//! What the simulation knows: providers, schools with their positions, people with their assignments, offices. It is
//! made from the seed and never asks the log, so that an interrupted run finds itself again.

use std::collections::{BTreeMap, BTreeSet};

use sfs_domain::cooperation::Goal;
use sfs_domain::identity::Name;
use sfs_domain::organisation::LegalForm;
use sfs_domain::vocabulary::Set;
use sfs_domain::{
    Ags, BusinessDate, ClientKey, Command, Fte, OrganisationId, Period, SchoolId, SchoolYear, StaffPseudonym,
};

use super::calendar::{Week, working_day};
use super::cast::Cast;
use super::chance::Chance;
use super::draft::{Agenda, Draft, Expected, Ids, Version};
use super::{SimulationError, SimulationSettings, value};
use crate::reference::{ReferenceFiles, SchoolRow, slug};

/// A provider of school social work that exists in the simulation only; its name says so.
#[derive(Debug, Clone)]
pub(super) struct Provider {
    pub id: OrganisationId,
    pub name: Name,
    pub legal_form: LegalForm,
    pub district: Ags,
}

/// A school with school social work.
#[derive(Debug, Clone)]
pub(super) struct Site {
    pub school: SchoolId,
    pub district: Ags,
    pub form: &'static str,
    pub pupils: u32,
    /// The provider that has the agreement: a place in [`World::providers`].
    pub provider: usize,
    /// Providers that had one before.
    pub former: Vec<usize>,
    /// The days of the agreement that was signed last.
    pub agreement: Period,
    pub goals: Set<Goal>,
    /// Whether there is or will be an agreement.
    pub active: bool,
    /// Shares of the positions in thousandths.
    pub posts: Vec<u32>,
}

/// Somebody at a school.
#[derive(Debug, Clone)]
pub(super) struct Assignment {
    pub staff: StaffPseudonym,
    pub key: ClientKey,
    pub site: usize,
    pub provider: usize,
    pub from: BusinessDate,
    /// First day without it.
    pub to: BusinessDate,
    /// Shares in thousandths with their first days.
    pub shares: Vec<(BusinessDate, u32)>,
    /// How much the person records, in thousandths of the usual.
    pub pace: u32,
    /// Whether the person has another assignment at the same time.
    pub shared: bool,
    /// Days of illness: first day, and first day back.
    pub ill: Vec<(BusinessDate, BusinessDate)>,
}

impl Assignment {
    pub fn active_on(&self, day: BusinessDate) -> bool {
        self.from <= day && day < self.to
    }

    /// The share of a day, in thousandths.
    pub fn share_on(&self, day: BusinessDate) -> u32 {
        self.shares.iter().rev().find(|(from, _)| *from <= day).map_or(0, |(_, share)| *share)
    }

    pub fn ill_on(&self, day: BusinessDate) -> bool {
        self.ill.iter().any(|(first, back)| *first <= day && day < *back)
    }
}

/// Somebody in a network office.
#[derive(Debug, Clone)]
pub(super) struct OfficeAssignment {
    pub staff: StaffPseudonym,
    pub key: ClientKey,
    pub district: Ags,
    pub function: sfs_domain::staff::Function,
    pub fte: u32,
    pub to: BusinessDate,
}

/// Everything, with what is to be sent.
pub(super) struct World<'a> {
    pub files: &'static ReferenceFiles,
    pub settings: &'a SimulationSettings,
    pub chance: Chance,
    pub ids: Ids,
    pub cast: Cast,
    pub agenda: Agenda,
    pub providers: Vec<Provider>,
    /// The provider without schools, which leaves the programme: a place in `providers`.
    pub spare: usize,
    pub sites: Vec<Site>,
    pub assignments: Vec<Assignment>,
    pub office_staff: Vec<OfficeAssignment>,
    /// Providers that have taken an office over.
    pub office_providers: BTreeMap<Ags, OrganisationId>,
    /// Towns in which an office has a site, by district.
    pub office_towns: BTreeSet<(Ags, Name)>,
    /// Schools that are not in the programme and still exist.
    pub others: Vec<&'static SchoolRow>,
    /// Interventions in thousandths of the usual number.
    pub density: u32,
    /// Which mistake is made next.
    pub mistakes: usize,
    /// All shares at schools on 1 October of the first year, in thousandths.
    pub first_fte: u32,
}

impl World<'_> {
    /// The first day of the n-th school year of the simulation, counted from 0.
    pub fn first_day(&self, year: u32) -> BusinessDate {
        let first = self.settings.start.period().from;
        // Years are few, and a school year begins on the same day in each.
        let after = BusinessDate::from_civil(first.civil().saturating_add(jiff::Span::new().years(year)));
        SchoolYear::of(after).period().from
    }

    /// The day that many days after another, or the next one on which offices work.
    pub fn day(&self, from: BusinessDate, days: i32) -> BusinessDate {
        working_day(&self.files.reference, from.plus_days(days))
    }

    /// A working day between two, chosen by chance; both are days after `from`.
    pub fn day_between(&mut self, from: BusinessDate, first: i32, last: i32) -> BusinessDate {
        let days = self.chance.between(first, last);
        self.day(from, days)
    }

    /// A command that must be accepted.
    pub fn draft(&mut self, by: usize, name: &'static str, on: BusinessDate, command: impl Into<Told>) -> Draft {
        Draft {
            id: self.ids.uuid(),
            by,
            name,
            command: command.into().0,
            on,
            reason: None,
            version: Version::Unsaid,
            expected: Expected::Accepted,
            last: false,
        }
    }

    /// Sends it in the week of its business date.
    pub fn send(&mut self, draft: Draft) {
        self.agenda.add(Week::of(draft.on), draft);
    }

    /// Sends it so many weeks after its business date.
    pub fn send_late(&mut self, draft: Draft, weeks: u32) {
        self.agenda.add(Week::of(draft.on).after(weeks), draft);
    }

    /// A day in the week of that day, or the next one on which offices work.
    pub fn day_in_week_of(&mut self, day: BusinessDate) -> BusinessDate {
        let days: Vec<BusinessDate> = Week::of(day).days().collect();
        let any = days.get(self.chance.place(days.len())).copied().unwrap_or(day);
        working_day(&self.files.reference, any)
    }

    /// The manager of a site's provider.
    pub fn manager_of(&self, provider: usize) -> usize {
        self.cast.manager(&self.providers[provider].id)
    }

    /// Providers of the district that have never worked at that school.
    pub fn rivals(&self, site: usize) -> Vec<usize> {
        let site = &self.sites[site];
        let known = |place: usize| place == self.spare || place == site.provider || site.former.contains(&place);
        let here = |place: &usize| self.providers[*place].district == site.district;
        (0..self.providers.len()).filter(|place| here(place) && !known(*place)).collect()
    }

    /// All shares at schools on a day, in thousandths.
    pub fn fte_on(&self, day: BusinessDate) -> u32 {
        let active = self.assignments.iter().filter(|assignment| assignment.active_on(day));
        active.map(|assignment| assignment.share_on(day)).sum()
    }

    /// The districts with schools of the programme.
    pub fn districts(&self) -> BTreeSet<Ags> {
        self.sites.iter().map(|site| site.district.clone()).collect()
    }
}

/// A command of any aggregate.
pub(super) struct Told(Command);

macro_rules! told {
    ($($module:ident => $variant:ident),+) => {
        $(impl From<sfs_domain::$module::Command> for Told {
            fn from(command: sfs_domain::$module::Command) -> Self {
                Self(Command::$variant(command))
            }
        })+
    };
}

told!(
    programme => Programme, organisation => Organisation, school => School, network_office => NetworkOffice,
    cooperation => Cooperation, staff => Staff, vacancy => Vacancy, training_need => TrainingNeed,
    training => Training, intervention => Intervention, principal => Principal
);

/// A share of a position.
pub(super) fn fte(thousandths: u32) -> Result<Fte, SimulationError> {
    Fte::try_from(i64::from(thousandths)).map_err(value)
}

/// The names of simulated providers in a district.
const NAMES: [(&str, &str, LegalForm); 4] = [
    ("Jugendhilfe", "e. V.", LegalForm::RegisteredAssociation),
    ("Bildungsbrücke", "gGmbH", LegalForm::NonProfitCompany),
    ("Lernwege", "e. V.", LegalForm::RegisteredAssociation),
    ("Soziale Dienste", "gGmbH", LegalForm::NonProfitCompany),
];

/// How likely a school of a form is in the programme, and its usual number of pupils. Which schools really are is not
/// published in any source that was found.
const FORMS: [(&str, u32, u32); 10] = [
    ("SEK", 90, 270),
    ("GMS", 90, 290),
    ("IGS", 60, 750),
    ("KGS", 60, 700),
    ("FOES", 24, 110),
    ("BBS", 60, 1_400),
    ("GYM", 14, 600),
    ("GS", 7, 150),
    ("WAL", 5, 230),
    ("ZBW", 5, 120),
];

/// Which positions a school of a form has, by weight. Together they come to about 380 full positions at 355 schools.
fn posts(form: &str, chance: &mut Chance) -> Vec<u32> {
    let choices: &[(&[u32], u32)] = match form {
        "SEK" | "GMS" => &[(&[1_000], 62), (&[875], 12), (&[750, 750], 14), (&[1_000, 500], 12)],
        "IGS" | "KGS" => &[(&[1_000, 750], 60), (&[1_000, 1_000], 40)],
        "FOES" => &[(&[1_000], 60), (&[750], 20), (&[750, 625], 20)],
        "BBS" => &[(&[1_000, 1_000], 55), (&[1_000, 750], 30), (&[1_000, 1_000, 500], 15)],
        "GYM" => &[(&[1_000], 60), (&[750], 30), (&[500], 10)],
        "GS" => &[(&[500], 35), (&[750], 40), (&[1_000], 25)],
        _ => &[(&[750], 1)],
    };
    chance.weighted(choices).to_vec()
}

/// How many school social workers record for themselves.
const WORKERS: usize = 12;

/// Schools that one provider can have before a district gets another.
const SITES_PER_PROVIDER: usize = 14;

impl<'a> World<'a> {
    /// Chooses schools and providers and gives everybody a principal.
    pub fn new(
        files: &'static ReferenceFiles,
        settings: &'a SimulationSettings,
        namespace: &[u8],
    ) -> Result<Self, SimulationError> {
        let mut ids = Ids::new(namespace);
        let mut chance = Chance::new(settings.seed);
        let cast = Cast::new(&mut ids);
        let (chosen, others) = choose(&files.schools, settings.schools, &mut chance);
        let first = settings.start.period().from;
        let mut world = World {
            files,
            settings,
            chance,
            ids,
            cast,
            agenda: Agenda::default(),
            providers: Vec::new(),
            spare: 0,
            sites: Vec::new(),
            assignments: Vec::new(),
            office_staff: Vec::new(),
            office_providers: BTreeMap::new(),
            office_towns: files
                .offices
                .iter()
                .filter_map(|office| Some((office.district.clone(), office.site.as_ref()?.place.clone())))
                .collect(),
            others,
            density: 1_000,
            mistakes: 0,
            first_fte: 0,
        };
        let districts: BTreeSet<&Ags> = chosen.iter().map(|(school, ..)| &school.district).collect();
        for district in districts {
            let here: Vec<_> = chosen.iter().filter(|(school, ..)| school.district == *district).collect();
            let count = here.len().div_ceil(SITES_PER_PROVIDER).clamp(2, NAMES.len());
            let first_provider = world.providers.len();
            world.cast.add_district(&mut world.ids, district);
            for (name, ending, legal_form) in NAMES.into_iter().take(count) {
                world.found(&format!("{name} {} {ending}", files.district(district)), legal_form, district)?;
            }
            for (number, (school, form, pupils)) in here.into_iter().enumerate() {
                let posts = posts(form, &mut world.chance);
                let spread = world.chance.between(60, 140) as u32;
                world.sites.push(Site {
                    school: school.school.clone(),
                    district: district.clone(),
                    form,
                    pupils: pupils * spread / 100,
                    provider: first_provider + number % count,
                    former: Vec::new(),
                    agreement: Period { from: first, to: first.plus_days(1) },
                    goals: [Goal::FewerDropouts].into_iter().collect(),
                    active: true,
                    posts,
                });
            }
        }
        world.spare = world.providers.len();
        if let Some(site) = world.sites.first() {
            let district = site.district.clone();
            world.found("Kompass Schule e. V.", LegalForm::RegisteredAssociation, &district)?;
        }
        // Those of the offices, so that somebody can assign their staff.
        for office in &files.offices {
            if world.cast.network_offices.contains_key(&office.district) {
                world.cast.add_manager(&mut world.ids, &office.provider);
            }
        }
        let every = (world.sites.len() / WORKERS).max(2);
        for site in world.sites.iter().step_by(every).take(WORKERS) {
            world.cast.add_worker(&mut world.ids, &site.school);
        }
        Ok(world)
    }

    fn found(&mut self, name: &str, legal_form: LegalForm, district: &Ags) -> Result<(), SimulationError> {
        let name = format!("{name} (Simulation)");
        let id = OrganisationId::parse(slug(&name)).map_err(value)?;
        self.cast.add_manager(&mut self.ids, &id);
        let name = Name::parse(name).map_err(value)?;
        self.providers.push(Provider { id, name, legal_form, district: district.clone() });
        Ok(())
    }
}

impl ReferenceFiles {
    /// The common name of a district.
    pub(super) fn district(&self, ags: &Ags) -> &str {
        self.reference.districts.get(ags).map_or("Sachsen-Anhalt", |district| &district.name)
    }
}

/// A school with the code of its form and its usual number of pupils.
type Chosen = (&'static SchoolRow, &'static str, u32);

/// Chooses schools for the programme, by form; the others come second.
fn choose(schools: &'static [SchoolRow], count: usize, chance: &mut Chance) -> (Vec<Chosen>, Vec<&'static SchoolRow>) {
    let known = |school: &'static SchoolRow| FORMS.into_iter().find(|(code, ..)| *code == school.form.as_str());
    let mut left: Vec<(Chosen, u32)> = Vec::new();
    let mut others = Vec::new();
    for school in schools {
        match known(school) {
            Some((code, weight, pupils)) => left.push(((school, code, pupils), weight)),
            None => others.push(school),
        }
    }
    let mut chosen = Vec::with_capacity(count);
    while chosen.len() < count && !left.is_empty() {
        let places: Vec<(usize, u32)> = left.iter().enumerate().map(|(place, (_, weight))| (place, *weight)).collect();
        chosen.push(left.swap_remove(chance.weighted(&places)).0);
    }
    others.extend(left.into_iter().map(|((school, ..), _)| school));
    // In the order of the list again, so that the choice shows in nothing else.
    others.sort_by(|one, other| one.school.cmp(&other.school));
    chosen.sort_by(|(one, ..), (other, ..)| one.school.cmp(&other.school));
    (chosen, others)
}
