//! Roots and proofs from tiles, single and many at once, against proofs over all hashes and against
//! another implementation.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use sfs_ledger::{
    CompactRange, Hash, MAX_INTEGER, MissingTile, ProofError, ProofPlan, Tile, TilePath, consistency_proof,
    inclusion_proof, leaf_hash, new_tiles, tile_root, verify_consistency, verify_inclusion, verify_multiproof,
};

const BORDERS: [u64; 8] = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537];

fn leaf_hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|place| leaf_hash(&place.to_be_bytes())).collect()
}

fn root_of(leaves: &[Hash]) -> Hash {
    tile_root(leaves)
}

/// All tiles of a tree, made from the definition: each hash is a root over leaves.
struct Served(BTreeMap<Tile, Vec<Hash>>);

impl Served {
    fn of(leaves: &[Hash]) -> Self {
        let content = |tile: Tile| {
            let below = tile.leaves();
            let span = (below.end - below.start) / tile.width();
            leaves[below.start as usize..below.end as usize].chunks(span as usize).map(root_of).collect()
        };
        Self(new_tiles(0, leaves.len() as u64).map(|tile| (tile, content(tile))).collect())
    }

    /// Computes from exactly the tiles that the plan asked for.
    fn compute(&self, plan: &ProofPlan) -> Result<Vec<Hash>, MissingTile> {
        let needed = plan.tiles();
        plan.compute(|tile| self.0.get(&tile).filter(|_| needed.contains(&tile)).map(Vec::as_slice))
    }
}

fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from(bytes)
}

#[test]
fn proofs_from_tiles_are_the_proofs_over_all_hashes_at_every_border() {
    let leaves = leaf_hashes(65_537);
    for size in BORDERS {
        let leaves = &leaves[..size as usize];
        let served = Served::of(leaves);
        assert_eq!(served.compute(&ProofPlan::root(size).unwrap()).unwrap(), [root_of(leaves)], "size {size}");
        for index in BORDERS.into_iter().filter(|index| *index < size) {
            let path = served.compute(&ProofPlan::inclusion(index, size).unwrap()).unwrap();
            assert_eq!(Ok(path), inclusion_proof(leaves, index as usize), "{index} of {size}");
        }
        for old in BORDERS.into_iter().filter(|old| *old <= size) {
            let proof = served.compute(&ProofPlan::consistency(old, size).unwrap()).unwrap();
            assert_eq!(Ok(proof), consistency_proof(leaves, old as usize), "{old} to {size}");
        }
    }
}

#[test]
fn there_is_no_plan_for_what_does_not_exist() {
    for (index, size) in [(0, 0), (3, 3), (u64::MAX, 3), (0, MAX_INTEGER + 1), (0, u64::MAX)] {
        assert_eq!(ProofPlan::inclusion(index, size), Err(ProofError::OutOfRange));
        assert_eq!(ProofPlan::multiproof(&[index], size), Err(ProofError::OutOfRange));
    }
    assert_eq!(ProofPlan::consistency(4, 3), Err(ProofError::OutOfRange));
    assert_eq!(ProofPlan::consistency(1, u64::MAX), Err(ProofError::OutOfRange));
    assert_eq!(ProofPlan::root(u64::MAX), Err(ProofError::OutOfRange));
    for unordered in [&[][..], &[1, 1], &[2, 1], &[0, 1, 0]] {
        assert_eq!(ProofPlan::multiproof(unordered, 3), Err(ProofError::OutOfRange));
    }
}

#[test]
fn the_largest_tree_is_planned_with_few_tiles() {
    let plan = ProofPlan::inclusion(MAX_INTEGER / 3, MAX_INTEGER).unwrap();
    // On each of the seven levels the tile above the leaf, and that at the right border.
    assert!((7..=14).contains(&plan.tiles().len()), "{:?}", plan.tiles());
    let tile = [Hash::from([7; 32]); 256];
    let path = plan.compute(|_| Some(&tile[..])).unwrap();
    assert_eq!(path.len(), 53);
    let growth = ProofPlan::consistency(MAX_INTEGER / 3, MAX_INTEGER).unwrap();
    assert!((7..=14).contains(&growth.tiles().len()), "{:?}", growth.tiles());
    assert_eq!(ProofPlan::root(MAX_INTEGER).unwrap().tiles().len(), 7);
}

#[test]
fn a_tile_that_is_missing_or_too_narrow_is_named() {
    let served = Served::of(&leaf_hashes(300));
    let plan = ProofPlan::inclusion(280, 300).unwrap();
    let needed = plan.tiles();
    assert_eq!(needed.len(), 2, "{needed:?}");
    for missing in needed {
        let without = plan.compute(|tile| served.0.get(&tile).filter(|_| tile != missing).map(Vec::as_slice));
        assert_eq!(without, Err(MissingTile(missing)));
        let narrow = plan.compute(|tile| {
            let hashes = served.0.get(&tile)?;
            Some(if tile == missing { &hashes[..hashes.len() - 1] } else { hashes })
        });
        assert_eq!(narrow, Err(MissingTile(missing)));
    }
}

