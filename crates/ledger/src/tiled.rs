//! Roots and proofs from tiles, in two steps: a plan says which tiles it needs, and computes from
//! them when they are there. Nothing is believed: tiles with other hashes give a proof that does
//! not verify or another root.

use std::collections::BTreeSet;
use std::iter;
use std::ops::Range;

use crate::hash::{Hash, node_hash};
use crate::multiproof;
use crate::proof::ProofError;
use crate::tile::{TILE_WIDTH, Tile};
use crate::tree::{CompactRange, root_of_empty_tree};
use crate::writer::MAX_INTEGER;

/// A tile that was asked for is not there, or has too few hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("tile {} of level {} is missing or too narrow", .0.index(), .0.level())]
pub struct MissingTile(pub Tile);

/// The subtrees whose roots make up a proof, in the proof's order, by the leaves they span.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    size: u64,
    subtrees: Vec<Range<u64>>,
}

impl ProofPlan {
    /// For the path from leaf `index` (from 0) to the root of the tree of `size` leaves.
    pub fn inclusion(index: u64, size: u64) -> Result<Self, ProofError> {
        if index >= size || size > MAX_INTEGER {
            return Err(ProofError::OutOfRange);
        }
        // PATH of RFC 9162 2.1.3.1, from the root down.
        let mut subtrees = Vec::new();
        let mut tree = 0..size;
        while let Some((left, right)) = split(&tree) {
            let (with_leaf, sibling) = if left.contains(&index) { (left, right) } else { (right, left) };
            subtrees.push(sibling);
            tree = with_leaf;
        }
        subtrees.reverse();
        Ok(Self { size, subtrees })
    }

    /// For what shows that the tree of `new_size` continues the one of `old_size`.
    pub fn consistency(old_size: u64, new_size: u64) -> Result<Self, ProofError> {
        if old_size > new_size || new_size > MAX_INTEGER {
            return Err(ProofError::OutOfRange);
        }
        // SUBPROOF of RFC 9162 2.1.4.1, from the root down: follow the old tree's right border.
        let mut subtrees = Vec::new();
        let mut tree = 0..new_size;
        while old_size > 0 && tree.end != old_size {
            let Some((left, right)) = split(&tree) else { break };
            let (with_border, sibling) = if old_size <= left.end { (left, right) } else { (right, left) };
            subtrees.push(sibling);
            tree = with_border;
        }
        // The whole old tree as one subtree is known to the verifier.
        if tree.start > 0 {
            subtrees.push(tree);
        }
        subtrees.reverse();
        Ok(Self { size: new_size, subtrees })
    }

    /// For one proof of many leaves, in which no hash stands twice: see [`crate::verify_multiproof`].
    /// The indexes count from 0, ascend strictly, and are at least one.
    pub fn multiproof(indexes: &[u64], size: u64) -> Result<Self, ProofError> {
        Ok(Self { size, subtrees: multiproof::subtrees(indexes, size)? })
    }

    /// For the root of the tree of `size` leaves, which is then the only hash.
    pub fn root(size: u64) -> Result<Self, ProofError> {
        if size > MAX_INTEGER {
            return Err(ProofError::OutOfRange);
        }
        Ok(Self { size, subtrees: iter::once(0..size).collect() })
    }

    /// The tiles that are needed, each as wide as the tree of the plan has it.
    #[must_use]
    pub fn tiles(&self) -> BTreeSet<Tile> {
        let nodes = self.subtrees.iter().flat_map(|subtree| perfect_subtrees(subtree.clone()));
        nodes.map(|node| node.tile(self.size)).collect()
    }

    /// The plan in pieces of so many hashes, in order: for the one who does not want all tiles at once.
    pub fn pieces(&self, hashes: usize) -> impl Iterator<Item = Self> {
        let piece = |subtrees: &[Range<u64>]| Self { size: self.size, subtrees: subtrees.to_vec() };
        self.subtrees.chunks(hashes.max(1)).map(piece)
    }

    /// The hashes, from tiles that the caller has fetched. A tile may be wider than it was asked
    /// for; one that is `None` or lacks a hash that is needed is an error.
    pub fn compute<'a>(&self, tile: impl Fn(Tile) -> Option<&'a [Hash]>) -> Result<Vec<Hash>, MissingTile> {
        let root = |subtree: &Range<u64>| {
            // The right part of a ragged subtree is folded first, as in a compact range.
            let nodes = perfect_subtrees(subtree.clone()).into_iter().rev();
            let mut roots = nodes.map(|node| node.root(self.size, &tile));
            let last = roots.next().unwrap_or_else(|| Ok(root_of_empty_tree()))?;
            roots.try_fold(last, |right, left| Ok(node_hash(&left?, &right)))
        };
        self.subtrees.iter().map(root).collect()
    }
}

/// The two subtrees of a tree of at least two leaves: the left one is the largest perfect one that
/// leaves something over (RFC 9162 2.1.1).
pub(crate) fn split(tree: &Range<u64>) -> Option<(Range<u64>, Range<u64>)> {
    let last = (tree.end - tree.start).checked_sub(1)?;
    let middle = tree.start + (1 << last.checked_ilog2()?);
    Some((tree.start..middle, middle..tree.end))
}

/// A perfect subtree: the leaves from `index << height`, 2^height of them.
#[derive(Clone, Copy)]
struct Node {
    height: u32,
    index: u64,
}

/// What a subtree is made of, largest and leftmost first: one perfect subtree per bit of its size.
fn perfect_subtrees(subtree: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = subtree.start;
    while let Some(height) = (subtree.end - start).checked_ilog2() {
        nodes.push(Node { height, index: start >> height });
        start += 1 << height;
    }
    nodes
}

impl Node {
    /// Level of the tile in whose 256 hashes or above them the node is.
    const fn level(self) -> u8 {
        (self.height / 8) as u8
    }

    /// The places, within the level, of the hashes below the node.
    const fn places(self) -> Range<u64> {
        let height = self.height % 8;
        self.index << height..(self.index + 1) << height
    }

    fn tile(self, size: u64) -> Tile {
        Tile::holding(self.level(), self.places().start, size)
    }

    fn root<'a>(self, size: u64, tile: impl Fn(Tile) -> Option<&'a [Hash]>) -> Result<Hash, MissingTile> {
        let (place, places) = (self.tile(size), self.places());
        let (first, count) = ((places.start % TILE_WIDTH) as usize, (places.end - places.start) as usize);
        let hashes = tile(place).and_then(|hashes| hashes.get(first..first + count));
        hashes.map(tile_root).ok_or(MissingTile(place))
    }
}

/// The root over hashes: of a full tile it is the hash that stands for it in the level above.
#[must_use]
pub fn tile_root(hashes: &[Hash]) -> Hash {
    let mut range = CompactRange::new();
    hashes.iter().for_each(|hash| range.push(*hash));
    range.root()
}
