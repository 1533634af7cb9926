//! One bit of a bundle, whichever file it is in: no program that verifies it finds it whole.

use std::process::Command;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;
use sfs_ledger::Bundle;

use crate::small_log::{COSIGNED_AT, SmallLog, policy_text, verified};
use crate::support::workspace;

/// Exit codes of all bundles of a folder, from the program that shares no code with ours.
fn in_node(folder: &str, policy: &str, remembered: &str) -> Value {
    let script = workspace().join("tests/check/bundles.mjs");
    let now = (COSIGNED_AT + 60).to_string();
    let output = Command::new("node").arg(script).args([folder, policy, remembered, &now, "3600"]).output();
    serde_json::from_slice(&output.expect("node is needed").stdout).unwrap()
}

#[test]
fn one_bit_in_any_block_of_any_file_of_a_bundle_matters_to_both_programs() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (log, earlier) = (SmallLog::of(20), SmallLog::of(11));
    let mut parts = log.parts(&[2, 7, 8, 13, 18]);
    parts.consistency = Some(log.consistency(11));
    parts.timestamps = vec![("a.tsr".into(), b"a reply".to_vec()), ("b.tsr".into(), b"x".to_vec())];
    let bytes = parts.pack();
    let whole = Bundle::parse(&bytes).unwrap();
    assert!(whole.consistency.is_some() && whole.disclosures.is_some() && whole.timestamps.len() == 2);
    std::fs::write(path("policy"), policy_text()).unwrap();
    std::fs::write(path("remembered"), earlier.note().to_string()).unwrap();
    for folder in ["clean", "flipped"] {
        std::fs::create_dir(path(folder)).unwrap();
    }
    std::fs::write(path("clean/whole"), &bytes).unwrap();
    assert_eq!(verified(&bytes, Some(&log.checkpoint(11))).findings, []);
    assert_eq!(in_node(&path("clean"), &path("policy"), &path("remembered"))["whole"], 0);
    let mut chance = StdRng::seed_from_u64(23);
    for block in 0..bytes.len() / 512 {
        // The first byte, where a name or a content begins, and some that chance takes.
        for place in [0, 1, 2, 3].map(|n| if n == 0 { 0 } else { chance.random_range(0..512) }) {
            let mut changed = bytes.clone();
            changed[512 * block + place] ^= 1 << chance.random_range(0..8_u8);
            std::fs::write(path(&format!("flipped/{block}-{place}")), &changed).unwrap();
            assert!(verified(&changed, Some(&log.checkpoint(11))).outcome.code() >= 20, "block {block}, {place}");
        }
    }
    let codes = in_node(&path("flipped"), &path("policy"), &path("remembered"));
    let codes = codes.as_object().unwrap();
    assert!(codes.len() > 60 && codes.values().all(|code| code.as_u64() >= Some(20)), "{codes:?}");
}
