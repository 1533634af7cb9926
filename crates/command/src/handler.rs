//! The way of one command: authorise, load, decide, append; on a conflict, load and decide again.

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sfs_domain::catalogue::Precondition as Demanded;
use sfs_domain::decider::{Fact, check_envelope};
use sfs_domain::personal::check_personal;
use sfs_domain::reference::Reference;
use sfs_domain::{Event, Facts, Grant, PersonId, PrincipalId, State, StreamId, authority};
use sfs_eventlog::{
    Append, AppendError, Appended, CommandRecord, Committed, Direction, EventLog, Expected, Filter, Guard, NewEvent,
    StreamWrite,
};
use sfs_ledger::Leaf;
use sha2::Sha256;
use uuid::Uuid;

use crate::caller::Caller;
use crate::clock::Clock;
use crate::ids::{Entropy, event_id};
use crate::request::{Asked, CommandError, Outcome, Precondition, Receipt, ReceiptEvent, Request};
use crate::sealing::{RECORDED_BEFORE, SealedParts, Sealer};
use crate::states::{Folded, LoadError, States};
use crate::write::{Around, Decision, write};

/// How often a decision is made again because somebody was faster.
const ATTEMPTS: usize = 64;

/// What a handler is made of.
pub struct Settings {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Districts, school forms, vocabularies.
    pub reference: Arc<Reference>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// Keys the digests of command bodies.
    pub digest_key: [u8; 32],
    /// How many events' worth of folded states are kept.
    pub cached_events: u64,
    /// Seals what is said of persons; without it nothing is.
    pub sealer: Option<Sealer>,
}

/// The write side.
pub struct Handler {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) states: States,
    reference: Arc<Reference>,
    clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) digest_key: Hmac<Sha256>,
    pub(crate) sealer: Option<Sealer>,
}

/// Where the states of a decision come from: the cache, or what a list of commands has decided so
/// far.
pub(crate) trait Source: Sync {
    fn load(&self, stream: &Arc<str>) -> impl Future<Output = Result<Folded, LoadError>> + Send;
}

impl Source for States {
    fn load(&self, stream: &Arc<str>) -> impl Future<Output = Result<Folded, LoadError>> + Send {
        Self::load(self, stream)
    }
}

/// A decision, not yet appended.
pub(crate) enum Decided {
    /// Nothing to do.
    Unchanged { stream: Arc<str>, version: u64 },
    /// Something to append.
    Events(Ready),
}

/// What is to be appended, and the state it was decided on.
pub(crate) struct Ready {
    pub stream: Arc<str>,
    pub base: u64,
    pub guards: Vec<Guard>,
    /// For the log; taken out when it is sent.
    pub new: Vec<NewEvent>,
    /// For the fold, in the same order.
    pub decided: Vec<Decision>,
}

impl Handler {
    /// Puts the write side together.
    pub fn new(settings: Settings) -> Self {
        Self {
            states: States::new(Arc::clone(&settings.log), settings.cached_events),
            log: settings.log,
            reference: settings.reference,
            clock: settings.clock,
            entropy: settings.entropy,
            sealer: settings.sealer,
            // HMAC takes keys of any length, so this cannot fail.
            digest_key: Hmac::new_from_slice(&settings.digest_key).unwrap_or_else(|_| Hmac::new(&Default::default())),
        }
    }

    /// The clock that decisions are told.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The source of new identities.
    pub fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// The reference data that decisions are told.
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// The state of a stream, as far as this process knows.
    pub async fn state(&self, stream: &StreamId) -> Result<Folded, LoadError> {
        self.states.load(&stream.as_str().into()).await
    }

    /// A principal with the grants that it holds.
    pub async fn caller(&self, principal: PrincipalId) -> Result<Caller, LoadError> {
        let stream: Arc<str> = sfs_domain::principal::stream(&principal).as_str().into();
        let folded = self.states.load(&stream).await?;
        let grants = match &*folded.state {
            State::Principal(state) => state.grants().to_vec().into(),
            _ => Arc::from([]),
        };
        Ok(Caller { principal, grants, read: Some((stream, folded.version)) })
    }

