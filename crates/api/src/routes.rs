//! Every route, once: what the router serves and what the OpenAPI document says come from the same
//! call.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, any};
use serde_json::Value;
use sfs_ops::{KeyDigest, Ops};
use tower::ServiceBuilder;
use tower_governor::governor::GovernorConfigBuilder;
use tower_governor::key_extractor::KeyExtractor;
use tower_governor::{GovernorError, GovernorLayer};
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::{ApiSettings, RateLimit, Shared};
use crate::auth;
use crate::edge::Edge;
use crate::kinds;
use crate::openapi::{Document, Operation};
use crate::problem::Problem;

/// What lies around a handler, beside the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Around {
    /// A time limit, and nothing that costs: commands.
    Command,
    /// A time limit and compression.
    Read,
    /// Neither, since it ends when it ends: feeds and lists.
    Stream,
    /// Compression and no limit on how often: what needs no key.
    Public,
}

type Wrap = Arc<dyn Fn(MethodRouter<Shared>) -> MethodRouter<Shared>>;

/// The routes so far, with their description.
pub struct Routes<'a> {
    app: Option<&'a Shared>,
    settings: ApiSettings,
    limit: Option<Wrap>,
    router: Router<Shared>,
    /// What the OpenAPI document says so far.
    pub document: Document,
}

impl<'a> Routes<'a> {
    /// No route yet. Without an `app` only the document is of use.
    pub fn new(app: Option<&'a Shared>) -> Self {
        let settings = app.map(|app| app.api.settings.clone()).unwrap_or_default();
        let ops = app.map(|app| app.api.ops.clone());
        let limit = settings.rate_limit.zip(ops).and_then(|(limit, ops)| limiter(limit, ops));
        Self { app, settings, limit, router: Router::new(), document: Document::new() }
    }

    /// Serves the handler, and describes it.
    pub fn add(&mut self, path: &'static str, around: Around, handler: MethodRouter<Shared>, operation: Operation) {
        self.document.add(path, operation, around != Around::Public);
        self.serve(path, around, handler);
    }

    /// Serves the handler without describing it: pages and their parts.
    pub fn serve(&mut self, path: &'static str, around: Around, handler: MethodRouter<Shared>) {
        let limited = match &self.limit {
            Some(limit) if around != Around::Public => limit(handler),
            _ => handler,
        };
        let edge = ServiceBuilder::new().layer(Edge::of(self.app, path));
        let in_time = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, self.time_limit());
        let served = match around {
            Around::Command => limited.layer(edge.layer(in_time)),
            Around::Read | Around::Public => limited.layer(CompressionLayer::new()).layer(edge.layer(in_time)),
            Around::Stream => limited.layer(edge),
        };
        self.router = std::mem::take(&mut self.router).route(path, served);
    }

    fn time_limit(&self) -> Duration {
        self.settings.request_timeout
    }

    /// The router and the document.
    pub fn finish(self) -> (Router<Shared>, Value) {
        let nowhere = || async { Problem::new(&kinds::NOT_FOUND) };
        let edge = Edge::of(self.app, "(none)");
        let mut router = self.router;
        if let Some(app) = self.app {
            router = router.fallback_service(any(nowhere).layer(edge).with_state(Arc::clone(app)));
        }
        let origins: Vec<HeaderValue> =
            self.settings.cors_origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        if !origins.is_empty() {
            let methods = [Method::GET, Method::POST];
            let headers = tower_http::cors::AllowHeaders::mirror_request();
            let cors = CorsLayer::new().allow_origin(origins).allow_methods(methods).allow_headers(headers);
            router = router.layer(cors);
        }
        (router, self.document.finish())
    }
}

/// One allowance per key. All keys that open nothing share one, so that nobody can fill the memory
/// with made-up ones.
#[derive(Clone)]
struct ByKey(Ops);

impl KeyExtractor for ByKey {
    type Key = KeyDigest;

    fn extract<T>(&self, request: &axum::http::Request<T>) -> Result<KeyDigest, GovernorError> {
        let digest = auth::presented(request.headers()).and_then(Result::ok);
        Ok(digest.filter(|digest| self.0.find_key(digest).is_some()).unwrap_or(KeyDigest([0; 32])))
    }
}

fn limiter(limit: RateLimit, ops: Ops) -> Option<Wrap> {
    let period = Duration::from_secs(1).checked_div(limit.per_second)?;
    let mut builder = GovernorConfigBuilder::default().key_extractor(ByKey(ops));
    let config = builder.period(period).burst_size(limit.burst).finish()?;
    let layer = GovernorLayer::new(config).error_handler(|error| match error {
        GovernorError::TooManyRequests { wait_time, .. } => {
            Problem::new(&kinds::TOO_MANY).retry_after(u32::try_from(wait_time).unwrap_or(u32::MAX)).into_response()
        }
        GovernorError::UnableToExtractKey | GovernorError::Other { .. } => Problem::unauthorised(false).into_response(),
    });
    Some(Arc::new(move |routes| routes.layer(layer.clone())))
}
