//! A whole log read again from what it serves (C2SP tlog-tiles): level 2. From the bundles of entries
//! every leaf, link and hash tile and the root are computed, and held against what was signed.

use crate::chain::Chain;
use crate::checkpoint::Checkpoint;
use crate::hash::Hash;
use crate::report::{Outcome, Report};
use crate::tile::{TILE_WIDTH, Tile, read_bundle};
use crate::tiled::tile_root;
use crate::tree::{CompactRange, root_of_empty_tree};

/// How far a log has been read. Entries come in order, each bundle once; then the tiles above.
pub struct Replay<'a> {
    checkpoint: &'a Checkpoint,
    remembered: Option<&'a Checkpoint>,
    chain: Chain,
    range: CompactRange,
    /// The roots of the full tiles, level by level: what the tiles of the next level hold.
    levels: Vec<Vec<Hash>>,
}

impl<'a> Replay<'a> {
    /// Of the log of that checkpoint, which is to continue the remembered one. Both have been checked
    /// by then as far as signatures go.
    #[must_use]
    pub fn new(checkpoint: &'a Checkpoint, remembered: Option<&'a Checkpoint>) -> Self {
        let (chain, range) = (Chain::of_log(), CompactRange::new());
        Self { checkpoint, remembered, chain, range, levels: Vec::new() }
    }

    /// The tile of leaf hashes whose entries come next; `None` when all have been read.
    #[must_use]
    pub fn next(&self) -> Option<Tile> {
        let (read, size) = (self.range.size(), self.checkpoint.size());
        Tile::of_tree(0, read / TILE_WIDTH, size).filter(|_| read < size)
    }

    /// Reads the next entries, with the hash tile of the same place, which must be of them. Answers
    /// whether it can go on: not if the entries are not as many as they should be.
    pub fn entries(&mut self, tile: Tile, entries: &[u8], hashes: &[u8], report: &mut Report) -> bool {
        let position = self.range.size() + 1;
        let leaves = match read_bundle(tile.width(), entries) {
            Ok(leaves) if self.next() == Some(tile) => leaves,
            Ok(_) => return false,
            Err(why) => {
                report.find(position, "entries", Outcome::Invalid, why);
                return false;
            }
        };
        let mut computed = Vec::with_capacity(leaves.len());
        for (position, leaf) in (position..).zip(leaves) {
            let (hash, _) = self.chain.leaf(position, leaf, report);
            computed.push(hash);
            self.push(hash, report);
        }
        self.compare(tile, &computed, hashes, report);
        if tile.is_full() {
            self.push_root(0, tile_root(&computed));
        }
        true
    }

    fn push(&mut self, hash: Hash, report: &mut Report) {
        self.range.push(hash);
        if let Some(remembered) = self.remembered.filter(|remembered| remembered.size() == self.range.size()) {
            self.hold_against(remembered, report);
        }
    }

    fn hold_against(&self, remembered: &Checkpoint, report: &mut Report) {
        let (size, found, known) = (remembered.size(), self.range.root(), remembered.root());
        if found == known {
            report.facts.continues = Some(size);
        } else {
            let what = format!("the first {size} events come to the root {found}, but {known} was remembered");
            report.find(size, "consistency", Outcome::Inconsistent, what);
        }
    }

    fn push_root(&mut self, level: usize, root: Hash) {
        if self.levels.len() <= level {
            self.levels.push(Vec::new());
        }
        let Some(roots) = self.levels.get_mut(level) else { return };
        roots.push(root);
        if (roots.len() as u64).is_multiple_of(TILE_WIDTH) {
            let above = tile_root(&roots[roots.len() - TILE_WIDTH as usize..]);
            self.push_root(level + 1, above);
        }
    }

    /// The tiles above the leaf hashes, when all entries have been read.
    pub fn tiles_above(&self) -> impl Iterator<Item = Tile> {
        let size = self.checkpoint.size();
        let of_level = move |level: u8| (0..).map_while(move |index| Tile::of_tree(level, index, size));
        (1..=self.levels.len() as u8).flat_map(of_level)
    }

    /// Compares a tile above the leaf hashes with what the entries come to.
    pub fn tile_above(&self, tile: Tile, hashes: &[u8], report: &mut Report) {
        let first = (tile.index() * TILE_WIDTH) as usize;
        let roots = self.levels.get(usize::from(tile.level()).wrapping_sub(1));
        let computed = roots.and_then(|roots| roots.get(first..first + tile.width() as usize));
        self.compare(tile, computed.unwrap_or_default(), hashes, report);
    }

    fn compare(&self, tile: Tile, computed: &[Hash], hashes: &[u8], report: &mut Report) {
        if tile.bytes(computed).as_deref() != Ok(hashes) {
            let what = format!("tile {} of level {} is not that of the entries", tile.index(), tile.level());
            report.find(tile.leaves().start + 1, "tile", Outcome::Invalid, what);
        }
    }

    /// Holds the root against the checkpoint, when everything has been read.
    pub fn finish(&self, report: &mut Report) {
        let (size, found, signed) = (self.range.size(), self.range.root(), self.checkpoint.root());
        if size != self.checkpoint.size() {
            report.find(
                0,
                "size",
                Outcome::Incomplete,
                format!("{size} of {} events were read", self.checkpoint.size()),
            );
        } else if found != signed {
            report.find(
                0,
                "root",
                Outcome::Invalid,
                format!("the events come to the root {found}, signed was {signed}"),
            );
        }
        let Some(remembered) = self.remembered else {
            return report.skip("whether the log continues what was known of it: no checkpoint was remembered");
        };
        if remembered.origin() != self.checkpoint.origin() {
            let what = format!("the remembered checkpoint is of `{}`", remembered.origin());
            report.find(0, "consistency", Outcome::Inconsistent, what);
        } else if remembered.size() > self.checkpoint.size() {
            let what = format!("{} events were remembered, and the log has {size}", remembered.size());
            report.find(0, "consistency", Outcome::Inconsistent, what);
        } else if remembered.size() == 0 && remembered.root() == root_of_empty_tree() {
            report.facts.continues = Some(0);
        }
    }
}
