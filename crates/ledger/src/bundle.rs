//! An evidence bundle: chosen events of the log with everything that shows that they are in it, as one
//! file. Here are its parts and their bytes; whether they prove anything, `verifier` says.
//!
//! The files, always in this order, those with `?` only if there is something to say:
//! `checkpoint` (signed note), `consistency`? (`old <size>`, then a hash a line, standard base64),
//! `positions` (each as its distance from the one before, LEB128), `leaves.bin` (each leaf after its
//! length in two bytes), `open.bin` (each open body after its length in four bytes), `multiproof.bin`
//! (hashes of 32 bytes), `disclosures`? (`<position> <disclosure>` a line), any `*.tsr` (RFC 3161
//! replies for the checkpoint), `SHA256SUMS` (of all files before it, as `sha256sum -c` reads them).

use std::fmt::Write as _;

use crate::checkpoint::decimal;
use crate::container::{ContainerError, END, file_header, padding, read_container};
use crate::hash::{Hash, digest};
use crate::writer::MAX_INTEGER;

/// The last file: digests of those before it, so that a damaged bundle is known as one.
pub const SUMS: &str = "SHA256SUMS";

/// Disclosures, consistency proof and checkpoint together are texts of at most this many bytes each.
const MAX_LINES: usize = 64 << 20;

/// The bytes are no bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// The container itself.
    #[error(transparent)]
    Container(#[from] ContainerError),
    /// A file that belongs there is not.
    #[error("the file `{0}` is missing")]
    Missing(&'static str),
    /// A file that no bundle has, has twice, or has at another place.
    #[error("the file `{0}` does not belong there")]
    Unexpected(String),
    /// The digests of the files are not those that the bundle names: it was damaged.
    #[error("the files are not those that `{SUMS}` names")]
    Sums,
    /// A file is not spelled as it is written.
    #[error("the file `{0}` is malformed")]
    Malformed(&'static str),
}

/// The parts of a bundle, as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bundle<'a> {
    /// The signed note that everything leads to.
    pub checkpoint: &'a [u8],
    /// What shows that the log of the checkpoint continues an earlier one.
    pub consistency: Option<&'a [u8]>,
    /// The positions of the events.
    pub positions: &'a [u8],
    /// Their leaves.
    pub leaves: &'a [u8],
    /// Their open bodies.
    pub open: &'a [u8],
    /// The hashes that lead from the leaves to the root.
    pub multiproof: &'a [u8],
    /// Attributes that the leaves commit to.
    pub disclosures: Option<&'a [u8]>,
    /// Timestamp replies with their names, in the order of these.
    pub timestamps: Vec<(&'a str, &'a [u8])>,
}

impl<'a> Bundle<'a> {
    /// Takes the container apart: all files that must be there, none else, each once and in order.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, BundleError> {
        let files = read_container(bytes)?;
        let mut rest = &files[..];
        let mut next = |name: &'static str, is_needed: bool| match rest.split_first() {
            Some(((found, content), behind)) if *found == name => {
                rest = behind;
                Ok(Some(*content))
            }
            _ if !is_needed => Ok(None),
            // It is there, but something else stands before it.
            Some(((other, _), _)) if files.iter().any(|(found, _)| *found == name) => {
                Err(BundleError::Unexpected((*other).to_owned()))
            }
            _ => Err(BundleError::Missing(name)),
        };
        let checkpoint = next("checkpoint", true)?.unwrap_or_default();
        let consistency = next("consistency", false)?;
        let positions = next("positions", true)?.unwrap_or_default();
        let leaves = next("leaves.bin", true)?.unwrap_or_default();
        let open = next("open.bin", true)?.unwrap_or_default();
        let multiproof = next("multiproof.bin", true)?.unwrap_or_default();
        let disclosures = next("disclosures", false)?;
        let replies = rest.iter().take_while(|(name, _)| is_timestamp(name)).count();
        let (timestamps, last) = rest.split_at(replies);
        if let Some(pair) = timestamps.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            return Err(BundleError::Unexpected(pair[1].0.to_owned()));
        }
        let sums = match last {
            [] => return Err(BundleError::Missing(SUMS)),
            [(SUMS, sums)] => sums,
            [(SUMS, _), (name, _), ..] | [(name, _), ..] => return Err(BundleError::Unexpected((*name).to_owned())),
        };
        let timestamps = timestamps.to_vec();
        let bundle = Self { checkpoint, consistency, positions, leaves, open, multiproof, disclosures, timestamps };
        if bundle.sums().as_bytes() == *sums { Ok(bundle) } else { Err(BundleError::Sums) }
    }

    /// All files but the last with their names, in order.
    fn files(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let first = [("checkpoint", Some(self.checkpoint)), ("consistency", self.consistency)];
        let records = [("positions", self.positions), ("leaves.bin", self.leaves), ("open.bin", self.open)];
        let last = [("multiproof.bin", Some(self.multiproof)), ("disclosures", self.disclosures)];
        let records = records.map(|(name, content)| (name, Some(content)));
        let all = first.into_iter().chain(records).chain(last);
        all.filter_map(|(name, content)| Some((name, content?))).chain(self.timestamps.clone())
    }

    fn sums(&self) -> String {
        self.files().map(|(name, content)| sums_line(name, &digest(content))).collect()
    }

    /// Writes what [`Bundle::parse`] reads. Whether the parts fit together is not checked.
    pub fn pack(&self) -> Result<Vec<u8>, BundleError> {
        let sums = self.sums();
        let mut bytes = Vec::new();
        for (name, content) in self.files().chain([(SUMS, sums.as_bytes())]) {
            let size = content.len() as u64;
            bytes.extend(file_header(name, size)?);
            bytes.extend(content);
            bytes.extend(padding(size));
        }
        bytes.extend(END);
        Ok(bytes)
    }
}

