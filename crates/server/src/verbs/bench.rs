//! `sfs bench`: see `crate::bench`.

use super::VerbError;
use crate::bench;
use crate::cli::{BenchArgs, exit};

pub async fn run(args: &BenchArgs, json: bool) -> Result<u8, VerbError> {
    if args.edge {
        bench::edge().await.map_err(VerbError::unusable)?;
        return Ok(exit::OK);
    }
    let report = bench::run(args, json).await.map_err(VerbError::unusable)?;
    if json {
        println!("{}", report.to_json());
    }
    Ok(exit::OK)
}
