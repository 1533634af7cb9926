//! German or English: what a client gets to read.

use std::borrow::Cow;

use axum::http::{HeaderMap, header};

/// A language that answers exist in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// German, unless asked otherwise.
    #[default]
    German,
    /// English.
    English,
}

impl Language {
    /// What `Accept-Language` asks for (RFC 9110 section 12.5.4), of the two that there are.
    pub fn of(headers: &HeaderMap) -> Self {
        let Some(asked) = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
            return Self::default();
        };
        let mut best = (0, Self::default());
        for part in asked.split(',') {
            let mut pieces = part.split(';').map(str::trim);
            let tag = pieces.next().unwrap_or_default().split('-').next().unwrap_or_default();
            let weight = pieces.find_map(|piece| piece.strip_prefix("q=")).map_or(1_000, thousandths);
            let language = match tag {
                tag if tag.eq_ignore_ascii_case("de") || tag == "*" => Self::German,
                tag if tag.eq_ignore_ascii_case("en") => Self::English,
                _ => continue,
            };
            if weight > best.0 {
                best = (weight, language);
            }
        }
        best.1
    }

    /// The language's tag.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }
}

/// A quality value `0.8` in thousandths; nothing if it is none.
fn thousandths(text: &str) -> u32 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = fraction.bytes().chain(*b"000").take(3);
    let fraction = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit.wrapping_sub(b'0') % 10));
    if whole == "1" { 1_000 } else { fraction }
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// German.
    pub de: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Text {
    /// The two sentences.
    pub fn new(de: impl Into<Cow<'static, str>>, en: impl Into<Cow<'static, str>>) -> Self {
        Self { de: de.into(), en: en.into() }
    }

    /// The one in that language.
    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::German => &self.de,
            Language::English => &self.en,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
        Language::of(&headers)
    }

    #[test]
    fn german_is_what_is_not_asked_away() {
        assert_eq!(Language::of(&HeaderMap::new()), Language::German);
        for german in ["de", "fr", "*", "de-DE, en;q=0.9", "en;q=0.5, de;q=0.8", "", ";;;,", "en;q=0"] {
            assert_eq!(asked(german), Language::German, "{german}");
        }
        for english in ["en", "EN-gb", "en, de;q=0.9", "fr, en;q=0.2", "de;q=0.1,en;q=0.15"] {
            assert_eq!(asked(english), Language::English, "{english}");
        }
    }
}
