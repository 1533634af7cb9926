//! What is said of persons leaves the log again: only after the event that says so is durable.

#[cfg(test)]
mod tests;

use sfs_domain::{Category, EventId, Opens, PersonId, StreamId, support_case};
use sfs_eventlog::{Direction, Filter, ReadError, StoredEvent};
use sfs_ledger::Leaf;

use crate::handler::Handler;
use crate::sealing::{Opened, OpenedEvent, OpeningError};

/// Events read in one go.
const PAGE: usize = 1_000;

impl Handler {
    /// What a command shows whose event is durable, nothing where nothing is said of that person: the caller has handed it to [`Handler::handle`]
    /// and it was accepted.
    pub async fn opened(&self, opens: Opens) -> Result<Vec<OpenedEvent>, OpeningError> {
        match opens {
            Opens::Record { person, position } => self.record(person, position).await,
            Opens::CaseRecord { person, event } => self.of_case(person, event).await,
            Opens::Everything { person } => self.everything(person).await,
        }
    }

    async fn record(&self, person: PersonId, position: u64) -> Result<Vec<OpenedEvent>, OpeningError> {
        let filter = Filter { leaves: true, ..Filter::default() };
        let page = self.log.read(&filter, Direction::Forwards, position.saturating_sub(1), 1).await?;
        let event = page.events.into_iter().find(|event| event.position == position);
        self.one(event, person, false).await
    }

    /// The event with that identity in the stream of the pupil's cases.
    async fn of_case(&self, person: PersonId, event: EventId) -> Result<Vec<OpenedEvent>, OpeningError> {
        let stream = support_case::stream(&person);
        let mut version = 0;
        loop {
            let page = self.log.read_stream(stream.as_str(), version, PAGE).await?;
            let Some(last) = page.last() else { return Ok(Vec::new()) };
            version = last.version;
            for stored in page {
                if leaf_of(&stored)?.draft.id == event.0 {
                    return self.one(Some(stored), person, true).await;
                }
            }
        }
    }

    /// What an event says of the person, if it says anything.
    async fn one(
        &self,
        event: Option<StoredEvent>,
        person: PersonId,
        notes: bool,
    ) -> Result<Vec<OpenedEvent>, OpeningError> {
        let Some(event) = event else { return Ok(Vec::new()) };
        let event = self.open_event(event, person, notes).await?;
        Ok(if event.records.is_empty() { Vec::new() } else { vec![event] })
    }

    /// Every event of the streams that are named after the person.
    async fn everything(&self, person: PersonId) -> Result<Vec<OpenedEvent>, OpeningError> {
        let mut all = Vec::new();
        for category in Category::ALL {
            let stream = StreamId::new(category.name(), person);
            let mut version = 0;
            loop {
                let page = self.log.read_stream(stream.as_str(), version, PAGE).await?;
                let Some(last) = page.last() else { break };
                version = last.version;
                for event in page {
                    all.push(self.open_event(event, person, false).await?);
                }
            }
        }
        all.sort_by_key(|opened| opened.event.position);
        Ok(all)
    }

    async fn open_event(&self, event: StoredEvent, person: PersonId, notes: bool) -> Result<OpenedEvent, OpeningError> {
        let leaf = leaf_of(&event)?;
        let digests: Vec<_> = leaf.draft.sealed.iter().map(|slot| slot.h).collect();
        let records = match (&self.sealer, digests.is_empty()) {
            (Some(sealer), false) => {
                let bytes = self.log.sealed(&digests).await?;
                sealer.open(&event, &leaf, &bytes, person, notes).await?
            }
            (None, false) => vec![Opened::Withheld],
            (_, true) => Vec::new(),
        };
        drop(leaf);
        Ok(OpenedEvent { event, records })
    }
}

fn leaf_of(event: &StoredEvent) -> Result<Leaf<'_>, ReadError> {
    Leaf::parse(&event.leaf).map_err(|why| ReadError::Damaged { position: event.position, what: why.to_string() })
}
