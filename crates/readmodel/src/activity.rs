//! M04, activity profile: what is done, how much, for whom. The rows and their projection.
//!
//! Every event is one narrow signed fact, so any figure as of any position is a sum over facts. Two
//! sets of sums shorten that: by stretch of the calendar for what is known now, by month and block of
//! positions for what was known before. A place is a small number in all three; in the sums the
//! districts and the state have numbers of their own, since most questions ask no closer.

pub(crate) mod figures;
pub(crate) mod profile;
pub(crate) mod spans;

use std::collections::HashMap;
use std::ops::AddAssign;
use std::sync::Arc;

use sfs_domain::intervention::{Event as Fact, Kind};
use sfs_domain::{Ags, BusinessDate, Category, Event, Headcount, Minutes, Place};
use sfs_eventlog::BoxFuture;
use sfs_sql::{SqlError, Stmt, Writer};

use crate::composed::Rows;
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::recorded::Recorded;
use spans::{Month, Span, day_span, month_of, spans_of};

/// Positions whose facts are summed up together: block `n` ends with position `(n + 1) × BLOCK`. Tests
/// have few events and many blocks.
pub(crate) const BLOCK: u64 = if cfg!(test) { 16 } else { 65_536 };

/// The block of a position.
pub(crate) const fn block_of(position: u64) -> u64 {
    (position - 1) / BLOCK
}

/// The stored number of a kind of work.
pub(crate) fn kind_number(kind: Kind) -> i64 {
    kind as i64
}

/// Signed figures of one or many interventions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
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
}

impl Sums {
    fn of(count: i64, minutes: Minutes, headcount: Headcount) -> Self {
        Self {
            count,
            minutes: i64::from(minutes.get()),
            women: i64::from(headcount.women.get()),
            men: i64::from(headcount.men.get()),
            non_binary: i64::from(headcount.non_binary.get()),
        }
    }

    /// The same figures, `sign` times.
    pub fn times(self, sign: i64) -> Self {
        Self {
            count: self.count * sign,
            minutes: self.minutes * sign,
            women: self.women * sign,
            men: self.men * sign,
            non_binary: self.non_binary * sign,
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.count += other.count;
        self.minutes += other.minutes;
        self.women += other.women;
        self.men += other.men;
        self.non_binary += other.non_binary;
    }
}

const TABLES: &[Table] = &[
    Table {
        name: "unit",
        key: &[("unit", Column::Int)],
        columns: &["reach", "ags", "school", "provider"],
        create: "create table unit (
            unit integer primary key, reach integer not null, ags text not null, school text not null,
            provider text not null
        ) strict",
        indexes: &[],
    },
    Table {
        name: "activity_fact",
        key: &[("day", Column::Int), ("pos", Column::Int)],
        columns: &["unit", "kind", "n", "minutes", "women", "men", "non_binary"],
        create: "create table activity_fact (
            day integer not null, pos integer not null, unit integer not null, kind integer not null,
            n integer not null, minutes integer not null, women integer not null, men integer not null,
            non_binary integer not null, primary key (day, pos)
        ) strict, without rowid;
        create index activity_fact_pos on activity_fact (pos)",
        // Positions only grow, so the index costs little from the beginning; made last, it would need
        // room to sort all facts.
        indexes: &[],
    },
    Table {
        name: "activity_span",
        key: &[("span", Column::Int), ("unit", Column::Int), ("kind", Column::Int)],
        columns: &["n", "minutes", "women", "men", "non_binary"],
        create: "create table activity_span (
            span integer not null, unit integer not null, kind integer not null,
            n integer not null, minutes integer not null, women integer not null, men integer not null,
            non_binary integer not null, primary key (span, unit, kind)
        ) strict, without rowid",
        indexes: &[],
    },
    Table {
        name: "activity_block",
        key: &[("month", Column::Int), ("unit", Column::Int), ("kind", Column::Int), ("block", Column::Int)],
        columns: &["n", "minutes", "women", "men", "non_binary"],
        create: "create table activity_block (
            month integer not null, unit integer not null, kind integer not null, block integer not null,
            n integer not null, minutes integer not null, women integer not null, men integer not null,
            non_binary integer not null, primary key (month, unit, kind, block)
        ) strict, without rowid",
        indexes: &[],
    },
];

