//! Checks a stored log from its bytes: every leaf, link, column, tag and list, and the head.
//!
//! Nothing here trusts what was written beside a leaf: it is all computed again from the leaf and
//! the open body and compared.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use sfs_ledger::{CompactRange, Hash, Leaf, OpenBody, digest, leaf_hash};
use sfs_sql::{Db, Row, SqlError, Stmt};
use uuid::Uuid;

use crate::open::StoredHead;
use crate::segments::{Bits, Filling, SEGMENT, decode_tags};

/// Findings that are listed; more are only counted.
const LISTED: usize = 100;

/// Rows read in one go.
const PAGE: i64 = 2_000;

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The position that it was found at; 0 where none is meant.
    pub position: u64,
    /// Which check found it.
    pub check: &'static str,
    /// What is wrong.
    pub what: String,
}

/// What a check came to.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Events that were read.
    pub events: u64,
    /// Streams that they are of.
    pub streams: u64,
    /// Root computed from the leaves.
    pub root: Option<Hash>,
    /// The roots at the sizes that were asked for, as far as the log has them.
    pub roots: BTreeMap<u64, Hash>,
    /// Ciphertexts that leaves name.
    pub sealed: u64,
    /// Those of them that are gone: erased.
    pub erased: u64,
    /// The first findings.
    pub findings: Vec<Finding>,
    /// How many there were.
    pub found: u64,
}

impl Report {
    fn add(&mut self, position: u64, check: &'static str, what: impl Into<String>) {
        self.found += 1;
        if self.findings.len() < LISTED {
            self.findings.push(Finding { position, check, what: what.into() });
        }
    }

    fn compare<T: PartialEq + std::fmt::Display>(
        &mut self,
        position: u64,
        check: &'static str,
        stored: &T,
        computed: &T,
    ) {
        if stored != computed {
            self.add(position, check, format!("stored {stored}, computed {computed}"));
        }
    }
}

struct Checker<T> {
    tags_of: T,
    report: Report,
    range: CompactRange,
    last_position: u64,
    last_at: i64,
    /// Version and hash of the last leaf of each stream.
    streams: HashMap<i64, (u64, Hash)>,
    stream_names: HashMap<i64, Arc<str>>,
    types: HashMap<i64, Arc<str>>,
    tag_names: HashMap<i64, Arc<str>>,
    tag_numbers: HashMap<Arc<str>, i64>,
    filling: Filling,
    segments: Vec<(u64, BTreeMap<i64, crate::segments::List>)>,
    /// The command whose events are being read: id, first position, count.
    command: Option<(Uuid, u64, u64)>,
    commands: Vec<(Uuid, u64, u64)>,
    /// Sizes at which the root is wanted.
    sizes: BTreeSet<u64>,
    /// What the leaves of a page name as sealed, by position.
    slots: Vec<(u64, Hash)>,
}

/// Checks the whole log. `sizes` are those at which its root is wanted; `tags_of` says which tags an
/// event has by its leaf and open body; `progress` is told position and size.
pub async fn verify<T>(db: &Db, sizes: &[u64], tags_of: T, progress: impl Fn(u64, u64)) -> Result<Report, SqlError>
where
    T: Fn(&Leaf<'_>, &OpenBody<'_>) -> Vec<Arc<str>>,
{
    let mut checker = Checker {
        tags_of,
        report: Report::default(),
        range: CompactRange::new(),
        last_position: 0,
        last_at: 0,
        streams: HashMap::new(),
        stream_names: HashMap::new(),
        types: names(db, "select tid, name from event_type").await?,
        tag_names: names(db, "select tag, name from tag").await?,
        tag_numbers: HashMap::new(),
        filling: Filling::default(),
        segments: Vec::new(),
        command: None,
        commands: Vec::new(),
        sizes: sizes.iter().copied().collect(),
        slots: Vec::new(),
    };
    checker.note_root();
    checker.tag_numbers = checker.tag_names.iter().map(|(tag, name)| (Arc::clone(name), *tag)).collect();
    // The head first: what is appended while this runs is left for the next time.
    let head = match db.fetch_optional(Stmt::new(StoredHead::QUERY)).await? {
        Some(row) => StoredHead::from_row(&row),
        None => Err("the log has no head".into()),
    };
    let head = match head {
        Ok(stored) => stored.head,
        Err(why) => {
            checker.report.add(0, "head", why.to_string());
            return Ok(checker.report);
        }
    };
    loop {
        let page = Stmt::new(
            "select e.pos, e.sid, s.name, e.sv, e.tid, e.at, e.leaf_hash, e.leaf, e.open, e.tags \
             from event e left join stream s on s.sid = e.sid where e.pos > $1 and e.pos <= $2 order by e.pos limit $3",
        )
        .int(checker.last_position as i64)
        .int(head.size as i64)
        .int(PAGE);
        let rows = db.fetch_all(page).await?;
        for row in &rows {
            checker.event(row)?;
        }
        for (segment, lists) in std::mem::take(&mut checker.segments) {
            checker.segment(db, segment, &lists).await?;
        }
        checker.check_commands(db).await?;
        checker.check_slots(db).await?;
        progress(checker.last_position, head.size);
        if (rows.len() as i64) < PAGE {
            break;
        }
    }
    checker.commands.extend(checker.command.take());
    checker.check_commands(db).await?;
    let (size, root) = (checker.range.size(), checker.range.root());
    checker.report.compare(size, "size", &head.size, &size);
    checker.report.compare(size, "root", &head.root.to_b64(), &root.to_b64());
    checker.report.compare(size, "head time", &head.at_micros, &checker.last_at);
    checker.report.events = size;
    checker.report.streams = checker.streams.len() as u64;
    checker.report.root = Some(root);
    Ok(checker.report)
}

