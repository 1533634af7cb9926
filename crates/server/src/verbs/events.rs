//! `sfs events`: the log as NDJSON, for programs that compute with it or check it.

use std::io::Write;
use std::sync::Arc;

use serde::Serialize;
use sfs_eventlog::{Direction, Filter, Reader, tags};
use sfs_eventlog_sql::SqliteReader;
use sfs_sql::{Db, Options};

use super::VerbError;
use crate::cli::{EventsArgs, exit};
use crate::configuration::Configuration;
use crate::installation::log_path;

/// One line.
#[derive(Serialize)]
struct Line<'a> {
    position: u64,
    stream: &'a str,
    version: u64,
    #[serde(rename = "type")]
    event_type: &'a str,
    /// Microseconds since 1970, UTC.
    recorded_at: i64,
    /// The open body as it is stored.
    open: &'a serde_json::value::RawValue,
    /// The leaf as it is stored: the text whose SHA-256 with a zero byte in front is the hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaf_hash: Option<String>,
}

pub async fn run(configuration: Configuration, args: &EventsArgs) -> Result<u8, VerbError> {
    let path = log_path(&configuration);
    if !path.exists() {
        return Err(VerbError::unusable(format!("there is no log {}", path.display())));
    }
    // Reads beside a running server: the lock is the writer's.
    let options = Options { create: false, readers: 1, ..Options::default() };
    let reader = SqliteReader::new(Db::open(&path, options).await.map_err(VerbError::unusable)?);
    let types: Vec<Arc<str>> = args.types.iter().map(tags::event_type).collect();
    let filter = Filter { all_of: if types.is_empty() { Vec::new() } else { vec![types] }, leaves: args.leaves };
    let until = args.until.unwrap_or(u64::MAX);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut cursor = args.after;
    loop {
        let page = reader.read(&filter, Direction::Forwards, cursor, 2_000).await.map_err(VerbError::unusable)?;
        for event in page.events.iter().filter(|event| event.position <= until) {
            let line = Line {
                position: event.position,
                stream: &event.stream,
                version: event.version,
                event_type: &event.event_type,
                recorded_at: event.recorded_at,
                open: serde_json::from_str(&event.open).map_err(VerbError::defect)?,
                leaf: if args.leaves { std::str::from_utf8(&event.leaf).ok() } else { None },
                leaf_hash: args.leaves.then(|| event.leaf_hash.to_b64()),
            };
            let written = serde_json::to_writer(&mut out, &line).map_err(std::io::Error::from);
            if written.and_then(|()| out.write_all(b"\n")).is_err() {
                // Whoever reads has seen enough.
                return Ok(exit::OK);
            }
        }
        if page.scanned_to == cursor || page.scanned_to >= until {
            break;
        }
        cursor = page.scanned_to;
    }
    out.flush().map_err(VerbError::unusable)?;
    Ok(exit::OK)
}
