//! Statements with their arguments, and the rows that answer them.

use std::sync::Arc;

use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe, Row as _, SqlSafeStr, SqlStr};

use crate::db::SqlError;

/// A statement and its arguments, in the order of `$1`, `$2` …
#[derive(Clone)]
pub struct Stmt {
    pub(crate) text: SqlStr,
    pub(crate) args: SqliteArguments,
    failed: bool,
}

impl Stmt {
    /// A statement without arguments so far.
    pub fn new(text: &'static str) -> Self {
        Self { text: SqlStr::from_static(text), args: SqliteArguments::default(), failed: false }
    }

    fn of(text: Arc<str>, args: usize) -> Self {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(args, 0);
        // Safe: the text is made of literals of this program and of placeholders only.
        Self { text: AssertSqlSafe(text).into_sql_str(), args: arguments, failed: false }
    }

    /// A statement whose text was put together from literals, with placeholders for every value.
    pub fn composed(text: String) -> Self {
        Self::of(text.into(), 8)
    }

    fn push<'t, T: sqlx::Encode<'t, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>>(mut self, value: T) -> Self {
        self.failed |= self.args.add(value).is_err();
        self
    }

    /// Adds an integer.
    #[must_use]
    pub fn int(self, value: i64) -> Self {
        self.push(value)
    }

    /// Adds an integer or null.
    #[must_use]
    pub fn opt_int(self, value: Option<i64>) -> Self {
        self.push(value)
    }

    /// Adds a text.
    #[must_use]
    pub fn text(self, value: impl Into<String>) -> Self {
        self.push(value.into())
    }

    /// Adds a shared text without copying it.
    #[must_use]
    pub fn shared_text(self, value: Arc<str>) -> Self {
        self.push(value)
    }

    /// Adds a text or null.
    #[must_use]
    pub fn opt_text(self, value: Option<String>) -> Self {
        self.push(value)
    }

    /// Adds a blob.
    #[must_use]
    pub fn blob(self, value: impl Into<Vec<u8>>) -> Self {
        self.push(value.into())
    }

    /// Adds a blob or null.
    #[must_use]
    pub fn opt_blob(self, value: Option<Vec<u8>>) -> Self {
        self.push(value)
    }

    pub(crate) fn ready(self) -> Result<(SqlStr, SqliteArguments), SqlError> {
        if self.failed { Err(SqlError::Argument) } else { Ok((self.text, self.args)) }
    }
}

/// A statement with a list of rows (`… values ($1,$2),($3,$4) …`), in few sizes so that each is
/// prepared once.
#[derive(Clone)]
pub struct Many {
    columns: usize,
    /// Texts for 1, 2, 4 … rows.
    texts: Vec<Arc<str>>,
}

impl Many {
    /// Rows of `columns` values between `head` and `tail`, at most `2^max_log2` in one statement.
    pub fn new(head: &'static str, columns: usize, tail: &'static str, max_log2: u32) -> Self {
        let texts = (0..=max_log2)
            .map(|log2| {
                let rows: Vec<String> = (0..1_usize << log2)
                    .map(|row| {
                        let marks: Vec<String> =
                            (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
                        format!("({})", marks.join(","))
                    })
                    .collect();
                format!("{head} {} {tail}", rows.join(",")).into()
            })
            .collect();
        Self { columns, texts }
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
            let log2 = (rows.len().ilog2() as usize).min(self.texts.len() - 1);
            let size = 1_usize << log2;
            let mut stmt = Stmt::of(Arc::clone(&self.texts[log2]), size * self.columns);
            for row in rows.by_ref().take(size) {
                stmt = bind(stmt, row);
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
