//! Commitments and disclosures: the stored form, and what a disclosure proves.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde::Deserialize;
use sfs_vault::{CommitError, Commitments, Digest, Disclosure, DisclosureError, Statistics, Value};
use uuid::Uuid;

use crate::support::{Counting, key, unhex};

#[derive(Deserialize)]
struct Vector {
    key: String,
    event: Uuid,
    name: String,
    value: Value,
    disclosure: String,
    digest: String,
}

const EVENT: Uuid = Uuid::from_u128(5);

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn disclosure(key_byte: u8, event: Uuid, name: &str, value: &Value) -> Disclosure {
    Disclosure::of(&key::<Statistics>([key_byte; 32]), event, name, value).unwrap()
}

fn committed(attributes: &[(&str, Value)]) -> Vec<Digest> {
    let mut commitments = Commitments::new();
    for (name, value) in attributes {
        commitments.add(&key::<Statistics>([1; 32]), EVENT, name, value).unwrap();
    }
    commitments.finish(&Counting::default())
}

#[test]
fn the_stored_form_is_what_another_program_computed() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../golden/commitments.json")).unwrap();
    assert!(vectors.len() >= 6);
    for vector in vectors {
        let key = key::<Statistics>(unhex(&vector.key));
        let disclosure = Disclosure::of(&key, vector.event, &vector.name, &vector.value).unwrap();
        assert_eq!(disclosure.reveal(), vector.disclosure, "{}", vector.name);
        assert_eq!(URL_SAFE_NO_PAD.encode(disclosure.digest()), vector.digest, "{}", vector.name);
    }
}

#[test]
fn the_example_of_the_standard_is_believed() {
    // RFC 9901, section 4.2.3.
    let text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0";
    let digest = URL_SAFE_NO_PAD.decode("X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0").unwrap();
    let shown = Disclosure::check(text, &[digest.try_into().unwrap()]).unwrap();
    assert_eq!((shown.name.as_str(), shown.value), ("family_name", Value::Text("Möbius".into())));
}

#[test]
fn a_disclosure_shows_one_attribute_and_is_checked_against_the_event() {
    let commitments =
        committed(&[("gender", text("f")), ("age_at_entry", Value::Number(17)), ("employed", Value::Flag(false))]);
    for (name, value) in [("gender", text("f")), ("age_at_entry", Value::Number(17)), ("employed", Value::Flag(false))]
    {
        let shown = Disclosure::check(disclosure(1, EVENT, name, &value).reveal(), &commitments).unwrap();
        assert_eq!((shown.name.as_str(), shown.value), (name, value));
    }
}

#[test]
fn a_forged_or_borrowed_disclosure_is_not_believed() {
    let commitments = committed(&[("gender", text("f"))]);
    let genuine = disclosure(1, EVENT, "gender", &text("f"));
    let forged = URL_SAFE_NO_PAD.decode(genuine.reveal()).unwrap();
    let forged = String::from_utf8(forged).unwrap().replace("\"f\"]", "\"m\"]");
    let wrong = [
        disclosure(1, EVENT, "gender", &text("m")),
        disclosure(1, Uuid::from_u128(6), "gender", &text("f")),
        disclosure(2, EVENT, "gender", &text("f")),
        disclosure(1, EVENT, "gender2", &text("f")),
    ];
    let wrong = wrong.iter().map(|one| one.reveal().to_owned());
    for wrong in wrong.chain([URL_SAFE_NO_PAD.encode(forged), String::new(), format!("{}=", genuine.reveal())]) {
        assert_eq!(Disclosure::check(&wrong, &commitments), Err(DisclosureError::NotCommitted));
    }
    assert!(Disclosure::check(genuine.reveal(), &commitments).is_ok());
}

