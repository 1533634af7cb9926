//! The witness: given what it has cosigned, when a log asks, then it cosigns or says why not; whenever
//! it is killed and whoever asks at once, it cosigns one history (cases 16 and 18 of `audit.md` 6).

use std::fs;

use proptest::prelude::*;
use sfs_ledger::{Hash, NoteSignature, consistency_proof, leaf_hash, tile_root};
use tempfile::TempDir;

use super::*;

const ORIGIN: &str = "sfs.example/log";
const NOW: u64 = 1_764_000_000;

/// A log of 300 leaves; `other` differs from leaf 10 on.
fn leaves() -> Vec<Hash> {
    (0..300_u64).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
}

fn other() -> Vec<Hash> {
    let mut leaves = leaves();
    leaves[10] = leaf_hash(b"forged");
    leaves
}

fn log_key(seed: u8) -> NoteKey {
    NoteKey::generate(ORIGIN, &[seed; 32]).unwrap()
}

fn note(leaves: &[Hash], size: usize) -> SignedNote {
    let text = Checkpoint::new(ORIGIN, size as u64, tile_root(&leaves[..size])).unwrap().to_string();
    SignedNote::new(&text, vec![log_key(1).sign(&text)]).unwrap()
}

fn request(old: usize, leaves: &[Hash], size: usize) -> String {
    let proof = consistency_proof(&leaves[..size], old.min(size)).unwrap();
    AddCheckpoint { old: old as u64, proof, note: note(leaves, size) }.to_string()
}

struct Given {
    directory: TempDir,
}

impl Given {
    /// A witness that has cosigned these sizes of `leaves`, closed again.
    fn cosigned(sizes: &[usize]) -> Self {
        let given = Self { directory: tempfile::tempdir().unwrap() };
        Witness::create(given.directory.path(), "witness.example", &[9; 32]).unwrap();
        Witness::add_log(given.directory.path(), ORIGIN).unwrap();
        let (witness, mut old) = (given.open(), 0);
        for size in sizes {
            witness.add_checkpoint(request(old, &leaves(), *size).as_bytes(), NOW).unwrap();
            old = *size;
        }
        given
    }

    fn open(&self) -> Witness {
        Witness::open(self.directory.path(), vec![log_key(1).verifier().clone()]).unwrap()
    }

