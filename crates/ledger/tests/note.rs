//! Notes and checkpoints: what is written is read again, nothing that was changed verifies, and
//! another implementation of the specification sees the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;
use sfs_ledger::{
    Checkpoint, CheckpointError, Hash, KeyTextError, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, NoteError, NoteSignature,
    SignedNote, VerifierKey, digest, is_key_name, key_id,
};

const NAME: &str = "sfs.example/log";

/// The key pair of a number.
fn pair(name: &str, seed: u8) -> (SigningKey, VerifierKey) {
    let signing = SigningKey::from_bytes(&[seed; 32]);
    let verifier = VerifierKey::new(name, &signing.verifying_key().to_bytes()).unwrap();
    (signing, verifier)
}

fn signature(name: &str, seed: u8, text: &str) -> NoteSignature {
    let (signing, verifier) = pair(name, seed);
    NoteSignature::ed25519(&verifier, signing.sign(text.as_bytes()).to_bytes())
}

fn note(text: &str, seeds: &[u8]) -> SignedNote {
    SignedNote::new(text, seeds.iter().map(|seed| signature(NAME, *seed, text)).collect()).unwrap()
}

fn keys(seeds: &[u8]) -> Vec<VerifierKey> {
    seeds.iter().map(|seed| pair(NAME, *seed).1).collect()
}

fn oracle_of(keys: &[VerifierKey]) -> signed_note::VerifierList {
    let read = |key: &VerifierKey| -> Box<dyn signed_note::Verifier> {
        Box::new(signed_note::StandardVerifier::new(&key.to_string()).unwrap())
    };
    signed_note::VerifierList::new(keys.iter().map(read).collect())
}

#[test]
fn the_published_example_of_a_note_is_read_and_verified() {
    // The documentation of golang.org/x/mod/sumdb/note has this signature under this text; the name
    // of the key, and with it the first four bytes, the id, are ours.
    let public_key = "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let text = "If you think cryptography is the answer to your problem,\n\
                then you don't know what your problem is.\n";
    let published = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";
    let decode = |text: &str| STANDARD.decode(text).unwrap();
    let key = VerifierKey::new(NAME, decode(public_key)[1..].try_into().unwrap()).unwrap();
    assert!(key.to_string().ends_with(public_key));
    let signature = NoteSignature::ed25519(&key, decode(published)[4..].try_into().unwrap());
    let note = SignedNote::new(text, vec![signature]).unwrap();
    assert_eq!(note.verify(&[key]).unwrap().text, text);
}

#[test]
fn a_note_is_read_as_it_was_written() {
    for text in ["one line\n", "two\nlines\n", "an\n\nempty line\n", "\n", "ends with empty lines\n\n\n", "ä€😀\n"]
    {
        let note = note(text, &[1, 2]);
        let written = note.to_string();
        let read = SignedNote::parse(written.as_bytes()).unwrap();
        assert_eq!(read, note);
        assert_eq!(read.to_string(), written);
        let keys = keys(&[2, 1]);
        let verified = read.verify(&keys).unwrap();
        assert_eq!(verified.text, text);
        assert_eq!(verified.by, [&keys[1], &keys[0]]);
    }
}

#[test]
fn signatures_of_strangers_are_ignored_and_count_for_nothing() {
    let note = note("text\n", &[1, 2]);
    let known = keys(&[2, 3]);
    assert_eq!(note.verify(&known).unwrap().by, [&known[0]]);
    assert_eq!(note.verify(&keys(&[3])), Err(NoteError::NotSigned));
    assert_eq!(note.verify(&[]), Err(NoteError::NotSigned));
    // The same key under another name is another signer.
    assert_eq!(note.verify(&[pair("sfs.example/other", 1).1]), Err(NoteError::NotSigned));
}

#[test]
fn a_key_that_signs_twice_counts_once() {
    let note = note("text\n", &[1, 1, 2, 1]);
    assert_eq!(note.verify(&keys(&[1, 2])).unwrap().by.len(), 2);
    // Nor does a key that is known twice.
    assert_eq!(note.verify(&keys(&[1, 1])).unwrap().by.len(), 1);
}

#[test]
fn a_wrong_signature_of_a_known_key_condemns_the_note_beside_right_ones() {
    let signatures = vec![signature(NAME, 1, "text\n"), signature(NAME, 2, "other\n")];
    let note = SignedNote::new("text\n", signatures).unwrap();
    assert_eq!(note.verify(&keys(&[1, 2])), Err(NoteError::WrongSignature(NAME.to_owned())));
    note.verify(&keys(&[1])).unwrap();
}

