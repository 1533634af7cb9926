//! What is wrong with a value, in two languages: made from what the parsers say, without repeating
//! what the client sent.

use std::borrow::Cow;

use crate::language::Text;

/// German for what the domain's value types expect. What is not listed is told in general words.
const EXPECTED: &[(&str, &str)] = &[
    (
        "a date is written 2026-11-24 and lies between 1900 and 2199",
        "Ein Datum wird 2026-11-24 geschrieben und liegt zwischen 1900 und 2199.",
    ),
    (
        "a period ends after it begins: `to` is the first day that no longer belongs to it",
        "Ein Zeitraum endet nach seinem Beginn: `to` ist der erste Tag, der nicht mehr dazugehört.",
    ),
    ("a school year is written 2026/27", "Ein Schuljahr wird 2026/27 geschrieben."),
    (
        "a school identifier has 1 to 40 letters, digits or hyphens",
        "Eine Schulkennung hat 1 bis 40 Buchstaben, Ziffern oder Bindestriche.",
    ),
    (
        "an organisation identifier has 1 to 80 letters, digits or hyphens",
        "Eine Organisationskennung hat 1 bis 80 Buchstaben, Ziffern oder Bindestriche.",
    ),
    (
        "a CCI has four digits, two letters and nine letters or digits",
        "Eine CCI hat vier Ziffern, zwei Buchstaben und neun Buchstaben oder Ziffern.",
    ),
    ("an AGS is 15 or has five digits and begins with 15", "Ein AGS ist 15 oder hat fünf Ziffern und beginnt mit 15."),
    (
        "a digest is 32 bytes in base64url without padding (43 characters)",
        "Ein Prüfwert hat 32 Byte als base64url ohne Füllzeichen (43 Zeichen).",
    ),
    (
        "a label has 1 to 40 letters, digits, blanks, dots, slashes or hyphens",
        "Eine Bezeichnung hat 1 bis 40 Buchstaben, Ziffern, Leerzeichen, Punkte, Schräg- oder Bindestriche.",
    ),
    ("a postcode has five digits", "Eine Postleitzahl hat fünf Ziffern."),
    (
        "a name has 1 to 200 characters, no line breaks and no blanks at its ends",
        "Ein Name hat 1 bis 200 Zeichen, keine Zeilenumbrüche und keine Leerzeichen an den Enden.",
    ),
    (
        "an amount is a whole number of cents from 0 to 1,000,000,000,000",
        "Ein Betrag ist eine ganze Zahl von Cent von 0 bis 1.000.000.000.000.",
    ),
    (
        "a share is a whole number of basis points from 0 to 10,000",
        "Ein Anteil ist eine ganze Zahl von Basispunkten von 0 bis 10.000.",
    ),
    ("minutes are a whole number from 1 to 1,440", "Minuten sind eine ganze Zahl von 1 bis 1.440."),
    (
        "the minutes of a training are a whole number from 1 to 14,400",
        "Die Minuten einer Fortbildung sind eine ganze Zahl von 1 bis 14.400.",
    ),
    (
        "a score is a whole number of hundredths from 100 to 500",
        "Eine Bewertung ist eine ganze Zahl von Hundertsteln von 100 bis 500.",
    ),
    ("sessions are a whole number from 1 to 20", "Termine sind eine ganze Zahl von 1 bis 20."),
    (
        "the parties of a mediation are a whole number from 2 to 99",
        "Die Parteien einer Mediation sind eine ganze Zahl von 2 bis 99.",
    ),
    (
        "an FTE is a whole number of thousandths from 1 to 1,000",
        "Ein Stellenanteil ist eine ganze Zahl von Tausendsteln von 1 bis 1.000.",
    ),
    ("a code stands in the list more than once", "Ein Code steht mehr als einmal in der Liste."),
    (
        "a period is written 2025/26 (school year), 2025/26-H1 (its half), 2025, 2025-H1, 2025-Q3, 2025-11, 2025-01-01..2025-07-01 (the last day excluded), esf:2025-06-30 or accounting:2025/26",
        "Ein Zeitraum wird 2025/26 (Schuljahr), 2025/26-H1 (sein Halbjahr), 2025, 2025-H1, 2025-Q3, 2025-11, 2025-01-01..2025-07-01 (letzter Tag ausgeschlossen), esf:2025-06-30 oder accounting:2025/26 geschrieben.",
    ),
    (
        "expected is a position, a date like 2026-06-30 or an instant like 2026-06-30T12:00:00Z",
        "Erwartet wird eine Position, ein Datum wie 2026-06-30 oder ein Zeitpunkt wie 2026-06-30T12:00:00Z.",
    ),
    ("expected is true or false", "Erwartet wird true oder false."),
];

/// What a value type expected.
pub fn of_expectation(expected: &str) -> Text {
    if let Some((en, de)) = EXPECTED.iter().find(|(en, _)| *en == expected) {
        return Text::new(*de, sentence(en));
    }
    if let Some(range) = expected.strip_prefix("expected is a whole number from ") {
        let de = format!("Erwartet wird eine ganze Zahl von {}.", range.replace(" to ", " bis "));
        return Text::new(de, sentence(expected));
    }
    if let Some(codes) = expected.strip_prefix("expected is one of ") {
        return Text::new(format!("Erwartet wird einer der Werte {codes}."), sentence(expected));
    }
    Text::new("Der Wert ist hier nicht zulässig.", sentence(expected))
}

