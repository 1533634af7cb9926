//! Bodies of commands: read fast, and read again with the place in mind only when something is
//! wrong.

use serde::Deserialize;
use serde_json::error::Category as Fault;
use serde_json::value::RawValue;
use serde_path_to_error::{Path, Segment, Track};
use sfs_domain::catalogue::CommandEntry;
use sfs_domain::personal::{Personal, PersonalBody};
use sfs_domain::wire::Named;
use sfs_domain::{BusinessDate, Command, Digest, Reason};
use sfs_ledger::Hash;

use crate::kinds;
use crate::language::Text;
use crate::messages;
use crate::problem::Problem;
use crate::strict::Strict;

/// What every command says beside its own fields.
#[derive(Debug, Default)]
pub struct Said {
    /// Business date; today if it is not said.
    pub occurred_on: Option<BusinessDate>,
    /// Why.
    pub reason: Option<Reason>,
    /// Documents that prove it.
    pub evidence: Vec<Digest>,
    /// What is said of a person.
    pub personal: Personal,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope<'a> {
    #[serde(default)]
    occurred_on: Option<BusinessDate>,
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(default)]
    evidence: Vec<Digest>,
    #[serde(default, borrow)]
    personal: Option<&'a RawValue>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Reads the body of a command's own route.
pub fn command(entry: &'static CommandEntry, body: &[u8]) -> Result<(Command, Said), Problem> {
    let text = utf8(body)?;
    let Envelope { occurred_on, reason, evidence, personal, data } = object(text)?;
    check_evidence(&evidence)?;
    let command = data_of(entry, text, data)?;
    Ok((command, Said { occurred_on, reason, evidence, personal: personal_of(text, personal)? }))
}

/// The body as text.
pub fn utf8(body: &[u8]) -> Result<&str, Problem> {
    std::str::from_utf8(body).map_err(|why| {
        let at = why.valid_up_to();
        Problem::new(&kinds::MALFORMED).detail(
            format!("Ab Byte {at} ist der Text nicht UTF-8."),
            format!("From byte {at} on the text is not UTF-8."),
        )
    })
}

/// Reads an object. A list in its place, which serde would take, is refused.
pub fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, Problem> {
    let is_object = text.trim_start_matches([' ', '\n', '\r', '\t']).starts_with('{');
    match serde_json::from_str(text) {
        Ok(read) if is_object => Ok(read),
        _ => Err(object_fault::<T>(text, is_object)),
    }
}

#[cold]
fn object_fault<'a, T: Deserialize<'a>>(text: &'a str, is_object: bool) -> Problem {
    if let Err(why) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        return malformed(&why, (1, 0));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Err(why) if is_object => fault("", why.path(), why.inner(), (1, 0)),
        _ => Problem::invalid("", "JSON-03", messages::of_serde("x, expected a map")),
    }
}

/// Reads the command's own fields; `text` is the whole that `data` stands in.
pub fn data_of(entry: &'static CommandEntry, text: &str, data: &RawValue) -> Result<Command, Problem> {
    let mut json = serde_json::Deserializer::from_str(data.get());
    Command::deserialize_as(entry.category, Named { name: entry.name, body: Strict(&mut json) })
        .map_err(|_| data_fault(entry, text, data.get()))
}

