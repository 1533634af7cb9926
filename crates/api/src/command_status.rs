//! `GET /v1/commands/{id}`: what the log has of a command.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use sfs_domain::Role;
use sfs_eventlog::{CommandRecord, Direction, Filter};
use sfs_ledger::Leaf;
use uuid::Uuid;

use crate::answers::{CommandAnswer, OutcomeName};
use crate::app::{App, Shared};
use crate::auth::Principal;
use crate::kinds;
use crate::problem::Problem;
use crate::troubles;

/// The answer to the command, to whoever sent it, to auditors and administrators.
pub async fn get(State(app): State<Shared>, principal: Principal, Path(id): Path<String>) -> Result<Response, Problem> {
    let absent = || Problem::new(&kinds::NOT_FOUND);
    let id = Uuid::try_parse(&id).map_err(|_| absent())?;
    let record = app.api.log.command(id).await.map_err(|why| troubles::read(&why))?.ok_or_else(absent)?;
    let all = principal.holds_state_wide(Role::Auditor) || principal.holds_state_wide(Role::Administrator);
    if !all && actor(&app, &record).await? != principal.caller.principal.to_string() {
        return Err(absent());
    }
    let receipt = app.api.handler.receipt(&record).await.map_err(|why| troubles::command(&why))?;
    let mut response = CommandAnswer::receipt(&app, OutcomeName::Accepted, &receipt).into_response();
    // Here nothing came to be: it is told what once did.
    *response.status_mut() = StatusCode::OK;
    Ok(response)
}

/// Who sent the command, from the leaf of its first event.
async fn actor(app: &App, record: &CommandRecord) -> Result<String, Problem> {
    let filter = Filter { leaves: true, ..Filter::default() };
    let page = app.api.log.read(&filter, Direction::Forwards, record.first.saturating_sub(1), 1).await;
    let page = page.map_err(|why| troubles::read(&why))?;
    let leaf = page.events.first().and_then(|stored| Leaf::parse(&stored.leaf).ok());
    leaf.map(|leaf| leaf.draft.actor.into_owned()).ok_or_else(|| Problem::new(&kinds::LOG_UNREADABLE))
}