    /// Does one command.
    pub async fn handle(&self, caller: &Caller, request: &Request) -> Result<Outcome, CommandError> {
        let asked = Asked { caller, request };
        for _ in 0..ATTEMPTS {
            let decided = self.decide(asked, &self.states).await;
            let mut ready = match decided {
                Ok(Decided::Events(ready)) => ready,
                // What was done before would now be refused or change nothing: ask the log first.
                Ok(Decided::Unchanged { stream, version }) => {
                    let before = self.before(asked).await?;
                    return Ok(before.unwrap_or(Outcome::Unchanged { stream, version }));
                }
                Err(CommandError::Forbidden) => return Err(CommandError::Forbidden),
                Err(why) => return self.before(asked).await?.ok_or(why),
            };
            if request.dry_run {
                return Ok(would(ready));
            }
            let append = self.append_of(asked, &mut ready);
            match self.log.append(append).await {
                Ok(Appended::Committed(committed)) => {
                    return Ok(Outcome::Accepted(self.accepted(request, ready, &committed)));
                }
                Ok(Appended::Replayed(record)) => return self.receipt(&record).await.map(Outcome::Replayed),
                Err(AppendError::Conflict { stream, .. }) => self.states.forget(&stream),
                Err(why) => return Err(append_error(why)),
            }
            if let Some((stream, _)) = &caller.read {
                // If it was the caller's own grants that changed, the caller is to be loaded anew.
                let now = self.states.load(stream).await?;
                if caller.read.as_ref().is_some_and(|(_, version)| *version != now.version) {
                    let fresh = Box::pin(self.caller(caller.principal)).await?;
                    return Box::pin(self.handle(&fresh, request)).await;
                }
            }
        }
        Err(CommandError::Contended)
    }

    /// The decision on the states of a source.
    pub(crate) async fn decide(&self, asked: Asked<'_>, source: &impl Source) -> Result<Decided, CommandError> {
        let Asked { caller, request } = asked;
        let today = self.clock.today();
        let allowing: Vec<&Grant> = authority::allowing(&caller.grants, request.entry, today).collect();
        if allowing.is_empty() {
            return Err(CommandError::Forbidden);
        }
        let mut facts = Facts {
            occurred_on: request.occurred_on.unwrap_or(today),
            today,
            reason: request.reason,
            evidence: request.evidence.len(),
            actor: caller.principal,
            event_id: event_id(request.command_id, 0),
            reference: &self.reference,
            others: &[],
        };
        let target = request.command.stream(&facts);
        let stream: Arc<str> = target.as_str().into();
        let folded = source.load(&stream).await?;
        let mut others = Vec::new();
        let mut guards: Vec<Guard> = caller
            .read
            .iter()
            .map(|(stream, version)| Guard { stream: Arc::clone(stream), version: *version })
            .collect();
        for read in request.command.reads(&folded.state) {
            let name: Arc<str> = read.as_str().into();
            let other = source.load(&name).await?;
            guards.push(Guard { stream: name, version: other.version });
            others.push((read, other.state));
        }
        facts.others = &others;
        let place = request.command.place(&folded.state, &facts);
        // A foreign and an absent object answer alike, unless the scope is the whole state.
        let grant = allowing.iter().find(|grant| match &place {
            Some(place) => grant.scope.contains(place),
            None => matches!(grant.scope, sfs_domain::Scope::State {}),
        });
        let Some(grant) = grant else { return Err(CommandError::NotFound) };
        self.check_version(request, &stream, folded.version)?;
        check_envelope(&facts).map_err(CommandError::Refused)?;
        check_personal(request.entry.takes, &request.personal).map_err(CommandError::Refused)?;
        let events = request.command.decide(&folded.state, &facts).map_err(CommandError::Refused)?;
        if events.is_empty() && !request.personal.is_empty() {
            return Err(CommandError::Refused(RECORDED_BEFORE));
        }
        let Some(place) = place.filter(|_| !events.is_empty()) else {
            return Ok(Decided::Unchanged { stream, version: folded.version });
        };
        let parts = self.seal(asked, &folded.state, &events).await?;
        let around = Around { grant, stream: &stream, place: &place, occurred_on: facts.occurred_on };
        let (new, decided) = write(asked, around, events, parts, &*self.entropy)?;
        Ok(Decided::Events(Ready { stream, base: folded.version, guards, new, decided }))
    }

