//! Inclusion and consistency proofs of RFC 9162 2.1.3 and 2.1.4. The makers follow the definitions
//! over all leaf hashes and are as slow as these; the verifiers are the loops of 2.1.3.2 and
//! 2.1.4.2.

use crate::hash::{Hash, node_hash};
use crate::tree::root_of_empty_tree;

/// A proof does not prove what it is given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The leaf does not exist in a tree of that size, or the older tree is larger than the newer
    /// one.
    #[error("there is no such proof for trees of these sizes")]
    OutOfRange,
    /// The proof has more or fewer hashes than trees of these sizes need.
    #[error("the proof has a wrong length")]
    Length,
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// The path from leaf `index` (from 0) to the root of the tree over these leaf hashes, lowest
/// first.
pub fn inclusion_proof(leaf_hashes: &[Hash], index: usize) -> Result<Vec<Hash>, ProofError> {
    if index >= leaf_hashes.len() {
        return Err(ProofError::OutOfRange);
    }
    let mut path = Vec::new();
    push_path(leaf_hashes, index, &mut path);
    Ok(path)
}

/// PATH of RFC 9162 2.1.3.1.
fn push_path(leaves: &[Hash], index: usize, path: &mut Vec<Hash>) {
    if leaves.len() <= 1 {
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if index < left.len() {
        push_path(left, index, path);
        path.push(root(right));
    } else {
        push_path(right, index - left.len(), path);
        path.push(root(left));
    }
}

/// What shows that the tree over these leaf hashes continues the tree over the first `old_size` of
/// them. Empty for `old_size` 0 and for equal sizes.
pub fn consistency_proof(leaf_hashes: &[Hash], old_size: usize) -> Result<Vec<Hash>, ProofError> {
    if old_size > leaf_hashes.len() {
        return Err(ProofError::OutOfRange);
    }
    let mut proof = Vec::new();
    if old_size > 0 {
        push_subproof(leaf_hashes, old_size, true, &mut proof);
    }
    Ok(proof)
}

/// SUBPROOF of RFC 9162 2.1.4.1; `known` is its boolean: whether the old root is this subtree's.
fn push_subproof(leaves: &[Hash], old_size: usize, known: bool, proof: &mut Vec<Hash>) {
    if old_size == leaves.len() {
        if !known {
            proof.push(root(leaves));
        }
        return;
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    if old_size <= left.len() {
        push_subproof(left, old_size, known, proof);
        proof.push(root(right));
    } else {
        push_subproof(right, old_size - left.len(), false, proof);
        proof.push(root(left));
    }
}

/// The largest power of two below `size`, which is at least 2.
fn split(size: usize) -> usize {
    1 << (size - 1).ilog2()
}

/// MTH of RFC 9162 2.1.1.
fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => root_of_empty_tree(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// Checks that the leaf with this hash is leaf `index` (from 0: position minus one) of the tree.
pub fn verify_inclusion(leaf_hash: &Hash, index: u64, size: u64, path: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    // `node` is the place of `hash` in its level, `last` that of the level's last node.
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf_hash);
    for sibling in path {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            // The last node of a level has no sibling until its place is odd: it rises unchanged.
            let risen = node.trailing_zeros();
            (node, last) = (node >> risen, last >> risen);
        } else {
            hash = node_hash(&hash, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    arrived(last == 0, &[(hash, *root)])
}

/// Checks that the newer tree continues the older one: the first `old_size` leaves are the same.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    proof: &[Hash],
    old_root: &Hash,
    new_root: &Hash,
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == new_size {
        return arrived(proof.is_empty(), &[(*old_root, *new_root)]);
    }
    if old_size == 0 {
        return arrived(proof.is_empty(), &[(*old_root, root_of_empty_tree())]);
    }
    // An old tree that is one perfect subtree is its own first hash, and is not sent.
    let (first, rest) = match proof.split_first() {
        _ if old_size.is_power_of_two() => (*old_root, proof),
        Some((first, rest)) => (*first, rest),
        None => return Err(ProofError::Length),
    };
    let risen = (old_size - 1).trailing_ones();
    let (mut node, mut last) = ((old_size - 1) >> risen, (new_size - 1) >> risen);
    let (mut old, mut new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node % 2 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            let risen = node.trailing_zeros();
            (node, last) = (node >> risen, last >> risen);
        } else {
            new = node_hash(&new, sibling);
        }
        (node, last) = (node >> 1, last >> 1);
    }
    arrived(last == 0, &[(old, *old_root), (new, *new_root)])
}

fn arrived(complete: bool, roots: &[(Hash, Hash)]) -> Result<(), ProofError> {
    match complete {
        false => Err(ProofError::Length),
        true if roots.iter().all(|(computed, claimed)| computed == claimed) => Ok(()),
        true => Err(ProofError::Root),
    }
}
