//! The leaf: the bytes of an event that are hashed into the tree. It is written in one fixed order
//! that equals RFC 8785 (keys sorted by UTF-16 code units), and read only if it is spelled exactly
//! so.
//!
//! What is known before the head of the log is taken is written first, by [`LeafDraft::prepare`];
//! the four parts that only the head decides are spliced in under it, by
//! [`PreparedLeaf::complete`].

use std::borrow::Cow;

use uuid::Uuid;

use crate::hash::Hash;
use crate::reader::{Malformed, Reader};
use crate::timestamp::{MAX_MICROS, push_timestamp};
use crate::writer::{MAX_INTEGER, push_hash, push_integer, push_list, push_string, push_uuid};

/// The format of the leaves that this version writes and reads: the leaf's `v`.
pub const LEAF_FORMAT: u64 = 1;

/// A leaf is at most as long as the 16-bit length before it in an entry bundle (C2SP tlog-tiles).
pub const MAX_LEAF_BYTES: usize = 65_535;

/// The most that `complete` adds: 27 bytes of time, two integers of 16 digits, and `prev`.
const MAX_SPLICED_BYTES: usize = 27 + 16 + 16 + PREV.len() + 45;

const PREV: &str = ",\"prev\":";

/// Everything of a leaf but its place in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafDraft<'a> {
    /// Format of the leaf: [`LEAF_FORMAT`].
    pub v: u64,
    /// Event id.
    pub id: Uuid,
    /// Name of the stream, not empty.
    pub stream: Cow<'a, str>,
    /// Stored name of the event with its version; `type` in the leaf.
    pub event_type: Cow<'a, str>,
    /// Pseudonym of who acted.
    pub actor: Cow<'a, str>,
    /// Role in which they acted.
    pub role: Cow<'a, str>,
    /// Organisation for which they acted. Never an empty text.
    pub org: Option<Cow<'a, str>>,
    /// Id of the rule that allowed it.
    pub rule: Cow<'a, str>,
    /// Id of the command.
    pub cmd: Uuid,
    /// Id of the whole exchange this belongs to.
    pub corr: Option<Uuid>,
    /// Id of what caused the command.
    pub cause: Option<Uuid>,
    /// Version of the software that decided.
    pub by: Cow<'a, str>,
    /// Digest of the open body's stored bytes.
    pub open: Hash,
    /// One entry per sealed slot, in slot order.
    pub sealed: Vec<SealedRef<'a>>,
    /// Salted commitments, `_sd` in the leaf: in ascending order of their bytes, each once, so that
    /// the order tells nothing.
    pub sd: Vec<Hash>,
}

/// What the leaf says of a sealed slot: enough to check its ciphertext, nothing of its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedRef<'a> {
    /// Algorithm, for example `xc20p`.
    pub a: Cow<'a, str>,
    /// Id of the key.
    pub k: Cow<'a, str>,
    /// Digest of nonce, ciphertext and tag as stored.
    pub h: Hash,
}

