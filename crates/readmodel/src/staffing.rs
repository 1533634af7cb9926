//! M03, staffing: who works where with which share of a position, what is vacant and what ends soon.
//! People appear only under their pseudonyms.

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::staff::{Event as StaffFact, Function, Workplace};
use sfs_domain::vacancy::Event as VacancyFact;
use sfs_domain::{Ags, BusinessDate, Category, ClientKey, Event, Fte, OrganisationId, SchoolId, StaffPseudonym};
use sfs_sql::{Arg, Row, Stmt};

use crate::answer::{Answer, AsOf, Cursor, Definition, PageRequest, QueryError, Valid, cut_page};
use crate::bitemporal::{Change, OPEN_END, STILL_KNOWN, holds_on, known_at};
use crate::composed::Composed;
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::read_models::ReadModels;
use crate::recorded::Recorded;
use crate::viewer::{PlaceColumns, Viewer, Visibility};

/// What the list shows.
pub const STAFFING: Definition = Definition {
    name: "staffing",
    version: 1,
    de: "Personal (M03): besetzte und unbesetzte Stellen an einem Tag.",
    en: "Staffing (M03): positions filled and vacant on a day.",
    formula_de: "Je geltendem Einsatz der Stellenanteil am Stichtag mit Beginn und Ende des ganzen Einsatzes; je offener \
                 Vakanz die Tage seit ihrem Beginn. Geplant = besetzt und unbesetzt. Bald endend: das Ende liegt \
                 höchstens die genannten Tage nach dem Stichtag. Anteile in Tausendstel.",
    formula_en: "For each assignment in force its share on the day, with beginning and end of the whole assignment; for \
                 each open vacancy the days since it began. Planned = filled and vacant. Ending soon: the end lies at \
                 most that many days after the day. Shares in thousandths.",
};

static POSTS: [Table; 1] = [Table {
    name: "post",
    key: &[("id", Column::Text), ("known_from", Column::Int), ("from_day", Column::Int)],
    columns: &[
        "known_to",
        "to_day",
        "vacant",
        "staff",
        "function",
        "ags",
        "provider",
        "school",
        "place_key",
        "fte",
        "begins_day",
        "ends_day",
    ],
    // One row is one share: an assignment whose share changes has several.
    create: "create table post (
        id text not null, known_from integer not null, from_day integer not null, known_to integer not null,
        to_day integer not null, vacant integer not null, staff text not null, function text not null,
        ags text not null, provider text not null, school text not null, place_key text not null,
        fte integer not null, begins_day integer not null, ends_day integer not null,
        primary key (id, known_from, from_day)
    ) strict, without rowid",
    indexes: &["create index post_school on post (school)", "create index post_place on post (place_key, id)"],
}];

/// The projection of assignments and vacancies.
#[derive(Default)]
pub(crate) struct Positions {
    stmts: Vec<Stmt>,
}

impl Projection for Positions {
    fn tables(&self) -> &'static [Table] {
        &POSTS
    }

    fn categories(&self) -> &'static [Category] {
        &[Category::Staff, Category::Vacancy]
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        match &recorded.event {
            Event::Staff(event) => self.fold_staff(recorded, event),
            Event::Vacancy(event) => self.fold_vacancy(recorded, event),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self) -> Vec<Stmt> {
        std::mem::take(&mut self.stmts)
    }
}

impl Positions {
    fn fold_staff(&mut self, recorded: &Recorded, event: &StaffFact) {
        let change = |staff: &StaffPseudonym, assignment: &ClientKey| {
            Change::new(&POSTS[0], recorded.pos(), vec![("id", Arg::Text(assignment_id(staff, assignment)))])
        };
        match event {
            StaffFact::Assigned { staff, assignment, function, workplace, fte, period } => {
                let days = (period.from.days(), period.to.days());
                let id = assignment_id(staff, assignment);
                self.begin(recorded, id, Some(staff), *function, workplace, *fte, days);
            }
            StaffFact::FteChanged { staff, assignment, fte, from } => {
                let share = [("fte", Arg::Int(i64::from(fte.get())))];
                self.stmts.extend(change(staff, assignment).turn(from.days(), &share));
            }
            StaffFact::AssignmentEnded { staff, assignment, on } => {
                let (change, day) = (change(staff, assignment), on.days());
                let end = ("ends_day", Arg::Int(day));
                self.stmts.push(change.copy(std::slice::from_ref(&end), &[("to_day <= ", day)]));
                let cut = [("to_day", Arg::Int(day)), end];
                self.stmts.push(change.copy(&cut, &[("from_day < ", day), ("to_day > ", day)]));
                self.stmts.push(change.close(&[]));
            }
            // What somebody has been trained for stands in the register.
            StaffFact::QualificationConfirmed { .. } => {}
        }
    }

