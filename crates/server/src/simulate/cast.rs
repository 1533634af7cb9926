//! Who acts in the simulation: a principal for each office, authority and provider, and some school social workers.
//! Most of the work is recorded by principals whose scope is one provider or one school.

use std::collections::BTreeMap;

use sfs_domain::{Ags, OrganisationId, PrincipalId, Role, SchoolId, Scope};

use super::draft::Ids;

/// Somebody who sends commands.
#[derive(Debug, Clone)]
pub(super) struct Actor {
    /// `None` for the console of the machine.
    pub principal: Option<PrincipalId>,
    pub role: Role,
    pub scope: Scope,
}

/// Everybody, in the order in which they send at the same time: authorities before offices, offices before providers,
/// providers before their people.
pub(super) struct Cast {
    pub actors: Vec<Actor>,
    pub network_offices: BTreeMap<Ags, usize>,
    pub youth_offices: BTreeMap<Ags, usize>,
    pub managers: BTreeMap<OrganisationId, usize>,
    pub workers: BTreeMap<SchoolId, usize>,
}

/// Places in [`Cast::actors`] that are always the same.
pub(super) mod seat {
    /// The console.
    pub const CONSOLE: usize = 0;
    /// The ministry.
    pub const MINISTRY: usize = 1;
    /// The granting authority.
    pub const GRANTING_AUTHORITY: usize = 2;
    /// The coordination office.
    pub const COORDINATION_OFFICE: usize = 3;
}

impl Cast {
    /// The authorities only.
    pub fn new(ids: &mut Ids) -> Self {
        let mut cast = Self {
            actors: vec![Actor { principal: None, role: Role::Administrator, scope: Scope::State {} }],
            network_offices: BTreeMap::new(),
            youth_offices: BTreeMap::new(),
            managers: BTreeMap::new(),
            workers: BTreeMap::new(),
        };
        for role in [Role::Ministry, Role::GrantingAuthority, Role::CoordinationOffice] {
            cast.add(ids, role, Scope::State {});
        }
        cast
    }

    fn add(&mut self, ids: &mut Ids, role: Role, scope: Scope) -> usize {
        self.actors.push(Actor { principal: Some(PrincipalId(ids.uuid())), role, scope });
        self.actors.len() - 1
    }

    /// Network office and youth office of a district.
    pub fn add_district(&mut self, ids: &mut Ids, ags: &Ags) {
        let network_office = self.add(ids, Role::NetworkOffice, Scope::District(ags.clone()));
        self.network_offices.insert(ags.clone(), network_office);
        let youth_office = self.add(ids, Role::YouthOffice, Scope::District(ags.clone()));
        self.youth_offices.insert(ags.clone(), youth_office);
    }

    /// The manager of a provider.
    pub fn add_manager(&mut self, ids: &mut Ids, provider: &OrganisationId) {
        if !self.managers.contains_key(provider) {
            let manager = self.add(ids, Role::ProviderManager, Scope::Provider(provider.clone()));
            self.managers.insert(provider.clone(), manager);
        }
    }

    /// A school social worker who records at one school.
    pub fn add_worker(&mut self, ids: &mut Ids, school: &SchoolId) {
        let worker = self.add(ids, Role::SchoolSocialWorker, Scope::School(school.clone()));
        self.workers.insert(school.clone(), worker);
    }

    /// The manager of a provider; the coordination office where there is none, which only then fails.
    pub fn manager(&self, provider: &OrganisationId) -> usize {
        self.managers.get(provider).copied().unwrap_or(seat::COORDINATION_OFFICE)
    }

    /// The network office of a district, else the coordination office, which may do what it may.
    pub fn network_office(&self, ags: &Ags) -> usize {
        self.network_offices.get(ags).copied().unwrap_or(seat::COORDINATION_OFFICE)
    }
}
