//! The table of routes.

use std::sync::LazyLock;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use sfs_feed::CloudEvent;

use crate::app::{Api, App, Shared};
use crate::bulk::NDJSON;
use crate::catalogue::{self, CatalogueAnswer};
use crate::checkpoints::{self, TIMESTAMP};
use crate::events::{BATCH, SSE};
use crate::health::{self, Health, Projections};
use crate::journal::{self, JournalAnswer};
use crate::kinds;
use crate::openapi::{JSON, Operation, Parameter};
use crate::pages::{self, KindAnswer};
use crate::persons::{self, PersonAnswer};
use crate::principals::{self, PrincipalAnswer, PrincipalsAnswer};
use crate::proofs::{self, ConsistencyAnswer, InclusionAnswer};
use crate::routes::{Around, Routes};
use crate::schemas::{self, SchemasAnswer, cached};
use crate::{events, feed_params, measured};

/// Everything that is served to the outside.
pub fn router(api: Api) -> Router {
    measured::metrics_recorder();
    let app = App::new(api);
    measured::keep_tidy(&app);
    outside(Some(&app)).0.with_state(app)
}

/// What only the installation itself asks: no key, so it must listen where nobody else reaches it.
pub fn admin_router(api: Api) -> Router {
    measured::metrics_recorder();
    let app = App::new(api);
    let mut routes = Routes::new(Some(&app));
    health_routes(&mut routes);
    routes.serve("/metrics", Around::Public, get(health::metrics_without_key));
    routes.serve("/admin/v1/projections", Around::Public, get(health::projections));
    routes.serve("/admin/v1/rebuild", Around::Public, post(health::rebuild));
    routes.finish().0.with_state(app)
}

/// The OpenAPI 3.1 document of [`router`].
pub fn openapi() -> Value {
    outside(None).1
}

/// `GET /openapi.json`.
async fn document() -> Response {
    static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| openapi().to_string().into());
    let mut response = Response::new(Body::from(DOCUMENT.clone()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(JSON));
    cached(response)
}

fn outside(app: Option<&Shared>) -> (Router<Shared>, Value) {
    let mut routes = Routes::new(app);
    crate::command_routes::add(&mut routes);
    crate::read_routes::add(&mut routes);
    event_routes(&mut routes);
    proof_routes(&mut routes);
    principal_routes(&mut routes);
    describing_routes(&mut routes);
    health_routes(&mut routes);
    operation_routes(&mut routes);
    routes.finish()
}

fn event_routes(routes: &mut Routes<'_>) {
    let event = routes.document.schema::<CloudEvent<'static>>();
    let page = json!({"type": "array", "items": event});
    let position = || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    let lines = || json!({"type": "string", "description": "A CloudEvent per line."});
    let mut parameters = feed_params::described();
    let limit = || {
        Parameter::query(
            "limit",
            json!({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}),
            "Events in a page, at most.",
        )
    };
    parameters.extend([
        Parameter::query("after", position(), "Events after this position."),
        limit(),
        Parameter::query(
            "follow",
            json!({"type": "boolean", "default": false}),
            "NDJSON: goes on at the end of the log.",
        ),
        Parameter::header(
            "Last-Event-ID",
            json!({"type": "string", "pattern": "^([0-9]{1,18})?$"}),
            "Events after this position; counts more than `after`.",
        ),
        Parameter::header(
            "Prefer",
            json!({"type": "string", "examples": ["wait=20"]}),
            "A page: `wait=20` waits for the first event.",
        ),
    ]);
    let operation = Operation::get("readEvents", "events", "The event feed")
        .about(
            "Every event in one total order, without gaps, at least once, free of personal data. By `Accept` as \
             `text/event-stream` (`id` is the position; `event: caught-up` at the end of the log; a comment every 15 s), \
             as `application/x-ndjson`, or as a page `application/cloudevents-batch+json`. The same filter, order and \
             rule of resuming in all three: go on after the last position that you have seen.",
        )
        .parameters(parameters)
        .answer(200, "Events, oldest first.", vec![(BATCH, page), (SSE, lines()), (NDJSON, lines())])
        .answer_header("Link", "`rel=\"next\"`: the next page.")
        .answer_header("Read-Position", "Everything up to here was looked at.")
        .problems([&kinds::PARAMETER, &kinds::FORBIDDEN, &kinds::NOT_ACCEPTABLE]);
    routes.add("/v1/events", Around::Stream, get(events::get), operation);

    let answer = routes.document.schema::<JournalAnswer<'static>>();
    let day = || json!({"type": "string", "format": "date"});
    let mut parameters = feed_params::described();
    parameters.extend([
        Parameter::query("from", day(), "First day (Europe/Berlin) on which the log learned it."),
        Parameter::query("to", day(), "First day after that time: excluded."),
        limit(),
        cursor(),
    ]);
    let operation = Operation::get("readJournal", "events", "What happened, newest first")
        .parameters(parameters)
        .answer(200, "A page of events, newest first.", vec![(JSON, answer)])
        .answer_header("Link", "`rel=\"next\"`: the next page.")
        .problems([&kinds::PARAMETER, &kinds::FORBIDDEN]);
    routes.add("/v1/journal", Around::Read, get(journal::get), operation);
}

