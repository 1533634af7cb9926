//! The import of a table that a user brings: all rows or none, with a finding for everything that stands in the way.

use std::io::Read;

use serde::Serialize;
use sfs_command::{Caller, CommandError, Handler, Outcome, Request};
use sfs_domain::Refused;
use sfs_domain::catalogue::command_entry;

use super::columns::{Kind, columns};
use super::rows::{Draft, command_name, drafts};
use super::{ImportError, derived_id, table};

/// Most rows of one table: they are one append.
pub const MAX_ROWS: usize = 5_000;

/// Most bytes of one table.
const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// Something that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The line in the file, counted from 1, if it is about one.
    pub row: Option<u64>,
    /// The column, if it is about one.
    pub column: Option<String>,
    /// Number of the rule: `IMP-…` of the import, else the rule that refuses the command.
    pub rule: &'static str,
    /// German sentence.
    pub de: String,
    /// The same in English.
    pub en: String,
}

impl Finding {
    pub(super) fn new(
        row: Option<u64>,
        column: Option<&str>,
        rule: &'static str,
        de: impl Into<String>,
        en: impl Into<String>,
    ) -> Self {
        Self { row, column: column.map(ToOwned::to_owned), rule, de: de.into(), en: en.into() }
    }
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportReport {
    /// What the rows are.
    pub kind: Kind,
    /// Whether nothing was to be stored.
    pub dry_run: bool,
    /// Rows with values.
    pub rows: u64,
    /// Rows that are stored now, or would be.
    pub accepted: u64,
    /// Rows that were there before with the same values.
    pub unchanged: u64,
    /// Position of the last stored event; `None` if nothing was stored.
    pub position: Option<u64>,
    /// What stands in the way. If there is anything, nothing was stored.
    pub findings: Vec<Finding>,
}

/// Imports a table: UTF-8, with commas or semicolons, the names of [`columns`] in its first line, at most
/// [`MAX_ROWS`] rows. All rows are stored in one append, or none. A dry run makes the same checks and stores nothing.
/// The same table again changes nothing.
pub async fn csv(
    handler: &Handler,
    caller: &Caller,
    kind: Kind,
    input: impl Read,
    dry_run: bool,
) -> Result<ImportReport, ImportError> {
    let mut report =
        ImportReport { kind, dry_run, rows: 0, accepted: 0, unchanged: 0, position: None, findings: Vec::new() };
    let mut bytes = Vec::new();
    input.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        report.findings.push(too_large());
        return Ok(report);
    }
    let Some(table) = table::read(kind, &bytes, &mut report.findings) else { return Ok(report) };
    report.rows = table.rows.len() as u64;
    if table.rows.len() > MAX_ROWS {
        report.findings.push(too_large());
        return Ok(report);
    }
    let drafts = drafts(&table, &mut report.findings);
    let requests = requests(caller, kind, &bytes, &drafts)?;
    // Each row is tried for itself first, so that every refusal is found and not only the first.
    let dry: Vec<Request> = requests.iter().cloned().map(|request| Request { dry_run: true, ..request }).collect();
    let outcomes = handler.handle_each(caller, &dry).await;
    report.take(&drafts, outcomes)?;
    if dry_run || !report.findings.is_empty() || report.accepted == 0 {
        if !report.findings.is_empty() {
            (report.accepted, report.unchanged) = (0, 0);
        }
        return Ok(report);
    }
    (report.accepted, report.unchanged) = (0, 0);
    let list = derived_id(&[b"sfs import", caller.principal.0.as_bytes(), command_name(kind).as_bytes(), &bytes]);
    let outcomes = handler.handle_all(caller, list, &requests).await;
    report.take(&drafts, outcomes)?;
    Ok(report)
}

fn too_large() -> Finding {
    Finding::new(
        None,
        None,
        "IMP-13",
        format!("Die Datei ist zu groß: höchstens {MAX_ROWS} Zeilen und 16 MiB; bitte teilen."),
        format!("The file is too large: at most {MAX_ROWS} rows and 16 MiB; please split it."),
    )
}

fn requests(caller: &Caller, kind: Kind, bytes: &[u8], drafts: &[Draft]) -> Result<Vec<Request>, ImportError> {
    let name = command_name(kind);
    let entry = command_entry(name).ok_or_else(|| ImportError::Value(format!("there is no command `{name}`")))?;
    Ok(drafts
        .iter()
        .map(|draft| {
            let row = draft.row.to_be_bytes();
            let id = derived_id(&[b"sfs import row", caller.principal.0.as_bytes(), bytes, &row]);
            let mut request = Request::new(entry, draft.command.clone(), id);
            request.occurred_on = draft.on;
            request.reason = draft.reason;
            request
        })
        .collect())
}

