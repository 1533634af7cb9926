//! The signer: given that it has signed n, when it is asked for more, less or something else, then
//! it signs or says why not; and whenever it is killed, it opens again and forgets nothing.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use sfs_ledger::{ProofPlan, consistency_proof, leaf_hash, root_of_empty_tree, tile_root};
use tempfile::TempDir;

use super::*;

const ORIGIN: &str = "sfs.example/log";

/// A log of 300 leaves; `other` differs from leaf 10 on.
fn leaves() -> Vec<Hash> {
    (0..300_u64).map(|leaf| leaf_hash(&leaf.to_be_bytes())).collect()
}

fn other() -> Vec<Hash> {
    let mut leaves = leaves();
    leaves[10] = leaf_hash(b"forged");
    leaves
}

fn checkpoint(leaves: &[Hash], size: usize) -> Checkpoint {
    Checkpoint::new(ORIGIN, size as u64, tile_root(&leaves[..size])).unwrap()
}

fn proof(leaves: &[Hash], from: usize, to: usize) -> Vec<Hash> {
    consistency_proof(&leaves[..to], from).unwrap()
}

struct Given {
    directory: TempDir,
}

impl Given {
    /// A signer that has signed these sizes of `leaves`, closed again.
    fn signed(sizes: &[usize]) -> Self {
        let given = Self { directory: tempfile::tempdir().unwrap() };
        let keys = given.directory.path();
        let mut signer = Signer::create(&given.state(), keys, ORIGIN, &[7; 32]).unwrap();
        for size in sizes {
            let last = signer.last().size() as usize;
            signer.sign(&checkpoint(&leaves(), *size), &proof(&leaves(), last, *size)).unwrap();
        }
        given
    }

    fn state(&self) -> PathBuf {
        self.directory.path().join("signer.state")
    }

    fn ring(&self) -> KeyRing {
        KeyRing::open(self.directory.path()).unwrap()
    }

    fn open(&self) -> Result<Signer, SignerError> {
        Signer::open(&self.state(), self.ring())
    }
}

#[test]
fn a_new_signer_signs_any_first_checkpoint_and_everybody_can_verify_it() {
    let given = Given::signed(&[]);
    let mut signer = given.open().unwrap();
    assert_eq!((signer.last().size(), signer.last().root()), (0, root_of_empty_tree()));
    assert_eq!(signer.last_note(), None);

    let note = signer.sign(&checkpoint(&leaves(), 5), &[]).unwrap();

    let keys = signer.verifiers();
    let read = SignedNote::parse(note.to_string().as_bytes()).unwrap();
    let verified = read.verify(&keys).unwrap();
    assert_eq!(verified.text, checkpoint(&leaves(), 5).to_string());
    assert_eq!(verified.by, [&keys[0]]);
    assert_eq!(keys[0].name(), ORIGIN);
    assert_eq!(signer.last(), &checkpoint(&leaves(), 5));
}

#[test]
fn the_empty_tree_is_signed_too() {
    let given = Given::signed(&[]);
    let note = given.open().unwrap().sign(&checkpoint(&[], 0), &[]).unwrap();
    assert!(note.unverified_text().starts_with("sfs.example/log\n0\n47DEQ"));
    // It is read again without a note: nothing was vouched for that anybody could contradict.
    assert_eq!(given.open().unwrap().last().size(), 0);
}

#[test]
fn a_log_that_grows_is_signed_again_also_after_a_restart() {
    let given = Given::signed(&[5, 256]);
    let mut signer = given.open().unwrap();
    assert_eq!(signer.last(), &checkpoint(&leaves(), 256));
    assert_eq!(signer.last_note().unwrap().unverified_text(), checkpoint(&leaves(), 256).to_string());

    signer.sign(&checkpoint(&leaves(), 300), &proof(&leaves(), 256, 300)).unwrap();

    assert_eq!(signer.last().size(), 300);
}

#[test]
fn the_same_checkpoint_again_gives_the_same_note_also_after_a_restart() {
    let given = Given::signed(&[5]);
    let mut signer = given.open().unwrap();
    let note = signer.sign(&checkpoint(&leaves(), 5), &[]).unwrap();
    let stored = fs::read(given.state()).unwrap();
    assert_eq!(signer.sign(&checkpoint(&leaves(), 5), &[]).unwrap(), note);
    drop(signer);
    assert_eq!(given.open().unwrap().sign(&checkpoint(&leaves(), 5), &[]).unwrap(), note);
    assert_eq!(fs::read(given.state()).unwrap(), stored);
}

