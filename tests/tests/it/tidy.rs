//! The house is tidy: every file says what it is, nothing is left half done, files do not grow
//! without end, what is stored for ever does not change, and no event has room for a name.
//!
//! `SFS_BLESS=1` writes the two lists beside this crate anew: it takes up new files and notes that
//! files became shorter, and never lets a frozen file change or a long one grow.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::support::{files, relative, rust_files, sha256, workspace};

/// Lines that a file may have without standing in the list of sizes.
const COMFORTABLE: usize = 400;

/// What no source says. Put together here, so that this file does not say it either.
const LEFT_BEHIND: &[&str] = &[
    concat!("to", "do!("),
    concat!("db", "g!("),
    concat!("unimple", "mented!("),
    concat!("#[ig", "nore"),
    concat!("#[al", "low("),
    concat!("#![al", "low("),
];

/// What code outside of tests does not say either. (Its longer sister is left to clippy, which can
/// tell it from a parser's method of the same name.)
const STOP: &str = concat!(".unw", "rap()");

/// Our own sources: of the crates with their tests and examples, and of this one.
fn sources() -> Vec<PathBuf> {
    let mut all = rust_files(&workspace().join("crates"));
    all.extend(rust_files(&workspace().join("tests")));
    all
}

/// Whether a file belongs to tests as a whole.
fn is_test_file(path: &str) -> bool {
    ["/tests/", "/tests.rs", "/testing/", "/testing.rs", "/contract", "/examples/"]
        .iter()
        .any(|part| path.contains(part))
}

fn untidy(path: &str, source: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !source.starts_with("//! ") {
        findings.push(format!("{path}:1: does not begin with a paragraph that says what it is (`//! …`)"));
    }
    let mut in_tests = is_test_file(path);
    for (number, line) in source.lines().enumerate() {
        in_tests |= line.trim_start().starts_with("#[cfg(test)]") || line.contains("cfg(any(test");
        let code = line.split("//").next().unwrap_or_default();
        let stop = (!in_tests).then_some(&STOP);
        for word in LEFT_BEHIND.iter().chain(stop).filter(|word| code.contains(**word)) {
            findings.push(format!("{path}:{}: `{word}`", number + 1));
        }
    }
    findings
}

#[test]
fn every_source_says_what_it_is_and_leaves_nothing_behind() {
    let sources = sources();
    assert!(sources.len() > 50, "the sources were not found");
    let read = |path: &PathBuf| untidy(&relative(path), &std::fs::read_to_string(path).unwrap());
    let findings: Vec<String> = sources.iter().flat_map(read).collect();
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn an_untidy_source_is_found() {
    let source = format!("fn a() {{ b(){STOP} }}\n#[cfg(test)]\nmod tests {{ fn c() {{ d(){STOP} }} }}\n");
    assert_eq!(untidy("crates/a/src/b.rs", &source).len(), 2, "no paragraph, and one stop outside of tests");
    for word in LEFT_BEHIND {
        let source = format!("//! A file.\n{word}\n");
        assert_eq!(untidy("crates/a/tests/b.rs", &source).len(), 1, "{word}");
    }
    assert_eq!(untidy("crates/a/src/b.rs", "//! A file.\nfn a() {}\n"), Vec::<String>::new());
}

/// A list of `value␠␠path` lines beside this crate.
fn read_list(name: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(list(name)).unwrap_or_default();
    let line = |line: &str| line.split_once("  ").map(|(value, path)| (path.to_owned(), value.to_owned()));
    text.lines().filter_map(line).collect()
}

fn write_list(name: &str, list_of: &BTreeMap<String, String>) {
    let text: String = list_of.iter().map(|(path, value)| format!("{value}  {path}\n")).collect();
    std::fs::write(list(name), text).unwrap();
}

fn list(name: &str) -> PathBuf {
    workspace().join("tests").join(name)
}

fn is_blessed() -> bool {
    std::env::var_os("SFS_BLESS").is_some()
}

/// Long files that are longer than recorded, by path.
fn grown(recorded: &BTreeMap<String, String>, now: &BTreeMap<String, usize>) -> Vec<String> {
    let allowed = |path: &str| recorded.get(path).map_or(COMFORTABLE, |lines| lines.parse().unwrap());
    now.iter()
        .filter(|(path, lines)| **lines > allowed(path))
        .map(|(path, lines)| format!("{path} has {lines} lines and may have {}: split it", allowed(path)))
        .collect()
}

#[test]
fn no_file_grows_beyond_its_size() {
    let size = |path: PathBuf| (relative(&path), std::fs::read_to_string(&path).unwrap().lines().count());
    let now: BTreeMap<String, usize> = sources().into_iter().map(size).collect();
    let recorded = read_list("tidy.sizes");
    if is_blessed() {
        let smaller = |path: &String, lines: usize| {
            recorded.get(path).map_or(lines, |known| known.parse::<usize>().unwrap().min(lines))
        };
        let long = now.iter().filter(|(_, lines)| **lines > COMFORTABLE);
        write_list(
            "tidy.sizes",
            &long.map(|(path, lines)| (path.clone(), smaller(path, *lines).to_string())).collect(),
        );
    }
    let findings = grown(&read_list("tidy.sizes"), &now);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn a_file_that_grew_is_found() {
    let recorded = BTreeMap::from([("a.rs".to_owned(), "500".to_owned())]);
    let now = |a, b| BTreeMap::from([("a.rs".to_owned(), a), ("b.rs".to_owned(), b)]);
    assert_eq!(grown(&recorded, &now(500, 400)), Vec::<String>::new());
    assert_eq!(grown(&recorded, &now(501, 401)).len(), 2);
}

/// Files whose content is stored or relied upon for ever: examples of stored events, their schemas,
/// and the stored form of log and operational state. Read models are made anew when theirs changes.
fn frozen_files() -> Vec<PathBuf> {
    let mut all = files(&workspace().join("crates/domain/golden"));
    all.extend(files(&workspace().join("schemas/events")));
    let vectors = files(&workspace().join("crates/vault/tests/golden"));
    all.extend(vectors.into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "json")));
    let crates = files(&workspace().join("crates"));
    let lasting = |path: &PathBuf| {
        let is_schema = path.ends_with("src/schema.sql") || path.ends_with("ops/src/checkpoints.sql");
        is_schema && !relative(path).starts_with("crates/readmodel/")
    };
    all.extend(crates.into_iter().filter(lasting));
    all.sort();
    all
}

