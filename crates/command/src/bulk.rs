//! Many commands at once: the same checks as one by one, fewer waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use hmac::Mac;
use sfs_domain::Event;
use sfs_domain::authority;
use sfs_domain::decider::Fact;
use sfs_domain::personal::check_personal;
use sfs_eventlog::{Append, AppendError, Appended, Committed, Expected, Guard, StreamWrite};
use uuid::Uuid;

use crate::caller::Caller;
use crate::handler::{Decided, Handler, Ready, Source, append_error, would};
use crate::request::{Asked, CommandError, Outcome, Receipt, Request};
use crate::states::{Folded, LoadError, States, fold_on};

/// Commands that are decided ahead of their appends.
const AHEAD: usize = 1_000;

/// The states as they will be if everything decided so far is appended.
struct Ahead<'a> {
    states: &'a States,
    decided: Mutex<HashMap<Arc<str>, Folded>>,
}

impl Source for Ahead<'_> {
    async fn load(&self, stream: &Arc<str>) -> Result<Folded, LoadError> {
        let decided = self.decided.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned();
        match decided {
            Some(folded) => Ok(folded),
            None => self.states.load(stream).await,
        }
    }
}

impl<'a> Ahead<'a> {
    fn new(states: &'a States) -> Self {
        Self { states, decided: Mutex::default() }
    }

    async fn add(&self, ready: &Ready) -> Result<(), LoadError> {
        let folded = self.load(&ready.stream).await?;
        let added: Vec<(Event, Fact)> =
            ready.decided.iter().map(|decision| (decision.event.clone(), decision.fact.clone())).collect();
        // Out of the map first, so that folding on copies nothing.
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).remove(&ready.stream);
        let folded = fold_on(folded, &added);
        self.decided.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(&ready.stream), folded);
        Ok(())
    }
}

impl Handler {
    /// Does each command for itself, in order; one that is refused does not keep the others from
    /// being done. Answers in the order of the requests.
    pub async fn handle_each(&self, caller: &Caller, requests: &[Request]) -> Vec<Result<Outcome, CommandError>> {
        let mut outcomes = Vec::with_capacity(requests.len());
        for chunk in requests.chunks(AHEAD) {
            outcomes.extend(self.handle_chunk(caller, chunk).await);
        }
        outcomes
    }

    async fn handle_chunk(&self, caller: &Caller, requests: &[Request]) -> Vec<Result<Outcome, CommandError>> {
        if let Some(sealer) = &self.sealer {
            // Whoever may not send them makes no keys either.
            let wanted = requests.iter().filter(|request| !request.dry_run && self.may_seal(caller, request));
            let wanted = wanted.filter_map(|request| Some((request.command.subject()?, &request.personal)));
            if let Err(why) = sealer.prepare(wanted).await {
                // Each command then says so for itself.
                tracing::warn!(error = &why as &dyn std::error::Error, "keys could not be made ahead");
            }
        }
        let ahead = Ahead::new(&self.states);
        let mut appends = Vec::with_capacity(requests.len());
        for request in requests {
            let asked = Asked { caller, request };
            let mut ready = match self.decide(asked, &ahead).await {
                Ok(Decided::Events(ready)) if !request.dry_run && ahead.add(&ready).await.is_ok() => ready,
                // Whatever is not simply an append is decided again below, in its place.
                _ => {
                    appends.push(None);
                    continue;
                }
            };
            appends.push(Some((self.append_of(asked, &mut ready), ready)));
        }
        drop(ahead);
        let answers = join_all(appends.into_iter().map(|append| async {
            match append {
                Some((append, ready)) => Some((self.log.append(append).await, ready)),
                None => None,
            }
        }))
        .await;
        let mut outcomes = Vec::with_capacity(requests.len());
        for (answer, request) in answers.into_iter().zip(requests) {
            outcomes.push(match answer {
                Some((Ok(Appended::Committed(committed)), ready)) => {
                    Ok(Outcome::Accepted(self.accepted(request, ready, &committed)))
                }
                Some((Ok(Appended::Replayed(record)), _)) => self.receipt(&record).await.map(Outcome::Replayed),
                Some((Err(AppendError::Conflict { stream, .. }), _)) => {
                    self.states.forget(&stream);
                    self.handle(caller, request).await
                }
                Some((Err(AppendError::Overloaded), _)) | None => self.handle(caller, request).await,
                Some((Err(why), _)) => Err(append_error(why)),
            });
        }
        outcomes
    }

    fn may_seal(&self, caller: &Caller, request: &Request) -> bool {
        let mut grants = authority::allowing(&caller.grants, request.entry, self.clock().today());
        !request.personal.is_empty()
            && grants.next().is_some()
            && check_personal(request.entry.takes, &request.personal).is_ok()
    }