impl ImportReport {
    fn take(&mut self, drafts: &[Draft], outcomes: Vec<Result<Outcome, CommandError>>) -> Result<(), ImportError> {
        for (draft, outcome) in drafts.iter().zip(outcomes) {
            match outcome {
                Ok(Outcome::Accepted(receipt)) => {
                    self.accepted += 1;
                    self.position = self.position.max(Some(receipt.position()));
                }
                Ok(Outcome::Would { .. }) => self.accepted += 1,
                Ok(Outcome::Replayed(_) | Outcome::Unchanged { .. }) => self.unchanged += 1,
                Err(CommandError::Refused(refused)) => self.findings.push(self.refusal(draft.row, &refused)),
                Err(CommandError::NotFound) => self.findings.push(Finding::new(
                    Some(draft.row),
                    None,
                    "IMP-14",
                    "Die Zeile liegt außerhalb des eigenen Geltungsbereichs.",
                    "The row lies outside of the caller's scope.",
                )),
                // Another row of the list is named by its own finding.
                Err(CommandError::Sibling { .. }) => {}
                Err(CommandError::Forbidden) => return Err(ImportError::Forbidden),
                Err(source) => return Err(ImportError::Command { command: command_name(self.kind), source }),
            }
        }
        Ok(())
    }

    fn refusal(&self, row: u64, refused: &Refused) -> Finding {
        let column = columns(self.kind).iter().find(|column| column.pointer == refused.pointer);
        Finding::new(Some(row), column.map(|column| column.name), refused.rule, refused.de, refused.en)
    }
}

#[cfg(test)]
mod tests {
    use sfs_domain::{Ags, Role, Scope};

    use super::*;
    use crate::import::template;
    use crate::import::testing::{Subject, at};

    const SCHOOLS: &str = "school_id,name,form_code,district_ags5,ownership\n\
        S1,Sekundarschule Wanzleben,SEK,15083,public\n\
        S2,Grundschule Wanzleben,GS,15083,unknown\n";

    async fn subject() -> Subject {
        Subject::new(at("2026-11-24T08:00:00Z")).await
    }

    async fn import(subject: &Subject, kind: Kind, text: &str, dry_run: bool) -> ImportReport {
        csv(&subject.handler, &subject.ministry().await, kind, text.as_bytes(), dry_run).await.unwrap()
    }

    fn rules(report: &ImportReport) -> Vec<(Option<u64>, Option<&str>, &str)> {
        report.findings.iter().map(|finding| (finding.row, finding.column.as_deref(), finding.rule)).collect()
    }

    #[tokio::test]
    async fn a_table_is_stored_in_one_append_and_the_same_table_changes_nothing() {
        let subject = subject().await;
        let report = import(&subject, Kind::Schools, SCHOOLS, false).await;
        assert_eq!((report.rows, report.accepted, report.unchanged, report.position), (2, 2, 0, Some(2)));
        let again = import(&subject, Kind::Schools, SCHOOLS, false).await;
        assert_eq!((again.rows, again.accepted, again.unchanged, again.position), (2, 0, 2, None));
        assert_eq!(subject.head().await.size, 2);
    }

    #[tokio::test]
    async fn a_dry_run_checks_the_same_and_stores_nothing() {
        let subject = subject().await;
        let report = import(&subject, Kind::Schools, SCHOOLS, true).await;
        assert_eq!((report.accepted, report.position, report.findings.len()), (2, None, 0));
        let wrong = SCHOOLS.replace("GS,15083", "XX,15999");
        let dry = import(&subject, Kind::Schools, &wrong, true).await;
        let real = import(&subject, Kind::Schools, &wrong, false).await;
        assert_eq!(rules(&dry), rules(&real));
        assert_eq!(subject.head().await.size, 0);
    }

    #[tokio::test]
    async fn one_wrong_row_keeps_all_rows_out_and_every_wrong_row_is_named() {
        let subject = subject().await;
        let text = "school_id,name,form_code,district_ags5,ownership\n\
            S1,Schule,SEK,15083,public\n\
            S2,Schule,XX,15083,public\n\
            S3,Schule,SEK,15999,public\n\
            S4,,SEK,Börde,private\n\
            S1,Schule,SEK,15083,public\n";
        let report = import(&subject, Kind::Schools, text, false).await;
        let expected = [
            (Some(5), Some("name"), "IMP-07"),
            (Some(5), Some("district_ags5"), "IMP-08"),
            (Some(6), Some("school_id"), "IMP-09"),
            (Some(3), Some("form_code"), "SCH-04"),
            (Some(4), Some("district_ags5"), "SCH-05"),
        ];
        assert_eq!(rules(&report), expected);
        assert_eq!((report.accepted, subject.head().await.size), (0, 0));
        assert!(report.findings.iter().all(|finding| !finding.de.is_empty() && !finding.en.is_empty()));
    }

