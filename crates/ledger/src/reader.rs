//! Reading JSON that must be spelled exactly as `writer` spells it. The caller names what comes
//! next; anything else is malformed. So one value has one text, and no reader after us can see
//! another one.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::writer::{MAX_INTEGER, must_escape};
use crate::{Hash, timestamp};

/// The bytes are not what the format demands at this place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: expected {expected}")]
pub struct Malformed {
    /// Offset in bytes of the first thing that is wrong.
    pub at: usize,
    /// What the format demands there: a literal piece of JSON, or words.
    pub expected: &'static str,
}

/// Reads exactly `N` bytes of base64url: no padding, no loose trailing bits.
pub(crate) fn base64<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
        Ok(length) if length == N => Some(bytes),
        _ => None,
    }
}

/// A place in a text that is read once from left to right.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, Malformed> {
        match str::from_utf8(bytes) {
            Ok(text) => Ok(Self { text, at: 0 }),
            Err(why) => Err(Malformed { at: why.valid_up_to(), expected: "UTF-8" }),
        }
    }

    fn malformed<T>(&self, expected: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, expected })
    }

    /// What is not read yet. `at` only ever stops behind an ASCII character or at a whole run of
    /// text.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Steps over `length` bytes of [`Reader::rest`], which end where a character ends.
    pub(crate) fn skip(&mut self, length: usize) {
        self.at += length;
    }

    /// Reads the literal if it is there.
    pub(crate) fn took(&mut self, literal: &str) -> bool {
        let there = self.rest().as_bytes().starts_with(literal.as_bytes());
        if there {
            self.at += literal.len();
        }
        there
    }

    /// Reads the literal, which must be there.
    pub(crate) fn expect(&mut self, literal: &'static str) -> Result<(), Malformed> {
        if self.took(literal) { Ok(()) } else { self.malformed(literal) }
    }

    /// Reads a value if the literal before it is there.
    pub(crate) fn optional<T>(
        &mut self,
        literal: &str,
        value: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.took(literal) { value(self).map(Some) } else { Ok(None) }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Malformed> {
        if self.rest().is_empty() { Ok(()) } else { self.malformed("the end") }
    }

    /// A string of at least one character. Borrowed unless it holds an escape.
    pub(crate) fn string(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.expect("\"")?;
        let mut escaped = String::new();
        loop {
            let rest = self.rest();
            let Some(plain) = rest.bytes().position(must_escape) else {
                return self.malformed("the end of a string");
            };
            let run = &rest[..plain];
            self.at += plain;
            if self.took("\"") {
                return match (escaped.is_empty(), run.is_empty()) {
                    (true, true) => self.malformed("a string that is not empty"),
                    (true, false) => Ok(Cow::Borrowed(run)),
                    (false, _) => Ok(Cow::Owned(escaped + run)),
                };
            }
            escaped.push_str(run);
            escaped.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        const SHORT: [(&str, char); 7] = [
            ("\\\"", '"'),
            ("\\\\", '\\'),
            ("\\n", '\n'),
            ("\\r", '\r'),
            ("\\t", '\t'),
            ("\\b", '\u{8}'),
            ("\\f", '\u{c}'),
        ];
        if let Some((_, meant)) = SHORT.iter().find(|(spelled, _)| self.took(spelled)) {
            return Ok(*meant);
        }
        // Any other control character is spelled \u00xx in lower case, and nothing else is.
        let code = match self.rest().as_bytes() {
            [b'\\', b'u', b'0', b'0', high @ b'0'..=b'1', low @ (b'0'..=b'9' | b'a'..=b'f'), ..] => {
                let low = if low.is_ascii_digit() { low - b'0' } else { low - b'a' + 10 };
                char::from((high - b'0') * 16 + low)
            }
            _ => return self.malformed("the shortest escape of a character that needs one"),
        };
        if SHORT.iter().any(|(_, short)| *short == code) {
            return self.malformed("the short escape of a control character");
        }
        self.at += 6;
        Ok(code)
    }

    /// A string without escapes that `read` understands.
    fn parsed<T>(&mut self, expected: &'static str, read: impl Fn(&'a str) -> Option<T>) -> Result<T, Malformed> {
        let start = self.at;
        let read = match self.string() {
            Ok(Cow::Borrowed(text)) => read(text),
            _ => None,
        };
        read.ok_or(Malformed { at: start, expected })
    }

    /// The 43 characters of a hash, quoted.
    pub(crate) fn hash(&mut self) -> Result<Hash, Malformed> {
        self.parsed("32 bytes as base64url", |text| Hash::from_b64(text).ok())
    }

    /// 16 random bytes as base64url, quoted.
    pub(crate) fn salt(&mut self) -> Result<[u8; 16], Malformed> {
        self.parsed("16 bytes as base64url", base64)
    }

    /// A UUID in lower case with hyphens, quoted.
    pub(crate) fn uuid(&mut self) -> Result<Uuid, Malformed> {
        self.parsed("a UUID in lower case with hyphens", |text| {
            let id = Uuid::try_parse(text).ok()?;
            // The library takes other spellings as well.
            (text == id.as_hyphenated().encode_lower(&mut [0; 36])).then_some(id)
        })
    }

    /// Microseconds since 1970-01-01T00:00:00Z from a quoted point in time.
    pub(crate) fn timestamp(&mut self) -> Result<i64, Malformed> {
        self.parsed("a point in UTC with six decimals", timestamp::parse_timestamp)
    }

    /// A quoted day of the calendar.
    pub(crate) fn date(&mut self) -> Result<&'a str, Malformed> {
        self.parsed("a date", |text| timestamp::is_date(text).then_some(text))
    }

    /// An integer from 1 to [`MAX_INTEGER`]: every integer of our formats counts from one.
    pub(crate) fn integer(&mut self) -> Result<u64, Malformed> {
        const EXPECTED: &str = "an integer from 1 to 2^53 - 1";
        let rest = self.rest();
        let length = rest.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        match rest[..length].parse() {
            Ok(number @ 1..=MAX_INTEGER) if !rest.starts_with('0') => {
                self.at += length;
                Ok(number)
            }
            _ => self.malformed(EXPECTED),
        }
    }

    /// `[…]` with at least one item.
    pub(crate) fn list<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
        self.expect("[")?;
        let mut items = vec![item(self)?];
        while self.took(",") {
            items.push(item(self)?);
        }
        self.expect("]")?;
        Ok(items)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(json: &str) -> Result<String, Malformed> {
        let mut reader = Reader::new(json.as_bytes())?;
        let text = reader.string()?.into_owned();
        reader.end()?;
        Ok(text)
    }

    #[test]
    fn a_string_with_the_shortest_escapes_is_read() {
        let json = r#""a\"\\\n\r\t\b\f\u0000\u001f/ä😀""#;
        assert_eq!(string(json).unwrap(), "a\"\\\n\r\t\u{8}\u{c}\0\u{1f}/ä😀");
    }

    #[test]
    fn another_spelling_of_a_string_is_refused() {
        for wrong in [
            r#""""#,
            r#""open"#,
            r#""open\"#,
            r#""open\""#,
            r#""\/""#,
            r#""\u0041""#,
            r#""\u000a""#,
            r#""\u0008""#,
            r#""\u001F""#,
            r#""\u0020""#,
            r#""\u00""#,
            r#""\ud83d\ude00""#,
            r#""\ud800""#,
            r#""\u00ää""#,
            "\"\n\"",
            "\"\u{1}\"",
            "'a'",
            "null",
            "",
            "\"a\" ",
        ] {
            assert!(string(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn integers_count_from_one_and_stay_exact() {
        let integer = |json: &'static str| Reader::new(json.as_bytes()).unwrap().integer();
        assert_eq!(integer("1"), Ok(1));
        assert_eq!(integer("9007199254740991"), Ok(MAX_INTEGER));
        for wrong in ["", "0", "01", "-1", "+1", "9007199254740992", "99999999999999999999999", "x", "\"1\""] {
            assert!(integer(wrong).is_err(), "{wrong}");
        }
        // What follows the digits is the caller's to refuse.
        let mut reader = Reader::new(b"1.0").unwrap();
        assert_eq!(reader.integer(), Ok(1));
        assert_eq!(reader.end(), Err(Malformed { at: 1, expected: "the end" }));
    }

    #[test]
    fn a_uuid_has_one_spelling() {
        let uuid = |text: &str| Reader::new(format!("\"{text}\"").as_bytes()).unwrap().uuid();
        let right = "019ab2c3-0000-7000-8000-00000000000a";
        assert_eq!(uuid(right).unwrap().to_string(), right);
        for wrong in [
            right.to_uppercase(),
            right.replace('-', ""),
            format!("{{{right}}}"),
            format!("urn:uuid:{right}"),
            right[..35].to_owned(),
            String::new(),
        ] {
            assert!(uuid(&wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_names_the_byte_and_what_belongs_there() {
        let mut reader = Reader::new(b"{\"a\":x}").unwrap();
        reader.expect("{\"a\":").unwrap();
        assert_eq!(reader.expect("true"), Err(Malformed { at: 5, expected: "true" }));
        assert_eq!(Reader::new(b"ab\xff").err(), Some(Malformed { at: 2, expected: "UTF-8" }));
    }
}
