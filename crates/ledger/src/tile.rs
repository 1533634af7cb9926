//! Tiles (C2SP tlog-tiles): the tree as files of up to 256 hashes that never change, and the leaves
//! as bundles of up to 256 entries. Here are their places, their paths and their bytes; proofs from
//! them are in `tiled`.

use std::fmt;
use std::str::FromStr;

use crate::checkpoint::decimal;
use crate::hash::Hash;
use crate::leaf::MAX_LEAF_BYTES;
use crate::writer::MAX_INTEGER;

/// Hashes of a full tile and entries of a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Levels that a tree of [`MAX_INTEGER`] leaves has: 256^7 is more than 2^53.
const LEVELS: u8 = 7;

/// A tile by its place: hash `i` of tile `index` at `level` is the root over the leaves from
/// (index * 256 + i) * 256^level, 256^level of them.
///
/// The order is by level, then from left to right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    level: u8,
    index: u64,
    width: u64,
}

/// A path, place or content that no tile and no bundle has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The text is not the path of a tile or bundle, in the one spelling that it has.
    #[error("not the path of a tile or of a bundle of entries")]
    Path,
    /// Width 0 or above 256, or a place outside of every tree of up to [`MAX_INTEGER`] leaves.
    #[error("no tree has such a tile")]
    Place,
    /// The bytes are not as many hashes of 32 bytes as the tile is wide.
    #[error("the tile has {actual} bytes, not the {expected} of its width")]
    Length {
        /// 32 bytes for each hash.
        expected: u64,
        /// Length of what was given.
        actual: u64,
    },
    /// The bytes are not as many length-prefixed entries as the bundle is wide.
    #[error("the bundle does not hold {0} entries and nothing else")]
    Bundle(u64),
    /// An entry is longer than [`MAX_LEAF_BYTES`], so that its length has no room.
    #[error("an entry of {0} bytes is too long")]
    Entry(usize),
}

impl Tile {
    /// The tile at this place with 1 to 256 hashes.
    pub fn new(level: u8, index: u64, width: u64) -> Result<Self, TileError> {
        let leaves_below = |span: u64| index.checked_mul(TILE_WIDTH)?.checked_add(width)?.checked_mul(span);
        let is_there = (1..=TILE_WIDTH).contains(&width)
            && level < LEVELS
            && leaves_below(span(level)).is_some_and(|end| end <= MAX_INTEGER);
        if is_there { Ok(Self { level, index, width }) } else { Err(TileError::Place) }
    }

    /// The tile at this place as a tree of that size has it, if it has one.
    #[must_use]
    pub fn of_tree(level: u8, index: u64, size: u64) -> Option<Self> {
        if level >= LEVELS || size > MAX_INTEGER {
            return None;
        }
        let before = index.checked_mul(TILE_WIDTH)?;
        match (size / span(level)).saturating_sub(before) {
            0 => None,
            hashes => Some(Self { level, index, width: hashes.min(TILE_WIDTH) }),
        }
    }

    /// The tile that holds hash `place` of the level in a tree of that size, which has it.
    pub(crate) fn holding(level: u8, place: u64, size: u64) -> Self {
        let index = place / TILE_WIDTH;
        let hashes = (size / span(level)).saturating_sub(index * TILE_WIDTH);
        Self { level, index, width: hashes.clamp(1, TILE_WIDTH) }
    }

    /// 0 for tiles of leaf hashes; one more for each factor of 256.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// Place within the level, from 0.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    /// Number of hashes, 1 to 256.
    #[must_use]
    pub const fn width(&self) -> u64 {
        self.width
    }

    /// Whether the tile will never be replaced by a wider one.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The full tile at the same place, which a log may serve instead of a partial one that the
    /// tree has outgrown. `None` if no tree is so large.
    #[must_use]
    pub fn full(&self) -> Option<Self> {
        Self::new(self.level, self.index, TILE_WIDTH).ok()
    }

    /// Index of the first leaf below the tile, and of the leaf behind the last one.
    #[must_use]
    pub fn leaves(&self) -> std::ops::Range<u64> {
        let first = self.index * TILE_WIDTH;
        first * span(self.level)..(first + self.width) * span(self.level)
    }

    /// Reads the tile's bytes: one hash after another. Whether they are the right ones only a root
    /// can tell.
    pub fn hashes(&self, bytes: &[u8]) -> Result<Vec<Hash>, TileError> {
        let (hashes, _) = bytes.as_chunks::<32>();
        let (expected, actual) = (32 * self.width, bytes.len() as u64);
        if expected != actual {
            return Err(TileError::Length { expected, actual });
        }
        Ok(hashes.iter().copied().map(Hash::from).collect())
    }

