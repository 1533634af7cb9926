//! Where "now" comes from: injected, so that tests move it.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sfs_domain::BusinessDate;

/// A clock. Microseconds since 1970-01-01T00:00:00Z.
pub trait Clock: Send + Sync {
    /// Now.
    fn now_micros(&self) -> i64;

    /// Today in Europe/Berlin.
    fn today(&self) -> BusinessDate {
        business_date(self.now_micros())
    }
}

/// The day in Europe/Berlin on which that instant lies.
pub fn business_date(micros: i64) -> BusinessDate {
    static BERLIN: OnceLock<TimeZone> = OnceLock::new();
    let zone = BERLIN.get_or_init(|| TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC));
    let instant = Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH);
    BusinessDate::from_civil(zone.to_datetime(instant).date())
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
    fn now_micros(&self) -> i64 {
        Timestamp::now().as_microsecond()
    }
}

/// A clock that stands where it is put: for tests, and for a simulation that lives through years.
#[derive(Debug, Clone, Default)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock at that instant (microseconds since 1970).
    pub fn at(micros: i64) -> Self {
        Self(Arc::new(AtomicI64::new(micros)))
    }

    /// Puts it to that instant.
    pub fn set(&self, micros: i64) {
        self.0.store(micros, Ordering::Release);
    }

    /// Moves it on.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::AcqRel);
    }
}

impl Clock for ManualClock {
    fn now_micros(&self) -> i64 {
        self.0.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_in_berlin() {
        // 2026-11-23T23:30Z is half past midnight in Berlin, in summer half past one.
        assert_eq!(business_date(1_795_476_600_000_000).to_string(), "2026-11-24");
        let summer: Timestamp = "2026-07-31T22:00:00Z".parse().unwrap();
        assert_eq!(business_date(summer.as_microsecond()).to_string(), "2026-08-01");
        assert_eq!(business_date(summer.as_microsecond() - 1).to_string(), "2026-07-31");
    }
}
