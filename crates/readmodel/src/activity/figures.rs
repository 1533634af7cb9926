//! Sums over activity facts: for a period, as of a position, for some places, grouped. What the
//! activity profile and the programme overview are made of.

use std::collections::BTreeMap;

use sfs_domain::intervention::Kind;
use sfs_domain::{BusinessDate, Period};
use sfs_sql::{Row, SqlError, Stmt};

use super::spans::{Month, Span, cut, day_span, first_day, month_name, month_of, spans, spans_of};
use super::{BLOCK, Reach, STATE_UNIT, Sums};
use crate::bitemporal::{STILL_KNOWN, known_at};
use crate::composed::Composed;
use crate::viewer::{PlaceColumns, Visibility};

/// Which of an activity's features make a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// By district (AGS).
    District,
    /// By the form that the school has on the last day of the period.
    Form,
    /// By responsible provider.
    Provider,
    /// By school.
    School,
    /// By month.
    Month,
}

/// What is summed up.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub period: Period,
    /// The last position that counts; `None` is all.
    pub known: Option<u64>,
    pub group: Option<Group>,
    pub district: Option<&'a str>,
    pub form: Option<&'a str>,
    pub provider: Option<&'a str>,
    pub school: Option<&'a str>,
    pub visible: &'a Visibility,
}

/// Where figures come from.
enum Source {
    /// All that is known of a stretch of the calendar.
    Span(Span),
    /// What the blocks before this one know of a month.
    Blocks(Month, u64),
    /// All that is known of these days, of districts and the state only.
    DaySpans(BusinessDate, BusinessDate),
    /// Facts of these days, up to a position if there is one.
    Days(BusinessDate, BusinessDate, Option<u64>),
    /// Facts behind the first and up to the second position, of these days.
    Positions(u64, u64, BusinessDate, BusinessDate),
}

/// A statement whose figures are added `sign` times.
pub(crate) struct Part {
    sign: i64,
    /// The month that all its figures belong to, if it is known beforehand.
    month: Option<Month>,
    /// Whether a group stands in front of each row.
    grouped: bool,
    /// Whether that group is a day.
    by_day: bool,
    stmt: Stmt,
}

/// Figures by group (empty where nothing is grouped) and kind.
pub(crate) type Figures = BTreeMap<(String, usize), Sums>;

