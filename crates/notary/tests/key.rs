//! The private key of a note: its text, its file and what must never be shown.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sfs_ledger::{SignedNote, VerifierKey};
use sfs_notary::{KeyError, KeyRing, NoteKey};

const NAME: &str = "sfs.example/log";

fn key() -> NoteKey {
    NoteKey::generate(NAME, &[7; 32]).unwrap()
}

#[test]
fn the_text_of_a_key_is_read_again_and_another_implementation_signs_the_same_with_it() {
    let (key, text) = (key(), key().encode());
    assert_eq!(*NoteKey::parse(&text).unwrap().encode(), *text);
    assert!(text.starts_with("PRIVATE+KEY+sfs.example/log+"));
    let message = "one line\nand another\n";
    let mut theirs = signed_note::Note::new(message.as_bytes(), &[]).unwrap();
    theirs.add_sigs(&[&signed_note::StandardSigner::new(&text).unwrap()]).unwrap();
    let ours = SignedNote::new(message, vec![key.sign(message)]).unwrap();
    assert_eq!(ours.to_string().as_bytes(), theirs.to_bytes());
    signed_note::StandardVerifier::new(&key.verifier().to_string()).unwrap();
}

#[test]
fn a_key_of_the_other_implementation_is_read() {
    // The private and the public key of the documentation of golang.org/x/mod/sumdb/note.
    let (private, public) =
        ("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz", "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW");
    let seed = STANDARD.decode(private).unwrap()[1..].try_into().unwrap();
    let key = NoteKey::generate(NAME, &seed).unwrap();
    assert!(key.encode().ends_with(private));
    assert!(key.verifier().to_string().ends_with(public));
}

#[test]
fn the_same_entropy_is_the_same_key_and_other_entropy_another() {
    assert_eq!(*key().encode(), *key().encode());
    assert_ne!(key().verifier(), NoteKey::generate(NAME, &[8; 32]).unwrap().verifier());
}

#[test]
fn another_spelling_of_a_key_is_refused_and_its_message_tells_nothing() {
    let text = key().encode();
    let encoded = text.rsplit('+').next().unwrap();
    let last = |with: &str| format!("{}{with}", &text[..text.len() - 1]);
    for wrong in [
        "",
        "PRIVATE+KEY+",
        "PRIVATE+KEY+a",
        "PRIVATE+KEY+a+b",
        &text[1..],
        &text[..text.len() - 4],
        &format!("{}\n", *text),
        &text.replace(NAME, "sfs.example/other"),
        &text.replace(NAME, "two words"),
        &text.to_lowercase(),
        &last("="),
        &last("-"),
        &key().verifier().to_string(),
        &text.replace(encoded, "AgEB"),
    ] {
        let refused = NoteKey::parse(wrong).unwrap_err();
        assert!(matches!(refused, KeyError::Text(_)), "{wrong}");
        assert!(!format!("{refused:?} {refused}").contains(&encoded[..8]), "{refused:?}");
    }
}

#[test]
fn debug_shows_the_public_half_only() {
    let shown = format!("{:?}", key());
    assert!(shown.contains(&key().verifier().to_string()), "{shown}");
    let text = key().encode();
    assert!(!shown.contains(text.rsplit('+').next().unwrap()), "{shown}");
    assert!(!shown.contains("7, 7, 7"), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_key_file_is_for_its_owner_only_and_is_never_replaced() {
    use std::os::unix::fs::PermissionsExt as _;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    // What a killed attempt has left is no obstacle, and its rights are not taken over.
    fs::write(directory.path().join("a.key.new"), "half").unwrap();
    key().create_file(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(*NoteKey::read_file(&path).unwrap().encode(), *key().encode());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");

    let refused = NoteKey::generate(NAME, &[8; 32]).unwrap().create_file(&path);
    assert!(matches!(refused, Err(KeyError::Exists(_))), "{refused:?}");
    assert_eq!(*NoteKey::read_file(&path).unwrap().encode(), *key().encode());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
    NoteKey::read_file(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(NoteKey::read_file(&path), Err(KeyError::Permissions { mode: 0o644, .. })));
}

#[test]
fn a_file_that_holds_no_key_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.key");
    assert!(matches!(NoteKey::read_file(&path), Err(KeyError::Io { .. })));
    key().create_file(&path).unwrap();
    for wrong in [&b""[..], b"\n", b"\xff", &[b'a'; 10_000]] {
        fs::write(&path, wrong).unwrap();
        assert!(matches!(NoteKey::read_file(&path), Err(KeyError::Text(_))), "{wrong:?}");
    }
}

#[test]
fn keys_stand_in_their_order_and_other_files_are_not_keys() {
    let directory = tempfile::tempdir().unwrap();
    assert!(matches!(KeyRing::open(directory.path()), Err(KeyError::None(_))));
    KeyRing::create(directory.path(), NAME, &[1; 32]).unwrap();
    assert!(matches!(KeyRing::create(directory.path(), NAME, &[2; 32]), Err(KeyError::Exists(_))));
    for name in ["signer-01.key", "signer-x.key", "signer-3.key.new", "signer-.key", "notes.txt"] {
        fs::write(directory.path().join(name), "no key").unwrap();
    }
    for entropy in 2..=11 {
        KeyRing::rotate(directory.path(), &[entropy; 32]).unwrap();
    }
    let ring = KeyRing::open(directory.path()).unwrap();
    let expected = |entropy| NoteKey::generate(NAME, &[entropy; 32]).unwrap().verifier().clone();
    assert_eq!(ring.verifiers(), (1..=11).map(expected).collect::<Vec<VerifierKey>>());
    assert_eq!(ring.name(), NAME);
}

#[test]
fn keys_of_two_logs_in_one_directory_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    KeyRing::create(directory.path(), NAME, &[1; 32]).unwrap();
    let other = NoteKey::generate("sfs.example/other", &[2; 32]).unwrap();
    other.create_file(&directory.path().join("signer-2.key")).unwrap();
    assert!(matches!(KeyRing::open(directory.path()), Err(KeyError::Names { .. })));
}
