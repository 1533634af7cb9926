//! The leaf against two independent witnesses: bytes written by hand, and a canonicaliser of RFC
//! 8785.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

use proptest::prelude::*;
use serde_json::{Value, json};
use sfs_ledger::{
    Hash, LEAF_FORMAT, Leaf, LeafDraft, LeafError, MAX_INTEGER, MAX_LEAF_BYTES, MAX_MICROS, SealedRef, digest,
    leaf_hash,
};
use uuid::Uuid;

/// Everything that a leaf is made of.
#[derive(Debug, Clone)]
struct Parts {
    draft: LeafDraft<'static>,
    pos: u64,
    at_micros: i64,
    sv: u64,
    prev: Option<Hash>,
}

impl Parts {
    fn write(&self) -> Result<Vec<u8>, LeafError> {
        let mut out = Vec::new();
        self.draft.prepare()?.complete(self.pos, self.at_micros, self.sv, self.prev.as_ref(), &mut out)?;
        Ok(out)
    }
}

fn rewritten(leaf: &Leaf<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let prepared = leaf.draft.prepare().unwrap();
    prepared.complete(leaf.pos, leaf.at_micros, leaf.sv, leaf.prev.as_ref(), &mut out).unwrap();
    out
}

fn id(last: u128) -> Uuid {
    Uuid::from_u128(0x019a_b2c3_0000_7000_8000_0000_0000_0000 + last)
}

fn smallest() -> Parts {
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id: id(1),
        stream: "school/1".into(),
        event_type: "school.registered.v1".into(),
        actor: "a1".into(),
        role: "office".into(),
        org: None,
        rule: "R1".into(),
        cmd: id(2),
        corr: None,
        cause: None,
        by: "sfs/0.1.0".into(),
        open: digest(b""),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    Parts { draft, pos: 1, at_micros: 0, sv: 1, prev: None }
}

fn largest() -> Parts {
    let draft = LeafDraft {
        org: Some("org-\"7\"".into()),
        corr: Some(id(3)),
        cause: Some(id(4)),
        sealed: vec![
            SealedRef { a: "xc20p".into(), k: "k1".into(), h: digest(b"abc") },
            SealedRef { a: "xc20p".into(), k: "k2".into(), h: digest(b"") },
        ],
        sd: vec![digest(b"abc"), digest(b"")],
        ..smallest().draft
    };
    Parts { draft, pos: 123_456, at_micros: 1_795_453_200_000_000, sv: 3, prev: Some(digest(b"abc")) }
}

const SMALLEST: &str = concat!(
    r#"{"actor":"a1","at":"1970-01-01T00:00:00.000000Z","by":"sfs/0.1.0","#,
    r#""cmd":"019ab2c3-0000-7000-8000-000000000002","id":"019ab2c3-0000-7000-8000-000000000001","#,
    r#""open":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","pos":1,"role":"office","rule":"R1","#,
    r#""stream":"school/1","sv":1,"type":"school.registered.v1","v":1}"#
);

const LARGEST: &str = concat!(
    r#"{"_sd":["ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","#,
    r#""47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"],"#,
    r#""actor":"a1","at":"2026-11-23T17:00:00.000000Z","by":"sfs/0.1.0","#,
    r#""cause":"019ab2c3-0000-7000-8000-000000000004","cmd":"019ab2c3-0000-7000-8000-000000000002","#,
    r#""corr":"019ab2c3-0000-7000-8000-000000000003","id":"019ab2c3-0000-7000-8000-000000000001","#,
    r#""open":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","org":"org-\"7\"","pos":123456,"#,
    r#""prev":"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","role":"office","rule":"R1","#,
    r#""sealed":[{"a":"xc20p","h":"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","k":"k1"},"#,
    r#"{"a":"xc20p","h":"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU","k":"k2"}],"#,
    r#""stream":"school/1","sv":3,"type":"school.registered.v1","v":1}"#
);

#[test]
fn a_leaf_has_the_bytes_that_are_written_here_by_hand() {
    for (parts, text) in [(smallest(), SMALLEST), (largest(), LARGEST)] {
        assert_eq!(String::from_utf8(parts.write().unwrap()).unwrap(), text);
        let leaf = Leaf::parse(text.as_bytes()).unwrap();
        assert_eq!(leaf.draft, parts.draft);
        assert_eq!((leaf.pos, leaf.at_micros, leaf.sv, leaf.prev), (parts.pos, parts.at_micros, parts.sv, parts.prev));
    }
}

