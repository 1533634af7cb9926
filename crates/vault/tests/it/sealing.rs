//! Sealed slots: the stored form, and that a ciphertext opens in its own place only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::value::RawValue;
use sfs_vault::{
    Identity, KeyId, KeyReading, OpenError, Personal, Place, Reading, SealError, SubjectId, SubjectKey, open, seal,
};
use uuid::Uuid;

use crate::support::{Counting, key, unhex};

#[derive(Deserialize)]
struct Vector {
    name: String,
    key: String,
    nonce: String,
    origin: String,
    event: Uuid,
    slot: u16,
    r#type: String,
    plain: String,
    stored: String,
    digest: String,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../golden/sealed.json")).unwrap()
}

const PLACE: Place<'_> =
    Place { origin: "demo", event: Uuid::from_u128(5), slot: 1, event_type: "participation.registered.v1" };

fn held(bytes: [u8; 32]) -> KeyReading<Identity> {
    KeyReading::Held(key(bytes))
}

fn sealed_text(text: &str) -> Vec<u8> {
    seal(&key::<Identity>([1; 32]), &PLACE, &Personal::new(text), &Counting::default()).unwrap().bytes
}

#[test]
fn the_stored_form_is_what_another_program_computed() {
    let vectors = vectors();
    assert!(vectors.len() >= 5);
    for vector in vectors {
        let place =
            Place { origin: &vector.origin, event: vector.event, slot: vector.slot, event_type: &vector.r#type };
        let value = Personal::new(RawValue::from_string(vector.plain.clone()).unwrap());
        let nonce: [u8; 24] = unhex(&vector.nonce);
        let of_vector = |bytes: &mut [u8]| bytes.copy_from_slice(&nonce);
        let key = key::<Identity>(unhex(&vector.key));
        let sealed = seal(&key, &place, &value, &of_vector).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.encode(&sealed.bytes), vector.stored, "{}", vector.name);
        assert_eq!(URL_SAFE_NO_PAD.encode(sealed.digest), vector.digest, "{}", vector.name);
        let opened: Personal<_, serde_json::Value> = open(&KeyReading::Held(key), &place, Some(&sealed.bytes)).unwrap();
        assert_eq!(opened.reveal(), Reading::Known(&serde_json::from_str(&vector.plain).unwrap()));
    }
}

#[test]
fn a_destroyed_key_reads_as_erased_with_the_ciphertext_and_without_it() {
    let bytes = sealed_text("canary");
    for bytes in [Some(bytes.as_slice()), None, Some(b"purged in part".as_slice())] {
        let read: Personal<Identity, String> = open(&KeyReading::Destroyed, &PLACE, bytes).unwrap();
        assert!(read.is_erased());
    }
}

#[test]
fn a_missing_ciphertext_is_not_an_erased_one() {
    let read = open::<Identity, String>(&held([1; 32]), &PLACE, None);
    assert!(matches!(read, Err(OpenError::Missing)));
}

#[test]
fn an_erased_value_cannot_be_sealed_again() {
    let sealed = seal(&key::<Identity>([1; 32]), &PLACE, &Personal::<_, String>::erased(), &Counting::default());
    assert!(matches!(sealed, Err(SealError::Erased)));
}

#[test]
fn the_length_tells_no_yes_from_no() {
    let length = |flag: bool| {
        let value = Personal::<Identity, _>::new(flag);
        seal(&key([1; 32]), &PLACE, &value, &Counting::default()).unwrap().bytes.len()
    };
    assert_eq!(length(true), length(false));
}

#[test]
fn the_same_value_is_never_the_same_ciphertext() {
    let random = Counting::default();
    let value = Personal::<Identity, _>::new("f");
    let seal = || seal(&key([1; 32]), &PLACE, &value, &random).unwrap();
    let (one, two) = (seal(), seal());
    assert_ne!(one.digest, two.digest);
    assert_ne!(one.bytes[24..], two.bytes[24..]);
}

