//! Stretches of the calendar that sums are kept for: months, quarters, school years. A period is cut
//! into as few of them as possible; what is left at its ends is counted by days.

use jiff::civil::date;
use sfs_domain::{BusinessDate, Period};

/// A month by its number since year 0. How facts are summed up within a block of positions.
pub(crate) type Month = i32;

/// The month of a day.
pub(crate) fn month_of(day: BusinessDate) -> Month {
    let date = day.civil();
    Month::from(date.year()) * 12 + Month::from(date.month()) - 1
}

/// The first day of a month.
pub(crate) fn first_day(month: Month) -> BusinessDate {
    // Months come from days of the calendar, so year and month are in range.
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(i16::MAX);
    let month = i8::try_from(month.rem_euclid(12) + 1).unwrap_or(1);
    BusinessDate::from_civil(date(year, month, 1))
}

/// A month as it is shown: `2025-11`.
pub(crate) fn month_name(month: Month) -> String {
    format!("{:04}-{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// The number under which the sums of a stretch are stored.
pub(crate) type Span = i64;

const QUARTERS: Span = 1_000_000;
const SCHOOL_YEARS: Span = 2_000_000;
const DAYS: Span = 3_000_000;

/// August, counted from 0.
const AUGUST: Month = 7;

/// The three stretches that a month belongs to.
pub(crate) fn spans_of(month: Month) -> [Span; 3] {
    [
        Span::from(month),
        QUARTERS + Span::from(month.div_euclid(3)),
        SCHOOL_YEARS + Span::from((month - AUGUST).div_euclid(12)),
    ]
}

/// The stretch of a single day, by its number since 1970. Only districts and the state have sums of
/// days; for a school the facts are as few.
pub(crate) const fn day_span(day: i64) -> Span {
    DAYS + day
}

/// What a period is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Its whole months, from the first to the one after the last; equal if there are none.
    pub months: (Month, Month),
    /// Days that count besides (`1`), or that the months hold too many of (`-1`).
    pub edges: Vec<(BusinessDate, BusinessDate, i64)>,
}

/// Cuts a period into whole months and the days at its ends. With `nearest`, an end that reaches over
/// more than half a month is counted as that month without the rest.
pub(crate) fn cut(period: Period, nearest: bool) -> Cut {
    let begins = |day: BusinessDate| day == first_day(month_of(day));
    let more_than_half = |day: BusinessDate| day.civil().day() > 16;
    let (first, last) = (month_of(period.from), month_of(period.to));
    if first == last {
        return Cut { months: (first, first), edges: vec![(period.from, period.to, 1)] };
    }
    let mut edges = Vec::new();
    let from = if begins(period.from) {
        first
    } else if nearest && !more_than_half(period.from) {
        edges.push((first_day(first), period.from, -1));
        first
    } else {
        edges.push((period.from, first_day(first + 1), 1));
        first + 1
    };
    let to = if begins(period.to) {
        last
    } else if nearest && more_than_half(period.to) {
        edges.push((period.to, first_day(last + 1), -1));
        last + 1
    } else {
        edges.push((first_day(last), period.to, 1));
        last
    };
    Cut { months: (from, to), edges }
}

/// The fewest stored stretches that make up these months: school years where one fits, quarters and
/// months before and behind.
pub(crate) fn spans((first, end): (Month, Month)) -> Vec<Span> {
    let august = first + (AUGUST - first).rem_euclid(12);
    let years = (end - august).max(0) / 12;
    if years == 0 {
        return short_spans(first, end).collect();
    }
    let behind = august + years * 12;
    let school_years = (0..years).map(|year| spans_of(august + year * 12)[2]);
    short_spans(first, august).chain(school_years).chain(short_spans(behind, end)).collect()
}

fn short_spans(mut month: Month, end: Month) -> impl Iterator<Item = Span> {
    std::iter::from_fn(move || {
        let [single, quarter, _] = spans_of(month);
        let (span, length) = if month.rem_euclid(3) == 0 && month + 3 <= end { (quarter, 3) } else { (single, 1) };
        let found = (month < end).then_some(span);
        month += length;
        found
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use sfs_domain::testing::day;

    use super::*;

    fn period(from: &str, to: &str) -> Period {
        Period::new(day(from), day(to)).unwrap()
    }

    #[test]
    fn years_quarters_and_months_make_a_period() {
        let months = |from, to| cut(period(from, to), true).months;
        assert_eq!(spans(months("2025-08-01", "2026-08-01")), [SCHOOL_YEARS + 2025]);
        assert_eq!(spans(months("2025-01-01", "2026-01-01")).len(), 4);
        assert_eq!(spans(months("2025-07-01", "2026-07-01")).len(), 4);
        assert_eq!(spans(months("2021-01-01", "2025-08-01")).len(), 2 + 1 + 4);
    }

    #[test]
    fn the_nearer_way_to_the_end_of_a_month_is_taken() {
        assert_eq!(
            cut(period("2025-01-03", "2025-03-29"), true),
            Cut {
                months: (month_of(day("2025-01-01")), month_of(day("2025-04-01"))),
                edges: vec![(day("2025-01-01"), day("2025-01-03"), -1), (day("2025-03-29"), day("2025-04-01"), -1)],
            }
        );
        assert_eq!(cut(period("2025-01-03", "2025-01-29"), true).edges, [(day("2025-01-03"), day("2025-01-29"), 1)]);
    }

    proptest! {
        /// Every day of the period is counted once, every other day not at all.
        #[test]
        fn a_cut_counts_every_day_once(from in 18_000_i64..22_000, length in 1_i64..2_000, nearest: bool) {
            let at = |days| BusinessDate::from_days(days).unwrap();
            let asked = Period::new(at(from), at(from + length)).unwrap();
            let cut = cut(asked, nearest);
            let mut counted = BTreeMap::<i64, i64>::new();
            let mut stretches = cut.edges.clone();
            stretches.push((first_day(cut.months.0), first_day(cut.months.1), 1));
            for (from, to, sign) in stretches {
                for day in from.days()..to.days() {
                    *counted.entry(day).or_default() += sign;
                }
            }
            counted.retain(|_, times| *times != 0);
            prop_assert_eq!(counted.keys().copied().collect::<Vec<_>>(), (from..from + length).collect::<Vec<_>>());
            prop_assert!(counted.values().all(|times| *times == 1));
            // The stretches hold exactly these months.
            let spans = spans(cut.months);
            for month in cut.months.0 - 15..cut.months.1 + 15 {
                let times = spans_of(month).iter().filter(|span| spans.contains(span)).count();
                prop_assert_eq!(times, usize::from((cut.months.0..cut.months.1).contains(&month)));
            }
        }
    }
}
