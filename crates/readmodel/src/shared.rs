//! What the runner, a rebuild and the queries share: which generation serves, who writes it, how far
//! it is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use sfs_eventlog::EventLog;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::catch_up::{Pace, Step};
use crate::follower::Follower;
use crate::generation::{Generation, Generations};
use crate::read_models::{Now, Progress};
use crate::runner::Halted;

/// What the runner tells those who ask.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    /// Everything up to here is in the answers.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// When the log learned the oldest event that is not in the answers.
    pub oldest: Option<i64>,
    /// Where and why the runner stands still.
    pub halted: Option<Halted>,
    /// Until here the answers of a generation that began empty are not complete.
    pub complete_from: u64,
}

/// What the runner, a rebuild and the queries share.
pub(crate) struct Shared {
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// Microseconds since 1970, UTC.
    pub now: Now,
    /// How much is done in one go.
    pub pace: Pace,
    /// The directory.
    pub generations: Generations,
    /// The generation that answers.
    pub serving: RwLock<Arc<Generation>>,
    /// Who writes the serving generation. A rebuild holds this while it puts its own there.
    pub follower: tokio::sync::Mutex<Option<Follower>>,
    /// Wakes the runner when another generation stands in its place.
    pub swapped: Notify,
    /// Tells everybody to end.
    pub ending: CancellationToken,
    /// How far a rebuild is, if one is under way.
    pub rebuilding: Mutex<Option<Progress>>,
    /// What the runner tells.
    pub live: watch::Sender<Live>,
    /// Whether the generation that was opened had nothing in it.
    pub began_empty: bool,
}

/// The lock's content: nobody panics while holding one of ours.
pub(crate) fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// The generation that serves.
    pub fn generation(&self) -> Arc<Generation> {
        Arc::clone(&self.serving.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another generation in its place; answers the one before.
    pub fn serve(&self, generation: Arc<Generation>) -> Arc<Generation> {
        std::mem::replace(&mut *self.serving.write().unwrap_or_else(PoisonError::into_inner), generation)
    }

    /// Everything up to here is in the answers.
    pub fn position(&self) -> u64 {
        self.live.borrow().position
    }

    /// The last position of the log, as far as is known.
    pub fn head(&self) -> u64 {
        self.live.borrow().head
    }

    /// Where and why the runner stands still.
    pub fn halted(&self) -> Option<Halted> {
        self.live.borrow().halted.clone()
    }

    /// The log is at least that long.
    pub fn saw_head(&self, head: u64) {
        self.live.send_if_modified(|live| {
            let grew = live.head < head;
            live.head = live.head.max(head);
            grew
        });
    }

    /// Everything up to here is in the answers.
    pub fn reached(&self, position: u64) {
        self.live.send_if_modified(|live| {
            let moved = live.position != position;
            live.position = position;
            live.head = live.head.max(position);
            moved
        });
    }

    /// A step was done.
    pub fn went_on(&self, step: Step, caught_up: bool) {
        self.live.send_modify(|live| {
            live.head = live.head.max(step.head);
            live.halted = None;
            live.oldest = if caught_up { None } else { step.last_at.or(live.oldest) };
        });
    }

    /// The runner stands still.
    pub fn halt(&self, halted: Halted) {
        if self.halted().as_ref() != Some(&halted) {
            tracing::error!(position = halted.position, why = halted.why, "the read models do not go on");
        }
        let now = (self.now)();
        self.live.send_modify(|live| {
            live.halted = Some(halted);
            live.oldest.get_or_insert(now);
        });
    }

    /// Another generation serves, from that position on, and nothing is known against it.
    pub fn restarted(&self, position: u64) {
        self.live.send_modify(|live| {
            live.position = position;
            live.halted = None;
            live.complete_from = 0;
        });
        self.swapped.notify_one();
    }

    /// How long the oldest event that is not in the answers has been waiting.
    pub fn lag_seconds(&self, live: &Live) -> f64 {
        let waiting = live.oldest.filter(|_| live.position < live.head);
        waiting.map_or(0.0, |oldest| ((self.now)() - oldest).max(0) as f64 / 1e6)
    }
}