    /// Does all commands in one append, or none. `list` is the identity of the whole.
    pub async fn handle_all(
        &self,
        caller: &Caller,
        list: Uuid,
        requests: &[Request],
    ) -> Vec<Result<Outcome, CommandError>> {
        const ATTEMPTS: usize = 16;
        // The events carry the identity of the list, so a repeated list is found as a whole.
        let requests: Vec<Request> = (0_u32..)
            .zip(requests)
            .map(|(n, request)| Request { command_id: line_id(list, n), ..request.clone() })
            .collect();
        for _ in 0..ATTEMPTS {
            let (ahead, mut decided) = (Ahead::new(&self.states), Vec::with_capacity(requests.len()));
            let mut refused = None;
            for (index, request) in requests.iter().enumerate() {
                match self.decide(Asked { caller, request }, &ahead).await {
                    Ok(Decided::Events(ready)) => match ahead.add(&ready).await {
                        Ok(()) => decided.push(Decided::Events(ready)),
                        Err(why) => refused = Some((index, why.into())),
                    },
                    Ok(unchanged) => decided.push(unchanged),
                    Err(why) => refused = Some((index, why)),
                }
                if refused.is_some() {
                    break;
                }
            }
            drop(ahead);
            let append = self.append_of_list(caller, list, &requests, &decided);
            if let Some((index, why)) = refused {
                return match self.list_before(&append, &requests).await {
                    Some(outcomes) => outcomes,
                    None => siblings(requests.len(), index, why),
                };
            }
            let dry_run = requests.iter().any(|request| request.dry_run);
            if dry_run || append.writes.is_empty() {
                // A list that would change nothing may be one that was done before.
                return match self.list_before(&append, &requests).await.filter(|_| !dry_run) {
                    Some(outcomes) => outcomes,
                    None => decided.into_iter().map(|decided| Ok(dry(decided))).collect(),
                };
            }
            match self.log.append(append.clone()).await {
                Ok(Appended::Committed(committed)) => return self.list_accepted(&requests, decided, &committed),
                Ok(Appended::Replayed(_)) => {
                    if let Some(outcomes) = self.list_before(&append, &requests).await {
                        return outcomes;
                    }
                }
                Err(AppendError::Conflict { stream, .. }) => self.states.forget(&stream),
                Err(why) => return siblings(requests.len(), 0, append_error(why)),
            }
        }
        siblings(requests.len(), 0, CommandError::Contended)
    }

    fn append_of_list(&self, caller: &Caller, list: Uuid, requests: &[Request], decided: &[Decided]) -> Append {
        let mut written: HashMap<&Arc<str>, u64> = HashMap::new();
        let (mut writes, mut guards, mut digest) = (Vec::new(), Vec::<Guard>::new(), self.digest_key.clone());
        for request in requests {
            digest.update(&self.digest(Asked { caller, request }));
        }
        let digest = digest.finalize().into_bytes().into();
        for decided in decided {
            let Decided::Events(ready) = decided else { continue };
            // Only the first write to a stream is checked against the log; the next follow it.
            let expected =
                if written.contains_key(&ready.stream) { Expected::Any } else { Expected::Version(ready.base) };
            for guard in &ready.guards {
                let known = written.contains_key(&guard.stream) || guards.iter().any(|g| g.stream == guard.stream);
                if !known {
                    guards.push(guard.clone());
                }
            }
            *written.entry(&ready.stream).or_default() += 1;
            writes.push(StreamWrite { stream: Arc::clone(&ready.stream), expected, events: ready.new.clone() });
        }
        Append { command: list, digest, writes, guards }
    }

    fn list_accepted(
        &self,
        requests: &[Request],
        decided: Vec<Decided>,
        committed: &Committed,
    ) -> Vec<Result<Outcome, CommandError>> {
        let mut at = 0;
        requests
            .iter()
            .zip(decided)
            .map(|(request, decided)| match decided {
                Decided::Unchanged { stream, version } => Ok(Outcome::Unchanged { stream, version }),
                Decided::Events(ready) => {
                    let end = at + ready.decided.len();
                    let part = Committed {
                        first: committed.first + at as u64,
                        versions: committed.versions[at..end].to_vec(),
                        hashes: committed.hashes[at..end].to_vec(),
                        recorded_at: committed.recorded_at,
                    };
                    at = end;
                    Ok(Outcome::Accepted(self.accepted(request, ready, &part)))
                }
            })
            .collect()
    }

    /// The outcomes of a list that was done before; a line is known by the command id in its leaves.
    async fn list_before(&self, append: &Append, requests: &[Request]) -> Option<Vec<Result<Outcome, CommandError>>> {
        let record = self.log.command(append.command).await.ok()??;
        if record.digest != Some(append.digest) {
            let why =
                if record.digest.is_some() { CommandError::PayloadDiffers } else { CommandError::PayloadForgotten };
            return Some(siblings(requests.len(), 0, why));
        }
        let receipts = self.receipts(&record).await.ok()?;
        Some(
            requests
                .iter()
                .map(|request| match receipts.iter().find(|receipt| receipt.command_id == request.command_id) {
                    Some(receipt) => Ok(Outcome::Replayed(receipt.clone())),
                    None => Ok(Outcome::Unchanged { stream: "".into(), version: 0 }),
                })
                .collect(),
        )
    }

    /// The receipts of a list, one for each command in its leaves.
    async fn receipts(&self, record: &sfs_eventlog::CommandRecord) -> Result<Vec<Receipt>, CommandError> {
        let mut receipts: Vec<Receipt> = Vec::new();
        let (mut first, end) = (record.first, record.first + record.count);
        while first < end {
            let one = self.receipt(&sfs_eventlog::CommandRecord { first, count: 1, digest: None }).await?;
            first += 1;
            match receipts.last_mut() {
                Some(last) if last.command_id == one.command_id => {
                    last.version = one.version;
                    last.events.extend(one.events);
                }
                _ => receipts.push(one),
            }
        }
        Ok(receipts)
    }
}

/// The command id of the n-th line of a list (UUID version 8).
fn line_id(list: Uuid, n: u32) -> Uuid {
    crate::ids::event_id(list, u32::MAX - n).0
}

fn dry(decided: Decided) -> Outcome {
    match decided {
        Decided::Unchanged { stream, version } => Outcome::Unchanged { stream, version },
        Decided::Events(ready) => would(ready),
    }
}

/// The answer to a list of which one command was not done.
fn siblings(lines: usize, index: usize, why: CommandError) -> Vec<Result<Outcome, CommandError>> {
    let mut why = Some(why);
    (0..lines)
        .map(|line| match why.take_if(|_| line == index) {
            Some(why) => Err(why),
            None => Err(CommandError::Sibling { index }),
        })
        .collect()
}