#[test]
fn what_is_no_note_is_refused() {
    let line = signature(NAME, 1, "text\n").to_string();
    let encoded = line.rsplit_once(' ').unwrap().1;
    let dash = "\u{2014}";
    for (wrong, why) in [
        (String::new(), NoteError::NoNewline),
        ("text\n".into(), NoteError::NoSignatures),
        ("text\n\n".into(), NoteError::NoSignatures),
        (format!("text\n{line}\n"), NoteError::NoSignatures),
        (format!("text\n\n{line}"), NoteError::NoNewline),
        (format!("text\n\n{line}\n\n"), NoteError::NoSignatures),
        (format!("text\n\n{line}\nmore\n"), NoteError::SignatureLine(2)),
        (format!("te\u{1}xt\n\n{line}\n"), NoteError::ControlCharacter),
        (format!("text\r\n\n{line}\n"), NoteError::ControlCharacter),
        (format!("text\n\n{line}\t\n"), NoteError::ControlCharacter),
        (format!("text\n\n- {NAME} {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash}{NAME} {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash} {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash}  {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash} a+b {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash} a\u{2003}b {encoded}\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{line} \n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{}\n", line.trim_end_matches('=')), NoteError::SignatureLine(1)),
        // Four bytes of id and no signature.
        (format!("text\n\n{dash} {NAME} AAAAAA==\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{dash} {NAME} AAAA\n"), NoteError::SignatureLine(1)),
        (format!("text\n\n{}", format!("{line}\n").repeat(MAX_NOTE_SIGNATURES + 1)), NoteError::NoSignatures),
        (format!("{}\n\n{line}\n", "a".repeat(MAX_NOTE_BYTES)), NoteError::TooLarge(MAX_NOTE_BYTES + line.len() + 3)),
    ] {
        assert_eq!(SignedNote::parse(wrong.as_bytes()), Err(why), "{}", wrong.get(..60).unwrap_or(&wrong));
    }
    assert_eq!(SignedNote::parse(b"te\xffxt\n"), Err(NoteError::NotUtf8));
    // At the limits it is a note.
    SignedNote::parse(format!("text\n\n{}", format!("{line}\n").repeat(MAX_NOTE_SIGNATURES)).as_bytes()).unwrap();
    let longest = format!("{}\n\n{line}\n", "a".repeat(MAX_NOTE_BYTES - line.len() - 3));
    assert_eq!(longest.len(), MAX_NOTE_BYTES);
    SignedNote::parse(longest.as_bytes()).unwrap();
}

#[test]
fn a_note_that_could_not_be_read_again_is_not_made() {
    let line = signature(NAME, 1, "text\n");
    let too_many = vec![line.clone(); MAX_NOTE_SIGNATURES + 1];
    assert_eq!(SignedNote::new("text", vec![line.clone()]), Err(NoteError::NoNewline));
    assert_eq!(SignedNote::new("te\0xt\n", vec![line.clone()]), Err(NoteError::ControlCharacter));
    assert_eq!(SignedNote::new("text\n", vec![]), Err(NoteError::NoSignatures));
    assert_eq!(SignedNote::new("text\n", too_many), Err(NoteError::NoSignatures));
    let long = "a".repeat(MAX_NOTE_BYTES) + "\n";
    assert!(matches!(SignedNote::new(&long, vec![line]), Err(NoteError::TooLarge(_))));
}

#[test]
fn a_verifier_key_has_one_text() {
    let (_, key) = pair(NAME, 1);
    let text = key.to_string();
    assert_eq!(text.parse(), Ok(key.clone()));
    assert_eq!(format!("{key:?}"), text);
    let [name, hash, encoded] = text.splitn(3, '+').collect::<Vec<_>>()[..] else { panic!("{text}") };
    assert_eq!(u32::from_str_radix(hash, 16).unwrap().to_be_bytes(), key.id());
    for (wrong, why) in [
        (String::new(), KeyTextError::Malformed),
        (format!("{name}+{hash}"), KeyTextError::Malformed),
        (format!("+{hash}+{encoded}"), KeyTextError::Malformed),
        (format!("two words+{hash}+{encoded}"), KeyTextError::Malformed),
        (format!("{name}+{hash}+{encoded} "), KeyTextError::Malformed),
        (format!("{name}+{hash}+"), KeyTextError::Malformed),
        (format!("{name}+{}+{encoded}", &hash[1..]), KeyTextError::Malformed),
        (format!("{name}+00000000+{encoded}"), KeyTextError::Hash),
        (format!("sfs.example/other+{hash}+{encoded}"), KeyTextError::Hash),
        (format!("{name}+{hash}+AQAA"), KeyTextError::Key),
        (format!("{name}+{hash}+BAAA"), KeyTextError::SignatureType(4)),
    ] {
        assert_eq!(wrong.parse::<VerifierKey>(), Err(why), "{wrong}");
    }
    let upper = hash.to_uppercase();
    assert_ne!(upper, hash);
    assert_eq!(format!("{name}+{upper}+{encoded}").parse::<VerifierKey>(), Err(KeyTextError::Hash));
}