/// Computed outside of this crate over a zero byte and the text above: the format may never drift.
#[test]
fn the_hash_of_a_known_leaf_stays_for_ever() {
    assert_eq!(leaf_hash(LARGEST.as_bytes()).to_b64(), "ecI8LF-adCTy49BUn__Xqdvqc2AeyJmAhroFRasur1c");
}

#[test]
fn completing_appends_and_an_error_leaves_the_buffer_alone() {
    let prepared = smallest().draft.prepare().unwrap();
    let mut out = b"before".to_vec();
    assert_eq!(prepared.complete(0, 0, 1, None, &mut out), Err(LeafError::OutOfRange("pos")));
    assert_eq!(out, b"before");
    prepared.complete(1, 0, 1, None, &mut out).unwrap();
    prepared.complete(1, 0, 1, None, &mut out).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), format!("before{SMALLEST}{SMALLEST}"));
}

#[test]
fn a_place_that_cannot_be_is_refused() {
    let prepared = smallest().draft.prepare().unwrap();
    let prev = digest(b"");
    let refused = |pos, at, sv, prev| prepared.complete(pos, at, sv, prev, &mut Vec::new()).unwrap_err();
    assert_eq!(refused(0, 0, 1, None), LeafError::OutOfRange("pos"));
    assert_eq!(refused(MAX_INTEGER + 1, 0, 1, None), LeafError::OutOfRange("pos"));
    assert_eq!(refused(1, 0, 0, None), LeafError::OutOfRange("sv"));
    assert_eq!(refused(1, 0, MAX_INTEGER + 1, Some(&prev)), LeafError::OutOfRange("sv"));
    assert_eq!(refused(1, -1, 1, None), LeafError::OutOfRange("at"));
    assert_eq!(refused(1, MAX_MICROS + 1, 1, None), LeafError::OutOfRange("at"));
    assert_eq!(refused(1, 0, 1, Some(&prev)), LeafError::BrokenLink { sv: 1 });
    assert_eq!(refused(1, 0, 2, None), LeafError::BrokenLink { sv: 2 });
}

