//! M02, school coverage: its question and its answer.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::{Ags, BusinessDate, OrganisationId};
use sfs_sql::{Row, Stmt};

use crate::answer::{Answer, AsOf, Cursor, Definition, PageRequest, QueryError, Valid, cut_page};
use crate::bitemporal::{holds_on, known_at};
use crate::composed::Composed;
use crate::read_models::ReadModels;
use crate::viewer::{PlaceColumns, Viewer, Visibility};

/// What the list shows.
pub const SCHOOL_COVERAGE: Definition = Definition {
    name: "school_coverage",
    version: 1,
    de: "Versorgung (M02): welche Schulen an einem Tag Schulsozialarbeit haben, seit wann, durch wen.",
    en: "School coverage (M02): which schools have school social work on a day, since when, by whom.",
    formula_de: "Alle Schulen, die am Stichtag bestehen. Schulsozialarbeit hat eine Schule mit mindestens einem \
                 geltenden Einsatz; ihr Umfang ist die Summe der Stellenanteile in Tausendstel. Seit: erster Tag des \
                 ersten Einsatzes dieses Trägers an der Schule. Eine Vereinbarung gilt, folgt, ist abgelaufen, vorzeitig \
                 beendet oder fehlt.",
    formula_en: "All schools that exist on the day. A school has social work if at least one assignment is in force; its \
                 extent is the sum of the shares in thousandths. Since: first day of the first assignment of this provider \
                 at the school. An agreement is in force, upcoming, expired, ended early or missing.",
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct CoverageQuery {
    /// The day.
    pub on: BusinessDate,
    /// As of when.
    pub as_of: AsOf,
    /// Only this district.
    pub district: Option<Ags>,
    /// Only this school form (code).
    pub form: Option<String>,
    /// Only schools that cooperate with this provider.
    pub provider: Option<OrganisationId>,
    /// Only schools with (or without) social work.
    pub with_social_work: Option<bool>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl CoverageQuery {
    /// All schools on that day as it is known now.
    pub fn on(on: BusinessDate) -> Self {
        Self {
            on,
            as_of: AsOf::default(),
            district: None,
            form: None,
            provider: None,
            with_social_work: None,
            page: PageRequest::default(),
        }
    }
}

/// How school and provider stand on the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AgreementStatus {
    /// Nothing was signed for any day.
    Proposed,
    /// It begins later.
    Upcoming,
    /// It is in force.
    InForce,
    /// Its last day has passed.
    Expired,
    /// It was ended before its last day.
    EndedEarly,
}

/// A provider at a school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoverageBy {
    /// The provider.
    pub provider: String,
    /// How school and provider stand.
    pub agreement: AgreementStatus,
    /// First day of the agreement that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement_from: Option<BusinessDate>,
    /// First day after it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreement_to: Option<BusinessDate>,
    /// Shares that somebody holds on the day, in thousandths.
    pub fte: i64,
    /// Shares reported vacant on the day, in thousandths.
    pub vacant_fte: i64,
    /// First day of the first assignment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<BusinessDate>,
}

/// A school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SchoolCoverage {
    /// Identifier.
    pub school: String,
    /// Name.
    pub name: String,
    /// Code of its form on the day.
    pub form: String,
    /// District.
    pub district: String,
    /// `public`, `private` or `unknown`.
    pub ownership: String,
    /// How sure the particulars are (`stated`, `inferred`, `historic`); absent if they were decided
    /// here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provenance: Option<String>,
    /// Whether it has social work on the day.
    pub social_work: bool,
    /// Shares that somebody holds on the day, in thousandths.
    pub fte: i64,
    /// The providers that cooperate with it, by identifier.
    pub providers: Vec<CoverageBy>,
}

/// Schools of a district and form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CoverageCount {
    /// District.
    pub district: String,
    /// Code of the school form.
    pub form: String,
    /// Schools.
    pub schools: i64,
    /// Schools with social work.
    pub with_social_work: i64,
    /// Shares that somebody holds, in thousandths.
    pub fte: i64,
}

/// The coverage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Coverage {
    /// A page of schools, by name and identifier.
    pub schools: Vec<SchoolCoverage>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// All that is asked for, by district and form.
    pub counts: Vec<CoverageCount>,
}

const PLACES: PlaceColumns = PlaceColumns { ags: "p.ags", provider: "p.provider", school: "p.school" };

/// What the statements of one question share.
struct Asking<'a> {
    query: &'a CoverageQuery,
    visible: &'a Visibility,
    known: i64,
}

