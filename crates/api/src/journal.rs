//! `GET /v1/journal`: what happened, newest first.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sfs_feed::{Backwards, CloudEvent, newest_first};

use crate::answers::json_response;
use crate::app::Shared;
use crate::auth::authenticate;
use crate::feed_params;
use crate::headers::READ_POSITION;
use crate::instants::start_of_day;
use crate::paging;
use crate::params::Params;
use crate::problem::Problem;
use crate::troubles;

/// A page of the journal.
#[derive(Serialize, JsonSchema)]
pub struct JournalAnswer<'a> {
    /// Events, newest first.
    #[schemars(with = "Vec<CloudEvent<'static>>")]
    items: &'a RawValue,
    /// Position of the last event of the log.
    position: u64,
    /// Cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Answers a page.
pub async fn get(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let principal = authenticate(&app, &parts.headers).await?;
    let mut params = Params::of(&parts.uri);
    let selection = feed_params::selection(&principal, &mut params)?;
    let source = feed_params::source(&app, &mut params)?;
    let (from, to) = (params.date("from")?, params.date("to")?);
    let max = params.number("limit", 1..=1_000)?.unwrap_or(100) as usize;
    let query = paging::query(&parts.uri);
    let cursor = paging::place(&app, &query, &mut params)?;
    params.finish()?;
    let head = app.head();
    // The last position before a day began.
    let before_day =
        async |day| app.api.log.position_at(start_of_day(day) - 1).await.map_err(|why| troubles::read(&why));
    let above = match from {
        Some(day) => before_day(day).await?,
        None => 0,
    };
    let before = match (cursor, to) {
        (Some(place), _) => place.parse().map_err(|_| paging::foreign_cursor())?,
        (None, Some(day)) => before_day(day).await? + 1,
        (None, None) => head + 1,
    };
    let mut text = String::from("[");
    let place = Backwards { before, above, max };
    let next = newest_first(&app.api.log, &selection, &source, place, |event| push(&mut text, event)).await;
    let next = next.map_err(|why| troubles::feed(&why))?.map(|place| app.tokens.cursor(&query, &place.to_string()));
    text.push(']');
    let items = RawValue::from_string(text).unwrap_or_default();
    let link = next.as_ref().map(|cursor| paging::link(&parts.uri, cursor));
    let mut response = json_response(&JournalAnswer { items: &items, position: head, next });
    let headers = response.headers_mut();
    headers.insert(READ_POSITION, head.into());
    headers.extend(link.and_then(|link| HeaderValue::try_from(link).ok()).map(|link| (header::LINK, link)));
    Ok(response)
}

fn push(text: &mut String, event: &CloudEvent<'_>) {
    if text.len() > 1 {
        text.push(',');
    }
    // An event consists of texts and numbers, so writing it cannot fail.
    text.push_str(&serde_json::to_string(event).unwrap_or_default());
}
