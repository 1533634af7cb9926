//! A page of events as one row: fetching a row from the database costs more than reading the event
//! in it, so the page's texts and blobs are put one behind the other, with their lengths beside them.

use std::str::FromStr;
use std::sync::Arc;

use sfs_eventlog::{ReadError, StoredEvent};
use sfs_ledger::Hash;
use sfs_sql::{Row, SqlError};

/// The query of a page: `rows` says which events (`e`) and streams (`s`), in which order.
pub fn query(leaves: bool, rows: &'static str) -> String {
    let (length, leaf, column) =
        if leaves { ("||','||length(leaf)", ", group_concat(leaf, '')", ", e.leaf") } else { ("", "", "") };
    format!(
        "select (select size from log_head), \
         group_concat(pos||','||sv||','||tid||','||at||','||octet_length(name)||','||octet_length(open)||','||length(leaf_hash){length}, ';'), \
         group_concat(name, ''), group_concat(open, ''), group_concat(leaf_hash, ''){leaf} \
         from (select e.pos, e.sv, e.tid, e.at, s.name, e.open, e.leaf_hash{column} {rows})"
    )
}

/// The row.
pub struct Packed<'r> {
    /// Size of the log when the page was read.
    pub size: u64,
    numbers: &'r str,
    names: &'r [u8],
    opens: &'r [u8],
    hashes: &'r [u8],
    leaves: &'r [u8],
}

/// An event of the page, but for the name of its type.
pub struct Unpacked<'r> {
    position: u64,
    version: u64,
    /// Number of its type.
    pub event_type: i64,
    recorded_at: i64,
    stream: &'r str,
    open: &'r str,
    leaf_hash: Hash,
    leaf: &'r [u8],
}

impl Unpacked<'_> {
    /// With the name of its type.
    pub fn stored(self, event_type: Arc<str>) -> StoredEvent {
        StoredEvent {
            position: self.position,
            stream: self.stream.into(),
            version: self.version,
            event_type,
            recorded_at: self.recorded_at,
            leaf: self.leaf.to_vec(),
            leaf_hash: self.leaf_hash,
            open: self.open.to_owned(),
        }
    }
}

impl<'r> Packed<'r> {
    /// Reads the row; of a page without events all but the size is null.
    pub fn of(row: &'r Row, leaves: bool) -> Result<Self, SqlError> {
        let bytes = |column| row.opt_blob(column).map(Option::unwrap_or_default);
        Ok(Self {
            size: row.int(0)? as u64,
            numbers: row.opt_text(1)?.unwrap_or_default(),
            names: bytes(2)?,
            opens: bytes(3)?,
            hashes: bytes(4)?,
            leaves: if leaves { bytes(5)? } else { &[] },
        })
    }

    /// The events in the order of the query.
    pub fn events(&self) -> impl Iterator<Item = Result<Unpacked<'r>, ReadError>> {
        let (mut names, mut opens, mut hashes, mut leaves) = (self.names, self.opens, self.hashes, self.leaves);
        self.numbers.split_terminator(';').map(move |numbers| {
            let mut numbers = numbers.split(',');
            let mut next = || number(numbers.next());
            let position = next()?;
            let damaged = |what: &str| ReadError::Damaged { position, what: what.into() };
            let (version, event_type, recorded_at) = (next()?, next()? as i64, next()? as i64);
            let stream = text(take(&mut names, next()?)).ok_or_else(|| damaged("its stream's name is not a text"))?;
            let open = text(take(&mut opens, next()?)).ok_or_else(|| damaged("its open body is not a text"))?;
            let hash = take(&mut hashes, next()?).and_then(|hash| Hash::try_from(hash).ok());
            let leaf_hash = hash.ok_or_else(|| damaged("its leaf hash does not have 32 bytes"))?;
            let leaf = if self.leaves.is_empty() { Some(&[][..]) } else { take(&mut leaves, next()?) };
            let leaf = leaf.ok_or_else(|| damaged("its leaf is not there"))?;
            Ok(Unpacked { position, version, event_type, recorded_at, stream, open, leaf_hash, leaf })
        })
    }
}

fn take<'r>(rest: &mut &'r [u8], length: u64) -> Option<&'r [u8]> {
    let (taken, left) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = left;
    Some(taken)
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}

fn number(text: Option<&str>) -> Result<u64, ReadError> {
    let parsed = text.and_then(|text| u64::from_str(text).ok());
    parsed.ok_or_else(|| ReadError::Damaged { position: 0, what: "a page of the log is not readable".into() })
}
