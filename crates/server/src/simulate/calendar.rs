//! When things happen and when they are recorded: on any working day, and on the Friday of its week.

use sfs_domain::BusinessDate;
use sfs_domain::reference::Reference;

/// Microseconds of an hour.
const HOUR: i64 = 3_600_000_000;

/// A week from Monday to Sunday, counted from that of 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Week(i64);

impl Week {
    /// The week in which a day lies.
    pub fn of(day: BusinessDate) -> Self {
        // 1970-01-01 was a Thursday.
        Self((day.days() + 3).div_euclid(7))
    }

    /// The last week that is recorded whole on that day.
    pub fn recorded_by(day: BusinessDate) -> Self {
        Self::of(day).before()
    }

    /// The week before.
    pub const fn before(self) -> Self {
        Self(self.0 - 1)
    }

    /// So many weeks later.
    pub const fn after(self, weeks: u32) -> Self {
        Self(self.0 + weeks as i64)
    }

    /// Its days from Monday to Friday.
    pub fn days(self) -> impl Iterator<Item = BusinessDate> {
        (0..5).filter_map(move |day| BusinessDate::from_days(self.0 * 7 - 3 + day))
    }

    /// Its Friday: when what happened in it is recorded.
    pub fn friday(self) -> Option<BusinessDate> {
        self.days().last()
    }

    /// Whether its Friday is one of the first seven days of a month.
    pub fn begins_a_month(self) -> bool {
        self.friday().is_some_and(|day| day.civil().day() <= 7)
    }

    /// The instant at which recording begins (microseconds since 1970): Friday at noon.
    pub fn recorded_from(self) -> i64 {
        self.friday().map_or(0, |day| day.days() * 24 * HOUR + 11 * HOUR)
    }

    /// The time within which everything is recorded: until Monday morning.
    pub const RECORDED_WITHIN: i64 = 68 * HOUR;
}

/// The first day from that one on on which offices work.
pub(super) fn working_day(reference: &Reference, day: BusinessDate) -> BusinessDate {
    let mut day = day;
    while !is_working_day(reference, day) {
        day = day.plus_days(1);
    }
    day
}

/// Whether offices work on that day: neither a weekend nor a public holiday.
pub(super) fn is_working_day(reference: &Reference, day: BusinessDate) -> bool {
    weekday(day) < 5 && !reference.public_holidays.contains(&day)
}

/// The day of the week, 0 for Monday.
pub(super) fn weekday(day: BusinessDate) -> usize {
    (day.days() + 3).rem_euclid(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    #[test]
    fn a_week_is_recorded_from_its_friday_to_monday_morning() {
        let week = Week::of(day("2026-11-23"));
        assert_eq!(week, Week::of(day("2026-11-29")));
        assert_eq!(week.after(1), Week::of(day("2026-11-30")));
        assert_eq!((week.days().next(), week.friday()), (Some(day("2026-11-23")), Some(day("2026-11-27"))));
        assert_eq!(sfs_command::business_date(week.recorded_from()), day("2026-11-27"));
        let end = week.recorded_from() + Week::RECORDED_WITHIN;
        assert_eq!(sfs_command::business_date(end), day("2026-11-30"));
        assert!(end < week.after(1).recorded_from());
        assert!(!week.begins_a_month() && week.after(1).begins_a_month());
        assert_eq!(Week::recorded_by(day("2026-11-30")), week);
        assert_eq!(Week::recorded_by(day("2026-11-29")).after(1), week);
    }

    #[test]
    fn nobody_works_on_weekends_and_public_holidays() {
        let reference = &crate::reference::files().unwrap().reference;
        assert_eq!(working_day(reference, day("2026-12-24")), day("2026-12-24"));
        assert_eq!(working_day(reference, day("2026-12-25")), day("2026-12-28"));
        assert_eq!(weekday(day("2026-11-24")), 1);
    }
}
