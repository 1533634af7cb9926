//! Changes that the product would never make, made past it: what an accident, an attacker or a
//! newer program leaves behind.

use std::path::Path;
use std::sync::Arc;

use sfs_eventlog::{Append, Appended, EventLog, Expected, Limits, NewEvent, StreamWrite, tags};
use sfs_eventlog_sql::Settings;
use sfs_ledger::{LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use sfs_sql::{Db, Durability, Options, Stmt};
use uuid::Uuid;

/// A type that no program knows yet.
pub const UNKNOWN_TYPE: &str = "school.teleported.v1";

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Runs statements on a database file of the installation.
fn execute(path: &Path, create: bool, statements: &[&'static str]) {
    block_on(async {
        let db = Db::open(path, Options { create, ..Options::default() }).await.unwrap();
        let mut writer = db.writer().await.unwrap();
        for statement in statements {
            writer.execute(Stmt::new(statement)).await.unwrap();
        }
        writer.close().await.unwrap();
        db.close().await;
    });
}

/// Moves what stands in write-ahead logs into the database files, so that these are all there is.
pub fn settle(data: &Path) {
    for path in super::files(data).into_iter().filter(|path| path.extension().is_some_and(|end| end == "db")) {
        block_on(async {
            let db = Db::open(&path, Options { create: false, ..Options::default() }).await.unwrap();
            let mut writer = db.writer().await.unwrap();
            writer.fetch_all(Stmt::new("pragma wal_checkpoint(truncate)")).await.unwrap();
            // The last connection takes the write-ahead log with it.
            db.close().await;
            writer.close().await.unwrap();
        });
        let wal = path.with_extension("db-wal");
        assert!(!wal.exists(), "{} is still there", wal.display());
    }
}

/// Raises the log's level, as a newer program would.
pub fn raise_level(data: &Path) {
    execute(&data.join("log.db"), false, &["update log_head set level = level + 1"]);
}

/// Puts another program's database in the place of a file.
pub fn foreign_database(path: &Path) {
    std::fs::remove_file(path).unwrap();
    execute(path, true, &["create table recipe (name text)", "insert into recipe values ('plum cake')"]);
}

/// Changes one byte of a leaf, with the guards taken away.
pub fn change_leaf(data: &Path, position: u64) {
    block_on(async {
        let db = Db::open(data.join("log.db"), Options { create: false, ..Options::default() }).await.unwrap();
        let mut writer = db.writer().await.unwrap();
        writer.execute(Stmt::new("drop trigger event_no_update")).await.unwrap();
        // The last character of the leaf's format is a digit before the closing brace.
        let change = "update event set leaf = cast(substr(cast(leaf as text), 1, length(leaf) - 2) || '2}' as blob) where pos = $1";
        assert_eq!(writer.execute(Stmt::new(change).int(position as i64)).await.unwrap(), 1);
        writer.close().await.unwrap();
        db.close().await;
    });
}

/// Changes the last event of the log.
pub fn change_last_leaf(data: &Path) {
    let events = super::process::run_well(data, &["events"]);
    change_leaf(data, events.lines().count() as u64);
}

/// Appends an event of a type that this program does not know, through the log's own door; answers
/// its position.
pub fn unknown_type(data: &Path, stream: &str) -> u64 {
    let mut open = Vec::new();
    let body = OpenBody {
        occurred_on: "2026-09-02".into(),
        ags: "15083".into(),
        provider: None,
        operation: None,
        school: None,
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data: "{}",
        salt: [7; 16],
    };
    write_open(&body, &mut open).unwrap();
    let command = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    let actor = "00000000-0000-7000-8000-000000000009";
    let leaf = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(7),
        stream: stream.into(),
        event_type: UNKNOWN_TYPE.into(),
        actor: actor.into(),
        role: "CO".into(),
        org: None,
        rule: "teleport-school/CO@state".into(),
        cmd: command,
        corr: None,
        cause: None,
        by: "sfs 99.0.0".into(),
        open: digest(&open),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let append = Append {
        command,
        digest: [9; 32],
        writes: vec![StreamWrite {
            stream: stream.into(),
            expected: Expected::Any,
            events: vec![NewEvent {
                leaf: leaf.prepare().unwrap(),
                event_type: UNKNOWN_TYPE.into(),
                open: String::from_utf8(open).unwrap(),
                tags: vec![
                    tags::event_type(UNKNOWN_TYPE),
                    tags::category("school"),
                    tags::actor(actor),
                    tags::district("15083"),
                ],
                sealed: Vec::new(),
            }],
        }],
        guards: Vec::new(),
    };
    block_on(async {
        let settings = Settings {
            origin: "sfs.local/log/1".into(),
            create: false,
            durability: Durability::Full,
            limits: Limits::default(),
            readers: 1,
        };
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_micros() as i64;
        let log: Arc<dyn EventLog> =
            Arc::new(sfs_eventlog_sql::open(&data.join("log.db"), settings, now).await.unwrap());
        let appended = log.append(append).await.unwrap();
        log.close().await;
        match appended {
            Appended::Committed(committed) => committed.first,
            Appended::Replayed(_) => panic!("nobody has sent this command before"),
        }
    })
}
