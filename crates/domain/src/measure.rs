//! Money, time spent, shares and people counted: integers with a unit, never floats.

use std::ops::{Add, Sub};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why a number is not the measure it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct OutOfRange {
    expected: &'static str,
}

macro_rules! bounded {
    ($(#[$doc:meta])* $name:ident($inner:ty), $min:literal ..= $max:literal, $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(try_from = "i64")]
        #[schemars(!try_from)]
        pub struct $name(#[schemars(range(min = $min, max = $max))] $inner);

        impl $name {
            /// The number in the unit that the type is named for.
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl TryFrom<i64> for $name {
            type Error = OutOfRange;

            fn try_from(value: i64) -> Result<Self, OutOfRange> {
                match <$inner>::try_from(value) {
                    Ok(inner) if ($min..=$max).contains(&value) => Ok(Self(inner)),
                    _ => Err(OutOfRange { expected: $expected }),
                }
            }
        }
    };
}

bounded!(
    /// Euro cents.
    Cents(i64), 0 ..= 1_000_000_000_000_i64, "an amount is a whole number of cents from 0 to 1,000,000,000,000"
);
bounded!(
    /// Hundredths of a percent: 6,000 is 60 %.
    BasisPoints(u32), 0 ..= 10_000, "a share is a whole number of basis points from 0 to 10,000"
);
bounded!(
    /// Minutes of work on one activity: more than none, at most one day.
    Minutes(u32), 1 ..= 1_440, "minutes are a whole number from 1 to 1,440"
);
bounded!(
    /// Minutes of a whole training, which may last several days: at most 240 hours.
    TrainingMinutes(u32), 1 ..= 14_400, "the minutes of a training are a whole number from 1 to 14,400"
);
bounded!(
    /// A mean score of an evaluation in hundredths: 100 is the worst, 500 the best.
    Score(u32), 100 ..= 500, "a score is a whole number of hundredths from 100 to 500"
);
bounded!(
    /// Sittings of a group on one day.
    Sessions(u32), 1 ..= 20, "sessions are a whole number from 1 to 20"
);
bounded!(
    /// Sides of a conflict: mediation has at least two.
    Parties(u32), 2 ..= 99, "the parties of a mediation are a whole number from 2 to 99"
);
bounded!(
    /// Full-time equivalent in thousandths: 1,000 is one full position, 625 is 25 of 40 hours.
    Fte(u32), 1 ..= 1_000, "an FTE is a whole number of thousandths from 1 to 1,000"
);

bounded!(
    /// Number of a support case in a provider's own list.
    CaseNumber(u32), 1 ..= 9_999_999, "the number of a case is a whole number from 1 to 9,999,999"
);
bounded!(
    /// A position of the log, from 1; as a tree size, how many events it had then.
    Position(i64), 1 ..= 9_007_199_254_740_991_i64, "a position is a whole number from 1 to 9,007,199,254,740,991"
);

/// People counted by gender, as ESF+ counts them (Regulation (EU) 2021/1057 Annex I). Each at
/// most 9,999.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Headcount {
    /// Women and girls.
    #[schemars(range(max = 9_999))]
    pub women: People,
    /// Men and boys.
    #[schemars(range(max = 9_999))]
    pub men: People,
    /// Non-binary people.
    #[schemars(range(max = 9_999))]
    pub non_binary: People,
}

bounded!(
    /// A number of people or things at one occasion.
    #[derive(Default)]
    People(u32), 0 ..= 9_999, "a count is a whole number from 0 to 9,999"
);

impl BasisPoints {
    /// 60 %, the usual share of the fund.
    pub const SIXTY_PERCENT: Self = Self(6_000);
    /// 80 %, what a certificate asks for.
    pub const EIGHTY_PERCENT: Self = Self(8_000);
    /// Everything.
    pub const WHOLE: Self = Self(10_000);
}

impl Headcount {
    /// Women, men and non-binary people together.
    pub fn total(self) -> u32 {
        self.women.get() + self.men.get() + self.non_binary.get()
    }
}

impl Add for Cents {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Cents {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_taken_only_within_its_bounds() {
        fn taken<T: TryFrom<i64>>(values: [i64; 4]) -> [bool; 4] {
            values.map(|value| T::try_from(value).is_ok())
        }
        let inner = [false, true, true, false];
        assert_eq!(taken::<Cents>([-1, 0, 1_000_000_000_000, 1_000_000_000_001]), inner);
        assert_eq!(taken::<BasisPoints>([-1, 0, 10_000, 10_001]), inner);
        assert_eq!(taken::<Minutes>([0, 1, 1_440, 1_441]), inner);
        assert_eq!(taken::<TrainingMinutes>([0, 1, 14_400, 14_401]), inner);
        assert_eq!(taken::<Score>([99, 100, 500, 501]), inner);
        assert_eq!(taken::<Sessions>([0, 1, 20, 21]), inner);
        assert_eq!(taken::<Parties>([1, 2, 99, 100]), inner);
        assert_eq!(taken::<Fte>([0, 1, 1_000, 1_001]), inner);
        assert_eq!(taken::<People>([-1, 0, 9_999, 10_000]), inner);
        assert_eq!(taken::<CaseNumber>([0, 1, 9_999_999, 10_000_000]), inner);
        assert_eq!(taken::<Position>([0, 1, 9_007_199_254_740_991, 9_007_199_254_740_992]), inner);
        // More than the inner number holds: not wrapped around.
        assert!(Minutes::try_from((1_i64 << 32) + 5).is_err());
    }

    #[test]
    fn a_headcount_sums_its_genders() {
        let people = |n| People::try_from(n).unwrap();
        let count = Headcount { women: people(3), men: people(2), non_binary: people(1) };
        assert_eq!(count.total(), 6);
        assert!(serde_json::from_str::<Headcount>(r#"{"women":1,"men":1}"#).is_err());
        assert!(serde_json::from_str::<Headcount>(r#"{"women":1.5,"men":1,"non_binary":0}"#).is_err());
    }
}
