//! What is measured, in the form that Prometheus reads.

use std::collections::HashMap;
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use axum::http::StatusCode;
use metrics::{Counter, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use sfs_domain::catalogue::COMMANDS;

use crate::app::App;

/// Upper ends of the buckets of request durations, in seconds.
const BUCKETS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0];

/// Installs the recorder of this process, once; answers its handle ever after. `None` if another
/// part of the program has installed one of its own.
pub fn metrics_recorder() -> Option<&'static PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    let install = || {
        let builder = PrometheusBuilder::new().set_buckets(BUCKETS).ok()?;
        let handle = builder.install_recorder().ok()?;
        metrics::describe_counter!("sfs_http_requests_total", "Answered requests by route and status.");
        metrics::describe_histogram!("sfs_http_request_duration_seconds", "Seconds until the head of an answer.");
        metrics::describe_counter!("sfs_commands_total", "Commands by name and outcome.");
        metrics::describe_gauge!("sfs_log_head_position", "Position of the last event.");
        metrics::describe_gauge!("sfs_log_clock_behind_seconds", "How far the clock is behind the log's last event.");
        metrics::describe_gauge!("sfs_signer_up", "1 if the last checkpoint that was due was signed.");
        metrics::describe_gauge!("sfs_checkpoint_size", "Events that the last signed checkpoint covers.");
        metrics::describe_counter!("sfs_witness_requests_total", "Requests to witnesses by witness and outcome.");
        metrics::describe_gauge!("sfs_cosigned_checkpoint_position", "Size of the last checkpoint with its quorum.");
        metrics::describe_counter!("sfs_timestamp_requests_total", "Requests for timestamps by outcome.");
        Some(handle)
    };
    HANDLE.get_or_init(install).as_ref()
}

/// Empties the recorder's buffers now and then, also if nobody scrapes; ends with the service.
pub fn keep_tidy(app: &App) {
    let (Some(handle), shutdown) = (metrics_recorder(), app.api.shutdown.clone()) else { return };
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let mut tick = tokio::time::interval(Duration::from_secs(5));
            while shutdown.run_until_cancelled(tick.tick()).await.is_some() {
                handle.run_upkeep();
            }
        });
    }
}

/// Everything measured, with what only the moment of asking knows.
pub async fn render(app: &App) -> String {
    gauge!("sfs_log_head_position").set(app.head() as f64);
    crate::health::measure(app).await;
    metrics_recorder().map(PrometheusHandle::render).unwrap_or_default()
}

/// The statuses that routes answer with; others are counted by the slower way.
const STATUSES: [u16; 20] =
    [200, 201, 304, 400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 424, 428, 429, 500, 503, 202];

/// What is measured of one route: found once, so that a request costs no look-up.
pub struct RouteMetrics {
    route: &'static str,
    duration: OnceLock<Histogram>,
    counts: [OnceLock<Counter>; STATUSES.len()],
}

impl RouteMetrics {
    /// Of the route with that template.
    pub fn of(route: &'static str) -> Self {
        Self { route, duration: OnceLock::new(), counts: Default::default() }
    }

    /// Counts an answer.
    pub fn answered(&self, status: StatusCode, after: Duration) {
        let find = || histogram!("sfs_http_request_duration_seconds", "route" => self.route);
        self.duration.get_or_init(find).record(after.as_secs_f64());
        let count =
            || counter!("sfs_http_requests_total", "route" => self.route, "status" => status.as_u16().to_string());
        match STATUSES.iter().position(|known| *known == status.as_u16()) {
            Some(place) => self.counts[place].get_or_init(count).increment(1),
            None => count().increment(1),
        }
    }
}

/// What can become of a command, as it is counted.
const OUTCOMES: [&str; 5] = ["accepted", "replayed", "unchanged", "would_accept", "refused"];

/// Counts what became of a command.
pub fn command_done(name: &str, outcome: Option<crate::answers::OutcomeName>) {
    type Counters = [OnceLock<Counter>; OUTCOMES.len()];
    static COUNTERS: LazyLock<HashMap<&str, Counters>> =
        LazyLock::new(|| COMMANDS.iter().map(|entry| (entry.name, Counters::default())).collect());
    let place = outcome.map_or(OUTCOMES.len() - 1, |outcome| outcome as usize);
    if let Some((name, counters)) = COUNTERS.get_key_value(name) {
        let find = || counter!("sfs_commands_total", "command" => *name, "outcome" => OUTCOMES[place]);
        counters[place].get_or_init(find).increment(1);
    }
}
