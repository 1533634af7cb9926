//! What can be proved: the leaf of an event, the digest of its open body, the RFC 9162 tree over
//! all leaves and its head. No clock, no I/O, no chance and nothing of the programme: an auditor
//! can read this crate alone and know what a proof of the log means.

mod hash;
mod head;
mod leaf;
mod open;
mod proof;
mod reader;
mod timestamp;
mod tree;
mod writer;

pub use hash::{Hash, NotAHash, digest, leaf_hash, node_hash};
pub use head::{Head, HeadError};
pub use leaf::{LEAF_FORMAT, Leaf, LeafDraft, LeafError, MAX_LEAF_BYTES, PreparedLeaf, SealedRef};
pub use open::{OpenBody, OpenError, write_open};
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use reader::Malformed;
pub use timestamp::MAX_MICROS;
pub use tree::{CompactRange, RangeError, root_of_empty_tree};
pub use writer::MAX_INTEGER;