/// How much a unit stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reach {
    /// Everything.
    State = 0,
    /// A district.
    District = 1,
    /// A school with a responsible provider.
    Place = 2,
}

/// The unit of the whole state.
pub(crate) const STATE_UNIT: i64 = 1;

/// A month's sums of one kind in one unit within one block.
type Cell = (Month, i64, i64, u64);

/// The projection.
pub(crate) struct Activities {
    /// Units of schools with their providers, and the units of their districts.
    units: HashMap<Arc<Place>, (i64, i64)>,
    districts: HashMap<Ags, i64>,
    /// Units so far.
    known: i64,
    new_units: Vec<(i64, Reach, Arc<Place>)>,
    facts: Vec<[i64; 9]>,
    /// With the unit of the place's district.
    cells: HashMap<Cell, (i64, Sums)>,
    /// By day, unit of the district and kind.
    days: HashMap<(i64, i64, i64), Sums>,
    insert_facts: Rows,
    add_spans: Rows,
    add_blocks: Rows,
}

impl Activities {
    /// Without anything remembered.
    pub fn new() -> Self {
        Self {
            units: HashMap::new(),
            districts: HashMap::new(),
            known: 0,
            new_units: Vec::new(),
            facts: Vec::new(),
            cells: HashMap::new(),
            days: HashMap::new(),
            insert_facts: Rows::new(
                "insert into activity_fact (day, pos, unit, kind, n, minutes, women, men, non_binary) values",
                9,
                "",
            ),
            add_spans: Rows::new(
                "insert into activity_span (span, unit, kind, n, minutes, women, men, non_binary) values",
                8,
                "on conflict (span, unit, kind) do update set n = activity_span.n + excluded.n, \
                 minutes = activity_span.minutes + excluded.minutes, women = activity_span.women + excluded.women, \
                 men = activity_span.men + excluded.men, non_binary = activity_span.non_binary + excluded.non_binary",
            ),
            add_blocks: Rows::new(
                "insert into activity_block (month, unit, kind, block, n, minutes, women, men, non_binary) values",
                9,
                "on conflict (month, unit, kind, block) do update set n = activity_block.n + excluded.n, \
                 minutes = activity_block.minutes + excluded.minutes, women = activity_block.women + excluded.women, \
                 men = activity_block.men + excluded.men, non_binary = activity_block.non_binary + excluded.non_binary",
            ),
        }
    }

    /// The numbers of a place and of its district: counted up in the order of the log, so every
    /// rebuild gives the same.
    fn units(&mut self, place: &Arc<Place>) -> (i64, i64) {
        if let Some(known) = self.units.get(place) {
            return *known;
        }
        if self.known == 0 {
            self.add_unit(Reach::State, Arc::new(Place::state()));
        }
        let district = match self.districts.get(&place.ags) {
            Some(known) => *known,
            None => {
                let district = self.add_unit(Reach::District, Arc::new(Place::district(place.ags.clone())));
                self.districts.insert(place.ags.clone(), district);
                district
            }
        };
        let units = (self.add_unit(Reach::Place, Arc::clone(place)), district);
        self.units.insert(Arc::clone(place), units);
        units
    }

    fn add_unit(&mut self, reach: Reach, place: Arc<Place>) -> i64 {
        self.known += 1;
        self.new_units.push((self.known, reach, place));
        self.known
    }

    fn take_facts(&mut self, into: &mut Vec<Stmt>) {
        for (unit, reach, place) in self.new_units.drain(..) {
            into.push(
                Stmt::new("insert into unit (unit, reach, ags, school, provider) values ($1, $2, $3, $4, $5)")
                    .int(unit)
                    .int(reach as i64)
                    .text(place.ags.as_str())
                    .text(place.school.as_ref().map_or("", |school| school.as_str()))
                    .text(place.provider.as_ref().map_or("", |provider| provider.as_str())),
            );
        }
        self.insert_facts.statements(&self.facts, into);
        self.facts.clear();
    }
}