/// The bytes are no leaf, or the parts make none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// The leaf could exceed [`MAX_LEAF_BYTES`]. `bytes` is its length, or while it is prepared the
    /// length it can reach.
    #[error("a leaf of {bytes} bytes exceeds {MAX_LEAF_BYTES}")]
    TooLarge {
        /// Length in bytes.
        bytes: usize,
    },
    /// The leaf's format is another than [`LEAF_FORMAT`].
    #[error("leaf format {0} is unknown")]
    UnknownFormat(u64),
    /// A part that is there is empty. It would have to be left out, or belongs there.
    #[error("the leaf's `{0}` is empty")]
    Empty(&'static str),
    /// The commitments do not ascend strictly.
    #[error("the commitments are not in ascending order")]
    UnorderedCommitments,
    /// `pos` or `sv` is not in 1..=[`MAX_INTEGER`], or `at` not in 0..=[`MAX_MICROS`].
    #[error("the leaf's `{0}` is out of range")]
    OutOfRange(&'static str),
    /// `prev` must be there from the second event of a stream on, and only then.
    #[error("stream version {sv} and the presence of `prev` contradict each other")]
    BrokenLink {
        /// The version that the event would have in its stream.
        sv: u64,
    },
    /// The bytes are not spelled as a leaf is.
    #[error("this is not a leaf")]
    Malformed(#[from] Malformed),
}

/// A leaf that lacks only its place in the log. Cheap to complete, any number of times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedLeaf {
    text: Vec<u8>,
    /// Where `at`, `pos` with `prev`, and `sv` are spliced in, in this order.
    cuts: [usize; 3],
}

impl LeafDraft<'_> {
    /// Writes all that does not depend on the head. What this accepts fits into [`MAX_LEAF_BYTES`]
    /// at any place in the log, so under the head nothing can turn out too large.
    pub fn prepare(&self) -> Result<PreparedLeaf, LeafError> {
        self.check()?;
        let mut text = Vec::with_capacity(1_024);
        self.push_until_at(&mut text);
        let at = text.len();
        self.push_until_pos(&mut text);
        let pos = text.len();
        self.push_until_sv(&mut text);
        let sv = text.len();
        self.push_end(&mut text);
        match text.len() + MAX_SPLICED_BYTES {
            bytes if bytes > MAX_LEAF_BYTES => Err(LeafError::TooLarge { bytes }),
            _ => Ok(PreparedLeaf { text, cuts: [at, pos, sv] }),
        }
    }

    fn check(&self) -> Result<(), LeafError> {
        if self.v != LEAF_FORMAT {
            return Err(LeafError::UnknownFormat(self.v));
        }
        let named = [
            ("stream", Some(&self.stream)),
            ("type", Some(&self.event_type)),
            ("actor", Some(&self.actor)),
            ("role", Some(&self.role)),
            ("org", self.org.as_ref()),
            ("rule", Some(&self.rule)),
            ("by", Some(&self.by)),
        ];
        let sealed = self.sealed.iter().flat_map(|slot| [("a", Some(&slot.a)), ("k", Some(&slot.k))]);
        if let Some((name, _)) =
            named.into_iter().chain(sealed).find(|(_, text)| text.is_some_and(|text| text.is_empty()))
        {
            return Err(LeafError::Empty(name));
        }
        if !self.sd.is_sorted_by(|one, next| one < next) {
            return Err(LeafError::UnorderedCommitments);
        }
        Ok(())
    }

    fn push_until_at(&self, text: &mut Vec<u8>) {
        text.push(b'{');
        if !self.sd.is_empty() {
            text.extend_from_slice(b"\"_sd\":");
            push_list(text, &self.sd, push_hash);
            text.push(b',');
        }
        text.extend_from_slice(b"\"actor\":");
        push_string(text, &self.actor);
        text.extend_from_slice(b",\"at\":\"");
    }

    fn push_until_pos(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"\",\"by\":");
        push_string(text, &self.by);
        if let Some(cause) = self.cause {
            text.extend_from_slice(b",\"cause\":");
            push_uuid(text, cause);
        }
        text.extend_from_slice(b",\"cmd\":");
        push_uuid(text, self.cmd);
        if let Some(corr) = self.corr {
            text.extend_from_slice(b",\"corr\":");
            push_uuid(text, corr);
        }
        text.extend_from_slice(b",\"id\":");
        push_uuid(text, self.id);
        text.extend_from_slice(b",\"open\":");
        push_hash(text, &self.open);
        if let Some(org) = &self.org {
            text.extend_from_slice(b",\"org\":");
            push_string(text, org);
        }
        text.extend_from_slice(b",\"pos\":");
    }

    fn push_until_sv(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b",\"role\":");
        push_string(text, &self.role);
        text.extend_from_slice(b",\"rule\":");
        push_string(text, &self.rule);
        if !self.sealed.is_empty() {
            text.extend_from_slice(b",\"sealed\":");
            push_list(text, &self.sealed, push_sealed);
        }
        text.extend_from_slice(b",\"stream\":");
        push_string(text, &self.stream);
        text.extend_from_slice(b",\"sv\":");
    }

    fn push_end(&self, text: &mut Vec<u8>) {
        text.extend_from_slice(b",\"type\":");
        push_string(text, &self.event_type);
        text.extend_from_slice(b",\"v\":");
        push_integer(text, self.v);
        text.push(b'}');
    }
}

fn push_sealed(text: &mut Vec<u8>, slot: &SealedRef<'_>) {
    text.extend_from_slice(b"{\"a\":");
    push_string(text, &slot.a);
    text.extend_from_slice(b",\"h\":");
    push_hash(text, &slot.h);
    text.extend_from_slice(b",\"k\":");
    push_string(text, &slot.k);
    text.push(b'}');
}

impl PreparedLeaf {
    /// Appends the whole leaf to `out`, which stays as it was on an error. `pos` is the position in
    /// the log and `sv` the version in the stream, both from 1; `at_micros` is recorded_at in
    /// microseconds since 1970-01-01T00:00:00Z; `prev` is the hash of the stream's previous leaf,
    /// from `sv` 2 on.
    pub fn complete(
        &self,
        pos: u64,
        at_micros: i64,
        sv: u64,
        prev: Option<&Hash>,
        out: &mut Vec<u8>,
    ) -> Result<(), LeafError> {
        check_place(pos, at_micros, sv, prev.is_some())?;
        let [at_cut, pos_cut, sv_cut] = self.cuts;
        out.reserve(self.text.len() + MAX_SPLICED_BYTES);
        out.extend_from_slice(&self.text[..at_cut]);
        push_timestamp(out, at_micros);
        out.extend_from_slice(&self.text[at_cut..pos_cut]);
        push_integer(out, pos);
        if let Some(prev) = prev {
            out.extend_from_slice(PREV.as_bytes());
            push_hash(out, prev);
        }
        out.extend_from_slice(&self.text[pos_cut..sv_cut]);
        push_integer(out, sv);
        out.extend_from_slice(&self.text[sv_cut..]);
        Ok(())
    }
}