#[test]
fn a_value_of_another_form_is_refused_without_being_shown() {
    let why = open::<Identity, u32>(&held([1; 32]), &PLACE, Some(&sealed_text("canary"))).unwrap_err();
    let shown = format!("{why} {why:?} {}", std::error::Error::source(&why).unwrap());
    assert!(matches!(why, OpenError::Form(_)));
    assert!(!shown.contains("canary"), "{shown}");
}

/// Places that differ in one thing; the last two would be one if lengths were not bound too.
fn other_places() -> Vec<Place<'static>> {
    vec![
        Place { origin: "demo2", ..PLACE },
        Place { origin: "", ..PLACE },
        Place { event: Uuid::from_u128(6), ..PLACE },
        Place { event: Uuid::nil(), ..PLACE },
        Place { slot: 0, ..PLACE },
        Place { slot: 257, ..PLACE },
        Place { event_type: "participation.registered.v2", ..PLACE },
        Place { event_type: "", ..PLACE },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_value_opens_in_its_own_place_under_its_own_key_only(
        text in ".{0,200}",
        key_bytes in any::<[u8; 32]>(),
        other_key in any::<[u8; 32]>(),
        other_event in any::<u128>(),
        other_slot in any::<u16>(),
        other_type in "[a-z.]{1,30}",
    ) {
        let sealed = seal(&key::<Identity>(key_bytes), &PLACE, &Personal::new(text.clone()), &Counting::default()).unwrap();
        let read = |key_bytes, place: &Place<'_>| open::<Identity, String>(&held(key_bytes), place, Some(&sealed.bytes));
        prop_assert_eq!(read(key_bytes, &PLACE).unwrap().into_revealed(), Reading::Known(text));
        prop_assume!(other_key != key_bytes);
        prop_assert!(matches!(read(other_key, &PLACE), Err(OpenError::Refused)));
        let mut others = other_places();
        others.push(Place { event: Uuid::from_u128(other_event), ..PLACE });
        others.push(Place { slot: other_slot, ..PLACE });
        others.push(Place { event_type: &other_type, ..PLACE });
        for other in others.iter().filter(|other| **other != PLACE) {
            prop_assert!(matches!(read(key_bytes, other), Err(OpenError::Refused)), "{:?}", other);
        }
    }

    #[test]
    fn neighbouring_parts_of_a_place_cannot_lend_each_other_letters(origin in "[a-z]{1,8}", event_type in "[a-z]{2,8}") {
        let place = Place { origin: &origin, event_type: &event_type, ..PLACE };
        let longer = format!("{origin}{}", &event_type[..1]);
        let moved = Place { origin: &longer, event_type: &event_type[1..], ..PLACE };
        let sealed = seal(&key::<Identity>([1; 32]), &place, &Personal::new(1), &Counting::default()).unwrap();
        prop_assert!(open::<Identity, u8>(&held([1; 32]), &moved, Some(&sealed.bytes)).is_err());
    }

    #[test]
    fn no_cut_and_no_extension_opens(text in ".{0,100}", cut in any::<prop::sample::Index>(), more in any::<u8>()) {
        let bytes = sealed_text(&text);
        let longer = [bytes.as_slice(), &[more]].concat();
        for wrong in [&bytes[..cut.index(bytes.len())], &longer] {
            let read = open::<Identity, String>(&held([1; 32]), &PLACE, Some(wrong));
            prop_assert!(matches!(read, Err(OpenError::Refused)));
        }
    }
}

#[test]
fn no_flipped_bit_opens() {
    let bytes = sealed_text("a value that is longer than one block of the padding, which has 64 bytes");
    assert!(open::<Identity, String>(&held([1; 32]), &PLACE, Some(&bytes)).is_ok());
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let read = open::<Identity, String>(&held([1; 32]), &PLACE, Some(&flipped));
        assert!(matches!(read, Err(OpenError::Refused)), "bit {bit}");
    }
}

#[test]
fn a_sealed_value_names_its_key() {
    let id = KeyId(Uuid::from_u128(99));
    let key = SubjectKey::<Identity>::of_bytes(id, SubjectId(Uuid::nil()), [1; 32]);
    assert_eq!(seal(&key, &PLACE, &Personal::new(1), &Counting::default()).unwrap().key, id);
}
