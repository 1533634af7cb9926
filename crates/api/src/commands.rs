//! The routes of the commands: one for each line of the catalogue.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Uri, header};
use axum::response::Response;
use bytes::Bytes;
use sfs_command::{Outcome, Request as Asked};
use sfs_domain::catalogue::CommandEntry;
use uuid::Uuid;

use crate::answers::CommandAnswer;
use crate::app::{App, Shared};
use crate::auth::{Principal, authenticate};
use crate::headers::{self, CAUSATION_ID, CORRELATION_ID};
use crate::kinds;
use crate::measured::command_done;
use crate::params::Params;
use crate::problem::Problem;
use crate::{json, opened, troubles};

/// `POST /v1/commands/<name>`.
pub async fn post(
    State(app): State<Shared>,
    entry: &'static CommandEntry,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let principal = authenticate(&app, &parts.headers).await?;
    let asked = read(&app, entry, &principal, &parts.uri, &parts.headers, body).await;
    let answer = match asked {
        Ok(asked) => done(&app, &principal, &asked).await,
        Err(why) => Err(why),
    };
    if answer.is_err() {
        command_done(entry.name, None);
    }
    answer
}

async fn read(
    app: &App,
    entry: &'static CommandEntry,
    principal: &Principal,
    uri: &Uri,
    headers: &HeaderMap,
    body: Body,
) -> Result<Asked, Problem> {
    headers::require_media_type(headers, "application/json")?;
    let dry_run = dry_run(uri)?;
    let precondition = headers::precondition(headers)?;
    let (correlation, causation) = (headers::uuid(headers, &CORRELATION_ID)?, headers::uuid(headers, &CAUSATION_ID)?);
    let command_id = command_id(app, principal, headers)?;
    let body = whole(headers, body, app.api.settings.command_bytes).await?;
    let (command, said) = json::command(entry, &body)?;
    Ok(Asked {
        entry,
        command,
        command_id,
        occurred_on: said.occurred_on,
        reason: said.reason,
        evidence: said.evidence,
        personal: said.personal,
        precondition,
        correlation,
        causation,
        dry_run,
    })
}

async fn done(app: &App, principal: &Principal, asked: &Asked) -> Result<Response, Problem> {
    let outcome = match asked.entry.name {
        "issue-api-key" => return crate::api_keys::issue(app, principal, asked).await,
        _ => handled(app, principal, asked).await?,
    };
    let mut answer = CommandAnswer::of(app, asked.command_id, &outcome);
    answer.opened = opened::of(app, principal, asked, &outcome).await?;
    command_done(asked.entry.name, Some(answer.outcome));
    Ok(answer.into_response())
}

/// Hands the command to the write side.
pub async fn handled(app: &App, principal: &Principal, asked: &Asked) -> Result<Outcome, Problem> {
    app.api.handler.handle(&principal.caller, asked).await.map_err(|why| troubles::command(&why))
}

fn dry_run(uri: &Uri) -> Result<bool, Problem> {
    if uri.query().is_none() {
        return Ok(false);
    }
    let mut params = Params::of(uri);
    let dry_run = params.flag("dry_run")?;
    params.finish().map(|()| dry_run)
}

/// The identity of a command: made of the client's key, or new.
fn command_id(app: &App, principal: &Principal, headers: &HeaderMap) -> Result<Uuid, Problem> {
    Ok(match headers::idempotency_key(headers)? {
        Some(key) => app.tokens.command_id(principal.caller.principal, key, None),
        None => fresh_id(app),
    })
}

/// A command id that nobody has had before.
pub fn fresh_id(app: &App) -> Uuid {
    let handler = &app.api.handler;
    handler.entropy().uuid(handler.clock().now_micros())
}

/// The whole body, if it is not larger than `limit` bytes.
pub async fn whole(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if stated.is_some_and(|length: usize| length > limit) {
        return Err(Problem::new(&kinds::TOO_LARGE));
    }
    to_bytes(body, limit).await.map_err(|why| {
        // A connection that breaks off ends here too; nobody reads that answer.
        let too_large = std::error::Error::source(&why).is_some_and(|source| source.to_string().contains("limit"));
        Problem::new(if too_large { &kinds::TOO_LARGE } else { &kinds::MALFORMED })
    })
}