fn check_place(pos: u64, at_micros: i64, sv: u64, has_prev: bool) -> Result<(), LeafError> {
    if !(1..=MAX_INTEGER).contains(&pos) {
        return Err(LeafError::OutOfRange("pos"));
    }
    if !(1..=MAX_INTEGER).contains(&sv) {
        return Err(LeafError::OutOfRange("sv"));
    }
    if !(0..=MAX_MICROS).contains(&at_micros) {
        return Err(LeafError::OutOfRange("at"));
    }
    if has_prev != (sv > 1) {
        return Err(LeafError::BrokenLink { sv });
    }
    Ok(())
}

/// A leaf that was read. Its strings borrow the bytes unless they hold an escape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf<'a> {
    /// Position in the log, from 1. It is leaf `pos - 1` of the tree.
    pub pos: u64,
    /// recorded_at, microseconds since 1970-01-01T00:00:00Z.
    pub at_micros: i64,
    /// Version in the stream, from 1.
    pub sv: u64,
    /// Hash of the stream's previous leaf, absent exactly at `sv` 1.
    pub prev: Option<Hash>,
    /// All the rest.
    pub draft: LeafDraft<'a>,
}

impl<'a> Leaf<'a> {
    /// Reads a leaf and refuses every byte that [`LeafDraft::prepare`] with
    /// [`PreparedLeaf::complete`] would have written otherwise: unsorted, repeated and unknown
    /// keys, white space, `null`, floats, other escapes, other spellings of hashes, UUIDs and
    /// times.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEAF_BYTES {
            return Err(LeafError::TooLarge { bytes: bytes.len() });
        }
        let leaf = Self::read(&mut Reader::new(bytes)?)?;
        leaf.draft.check()?;
        check_place(leaf.pos, leaf.at_micros, leaf.sv, leaf.prev.is_some())?;
        Ok(leaf)
    }

    fn read(json: &mut Reader<'a>) -> Result<Self, Malformed> {
        json.expect("{")?;
        let sd = json.optional("\"_sd\":", |json| {
            let sd = json.list(Reader::hash)?;
            json.expect(",")?;
            Ok(sd)
        })?;
        json.expect("\"actor\":")?;
        let actor = json.string()?;
        json.expect(",\"at\":")?;
        let at_micros = json.timestamp()?;
        json.expect(",\"by\":")?;
        let by = json.string()?;
        let cause = json.optional(",\"cause\":", Reader::uuid)?;
        json.expect(",\"cmd\":")?;
        let cmd = json.uuid()?;
        let corr = json.optional(",\"corr\":", Reader::uuid)?;
        json.expect(",\"id\":")?;
        let id = json.uuid()?;
        json.expect(",\"open\":")?;
        let open = json.hash()?;
        let org = json.optional(",\"org\":", Reader::string)?;
        json.expect(",\"pos\":")?;
        let pos = json.integer()?;
        let prev = json.optional(PREV, Reader::hash)?;
        json.expect(",\"role\":")?;
        let role = json.string()?;
        json.expect(",\"rule\":")?;
        let rule = json.string()?;
        let sealed = json.optional(",\"sealed\":", |json| json.list(read_sealed))?.unwrap_or_default();
        json.expect(",\"stream\":")?;
        let stream = json.string()?;
        json.expect(",\"sv\":")?;
        let sv = json.integer()?;
        json.expect(",\"type\":")?;
        let event_type = json.string()?;
        json.expect(",\"v\":")?;
        let v = json.integer()?;
        json.expect("}")?;
        json.end()?;
        let draft = LeafDraft {
            v,
            id,
            stream,
            event_type,
            actor,
            role,
            org,
            rule,
            cmd,
            corr,
            cause,
            by,
            open,
            sealed,
            sd: sd.unwrap_or_default(),
        };
        Ok(Self { pos, at_micros, sv, prev, draft })
    }
}

fn read_sealed<'a>(json: &mut Reader<'a>) -> Result<SealedRef<'a>, Malformed> {
    json.expect("{\"a\":")?;
    let a = json.string()?;
    json.expect(",\"h\":")?;
    let h = json.hash()?;
    json.expect(",\"k\":")?;
    let k = json.string()?;
    json.expect("}")?;
    Ok(SealedRef { a, k, h })
}