/// Whether a file of that name may be a timestamp reply: letters, digits and hyphens, then `.tsr`.
#[must_use]
pub fn is_timestamp(name: &str) -> bool {
    name.strip_suffix(".tsr")
        .is_some_and(|stem| !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// The line of a file in [`SUMS`].
#[must_use]
pub fn sums_line(name: &str, digest: &Hash) -> String {
    let mut line = String::new();
    for byte in digest.as_bytes() {
        let _ = write!(line, "{byte:02x}");
    }
    line + "  " + name + "\n"
}

/// Appends a position behind `last` (0 before the first); it must be the larger one.
pub fn push_position(out: &mut Vec<u8>, last: u64, position: u64) {
    let mut rest = position - last;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Positions (from 1), which ascend strictly, in the one spelling that they have.
pub fn read_positions(bytes: &[u8]) -> Result<Vec<u64>, BundleError> {
    let malformed = BundleError::Malformed("positions");
    let (mut positions, mut last) = (Vec::new(), 0_u64);
    let (mut distance, mut shift) = (0_u64, 0_u32);
    for byte in bytes {
        // Eight groups of seven bits hold every position.
        if shift > 49 || (*byte == 0 && shift > 0) {
            return Err(malformed);
        }
        distance |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if *byte < 0x80 {
            last += distance;
            if distance == 0 || last > MAX_INTEGER {
                return Err(malformed);
            }
            positions.push(last);
            (distance, shift) = (0, 0);
        }
    }
    if shift == 0 && !positions.is_empty() { Ok(positions) } else { Err(malformed) }
}

/// The leaves, each after its length in two bytes, the higher first.
pub(crate) fn read_leaves(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    read_prefixed(bytes, |length: [u8; 2]| usize::from(u16::from_be_bytes(length)))
}

/// The open bodies, each after its length in four bytes, the highest first.
pub(crate) fn read_open_bodies(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    read_prefixed(bytes, |length: [u8; 4]| u32::from_be_bytes(length) as usize)
}

fn read_prefixed<const N: usize>(bytes: &[u8], length: impl Fn([u8; N]) -> usize) -> Option<Vec<&[u8]>> {
    let (mut items, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        let (prefix, behind) = rest.split_first_chunk()?;
        let (item, behind) = behind.split_at_checked(length(*prefix))?;
        items.push(item);
        rest = behind;
    }
    Some(items)
}

/// Hashes of 32 bytes, one behind the other.
pub(crate) fn read_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    rest.is_empty().then(|| hashes.iter().copied().map(Hash::from).collect())
}

/// Writes a consistency proof as a bundle holds it.
#[must_use]
pub fn write_consistency(old_size: u64, proof: &[Hash]) -> String {
    let lines = proof.iter().map(|hash| hash.to_standard_b64() + "\n");
    format!("old {old_size}\n") + &lines.collect::<String>()
}

/// The size that a consistency proof begins at, and its hashes.
pub(crate) fn read_consistency(bytes: &[u8]) -> Option<(u64, Vec<Hash>)> {
    let mut lines = lines(bytes)?;
    let old_size = decimal(lines.next()?.strip_prefix("old ")?)?;
    Some((old_size, lines.map(|line| Hash::from_standard_b64(line).ok()).collect::<Option<_>>()?))
}

/// Disclosures with their positions, in strictly ascending order of both, at least one.
pub(crate) fn read_disclosures(bytes: &[u8]) -> Option<Vec<(u64, &str)>> {
    let mut all = Vec::new();
    for line in lines(bytes)? {
        let (position, disclosure) = line.split_once(' ')?;
        all.push((decimal(position)?, disclosure));
    }
    all.is_sorted_by(|one, next| one < next).then_some(all)
}

/// The lines of a text, each with its newline, at least one.
fn lines(bytes: &[u8]) -> Option<std::str::Split<'_, char>> {
    if bytes.len() > MAX_LINES {
        return None;
    }
    Some(str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n'))
}
