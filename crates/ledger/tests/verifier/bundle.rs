//! Bundles: a whole one verifies, and whatever is changed in it is found, first as a damaged file and,
//! where the digests were changed along with it, by the proofs (cases 14, 15, 17, 19, 24, 25, 27 and 31
//! of `audit.md` 6). Each case first shows that the bundle verifies without the change.

use crate::support::{
    COSIGNED_AT, Parts, SmallLog, cosignature, log_key, policy, policy_text, signature, verified, verified_under,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use sfs_ledger::{Bundle, Leaf, Outcome, Policy, Report, SignedNote, Terms, leaf_hash, verify_bundle};

/// The checks that found something, each once.
fn checks(report: &Report) -> Vec<&'static str> {
    let mut checks: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    checks
}

#[track_caller]
fn assert_whole(report: &Report) {
    assert_eq!(report.findings, [], "nothing is to be found");
    assert_eq!(report.outcome, Outcome::Whole);
}

/// Nothing else may be found than by these checks.
#[track_caller]
fn assert_found(report: &Report, outcome: Outcome, expected: &[&str]) {
    assert_eq!((report.outcome, checks(report)), (outcome, expected.to_vec()), "{:?}", report.findings);
}

/// Five events of two streams among twenty, with everything that a bundle can have.
fn small() -> (SmallLog, Parts) {
    let log = SmallLog::of(20);
    let mut parts = log.parts(&[2, 7, 8, 13, 18]);
    parts.consistency = Some(log.consistency(11));
    parts.timestamps = vec![("tsa-1.tsr".into(), b"a reply".to_vec())];
    (log, parts)
}

/// As little as has everything: every file that a bundle can have.
fn tiny() -> (SmallLog, Parts) {
    let log = SmallLog::of(9);
    let mut parts = log.parts(&[2, 7]);
    parts.consistency = Some(log.consistency(5));
    parts.timestamps = vec![("tsa.tsr".into(), b"a reply".to_vec())];
    (log, parts)
}

#[test]
fn a_whole_bundle_says_what_it_proves_and_what_it_does_not() {
    let (log, parts) = small();

    let report = verified(&parts.pack(), Some(&log.checkpoint(11)));

    assert_whole(&report);
    let facts = &report.facts;
    assert_eq!(facts.log.as_ref().map(|(_, size, _)| *size), Some(20));
    assert_eq!((facts.events, facts.streams, facts.linked), (5, 2, 4), "only of 8 the predecessor is not there");
    assert_eq!((facts.disclosures, facts.sealed, facts.timestamps, facts.continues), (4, 2, 1, Some(11)));
    assert_eq!((facts.signed_by.len(), facts.cosigned_by.len()), (1, 2));
    for words in ["never recorded", "not in the bundle", "openssl ts -verify", "sealed data", "destroyed key"] {
        assert!(report.not_checked.iter().any(|line| line.contains(words)), "{words}");
    }
}

#[test]
fn any_one_bit_of_a_small_bundle_matters() {
    let (log, parts) = tiny();
    let bytes = parts.pack();
    let whole = Bundle::parse(&bytes).unwrap();
    assert!(whole.consistency.is_some() && whole.disclosures.is_some() && whole.timestamps.len() == 1);
    let remembered = log.checkpoint(5);
    assert_whole(&verified(&bytes, Some(&remembered)));
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            let report = verified(&changed, Some(&remembered));
            assert_ne!(report.outcome.code(), 0, "bit {bit} of byte {place}");
        }
    }
}

