//! Proofs from stored tiles against those over all leaf hashes, on a real log.

use std::path::Path;
use std::sync::Arc;

use sfs_eventlog::contract::append;
use sfs_eventlog::memory::{Memory, MemoryLog};
use sfs_eventlog::{Direction, EventLog, Expected, Filter, Limits, Reader};
use sfs_ledger::{
    Hash, Tile, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion, verify_multiproof,
};

use super::{Tiles, TilesError};

/// A log of so many events, fifty an append.
async fn log_of(events: u64) -> Arc<MemoryLog> {
    let log = Memory::default().start(Limits::default(), || 1_764_000_000_000_000);
    grow(&log, events).await;
    Arc::new(log)
}

async fn grow(log: &MemoryLog, events: u64) {
    let before = log.head().await.expect("a head").size;
    for first in (before..before + events).step_by(50) {
        let texts = vec!["a"; 50.min(before + events - first) as usize];
        log.append(append(u128::from(first) + 1, "s/1", Expected::Any, &texts)).await.expect("an append");
    }
}

async fn hashes(log: &MemoryLog) -> Vec<Hash> {
    let page = log.read(&Filter::default(), Direction::Forwards, 0, usize::MAX).await.expect("a page");
    page.events.iter().map(|event| event.leaf_hash).collect()
}

async fn tiles(directory: &Path, log: &Arc<MemoryLog>) -> Tiles {
    let log: Arc<dyn Reader> = log.clone();
    Tiles::open(&directory.join("tiles.db"), log).await.expect("tiles")
}

#[tokio::test]
async fn proofs_are_those_over_all_leaf_hashes_wherever_the_tree_ends() {
    for size in [1, 2, 255, 256, 257, 511, 512, 1_000] {
        let (directory, log) = (tempfile::tempdir().expect("a directory"), log_of(size).await);
        let (all, tiles) = (hashes(&log).await, tiles(directory.path(), &log).await);
        tiles.prepare().await.expect("complete tiles");
        assert_eq!(tiles.sealed(), size / 256 * 256);
        let root = log.head().await.expect("a head").root;
        assert_eq!(tiles.root(size).await.expect("a root"), root);
        for position in [1, 2, size / 2 + 1, size].into_iter().filter(|position| *position <= size) {
            let proof = tiles.inclusion(position, size).await.expect("a proof");
            let index = position as usize - 1;
            assert_eq!(proof, inclusion_proof(&all, index).expect("a proof"));
            verify_inclusion(&all[index], position - 1, size, &proof, &root).expect("an included event");
        }
        for old in [1, size / 3, size - 1, size].into_iter().filter(|old| *old >= 1) {
            let proof = tiles.consistency(old, size).await.expect("a proof");
            assert_eq!(proof, consistency_proof(&all, old as usize).expect("a proof"));
            let old_root = tiles.root(old).await.expect("a root");
            verify_consistency(old, size, &proof, &old_root, &root).expect("a continued tree");
        }
    }
}

#[tokio::test]
async fn a_log_with_a_second_level_of_tiles_has_proofs_from_few_of_them() {
    let (directory, log) = (tempfile::tempdir().expect("a directory"), log_of(66_000).await);
    let tiles = tiles(directory.path(), &log).await;
    tiles.prepare().await.expect("complete tiles");
    let (head, all) = (log.head().await.expect("a head"), hashes(&log).await);
    for position in [1, 256, 65_536, 65_537, 66_000] {
        let proof = tiles.inclusion(position, head.size).await.expect("a proof");
        verify_inclusion(&all[position as usize - 1], position - 1, head.size, &proof, &head.root).expect("included");
    }
    let above = Tile::of_tree(1, 0, head.size).expect("a tile");
    assert_eq!(tiles.tile(above).await.expect("its hashes").len(), 256);
}

