//! The compact range and the proofs against the definition of RFC 9162 and against another
//! implementation.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof};
use proptest::prelude::*;
use sfs_ledger::{
    CompactRange, Hash, ProofError, consistency_proof, inclusion_proof, leaf_hash, node_hash, root_of_empty_tree,
    verify_consistency, verify_inclusion,
};
use sha2::Sha256;

type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

/// The borders at which the shape of a tree or of its 256-wide tiles changes.
const SIZES: [u64; 11] = [0, 1, 2, 3, 4, 255, 256, 257, 65_535, 65_536, 65_537];

fn leaf(place: u64) -> Vec<u8> {
    format!("leaf {place}").into_bytes()
}

fn leaf_hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|place| leaf_hash(&leaf(place))).collect()
}

fn range_over(leaves: &[Hash]) -> CompactRange {
    let mut range = CompactRange::new();
    leaves.iter().for_each(|leaf| range.push(*leaf));
    range
}

fn oracle_of(size: u64) -> Oracle {
    let mut oracle = Oracle::new();
    (0..size).for_each(|place| oracle.push(leaf(place)));
    oracle
}

/// MTH as RFC 9162 2.1.1 defines it: split at the largest power of two that is smaller than the
/// size.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => root_of_empty_tree(),
        1 => leaves[0],
        size => {
            let mut split = 1;
            while split * 2 < size {
                split *= 2;
            }
            node_hash(&naive_root(&leaves[..split]), &naive_root(&leaves[split..]))
        }
    }
}

#[test]
fn the_root_is_the_one_of_the_definition_and_of_the_oracle_at_every_border() {
    let leaves = leaf_hashes(65_537);
    let (mut range, mut oracle) = (CompactRange::new(), Oracle::new());
    for size in SIZES {
        for place in range.size()..size {
            range.push(leaves[place as usize]);
            oracle.push(leaf(place));
        }
        assert_eq!(range.size(), size);
        assert_eq!(range.root(), naive_root(&leaves[..size as usize]), "size {size}");
        // The oracle knows no root of nothing.
        if size > 0 {
            assert_eq!(range.root().as_ref(), oracle.root().as_bytes().as_slice(), "size {size}");
        }
        assert_eq!(CompactRange::from_bytes(size, &range.to_bytes()).unwrap(), range);
    }
}

