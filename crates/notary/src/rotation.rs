//! The change of keys: an event in the log says which key follows which. From then on both sign; the
//! older one is retired when a signed checkpoint covers that event, so that nobody has to believe a
//! key of which the log does not speak.

use std::path::Path;

use serde::Deserialize;
use sfs_eventlog::{Direction, Filter, ReadError, Reader, StoredEvent, tags};
use sfs_ledger::{CompactRange, Hash, Leaf, OpenBody, VerifierKey, digest, leaf_hash};

use crate::key::KeyError;
use crate::keyring::KeyRing;
use crate::signer::{Signer, SignerError};

/// Stored type of the event.
pub const KEY_ROTATED: &str = "log.key-rotated.v1";

/// Events read in one go.
const PAGE: usize = 1_000;

/// What the event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// Position of the event, from 1.
    pub position: u64,
    /// The key before.
    pub old: VerifierKey,
    /// The key that signs too.
    pub new: VerifierKey,
}

/// Why the log does not say which keys follow one another, or none is retired.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The log did not answer.
    #[error("the log did not answer")]
    Log(#[from] ReadError),
    /// The event is not what its leaf says, or does not name two keys.
    #[error("the event of a rotation at position {0} cannot be read")]
    Event(u64),
    /// The log ends before.
    #[error("the log has {found} events, not {size}: it was restored from an older backup or cut")]
    Short {
        /// Events that it has.
        found: u64,
        /// Events that it should have.
        size: u64,
    },
    /// The signer.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// Its keys.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// There is no such key.
    #[error("there is no key {0}; `sfs key show` names them after the first plus sign")]
    Unknown(String),
    /// It is the only one.
    #[error("the key {0} is the only one: make a new one first with `sfs key rotate`")]
    Only(String),
    /// The log does not say which key follows.
    #[error("the log does not say which key follows {0}: run `sfs key rotate`")]
    NotRecorded(String),
    /// No checkpoint covers the event.
    #[error(
        "the rotation at position {position} is not covered by a signed checkpoint of the key that follows, the last \
         one is of {signed} events: start the server, wait for the next checkpoint, and ask again"
    )]
    NotCovered {
        /// Position of the event.
        position: u64,
        /// Events that the last checkpoint covers.
        signed: u64,
    },
    /// The log is not what was signed.
    #[error("the first {size} events of the log come to the root {found}, but {signed} was signed")]
    NotAsSigned {
        /// Events that were signed.
        size: u64,
        /// The root that they come to.
        found: Hash,
        /// The root that was signed.
        signed: Hash,
    },
}

/// All rotations that the log has, oldest first. Each is read from its leaf: columns beside it are not
/// believed.
pub async fn rotations(log: &dyn Reader) -> Result<Vec<Rotation>, RotationError> {
    let filter = Filter { all_of: vec![vec![tags::event_type(KEY_ROTATED)]], leaves: true };
    let (mut found, mut cursor) = (Vec::new(), 0);
    loop {
        let page = log.read(&filter, Direction::Forwards, cursor, PAGE).await?;
        for event in &page.events {
            found.push(rotation(event).ok_or(RotationError::Event(event.position))?);
        }
        if page.scanned_to == cursor || page.scanned_to >= page.head {
            return Ok(found);
        }
        cursor = page.scanned_to;
    }
}

fn rotation(event: &StoredEvent) -> Option<Rotation> {
    /// Other fields are for other readers.
    #[derive(Deserialize)]
    struct Data<'a> {
        old_verifier: &'a str,
        new_verifier: &'a str,
    }
    let leaf = Leaf::parse(&event.leaf).ok()?;
    let is_it = leaf.draft.event_type == KEY_ROTATED
        && leaf.pos == event.position
        && leaf_hash(&event.leaf) == event.leaf_hash
        && digest(event.open.as_bytes()) == leaf.draft.open;
    let open = OpenBody::parse(&event.open).ok().filter(|_| is_it)?;
    let data: Data<'_> = serde_json::from_str(open.data).ok()?;
    let (old, new) = (data.old_verifier.parse().ok()?, data.new_verifier.parse().ok()?);
    Some(Rotation { position: leaf.pos, old, new })
}

/// The root of the first `size` events of the log, of their leaf hashes alone.
pub async fn root_at(log: &dyn Reader, size: u64) -> Result<Hash, RotationError> {
    let (filter, mut range) = (Filter::default(), CompactRange::new());
    while range.size() < size {
        let left = (size - range.size()).min(PAGE as u64) as usize;
        let page = log.read(&filter, Direction::Forwards, range.size(), left).await?;
        if page.events.is_empty() {
            return Err(RotationError::Short { found: range.size(), size });
        }
        page.events.iter().for_each(|event| range.push(event.leaf_hash));
    }
    Ok(range.root())
}

/// Whom to believe who believes `known` and holds a checkpoint that one of them has signed: also the
/// keys that rotations within its `size` events name after one of them. The caller has checked that
/// the rotations are in that tree.
#[must_use]
pub fn heirs(known: &[VerifierKey], rotations: &[Rotation], size: u64) -> Vec<VerifierKey> {
    let mut believed = known.to_vec();
    for rotation in rotations.iter().filter(|rotation| rotation.position <= size) {
        if believed.contains(&rotation.old) && !believed.contains(&rotation.new) {
            believed.push(rotation.new.clone());
        }
    }
    believed
}

/// The eight digits that tell a key from the others of its name, as a signature line has them.
#[must_use]
pub fn key_id(key: &VerifierKey) -> String {
    format!("{:08x}", u32::from_be_bytes(key.id()))
}

/// Takes a key away from the signer in that directory, which must not run: if the log says which one
/// follows it, and a checkpoint that this one has signed covers that.
pub async fn retire(directory: &Path, id: &str, log: &dyn Reader) -> Result<KeyRing, RotationError> {
    let signer = Signer::open_in(directory)?;
    let (retired, others): (Vec<_>, Vec<_>) = signer.verifiers().into_iter().partition(|key| key_id(key) == id);
    if retired.is_empty() {
        return Err(RotationError::Unknown(id.to_owned()));
    }
    if others.is_empty() {
        return Err(RotationError::Only(id.to_owned()));
    }
    let rotations = rotations(log).await?;
    let after = heirs(&retired, &rotations, u64::MAX);
    let is_followed = |rotation: &&Rotation| after.contains(&rotation.old) && others.contains(&rotation.new);
    let followed = rotations.iter().find(is_followed).ok_or_else(|| RotationError::NotRecorded(id.to_owned()))?;
    let last = signer.last();
    let is_signed = signer.last_note().is_some_and(|note| note.verify(&others).is_ok());
    if last.size() < followed.position || !is_signed {
        return Err(RotationError::NotCovered { position: followed.position, signed: last.size() });
    }
    let found = root_at(log, last.size()).await?;
    if found != last.root() {
        return Err(RotationError::NotAsSigned { size: last.size(), found, signed: last.root() });
    }
    Ok(KeyRing::remove(directory, &retired[0])?)
}

#[cfg(test)]
mod tests;
