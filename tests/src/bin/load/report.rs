//! What a measurement came to.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

/// What was seen, request by request.
#[derive(Debug, Default)]
pub struct Samples {
    /// Microseconds from the start to the end of the answer.
    micros: Vec<u32>,
    statuses: BTreeMap<u16, u64>,
    errors: u64,
    refused_lines: u64,
}

/// The line that is printed.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Requests that were answered.
    pub requests: u64,
    /// Requests without an answer.
    pub errors: u64,
    /// How long it took.
    pub seconds: f64,
    /// Answers per second.
    pub rate: f64,
    /// Commands (lines of a list count one each) or reads per second.
    pub items_per_second: f64,
    /// Half of the answers took at most that long, in milliseconds.
    pub p50_ms: f64,
    /// 90 of 100.
    pub p90_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// All of them.
    pub max_ms: f64,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Lines of lists that were refused.
    pub refused_lines: u64,
}

impl Samples {
    /// Adds a request.
    pub fn add(&mut self, status: Option<u16>, latency: Duration) {
        match status {
            Some(status) => {
                *self.statuses.entry(status).or_default() += 1;
                self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
            }
            None => self.errors += 1,
        }
    }

    /// Adds lines of a list that were refused.
    pub fn refuse_lines(&mut self, lines: u64) {
        self.refused_lines += lines;
    }

    /// Sums up `seconds` in which each request had that many items.
    pub fn report(mut self, seconds: f64, items: u64) -> Report {
        self.micros.sort_unstable();
        let requests = self.micros.len() as u64;
        let rate = requests as f64 / seconds;
        let at = |share: f64| percentile(&self.micros, share);
        Report {
            requests,
            errors: self.errors,
            seconds,
            rate,
            items_per_second: rate * items as f64,
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            max_ms: at(1.0),
            statuses: self.statuses,
            refused_lines: self.refused_lines,
        }
    }
}

/// The smallest value that is not exceeded by that share, in milliseconds; 0 of nothing.
fn percentile(sorted: &[u32], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_answers_took_at_most_that_long() {
        let sorted: Vec<u32> = (1..=100).map(|n| n * 1_000).collect();
        assert_eq!([0.5, 0.9, 0.99, 1.0].map(|share| percentile(&sorted, share)), [50.0, 90.0, 99.0, 100.0]);
        assert_eq!(percentile(&[7_000], 0.5), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }
}
