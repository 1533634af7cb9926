//! Days and instants as queries name them, and the positions that they stand for.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use sfs_domain::BusinessDate;

use crate::app::App;
use crate::problem::Problem;
use crate::troubles;

/// The first microsecond of a day in Europe/Berlin, since 1970.
pub fn start_of_day(day: BusinessDate) -> i64 {
    let zone = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
    // Midnight exists on every day there: the clocks change at night, but later.
    zone.to_timestamp(day.civil().at(0, 0, 0, 0)).unwrap_or_default().as_microsecond()
}

/// The first microsecond after it.
pub fn end_of_day(day: BusinessDate) -> i64 {
    let next = day.civil().checked_add(1.day()).unwrap_or(day.civil());
    start_of_day(BusinessDate::from_civil(next))
}

/// As of when a client wants to know something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KnownUntil {
    /// Up to that position.
    Position(u64),
    /// Up to that microsecond since 1970, included.
    Instant(i64),
}

impl KnownUntil {
    /// A position `17`, a day `2026-06-30` (to its end, Europe/Berlin) or an instant (RFC 3339).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if let Ok(position) = text.parse::<u64>()
            && i64::try_from(position).is_ok()
            && text.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Ok(Self::Position(position));
        }
        if let Ok(day) = BusinessDate::parse(text) {
            return Ok(Self::Instant(end_of_day(day) - 1));
        }
        let instant: Result<Timestamp, _> = text.parse();
        let expected = "expected is a position, a date like 2026-06-30 or an instant like 2026-06-30T12:00:00Z";
        instant.map(|instant| Self::Instant(instant.as_microsecond())).map_err(|_| expected)
    }

    /// The last position that it includes.
    pub async fn position(self, app: &App) -> Result<u64, Problem> {
        match self {
            Self::Position(position) => Ok(position),
            Self::Instant(instant) => app.api.log.position_at(instant).await.map_err(|why| troubles::read(&why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_24_hours_but_for_two_in_the_year() {
        let hours = |text: &str| {
            let day = BusinessDate::parse(text).unwrap();
            (end_of_day(day) - start_of_day(day)) / 3_600_000_000
        };
        assert_eq!((hours("2026-11-24"), hours("2026-03-29"), hours("2026-10-25")), (24, 23, 25));
        // 2026-11-24T00:00+01:00.
        assert_eq!(start_of_day(BusinessDate::parse("2026-11-24").unwrap()), 1_795_474_800_000_000);
    }

    #[test]
    fn a_moment_is_a_position_a_day_or_an_instant() {
        assert_eq!(KnownUntil::parse("17"), Ok(KnownUntil::Position(17)));
        assert_eq!(KnownUntil::parse("1970-01-01T00:00:01Z"), Ok(KnownUntil::Instant(1_000_000)));
        assert_eq!(KnownUntil::parse("1970-01-01T01:00:01+01:00"), Ok(KnownUntil::Instant(1_000_000)));
        let day = BusinessDate::parse("2026-06-30").unwrap();
        assert_eq!(KnownUntil::parse("2026-06-30"), Ok(KnownUntil::Instant(end_of_day(day) - 1)));
        for wrong in ["", "-1", "+1", "1.5", "2026-06-31", "yesterday", "99999999999999999999", "18446744073709551615"]
        {
            assert!(KnownUntil::parse(wrong).is_err(), "{wrong}");
        }
    }
}
