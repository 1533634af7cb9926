//! Fuzzing: valid inputs of every parser and verifier are changed at random. Nothing may panic; what is
//! read must be what would be written; and nothing that was changed may be accepted as proved.
//!
//! `SFS_FUZZ_SECONDS` or `SFS_FUZZ_INPUTS` say how long, `SFS_FUZZ_SEED` which inputs. Without them it
//! is short.

use std::time::{Duration, Instant};

use sfs_ledger::{
    Checkpoint, Leaf, OpenBody, Outcome, Policy, Replay, Report, SignedNote, Tile, TilePath, TlogProof, VerifierKey,
    WitnessKey, disclosure_digest, inclusion_proof, read_bundle, read_disclosure, tile_root, write_bundle, write_open,
};

use crate::support::{COSIGNED_AT, ORIGIN, Parts, SmallLog, log_key, policy, policy_text, verified, witness_key};

/// splitmix64: the same inputs from the same seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\n\n",
    b" ",
    b"\0",
    b"+",
    b"=",
    b"/",
    b"0",
    b"-1",
    b"9007199254740991",
    b"9007199254740992",
    b"18446744073709551616",
    b"\xe2\x80\x94 ",
    b"\xff",
    b"\"",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"null",
    b"1e9",
    b"\r\n",
    b".p/",
    b"x001/",
    b"log ",
    b"witness ",
    b"group ",
    b"quorum ",
    b"any",
    b"all",
    b"none",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
];

/// Changes the bytes in one to four places; answers whether they are others now.
fn mutate(bytes: &mut Vec<u8>, chance: &mut Chance) -> bool {
    let before = bytes.clone();
    for _ in 0..=chance.below(4) {
        let (place, other) = (chance.below(bytes.len()), chance.below(bytes.len()));
        let (from, to) = (place.min(other), place.max(other));
        match chance.below(10) {
            0 | 1 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte ^= 1 << (other % 8);
                }
            }
            2 => {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = chance.next() as u8;
                }
            }
            3 => bytes.insert(place, chance.next() as u8),
            4 => drop(bytes.drain(place..(place + 1 + chance.below(8)).min(bytes.len()))),
            5 => bytes.truncate(place),
            6 => bytes.extend_from_within(from..to.min(from + 200)),
            7 => {
                let piece = bytes[from..to.min(from + 64)].to_vec();
                bytes.splice(other..other, piece);
            }
            8 => drop(bytes.splice(place..place, PIECES[chance.below(PIECES.len())].iter().copied())),
            _ if !bytes.is_empty() => bytes.swap(place, other),
            _ => {}
        }
    }
    *bytes != before
}

/// The valid inputs.
struct Corpus {
    log: SmallLog,
    parts: Parts,
    bundle: Vec<u8>,
    note: SignedNote,
    proof: TlogProof,
    remembered: Checkpoint,
}

impl Corpus {
    fn new() -> Self {
        let log = SmallLog::of(40);
        let mut parts = log.parts(&[2, 7, 12, 13, 40]);
        parts.consistency = Some(log.consistency(11));
        parts.timestamps = vec![("tsa.tsr".into(), vec![7; 30])];
        let (bundle, note) = (parts.pack(), log.note());
        let proof = TlogProof::new(6, inclusion_proof(&log.hashes, 6).unwrap(), note.clone()).unwrap();
        let proof = proof.with_extra(b"extra".to_vec()).unwrap();
        let remembered = log.checkpoint(11);
        assert_eq!(verified(&bundle, Some(&remembered)).outcome, Outcome::Whole);
        Self { log, parts, bundle, note, proof, remembered }
    }

    /// Changes one input and shows it to what reads it.
    fn try_one(&self, chance: &mut Chance) {
        let target = TARGETS[chance.below(TARGETS.len())];
        target(self, chance);
    }
}

const TARGETS: &[fn(&Corpus, &mut Chance)] =
    &[note, keys, checkpoint, policies, tlog_proof, tiles, leaf, open_body, entries, disclosure, bundle, evidence];

/// A changed copy; none if nothing came of the change.
fn changed(bytes: &[u8], chance: &mut Chance) -> Option<Vec<u8>> {
    let mut bytes = bytes.to_vec();
    mutate(&mut bytes, chance).then_some(bytes)
}

