//! One question to one generation: as of which position, and what the answer says about itself.

use std::sync::Arc;

use sfs_sql::{Row, Stmt};

use crate::answer::{Answer, AsOf, Definition, QueryError, Valid};
use crate::bitemporal::STILL_KNOWN;
use crate::generation::Generation;
use crate::read_models::ReadModels;
use crate::shared::Shared;

/// One question to one generation.
pub(crate) struct Asked<'a> {
    shared: &'a Shared,
    generation: Arc<Generation>,
    as_of: AsOf,
}

impl ReadModels {
    /// A question to the generation that serves now.
    pub(crate) fn asked(&self, as_of: AsOf) -> Asked<'_> {
        Asked { shared: &self.shared, generation: self.shared.generation(), as_of }
    }
}

impl Asked<'_> {
    /// The position that rows are compared with.
    pub fn known(&self) -> i64 {
        self.as_of.known.map_or(STILL_KNOWN - 1, |known| i64::try_from(known).unwrap_or(STILL_KNOWN - 1))
    }

    /// Asks all statements at once; they see one and the same state. Answers its position and the
    /// rows of each.
    pub async fn fetch(&self, stmts: Vec<Stmt>) -> Result<(u64, Vec<Vec<Row>>), QueryError> {
        let mut all = Vec::with_capacity(stmts.len() + 1);
        all.push(Stmt::new("select position from cursor"));
        all.extend(stmts);
        let mut answers = self.generation.db().fetch_together(all).await?;
        let cursor = answers.remove(0);
        let position = cursor.first().map_or(Ok(0), |row| row.int(0))? as u64;
        match self.as_of.known {
            Some(known) if known > position => Err(QueryError::NotYetKnown { known, position }),
            _ => Ok((position, answers)),
        }
    }

    /// The answer with all that it says about itself.
    pub fn answer<T>(&self, data: T, definition: &Definition, position: u64, valid: Valid) -> Answer<T> {
        let live = self.shared.live.borrow();
        let complete = match self.as_of.known {
            Some(_) => true,
            None => live.halted.is_none() && position >= live.complete_from,
        };
        Answer {
            data,
            definition: *definition,
            position,
            known_until: self.as_of.known,
            valid,
            complete,
            lag_seconds: self.shared.lag_seconds(&live),
        }
    }
}
