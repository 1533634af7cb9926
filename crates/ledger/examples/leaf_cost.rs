//! What an event costs in this crate, in nanoseconds of one thread. Run it in release.

use std::hint::black_box;
use std::time::Instant;

use sfs_ledger::{CompactRange, LEAF_FORMAT, Leaf, LeafDraft, LeafError, OpenBody, digest, leaf_hash, write_open};
use uuid::Uuid;

const ROUNDS: u32 = 500_000;

fn timed(what: &str, mut work: impl FnMut()) {
    (0..ROUNDS / 10).for_each(|_| work());
    let started = Instant::now();
    (0..ROUNDS).for_each(|_| work());
    println!("{:>6} ns  {what}", started.elapsed().as_nanos() / u128::from(ROUNDS));
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(1),
        stream: "intervention/019ab2c3-0000-7000-8000-000000000001".into(),
        event_type: "intervention.recorded.v1".into(),
        actor: "019ab2c3-0000-7000-8000-000000000002".into(),
        role: "social-worker".into(),
        org: Some("org-019ab2c3".into()),
        rule: "A17".into(),
        cmd: Uuid::from_u128(2),
        corr: Some(Uuid::from_u128(3)),
        cause: None,
        by: "sfs/0.1.0".into(),
        open: digest(b"open"),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let prev = digest(b"prev");
    let prepared = draft.prepare()?;
    let mut leaf = Vec::new();
    prepared.complete(1_234_567, 1_795_453_200_123_456, 2, Some(&prev), &mut leaf)?;
    let body = OpenBody {
        occurred_on: "2026-11-23".into(),
        ags: "15083020".into(),
        provider: Some("org-019ab2c3".into()),
        operation: Some("op-019ab2c3".into()),
        school: Some("school/15083020-0001".into()),
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data: concat!(
            r#"{"kind":"crisis","minutes":45,"group":{"women":3,"men":4,"non_binary":0},"#,
            r#""setting":"school","grade":"7-8","topic":"conflict","#,
            r#""partners":["youth-office"],"follow_up":false,"#,
            r#""staff":"019ab2c3-0000-7000-8000-000000000002","place":"room"}"#
        ),
        salt: [7; 16],
    };
    let mut open = Vec::new();
    write_open(&body, &mut open)?;
    let open = String::from_utf8(open)?;
    println!("leaf of {} bytes, open body of {} bytes", leaf.len(), open.len());

    timed("prepare a leaf", || drop(black_box(black_box(&draft).prepare())));
    let mut out = Vec::with_capacity(1_024);
    let mut failed: Result<(), LeafError> = Ok(());
    timed("complete a leaf", || {
        out.clear();
        failed = prepared.complete(black_box(1_234_567), 1_795_453_200_123_456, 2, Some(&prev), &mut out);
    });
    timed("complete and hash a leaf", || {
        out.clear();
        failed = prepared.complete(black_box(1_234_567), 1_795_453_200_123_456, 2, Some(&prev), &mut out);
        black_box(leaf_hash(&out));
    });
    failed?;
    timed("parse a leaf", || drop(black_box(Leaf::parse(black_box(&leaf)))));
    timed("write an open body", || {
        out.clear();
        drop(black_box(write_open(black_box(&body), &mut out)));
    });
    timed("hash an open body", || {
        black_box(digest(black_box(open.as_bytes())));
    });
    timed("parse an open body", || drop(black_box(OpenBody::parse(black_box(&open)))));
    let mut range = CompactRange::new();
    timed("push a leaf hash", || range.push(black_box(prev)));
    timed("push a leaf hash and compute the root", || {
        range.push(black_box(prev));
        black_box(range.root());
    });
    Ok(())
}