/// Every single bit of each file that proves something, with digests that fit: so it is the proofs that
/// must find it.
#[test]
fn any_one_bit_of_what_is_proved_is_found_by_the_proofs_alone() {
    let (log, parts) = tiny();
    let remembered = log.checkpoint(5);
    type File = fn(&mut Parts) -> &mut Vec<u8>;
    let files: [(&str, File); 5] = [
        ("checkpoint", |parts| &mut parts.checkpoint),
        ("positions", |parts| &mut parts.positions),
        ("leaves.bin", |parts| &mut parts.leaves),
        ("open.bin", |parts| &mut parts.open),
        ("multiproof.bin", |parts| &mut parts.multiproof),
    ];
    for (name, file) in files {
        for place in 0..file(&mut parts.clone()).len() {
            for bit in 0..8 {
                let mut changed = parts.clone();
                file(&mut changed)[place] ^= 1 << bit;
                let report = verified(&changed.pack(), Some(&remembered));
                assert!(!report.findings.is_empty(), "bit {bit} of byte {place} of {name}");
            }
        }
    }
    // Texts, which stay texts: every character against its neighbour.
    for (name, text) in [("disclosures", parts.disclosures.clone()), ("consistency", log.consistency(5))] {
        for place in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            let Ok(other) = String::from_utf8(bytes) else { continue };
            let mut changed = parts.clone();
            match name {
                "disclosures" => changed.disclosures = other,
                _ => changed.consistency = Some(other),
            }
            let report = verified(&changed.pack(), Some(&remembered));
            assert!(!report.findings.is_empty(), "byte {place} of {name}");
        }
    }
}

#[test]
fn a_checkpoint_of_an_unknown_key_is_not_trusted() {
    let (_, parts) = small();
    assert_whole(&verified(&parts.pack(), None));
    let text = SignedNote::parse(&parts.checkpoint).unwrap().unverified_text().to_owned();
    let cosign = |seed| cosignature(seed, COSIGNED_AT, &text);
    let note = SignedNote::new(&text, vec![signature(2, &text), cosign(11), cosign(12)]).unwrap();
    let changed = Parts { checkpoint: note.to_string().into_bytes(), ..parts };
    assert_found(&verified(&changed.pack(), None), Outcome::Untrusted, &["policy"]);
}

#[test]
fn too_few_witnesses_or_one_of_them_twice_are_no_quorum() {
    let (_, parts) = small();
    assert_whole(&verified(&parts.pack(), None));
    let text = SignedNote::parse(&parts.checkpoint).unwrap().unverified_text().to_owned();
    let one = cosignature(11, COSIGNED_AT, &text);
    let later = cosignature(11, COSIGNED_AT + 1, &text);
    for cosignatures in [vec![], vec![one.clone()], vec![one.clone(), one.clone()], vec![one, later]] {
        let mut signatures = vec![signature(1, &text)];
        signatures.extend(cosignatures);
        let note = SignedNote::new(&text, signatures).unwrap();
        let changed = Parts { checkpoint: note.to_string().into_bytes(), ..parts.clone() };
        assert_found(&verified(&changed.pack(), None), Outcome::Untrusted, &["policy"]);
    }
}

#[test]
fn a_checkpoint_that_is_too_old_is_not_trusted() {
    let (_, parts) = small();
    let (bytes, policy) = (parts.pack(), policy());
    let terms = |now, max_age| Terms { policy: &policy, known: &[], remembered: None, now, max_age };
    assert_whole(&verify_bundle(&bytes, &terms(COSIGNED_AT + 3600, Some(3600))));
    assert_found(&verify_bundle(&bytes, &terms(COSIGNED_AT + 3601, Some(3600))), Outcome::Untrusted, &["policy"]);
    // Nobody asks: then it is said that nobody did.
    let unasked = verify_bundle(&bytes, &terms(COSIGNED_AT + 1_000_000, None));
    assert_whole(&unasked);
    assert!(unasked.not_checked.iter().any(|line| line.contains("how old")));
    // Without witnesses nobody can say it.
    let none = Policy::parse(format!("log {}\nquorum none\n", log_key(1)).as_bytes()).unwrap();
    assert_found(&verified_under(&none, &bytes, None), Outcome::Untrusted, &["policy"]);
}

#[test]
fn a_log_that_does_not_continue_the_remembered_one_is_inconsistent() {
    let (log, parts) = small();
    let other = SmallLog::timed(20, |_| 0);
    assert_whole(&verified(&parts.pack(), Some(&log.checkpoint(11))));
    assert_found(&verified(&parts.pack(), Some(&other.checkpoint(11))), Outcome::Inconsistent, &["consistency"]);
    // Two roots of one size: whoever signed both has shown two logs.
    assert_whole(&verified(&parts.pack(), Some(&log.checkpoint(20))));
    assert_found(&verified(&parts.pack(), Some(&other.checkpoint(20))), Outcome::Inconsistent, &["consistency"]);
    // Without a proof from there it is not known, which is something else.
    assert_found(&verified(&parts.pack(), Some(&log.checkpoint(12))), Outcome::Incomplete, &["consistency"]);
    let newer = SmallLog::of(21);
    assert_found(&verified(&parts.pack(), Some(&newer.checkpoint(21))), Outcome::Incomplete, &["consistency"]);
}

