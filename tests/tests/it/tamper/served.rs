//! What others see: tiles, checkpoints, bundles, and whom their policy trusts (cases 11 to 14, 17 and 40).

use std::collections::BTreeMap;
use std::path::Path;

use sfs_ledger::{Tile, TilePath, VerifierKey, write_bundle};

use crate::small_log::{SmallLog, policy_text};
use crate::support::process::{Server, exit, run, run_well, token, wait_for};

use super::given::{Case, bundle, node, template};
use super::{forge, mirror};

/// What is served, changed.
fn served(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> String {
    let mut files = template().served.clone();
    change(&mut files);
    mirror::serve(files)
}

/// A file that is served, to be changed.
fn file<'a>(files: &'a mut BTreeMap<String, Vec<u8>>, path: &str) -> &'a mut Vec<u8> {
    files.get_mut(path).unwrap_or_else(|| panic!("{path} is not served"))
}

/// The path of the last, partial tile of entries or hashes.
fn partial(kind: &str) -> String {
    let of_kind = |path: &&String| path.starts_with(kind) && path.contains(".p/");
    template().served.keys().rfind(of_kind).unwrap().clone()
}

#[test]
fn case_11_a_flipped_bit_in_a_tile_is_not_what_the_entries_come_to() {
    let case = Case::green();
    let policy = ["--policy", &*case.arg("policy")];
    case.verify_url(&served(|_| {}), &policy).is_green();
    for (path, first) in [("/tile/0/003", 769), (&*partial("/tile/1/"), 1)] {
        let changed = served(|files| file(files, path)[100] ^= 4);
        let found = case.verify_url(&changed, &policy);
        found.is(exit::INVALID, &[(first, "tile")]);
        found.says("tile", "is not that of the entries");
    }
    let changed = served(|files| file(files, "/tile/entries/003")[100] ^= 4);
    assert_eq!(case.verify_url(&changed, &policy).code, exit::INVALID);

    // In our own store: who verifies finds it while we serve it, and the next start makes the tile anew.
    let key_only = case.log_key_only();
    let server = Server::start(&case.data());
    server.wait_ready();
    case.verify_url(&server.address, &["--policy", &key_only]).is_green();
    let flip = "update tile set hashes = cast(x'00' || substr(hashes, 2) as blob) where level = 0 and place = 3";
    forge::execute(&case.data().join("tiles.db"), &[flip]);
    case.verify_url(&server.address, &["--policy", &key_only]).is(exit::INVALID, &[(769, "tile")]);
    server.stop();
    let server = Server::start(&case.data());
    server.wait_ready();
    case.verify_url(&server.address, &["--policy", &key_only]).is_green();
    server.stop();
}

#[test]
fn case_12_a_missing_tile_is_said_to_be_missing() {
    let case = Case::green();
    let policy = ["--policy", &*case.arg("policy")];
    case.verify_url(&served(|_| {}), &policy).is_green();
    let (entries, hashes, above) = (partial("/tile/entries/"), partial("/tile/0/"), partial("/tile/1/"));
    let last = template().size / 256 * 256 + 1;
    for (path, expected) in [
        (&*entries, &[(last, "tile"), (0, "size")][..]),
        (&hashes, &[(last, "tile"), (0, "size")]),
        (&above, &[(0, "tile")]),
        ("/tile/entries/004", &[(1025, "tile"), (0, "size")]),
        ("/checkpoint", &[(0, "checkpoint")]),
    ] {
        let without = served(|files| drop(files.remove(path).unwrap()));
        let found = case.verify_url(&without, &policy);
        found.is(exit::UNUSABLE, expected);
    }
    // A partial tile that the tree has outgrown may be gone: the full one stands for it, and if that is gone too …
    let outgrown = |missing: &str| {
        let (then, now) = (SmallLog::of(200), SmallLog::of(256));
        let tile = Tile::of_tree(0, 0, 256).unwrap();
        let entries = write_bundle(now.leaves.iter().map(Vec::as_slice)).unwrap();
        let mut files = BTreeMap::from([
            ("/checkpoint".to_owned(), then.note().to_string().into_bytes()),
            (format!("/{}", TilePath::Hashes(tile)), tile.bytes(&now.hashes).unwrap()),
            (format!("/{}", TilePath::Entries(tile)), entries),
        ]);
        files.remove(missing);
        mirror::serve(files)
    };
    std::fs::write(case.path("small"), policy_text()).unwrap();
    let small = ["--policy", &*case.arg("small")];
    case.verify_url(&outgrown("nothing"), &small).is_green();
    for missing in ["/tile/0/000", "/tile/entries/000"] {
        case.verify_url(&outgrown(missing), &small).is(exit::UNUSABLE, &[(1, "tile"), (0, "size")]);
    }
    // Of a bundle that is cut short more is missing.
    let whole = bundle(&case);
    case.verify_bundle(&whole, &policy).is_green();
    let bytes = std::fs::read(&whole).unwrap();
    std::fs::write(&whole, &bytes[..bytes.len() - 2_000]).unwrap();
    case.verify_bundle(&whole, &policy).is(exit::UNUSABLE, &[(0, "bundle")]);
}

