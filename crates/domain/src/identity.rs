//! Names of things: parsed once, valid ever after. None of them says anything about a person.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not the identity it should be. The sentence fits behind "the value".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidIdentity {
    pub(crate) expected: &'static str,
}

/// Declares an identity that is a text with a rule: parsed by `TryFrom<String>`, shown in the
/// schema as a pattern, allow-listed by name in the tidy test because it is an open string.
macro_rules! text_identity {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $max:literal, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "String")]
        #[schemars(!try_from)]
        pub struct $name(#[schemars(regex(pattern = $pattern), length(min = 1, max = $max))] String);

        impl $name {
            /// The text as it is stored.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Parses; the error says what was expected.
            pub fn parse(text: impl Into<String>) -> Result<Self, InvalidIdentity> {
                Self::try_from(text.into())
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidIdentity;

            fn try_from(text: String) -> Result<Self, InvalidIdentity> {
                let valid: fn(&str) -> bool = $valid;
                // Characters and not bytes: the schema says the same.
                if text.chars().count() <= $max && valid(&text) {
                    Ok(Self(text))
                } else {
                    Err(InvalidIdentity { expected: $expected })
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn is_slug(text: &str, extra: &[u8]) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|b| b.is_ascii_alphanumeric() || extra.contains(b))
}

fn is_verifier_key(text: &str) -> bool {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else { return false };
    (1..=128).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"./_-".contains(&b))
        && id.len() == 8
        && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        && key.len() == 44
        && key.starts_with('A')
        && matches!(key.as_bytes()[1], b'Q'..=b'Z' | b'a'..=b'f')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
}

pub(crate) use text_identity;

text_identity!(
    /// A school's identifier: the official school number where it is known, else the identifier
    /// of the list that the school was taken from (`ST-JS2016-17`).
    SchoolId, "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", 40,
    "a school identifier has 1 to 40 letters, digits or hyphens", |t| is_slug(t, b"-")
);
text_identity!(
    /// An organisation's unique identifier (register number or a slug of its name).
    OrganisationId, "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", 80,
    "an organisation identifier has 1 to 80 letters, digits or hyphens", |t| is_slug(t, b"-")
);
text_identity!(
    /// Common code of the EU programme document (CCI, CPR Annex XVII), `2021DE05SFPR013`.
    Cci, "^[0-9]{4}[A-Z]{2}[0-9A-Z]{9}$", 15,
    "a CCI has four digits, two letters and nine letters or digits",
    |t| {
        let bytes = t.as_bytes();
        bytes.len() == 15
            && bytes[..4].iter().all(u8::is_ascii_digit)
            && bytes[4..6].iter().all(u8::is_ascii_uppercase)
            && bytes[6..].iter().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    }
);
text_identity!(
    /// Amtlicher Gemeindeschlüssel of a district, `15001` … `15091`, or `15` for the whole state.
    Ags, "^15([0-9]{3})?$", 5, "an AGS is 15 or has five digits and begins with 15",
    |t| (t.len() == 5 || t.len() == 2) && t.starts_with("15") && t.bytes().all(|b| b.is_ascii_digit())
);
text_identity!(
    /// SHA-256 of a document's bytes, base64url without padding: the document itself stays
    /// outside the log. Its last character carries four bits, so only sixteen are possible.
    Digest, "^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$", 43,
    "a digest is 32 bytes in base64url without padding (43 characters)",
    |t| t.len() == 43 && t.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && t.ends_with(|last| "AEIMQUYcgkosw048".contains(last))
);
text_identity!(
    /// A verifier key of a signer of checkpoints in the text form of C2SP signed-note: name, key id and
    /// an Ed25519 public key (its first byte is 1, so the base64 begins with `A` and one of `Q` to `f`).
    VerifierKey, "^[A-Za-z0-9][A-Za-z0-9./_-]{0,127}\\+[0-9a-f]{8}\\+A[Q-Za-f][A-Za-z0-9+/]{42}$", 182,
    "a verifier key is a name, eight hexadecimal digits and 44 characters of base64, joined by plus signs",
    is_verifier_key
);
text_identity!(
    /// A label of few characters from somebody's list: a funding period, an amendment number.
    Label, "^[A-Za-z0-9–]([A-Za-z0-9 ./–-]*[A-Za-z0-9])?$", 40,
    "a label has 1 to 40 letters, digits, blanks, dots, slashes or hyphens",
    |t| t.chars().all(|c| c.is_ascii_alphanumeric() || " ./–-".contains(c))
        && t.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '–')
        && t.ends_with(|c: char| c.is_ascii_alphanumeric() || (c == '–' && t.len() == c.len_utf8()))
);
text_identity!(
    /// A German postcode.
    Postcode, "^[0-9]{5}$", 5, "a postcode has five digits",
    |t| t.len() == 5 && t.bytes().all(|b| b.is_ascii_digit())
);
text_identity!(
    /// The public name of an institution or of an offer. Never the name of a person.
    Name, "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$", 200,
    "a name has 1 to 200 characters, no line breaks and no blanks at its ends",
    |t| !t.is_empty() && t.trim() == t
        && !t.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
);

impl Ags {
    /// The whole state of Sachsen-Anhalt.
    pub fn state() -> Self {
        Self("15".to_owned())
    }

    /// Whether this is the state and not one of its districts.
    pub fn is_state(&self) -> bool {
        self.0.len() == 2
    }
}

/// Declares an identity that is a UUID.
macro_rules! uuid_identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_identity!(
    /// The identity of an event; of what the event brought into being where nothing else names it.
    EventId
);
uuid_identity!(
    /// A member of staff: a random pseudonym. Who it is stays with the provider.
    StaffPseudonym
);
uuid_identity!(
    /// A person of whom something is sealed: a random pseudonym. That of a member of staff is their
    /// [`StaffPseudonym`].
    PersonId
);
uuid_identity!(
    /// A key under which something of a person is sealed: its name, never the key.
    KeyId
);
uuid_identity!(
    /// A user or a machine that may act: a random pseudonym.
    PrincipalId
);
uuid_identity!(
    /// An identity that the client chose at random for a thing it creates (a training, a need):
    /// sending the same creation twice is then one thing.
    ClientKey
);

/// The name of a stream: `<category>/<key>`. One stream is one consistency boundary.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(String);

impl StreamId {
    /// Joins a category and a key, which must come from identities of this module.
    pub fn new(category: &str, key: impl fmt::Display) -> Self {
        Self(format!("{category}/{key}"))
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first slash.
    pub fn category(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the texts are taken, by type and by schema pattern alike.
    fn taken<T: TryFrom<String> + JsonSchema>(texts: &[&str]) -> Vec<bool> {
        let taken: Vec<_> = texts.iter().map(|text| T::try_from((*text).to_owned()).is_ok()).collect();
        let schema = schemars::schema_for!(T);
        let longest = schema.get("maxLength").and_then(serde_json::Value::as_u64).unwrap();
        assert!(texts.iter().zip(&taken).all(|(text, taken)| !taken || text.chars().count() as u64 <= longest));
        assert!(schema.get("pattern").is_some());
        taken
    }

    #[test]
    fn an_identity_is_taken_only_in_its_form() {
        assert_eq!(
            taken::<SchoolId>(&["ST-JS2016-17", "1", "", "-1", "1-", "a b", "a/b", "ä", &"x".repeat(41)]),
            [true, true, false, false, false, false, false, false, false],
        );
        assert_eq!(
            taken::<Ags>(&["15", "15083", "1508", "14083", "15A83", "150830", "16"]),
            [true, true, false, false, false, false, false],
        );
        assert_eq!(
            taken::<Cci>(&[
                "2021DE05SFPR013",
                "2021de05SFPR013",
                "2021DE05SFPR01",
                "X021DE05SFPR013",
                "202éDE05SFPR01"
            ]),
            [true, false, false, false, false],
        );
        let key = format!("A{}", "f".repeat(43));
        assert_eq!(
            taken::<VerifierKey>(&[
                &format!("log.example/st+0123abcd+{key}"),
                &format!("log+0123ABCD+{key}"),
                &format!("+0123abcd+{key}"),
                &format!("log+0123abcd+{}", "f".repeat(44)),
                &format!("log+0123abcd+{key}A"),
                &format!("my log+0123abcd+{key}"),
                "log",
            ]),
            [true, false, false, false, false, false, false],
        );
        assert_eq!(taken::<Postcode>(&["39340", "3934", "393400", "3934A"]), [true, false, false, false]);
        assert_eq!(
            taken::<Label>(&["2008–2015", "1b", "a.b/c-d e", "–", "", " a", "a ", "a;b", "ä", ".a", "a-"]),
            [true, true, true, true, false, false, false, false, false, false, false],
        );
    }

    #[test]
    fn a_name_is_one_line_without_blanks_at_its_ends() {
        assert_eq!(
            taken::<Name>(&["Grundschule „Am Park“ Rösa", "", " a", "a ", "a\nb", "a\u{7}b", &"x".repeat(201)]),
            [true, false, false, false, false, false, false],
        );
    }

    #[test]
    fn a_digest_is_exactly_256_bits() {
        let forty_two = "A".repeat(42);
        assert_eq!(
            taken::<Digest>(&[
                &format!("{forty_two}A"),
                &format!("{forty_two}8"),
                &format!("{forty_two}B"),
                &forty_two,
                &format!("{forty_two}AA"),
                &format!("+{}", "A".repeat(42)),
            ]),
            [true, true, false, false, false, false],
        );
    }

    #[test]
    fn a_stream_is_named_by_category_and_key() {
        let stream = StreamId::new("office", "15083");
        assert_eq!((stream.as_str(), stream.category()), ("office/15083", "office"));
        assert!(Ags::state().is_state());
    }
}
