//! One loop over the log for whoever follows it: the same for catching up and for living with it.
//!
//! The reader pulls, so a slow one slows only itself: nothing is buffered but one page.

use std::sync::Arc;
use std::time::Duration;

use sfs_eventlog::{Direction, EventLog};
use tokio::sync::watch;

use crate::cloud_event::{CloudEvent, Source};
use crate::error::FeedError;
use crate::selection::Selection;

/// Events of a stream that are read in one go.
const STREAM_PAGE: usize = 500;

/// A place in the log that moves forward.
pub struct Subscription {
    log: Arc<dyn EventLog>,
    heads: watch::Receiver<u64>,
    selection: Selection,
    source: Source,
    cursor: u64,
    /// Version up to which the one asked stream was read, once it is known.
    stream_version: Option<u64>,
}

/// How far a page went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned {
    /// Events shown.
    pub shown: usize,
    /// The cursor: everything up to here was looked at. A reader goes on after it.
    pub to: u64,
    /// Position of the last event of the log.
    pub head: u64,
}

impl Scanned {
    /// Whether there was nothing more when the page was read.
    pub const fn caught_up(&self) -> bool {
        self.to >= self.head
    }
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The log has grown.
    Grown,
    /// The time is over.
    TimeOver,
    /// The log was closed: nothing more will come.
    Closed,
}

impl Subscription {
    /// Begins after that position.
    pub fn new(log: Arc<dyn EventLog>, selection: Selection, source: Source, after: u64) -> Self {
        let heads = log.heads();
        Self { log, heads, selection, source, cursor: after, stream_version: None }
    }

