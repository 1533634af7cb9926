//! Points in time as a leaf spells them: `2026-11-23T17:00:00.000000Z`, always 27 characters,
//! always six decimals. Integer arithmetic on the proleptic Gregorian calendar, so that nothing is
//! rounded.

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The last microsecond since 1970-01-01T00:00:00Z that four digits of a year can spell.
pub const MAX_MICROS: i64 = 253_402_300_799_999_999;

/// Appends the 27 characters. `micros` must lie in `0..=MAX_MICROS`: the caller has checked it.
pub(crate) fn push_timestamp(out: &mut Vec<u8>, micros: i64) {
    let (days, rest) = (micros / MICROS_PER_DAY, micros % MICROS_PER_DAY);
    let (year, month, day) = civil(days);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let mut text = *b"0000-00-00T00:00:00.000000Z";
    put(&mut text[0..4], year);
    put(&mut text[5..7], month);
    put(&mut text[8..10], day);
    put(&mut text[11..13], seconds / 3_600);
    put(&mut text[14..16], seconds / 60 % 60);
    put(&mut text[17..19], seconds % 60);
    put(&mut text[20..26], fraction);
    out.extend_from_slice(&text);
}

/// Reads what [`push_timestamp`] writes and nothing else.
pub(crate) fn parse_timestamp(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 27 || bytes[10] != b'T' || bytes[26] != b'Z' {
        return None;
    }
    if bytes[13] != b':' || bytes[16] != b':' || bytes[19] != b'.' {
        return None;
    }
    let (year, month, day) = parse_date(&bytes[..10])?;
    let hour = number(&bytes[11..13]).filter(|hour| *hour < 24)?;
    let minute = number(&bytes[14..16]).filter(|minute| *minute < 60)?;
    let second = number(&bytes[17..19]).filter(|second| *second < 60)?;
    let fraction = number(&bytes[20..26])?;
    let seconds = (hour * 60 + minute) * 60 + second;
    let micros = days(year, month, day) * MICROS_PER_DAY + seconds * 1_000_000 + fraction;
    (micros >= 0).then_some(micros)
}

/// Whether the text is a day of the calendar, spelled `YYYY-MM-DD`.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10 && parse_date(text.as_bytes()).is_some()
}

fn parse_date(bytes: &[u8]) -> Option<(i64, i64, i64)> {
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let (year, month, day) = (number(&bytes[0..4])?, number(&bytes[5..7])?, number(&bytes[8..10])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    (1..=last).contains(&day).then_some((year, month, day))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn put(field: &mut [u8], mut number: i64) {
    for place in field.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day number since 1970-01-01, for days that are not negative. Years are
/// counted from March, so that the leap day is the last of its year and months follow a linear
/// rule.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`] for years from 0000.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year + 400 - i64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era - 1) * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spelled(micros: i64) -> String {
        let mut text = Vec::new();
        push_timestamp(&mut text, micros);
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn the_ends_of_the_range_and_the_leap_days_are_spelled_right() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1, "1970-01-01T00:00:00.000001Z"),
            (951_782_399_999_999, "2000-02-28T23:59:59.999999Z"),
            (951_782_400_000_000, "2000-02-29T00:00:00.000000Z"),
            (1_795_453_200_000_000, "2026-11-23T17:00:00.000000Z"),
            (4_107_542_400_000_000, "2100-03-01T00:00:00.000000Z"),
            (MAX_MICROS, "9999-12-31T23:59:59.999999Z"),
        ] {
            assert_eq!(spelled(micros), text);
            assert_eq!(parse_timestamp(text), Some(micros));
        }
    }

    #[test]
    fn another_spelling_of_a_point_in_time_is_refused() {
        for wrong in [
            "",
            "2026-11-23T17:00:00Z",
            "2026-11-23T17:00:00.000Z",
            "2026-11-23T17:00:00.0000000Z",
            "2026-11-23T17:00:00.000000z",
            "2026-11-23t17:00:00.000000Z",
            "2026-11-23 17:00:00.000000Z",
            "2026-11-23T17:00:00,000000Z",
            "2026-11-23T17:00:00.000000+",
            "2026-11-23T24:00:00.000000Z",
            "2026-11-23T17:60:00.000000Z",
            "2026-11-23T17:00:60.000000Z",
            "2026-11-31T17:00:00.000000Z",
            "2026-02-29T17:00:00.000000Z",
            "2100-02-29T17:00:00.000000Z",
            "2026-13-01T17:00:00.000000Z",
            "2026-00-01T17:00:00.000000Z",
            "2026-01-00T17:00:00.000000Z",
            "1969-12-31T23:59:59.999999Z",
            "0000-01-01T00:00:00.000000Z",
            "+026-11-23T17:00:00.000000Z",
            "2026-11-23T17:00:00.00000٠",
        ] {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_days_of_the_calendar_are_dates() {
        for right in ["2024-02-29", "1949-05-23", "2026-12-31", "0001-01-01"] {
            assert!(is_date(right), "{right}");
        }
        for wrong in ["", "2023-02-29", "2026-04-31", "2026-1-01", "2026/01/01", "2026-01-01 ", "20260101"] {
            assert!(!is_date(wrong), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn every_point_in_time_is_spelled_as_jiff_spells_it(micros in 0..=MAX_MICROS) {
            // jiff's own range ends a day earlier than ours.
            let micros = micros.min(jiff::Timestamp::MAX.as_microsecond());
            let oracle = jiff::Timestamp::from_microsecond(micros).unwrap();
            prop_assert_eq!(spelled(micros), format!("{oracle:.6}"));
            prop_assert_eq!(parse_timestamp(&spelled(micros)), Some(micros));
        }
    }
}