fn proof_routes(routes: &mut Routes<'_>) {
    let number = || json!({"type": "integer", "minimum": 0, "maximum": i64::MAX});
    let answer = routes.document.schema::<InclusionAnswer<'static>>();
    let position = json!({"type": "integer", "minimum": 1, "maximum": i64::MAX});
    let operation = Operation::get("proveInclusion", "proofs", "That an event is in the log")
        .about(
            "The path from the event's leaf to the root of the tree (RFC 9162 §2.1.3): whoever has the root from somebody \
             else needs nothing of us to check it.",
        )
        .parameters([
            Parameter::query("position", position, "Position of the event.").required(),
            Parameter::query("size", number(), "Size of the tree; as large as the log, unless stated."),
        ])
        .answer(200, "Leaf hash, root and path.", vec![(JSON, answer)])
        .problems([&kinds::PARAMETER, &kinds::NOT_FOUND, &kinds::PROOFS_NOT_READY]);
    routes.add("/v1/proofs/inclusion", Around::Read, get(proofs::inclusion), operation);
    let position = json!({"type": "integer", "minimum": 1, "maximum": i64::MAX});
    let operation = Operation::get("getReceipt", "proofs", "The receipt of an event, as a file that stands alone")
        .about(
            "What the leaf hash in a command's answer becomes once a signed checkpoint covers it: the path and the \
             checkpoint with all its signatures (C2SP tlog-proof). Keep it: it proves the event to anybody who knows the \
             keys, without us.",
        )
        .parameters([Parameter::query("position", position, "Position of the event.").required()])
        .answer(200, "The proof.", vec![("text/plain", json!({"type": "string"}))])
        .problems([&kinds::PARAMETER, &kinds::NOT_FOUND, &kinds::PROOFS_NOT_READY]);
    routes.add("/v1/proofs/receipt", Around::Read, get(proofs::receipt), operation);
    let answer = routes.document.schema::<ConsistencyAnswer<'static>>();
    let operation = Operation::get("proveConsistency", "proofs", "That the log has only grown")
        .about("That the later tree begins with the earlier one, leaf by leaf (RFC 9162 §2.1.4).")
        .parameters([
            Parameter::query("from", number(), "Size of the earlier tree.").required(),
            Parameter::query("to", number(), "Size of the later tree; as large as the log, unless stated."),
        ])
        .answer(200, "Both roots and the proof.", vec![(JSON, answer)])
        .problems([&kinds::PARAMETER, &kinds::NOT_FOUND, &kinds::PROOFS_NOT_READY]);
    routes.add("/v1/proofs/consistency", Around::Read, get(proofs::consistency), operation);
    let operation = Operation::get("getCheckpoint", "proofs", "The last signed checkpoint")
        .about(
            "Name, size and root of the log as a signed note (C2SP tlog-checkpoint), signed by a signer that signs no \
             fork; where witnesses are asked, the last one that has their quorum.",
        )
        .answer(200, "The note.", vec![("text/plain", json!({"type": "string"}))])
        .problems([&kinds::NOT_FOUND]);
    routes.add("/checkpoint", Around::Public, get(checkpoints::last), operation);
    let size = || Parameter::path("size", number(), "Size of the tree.");
    let operation = Operation::get("getKeptCheckpoint", "proofs", "A checkpoint that others have vouched for")
        .about("The signed note with the cosignatures of witnesses, as it was kept. Not every size has one.")
        .parameters([size()])
        .answer(200, "The note.", vec![("text/plain", json!({"type": "string"}))])
        .problems([&kinds::NOT_FOUND]);
    routes.add("/v1/checkpoints/{size}", Around::Public, get(checkpoints::kept), operation);
    let operation = Operation::get("getTimestamp", "proofs", "The timestamp of a checkpoint")
        .about(
            "The reply of a timestamp authority (RFC 3161) for the bytes of the note; `openssl ts -verify` checks it.",
        )
        .parameters([size()])
        .answer(200, "The reply, in DER.", vec![(TIMESTAMP, json!({"type": "string", "format": "binary"}))])
        .problems([&kinds::NOT_FOUND]);
    routes.add("/v1/checkpoints/{size}/timestamp", Around::Public, get(checkpoints::timestamp), operation);
    // The paths of C2SP tlog-tiles have slashes in them, for which OpenAPI has no word.
    routes.serve("/tile/{*rest}", Around::Public, get(proofs::tile));
}