#[test]
fn a_key_under_which_anybody_can_sign_is_refused() {
    // The neutral element, a point of order four, and bytes that are no point.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut no_point = [0; 32];
    no_point[0] = 2;
    for weak in [neutral, [0; 32], no_point] {
        assert_eq!(VerifierKey::new(NAME, &weak), Err(KeyTextError::Key), "{weak:?}");
    }
}

#[test]
fn the_id_of_a_key_is_that_of_the_specification() {
    let (_, key) = pair(NAME, 1);
    let public_key = SigningKey::from_bytes(&[1; 32]).verifying_key().to_bytes();
    let typed = [&[1][..], &public_key].concat();
    assert_eq!(u32::from_be_bytes(key.id()), signed_note::key_id(NAME, &typed));
    assert_ne!(key.id(), key_id(NAME, 4, &public_key), "the type is part of it");
}

#[test]
fn a_checkpoint_is_written_as_the_specification_has_it() {
    let root = Hash::from_standard_b64("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").unwrap();
    let checkpoint = Checkpoint::new("example.com/behind-the-sofa", 20_852_163, root).unwrap();
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(checkpoint.to_string(), text);
    assert_eq!(text.parse(), Ok(checkpoint));
    let extended = format!("{text}one\ntwo\n");
    let read: Checkpoint = extended.parse().unwrap();
    assert_eq!((read.size(), read.root(), read.extensions()), (20_852_163, root, &["one".into(), "two".into()][..]));
    assert_eq!(read.to_string(), extended);
    // An origin may be any line.
    "two words+plus\n0\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n".parse::<Checkpoint>().unwrap();
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    let root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";
    for (wrong, why) in [
        (String::new(), CheckpointError::Lines),
        ("\n".into(), CheckpointError::Lines),
        (format!("a\n1\n{root}"), CheckpointError::Lines),
        ("a\n1\n".into(), CheckpointError::Lines),
        (format!("\n1\n{root}\n"), CheckpointError::Lines),
        (format!("a\n\n{root}\n"), CheckpointError::Lines),
        (format!("a\n1\n{root}\n\n"), CheckpointError::Lines),
        (format!("a\n1\n{root}\nmore"), CheckpointError::Lines),
        (format!("a\n1\n{root}\n\nmore\n"), CheckpointError::Lines),
        (format!("a\r\n1\n{root}\n"), CheckpointError::Origin),
        (format!("a\n01\n{root}\n"), CheckpointError::Size),
        (format!("a\n+1\n{root}\n"), CheckpointError::Size),
        (format!("a\n-1\n{root}\n"), CheckpointError::Size),
        (format!("a\n 1\n{root}\n"), CheckpointError::Size),
        (format!("a\n١\n{root}\n"), CheckpointError::Size),
        (format!("a\n9007199254740992\n{root}\n"), CheckpointError::Size),
        (format!("a\n99999999999999999999\n{root}\n"), CheckpointError::Size),
        (format!("a\n1\n{}\n", &root[..43]), CheckpointError::Root),
        (format!("a\n1\n{root} \n"), CheckpointError::Root),
        (format!("a\n1\n{}\n", root.replace('/', "_")), CheckpointError::Root),
        (format!("a\n1\n{}\n", root.replace("I=", "J=")), CheckpointError::Root),
        (format!("a\n1\n{root}\nmo\tre\n"), CheckpointError::Extension),
    ] {
        assert_eq!(wrong.parse::<Checkpoint>(), Err(why), "{wrong:?}");
    }
    assert_eq!(Checkpoint::new("", 1, digest(b"")), Err(CheckpointError::Origin));
    assert_eq!(Checkpoint::new("a\nb", 1, digest(b"")), Err(CheckpointError::Origin));
    assert_eq!(Checkpoint::new("a", 1 << 53, digest(b"")), Err(CheckpointError::Size));
}