#[test]
fn a_full_tile_serves_for_the_partial_one_that_the_tree_has_outgrown() {
    let leaves = leaf_hashes(512);
    let (now, plan) = (Served::of(&leaves), ProofPlan::inclusion(280, 300).unwrap());
    let path = plan.compute(|tile| {
        let grown = Tile::of_tree(tile.level(), tile.index(), 512)?;
        assert!(grown.width() > tile.width());
        now.0.get(&grown).map(Vec::as_slice)
    });
    assert_eq!(Ok(path.unwrap()), inclusion_proof(&leaves[..300], 280));
}

#[test]
fn a_multiproof_of_one_leaf_has_the_hashes_of_its_path_and_of_all_leaves_none() {
    let leaves = leaf_hashes(300);
    let served = Served::of(&leaves);
    let mut single = served.compute(&ProofPlan::multiproof(&[280], 300).unwrap()).unwrap();
    let mut path = inclusion_proof(&leaves, 280).unwrap();
    single.sort_unstable();
    path.sort_unstable();
    assert_eq!(single, path);
    let all: Vec<u64> = (0..300).collect();
    assert_eq!(served.compute(&ProofPlan::multiproof(&all, 300).unwrap()).unwrap(), []);
}

#[test]
fn a_multiproof_of_no_leaves_or_of_leaves_out_of_order_is_refused() {
    let leaves = leaf_hashes(3);
    let root = root_of(&leaves);
    assert_eq!(verify_multiproof(&[], 3, &[root], &root), Err(ProofError::OutOfRange));
    let (one, two) = ((1, leaves[1]), (2, leaves[2]));
    assert_eq!(verify_multiproof(&[one, two], 3, &[leaves[0]], &root), Ok(()));
    for wrong in [&[two, one][..], &[one, one, two], &[one, (3, leaves[2])], &[one, (u64::MAX, leaves[2])]] {
        assert_eq!(verify_multiproof(wrong, 3, &[leaves[0]], &root), Err(ProofError::OutOfRange));
    }
    assert_eq!(verify_multiproof(&[one], u64::MAX, &[], &root), Err(ProofError::OutOfRange));
}

/// The other implementation reads its stored hashes from our tiles.
struct Stored(Vec<tlog_tiles::Hash>);

impl Stored {
    fn of(size: u64) -> Self {
        let mut stored = Self(Vec::new());
        for place in 0..size {
            let more = tlog_tiles::stored_hashes(place, &place.to_be_bytes(), &stored).unwrap();
            stored.0.extend(more);
        }
        stored
    }
}

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn theirs(hashes: &[Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| *hash.as_bytes()).collect()
}

fn ours(hashes: Vec<tlog_tiles::Hash>) -> Vec<[u8; 32]> {
    hashes.into_iter().map(|hash| hash.0).collect()
}

#[test]
fn the_other_implementation_has_the_same_tiles_and_the_same_proofs() {
    for size in [1, 2, 255, 256, 257, 300, 512, 65_535, 65_536, 65_537] {
        let (leaves, stored) = (leaf_hashes(size), Stored::of(size));
        let served = Served::of(&leaves);
        let tiles = tlog_tiles::Tile::new_tiles(8, 0, size);
        assert_eq!(tiles.len(), served.0.len(), "size {size}");
        for tile in tiles {
            let path = tile.path().replace("tile/8/", "tile/");
            let TilePath::Hashes(place) = path.parse().unwrap() else { panic!("{path}") };
            let bytes: Vec<u8> = theirs(&served.0[&place]).concat();
            assert_eq!(bytes, tile.read_data(&stored).unwrap(), "{path} of {size}");
        }
        for index in [0, 1, 254, 255, 256, size / 3, size - 1].into_iter().filter(|index| *index < size) {
            let path = served.compute(&ProofPlan::inclusion(index, size).unwrap()).unwrap();
            assert_eq!(theirs(&path), ours(tlog_tiles::prove_record(size, index, &stored).unwrap()));
        }
        for old in [1, 2, 255, 256, 257, size / 3, size - 1, size] {
            if (1..=size).contains(&old) {
                let proof = served.compute(&ProofPlan::consistency(old, size).unwrap()).unwrap();
                assert_eq!(theirs(&proof), ours(tlog_tiles::prove_tree(size, old, &stored).unwrap()));
            }
        }
    }
}

fn grown() -> impl Strategy<Value = (u64, u64)> {
    (1_u64..2_000).prop_flat_map(|new| (0..new, Just(new)))
}

