//! An event as projections see it: decoded once, whoever reads it.

use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher};
use std::sync::Arc;

use sfs_domain::wire::{self, DecodeError};
use sfs_domain::{Ags, BusinessDate, Event, OrganisationId, Place, SchoolId};
use sfs_eventlog::StoredEvent;
use sfs_ledger::{Hash, OpenBody};

/// Places that are remembered: more than schools and providers can make.
const REMEMBERED_PLACES: usize = 8_192;

/// A decoded event with what its envelope says.
#[derive(Debug, Clone)]
pub(crate) struct Recorded {
    /// Position in the log.
    pub position: u64,
    /// Its stream.
    pub stream: Arc<str>,
    /// Version of the stream with it.
    pub version: u64,
    /// When the log learned it: microseconds since 1970, UTC.
    pub recorded_at: i64,
    /// Hash of its leaf.
    pub leaf_hash: Hash,
    /// Business date.
    pub occurred_on: BusinessDate,
    /// District, responsible provider, school.
    pub place: Arc<Place>,
    /// What happened.
    pub event: Event,
}

impl Recorded {
    /// The position as the read database keeps it.
    pub fn pos(&self) -> i64 {
        self.position as i64
    }

    /// The part of the stream's name behind the category.
    pub fn key(&self) -> &str {
        self.stream.split_once('/').map_or("", |(_, key)| key)
    }
}

/// Why an event cannot be read. Whoever meets one stops there.
#[derive(Debug, thiserror::Error)]
#[error("the event at position {position} cannot be read: {why}")]
pub(crate) struct Undecodable {
    /// Its position.
    pub position: u64,
    /// Whether a newer program knows the type.
    pub unknown_type: bool,
    /// What was found.
    pub why: String,
}

/// Reads stored events. Remembers places and the last day, since neighbours share them.
#[derive(Default)]
pub(crate) struct Decoder {
    places: HashMap<u64, Arc<Place>>,
    day: Option<(String, BusinessDate)>,
}

impl Decoder {
    /// Reads a page of events.
    pub fn decode_all(&mut self, events: Vec<StoredEvent>) -> Result<Vec<Recorded>, (Vec<Recorded>, Undecodable)> {
        let mut decoded = Vec::with_capacity(events.len());
        for stored in events {
            match self.decode(&stored) {
                Ok(recorded) => decoded.push(recorded),
                // What comes before it is still good.
                Err(why) => return Err((decoded, why)),
            }
        }
        Ok(decoded)
    }

    /// Reads one event.
    pub fn decode(&mut self, stored: &StoredEvent) -> Result<Recorded, Undecodable> {
        let failed = |why: String| Undecodable { position: stored.position, unknown_type: false, why };
        let open = OpenBody::parse(&stored.open).map_err(|why| failed(why.to_string()))?;
        let event = wire::decode(&stored.event_type, open.data).map_err(|why| Undecodable {
            unknown_type: matches!(why, DecodeError::UnknownType(_)),
            ..failed(with_sources(&why))
        })?;
        Ok(Recorded {
            position: stored.position,
            stream: Arc::clone(&stored.stream),
            version: stored.version,
            recorded_at: stored.recorded_at,
            leaf_hash: stored.leaf_hash,
            occurred_on: self.day(&open.occurred_on).map_err(failed)?,
            place: self.place(&open).map_err(failed)?,
            event,
        })
    }

    fn day(&mut self, text: &str) -> Result<BusinessDate, String> {
        match &self.day {
            Some((known, day)) if known == text => Ok(*day),
            _ => {
                let day = BusinessDate::parse(text).map_err(|why| why.to_string())?;
                self.day = Some((text.to_owned(), day));
                Ok(day)
            }
        }
    }

    fn place(&mut self, open: &OpenBody<'_>) -> Result<Arc<Place>, String> {
        let mut hasher = DefaultHasher::new();
        (&open.ags, &open.provider, &open.school).hash(&mut hasher);
        let hash = hasher.finish();
        if let Some(known) = self.places.get(&hash)
            && known.ags.as_str() == open.ags
            && known.provider.as_ref().map(OrganisationId::as_str) == open.provider.as_deref()
            && known.school.as_ref().map(SchoolId::as_str) == open.school.as_deref()
        {
            return Ok(Arc::clone(known));
        }
        let provider = open.provider.as_deref().map(OrganisationId::parse).transpose();
        let school = open.school.as_deref().map(SchoolId::parse).transpose();
        let place = Arc::new(Place {
            ags: Ags::parse(open.ags.as_ref()).map_err(|why| why.to_string())?,
            provider: provider.map_err(|why| why.to_string())?,
            school: school.map_err(|why| why.to_string())?,
        });
        if self.places.len() >= REMEMBERED_PLACES {
            self.places.clear();
        }
        self.places.insert(hash, Arc::clone(&place));
        Ok(place)
    }
}

/// An error with what lies behind it, in one line.
pub(crate) fn with_sources(why: &dyn std::error::Error) -> String {
    let mut text = why.to_string();
    let mut source = why.source();
    while let Some(behind) = source {
        text.push_str(": ");
        text.push_str(&behind.to_string());
        source = behind.source();
    }
    text
}
