//! M04, activity profile: its question and its answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::intervention::Kind;
use sfs_domain::{Ags, OrganisationId, Period, SchoolId};

use super::Sums;
use super::figures::{Group, Wanted, split};
use crate::answer::{Answer, AsOf, Definition, QueryError, Valid};
use crate::read_models::ReadModels;
use crate::viewer::{Viewer, Visibility};

/// What the profile shows.
pub const ACTIVITY_PROFILE: Definition = Definition {
    name: "activity_profile",
    version: 1,
    de: "Tätigkeitsprofil (M04): was in einem Zeitraum getan wurde, wie lange und für wen.",
    en: "Activity profile (M04): what was done in a period, for how long and for whom.",
    formula_de: "Je Art: Anzahl der erfassten, nicht stornierten Interventionen, deren Tag im Zeitraum liegt; Summe \
                 ihrer Minuten und erreichten Personen, jeweils in der zuletzt berichtigten Fassung; Anteil = Minuten \
                 der Art durch Minuten aller Arten derselben Gruppe, in Hundertstel Prozent, kaufmännisch gerundet. \
                 Schulform ist die am letzten Tag des Zeitraums; \
                 bei einer Schule, die vorher endete, ihre letzte.",
    formula_en: "By kind: the number of interventions recorded and not voided whose day lies in the period; the sum of \
                 their minutes and of the people reached, each as last corrected; share = minutes of the kind by \
                 minutes of all kinds of the same group, in hundredths of a percent, halves rounded up. The school \
                 form is that of the last day of the period; of a school that ended before, its last.",
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct ActivityQuery {
    /// The days.
    pub period: Period,
    /// As of when.
    pub as_of: AsOf,
    /// Only this district.
    pub district: Option<Ags>,
    /// Only schools that have this form on the last day.
    pub form: Option<String>,
    /// Only what this provider was responsible for.
    pub provider: Option<OrganisationId>,
    /// Only this school.
    pub school: Option<SchoolId>,
    /// Only these kinds; empty is all. Shares stay those among all kinds.
    pub kinds: Vec<Kind>,
    /// What makes a group; without it there is one.
    pub group: Option<Group>,
}

impl ActivityQuery {
    /// Everything of a period as it is known now.
    pub fn of(period: Period) -> Self {
        Self {
            period,
            as_of: AsOf::default(),
            district: None,
            form: None,
            provider: None,
            school: None,
            kinds: Vec::new(),
            group: None,
        }
    }

    pub(crate) fn wanted<'a>(&'a self, visible: &'a Visibility) -> Wanted<'a> {
        Wanted {
            period: self.period,
            known: self.as_of.known,
            group: self.group,
            district: self.district.as_ref().map(Ags::as_str),
            form: self.form.as_deref(),
            provider: self.provider.as_ref().map(OrganisationId::as_str),
            school: self.school.as_ref().map(SchoolId::as_str),
            visible,
        }
    }
}

/// The figures of one kind in one group, or of all kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivityRow {
    /// District, form, provider, school or month, as asked; absent without a group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The kind; absent where all kinds are summed up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Interventions.
    pub count: i64,
    /// Minutes of work.
    pub minutes: i64,
    /// Women and girls reached.
    pub women: i64,
    /// Men and boys reached.
    pub men: i64,
    /// Non-binary people reached.
    pub non_binary: i64,
    /// Share of the group's minutes in basis points (10,000 is all); absent if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share_bp: Option<i64>,
}

/// The profile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ActivityProfile {
    /// By group and kind, in the order of the groups' names and of the list of kinds. Kinds of which
    /// there is nothing are left out.
    pub rows: Vec<ActivityRow>,
    /// All groups and shown kinds together.
    pub total: ActivityRow,
}

impl ReadModels {
    /// M04: what was done in a period. Roles that may see only suppressed figures are denied.
    pub async fn activity_profile(
        &self,
        viewer: &Viewer,
        query: &ActivityQuery,
    ) -> Result<Answer<ActivityProfile>, QueryError> {
        let visible = viewer.scopes(View::Activity)?;
        let asked = self.asked(query.as_of);
        let (stmts, summing) = split(query.wanted(&visible).parts());
        let (position, answers) = asked.fetch(stmts).await?;
        let figures = summing.add_up(&answers)?;

        let mut all = BTreeMap::<&str, i64>::new();
        for ((group, _), sums) in &figures {
            *all.entry(group).or_default() += sums.minutes;
        }
        let shown = |kind: &Kind| query.kinds.is_empty() || query.kinds.contains(kind);
        let (mut rows, mut total) = (Vec::new(), Sums::default());
        for ((group, number), sums) in &figures {
            let kind = *Kind::ALL.get(*number).ok_or_else(|| QueryError::Row(format!("kind {number}")))?;
            if shown(&kind) {
                total += *sums;
                let named = query.group.map(|_| group.clone());
                rows.push(row(named, Some(kind), *sums, all.get(group.as_str()).copied().unwrap_or_default()));
            }
        }
        let total = row(None, None, total, all.values().sum());
        let valid = Valid { on: None, during: Some(query.period) };
        Ok(asked.answer(ActivityProfile { rows, total }, &ACTIVITY_PROFILE, position, valid))
    }
}

fn row(group: Option<String>, kind: Option<Kind>, sums: Sums, all_minutes: i64) -> ActivityRow {
    let Sums { count, minutes, women, men, non_binary } = sums;
    let share_bp = (all_minutes > 0).then(|| (minutes * 20_000 + all_minutes) / (2 * all_minutes));
    ActivityRow { group, kind, count, minutes, women, men, non_binary, share_bp }
}