    /// Writes what [`Tile::hashes`] reads.
    pub fn bytes(&self, hashes: &[Hash]) -> Result<Vec<u8>, TileError> {
        let (expected, actual) = (32 * self.width, 32 * hashes.len() as u64);
        if expected != actual {
            return Err(TileError::Length { expected, actual });
        }
        Ok(hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }
}

/// 256^level, for a level below [`LEVELS`].
const fn span(level: u8) -> u64 {
    1 << (8 * level as u32)
}

/// The tiles that a tree of `new_size` leaves has and a tree of `old_size` has not, or narrower:
/// what is to be written when the tree has grown. Level by level, from left to right. With
/// `old_size` 0 all tiles of the tree.
pub fn new_tiles(old_size: u64, new_size: u64) -> impl Iterator<Item = Tile> {
    let new_size = new_size.min(MAX_INTEGER);
    (0..LEVELS).flat_map(move |level| {
        let (old, new) = (old_size / span(level), new_size / span(level));
        // Equal widths leave nothing to write, although the last tile may be a partial one.
        let places = if old < new { old / TILE_WIDTH..new.div_ceil(TILE_WIDTH) } else { 0..0 };
        places.filter_map(move |index| Tile::of_tree(level, index, new_size))
    })
}

/// What lies below `tile/` of a log's prefix.
///
/// As text it is the path without a slash at its beginning: `tile/0/x001/x234/067`,
/// `tile/1/000.p/17`, `tile/entries/273.p/112`. One resource has one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TilePath {
    /// A tile of hashes.
    Hashes(Tile),
    /// The entries whose hashes are this tile, which is of level 0.
    Entries(Tile),
}

impl TilePath {
    /// The tile of the path: for entries the one of their hashes.
    #[must_use]
    pub const fn tile(&self) -> Tile {
        match self {
            Self::Hashes(tile) | Self::Entries(tile) => *tile,
        }
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hashes(tile) => write!(f, "tile/{}", tile.level)?,
            Self::Entries(_) => write!(f, "tile/entries")?,
        }
        let Tile { index, width, .. } = self.tile();
        let groups = index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "/x{:03}", index / 1000_u64.pow(group) % 1000)?;
        }
        write!(f, "/{:03}", index % 1000)?;
        if width == TILE_WIDTH { Ok(()) } else { write!(f, ".p/{width}") }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(text: &str) -> Result<Self, TileError> {
        let (level, place) = text.strip_prefix("tile/").and_then(|rest| rest.split_once('/')).ok_or(TileError::Path)?;
        let (index, width) = match place.split_once(".p/") {
            Some((index, width)) => (index, decimal(width).ok_or(TileError::Path)?),
            None => (place, TILE_WIDTH),
        };
        let index = parse_index(index).ok_or(TileError::Path)?;
        let path = match level {
            "entries" => Self::Entries(Tile::new(0, index, width)?),
            level => {
                let level = decimal(level).and_then(|level| u8::try_from(level).ok()).ok_or(TileError::Path)?;
                Self::Hashes(Tile::new(level, index, width)?)
            }
        };
        // `x000/001` and `.p/256` are read above, but nothing is written so.
        if path.to_string() == text { Ok(path) } else { Err(TileError::Path) }
    }
}

/// Reads `x001/x234/067`.
fn parse_index(text: &str) -> Option<u64> {
    text.split('/').try_fold(0_u64, |index, group| {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let is_group = digits.len() == 3 && digits.bytes().all(|digit| digit.is_ascii_digit());
        is_group.then(|| index.checked_mul(1000)?.checked_add(digits.parse().ok()?))?
    })
}

/// Writes entries as a bundle holds them: each after its length in two bytes, the higher first.
pub fn write_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, TileError> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| TileError::Entry(entry.len()))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Reads a bundle of exactly `width` entries.
pub fn read_bundle(width: u64, bytes: &[u8]) -> Result<Vec<&[u8]>, TileError> {
    let mut entries = Vec::new();
    let mut rest = bytes;
    while let Some((length, behind)) = rest.split_first_chunk() {
        let entry = behind.split_at_checked(usize::from(u16::from_be_bytes(*length)));
        let (entry, behind) = entry.ok_or(TileError::Bundle(width))?;
        entries.push(entry);
        rest = behind;
    }
    let is_whole = rest.is_empty() && entries.len() as u64 == width;
    if is_whole { Ok(entries) } else { Err(TileError::Bundle(width)) }
}

const _: () = assert!(MAX_LEAF_BYTES == u16::MAX as usize, "a leaf fits into a bundle");