/// What serde says of a value, without the place and without the value.
pub fn of_serde(message: &str) -> Text {
    let message = without_place(message);
    if let Some((got, expected)) = message.split_once(", expected ") {
        if got.starts_with("unknown variant") {
            return Text::new(
                format!("Diesen Code gibt es nicht; möglich sind: {}.", expected.trim_start_matches("one of ")),
                format!("There is no such code; possible are: {}.", expected.trim_start_matches("one of ")),
            );
        }
        return Text::new(
            format!("Erwartet wird {}.", german(expected)),
            format!("Expected is {}.", english(expected)),
        );
    }
    of_expectation(message)
}

/// `… at line 1 column 5` is told apart.
fn without_place(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |at| &message[..at])
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    let rest: String = letters.collect();
    let end = if rest.ends_with('.') { "" } else { "." };
    first.chain(rest.chars()).collect::<String>() + end
}

fn english(expected: &str) -> Cow<'_, str> {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number from 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "a map" => "an object".into(),
        "a sequence" => "a list".into(),
        text if text.starts_with("struct ") || text.starts_with("enum ") || text.starts_with("internally ") => {
            "an object".into()
        }
        text => text.into(),
    }
}

fn german(expected: &str) -> Cow<'_, str> {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "eine ganze Zahl ab 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "eine ganze Zahl".into(),
        "a string" | "str" | "string" => "eine Zeichenkette".into(),
        "a boolean" => "true oder false".into(),
        "a map" | "map" => "ein Objekt".into(),
        "a sequence" | "seq" => "eine Liste".into(),
        "a list of different codes" => "eine Liste verschiedener Codes".into(),
        "a UUID string" | "a formatted UUID string" => "eine UUID".into(),
        text if text.starts_with("struct ") || text.starts_with("enum ") || text.starts_with("internally ") => {
            "ein Objekt".into()
        }
        "a code" | "variant identifier" | "string or map" => "ein Code".into(),
        text => format!("etwas anderes ({text})").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_says_is_told_in_both_languages_without_the_value() {
        for (said, de, en) in [
            (
                "invalid type: string \"Mia\", expected u32 at line 1 column 5",
                "Erwartet wird eine ganze Zahl ab 0.",
                "Expected is a whole number from 0.",
            ),
            (
                "unknown variant `Mia`, expected one of `a`, `b` at line 2 column 1",
                "Diesen Code gibt es nicht; möglich sind: `a`, `b`.",
                "There is no such code; possible are: `a`, `b`.",
            ),
            (
                "unknown variant `Mia`, expected `a`",
                "Diesen Code gibt es nicht; möglich sind: `a`.",
                "There is no such code; possible are: `a`.",
            ),
            (
                "invalid type: null, expected struct Headcount at line 1 column 1",
                "Erwartet wird ein Objekt.",
                "Expected is an object.",
            ),
            (
                "a postcode has five digits at line 1 column 9",
                "Eine Postleitzahl hat fünf Ziffern.",
                "A postcode has five digits.",
            ),
            ("something new", "Der Wert ist hier nicht zulässig.", "Something new."),
        ] {
            assert_eq!(of_serde(said), Text::new(de, en), "{said}");
        }
    }

    #[test]
    fn every_expectation_of_the_domain_has_a_german_sentence() {
        use sfs_domain::identity::{Cci, Label, Name, Postcode};
        use sfs_domain::measure::{Parties, Score, Sessions, TrainingMinutes};
        use sfs_domain::*;
        let said = [
            Ags::parse("").unwrap_err().to_string(),
            SchoolId::parse("").unwrap_err().to_string(),
            OrganisationId::parse("").unwrap_err().to_string(),
            Digest::parse("").unwrap_err().to_string(),
            Cci::parse("").unwrap_err().to_string(),
            Label::parse("").unwrap_err().to_string(),
            Postcode::parse("").unwrap_err().to_string(),
            Name::parse("").unwrap_err().to_string(),
            BusinessDate::parse("").unwrap_err().to_string(),
            SchoolYear::try_from(String::new()).unwrap_err().to_string(),
            serde_json::from_str::<Period>(r#"{"from":"2026-01-02","to":"2026-01-01"}"#).unwrap_err().to_string(),
            Cents::try_from(-1).unwrap_err().to_string(),
            BasisPoints::try_from(-1).unwrap_err().to_string(),
            Minutes::try_from(-1).unwrap_err().to_string(),
            TrainingMinutes::try_from(-1).unwrap_err().to_string(),
            Score::try_from(-1).unwrap_err().to_string(),
            Sessions::try_from(-1).unwrap_err().to_string(),
            Parties::try_from(-1).unwrap_err().to_string(),
            Fte::try_from(-1).unwrap_err().to_string(),
        ];
        for said in said {
            assert_ne!(of_serde(&said).de, "Der Wert ist hier nicht zulässig.", "{said}");
        }
    }
}
