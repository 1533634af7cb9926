//! Erasure carried out: what two have approved is done here, and done again after a restore. First the log
//! says that it begins, so that nothing comes in between; then go the keys, then the ciphertexts; then the
//! log learns that it is over. Killed in between, it goes on at the next start.

#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::person::{self, Request as ErasureRequest};
use sfs_domain::personal::Purpose as Said;
use sfs_domain::{Category, Event, EventId, KeyId, PersonId, State, StreamId, wire};
use sfs_eventlog::{AppendError, Direction, Filter, Purge, ReadError, StoredEvent, tags};
use sfs_ledger::{Leaf, OpenBody};
use sfs_vault::{ErasureListError, KeysError, Purpose, SubjectId, Tombstone};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::caller::Caller;
use crate::handler::Handler;
use crate::request::{CommandError, Outcome, Request};
use crate::sealing::Sealer;
use crate::states::LoadError;

/// Events read in one go.
const PAGE: usize = 1_000;

/// Days until every older copy of a destroyed key is dead too: the keys of all others are wrapped anew
/// each month, and what wrapped the copy is destroyed (`audit.md` 5.3).
const BOUND_DAYS: i32 = 31;

/// How long approvals are gathered before somebody looks at them again.
const PAUSE: Duration = Duration::from_secs(1);

/// How often is looked again although nothing was appended: a lock ends with its day.
const AGAIN: Duration = Duration::from_secs(3_600);