/// Reads what is said of a person; `text` is the whole that it stands in. What is wrong is said without
/// the value.
pub fn personal_of(text: &str, personal: Option<&RawValue>) -> Result<Personal, Problem> {
    let Some(personal) = personal else { return Ok(Personal::default()) };
    let mut json = serde_json::Deserializer::from_str(personal.get());
    let mut track = Track::new();
    let body = Strict(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    let body = PersonalBody::deserialize(body);
    let body = body.map_err(|why| fault("/personal", &track.path(), &why, place_of(text, personal.get())))?;
    body.into_personal().map_err(|_| Problem::new(&kinds::NOT_RECORDABLE))
}

#[cold]
fn data_fault(entry: &'static CommandEntry, text: &str, data: &str) -> Problem {
    let mut json = serde_json::Deserializer::from_str(data);
    let mut track = Track::new();
    let body = Strict(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    match Command::deserialize_as(entry.category, Named { name: entry.name, body }) {
        Err(why) => fault("/data", &track.path(), &why, place_of(text, data)),
        // It failed a moment ago on the same text.
        Ok(_) => Problem::new(&kinds::INVALID),
    }
}

/// Line (from 1) and column (from 0) at which a part of the text begins.
fn place_of(text: &str, part: &str) -> (usize, usize) {
    let offset = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    let before = text.as_bytes().get(..offset).unwrap_or_default();
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
    (line, column)
}

/// What serde found in a text that is JSON as a whole, with the place: a pointer to the field, or
/// line and column of an escape or number that cannot be represented.
fn fault(prefix: &str, path: &Path, why: &serde_json::Error, begin: (usize, usize)) -> Problem {
    let said = why.to_string();
    let pointer = pointer(prefix, path);
    if why.classify() != Fault::Data {
        // A number or list where a code belongs: serde_json says so as if it were syntax.
        return match said.starts_with("expected value") {
            true => Problem::invalid(pointer, "JSON-03", messages::of_serde("x, expected a code")),
            false => malformed(why, begin),
        };
    }
    if let Some(field) = named_in(&said, "missing field `") {
        let text = Text::new("Das Feld fehlt.", "The field is missing.");
        return Problem::invalid(format!("{pointer}/{}", escaped(field)), "JSON-01", text);
    }
    if said.starts_with("unknown field `") {
        let text = Text::new("Dieses Feld gibt es hier nicht.", "There is no such field here.");
        return Problem::invalid(pointer, "JSON-02", text);
    }
    if let Some(field) = named_in(&said, "duplicate field `") {
        let text = Text::new("Das Feld steht mehr als einmal da.", "The field stands there more than once.");
        return Problem::invalid(with_last(pointer, field), "JSON-04", text);
    }
    Problem::invalid(pointer, "JSON-03", messages::of_serde(&said))
}

fn malformed(why: &serde_json::Error, (line, column): (usize, usize)) -> Problem {
    // A place inside the first line of a part lies that much further right in the whole.
    let column = if why.line() <= 1 { column + why.column() } else { why.column() };
    let line = line + why.line().saturating_sub(1);
    Problem::new(&kinds::MALFORMED).detail(
        format!("In Zeile {line}, Spalte {column} ist der Text kein gültiges JSON."),
        format!("In line {line}, column {column} the text is not valid JSON."),
    )
}

fn named_in<'a>(said: &'a str, begin: &str) -> Option<&'a str> {
    said.strip_prefix(begin)?.split('`').next()
}

/// The path as JSON pointer (RFC 6901).
fn pointer(prefix: &str, path: &Path) -> String {
    let mut pointer = prefix.to_owned();
    for segment in path {
        match segment {
            Segment::Seq { index } => {
                pointer.push('/');
                pointer.push_str(&index.to_string());
            }
            Segment::Map { key: name } | Segment::Enum { variant: name } => {
                pointer.push('/');
                pointer.push_str(&escaped(name));
            }
            Segment::Unknown => {}
        }
    }
    pointer
}

