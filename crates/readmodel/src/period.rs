//! Business time as people name it: school years and their halves, calendar years, quarters, months,
//! any days, ESF cut-offs, accounting years. Each becomes a half-open period of days.

use std::fmt;

use jiff::civil::date;
use sfs_domain::{BusinessDate, Period, SchoolYear};

/// First day on which expenditure of the programmes 2021–2027 may be eligible (CPR Art. 63(2)): where
/// cumulative ESF+ figures begin.
const ELIGIBLE_FROM: (i16, i8, i8) = (2021, 1, 1);

/// A named stretch of business time. Written as in the list of [`BusinessPeriod::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BusinessPeriod {
    /// A school year, `2025/26`: 1 August to 31 July.
    SchoolYear(SchoolYear),
    /// First or second half of a school year, `2025/26-H1`: it changes on 1 February.
    SchoolHalf(SchoolYear, Half),
    /// A calendar year, `2025`.
    Year(i16),
    /// First or second half of a calendar year, `2025-H1`.
    HalfYear(i16, Half),
    /// A quarter (1 to 4) of a calendar year, `2025-Q3`.
    Quarter(i16, i8),
    /// A month (1 to 12), `2025-11`.
    Month(i16, i8),
    /// Any days, `2025-01-01..2025-07-01`: the second is the first that no longer belongs to it.
    Days(Period),
    /// All of the ESF+ programme up to a cut-off, which belongs to it: `esf:2025-06-30`.
    Esf(BusinessDate),
    /// An accounting year (CPR Art. 2(29)), `accounting:2025/26`: 1 July to 30 June.
    Accounting(SchoolYear),
}

/// One of two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Half {
    /// The first.
    First,
    /// The second.
    Second,
}

