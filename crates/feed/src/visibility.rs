//! Who sees which events: the reading rights of the journal, as a filter of the log and as a rule
//! for each event.

use std::sync::Arc;

use sfs_domain::authority::{Access, View, access};
use sfs_domain::{BusinessDate, Category, Grant, Scope};
use sfs_eventlog::tags;

/// What a principal sees of the log: the union of what its grants show.
#[derive(Debug, Clone, Default)]
pub struct Visibility(Vec<Sight>);

/// Within one scope, events of these categories.
#[derive(Debug, Clone, PartialEq)]
struct Sight {
    scope: Scope,
    categories: Vec<Category>,
}

/// District, provider and school of an event, as they stand in its open body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct At<'a> {
    pub ags: &'a str,
    pub provider: Option<&'a str>,
    pub school: Option<&'a str>,
}

impl Visibility {
    /// What these grants show on that day. A role without a right to the journal shows nothing; one
    /// that may see only suppressed figures shows no interventions, since they could be counted;
    /// grants and keys show to roles that may see who has access, events about persons to those who
    /// watch over them, absences to those who see staffing, cases
    /// to school social workers and their provider.
    pub fn of(grants: &[Grant], today: BusinessDate) -> Self {
        let sights = grants.iter().filter(|grant| grant.holds_on(today)).filter_map(|grant| {
            let journal = access(grant.role, View::Journal);
            let exact = |view| access(grant.role, view) == Access::Exact;
            let shows = |category: &Category| match category {
                Category::Principal => exact(View::Access),
                Category::Person => exact(View::Persons),
                Category::Absence => exact(View::Staffing),
                Category::SupportCase | Category::ChildProtection => exact(View::Cases),
                Category::Intervention => journal == Access::Exact,
                _ => true,
            };
            let categories: Vec<Category> = match journal {
                Access::None => Vec::new(),
                Access::Suppressed | Access::Exact => Category::ALL.iter().copied().filter(shows).collect(),
            };
            (!categories.is_empty()).then(|| Sight { scope: grant.scope.clone(), categories })
        });
        Self(sights.collect())
    }

    /// Everything: for whoever holds the data directory.
    pub fn everything() -> Self {
        Self(vec![Sight { scope: Scope::State {}, categories: Category::ALL.to_vec() }])
    }

    /// Whether leaves can be shown as they lie, side by side, to somebody who has to check them all: it
    /// shows every event of the state, those of cases aside. Of these a leaf tells that something was
    /// done under a random name and when, and neither where nor what.
    pub fn shows_every_leaf(&self) -> bool {
        let apart = |category: &&Category| !matches!(category, Category::SupportCase | Category::ChildProtection);
        let all =
            |sight: &Sight| Category::ALL.iter().filter(apart).all(|category| sight.categories.contains(category));
        self.0.iter().any(|sight| sight.scope == Scope::State {} && all(sight))
    }

    /// Whether it shows nothing at all.
    pub fn is_nothing(&self) -> bool {
        self.0.is_empty()
    }

    /// Lists of tags of which a visible event has one each. A superset of what is visible: the log
    /// cannot ask for "this category, but only in that district".
    pub(crate) fn tags(&self) -> Vec<Vec<Arc<str>>> {
        let mut lists = Vec::new();
        if !self.0.iter().any(|sight| matches!(sight.scope, Scope::State {})) {
            lists.push(self.0.iter().map(|sight| scope_tag(&sight.scope)).collect());
        }
        let shown = |category: &&Category| self.0.iter().any(|sight| sight.categories.contains(category));
        let categories: Vec<Arc<str>> =
            Category::ALL.iter().filter(shown).map(|category| tags::category(category.name())).collect();
        if categories.len() < Category::ALL.len() {
            lists.push(categories);
        }
        lists
    }

    /// Whether an event of that category at that place is visible.
    pub(crate) fn sees(&self, category: Category, at: At<'_>) -> bool {
        self.0.iter().any(|sight| sight.categories.contains(&category) && contains(&sight.scope, at))
    }
}

fn scope_tag(scope: &Scope) -> Arc<str> {
    match scope {
        // Never asked for: a state-wide sight needs no list.
        Scope::State {} => tags::district("15"),
        Scope::District(ags) => tags::district(ags),
        Scope::Provider(provider) => tags::provider(provider),
        Scope::School(school) => tags::school(school),
    }
}

