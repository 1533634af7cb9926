//! What the program itself does not write: JSON that two readers read in two ways, and a time before
//! that of the event before (cases 22 and 41).

use serde_json::Value;
use sfs_ledger::{Leaf, OpenBody, digest};

use crate::support::book::{Meant, Sent};
use crate::support::process::{Server, exit, run, run_well, token};

use super::forge;

fn head(data: &std::path::Path) -> usize {
    run_well(data, &["events"]).lines().count()
}

const SCHOOL: &str = r#""form":"GS","district":"15083","ownership":"unknown""#;

#[test]
fn case_22_what_could_be_read_in_two_ways_is_refused_and_a_leaf_is_canonical() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let key = token(data, "CO");
    let server = Server::start(data);
    server.wait_ready();
    let mut client = server.client(&key);
    let before = head(data);
    let school = |name: &str, more: &str| format!(r#"{{"data":{{"school":"S1","name":{name},{SCHOOL}{more}}}}}"#);
    let pupils = |women: &str| {
        format!(
            r#"{{"data":{{"school":"S1","school_year":"2026/27","source":"test","pupils":{{"women":{women},"men":0,"non_binary":0}}}}}}"#
        )
    };
    for (command, body, status, rule) in [
        ("register-school", school("\"A\"", ",\"name\":\"B\""), 422, "JSON-04"),
        ("register-school", school("\"A\"", ",\"form\":\"GS\""), 422, "JSON-04"),
        ("register-school", school("\"\\ud800\"", ""), 400, ""),
        ("register-school", school("\"\\udc00\\ud800\"", ""), 400, ""),
        ("record-pupil-numbers", pupils("1.0"), 422, "JSON-03"),
        ("record-pupil-numbers", pupils("1e2"), 422, "JSON-03"),
        ("record-pupil-numbers", pupils("9007199254740993"), 422, "JSON-03"),
        ("record-pupil-numbers", pupils("-1"), 422, "JSON-03"),
        ("record-pupil-numbers", pupils("NaN"), 400, ""),
    ] {
        let answer = client.command(command, &body.len().to_string(), &body).unwrap();
        let found = answer.json()["errors"][0]["rule"].as_str().unwrap_or_default().to_owned();
        assert_eq!((answer.status, &*found), (status, rule), "{body}: {}", answer.text());
    }
    let invalid = [school("\"A", "").as_bytes(), &[0xed, 0xa0, 0x80], b"\"}}"].concat();
    let headers = [("Content-Type", "application/json"), ("Idempotency-Key", "surrogate")];
    let answer = client.request("POST", "/v1/commands/register-school", &headers, &invalid).unwrap();
    assert_eq!(answer.status, 400, "a surrogate in UTF-8: {}", answer.text());
    assert_eq!(head(data), before, "nothing of it was recorded");

    // RFC 8785 does not normalise, and neither do we: what was entered is what is recorded, and two
    // spellings of one name are two texts.
    let spellings =
        ["Schule am Bl\u{fc}tenweg", "Schule am Blu\u{308}tenweg", "\u{212b} \u{1f9d1}\u{200d}\u{1f3eb} \u{fb01}"];
    for (number, name) in spellings.iter().enumerate() {
        let body = school(&serde_json::to_string(name).unwrap(), "").replace("S1", &format!("S{number}"));
        let answer = client.command("register-school", &format!("name-{number}"), &body).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    server.stop();
    let rows = forge::rows(&data.join("log.db"));
    for (row, name) in rows[before..].iter().zip(spellings) {
        let open = OpenBody::parse(&row.open).unwrap();
        let of: Value = serde_json::from_str(open.data).unwrap();
        assert_eq!(of["name"].as_str(), Some(name));
        assert!(row.open.as_bytes().windows(name.len()).any(|part| part == name.as_bytes()), "unescaped");
    }
    for row in &rows {
        let leaf = Leaf::parse(&row.leaf).unwrap();
        assert_eq!(leaf.draft.open, digest(row.open.as_bytes()));
        // Of the open body only the digest stands in the leaf, so its bytes are what they are.
        let value: Value = serde_json::from_slice(&row.leaf).unwrap();
        assert_eq!(serde_json_canonicalizer::to_vec(&value).unwrap(), row.leaf, "as the oracle writes it");
    }
    assert_eq!(run(data, &["verify"]).status.code(), Some(exit::OK));
}

#[test]
fn case_41_a_clock_that_was_set_back_an_hour_is_told_and_the_log_keeps_its_order() {
    const HOUR: i64 = 3_600_000_000;
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path();
    let (key, operator) = (token(data, "CO"), token(data, "AD"));
    let serve = |school: &str| {
        let server = Server::start(data);
        server.wait_ready();
        for school in [school.to_owned(), format!("{school}-2")] {
            let mut sent = Sent::school(&school, &school, Meant::Accepted);
            assert!(sent.send(&mut server.client(&key)));
            assert_eq!(sent.answer.unwrap().status, 201);
        }
        let metrics = server.client(&operator).get("/metrics").unwrap().text();
        let behind = metrics.lines().find_map(|line| line.strip_prefix("sfs_log_clock_behind_seconds "));
        let behind = behind.map_or(0.0, |seconds| seconds.parse::<f64>().unwrap());
        let said = server.said().matches("the clock is behind the log").count();
        server.stop();
        (said, behind)
    };
    assert_eq!(serve("1"), (0, 0.0), "no false alarm");
    assert_eq!(run(data, &["verify"]).status.code(), Some(exit::OK));

    // The last event was recorded when the clock was an hour ahead of what it is now.
    forge::rebuild(data, |rows| rows.last_mut().unwrap().at += HOUR);
    let before = forge::rows(&data.join("log.db")).last().unwrap().at;

    let (said, behind) = serve("2");

    assert_eq!(said, 1, "it is told once");
    assert!((3_500.0..3_600.0).contains(&behind), "{behind}");
    assert_eq!(forge::rows(&data.join("log.db")).last().unwrap().at, before, "never earlier than its predecessor");
    assert_eq!(run(data, &["verify"]).status.code(), Some(exit::OK));
}