/// Why a text is no business period. The sentence says what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPeriod {
    /// No way of writing a period looks like this.
    #[error(
        "a period is written 2025/26 (school year), 2025/26-H1 (its half), 2025, 2025-H1, 2025-Q3, 2025-11, \
         2025-01-01..2025-07-01 (the last day excluded), esf:2025-06-30 or accounting:2025/26"
    )]
    Unknown,
    /// The year lies outside of the calendar.
    #[error("a year lies between 1990 and 2198")]
    Year,
    /// The second year does not follow the first.
    #[error("the second year of {0} follows the first, as in 2025/26")]
    YearsDoNotFollow(&'static str),
    /// There is no such quarter.
    #[error("a quarter is Q1, Q2, Q3 or Q4")]
    Quarter,
    /// There is no such half.
    #[error("a half is H1 or H2")]
    Half,
    /// There is no such month.
    #[error("a month is 01 to 12")]
    Month,
    /// One end is no day.
    #[error("{0} is no date such as 2025-06-30")]
    Date(&'static str),
    /// There is no day in it.
    #[error("a period ends after it begins: the second date is the first day that no longer belongs to it")]
    Empty,
    /// The cut-off lies before the programme.
    #[error("an ESF cut-off does not lie before 2021-01-01, when the programmes 2021–2027 begin")]
    BeforeProgramme,
}

impl BusinessPeriod {
    /// Reads `2025/26`, `2025/26-H1`, `2025`, `2025-H1`, `2025-Q3`, `2025-11`,
    /// `2025-01-01..2025-07-01`, `esf:2025-06-30` and `accounting:2025/26`.
    pub fn parse(text: &str) -> Result<Self, InvalidPeriod> {
        if let Some(cut_off) = text.strip_prefix("esf:") {
            let day = BusinessDate::parse(cut_off).map_err(|_| InvalidPeriod::Date("the cut-off"))?;
            return if day < day_of(ELIGIBLE_FROM) { Err(InvalidPeriod::BeforeProgramme) } else { Ok(Self::Esf(day)) };
        }
        if let Some(years) = text.strip_prefix("accounting:") {
            return double_year(years, "an accounting year").map(Self::Accounting);
        }
        if let Some((from, to)) = text.split_once("..") {
            let from = BusinessDate::parse(from).map_err(|_| InvalidPeriod::Date("the first day"))?;
            let to = BusinessDate::parse(to).map_err(|_| InvalidPeriod::Date("the day after the last"))?;
            return Period::new(from, to).map(Self::Days).map_err(|_| InvalidPeriod::Empty);
        }
        match text.split_once('-') {
            None if text.contains('/') => double_year(text, "a school year").map(Self::SchoolYear),
            None => year(text).map(Self::Year),
            Some((years, half)) if years.contains('/') => {
                Ok(Self::SchoolHalf(double_year(years, "a school year")?, half_of(half)?))
            }
            Some((text, part)) => part_of(year(text)?, part),
        }
    }

    /// Its days.
    pub fn period(&self) -> Period {
        match *self {
            Self::SchoolYear(years) => years.period(),
            Self::SchoolHalf(years, Half::First) => months(years.first_year(), 8, 6),
            Self::SchoolHalf(years, Half::Second) => months(years.first_year() + 1, 2, 6),
            Self::Year(year) => months(year, 1, 12),
            Self::HalfYear(year, Half::First) => months(year, 1, 6),
            Self::HalfYear(year, Half::Second) => months(year, 7, 6),
            Self::Quarter(year, quarter) => months(year, quarter * 3 - 2, 3),
            Self::Month(year, month) => months(year, month, 1),
            Self::Days(period) => period,
            // A cut-off never lies before the programme, so this period has a day.
            Self::Esf(cut_off) => Period { from: day_of(ELIGIBLE_FROM), to: cut_off.plus_days(1) },
            Self::Accounting(years) => months(years.first_year(), 7, 12),
        }
    }
}

impl fmt::Display for BusinessPeriod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SchoolYear(years) => years.fmt(f),
            Self::SchoolHalf(years, half) => write!(f, "{years}-{half}"),
            Self::Year(year) => year.fmt(f),
            Self::HalfYear(year, half) => write!(f, "{year}-{half}"),
            Self::Quarter(year, quarter) => write!(f, "{year}-Q{quarter}"),
            Self::Month(year, month) => write!(f, "{year}-{month:02}"),
            Self::Days(period) => write!(f, "{}..{}", period.from, period.to),
            Self::Esf(cut_off) => write!(f, "esf:{cut_off}"),
            Self::Accounting(years) => write!(f, "accounting:{years}"),
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::First => "H1",
            Self::Second => "H2",
        })
    }
}

fn day_of((year, month, day): (i16, i8, i8)) -> BusinessDate {
    BusinessDate::from_civil(date(year, month, day))
}

/// `count` months (at most 12) from the first of a month on.
fn months(year: i16, month: i8, count: i8) -> Period {
    let after = month + count;
    let to = if after > 12 { (year + 1, after - 12, 1) } else { (year, after, 1) };
    Period { from: day_of((year, month, 1)), to: day_of(to) }
}

fn year(text: &str) -> Result<i16, InvalidPeriod> {
    if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPeriod::Unknown);
    }
    let year: i16 = text.parse().map_err(|_| InvalidPeriod::Unknown)?;
    if (1990..=2198).contains(&year) { Ok(year) } else { Err(InvalidPeriod::Year) }
}

fn double_year(text: &str, what: &'static str) -> Result<SchoolYear, InvalidPeriod> {
    let (first, second) = text.split_once('/').ok_or(InvalidPeriod::Unknown)?;
    year(first)?;
    if second.len() != 2 || !second.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(InvalidPeriod::Unknown);
    }
    SchoolYear::try_from(text.to_owned()).map_err(|_| InvalidPeriod::YearsDoNotFollow(what))
}

fn half_of(text: &str) -> Result<Half, InvalidPeriod> {
    match text {
        "H1" => Ok(Half::First),
        "H2" => Ok(Half::Second),
        _ => Err(InvalidPeriod::Half),
    }
}