impl Wanted<'_> {
    /// The statements whose figures together are the answer.
    pub fn parts(&self) -> Vec<Part> {
        let cut = cut(self.period, true);
        let (first, end) = cut.months;
        let mut parts = Vec::new();
        for (from, to, sign) in cut.edges {
            let days = match (self.known, self.reach()) {
                (None, Reach::State | Reach::District) => Source::DaySpans(from, to),
                (known, _) => Source::Days(from, to, known),
            };
            parts.push(self.part(days, sign, month_of(from)));
        }
        match self.known {
            None if self.group == Some(Group::Month) => {
                parts.extend((first..end).map(|month| self.part(Source::Span(spans_of(month)[0]), 1, month)));
            }
            None => parts.extend(spans((first, end)).into_iter().map(|span| self.part(Source::Span(span), 1, first))),
            Some(_) if first == end => {}
            Some(known) => {
                let complete = known / BLOCK;
                if complete > 0 {
                    parts.extend((first..end).map(|month| self.part(Source::Blocks(month, complete), 1, month)));
                }
                let rest = Source::Positions(complete * BLOCK, known, first_day(first), first_day(end));
                parts.push(self.part(rest, 1, first));
            }
        }
        parts
    }

    fn part(&self, source: Source, sign: i64, month: Month) -> Part {
        let by_month = self.group == Some(Group::Month);
        let by_day = by_month && matches!(source, Source::Positions(..));
        let group = match self.group {
            Some(Group::District) => Some("u.ags"),
            Some(Group::Form) => Some("f.form"),
            Some(Group::Provider) => Some("u.provider"),
            Some(Group::School) => Some("u.school"),
            Some(Group::Month) => by_day.then_some("a.day"),
            None => None,
        };
        let mut stmt = Composed::new("select ");
        if let Some(column) = group {
            stmt.sql(column).sql(", ");
        }
        stmt.sql(
            "a.kind, cast(sum(a.n) as bigint), cast(sum(a.minutes) as bigint), cast(sum(a.women) as bigint), \
             cast(sum(a.men) as bigint), cast(sum(a.non_binary) as bigint) from ",
        );
        self.tables_and_conditions(&mut stmt, &source);
        stmt.sql(" group by ");
        match (self.group, &source) {
            // In the order in which the sums lie, so that nothing has to be sorted; a school with
            // several providers is added up later.
            (Some(Group::School), Source::Span(_) | Source::Blocks(..)) => stmt.sql("u.unit, "),
            _ => stmt.sql(group.unwrap_or_default()).sql(if group.is_some() { ", " } else { "" }),
        };
        stmt.sql("a.kind");
        let month = (by_month && !by_day).then_some(month);
        Part { sign, month, grouped: group.is_some(), by_day, stmt: stmt.stmt() }
    }

    /// How far the units may reach whose sums are the answer.
    fn reach(&self) -> Reach {
        let by_place = matches!(self.group, Some(Group::Form | Group::Provider | Group::School));
        let of_places = self.form.is_some() || self.provider.is_some() || self.school.is_some();
        if by_place || of_places || !self.visible.is_of_districts() {
            Reach::Place
        } else if self.group == Some(Group::District) || self.district.is_some() || !self.visible.is_everything() {
            Reach::District
        } else {
            Reach::State
        }
    }

    /// Adds tables and conditions, from behind `from` on. `cross join` keeps the order in which the
    /// tables are read: few places first where the sums are ordered by place, facts first otherwise.
    fn tables_and_conditions(&self, stmt: &mut Composed, source: &Source) {
        let reach = self.reach();
        let form = self.form.is_some() || self.group == Some(Group::Form);
        let unit = reach != Reach::State;
        let places = match (unit, form) {
            (false, _) => "",
            (true, false) => "unit u",
            (true, true) => "unit u cross join school f",
        };
        let (table, facts, places_first) = match source {
            Source::Span(_) => ("activity_span a", false, true),
            Source::Blocks(..) => ("activity_block a", false, true),
            Source::DaySpans(..) => ("activity_span a", false, false),
            Source::Days(..) | Source::Positions(..) => ("activity_fact a", true, false),
        };
        let (one, other) = if places_first { (places, table) } else { (table, places) };
        let join = if places.is_empty() { "" } else { " cross join " };
        stmt.sql(one).sql(join).sql(other);
        match source {
            Source::Span(span) => stmt.sql(" where a.span = ").int(*span),
            Source::Blocks(month, before) => {
                stmt.sql(" where a.month = ").int(i64::from(*month)).sql(" and a.block < ").int(*before as i64)
            }
            Source::DaySpans(from, to) => {
                stmt.sql(" where a.span >= ").int(day_span(from.days())).sql(" and a.span < ").int(day_span(to.days()))
            }
            Source::Days(from, to, known) => {
                stmt.sql(" where a.day >= ").int(from.days()).sql(" and a.day < ").int(to.days());
                if let Some(known) = known {
                    stmt.sql(" and a.pos <= ").int(*known as i64);
                }
                &mut *stmt
            }
            Source::Positions(after, upto, from, to) => {
                stmt.sql(" where a.pos > ").int(*after as i64).sql(" and a.pos <= ").int(*upto as i64);
                // The sign keeps the index over days, which is of no use here, out of the way.
                stmt.sql(" and +a.day >= ").int(from.days()).sql(" and +a.day < ").int(to.days())
            }
        };
        if unit {
            stmt.sql(" and a.unit = u.unit");
            self.of_places(stmt);
        }
        match (facts, unit) {
            // Facts belong to places.
            (true, _) => {}
            (false, true) => {
                stmt.sql(" and u.reach = ").int(reach as i64);
            }
            (false, false) => {
                stmt.sql(" and a.unit = ").int(STATE_UNIT);
            }
        }
        if form {
            let known = self.known.map_or(STILL_KNOWN - 1, |known| known as i64);
            stmt.sql(" and f.school = u.school");
            known_at(stmt, "f.", known);
            // The form on the last day of the period, or the last one before a school ended: work at
            // a school that closed in between still has a form.
            stmt.sql(" and f.from_day < f.to_day and f.from_day = (select max(g.from_day) from school g");
            stmt.sql(" where g.school = u.school and g.from_day < g.to_day and g.from_day <= ");
            stmt.int(self.period.to.days() - 1);
            known_at(stmt, "g.", known);
            stmt.sql(")");
            if let Some(form) = self.form {
                stmt.sql(" and f.form = ").text(form);
            }
        }
    }

    fn of_places(&self, stmt: &mut Composed) {
        for (column, value) in [("u.ags", self.district), ("u.provider", self.provider), ("u.school", self.school)] {
            if let Some(value) = value {
                stmt.sql(" and ").sql(column).sql(" = ").text(value);
            }
        }
        self.visible.restrict(stmt, PlaceColumns { ags: "u.ags", provider: "u.provider", school: "u.school" });
    }

    /// The facts behind the figures, in the order of their days and positions.
    pub fn facts(&self, kinds: &[Kind], after: Option<(i64, i64)>, limit: usize) -> Stmt {
        let mut stmt = Composed::new("select a.day, a.pos from ");
        self.tables_and_conditions(&mut stmt, &Source::Days(self.period.from, self.period.to, self.known));
        for (n, kind) in kinds.iter().enumerate() {
            stmt.sql(if n == 0 { " and a.kind in (" } else { "," }).int(super::kind_number(*kind));
        }
        stmt.sql(if kinds.is_empty() { "" } else { ")" });
        if let Some((day, pos)) = after {
            stmt.sql(" and (a.day, a.pos) > (").int(day).sql(",").int(pos).sql(")");
        }
        stmt.sql(" order by a.day, a.pos limit ").int(limit as i64);
        stmt.stmt()
    }
}

