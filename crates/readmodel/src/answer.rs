//! What every query has in common: as of when it asks, and what an answer says about itself.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sfs_domain::{BusinessDate, Period};
use sfs_sql::SqlError;

use crate::viewer::Denied;

/// As of when the log is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AsOf {
    /// The last position whose event counts; `None` is everything that the read models know.
    pub known: Option<u64>,
}

/// What a figure means. The rule is part of the answer, with its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Definition {
    /// Name of the figure or list.
    pub name: &'static str,
    /// Counted up whenever the rule changes.
    pub version: u32,
    /// What it shows, in German.
    pub de: &'static str,
    /// What it shows, in English.
    pub en: &'static str,
    /// How it is computed, in German.
    pub formula_de: &'static str,
    /// How it is computed, in English.
    pub formula_en: &'static str,
}

/// The business time that an answer is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Valid {
    /// The day on which something holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<BusinessDate>,
    /// The days in which something happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub during: Option<Period>,
}

/// An answer with all that is needed to ask for it again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Answer<T> {
    /// The rows or figures.
    pub data: T,
    /// What they mean.
    pub definition: Definition,
    /// The position up to which the read models had read the log.
    pub position: u64,
    /// The position that was asked for; absent if everything known was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_until: Option<u64>,
    /// The business time that was asked for.
    pub valid: Valid,
    /// Whether every event that belongs here has been read.
    pub complete: bool,
    /// How long the oldest event that was not yet read has been waiting, in seconds.
    pub lag_seconds: f64,
}

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The viewer must not see this.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The read models have not yet read that far. Ask again later.
    #[error("the read models know the log up to {position}, not yet up to {known}")]
    NotYetKnown {
        /// What was asked for.
        known: u64,
        /// How far they are.
        position: u64,
    },
    /// The cursor is none that this list has given out.
    #[error("this cursor is not one of this list")]
    Cursor,
    /// The database did not answer.
    #[error("the read models cannot be read")]
    Sql(#[from] SqlError),
    /// A row is not what its projection writes.
    #[error("a row of the read models is not readable: {0}")]
    Row(String),
}

/// Where a page of a list begins and how long it may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The cursor that the page before ended with.
    pub after: Option<Cursor>,
    /// Most rows of the page, 1 to 1,000; others are brought into this range.
    pub limit: u32,
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

impl PageRequest {
    pub(crate) fn limit(&self) -> usize {
        self.limit.clamp(1, 1_000) as usize
    }
}

/// A place in a list: the keys of the row before it. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Cursor {
    pub(crate) keys: Vec<String>,
}

impl Cursor {
    pub(crate) fn of(keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { keys: keys.into_iter().map(Into::into).collect() }
    }

    /// Reads what a list has given out.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| QueryError::Cursor)?;
        let keys = serde_json::from_slice(&bytes).map_err(|_| QueryError::Cursor)?;
        Ok(Self { keys })
    }

    /// Two keys, for lists that are ordered by two.
    pub(crate) fn pair(&self) -> Result<(&str, &str), QueryError> {
        match self.keys.as_slice() {
            [first, second] => Ok((first, second)),
            _ => Err(QueryError::Cursor),
        }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(serde_json::json!(self.keys).to_string()))
    }
}

impl From<Cursor> for String {
    fn from(cursor: Cursor) -> Self {
        cursor.to_string()
    }
}

impl TryFrom<String> for Cursor {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, QueryError> {
        Self::parse(&text)
    }
}

/// Cuts a list that was asked for with one row too many; answers the cursor of the next page.
pub(crate) fn cut_page<T>(rows: &mut Vec<T>, limit: usize, cursor: impl Fn(&T) -> Cursor) -> Option<Cursor> {
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_was_given_out() {
        let cursor = Cursor::of(["grundschule am park", "S-1"]);
        assert_eq!(Cursor::parse(&cursor.to_string()).unwrap(), cursor);
        for wrong in ["", "x", "W10=", "bnVsbA"] {
            assert!(matches!(Cursor::parse(wrong), Err(QueryError::Cursor)), "{wrong}");
        }
        assert!(matches!(Cursor::of(["1"]).pair(), Err(QueryError::Cursor)));
    }
}
