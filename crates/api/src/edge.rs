//! Where every answer passes: a panic becomes a problem, a problem gets its language, an answer its
//! security headers, a request its identity, its span and its place in the metrics. One layer, so
//! that the hot path pays once.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use tower::{Layer, Service};
use tracing::Instrument;

use crate::app::Shared;
use crate::headers::REQUEST_ID;
use crate::kinds;
use crate::language::Language;
use crate::measured::RouteMetrics;
use crate::problem::Problem;

/// What a page of data may do in a browser: nothing.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// Marks an error whose body stays as it is: a list of lines, or what a probe reads.
#[derive(Debug, Clone, Copy)]
pub struct AsItIs;

/// The layer, for one route.
#[derive(Clone)]
pub struct Edge {
    app: Option<Shared>,
    metrics: Arc<RouteMetrics>,
}

impl Edge {
    /// The edge of the route with that template.
    pub fn of(app: Option<&Shared>, route: &'static str) -> Self {
        Self { app: app.cloned(), metrics: Arc::new(RouteMetrics::of(route)) }
    }
}

impl<S> Layer<S> for Edge {
    type Service = Edged<S>;

    fn layer(&self, inner: S) -> Edged<S> {
        Edged { inner, edge: self.clone() }
    }
}

/// A route with its edge.
#[derive(Clone)]
pub struct Edged<S> {
    inner: S,
    edge: Edge,
}

impl<S> Service<Request> for Edged<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let begin = Instant::now();
        let language = Language::of(request.headers());
        let id = self.edge.request_id(request.headers());
        let span = span(&request, &id);
        let metrics = Arc::clone(&self.edge.metrics);
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        let answer = async move {
            let mut response = match answer.await {
                Ok(Ok(response)) => response,
                Ok(Err(never)) => match never {},
                Err(_) => {
                    tracing::error!("a request ended in a panic");
                    Problem::new(&kinds::DEFECT).into_response()
                }
            };
            if response.status().is_client_error() || response.status().is_server_error() {
                write_problem(&mut response, language, &id);
            }
            secure(response.headers_mut(), id);
            let after = begin.elapsed();
            metrics.answered(response.status(), after);
            tracing::debug!(
                http.status = response.status().as_u16(),
                duration_us = after.as_micros() as u64,
                "answered"
            );
            Ok(response)
        };
        Box::pin(answer.instrument(span))
    }
}

impl Edge {
    /// The client's identity for the request if it is a plain one, else a new one.
    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let plain = |id: &&HeaderValue| {
            (1..=64).contains(&id.len())
                && id.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
        };
        if let Some(id) = headers.get(&REQUEST_ID).filter(plain) {
            return id.clone();
        }
        let random = self.app.as_ref().map(|app| app.api.handler.entropy().bytes()).unwrap_or_default();
        let mut text = [0; 32];
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
        for (pair, byte) in text.chunks_exact_mut(2).zip(random) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte)]);
        }
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
    }
}

fn span(request: &Request, id: &HeaderValue) -> tracing::Span {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let span = tracing::info_span!(
        "request",
        http.method = %request.method(),
        http.path = request.uri().path(),
        request.id = tracing::field::Empty,
        trace.id = tracing::field::Empty,
    );
    if !span.is_disabled() {
        span.record("request.id", text(id));
        if let Some(trace) = request.headers().get("traceparent").and_then(|value| trace_id(value.to_str().ok()?)) {
            span.record("trace.id", trace);
        }
    }
    span
}

/// The trace of a `traceparent` (W3C Trace Context, version 00).
fn trace_id(text: &str) -> Option<&str> {
    let mut parts = text.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (version == "00" && trace.len() == 32 && hex(trace)).then_some(trace)
}

/// Gives an error its body: that of its problem, or of the kind that its status stands for where
/// it comes from a layer.
fn write_problem(response: &mut Response, language: Language, id: &HeaderValue) {
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None if response.extensions().get::<AsItIs>().is_some() => return,
        None => {
            let kind = kinds::of_status(response.status());
            *response.status_mut() = kind.status;
            Problem::new(kind)
        }
    };
    if problem.status().is_server_error() {
        tracing::warn!(problem = problem.kind().name(), "a request could not be answered as asked");
        if !response.headers().contains_key(header::RETRY_AFTER) && problem.kind() != &kinds::DEFECT {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
    }
    let problem = problem.request(id.to_str().unwrap_or_default());
    problem.write(language, response);
}

/// The headers that every answer has unless it has said otherwise itself.
fn secure(headers: &mut HeaderMap, id: HeaderValue) {
    headers.insert(REQUEST_ID, id);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::StatusCode;
    use serde_json::Value;
    use tower::ServiceExt;

    use super::*;

    async fn through<F>(headers: &[(&str, &str)], answer: impl Fn() -> F + Clone + Send + 'static) -> (Response, Value)
    where
        F: Future<Output = Response> + Send + 'static,
    {
        let service = tower::service_fn(move |_: Request| {
            let answer = answer.clone();
            async move { Ok::<_, Infallible>(answer().await) }
        });
        let mut request = axum::http::Request::builder().uri("/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = Edge::of(None, "/x").layer(service).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 100_000).await.unwrap();
        (Response::from_parts(parts, Body::empty()), serde_json::from_slice(&body).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_panic_is_answered_with_a_problem() {
        let (response, told) = through(&[("x-request-id", "abc-1")], || async { panic!("seeded") }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(told["type"], "/problems/defect");
        assert_eq!(told["request_id"], "abc-1");
    }

    #[tokio::test]
    async fn an_error_of_a_layer_becomes_a_problem_in_the_asked_language() {
        let (response, told) =
            through(&[("accept-language", "en")], || async { StatusCode::REQUEST_TIMEOUT.into_response() }).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(told["title"], "The answer took too long.");
        assert_eq!(response.headers()[header::RETRY_AFTER], "1");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
    }

    #[tokio::test]
    async fn every_answer_has_an_identity_and_the_security_headers() {
        let (response, _) = through(&[("x-request-id", "bad id")], || async { "x".into_response() }).await;
        let headers = response.headers();
        assert_eq!(headers[&REQUEST_ID].len(), 32);
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], NOTHING);
    }

    #[test]
    fn a_trace_is_read_from_its_parent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(trace_id(&format!("00-{trace}-00f067aa0ba902b7-01")), Some(trace));
        for wrong in ["", "00", "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-xyz-1-01"] {
            assert_eq!(trace_id(wrong), None);
        }
    }
}
