//! Which crate may use which: the table of the house, held against what cargo sees.
//!
//! Only normal dependencies count: a test may use what it likes. Whoever finds a better cut changes
//! the table here and in `ARCHITECTURE.md`.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::support::{relative, rust_files, workspace};

/// Our crates and which of ours each may use.
const TABLE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("ledger", &[]),
    ("sql", &[]),
    ("eventlog", &["ledger"]),
    ("eventlog-sql", &["eventlog", "ledger", "sql"]),
    ("ops", &["sql"]),
    // The leaf is the ledger's: the command side writes its draft and reads it again for receipts.
    ("command", &["domain", "eventlog", "ledger", "ops", "vault"]),
    ("readmodel", &["domain", "eventlog", "ledger", "sql"]),
    // A feed shows leaves, so it reads them.
    ("feed", &["domain", "eventlog", "ledger", "ops"]),
    ("notary", &["eventlog", "ledger", "ops", "sql"]),
    ("vault", &["sql"]),
    ("api", &["command", "domain", "eventlog", "feed", "ledger", "notary", "ops", "readmodel", "vault"]),
    (
        "server",
        &[
            "api",
            "command",
            "domain",
            "eventlog",
            "eventlog-sql",
            "feed",
            "ledger",
            "notary",
            "ops",
            "readmodel",
            "sql",
            "vault",
        ],
    ),
    (
        "tests",
        &[
            "api",
            "command",
            "domain",
            "eventlog",
            "eventlog-sql",
            "feed",
            "ledger",
            "ops",
            "readmodel",
            "server",
            "sql",
        ],
    ),
];

/// Crates of others that only some of ours may use.
const FENCED: &[(&str, &[&str])] = &[
    ("sqlx", &["sql"]),
    ("axum", &["api", "server"]),
    ("tower", &["api"]),
    ("tower-http", &["api"]),
    ("tower_governor", &["api"]),
    ("clap", &["server"]),
    ("mimalloc", &["server"]),
    ("ed25519-dalek", &["ledger", "notary"]),
    ("ureq", &["notary", "server"]),
    ("config", &["server"]),
    ("tracing-subscriber", &["server"]),
    ("rand", &["command", "server"]),
    ("getrandom", &["ops", "server"]),
];

/// Pure crates and all that they may use: nothing that knows time, chance, or input and output.
const PURE: &[(&str, &[&str])] = &[
    ("domain", &["jiff", "schemars", "serde", "serde_json", "thiserror", "uuid", "zeroize"]),
    ("ledger", &["base64", "ed25519-dalek", "serde", "serde_json", "sha2", "thiserror", "uuid"]),
];

/// What the source of a pure crate never says.
const IMPURE_WORDS: &[&str] = &[
    "async fn",
    "async move",
    ".await",
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "std::time",
    "Instant::now",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "new_v4",
    "now_v7",
    "println!",
];

/// One dependency, both names without the `sfs-` of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrow {
    from: String,
    to: String,
    is_ours: bool,
}

impl Arrow {
    fn new(from: &str, to: &str) -> Self {
        Self { from: short(from).to_owned(), to: short(to).to_owned(), is_ours: to.starts_with("sfs-") }
    }
}

fn short(name: &str) -> &str {
    name.strip_prefix("sfs-").unwrap_or(name)
}

fn row<'a>(table: &'a [(&str, &[&str])], name: &str) -> Option<&'a [&'a str]> {
    table.iter().find(|(row, _)| *row == name).map(|(_, allowed)| *allowed)
}

