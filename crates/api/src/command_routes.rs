//! The routes of the commands, with their description: one for each line of the catalogue.

use std::sync::OnceLock;

use axum::extract::{Request, State};
use axum::routing::{get, post};
use schemars::JsonSchema;
use serde_json::{Value, json};
use sfs_domain::catalogue::{CommandEntry, Precondition, command_schemas, routed};
use sfs_domain::personal::PersonalBody;
use sfs_domain::{Digest, Reason};

use crate::answers::CommandAnswer;
use crate::app::Shared;
use crate::bulk::NDJSON;
use crate::kinds;
use crate::openapi::{JSON, Operation, Parameter, camel_case};
use crate::routes::{Around, Routes};
use crate::{bulk, catalogue, command_status, commands};

/// What a command says beside its own fields, for the document.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "its fields are read by the schema derive only")]
struct Envelope {
    /// Business date (Europe/Berlin); today if it is not said.
    occurred_on: Option<sfs_domain::BusinessDate>,
    /// Why, from the closed list.
    reason: Option<Reason>,
    /// Digests of documents that prove it.
    #[serde(default)]
    evidence: Vec<Digest>,
}

/// Adds the route of every command, the lists of commands and their status.
pub fn add(routes: &mut Routes<'_>) {
    let bodies: Vec<(String, schemars::Schema)> = command_schemas(&mut routes.document.schemas);
    let answer = routes.document.schema::<CommandAnswer<'static>>();
    let envelope = routes.document.schemas.root_schema_for::<Envelope>().to_value();
    let personal = routes.document.schemas.root_schema_for::<PersonalBody>().to_value();
    for entry in routed() {
        let data = bodies.iter().find(|(name, _)| name == entry.name).map(|(_, schema)| schema.clone().to_value());
        let mut body = json!({
            "type": "object",
            "properties": envelope["properties"].clone(),
            "required": ["data"],
            "additionalProperties": false,
        });
        body["properties"]["data"] = data.unwrap_or_default();
        if !entry.takes.is_empty() {
            add_personal(&mut body, entry, &personal);
        }
        let handler = post(move |state: State<Shared>, request: Request| commands::post(state, entry, request));
        routes.add(path_of(entry), Around::Command, handler, command_operation(entry, body, &answer));
    }
    let line = json!({"type": "string", "description": "A JSON object per line."});
    let operation = Operation::post("sendCommands", "commands", "Many commands, a line each")
        .about(
            "Each line is `{\"command\": \"<name>\", \"idempotency_key\"?, \"if_match\"?, \"if_none_match\"?, \
             \"occurred_on\"?, \"reason\"?, \"evidence\"?, \"personal\"?, \"data\": {…}}` and is answered by one line \
             `{\"line\", \"status\", …}` in the same order: the members of a command's answer, or `problem`. \
             `mode=each` does every command for itself, streams, and takes up to 100,000 lines (read while you \
             send more than 32,000); `mode=all` does all or none of up to 1,000 lines, and then the status is \
             that of the line that was in the way. A request's `Idempotency-Key` gives every line one of its own.",
        )
        .parameters([
            Parameter::query(
                "mode",
                json!({"enum": ["each", "all"], "default": "each"}),
                "Each for itself, or all or none.",
            ),
            dry_run(),
            idempotency_key(),
        ])
        .body(NDJSON, line.clone())
        .answer(200, "A line for each command, in order.", vec![(NDJSON, line.clone())])
        .answer(400, "mode=all: nothing was done.", vec![(NDJSON, line.clone())])
        .answer(409, "mode=all: nothing was done.", vec![(NDJSON, line.clone())])
        .answer(412, "mode=all: nothing was done.", vec![(NDJSON, line.clone())])
        .answer(422, "mode=all: nothing was done.", vec![(NDJSON, line)])
        .problems([
            &kinds::MALFORMED,
            &kinds::PARAMETER,
            &kinds::FORBIDDEN,
            &kinds::NOT_FOUND,
            &kinds::RULE,
            &kinds::TOO_LARGE,
            &kinds::MEDIA_TYPE,
            &kinds::INVALID,
            &kinds::STALE,
            &kinds::VERSION_MISSING,
            &kinds::OVERLOADED,
        ]);
    routes.add("/v1/commands:bulk", Around::Stream, post(bulk::post), operation);
    let id = Parameter::path("id", json!({"type": "string", "format": "uuid"}), "The command's id.");
    let operation = Operation::get("getCommand", "commands", "What became of a command")
        .about("To whoever sent it, to auditors and administrators. A refused command leaves no trace.")
        .parameters([id])
        .answer(200, "The command was accepted.", vec![(JSON, answer)])
        .problems([&kinds::NOT_FOUND, &kinds::METHOD]);
    routes.add("/v1/commands/{id}", Around::Read, get(command_status::get), operation);
}

