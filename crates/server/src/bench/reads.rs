//! The read side: how far it is behind, how fast it is made anew, how fast it answers, live and as
//! of any position.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sfs_eventlog::{Direction, Filter, Reader};
use sfs_eventlog_sql::SqliteReader;
use sfs_ledger::OpenBody;
use sfs_sql::{Db, Options};

use super::child::Child;
use super::load::Client;
use super::world::{self, World};
use super::{Bench, BenchError, Load, Pace};
use crate::installation::{Installation, Opening};
use crate::progress::Shown;

/// The reads that are measured.
const QUERIES: [(&str, &str); 5] = [
    ("overview", "/v1/overview?period=2024/25"),
    ("coverage", "/v1/coverage?limit=100"),
    ("staffing", "/v1/staffing?limit=100"),
    ("activities", "/v1/activities?period=2024/25"),
    ("trainings", "/v1/trainings?limit=100"),
];

/// Milliseconds from a command's answer until the read models have it, p99, while `rate` commands a
/// second come in.
pub(super) async fn lag(server: &Child, world: &World, length: Duration, rate: f64) -> Result<Vec<f64>, BenchError> {
    let load =
        Load::new(server.address, world.commands(), 32, Pace::PerSecond(rate), length.max(Duration::from_secs(2)));
    let background = tokio::spawn(async move { load.run().await });
    let mut client = Client::connect(server.address).await?;
    let (command, read) = (world.commands(), world.get("/v1/overview"));
    let (mut request, mut body, mut lags) = (Vec::new(), Vec::new(), Vec::new());
    while !background.is_finished() {
        command.write(server.address, "", &mut request, &mut body);
        client.send(&request).await?;
        let answered = Instant::now();
        let Some(token) = client.header("consistency-token").map(ToOwned::to_owned) else { continue };
        let extra = format!("Consistency-Token: {token}\r\nPrefer: wait=10\r\n");
        read.write(server.address, &extra, &mut request, &mut body);
        let status = client.send(&request).await?;
        if status != 200 {
            return Err(BenchError::World(format!("a read answered {status}: {}", client.body())));
        }
        lags.push(answered.elapsed().as_secs_f64() * 1_000.0);
    }
    background.await.map_err(|why| BenchError::World(why.to_string()))??.expect_only(&[201])?;
    lags.sort_by(f64::total_cmp);
    let at = ((lags.len().saturating_sub(1)) as f64 * 0.99).round() as usize;
    Ok(vec![lags.get(at).copied().unwrap_or_default()])
}

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    let events = bench.args.events;
    let directory = bench.fresh("reads")?;
    let world = world::make(&directory).await?;
    let shown = Shown::start("Ereignisse anlegen", bench.args.edge);
    let started = Instant::now();
    world::grow(&directory, &world, events, |done| shown.at(done, events)).await?;
    shown.end();
    let grown = events as f64 / started.elapsed().as_secs_f64();
    bench.report.add("grow", "appended in process, in lists of 1,000", "ev/s", &[grown], None);
    let (mut scans, mut decodes) = (Vec::new(), Vec::new());
    for _ in 0..bench.args.runs.min(3) {
        scans.push(scan(&directory, false).await?);
        decodes.push(scan(&directory, true).await?);
    }
    bench.report.add("scan", "the log read from its start", "ev/s", &scans, None);
    bench.report.add("decode", "the log read and decoded", "ev/s", &decodes, None);
    rebuild(bench, &directory).await?;
    let server = Child::serve(&directory).await?;
    bench.report.add("start", "from start to ready", "s", &[server.started_in], None);
    bench.report.goal("start", "≤ 1 s at 5,000,000 events");
    proofs(bench, &server, &world).await?;
    queries(bench, &server, &world).await?;
    bench.report.add_bytes("reads memory", "server after the queries, peak", server.peak(), Some(128.0));
    server.end().await;
    Ok(())
}

