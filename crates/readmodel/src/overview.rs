//! M01, programme overview: how the programme is doing on a day and in a period, by district. The
//! network offices are its own rows; everything else it counts in those of its neighbours.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::intervention::Kind;
use sfs_domain::network_office::Event as Fact;
use sfs_domain::{BusinessDate, Category, Event, Period};
use sfs_sql::{Arg, Row, SqlError, Stmt};

use crate::activity::figures::{Group, Wanted, split};
use crate::answer::{Answer, AsOf, Definition, QueryError, Valid};
use crate::bitemporal::{ALWAYS, Change, OPEN_END, STILL_KNOWN, holds_on, known_at};
use crate::composed::Composed;
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::read_models::ReadModels;
use crate::recorded::Recorded;
use crate::viewer::{PlaceColumns, Viewer, Visibility};

/// What the overview shows.
pub const PROGRAMME_OVERVIEW: Definition = Definition {
    name: "programme_overview",
    version: 1,
    de: "Programmübersicht (M01): Stand an einem Tag und Geschehen in einem Zeitraum, je Landkreis.",
    en: "Programme overview (M01): the state on a day and what happened in a period, by district.",
    formula_de: "Am Stichtag: registrierte und bestehende Schulen; Schulen mit mindestens einem geltenden Einsatz der \
                 Schulsozialarbeit; geltende Netzwerkstellen und Kooperationsvereinbarungen; besetzte Stellen = Summe \
                 der Stellenanteile aller Einsätze, geplante Stellen = besetzte und gemeldete unbesetzte, in Tausendstel. \
                 Im Zeitraum: durchgeführte Fortbildungen; Interventionen, die Menschen erreichen, und ihre Minuten; \
                 Minuten der Vorbereitung, Dokumentation, Fahrt und eigenen Fortbildung.",
    formula_en: "On the day: schools registered and existing; schools with at least one assignment of school social work \
                 in force; network offices and cooperation agreements in force; positions filled = sum of the shares of \
                 all assignments, positions planned = filled and reported vacant, in thousandths. In the period: \
                 trainings held; interventions that reach people and their minutes; minutes of preparation, \
                 documentation, travel and own training.",
};

static OFFICES: [Table; 1] = [Table {
    name: "office",
    key: &[("ags", Column::Text), ("known_from", Column::Int), ("from_day", Column::Int)],
    columns: &["known_to", "to_day", "provider", "name", "provenance"],
    create: "create table office (
        ags text not null, known_from integer not null, from_day integer not null, known_to integer not null,
        to_day integer not null, provider text not null, name text not null, provenance text not null,
        primary key (ags, known_from, from_day)
    ) strict, without rowid",
    indexes: &[],
}];

/// The projection of network offices.
#[derive(Default)]
pub(crate) struct Offices {
    stmts: Vec<Stmt>,
}

impl Projection for Offices {
    fn tables(&self) -> &'static [Table] {
        &OFFICES
    }

    fn categories(&self) -> &'static [Category] {
        &[Category::NetworkOffice]
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        let Event::NetworkOffice(event) = &recorded.event else { return Ok(()) };
        let change = |district: &sfs_domain::Ags| {
            Change::new(&OFFICES[0], recorded.pos(), vec![("ags", Arg::Text(district.as_str().to_owned()))])
        };
        match event {
            Fact::Established { district, name, provider, from, provenance, .. } => self.stmts.push(
                Stmt::new(
                    "insert into office (ags, known_from, from_day, known_to, to_day, provider, name, provenance) \
                     values ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .text(district.as_str())
                .int(recorded.pos())
                .int(from.days())
                .int(STILL_KNOWN)
                .int(OPEN_END)
                .text(provider.as_str())
                .text(name.as_str())
                .text(crate::coverage::provenance_code(provenance.as_ref())),
            ),
            Fact::ProviderChanged { district, provider, from } => {
                let now = [("provider", Arg::Text(provider.as_str().to_owned()))];
                self.stmts.extend(change(district).turn(from.days(), &now));
            }
            Fact::Closed { district, on } => self.stmts.extend(change(district).cut(on.days(), &[])),
            // Where an office can be visited stands in the register.
            Fact::SiteAdded { .. } => {}
        }
        Ok(())
    }

    fn write(&mut self) -> Vec<Stmt> {
        std::mem::take(&mut self.stmts)
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct OverviewQuery {
    /// The day of what holds.
    pub on: BusinessDate,
    /// The days of what happened.
    pub during: Period,
    /// As of when.
    pub as_of: AsOf,
}

/// The figures of a district or of all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OverviewFigures {
    /// Schools that are registered, existing or not.
    pub schools_known: i64,
    /// Schools that exist on the day.
    pub schools_open: i64,
    /// Schools with school social work on the day.
    pub schools_with_social_work: i64,
    /// Network offices on the day.
    pub offices_active: i64,
    /// Positions on the day, filled or reported vacant, in thousandths of a full position.
    pub positions_planned_fte: i64,
    /// Positions that somebody holds on the day, in thousandths of a full position.
    pub positions_filled_fte: i64,
    /// Cooperation agreements in force on the day.
    pub agreements_active: i64,
    /// Trainings held in the period.
    pub trainings_held: i64,
    /// Interventions in the period that reach people.
    pub activities: i64,
    /// Their minutes.
    pub activity_minutes: i64,
    /// Minutes of indirect work in the period.
    pub indirect_minutes: i64,
}

