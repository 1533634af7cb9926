//! The index by tags: for each tag and each run of 4,096 positions, which of them have it.
//!
//! A segment is written once, with the batch that completes it; the unfinished last segment is
//! found by looking at its events. So an append writes no index rows, and a list never changes.

use std::collections::BTreeMap;

/// Positions in one segment. Segment `n` holds the positions `n × 4,096 + 1` to `(n + 1) × 4,096`.
pub const SEGMENT: u64 = 4_096;

/// The segment of a position.
pub const fn segment_of(position: u64) -> u64 {
    (position - 1) / SEGMENT
}

/// A set of positions within a segment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bits([u64; (SEGMENT / 64) as usize]);

impl Bits {
    /// No position.
    pub const NONE: Self = Self([0; (SEGMENT / 64) as usize]);

    /// Every position.
    pub const ALL: Self = Self([u64::MAX; (SEGMENT / 64) as usize]);

    fn set(&mut self, offset: u16) {
        self.0[usize::from(offset) / 64] |= 1 << (offset % 64);
    }

    /// Adds the positions of another set.
    pub fn or(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    /// Keeps the positions that are in both.
    pub fn and(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine &= theirs;
        }
    }

    /// The positions, ascending, of the segment with that number.
    pub fn positions(&self, segment: u64) -> impl DoubleEndedIterator<Item = u64> + '_ {
        (0..SEGMENT)
            .filter(|offset| self.0[(offset / 64) as usize] >> (offset % 64) & 1 == 1)
            .map(move |offset| segment * SEGMENT + offset + 1)
    }

    /// Reads what [`List::encode`] wrote; `None` if it cannot be one.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bits = Self::NONE;
        if bytes.len() == (SEGMENT / 8) as usize {
            for (word, chunk) in bits.0.iter_mut().zip(bytes.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*chunk);
            }
        } else if bytes.len() < (SEGMENT / 8) as usize && bytes.len().is_multiple_of(2) {
            for offset in bytes.as_chunks::<2>().0 {
                let offset = u16::from_le_bytes(*offset);
                if u64::from(offset) >= SEGMENT {
                    return None;
                }
                bits.set(offset);
            }
        } else {
            return None;
        }
        Some(bits)
    }
}

/// The offsets of one tag in the segment that is being filled.
#[derive(Default)]
pub struct List(Vec<u16>);

impl List {
    /// Two bytes a position, or one bit for every position where that is shorter.
    pub fn encode(&self) -> Vec<u8> {
        if self.0.len() * 2 < (SEGMENT / 8) as usize {
            return self.0.iter().flat_map(|offset| offset.to_le_bytes()).collect();
        }
        let mut bits = Bits::NONE;
        for offset in &self.0 {
            bits.set(*offset);
        }
        bits.0.iter().flat_map(|word| word.to_le_bytes()).collect()
    }
}

/// The segment that is being filled.
#[derive(Default)]
pub struct Filling {
    lists: BTreeMap<i64, List>,
}

impl Filling {
    /// Adds a position with its tags; answers the complete segment if this was its last position.
    pub fn add(&mut self, position: u64, tags: &[i64]) -> Option<(u64, BTreeMap<i64, List>)> {
        let offset = ((position - 1) % SEGMENT) as u16;
        for tag in tags {
            self.lists.entry(*tag).or_default().0.push(offset);
        }
        (u64::from(offset) == SEGMENT - 1).then(|| (segment_of(position), std::mem::take(&mut self.lists)))
    }
}

/// Tag numbers of one event: ascending, variable length.
pub fn encode_tags(tags: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tags.len() * 2);
    for tag in tags {
        let mut rest = *tag as u64;
        while rest >= 0x80 {
            bytes.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        bytes.push(rest as u8);
    }
    bytes
}

/// Reads what [`encode_tags`] wrote; stops at what cannot be read.
pub fn decode_tags(bytes: &[u8]) -> Vec<i64> {
    let (mut tags, mut value, mut shift) = (Vec::new(), 0_u64, 0);
    for byte in bytes {
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            tags.push(value as i64);
            (value, shift) = (0, 0);
        } else {
            shift += 7;
            if shift > 56 {
                break;
            }
        }
    }
    tags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_whatever_its_length() {
        for every in [1, 2, 7, 16, 17, 4_096] {
            let offsets: Vec<u16> = (0..SEGMENT as u16).step_by(every).collect();
            let bits = Bits::decode(&List(offsets.clone()).encode()).unwrap();
            let positions: Vec<u64> = bits.positions(3).collect();
            let expected: Vec<u64> = offsets.iter().map(|o| 3 * SEGMENT + u64::from(*o) + 1).collect();
            assert_eq!(positions, expected);
        }
        assert_eq!(Bits::decode(&[1]), None);
        assert_eq!(Bits::decode(&[0xff, 0xff]), None);
    }

    #[test]
    fn tags_are_read_as_they_were_written() {
        let tags = vec![1, 127, 128, 300, 16_384, 2_000_000];
        assert_eq!(decode_tags(&encode_tags(&tags)), tags);
    }
}