#[test]
fn a_smaller_log_is_refused() {
    let given = Given::signed(&[20]);
    let mut signer = given.open().unwrap();
    for size in [0, 1, 19] {
        let refused = signer.sign(&checkpoint(&leaves(), size), &[]);
        assert!(
            matches!(refused, Err(SignError::Smaller { asked, signed: 20 }) if asked == size as u64),
            "{refused:?}"
        );
    }
    assert_eq!(signer.last(), &checkpoint(&leaves(), 20));
}

#[test]
fn another_root_of_the_same_size_is_refused_as_a_fork() {
    let given = Given::signed(&[20]);
    let mut signer = given.open().unwrap();
    let forged = checkpoint(&other(), 20);
    let refused = signer.sign(&forged, &[]);
    let signed = checkpoint(&leaves(), 20).root();
    assert!(
        matches!(refused, Err(SignError::Fork { size: 20, asked, signed: known }) if asked == forged.root() && known == signed),
        "{refused:?}"
    );
    // A new signer knows the empty tree already.
    let given = Given::signed(&[]);
    let forged = Checkpoint::new(ORIGIN, 0, leaf_hash(b"")).unwrap();
    assert!(matches!(given.open().unwrap().sign(&forged, &[]), Err(SignError::Fork { size: 0, .. })));
}

#[test]
fn a_larger_log_without_its_proof_is_refused() {
    let given = Given::signed(&[20]);
    let mut signer = given.open().unwrap();
    let right = proof(&leaves(), 20, 300);
    let mut flipped = right.clone();
    flipped[1] = leaf_hash(b"flipped");
    let longer = [&right[..], &right[..1]].concat();
    for (what, checkpoint, wrong) in [
        ("a fork with the proof of the fork", checkpoint(&other(), 300), proof(&other(), 20, 300)),
        ("a fork with the proof of the log", checkpoint(&other(), 300), right.clone()),
        ("no proof", checkpoint(&leaves(), 300), vec![]),
        ("a proof cut off", checkpoint(&leaves(), 300), right[..right.len() - 1].to_vec()),
        ("a longer proof", checkpoint(&leaves(), 300), longer),
        ("a changed proof", checkpoint(&leaves(), 300), flipped),
        ("the proof from another size", checkpoint(&leaves(), 300), proof(&leaves(), 19, 300)),
        ("a proof where none belongs", checkpoint(&leaves(), 20), right.clone()),
    ] {
        let refused = signer.sign(&checkpoint, &wrong);
        assert!(matches!(refused, Err(SignError::Inconsistent { signed: 20, .. })), "{what}: {refused:?}");
    }
    // None of them has changed anything.
    assert_eq!(given.ring().verifiers(), signer.verifiers());
    signer.sign(&checkpoint(&leaves(), 300), &right).unwrap();
}

#[test]
fn the_checkpoint_of_another_log_or_with_extensions_is_refused() {
    let given = Given::signed(&[]);
    let mut signer = given.open().unwrap();
    let foreign = Checkpoint::new("sfs.example/other", 1, leaf_hash(b"")).unwrap();
    assert!(matches!(signer.sign(&foreign, &[]), Err(SignError::Origin { .. })));
    let extended: Checkpoint = format!("{}more\n", checkpoint(&leaves(), 1)).parse().unwrap();
    assert!(matches!(signer.sign(&extended, &[]), Err(SignError::Extensions)));
}

#[test]
fn proofs_from_tiles_are_what_the_signer_takes() {
    let given = Given::signed(&[20]);
    let leaves = leaves();
    let plan = ProofPlan::consistency(20, 200).unwrap();
    let proof = plan.compute(|tile| (tile.level() == 0).then_some(&leaves[..tile.width() as usize])).unwrap();
    given.open().unwrap().sign(&checkpoint(&leaves, 200), &proof).unwrap();
}