async fn names(db: &Db, query: &'static str) -> Result<HashMap<i64, Arc<str>>, SqlError> {
    let rows = db.fetch_all(Stmt::new(query)).await?;
    rows.iter().map(|row| Ok((row.int(0)?, Arc::from(row.text(1)?)))).collect()
}

impl<T: Fn(&Leaf<'_>, &OpenBody<'_>) -> Vec<Arc<str>>> Checker<T> {
    fn event(&mut self, row: &Row) -> Result<(), SqlError> {
        let position = row.int(0)? as u64;
        if position != self.last_position + 1 {
            self.report.add(position, "position", format!("follows {}", self.last_position));
        }
        self.last_position = position;
        let bytes = row.blob(7)?;
        let computed = leaf_hash(bytes);
        if computed.as_bytes().as_slice() != row.blob(6)? {
            self.report.add(position, "leaf hash", "the stored hash is not that of the leaf");
        }
        self.range.push(computed);
        self.note_root();
        let leaf = match Leaf::parse(bytes) {
            Ok(leaf) => leaf,
            Err(why) => {
                self.report.add(position, "leaf", why.to_string());
                return Ok(());
            }
        };
        self.columns(row, position, &leaf)?;
        self.links(row.int(1)?, position, &leaf, computed);
        let open = row.text(8)?;
        if digest(open.as_bytes()) != leaf.draft.open {
            self.report.add(position, "open body", "its digest is not the one in the leaf");
        }
        match OpenBody::parse(open) {
            Ok(open) => self.tags(row, position, &leaf, &open)?,
            Err(why) => self.report.add(position, "open body", why.to_string()),
        }
        self.slots.extend(leaf.draft.sealed.iter().map(|slot| (position, slot.h)));
        match &mut self.command {
            Some((command, _, count)) if *command == leaf.draft.cmd => *count += 1,
            other => {
                let before = other.replace((leaf.draft.cmd, position, 1));
                self.commands.extend(before);
            }
        }
        Ok(())
    }

    fn note_root(&mut self) {
        if self.sizes.contains(&self.range.size()) {
            self.report.roots.insert(self.range.size(), self.range.root());
        }
    }

    /// The ciphertexts that a page's leaves name: there and what they were, or erased.
    async fn check_slots(&mut self, db: &Db) -> Result<(), SqlError> {
        for (position, named) in std::mem::take(&mut self.slots) {
            self.report.sealed += 1;
            let stmt = Stmt::new("select bytes from sealed_slot where digest = $1").blob(*named.as_bytes());
            match db.fetch_optional(stmt).await? {
                None => self.report.erased += 1,
                Some(row) if digest(row.blob(0)?) == named => {}
                Some(_) => self.report.add(position, "sealed", "a ciphertext is not the one that the leaf names"),
            }
        }
        Ok(())
    }

