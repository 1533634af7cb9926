//! Folded states: loaded from their streams, kept in a bounded cache, checked by version when they
//! are used in an append.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use sfs_domain::decider::Fact;
use sfs_domain::wire::{self, DecodeError};
use sfs_domain::{Ags, BusinessDate, Category, Event, EventId, OrganisationId, Place, PrincipalId, SchoolId, State};
use sfs_eventlog::{EventLog, ReadError, StoredEvent};
use sfs_ledger::{Leaf, OpenBody};

/// Events read in one go while loading.
const PAGE: usize = 1_000;

/// Why a state could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The log did not answer.
    #[error("the log did not answer")]
    Read(#[from] ReadError),
    /// A stored event is not known to this program or not readable.
    #[error("the event at position {position} cannot be used")]
    Event {
        /// Where it is.
        position: u64,
        /// Why.
        source: DecodeError,
    },
    /// A stored event's envelope is not readable.
    #[error("the envelope of the event at position {position} cannot be read: {what}")]
    Envelope {
        /// Where it is.
        position: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The stream's name belongs to no aggregate.
    #[error("no aggregate has streams like `{0}`")]
    NoAggregate(String),
}

/// A state with the version of its stream.
#[derive(Debug, Clone)]
pub struct Folded {
    /// Version; 0 without events.
    pub version: u64,
    /// What the events come to.
    pub state: Arc<State>,
}

#[derive(Clone)]
struct ByVersion;

impl Weighter<Arc<str>, Folded> for ByVersion {
    /// A state grows with its stream, so a long one counts for more; an empty one has about half a
    /// kilobyte, an event adds less than a tenth of it.
    fn weight(&self, _: &Arc<str>, folded: &Folded) -> u64 {
        8 + folded.version
    }
}

/// The cache in front of the log.
pub struct States {
    log: Arc<dyn EventLog>,
    cache: Cache<Arc<str>, Folded, ByVersion>,
}

impl States {
    /// A cache for so many events' worth of states.
    pub fn new(log: Arc<dyn EventLog>, events: u64) -> Self {
        let items = usize::try_from(events / 8).unwrap_or(1_024).max(64);
        Self { log, cache: Cache::with_weighter(items, events, ByVersion) }
    }

    /// The state of a stream as far as this process knows: an append checks the version.
    pub async fn load(&self, stream: &Arc<str>) -> Result<Folded, LoadError> {
        if let Some(folded) = self.cache.get(stream) {
            return Ok(folded);
        }
        let folded = self.replay(stream).await?;
        if folded.version > 0 {
            self.cache.insert(Arc::clone(stream), folded.clone());
        }
        Ok(folded)
    }

    async fn replay(&self, stream: &Arc<str>) -> Result<Folded, LoadError> {
        let name = stream.split('/').next().unwrap_or_default();
        let category = Category::from_name(name).ok_or_else(|| LoadError::NoAggregate(stream.to_string()))?;
        let (mut state, mut version) = (State::initial(category), 0);
        loop {
            let page = self.log.read_stream(stream, version, PAGE).await?;
            for stored in &page {
                let (event, fact) = read_event(stored)?;
                state.evolve(&event, &fact);
                version = stored.version;
            }
            if page.len() < PAGE {
                return Ok(Folded { version, state: Arc::new(state) });
            }
        }
    }

    /// Takes over what an append has added after `base`.
    pub fn advance(&self, stream: &Arc<str>, base: u64, added: &[(Event, Fact)]) {
        // Taken out, so that it is the only one and folding on copies nothing.
        let folded = match self.cache.remove(stream) {
            Some((_, folded)) => folded,
            None if base == 0 => match added.first() {
                Some((event, _)) => Folded { version: 0, state: Arc::new(State::initial(event.category())) },
                None => return,
            },
            None => return,
        };
        if folded.version > base {
            // Somebody else has loaded what we appended.
            self.cache.insert(Arc::clone(stream), folded);
        } else if folded.version == base {
            self.cache.insert(Arc::clone(stream), fold_on(folded, added));
        }
    }

    /// Forgets a state that turned out to be old.
    pub fn forget(&self, stream: &Arc<str>) {
        self.cache.remove(stream);
    }
}

/// A state with further events.
pub fn fold_on(mut folded: Folded, added: &[(Event, Fact)]) -> Folded {
    let state = Arc::make_mut(&mut folded.state);
    for (event, fact) in added {
        state.evolve(event, fact);
    }
    folded.version += added.len() as u64;
    folded
}

/// Reads a stored event with what its envelope tells the fold.
pub(crate) fn read_event(stored: &StoredEvent) -> Result<(Event, Fact), LoadError> {
    let position = stored.position;
    let envelope = |what: String| LoadError::Envelope { position, what };
    let open = OpenBody::parse(&stored.open).map_err(|why| envelope(why.to_string()))?;
    let leaf = Leaf::parse(&stored.leaf).map_err(|why| envelope(why.to_string()))?;
    let event = wire::decode(&stored.event_type, open.data).map_err(|source| LoadError::Event { position, source })?;
    let text = |why: sfs_domain::identity::InvalidIdentity| envelope(why.to_string());
    let place = Place {
        ags: Ags::parse(&*open.ags).map_err(text)?,
        provider: open.provider.as_deref().map(OrganisationId::parse).transpose().map_err(text)?,
        school: open.school.as_deref().map(SchoolId::parse).transpose().map_err(text)?,
    };
    let occurred_on = BusinessDate::parse(&open.occurred_on).map_err(|why| envelope(why.to_string()))?;
    let actor = leaf.draft.actor.parse().map(PrincipalId).map_err(|why: uuid::Error| envelope(why.to_string()))?;
    Ok((event, Fact { id: EventId(leaf.draft.id), occurred_on, place, actor }))
}
