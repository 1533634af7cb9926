//! Tiles and bundles: their places, paths and bytes, against the specification's examples and
//! another implementation.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sfs_ledger::{
    Hash, MAX_INTEGER, MAX_LEAF_BYTES, Tile, TileError, TilePath, leaf_hash, new_tiles, read_bundle, write_bundle,
};

fn leaf_hashes(size: u64) -> Vec<Hash> {
    (0..size).map(|place| leaf_hash(&place.to_be_bytes())).collect()
}

#[test]
fn paths_are_those_of_the_specification() {
    for (path, level, index, width) in [
        ("tile/0/000", 0, 0, 256),
        ("tile/0/x001/x234/067", 0, 1_234_067, 256),
        ("tile/0/273.p/112", 0, 273, 112),
        ("tile/1/000", 1, 0, 256),
        ("tile/1/001.p/17", 1, 1, 17),
        ("tile/2/000.p/1", 2, 0, 1),
        ("tile/0/999", 0, 999, 256),
        ("tile/0/x001/000", 0, 1000, 256),
        ("tile/0/x999/999.p/255", 0, 999_999, 255),
        ("tile/0/x001/x000/000", 0, 1_000_000, 256),
        ("tile/6/000.p/31", 6, 0, 31),
    ] {
        let tile = Tile::new(level, index, width).unwrap();
        assert_eq!(TilePath::Hashes(tile).to_string(), path);
        assert_eq!(path.parse(), Ok(TilePath::Hashes(tile)));
    }
    let bundle = TilePath::Entries(Tile::new(0, 1_234_067, 7).unwrap());
    assert_eq!(bundle.to_string(), "tile/entries/x001/x234/067.p/7");
    assert_eq!("tile/entries/x001/x234/067.p/7".parse(), Ok(bundle));
}

#[test]
fn another_spelling_of_a_path_is_refused() {
    for wrong in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0//000",
        "tile/00/000",
        "tile/+0/000",
        "tile/x/000",
        "tile/data/000",
        "tile/Entries/000",
        "tile/-1/000",
        "tile/256/000",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/x002",
        "tile/0/X001/002",
        "tile/0/+01",
        "tile/0/٠٠٠",
        "tile/0/000.p/",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/2",
        "tile/0/000.p1",
        "tile/0/000.p/1.p/1",
        "tile/0/../checkpoint",
        "tile/entries/../0/000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        assert_eq!(wrong.parse::<TilePath>().ok(), None, "{wrong}");
    }
    for (nowhere, why) in [
        ("tile/0/000.p/0", TileError::Place),
        ("tile/0/000.p/257", TileError::Place),
        ("tile/7/000.p/1", TileError::Place),
        ("tile/63/000.p/1", TileError::Place),
        ("tile/6/000.p/32", TileError::Place),
        ("tile/0/x035/x184/x372/x088/831", TileError::Place),
    ] {
        assert_eq!(nowhere.parse::<TilePath>(), Err(why), "{nowhere}");
    }
    // The last leaf of the largest tree is in a partial tile.
    let last = Tile::of_tree(0, MAX_INTEGER / 256, MAX_INTEGER).unwrap();
    assert_eq!(TilePath::Hashes(last).to_string(), "tile/0/x035/x184/x372/x088/831.p/255");
    assert_eq!(last.full(), None, "no tree has the full one");
}