/// The text and its changed copy, if that is a text.
fn changed_text(text: &str, chance: &mut Chance) -> Option<String> {
    String::from_utf8(changed(text.as_bytes(), chance)?).ok()
}

fn note(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(corpus.note.to_string().as_bytes(), chance) else { return };
    let Ok(note) = SignedNote::parse(&bytes) else { return };
    assert_eq!(note.to_string().as_bytes(), bytes, "one note has one spelling");
    let (keys, policy) = ([log_key(1)], policy());
    if let Ok(verified) = note.verify(&keys) {
        assert_eq!(verified.text, corpus.note.unverified_text(), "nothing else was signed");
    }
    if let Ok(evaluation) = policy.evaluate(&note, &[]) {
        assert_eq!(evaluation.checkpoint.to_string(), corpus.note.unverified_text());
        // Who has cosigned has done so at that time.
        assert!(evaluation.cosigned_by.iter().all(|(_, time)| *time == COSIGNED_AT));
    }
}

fn keys(_: &Corpus, chance: &mut Chance) {
    if let Some(text) = changed_text(&log_key(1).to_string(), chance)
        && let Ok(key) = text.parse::<VerifierKey>()
    {
        assert_eq!(key.to_string(), text, "one key has one spelling");
    }
    if let Some(text) = changed_text(&witness_key(11).to_string(), chance)
        && let Ok(key) = text.parse::<WitnessKey>()
    {
        assert_eq!(key.to_string(), text, "one key has one spelling");
    }
}

fn checkpoint(corpus: &Corpus, chance: &mut Chance) {
    let Some(text) = changed_text(corpus.note.unverified_text(), chance) else { return };
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text, "one checkpoint has one spelling");
    }
}

fn policies(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(policy_text().as_bytes(), chance) else { return };
    let Ok(policy) = Policy::parse(&bytes) else { return };
    if let Ok(evaluation) = policy.evaluate(&corpus.note, &[]) {
        assert!(policy.logs().iter().any(|log| log.key == log_key(1)), "its log was trusted");
        let _ = evaluation.require_fresh(COSIGNED_AT, 0);
    }
}

fn tlog_proof(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(corpus.proof.to_string().as_bytes(), chance) else { return };
    let Ok(proof) = TlogProof::parse(&bytes) else { return };
    assert_eq!(proof.to_string().as_bytes(), bytes, "one proof has one spelling");
    if let Ok(checkpoint) = proof.verify(&corpus.log.hashes[6], ORIGIN, &[log_key(1)]) {
        // Only what nothing authenticates may differ: the extra data and signatures of others.
        assert_eq!((proof.index(), proof.path()), (corpus.proof.index(), corpus.proof.path()));
        assert_eq!(checkpoint, corpus.log.checkpoint(40));
    }
}

fn tiles(corpus: &Corpus, chance: &mut Chance) {
    if let Some(text) = changed_text("tile/3/x123/456.p/78", chance)
        && let Ok(path) = text.parse::<TilePath>()
    {
        assert_eq!(path.to_string(), text, "one tile has one path");
    }
    let tile = Tile::new(0, 0, 40).unwrap();
    let Some(bytes) = changed(&tile.bytes(&corpus.log.hashes).unwrap(), chance) else { return };
    if let Ok(hashes) = tile.hashes(&bytes) {
        assert_ne!(tile_root(&hashes), tile_root(&corpus.log.hashes), "another tile has another root");
    }
}

fn leaf(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(&corpus.log.leaves[chance.below(40)], chance) else { return };
    let Ok(leaf) = Leaf::parse(&bytes) else { return };
    let mut written = Vec::new();
    let prepared = leaf.draft.prepare().unwrap();
    prepared.complete(leaf.pos, leaf.at_micros, leaf.sv, leaf.prev.as_ref(), &mut written).unwrap();
    assert_eq!(written, bytes, "one leaf has one spelling");
}

fn open_body(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(&corpus.log.open[chance.below(40)], chance) else { return };
    let Ok(text) = String::from_utf8(bytes) else { return };
    let Ok(body) = OpenBody::parse(&text) else { return };
    let mut written = Vec::new();
    write_open(&body, &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), text, "one open body has one spelling");
}

