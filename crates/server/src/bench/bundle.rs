//! What proof costs: an evidence bundle of a twentieth of a log made and verified, and the whole log
//! verified, each by this program in a process of its own that counts its processor time and memory.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use super::{Bench, BenchError, child, io, world};
use crate::installation::{Installation, Opening};
use crate::progress::Shown;

/// One event of so many stands in the bundle.
const ONE_OF: u64 = 20;

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    let (events, directory) = (bench.args.events, bench.fresh("bundle")?);
    let made = world::make(&directory).await?;
    let shown = Shown::start("Ereignisse anlegen", bench.args.edge);
    world::grow(&directory, &made, events, |done| shown.at(done, events)).await?;
    shown.end();
    let key = child::output(&directory, &["--json", "key", "new"]).await?;
    let key = key[0].as_str().unwrap_or_default();
    sign(&directory).await?;
    let path = |name: &str| directory.join(name).display().to_string();
    let (policy, positions, bundle) = (path("policy"), path("positions"), path("bundle.tar"));
    write(&policy, &format!("log {key}\nquorum none\n"))?;
    // Scattered, so that no two of them share much of their proof.
    let chosen = (0..events / ONE_OF).map(|n| 1 + n * ONE_OF + n.wrapping_mul(7_919) % ONE_OF);
    write(&positions, &chosen.map(|position| format!("{position}\n")).collect::<String>())?;
    let chosen = format!("@{positions}");
    let named = ("bundle", "bundle of a twentieth of the events made");
    run(bench, &directory, named, &["bundle", &bundle, "--position", &chosen]).await?;
    let length = std::fs::metadata(&bundle).map_err(io("there is no bundle"))?.len();
    bench.report.add_bytes("bundle length", "  … length", length, None);
    let named = ("bundle verify", "bundle verified (level 1)");
    run(bench, &directory, named, &["verify", &bundle, "--policy", &policy]).await?;
    bench.report.goal("bundle verify", "≤ 1 s for 50,000 events of 1,000,000");
    let named = ("log verify", "data directory verified (level 2)");
    run(bench, &directory, named, &["verify", "--log-only", "--policy", &policy]).await
}

/// Runs a verb and notes time, processor time and memory.
async fn run(
    bench: &mut Bench<'_>,
    directory: &Path,
    (name, what): (&str, &str),
    args: &[&str],
) -> Result<(), BenchError> {
    let (mut times, mut cpu, mut memory) = (Vec::new(), Vec::new(), 0);
    for _ in 0..bench.args.runs.min(3) {
        let started = Instant::now();
        let answer: Value = child::output(directory, &[&["--json"], args].concat()).await?;
        times.push(started.elapsed().as_secs_f64());
        cpu.push(answer["cpu_seconds"].as_f64().unwrap_or_default());
        memory = memory.max(answer["peak_memory"].as_u64().unwrap_or_default());
    }
    bench.report.add(name, what, "s", &times, None);
    bench.report.add(&format!("{name} cpu"), "  … processor time", "s", &cpu, None);
    bench.report.add_bytes(&format!("{name} memory"), "  … most memory", memory, None);
    Ok(())
}

/// Signs what the log has, as a server would.
async fn sign(directory: &Path) -> Result<(), BenchError> {
    let installation = Installation::open(&world::configuration(directory), Opening::default()).await?;
    let signed = match &installation.notary {
        Some(notary) => notary.sign().await.map_err(|why| BenchError::World(why.to_string())),
        None => Err(BenchError::World("there is no signer".into())),
    };
    installation.close().await;
    signed
}

fn write(path: &str, text: &str) -> Result<(), BenchError> {
    std::fs::write(path, text).map_err(io("cannot write a file"))
}
