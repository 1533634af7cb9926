//! Policies: what is one and what is none, whose cosignatures make a quorum, and how old it is (cases
//! 14, 15 and 17 of `audit.md` 6).

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sfs_ledger::{
    Checkpoint, KeyTextError, MAX_POLICY_BYTES, NoteError, NoteSignature, Policy, PolicyError, PolicyFault,
    PolicyRefusal, Quorum, SignedNote, VerifierKey, WitnessKey, cosigned_message, digest,
};

const ORIGIN: &str = "sfs.example/log/1";

fn public(seed: u8) -> [u8; 32] {
    SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes()
}

fn log(origin: &str, seed: u8) -> VerifierKey {
    VerifierKey::new(origin, &public(seed)).unwrap()
}

fn witness(seed: u8) -> WitnessKey {
    WitnessKey::new(&format!("w{seed}.example"), &public(seed)).unwrap()
}

fn text() -> String {
    Checkpoint::new(ORIGIN, 7, digest(b"root")).unwrap().to_string()
}

fn signed(origin: &str, seed: u8) -> NoteSignature {
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(text().as_bytes()).to_bytes();
    NoteSignature::ed25519(&log(origin, seed), signature)
}

fn cosigned(seed: u8, time: u64) -> NoteSignature {
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&cosigned_message(time, &text())).to_bytes();
    NoteSignature::cosignature(&witness(seed), time, signature)
}

/// The note of our log with these cosignatures: of whom, at what time.
fn note(cosignatures: &[(u8, u64)]) -> SignedNote {
    let lines = cosignatures.iter().map(|(seed, time)| cosigned(*seed, *time));
    SignedNote::new(&text(), std::iter::once(signed(ORIGIN, 100)).chain(lines).collect()).unwrap()
}

/// A policy with our log, witnesses `w1` to `w6` and these lines.
fn policy(lines: &str) -> Result<Policy, PolicyError> {
    let witnesses: String = (1..=6).map(|seed| format!("witness w{seed} {}\n", witness(seed))).collect();
    Policy::parse(format!("log {}\n{witnesses}{lines}", log(ORIGIN, 100)).as_bytes())
}

fn quorum(lines: &str, cosignatures: &[(u8, u64)]) -> Quorum {
    policy(lines).unwrap().evaluate(&note(cosignatures), &[]).unwrap().quorum
}

#[test]
fn the_file_is_read_with_comments_tabs_and_addresses() {
    let file = format!(
        "# Whom we trust\n\n \t# more\nlog {} https://log.example/\n\twitness  funder\t{} https://w.example/x \nwitness w2 {}\n\
         group both all funder w2\nquorum both\n",
        log(ORIGIN, 1),
        witness(2),
        witness(3)
    );
    let policy = Policy::parse(file.as_bytes()).unwrap();
    assert_eq!(policy.logs().len(), 1);
    assert_eq!(
        (&policy.logs()[0].key, policy.logs()[0].url.as_deref()),
        (&log(ORIGIN, 1), Some("https://log.example/"))
    );
    let witnesses: Vec<_> = policy.witnesses().collect();
    assert_eq!(witnesses, [(&witness(2), Some("https://w.example/x")), (&witness(3), None)]);
}

#[test]
fn the_example_of_the_specification_is_evaluated_as_it_says() {
    let lines = "group X-witnesses 2 w1 w2 w3\ngroup Y-witnesses any w4 w5 w6\ngroup X-and-Y all X-witnesses Y-witnesses\n\
                 quorum X-and-Y\n";
    for (cosignatures, expected) in [
        (&[(1, 10), (2, 20), (4, 30)][..], Quorum::Reached { at: 10 }),
        // With three X only the two newest are needed.
        (&[(1, 10), (2, 20), (3, 30), (4, 40), (5, 5)][..], Quorum::Reached { at: 20 }),
        (&[(1, 30), (2, 20), (6, 10)][..], Quorum::Reached { at: 10 }),
        (&[(1, 10), (2, 20), (3, 30)][..], Quorum::Missed),
        (&[(1, 10), (4, 20), (5, 30), (6, 30)][..], Quorum::Missed),
        (&[][..], Quorum::Missed),
    ] {
        assert_eq!(quorum(lines, cosignatures), expected, "{cosignatures:?}");
    }
    assert_eq!(quorum("quorum w2\n", &[(2, 5)]), Quorum::Reached { at: 5 });
    assert_eq!(quorum("quorum w2\n", &[(1, 5)]), Quorum::Missed);
    assert_eq!(quorum("quorum none\n", &[(1, 5)]), Quorum::NotAsked);
}

#[test]
fn the_same_witness_twice_counts_once() {
    let lines = "group two 2 w1 w2 w3\nquorum two\n";
    let (policy, note) = (policy(lines).unwrap(), note(&[(1, 10), (1, 11), (1, 12)]));
    let evaluation = policy.evaluate(&note, &[]).unwrap();
    assert_eq!(evaluation.cosigned_by, [(&witness(1), 12)]);
    assert_eq!(evaluation.require_quorum(), Err(PolicyRefusal::Quorum(1)));
    assert_eq!(quorum(lines, &[(1, 10), (1, 11), (3, 12)]), Quorum::Reached { at: 11 });
}