/// The statements alone, and what adds up their answers.
pub(crate) fn split(parts: Vec<Part>) -> (Vec<Stmt>, Summing) {
    let (mut stmts, mut summing) = (Vec::new(), Vec::new());
    for Part { sign, month, grouped, by_day, stmt } in parts {
        stmts.push(stmt);
        summing.push((sign, month, grouped, by_day));
    }
    (stmts, Summing(summing))
}

/// See [`split`].
pub(crate) struct Summing(Vec<(i64, Option<Month>, bool, bool)>);

impl Summing {
    /// Adds up what the statements answered, in their order.
    pub fn add_up(&self, answers: &[Vec<Row>]) -> Result<Figures, SqlError> {
        let mut figures = Figures::new();
        for ((sign, month, grouped, by_day), rows) in self.0.iter().zip(answers) {
            for row in rows {
                let group = match (month, grouped, by_day) {
                    (Some(month), ..) => month_name(*month),
                    (None, true, true) => {
                        BusinessDate::from_days(row.int(0)?).map(|day| month_name(month_of(day))).unwrap_or_default()
                    }
                    (None, true, false) => row.text(0)?.to_owned(),
                    (None, false, _) => String::new(),
                };
                let at = usize::from(*grouped);
                let sums = Sums {
                    count: row.int(at + 1)?,
                    minutes: row.int(at + 2)?,
                    women: row.int(at + 3)?,
                    men: row.int(at + 4)?,
                    non_binary: row.int(at + 5)?,
                };
                let kind = usize::try_from(row.int(at)?).unwrap_or(usize::MAX);
                *figures.entry((group, kind)).or_default() += sums.times(*sign);
            }
        }
        // What was recorded and voided again leaves nothing to show.
        figures.retain(|_, sums| *sums != Sums::default());
        Ok(figures)
    }
}
