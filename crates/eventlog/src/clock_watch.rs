//! A clock that runs behind the log. Events are recorded with the log's time then, which stands still
//! until the clock has caught up; somebody must know, because `recorded_at` says less meanwhile.

/// How far a clock may be set back without a word, in microseconds: time services do that every day.
const TOLERATED: i64 = 1_000_000;

/// Tells once when the clock has fallen behind, and once when it has caught up.
#[derive(Debug, Default)]
pub(crate) struct ClockWatch {
    is_behind: bool,
}

impl ClockWatch {
    /// Compares what the clock says with when the log's last event was recorded, both in microseconds
    /// since 1970. Metric: `sfs_log_clock_behind_seconds`, 0 unless the clock is behind.
    pub(crate) fn look(&mut self, now: i64, recorded_at: i64) {
        let behind = recorded_at.saturating_sub(now);
        let was_behind = std::mem::replace(&mut self.is_behind, behind > TOLERATED);
        if !self.is_behind && !was_behind {
            return;
        }
        let seconds = if self.is_behind { behind as f64 / 1e6 } else { 0.0 };
        metrics::gauge!("sfs_log_clock_behind_seconds").set(seconds);
        match (was_behind, self.is_behind) {
            (false, true) => tracing::warn!(
                seconds,
                "the clock is behind the log: it was set back, or was ahead before; events are recorded with the time \
                 of the last one until it has caught up"
            ),
            (true, false) => tracing::info!("the clock has caught up with the log"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_behind_from_more_than_a_second_on_until_it_has_caught_up() {
        let mut watch = ClockWatch::default();
        let mut look = |now, recorded_at| {
            watch.look(now, recorded_at);
            watch.is_behind
        };
        assert!(!look(5_000_000, 0), "a log without events");
        assert!(!look(5_000_000, 6_000_000));
        assert!(look(5_000_000, 6_000_001));
        assert!(look(i64::MIN, i64::MAX));
        assert!(!look(6_000_000, 6_000_001));
    }
}