/// The cursor of a list.
pub fn cursor() -> Parameter {
    Parameter::query(
        "cursor",
        json!({"type": "string", "maxLength": 1_000}),
        "Where the page before has said that the next begins.",
    )
}

fn principal_routes(routes: &mut Routes<'_>) {
    let answer = routes.document.schema::<PrincipalsAnswer>();
    let limit = Parameter::query(
        "limit",
        json!({"type": "integer", "minimum": 1, "maximum": 1_000}),
        "Principals in a page, at most.",
    );
    let operation = Operation::get("listPrincipals", "access", "Who may act, with roles and keys")
        .parameters([limit, cursor()])
        .answer(200, "A page of principals.", vec![(JSON, answer)])
        .answer_header("Link", "`rel=\"next\"`: the next page.")
        .problems([&kinds::PARAMETER, &kinds::FORBIDDEN]);
    routes.add("/v1/principals", Around::Read, get(principals::list), operation);
    let answer = routes.document.schema::<PrincipalAnswer>();
    let id = Parameter::path("id", json!({"type": "string", "format": "uuid"}), "The pseudonym.");
    let operation = Operation::get("getPrincipal", "access", "A principal with roles and keys")
        .parameters([id])
        .answer(200, "The principal.", vec![(JSON, answer)])
        .answer_header("ETag", "Its version, for `If-Match`.")
        .problems([&kinds::FORBIDDEN, &kinds::NOT_FOUND]);
    routes.add("/v1/principals/{id}", Around::Read, get(principals::get), operation);
    let answer = routes.document.schema::<PersonAnswer>();
    let id = Parameter::path("id", json!({"type": "string", "format": "uuid"}), "The person's pseudonym.");
    let operation = Operation::get("getPerson", "access", "What is known of a pseudonym beside who it is")
        .about("Kind, locks, holds, requests for erasure and what they came to. To whoever may see persons, within their scope.")
        .parameters([id])
        .answer(200, "The person.", vec![(JSON, answer)])
        .answer_header("ETag", "The stream's version.")
        .problems([&kinds::FORBIDDEN, &kinds::NOT_FOUND, &kinds::METHOD]);
    routes.add("/v1/persons/{id}", Around::Read, get(persons::get), operation);
}

