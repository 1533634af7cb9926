//! A table that a user brings: bytes with commas or semicolons become rows of named values. Nothing is ignored without
//! a finding, but rows in which every cell is empty and blanks around a value.

use std::fmt::Display;

use super::columns::{Column, Kind, columns};
use super::user_file::Finding;

/// A table whose columns are those of its kind.
pub(super) struct Table {
    pub kind: Kind,
    pub rows: Vec<Row>,
}

/// A row. Its number is that of its line in the file; the first line names the columns.
pub(super) struct Row {
    pub number: u64,
    cells: Vec<(&'static Column, String)>,
}

/// Reads the bytes; `Err` if there is no table in them that could be looked at row by row.
pub(super) fn read(kind: Kind, bytes: &[u8], findings: &mut Vec<Finding>) -> Option<Table> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(why) => {
            let line = bytes[..why.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() as u64 + 1;
            findings.push(Finding::new(
                Some(line),
                None,
                "IMP-01",
                "Die Datei ist nicht in UTF-8 gespeichert; bitte als „CSV UTF-8“ speichern.",
                "The file is not stored in UTF-8; please save it as \"CSV UTF-8\".",
            ));
            return None;
        }
    };
    let first_line = text.lines().next().unwrap_or_default();
    let count = |separator| first_line.matches(separator).count();
    let separator = if count(';') > count(',') { b';' } else { b',' };
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let header = match records.next() {
        Some(Ok(header)) => header,
        Some(Err(why)) => {
            findings.push(not_csv(&why));
            return None;
        }
        None => {
            findings.push(Finding::new(None, None, "IMP-02", "Die Datei ist leer.", "The file is empty."));
            return None;
        }
    };
    let names = header_columns(kind, &header, findings)?;
    let mut rows = Vec::new();
    for record in records {
        let record = match record {
            Ok(record) => record,
            Err(why) => {
                findings.push(not_csv(&why));
                continue;
            }
        };
        let number = record.position().map_or(0, csv::Position::line);
        if record.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        if record.len() != names.len() {
            findings.push(Finding::new(
                Some(number),
                None,
                "IMP-06",
                format!("Die Zeile hat {} Werte, die Kopfzeile {} Spalten.", record.len(), names.len()),
                format!("The row has {} values, the first line {} columns.", record.len(), names.len()),
            ));
            continue;
        }
        let cells = names.iter().zip(&record).map(|(column, cell)| (*column, cell.trim().to_owned())).collect();
        rows.push(Row { number, cells });
    }
    if rows.is_empty() && findings.is_empty() {
        findings.push(Finding::new(
            None,
            None,
            "IMP-02",
            "Die Datei hat keine Zeile unter der Kopfzeile.",
            "The file has no row below its first line.",
        ));
    }
    Some(Table { kind, rows })
}

/// The columns that the first line names; none if not each of them is known.
fn header_columns(kind: Kind, header: &csv::StringRecord, findings: &mut Vec<Finding>) -> Option<Vec<&'static Column>> {
    let known = columns(kind);
    let before = findings.len();
    let mut names: Vec<&'static Column> = Vec::new();
    for name in header {
        let name = name.trim();
        match known.iter().find(|column| column.name == name) {
            Some(column) if names.contains(&column) => findings.push(Finding::new(
                Some(1),
                Some(name),
                "IMP-05",
                format!("Die Spalte „{name}“ steht mehr als einmal in der Kopfzeile."),
                format!("The column `{name}` stands in the first line more than once."),
            )),
            Some(column) => names.push(column),
            None => {
                let all = known.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
                findings.push(Finding::new(
                    Some(1),
                    Some(name),
                    "IMP-03",
                    format!("Die Spalte „{name}“ ist nicht bekannt. Möglich sind: {all}."),
                    format!("The column `{name}` is not known. There are: {all}."),
                ));
            }
        }
    }
    for column in known.iter().filter(|column| column.required && !names.contains(column)) {
        findings.push(Finding::new(
            Some(1),
            Some(column.name),
            "IMP-04",
            format!("Die Spalte „{}“ fehlt.", column.name),
            format!("The column `{}` is missing.", column.name),
        ));
    }
    (findings.len() == before).then_some(names)
}

fn not_csv(why: &csv::Error) -> Finding {
    let line = why.position().map(csv::Position::line);
    Finding::new(line, None, "IMP-10", "Die Zeile ist als CSV nicht lesbar.", "The line is not readable as CSV.")
}

impl Row {
    /// The value of a column; `None` if it is empty or the table has no such column.
    pub fn text(&self, column: &str) -> Option<&str> {
        let cell = self.cells.iter().find(|(known, _)| known.name == column);
        cell.map(|(_, text)| text.as_str()).filter(|text| !text.is_empty())
    }

    /// Reads a value; what cannot be read is a finding.
    pub fn read<'s, T, E: Display>(
        &'s self,
        column: &'static str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&'s str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(column)?;
        let value = read(text).ok();
        if value.is_none() {
            let known = self.cells.iter().find(|(known, _)| known.name == column);
            let (de, en) = known.map_or(("", ""), |(column, _)| (column.de, column.en));
            findings.push(Finding::new(
                Some(self.number),
                Some(column),
                "IMP-08",
                format!("Der Wert ist nicht möglich. Erwartet wird: {de}."),
                format!("The value is not possible. Expected: {en}."),
            ));
        }
        value
    }

    /// Reads a value that must be there.
    pub fn need<'s, T, E: Display>(
        &'s self,
        column: &'static str,
        findings: &mut Vec<Finding>,
        read: impl FnOnce(&'s str) -> Result<T, E>,
    ) -> Option<T> {
        if self.text(column).is_none() {
            findings.push(Finding::new(
                Some(self.number),
                Some(column),
                "IMP-07",
                "Hier fehlt ein Wert.",
                "A value is missing here.",
            ));
            return None;
        }
        self.read(column, findings, read)
    }
}