#[test]
fn a_kill_at_any_step_of_a_write_leaves_a_state_that_opens_and_nothing_was_answered() {
    let (old, new) = (checkpoint(&leaves(), 20), checkpoint(&leaves(), 300));
    for (stop, expected) in
        [(Step::HalfWritten, &old), (Step::Written, &old), (Step::Synced, &old), (Step::Renamed, &new)]
    {
        let given = Given::signed(&[20]);
        let mut signer = given.open().unwrap();
        signer.stop = Some(stop);
        let answer = signer.sign(&new, &proof(&leaves(), 20, 300));
        assert!(matches!(answer, Err(SignError::Store(_))), "{stop:?}: {answer:?}");
        // It does not know what the file system has, and signs nothing any more.
        signer.stop = None;
        assert!(matches!(signer.sign(&old, &[]), Err(SignError::Unusable)), "{stop:?}");
        drop(signer);

        let mut signer = given.open().unwrap();
        assert_eq!(signer.last(), expected, "{stop:?}");
        // The caller begins with what the signer remembers, and gets the note.
        let last = signer.last().size() as usize;
        signer.sign(&new, &proof(&leaves(), last, 300)).unwrap();
        drop(signer);
        assert_eq!(given.open().unwrap().last(), &new, "{stop:?}");
    }
}

#[test]
fn a_state_that_is_missing_while_there_is_a_key_is_refused() {
    let given = Given::signed(&[20]);
    fs::remove_file(given.state()).unwrap();
    assert!(matches!(given.open(), Err(SignerError::State(StateError::Missing(_)))));
    // Nor is a new one made beside the key.
    let again = Signer::create(&given.state(), given.directory.path(), ORIGIN, &[8; 32]);
    assert!(matches!(again, Err(SignerError::Key(KeyError::Exists(_)))), "{again:?}");
    assert!(!given.state().exists());
}

#[test]
fn a_state_with_any_changed_bit_or_any_cut_is_refused() {
    let given = Given::signed(&[20]);
    let stored = fs::read(given.state()).unwrap();
    let refuses = |bytes: &[u8], what: &str| {
        fs::write(given.state(), bytes).unwrap();
        assert!(matches!(given.open(), Err(SignerError::State(_))), "{what}");
    };
    for place in 0..stored.len() {
        let mut changed = stored.clone();
        changed[place] ^= 1 << (place % 8);
        refuses(&changed, &format!("byte {place}"));
    }
    for length in 0..stored.len() {
        refuses(&stored[..length], &format!("cut at {length}"));
    }
    refuses(&[&stored[..], b"\n"].concat(), "longer");
    // The clean state is not refused.
    fs::write(given.state(), &stored).unwrap();
    given.open().unwrap();
}

#[test]
fn a_state_that_another_key_has_signed_is_refused_though_its_digest_is_right() {
    let (given, stranger) = (Given::signed(&[20]), tempfile::tempdir().unwrap());
    let path = stranger.path().join("signer.state");
    let mut signer = Signer::create(&path, stranger.path(), ORIGIN, &[9; 32]).unwrap();
    signer.sign(&checkpoint(&other(), 20), &[]).unwrap();
    fs::copy(path, given.state()).unwrap();
    let refused = given.open();
    assert!(matches!(refused, Err(SignerError::State(StateError::NotOurs(NoteError::NotSigned)))), "{refused:?}");
}

#[test]
fn two_signers_cannot_have_one_state() {
    let given = Given::signed(&[20]);
    let first = given.open().unwrap();
    assert!(matches!(given.open(), Err(SignerError::Locked(_))));
    drop(first);
    given.open().unwrap();
}

#[test]
fn after_a_rotation_both_keys_sign_and_then_the_new_one_alone() {
    let given = Given::signed(&[20]);
    let old = given.ring().verifiers();
    KeyRing::rotate(given.directory.path(), &[8; 32]).unwrap();
    let mut signer = given.open().unwrap();
    let both = signer.verifiers();
    assert_eq!((both.len(), &both[0]), (2, &old[0]));

    // The same checkpoint again now carries the new signature too.
    let note = signer.sign(&checkpoint(&leaves(), 20), &[]).unwrap();
    assert_eq!(note.verify(&both).unwrap().by.len(), 2);
    note.verify(&both[..1]).unwrap();
    note.verify(&both[1..]).unwrap();
    drop(signer);

    // The old key is retired: its file is taken away.
    fs::remove_file(given.directory.path().join("signer-1.key")).unwrap();
    let mut signer = given.open().unwrap();
    assert_eq!(signer.verifiers(), both[1..]);
    let note = signer.sign(&checkpoint(&leaves(), 300), &proof(&leaves(), 20, 300)).unwrap();
    assert_eq!(note.verify(&both).unwrap().by, [&both[1]]);
    assert_eq!(note.verify(&old), Err(NoteError::NotSigned));
}

