//! `sfs rebuild`: the read models made anew beside the old ones, then swapped in.

use serde::Serialize;
use std::time::Instant;

use super::{VerbError, answer};
use crate::cli::exit;
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};
use crate::progress::Shown;

#[derive(Serialize)]
struct Rebuilt {
    events: u64,
    seconds: f64,
    events_per_second: f64,
}

pub async fn run(configuration: Configuration, json: bool) -> Result<u8, VerbError> {
    let opening = Opening { create: false, ..Opening::default() };
    let installation = Installation::open(&configuration, opening).await.map_err(VerbError::opening)?;
    let shown = Shown::start("Lesemodelle aufbauen", json);
    let started = Instant::now();
    let rebuilt = installation.reads.rebuild(|progress| shown.at(progress.position, progress.target)).await;
    let seconds = started.elapsed().as_secs_f64();
    shown.end();
    let events = installation.reads.position();
    installation.close().await;
    rebuilt.map_err(VerbError::unusable)?;
    let rebuilt = Rebuilt { events, seconds, events_per_second: events as f64 / seconds };
    if json {
        answer(&rebuilt);
    } else {
        println!("{events} events in {seconds:.1} s ({:.0} events/s)", rebuilt.events_per_second);
    }
    Ok(exit::OK)
}
