//! Business time: days in Sachsen-Anhalt, half-open periods, school years. No clock is read here.

use std::fmt;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a text or a pair of dates is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct InvalidTime {
    expected: &'static str,
}

/// A day of business (Europe/Berlin), part of the fact. Shown as `2026-11-24`, years 1900 to 2199.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct BusinessDate(Date);

impl BusinessDate {
    /// The day of that calendar date.
    pub const fn from_civil(date: Date) -> Self {
        Self(date)
    }

    /// Parses `2026-11-24`.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        let expected = "a date is written 2026-11-24 and lies between 1900 and 2199";
        // The calendar's own parser takes other forms too.
        let in_form =
            |(place, byte): (usize, u8)| if place == 4 || place == 7 { byte == b'-' } else { byte.is_ascii_digit() };
        if text.len() != 10 || !text.bytes().enumerate().all(in_form) {
            return Err(InvalidTime { expected });
        }
        let date: Date = text.parse().map_err(|_| InvalidTime { expected })?;
        if (1900..=2199).contains(&date.year()) { Ok(Self(date)) } else { Err(InvalidTime { expected }) }
    }

    /// The calendar date.
    pub const fn civil(self) -> Date {
        self.0
    }

    /// Days since 1970-01-01: how read models and the SQL seam keep a day.
    pub fn days(self) -> i64 {
        let (mut year, month) = (i64::from(self.0.year()), i64::from(self.0.month()));
        // Days from the civil calendar, with the year beginning in March (H. Hinnant, "chrono-Compatible
        // Low-Level Date Algorithms"): a few integer operations, since every event passes here.
        if month <= 2 {
            year -= 1;
        }
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted = (month + 9) % 12;
        let day_of_year = (153 * shifted + 2) / 5 + i64::from(self.0.day()) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// The day that many days after 1970-01-01; `None` outside of 1900 to 2199.
    pub fn from_days(days: i64) -> Option<Self> {
        let date = jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(days).ok()?).ok()?;
        (1900..=2199).contains(&date.year()).then_some(Self(date))
    }

    /// The day after that many days (negative: before), kept inside the calendar.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(jiff::Span::new().days(days)))
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<BusinessDate> for String {
    fn from(date: BusinessDate) -> Self {
        date.to_string()
    }
}

impl TryFrom<std::borrow::Cow<'_, str>> for BusinessDate {
    type Error = InvalidTime;

    fn try_from(text: std::borrow::Cow<'_, str>) -> Result<Self, InvalidTime> {
        Self::parse(&text)
    }
}

impl JsonSchema for BusinessDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BusinessDate".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "format": "date",
            "pattern": "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}$",
            "description": "A day of business (Europe/Berlin)."
        })
    }
}

/// Days from `from` (included) to `to` (excluded). Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "RawPeriod")]
#[schemars(!try_from, deny_unknown_fields)]
pub struct Period {
    /// First day, included.
    pub from: BusinessDate,
    /// First day after the end: excluded.
    pub to: BusinessDate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPeriod {
    from: BusinessDate,
    to: BusinessDate,
}

impl TryFrom<RawPeriod> for Period {
    type Error = InvalidTime;

    fn try_from(raw: RawPeriod) -> Result<Self, InvalidTime> {
        Self::new(raw.from, raw.to)
    }
}

impl Period {
    /// The days from `from` (included) to `to` (excluded); an error if there are none.
    pub fn new(from: BusinessDate, to: BusinessDate) -> Result<Self, InvalidTime> {
        if from < to {
            Ok(Self { from, to })
        } else {
            Err(InvalidTime {
                expected: "a period ends after it begins: `to` is the first day that no longer belongs to it",
            })
        }
    }

    /// Whether the day lies in the period.
    pub fn contains(&self, day: BusinessDate) -> bool {
        self.from <= day && day < self.to
    }

    /// Whether every day of `other` lies in this period.
    pub fn covers(&self, other: &Self) -> bool {
        self.from <= other.from && other.to <= self.to
    }