#[test]
fn a_checkpoint_of_an_unknown_key_or_of_another_trusted_log_is_refused() {
    let none = policy("quorum none\n").unwrap();
    let unknown = Err(PolicyRefusal::UnknownLog(ORIGIN.to_owned()));
    let by = |signature| SignedNote::new(&text(), vec![signature]).unwrap();
    assert_eq!(none.evaluate(&by(signed(ORIGIN, 100)), &[]).unwrap().signed_by, [&log(ORIGIN, 100)]);
    // An unknown key, also with the name of ours; and only witnesses.
    assert_eq!(none.evaluate(&by(signed(ORIGIN, 101)), &[]), unknown);
    assert_eq!(none.evaluate(&by(cosigned(1, 5)), &[]), unknown);
    // A trusted log that signs what is said to be of ours.
    let both = Policy::parse(format!("log {}\nlog {}\nquorum none\n", log(ORIGIN, 100), log("other", 101)).as_bytes());
    assert_eq!(both.unwrap().evaluate(&by(signed("other", 101)), &[]), unknown);
    // A key that is known from elsewhere counts.
    let known = [log(ORIGIN, 101)];
    assert_eq!(none.evaluate(&by(signed(ORIGIN, 101)), &known).unwrap().signed_by, [&known[0]]);
}

#[test]
fn a_wrong_signature_of_a_known_key_condemns_the_note() {
    let policy = policy("quorum w1\n").unwrap();
    let forged_by_log = NoteSignature::ed25519(&log(ORIGIN, 100), [1; 64]);
    let forged_by_witness = NoteSignature::cosignature(&witness(1), 5, [1; 64]);
    for (forged, name) in [(forged_by_log, ORIGIN), (forged_by_witness, "w1.example")] {
        let lines = vec![signed(ORIGIN, 100), cosigned(1, 5), forged];
        let note = SignedNote::new(&text(), lines).unwrap();
        assert_eq!(policy.evaluate(&note, &[]), Err(NoteError::WrongSignature(name.to_owned()).into()));
    }
    let stranger = NoteSignature::cosignature(&witness(9), 5, [1; 64]);
    let note = SignedNote::new(&text(), vec![signed(ORIGIN, 100), stranger, cosigned(1, 5)]).unwrap();
    assert_eq!(policy.evaluate(&note, &[]).unwrap().quorum, Quorum::Reached { at: 5 });
}

#[test]
fn what_is_signed_must_be_a_checkpoint() {
    let policy = policy("quorum none\n").unwrap();
    let note = SignedNote::new("text\n", vec![signed(ORIGIN, 100)]).unwrap();
    assert!(matches!(policy.evaluate(&note, &[]), Err(PolicyRefusal::Checkpoint(_))));
}

#[test]
fn a_stale_checkpoint_is_refused_and_so_is_one_from_the_future() {
    let two = policy("group two 2 w1 w2 w3\nquorum two\n").unwrap();
    let (note, late) = (note(&[(1, 1000), (2, 2000), (3, 3000)]), u64::MAX);
    let fresh = |now, limit| two.evaluate(&note, &[]).unwrap().require_fresh(now, limit);
    assert_eq!(fresh(2100, 100), Ok(()));
    assert_eq!(fresh(2101, 100), Err(PolicyRefusal::Stale { age: 101, limit: 100 }));
    assert_eq!(fresh(1900, 100), Ok(()));
    assert_eq!(fresh(1899, 100), Err(PolicyRefusal::Ahead(101)));
    assert_eq!(fresh(late, 0), Err(PolicyRefusal::Stale { age: late - 2000, limit: 0 }));
    assert_eq!(fresh(0, late), Ok(()));
    let none = policy("quorum none\n").unwrap();
    assert_eq!(none.evaluate(&note, &[]).unwrap().require_fresh(2000, 100), Err(PolicyRefusal::AgeUnknown));
    let missed = policy("quorum w6\n").unwrap();
    assert_eq!(missed.evaluate(&note, &[]).unwrap().require_fresh(2000, 100), Err(PolicyRefusal::Quorum(3)));
}

