//! `GET /v1/events`: the event feed, in three representations with one filter, one order and one
//! rule of resuming.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use sfs_feed::{CloudEvent, Subscription, Woken};

use crate::app::{App, Shared};
use crate::auth::authenticate;
use crate::bulk::NDJSON;
use crate::event_stream::{EventStream, Form};
use crate::feed_params;
use crate::headers::{self, LAST_EVENT_ID, PREFERENCE_APPLIED, Prefer, READ_POSITION};
use crate::kinds;
use crate::language::Text;
use crate::params::Params;
use crate::problem::Problem;
use crate::troubles;

/// The media type of server-sent events.
pub const SSE: &str = "text/event-stream";
/// The media type of a page of events.
pub const BATCH: &str = "application/cloudevents-batch+json";

/// Pages that are read for one answer, at most: a filter that finds little answers with what it has.
const READS_PER_PAGE: usize = 32;

/// Answers in the representation that `Accept` asks for.
pub async fn get(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let principal = authenticate(&app, &parts.headers).await?;
    let offered = [(BATCH, BATCH), ("application/json", BATCH), (SSE, SSE), (NDJSON, NDJSON)];
    let form = headers::accepted(&parts.headers, &offered).ok_or_else(not_acceptable)?;
    let mut params = Params::of(&parts.uri);
    let selection = feed_params::selection(&principal, &mut params)?;
    let source = feed_params::source(&app, &mut params)?;
    let after = after(&app, &parts.headers, &mut params).await?;
    let (limit, follow) = (params.number("limit", 1..=1_000)?, params.flag("follow")?);
    params.finish()?;
    let subscription = Subscription::new(app.api.log.clone(), selection, source, after);
    let form = match form {
        SSE => Form::Sse,
        NDJSON => Form::Ndjson { follow },
        _ => return page(&app, subscription, limit.unwrap_or(100) as usize, &parts.uri, &parts.headers).await,
    };
    Ok(EventStream::new(app, principal, subscription, form).into_response())
}

fn not_acceptable() -> Problem {
    let media = format!("{SSE}, {NDJSON}, {BATCH}");
    Problem::new(&kinds::NOT_ACCEPTABLE).detail(format!("Möglich sind {media}."), format!("Possible are {media}."))
}

/// Where to begin. `Last-Event-ID` is what a browser sends when it connects again, with the address
/// that it first had.
async fn after(app: &App, headers: &HeaderMap, params: &mut Params<'_>) -> Result<u64, Problem> {
    let stated = params.number("after", 0..=i64::MAX as u64)?;
    let (name, after) = match headers::text(headers, &LAST_EVENT_ID)?.filter(|id| !id.is_empty()) {
        Some(id) => {
            let expected =
                || Text::new("Erwartet wird die Position eines Ereignisses.", "Expected is the position of an event.");
            let position = id.parse::<u64>().ok().filter(|position| i64::try_from(*position).is_ok());
            ("last-event-id", position.ok_or_else(|| Problem::parameter("last-event-id", expected()))?)
        }
        None => ("after", stated.unwrap_or(0)),
    };
    // A position that does not exist yet is one of another log, or of one that has lost events.
    if after > app.head() && after > app.api.log.head().await.map_err(|why| troubles::read(&why))?.size {
        let text = Text::new(
            "Diese Position gibt es in diesem Protokoll noch nicht.",
            "This log does not have this position yet.",
        );
        return Err(Problem::parameter(name, text));
    }
    Ok(after)
}

/// One page as a JSON list; waits for the first event if that is preferred.
async fn page(
    app: &App,
    mut subscription: Subscription,
    limit: usize,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let prefer = Prefer::of(headers);
    let until = prefer.wait.map(|wait| tokio::time::Instant::now() + wait.min(app.api.settings.request_timeout));
    let mut text = Vec::from(*b"[");
    let (mut shown, mut reads) = (0, 0);
    loop {
        let scanned = subscription.page(limit - shown, |event| push(&mut text, event)).await;
        let scanned = scanned.map_err(|why| troubles::feed(&why))?;
        (shown, reads) = (shown + scanned.shown, reads + 1);
        if shown >= limit || (reads >= READS_PER_PAGE && !scanned.caught_up()) {
            break;
        }
        if scanned.caught_up() {
            let left = until.map(|until| until.saturating_duration_since(tokio::time::Instant::now()));
            let Some(left) = left.filter(|left| shown == 0 && !left.is_zero()) else { break };
            tokio::select! {
                woken = subscription.wait(left) => if woken != Woken::Grown { break },
                () = app.api.shutdown.cancelled() => break,
            }
        }
    }
    text.push(b']');
    let mut response = Response::new(Body::from(text));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(BATCH));
    headers.insert(READ_POSITION, subscription.cursor().into());
    if let Ok(link) = HeaderValue::try_from(format!("<{}>; rel=\"next\"", next(uri, subscription.cursor()))) {
        headers.insert(header::LINK, link);
    }
    if let Some(wait) = prefer.wait.map(|wait: Duration| format!("wait={}", wait.as_secs())) {
        headers.extend(HeaderValue::try_from(wait).ok().map(|wait| (PREFERENCE_APPLIED, wait)));
    }
    Ok(response)
}

fn push(text: &mut Vec<u8>, event: &CloudEvent<'_>) {
    if text.len() > 1 {
        text.push(b',');
    }
    // An event consists of texts and numbers, so writing it cannot fail.
    let _ = serde_json::to_writer(text, event);
}

/// The same address, after that position.
fn next(uri: &Uri, after: u64) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("after", &after.to_string());
    for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "after" {
            query.append_pair(&name, &value);
        }
    }
    format!("{}?{}", uri.path(), query.finish())
}