impl Projection for Activities {
    fn tables(&self) -> &'static [Table] {
        TABLES
    }

    fn categories(&self) -> &'static [Category] {
        &[Category::Intervention]
    }

    fn load<'a>(&'a mut self, tables: &'a mut Writer) -> BoxFuture<'a, Result<(), SqlError>> {
        Box::pin(async {
            let known = Stmt::new("select unit, reach, ags, school, provider from unit order by reach, unit");
            for row in tables.fetch_all(known).await? {
                let (unit, reach) = (row.int(0)?, row.int(1)?);
                self.known += 1;
                let Some(place) = place_of(row.text(2)?, row.text(3)?, row.text(4)?) else { continue };
                if reach == Reach::District as i64 {
                    self.districts.insert(place.ags, unit);
                } else if let Some(district) = self.districts.get(&place.ags).filter(|_| reach == Reach::Place as i64) {
                    self.units.insert(Arc::new(place), (unit, *district));
                }
            }
            Ok(())
        })
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        let Event::Intervention(event) = &recorded.event else { return Ok(()) };
        let (day, kind, change) = signed(event, recorded.occurred_on);
        let (unit, district) = self.units(&recorded.place);
        let kind = kind_number(kind);
        self.facts.push([
            day.days(),
            recorded.pos(),
            unit,
            kind,
            change.count,
            change.minutes,
            change.women,
            change.men,
            change.non_binary,
        ]);
        let cell = (month_of(day), unit, kind, block_of(recorded.position));
        self.cells.entry(cell).or_insert((district, Sums::default())).1 += change;
        *self.days.entry((day.days(), district, kind)).or_default() += change;
        Ok(())
    }

    fn spill(&mut self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        self.take_facts(&mut stmts);
        stmts
    }

    fn write(&mut self) -> Vec<Stmt> {
        let mut stmts = Vec::new();
        self.take_facts(&mut stmts);
        let mut cells: HashMap<Cell, Sums> = HashMap::with_capacity(self.cells.len() * 2);
        for ((month, unit, kind, block), (district, sums)) in self.cells.drain() {
            for unit in [unit, district, STATE_UNIT] {
                *cells.entry((month, unit, kind, block)).or_default() += sums;
            }
        }
        let mut spans: HashMap<(Span, i64, i64), Sums> = HashMap::with_capacity(cells.len() * 3);
        for ((day, district, kind), sums) in self.days.drain() {
            for unit in [district, STATE_UNIT] {
                *spans.entry((day_span(day), unit, kind)).or_default() += sums;
            }
        }
        let mut blocks = Vec::with_capacity(cells.len());
        for ((month, unit, kind, block), sums) in cells {
            for span in spans_of(month) {
                *spans.entry((span, unit, kind)).or_default() += sums;
            }
            let Sums { count, minutes, women, men, non_binary } = sums;
            blocks.push([i64::from(month), unit, kind, block as i64, count, minutes, women, men, non_binary]);
        }
        let mut spans: Vec<[i64; 8]> = spans
            .into_iter()
            .map(|((span, unit, kind), sums)| {
                let Sums { count, minutes, women, men, non_binary } = sums;
                [span, unit, kind, count, minutes, women, men, non_binary]
            })
            .collect();
        // In the order of the tables: neighbours lie on one page.
        spans.sort_unstable();
        blocks.sort_unstable();
        self.add_spans.statements(&spans, &mut stmts);
        self.add_blocks.statements(&blocks, &mut stmts);
        stmts
    }
}

/// The day whose figures an event changes, the kind, and by what.
fn signed(event: &Fact, occurred_on: BusinessDate) -> (BusinessDate, Kind, Sums) {
    match event {
        Fact::Recorded { minutes, work, .. } => (occurred_on, work.kind(), Sums::of(1, *minutes, work.headcount())),
        Fact::Corrected { day, minutes, work, before, .. } => {
            let mut change = Sums::of(0, *minutes, work.headcount());
            change += Sums::of(0, before.minutes, before.headcount).times(-1);
            (*day, work.kind(), change)
        }
        Fact::Voided { day, kind, minutes, headcount, .. } => {
            (*day, *kind, Sums::of(1, *minutes, *headcount).times(-1))
        }
    }
}

/// The place that a row of `unit` stands for; `None` if it is none.
pub(crate) fn place_of(ags: &str, school: &str, provider: &str) -> Option<Place> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(Place {
        ags: Ags::parse(ags).ok()?,
        school: some(school).map(sfs_domain::SchoolId::parse).transpose().ok()?,
        provider: some(provider).map(sfs_domain::OrganisationId::parse).transpose().ok()?,
    })
}