fn with_last(pointer: String, field: &str) -> String {
    let last = format!("/{}", escaped(field));
    if pointer.ends_with(&last) { pointer } else { pointer + &last }
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A digest has loose bits in its last letter: only the spelling with zeroes names 32 bytes.
pub fn check_evidence(evidence: &[Digest]) -> Result<(), Problem> {
    match evidence.iter().position(|document| Hash::from_b64(document.as_str()).is_err()) {
        None => Ok(()),
        Some(index) => {
            let expected = "a digest is 32 bytes in base64url without padding (43 characters)";
            Err(Problem::invalid(format!("/evidence/{index}"), "JSON-03", messages::of_expectation(expected)))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use serde_json::{Value, json};
    use sfs_domain::catalogue::command_entry;

    use super::*;
    use crate::language::Language;

    fn problem(name: &str, body: &[u8]) -> (StatusCode, Value) {
        let problem = command(command_entry(name).unwrap(), body).unwrap_err();
        (problem.status(), serde_json::to_value(problem.in_language(Language::English)).unwrap())
    }

    fn pointer_of(name: &str, body: Value) -> (Value, Value) {
        let (status, problem) = problem(name, body.to_string().as_bytes());
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{problem}");
        (problem["errors"][0]["pointer"].clone(), problem["errors"][0]["rule"].clone())
    }

    fn intervention(work: Value) -> Value {
        json!({"data": {
            "school": "S1", "staff": uuid::Uuid::from_u128(1), "assignment": uuid::Uuid::from_u128(2), "minutes": 45, "work": work,
        }})
    }

    #[test]
    fn a_command_is_read_with_what_it_says_beside_its_fields() {
        let mut body = intervention(json!({"mediation": {"parties": 2, "result": "agreed"}}));
        body["occurred_on"] = json!("2026-11-23");
        body["reason"] = json!("illness");
        let (read, said) = command(command_entry("record-intervention").unwrap(), body.to_string().as_bytes()).unwrap();
        assert!(matches!(read, Command::Intervention(_)));
        assert_eq!(said.occurred_on.unwrap().to_string(), "2026-11-23");
        assert_eq!(said.reason, Some(Reason::Illness));
    }

    #[test]
    fn every_wrong_field_is_pointed_at() {
        let of_work = |work| pointer_of("record-intervention", intervention(work));
        let prevention = |headcount: Value| json!({"prevention": {"topic": "addiction", "levels": "7-8", "sessions": 2, "headcount": headcount}});
        let at = |pointer: &str, rule: &str| (json!(pointer), json!(rule));
        assert_eq!(
            of_work(prevention(json!({"women": -1, "men": 0, "non_binary": 0}))),
            at("/data/work/prevention/headcount/women", "JSON-03"),
        );
        assert_eq!(
            of_work(prevention(json!({"men": 0, "non_binary": 0}))),
            at("/data/work/prevention/headcount/women", "JSON-01"),
        );
        assert_eq!(
            of_work(prevention(json!({"women": 1, "men": 0, "non_binary": 0, "girls/~": 1}))),
            at("/data/work/prevention/headcount/girls~1~0", "JSON-02"),
        );
        assert_eq!(of_work(json!({"painting": {}})), at("/data/work", "JSON-03"));
        // A list is no object, even if it holds the right number of right values.
        assert_eq!(of_work(prevention(json!([1, 1, 0]))), at("/data/work/prevention/headcount", "JSON-03"));
        for no_code in [json!(17), json!([]), json!({}), json!(null), json!({"travel": {}, "preparation": {}})] {
            assert_eq!(of_work(no_code), at("/data/work", "JSON-03"));
        }
        assert_eq!(pointer_of("record-intervention", json!({"data": {}, "reason": 17})), at("/reason", "JSON-03"));
        assert_eq!(
            of_work(
                json!({"crisis": {"topic": "violence", "urgency": "immediate", "involved": ["pupils", "cats"], "result": "stabilised"}})
            ),
            at("/data/work/crisis/involved/1", "JSON-03"),
        );
        assert_eq!(pointer_of("record-intervention", json!({})), at("/data", "JSON-01"));
        assert_eq!(pointer_of("record-intervention", json!({"data": {}, "note": "x"})), at("/note", "JSON-02"));
        assert_eq!(pointer_of("record-intervention", json!({"data": []})), at("/data", "JSON-03"));
        assert_eq!(pointer_of("record-intervention", json!({"data": null})), at("/data", "JSON-03"));
        assert_eq!(
            pointer_of("record-intervention", json!({"data": {}, "occurred_on": "24.11."})),
            at("/occurred_on", "JSON-03")
        );
        assert_eq!(pointer_of("record-intervention", json!([null, null, [], {}])), at("", "JSON-03"));
        assert_eq!(pointer_of("record-intervention", json!("x")), at("", "JSON-03"));
        let mut evidence = intervention(json!({"travel": {}}));
        evidence["evidence"] = json!([format!("{}A", "A".repeat(42)), format!("{}B", "A".repeat(42))]);
        assert_eq!(pointer_of("record-intervention", evidence), at("/evidence/1", "JSON-03"));
    }

    #[test]
    fn a_repeated_field_is_pointed_at() {
        let (status, told) = problem("record-intervention", br#"{"data":{},"data":{}}"#);
        assert_eq!((status.as_u16(), &told["errors"][0]["pointer"]), (422, &json!("/data")));
        let (status, told) = problem("record-intervention", br#"{"data":{"school":"S1","school":"S1"}}"#);
        assert_eq!((status.as_u16(), &told["errors"][0]["pointer"]), (422, &json!("/data/school")));
    }

    #[test]
    fn wrong_syntax_is_told_with_line_and_column() {
        for (body, place) in [
            (&b"{\"data\":\n {\"a\" 1}}"[..], "line 2, column 7"),
            (b"", "line 1, column 0"),
            (b"{\"data\":{}} x", "line 1, column 13"),
            (b"{\"data\":\n {\"school\": \"\\ud800\"}}", "line 2, column 20"),
            (b"{\"data\":{\"minutes\":1e999}}", "line 1, column 2"),
        ] {
            let (status, told) = problem("record-intervention", body);
            assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
            assert!(told["detail"].as_str().unwrap().contains(place), "{place}: {told}");
        }
        assert_eq!(problem("record-intervention", b"{\"data\":\"\xff\"}").0, StatusCode::BAD_REQUEST);
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let body = intervention(json!({"Mia Musterfrau": {}})).to_string();
        let (_, told) = problem("record-intervention", body.as_bytes());
        assert!(!told.to_string().contains("Mia"), "{told}");
    }
}