    #[tokio::test]
    async fn semicolons_a_byte_order_mark_and_empty_rows_are_taken() {
        let subject = subject().await;
        let text = format!("\u{feff}{};;;;\r\n", SCHOOLS.replace(',', ";").replace('\n', "\r\n"));
        let report = import(&subject, Kind::Schools, &text, false).await;
        assert_eq!((report.findings.len(), report.accepted), (0, 2));
    }

    #[tokio::test]
    async fn no_column_and_no_value_is_ignored_silently() {
        let subject = subject().await;
        let unknown = SCHOOLS.replace("ownership\n", "ownership,phone,name\n");
        let report = import(&subject, Kind::Schools, &unknown, false).await;
        assert_eq!(rules(&report), [(Some(1), Some("phone"), "IMP-03"), (Some(1), Some("name"), "IMP-05")]);
        let missing = import(&subject, Kind::Schools, "school_id;name\nS1;Schule\n", false).await;
        assert_eq!(rules(&missing).iter().map(|(.., rule)| *rule).collect::<Vec<_>>(), ["IMP-04"; 3]);
        let more = SCHOOLS.replace("public\n", "public,more\n");
        assert_eq!(rules(&import(&subject, Kind::Schools, &more, false).await), [(Some(2), None, "IMP-06")]);
        let half = SCHOOLS
            .replace("ownership\n", "ownership,as_of\n")
            .replace("public\n", "public,2026-08-01\n")
            .replace("unknown\n", "unknown,\n");
        assert_eq!(rules(&import(&subject, Kind::Schools, &half, false).await), [(Some(2), Some("source"), "IMP-12")]);
    }

    #[tokio::test]
    async fn a_file_that_is_no_table_is_said_to_be_none() {
        let subject = subject().await;
        assert_eq!(rules(&import(&subject, Kind::Schools, "", false).await), [(None, None, "IMP-02")]);
        let header = "school_id,name,form_code,district_ags5,ownership\n";
        assert_eq!(rules(&import(&subject, Kind::Schools, header, false).await), [(None, None, "IMP-02")]);
        let latin = b"school_id,name\nS1,B\xf6rde\n".as_slice();
        let report = csv(&subject.handler, &subject.ministry().await, Kind::Schools, latin, false).await.unwrap();
        assert_eq!(rules(&report), [(Some(2), None, "IMP-01")]);
        let many = format!("{header}{}", "S1,Schule,SEK,15083,public\n".repeat(MAX_ROWS + 1));
        assert_eq!(rules(&import(&subject, Kind::Schools, &many, false).await), [(None, None, "IMP-13")]);
    }

    #[tokio::test]
    async fn five_thousand_rows_are_one_append() {
        let subject = subject().await;
        let mut text = "school_id,name,form_code,district_ags5,ownership\n".to_owned();
        for n in 0..MAX_ROWS {
            text.push_str(&format!("S{n},Schule {n},GS,15083,public\n"));
        }
        let report = import(&subject, Kind::Schools, &text, false).await;
        assert_eq!((report.accepted, report.position), (5_000, Some(5_000)));
    }

    #[tokio::test]
    async fn organisations_and_their_offices_are_taken_and_every_template_is_readable() {
        let subject = subject().await;
        for kind in [Kind::Organisations, Kind::Schools, Kind::Offices] {
            let report = import(&subject, kind, &template(kind), false).await;
            assert_eq!((rules(&report), report.accepted), (Vec::new(), 1), "{kind:?}");
        }
        assert_eq!(subject.head().await.size, 3);
    }

    #[tokio::test]
    async fn a_row_outside_of_the_scope_is_a_finding_and_a_caller_without_a_role_an_error() {
        let subject = subject().await;
        let harz = Scope::District(Ags::parse("15085").unwrap());
        let caller = subject.granted(Role::NetworkOffice, harz).await;
        let report = csv(&subject.handler, &caller, Kind::Schools, SCHOOLS.as_bytes(), false).await.unwrap();
        assert_eq!(rules(&report), [(Some(2), None, "IMP-14"), (Some(3), None, "IMP-14")]);
        let nobody = csv(&subject.handler, &Caller::console(), Kind::Schools, SCHOOLS.as_bytes(), false).await;
        assert!(matches!(nobody, Err(ImportError::Forbidden)));
    }

    #[tokio::test]
    async fn a_reason_can_stand_in_a_row() {
        let subject = subject().await;
        import(&subject, Kind::Organisations, &template(Kind::Organisations), false).await;
        let wrong = template(Kind::Offices).replace(",,", ",because,");
        let report = import(&subject, Kind::Offices, &wrong, true).await;
        assert_eq!(rules(&report), [(Some(2), Some("reason"), "IMP-08")]);
        let right = template(Kind::Offices).replace(",,", ",reorganisation,");
        assert_eq!(import(&subject, Kind::Offices, &right, true).await.accepted, 1);
    }
}
