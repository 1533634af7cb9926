//! A whole log read again from tiles and entries: at every border it is whole, and what is changed,
//! left out or exchanged is found.

use crate::support::SmallLog;
use sfs_ledger::{Outcome, Replay, Report, Tile, leaf_hash, write_bundle};

/// What a server would answer, to be changed.
struct Served {
    entries: Box<dyn Fn(Tile) -> Vec<u8>>,
    hashes: Box<dyn Fn(Tile) -> Vec<u8>>,
}

fn served(size: u64) -> Served {
    served_of(SmallLog::of(size))
}

/// Reads the log of the first `size` events, which is to continue that of `remembered` events.
fn replayed(log: &SmallLog, served: &Served, size: u64, remembered: Option<(&SmallLog, u64)>) -> Report {
    let mut report = Report::default();
    let checkpoint = log.checkpoint(size);
    let remembered = remembered.map(|(log, size)| log.checkpoint(size));
    let mut replay = Replay::new(&checkpoint, remembered.as_ref());
    while let Some(tile) = replay.next() {
        if !replay.entries(tile, &(served.entries)(tile), &(served.hashes)(tile), &mut report) {
            break;
        }
    }
    for tile in replay.tiles_above() {
        replay.tile_above(tile, &(served.hashes)(tile), &mut report);
    }
    replay.finish(&mut report);
    report
}

fn found(report: &Report) -> Vec<&'static str> {
    let mut checks: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
    checks.dedup();
    checks
}

#[test]
fn a_log_is_whole_at_every_border_and_continues_every_earlier_one() {
    let log = SmallLog::of(600);
    let served = served(600);
    for size in [0, 1, 255, 256, 257, 511, 512, 513, 600] {
        for old in [0, 1, 255, 256, 257, size].into_iter().filter(|old| *old <= size) {
            let report = replayed(&log, &served, size, Some((&log, old)));
            assert_eq!(report.findings, [], "{size} after {old}");
            assert_eq!((report.facts.events, report.facts.continues), (size, Some(old)));
            assert_eq!(report.facts.linked, size, "every event of a whole log is linked");
        }
    }
}

#[test]
fn another_or_a_longer_remembered_log_is_not_continued() {
    let (log, other, longer) = (SmallLog::of(300), SmallLog::timed(300, |_| 7), SmallLog::of(301));
    let served = served(300);
    for remembered in [(&other, 256), (&other, 300), (&other, 1), (&longer, 301)] {
        let report = replayed(&log, &served, 300, Some(remembered));
        assert_eq!((report.outcome, found(&report)), (Outcome::Inconsistent, vec!["consistency"]));
    }
}

#[test]
fn changed_entries_and_tiles_are_found() {
    let log = SmallLog::of(300);
    let clean = served(300);
    assert_eq!(replayed(&log, &clean, 300, None).findings, []);
    let Served { entries, hashes } = clean;
    let cut = Served { entries: Box::new(move |tile| entries(tile)[1..].to_vec()), hashes };
    let report = replayed(&log, &cut, 300, None);
    assert_eq!(found(&report), ["entries", "size"]);

    let Served { entries, hashes } = served(300);
    let flipped = Served {
        entries,
        hashes: Box::new(move |tile| {
            let mut bytes = hashes(tile);
            bytes[17] ^= u8::from(tile.level() == 1);
            bytes
        }),
    };
    let report = replayed(&log, &flipped, 300, None);
    assert_eq!((report.outcome, found(&report)), (Outcome::Invalid, vec!["tile"]), "a bit in an inner tile");

    // A log of other leaves, with its own tiles, under the signed root.
    let report = replayed(&log, &served_of(SmallLog::timed(300, |pos| pos as i64)), 300, None);
    assert_eq!((report.outcome, found(&report)), (Outcome::Invalid, vec!["root"]));
}

fn served_of(log: SmallLog) -> Served {
    let same = SmallLog { leaves: log.leaves.clone(), hashes: log.hashes.clone(), ..SmallLog::of(0) };
    Served {
        entries: Box::new(move |tile| {
            let below = tile.leaves();
            let leaves = &log.leaves[below.start as usize..below.end as usize];
            write_bundle(leaves.iter().map(Vec::as_slice)).unwrap_or_default()
        }),
        hashes: Box::new(move |tile| tile.bytes(&same.tile(tile)).unwrap_or_default()),
    }
}

#[test]
fn an_event_that_is_left_out_breaks_place_and_stream() {
    let mut log = SmallLog::of(20);
    log.leaves.remove(7);
    log.hashes = log.leaves.iter().map(|leaf| leaf_hash(leaf)).collect();
    let signed = SmallLog { leaves: log.leaves.clone(), hashes: log.hashes.clone(), ..SmallLog::of(0) };
    // Even if the shorter log was signed.
    let report = replayed(&signed, &served_of(log), 19, None);
    assert_eq!(report.outcome, Outcome::Invalid);
    assert!(
        found(&report).contains(&"position") && found(&report).contains(&"stream version"),
        "{:?}",
        report.findings
    );
}