fn describing_routes(routes: &mut Routes<'_>) {
    let public = Around::Public;
    let index = routes.document.schema::<SchemasAnswer>();
    let operation = Operation::get("listSchemas", "descriptions", "Index of the JSON Schemas").answer(
        200,
        "Addresses of all schemas.",
        vec![(JSON, index)],
    );
    routes.add("/v1/schemas", public, get(schemas::list), operation);
    let file =
        |example: &str| Parameter::path("file", json!({"type": "string", "examples": [example]}), "Name and `.json`.");
    let schema = || vec![("application/schema+json", json!({"type": "object"}))];
    let operation = Operation::get("getEventSchema", "descriptions", "JSON Schema of an event type")
        .parameters([file("school.registered.v1.json")])
        .answer(200, "The schema (2020-12).", schema())
        .problems([&kinds::NOT_FOUND]);
    routes.add("/v1/schemas/{file}", public, get(schemas::event), operation);
    let operation = Operation::get("getCommandSchema", "descriptions", "JSON Schema of a command's fields")
        .parameters([file("register-school.json")])
        .answer(200, "The schema (2020-12).", schema())
        .problems([&kinds::NOT_FOUND]);
    routes.add("/v1/schemas/commands/{file}", public, get(schemas::command), operation);
    let table = routes.document.schema::<CatalogueAnswer>();
    let operation = Operation::get("getCatalogue", "descriptions", "Which role may do and see what").answer(
        200,
        "Roles, commands, views.",
        vec![(JSON, table)],
    );
    routes.add("/v1/catalogue", public, get(catalogue::get), operation);
    let kind = routes.document.schema::<KindAnswer>();
    let operation = Operation::get("listProblems", "descriptions", "Every kind of problem")
        .answer(
            200,
            "The kinds.",
            vec![(JSON, json!({"type": "array", "items": kind})), ("text/html", json!({"type": "string"}))],
        )
        .problems([&kinds::NOT_ACCEPTABLE]);
    routes.add("/problems", public, get(pages::problems), operation);
    let name = Parameter::path(
        "kind",
        json!({"enum": kinds::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>()}),
        "Last part of a problem's `type`.",
    );
    let operation = Operation::get("getProblem", "descriptions", "What a problem means and what to do")
        .parameters([name])
        .answer(200, "The kind.", vec![(JSON, kind), ("text/html", json!({"type": "string"}))])
        .problems([&kinds::NOT_FOUND, &kinds::NOT_ACCEPTABLE]);
    routes.add("/problems/{kind}", public, get(pages::problem), operation);
    routes.serve("/openapi.json", public, get(document));
    routes.serve("/", public, get(pages::landing));
    routes.serve("/docs", public, get(pages::docs));
    routes.serve("/pruefung", public, get(pages::audit_german));
    routes.serve("/en/audit", public, get(pages::audit_english));
    routes.serve("/assets/docs.js", public, get(pages::script));
    routes.serve("/assets/audit.js", public, get(pages::audit_script));
    routes.serve("/assets/bundle.js", public, get(pages::bundle_script));
    routes.serve("/assets/style.css", public, get(pages::style));
}

fn health_routes(routes: &mut Routes<'_>) {
    let health = routes.document.schema::<Health>();
    let operation = Operation::get("isAlive", "operations", "Whether the process lives").answer(
        200,
        "It does.",
        vec![(JSON, health.clone())],
    );
    routes.add("/healthz", Around::Public, get(health::live), operation);
    let operation =
        Operation::get("isReady", "operations", "Whether it is ready to answer, and how far the read models are")
            .answer(200, "It is.", vec![(JSON, health.clone())])
            .answer(503, "It is not; `reasons` says why.", vec![(JSON, health)]);
    routes.add("/readyz", Around::Public, get(health::ready), operation);
}

fn operation_routes(routes: &mut Routes<'_>) {
    let operation = Operation::get("getMetrics", "operations", "Prometheus metrics")
        .about("With the key of an administrator or auditor.")
        .answer(200, "The metrics.", vec![("text/plain", json!({"type": "string"}))])
        .problems([&kinds::FORBIDDEN]);
    routes.add("/metrics", Around::Read, get(health::metrics_with_key), operation);
    let projections = routes.document.schema::<Projections>();
    let operation = Operation::get("getProjections", "operations", "How the read models are")
        .answer(200, "Position, lag, rebuild.", vec![(JSON, projections.clone())])
        .problems([&kinds::FORBIDDEN]);
    routes.add("/admin/v1/projections", Around::Read, get(health::projections_with_key), operation);
    routes.add("/admin/v1/rebuild", Around::Read, post(health::rebuild_with_key), rebuild_operation(projections));
}

fn rebuild_operation(projections: Value) -> Operation {
    Operation::post("rebuild", "operations", "Builds the read models anew beside the old ones, which go on serving")
        .answer(202, "It has begun.", vec![(JSON, projections)])
        .problems([&kinds::FORBIDDEN, &kinds::REBUILDING])
}
