//! Signed checkpoints: the last one, and those that others have vouched for with their timestamps. They
//! hold sizes and hashes, so they need no key.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use sfs_ops::KeptCheckpoint;

use crate::app::Shared;
use crate::kinds;
use crate::problem::Problem;

/// Media type of a timestamp's reply (RFC 3161 §3.4).
pub const TIMESTAMP: &str = "application/timestamp-reply";

/// `GET /checkpoint`. Never cached: it is the newest that there is.
pub async fn last(State(app): State<Shared>) -> Result<Response, Problem> {
    let note = app.api.notary.as_ref().and_then(|notary| notary.checkpoint());
    let note = note.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    Ok(answer("text/plain; charset=utf-8", note.to_string().into()))
}

/// `GET /v1/checkpoints/{size}`.
pub async fn kept(State(app): State<Shared>, Path(size): Path<String>) -> Result<Response, Problem> {
    Ok(answer("text/plain; charset=utf-8", find(&app, &size).await?.note.into()))
}

/// `GET /v1/checkpoints/{size}/timestamp`: of exactly the bytes that the checkpoint of that size has.
pub async fn timestamp(State(app): State<Shared>, Path(size): Path<String>) -> Result<Response, Problem> {
    let reply = find(&app, &size).await?.timestamp;
    Ok(answer(TIMESTAMP, reply.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?.into()))
}

async fn find(app: &Shared, size: &str) -> Result<KeptCheckpoint, Problem> {
    let not_found = || Problem::new(&kinds::NOT_FOUND);
    let size: u64 = size.parse().map_err(|_| not_found())?;
    let kept = app.api.ops.checkpoint(size).await.map_err(|why| {
        tracing::error!(error = &why as &dyn std::error::Error, "the kept checkpoints cannot be read");
        Problem::new(&kinds::STORAGE).retry_after(5)
    })?;
    kept.ok_or_else(not_found)
}

fn answer(media: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