impl AddAssign for OverviewFigures {
    fn add_assign(&mut self, other: Self) {
        self.schools_known += other.schools_known;
        self.schools_open += other.schools_open;
        self.schools_with_social_work += other.schools_with_social_work;
        self.offices_active += other.offices_active;
        self.positions_planned_fte += other.positions_planned_fte;
        self.positions_filled_fte += other.positions_filled_fte;
        self.agreements_active += other.agreements_active;
        self.trainings_held += other.trainings_held;
        self.activities += other.activities;
        self.activity_minutes += other.activity_minutes;
        self.indirect_minutes += other.indirect_minutes;
    }
}

/// A district's figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DistrictOverview {
    /// The district's AGS; `15` for what concerns the whole state.
    pub district: String,
    /// Its figures.
    #[serde(flatten)]
    pub figures: OverviewFigures,
}

/// The overview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overview {
    /// By district, in the order of the AGS; districts of which there is nothing are left out.
    pub districts: Vec<DistrictOverview>,
    /// All that the viewer sees.
    pub total: OverviewFigures,
}

/// A figure that is counted in rows with two times, and so can be led back to events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OverviewFigure {
    /// Schools registered.
    SchoolsKnown,
    /// Schools existing.
    SchoolsOpen,
    /// Schools with school social work: the assignments that make them so.
    SchoolsWithSocialWork,
    /// Network offices.
    OfficesActive,
    /// Positions filled or reported vacant.
    PositionsPlanned,
    /// Positions filled.
    PositionsFilled,
    /// Cooperation agreements.
    AgreementsActive,
    /// Trainings held.
    TrainingsHeld,
}

impl OverviewFigure {
    /// Adds the tables and conditions of the rows that are counted, from behind `from` on; the rows'
    /// alias is `r`.
    pub(crate) fn rows(self, stmt: &mut Composed, query: &OverviewQuery, visible: &Visibility, known: i64) {
        let table = match self {
            Self::SchoolsKnown | Self::SchoolsOpen => "school r where 1 = 1",
            Self::SchoolsWithSocialWork => "post r where r.vacant = 0 and r.function = 'school_social_worker'",
            Self::OfficesActive => "office r where 1 = 1",
            Self::PositionsPlanned => "post r where 1 = 1",
            Self::PositionsFilled => "post r where r.vacant = 0",
            Self::AgreementsActive => "agreement r where 1 = 1",
            Self::TrainingsHeld => "training r where r.status = 'held'",
        };
        stmt.sql(table);
        known_at(stmt, "r.", known);
        match self {
            // Every school has one row that reaches back for ever.
            Self::SchoolsKnown => {
                stmt.sql(" and r.from_day = ").int(ALWAYS);
            }
            Self::TrainingsHeld => {
                stmt.sql(" and r.day >= ").int(query.during.from.days());
                stmt.sql(" and r.day < ").int(query.during.to.days());
            }
            _ => holds_on(stmt, "r.", query.on.days()),
        }
        let places = PlaceColumns { ags: "r.ags", provider: "r.provider", school: "r.school" };
        match self {
            Self::SchoolsKnown | Self::SchoolsOpen => visible.restrict_schools(stmt, known),
            Self::OfficesActive => visible.restrict(stmt, PlaceColumns { school: "''", ..places }),
            Self::TrainingsHeld => {
                visible.restrict_or_state(stmt, PlaceColumns { provider: "''", school: "''", ..places });
            }
            _ => visible.restrict(stmt, places),
        }
    }