#[test]
fn a_proof_that_is_cut_extended_or_exchanged_is_refused() {
    let (log, parts) = small();
    assert_whole(&verified(&parts.pack(), None));
    let hashes = parts.multiproof.len() / 32;
    for place in 0..hashes {
        let mut cut = parts.clone();
        cut.multiproof.drain(place * 32..place * 32 + 32);
        assert_found(&verified(&cut.pack(), None), Outcome::Invalid, &["multiproof"]);
        let mut extended = parts.clone();
        extended.multiproof.splice(place * 32..place * 32, [7; 32]);
        assert_found(&verified(&extended.pack(), None), Outcome::Invalid, &["multiproof"]);
    }
    let shorter = Parts { multiproof: parts.multiproof[1..].to_vec(), ..parts.clone() };
    assert_found(&verified(&shorter.pack(), None), Outcome::Invalid, &["bundle"]);
    let other = Parts { multiproof: log.parts(&[3, 7, 8, 13, 18]).multiproof, ..parts.clone() };
    assert_found(&verified(&other.pack(), None), Outcome::Invalid, &["multiproof"]);
    // The same leaves under the next position: neither the leaf nor the proof fits.
    let moved = Parts { positions: log.parts(&[3, 7, 8, 13, 18]).positions, disclosures: String::new(), ..parts };
    assert_found(&verified(&moved.pack(), None), Outcome::Invalid, &["position", "multiproof"]);
}

#[test]
fn positions_ascend_are_unique_and_have_their_leaf() {
    let (_, parts) = small();
    for positions in [&[2, 0, 1, 5, 5][..], &[2, 5, 1, 5, 0], &[0, 7, 1, 5, 5], &[0x82, 0, 5, 1, 5, 5], &[0x82], &[]] {
        let changed = Parts { positions: positions.to_vec(), ..parts.clone() };
        assert_found(&verified(&changed.pack(), None), Outcome::Invalid, &["bundle"]);
    }
    let fewer = Parts { positions: parts.positions[..4].to_vec(), ..parts };
    assert_found(&verified(&fewer.pack(), None), Outcome::Invalid, &["bundle"]);
}

#[test]
fn an_event_that_was_left_out_is_missed_by_the_proof() {
    let (log, parts) = small();
    let without = log.parts(&[2, 7, 13, 18]);
    assert_whole(&verified(&without.pack(), None));
    let changed = Parts { multiproof: parts.multiproof, ..without };
    assert_found(&verified(&changed.pack(), None), Outcome::Invalid, &["multiproof"]);
}

#[test]
fn a_disclosure_that_was_forged_or_moved_is_not_committed_to() {
    let (_, parts) = small();
    assert_whole(&verified(&parts.pack(), None));
    let lines: Vec<&str> = parts.disclosures.lines().collect();
    let with = |lines: &[&str]| {
        let disclosures = lines.iter().map(|line| format!("{line}\n")).collect();
        verified(&Parts { disclosures, ..parts.clone() }.pack(), None)
    };
    assert_whole(&with(&lines[..1]));
    let (position, disclosure) = lines[0].split_once(' ').unwrap();
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(disclosure).unwrap()).unwrap();
    let forged = text.replace("false", "true").replace("\"f\"", "\"m\"");
    assert_ne!(forged, text);
    let forged = format!("{position} {}", URL_SAFE_NO_PAD.encode(forged));
    assert_found(&with(&[&forged]), Outcome::Invalid, &["disclosure"]);
    let (_, text) = lines[0].split_once(' ').unwrap();
    for position in [1, 7, 13, 18, 20, 21] {
        assert_found(&with(&[&format!("{position} {text}")]), Outcome::Invalid, &["disclosure"]);
    }
    for wrong in [&[lines[0], lines[0]][..], &[lines[1], lines[0]], &["2"], &["02 x"], &["-1 x"], &[""]] {
        assert_found(&with(wrong), Outcome::Invalid, &["bundle"]);
    }
}

