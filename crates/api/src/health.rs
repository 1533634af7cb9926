//! Health: whether the process lives, whether it is ready to answer, and how its read side is.

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use metrics::gauge;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::Role;
use sfs_domain::authority::View;
use sfs_notary::Trouble;
use sfs_readmodel::Status;

use crate::answers::json_response;
use crate::app::{App, Shared};
use crate::auth::Principal;
use crate::kinds;
use crate::measured;
use crate::problem::Problem;

/// Whether the process lives.
#[derive(Serialize, JsonSchema)]
pub struct Health {
    /// `ok`, or `unready`.
    status: &'static str,
    /// Why it is not ready.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    reasons: Vec<&'static str>,
    /// How the signer of checkpoints is, if there is one: `signs`, `away`, `refuses` or `fails`. The log goes on
    /// without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<&'static str>,
    /// What somebody must look at though requests are answered: `witness-disputes`, a witness has seen a
    /// larger log or another one.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    warnings: Vec<&'static str>,
    /// How the read side is.
    #[serde(skip_serializing_if = "Option::is_none")]
    projections: Option<Projections>,
}

/// How the read models are.
#[derive(Serialize, JsonSchema)]
pub struct Projections {
    /// Everything up to this position is in the answers.
    position: u64,
    /// The last position of the log.
    head: u64,
    /// Events that are not yet in the answers.
    lag_events: u64,
    /// How long the oldest of them has been waiting.
    lag_seconds: f64,
    /// The number of the generation that serves.
    generation: u64,
    /// Version of tables and projections.
    schema: String,
    /// The position at which they stand still.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted_at: Option<u64>,
    /// Why they stand still.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted_because: Option<String>,
    /// How far a rebuild is.
    #[serde(skip_serializing_if = "Option::is_none")]
    rebuilding: Option<Rebuilding>,
}

/// How far a rebuild is.
#[derive(Serialize, JsonSchema)]
pub struct Rebuilding {
    /// The position that it has reached.
    position: u64,
    /// The position that it has to reach.
    target: u64,
    /// Events per second so far.
    rate: f64,
    /// Seconds that are left at this rate.
    eta_seconds: f64,
}

impl From<Status> for Projections {
    fn from(status: Status) -> Self {
        Self {
            position: status.position,
            head: status.head,
            lag_events: status.lag_events,
            lag_seconds: status.lag_seconds,
            generation: status.generation,
            schema: status.schema,
            halted_at: status.halted.as_ref().map(|halted| halted.position),
            halted_because: status.halted.map(|halted| halted.why),
            rebuilding: status.rebuilding.map(|progress| Rebuilding {
                position: progress.position,
                target: progress.target,
                rate: progress.rate,
                eta_seconds: progress.eta_seconds,
            }),
        }
    }
}

/// `GET /healthz`: the process lives.
pub async fn live() -> Response {
    json_response(&Health { status: "ok", reasons: Vec::new(), warnings: Vec::new(), signer: None, projections: None })
}

/// How the signer is, if there is one.
fn signer(app: &App) -> Option<&'static str> {
    app.api.notary.as_ref().map(|notary| match notary.trouble() {
        None => "signs",
        Some(Trouble::Away) => "away",
        Some(Trouble::Refused) => "refuses",
        Some(Trouble::Failed) => "fails",
    })
}

/// `GET /readyz`: log and read models answer; 503 if not.
pub async fn ready(State(app): State<Shared>) -> Response {
    // Where it stands still is for everybody to see; why, for those who run it.
    let projections = Projections { halted_because: None, ..app.api.reads.status().into() };
    let mut reasons = Vec::new();
    if projections.halted_at.is_some() {
        reasons.push("read-model-halted");
    }
    if app.api.log.head().await.is_err() {
        reasons.push("log-unreadable");
    }
    let signer = signer(&app);
    if signer == Some("refuses") {
        reasons.push("log-not-as-signed");
    }
    if app.api.shutdown.is_cancelled() {
        reasons.push("shutting-down");
    }
    let is_disputed = app.api.notary.as_ref().is_some_and(|notary| notary.is_disputed());
    let warnings = if is_disputed { vec!["witness-disputes"] } else { Vec::new() };
    let is_ready = reasons.is_empty();
    let status = if is_ready { "ok" } else { "unready" };
    let mut response = json_response(&Health { status, reasons, warnings, signer, projections: Some(projections) });
    if !is_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        // Not a problem that a client could do something about: a probe reads the status.
        response.extensions_mut().insert(crate::edge::AsItIs);
    }
    response
}

/// Sets the gauges of the read side and of the signer.
pub async fn measure(app: &App) {
    let status = app.api.reads.status();
    gauge!("sfs_projection_position").set(status.position as f64);
    gauge!("sfs_projection_lag_events").set(status.lag_events as f64);
    gauge!("sfs_projection_lag_seconds").set(status.lag_seconds);
    gauge!("sfs_projection_halted").set(f64::from(u8::from(status.halted.is_some())));
    if let Some(notary) = &app.api.notary {
        gauge!("sfs_signer_up").set(f64::from(u8::from(notary.trouble().is_none())));
        gauge!("sfs_checkpoint_size").set(notary.signed_size() as f64);
    }
}

/// `GET /metrics`, with a key of somebody who runs the installation.
pub async fn metrics_with_key(State(app): State<Shared>, principal: Principal) -> Result<Response, Problem> {
    principal.require_state_wide(View::Operations)?;
    Ok(metrics_text(&app).await)
}

/// `GET /metrics` where only the installation itself can ask.
pub async fn metrics_without_key(State(app): State<Shared>) -> Response {
    metrics_text(&app).await
}

async fn metrics_text(app: &App) -> Response {
    let mut response = Response::new(measured::render(app).await.into());
    let media = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, media);
    response
}

/// `GET /admin/v1/projections`, with a key of somebody who runs the installation.
pub async fn projections_with_key(State(app): State<Shared>, principal: Principal) -> Result<Response, Problem> {
    principal.require_state_wide(View::Operations)?;
    Ok(projections(State(app)).await)
}

/// `GET /admin/v1/projections` where only the installation itself can ask.
pub async fn projections(State(app): State<Shared>) -> Response {
    json_response(&Projections::from(app.api.reads.status()))
}

/// `POST /admin/v1/rebuild`, with an administrator's key.
pub async fn rebuild_with_key(State(app): State<Shared>, principal: Principal) -> Result<Response, Problem> {
    if !principal.holds_state_wide(Role::Administrator) {
        return Err(Problem::new(&kinds::FORBIDDEN));
    }
    rebuild(State(app)).await
}

/// `POST /admin/v1/rebuild` where only the installation itself can ask.
pub async fn rebuild(State(app): State<Shared>) -> Result<Response, Problem> {
    if app.api.reads.status().rebuilding.is_some() {
        return Err(Problem::new(&kinds::REBUILDING));
    }
    let reads = std::sync::Arc::clone(&app.api.reads);
    tokio::spawn(async move {
        if let Err(why) = reads.rebuild(|_| {}).await {
            tracing::error!(error = &why as &dyn std::error::Error, "the rebuild was not finished");
        }
    });
    let mut response = projections(State(app)).await;
    *response.status_mut() = StatusCode::ACCEPTED;
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/admin/v1/projections"));
    Ok(response)
}
