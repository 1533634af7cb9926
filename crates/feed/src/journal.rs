//! The journal: the log from its end, newest first.

use std::sync::Arc;

use sfs_eventlog::{Direction, EventLog, StoredEvent};

use crate::cloud_event::{CloudEvent, Source};
use crate::error::FeedError;
use crate::selection::Selection;

/// Reads for one page, at most: a filter that finds little answers with what it has.
const READS_PER_PAGE: usize = 32;

/// Events of a stream that are read in one go.
const STREAM_PAGE: usize = 1_000;

/// Where a page of the journal lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backwards {
    /// Positions below this one.
    pub before: u64,
    /// Positions above this one.
    pub above: u64,
    /// Events, at most.
    pub max: usize,
}

/// Shows events from the newest to the oldest. Answers where the next page begins (its `before`),
/// or `None` when everything was looked at.
pub async fn newest_first(
    log: &Arc<dyn EventLog>,
    selection: &Selection,
    source: &Source,
    place: Backwards,
    mut show: impl FnMut(&CloudEvent<'_>),
) -> Result<Option<u64>, FeedError> {
    if let Some(stream) = selection.stream() {
        return newest_of_stream(log, stream, selection, source, place, show).await;
    }
    let (mut before, mut shown) = (place.before, 0);
    for _ in 0..READS_PER_PAGE {
        let page = log.read(selection.filter(), Direction::Backwards, before, place.max - shown).await?;
        for stored in page.events.iter().filter(|stored| stored.position > place.above) {
            if let Some(event) = selection.show(source, stored)? {
                show(&event);
                shown += 1;
            }
        }
        before = page.scanned_to;
        if before <= place.above + 1 {
            return Ok(None);
        }
        if shown >= place.max {
            break;
        }
    }
    Ok(Some(before))
}

/// A stream is read from its beginning, since the log has no way back through one; it holds a
/// school's year at most.
async fn newest_of_stream(
    log: &Arc<dyn EventLog>,
    stream: &str,
    selection: &Selection,
    source: &Source,
    place: Backwards,
    mut show: impl FnMut(&CloudEvent<'_>),
) -> Result<Option<u64>, FeedError> {
    let mut last: std::collections::VecDeque<StoredEvent> = std::collections::VecDeque::new();
    let (mut version, mut more) = (0, false);
    loop {
        let page = log.read_stream(stream, version, STREAM_PAGE).await?;
        let (read, end) = (page.len(), page.last().map_or(version, |last| last.version));
        for stored in page {
            if stored.position <= place.above || stored.position >= place.before {
                continue;
            }
            if selection.show(source, &stored)?.is_some() {
                last.push_back(stored);
            }
            if last.len() > place.max {
                last.pop_front();
                more = true;
            }
        }
        if read < STREAM_PAGE {
            break;
        }
        version = end;
    }
    for stored in last.iter().rev() {
        if let Some(event) = selection.show(source, stored)? {
            show(&event);
        }
    }
    Ok(last.front().filter(|_| more).map(|first| first.position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{append, intervention, log, pupils, source};
    use crate::{Visibility, Wanted};

    async fn page(log: &Arc<dyn EventLog>, wanted: Wanted, before: u64, above: u64) -> (Vec<u64>, Option<u64>) {
        let selection = Selection::new(Visibility::everything(), wanted);
        let mut seen = Vec::new();
        let place = Backwards { before, above, max: 2 };
        let next = newest_first(log, &selection, &source(), place, |event| seen.push(event.position)).await.unwrap();
        (seen, next)
    }

    #[tokio::test]
    async fn pages_lead_from_the_newest_to_the_oldest() {
        let log = log();
        for n in 1..=5 {
            append(&log, n, &pupils("school/S1", "15083")).await;
        }
        for stream in [None, Some("school/S1".to_owned())] {
            let wanted = || Wanted { stream: stream.clone(), ..Wanted::default() };
            assert_eq!(page(&log, wanted(), u64::MAX, 0).await, (vec![5, 4], Some(4)));
            assert_eq!(page(&log, wanted(), 4, 0).await, (vec![3, 2], Some(2)));
            assert_eq!(page(&log, wanted(), 2, 0).await, (vec![1], None));
            assert_eq!(page(&log, wanted(), 4, 2).await.0, [3]);
        }
    }

    #[tokio::test]
    async fn a_filter_is_followed_back_to_its_first_event() {
        let log = log();
        append(&log, 1, &intervention()).await;
        for n in 2..=9 {
            append(&log, n, &pupils("school/S1", "15083")).await;
        }
        let wanted = Wanted { categories: vec![sfs_domain::Category::Intervention], ..Wanted::default() };
        let (seen, _) = page(&log, wanted, u64::MAX, 0).await;
        assert_eq!(seen, [1]);
    }
}
