//! The head of a log: how many leaves it has, their root, the range to go on from and when it last
//! moved. It is stored in the same transaction as the leaves that moved it.

use crate::hash::Hash;
use crate::tree::{CompactRange, RangeError, root_of_empty_tree};

/// Where a log stands. Only [`Head::advance`] moves it, so that size, root and range agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Number of leaves, which is the position of the last event.
    pub size: u64,
    /// Root of the tree of that size.
    pub root: Hash,
    /// Right border of that tree.
    pub range: CompactRange,
    /// recorded_at of the last event, microseconds since 1970-01-01T00:00:00Z; 0 while there is
    /// none.
    pub at_micros: i64,
}

/// A stored head contradicts itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The range does not fit the size.
    #[error("the head's range does not fit its size")]
    Range(#[from] RangeError),
    /// The range has another root than the one stored beside it.
    #[error("the head at {size} says root {stored}, its range gives {computed}")]
    Root {
        /// Number of leaves.
        size: u64,
        /// The root as stored.
        stored: Hash,
        /// The root that the range has.
        computed: Hash,
    },
}

impl Head {
    /// The head of a log without events.
    #[must_use]
    pub fn empty() -> Self {
        Self { size: 0, root: root_of_empty_tree(), range: CompactRange::new(), at_micros: 0 }
    }

    /// Reads a stored head and checks that range and root agree.
    pub fn restore(size: u64, root: Hash, range: &[u8], at_micros: i64) -> Result<Self, HeadError> {
        let range = CompactRange::from_bytes(size, range)?;
        match range.root() {
            computed if computed != root => Err(HeadError::Root { size, stored: root, computed }),
            _ => Ok(Self { size, root, range, at_micros }),
        }
    }

    /// The time that the next events get when the clock says `now_micros`: never earlier than the
    /// last one.
    #[must_use]
    pub fn next_at(&self, now_micros: i64) -> i64 {
        now_micros.max(self.at_micros)
    }

    /// Appends a batch of leaves by their hashes; the root is computed once. An empty batch moves
    /// nothing.
    pub fn advance(&mut self, leaf_hashes: impl IntoIterator<Item = Hash>, at_micros: i64) {
        leaf_hashes.into_iter().for_each(|leaf| self.range.push(leaf));
        if self.range.size() == self.size {
            return;
        }
        self.size = self.range.size();
        self.root = self.range.root();
        self.at_micros = at_micros;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{leaf_hash, node_hash};

    #[test]
    fn a_batch_moves_size_root_and_time_together() {
        let (one, two) = (leaf_hash(b"1"), leaf_hash(b"2"));
        let mut head = Head::empty();

        head.advance([one, two], 7);

        assert_eq!((head.size, head.root, head.at_micros), (2, node_hash(&one, &two), 7));
        let stored = head.range.to_bytes();
        assert_eq!(Head::restore(2, head.root, &stored, 7), Ok(head));
    }

    #[test]
    fn an_empty_batch_moves_nothing() {
        let mut head = Head::empty();
        head.advance([], 7);
        assert_eq!(head, Head::empty());
    }

    #[test]
    fn time_never_runs_backwards() {
        let mut head = Head::empty();
        assert_eq!(head.next_at(5), 5);
        head.advance([leaf_hash(b"1")], 5);
        assert_eq!((head.next_at(3), head.next_at(5), head.next_at(8)), (5, 5, 8));
    }

    #[test]
    fn a_stored_head_that_contradicts_itself_is_refused() {
        let mut head = Head::empty();
        head.advance([leaf_hash(b"1"), leaf_hash(b"2"), leaf_hash(b"3")], 1);
        let (root, mut range) = (head.root, head.range.to_bytes());
        assert!(matches!(Head::restore(2, root, &range, 1), Err(HeadError::Range(_))));
        range[40] ^= 1;
        assert!(matches!(Head::restore(3, root, &range, 1), Err(HeadError::Root { size: 3, .. })));
    }
}
