//! Who looks: the grants that they hold today, and what of a view these let them see. Scopes become
//! conditions of the statement itself, so what lies outside of them never leaves the database.

use std::sync::Arc;

use sfs_domain::authority::{Access, View, access};
use sfs_domain::{BusinessDate, Grant, Place, Scope};

use crate::composed::Composed;

/// Somebody who asks. No query can be called without one.
#[derive(Debug, Clone)]
pub struct Viewer {
    /// What they may do where.
    pub grants: Arc<[Grant]>,
    /// Today in Europe/Berlin: grants end.
    pub today: BusinessDate,
}

/// Why somebody sees nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Denied {
    /// No role that they hold today sees this view.
    #[error("no role of the viewer sees this")]
    NoAccess,
    /// Their roles see these figures only with small cells suppressed, and that is not offered yet.
    /// Nothing is shown rather than half of it.
    #[error("the viewer's roles see these figures only with small cells suppressed")]
    SuppressedOnly,
}

impl Viewer {
    /// What the viewer sees exactly of that view: the union of the scopes of all grants that hold
    /// today and whose role sees it exactly.
    pub fn scopes(&self, view: View) -> Result<Visibility, Denied> {
        let mut visible = Visibility::default();
        let (mut exact, mut suppressed) = (false, false);
        for grant in self.grants.iter().filter(|grant| grant.holds_on(self.today)) {
            match access(grant.role, view) {
                Access::Exact => {
                    exact = true;
                    visible.add(&grant.scope);
                }
                Access::Suppressed => suppressed = true,
                Access::None => {}
            }
        }
        match (exact, suppressed) {
            (true, _) => Ok(visible),
            (false, true) => Err(Denied::SuppressedOnly),
            (false, false) => Err(Denied::NoAccess),
        }
    }
}

/// What somebody sees: everything, or a union of districts, providers and schools.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visibility {
    everything: bool,
    districts: Vec<String>,
    providers: Vec<String>,
    schools: Vec<String>,
}

/// The columns of a statement that scopes are compared with. All are texts, empty where there is
/// nothing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlaceColumns {
    /// District.
    pub ags: &'static str,
    /// Responsible provider.
    pub provider: &'static str,
    /// School.
    pub school: &'static str,
}

impl Visibility {
    fn add(&mut self, scope: &Scope) {
        let (list, value) = match scope {
            Scope::State {} => return self.everything = true,
            Scope::District(ags) => (&mut self.districts, ags.as_str()),
            Scope::Provider(provider) => (&mut self.providers, provider.as_str()),
            Scope::School(school) => (&mut self.schools, school.as_str()),
        };
        if !list.iter().any(|known| known == value) {
            list.push(value.to_owned());
        }
    }

    /// Whether nothing is hidden.
    pub const fn is_everything(&self) -> bool {
        self.everything
    }

    /// Whether it is made of whole districts, or everything.
    pub(crate) const fn is_of_districts(&self) -> bool {
        self.everything || (self.providers.is_empty() && self.schools.is_empty())
    }

    /// Whether what belongs to that place is seen.
    pub fn contains(&self, place: &Place) -> bool {
        let in_list = |list: &[String], value: Option<&str>| value.is_some_and(|value| list.iter().any(|v| v == value));
        self.everything
            || in_list(&self.districts, Some(place.ags.as_str()))
            || in_list(&self.providers, place.provider.as_ref().map(|provider| provider.as_str()))
            || in_list(&self.schools, place.school.as_ref().map(|school| school.as_str()))
    }

    /// Adds ` and (…)` that keeps only the rows whose place is seen.
    pub(crate) fn restrict(&self, stmt: &mut Composed, columns: PlaceColumns) {
        if !self.everything {
            stmt.sql(" and ");
            self.condition(stmt, columns);
        }
    }