    fn fold_vacancy(&mut self, recorded: &Recorded, event: &VacancyFact) {
        match event {
            VacancyFact::Reported { vacancy, workplace, function, fte, from } => {
                let days = (from.days(), OPEN_END);
                self.begin(recorded, vacancy.to_string(), None, *function, workplace, *fte, days);
            }
            VacancyFact::Filled { vacancy, on, .. } | VacancyFact::Withdrawn { vacancy, on } => {
                let key = vec![("id", Arg::Text(vacancy.to_string()))];
                self.stmts.extend(Change::new(&POSTS[0], recorded.pos(), key).cut(on.days(), &[]));
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one argument for each column that the two events have in common")]
    fn begin(
        &mut self,
        recorded: &Recorded,
        id: String,
        staff: Option<&StaffPseudonym>,
        function: Function,
        workplace: &Workplace,
        fte: Fte,
        (from, to): (i64, i64),
    ) {
        let (ags, provider) = (recorded.place.ags.as_str(), recorded.place.provider.as_ref());
        let school = match workplace {
            Workplace::School { school, .. } => school.as_str(),
            Workplace::Office { .. } => "",
        };
        self.stmts.push(
            Stmt::new(
                "insert into post (id, known_from, from_day, known_to, to_day, vacant, staff, function, ags, provider, \
                 school, place_key, fte, begins_day, ends_day) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
            )
            .text(id)
            .int(recorded.pos())
            .int(from)
            .int(STILL_KNOWN)
            .int(to)
            .int(i64::from(staff.is_none()))
            .text(staff.map_or(String::new(), ToString::to_string))
            .text(function.code())
            .text(ags)
            .text(provider.map_or("", OrganisationId::as_str))
            .text(school)
            .text(format!("{ags}/{school}"))
            .int(i64::from(fte.get()))
            .int(from)
            .int(to),
        );
    }
}

/// An assignment's key is unique to its person.
fn assignment_id(staff: &StaffPseudonym, assignment: &ClientKey) -> String {
    format!("{staff}/{assignment}")
}

/// Which positions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Occupancy {
    /// All.
    #[default]
    All,
    /// Those that somebody holds.
    Filled,
    /// Those that nobody holds.
    Vacant,
}

/// What is asked.
#[derive(Debug, Clone)]
pub struct StaffingQuery {
    /// The day.
    pub on: BusinessDate,
    /// As of when.
    pub as_of: AsOf,
    /// Only this district.
    pub district: Option<Ags>,
    /// Only this provider.
    pub provider: Option<OrganisationId>,
    /// Only this school.
    pub school: Option<SchoolId>,
    /// Only this function.
    pub function: Option<Function>,
    /// Filled or vacant.
    pub occupancy: Occupancy,
    /// Only assignments that end at most that many days after the day.
    pub ending_within_days: Option<u32>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl StaffingQuery {
    /// Everything on that day as it is known now.
    pub fn on(on: BusinessDate) -> Self {
        Self {
            on,
            as_of: AsOf::default(),
            district: None,
            provider: None,
            school: None,
            function: None,
            occupancy: Occupancy::All,
            ending_within_days: None,
            page: PageRequest::default(),
        }
    }

    fn rows(&self, stmt: &mut Composed, visible: &Visibility, known: i64) {
        stmt.sql(" from post r where 1 = 1");
        known_at(stmt, "r.", known);
        holds_on(stmt, "r.", self.on.days());
        visible.restrict(stmt, PlaceColumns { ags: "r.ags", provider: "r.provider", school: "r.school" });
        for (column, value) in [
            ("r.ags", self.district.as_ref().map(Ags::as_str)),
            ("r.provider", self.provider.as_ref().map(OrganisationId::as_str)),
            ("r.school", self.school.as_ref().map(SchoolId::as_str)),
            ("r.function", self.function.map(Function::code)),
        ] {
            if let Some(value) = value {
                stmt.sql(" and ").sql(column).sql(" = ").text(value);
            }
        }
        match self.occupancy {
            Occupancy::All => &mut *stmt,
            Occupancy::Filled => stmt.sql(" and r.vacant = 0"),
            Occupancy::Vacant => stmt.sql(" and r.vacant = 1"),
        };
        if let Some(days) = self.ending_within_days {
            stmt.sql(" and r.vacant = 0 and r.ends_day <= ").int(self.on.days() + i64::from(days));
        }
    }
}

/// A position on the day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Post {
    /// The member of staff who holds it; absent if it is vacant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub staff: Option<String>,
    /// The key of the assignment, or of the vacancy.
    pub key: String,
    /// What is done.
    pub function: String,
    /// District.
    pub district: String,
    /// School; absent if it is in the network office.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school: Option<String>,
    /// Responsible provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Share of a full position on the day, in thousandths.
    pub fte: i64,
    /// First day of the assignment, or first vacant day.
    pub from: BusinessDate,
    /// First day after the assignment; absent if it is vacant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<BusinessDate>,
    /// Days until the assignment ends, counted from the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// Days for which it has been vacant on the day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub days_vacant: Option<i64>,
}

/// A district's positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StaffingTotal {
    /// District.
    pub district: String,
    /// Assignments.
    pub assignments: i64,
    /// Vacancies.
    pub vacancies: i64,
    /// Shares filled and vacant, in thousandths.
    pub planned_fte: i64,
    /// Shares filled, in thousandths.
    pub filled_fte: i64,
    /// Days for which the vacancies have been vacant, all together.
    pub days_vacant: i64,
}

/// The staffing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Staffing {
    /// A page of positions, by district, school and key.
    pub posts: Vec<Post>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// All that is asked for, by district.
    pub districts: Vec<StaffingTotal>,
}

