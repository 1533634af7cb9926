//! The register: what is known of every school, organisation, member of staff …, and the version
//! that a change has to name.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sfs_domain::{Ags, Category, OrganisationId, SchoolId};
use sfs_readmodel::{Answer, AsOf, RegisterQuery};

use crate::answers::etag;
use crate::app::Shared;
use crate::kinds;
use crate::problem::Problem;
use crate::reads::{begin, problem};

/// Longest name that a list can be asked for.
const LONGEST_NAME: usize = 200;

/// `GET /v1/<noun>`: a page of them.
pub async fn list(State(app): State<Shared>, category: Category, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = RegisterQuery {
        category,
        as_of: AsOf::default(),
        district: params.parsed("district", |text| Ags::parse(text))?,
        provider: params.parsed("provider", |text| OrganisationId::parse(text))?,
        school: params.parsed("school", |text| SchoolId::parse(text))?,
        prefix: params.parsed("name", |text| match text.len() {
            1..=LONGEST_NAME => Ok(text.to_owned()),
            _ => Err("expected are 1 to 200 bytes"),
        })?,
        page: read.page(&mut params)?,
    };
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.register(&read.viewer, &query).await)
}

/// `GET /v1/<noun>/{key}`: one of them, with its version as `ETag`.
pub async fn one(
    State(app): State<Shared>,
    category: Category,
    Path(key): Path<String>,
    request: Parts,
) -> Result<Response, Problem> {
    let (mut read, params) = begin(&app, &request).await?;
    read.wait(params).await?;
    let found = app.api.reads.register_entry(&read.viewer, category, &key, read.as_of).await;
    let Answer { data, definition, position, known_until, valid, complete, lag_seconds } =
        found.map_err(|why| problem(&why))?;
    let entry = data.ok_or_else(|| Problem::new(&kinds::NOT_FOUND).read_position(position))?;
    let tag = etag(entry.version);
    let unchanged = request.headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response = match unchanged {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            read.answer(Ok(Answer { data: entry, definition, position, known_until, valid, complete, lag_seconds }))?
        }
    };
    response.headers_mut().extend(HeaderValue::try_from(tag).ok().map(|tag| (header::ETAG, tag)));
    Ok(response)
}

/// The same for a cooperation, whose key has two parts.
pub async fn cooperation(
    state: State<Shared>,
    Path((school, provider)): Path<(String, String)>,
    request: Parts,
) -> Result<Response, Problem> {
    one(state, Category::Cooperation, Path(format!("{school}/{provider}")), request).await
}
