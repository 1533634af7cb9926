//! Statements with their arguments, and the rows that answer them.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row as _, SqlSafeStr, SqlStr};

use crate::db::SqlError;

/// A value at the seam.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// Nothing.
    Null,
    /// An integer: numbers, days, microseconds.
    Int(i64),
    /// A text.
    Text(String),
    /// A text that others hold too.
    Shared(Arc<str>),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A statement and its arguments, in order.
#[derive(Clone)]
pub struct Stmt {
    text: SqlStr,
    args: Vec<Arg>,
}

impl Stmt {
    /// A statement without arguments so far; its parameters are `$1`, `$2` … or `?`.
    pub const fn new(text: &'static str) -> Self {
        Self { text: SqlStr::from_static(text), args: Vec::new() }
    }

    fn of(text: Arc<str>, args: usize) -> Self {
        // Safe: the text is made of literals of this program and of placeholders only.
        Self { text: AssertSqlSafe(text).into_sql_str(), args: Vec::with_capacity(args) }
    }

    /// A statement whose text was put together from literals, with placeholders for every value.
    pub fn composed(text: String) -> Self {
        Self::of(text.into(), 8)
    }

    /// Several statements in one, done in one go. The parameters of each are `?`, so that they
    /// follow one another.
    pub fn batch(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut text, mut args) = (String::new(), Vec::new());
        for part in parts {
            text.push_str(part.text.as_str());
            text.push(';');
            args.extend(part.args);
        }
        Self { text: AssertSqlSafe(text).into_sql_str(), args }
    }

    /// The statement's text.
    pub fn sql(&self) -> &str {
        self.text.as_str()
    }

    /// The arguments so far.
    pub fn args(&self) -> &[Arg] {
        &self.args
    }

    /// Adds a value.
    #[must_use]
    pub fn arg(mut self, value: Arg) -> Self {
        self.args.push(value);
        self
    }

    /// Adds an integer.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.arg(Arg::Int(value))
    }

    /// Adds an integer or null.
    #[must_use]
    pub fn opt_int(self, value: Option<i64>) -> Self {
        self.arg(value.map_or(Arg::Null, Arg::Int))
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, value: impl Into<String>) -> Self {
        self.arg(Arg::Text(value.into()))
    }

    /// Adds a shared text without copying it.
    #[must_use]
    pub fn shared_text(self, value: Arc<str>) -> Self {
        self.arg(Arg::Shared(value))
    }

    /// Adds a text or null.
    #[must_use]
    pub fn opt_text(self, value: Option<String>) -> Self {
        self.arg(value.map_or(Arg::Null, Arg::Text))
    }

    /// Adds a blob.
    #[must_use]
    pub fn blob(self, value: impl Into<Vec<u8>>) -> Self {
        self.arg(Arg::Blob(value.into()))
    }

    /// Adds a blob or null.
    #[must_use]
    pub fn opt_blob(self, value: Option<Vec<u8>>) -> Self {
        self.arg(value.map_or(Arg::Null, Arg::Blob))
    }

    pub(crate) fn ready(self) -> Result<(SqlStr, SqliteArguments), SqlError> {
        let mut args = SqliteArguments::default();
        args.reserve(self.args.len(), 0);
        for arg in self.args {
            let added = match arg {
                Arg::Null => args.add(None::<i64>),
                Arg::Int(value) => args.add(value),
                Arg::Text(value) => args.add(value),
                Arg::Shared(value) => args.add(value),
                Arg::Blob(value) => args.add(value),
            };
            added.map_err(|_| SqlError::Argument)?;
        }
        Ok((self.text, args))
    }
}

/// A statement with a list of rows, in few sizes so that each is prepared once. A list between two
/// sizes is filled up with nulls, which the statement leaves out.
#[derive(Clone)]
pub struct Many {
    columns: usize,
    sizes: Vec<(usize, Arc<str>)>,
}

impl Many {
    /// The sizes of lists: at most a third is filling.
    const SIZES: [usize; 15] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192];

    /// `insert into <target> select …` of rows of `columns` values. The first column is never null. A
    /// row that is refused rolls the whole transaction back.
    pub fn insert(target: &'static str, columns: usize) -> Self {
        Self::new(columns, |values| {
            format!("insert or rollback into {target} select * from ({values}) where column1 is not null")
        })
    }

    /// `<head> (<list of single values>) <tail>`.
    pub fn list(head: &'static str, tail: &'static str) -> Self {
        Self::new(1, |values| format!("{head} ({values}) {tail}"))
    }

    fn new(columns: usize, text: impl Fn(String) -> String) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let sizes = Self::SIZES
            .iter()
            .map(|rows| (*rows, text(format!("values {}", vec![row.as_str(); *rows].join(","))).into()))
            .collect();
        Self { columns, sizes }
    }

    /// Cuts the rows into statements; `bind` adds one row's values.
    pub fn statements<T>(
        &self,
        rows: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut bind: impl FnMut(Stmt, T) -> Stmt,
    ) -> Vec<Stmt> {
        let mut rows = rows.into_iter();
        let mut statements = Vec::new();
        while rows.len() > 0 {
            let fitting = self.sizes.iter().find(|(size, _)| *size >= rows.len()).or(self.sizes.last());
            let Some((size, text)) = fitting else { break };
            let taken = rows.len().min(*size);
            let mut stmt = Stmt::of(Arc::clone(text), size * self.columns);
            for row in rows.by_ref().take(taken) {
                stmt = bind(stmt, row);
            }
            for _ in 0..(size - taken) * self.columns {
                stmt = stmt.opt_int(None);
            }
            statements.push(stmt);
        }
        statements
    }
}

/// A row that a query found. Columns are read by their place.
pub struct Row(pub(crate) SqliteRow);

impl Row {
    fn get<'r, T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(
        &'r self,
        column: usize,
    ) -> Result<T, SqlError> {
        self.0.try_get(column).map_err(SqlError::Query)
    }

    /// The integer in that column.
    pub fn int(&self, column: usize) -> Result<i64, SqlError> {
        self.get(column)
    }

    /// The integer in that column, if it is not null.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, SqlError> {
        self.get(column)
    }

    /// The text in that column.
    pub fn text(&self, column: usize) -> Result<&str, SqlError> {
        self.get(column)
    }

    /// The text in that column, if it is not null.
    pub fn opt_text(&self, column: usize) -> Result<Option<&str>, SqlError> {
        self.get(column)
    }

    /// The blob in that column.
    pub fn blob(&self, column: usize) -> Result<&[u8], SqlError> {
        self.get(column)
    }

    /// The blob in that column, if it is not null.
    pub fn opt_blob(&self, column: usize) -> Result<Option<&[u8]>, SqlError> {
        self.get(column)
    }
}