/// Texts of notes: mostly short lines, empty ones among them.
fn texts() -> impl Strategy<Value = String> {
    "([a-z \u{e4}\u{2014}]{0,6}\n){1,5}"
}

proptest! {
    #[test]
    fn both_implementations_read_and_verify_what_we_write(text in texts(), seeds in prop::collection::vec(0_u8..4, 1..5)) {
        let note = note(&text, &seeds);
        let written = note.to_string();
        prop_assert_eq!(SignedNote::parse(written.as_bytes()), Ok(note.clone()));
        let oracle = signed_note::Note::from_bytes(written.as_bytes()).unwrap();
        prop_assert_eq!(oracle.text(), text.as_bytes());
        prop_assert_eq!(oracle.to_bytes(), written.as_bytes());
        let known = keys(&[0, 1]);
        match (note.verify(&known), oracle.verify(&oracle_of(&known))) {
            (Ok(ours), Ok((theirs, _))) => {
                let ours: Vec<u32> = ours.by.iter().map(|key| u32::from_be_bytes(key.id())).collect();
                prop_assert_eq!(ours, theirs.iter().map(|signature| signature.id()).collect::<Vec<_>>());
            }
            (ours, theirs) => prop_assert!(ours.is_err() && theirs.is_err()),
        }
    }

    #[test]
    fn we_read_and_verify_what_the_other_implementation_writes(text in texts()) {
        let seed = STANDARD.encode([&[1][..], &[7; 32]].concat());
        let skey = format!("PRIVATE+KEY+{NAME}+{:08x}+{seed}", u32::from_be_bytes(pair(NAME, 7).1.id()));
        let signer = signed_note::StandardSigner::new(&skey).unwrap();
        let mut oracle = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        oracle.add_sigs(&[&signer]).unwrap();
        let note = SignedNote::parse(&oracle.to_bytes()).unwrap();
        let keys = keys(&[7]);
        prop_assert_eq!(note.verify(&keys).unwrap().text, text.as_str());
        // Ed25519 has one signature for one text.
        prop_assert_eq!(note.to_string(), self::note(&text, &[7]).to_string());
    }

    #[test]
    fn no_change_of_one_byte_verifies(
        text in texts(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = note(&text, &[1]).to_string().into_bytes();
        let place = place.index(bytes.len());
        prop_assume!(bytes[place] != byte);
        bytes[place] = byte;
        let keys = keys(&[1]);
        let verifies = SignedNote::parse(&bytes).is_ok_and(|note| note.verify(&keys).is_ok());
        prop_assert!(!verifies, "{}", String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn no_bytes_make_a_reader_panic_and_what_is_read_is_written_so(
        text in "[\u{2014} +a-c=/0-9\n]{0,40}",
        tail in "(\n\u{2014} [a-c]{0,3} [A-D=]{0,16}\n){0,2}",
    ) {
        let whole = text + &tail;
        if let Ok(note) = SignedNote::parse(whole.as_bytes()) {
            prop_assert_eq!(note.to_string(), whole.as_str());
        }
        prop_assert_eq!(
            SignedNote::parse(whole.as_bytes()).is_ok(),
            signed_note::Note::from_bytes(whole.as_bytes()).is_ok(),
            "both read it or neither"
        );
        if let Ok(checkpoint) = whole.parse::<Checkpoint>() {
            prop_assert_eq!(checkpoint.to_string(), whole.as_str());
        }
        if let Ok(key) = whole.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), whole);
        }
    }

    #[test]
    fn names_are_what_the_other_implementation_takes_for_names(name in "\\PC{0,6}") {
        prop_assert_eq!(is_key_name(&name), signed_note::is_key_name_valid(&name), "{:?}", name);
    }

    #[test]
    fn both_implementations_read_and_write_the_same_checkpoints(
        origin in "[a-z./+ ]{1,20}",
        size in 0_u64..1 << 53,
        root in any::<[u8; 32]>(),
    ) {
        let checkpoint = Checkpoint::new(&origin, size, Hash::from(root)).unwrap();
        let text = checkpoint.to_string();
        prop_assert_eq!(text.parse(), Ok(checkpoint));
        let oracle = tlog_tiles::Checkpoint::new(&origin, size, tlog_tiles::Hash(root), "").unwrap();
        prop_assert_eq!(oracle.to_bytes(), text.as_bytes());
    }
}
