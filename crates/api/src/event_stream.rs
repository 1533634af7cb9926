//! Events as an endless body: server-sent events, or a line each.
//!
//! The body pulls a page when the connection can take one, so a slow reader slows only itself and
//! costs one page of memory.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use sfs_feed::{CloudEvent, FeedError, Subscription, Woken};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::app::Shared;
use crate::auth::{self, Principal};
use crate::bulk::NDJSON;
use crate::events::SSE;
use crate::language::Language;
use crate::troubles;

/// Events in one piece of the body, at most.
const PAGE: usize = 500;

/// How long a revoked key can go on being read with, at most.
const RECHECK: Duration = Duration::from_secs(1);

/// After how many milliseconds a browser comes back.
const RETRY_MS: u32 = 2_000;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `text/event-stream`; goes on for ever.
    Sse,
    /// A line each; ends at the head of the log unless it follows.
    Ndjson {
        /// Whether it goes on at the head.
        follow: bool,
    },
}

/// A reader on its way.
pub struct EventStream {
    app: Shared,
    principal: Principal,
    subscription: Subscription,
    form: Form,
    shutdown: CancellationToken,
    begun: bool,
    caught_up: bool,
    ended: bool,
    last_sign: Instant,
}

type Piece = Result<Bytes, std::io::Error>;

impl EventStream {
    /// Begins where the subscription is.
    pub fn new(app: Shared, principal: Principal, subscription: Subscription, form: Form) -> Self {
        let shutdown = app.api.shutdown.clone();
        let last_sign = Instant::now();
        Self { app, principal, subscription, form, shutdown, begun: false, caught_up: false, ended: false, last_sign }
    }

    /// The answer whose body this is.
    pub fn into_response(self) -> Response {
        let media = match self.form {
            Form::Sse => SSE,
            Form::Ndjson { .. } => NDJSON,
        };
        let body = stream::unfold(self, |mut reader| async move { Some((reader.next().await?, reader)) });
        let mut response = Response::new(Body::from_stream(body));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }

    /// The next piece of the body; `None` at its end.
    async fn next(&mut self) -> Option<Piece> {
        if self.ended {
            return None;
        }
        if !self.begun && self.form == Form::Sse {
            self.begun = true;
            return Some(Ok(format!("retry: {RETRY_MS}\n\n").into()));
        }
        loop {
            if self.shutdown.is_cancelled() || !self.still_allowed().await {
                return self.end();
            }
            let (mut text, form) = (Vec::new(), self.form);
            let scanned = match self.subscription.page(PAGE, |event| write(form, event, &mut text)).await {
                Ok(scanned) => scanned,
                Err(why) => return Some(self.broken(&why)),
            };
            if scanned.caught_up() && !self.caught_up {
                self.caught_up = true;
                match self.form {
                    Form::Sse => {
                        let position = scanned.to;
                        let told = format!("id: {position}\nevent: caught-up\ndata: {{\"position\":{position}}}\n\n");
                        text.extend_from_slice(told.as_bytes());
                    }
                    Form::Ndjson { follow: false } => {
                        self.ended = true;
                        return (!text.is_empty()).then(|| Ok(text.into()));
                    }
                    Form::Ndjson { follow: true } => {}
                }
            }
            if !text.is_empty() {
                self.last_sign = Instant::now();
                return Some(Ok(text.into()));
            }
            if scanned.caught_up() && !self.still_allowed().await {
                return self.end();
            }
            if scanned.caught_up() {
                let shutdown = self.shutdown.clone();
                match shutdown.run_until_cancelled(self.subscription.wait(self.until_heartbeat().min(RECHECK))).await {
                    Some(Woken::TimeOver) if self.until_heartbeat().is_zero() => {
                        self.last_sign = Instant::now();
                        return Some(Ok(self.heartbeat()));
                    }
                    Some(Woken::Grown | Woken::TimeOver) => {}
                    Some(Woken::Closed) | None => return self.end(),
                }
            }
        }
    }

    fn until_heartbeat(&self) -> Duration {
        self.app.api.settings.heartbeat.saturating_sub(self.last_sign.elapsed())
    }

    /// Whether the key is still valid and the grants are those that the filter was made from. With
    /// others the client connects again and is asked anew.
    async fn still_allowed(&self) -> bool {
        let caller = &self.principal.caller;
        let now = auth::of_key(&self.app, caller.principal, self.principal.key).await;
        now.ok().flatten().is_some_and(|now| now.caller.read == caller.read && now.today == self.principal.today)
    }

    /// A sign of life, with the cursor, so that a reader of few events resumes near the end.
    fn heartbeat(&self) -> Bytes {
        match self.form {
            Form::Sse => format!(": \nid: {}\n\n", self.subscription.cursor()).into(),
            Form::Ndjson { .. } => Bytes::from_static(b"\n"),
        }
    }

    /// The end before the end of the log: told, so that nobody takes it for that.
    fn end(&mut self) -> Option<Piece> {
        self.ended = true;
        match self.form {
            Form::Sse => Some(Ok(format!("retry: {RETRY_MS}\n\n").into())),
            Form::Ndjson { follow: true } => None,
            Form::Ndjson { follow: false } => Some(Err(std::io::Error::other("the feed ended early"))),
        }
    }

    /// An event that cannot be shown, or a log that does not answer: the feed stops there.
    fn broken(&mut self, why: &FeedError) -> Piece {
        self.ended = true;
        let problem = troubles::feed(why);
        match self.form {
            Form::Sse => {
                let told = serde_json::to_string(&problem.in_language(Language::English)).unwrap_or_default();
                Ok(format!("event: problem\nretry: 30000\ndata: {told}\n\n").into())
            }
            Form::Ndjson { .. } => Err(std::io::Error::other("the feed stopped")),
        }
    }
}

fn write(form: Form, event: &CloudEvent<'_>, text: &mut Vec<u8>) {
    if form == Form::Sse {
        let stored_type = event.event_type.trim_start_matches("de.schulerfolg.");
        text.extend_from_slice(format!("id: {}\nevent: {stored_type}\ndata: ", event.position).as_bytes());
    }
    // An event consists of texts and numbers, so writing it cannot fail; JSON has no line breaks.
    let _ = serde_json::to_writer(&mut *text, event);
    text.extend_from_slice(if form == Form::Sse { b"\n\n" } else { b"\n" });
}