/// What is wrong with an arrow, if anything.
fn objection(arrow: &Arrow) -> Option<String> {
    let Arrow { from, to, is_ours } = arrow;
    let Some(allowed) = row(TABLE, from) else {
        return Some(format!("`{from}` is not in the table of crates"));
    };
    if *is_ours {
        return (!allowed.contains(&&**to)).then(|| format!("`{from}` must not use our `{to}`"));
    }
    if let Some(only) = row(FENCED, to)
        && !only.contains(&&**from)
    {
        return Some(format!("`{from}` must not use `{to}`; only {only:?} may"));
    }
    match row(PURE, from) {
        Some(allowed) if !allowed.contains(&&**to) => {
            Some(format!("`{from}` is pure and must not use `{to}`; it may use {allowed:?}"))
        }
        _ => None,
    }
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn arrows(metadata: &Value) -> Vec<Arrow> {
    let packages = metadata["packages"].as_array().unwrap();
    let mut arrows = Vec::new();
    for package in packages {
        for dependency in package["dependencies"].as_array().unwrap() {
            // `kind` is null for a normal dependency, also for an optional one.
            if dependency["kind"].is_null() {
                arrows.push(Arrow::new(package["name"].as_str().unwrap(), dependency["name"].as_str().unwrap()));
            }
        }
    }
    arrows
}

#[test]
fn every_arrow_between_crates_is_in_the_table() {
    let metadata = metadata();
    let arrows = arrows(&metadata);
    let objections: Vec<String> = arrows.iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "\n{}\n", objections.join("\n"));
    // The test would pass without looking if cargo's answer had another shape.
    assert!(arrows.contains(&Arrow::new("sfs-sql", "sqlx")), "the arrows were not read");
    let names: BTreeSet<&str> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| short(package["name"].as_str().unwrap()))
        .collect();
    let table: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, table, "crates of the workspace and rows of the table");
}

#[test]
fn a_made_up_arrow_is_found() {
    for (from, to) in [
        ("sfs-domain", "sfs-eventlog"),
        ("sfs-eventlog", "sfs-domain"),
        ("sfs-command", "sfs-sql"),
        ("sfs-command", "sfs-readmodel"),
        ("sfs-readmodel", "sfs-command"),
        ("sfs-readmodel", "sfs-eventlog-sql"),
        ("sfs-api", "sfs-sql"),
        ("sfs-feed", "sfs-readmodel"),
        ("sfs-api", "sfs-server"),
        ("sfs-domain", "tokio"),
        ("sfs-domain", "rand"),
        ("sfs-ledger", "sqlx"),
        ("sfs-readmodel", "sqlx"),
        ("sfs-feed", "axum"),
        ("sfs-attic", "serde"),
    ] {
        let objection = objection(&Arrow::new(from, to));
        let named = objection.as_deref().is_some_and(|why| why.contains(short(from)));
        assert!(named, "{from} → {to}: {objection:?}");
    }
    assert_eq!(objection(&Arrow::new("sfs-sql", "sqlx")), None);
}

#[test]
fn an_arrow_is_read_from_the_answer_of_cargo() {
    let answer = serde_json::json!({"packages": [{"name": "sfs-domain", "dependencies": [
        {"name": "tokio", "kind": null, "optional": true},
        {"name": "proptest", "kind": "dev"},
        {"name": "cc", "kind": "build"},
    ]}]});
    assert_eq!(arrows(&answer), [Arrow::new("sfs-domain", "tokio")]);
}

/// Impure words in a source, with their lines.
fn impure_lines(source: &str) -> Vec<String> {
    let code = |line: &str| !line.trim_start().starts_with("//");
    source
        .lines()
        .enumerate()
        .filter(|(_, line)| code(line) && IMPURE_WORDS.iter().any(|word| line.contains(word)))
        .map(|(number, line)| format!("{}: {}", number + 1, line.trim()))
        .collect()
}

#[test]
fn a_pure_crate_knows_no_time_no_chance_and_no_input() {
    let mut findings = Vec::new();
    for (name, _) in PURE {
        let sources = rust_files(&workspace().join("crates").join(name).join("src"));
        assert!(!sources.is_empty(), "the sources of {name} were not found");
        // Tests may read files.
        for path in sources.into_iter().filter(|path| !relative(path).contains("/src/test")) {
            let lines = impure_lines(&std::fs::read_to_string(&path).unwrap());
            findings.extend(lines.into_iter().map(|line| format!("{}:{line}", relative(&path))));
        }
    }
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
}

#[test]
fn an_impure_line_is_found() {
    assert_eq!(impure_lines("fn a() {\n    let now = Instant::now();\n}\n").len(), 1);
    assert_eq!(impure_lines("// Instant::now is not used here.\n"), Vec::<String>::new());
}
