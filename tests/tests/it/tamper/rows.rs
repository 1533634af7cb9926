//! The database: rows changed, exchanged, deleted, the whole log computed anew (cases 1 to 5, 7 to 10, 31).

use crate::support::process::{exit, run, run_well, stderr, token};

use super::forge::{self, Row};
use super::given::{Case, Found, template};

/// What follows from every change of a leaf: the root is another one, and neither what the signer has
/// signed, what the witnesses have vouched for, nor what is remembered is continued.
const CONSEQUENCES: [&str; 4] = ["root", "consistency", "consistency", "consistency"];

/// These findings, and then what follows from them in a log of so many events.
fn and_its_consequences<'a>(found: &[(u64, &'a str)], events: u64) -> Vec<(u64, &'a str)> {
    let follows = CONSEQUENCES.map(|check| (events, check));
    [found, &follows].concat()
}

fn log(case: &Case) -> std::path::PathBuf {
    case.data().join("log.db")
}

fn served_elsewhere(case: &Case) -> Found {
    let server = crate::support::process::Server::start(&case.data());
    server.wait_ready();
    let found = case.verify_url(&server.address, &["--policy", &case.log_key_only()]);
    server.stop();
    found
}

#[test]
fn case_01_a_changed_byte_of_a_leaf_is_not_its_hash_any_more() {
    let case = Case::green();
    let clean = served_elsewhere(&case);
    clean.is_green();
    let rows = forge::rows(&log(&case));
    let position = forge::position(&rows, 100, false);
    let change = "update event set leaf = cast(replace(cast(leaf as text), '\"by\":\"sfs', '\"by\":\"sfS') as blob)";
    forge::execute(&log(&case), &[&format!("{change} where pos = {position}")]);

    let found = case.verify();

    let next = forge::next_in_stream(&rows, position);
    let size = template().size;
    found.is(exit::INVALID, &and_its_consequences(&[(position, "leaf hash"), (next, "back link")], size));
    found.says("leaf hash", "not that of the leaf");
    // Who has it from the server finds that entries and hash tile differ, and from which event on.
    let found = served_elsewhere(&case);
    let mut findings: Vec<(u64, &str)> = found.findings.iter().map(|(at, check)| (*at, &**check)).collect();
    findings.sort_unstable();
    let tile = (position - 1) / 256 * 256 + 1;
    let mut expected = [(next, "back link"), (tile, "tile"), (1, "tile"), (0, "root")];
    expected.sort_unstable();
    assert_eq!((found.code, &findings[..]), (exit::INVALID, &expected[..]), "{:#}", found.answer);
    // And nobody gets a proof of it.
    let args = ["bundle", &case.arg("proof.tar"), "--position", &position.to_string()];
    let refused = run(&case.data(), &args);
    assert_eq!(refused.status.code(), Some(exit::INVALID), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("does not come to the root"), "{}", stderr(&refused));
    assert!(!case.path("proof.tar").exists());
}

#[test]
fn case_02_a_changed_column_is_not_what_the_leaf_says() {
    let position = 4_200;
    for (check, change) in [
        ("type", "tid = (select max(tid) from event_type where tid <> event.tid)"),
        ("recorded at", "at = at + 1"),
        ("stream version", "sv = 99999"),
    ] {
        let case = Case::green();
        let rows = forge::rows(&log(&case));
        let position = forge::position(&rows, position, true);
        forge::execute(&log(&case), &[&format!("update event set {change} where pos = {position}")]);
        let found = case.verify();
        found.is(exit::INVALID, &[(position, check)]);
        found.says(check, "stored ");
    }
}