/// Adds what a command takes of personal records.
fn add_personal(body: &mut Value, entry: &CommandEntry, all: &Value) {
    let mut properties = serde_json::Map::new();
    let mut required = Vec::new();
    for takes in entry.takes {
        let name = takes.kind.name();
        let mut record = all["properties"][name].clone();
        if let Some(alternatives) = record["anyOf"].as_array() {
            record = alternatives.iter().find(|one| one["type"] != "null").cloned().unwrap_or_default();
        }
        properties.insert(name.to_owned(), record);
        if takes.required {
            required.push(name);
        }
    }
    body["properties"]["personal"] = json!({
        "type": "object",
        "description": "What is said of a person: sealed under the person's key before it is stored.",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        body["required"] = json!(["data", "personal"]);
    }
}

/// The path of a command's route; made once per program.
fn path_of(entry: &'static CommandEntry) -> &'static str {
    static PATHS: OnceLock<Vec<String>> = OnceLock::new();
    let paths = PATHS.get_or_init(|| routed().map(|entry| format!("/v1/commands/{}", entry.name)).collect());
    let place = routed().position(|other| other.name == entry.name);
    place.and_then(|place| paths.get(place)).map_or("/v1/commands", String::as_str)
}

fn dry_run() -> Parameter {
    Parameter::query(
        "dry_run",
        json!({"type": "boolean", "default": false}),
        "Everything but the append: says what would happen.",
    )
}

fn idempotency_key() -> Parameter {
    let schema = json!({"type": "string", "pattern": "^[!-~]{1,200}$"});
    Parameter::header(
        "Idempotency-Key",
        schema,
        "Sending the same again under the same key does it once. Kept for 30 days.",
    )
}

fn command_operation(entry: &'static CommandEntry, body: Value, answer: &Value) -> Operation {
    let uuid = || json!({"type": "string", "format": "uuid"});
    let version = json!({"type": "string", "pattern": "^\"v(0|[1-9][0-9]{0,17})\"$", "examples": ["\"v1\""]});
    let mut operation = Operation::post(camel_case(entry.name), "commands", format!("{} ({})", entry.en, entry.de))
        .parameters([
            dry_run(),
            idempotency_key(),
            Parameter::header("If-Match", version, "The version that you have seen, as the `ETag` of a read tells it."),
            Parameter::header("If-None-Match", json!({"const": "*"}), "Only if there is no such thing yet."),
            Parameter::header("Correlation-Id", uuid(), "What it belongs to."),
            Parameter::header("Causation-Id", uuid(), "The event that caused it."),
        ])
        .body(JSON, body)
        .answer(201, "It is done.", vec![(JSON, answer.clone())])
        .answer_header("ETag", "The stream's version after it.")
        .answer_header("Location", "What it was about, or the command's status.")
        .answer_header("Consistency-Token", "To be sent with a read that must show it.")
        .answer(
            200,
            "It had been done before, there was nothing to do, or it was a dry run.",
            vec![(JSON, answer.clone())],
        )
        .answer_header("ETag", "The stream's version.")
        .answer_header("Idempotency-Replayed", "`true` if it had been done before under this key.")
        .problems([
            &kinds::MALFORMED,
            &kinds::PARAMETER,
            &kinds::FORBIDDEN,
            &kinds::NOT_FOUND,
            &kinds::RULE,
            &kinds::KEY_EXPIRED,
            &kinds::STALE,
            &kinds::TOO_LARGE,
            &kinds::MEDIA_TYPE,
            &kinds::INVALID,
            &kinds::KEY_REUSED,
            &kinds::NOT_RECORDABLE,
            &kinds::OVERLOADED,
            &kinds::CONTENDED,
            &kinds::OUTCOME_UNKNOWN,
            &kinds::SHUTTING_DOWN,
        ])
        .more("x-roles", json!(entry.roles))
        .more("x-precondition", json!(catalogue::precondition(entry.precondition)))
        .more("x-rules", entry.category.refusals().iter().map(rule).collect::<Vec<_>>().into());
    if entry.precondition == Precondition::Version {
        operation = operation.problems([&kinds::VERSION_MISSING]);
    }
    operation
}

fn rule(rule: &sfs_domain::Refused) -> Value {
    json!({"rule": rule.rule, "pointer": rule.pointer, "de": rule.de, "en": rule.en})
}