/// How long the tree of the log takes to be made from it once, and a proof from it over HTTP.
async fn proofs(bench: &mut Bench<'_>, server: &Child, world: &World) -> Result<(), BenchError> {
    let (mut client, mut times) = (Client::connect(server.address).await?, Vec::new());
    let (mut request, mut body) = (Vec::new(), Vec::new());
    let started = Instant::now();
    for round in 0..=1_000_u64 {
        let position = 1 + round * 7_919 % bench.args.events;
        let proof = world.get(&format!("/v1/proofs/inclusion?position={position}"));
        let mut asked = Instant::now();
        proof.write(server.address, "", &mut request, &mut body);
        while client.send(&request).await? == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            asked = Instant::now();
        }
        if round > 0 {
            times.push(asked.elapsed().as_secs_f64() * 1_000.0);
        } else {
            bench.report.add(
                "tree",
                "from start to the first proof, tiles made anew",
                "s",
                &[started.elapsed().as_secs_f64()],
                None,
            );
        }
    }
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or_default();
    bench.report.add("proof", "inclusion proof over HTTP, p50", "ms", &[at(0.5)], None);
    bench.report.goal("proof", "≤ 1 ms");
    bench.report.add("proof p99", "  … p99", "ms", &[at(0.99)], None);
    Ok(())
}

async fn scan(directory: &std::path::Path, decode: bool) -> Result<f64, BenchError> {
    let broken = |why: String| BenchError::World(why);
    let options = Options { create: false, readers: 1, ..Options::default() };
    let reader = Arc::new(SqliteReader::new(Db::open(directory.join("log.db"), options).await?));
    let started = Instant::now();
    let (mut cursor, mut n) = (0, 0_u64);
    loop {
        let page = reader.read(&Filter::default(), Direction::Forwards, cursor, 2_000).await;
        let page = page.map_err(|why| broken(why.to_string()))?;
        for event in page.events.iter().filter(|_| decode) {
            let open = OpenBody::parse(&event.open).map_err(|why| broken(why.to_string()))?;
            sfs_domain::wire::decode(&event.event_type, open.data).map_err(|why| broken(why.to_string()))?;
        }
        n += page.events.len() as u64;
        if page.scanned_to == cursor {
            return Ok(n as f64 / started.elapsed().as_secs_f64());
        }
        cursor = page.scanned_to;
    }
}

async fn rebuild(bench: &mut Bench<'_>, directory: &std::path::Path) -> Result<(), BenchError> {
    let installation = Installation::open(&world::configuration(directory), Opening::default()).await?;
    let mut rates = Vec::new();
    let mut seconds = Vec::new();
    for _ in 0..bench.args.runs.min(3) {
        let started = Instant::now();
        let rebuilt = installation.reads.rebuild(|_| {}).await;
        rebuilt.map_err(|why| BenchError::World(why.to_string()))?;
        seconds.push(started.elapsed().as_secs_f64());
        rates.push(installation.reads.position() as f64 / started.elapsed().as_secs_f64());
    }
    installation.close().await;
    bench.report.add("rebuild", "all read models made anew", "ev/s", &rates, Some(("decode", Some(0.4))));
    bench.report.add("rebuild time", "  … time", "s", &seconds, None);
    bench.report.goal("rebuild", "≥ 200,000 ev/s; 5,000,000 events in ≤ 30 s");
    Ok(())
}

async fn queries(bench: &mut Bench<'_>, server: &Child, world: &World) -> Result<(), BenchError> {
    // Warm: the first answer of each is not counted.
    for as_of in [false, true] {
        for (name, path) in QUERIES {
            let (mut client, mut times) = (Client::connect(server.address).await?, Vec::new());
            let (mut request, mut body) = (Vec::new(), Vec::new());
            let rounds = if as_of { 20 } else { 200 };
            for round in 0..=rounds {
                let known = 1 + (bench.args.events / (rounds + 1)) * round;
                let separator = if path.contains('?') { '&' } else { '?' };
                let path = if as_of { format!("{path}{separator}known_until={known}") } else { path.to_owned() };
                world.get(&path).write(server.address, "", &mut request, &mut body);
                let started = Instant::now();
                let status = client.send(&request).await?;
                if round > 0 {
                    times.push(started.elapsed().as_secs_f64() * 1_000.0);
                }
                if status != 200 {
                    return Err(BenchError::World(format!("{path} answered {status}: {}", client.body())));
                }
            }
            times.sort_by(f64::total_cmp);
            let p99 = times[((times.len() - 1) as f64 * 0.99).round() as usize];
            let kind = if as_of { "as of any position" } else { "live" };
            let key = format!("{name} {}", if as_of { "as-of" } else { "live" });
            bench.report.add(&key, &format!("GET {name}, {kind}, p99"), "ms", &[p99], None);
            bench.report.goal(&key, if as_of { "≤ 500 ms at 5,000,000 events" } else { "≤ 20 ms at 5,000,000 events" });
        }
    }
    Ok(())
}