#[test]
fn an_event_that_was_recorded_before_its_predecessor_is_found() {
    let at = |pos: u64| if pos == 13 { 5 } else { pos as i64 };
    let right = SmallLog::timed(20, |pos| pos as i64);
    assert_whole(&verified(&right.parts(&[2, 7, 13]).pack(), None));
    let wrong = SmallLog::timed(20, at);
    assert_found(&verified(&wrong.parts(&[2, 7, 13]).pack(), None), Outcome::Invalid, &["recorded at"]);
}

#[test]
fn a_back_link_to_another_event_is_found() {
    let mut log = SmallLog::of(20);
    assert_whole(&verified(&log.parts(&[13, 18]).pack(), None));
    let (mut leaf, other) = (Vec::new(), log.hashes[7]);
    {
        let parsed = Leaf::parse(&log.leaves[17]).unwrap();
        let prepared = parsed.draft.prepare().unwrap();
        prepared.complete(parsed.pos, parsed.at_micros, parsed.sv, Some(&other), &mut leaf).unwrap();
    }
    log.hashes[17] = leaf_hash(&leaf);
    log.leaves[17] = leaf;
    assert_found(&verified(&log.parts(&[13, 18]).pack(), None), Outcome::Invalid, &["back link"]);
    assert_whole(&verified(&log.parts(&[18]).pack(), None));
}

#[test]
fn a_file_that_is_missing_is_said_to_be_missing() {
    let (_, parts) = small();
    let bytes = parts.pack();
    for length in [0, 512, bytes.len() / 2, bytes.len() - 1024, bytes.len() - 1] {
        assert_found(&verified(&bytes[..length], None), Outcome::Incomplete, &["bundle"]);
    }
    // The container without its `open.bin`, taken apart by hand.
    let bundle = Bundle::parse(&bytes).unwrap();
    let first = bytes.windows(8).position(|window| window == b"open.bin").unwrap();
    let whole = 512 + bundle.open.len().next_multiple_of(512);
    let without = [&bytes[..first], &bytes[first + whole..]].concat();
    assert_found(&verified(&without, None), Outcome::Incomplete, &["bundle"]);
    let twice = [&bytes[..first], &bytes[first..first + whole], &bytes[first..]].concat();
    assert_found(&verified(&twice, None), Outcome::Invalid, &["bundle"]);
}

#[test]
fn the_policy_is_the_verifiers_own() {
    let (_, parts) = small();
    let other = Policy::parse(policy_text().replace("all one two", "any one two").as_bytes()).unwrap();
    assert_whole(&verified_under(&other, &parts.pack(), None));
    let stranger = Policy::parse(format!("log {}\nquorum none\n", log_key(3)).as_bytes()).unwrap();
    assert_found(&verified_under(&stranger, &parts.pack(), None), Outcome::Untrusted, &["policy"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn bundles_of_any_events_verify_and_any_bit_of_them_matters(
        size in 1_u64..600,
        chosen in proptest::collection::btree_set(1_u64..600, 1..60),
        place in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let log = SmallLog::of(size);
        let mut positions: Vec<u64> = chosen.into_iter().filter(|position| *position <= size).collect();
        if positions.is_empty() {
            positions.push(size);
        }
        let mut bytes = log.parts(&positions).pack();
        let report = verified(&bytes, None);
        prop_assert_eq!(report.outcome, Outcome::Whole, "{:?}", report.findings);
        prop_assert_eq!(report.facts.events, positions.len() as u64);

        let place = place.index(bytes.len());
        bytes[place] ^= 1_u8 << bit;

        prop_assert_ne!(verified(&bytes, None).outcome.code(), 0);
    }

    #[test]
    fn no_bytes_make_the_verifier_panic(bytes in any::<Vec<u8>>(), cut in any::<prop::sample::Index>()) {
        prop_assert_ne!(verified(&bytes, None).outcome.code(), 0);
        let whole = small().1.pack();
        let cut = cut.index(whole.len());
        let spliced = [&whole[..cut], &bytes, &whole[cut..]].concat();
        prop_assert!(bytes.is_empty() || verified(&spliced, None).outcome.code() != 0);
    }
}