proptest! {
    #[test]
    fn proofs_from_tiles_are_the_proofs_over_all_hashes((old, size) in grown()) {
        let leaves = leaf_hashes(size);
        let served = Served::of(&leaves);
        let path = served.compute(&ProofPlan::inclusion(old, size).unwrap()).unwrap();
        prop_assert_eq!(&path, &inclusion_proof(&leaves, old as usize).unwrap());
        let root = root_of(&leaves);
        prop_assert_eq!(verify_inclusion(&leaves[old as usize], old, size, &path, &root), Ok(()));
        let proof = served.compute(&ProofPlan::consistency(old, size).unwrap()).unwrap();
        prop_assert_eq!(&proof, &consistency_proof(&leaves, old as usize).unwrap());
        let old_root = root_of(&leaves[..old as usize]);
        prop_assert_eq!(verify_consistency(old, size, &proof, &old_root, &root), Ok(()));
    }

    #[test]
    fn a_wrong_hash_in_a_tile_gives_no_proof_that_verifies(
        (old, size) in grown(),
        tile in any::<Index>(),
        place in any::<Index>(),
        bit in 0_usize..256,
    ) {
        let leaves = leaf_hashes(size);
        let (root, old_root) = (root_of(&leaves), root_of(&leaves[..old as usize]));
        let mut served = Served::of(&leaves);
        let tiles: Vec<Tile> = served.0.keys().copied().collect();
        let hashes = served.0.get_mut(&tiles[tile.index(tiles.len())]).unwrap();
        let place = place.index(hashes.len());
        hashes[place] = flipped(hashes[place], bit);
        // Either the wrong hash is not in the proof, or the proof does not hold.
        let path = served.compute(&ProofPlan::inclusion(old, size).unwrap()).unwrap();
        let holds = verify_inclusion(&leaves[old as usize], old, size, &path, &root).is_ok();
        prop_assert_eq!(holds, path == inclusion_proof(&leaves, old as usize).unwrap());
        let proof = served.compute(&ProofPlan::consistency(old, size).unwrap()).unwrap();
        let holds = verify_consistency(old, size, &proof, &old_root, &root).is_ok();
        prop_assert_eq!(holds, proof == consistency_proof(&leaves, old as usize).unwrap());
    }

    #[test]
    fn a_multiproof_proves_what_single_proofs_prove_and_no_change_of_it_does(
        size in 1_u64..700,
        picked in prop::collection::vec(any::<Index>(), 1..20),
        place in any::<Index>(),
        bit in 0_usize..256,
    ) {
        let hashes = leaf_hashes(size);
        let mut indexes: Vec<u64> = picked.iter().map(|index| index.index(size as usize) as u64).collect();
        indexes.sort_unstable();
        indexes.dedup();
        let root = root_of(&hashes);
        let proof = Served::of(&hashes).compute(&ProofPlan::multiproof(&indexes, size).unwrap()).unwrap();
        let leaves: Vec<(u64, Hash)> = indexes.iter().map(|index| (*index, hashes[*index as usize])).collect();
        prop_assert_eq!(verify_multiproof(&leaves, size, &proof, &root), Ok(()));

        // Every hash of it is of one of the single proofs, and none stands twice.
        let single: Vec<Hash> = indexes.iter().flat_map(|index| inclusion_proof(&hashes, *index as usize).unwrap()).collect();
        let mut distinct = proof.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), proof.len());
        prop_assert!(proof.iter().all(|hash| single.contains(hash)));

        // Another leaf, place, size, root or proof is refused.
        let mut changed = leaves.clone();
        let which = place.index(changed.len());
        changed[which].1 = flipped(changed[which].1, bit);
        prop_assert_eq!(verify_multiproof(&changed, size, &proof, &root), Err(ProofError::Root));
        prop_assert_eq!(verify_multiproof(&leaves, size, &proof, &flipped(root, bit)), Err(ProofError::Root));
        let mut moved = leaves.clone();
        moved[which].0 ^= 1;
        prop_assert!(verify_multiproof(&moved, size, &proof, &root).is_err());
        prop_assert!(verify_multiproof(&leaves, size, &[&proof[..], &[root]].concat(), &root).is_err());
        if !proof.is_empty() {
            let mut changed = proof.clone();
            let which = place.index(proof.len());
            changed[which] = flipped(changed[which], bit);
            prop_assert_eq!(verify_multiproof(&leaves, size, &changed, &root), Err(ProofError::Root));
            prop_assert!(verify_multiproof(&leaves, size, &proof[1..], &root).is_err());
        }
    }

    #[test]
    fn no_multiproof_makes_the_verifier_panic(
        leaves in prop::collection::vec((0_u64..1 << 54, any::<[u8; 32]>()), 0..6),
        size in prop_oneof![0_u64..10, any::<u64>()],
        proof in prop::collection::vec(any::<[u8; 32]>(), 0..80),
        is_sorted in any::<bool>(),
    ) {
        let mut leaves: Vec<(u64, Hash)> = leaves.into_iter().map(|(index, hash)| (index, Hash::from(hash))).collect();
        if is_sorted {
            leaves.sort_unstable();
        }
        let proof: Vec<Hash> = proof.into_iter().map(Hash::from).collect();
        prop_assert!(verify_multiproof(&leaves, size, &proof, &Hash::from([0; 32])).is_err());
    }

    #[test]
    fn a_tile_root_is_the_root_of_the_definition(size in 0_u64..300) {
        let mut range = CompactRange::new();
        leaf_hashes(size).into_iter().for_each(|leaf| range.push(leaf));
        prop_assert_eq!(tile_root(&leaf_hashes(size)), range.root());
    }
}
