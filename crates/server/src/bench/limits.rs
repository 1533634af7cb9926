//! What the machine and the database can do: the limits that everything else is put beside.

use std::fs::OpenOptions;
use std::io::{Seek, SeekFrom, Write};
use std::time::Instant;

use sfs_eventlog::Limits;
use sfs_eventlog_sql::Settings;
use sfs_sql::{Db, Durability, Many, Options, Stmt, Writer};

use super::{Bench, BenchError, io};

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    let directory = bench.fresh("limits")?;
    let (mut append, mut overwrite) = (Vec::new(), Vec::new());
    for _ in 0..bench.args.runs {
        append.push(sync(bench, &directory.join("append"), true)?);
        overwrite.push(sync(bench, &directory.join("overwrite"), false)?);
    }
    bench.report.add("sync append", "fdatasync, 4 KiB appended to a file", "1/s", &append, None);
    bench.report.add("sync overwrite", "fdatasync, 4 KiB overwritten", "1/s", &overwrite, None);
    for (name, what, rows) in [
        ("sqlite single", "SQLite FULL, one plain row a transaction", 0),
        ("sqlite 1", "SQLite FULL, our tables, events a transaction: ", 1),
        ("sqlite 100", "SQLite FULL, our tables, events a transaction: ", 100),
        ("sqlite 1000", "SQLite FULL, our tables, events a transaction: ", 1_000),
    ] {
        let mut rates = Vec::new();
        for _ in 0..bench.args.runs {
            rates.push(if rows == 0 { plain(bench).await? } else { our_tables(bench, rows).await? });
        }
        bench.report.add(name, what, "ev/s", &rates, None);
    }
    Ok(())
}

fn sync(bench: &Bench<'_>, path: &std::path::Path, grows: bool) -> Result<f64, BenchError> {
    let failed = io("cannot write a file");
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path).map_err(&failed)?;
    let block = [7; 4_096];
    file.write_all(&block).map_err(&failed)?;
    file.sync_all().map_err(&failed)?;
    let (started, mut n) = (Instant::now(), 0_u32);
    while started.elapsed() < bench.length() {
        if !grows {
            file.seek(SeekFrom::Start(0)).map_err(&failed)?;
        }
        file.write_all(&block).map_err(&failed)?;
        file.sync_data().map_err(&failed)?;
        n += 1;
    }
    Ok(f64::from(n) / started.elapsed().as_secs_f64())
}

/// The sizes of a leaf and an open body of an intervention.
fn leaf() -> Vec<u8> {
    vec![b'x'; 560]
}

fn open_body() -> String {
    "y".repeat(330)
}

async fn plain(bench: &Bench<'_>) -> Result<f64, BenchError> {
    let db = Db::open(bench.fresh("plain")?.join("plain.db"), Options::default()).await?;
    let mut writer = db.writer().await?;
    writer
        .run_script("create table event (pos integer primary key, stream text not null, sv integer not null, body text not null, unique (stream, sv)) strict")
        .await?;
    let (started, mut n) = (Instant::now(), 0_i64);
    while started.elapsed() < bench.length() {
        n += 1;
        let insert = Stmt::new("insert into event (pos, stream, sv, body) values ($1, $2, $3, $4)");
        writer.execute(insert.int(n).text(format!("intervention/S{}", n % 10_000)).int(n).text(open_body())).await?;
        if n % 4_096 == 0 {
            writer.checkpoint(false).await?;
        }
    }
    Ok(n as f64 / started.elapsed().as_secs_f64())
}

/// The same rows that an append writes, in the same tables with the same guards, made ready
/// beforehand and written with the same statements.
async fn our_tables(bench: &Bench<'_>, rows: i64) -> Result<f64, BenchError> {
    let path = bench.fresh("tables")?.join("log.db");
    let settings = Settings {
        origin: "limit".into(),
        create: true,
        durability: Durability::Full,
        limits: Limits::default(),
        readers: 1,
    };
    let log = sfs_eventlog_sql::open(&path, settings, || 1).await;
    let log = log.map_err(|why| BenchError::World(why.to_string()))?;
    sfs_eventlog::EventLog::close(&log).await;
    let db = Db::open(&path, Options::default()).await?;
    let mut writer = db.writer().await?;
    let streams = Many::insert("stream (sid, name)", 2).statements((1..=10_000).collect::<Vec<i64>>(), |stmt, n| {
        stmt.int(n).text(format!("intervention/S{n}/2025-26"))
    });
    writer.begin().await?;
    for stmt in streams {
        writer.execute(stmt).await?;
    }
    writer.run_script("insert into event_type (tid, name) values (1, 'intervention.recorded.v1')").await?;
    writer.commit().await?;
    let events = Many::insert("event (pos, sid, sv, tid, at, leaf_hash, leaf, open, tags)", 9);
    let commands = Many::insert("log_command (cmd, digest, first, count, at)", 5);
    let (started, mut n) = (Instant::now(), 0_i64);
    while started.elapsed() < bench.length() {
        append(&mut writer, &events, &commands, n, rows).await?;
        n += rows;
        if n % (rows * 64) == 0 {
            writer.checkpoint(false).await?;
        }
    }
    Ok(n as f64 / started.elapsed().as_secs_f64())
}

/// A number that looks random and is the same each time.
const fn scatter(n: i64) -> u64 {
    (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}

async fn append(writer: &mut Writer, events: &Many, commands: &Many, base: i64, rows: i64) -> Result<(), BenchError> {
    let mut parts = vec![Stmt::new("begin immediate")];
    let positions: Vec<i64> = (base + 1..=base + rows).collect();
    parts.extend(events.statements(positions.clone(), |stmt, n| {
        stmt.int(n)
            .int(1 + (scatter(n) % 10_000) as i64)
            .int(n)
            .int(1)
            .int(n)
            .blob(vec![1; 32])
            .blob(leaf())
            .text(open_body())
            .blob(vec![1, 2, 3, 4, 5, 6])
    }));
    parts.extend(commands.statements(positions, |stmt, n| {
        let mut id = scatter(n).to_be_bytes().to_vec();
        id.extend((n as u64).to_be_bytes());
        stmt.blob(id).blob(vec![2; 32]).int(n).int(1).int(n)
    }));
    parts.push(Stmt::new("update log_head set size = ?, at = ? where id = 1").int(base + rows).int(base + rows));
    parts.push(Stmt::new("commit"));
    writer.execute(Stmt::batch(parts)).await?;
    Ok(())
}