#[test]
fn case_03_a_leaf_with_its_hash_is_not_in_the_signed_tree() {
    let case = Case::green();
    let position = forge::position(&forge::rows(&log(&case)), 100, true);
    let mut row = forge::rows(&log(&case)).swap_remove(position as usize - 1);
    let text = String::from_utf8(row.leaf).unwrap().replace("\"by\":\"sfs", "\"by\":\"sfS");
    row.leaf = text.into_bytes();
    let hash = hex(sfs_ledger::leaf_hash(&row.leaf).as_bytes());
    let leaf = hex(&row.leaf);
    forge::execute(
        &log(&case),
        &[&format!("update event set leaf = x'{leaf}', leaf_hash = x'{hash}' where pos = {position}")],
    );

    let found = case.verify();

    found.is(exit::INVALID, &and_its_consequences(&[], template().size));
    found.says("root", "stored ");
    found.says("consistency", "was signed");
    // The tiles still know better; without them it is not even opened.
    assert_eq!(served_elsewhere(&case).code, exit::INVALID);
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(case.data().join(format!("tiles.db{suffix}")));
    }
    let refused = run(&case.data(), &["token", "--role", "CO"]);
    assert!(!refused.status.success(), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("do not come to the root of the log"), "{}", stderr(&refused));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Another business date in an event, and everything computed anew.
fn rewrite(case: &Case, position: u64) {
    forge::rebuild(&case.data(), |rows| {
        let row = &mut rows[position as usize - 1];
        let open = row.open.replacen("\"occurred_on\":\"20", "\"occurred_on\":\"19", 1);
        assert_ne!(open, row.open);
        row.open = open;
    });
}

#[test]
fn case_04_a_history_that_was_rewritten_and_signed_with_the_true_key_is_not_what_was_remembered() {
    let case = Case::green();
    let half = template().size / 2;
    rewrite(&case, half + 10);
    let size = template().size;
    // The signer and those who have vouched remember.
    let found = case.verify();
    found.is(exit::INCONSISTENT, &[(size, "consistency"); 3]);
    found.says("consistency", "was signed");
    case.is_not_served(&["was changed or is another one", "find out who had access"]);

    // The attacker has the true key, a state of the signer from before, and the operational store.
    let server = case.sign_anew();
    let policy = case.log_key_only();
    let (policy, remember) = (["--policy", &*policy], ["--remember", &*case.arg("remembered")]);
    let log_only = [&["--log-only"], &policy[..]].concat();
    case.verify_with(&log_only).is_green();
    case.verify_url(&server.address, &policy).is_green();
    run_well(&case.data(), &["bundle", &case.arg("new.tar"), "--position", &format!("{half}..{}", half + 20)]);
    case.verify_bundle(&case.arg("new.tar"), &policy).is_green();

    // Whoever remembers is not deceived, whatever is shown.
    let found = case.verify_with(&[&log_only[..], &remember].concat());
    found.is(exit::INCONSISTENT, &[(size, "consistency")]);
    found.says("consistency", "was remembered");
    case.verify_url(&server.address, &[policy, remember].concat()).is(exit::INCONSISTENT, &[(size, "consistency")]);
    let url = format!("http://{}", server.address);
    case.verify_with(&[&[&*url], &policy[..], &remember].concat()).is(exit::INCONSISTENT, &[(0, "consistency")]);
    case.verify_bundle(&case.arg("new.tar"), &[policy, remember].concat())
        .is(exit::INCONSISTENT, &[(0, "consistency")]);
    // Nor does whoever asks for the witnesses believe it.
    let with_witnesses = ["--log-only", "--policy", &case.arg("policy")];
    case.verify_with(&with_witnesses).is(exit::UNTRUSTED, &[(0, "policy")]);
    server.stop();
}

#[test]
fn case_05_an_event_is_not_replaced_by_an_insert() {
    let case = Case::green();
    let columns = "pos, sid, sv, tid, at, leaf_hash, leaf, open, tags";
    let values = "sid, sv, tid, at, leaf_hash, x'00', open, tags from event where pos = 17";
    for position in ["17".to_owned(), (template().size + 1).to_string()] {
        let statement = format!("insert or replace into event ({columns}) select {position}, {values}");
        let said = forge::refusal(&log(&case), &statement);
        assert!(said.contains("an event is there already"), "{said}");
    }
    case.verify().is_green();
}

#[test]
fn case_07_a_deleted_row_leaves_a_gap() {
    let case = Case::green();
    let position = forge::position(&forge::rows(&log(&case)), 4_200, true);
    forge::execute(&log(&case), &[&format!("delete from event where pos = {position}")]);
    let found = case.verify();
    let size = template().size - 1;
    found.is(exit::INVALID, &and_its_consequences(&[(position + 1, "position"), (size, "size")], size));
    found.says("position", &format!("follows {}", position - 1));
}