/// What is wrong with the frozen files. A new one has to be taken up, so that it is frozen too.
fn thawed(recorded: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, digest) in recorded {
        match now.get(path) {
            None => findings.push(format!("{path} is gone: what was stored once is kept for ever")),
            Some(other) if other != digest => {
                findings.push(format!("{path} changed: add the next version beside it instead"));
            }
            Some(_) => {}
        }
    }
    let new = now.keys().filter(|path| !recorded.contains_key(*path));
    findings.extend(new.map(|path| format!("{path} is new: take it up with SFS_BLESS=1 (just bless)")));
    findings
}

#[test]
fn what_is_stored_for_ever_does_not_change() {
    let digest = |path: PathBuf| (relative(&path), sha256(&std::fs::read(&path).unwrap()));
    let now: BTreeMap<String, String> = frozen_files().into_iter().map(digest).collect();
    assert!(now.keys().any(|path| path.starts_with("crates/domain/golden/")), "the examples were not found");
    if is_blessed() {
        let mut all = now.clone();
        all.extend(read_list("frozen.sha256"));
        write_list("frozen.sha256", &all);
    }
    let findings = thawed(&read_list("frozen.sha256"), &now);
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn a_changed_a_lost_and_a_new_file_are_found() {
    let list = |entries: &[(&str, &str)]| -> BTreeMap<String, String> {
        entries.iter().map(|(path, digest)| ((*path).to_owned(), (*digest).to_owned())).collect()
    };
    let recorded = list(&[("a", "1"), ("b", "2"), ("c", "3")]);
    let findings = thawed(&recorded, &list(&[("a", "1"), ("b", "x"), ("d", "4")]));
    assert_eq!(findings.len(), 3);
    assert_eq!(thawed(&recorded, &recorded), Vec::<String>::new());
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/// Open strings that an event may hold, and why none of them is a place for a person or a note.
const OPEN_STRINGS: &[(&str, &str)] = &[
    ("Ags", "official key of a district"),
    ("Cci", "code of a programme document"),
    ("Digest", "SHA-256 of a document"),
    ("Label", "short name of a cycle, period, form or source; letters, digits and few signs"),
    ("Name", "name of a school, organisation, office, town or programme; one line, entered by few roles"),
    ("OrganisationId", "register number or slug of an organisation"),
    ("Postcode", "five digits"),
    ("SchoolId", "official number or list identifier of a school"),
    ("SchoolYear", "2026/27"),
    ("VerifierKey", "name, id and public key of a signer of checkpoints, in a strict form"),
];

/// The text fields of a schema that are neither closed nor on the list, as paths.
fn open_strings(path: &str, schema: &Value, findings: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            let is_text = match object.get("type") {
                Some(Value::String(one)) => one == "string",
                Some(Value::Array(several)) => several.iter().any(|one| one == "string"),
                _ => false,
            };
            let closed = object.contains_key("enum") || object.contains_key("const");
            let formatted = matches!(object.get("format").and_then(Value::as_str), Some("uuid" | "date"));
            if is_text && !closed && !formatted {
                findings.push(path.to_owned());
            }
            for (name, value) in object {
                let keyword = ["description", "title", "const", "enum", "default", "examples"].contains(&&**name);
                if !keyword {
                    open_strings(&format!("{path}/{name}"), value, findings);
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| open_strings(path, value, findings)),
        _ => {}
    }
}

#[test]
fn no_event_has_room_for_free_text_or_a_name_of_a_person() {
    let mut names = schemars::SchemaGenerator::default();
    let mut found = Vec::new();
    let schemas = sfs_domain::catalogue::event_schemas(&mut names);
    assert!(schemas.len() > 40, "the schemas were not found");
    for (event, schema) in schemas {
        open_strings(&event, schema.as_value(), &mut found);
    }
    for (name, schema) in names.take_definitions(true) {
        let mut inside = Vec::new();
        open_strings(&name, &schema, &mut inside);
        inside.retain(|path| !OPEN_STRINGS.iter().any(|(allowed, _)| path == allowed));
        found.extend(inside);
    }
    assert!(found.is_empty(), "open strings that are not on the list:\n{}\n", found.join("\n"));
}

#[test]
fn an_open_string_is_found_where_it_hides() {
    let schema = serde_json::json!({
        "type": "object",
        "properties": {
            "kind": {"type": "string", "enum": ["a", "b"]},
            "day": {"type": "string", "format": "date"},
            "remark": {"type": ["string", "null"]},
            "list": {"type": "array", "items": {"oneOf": [{"const": "x", "type": "string"}, {"type": "string"}]}},
        },
    });
    let mut found = Vec::new();
    open_strings("event", &schema, &mut found);
    found.sort();
    assert_eq!(found, ["event/properties/list/items/oneOf", "event/properties/remark"]);
}
