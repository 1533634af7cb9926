//! A load generator for the HTTP interface: a closed loop, or a fixed rate without coordinated
//! omission, on connections that are kept alive.
//!
//! It shares the machine with the server, so a request costs as little as possible: bytes that were
//! put together before, one thread, no JSON. At a fixed rate every request has an intended start,
//! and its latency counts from there, so that a server which makes the others wait is seen to do
//! so. The timer has a resolution of one millisecond, which such latencies include.

mod connection;
mod options;
mod report;
mod run;

use std::process::ExitCode;

use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    match measure(&Options::parse()) {
        Ok(text) => {
            println!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("load: {why}");
            ExitCode::FAILURE
        }
    }
}

fn measure(options: &Options) -> Result<String, Box<dyn std::error::Error>> {
    let plan = options.plan()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let report = runtime.block_on(run::run(plan));
    Ok(serde_json::to_string(&report)?)
}