    /// Seals what the command says of a person. A dry run makes no keys.
    async fn seal(&self, asked: Asked<'_>, state: &State, events: &[Event]) -> Result<SealedParts, CommandError> {
        let request = asked.request;
        let person = request.command.subject();
        let (Some(first), Some(person), false) = (events.first(), person, request.personal.is_empty()) else {
            return Ok(SealedParts::default());
        };
        let sealer = self.sealer.as_ref().ok_or(CommandError::NoKeys)?;
        if request.dry_run {
            return Ok(SealedParts::default());
        }
        if let Some(recognition) = request.command.recognised_in(state)
            && let Some(known) = sealer.known_as(&recognition, &request.personal, person).await?
        {
            let folded = self.state(&sfs_domain::person::stream(&known)).await?;
            // Somebody who was to be registered under that pseudonym and never was gives it up.
            let known = match folded.version {
                0 => sealer.reclaim(recognition.scope(), &request.personal, known, person).await?,
                _ => Some(known),
            };
            if let Some(known) = known {
                return Err(CommandError::KnownPerson { person: self.in_reach(asked, known, &folded.state) });
            }
        }
        let encoded = first.encode().map_err(|why| CommandError::Encode(why.to_string()))?;
        sealer.seal(person, &request.personal, event_id(request.command_id, 0), &encoded.event_type).await
    }

    /// The person, if the caller may know under which pseudonym they are registered.
    fn in_reach(&self, asked: Asked<'_>, person: PersonId, state: &State) -> Option<PersonId> {
        let State::Person(state) = state else { return None };
        let place = &state.known()?.place;
        let mut grants = authority::allowing(&asked.caller.grants, asked.request.entry, self.clock.today());
        grants.any(|grant| grant.scope.contains(place)).then_some(person)
    }

    fn check_version(&self, request: &Request, stream: &Arc<str>, actual: u64) -> Result<(), CommandError> {
        let stale = |expected| CommandError::Stale { stream: Arc::clone(stream), expected, actual };
        match (request.precondition, request.entry.precondition) {
            (Precondition::Version(expected), _) if expected != actual => Err(stale(expected)),
            (Precondition::Absent, _) if actual != 0 => Err(stale(0)),
            (Precondition::None, Demanded::Version) if actual != 0 => {
                Err(CommandError::VersionMissing { stream: Arc::clone(stream), actual })
            }
            _ => Ok(()),
        }
    }

    /// What is sent to the log; the events leave `ready` with it.
    pub(crate) fn append_of(&self, asked: Asked<'_>, ready: &mut Ready) -> Append {
        Append {
            command: asked.request.command_id,
            digest: self.digest(asked),
            writes: vec![StreamWrite {
                stream: Arc::clone(&ready.stream),
                expected: Expected::Version(ready.base),
                events: std::mem::take(&mut ready.new),
            }],
            guards: std::mem::take(&mut ready.guards),
        }
    }

    /// Keyed digest of everything that the client has said: tells a repeated command from another
    /// one under its id.
    pub(crate) fn digest(&self, asked: Asked<'_>) -> [u8; 32] {
        let request = asked.request;
        let mut mac = self.digest_key.clone();
        let mut part = |text: &str| {
            mac.update(&(text.len() as u64).to_le_bytes());
            mac.update(text.as_bytes());
        };
        part(&asked.caller.principal.to_string());
        part(request.entry.name);
        part(&request.command.encode().map(|encoded| encoded.data).unwrap_or_default());
        part(&request.occurred_on.map(|day| day.to_string()).unwrap_or_default());
        part(request.reason.map_or("", |reason| reason.code()));
        for document in &request.evidence {
            part(document.as_str());
        }
        for record in request.personal.records() {
            match &self.sealer {
                Some(sealer) => mac.update(&sealer.digest_of(record)),
                None => mac.update(record.kind().name().as_bytes()),
            }
        }
        mac.finalize().into_bytes().into()
    }

