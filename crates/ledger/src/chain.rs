//! Leaves one after another: that each is one, stands where it says, was not recorded before the one in
//! front of it, and continues its stream. Of a whole log nothing may be missing; of chosen events only
//! what is there is compared.

use std::collections::BTreeMap;

use crate::hash::{Hash, leaf_hash};
use crate::leaf::Leaf;
use crate::report::{Outcome, Report};

/// What was seen so far.
#[derive(Debug)]
pub struct Chain {
    is_whole: bool,
    last_at: i64,
    /// Version and hash of the last leaf of each stream.
    streams: BTreeMap<String, (u64, Hash)>,
}

impl Chain {
    /// Of a whole log, from its first leaf on.
    #[must_use]
    pub const fn of_log() -> Self {
        Self { is_whole: true, last_at: 0, streams: BTreeMap::new() }
    }

    /// Of chosen events.
    #[must_use]
    pub const fn of_chosen() -> Self {
        Self { is_whole: false, last_at: 0, streams: BTreeMap::new() }
    }

    /// Checks the next leaf, which stands at this position (from 1); answers its hash, and what it says
    /// if it is a leaf.
    pub fn leaf<'a>(&mut self, position: u64, bytes: &'a [u8], report: &mut Report) -> (Hash, Option<Leaf<'a>>) {
        let hash = leaf_hash(bytes);
        let leaf = match Leaf::parse(bytes) {
            Ok(leaf) => leaf,
            Err(why) => {
                report.find(position, "leaf", Outcome::Invalid, why);
                return (hash, None);
            }
        };
        if leaf.pos != position {
            report.find(position, "position", Outcome::Invalid, format!("the leaf is of position {}", leaf.pos));
        }
        if leaf.at_micros < self.last_at {
            report.find(position, "recorded at", Outcome::Invalid, "earlier than the event before it");
        }
        self.last_at = leaf.at_micros;
        self.link(position, &leaf, hash, report);
        let facts = &mut report.facts;
        facts.events += 1;
        facts.sealed += leaf.draft.sealed.len() as u64;
        facts.streams = self.streams.len() as u64;
        facts.recorded = Some((facts.recorded.map_or(leaf.at_micros, |(first, _)| first), leaf.at_micros));
        (hash, Some(leaf))
    }

    fn link(&mut self, position: u64, leaf: &Leaf<'_>, hash: Hash, report: &mut Report) {
        let known = match self.streams.get_mut(&*leaf.draft.stream) {
            Some(known) => Some(std::mem::replace(known, (leaf.sv, hash))),
            None => self.streams.insert(leaf.draft.stream.to_string(), (leaf.sv, hash)),
        };
        let (version, before) = known.map_or((0, None), |(version, hash)| (version, Some(hash)));
        let follows = leaf.sv == version + 1;
        if leaf.sv <= version || (self.is_whole && !follows) {
            report.find(position, "stream version", Outcome::Invalid, format!("{} follows {version}", leaf.sv));
        } else if follows && leaf.prev != before {
            report.find(position, "back link", Outcome::Invalid, "it is not the hash of the stream's previous leaf");
        } else {
            report.facts.linked += u64::from(follows);
        }
    }
}