/// [`Scope::contains`] on the texts of an open body.
fn contains(scope: &Scope, at: At<'_>) -> bool {
    match scope {
        Scope::State {} => true,
        Scope::District(ags) => at.ags == ags.as_str(),
        Scope::Provider(provider) => at.provider == Some(provider.as_str()),
        Scope::School(school) => at.school == Some(school.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use sfs_domain::{Ags, Role, SchoolId};

    use super::*;

    const WANZLEBEN: At<'_> = At { ags: "15083", provider: Some("P1"), school: Some("S1") };
    const STATE: At<'_> = At { ags: "15", provider: None, school: None };

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    fn seen_by(role: Role, scope: Scope) -> Visibility {
        Visibility::of(&[Grant { role, scope, until: None }], day("2026-11-24"))
    }

    #[test]
    fn a_scope_shows_what_lies_in_it_and_nothing_else() {
        let school = |id: &str| Scope::School(SchoolId::parse(id).unwrap());
        let district = |ags: &str| Scope::District(Ags::parse(ags).unwrap());
        let sees = |role, scope, at| seen_by(role, scope).sees(Category::Intervention, at);
        assert!(sees(Role::SchoolSocialWorker, school("S1"), WANZLEBEN));
        assert!(!sees(Role::SchoolSocialWorker, school("S2"), WANZLEBEN));
        assert!(sees(Role::NetworkOffice, district("15083"), WANZLEBEN));
        assert!(!sees(Role::NetworkOffice, district("15003"), WANZLEBEN));
        assert!(!sees(Role::NetworkOffice, district("15083"), STATE));
        assert!(sees(Role::GrantingAuthority, Scope::State {}, WANZLEBEN));
    }

    #[test]
    fn a_role_for_suppressed_figures_sees_no_interventions() {
        let ministry = seen_by(Role::Ministry, Scope::State {});
        assert!(!ministry.sees(Category::Intervention, WANZLEBEN));
        assert!(ministry.sees(Category::School, WANZLEBEN));
        let asked = ministry.tags().concat();
        assert!(asked.contains(&tags::category("school")));
        assert!(!asked.contains(&tags::category("intervention")));
    }

    #[test]
    fn grants_and_keys_are_seen_by_those_who_may_see_access() {
        assert!(!seen_by(Role::GrantingAuthority, Scope::State {}).sees(Category::Principal, STATE));
        assert!(seen_by(Role::DataProtectionOfficer, Scope::State {}).sees(Category::Principal, STATE));
    }

    #[test]
    fn cases_are_seen_by_school_social_workers_and_their_provider_alone() {
        for role in Role::ALL {
            let seen = seen_by(*role, Scope::State {});
            let expected = matches!(role, Role::SchoolSocialWorker | Role::ProviderManager);
            assert_eq!(seen.sees(Category::SupportCase, WANZLEBEN), expected, "{role:?}");
            assert_eq!(seen.sees(Category::ChildProtection, WANZLEBEN), expected, "{role:?}");
        }
        let school = Scope::School(SchoolId::parse("S2").unwrap());
        assert!(!seen_by(Role::SchoolSocialWorker, school).sees(Category::SupportCase, WANZLEBEN));
    }

    #[test]
    fn persons_and_absences_are_seen_by_those_who_watch_over_them() {
        let sees = |role, category| seen_by(role, Scope::State {}).sees(category, WANZLEBEN);
        assert!(sees(Role::DataProtectionOfficer, Category::Person) && sees(Role::Auditor, Category::Person));
        assert!(!sees(Role::CoordinationOffice, Category::Person) && !sees(Role::GrantingAuthority, Category::Person));
        assert!(sees(Role::ProviderManager, Category::Absence) && !sees(Role::Ministry, Category::Absence));
    }

    #[test]
    fn an_auditor_of_the_state_sees_every_leaf_and_a_district_none_as_they_lie() {
        assert!(seen_by(Role::Auditor, Scope::State {}).shows_every_leaf());
        assert!(Visibility::everything().shows_every_leaf());
        assert!(!seen_by(Role::Auditor, Scope::District(Ags::parse("15083").unwrap())).shows_every_leaf());
        assert!(!seen_by(Role::GrantingAuthority, Scope::State {}).shows_every_leaf());
    }

    #[test]
    fn a_role_without_the_journal_and_a_grant_that_ended_show_nothing() {
        assert!(seen_by(Role::Administrator, Scope::State {}).is_nothing());
        assert!(seen_by(Role::Public, Scope::State {}).is_nothing());
        let ended = Grant { role: Role::Auditor, scope: Scope::State {}, until: Some(day("2026-11-24")) };
        assert!(Visibility::of(&[ended], day("2026-11-24")).is_nothing());
    }

    #[test]
    fn two_grants_show_what_each_shows_and_not_their_product() {
        let grants = [
            Grant { role: Role::Ministry, scope: Scope::State {}, until: None },
            Grant { role: Role::NetworkOffice, scope: Scope::District(Ags::parse("15003").unwrap()), until: None },
        ];
        let both = Visibility::of(&grants, day("2026-11-24"));
        assert!(both.sees(Category::School, WANZLEBEN));
        assert!(!both.sees(Category::Intervention, WANZLEBEN));
        assert!(both.sees(Category::Intervention, At { ags: "15003", ..WANZLEBEN }));
    }
}
