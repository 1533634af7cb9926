//! The RFC 9162 tree over all leaf hashes, kept as its compact range: the roots of the perfect
//! subtrees that its size is made of, one per bit, largest first. That is enough to append and to
//! give the root.

use crate::hash::{Hash, digest, node_hash};
use crate::writer::MAX_INTEGER;

/// The root of the tree without leaves: SHA-256 of nothing (RFC 9162 2.1.1).
#[must_use]
pub fn root_of_empty_tree() -> Hash {
    digest(b"")
}

/// The right border of a tree: at most 53 hashes, moved by every append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: u64,
    /// Roots of perfect subtrees, largest and leftmost first: one per set bit of `size`.
    roots: Vec<Hash>,
}

/// Stored bytes are no compact range of that size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// The size exceeds [`MAX_INTEGER`].
    #[error("a tree of {0} leaves is too large")]
    TooLarge(u64),
    /// The number of hashes does not follow from the size.
    #[error("a tree of {size} leaves has a compact range of {expected} bytes, not of {actual}")]
    Length {
        /// Number of leaves.
        size: u64,
        /// 32 bytes for each set bit of the size.
        expected: usize,
        /// Length of what was stored.
        actual: usize,
    },
}

impl CompactRange {
    /// The tree without leaves.
    #[must_use]
    pub const fn new() -> Self {
        Self { size: 0, roots: Vec::new() }
    }

    /// Appends a leaf by its hash. About two hashes are computed, on average one.
    pub fn push(&mut self, leaf_hash: Hash) {
        let mut root = leaf_hash;
        // Each trailing one of the size is a perfect subtree that the new leaf completes to a
        // larger one.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.roots.pop() {
                root = node_hash(&left, &root);
            }
        }
        self.roots.push(root);
        self.size += 1;
    }

    /// Number of leaves, which is the position of the last event.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The Merkle tree hash of RFC 9162 2.1.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        let from_the_right = self.roots.iter().rev().copied();
        from_the_right.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(root_of_empty_tree)
    }

    /// The hashes one after another, largest subtree first. The size is not in them: store it
    /// beside.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.roots.iter().flat_map(|root| *root.as_bytes()).collect()
    }

    /// Reads what [`CompactRange::to_bytes`] gave for a tree of this size. Whether the hashes are
    /// the right ones only a known root can tell: see [`crate::Head::restore`].
    pub fn from_bytes(size: u64, bytes: &[u8]) -> Result<Self, RangeError> {
        if size > MAX_INTEGER {
            return Err(RangeError::TooLarge(size));
        }
        let expected = 32 * size.count_ones() as usize;
        let (hashes, rest) = bytes.as_chunks::<32>();
        if bytes.len() != expected || !rest.is_empty() {
            return Err(RangeError::Length { size, expected, actual: bytes.len() });
        }
        Ok(Self { size, roots: hashes.iter().copied().map(Hash::from).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    fn range_of(size: u64) -> CompactRange {
        let mut range = CompactRange::new();
        (0..size).for_each(|leaf| range.push(leaf_hash(&leaf.to_be_bytes())));
        range
    }

    #[test]
    fn a_range_holds_one_hash_per_bit_of_its_size_and_survives_storage() {
        for size in [0, 1, 2, 3, 4, 7, 8, 255, 256, 257] {
            let range = range_of(size);
            assert_eq!(range.size(), size);
            let bytes = range.to_bytes();
            assert_eq!(bytes.len(), 32 * size.count_ones() as usize);
            let mut restored = CompactRange::from_bytes(size, &bytes).unwrap();
            assert_eq!(restored, range);
            // Appending goes on as if nothing had happened.
            restored.push(leaf_hash(&size.to_be_bytes()));
            assert_eq!(restored, range_of(size + 1));
        }
    }

    #[test]
    fn bytes_that_do_not_fit_the_size_are_refused() {
        let bytes = range_of(5).to_bytes();
        assert_eq!(CompactRange::from_bytes(7, &bytes), Err(RangeError::Length { size: 7, expected: 96, actual: 64 }));
        assert!(CompactRange::from_bytes(5, &bytes[1..]).is_err());
        assert!(CompactRange::from_bytes(5, &[&bytes[..], &[0]].concat()).is_err());
        assert!(CompactRange::from_bytes(0, &[0; 32]).is_err());
        assert_eq!(CompactRange::from_bytes(1 << 53, &[0; 32]), Err(RangeError::TooLarge(1 << 53)));
        assert!(CompactRange::from_bytes(u64::MAX, &[0; 64 * 32]).is_err());
    }

    #[test]
    fn a_tree_beyond_32_bits_goes_on_growing() {
        let size = (1 << 32) + 1;
        let stored: Vec<u8> = (0..64).collect();
        let mut range = CompactRange::from_bytes(size, &stored).unwrap();
        let (large, last) = (Hash::try_from(&stored[..32]).unwrap(), Hash::try_from(&stored[32..]).unwrap());
        assert_eq!(range.root(), node_hash(&large, &last));

        range.push(digest(b"new"));

        let pair = node_hash(&last, &digest(b"new"));
        assert_eq!(range.size(), size + 1);
        assert_eq!(range.root(), node_hash(&large, &pair));
    }
}