#[test]
fn parts_that_make_no_leaf_are_refused_before_the_head_is_taken() {
    type Change = fn(&mut LeafDraft<'_>);
    let cases: [(LeafError, Change); 12] = [
        (LeafError::UnknownFormat(2), |draft| draft.v = 2),
        (LeafError::Empty("stream"), |draft| draft.stream = "".into()),
        (LeafError::Empty("type"), |draft| draft.event_type = "".into()),
        (LeafError::Empty("actor"), |draft| draft.actor = "".into()),
        (LeafError::Empty("role"), |draft| draft.role = "".into()),
        (LeafError::Empty("org"), |draft| draft.org = Some("".into())),
        (LeafError::Empty("rule"), |draft| draft.rule = "".into()),
        (LeafError::Empty("by"), |draft| draft.by = "".into()),
        (LeafError::Empty("k"), |draft| draft.sealed[1].k = "".into()),
        (LeafError::Empty("a"), |draft| draft.sealed[0].a = "".into()),
        (LeafError::UnorderedCommitments, |draft| draft.sd.reverse()),
        (LeafError::UnorderedCommitments, |draft| draft.sd[0] = draft.sd[1]),
    ];
    for (error, change) in cases {
        let mut draft = largest().draft;
        change(&mut draft);
        assert_eq!(draft.prepare(), Err(error));
    }
}

/// The longest leaf that is prepared reaches the limit at the largest place, and one byte more is
/// refused.
#[test]
fn a_leaf_never_exceeds_the_limit() {
    let last =
        Parts { pos: MAX_INTEGER, at_micros: MAX_MICROS, sv: MAX_INTEGER, prev: Some(digest(b"")), ..smallest() };
    let room = MAX_LEAF_BYTES - last.write().unwrap().len();
    let with_stream_of = |bytes: usize| {
        let stream = "s".repeat(bytes).into();
        Parts { draft: LeafDraft { stream, ..last.draft.clone() }, ..last.clone() }
    };
    let full = "school/1".len() + room;

    let leaf = with_stream_of(full).write().unwrap();

    assert_eq!(leaf.len(), MAX_LEAF_BYTES);
    assert_eq!(rewritten(&Leaf::parse(&leaf).unwrap()), leaf);
    assert_eq!(with_stream_of(full + 1).write(), Err(LeafError::TooLarge { bytes: MAX_LEAF_BYTES + 1 }));
    let longer = String::from_utf8(leaf).unwrap().replace("ss\"", "sss\"");
    assert_eq!(Leaf::parse(longer.as_bytes()), Err(LeafError::TooLarge { bytes: MAX_LEAF_BYTES + 1 }));
}

#[test]
fn another_spelling_of_a_leaf_is_refused() {
    let abc = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
    let part = |from: &str, to: &str| {
        let (start, end) = (LARGEST.find(from).unwrap(), LARGEST.find(to).unwrap());
        LARGEST[start..end].to_owned()
    };
    let (prev, sealed, sd) =
        (part("\"prev\"", ",\"role\""), part("\"sealed\"", ",\"stream\""), part("\"_sd\"", ",\"actor\""));
    for (from, to) in [
        ("\"pos\":123456", "\"pos\":123456.0"),
        ("\"pos\":123456", "\"pos\":1e5"),
        ("\"pos\":123456", "\"pos\":0"),
        ("\"pos\":123456", "\"pos\":-1"),
        ("\"pos\":123456", "\"pos\":0123456"),
        ("\"pos\":123456", "\"pos\":\"123456\""),
        ("\"pos\":123456", "\"pos\":9007199254740992"),
        ("\"pos\":123456", "\"pos\": 123456"),
        ("\"pos\":123456,", "\"pos\":123456,\"pos\":123456,"),
        ("\"pos\":123456,", ""),
        ("\"sv\":3", "\"sv\":1"),
        (&format!(",{prev}"), ""),
        (&prev, "\"prev\":null"),
        (&prev, "\"prev\":\"ungWv48Bz\""),
        (&prev, &prev.replace("Fa0", "Fa1")),
        (&prev, &prev.replace("Fa0", "Fa0=")),
        ("00:00.000000Z", "00:00.000Z"),
        ("00:00.000000Z", "00:00.000000+00:00"),
        ("\"id\":\"019ab2c3", "\"id\":\"019AB2C3"),
        ("\"id\":\"019ab2c3-0000", "\"id\":\"019ab2c30000"),
        (r#""org":"org-\"7\"""#, r#""org":null"#),
        (r#""org":"org-\"7\"""#, r#""org":"""#),
        (r#""org":"org-\"7\"""#, r#""org":"org-\u00227\"""#),
        (r#""org":"org-\"7\"""#, r#""org":"org\/7""#),
        (r#""role":"office","rule":"R1""#, r#""rule":"R1","role":"office""#),
        (r#""rule":"R1""#, r#""rule":"R1","rulf":"R1""#),
        (r#""k":"k1"}"#, r#""k":"k1","l":"k1"}"#),
        (r#""k":"k1""#, r#""k":"""#),
        (&sealed, "\"sealed\":[]"),
        (&sd, "\"_sd\":[]"),
        (&sd, &format!("\"_sd\":[\"{abc}\",\"{abc}\"]")),
        ("\"v\":1}", "\"v\":2}"),
        ("\"v\":1}", "\"v\":1} "),
        ("\"v\":1}", "\"v\":1}}"),
        ("\"v\":1}", "\"v\":1"),
        ("{\"_sd\"", " {\"_sd\""),
        ("{\"_sd\"", "\u{feff}{\"_sd\""),
    ] {
        assert!(LARGEST.contains(from), "{from}");
        let text = LARGEST.replacen(from, to, 1);
        assert!(Leaf::parse(text.as_bytes()).is_err(), "{text}");
    }
}

fn text() -> impl Strategy<Value = std::borrow::Cow<'static, str>> {
    // Control characters, quotes and foreign scripts much more often than chance would draw them.
    let escaped = proptest::collection::vec(prop_oneof![0_u8..0x30, Just(b'\\'), Just(0x7f)], 1..12)
        .prop_map(|bytes| bytes.into_iter().map(char::from).collect::<String>());
    let foreign = proptest::collection::vec(any::<char>(), 1..12).prop_map(|text| text.into_iter().collect());
    prop_oneof!["[a-z0-9/.-]{1,24}", escaped, foreign].prop_map(Into::into)
}

prop_compose! {
    fn uuid()(bytes in any::<u128>()) -> Uuid { Uuid::from_u128(bytes) }
}

prop_compose! {
    fn hash()(bytes in any::<[u8; 32]>()) -> Hash { Hash::from(bytes) }
}

prop_compose! {
    fn slot()(a in text(), k in text(), h in hash()) -> SealedRef<'static> { SealedRef { a, k, h } }
}

prop_compose! {
    fn draft()(
        (id, cmd, corr, cause) in (uuid(), uuid(), proptest::option::of(uuid()), proptest::option::of(uuid())),
        (stream, event_type, actor, role, rule, by) in (text(), text(), text(), text(), text(), text()),
        org in proptest::option::of(text()),
        open in hash(),
        sealed in proptest::collection::vec(slot(), 0..4),
        sd in proptest::collection::btree_set(hash(), 0..4),
    ) -> LeafDraft<'static> {
        let sd = sd.into_iter().collect();
        LeafDraft {
            v: LEAF_FORMAT,
            id, stream, event_type, actor, role, org, rule, cmd, corr, cause, by, open, sealed, sd,
        }
    }
}

prop_compose! {
    fn parts()(
        draft in draft(),
        pos in 1..=MAX_INTEGER,
        at_micros in 0..MAX_MICROS - 86_400_000_000,
        sv in prop_oneof![Just(1), 1..=MAX_INTEGER],
        prev in hash(),
    ) -> Parts {
        Parts { draft, pos, at_micros, sv, prev: (sv > 1).then_some(prev) }
    }
}

/// The same leaf by way of a generic JSON value, another clock library and the canonicaliser.
fn oracle(parts: &Parts) -> Vec<u8> {
    let draft = &parts.draft;
    let at = jiff::Timestamp::from_microsecond(parts.at_micros).unwrap();
    let mut leaf = json!({
        "v": draft.v, "id": draft.id.to_string(), "pos": parts.pos, "stream": draft.stream, "sv": parts.sv,
        "type": draft.event_type, "at": format!("{at:.6}"), "actor": draft.actor, "role": draft.role,
        "rule": draft.rule, "cmd": draft.cmd.to_string(), "by": draft.by, "open": draft.open,
    });
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            leaf[key] = value;
        }
    };
    put("org", draft.org.as_ref().map(|org| json!(org)));
    put("corr", draft.corr.map(|corr| json!(corr.to_string())));
    put("cause", draft.cause.map(|cause| json!(cause.to_string())));
    put("prev", parts.prev.map(|prev| json!(prev)));
    put("_sd", (!draft.sd.is_empty()).then(|| json!(draft.sd)));
    let sealed: Vec<_> = draft.sealed.iter().map(|slot| json!({"k": slot.k, "h": slot.h, "a": slot.a})).collect();
    put("sealed", (!sealed.is_empty()).then(|| json!(sealed)));
    serde_json_canonicalizer::to_vec(&leaf).unwrap()
}

proptest! {
    #[test]
    fn a_leaf_equals_what_the_canonicaliser_makes_of_it(parts in parts()) {
        let leaf = parts.write().unwrap();
        prop_assert_eq!(String::from_utf8(leaf).unwrap(), String::from_utf8(oracle(&parts)).unwrap());
    }

    #[test]
    fn a_written_leaf_is_read_back(parts in parts()) {
        let bytes = parts.write().unwrap();
        let leaf = Leaf::parse(&bytes).unwrap();
        prop_assert_eq!(&leaf.draft, &parts.draft);
        prop_assert_eq!((leaf.pos, leaf.at_micros), (parts.pos, parts.at_micros));
        prop_assert_eq!((leaf.sv, leaf.prev), (parts.sv, parts.prev));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in any::<Vec<u8>>()) {
        prop_assert!(Leaf::parse(&bytes).is_err());
    }

    #[test]
    fn a_changed_byte_is_refused_or_is_the_one_spelling_of_another_leaf(
        parts in parts(),
        place in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
        kind in 0..4,
    ) {
        let mut bytes = parts.write().unwrap();
        let place = place.index(bytes.len());
        match kind {
            0 => bytes[place] = byte,
            1 => bytes.insert(place, byte),
            2 => drop(bytes.remove(place)),
            _ => bytes.truncate(place),
        }
        if let Ok(leaf) = Leaf::parse(&bytes) {
            prop_assert_eq!(rewritten(&leaf), bytes);
        }
    }
}

/// Complete where chance is not: every byte of a leaf, replaced by every other byte.
#[test]
fn every_single_changed_byte_is_refused_or_is_the_one_spelling_of_another_leaf() {
    let (mut refused, mut others) = (0, 0);
    for place in 0..LARGEST.len() {
        for byte in 0..=u8::MAX {
            let mut bytes = LARGEST.as_bytes().to_vec();
            if bytes[place] == byte {
                continue;
            }
            bytes[place] = byte;
            match Leaf::parse(&bytes) {
                Ok(leaf) => {
                    assert_eq!(rewritten(&leaf), bytes);
                    others += 1;
                }
                Err(_) => refused += 1,
            }
        }
    }
    assert_eq!(refused + others, 255 * LARGEST.len());
    assert!(others > 0 && refused > others, "{refused} refused, {others} others");
}