fn part_of(year: i16, part: &str) -> Result<BusinessPeriod, InvalidPeriod> {
    match (part.as_bytes(), part.parse::<i8>()) {
        ([b'Q', ..], _) => match part {
            "Q1" => Ok(BusinessPeriod::Quarter(year, 1)),
            "Q2" => Ok(BusinessPeriod::Quarter(year, 2)),
            "Q3" => Ok(BusinessPeriod::Quarter(year, 3)),
            "Q4" => Ok(BusinessPeriod::Quarter(year, 4)),
            _ => Err(InvalidPeriod::Quarter),
        },
        ([b'H', ..], _) => Ok(BusinessPeriod::HalfYear(year, half_of(part)?)),
        ([b'0'..=b'9', b'0'..=b'9'], Ok(month)) if (1..=12).contains(&month) => Ok(BusinessPeriod::Month(year, month)),
        ([b'0'..=b'9', b'0'..=b'9'], _) => Err(InvalidPeriod::Month),
        _ => Err(InvalidPeriod::Unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_is_read_and_written_back() {
        for (text, from, to) in [
            ("2025/26", "2025-08-01", "2026-08-01"),
            ("2026/27-H1", "2026-08-01", "2027-02-01"),
            ("2026/27-H2", "2027-02-01", "2027-08-01"),
            ("2025", "2025-01-01", "2026-01-01"),
            ("2025-H1", "2025-01-01", "2025-07-01"),
            ("2025-H2", "2025-07-01", "2026-01-01"),
            ("2025-Q3", "2025-07-01", "2025-10-01"),
            ("2025-Q4", "2025-10-01", "2026-01-01"),
            ("2025-11", "2025-11-01", "2025-12-01"),
            ("2025-12", "2025-12-01", "2026-01-01"),
            ("2025-01-01..2025-07-01", "2025-01-01", "2025-07-01"),
            ("2024-02-29..2024-03-01", "2024-02-29", "2024-03-01"),
            ("esf:2025-06-30", "2021-01-01", "2025-07-01"),
            ("esf:2021-01-01", "2021-01-01", "2021-01-02"),
            ("accounting:2025/26", "2025-07-01", "2026-07-01"),
            ("1999/00", "1999-08-01", "2000-08-01"),
        ] {
            let parsed = BusinessPeriod::parse(text).unwrap();
            let period = parsed.period();
            assert_eq!((period.from.to_string().as_str(), period.to.to_string().as_str()), (from, to), "{text}");
            assert_eq!(parsed.to_string(), text);
        }
    }

    #[test]
    fn what_is_wrong_with_a_period_is_said() {
        for (text, why) in [
            ("", InvalidPeriod::Unknown),
            ("25", InvalidPeriod::Unknown),
            ("next year", InvalidPeriod::Unknown),
            ("1989", InvalidPeriod::Year),
            ("2199", InvalidPeriod::Year),
            ("2025/27", InvalidPeriod::YearsDoNotFollow("a school year")),
            ("2025/2026", InvalidPeriod::Unknown),
            ("accounting:2025/25", InvalidPeriod::YearsDoNotFollow("an accounting year")),
            ("2025-Q5", InvalidPeriod::Quarter),
            ("2025-H3", InvalidPeriod::Half),
            ("2025/26-H0", InvalidPeriod::Half),
            ("2025/26-Q1", InvalidPeriod::Half),
            ("2025-13", InvalidPeriod::Month),
            ("2025-00", InvalidPeriod::Month),
            ("2025-1", InvalidPeriod::Unknown),
            ("2025-+1", InvalidPeriod::Unknown),
            ("2025-11-01", InvalidPeriod::Unknown),
            ("2025-02-30..2025-03-01", InvalidPeriod::Date("the first day")),
            ("2025-02-01..2025-3-1", InvalidPeriod::Date("the day after the last")),
            ("2025-02-01..2025-02-01", InvalidPeriod::Empty),
            ("2025-02-02..2025-02-01", InvalidPeriod::Empty),
            ("esf:2025-06-31", InvalidPeriod::Date("the cut-off")),
            ("esf:2020-12-31", InvalidPeriod::BeforeProgramme),
        ] {
            assert_eq!(BusinessPeriod::parse(text), Err(why), "{text}");
        }
    }
}
