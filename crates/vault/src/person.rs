//! Who somebody is, reduced to one spelling. Only its keyed digest is kept, and only in the key store:
//! whoever holds key and digests can try names.

use std::fmt;

use zeroize::Zeroizing;

use crate::crypto::{Digest, keyed_digest, push_sized};

/// What tells a person from others, in an order that the caller always keeps: for example family
/// name, given names, birth date.
#[derive(Clone)]
pub struct PersonIdentity(Zeroizing<Vec<u8>>);

impl PersonIdentity {
    /// The parts in one spelling: Unicode's compatibility composition (NFKC), lower case, and one space
    /// between words. What two people might write differently beyond that, the caller settles.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut text = Zeroizing::new(Vec::new());
        for part in parts {
            push_sized(&mut text, &one_spelling(part));
        }
        Self(text)
    }

    /// The keyed digest within a scope: the same person has another one in another scope.
    pub(crate) fn digest(&self, key: &[u8; 32], scope: &str) -> Digest {
        let mut scoped = Vec::new();
        push_sized(&mut scoped, scope);
        keyed_digest(key, &[b"person", &scoped, &self.0])
    }
}

impl fmt::Debug for PersonIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonIdentity(…)")
    }
}

fn one_spelling(part: &str) -> Zeroizing<String> {
    let normalizer = icu_normalizer::ComposingNormalizerBorrowed::new_nfkc();
    // Once more after the change of case: it can take a text out of the normal form.
    let lower = Zeroizing::new(normalizer.normalize(part).to_lowercase());
    let lower = Zeroizing::new(normalizer.normalize(&lower).into_owned());
    let words: Vec<&str> = lower.split_whitespace().collect();
    Zeroizing::new(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(scope: &str, parts: &[&str]) -> Digest {
        PersonIdentity::of(parts.iter().copied()).digest(&[1; 32], scope)
    }

    #[test]
    fn the_same_person_is_written_in_many_ways() {
        let one = digest("", &["Müller", "Ana Maria", "2001-02-03"]);
        assert_eq!(digest("", &["  MU\u{308}LLER ", "ana\u{a0} MARIA", "2001-02-03"]), one);
        assert_eq!(digest("", &["Ｍüller", "Ana\tMaria\n", "2001-02-03 "]), one);
    }

    #[test]
    fn another_person_scope_or_key_has_another_digest() {
        let one = digest("", &["ab", "c"]);
        let others = [
            digest("", &["a", "bc"]),
            digest("", &["ab c"]),
            digest("", &["ab", "c", ""]),
            digest("", &["c", "ab"]),
            digest("x", &["ab", "c"]),
            PersonIdentity::of(["ab", "c"]).digest(&[2; 32], ""),
        ];
        assert!(others.iter().all(|other| *other != one));
    }

    #[test]
    fn printing_an_identity_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", PersonIdentity::of(["canary"])), "PersonIdentity(…)");
    }
}
