//! The runner: follows the log with the generation that serves, one page after another, and stops at
//! what it cannot read or write. It skips nothing.

use std::sync::Arc;
use std::time::Duration;

use sfs_eventlog::{ReadError, Reader};

use crate::catch_up::{Step, catch_up, step};
use crate::follower::{Follower, Stop};
use crate::recorded::{Decoder, with_sources};
use crate::shared::Shared;

/// How often the log is asked though nobody said that it has grown.
const TICK: Duration = Duration::from_secs(1);

/// How long events gather near the head of the log: a fraction of what a reader notices.
const GATHER: Duration = Duration::from_millis(5);

/// Why the runner stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HaltKind {
    /// A newer program wrote an event of a type that this one does not know.
    UnknownEvent,
    /// An event, or the log, is not readable.
    Unreadable,
    /// The log's or the read models' storage does not answer. It is tried again every second.
    Storage,
    /// Another runner has taken over.
    TakenOver,
}

/// Where and why the runner stands still. Answers that would need more are not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Halted {
    /// Everything up to this position has been read.
    pub position: u64,
    /// What kind of reason it is.
    pub kind: HaltKind,
    /// What was found, for the person who has to act.
    pub why: String,
}

impl Halted {
    pub(crate) fn of(position: u64, why: &Stop) -> Self {
        let kind = match why {
            Stop::Event(event) if event.unknown_type => HaltKind::UnknownEvent,
            Stop::Event(_) | Stop::Contradiction(_) | Stop::Log(ReadError::Damaged { .. }) => HaltKind::Unreadable,
            Stop::Log(ReadError::Storage(_)) | Stop::Sql(_) | Stop::Ended => HaltKind::Storage,
            Stop::TakenOver => HaltKind::TakenOver,
        };
        Self { position, kind, why: with_sources(why) }
    }
}

/// Follows the log until it is told to end.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut heads = shared.log.heads();
    let mut heads_end = false;
    let log: Arc<dyn Reader> = shared.log.clone();
    let mut decoder = Decoder::default();
    // The generation and epoch that it had last: after a failure it goes on only where it was.
    let mut held = None;
    while !shared.ending.is_cancelled() {
        shared.saw_head(*heads.borrow_and_update());
        // Between two pages a rebuild may put another generation into this place.
        let mut place = shared.follower.lock().await;
        let again = match follow(&shared, &log, &mut place, &mut held, &mut decoder).await {
            Ok(step) => {
                let caught_up = shared.position() >= step.head;
                shared.went_on(step, caught_up);
                !caught_up
            }
            Err(why) => {
                let at = place.as_ref().map_or_else(|| shared.position(), Follower::position);
                if !matches!(why, Stop::Ended) {
                    shared.halt(Halted::of(at, &why));
                }
                // What it had folded and not written is forgotten with it.
                *place = None;
                false
            }
        };
        drop(place);
        if again {
            if shared.head().saturating_sub(shared.position()) < shared.pace.near as u64 {
                gather(&shared).await;
            }
            continue;
        }
        tokio::select! {
            () = shared.ending.cancelled() => {}
            () = shared.swapped.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            changed = heads.changed(), if !heads_end => {
                heads_end = changed.is_err();
                gather(&shared).await;
            }
        }
    }
    if let Some(follower) = shared.follower.lock().await.take()
        && let Err(why) = follower.close().await
    {
        tracing::warn!(error = &why as &dyn std::error::Error, "the read models were not closed properly");
    }
    shared.generation().rest();
}

/// Lets a few events gather before the next page: a transaction for every single one would take the
/// processor from those who append.
async fn gather(shared: &Shared) {
    tokio::select! {
        () = shared.ending.cancelled() => {}
        () = tokio::time::sleep(GATHER) => {}
    }
}

/// One page, or many if the log is far ahead. Takes the generation first if nobody has it.
async fn follow(
    shared: &Shared,
    log: &Arc<dyn Reader>,
    place: &mut Option<Follower>,
    held: &mut Option<(u64, i64)>,
    decoder: &mut Decoder,
) -> Result<Step, Stop> {
    let follower = match place {
        Some(follower) => follower,
        None => match shared.halted() {
            // Whether it was right to stop does not change by trying again.
            Some(Halted { kind: HaltKind::Storage, .. }) | None => {
                let generation = shared.generation();
                let follower = match *held {
                    Some((number, epoch)) if number == generation.number() => {
                        Follower::take_again(generation, epoch).await?
                    }
                    _ => Follower::take(generation).await?,
                };
                place.insert(follower)
            }
            Some(_) => return Err(Stop::Ended),
        },
    };
    *held = Some((follower.generation().number(), follower.epoch()));
    let (from, head) = (follower.position(), shared.head());
    if head.saturating_sub(from) > shared.pace.far_behind {
        let until = head.min(from + shared.pace.stride);
        let done = catch_up(log, follower, Some(until), shared.pace, &shared.ending, |_, _| {}).await;
        shared.reached(follower.position());
        tracing::info!(position = follower.position(), head, "the read models are catching up");
        done?;
        return Ok(Step { head, last_at: follower.last_at() });
    }
    let done = step(&**log, follower, decoder, shared.pace).await;
    shared.reached(follower.position());
    done
}
