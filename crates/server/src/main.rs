//! `sfs`: the programme ledger on the command line.

use std::process::ExitCode;

use clap::Parser;
use sfs_server::cli::Cli;

/// The system's allocator cost a quarter of a command's processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    sfs_server::verbs::run(cli)
}