#[test]
fn an_interrupted_creation_can_be_repeated_but_never_over_a_signed_state() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("signer.state");
    // Killed between state and key.
    State::create(&state, ORIGIN).unwrap();
    Signer::create(&state, directory.path(), ORIGIN, &[7; 32]).unwrap().sign(&checkpoint(&leaves(), 5), &[]).unwrap();
    // The key file is lost.
    fs::remove_file(directory.path().join("signer-1.key")).unwrap();
    let refused = Signer::create(&state, directory.path(), ORIGIN, &[8; 32]);
    assert!(matches!(refused, Err(SignerError::State(StateError::Exists(_)))), "{refused:?}");
    assert!(KeyRing::open(directory.path()).is_err(), "no key was made");
}

#[test]
fn a_name_that_no_key_may_have_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let state = directory.path().join("signer.state");
    for name in ["", "two words", "a+b", "a\nb"] {
        let refused = Signer::create(&state, directory.path(), name, &[7; 32]);
        assert!(matches!(refused, Err(SignerError::Key(KeyError::Text(_)))), "{name:?}: {refused:?}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// One request: for which of the two logs, of which size, with what proof, and whether the signer is
/// killed while it writes or was restarted before.
type Request = (bool, usize, bool, Option<Step>, bool);

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let stop = prop_oneof![
        6 => Just(None),
        1 => prop::sample::select(&[Step::HalfWritten, Step::Written, Step::Synced, Step::Renamed][..]).prop_map(Some),
    ];
    let is_forged = prop::bool::weighted(0.3);
    let is_proved = prop::bool::weighted(0.9);
    // The logs part at leaf 10.
    prop::collection::vec((is_forged, 0_usize..24, is_proved, stop, any::<bool>()), 1..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_asked_and_whenever_it_is_killed_all_its_notes_are_of_one_log(requests in requests()) {
        let given = Given::signed(&[]);
        let mut signer = Some(given.open().unwrap());
        let mut signed: Vec<Checkpoint> = Vec::new();
        for (is_forged, size, is_proved, stop, restarts) in requests {
            if restarts {
                drop(signer.take());
            }
            let it = signer.get_or_insert_with(|| given.open().unwrap());
            let leaves = if is_forged { other() } else { leaves() };
            let (last, asked) = (it.last().clone(), checkpoint(&leaves, size));
            let from = last.size() as usize;
            let mut proof = if from <= size { proof(&leaves, from, size) } else { vec![] };
            if !is_proved {
                proof.push(leaf_hash(b"more"));
            }
            let continues = from <= size && checkpoint(&leaves, from).root() == last.root();
            it.stop = stop;
            match it.sign(&asked, &proof) {
                Ok(note) => {
                    prop_assert!(continues && is_proved);
                    prop_assert_eq!(note.unverified_text(), asked.to_string());
                    prop_assert_eq!(it.last(), &asked);
                    signed.push(asked);
                }
                // Nothing was answered: it is opened again and knows the old or the new state.
                Err(SignError::Store(_)) => {
                    prop_assert!(continues && is_proved && stop.is_some());
                    drop(signer.take());
                    let reopened = given.open().unwrap();
                    prop_assert!([&last, &asked].contains(&reopened.last()));
                    signer = Some(reopened);
                    continue;
                }
                Err(why) => prop_assert!(!(continues && is_proved), "{}", why),
            }
            it.stop = None;
        }
        prop_assert!(signed.is_sorted_by_key(Checkpoint::size));
        let are_of = |log: &[Hash]| signed.iter().all(|one| one == &checkpoint(log, one.size() as usize));
        prop_assert!(are_of(&leaves()) || are_of(&other()));
    }
}