    fn by_district(self, query: &OverviewQuery, visible: &Visibility, known: i64) -> Stmt {
        let mut stmt = Composed::new("select r.ags, ");
        stmt.sql(match self {
            Self::SchoolsWithSocialWork => "count(distinct r.school)",
            Self::PositionsPlanned | Self::PositionsFilled => "cast(sum(r.fte) as bigint)",
            _ => "count(*)",
        });
        stmt.sql(" from ");
        self.rows(&mut stmt, query, visible, known);
        stmt.sql(" group by r.ags");
        stmt.stmt()
    }

    fn set(self, figures: &mut OverviewFigures, value: i64) {
        match self {
            Self::SchoolsKnown => figures.schools_known = value,
            Self::SchoolsOpen => figures.schools_open = value,
            Self::SchoolsWithSocialWork => figures.schools_with_social_work = value,
            Self::OfficesActive => figures.offices_active = value,
            Self::PositionsPlanned => figures.positions_planned_fte = value,
            Self::PositionsFilled => figures.positions_filled_fte = value,
            Self::AgreementsActive => figures.agreements_active = value,
            Self::TrainingsHeld => figures.trainings_held = value,
        }
    }

    const ALL: [Self; 8] = [
        Self::SchoolsKnown,
        Self::SchoolsOpen,
        Self::SchoolsWithSocialWork,
        Self::OfficesActive,
        Self::PositionsPlanned,
        Self::PositionsFilled,
        Self::AgreementsActive,
        Self::TrainingsHeld,
    ];
}

/// The activities of a period by district, as the overview counts them.
pub(crate) fn activities<'a>(query: &OverviewQuery, visible: &'a Visibility) -> Wanted<'a> {
    Wanted {
        period: query.during,
        known: query.as_of.known,
        group: Some(Group::District),
        district: None,
        form: None,
        provider: None,
        school: None,
        visible,
    }
}

impl ReadModels {
    /// M01: how the programme is doing.
    pub async fn programme_overview(
        &self,
        viewer: &Viewer,
        query: &OverviewQuery,
    ) -> Result<Answer<Overview>, QueryError> {
        let visible = viewer.scopes(View::Overview)?;
        let asked = self.asked(query.as_of);
        let known = asked.known();
        let mut stmts: Vec<Stmt> =
            OverviewFigure::ALL.iter().map(|figure| figure.by_district(query, &visible, known)).collect();
        let (more, summing) = split(activities(query, &visible).parts());
        stmts.extend(more);
        let (position, answers) = asked.fetch(stmts).await?;

        let mut districts = BTreeMap::<String, OverviewFigures>::new();
        for (figure, rows) in OverviewFigure::ALL.iter().zip(&answers) {
            for row in rows {
                let (district, value) = counted(row)?;
                figure.set(districts.entry(district).or_default(), value);
            }
        }
        for ((district, kind), sums) in summing.add_up(&answers[OverviewFigure::ALL.len()..])? {
            let figures = districts.entry(district).or_default();
            if Kind::ALL.get(kind).is_some_and(|kind| kind.is_direct()) {
                figures.activities += sums.count;
                figures.activity_minutes += sums.minutes;
            } else {
                figures.indirect_minutes += sums.minutes;
            }
        }
        let mut total = OverviewFigures::default();
        districts.values().for_each(|figures| total += *figures);
        let districts =
            districts.into_iter().map(|(district, figures)| DistrictOverview { district, figures }).collect();
        let valid = Valid { on: Some(query.on), during: Some(query.during) };
        Ok(asked.answer(Overview { districts, total }, &PROGRAMME_OVERVIEW, position, valid))
    }
}

fn counted(row: &Row) -> Result<(String, i64), SqlError> {
    Ok((row.text(0)?.to_owned(), row.int(1)?))
}