#[test]
fn what_is_no_policy_is_refused_with_its_line() {
    let (w7, l) = (witness(7), log("other", 8));
    for (lines, line, fault) in [
        ("".into(), 8, PolicyFault::NoQuorum),
        ("quorum none".into(), 8, PolicyFault::NoNewline),
        ("quorum none\r\n".into(), 8, PolicyFault::ControlCharacter),
        ("# a\u{7f}\nquorum none\n".into(), 8, PolicyFault::ControlCharacter),
        ("quorum none\nquorum w1\n".into(), 9, PolicyFault::SecondQuorum),
        ("quorum\n".into(), 8, PolicyFault::Items("quorum <name>")),
        ("quorum w1 w2\n".into(), 8, PolicyFault::Items("quorum <name>")),
        ("quorum later\n".into(), 8, PolicyFault::NotDefined("later".into())),
        ("quorum W1\n".into(), 8, PolicyFault::NotDefined("W1".into())),
        ("quorums w1\n".into(), 8, PolicyFault::Unknown("quorums".into())),
        ("log\n".into(), 8, PolicyFault::Items("log <vkey> [<url>]")),
        (format!("log {l} a b\n"), 8, PolicyFault::Items("log <vkey> [<url>]")),
        (format!("log {w7}\n"), 8, PolicyFault::Key(KeyTextError::SignatureType(4))),
        ("log key\n".into(), 8, PolicyFault::Key(KeyTextError::Malformed)),
        (format!("log {}\n", log("renamed", 100)), 8, PolicyFault::SameKey),
        ("witness w7\n".into(), 8, PolicyFault::Items("witness <name> <vkey> [<url>]")),
        (format!("witness w7 {l}\n"), 8, PolicyFault::Key(KeyTextError::SignatureType(1))),
        (format!("witness w1 {w7}\n"), 8, PolicyFault::NameTaken("w1".into())),
        (format!("witness none {w7}\n"), 8, PolicyFault::NameTaken("none".into())),
        (format!("witness w7 {}\n", WitnessKey::new("renamed", &public(1)).unwrap()), 8, PolicyFault::SameKey),
        ("group g 1\n".into(), 8, PolicyFault::Items("group <name> <all|any|number> <member>...")),
        ("group g 0 w1\n".into(), 8, PolicyFault::Threshold(1)),
        ("group g 3 w1 w2\n".into(), 8, PolicyFault::Threshold(2)),
        ("group g +1 w1\n".into(), 8, PolicyFault::Threshold(1)),
        ("group g 99999999999999999999 w1\n".into(), 8, PolicyFault::Threshold(1)),
        ("group g most w1\n".into(), 8, PolicyFault::Threshold(1)),
        ("group g any none\n".into(), 8, PolicyFault::NotDefined("none".into())),
        ("group g any g\n".into(), 8, PolicyFault::NotDefined("g".into())),
        ("group none any w1\n".into(), 8, PolicyFault::NameTaken("none".into())),
        ("group w1 any w2\n".into(), 8, PolicyFault::NameTaken("w1".into())),
        ("group g 2 w1 w1\n".into(), 8, PolicyFault::Member("w1".into())),
        ("group g any w1\ngroup h all w2 w1\n".into(), 9, PolicyFault::Member("w1".into())),
    ] {
        let lines: String = lines;
        assert_eq!(policy(&lines).unwrap_err(), PolicyError { line, fault }, "{lines:?}");
    }
    let long = vec![b'\n'; MAX_POLICY_BYTES + 1];
    assert_eq!(Policy::parse(&long).unwrap_err().fault, PolicyFault::TooLarge);
    let said = policy("group g 0 w1\n").unwrap_err().to_string();
    assert!(said.starts_with("line 8 of the policy: a group needs"), "{said}");
}

#[test]
fn names_are_bytes() {
    let file = [b"witness \xff ", witness(1).to_string().as_bytes(), b"\nquorum \xff\n"].concat();
    let policy = Policy::parse(&file).unwrap();
    let known = [log(ORIGIN, 100)];
    assert_eq!(policy.evaluate(&note(&[(1, 5)]), &known).unwrap().quorum, Quorum::Reached { at: 5 });
    let other = [b"witness \xff ", witness(1).to_string().as_bytes(), b"\nquorum \xfe\n"].concat();
    assert!(matches!(Policy::parse(&other).unwrap_err().fault, PolicyFault::NotDefined(_)));
}

/// What a group of groups demands, counted in the plainest way: whether enough of those that are in hold.
fn holds(since: &[Option<u64>], threshold: usize, at: u64) -> bool {
    since.iter().flatten().filter(|time| **time >= at).count() >= threshold
}

proptest! {
    #[test]
    fn the_time_of_the_quorum_is_the_last_at_which_it_is_reached(
        times in prop::collection::vec(prop::option::of(1_u64..50), 6),
        first in 1_usize..=3,
        second in 1_usize..=3,
        outer in 1_usize..=2,
    ) {
        let lines = format!("group a {first} w1 w2 w3\ngroup b {second} w4 w5 w6\ngroup q {outer} a b\nquorum q\n");
        let lines_of = |(seed, time): (u8, &Option<u64>)| time.map(|time| (seed, time));
        let cosignatures: Vec<(u8, u64)> = (1..).zip(&times).filter_map(lines_of).collect();
        let is_reached = |at| {
            let groups = [holds(&times[..3], first, at), holds(&times[3..], second, at)];
            groups.iter().filter(|group| **group).count() >= outer
        };
        let last = (0..=60).rev().find(|at| is_reached(*at));
        let expected = last.map_or(Quorum::Missed, |at| Quorum::Reached { at });
        prop_assert_eq!(quorum(&lines, &cosignatures), expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        lines in prop::collection::vec("(log|witness|group|quorum|#) ?(w[1-7]|none|all|any|[0-3]| |\t|\\PC){0,6}\n", 0..8),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let _ = policy(&lines.concat());
        let _ = Policy::parse(&bytes);
    }
}