fn entries(corpus: &Corpus, chance: &mut Chance) {
    let leaves = || corpus.log.leaves.iter().map(Vec::as_slice);
    let Some(bytes) = changed(&write_bundle(leaves()).unwrap(), chance) else { return };
    if let Ok(entries) = read_bundle(40, &bytes) {
        assert_eq!(write_bundle(entries).unwrap(), bytes, "one bundle of entries has one spelling");
    }
    let (checkpoint, mut report) = (corpus.log.checkpoint(40), Report::default());
    let mut replay = Replay::new(&checkpoint, Some(&corpus.remembered));
    let tile = replay.next().unwrap();
    let _ = replay.entries(tile, &bytes, &tile.bytes(&corpus.log.hashes).unwrap(), &mut report);
    replay.finish(&mut report);
    assert_ne!(report.outcome.code(), 0, "other entries are another log");
}

fn disclosure(corpus: &Corpus, chance: &mut Chance) {
    let (position, text) = &corpus.log.disclosures[chance.below(corpus.log.disclosures.len())];
    let Some(other) = changed_text(text, chance) else { return };
    let _ = read_disclosure(&other);
    let leaf = Leaf::parse(&corpus.log.leaves[*position as usize - 1]).unwrap();
    // A change may by chance spell the other attribute of the event.
    let same = corpus.log.disclosures.iter().any(|(of, known)| of == position && *known == other);
    assert!(same || !leaf.draft.sd.contains(&disclosure_digest(&other)), "the event does not commit to it");
}

fn bundle(corpus: &Corpus, chance: &mut Chance) {
    let Some(bytes) = changed(&corpus.bundle, chance) else { return };
    let report = verified(&bytes, Some(&corpus.remembered));
    assert_ne!(report.outcome.code(), 0, "a changed bundle is not whole");
    assert!(report.findings.len() as u64 <= report.found && !report.not_checked.is_empty());
}

/// The files of a bundle with digests that fit, so that it is the proofs that must find the change.
fn evidence(corpus: &Corpus, chance: &mut Chance) {
    let mut parts = corpus.parts.clone();
    let file = match chance.below(6) {
        0 => &mut parts.checkpoint,
        1 => &mut parts.positions,
        2 => &mut parts.leaves,
        3 => &mut parts.open,
        4 => &mut parts.multiproof,
        _ => {
            let Some(text) = changed_text(&parts.disclosures, chance) else { return };
            parts.disclosures = text;
            return check_evidence(corpus, &parts);
        }
    };
    if mutate(file, chance) {
        check_evidence(corpus, &parts);
    }
}

fn check_evidence(corpus: &Corpus, parts: &Parts) {
    let report = verified(&parts.pack(), Some(&corpus.remembered));
    if report.outcome != Outcome::Whole {
        return;
    }
    // Signatures of strangers and fewer disclosures are all that may be otherwise.
    let note = SignedNote::parse(&parts.checkpoint).unwrap();
    assert_eq!(note.unverified_text(), corpus.note.unverified_text());
    assert_eq!(parts.positions, corpus.parts.positions);
    assert!(parts.leaves == corpus.parts.leaves && parts.open == corpus.parts.open, "the same events");
    assert!(parts.multiproof == corpus.parts.multiproof, "the same proof");
    let known: Vec<&str> = corpus.parts.disclosures.lines().collect();
    assert!(parts.disclosures.lines().all(|line| known.contains(&line)), "the same attributes");
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn changed_inputs_neither_panic_nor_are_accepted() {
    let (seconds, inputs) = (setting("SFS_FUZZ_SECONDS"), setting("SFS_FUZZ_INPUTS"));
    let end = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let inputs = inputs.unwrap_or(if seconds.is_some() { u64::MAX } else { 3_000 });
    let seed = setting("SFS_FUZZ_SEED").unwrap_or(1);
    println!("SFS_FUZZ_SEED={seed}");
    let (corpus, mut chance, started) = (Corpus::new(), Chance(seed), Instant::now());
    let mut done = 0_u64;
    while done < inputs && end.is_none_or(|end| !done.is_multiple_of(64) || Instant::now() < end) {
        corpus.try_one(&mut chance);
        done += 1;
    }
    let rate = done as f64 / started.elapsed().as_secs_f64();
    println!("{done} inputs, {rate:.0} inputs/s");
}
