//! What can be proved: the leaf of an event, the digest of its open body, the RFC 9162 tree over
//! all leaves and its head; and in the formats of C2SP the tiles of that tree, its signed
//! checkpoints and the proofs that are handed out. No clock, no I/O, no chance and nothing of the
//! programme: an auditor can read this crate alone and know what a proof of the log means.

mod bundle;
mod chain;
mod checkpoint;
mod container;
mod cosignature;
mod disclosure;
mod hash;
mod head;
mod leaf;
mod multiproof;
mod note;
mod open;
mod policy;
mod proof;
mod reader;
mod replay;
mod report;
mod tile;
mod tiled;
mod timestamp;
mod tlog_proof;
mod tree;
mod verifier;
mod writer;

pub use bundle::{
    Bundle, BundleError, SUMS, is_timestamp, push_position, read_positions, sums_line, write_consistency,
};
pub use chain::Chain;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use container::{BLOCK, ContainerError, END, file_header, padding};
pub use cosignature::{COSIGNATURE, MAX_COSIGNATURE_TIME, WitnessKey, cosigned_message};
pub use disclosure::{disclosure_digest, read_disclosure};
pub use hash::{Hash, NotAHash, digest, leaf_hash, node_hash};
pub use head::{Head, HeadError};
pub use leaf::{LEAF_FORMAT, Leaf, LeafDraft, LeafError, MAX_LEAF_BYTES, PreparedLeaf, SealedRef};
pub use multiproof::verify_multiproof;
pub use note::{
    ED25519, KeyTextError, MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES, NamedKey, NoteError, NoteSignature, SignedNote,
    Verified, VerifierKey, is_key_name, key_id,
};
pub use open::{OpenBody, OpenError, write_open};
pub use policy::{Evaluation, MAX_POLICY_BYTES, Policy, PolicyError, PolicyFault, PolicyRefusal, Quorum, TrustedLog};
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};
pub use reader::Malformed;
pub use replay::Replay;
pub use report::{Facts, Finding, Outcome, Report};
pub use tile::{TILE_WIDTH, Tile, TileError, TilePath, new_tiles, read_bundle, write_bundle};
pub use tiled::{MissingTile, ProofPlan, tile_root};
pub use timestamp::MAX_MICROS;
pub use tlog_proof::{MAX_EXTRA_BYTES, TlogProof, TlogProofError};
pub use tree::{CompactRange, RangeError, root_of_empty_tree};
pub use verifier::{Terms, verify_bundle, verify_checkpoint, verify_growth};
pub use writer::MAX_INTEGER;
