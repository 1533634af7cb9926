//! Statements put together from literals and values, where one text does not serve: filters that may
//! be left out, scopes of any length, lists of rows.

use sfs_sql::{Arg, Stmt};

/// A statement in the making. Every piece of text is a literal of this program; every value becomes
/// a parameter.
#[derive(Clone, Default)]
pub(crate) struct Composed {
    text: String,
    args: Vec<Arg>,
}

impl Composed {
    /// Begins with a literal.
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), args: Vec::new() }
    }

    /// Adds a literal.
    pub fn sql(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Adds a parameter.
    pub fn arg(&mut self, value: Arg) -> &mut Self {
        self.args.push(value);
        self.text.push('$');
        self.text.push_str(&self.args.len().to_string());
        self
    }

    /// Adds an integer.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.arg(Arg::Int(value))
    }

    /// Adds a text.
    pub fn text(&mut self, value: impl Into<String>) -> &mut Self {
        self.arg(Arg::Text(value.into()))
    }

    /// Adds a list of texts in brackets; the list must not be empty.
    pub fn texts<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) -> &mut Self {
        self.sql("(");
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.sql(",");
            }
            self.text(value);
        }
        self.sql(")")
    }

    /// The statement.
    pub fn stmt(self) -> Stmt {
        self.args.into_iter().fold(Stmt::composed(self.text), Stmt::arg)
    }
}

/// A statement with a list of rows, `<head> (…),(…) <tail>`, in few sizes so that each is prepared
/// once.
pub(crate) struct Rows {
    /// Texts for 1, 2, 4 … rows.
    texts: Vec<String>,
}

impl Rows {
    /// Most rows in one statement: `2^8`.
    const MAX_LOG2: usize = 8;

    /// Rows of `columns` values between `head` and `tail`.
    pub fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        let row = format!("({})", vec!["?"; columns].join(","));
        let texts =
            (0..=Self::MAX_LOG2).map(|log2| format!("{head} {} {tail}", vec![row.as_str(); 1 << log2].join(",")));
        Self { texts: texts.collect() }
    }

    /// Cuts the rows into statements.
    pub fn statements<const N: usize>(&self, rows: &[[i64; N]], into: &mut Vec<Stmt>) {
        let mut rest = rows;
        while !rest.is_empty() {
            let log2 = (rest.len().ilog2() as usize).min(Self::MAX_LOG2);
            let (these, others) = rest.split_at(1 << log2);
            let stmt = Stmt::composed(self.texts[log2].clone());
            into.push(these.iter().flatten().fold(stmt, |stmt, value| stmt.int(*value)));
            rest = others;
        }
    }
}
