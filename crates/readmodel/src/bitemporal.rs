//! Rows that know two times: the days on which something holds, and the positions between which the
//! log said so. Nothing is overwritten: a change closes what was known and adds what is known now.

use sfs_sql::{Arg, Stmt};

use crate::composed::Composed;
use crate::projection::Table;

/// `known_to` of a row that is still known.
pub(crate) const STILL_KNOWN: i64 = i64::MAX;

/// `from_day` of what has held for longer than anybody knows.
pub(crate) const ALWAYS: i64 = -1_000_000;

/// `to_day` of what holds until further notice.
pub(crate) const OPEN_END: i64 = 1_000_000;

/// A change that becomes known at a position, to the rows of a table that a key names.
pub(crate) struct Change {
    table: &'static Table,
    position: i64,
    key: Vec<(&'static str, Arg)>,
}

impl Change {
    /// A change of the rows with that key.
    pub fn new(table: &'static Table, position: i64, key: Vec<(&'static str, Arg)>) -> Self {
        Self { table, position, key }
    }

    /// Adds a copy, with other values, of every row known before for which `condition` (a literal
    /// before a day, such as `to_day >`) holds.
    pub fn copy(&self, set: &[(&'static str, Arg)], conditions: &[(&'static str, i64)]) -> Stmt {
        let columns = || self.table.key.iter().map(|(name, _)| *name).chain(self.table.columns.iter().copied());
        let mut stmt = Composed::new("insert into ");
        stmt.sql(self.table.name).sql(" (");
        for (n, column) in columns().enumerate() {
            stmt.sql(if n > 0 { "," } else { "" }).sql(column);
        }
        stmt.sql(") select ");
        for (n, column) in columns().enumerate() {
            stmt.sql(if n > 0 { "," } else { "" });
            match (column, set.iter().find(|(name, _)| *name == column)) {
                ("known_from", _) => stmt.int(self.position),
                ("known_to", _) => stmt.int(STILL_KNOWN),
                (_, Some((_, value))) => stmt.arg(value.clone()),
                (column, None) => stmt.sql(column),
            };
        }
        stmt.sql(" from ").sql(self.table.name);
        self.known_before(&mut stmt, conditions);
        stmt.stmt()
    }

    /// Ends the knowledge of every row known before for which the conditions hold.
    pub fn close(&self, conditions: &[(&'static str, i64)]) -> Stmt {
        let mut stmt = Composed::new("update ");
        stmt.sql(self.table.name).sql(" set known_to = ").int(self.position);
        self.known_before(&mut stmt, conditions);
        stmt.stmt()
    }

    /// Whatever holds on that day or later ends before it; copies get the values of `set` besides.
    pub fn cut(&self, day: i64, set: &[(&'static str, Arg)]) -> Vec<Stmt> {
        vec![self.shortened(day, set), self.close(&[("to_day > ", day)])]
    }

    /// From that day on the open row is another one: it is cut and goes on with the values of `set`.
    pub fn turn(&self, day: i64, set: &[(&'static str, Arg)]) -> Vec<Stmt> {
        let mut after = vec![("from_day", Arg::Int(day))];
        after.extend(set.iter().cloned());
        vec![self.shortened(day, &[]), self.copy(&after, &[("to_day > ", day)]), self.close(&[("to_day > ", day)])]
    }

    fn shortened(&self, day: i64, set: &[(&'static str, Arg)]) -> Stmt {
        let mut end = vec![("to_day", Arg::Int(day))];
        end.extend(set.iter().cloned());
        self.copy(&end, &[("from_day < ", day), ("to_day > ", day)])
    }

    fn known_before(&self, stmt: &mut Composed, conditions: &[(&'static str, i64)]) {
        stmt.sql(" where known_to = ").int(STILL_KNOWN).sql(" and known_from < ").int(self.position);
        for (column, value) in &self.key {
            stmt.sql(" and ").sql(column).sql(" = ").arg(value.clone());
        }
        for (condition, value) in conditions {
            stmt.sql(" and ").sql(condition).int(*value);
        }
    }
}

/// Adds ` and known_from <= … and known_to > …` for the rows that were known at that position;
/// `prefix` is the table's alias with its dot.
pub(crate) fn known_at(stmt: &mut Composed, prefix: &'static str, position: i64) {
    stmt.sql(" and ").sql(prefix).sql("known_from <= ").int(position);
    stmt.sql(" and ").sql(prefix).sql("known_to > ").int(position);
}

/// Adds ` and from_day <= … and to_day > …` for the rows that hold on that day.
pub(crate) fn holds_on(stmt: &mut Composed, prefix: &'static str, day: i64) {
    stmt.sql(" and ").sql(prefix).sql("from_day <= ").int(day);
    stmt.sql(" and ").sql(prefix).sql("to_day > ").int(day);
}
