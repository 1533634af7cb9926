//! Cosignatures: one that another program has made is read, and nothing that was changed counts.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sfs_ledger::{
    COSIGNATURE, KeyTextError, MAX_COSIGNATURE_TIME, NoteError, NoteSignature, SignedNote, VerifierKey, WitnessKey,
    cosigned_message, key_id,
};

const NAME: &str = "witness.example.com/w1";

/// The example text of the specification.
const TEXT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

fn key(seed: u8) -> WitnessKey {
    WitnessKey::new(NAME, &SigningKey::from_bytes(&[seed; 32]).verifying_key().to_bytes()).unwrap()
}

fn line(seed: u8, time: u64, text: &str) -> NoteSignature {
    let signature = SigningKey::from_bytes(&[seed; 32]).sign(&cosigned_message(time, text)).to_bytes();
    NoteSignature::cosignature(&key(seed), time, signature)
}

#[test]
fn a_cosignature_of_another_program_is_read_and_ours_is_the_same() {
    // Made with Python's `cryptography` from the words of the specification; the private key is 32
    // times the byte 1. Ed25519 has one signature for one message.
    let vkey = "witness.example.com/w1+04758baf+BIqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c";
    let made = "\u{2014} witness.example.com/w1 BHWLrwAAAABkGFDL0l0pFwTk9MykvW0AWQ7aj3wlQOPdkH/U6S+pa35ceaScuEzSwKf\
                IeJ7i4Fxp8hH+ardr70qwEBhCA4/FskmwAg==";
    assert_eq!(vkey.parse(), Ok(key(1)));
    let read = NoteSignature::parse(made).unwrap();
    assert_eq!(key(1).cosigned(TEXT, &read), Some(1_679_315_147));
    assert_eq!(line(1, 1_679_315_147, TEXT).to_string(), made);
}

#[test]
fn the_message_is_that_of_the_specification() {
    let message = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
                   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(cosigned_message(1_679_315_147, TEXT), message.as_bytes());
    assert_eq!(cosigned_message(0, "a\n"), b"cosignature/v1\ntime 0\na\n");
}

#[test]
fn the_key_of_a_witness_is_no_key_of_a_log() {
    let witness = key(1);
    let log = VerifierKey::new(NAME, &witness.public_key()).unwrap();
    assert_eq!(witness.id(), key_id(NAME, COSIGNATURE, &witness.public_key()));
    assert_ne!(witness.id(), log.id());
    assert_eq!(witness.to_string().parse::<VerifierKey>(), Err(KeyTextError::SignatureType(4)));
    assert_eq!(log.to_string().parse::<WitnessKey>(), Err(KeyTextError::SignatureType(1)));
}

#[test]
fn a_witness_counts_once_with_its_newest_time_and_strangers_do_not() {
    let lines = vec![line(1, 5, TEXT), line(2, 6, TEXT), line(1, 9, TEXT), line(1, 7, TEXT)];
    let note = SignedNote::new(TEXT, lines).unwrap();
    let keys = [key(3), key(1)];
    assert_eq!(note.cosigners(&keys), Ok(vec![(&keys[1], 9)]));
}

#[test]
fn a_wrong_cosignature_of_a_known_witness_condemns_the_note() {
    for wrong in [line(1, 5, "other\n"), NoteSignature::cosignature(&key(1), 5, [7; 64])] {
        let note = SignedNote::new(TEXT, vec![line(1, 5, TEXT), wrong]).unwrap();
        assert_eq!(note.cosigners(&[key(1)]), Err(NoteError::WrongSignature(NAME.to_owned())));
        assert_eq!(note.cosigners(&[key(2)]), Ok(vec![]), "of a stranger nothing is known");
    }
}

#[test]
fn a_time_beyond_the_limit_is_no_cosignature() {
    assert_eq!(key(1).cosigned(TEXT, &line(1, MAX_COSIGNATURE_TIME, TEXT)), Some(MAX_COSIGNATURE_TIME));
    assert_eq!(key(1).cosigned(TEXT, &line(1, MAX_COSIGNATURE_TIME + 1, TEXT)), None);
}

proptest! {
    #[test]
    fn no_change_of_a_line_counts(time in 0..=MAX_COSIGNATURE_TIME, place in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut bytes = line(1, time, TEXT).to_string().into_bytes();
        bytes[place.index(NAME.len() + 100)] ^= 1_u8 << bit;
        let read = str::from_utf8(&bytes).ok().and_then(NoteSignature::parse);
        prop_assert_eq!(read.and_then(|line| key(1).cosigned(TEXT, &line)), None);
    }

    #[test]
    fn no_line_makes_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 1..100)) {
        use base64::Engine as _;
        let id = key(1).id();
        let encoded = base64::prelude::BASE64_STANDARD.encode([&id, &bytes[..]].concat());
        let read = NoteSignature::parse(&format!("\u{2014} {NAME} {encoded}")).unwrap();
        prop_assert_eq!(key(1).cosigned(TEXT, &read), None);
    }
}
