//! One proof that many leaves are in a tree: the roots of the largest subtrees without any of them,
//! from left to right, so that no hash stands twice. The format is ours; the single proofs of RFC
//! 9162 can be derived from the same tiles.

use std::ops::Range;

use crate::hash::{Hash, node_hash};
use crate::proof::ProofError;
use crate::tiled::split;
use crate::writer::MAX_INTEGER;

/// Checks that each of these leaves, given by its index (from 0) and its hash, is in the tree. The
/// indexes ascend strictly and are at least one.
pub fn verify_multiproof(leaves: &[(u64, Hash)], size: u64, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    check_order(leaves.iter().map(|(index, _)| *index), size)?;
    let mut rest = proof;
    let computed = fold(0..size, leaves, &mut rest)?;
    match rest {
        [] if computed == *root => Ok(()),
        [] => Err(ProofError::Root),
        _ => Err(ProofError::Length),
    }
}

/// The root of the subtree, from its leaves and from the hashes of the proof that come next.
fn fold(tree: Range<u64>, leaves: &[(u64, Hash)], proof: &mut &[Hash]) -> Result<Hash, ProofError> {
    match (leaves, split(&tree)) {
        ([], _) => {
            let (next, rest) = proof.split_first().ok_or(ProofError::Length)?;
            *proof = rest;
            Ok(*next)
        }
        ([(_, hash), ..], None) => Ok(*hash),
        (_, Some((left, right))) => {
            let (in_left, in_right) = leaves.split_at(leaves.partition_point(|(index, _)| *index < left.end));
            let left = fold(left, in_left, proof)?;
            Ok(node_hash(&left, &fold(right, in_right, proof)?))
        }
    }
}

/// The subtrees whose roots are the proof of these leaves.
pub(crate) fn subtrees(indexes: &[u64], size: u64) -> Result<Vec<Range<u64>>, ProofError> {
    check_order(indexes.iter().copied(), size)?;
    let mut subtrees = Vec::new();
    push_subtrees(0..size, indexes, &mut subtrees);
    Ok(subtrees)
}

fn push_subtrees(tree: Range<u64>, indexes: &[u64], subtrees: &mut Vec<Range<u64>>) {
    match (indexes, split(&tree)) {
        ([], _) => subtrees.push(tree),
        // The leaf itself is given.
        (_, None) => {}
        (_, Some((left, right))) => {
            let (in_left, in_right) = indexes.split_at(indexes.partition_point(|index| *index < left.end));
            push_subtrees(left, in_left, subtrees);
            push_subtrees(right, in_right, subtrees);
        }
    }
}

/// At least one index, each above the one before it, none outside of the tree. So the recursion
/// above is as deep as the tree, at most 53 steps, and meets no leaf twice.
fn check_order(indexes: impl Iterator<Item = u64>, size: u64) -> Result<(), ProofError> {
    let mut least = 0;
    for index in indexes {
        if index < least || index >= size {
            return Err(ProofError::OutOfRange);
        }
        least = index + 1;
    }
    if least > 0 && size <= MAX_INTEGER { Ok(()) } else { Err(ProofError::OutOfRange) }
}
