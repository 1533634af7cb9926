//! What an attacker has who has the files: the guards taken away, rows changed, the whole log computed
//! anew.

use std::path::Path;

use sfs_ledger::{CompactRange, Leaf, digest, leaf_hash};
use sfs_sql::{Db, Options, Stmt, Writer};

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn with_writer<T>(path: &Path, work: impl AsyncFnOnce(&mut Writer) -> T) -> T {
    block_on(async {
        let db = Db::open(path, Options { create: false, ..Options::default() }).await.unwrap();
        let mut writer = db.writer().await.unwrap();
        let done = work(&mut writer).await;
        writer.close().await.unwrap();
        db.close().await;
        done
    })
}

/// Runs statements; each must change something.
pub fn execute(path: &Path, statements: &[&str]) {
    for statement in statements {
        assert!(attempt(path, statement) > 0, "nothing was changed: {statement}");
    }
}

/// Runs a statement without the guards; answers how many rows it has changed.
pub fn attempt(path: &Path, statement: &str) -> u64 {
    with_writer(path, async |writer| {
        drop_guards(writer).await;
        writer.execute(Stmt::composed(statement.to_owned())).await.expect(statement)
    })
}

/// What the database says to a statement while the guards are there, from a program that does not know
/// our settings.
pub fn refusal(path: &Path, statement: &str) -> String {
    with_writer(path, async |writer| {
        writer.run_script("pragma recursive_triggers = off").await.unwrap();
        let refused = writer.execute(Stmt::composed(statement.to_owned())).await.expect_err(statement);
        refused.engine_message().unwrap_or_else(|| refused.to_string())
    })
}

async fn drop_guards(writer: &mut Writer) {
    let triggers = writer.fetch_all(Stmt::new("select name from sqlite_master where type = 'trigger'")).await.unwrap();
    for trigger in triggers {
        writer.execute(Stmt::composed(format!("drop trigger {}", trigger.text(0).unwrap()))).await.unwrap();
    }
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub sid: i64,
    pub tid: i64,
    /// Microseconds since 1970.
    pub at: i64,
    pub leaf: Vec<u8>,
    pub open: String,
    pub tags: Vec<u8>,
}

/// All events, in order.
pub fn rows(log: &Path) -> Vec<Row> {
    with_writer(log, async |writer| {
        let select = Stmt::new("select sid, tid, at, leaf, open, tags from event order by pos");
        let row = |row: &sfs_sql::Row| Row {
            sid: row.int(0).unwrap(),
            tid: row.int(1).unwrap(),
            at: row.int(2).unwrap(),
            leaf: row.blob(3).unwrap().to_vec(),
            open: row.text(4).unwrap().to_owned(),
            tags: row.blob(5).unwrap().to_vec(),
        };
        writer.fetch_all(select).await.unwrap().iter().map(row).collect()
    })
}

/// The first position after `from` whose stream has no later event (`is_last`), or has one.
pub fn position(rows: &[Row], from: usize, is_last: bool) -> u64 {
    let has_later = |place: usize| rows[place + 1..].iter().any(|later| later.sid == rows[place].sid);
    (from..rows.len()).find(|place| has_later(*place) != is_last).unwrap() as u64 + 1
}

/// The next position in the same stream.
pub fn next_in_stream(rows: &[Row], position: u64) -> u64 {
    let of = position as usize;
    let next = rows[of..].iter().position(|row| row.sid == rows[of - 1].sid).unwrap();
    position + next as u64 + 1
}

/// Changes the events and computes everything that follows from them: places, versions, links, digests,
/// hashes, the head with its root. What was derived is taken away.
pub fn rebuild(data: &Path, change: impl FnOnce(&mut Vec<Row>)) {
    let log = data.join("log.db");
    let mut rows = rows(&log);
    change(&mut rows);
    let mut range = CompactRange::new();
    let mut streams = std::collections::HashMap::new();
    let mut inserts = Vec::new();
    for (row, pos) in rows.iter().zip(1_u64..) {
        let (sv, prev) = streams.get(&row.sid).map_or((1, None), |(sv, hash)| (sv + 1, Some(*hash)));
        let mut parsed = Leaf::parse(&row.leaf).unwrap();
        parsed.draft.open = digest(row.open.as_bytes());
        let mut leaf = Vec::new();
        parsed.draft.prepare().unwrap().complete(pos, row.at, sv, prev.as_ref(), &mut leaf).unwrap();
        let hash = leaf_hash(&leaf);
        range.push(hash);
        streams.insert(row.sid, (sv, hash));
        inserts.push(
            Stmt::new("insert into event (pos, sid, sv, tid, at, leaf_hash, leaf, open, tags) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)")
                .int(pos as i64)
                .int(row.sid)
                .int(sv as i64)
                .int(row.tid)
                .int(row.at)
                .blob(*hash.as_bytes())
                .blob(leaf)
                .text(row.open.clone())
                .blob(row.tags.clone()),
        );
    }
    with_writer(&log, async |writer| {
        drop_guards(writer).await;
        writer.begin().await.unwrap();
        writer.execute(Stmt::new("delete from event")).await.unwrap();
        for insert in inserts {
            writer.execute(insert).await.unwrap();
        }
        let size = rows.len() as i64;
        writer.execute(Stmt::new("delete from log_command where first > $1").int(size)).await.unwrap();
        let head = Stmt::new("update log_head set size = $1, root = $2, range = $3, at = $4")
            .int(size)
            .blob(*range.root().as_bytes())
            .blob(range.to_bytes())
            .int(rows.last().unwrap().at);
        writer.execute(head).await.unwrap();
        writer.commit().await.unwrap();
    });
    let _ = std::fs::remove_file(data.join("tiles.db"));
}
