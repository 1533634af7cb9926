//! `sfs import`: a table from a file, all rows or none.

use std::io::{BufReader, Read};

use serde::Serialize;
use sfs_command::Caller;
use sfs_domain::{Grant, PrincipalId, Role, Scope};
use uuid::Uuid;

use super::{VerbError, answer};
use crate::cli::{ImportArgs, ImportKind, exit};
use crate::configuration::Configuration;
use crate::import::{self, ImportError, Kind};
use crate::installation::{Installation, Opening};

#[derive(Serialize)]
struct FindingLine {
    row: Option<u64>,
    column: Option<String>,
    rule: String,
    de: String,
    en: String,
}

#[derive(Serialize)]
struct Answer {
    dry_run: bool,
    rows: u64,
    accepted: u64,
    unchanged: u64,
    position: Option<u64>,
    findings: Vec<FindingLine>,
}

const fn kind(kind: ImportKind) -> Kind {
    match kind {
        ImportKind::Schools => Kind::Schools,
        ImportKind::Organisations => Kind::Organisations,
        ImportKind::Offices => Kind::Offices,
    }
}

/// Whoever has the data directory imports as coordination office: the console, with the role that
/// the commands of an import ask for. It is written into the events.
fn importer() -> Caller {
    let grant = Grant { role: Role::CoordinationOffice, scope: Scope::State {}, until: None };
    Caller { principal: PrincipalId(Uuid::nil()), grants: [grant].into(), read: None }
}

pub async fn run(configuration: Configuration, args: &ImportArgs, json: bool) -> Result<u8, VerbError> {
    if args.template {
        print!("{}", import::template(kind(args.kind)));
        return Ok(exit::OK);
    }
    let Some(file) = &args.file else { return Err(VerbError::Usage("a file is missing".into())) };
    let input: Box<dyn Read + Send> = if file.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        let opened = std::fs::File::open(file);
        let opened = opened.map_err(|why| VerbError::unusable(format!("cannot read {}: {why}", file.display())))?;
        Box::new(BufReader::new(opened))
    };
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::opening)?;
    let report = import::csv(&installation.handler, &importer(), kind(args.kind), input, args.dry_run).await;
    installation.close().await;
    let report = report.map_err(|why| match why {
        ImportError::Forbidden | ImportError::Value(_) | ImportError::Reference(_) => VerbError::defect(why),
        why => VerbError::unusable(why),
    })?;
    let shown = Answer {
        dry_run: report.dry_run,
        rows: report.rows,
        accepted: report.accepted,
        unchanged: report.unchanged,
        position: report.position,
        findings: report
            .findings
            .into_iter()
            .map(|finding| FindingLine {
                row: finding.row,
                column: finding.column,
                rule: finding.rule.to_owned(),
                de: finding.de,
                en: finding.en,
            })
            .collect(),
    };
    let code = if shown.findings.is_empty() { exit::OK } else { exit::FINDINGS };
    if json {
        answer(&shown);
        return Ok(code);
    }
    for finding in &shown.findings {
        let row = finding.row.map_or_else(String::new, |row| format!("Zeile {row}"));
        println!("{row:12} {:20} {:8} {}", finding.column.as_deref().unwrap_or_default(), finding.rule, finding.de);
    }
    let verb = if shown.dry_run { "würden übernommen" } else { "übernommen" };
    println!(
        "{} Zeilen: {} {verb}, {} unverändert, {} Befunde",
        shown.rows,
        shown.accepted,
        shown.unchanged,
        shown.findings.len()
    );
    Ok(code)
}
