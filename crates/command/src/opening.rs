//! What is said of persons leaves the log again: only after the event that says so is durable, only the
//! kinds of records that the command opens, and only of events that lie where the caller's grant reaches.

#[cfg(test)]
mod tests;

use sfs_domain::catalogue::CommandEntry;
use sfs_domain::{Category, EventId, Grant, Opens, PersonId, StreamId, authority, support_case};
use sfs_eventlog::{Direction, Filter, ReadError, StoredEvent};
use sfs_ledger::Leaf;

use crate::caller::Caller;
use crate::handler::Handler;
use crate::sealing::{Opened, OpenedEvent, OpeningError};
use crate::states::read_event;

/// Events read in one go.
const PAGE: usize = 1_000;

impl Handler {
    /// What a command shows whose event is durable, nothing where nothing is said of that person: the caller
    /// has handed it to [`Handler::handle`] and it was accepted now. A repetition shows nothing again: what
    /// is read twice is two facts.
    pub async fn opened(
        &self,
        caller: &Caller,
        entry: &CommandEntry,
        opens: Opens,
    ) -> Result<Vec<OpenedEvent>, OpeningError> {
        let today = self.clock().today();
        let grants: Vec<&Grant> = authority::allowing(&caller.grants, entry, today).collect();
        let events = match opens {
            Opens::Record { position, .. } => self.one(position).await?,
            Opens::CaseRecord { person, event } => self.of_case(person, event).await?,
            Opens::Everything { person } => self.everything(person).await?,
        };
        let is_one = !matches!(opens, Opens::Everything { .. });
        let person = match opens {
            Opens::Record { person, .. } | Opens::CaseRecord { person, .. } | Opens::Everything { person } => person,
        };
        let mut all = Vec::new();
        for event in events {
            let (_, fact) = read_event(&event)?;
            if !grants.iter().any(|grant| grant.scope.contains(&fact.place)) {
                continue;
            }
            let opened = self.open_event(event, person, entry).await?;
            if !is_one || !opened.records.is_empty() {
                all.push(opened);
            }
        }
        Ok(all)
    }

    async fn one(&self, position: u64) -> Result<Vec<StoredEvent>, OpeningError> {
        let filter = Filter { leaves: true, ..Filter::default() };
        let page = self.log.read(&filter, Direction::Forwards, position.saturating_sub(1), 1).await?;
        Ok(page.events.into_iter().filter(|event| event.position == position).collect())
    }

    /// The event with that identity in the stream of the pupil's cases.
    async fn of_case(&self, person: PersonId, event: EventId) -> Result<Vec<StoredEvent>, OpeningError> {
        for stored in self.of_stream(&support_case::stream(&person)).await? {
            if leaf_of(&stored)?.draft.id == event.0 {
                return Ok(vec![stored]);
            }
        }
        Ok(Vec::new())
    }

    /// Every event of the streams that are named after the person, in the order of the log.
    async fn everything(&self, person: PersonId) -> Result<Vec<StoredEvent>, OpeningError> {
        let mut all = Vec::new();
        for category in Category::ALL {
            all.extend(self.of_stream(&StreamId::new(category.name(), person)).await?);
        }
        all.sort_by_key(|event| event.position);
        Ok(all)
    }

    async fn of_stream(&self, stream: &StreamId) -> Result<Vec<StoredEvent>, OpeningError> {
        let (mut all, mut version) = (Vec::new(), 0);
        loop {
            let page = self.log.read_stream(stream.as_str(), version, PAGE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            version = last.version;
            all.extend(page);
        }
    }

    async fn open_event(
        &self,
        event: StoredEvent,
        person: PersonId,
        entry: &CommandEntry,
    ) -> Result<OpenedEvent, OpeningError> {
        let leaf = leaf_of(&event)?;
        let digests: Vec<_> = leaf.draft.sealed.iter().map(|slot| slot.h).collect();
        let records = match (&self.sealer, digests.is_empty()) {
            (Some(sealer), false) => {
                let bytes = self.log.sealed(&digests).await?;
                sealer.open(&event, &leaf, &bytes, person, entry.opens).await?
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