#[tokio::test]
async fn tiles_go_on_where_they_were_and_grow_with_the_log() {
    let (directory, log) = (tempfile::tempdir().expect("a directory"), log_of(300).await);
    tiles(directory.path(), &log).await.prepare().await.expect("complete tiles");
    grow(&log, 300).await;
    let again = tiles(directory.path(), &log).await;
    assert_eq!(again.sealed(), 256);
    again.prepare().await.expect("complete tiles");
    assert_eq!(again.sealed(), 512);
    grow(&log, 200).await;
    again.seal(800).await.expect("complete tiles");
    assert_eq!(again.sealed(), 768);
    let head = log.head().await.expect("a head");
    assert_eq!(again.root(head.size).await.expect("a root"), head.root);
}

#[tokio::test]
async fn tiles_of_another_log_are_noticed_and_made_anew() {
    let directory = tempfile::tempdir().expect("a directory");
    let log = log_of(600).await;
    tiles(directory.path(), &log).await.prepare().await.expect("complete tiles");
    let other = Memory::default().start(Limits::default(), || 1_764_000_000_000_000);
    for n in 1..=600 {
        other.append(append(n, "s/2", Expected::Any, &["b"])).await.expect("an append");
    }
    let tiles = tiles(directory.path(), &Arc::new(other)).await;
    assert!(matches!(tiles.prepare().await, Err(TilesError::OtherLog)));
    assert!(matches!(tiles.root(600).await, Err(TilesError::NotReady)), "nothing is proved with them");
    tiles.prepare().await.expect("tiles made anew");
    tiles.inclusion(600, 600).await.expect("a proof");
}

#[tokio::test]
async fn what_the_tree_does_not_have_has_no_proof() {
    let (directory, log) = (tempfile::tempdir().expect("a directory"), log_of(300).await);
    let tiles = tiles(directory.path(), &log).await;
    assert!(matches!(tiles.inclusion(1, 300).await, Err(TilesError::NotReady)));
    let first = Tile::of_tree(0, 0, 300).expect("a tile");
    assert!(matches!(tiles.tile(first).await, Err(TilesError::NotReady)), "nor is a tile served");
    tiles.prepare().await.expect("complete tiles");
    for (position, size) in [(0, 300), (301, 300), (1, 0)] {
        assert!(matches!(tiles.inclusion(position, size).await, Err(TilesError::Proof(_))));
    }
    assert!(matches!(tiles.inclusion(1, 301).await, Err(TilesError::Missing(_))), "the log is not so long");
    assert!(matches!(tiles.consistency(301, 300).await, Err(TilesError::Proof(_))));
}

#[tokio::test]
async fn a_process_that_looks_on_has_the_same_proofs_and_stores_nothing() {
    let (directory, log) = (tempfile::tempdir().expect("a directory"), log_of(1_300).await);
    let (all, size) = (hashes(&log).await, 1_290);
    let path = directory.path().join("tiles.db");
    let positions: Vec<u64> = (1..=size).filter(|position| position % 7 == 3 || *position > 1_270).collect();
    let leaves: Vec<_> = positions.iter().map(|position| (position - 1, all[*position as usize - 1])).collect();
    let without = Tiles::look_on(&path, log.clone()).await.expect("tiles");
    let proof = without.multiproof(&positions, size).await.expect("a proof");
    assert!(!path.exists(), "nothing is stored");
    tiles(directory.path(), &log).await.prepare().await.expect("complete tiles");
    let beside = Tiles::look_on(&path, log.clone()).await.expect("tiles");
    assert_eq!(beside.multiproof(&positions, size).await.expect("a proof"), proof);
    let root = beside.root(size).await.expect("a root");
    verify_multiproof(&leaves, size, &proof, &root).expect("events of the tree");
    assert!(matches!(beside.multiproof(&[], size).await, Err(TilesError::Proof(_))));
    assert!(matches!(beside.multiproof(&[0], size).await, Err(TilesError::Proof(_))));
}