impl Asking<'_> {
    /// Adds `exists (…)`: somebody whom the viewer sees works at the school on the day.
    fn social_work(&self, stmt: &mut Composed) {
        stmt.sql("exists (select 1 from post p where p.school = r.school and p.vacant = 0");
        stmt.sql(" and p.function = 'school_social_worker'");
        known_at(stmt, "p.", self.known);
        holds_on(stmt, "p.", self.query.on.days());
        self.visible.restrict(stmt, PLACES);
        stmt.sql(")");
    }

    /// Adds ` from school r where …` with every filter but the page.
    fn schools(&self, stmt: &mut Composed) {
        stmt.sql(" from school r where 1 = 1");
        known_at(stmt, "r.", self.known);
        holds_on(stmt, "r.", self.query.on.days());
        self.visible.restrict_schools(stmt, self.known);
        if let Some(district) = &self.query.district {
            stmt.sql(" and r.ags = ").text(district.as_str());
        }
        if let Some(form) = &self.query.form {
            stmt.sql(" and r.form = ").text(form);
        }
        if let Some(provider) = &self.query.provider {
            stmt.sql(" and exists (select 1 from cooperation p where p.school = r.school and p.provider = ");
            stmt.text(provider.as_str()).sql(" and p.known_from <= ").int(self.known);
            self.visible.restrict(stmt, PLACES);
            stmt.sql(")");
        }
        if let Some(with) = self.query.with_social_work {
            stmt.sql(if with { " and " } else { " and not " });
            self.social_work(stmt);
        }
    }

    /// Adds the page: which schools, in order.
    fn page(&self, stmt: &mut Composed) -> Result<(), QueryError> {
        self.schools(stmt);
        if let Some(after) = &self.query.page.after {
            let (name, school) = after.pair()?;
            stmt.sql(" and (r.name_key, r.school) > (").text(name).sql(",").text(school).sql(")");
        }
        stmt.sql(" order by r.name_key, r.school limit ").int(self.query.page.limit() as i64 + 1);
        Ok(())
    }

    /// `with page as (…) select <columns> from page r join <table> p on p.school = r.school …`
    fn beside(&self, columns: &'static str, table: &'static str) -> Result<Composed, QueryError> {
        let mut stmt = Composed::new("with page as (select r.school, r.name_key");
        self.page(&mut stmt)?;
        stmt.sql(") select ").sql(columns).sql(" from page r join ").sql(table);
        stmt.sql(" p on p.school = r.school and p.known_from <= ").int(self.known);
        self.visible.restrict(&mut stmt, PLACES);
        Ok(stmt)
    }

    fn statements(&self) -> Result<Vec<Stmt>, QueryError> {
        let day = self.query.on.days();
        let mut schools =
            Composed::new("select r.school, r.name, r.name_key, r.form, r.ags, r.ownership, r.provenance");
        self.page(&mut schools)?;

        let mut cooperations = self.beside("p.school, p.provider", "cooperation")?;
        cooperations.sql(" order by p.school, p.provider");

        let mut agreements = self.beside("p.school, p.provider, p.from_day, p.to_day, p.ended_early", "agreement")?;
        agreements.sql(" and p.known_to > ").int(self.known).sql(" order by p.school, p.provider, p.from_day");

        let mut posts = Composed::new("with page as (select r.school, r.name_key");
        self.page(&mut posts)?;
        posts.sql(") select p.school, p.provider, cast(sum(case when p.vacant = 0 and p.from_day <= ").int(day);
        posts.sql(" and p.to_day > ").int(day).sql(" then p.fte else 0 end) as bigint)");
        posts.sql(", cast(sum(case when p.vacant = 1 and p.from_day <= ").int(day);
        posts.sql(" and p.to_day > ").int(day).sql(" then p.fte else 0 end) as bigint)");
        posts.sql(", min(case when p.vacant = 0 and p.begins_day <= ").int(day).sql(" then p.begins_day end)");
        posts.sql(" from page r join post p on p.school = r.school");
        known_at(&mut posts, "p.", self.known);
        self.visible.restrict(&mut posts, PLACES);
        posts.sql(" group by p.school, p.provider order by p.school, p.provider");

        let mut counts = Composed::new("select q.ags, q.form, count(*), cast(sum(q.covered) as bigint)");
        counts.sql(", cast(sum(q.fte) as bigint) from (select r.ags, r.form, case when ");
        self.social_work(&mut counts);
        counts.sql(" then 1 else 0 end as covered, coalesce((select sum(p.fte) from post p where p.school = r.school");
        counts.sql(" and p.vacant = 0");
        known_at(&mut counts, "p.", self.known);
        holds_on(&mut counts, "p.", day);
        self.visible.restrict(&mut counts, PLACES);
        counts.sql("), 0) as fte");
        self.schools(&mut counts);
        counts.sql(") q group by q.ags, q.form order by q.ags, q.form");
        Ok(vec![schools.stmt(), cooperations.stmt(), agreements.stmt(), posts.stmt(), counts.stmt()])
    }
}