#[test]
fn case_08_two_exchanged_rows_are_not_at_their_place() {
    let case = Case::green();
    let rows = forge::rows(&log(&case));
    // Neighbours of one instant in two streams: nothing but the place tells.
    let is_pair = |pair: &[Row]| pair[0].at == pair[1].at && pair[0].sid != pair[1].sid;
    let first = 4_200 + rows[4_200..].windows(2).position(is_pair).unwrap() + 1;
    let moved = |from: usize, to: i64| format!("update event set pos = {to} where pos = {from}");
    let back = format!("update event set pos = {} where pos = -1", first + 1);
    forge::execute(&log(&case), &[&moved(first, -1), &moved(first + 1, first as i64), &back]);
    let found = case.verify();
    let (one, two) = (first as u64, first as u64 + 1);
    found.is(exit::INVALID, &and_its_consequences(&[(one, "position"), (two, "position")], template().size));
    found.says("position", &format!("stored {one}, computed {two}"));
}

#[test]
fn case_09_a_cut_log_is_shorter_than_what_was_signed() {
    let case = Case::green();
    forge::rebuild(&case.data(), |rows| rows.truncate(rows.len() - 5));
    let found = case.verify();
    let size = template().size - 5;
    found.is(exit::INCONSISTENT, &[(size, "consistency"); 3]);
    found.says("consistency", &format!("has {size} events, but {} were signed", template().size));
    case.is_not_served(&[&format!("has {size} events"), "was signed", "Restore the newest backup"]);
}

#[test]
fn case_10_a_log_of_yesterday_that_went_on_elsewhere_is_refused() {
    let case = Case::green();
    let newest = case.path("newest.db");
    std::fs::copy(log(&case), &newest).unwrap();
    let elsewhere = case.path("elsewhere");
    super::given::copy(&template().older(), &elsewhere);
    for _ in 0..3 {
        token(&elsewhere, "GA");
    }
    crate::support::inject::settle(&elsewhere);
    std::fs::copy(elsewhere.join("log.db"), log(&case)).unwrap();

    let found = case.verify();

    let size = template().size;
    assert!(found.answer["events"].as_u64() > Some(size), "longer than what was signed: {}", found.answer);
    found.is(exit::INCONSISTENT, &[(size, "consistency"); 3]);
    let words = [&*format!("the first {size} events"), "was changed or is another one"];
    case.is_not_served(&words);
    let refused = run(&case.data(), &["token", "--role", "CO"]);
    assert_eq!(refused.status.code(), Some(exit::INVALID), "{}", stderr(&refused));
    assert!(stderr(&refused).contains("Restore the newest backup"), "{}", stderr(&refused));
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(case.data().join(format!("log.db{suffix}")));
    }
    std::fs::copy(newest, log(&case)).unwrap();
    case.verify().is_green();
    token(&case.data(), "CO");
}

#[test]
fn case_31_an_event_that_was_recorded_before_its_predecessor_is_found_however_well_it_is_signed() {
    let case = Case::green();
    let position = template().size / 2 + 10;
    forge::rebuild(&case.data(), |_| {});
    let server = case.sign_anew();
    let policy = case.log_key_only();
    let policy = ["--policy", &*policy];
    let log_only = [&["--log-only"], &policy[..]].concat();
    case.verify_with(&log_only).is_green();
    server.stop();

    forge::rebuild(&case.data(), |rows| {
        let before = rows[position as usize - 2].at;
        rows[position as usize - 1].at = before - 1;
    });
    let server = case.sign_anew();

    let backwards = [(position, "recorded at")];
    case.verify_with(&log_only).is(exit::INVALID, &backwards);
    case.verify_url(&server.address, &policy).is(exit::INVALID, &backwards);
    let range = format!("{}..{}", position - 2, position + 2);
    run_well(&case.data(), &["bundle", &case.arg("new.tar"), "--position", &range]);
    let found = case.verify_bundle(&case.arg("new.tar"), &policy);
    found.is(exit::INVALID, &backwards);
    found.says("recorded at", "earlier");
    server.stop();
}