    /// Where it is: everything up to here was looked at.
    pub const fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Shows up to `max` events and moves on. Answers at once, also if there is nothing.
    pub async fn page(&mut self, max: usize, mut show: impl FnMut(&CloudEvent<'_>)) -> Result<Scanned, FeedError> {
        if let Some(stream) = self.selection.stream().cloned() {
            return self.stream_page(&stream, max, show).await;
        }
        let page = self.log.read(self.selection.filter(), Direction::Forwards, self.cursor, max).await?;
        let mut shown = 0;
        for stored in &page.events {
            if let Some(event) = self.selection.show(&self.source, stored)? {
                show(&event);
                shown += 1;
            }
        }
        self.cursor = self.cursor.max(page.scanned_to);
        Ok(Scanned { shown, to: self.cursor, head: page.head })
    }

    /// The same for one stream, which the log reads by version and not by position.
    async fn stream_page(
        &mut self,
        stream: &str,
        max: usize,
        mut show: impl FnMut(&CloudEvent<'_>),
    ) -> Result<Scanned, FeedError> {
        // The head first: what is appended after it is left for the next page.
        let head = self.log.head().await?.size;
        let mut shown = 0;
        let mut version = self.stream_version.unwrap_or(0);
        loop {
            let page = self.log.read_stream(stream, version, STREAM_PAGE).await?;
            for stored in &page {
                if stored.position > head {
                    break;
                }
                version = stored.version;
                self.stream_version = Some(version);
                if stored.position <= self.cursor {
                    continue;
                }
                if let Some(event) = self.selection.show(&self.source, stored)? {
                    show(&event);
                    shown += 1;
                }
                self.cursor = stored.position;
                if shown == max {
                    return Ok(Scanned { shown, to: self.cursor, head });
                }
            }
            if page.len() < STREAM_PAGE || page.last().is_some_and(|last| last.position > head) {
                self.cursor = self.cursor.max(head);
                return Ok(Scanned { shown, to: self.cursor, head });
            }
        }
    }

    /// Waits until the log has grown beyond the cursor, at most that long.
    pub async fn wait(&mut self, at_most: Duration) -> Woken {
        let cursor = self.cursor;
        match tokio::time::timeout(at_most, self.heads.wait_for(|head| *head > cursor)).await {
            Ok(Ok(_)) => Woken::Grown,
            Ok(Err(_)) => Woken::Closed,
            Err(_) => Woken::TimeOver,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{append, intervention, log, pupils, source};
    use crate::{Visibility, Wanted};

    const DAY: Duration = Duration::from_secs(86_400);

    fn of_stream(name: &str) -> Selection {
        Selection::new(Visibility::everything(), Wanted { stream: Some(name.into()), ..Wanted::default() })
    }

    fn all() -> Selection {
        Selection::new(Visibility::everything(), Wanted::default())
    }

    async fn positions(subscription: &mut Subscription, max: usize) -> (Vec<u64>, Scanned) {
        let mut seen = Vec::new();
        let scanned = subscription.page(max, |event| seen.push(event.position)).await.unwrap();
        (seen, scanned)
    }

    #[tokio::test]
    async fn a_follower_sees_everything_once_across_pages_and_a_resume() {
        let log = log();
        for n in 1..=5 {
            append(&log, n, &pupils("school/S1", "15083")).await;
        }
        let mut first = Subscription::new(Arc::clone(&log), all(), source(), 0);
        assert_eq!(positions(&mut first, 3).await, (vec![1, 2, 3], Scanned { shown: 3, to: 3, head: 5 }));
        let mut resumed = Subscription::new(Arc::clone(&log), all(), source(), first.cursor());
        assert_eq!(positions(&mut resumed, 3).await, (vec![4, 5], Scanned { shown: 2, to: 5, head: 5 }));
    }

    #[tokio::test]
    async fn a_follower_at_the_end_is_woken_by_an_append() {
        let log = log();
        let mut subscription = Subscription::new(Arc::clone(&log), all(), source(), 0);
        assert!(positions(&mut subscription, 10).await.1.caught_up());
        let told = pupils("school/S1", "15083");
        let (woken, ()) = tokio::join!(subscription.wait(DAY), append(&log, 1, &told));
        assert_eq!(woken, Woken::Grown);
        assert_eq!(positions(&mut subscription, 10).await.0, [1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_its_time_and_with_the_log() {
        let log = log();
        let mut subscription = Subscription::new(Arc::clone(&log), all(), source(), 0);
        assert_eq!(subscription.wait(Duration::from_secs(15)).await, Woken::TimeOver);
        let (woken, ()) = tokio::join!(subscription.wait(DAY), log.close());
        assert_eq!(woken, Woken::Closed);
    }

    #[tokio::test]
    async fn one_stream_is_followed_by_position_too() {
        let log = log();
        for n in 1..=6 {
            append(&log, n, &pupils(if n % 2 == 0 { "school/S2" } else { "school/S1" }, "15083")).await;
        }
        let mut subscription = Subscription::new(Arc::clone(&log), of_stream("school/S1"), source(), 1);
        assert_eq!(positions(&mut subscription, 1).await, (vec![3], Scanned { shown: 1, to: 3, head: 6 }));
        assert_eq!(positions(&mut subscription, 9).await, (vec![5], Scanned { shown: 1, to: 6, head: 6 }));
        append(&log, 7, &pupils("school/S1", "15083")).await;
        assert_eq!(positions(&mut subscription, 9).await, (vec![7], Scanned { shown: 1, to: 7, head: 7 }));
    }

    #[tokio::test]
    async fn what_may_not_be_seen_moves_the_cursor_and_is_not_shown() {
        let log = log();
        append(&log, 1, &pupils("school/S1", "15083")).await;
        append(&log, 2, &intervention()).await;
        append(&log, 3, &pupils("school/S9", "15003")).await;
        let grants = [sfs_domain::Grant {
            role: sfs_domain::Role::YouthOffice,
            scope: sfs_domain::Scope::District(sfs_domain::Ags::parse("15083").unwrap()),
            until: None,
        }];
        let sight = Visibility::of(&grants, sfs_domain::BusinessDate::parse("2026-11-24").unwrap());
        let mut subscription =
            Subscription::new(Arc::clone(&log), Selection::new(sight, Wanted::default()), source(), 0);
        assert_eq!(positions(&mut subscription, 10).await, (vec![1], Scanned { shown: 1, to: 3, head: 3 }));
    }

    #[tokio::test]
    async fn a_wanted_actor_type_or_place_is_all_that_is_shown() {
        let log = log();
        append(&log, 1, &pupils("school/S1", "15083")).await;
        append(&log, 2, &intervention()).await;
        let seen = async |wanted: Wanted| {
            let selection = Selection::new(Visibility::everything(), wanted);
            positions(&mut Subscription::new(Arc::clone(&log), selection, source(), 0), 10).await.0
        };
        let actor = |n| Wanted { actor: Some(uuid::Uuid::from_u128(n)), ..Wanted::default() };
        assert_eq!(seen(actor(7)).await, [1, 2]);
        assert_eq!(seen(actor(8)).await, [0; 0]);
        let types = vec!["intervention.recorded.v1".into()];
        assert_eq!(seen(Wanted { types, ..Wanted::default() }).await, [2]);
        let provider = sfs_domain::OrganisationId::parse("P1").ok();
        assert_eq!(seen(Wanted { provider, ..Wanted::default() }).await, [2]);
        let stream = Some("school/S1".into());
        let categories = vec![sfs_domain::Category::Intervention];
        assert_eq!(seen(Wanted { stream, categories, ..Wanted::default() }).await, [0; 0]);
    }

    #[tokio::test]
    async fn an_unknown_type_stops_the_feed() {
        let log = log();
        append(&log, 1, &crate::testing::Told { event_type: "school.painted.v1", ..pupils("school/S1", "15083") })
            .await;
        for selection in [all(), of_stream("school/S1")] {
            let mut subscription = Subscription::new(Arc::clone(&log), selection, source(), 0);
            let stopped = subscription.page(10, |_| {}).await;
            assert!(matches!(stopped, Err(FeedError::UnknownType { position: 1, .. })), "{stopped:?}");
            assert_eq!(subscription.cursor(), 0);
        }
    }

    #[tokio::test]
    async fn an_event_is_a_cloud_event() {
        let log = log();
        append(&log, 1, &intervention()).await;
        let mut seen = Vec::new();
        let mut subscription = Subscription::new(Arc::clone(&log), all(), source(), 0);
        subscription.page(10, |event| seen.push(serde_json::to_value(event).unwrap())).await.unwrap();
        let leafhash = seen[0]["leafhash"].take();
        assert_eq!(leafhash.as_str().map(str::len), Some(43));
        let documents = [sfs_ledger::digest(b"a document"), sfs_ledger::digest(b"another")];
        assert_eq!(
            seen,
            [json!({
                "specversion": "1.0", "id": "00000000-0000-0000-0000-0000000003e9", "source": "/sfs/test/15083",
                "type": "de.schulerfolg.intervention.recorded.v1", "subject": "intervention/S1/2025-26",
                "time": "1970-01-01T00:00:01.000000Z", "recordedtime": "1970-01-01T00:00:01.000000Z",
                "datacontenttype": "application/json", "dataschema": "/v1/schemas/intervention.recorded.v1.json",
                "position": 1, "streamversion": 1, "occurredon": "2025-10-01",
                "commandid": "00000000-0000-0000-0000-000000000001",
                "correlationid": "00000000-0000-0000-0000-000000000003",
                "actor": "00000000-0000-0000-0000-000000000007", "role": "CO", "rule": "a-command/CO@state",
                "leafhash": Value::Null, "ags": "15083", "provider": "P1", "school": "S1",
                "evidence": format!("{} {}", documents[0], documents[1]), "data": {"minutes": 45},
            })]
        );
    }

    #[tokio::test]
    async fn the_bytes_that_were_hashed_come_along_when_asked_for() {
        let log = log();
        append(&log, 1, &intervention()).await;
        let with_leaves = Source { with_leaves: true, ..source() };
        let mut subscription = Subscription::new(Arc::clone(&log), all(), with_leaves, 0);
        let mut seen = 0;
        let check = |event: &CloudEvent<'_>| {
            seen += 1;
            assert_eq!(sfs_ledger::leaf_hash(event.leaf.unwrap().as_bytes()), event.leafhash);
            let open = sfs_ledger::digest(event.openbody.unwrap().as_bytes());
            assert!(event.leaf.unwrap().contains(&open.to_b64()));
        };
        subscription.page(10, check).await.unwrap();
        assert_eq!(seen, 1);
    }
}
