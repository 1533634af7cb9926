//! Proofs that are handed out: what is written is read again and verifies, and no change of it
//! does.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sfs_ledger::{
    Checkpoint, Hash, MAX_EXTRA_BYTES, NoteError, NoteSignature, ProofError, SignedNote, TlogProof, TlogProofError,
    VerifierKey, inclusion_proof, leaf_hash, tile_root,
};

const ORIGIN: &str = "sfs.example/log";

fn leaf_hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|place| leaf_hash(&place.to_be_bytes())).collect()
}

fn key() -> VerifierKey {
    VerifierKey::new(ORIGIN, &SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes()).unwrap()
}

fn signed(text: &str) -> SignedNote {
    let signature = SigningKey::from_bytes(&[1; 32]).sign(text.as_bytes()).to_bytes();
    SignedNote::new(text, vec![NoteSignature::ed25519(&key(), signature)]).unwrap()
}

fn proof(index: u64, size: u64) -> TlogProof {
    let leaves = leaf_hashes(size);
    let checkpoint = Checkpoint::new(ORIGIN, size, tile_root(&leaves)).unwrap();
    let path = inclusion_proof(&leaves, index as usize).unwrap();
    TlogProof::new(index, path, signed(&checkpoint.to_string())).unwrap()
}

#[test]
fn a_proof_has_the_lines_of_the_specification() {
    let proof = proof(1, 3);
    let checkpoint = proof.checkpoint().to_string();
    let [first, second] = proof.path() else { panic!("two levels") };
    let path = format!("{}\n{}\n", first.to_standard_b64(), second.to_standard_b64());
    assert_eq!(proof.to_string(), format!("c2sp.org/tlog-proof@v1\nindex 1\n{path}\n{checkpoint}"));
    let extended = proof.with_extra(b"extra".to_vec()).unwrap();
    assert_eq!(extended.to_string(), format!("c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 1\n{path}\n{checkpoint}"));
    assert_eq!(TlogProof::parse(extended.to_string().as_bytes()), Ok(extended));
}

#[test]
fn a_proof_that_was_read_verifies_for_its_leaf_its_log_and_its_key_only() {
    let (leaves, right) = (leaf_hashes(300), proof(280, 300));
    let read = TlogProof::parse(right.to_string().as_bytes()).unwrap();
    let keys = [key()];
    let checkpoint = read.verify(&leaves[280], ORIGIN, &keys).unwrap();
    assert_eq!((checkpoint.size(), checkpoint.root()), (300, tile_root(&leaves)));
    assert_eq!(read.verify(&leaves[281], ORIGIN, &keys), Err(ProofError::Root.into()));
    let other = "sfs.example/other";
    assert_eq!(read.verify(&leaves[280], other, &keys), Err(TlogProofError::Origin(ORIGIN.to_owned())));
    assert_eq!(read.verify(&leaves[280], ORIGIN, &[]), Err(NoteError::NotSigned.into()));
    // A leaf outside of the tree.
    let outside = TlogProof::new(300, read.path().to_vec(), read.checkpoint().clone()).unwrap();
    assert_eq!(outside.verify(&leaves[280], ORIGIN, &keys), Err(ProofError::OutOfRange.into()));
    // A note of the log that is no checkpoint.
    let no_checkpoint = TlogProof::new(0, vec![], signed("hello\n")).unwrap();
    let refused = no_checkpoint.verify(&leaves[0], ORIGIN, &keys);
    assert!(matches!(refused, Err(TlogProofError::Checkpoint(_))), "{refused:?}");
}

#[test]
fn the_only_leaf_of_a_tree_needs_no_path() {
    let proof = proof(0, 1);
    let read = TlogProof::parse(proof.to_string().as_bytes()).unwrap();
    read.verify(&leaf_hashes(1)[0], ORIGIN, &[key()]).unwrap();
}

#[test]
fn what_is_no_proof_is_refused() {
    let right = proof(1, 3).to_string();
    let path = proof(1, 3).path()[0].to_standard_b64();
    for wrong in [
        String::new(),
        right.replace("@v1", "@v2"),
        right.replace("index 1", "index 01"),
        right.replace("index 1", "index -1"),
        right.replace("index 1", "index 9007199254740991"),
        right.replace("index 1", "Index 1"),
        right.replace("index 1\n", ""),
        right.replace("index 1", "extra \nindex 1"),
        right.replace("index 1", "extra AA\nindex 1"),
        right.replace("index 1", "extra AA==\nextra AA==\nindex 1"),
        right.replace("index 1", "index 1\nindex 1"),
        right.replace(&path, &path[1..]),
        right.replace(&path, &format!("{path}\n{}{path}", format!("{path}\n").repeat(52))),
        right.replacen("\n\n", "\n", 1),
        right.replacen('\n', "\r\n", 1),
        format!("\n{right}"),
        format!("{right}\n"),
    ] {
        assert_ne!(wrong, right, "the case changes something");
        assert!(TlogProof::parse(wrong.as_bytes()).is_err(), "{wrong}");
    }
    assert_eq!(proof(1, 3).with_extra(vec![]), Err(TlogProofError::Malformed));
    assert_eq!(proof(1, 3).with_extra(vec![0; MAX_EXTRA_BYTES + 1]), Err(TlogProofError::Malformed));
    let longest = proof(1, 3).with_extra(vec![0; MAX_EXTRA_BYTES]).unwrap();
    assert_eq!(TlogProof::parse(longest.to_string().as_bytes()).unwrap(), longest);
}

proptest! {
    #[test]
    fn no_change_of_one_byte_verifies(
        (index, size) in (1_u64..70).prop_flat_map(|size| (0..size, Just(size))),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let leaf = leaf_hashes(size)[index as usize];
        let mut bytes = proof(index, size).to_string().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let keys = [key()];
        let verifies = TlogProof::parse(&bytes).is_ok_and(|proof| proof.verify(&leaf, ORIGIN, &keys).is_ok());
        prop_assert!(!verifies, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_text_makes_the_reader_panic_and_what_is_read_is_written_so(
        head in "(c2sp\\.org/tlog-proof@v1\n)?(extra [A-D=]{0,8}\n)?(index [0-9]{0,18}\n)?([A-D]{43}=\n){0,2}",
        cut in any::<prop::sample::Index>(),
    ) {
        let whole = format!("{head}\n{}", proof(0, 1).checkpoint());
        // Half of the texts are whole.
        let bytes = &whole.as_bytes()[..cut.index(2 * whole.len()).min(whole.len())];
        if let Ok(proof) = TlogProof::parse(bytes) {
            prop_assert_eq!(proof.to_string().into_bytes(), bytes);
        }
    }
}
