//! `sfs verify`: the log computed again from its bytes, the read models from the log.

use std::sync::Arc;

use serde::Serialize;
use sfs_command::{Clock, SystemClock};
use sfs_eventlog::tags;
use sfs_ledger::{Leaf, OpenBody};
use sfs_sql::{Db, Options};

use super::{VerbError, answer};
use crate::cli::{VerifyArgs, exit};
use crate::configuration::Configuration;
use crate::installation::log_path;
use crate::progress::Shown;

/// The tags that an event has by its leaf and open body: the same that the command side gave it.
pub fn event_tags(leaf: &Leaf<'_>, open: &OpenBody<'_>) -> Vec<Arc<str>> {
    let event_type = &*leaf.draft.event_type;
    let mut all = vec![
        tags::event_type(event_type),
        tags::category(event_type.split('.').next().unwrap_or_default()),
        tags::actor(&leaf.draft.actor),
        tags::district(&open.ags),
    ];
    all.extend(open.provider.as_ref().map(tags::provider));
    all.extend(open.school.as_ref().map(tags::school));
    all
}

#[derive(Serialize)]
struct FindingLine {
    position: u64,
    check: String,
    what: String,
}

#[derive(Serialize)]
struct Answer {
    events: u64,
    root: String,
    findings: Vec<FindingLine>,
    found: u64,
    not_checked: Vec<&'static str>,
}

pub async fn run(configuration: Configuration, args: &VerifyArgs, json: bool) -> Result<u8, VerbError> {
    let path = log_path(&configuration);
    if !path.exists() {
        return Err(VerbError::unusable(format!("there is no log {}", path.display())));
    }
    let options = Options { create: false, readers: 2, cache_kib: 64 * 1024, ..Options::default() };
    let db = Db::open(&path, options).await.map_err(VerbError::unusable)?;
    let shown = Shown::start("Journal prüfen", json);
    let report = sfs_eventlog_sql::verify(&db, event_tags, |done, total| shown.at(done, total)).await;
    shown.end();
    let report = report.map_err(VerbError::unusable)?;
    let mut not_checked = vec![
        "the signed checkpoint (`sfs serve` does at its start) and witnesses (there are none yet)",
        "what was never recorded",
    ];
    let mut findings: Vec<FindingLine> = report
        .findings
        .iter()
        .map(|finding| FindingLine {
            position: finding.position,
            check: finding.check.into(),
            what: finding.what.clone(),
        })
        .collect();
    let log_is_whole = report.found == 0;
    let mut found = report.found;
    if args.log_only {
        not_checked.push("read models (left out)");
    } else if log_is_whole {
        let differing = compare_read_models(&configuration, db, json).await?;
        found += differing.len() as u64;
        findings.extend(differing);
    } else {
        not_checked.push("read models (the log is not whole)");
    }
    let root = report.root.map(|root| root.to_b64()).unwrap_or_default();
    if json {
        answer(&Answer { events: report.events, root, findings, found, not_checked });
    } else {
        for finding in &findings {
            println!("{:>10}  {:16} {}", finding.position, finding.check, finding.what);
        }
        println!("{} events · root {root} · {found} findings", report.events);
        for thing in not_checked {
            println!("not checked: {thing}");
        }
    }
    Ok(match (log_is_whole, found) {
        (true, 0) => exit::OK,
        (true, _) => exit::FINDINGS,
        (false, _) => exit::INVALID,
    })
}

/// The read models against a rebuild from the log, table by table.
async fn compare_read_models(configuration: &Configuration, db: Db, json: bool) -> Result<Vec<FindingLine>, VerbError> {
    let reader = Arc::new(sfs_eventlog_sql::SqliteReader::new(db));
    let shown = Shown::start("Lesemodelle vergleichen", json);
    let now = Arc::new(|| SystemClock.now_micros());
    let compared = sfs_readmodel::compare_with_rebuild(&configuration.data.join("read"), reader, now, |done, total| {
        shown.at(done, total);
    })
    .await;
    shown.end();
    let differing = compared.map_err(VerbError::unusable)?;
    Ok(differing
        .into_iter()
        .map(|table| FindingLine {
            position: 0,
            check: "read model".into(),
            what: format!("`{table}` differs from a rebuild"),
        })
        .collect())
}