#[test]
fn a_tree_has_the_tiles_that_the_specification_counts() {
    let paths = |size| new_tiles(0, size).map(|tile| TilePath::Hashes(tile).to_string()).collect::<Vec<_>>();
    let tiles: Vec<Tile> = new_tiles(0, 70_000).collect();
    let of = |level| tiles.iter().filter(move |tile| tile.level() == level).map(Tile::width).collect::<Vec<_>>();
    assert_eq!((of(0).len(), of(0)[272], of(0)[273]), (274, 256, 112));
    assert_eq!(of(1), [256, 17]);
    assert_eq!(of(2), [1]);
    assert_eq!(of(3), [0; 0]);
    assert_eq!(paths(256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(paths(0), [""; 0]);
    // What has not changed is not written again.
    let grown: Vec<_> = new_tiles(257, 300).map(|tile| TilePath::Hashes(tile).to_string()).collect();
    assert_eq!(grown, ["tile/0/001.p/44"]);
    assert_eq!(new_tiles(300, 300).count(), 0);
    assert_eq!(new_tiles(300, 257).count(), 0);
}

#[test]
fn a_tile_of_another_length_is_refused() {
    let tile = Tile::new(0, 3, 2).unwrap();
    let hashes = leaf_hashes(2);
    let bytes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
    assert_eq!(tile.bytes(&hashes).as_ref(), Ok(&bytes));
    assert_eq!(tile.bytes(&hashes[1..]), Err(TileError::Length { expected: 64, actual: 32 }));
    assert_eq!(tile.hashes(&bytes), Ok(hashes));
    for length in [0, 1, 32, 63, 65, 96] {
        let wrong = bytes.iter().copied().cycle().take(length).collect::<Vec<_>>();
        let actual = length as u64;
        assert_eq!(tile.hashes(&wrong), Err(TileError::Length { expected: 64, actual }));
    }
}

#[test]
fn a_bundle_is_read_as_it_was_written_and_nothing_else_is() {
    let longest = vec![7; MAX_LEAF_BYTES];
    let entries: [&[u8]; 4] = [b"one", b"", &longest, b"four"];
    let bundle = write_bundle(entries).unwrap();
    assert_eq!(&bundle[..7], b"\0\x03one\0\0");
    assert_eq!(read_bundle(4, &bundle).unwrap(), entries);
    assert_eq!(read_bundle(3, &bundle), Err(TileError::Bundle(3)));
    assert_eq!(read_bundle(5, &bundle), Err(TileError::Bundle(5)));
    for length in [0, 1, 4, 6, bundle.len() - 1] {
        assert_eq!(read_bundle(4, &bundle[..length]), Err(TileError::Bundle(4)), "{length}");
    }
    assert_eq!(read_bundle(4, &[&bundle[..], b"\0"].concat()), Err(TileError::Bundle(4)));
    let too_long = vec![7; MAX_LEAF_BYTES + 1];
    assert_eq!(write_bundle([&too_long[..]]), Err(TileError::Entry(MAX_LEAF_BYTES + 1)));
}

fn grown() -> impl Strategy<Value = (u64, u64)> {
    (1_u64..2_000).prop_flat_map(|new| (0..new, Just(new)))
}

proptest! {
    #[test]
    fn what_is_written_when_a_tree_grows_completes_its_tiles((old, new) in grown()) {
        let mut tiles: BTreeMap<(u8, u64), u64> = new_tiles(0, old).map(|tile| ((tile.level(), tile.index()), tile.width())).collect();
        for tile in new_tiles(old, new) {
            let before = tiles.insert((tile.level(), tile.index()), tile.width());
            prop_assert!(before.is_none_or(|before| before < tile.width()), "{:?} was there", tile);
        }
        let all: BTreeMap<(u8, u64), u64> = new_tiles(0, new).map(|tile| ((tile.level(), tile.index()), tile.width())).collect();
        prop_assert_eq!(tiles, all);
        let oracle: Vec<String> = tlog_tiles::Tile::new_tiles(8, old, new).iter().map(|tile| tile.path().replace("tile/8/", "tile/")).collect();
        let ours: Vec<String> = new_tiles(old, new).map(|tile| TilePath::Hashes(tile).to_string()).collect();
        prop_assert_eq!(ours, oracle);
    }

    #[test]
    fn paths_are_those_of_the_other_implementation(level in 0_u8..6, index in 0_u64..1 << 37, width in 1_u64..=256) {
        prop_assume!(Tile::new(level, index, width).is_ok());
        let tile = Tile::new(level, index, width).unwrap();
        let oracle = |is_data| tlog_tiles::Tile::new(8, level, index, width as u32, is_data).path();
        let path = TilePath::Hashes(tile).to_string();
        prop_assert_eq!(&path, &oracle(false).replace("tile/8/", "tile/"));
        prop_assert_eq!(path.parse(), Ok(TilePath::Hashes(tile)));
        if level == 0 {
            let path = TilePath::Entries(tile).to_string();
            prop_assert_eq!(&path, &oracle(true).replace("tile/8/data", "tile/entries"));
            prop_assert_eq!(path.parse(), Ok(TilePath::Entries(tile)));
        }
    }

    #[test]
    fn no_text_makes_the_reader_of_paths_panic_and_what_is_read_is_written_so(
        text in "tile/(entries|[0-9]{1,3})(/x?[0-9]{3}){0,6}(\\.p/[0-9]{0,3})?",
    ) {
        if let Ok(path) = text.parse::<TilePath>() {
            prop_assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn no_bytes_make_the_reader_of_bundles_panic(
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), 1_u8..4, any::<u8>()], 0..40),
    ) {
        let counts = (0..20).filter_map(|width| read_bundle(width, &bytes).ok().map(|entries| (width, entries)));
        let read: Vec<_> = counts.collect();
        prop_assert!(read.len() <= 1, "a bundle has one width");
        if let Some((width, entries)) = read.into_iter().next() {
            prop_assert_eq!(entries.len() as u64, width);
            prop_assert_eq!(write_bundle(entries).unwrap(), bytes);
        }
    }
}
