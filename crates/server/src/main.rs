//! `sfs`: the programme ledger on the command line.

use std::process::ExitCode;

use clap::Parser;
use sfs_server::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    sfs_server::verbs::run(cli)
}
