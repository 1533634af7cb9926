//! Chance from the seed, in whole numbers only, so that the same seed gives the same on every machine.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sfs_domain::vocabulary::{Set, Vocabulary};

/// A generator that gives the same for the same seed.
pub(super) struct Chance(StdRng);

impl Chance {
    /// Starts from that seed.
    pub fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A number below `end`; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: i32, high: i32) -> i32 {
        if low >= high { low } else { self.0.random_range(low..=high) }
    }

    /// True in so many of 1,000 cases.
    pub fn permille(&mut self, share: u32) -> bool {
        self.below(1_000) < share
    }

    /// A place in a list of that length; 0 if it is empty.
    pub fn place(&mut self, length: usize) -> usize {
        self.below(u32::try_from(length).unwrap_or(u32::MAX)) as usize
    }

    /// One of a list by weight; the first if all weights are 0. The list is never empty.
    pub fn weighted<T: Copy>(&mut self, of: &[(T, u32)]) -> T {
        let mut left = self.below(of.iter().map(|(_, weight)| weight).sum());
        for (what, weight) in of {
            if left < *weight {
                return *what;
            }
            left -= weight;
        }
        of[0].0
    }

    /// Any member of a vocabulary.
    pub fn any<V: Vocabulary>(&mut self) -> V {
        V::ALL[self.place(V::ALL.len())]
    }

    /// A set of `least` to `most` members of a vocabulary.
    pub fn some<V: Vocabulary>(&mut self, least: i32, most: i32) -> Set<V> {
        let count = self.between(least, most).max(0) as u32;
        let mut members: Vec<V> = Vec::new();
        while (members.len() as u32) < count.min(V::ALL.len() as u32) {
            let member = self.any::<V>();
            if !members.contains(&member) {
                members.push(member);
            }
        }
        members.into_iter().collect()
    }

    /// A whole number whose mean is so many thousandths, from 0 to twice the mean, most often near it.
    pub fn about(&mut self, mean_permille: u32) -> u32 {
        let drawn = (self.below(2 * mean_permille + 1) + self.below(2 * mean_permille + 1)) / 2;
        drawn / 1_000 + u32::from(self.permille(drawn % 1_000))
    }

    /// Brings a list into any order.
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            list.swap(last, self.place(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn about_keeps_its_mean() {
        let mut chance = Chance::new(7);
        let sum: u32 = (0..100_000).map(|_| chance.about(3_900)).sum();
        assert!((385_000..395_000).contains(&sum), "{sum}");
    }

    #[test]
    fn the_same_seed_gives_the_same() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..50).map(|_| chance.below(1_000)).collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
    }
}