    fn evidence(&self) -> Vec<String> {
        let files = fs::read_dir(self.directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let evidence = files.filter(|path| path.to_string_lossy().contains("evidence"));
        evidence.map(|path| fs::read_to_string(path).unwrap()).collect()
    }
}

fn ask(witness: &Witness, request: &str) -> Result<String, WitnessRefusal> {
    witness.add_checkpoint(request.as_bytes(), NOW)
}

/// The size that the witness remembers.
fn last(witness: &Witness) -> u64 {
    witness.logs[ORIGIN].lock().unwrap().state.last.size()
}

#[test]
fn a_log_that_grows_is_cosigned_also_after_a_restart() {
    let given = Given::cosigned(&[5, 256]);
    let witness = given.open();
    let line = ask(&witness, &request(256, &leaves(), 300)).unwrap();
    let read = NoteSignature::parse(line.strip_suffix('\n').unwrap()).unwrap();
    assert_eq!(witness.verifier().cosigned(note(&leaves(), 300).unverified_text(), &read), Some(NOW));
    // The same again is cosigned again: it is still the largest.
    ask(&witness, &request(300, &leaves(), 300)).unwrap();
    drop(witness);
    assert_eq!(last(&given.open()), 300);
}

#[test]
fn monitors_get_the_last_cosigned_checkpoint_with_the_signatures_that_are_known() {
    let given = Given::cosigned(&[]);
    let witness = given.open();
    let hash = hex_of(ORIGIN);
    assert_eq!(witness.checkpoint(&hash), None);
    let text = note(&leaves(), 20).unverified_text().to_owned();
    let lines = vec![log_key(2).sign(&text), log_key(1).sign(&text)];
    let note = SignedNote::new(&text, lines).unwrap();
    ask(&witness, &AddCheckpoint { old: 0, proof: vec![], note }.to_string()).unwrap();
    let served = SignedNote::parse(witness.checkpoint(&hash).unwrap().as_bytes()).unwrap();
    assert_eq!(served.signatures().len(), 2, "the log's and the witness's");
    served.verify(&[log_key(1).verifier().clone()]).unwrap();
    assert_eq!(served.cosigners(&[witness.verifier()]).unwrap().len(), 1);
    assert_eq!(witness.checkpoint(&hash.to_uppercase()), None);
}

#[test]
fn a_request_from_another_size_is_told_the_right_one() {
    let given = Given::cosigned(&[20]);
    let witness = given.open();
    for (old, size) in [(0, 300), (19, 300), (21, 300), (0, 20), (0, 0), (5, 19)] {
        let refused = ask(&witness, &request(old, &leaves(), size));
        assert!(matches!(refused, Err(WitnessRefusal::Conflict(20))), "{old} {size}: {refused:?}");
    }
}

#[test]
fn a_log_without_its_proof_is_not_cosigned() {
    let given = Given::cosigned(&[20]);
    let witness = given.open();
    let right = consistency_proof(&leaves(), 20).unwrap();
    let longer = [&right[..], &right[..1]].concat();
    let forged = consistency_proof(&other(), 20).unwrap();
    for (what, leaves, size, proof) in [
        ("no proof", leaves(), 300, vec![]),
        ("a proof cut off", leaves(), 300, right[1..].to_vec()),
        ("a longer proof", leaves(), 300, longer),
        ("a fork", other(), 300, forged),
        ("a proof where none belongs", leaves(), 20, right),
    ] {
        let request = AddCheckpoint { old: 20, proof, note: note(&leaves, size) }.to_string();
        let refused = ask(&witness, &request);
        assert!(matches!(refused, Err(WitnessRefusal::Inconsistent)), "{what}: {refused:?}");
    }
    assert_eq!(last(&witness), 20);
}

#[test]
fn who_and_what_is_unknown_is_told_so() {
    let given = Given::cosigned(&[]);
    let witness = given.open();
    let text = Checkpoint::new("sfs.example/other", 5, tile_root(&leaves()[..5])).unwrap().to_string();
    let foreign = SignedNote::new(&text, vec![log_key(1).sign(&text)]).unwrap();
    let unknown = ask(&witness, &AddCheckpoint { old: 0, proof: vec![], note: foreign }.to_string());
    assert!(matches!(unknown, Err(WitnessRefusal::UnknownLog)), "{unknown:?}");
    let text = note(&leaves(), 5).unverified_text().to_owned();
    let forged = NoteSignature::ed25519(log_key(1).verifier(), [7; 64]);
    for (line, why) in
        [(log_key(2).sign(&text), NoteError::NotSigned), (forged, NoteError::WrongSignature(ORIGIN.into()))]
    {
        let note = SignedNote::new(&text, vec![line]).unwrap();
        let refused = ask(&witness, &AddCheckpoint { old: 0, proof: vec![], note }.to_string());
        assert!(matches!(&refused, Err(WitnessRefusal::NotSigned(is)) if *is == why), "{refused:?}");
    }
    assert_eq!(last(&witness), 0);
}

#[test]
fn what_is_no_request_is_told_so() {
    let given = Given::cosigned(&[20]);
    let witness = given.open();
    let right = request(20, &leaves(), 300);
    for wrong in [
        String::new(),
        right.replacen("old 20", "old 020", 1),
        right.replacen("old 20", "old +20", 1),
        right.replacen("old 20", "20", 1),
        right.replacen("old 20", "old 301", 1),
        right.replacen("old 20\n", "old 20\nAAAA\n", 1),
        right.replacen("\n\n", "\n\n\n", 1),
        right.trim_end().to_owned(),
        right.replacen(
            "old 20\n",
            &format!("old 20\n{}", format!("{}\n", leaf_hash(b"").to_standard_b64()).repeat(64)),
            1,
        ),
        format!("{right}{}", "a".repeat(crate::MAX_ADD_CHECKPOINT_BYTES)),
    ] {
        let refused = ask(&witness, &wrong);
        assert!(matches!(refused, Err(WitnessRefusal::Malformed)), "{wrong:?}: {refused:?}");
    }
    assert!(matches!(witness.add_checkpoint(b"old 0\n\n\xff\n", NOW), Err(WitnessRefusal::Malformed)));
    ask(&witness, &right).unwrap();
}

#[test]
fn another_root_of_the_same_size_is_refused_and_both_notes_are_kept_as_evidence() {
    let given = Given::cosigned(&[20]);
    let witness = given.open();
    let cosigned = witness.checkpoint(&hex_of(ORIGIN)).unwrap();
    let forged = AddCheckpoint { old: 20, proof: vec![], note: note(&other(), 20) };
    for _ in 0..2 {
        assert!(matches!(ask(&witness, &forged.to_string()), Err(WitnessRefusal::Conflict(20))));
    }
    let evidence = given.evidence();
    assert_eq!(evidence, [format!("{cosigned}\n{}", note(&other(), 20))]);
    // Whoever knows the key of the log sees from the file alone that it has signed both.
    let second =
        evidence[0].rfind(ORIGIN).and_then(|line| evidence[0][..line].rfind(&format!("\n\n{ORIGIN}\n"))).unwrap();
    let (one, two) = evidence[0].split_at(second + 2);
    let [one, two] = [one.trim_end_matches('\n').to_owned() + "\n", two.to_owned()].map(|note| {
        let note = SignedNote::parse(note.as_bytes()).unwrap();
        note.verify(&[log_key(1).verifier().clone()]).unwrap().text.parse::<Checkpoint>().unwrap()
    });
    assert_eq!((one.size(), two.size()), (20, 20));
    assert_ne!(one.root(), two.root());
    // The first history is still cosigned.
    ask(&witness, &request(20, &leaves(), 300)).unwrap();
    assert_eq!(Given::cosigned(&[20]).evidence().len(), 0, "no false alarm");
}

#[test]
fn a_kill_at_any_step_of_a_write_leaves_a_witness_that_opens_and_the_log_goes_on() {
    for (stop, expected) in [(Step::HalfWritten, 20), (Step::Written, 20), (Step::Synced, 20), (Step::Renamed, 300)] {
        let given = Given::cosigned(&[20]);
        let witness = given.open();
        witness.logs[ORIGIN].lock().unwrap().stop = Some(stop);
        let answer = ask(&witness, &request(20, &leaves(), 300));
        assert!(matches!(answer, Err(WitnessRefusal::Store(_))), "{stop:?}: {answer:?}");
        // It does not know what the file system has, and cosigns nothing any more.
        witness.logs[ORIGIN].lock().unwrap().stop = None;
        let again = ask(&witness, &request(20, &leaves(), 20));
        assert!(matches!(again, Err(WitnessRefusal::Unusable)), "{stop:?}: {again:?}");
        drop(witness);
        let witness = given.open();
        assert_eq!(last(&witness), expected, "{stop:?}");
        // The log repeats its request and, told another size, goes on from there.
        match ask(&witness, &request(20, &leaves(), 300)) {
            Err(WitnessRefusal::Conflict(size)) => {
                assert_eq!((size, expected), (300, 300), "{stop:?}");
                drop(ask(&witness, &request(300, &leaves(), 300)).unwrap());
            }
            answer => drop(answer.unwrap()),
        }
        // A fork is never cosigned.
        assert!(matches!(ask(&witness, &request(300, &other(), 300)), Err(WitnessRefusal::Conflict(300))));
    }
}

#[test]
fn of_two_requests_at_once_one_is_told_what_the_other_has_done() {
    let given = Given::cosigned(&[20]);
    let witness = given.open();
    for round in 0..30 {
        let old = last(&witness) as usize;
        let sizes = [old + 1, old + 2 + round % 3];
        let requests = sizes.map(|size| request(old, &leaves(), size));
        let barrier = std::sync::Barrier::new(2);
        let answers: Vec<(usize, Result<String, WitnessRefusal>)> = std::thread::scope(|scope| {
            let asking = sizes.iter().zip(&requests).map(|(size, request)| {
                let (witness, barrier) = (&witness, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    (*size, ask(witness, request))
                })
            });
            asking.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let cosigned: Vec<usize> = answers.iter().filter(|(_, answer)| answer.is_ok()).map(|(size, _)| *size).collect();
        assert_eq!(cosigned.len(), 1, "{answers:?}");
        assert_eq!(last(&witness), cosigned[0] as u64);
        let is_told =
            |answer: &Result<_, _>| matches!(answer, Err(WitnessRefusal::Conflict(size)) if *size == last(&witness));
        assert!(answers.iter().any(|(_, answer)| is_told(answer)), "{answers:?}");
    }
}

#[test]
fn a_witness_that_has_forgotten_a_log_does_not_begin_anew_by_itself() {
    let given = Given::cosigned(&[20]);
    let keys = || vec![log_key(1).verifier().clone()];
    let path = state_file(given.directory.path(), ORIGIN);
    let stored = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    let refused = Witness::open(given.directory.path(), keys());
    assert!(matches!(&refused, Err(WitnessError::NewLog(origin)) if origin == ORIGIN), "{refused:?}");
    for place in (0..stored.len()).step_by(7) {
        let mut changed = stored.clone();
        changed[place] ^= 1;
        fs::write(&path, changed).unwrap();
        let refused = Witness::open(given.directory.path(), keys());
        assert!(matches!(refused, Err(WitnessError::State { .. })), "byte {place}");
    }
    fs::write(&path, &stored).unwrap();
    let again = Witness::add_log(given.directory.path(), ORIGIN);
    assert!(matches!(again, Err(WitnessError::State { source: StateError::Exists(_), .. })), "{again:?}");
    assert_eq!(last(&given.open()), 20);
}

#[test]
fn two_witnesses_cannot_have_one_directory_and_a_key_is_made_once() {
    let given = Given::cosigned(&[]);
    let first = given.open();
    let second = Witness::open(given.directory.path(), vec![]);
    assert!(matches!(second, Err(WitnessError::Lock(SignerError::Locked(_)))), "{second:?}");
    drop(first);
    given.open();
    let again = Witness::create(given.directory.path(), "witness.example", &[8; 32]);
    assert!(matches!(again, Err(KeyError::Exists(_))), "{again:?}");
}

#[test]
fn a_log_that_changes_its_key_goes_on() {
    let given = Given::cosigned(&[20]);
    let (old, new) = (log_key(1).verifier().clone(), log_key(2).verifier().clone());
    drop(Witness::open(given.directory.path(), vec![old, new.clone()]).unwrap());
    let witness = Witness::open(given.directory.path(), vec![new]).unwrap();
    let text = note(&leaves(), 300).unverified_text().to_owned();
    let note = SignedNote::new(&text, vec![log_key(2).sign(&text)]).unwrap();
    let proof = consistency_proof(&leaves(), 20).unwrap();
    ask(&witness, &AddCheckpoint { old: 20, proof, note }.to_string()).unwrap();
}

#[test]
fn a_request_is_written_as_it_is_read() {
    for text in [request(0, &leaves(), 20), request(20, &leaves(), 300), request(20, &leaves(), 20)] {
        assert_eq!(AddCheckpoint::parse(text.as_bytes()).unwrap().to_string(), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_request_with_a_changed_byte_is_cosigned_and_none_makes_the_witness_panic(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        more in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        let given = Given::cosigned(&[20]);
        let witness = given.open();
        let mut changed = request(20, &leaves(), 300).into_bytes();
        let place = place.index(changed.len());
        prop_assume!(changed[place] != byte);
        changed[place] = byte;
        prop_assert!(witness.add_checkpoint(&changed, NOW).is_err(), "{}", String::from_utf8_lossy(&changed));
        prop_assert!(witness.add_checkpoint(&more, NOW).is_err());
        prop_assert_eq!(last(&witness), 20);
    }
}