    /// Whether the two periods share a day.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

/// A school year by the year it begins in: 1 August to 31 July. Written `2026/27`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SchoolYear(i16);

impl SchoolYear {
    /// The school year in which a day lies.
    pub fn of(day: BusinessDate) -> Self {
        let date = day.civil();
        Self(if date.month() >= 8 { date.year() } else { date.year() - 1 })
    }

    /// The calendar year in which it begins.
    pub const fn first_year(self) -> i16 {
        self.0
    }

    /// 1 August to 1 August.
    pub fn period(self) -> Period {
        let day = |year| BusinessDate(jiff::civil::date(year, 8, 1));
        Period { from: day(self.0), to: day(self.0 + 1) }
    }

    /// Written with a hyphen, for stream names: `2026-27`.
    pub fn slug(self) -> String {
        format!("{}-{:02}", self.0, (self.0 + 1) % 100)
    }
}

impl fmt::Display for SchoolYear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:02}", self.0, (self.0 + 1) % 100)
    }
}

impl From<SchoolYear> for String {
    fn from(year: SchoolYear) -> Self {
        year.to_string()
    }
}

impl TryFrom<String> for SchoolYear {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        let expected = "a school year is written 2026/27";
        let year: i16 = text
            .get(..4)
            .filter(|_| text.len() == 7)
            .and_then(|year| year.parse().ok())
            .ok_or(InvalidTime { expected })?;
        let parsed = Self(year);
        if (1990..=2198).contains(&year) && parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(InvalidTime { expected })
        }
    }
}

impl JsonSchema for SchoolYear {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SchoolYear".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "pattern": "^(19|20|21)[0-9]{2}/[0-9]{2}$",
            "description": "A school year, 1 August to 31 July."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    #[test]
    fn a_day_counts_from_1970_and_back() {
        for (text, days) in [("1970-01-01", 0), ("1969-12-31", -1), ("2000-03-01", 11_017), ("2026-11-24", 20_781)] {
            assert_eq!(day(text).days(), days, "{text}");
            assert_eq!(BusinessDate::from_days(days), Some(day(text)));
        }
    }

    #[test]
    fn a_day_is_written_in_one_form_only() {
        for text in ["2026-11-24", "1900-01-01", "2199-12-31", "2024-02-29"] {
            assert_eq!(day(text).to_string(), text);
        }
        let others = [
            "2026-02-29",
            "1899-12-31",
            "2200-01-01",
            "20261124",
            "2026-W48-2",
            "2026-1-024",
            "2026/11/24",
            "2026-11-2é",
            "",
        ];
        for text in others {
            assert!(BusinessDate::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_period_covers_and_overlaps_by_days() {
        let period = |from, to| Period::new(day(from), day(to)).unwrap();
        let year = period("2025-08-01", "2026-08-01");
        assert!(year.covers(&year) && year.overlaps(&year));
        assert!(!year.covers(&period("2025-08-01", "2026-08-02")));
        assert!(year.overlaps(&period("2026-07-31", "2027-08-01")));
        assert!(!year.overlaps(&period("2026-08-01", "2027-08-01")));
        assert!(serde_json::from_str::<Period>(r#"{"from":"2026-08-01","to":"2026-08-01"}"#).is_err());
        assert!(serde_json::from_str::<Period>(r#"{"from":"2026-08-01","to":"2026-08-02","x":1}"#).is_err());
    }

    #[test]
    fn a_school_year_begins_in_august() {
        assert_eq!(SchoolYear::of(day("2026-07-31")).to_string(), "2025/26");
        assert_eq!(SchoolYear::of(day("2026-08-01")).to_string(), "2026/27");
        assert_eq!(SchoolYear::try_from("1999/00".to_owned()).unwrap().slug(), "1999-00");
        assert!(SchoolYear::try_from("2026/28".to_owned()).is_err());
    }

    #[test]
    fn a_period_is_half_open_and_never_empty() {
        let period = Period::new(day("2026-08-01"), day("2026-08-02")).unwrap();
        assert!(period.contains(day("2026-08-01")));
        assert!(!period.contains(day("2026-08-02")));
        assert!(Period::new(day("2026-08-01"), day("2026-08-01")).is_err());
    }
}
