//! The benchmark: what the machine can do, and what this program does with it, in one run.
//!
//! A goal is a ratio against a raw limit measured in the same run (`limits`): the same work done
//! through the same database library in the best known way. `load` sends requests from this
//! process to a server in a process of its own (`child`), on a small world (`world`).

mod bundle;
mod child;
mod limits;
mod load;
mod reads;
mod report;
mod sealing;
mod world;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::BenchArgs;
use crate::installation::InstallationError;
pub use child::edge;
pub use load::{Client, Load, LoadError, Measured, Pace, Target};
pub use report::Report;

/// Why a benchmark could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The system: files, processes, sockets.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The database of a raw limit.
    #[error("the database of a raw limit does not work")]
    Sql(#[from] sfs_sql::SqlError),
    /// The data directory of the measurement.
    #[error(transparent)]
    Installation(#[from] InstallationError),
    /// The requests.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The world could not be made.
    #[error("the world of the measurement could not be made: {0}")]
    World(String),
}

fn io(what: &'static str) -> impl Fn(std::io::Error) -> BenchError {
    move |source| BenchError::Io { what, source }
}

/// The goal at so many connections, as a ratio to the HTTP edge.
const fn edge_goal(connections: usize) -> Option<f64> {
    match connections {
        16 => Some(0.27),
        64 => Some(0.5),
        256 => Some(0.6),
        _ => None,
    }
}

/// How long commands are sent to a server that has just started: enough to come to each stream.
const WARM_UP: Duration = Duration::from_secs(3);

struct Bench<'a> {
    args: &'a BenchArgs,
    directory: PathBuf,
    report: Report,
}

impl Bench<'_> {
    fn wants(&self, part: &str) -> bool {
        self.args.only.is_empty() || self.args.only.iter().any(|only| only == part)
    }

    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.args.seconds)
    }

    fn fresh(&self, name: &str) -> Result<PathBuf, BenchError> {
        let path = self.directory.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(io("cannot clear a directory"))?;
        }
        std::fs::create_dir_all(&path).map_err(io("cannot make a directory"))?;
        Ok(path)
    }
}

/// Measures everything that was asked for and prints as it goes.
pub async fn run(args: &BenchArgs, json: bool) -> Result<Report, BenchError> {
    let temporary = args.directory.is_none();
    let directory = args
        .directory
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("sfs-bench-{}", std::process::id())));
    std::fs::create_dir_all(&directory).map_err(io("cannot make the directory of the measurement"))?;
    let mut bench = Bench { args, directory: directory.clone(), report: Report::new(json) };
    let measured = measure(&mut bench).await;
    if temporary {
        remove(&directory);
    }
    measured.map(|()| bench.report)
}

fn remove(directory: &Path) {
    if let Err(why) = std::fs::remove_dir_all(directory) {
        tracing::warn!(error = %why, "the directory of the measurement is still there");
    }
}

async fn measure(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    bench.report.header();
    if ["limits", "http", "bulk", "sealing"].iter().any(|part| bench.wants(part)) {
        limits::measure(bench).await?;
    }
    if bench.wants("sealing") {
        sealing::measure(bench).await?;
    }
    if bench.wants("http") || bench.wants("bulk") || bench.wants("lag") {
        commands(bench).await?;
    }
    if bench.wants("reads") {
        reads::measure(bench).await?;
    }
    if bench.wants("bundle") {
        bundle::measure(bench).await?;
    }
    bench.report.footer();
    Ok(())
}

/// Commands over HTTP: one by one, in bulk, and how far the read models are behind.
async fn commands(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    let length = bench.length();
    if bench.wants("http") {
        let edge = child::Child::edge().await?;
        for &connections in &bench.args.connections {
            let mut rates = Vec::new();
            for _ in 0..bench.args.runs {
                let load = Load::new(edge.address, world::edge_target(), connections, Pace::Closed, length);
                rates.push(load.run().await?.rate());
            }
            bench.report.add(&format!("edge {connections}"), "HTTP edge, connections: ", "req/s", &rates, None);
        }
        edge.end().await;
    }
    let directory = bench.fresh("commands")?;
    let world = world::make(&directory).await?;
    let server = child::Child::serve(&directory).await?;
    bench.report.add_bytes("idle", "server idle, resident", server.resident(), Some(40.0));
    if bench.wants("http") {
        // The rest is measured on a server that has its states in memory, as one that has run for a day.
        let cold = Load::new(server.address, world.commands(), 64, Pace::Closed, length.max(WARM_UP));
        let measured = cold.run().await?;
        measured.expect_only(&[201])?;
        let rates = [measured.rate()];
        bench.report.add("cold", "commands after the start, connections: 64", "cmd/s", &rates, None);
        for &connections in &bench.args.connections {
            let (mut rates, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..bench.args.runs {
                let load = Load::new(server.address, world.commands(), connections, Pace::Closed, length);
                let measured = load.run().await?;
                measured.expect_only(&[201])?;
                rates.push(measured.rate());
                p50.push(measured.percentile(0.5));
                p99.push(measured.percentile(0.99));
            }
            let name = format!("http {connections}");
            let against = match connections {
                1 => Some(("sqlite single", Some(0.7))),
                _ => None,
            };
            bench.report.add(&name, "commands over HTTP, connections: ", "cmd/s", &rates, against);
            let edge = format!("edge {connections}");
            bench.report.compare(&name, &edge, edge_goal(connections));
            if connections == 64 {
                bench.report.compare(&name, "sqlite 100", Some(0.8));
            }
            bench.report.add(&format!("{name} p50"), "  … p50", "ms", &p50, None);
            bench.report.add(&format!("{name} p99"), "  … p99", "ms", &p99, None);
        }
        bench.report.add_bytes("loaded", "server after these connections, peak", server.peak(), Some(96.0));
    }
    if bench.wants("bulk") {
        let mut rates = Vec::new();
        for _ in 0..bench.args.runs {
            let load = Load::new(server.address, world.bulk(1_000), 2, Pace::Closed, length);
            let measured = load.run().await?;
            measured.expect_only(&[200])?;
            rates.push(measured.rate() * 1_000.0);
        }
        bench.report.add("bulk", "bulk, 1,000 commands a request", "cmd/s", &rates, Some(("sqlite 1000", Some(0.6))));
    }
    if bench.wants("lag") {
        let lag = reads::lag(&server, &world, length, 5_000.0).await?;
        bench.report.add("lag", "read models behind at 5,000 cmd/s, p99", "ms", &lag, None);
        bench.report.goal("lag", "≤ 50 ms");
    }
    server.end().await;
    Ok(())
}
