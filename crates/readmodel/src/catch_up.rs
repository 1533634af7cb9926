//! Reading on: a small page at a time near the head, so that the lag is small; large pages and two
//! cores far behind it, so that a rebuild is fast.

use std::sync::Arc;

use futures_util::future::join;
use sfs_eventlog::{Direction, Filter, Page, ReadError, Reader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::follower::{Follower, Stop};
use crate::recorded::{Decoder, Recorded, Undecodable};

/// How much is done in one go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Events in one page near the head.
    pub near: usize,
    /// Events in one page far behind the head.
    pub far: usize,
    /// Events in one transaction far behind the head.
    pub commit_every: usize,
    /// So many events behind the head, large pages are worth more than a small lag.
    pub far_behind: u64,
    /// Events that the runner reads in one go when far behind; then it sees whether something else is
    /// due.
    pub stride: u64,
    /// Events from which on an empty generation is filled by a rebuild and not by the runner.
    pub worth_a_rebuild: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            near: 1_000,
            far: 2_048,
            // The sums of a block are written about once.
            commit_every: 65_536,
            far_behind: 20_000,
            stride: 131_072,
            worth_a_rebuild: 20_000,
        }
    }
}

/// Decoded pages that wait to be folded.
const AHEAD: usize = 1;

/// What one step came to.
pub(crate) struct Step {
    /// The last position of the log, as the page said.
    pub head: u64,
    /// When the log learned the last event that was read; what is still to be read is no older.
    /// `None` if nothing was read.
    pub last_at: Option<i64>,
}

/// Reads one page and writes it.
pub(crate) async fn step(
    log: &dyn Reader,
    follower: &mut Follower,
    decoder: &mut Decoder,
    pace: Pace,
) -> Result<Step, Stop> {
    let page = log.read(&Filter::default(), Direction::Forwards, follower.position(), pace.near).await?;
    let (head, last_at) = (page.head, page.events.last().map(|event| event.recorded_at));
    check_order(&page, follower.position())?;
    let (decoded, stopped) = decode(decoder, page);
    let folded = follower.fold(&decoded);
    follower.write().await?;
    folded?;
    match stopped {
        None => Ok(Step { head, last_at }),
        Some(why) => Err(why.into()),
    }
}

/// Reads, decodes and folds at the same time until `until`, or without it until the end of the log.
/// `report` is told how far it is and how far it will go.
pub(crate) async fn catch_up(
    log: &Arc<dyn Reader>,
    follower: &mut Follower,
    until: Option<u64>,
    pace: Pace,
    ending: &CancellationToken,
    mut report: impl FnMut(u64, u64),
) -> Result<(), Stop> {
    let (send, mut pages) = mpsc::channel(AHEAD);
    let reading = tokio::spawn(read_ahead(Arc::clone(log), follower.position(), until, pace.far, send));
    let mut since_commit = 0;
    let mut stopped = None;
    while let Some(read) = pages.recv().await {
        let Ahead { decoded, head, why } = match read {
            Ok(ahead) => ahead,
            Err(why) => {
                stopped = Some(why.into());
                break;
            }
        };
        if let Err(why) = follower.fold(&decoded) {
            stopped = Some(why.into());
            break;
        }
        since_commit += decoded.len();
        if since_commit >= pace.commit_every {
            since_commit = 0;
            follower.write().await?;
        } else {
            follower.spill().await?;
        }
        if let Some(last) = decoded.last() {
            report(last.position, until.unwrap_or(head));
        }
        if let Some(why) = why {
            stopped = Some(why.into());
            break;
        }
        if ending.is_cancelled() {
            stopped = Some(Stop::Ended);
            break;
        }
    }
    reading.abort();
    follower.write().await?;
    stopped.map_or(Ok(()), Err)
}

/// A page that was read ahead.
struct Ahead {
    decoded: Vec<Recorded>,
    head: u64,
    why: Option<Undecodable>,
}

/// Reads pages and decodes each while the next is being read.
async fn read_ahead(
    log: Arc<dyn Reader>,
    mut cursor: u64,
    until: Option<u64>,
    far: usize,
    send: mpsc::Sender<Result<Ahead, ReadError>>,
) {
    let read = async |cursor: u64| {
        let left = until.map_or(u64::MAX, |until| until.saturating_sub(cursor));
        let max = usize::try_from(left).unwrap_or(usize::MAX).min(far);
        let page = log.read(&Filter::default(), Direction::Forwards, cursor, max).await?;
        check_order(&page, cursor)?;
        Ok::<Page, ReadError>(page)
    };
    let mut decoder = Decoder::default();
    let mut next = read(cursor).await;
    loop {
        let page = match next {
            Ok(page) if page.events.is_empty() => return,
            Ok(page) => page,
            Err(why) => {
                // Nobody waits for it any more if this fails.
                let _ = send.send(Err(why)).await;
                return;
            }
        };
        cursor = page.scanned_to;
        let head = page.head;
        let decoding = tokio::task::spawn_blocking(move || {
            let (decoded, why) = decode(&mut decoder, page);
            (decoder, decoded, why)
        });
        let (decoded, following) = join(decoding, read(cursor)).await;
        // A task that does nothing but compute does not fail.
        let Ok((again, decoded, why)) = decoded else { return };
        decoder = again;
        next = following;
        let ends = why.is_some() || until.is_some_and(|until| cursor >= until);
        if send.send(Ok(Ahead { decoded, head, why })).await.is_err() || ends {
            return;
        }
    }
}

fn decode(decoder: &mut Decoder, page: Page) -> (Vec<Recorded>, Option<Undecodable>) {
    match decoder.decode_all(page.events) {
        Ok(decoded) => (decoded, None),
        Err((decoded, why)) => (decoded, Some(why)),
    }
}

/// A page has every position behind the cursor, or the log is not what it should be.
fn check_order(page: &Page, cursor: u64) -> Result<(), ReadError> {
    match (cursor + 1..).zip(&page.events).find(|(expected, event)| *expected != event.position) {
        None => Ok(()),
        Some((position, _)) => {
            Err(ReadError::Damaged { position, what: "the event is not where it should be".to_owned() })
        }
    }
}