#[test]
fn what_is_committed_to_but_no_disclosure_is_malformed() {
    for wrong in ["", "not base64!", "e30", "WyJhIiwiYiJd", "WyJhIiwiYiIsMS41XQ", "WyJhIiwiYiIsbnVsbF0"] {
        let digest: Digest = {
            // `sha256` of the text, by way of an independent crate.
            use sha2::Digest as _;
            sha2::Sha256::digest(wrong.as_bytes()).into()
        };
        assert_eq!(Disclosure::check(wrong, &[digest]), Err(DisclosureError::Malformed), "{wrong}");
    }
}

#[test]
fn the_digests_ascend_and_do_not_tell_how_many_attributes_there_are() {
    let random = Counting::default();
    let mut lengths: Vec<usize> = (0..64)
        .map(|_| {
            let mut commitments = Commitments::new();
            commitments.add(&key::<Statistics>([1; 32]), EVENT, "gender", &text("f")).unwrap();
            let digests = commitments.finish(&random);
            assert!(digests.is_sorted_by(|one, next| one < next));
            assert!(digests.contains(&disclosure(1, EVENT, "gender", &text("f")).digest()));
            digests.len()
        })
        .collect();
    lengths.sort_unstable();
    lengths.dedup();
    assert_eq!(lengths, [1, 2, 3, 4]);
    assert!(Commitments::new().finish(&random).is_empty(), "an event without attributes has no `_sd`");
}

#[test]
fn a_name_has_one_meaning_in_an_event() {
    let mut commitments = Commitments::new();
    commitments.add(&key::<Statistics>([1; 32]), EVENT, "gender", &text("f")).unwrap();
    let again = commitments.add(&key::<Statistics>([2; 32]), EVENT, "gender", &text("m"));
    assert_eq!(again, Err(CommitError::Repeated("gender".into())));
}

#[test]
fn names_that_the_standard_keeps_and_numbers_that_readers_round_are_refused() {
    let of = |name: &str, value: Value| Disclosure::of(&key::<Statistics>([1; 32]), EVENT, name, &value);
    for name in ["", "_sd", "..."] {
        assert_eq!(of(name, Value::Flag(true)), Err(CommitError::Name(name.into())));
    }
    let largest = (1_i64 << 53) - 1;
    assert!(of("n", Value::Number(largest)).is_ok() && of("n", Value::Number(-largest)).is_ok());
    for number in [largest + 1, -largest - 1, i64::MIN, i64::MAX] {
        assert_eq!(of("n", Value::Number(number)), Err(CommitError::OutOfRange("n".into())));
    }
}

#[test]
fn printing_a_disclosure_shows_nothing_of_it() {
    let one = disclosure(1, EVENT, "gender", &text("canary"));
    assert_eq!(format!("{one:?} {:?}", text("canary")), "Disclosure(…) Value(…)");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_read_back_as_it_was(name in "[a-z]{1,20}", value in ".{0,40}", number in -1000_i64..1000) {
        for value in [Value::Text(value), Value::Number(number), Value::Flag(number > 0)] {
            let one = disclosure(1, EVENT, &name, &value);
            let shown = Disclosure::check(one.reveal(), &[one.digest()]).unwrap();
            prop_assert_eq!((&shown.name, shown.value), (&name, value));
        }
    }

    #[test]
    fn the_same_attribute_has_another_digest_under_another_key_event_or_name(
        one in any::<[u8; 32]>(), two in any::<[u8; 32]>(), event in any::<u128>(), name in "[a-z]{1,20}",
    ) {
        prop_assume!(one != two && event != EVENT.as_u128() && name != "gender");
        let digest = |bytes, event, name: &str| {
            Disclosure::of(&key::<Statistics>(bytes), event, name, &text("f")).unwrap().digest()
        };
        let genuine = digest(one, EVENT, "gender");
        prop_assert_eq!(digest(one, EVENT, "gender"), genuine);
        prop_assert_ne!(digest(two, EVENT, "gender"), genuine);
        prop_assert_ne!(digest(one, Uuid::from_u128(event), "gender"), genuine);
        prop_assert_ne!(digest(one, EVENT, &name), genuine);
    }
}