#[test]
fn case_13_an_altered_checkpoint_is_not_what_was_signed() {
    let case = Case::green();
    let policy = ["--policy", &*case.arg("policy")];
    let url = |address: &str| format!("http://{address}");
    let note = String::from_utf8(template().served["/checkpoint"].clone()).unwrap();
    let lines: Vec<&str> = note.lines().collect();
    case.verify_with(&[&[&*url(&served(|_| {}))], &policy[..]].concat()).is_green();
    let other_root = format!("{}{}", if lines[2].starts_with('A') { 'B' } else { 'A' }, &lines[2][1..]);
    for (what, with) in [
        (lines[1], (template().size + 1).to_string()),
        (lines[1], (template().size - 1).to_string()),
        (lines[2], other_root),
    ] {
        let altered = note.replacen(what, &with, 1);
        let address = served(|files| *file(files, "/checkpoint") = altered.clone().into_bytes());
        let found = case.verify_with(&[&[&*url(&address)], &policy[..]].concat());
        found.is(exit::INVALID, &[(0, "policy")]);
        found.says("policy", "signature");
        // A directory whose cosigned checkpoint was altered.
        let other = Case::green();
        let update = format!("update checkpoint set note = replace(note, '{what}', '{with}')");
        forge::execute(&other.data().join("ops.db"), &[&update]);
        let found = other.verify();
        assert_eq!(found.code, exit::INVALID, "{:#}", found.answer);
        assert_eq!(found.findings.first().map(|(_, check)| &**check), Some("policy"), "{:#}", found.answer);
        found.says("policy", "signature");
    }
}

#[test]
fn case_14_a_log_that_an_unknown_key_has_signed_is_not_trusted() {
    let case = Case::green();
    let stranger = run_well(&case.path("other"), &["key", "new"]);
    std::fs::write(case.path("stranger"), format!("log {stranger}quorum none\n")).unwrap();
    let (known, stranger) = (case.arg("policy"), case.arg("stranger"));
    let address = served(|_| {});
    let bundle = bundle(&case);
    let untrusted = [(0, "policy")];
    for (policy, code, expected) in [(&known, exit::OK, &[][..]), (&stranger, exit::UNTRUSTED, &untrusted)] {
        case.verify_with(&["--log-only", "--policy", policy]).is(code, expected);
        case.verify_url(&address, &["--policy", policy]).is(code, expected);
        case.verify_bundle(&bundle, &["--policy", policy]).is(code, expected);
    }
}

#[test]
fn case_17_a_checkpoint_that_is_too_old_is_not_trusted() {
    let case = Case::green();
    let bundle = bundle(&case);
    let policy = case.arg("policy");
    let aged = |age: &'static str| ["--policy", &policy, "--max-age", age].map(str::to_owned);
    let (today, at_once) = (aged("86400"), aged("1"));
    let (today, at_once) = (today.each_ref().map(|arg| &**arg), at_once.each_ref().map(|arg| &**arg));
    let address = served(|_| {});
    let log_only = |args: [&str; 4]| case.verify_with(&[&["--log-only"], &args[..]].concat());
    log_only(today).is_green();
    case.verify_url(&address, &today).is_green();
    case.verify_bundle(&bundle, &today).is_green();
    assert!(wait_for(|| log_only(at_once).code == exit::UNTRUSTED));
    log_only(at_once).is(exit::UNTRUSTED, &[(0, "policy")]);
    log_only(at_once).says("policy", "seconds");
    case.verify_url(&address, &at_once).is(exit::UNTRUSTED, &[(0, "policy")]);
    case.verify_bundle(&bundle, &at_once).is(exit::UNTRUSTED, &[(0, "policy")]);
    assert_eq!(node(&bundle, &[&today[..], &["--now", "9999999999"]].concat()), exit::UNTRUSTED);
}

fn serve_until_signed(data: &Path, size: u64) {
    let server = Server::start(data);
    let signed = wait_for(|| {
        let answer = server.client("").get("/checkpoint").unwrap();
        answer.text().lines().nth(1) == Some(&size.to_string())
    });
    assert!(signed, "{}", server.said());
    server.stop();
}

#[test]
fn case_40_a_rotation_is_accepted_by_whoever_knows_a_key_that_signs() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "AD");
    let policy = |name: &str, keys: &[&str]| {
        let path = directory.path().join(name);
        let logs: String = keys.iter().map(|key| format!("log {key}\n")).collect();
        std::fs::write(&path, logs + "quorum none\n").unwrap();
        path.to_str().unwrap().to_owned()
    };
    let verify = |policy: &str| run(&data, &["verify", "--log-only", "--policy", policy]).status.code().unwrap();
    let old = run_well(&data, &["key", "new"]).trim().to_owned();
    serve_until_signed(&data, 2);
    let rotated = run_well(&data, &["key", "rotate"]);
    let new = rotated.lines().nth(1).unwrap().to_owned();
    let (by_old, by_both, by_new) = (policy("old", &[&old]), policy("both", &[&old, &new]), policy("new", &[&new]));

    // Before both have signed the new key has vouched for nothing.
    assert_eq!([verify(&by_old), verify(&by_both), verify(&by_new)], [exit::OK, exit::OK, exit::UNTRUSTED]);
    serve_until_signed(&data, 3);
    assert_eq!([verify(&by_old), verify(&by_both), verify(&by_new)], [exit::OK; 3]);
    // Without the event that names its heir a key does not go; with it the old one is not asked for again.
    let digits = |key: &str| key.parse::<VerifierKey>().unwrap().to_string().split('+').nth(1).unwrap().to_owned();
    let refused = run(&data, &["key", "retire", &digits(&new)]);
    assert_eq!(refused.status.code(), Some(exit::UNUSABLE));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("does not say which key follows"), "{refused:?}");
    run_well(&data, &["key", "retire", &digits(&old)]);
    token(&data, "CO");
    serve_until_signed(&data, 5);
    assert_eq!([verify(&by_old), verify(&by_both), verify(&by_new)], [exit::UNTRUSTED, exit::OK, exit::OK]);
}