    /// The same, where what concerns the whole state and no provider is for everybody.
    pub(crate) fn restrict_or_state(&self, stmt: &mut Composed, columns: PlaceColumns) {
        if !self.everything {
            stmt.sql(" and (").sql(columns.ags).sql(" = '15' and ").sql(columns.provider).sql(" = '' or ");
            self.condition(stmt, columns);
            stmt.sql(")");
        }
    }

    /// Keeps only the schools (alias `r`) that are seen; of providers those with which they are known
    /// at that position to cooperate.
    pub(crate) fn restrict_schools(&self, stmt: &mut Composed, known: i64) {
        if self.everything {
            return;
        }
        let own = Self { providers: Vec::new(), ..self.clone() };
        stmt.sql(" and (");
        own.condition(stmt, PlaceColumns { ags: "r.ags", provider: "''", school: "r.school" });
        if !self.providers.is_empty() {
            stmt.sql(" or exists (select 1 from cooperation k where k.school = r.school and k.known_from <= ");
            stmt.int(known).sql(" and k.provider in ").texts(self.providers.iter().map(String::as_str)).sql(")");
        }
        stmt.sql(")");
    }

    fn condition(&self, stmt: &mut Composed, columns: PlaceColumns) {
        stmt.sql("(");
        let lists =
            [(columns.ags, &self.districts), (columns.provider, &self.providers), (columns.school, &self.schools)];
        let mut or = "";
        for (column, list) in lists {
            if !list.is_empty() {
                stmt.sql(or).sql(column).sql(" in ").texts(list.iter().map(String::as_str));
                or = " or ";
            }
        }
        // A viewer has at least one scope; without one nothing is seen.
        stmt.sql(if or.is_empty() { "1 = 0)" } else { ")" });
    }
}

#[cfg(test)]
mod tests {
    use sfs_domain::testing::day;
    use sfs_domain::testing::fixtures::{district, organisation_id, school_id};
    use sfs_domain::{OrganisationId, Role};

    use super::*;

    fn grant(role: Role, scope: Scope, until: Option<&str>) -> Grant {
        Grant { role, scope, until: until.map(day) }
    }

    fn viewer(grants: Vec<Grant>) -> Viewer {
        Viewer { grants: grants.into(), today: day("2026-11-24") }
    }

    #[test]
    fn scopes_of_several_grants_add_up() {
        let visible = viewer(vec![
            grant(Role::NetworkOffice, Scope::District(district("15083")), None),
            grant(Role::ProviderManager, Scope::Provider(organisation_id("P1")), None),
            grant(Role::CoordinationOffice, Scope::State {}, None),
        ])
        .scopes(View::Activity)
        .unwrap();
        let at = |ags, provider: Option<&str>| Place {
            ags: district(ags),
            provider: provider.map(|id| OrganisationId::parse(id).unwrap()),
            school: Some(school_id("S1")),
        };
        assert!(visible.contains(&at("15083", None)));
        assert!(visible.contains(&at("15003", Some("P1"))));
        // The coordination office sees the state, but not these figures.
        assert!(!visible.contains(&at("15003", Some("P2"))));
        assert!(!visible.is_everything());
    }

    #[test]
    fn a_grant_that_has_ended_shows_nothing() {
        let ended = viewer(vec![grant(Role::Auditor, Scope::State {}, Some("2026-11-24"))]);
        assert_eq!(ended.scopes(View::Activity), Err(Denied::NoAccess));
        let holding = viewer(vec![grant(Role::Auditor, Scope::State {}, Some("2026-11-25"))]);
        assert!(holding.scopes(View::Activity).unwrap().is_everything());
    }

    #[test]
    fn who_may_see_only_suppressed_figures_sees_none() {
        for role in [Role::CoordinationOffice, Role::Ministry, Role::ManagingAuthority, Role::YouthOffice] {
            let viewer = viewer(vec![grant(role, Scope::State {}, None)]);
            assert_eq!(viewer.scopes(View::Activity), Err(Denied::SuppressedOnly));
        }
        assert_eq!(viewer(vec![]).scopes(View::Activity), Err(Denied::NoAccess));
    }
}