impl ReadModels {
    /// M03: positions filled and vacant on a day.
    pub async fn staffing(&self, viewer: &Viewer, query: &StaffingQuery) -> Result<Answer<Staffing>, QueryError> {
        let visible = viewer.scopes(View::Staffing)?;
        let asked = self.asked(query.as_of);
        let (known, limit, today) = (asked.known(), query.page.limit(), query.on.days());
        let mut page = Composed::new(
            "select r.place_key, r.id, r.vacant, r.staff, r.function, r.ags, r.school, r.provider, r.fte, \
             r.begins_day, r.ends_day",
        );
        query.rows(&mut page, &visible, known);
        if let Some(after) = &query.page.after {
            let (place, id) = after.pair()?;
            page.sql(" and (r.place_key, r.id) > (").text(place).sql(",").text(id).sql(")");
        }
        page.sql(" order by r.place_key, r.id limit ").int(limit as i64 + 1);
        let mut totals = Composed::new(
            "select r.ags, cast(sum(1 - r.vacant) as bigint), cast(sum(r.vacant) as bigint), \
             cast(sum(r.fte) as bigint), cast(sum(r.fte * (1 - r.vacant)) as bigint), cast(sum(r.vacant * (",
        );
        totals.int(today).sql(" - r.begins_day)) as bigint)");
        query.rows(&mut totals, &visible, known);
        totals.sql(" group by r.ags order by r.ags");
        let (position, answers) = asked.fetch(vec![page.stmt(), totals.stmt()]).await?;

        let mut rows: Vec<(Cursor, Post)> = answers[0].iter().map(|row| post(row, today)).collect::<Result<_, _>>()?;
        let next = cut_page(&mut rows, limit, |(cursor, _)| cursor.clone());
        let total = |row: &Row| {
            Ok::<_, QueryError>(StaffingTotal {
                district: row.text(0)?.to_owned(),
                assignments: row.int(1)?,
                vacancies: row.int(2)?,
                planned_fte: row.int(3)?,
                filled_fte: row.int(4)?,
                days_vacant: row.int(5)?,
            })
        };
        let districts = answers[1].iter().map(total).collect::<Result<_, _>>()?;
        let posts = rows.into_iter().map(|(_, post)| post).collect();
        let valid = Valid { on: Some(query.on), during: None };
        Ok(asked.answer(Staffing { posts, next, districts }, &STAFFING, position, valid))
    }
}

fn post(row: &Row, today: i64) -> Result<(Cursor, Post), QueryError> {
    let some = |column| Ok::<_, QueryError>(Some(row.text(column)?.to_owned()).filter(|text| !text.is_empty()));
    let day = |days| BusinessDate::from_days(days).ok_or_else(|| QueryError::Row(format!("day {days}")));
    let (id, vacant) = (row.text(1)?, row.int(2)? == 1);
    let (begins, ends) = (row.int(9)?, row.int(10)?);
    let key = if vacant { id } else { id.rsplit('/').next().unwrap_or(id) };
    let post = Post {
        staff: some(3)?,
        key: key.to_owned(),
        function: row.text(4)?.to_owned(),
        district: row.text(5)?.to_owned(),
        school: some(6)?,
        provider: some(7)?,
        fte: row.int(8)?,
        from: day(begins)?,
        to: if vacant { None } else { Some(day(ends)?) },
        days_left: (!vacant).then_some(ends - today),
        days_vacant: vacant.then_some(today - begins),
    };
    Ok((Cursor::of([row.text(0)?, id]), post))
}