    fn columns(&mut self, row: &Row, position: u64, leaf: &Leaf<'_>) -> Result<(), SqlError> {
        let sid = row.int(1)?;
        let stream = row.opt_text(2)?.unwrap_or("(no stream row)");
        let known = self.stream_names.entry(sid).or_insert_with(|| stream.into());
        if &**known != stream {
            self.report.add(position, "stream", "its number names two streams");
        }
        let event_type = self.types.get(&row.int(4)?).map_or("(no type row)", |name| name);
        self.report.compare(position, "position", &position, &leaf.pos);
        self.report.compare(position, "stream", &stream, &&*leaf.draft.stream);
        self.report.compare(position, "stream version", &(row.int(3)? as u64), &leaf.sv);
        self.report.compare(position, "type", &event_type, &&*leaf.draft.event_type);
        self.report.compare(position, "recorded at", &row.int(5)?, &leaf.at_micros);
        Ok(())
    }

    fn links(&mut self, sid: i64, position: u64, leaf: &Leaf<'_>, hash: Hash) {
        if leaf.at_micros < self.last_at {
            self.report.add(position, "recorded at", "earlier than the event before it");
        }
        self.last_at = leaf.at_micros;
        let before = self.streams.insert(sid, (leaf.sv, hash));
        let (version, prev) = before.map_or((0, None), |(version, hash)| (version, Some(hash)));
        if leaf.sv != version + 1 {
            self.report.add(position, "stream version", format!("{} follows {version}", leaf.sv));
        }
        if leaf.prev != prev {
            self.report.add(position, "back link", "it is not the hash of the stream's previous leaf");
        }
    }

    fn tags(&mut self, row: &Row, position: u64, leaf: &Leaf<'_>, open: &OpenBody<'_>) -> Result<(), SqlError> {
        let mut computed: Vec<i64> = Vec::new();
        for name in (self.tags_of)(leaf, open) {
            match self.tag_numbers.get(&name) {
                Some(tag) => computed.push(*tag),
                None => self.report.add(position, "tags", format!("`{name}` is missing")),
            }
        }
        computed.sort_unstable();
        computed.dedup();
        let stored = decode_tags(row.blob(9)?);
        if stored != computed {
            self.report.add(position, "tags", format!("stored {stored:?}, computed {computed:?}"));
        }
        self.segments.extend(self.filling.add(position, &computed));
        Ok(())
    }

    async fn segment(
        &mut self,
        db: &Db,
        segment: u64,
        lists: &BTreeMap<i64, crate::segments::List>,
    ) -> Result<(), SqlError> {
        let first = segment * SEGMENT + 1;
        let mut expected: BTreeMap<i64, Option<Bits>> =
            lists.iter().map(|(tag, list)| (*tag, Bits::decode(&list.encode()))).collect();
        let stmt = Stmt::new("select tag, positions from tag_segment where segment = $1").int(segment as i64);
        for row in db.fetch_all(stmt).await? {
            let (tag, stored) = (row.int(0)?, Bits::decode(row.blob(1)?));
            if stored.is_none() || expected.remove(&tag) != Some(stored) {
                self.report.add(
                    first,
                    "index",
                    format!("the list of tag {tag} in segment {segment} is not that of its events"),
                );
            }
        }
        for tag in expected.keys() {
            self.report.add(first, "index", format!("the list of tag {tag} in segment {segment} is missing"));
        }
        Ok(())
    }

    /// The accepted commands that have been read whole, against the table of command ids.
    async fn check_commands(&mut self, db: &Db) -> Result<(), SqlError> {
        let commands = std::mem::take(&mut self.commands);
        let (Some(first), Some(last)) = (commands.first(), commands.last()) else { return Ok(()) };
        // Lists that were appended as a whole stand under the identity of the list, so what is
        // checked is that the rows cover the positions without gap or overlap.
        let stmt =
            Stmt::new("select first, count from log_command where first + count > $1 and first <= $2 order by first")
                .int(first.1 as i64)
                .int((last.1 + last.2 - 1) as i64);
        let mut covered: BTreeMap<u64, u64> = BTreeMap::new();
        for row in db.fetch_all(stmt).await? {
            covered.insert(row.int(0)? as u64, row.int(1)? as u64);
        }
        for (command, position, count) in commands {
            let row = covered.range(..=position).next_back();
            if row.is_none_or(|(from, length)| position + count > from + length) {
                self.report.add(position, "command", format!("no row of the command ids covers {command}"));
            }
        }
        Ok(())
    }
}
