//! `GET /v1/principals`: who may act, with roles and keys; for those who look after access.

use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::{BusinessDate, Category, ClientKey, Grant, PrincipalId, State as Folded, principal};
use sfs_eventlog::{Direction, Filter, tags};
use uuid::Uuid;

use crate::answers::{etag, json_response};
use crate::app::{App, Shared};
use crate::auth::{Principal, authenticate};
use crate::headers::READ_POSITION;
use crate::kinds;
use crate::paging;
use crate::params::Params;
use crate::problem::Problem;
use crate::troubles;

/// A user or a machine that may act.
#[derive(Serialize, JsonSchema)]
pub struct PrincipalAnswer {
    /// Pseudonym.
    principal: PrincipalId,
    /// Version of its stream.
    version: u64,
    /// Roles with scopes; one whose `until` has come no longer holds.
    grants: Vec<Grant>,
    /// Every key that was ever issued.
    keys: Vec<KeyAnswer>,
}

/// A key, without its secret: nobody has that but its owner.
#[derive(Serialize, JsonSchema)]
pub struct KeyAnswer {
    /// Identity.
    key: ClientKey,
    /// First day on which it no longer opens anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<BusinessDate>,
    /// Whether it was revoked.
    revoked: bool,
    /// Whether it opens something today.
    valid: bool,
}

/// A page of principals.
#[derive(Serialize, JsonSchema)]
pub struct PrincipalsAnswer {
    /// In the order in which they came to be.
    items: Vec<PrincipalAnswer>,
    /// Cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Answers a page of them.
pub async fn list(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let principal = authenticate(&app, &parts.headers).await?;
    let mut params = Params::of(&parts.uri);
    let limit = params.number("limit", 1..=1_000)?.unwrap_or(100) as usize;
    let query = paging::query(&parts.uri);
    let after: u64 = match paging::place(&app, &query, &mut params)? {
        Some(place) => place.parse().map_err(|_| paging::foreign_cursor())?,
        None => 0,
    };
    params.finish()?;
    principal.require_state_wide(View::Access)?;
    let (ids, scanned_to, more) = begun_after(&app, after, limit).await?;
    let mut items = Vec::with_capacity(ids.len());
    for id in ids {
        items.extend(of(&app, &principal, id).await?);
    }
    let next = more.then(|| app.tokens.cursor(&query, &scanned_to.to_string()));
    let link = next.as_ref().map(|cursor| paging::link(&parts.uri, cursor));
    let mut response = json_response(&PrincipalsAnswer { items, next });
    response.headers_mut().insert(READ_POSITION, app.head().into());
    let link = link.and_then(|link| HeaderValue::try_from(link).ok());
    response.headers_mut().extend(link.map(|link| (header::LINK, link)));
    Ok(response)
}

/// Answers one of them.
pub async fn get(State(app): State<Shared>, principal: Principal, Path(id): Path<String>) -> Result<Response, Problem> {
    principal.require_state_wide(View::Access)?;
    let id = Uuid::try_parse(&id).map_err(|_| Problem::new(&kinds::NOT_FOUND))?;
    let found = of(&app, &principal, PrincipalId(id)).await?.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let version = found.version;
    let mut response = json_response(&found);
    response.headers_mut().insert(READ_POSITION, app.head().into());
    response.headers_mut().extend(HeaderValue::try_from(etag(version)).ok().map(|tag| (header::ETAG, tag)));
    Ok(response)
}

/// Those whose first event lies after that position; how far was looked, and whether there is more.
async fn begun_after(app: &App, after: u64, limit: usize) -> Result<(Vec<PrincipalId>, u64, bool), Problem> {
    let filter = Filter { all_of: vec![vec![tags::category(Category::Principal.name())]], leaves: false };
    let (mut ids, mut cursor) = (Vec::new(), after);
    loop {
        let page = app.api.log.read(&filter, Direction::Forwards, cursor, 1_000).await;
        let page = page.map_err(|why| troubles::read(&why))?;
        for stored in page.events.iter().filter(|stored| stored.version == 1) {
            let id = stored.stream.split_once('/').and_then(|(_, id)| Uuid::try_parse(id).ok());
            ids.extend(id.map(PrincipalId));
            if ids.len() == limit {
                return Ok((ids, stored.position, stored.position < page.head));
            }
        }
        cursor = page.scanned_to;
        if cursor >= page.head {
            return Ok((ids, cursor, false));
        }
    }
}

async fn of(app: &App, asking: &Principal, id: PrincipalId) -> Result<Option<PrincipalAnswer>, Problem> {
    let folded = app.api.handler.state(&principal::stream(&id)).await.map_err(|why| troubles::load(&why))?;
    let Folded::Principal(state) = &*folded.state else { return Ok(None) };
    let key = |key: &principal::Key| KeyAnswer {
        key: key.key,
        until: key.until,
        revoked: key.revoked,
        valid: state.key_valid(&key.key, asking.today),
    };
    Ok((folded.version > 0).then(|| PrincipalAnswer {
        principal: id,
        version: folded.version,
        grants: state.grants().to_vec(),
        keys: state.keys().iter().map(key).collect(),
    }))
}
