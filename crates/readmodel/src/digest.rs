//! A digest of what the tables hold, whatever order it was written in: how live read models are
//! compared with a rebuild.

use std::collections::BTreeMap;

use sfs_ledger::{Hash, digest};
use sfs_sql::{Arg, Db, Row, SqlError};

use crate::composed::Composed;
use crate::projection::{Kind, Projections, Table};
use crate::read_models::ReadModels;

/// Rows that are read in one go.
const PAGE: usize = 5_000;

/// What a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// SHA-256 over all rows in the order of their keys, page by page.
    pub hash: Hash,
}

impl ReadModels {
    /// What every table of a read database holds, by name. The cursor is not among them.
    pub async fn digest_tables(db: &Db) -> Result<BTreeMap<String, Digest>, SqlError> {
        digest_of(db).await
    }

    /// What every table of the generation that serves holds, by name.
    pub async fn digest(&self) -> Result<BTreeMap<String, Digest>, SqlError> {
        digest_of(self.shared.generation().db()).await
    }
}

/// See [`ReadModels::digest_tables`].
pub(crate) async fn digest_of(db: &Db) -> Result<BTreeMap<String, Digest>, SqlError> {
    let mut digests = BTreeMap::new();
    for table in Projections::new().tables() {
        digests.insert(table.name.to_owned(), digest_table(db, table).await?);
    }
    Ok(digests)
}

async fn digest_table(db: &Db, table: &Table) -> Result<Digest, SqlError> {
    let mut sum = Digest { rows: 0, hash: digest(table.name.as_bytes()) };
    let mut after: Option<Vec<Arg>> = None;
    loop {
        let rows = db.fetch_all(page_of(table, after.as_deref()).stmt()).await?;
        let mut bytes = sum.hash.as_bytes().to_vec();
        for row in &rows {
            for column in 0..table.key.len() + table.columns.len() {
                // The length keeps two neighbours from passing for two others.
                let text = row.opt_text(column)?;
                bytes.extend_from_slice(&text.map_or(u32::MAX, |text| text.len() as u32).to_le_bytes());
                bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
            }
        }
        sum.rows += rows.len() as u64;
        sum.hash = digest(&bytes);
        match rows.last() {
            Some(last) if rows.len() == PAGE => after = Some(key_of(table, last)?),
            _ => return Ok(sum),
        }
    }
}

/// All columns as texts, in the order of the key.
fn page_of(table: &Table, after: Option<&[Arg]>) -> Composed {
    let keys = || table.key.iter().map(|(name, _)| *name);
    let mut stmt = Composed::new("select ");
    for (n, column) in keys().chain(table.columns.iter().copied()).enumerate() {
        stmt.sql(if n > 0 { ", cast(" } else { "cast(" }).sql(column).sql(" as text)");
    }
    stmt.sql(" from ").sql(table.name);
    if let Some(after) = after {
        stmt.sql(" where (");
        list(&mut stmt, keys());
        stmt.sql(") > (");
        for (n, value) in after.iter().enumerate() {
            stmt.sql(if n > 0 { "," } else { "" }).arg(value.clone());
        }
        stmt.sql(")");
    }
    stmt.sql(" order by ");
    list(&mut stmt, keys());
    stmt.sql(" limit ").int(PAGE as i64);
    stmt
}

fn list(stmt: &mut Composed, columns: impl Iterator<Item = &'static str>) {
    for (n, column) in columns.enumerate() {
        stmt.sql(if n > 0 { "," } else { "" }).sql(column);
    }
}

fn key_of(table: &Table, row: &Row) -> Result<Vec<Arg>, SqlError> {
    let value = |(column, (_, kind)): (usize, &(&str, Kind))| {
        let text = row.text(column)?;
        Ok(match kind {
            // What was a number a moment ago is one now.
            Kind::Int => Arg::Int(text.parse().unwrap_or_default()),
            Kind::Text => Arg::Text(text.to_owned()),
        })
    };
    table.key.iter().enumerate().map(value).collect()
}
