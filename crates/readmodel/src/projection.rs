//! What the writing half of a read model must do, and the list of all of them.

use std::sync::OnceLock;

use sfs_domain::Category;
use sfs_eventlog::BoxFuture;
use sfs_ledger::{Hash, digest};
use sfs_sql::{SqlError, Stmt, Writer};

use crate::recorded::Recorded;
use crate::{activity, coverage, overview, register, staffing, trainings};

/// Raised by hand when a projection writes other rows than before from the same events.
const CODE_VERSION: u32 = 2;

/// Turns events into rows. Folds a page in memory and writes its net change; what it has to look up
/// it keeps in a naturally small map, loaded from its own tables at the start.
pub(crate) trait Projection: Send {
    /// The tables that nobody else writes.
    fn tables(&self) -> &'static [Table];

    /// The aggregates that it reads. Within them it has no wildcard arm.
    fn categories(&self) -> &'static [Category];

    /// Reads what it must remember.
    fn load<'a>(&'a mut self, _tables: &'a mut Writer) -> BoxFuture<'a, Result<(), SqlError>> {
        Box::pin(async { Ok(()) })
    }

    /// Takes an event of one of its aggregates. Only the first projection of the list may refuse one:
    /// then no other has taken it, and what came before can be written.
    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction>;

    /// What can be written before the page is complete, so that a long page needs no memory.
    fn spill(&mut self) -> Vec<Stmt> {
        Vec::new()
    }

    /// The net change of the events since the last call, in order.
    fn write(&mut self) -> Vec<Stmt>;
}

/// An event that does not fit what came before it: the log is not what the rules allow.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} does not fit those before it: {why}")]
pub(crate) struct Contradiction {
    /// Its position.
    pub position: u64,
    /// What was found.
    pub why: String,
}

/// How values of a column are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As numbers.
    Int,
    /// As texts, byte by byte.
    Text,
}

/// A table of a read model.
#[derive(Debug)]
pub(crate) struct Table {
    /// Its name.
    pub name: &'static str,
    /// Its primary key.
    pub key: &'static [(&'static str, Kind)],
    /// The other columns.
    pub columns: &'static [&'static str],
    /// Makes it.
    pub create: &'static str,
    /// Makes its indexes; in a rebuild this comes last.
    pub indexes: &'static [&'static str],
}

/// All projections, with who reads what.
pub(crate) struct Projections {
    all: Vec<Box<dyn Projection>>,
    readers: Vec<Vec<usize>>,
}

impl Projections {
    /// Every projection, without what it remembers.
    pub fn new() -> Self {
        let all: Vec<Box<dyn Projection>> = vec![
            Box::new(register::Register::default()),
            Box::new(activity::Activities::new()),
            Box::new(overview::Offices::default()),
            Box::new(coverage::Schools::default()),
            Box::new(staffing::Positions::default()),
            Box::new(trainings::Trainings::default()),
        ];
        let reads = |projection: &dyn Projection, category: &Category| projection.categories().contains(category);
        let readers = Category::ALL
            .iter()
            .map(|category| (0..all.len()).filter(|n| reads(&*all[*n], category)).collect())
            .collect();
        Self { all, readers }
    }

    /// All tables.
    pub fn tables(&self) -> Vec<&'static Table> {
        self.all.iter().flat_map(|projection| projection.tables()).collect()
    }

    /// Reads what the projections must remember.
    pub async fn load(&mut self, tables: &mut Writer) -> Result<(), SqlError> {
        for projection in &mut self.all {
            projection.load(tables).await?;
        }
        Ok(())
    }

    /// Hands the event to those that read its aggregate.
    pub fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        let readers = &self.readers[recorded.event.category() as usize];
        readers.iter().try_for_each(|reader| self.all[*reader].fold(recorded))
    }

    /// See [`Projection::spill`].
    pub fn spill(&mut self) -> Vec<Stmt> {
        self.all.iter_mut().flat_map(|projection| projection.spill()).collect()
    }

    /// See [`Projection::write`].
    pub fn write(&mut self) -> Vec<Stmt> {
        self.all.iter_mut().flat_map(|projection| projection.write()).collect()
    }
}

/// What tells one form of the tables from another: a read database with another one is rebuilt.
pub(crate) fn schema() -> Hash {
    static SCHEMA: OnceLock<Hash> = OnceLock::new();
    *SCHEMA.get_or_init(compute_schema)
}

fn compute_schema() -> Hash {
    let mut text = format!("{CODE_VERSION}\n");
    for table in Projections::new().tables() {
        text.push_str(table.create);
        text.extend(table.indexes.iter().copied());
    }
    // Kinds of work stand in the tables by their place in the list.
    text.extend(sfs_domain::intervention::Kind::ALL.iter().map(|kind| kind.code()));
    digest(text.as_bytes())
}
