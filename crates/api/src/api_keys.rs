//! Issuing an API key: the secret is made here, its digest is kept before the event is appended,
//! and the secret is answered once.

use axum::response::Response;
use sfs_command::{Outcome, Request as Asked};
use sfs_domain::{Command, principal};
use sfs_ops::{ApiKeyRecord, ApiKeySecret, OpsError};

use crate::answers::CommandAnswer;
use crate::app::App;
use crate::auth::Principal;
use crate::commands::handled;
use crate::kinds;
use crate::measured::command_done;
use crate::problem::Problem;

/// Handles `issue-api-key`. A repeated command is answered without the secret: it is nowhere kept.
pub async fn issue(app: &App, principal: &Principal, asked: &Asked) -> Result<Response, Problem> {
    // First without consequence, so that a refused command leaves no digest behind.
    let foreseen = handled(app, principal, &Asked { dry_run: true, ..asked.clone() }).await?;
    let (outcome, secret) = match foreseen {
        Outcome::Would { .. } if !asked.dry_run => {
            let secret = keep_secret(app, &asked.command).await?;
            (handled(app, principal, asked).await?, secret)
        }
        foreseen => (foreseen, None),
    };
    let mut answer = CommandAnswer::of(app, asked.command_id, &outcome);
    if let (Outcome::Accepted(_), Some(secret)) = (&outcome, secret) {
        answer.api_key = Some(secret.reveal().to_owned());
    }
    command_done(asked.entry.name, Some(answer.outcome));
    Ok(answer.into_response())
}

async fn keep_secret(app: &App, command: &Command) -> Result<Option<ApiKeySecret>, Problem> {
    let Command::Principal(principal::Command::IssueApiKey { principal, key, .. }) = command else { return Ok(None) };
    let entropy = app.api.handler.entropy();
    let mut random = [0; 32];
    random[..16].copy_from_slice(&entropy.bytes());
    random[16..].copy_from_slice(&entropy.bytes());
    let secret = ApiKeySecret::from_random(random);
    let record = ApiKeyRecord { principal: principal.0, key: key.0 };
    app.api.ops.keep_key(secret.digest(), record).await.map_err(|why: OpsError| {
        tracing::error!(error = &why as &dyn std::error::Error, "a key's digest could not be kept");
        Problem::new(&kinds::STORAGE).retry_after(5)
    })?;
    Ok(Some(secret))
}