#[test]
fn the_empty_tree_has_the_root_of_nothing() {
    assert_eq!(CompactRange::new().root(), root_of_empty_tree());
    assert_eq!(root_of_empty_tree().to_b64(), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_as_the_oracle_proves_it() {
    for size in 1..=70 {
        let leaves = leaf_hashes(size);
        let (root, oracle) = (range_over(&leaves).root(), oracle_of(size));
        for index in 0..size {
            let path = inclusion_proof(&leaves, index as usize).unwrap();
            assert_eq!(bytes_of(&path), oracle.prove_inclusion(index as usize).as_bytes());
            assert_eq!(verify_inclusion(&leaves[index as usize], index, size, &path, &root), Ok(()));
        }
    }
}

#[test]
fn every_growth_of_every_small_tree_is_proven_as_the_oracle_proves_it() {
    let roots: Vec<_> = (0..=40).map(|size| range_over(&leaf_hashes(size)).root()).collect();
    for new in 0..=40_u64 {
        let (leaves, oracle) = (leaf_hashes(new), oracle_of(new));
        for old in 0..=new {
            let proof = consistency_proof(&leaves, old as usize).unwrap();
            let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
            assert_eq!(verify_consistency(old, new, &proof, old_root, new_root), Ok(()), "{old} to {new}");
            // The oracle refuses to prove growth from nothing.
            if old > 0 {
                let oracle = oracle.prove_consistency((new - old) as usize);
                assert_eq!(bytes_of(&proof), oracle.as_bytes(), "{old} to {new}");
            }
        }
    }
}

#[test]
fn proofs_hold_at_the_borders_of_large_trees() {
    let leaves = leaf_hashes(65_537);
    for size in [255_usize, 256, 257, 65_535, 65_536, 65_537] {
        let root = range_over(&leaves[..size]).root();
        for index in [0, 1, 127, 128, 253, 254, size / 2, size - 2, size - 1] {
            let path = inclusion_proof(&leaves[..size], index).unwrap();
            assert_eq!(verify_inclusion(&leaves[index], index as u64, size as u64, &path, &root), Ok(()));
        }
        for old in [1, 2, 3, 127, 128, 129, size - 1] {
            let proof = consistency_proof(&leaves[..size], old).unwrap();
            let old_root = range_over(&leaves[..old]).root();
            assert_eq!(verify_consistency(old as u64, size as u64, &proof, &old_root, &root), Ok(()));
        }
    }
}

#[test]
fn a_proof_of_what_does_not_exist_is_refused() {
    let leaves = leaf_hashes(3);
    let root = range_over(&leaves).root();
    assert_eq!(inclusion_proof(&leaves, 3), Err(ProofError::OutOfRange));
    assert_eq!(inclusion_proof(&[], 0), Err(ProofError::OutOfRange));
    assert_eq!(consistency_proof(&leaves, 4), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(&leaves[0], 3, 3, &[], &root), Err(ProofError::OutOfRange));
    assert_eq!(verify_inclusion(&leaves[0], 0, 0, &[], &root), Err(ProofError::OutOfRange));
    assert_eq!(verify_consistency(4, 3, &[], &root, &root), Err(ProofError::OutOfRange));
    // Growth from nothing needs no hashes, but the right root of nothing.
    assert_eq!(verify_consistency(0, 3, &[], &root_of_empty_tree(), &root), Ok(()));
    assert_eq!(verify_consistency(0, 3, &[], &root, &root), Err(ProofError::Root));
    assert_eq!(verify_consistency(0, 3, &[root], &root_of_empty_tree(), &root), Err(ProofError::Length));
    assert_eq!(verify_consistency(3, 3, &[], &root, &leaves[0]), Err(ProofError::Root));
    assert_eq!(verify_consistency(3, 3, &[root], &root, &root), Err(ProofError::Length));
    assert_eq!(verify_consistency(1, 3, &[], &leaves[0], &root), Err(ProofError::Length));
    assert_eq!(verify_consistency(3, 4, &[], &root, &root), Err(ProofError::Length));
}

fn grown() -> impl Strategy<Value = (u64, u64)> {
    (2_u64..600).prop_flat_map(|new| (1..new, Just(new)))
}

proptest! {
    #[test]
    fn a_range_that_is_stored_and_restored_anywhere_has_the_root_of_the_definition(
        size in 0_usize..2_000,
        stop in any::<proptest::sample::Index>(),
    ) {
        let leaves = leaf_hashes(size as u64);
        let stop = stop.index(size + 1);
        let stored = range_over(&leaves[..stop]).to_bytes();
        let mut range = CompactRange::from_bytes(stop as u64, &stored).unwrap();
        leaves[stop..].iter().for_each(|leaf| range.push(*leaf));
        prop_assert_eq!(range.root(), naive_root(&leaves));
    }

    #[test]
    fn a_changed_inclusion_proof_is_refused(
        (index, size) in grown(),
        place in any::<proptest::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let leaves = leaf_hashes(size);
        let root = range_over(&leaves).root();
        let path = inclusion_proof(&leaves, index as usize).unwrap();
        let right = &leaves[index as usize];

        let mut changed = path.clone();
        let place = place.index(path.len());
        changed[place] = flipped(path[place], bit);
        prop_assert_eq!(verify_inclusion(right, index, size, &changed, &root), Err(ProofError::Root));
        prop_assert_eq!(verify_inclusion(&flipped(*right, bit), index, size, &path, &root), Err(ProofError::Root));
        prop_assert_eq!(verify_inclusion(right, index, size, &path, &flipped(root, bit)), Err(ProofError::Root));
        prop_assert_eq!(verify_inclusion(right, index, size, &path[1..], &root), Err(ProofError::Length));
        let longer = [&path[..], &[root]].concat();
        prop_assert_eq!(verify_inclusion(right, index, size, &longer, &root), Err(ProofError::Length));
        prop_assert!(verify_inclusion(right, index - 1, size, &path, &root).is_err());
        prop_assert!(verify_inclusion(right, index + 1, size, &path, &root).is_err());
    }

    #[test]
    fn a_changed_consistency_proof_is_refused(
        (old, new) in grown(),
        place in any::<proptest::sample::Index>(),
        bit in 0_usize..256,
    ) {
        let leaves = leaf_hashes(new);
        let (old_root, new_root) = (range_over(&leaves[..old as usize]).root(), range_over(&leaves).root());
        let proof = consistency_proof(&leaves, old as usize).unwrap();

        let mut changed = proof.clone();
        let place = place.index(proof.len());
        changed[place] = flipped(proof[place], bit);
        prop_assert!(verify_consistency(old, new, &changed, &old_root, &new_root).is_err());
        prop_assert!(verify_consistency(old, new, &proof, &flipped(old_root, bit), &new_root).is_err());
        prop_assert!(verify_consistency(old, new, &proof, &old_root, &flipped(new_root, bit)).is_err());
        prop_assert!(verify_consistency(old, new, &proof, &new_root, &old_root).is_err());
        prop_assert!(verify_consistency(old, new, &proof[..proof.len() - 1], &old_root, &new_root).is_err());
        let longer = [&proof[..], &[new_root]].concat();
        prop_assert!(verify_consistency(old, new, &longer, &old_root, &new_root).is_err());
    }

    #[test]
    fn a_tree_with_another_past_is_no_continuation((old, new) in grown(), place in any::<proptest::sample::Index>()) {
        let leaves = leaf_hashes(new);
        let old_root = range_over(&leaves[..old as usize]).root();
        let mut forged = leaves;
        let place = place.index(old as usize);
        forged[place] = leaf_hash(b"forged");
        let proof = consistency_proof(&forged, old as usize).unwrap();
        let new_root = range_over(&forged).root();
        prop_assert_eq!(verify_consistency(old, new, &proof, &old_root, &new_root), Err(ProofError::Root));
    }

    #[test]
    fn no_numbers_and_hashes_make_the_verifiers_panic(
        one in any::<u64>(),
        other in any::<u64>(),
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<_> = proof.into_iter().map(Hash::from).collect();
        let root = leaf_hash(b"");
        prop_assert!(verify_inclusion(&root, one, other, &proof, &root).is_err());
        // Equal sizes with equal roots are consistent, whatever the root.
        let consistent = one == other && proof.is_empty();
        prop_assert_eq!(verify_consistency(one, other, &proof, &root, &root).is_ok(), consistent);
    }

    #[test]
    fn the_oracle_accepts_our_proofs((old, new) in grown()) {
        let leaves = leaf_hashes(new);
        let (before, after) = (oracle_of(old).root(), oracle_of(new).root());
        let path = inclusion_proof(&leaves, old as usize).unwrap();
        let path = InclusionProof::<Sha256>::try_from_bytes(bytes_of(&path)).unwrap();
        prop_assert!(after.verify_inclusion(&leaf(old), old, &path).is_ok());
        let proof = consistency_proof(&leaves, old as usize).unwrap();
        let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes_of(&proof)).unwrap();
        prop_assert!(after.verify_consistency(&before, &proof).is_ok());
    }
}

#[test]
fn the_verifiers_take_the_largest_trees() {
    // A tree of 2^63 + 1 leaves: the last leaf's path is the root of the other 2^63.
    let (large, last) = (leaf_hash(b"large"), leaf_hash(b"last"));
    let (size, root) = ((1 << 63) + 1, node_hash(&large, &last));
    assert_eq!(verify_inclusion(&last, 1 << 63, size, &[large], &root), Ok(()));
    assert_eq!(verify_consistency(1 << 63, size, &[last], &large, &root), Ok(()));
    assert_eq!(verify_consistency(u64::MAX - 1, u64::MAX, &[], &large, &root), Err(ProofError::Length));
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from(bytes)
}