    /// What was done before under this id, if anything.
    async fn before(&self, asked: Asked<'_>) -> Result<Option<Outcome>, CommandError> {
        let Some(record) = self.log.command(asked.request.command_id).await? else { return Ok(None) };
        match record.digest {
            Some(digest) if digest == self.digest(asked) => {
                self.receipt(&record).await.map(Outcome::Replayed).map(Some)
            }
            Some(_) => Err(CommandError::PayloadDiffers),
            None => Err(CommandError::PayloadForgotten),
        }
    }

    /// Takes an accepted command over into the states and writes its receipt.
    pub(crate) fn accepted(&self, request: &Request, ready: Ready, committed: &Committed) -> Receipt {
        let events = ready.decided.iter().zip(&committed.hashes).zip(committed.first..);
        let receipt = Receipt {
            command_id: request.command_id,
            stream: Arc::clone(&ready.stream),
            version: ready.base + ready.decided.len() as u64,
            events: events
                .map(|((decision, hash), position)| ReceiptEvent {
                    id: decision.fact.id,
                    event_type: Arc::clone(&decision.event_type),
                    position,
                    leaf_hash: *hash,
                })
                .collect(),
            recorded_at: committed.recorded_at,
        };
        let added: Vec<(Event, Fact)> =
            ready.decided.into_iter().map(|decision| (decision.event, decision.fact)).collect();
        self.states.advance(&ready.stream, ready.base, &added);
        receipt
    }

    /// The receipt of an accepted command, built from its leaves.
    pub async fn receipt(&self, record: &CommandRecord) -> Result<Receipt, CommandError> {
        let filter = Filter { leaves: true, ..Filter::default() };
        let count = usize::try_from(record.count).unwrap_or(usize::MAX);
        let page = self.log.read(&filter, Direction::Forwards, record.first - 1, count).await?;
        let damaged = |position| {
            CommandError::Read(sfs_eventlog::ReadError::Damaged { position, what: "a leaf is not readable".into() })
        };
        let mut receipt: Option<Receipt> = None;
        for stored in page.events {
            let leaf = Leaf::parse(&stored.leaf).map_err(|_| damaged(stored.position))?;
            let receipt = receipt.get_or_insert_with(|| Receipt {
                command_id: leaf.draft.cmd,
                stream: Arc::clone(&stored.stream),
                version: 0,
                events: Vec::new(),
                recorded_at: stored.recorded_at,
            });
            receipt.version = stored.version;
            receipt.events.push(ReceiptEvent {
                id: sfs_domain::EventId(leaf.draft.id),
                event_type: stored.event_type,
                position: stored.position,
                leaf_hash: stored.leaf_hash,
            });
        }
        receipt.ok_or_else(|| damaged(record.first))
    }

    /// What the log has of a command id.
    pub async fn find(&self, command: Uuid) -> Result<Option<Receipt>, CommandError> {
        match self.log.command(command).await? {
            Some(record) => self.receipt(&record).await.map(Some),
            None => Ok(None),
        }
    }
}

pub(crate) fn would(ready: Ready) -> Outcome {
    Outcome::Would {
        stream: ready.stream,
        version: ready.base,
        events: ready
            .decided
            .iter()
            .filter_map(|decision| decision.event.encode().ok())
            .map(|encoded| (encoded.event_type, encoded.data))
            .collect(),
    }
}

pub(crate) fn append_error(why: AppendError) -> CommandError {
    match why {
        AppendError::PayloadDiffers => CommandError::PayloadDiffers,
        AppendError::PayloadForgotten(_) => CommandError::PayloadForgotten,
        why => CommandError::Append(why),
    }
}