impl ReadModels {
    /// M02: which schools have social work on a day.
    pub async fn school_coverage(
        &self,
        viewer: &Viewer,
        query: &CoverageQuery,
    ) -> Result<Answer<Coverage>, QueryError> {
        let visible = viewer.scopes(View::Coverage)?;
        let asked = self.asked(query.as_of);
        let asking = Asking { query, visible: &visible, known: asked.known() };
        let (position, answers) = asked.fetch(asking.statements()?).await?;
        let [schools, cooperations, agreements, posts, counts] = answers.as_slice() else {
            return Err(QueryError::Row("five answers".into()));
        };
        let mut by_school = providers(cooperations, agreements, posts, query.on.days())?;
        let mut rows = Vec::with_capacity(schools.len());
        for row in schools {
            let id = row.text(0)?.to_owned();
            let mut providers: Vec<CoverageBy> = by_school.remove(&id).unwrap_or_default().into_values().collect();
            providers.sort_by(|one, next| one.provider.cmp(&next.provider));
            let fte = providers.iter().map(|by| by.fte).sum();
            let school = SchoolCoverage {
                name: row.text(1)?.to_owned(),
                form: row.text(3)?.to_owned(),
                district: row.text(4)?.to_owned(),
                ownership: row.text(5)?.to_owned(),
                provenance: Some(row.text(6)?.to_owned()).filter(|status| !status.is_empty()),
                social_work: fte > 0,
                fte,
                providers,
                school: id,
            };
            rows.push((row.text(2)?.to_owned(), school));
        }
        let next = cut_page(&mut rows, query.page.limit(), |(name, school)| {
            Cursor::of([name.as_str(), school.school.as_str()])
        });
        let count = |row: &Row| {
            Ok::<_, QueryError>(CoverageCount {
                district: row.text(0)?.to_owned(),
                form: row.text(1)?.to_owned(),
                schools: row.int(2)?,
                with_social_work: row.int(3)?,
                fte: row.int(4)?,
            })
        };
        let counts = counts.iter().map(count).collect::<Result<_, _>>()?;
        let schools = rows.into_iter().map(|(_, school)| school).collect();
        let valid = Valid { on: Some(query.on), during: None };
        Ok(asked.answer(Coverage { schools, next, counts }, &SCHOOL_COVERAGE, position, valid))
    }
}

type BySchool = BTreeMap<String, BTreeMap<String, CoverageBy>>;

fn providers(cooperations: &[Row], agreements: &[Row], posts: &[Row], today: i64) -> Result<BySchool, QueryError> {
    let mut all = BySchool::new();
    let nothing_signed = |provider: &str| CoverageBy {
        provider: provider.to_owned(),
        agreement: AgreementStatus::Proposed,
        agreement_from: None,
        agreement_to: None,
        fte: 0,
        vacant_fte: 0,
        since: None,
    };
    for row in cooperations {
        let (school, provider) = (row.text(0)?.to_owned(), row.text(1)?);
        all.entry(school).or_default().insert(provider.to_owned(), nothing_signed(provider));
    }
    // In the order of their days: the one in force wins, else the next to come, else the last that was.
    for row in agreements {
        let (from, to, ended_early) = (row.int(2)?, row.int(3)?, row.int(4)? == 1);
        let status = match (from <= today, today < to) {
            (true, true) => AgreementStatus::InForce,
            (false, _) => AgreementStatus::Upcoming,
            (true, false) if ended_early => AgreementStatus::EndedEarly,
            (true, false) => AgreementStatus::Expired,
        };
        let Some(by) = all.get_mut(row.text(0)?).and_then(|school| school.get_mut(row.text(1).ok()?)) else { continue };
        let settled = matches!(by.agreement, AgreementStatus::InForce | AgreementStatus::Upcoming);
        if !settled {
            by.agreement = status;
            by.agreement_from = BusinessDate::from_days(from);
            by.agreement_to = BusinessDate::from_days(to);
        }
    }
    for row in posts {
        let (school, provider) = (row.text(0)?.to_owned(), row.text(1)?);
        let by = all.entry(school).or_default();
        let by = by.entry(provider.to_owned()).or_insert_with(|| nothing_signed(provider));
        by.fte = row.int(2)?;
        by.vacant_fte = row.int(3)?;
        by.since = row.opt_int(4)?.and_then(BusinessDate::from_days);
    }
    Ok(all)
}