/// How soon what failed is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// Why an erasure was not carried out. It is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The log did not answer.
    #[error("the log did not answer")]
    Log(#[from] ReadError),
    /// A person's state could not be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The keys could not be destroyed.
    #[error("the keys could not be destroyed")]
    Keys(#[from] KeysError),
    /// The list of erasures could not be written. The keys are still there.
    #[error("the list of erasures could not be written")]
    List(#[from] ErasureListError),
    /// The process ends.
    #[error("the process ends")]
    Stopped,
    /// The log did not take the event that begins it. Nothing is destroyed.
    #[error("the erasure could not begin")]
    Begin(#[source] CommandError),
    /// The ciphertexts could not be deleted. The keys are destroyed.
    #[error("the ciphertexts could not be deleted")]
    Purge(#[source] AppendError),
    /// The log did not take the event. The keys are destroyed.
    #[error("the erasure could not be recorded")]
    Record(#[source] CommandError),
    /// An event of an erasure cannot be read.
    #[error("the event at position {0} cannot be read")]
    Event(u64),
}

impl Handler {
    /// Destroys again what the log says was destroyed. After a restore of the key store, this is what
    /// has to be done before anything is served. Answers how many keys had come back.
    pub async fn destroy_again(&self) -> Result<u64, ErasureError> {
        let Some(keys) = self.sealer.as_ref().map(|sealer| sealer.keys()) else { return Ok(0) };
        let mut tombstones = Vec::new();
        self.each_of_type("person.erased.v1", 0, |stored| {
            tombstones.extend(tombstones_of(stored)?);
            Ok(())
        })
        .await?;
        Ok(keys.destroy_again(tombstones).await?)
    }

    /// Carries out what two have approved and nothing stands against, until `ended`.
    pub async fn follow_erasures(&self, ended: CancellationToken) {
        let (mut cursor, mut waiting) = (0, BTreeSet::new());
        let mut heads = self.log.heads();
        loop {
            heads.mark_unchanged();
            let mut pause = AGAIN;
            if let Err(why) = self.erase_approved(&mut cursor, &mut waiting).await {
                tracing::error!(error = &why as &dyn std::error::Error, "an erasure was not carried out");
                pause = RETRY;
            }
            let more = async {
                tokio::time::sleep(PAUSE).await;
                let _ = tokio::time::timeout(pause, heads.changed()).await;
            };
            if ended.run_until_cancelled(more).await.is_none() {
                return;
            }
        }
    }

    /// One round: takes up the approvals beyond the cursor and carries out what can be. What fails for one
    /// person stops no other; the first error is answered when all had their turn.
    pub async fn erase_approved(&self, cursor: &mut u64, waiting: &mut BTreeSet<PersonId>) -> Result<(), ErasureError> {
        let approved = "person.erasure-approved.v1";
        *cursor = self
            .each_of_type(approved, *cursor, |stored| {
                waiting.insert(person_of(stored)?);
                Ok(())
            })
            .await?;
        let mut first = Ok(());
        for person in waiting.clone() {
            match self.erase(person).await {
                Ok(true) => {}
                Ok(false) => {
                    waiting.remove(&person);
                }
                Err(why) => first = first.and(Err(why)),
            }
        }
        first
    }

    /// Carries out the person's erasures that can be carried out now; answers whether others wait.
    async fn erase(&self, person: PersonId) -> Result<bool, ErasureError> {
        let stream = person::stream(&person);
        if let Some(sealer) = &self.sealer {
            let folded = self.state(&stream).await?;
            let State::Person(state) = &*folded.state else { return Ok(false) };
            let pending: Vec<ErasureRequest> = state.pending_erasures(self.clock().today()).cloned().collect();
            for request in pending {
                self.carry_out(sealer, person, &request).await?;
            }
        }
        let folded = self.state(&stream).await?;
        Ok(matches!(&*folded.state, State::Person(state) if state.has_approved_erasure()))
    }

    async fn carry_out(&self, sealer: &Sealer, person: PersonId, request: &ErasureRequest) -> Result<(), ErasureError> {
        if !request.has_begun() && !self.begin(person, request.id).await? {
            return Ok(());
        }
        let kek_version = sealer.keys().versions_in_use().await?.last().map_or(0, |(version, _)| *version);
        let purposes: Vec<Purpose> = request.purposes.iter().map(purpose_of).collect();
        let tombstones = sealer.destroy(SubjectId(person.0), &purposes, request.id.0).await?;
        // In the order of the purposes, so that the log says which key was for what.
        let key_of = |purpose| tombstones.iter().find(|tombstone| tombstone.purpose == purpose);
        let destroyed: Vec<Uuid> = purposes.into_iter().filter_map(key_of).map(|tombstone| tombstone.key.0).collect();
        let under = self.sealed_under(person, &destroyed).await?;
        let purged = self.log.purge(under).await.map_err(ErasureError::Purge)?;
        let record = person::Command::RecordErasure {
            person,
            request: request.id,
            keys: destroyed.into_iter().map(KeyId).collect(),
            purposes: request.purposes,
            kek_version,
            slots_purged: u32::try_from(purged).unwrap_or(u32::MAX),
            bound_until: self.clock().today().plus_days(BOUND_DAYS),
        };
        self.by_itself("record-erasure", record).await.map_err(ErasureError::Record).map(drop)
    }

    /// Says that the destruction begins; `false` if something stands against it since it was looked at.
    async fn begin(&self, person: PersonId, request: EventId) -> Result<bool, ErasureError> {
        match self.by_itself("begin-erasure", person::Command::BeginErasure { person, request }).await {
            Ok(_) => Ok(true),
            Err(CommandError::Refused(_)) => Ok(false),
            Err(why) => Err(ErasureError::Begin(why)),
        }
    }

    /// Sends a command of the program's own.
    async fn by_itself(&self, name: &str, command: person::Command) -> Result<Outcome, CommandError> {
        let entry = command_entry(name).ok_or_else(|| CommandError::Encode("no such command".into()))?;
        let id = self.entropy().uuid(self.clock().now_micros());
        self.handle(&Caller::system(), &Request::new(entry, Command::Person(command), id)).await
    }

    /// What lies sealed under these keys in the streams that are named after the person.
    async fn sealed_under(&self, person: PersonId, keys: &[Uuid]) -> Result<Purge, ErasureError> {
        let mut under = Purge::default();
        for category in Category::ALL {
            let stream = StreamId::new(category.name(), person);
            let mut version = 0;
            loop {
                let page = self.log.read_stream(stream.as_str(), version, PAGE).await?;
                let Some(last) = page.last() else { break };
                version = last.version;
                for event in &page {
                    let leaf = Leaf::parse(&event.leaf).map_err(|_| ErasureError::Event(event.position))?;
                    let is_under = |key: &str| Uuid::parse_str(key).is_ok_and(|key| keys.contains(&key));
                    let slots = leaf.draft.sealed.iter().filter(|slot| is_under(&slot.k));
                    let before = under.slots.len();
                    under.slots.extend(slots.map(|slot| slot.h));
                    if under.slots.len() > before {
                        under.events.push((leaf.draft.cmd, event.position));
                    }
                }
            }
        }
        Ok(under)
    }

    /// Shows every event of a type beyond the cursor; answers how far it looked.
    async fn each_of_type(
        &self,
        event_type: &str,
        mut cursor: u64,
        mut show: impl FnMut(&StoredEvent) -> Result<(), ErasureError>,
    ) -> Result<u64, ErasureError> {
        let filter = Filter { all_of: vec![vec![tags::event_type(event_type)]], ..Filter::default() };
        loop {
            let page = self.log.read(&filter, Direction::Forwards, cursor, PAGE).await?;
            page.events.iter().try_for_each(&mut show)?;
            if page.scanned_to <= cursor {
                return Ok(cursor);
            }
            cursor = page.scanned_to;
        }
    }
}

fn event_of(stored: &StoredEvent) -> Result<person::Event, ErasureError> {
    let open = OpenBody::parse(&stored.open).map_err(|_| ErasureError::Event(stored.position))?;
    match wire::decode(&stored.event_type, open.data) {
        Ok(Event::Person(event)) => Ok(event),
        _ => Err(ErasureError::Event(stored.position)),
    }
}

fn person_of(stored: &StoredEvent) -> Result<PersonId, ErasureError> {
    match event_of(stored)? {
        person::Event::ErasureApproved { person, .. } => Ok(person),
        _ => Err(ErasureError::Event(stored.position)),
    }
}

fn tombstones_of(stored: &StoredEvent) -> Result<Vec<Tombstone>, ErasureError> {
    let person::Event::Erased { person, request: EventId(erasure), keys, purposes, .. } = event_of(stored)? else {
        return Err(ErasureError::Event(stored.position));
    };
    let tombstone = |(key, purpose): (&KeyId, Said)| Tombstone {
        key: sfs_vault::KeyId(key.0),
        subject: SubjectId(person.0),
        purpose: purpose_of(purpose),
        erasure,
    };
    Ok(keys.iter().zip(purposes.iter()).map(tombstone).collect())
}

/// The domain's purpose as the vault's.
pub(crate) const fn purpose_of(purpose: Said) -> Purpose {
    match purpose {
        Said::Identity => Purpose::Identity,
        Said::Statistics => Purpose::Statistics,
        Said::SpecialCategory => Purpose::SpecialCategory,
        Said::Actor => Purpose::Actor,
    }
}
