//! Sends drafts the ordinary way of commands and compares what comes with what was expected. After an interruption it
//! skips what the log has: a batch is appended in order, so its last accepted command speaks for the ones before.

use std::collections::{BTreeMap, HashMap};

use sfs_command::{Caller, Clock, CommandError, Handler, ManualClock, Outcome, Precondition, Request};
use sfs_domain::catalogue::command_entry;
use sfs_domain::{Facts, PrincipalId, StreamId};

use super::SimulationError;
use super::cast::Actor;
use super::draft::{Draft, Expected, Version};

/// What was sent so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Accepted commands by name, with those that the log had before.
    pub commands: BTreeMap<&'static str, u64>,
    /// Refused commands by rule.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Accepted commands; each is one event.
    pub events: u64,
    /// Those of them that the log had before.
    pub replayed: u64,
}

/// Sends commands and counts.
pub(super) struct Sender<'a> {
    handler: &'a Handler,
    clock: &'a ManualClock,
    pub tally: Tally,
    /// Whether the log may still have what is to be sent.
    resuming: bool,
}

impl<'a> Sender<'a> {
    pub fn new(handler: &'a Handler, clock: &'a ManualClock) -> Self {
        Self { handler, clock, tally: Tally::default(), resuming: true }
    }

    /// Moves the clock on to that instant, never back.
    pub fn advance_to(&self, instant: i64) {
        self.clock.set(self.clock.now_micros().max(instant));
    }

    /// Sends what one actor has to say.
    pub async fn send(&mut self, actor: &Actor, drafts: &[Draft]) -> Result<(), SimulationError> {
        let drafts = if self.resuming { self.skip_done(drafts).await? } else { drafts };
        if drafts.is_empty() {
            return Ok(());
        }
        let caller = match actor.principal {
            Some(principal) => self.handler.caller(principal).await.map_err(SimulationError::Load)?,
            None => Caller::console(),
        };
        let requests = self.requests(&caller, drafts).await?;
        let outcomes = self.handler.handle_each(&caller, &requests).await;
        for (draft, outcome) in drafts.iter().zip(outcomes) {
            self.take(draft, outcome)?;
        }
        Ok(())
    }

    /// Leaves out what the log has and answers with the rest.
    async fn skip_done<'d>(&mut self, drafts: &'d [Draft]) -> Result<&'d [Draft], SimulationError> {
        let accepted = |draft: &&Draft| draft.expected == Expected::Accepted;
        let mut done = 0;
        match drafts.iter().rfind(accepted) {
            Some(last) if !self.is_done(last).await? => {
                self.resuming = false;
                for (place, draft) in drafts.iter().enumerate().filter(|(_, draft)| accepted(draft)) {
                    if !self.is_done(draft).await? {
                        break;
                    }
                    done = place + 1;
                }
            }
            // What is only refused leaves no trace to be looked for, and in a later state might not be refused.
            _ => done = drafts.len(),
        }
        for draft in &drafts[..done] {
            match draft.expected {
                Expected::Accepted => {
                    self.count_accepted(draft);
                    self.tally.replayed += 1;
                }
                expected => self.count_refused(expected),
            }
        }
        Ok(&drafts[done..])
    }

    async fn is_done(&self, draft: &Draft) -> Result<bool, SimulationError> {
        let found = self.handler.find(draft.id).await;
        found
            .map(|receipt| receipt.is_some())
            .map_err(|source| SimulationError::Command { command: draft.name, source })
    }

    async fn requests(&self, caller: &Caller, drafts: &[Draft]) -> Result<Vec<Request>, SimulationError> {
        // How many events the drafts before will have added to a stream whose version is asked for.
        let mut added: HashMap<StreamId, u64> = HashMap::new();
        let counted = drafts.iter().any(|draft| draft.version != Version::Unsaid);
        let mut requests = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let entry = command_entry(draft.name).ok_or(SimulationError::NoSuchCommand(draft.name))?;
            let mut request = Request::new(entry, draft.command.clone(), draft.id);
            request.occurred_on = Some(draft.on);
            request.reason = draft.reason;
            if counted {
                let stream = self.stream(caller.principal, draft);
                if draft.version != Version::Unsaid {
                    let folded = self.handler.state(&stream).await.map_err(SimulationError::Load)?;
                    let now = folded.version + added.get(&stream).copied().unwrap_or_default();
                    let wrong = u64::from(draft.version == Version::Wrong) * 7;
                    request.precondition = Precondition::Version(now + wrong);
                }
                if draft.expected == Expected::Accepted {
                    *added.entry(stream).or_default() += 1;
                }
            }
            requests.push(request);
        }
        Ok(requests)
    }

    fn stream(&self, actor: PrincipalId, draft: &Draft) -> StreamId {
        draft.command.stream(&Facts {
            occurred_on: draft.on,
            today: draft.on,
            reason: draft.reason,
            evidence: 0,
            actor,
            event_id: sfs_command::event_id(draft.id, 0),
            reference: self.handler.reference(),
            others: &[],
        })
    }

    fn take(&mut self, draft: &Draft, outcome: Result<Outcome, CommandError>) -> Result<(), SimulationError> {
        let came = match outcome {
            Ok(outcome @ (Outcome::Accepted(_) | Outcome::Replayed(_))) if draft.expected == Expected::Accepted => {
                self.count_accepted(draft);
                if matches!(outcome, Outcome::Replayed(_)) {
                    self.tally.replayed += 1;
                }
                return Ok(());
            }
            Ok(Outcome::Unchanged { .. } | Outcome::Would { .. }) => Expected::Unchanged,
            Ok(_) => Expected::Accepted,
            Err(CommandError::Refused(refused)) => Expected::Refused(refused.rule),
            Err(CommandError::Stale { .. }) => Expected::Stale,
            Err(CommandError::VersionMissing { .. }) => Expected::VersionMissing,
            Err(CommandError::Forbidden) => Expected::Forbidden,
            Err(CommandError::NotFound) => Expected::NotFound,
            Err(source) => return Err(SimulationError::Command { command: draft.name, source }),
        };
        if came == draft.expected {
            self.count_refused(came);
            return Ok(());
        }
        Err(SimulationError::Unexpected {
            command: draft.name,
            id: draft.id,
            on: draft.on,
            expected: draft.expected.name(),
            came: came.name(),
        })
    }

    fn count_accepted(&mut self, draft: &Draft) {
        *self.tally.commands.entry(draft.name).or_default() += 1;
        self.tally.events += 1;
    }

    fn count_refused(&mut self, expected: Expected) {
        *self.tally.refusals.entry(expected.name()).or_default() += 1;
    }
}

impl Expected {
    /// The number of the rule, or what else kept a command from being done.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Unchanged => "unchanged",
            Self::Refused(rule) => rule,
            Self::Stale => "stale-version",
            Self::VersionMissing => "version-missing",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
        }
    }
}
