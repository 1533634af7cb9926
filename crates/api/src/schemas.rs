//! `GET /v1/schemas`: the JSON Schema of every event type and of every command.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Value, json};
use sfs_domain::catalogue::{command_schemas, event_schemas};

use crate::answers::{json_body, json_response};
use crate::kinds;
use crate::problem::Problem;

/// A schema in the index.
#[derive(Serialize, JsonSchema)]
pub struct SchemaEntry {
    /// Stored type of an event, or name of a command.
    name: String,
    /// Address of its schema.
    href: String,
}

/// The index.
#[derive(Serialize, JsonSchema)]
pub struct SchemasAnswer {
    /// Event types with their versions.
    events: Vec<SchemaEntry>,
    /// Commands.
    commands: Vec<SchemaEntry>,
}

static EVENTS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schemas = event_schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    whole(schemas, &Value::Object(definitions), "/v1/schemas/")
});

static COMMANDS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let schemas = command_schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    whole(schemas, &Value::Object(definitions), "/v1/schemas/commands/")
});

/// The JSON Schema (2020-12) of every event type's `data`, by stored type. Each stands for itself.
pub fn events() -> &'static BTreeMap<String, Value> {
    &EVENTS
}

/// The JSON Schema (2020-12) of every command's `data`, by name. Each stands for itself.
pub fn commands() -> &'static BTreeMap<String, Value> {
    &COMMANDS
}

/// Gives each schema its dialect, its address and the definitions that it uses.
fn whole(schemas: Vec<(String, schemars::Schema)>, definitions: &Value, address: &str) -> BTreeMap<String, Value> {
    let complete = |(name, schema): (String, schemars::Schema)| {
        let mut body = schema.to_value();
        let mut used = BTreeMap::new();
        collect_used(&body, definitions, &mut used);
        if let Some(object) = body.as_object_mut() {
            object.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
            object.insert("$id".into(), json!(format!("{address}{name}.json")));
            object.insert("title".into(), json!(name));
            if !used.is_empty() {
                object.insert("$defs".into(), json!(used));
            }
        }
        (name, body)
    };
    schemas.into_iter().map(complete).collect()
}

/// Finds the definitions that a schema refers to, and those that these refer to.
fn collect_used(schema: &Value, definitions: &Value, used: &mut BTreeMap<String, Value>) {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(|target| target.strip_prefix("#/$defs/"));
            if let Some((name, definition)) = name.and_then(|name| Some((name, definitions.get(name)?)))
                && used.insert(name.to_owned(), definition.clone()).is_none()
            {
                collect_used(definition, definitions, used);
            }
            members.values().for_each(|member| collect_used(member, definitions, used));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_used(item, definitions, used)),
        _ => {}
    }
}

/// Answers the index.
pub async fn list() -> Response {
    let entries = |schemas: &BTreeMap<String, Value>, address: &str| {
        let entry = |name: &String| SchemaEntry { name: name.clone(), href: format!("{address}{name}.json") };
        schemas.keys().map(entry).collect()
    };
    cached(json_response(&SchemasAnswer {
        events: entries(events(), "/v1/schemas/"),
        commands: entries(commands(), "/v1/schemas/commands/"),
    }))
}

/// Answers the schema of an event type.
pub async fn event(Path(file): Path<String>) -> Result<Response, Problem> {
    one(events(), &file)
}

/// Answers the schema of a command.
pub async fn command(Path(file): Path<String>) -> Result<Response, Problem> {
    one(commands(), &file)
}

fn one(schemas: &BTreeMap<String, Value>, file: &str) -> Result<Response, Problem> {
    let schema = file.strip_suffix(".json").and_then(|name| schemas.get(name));
    let schema = schema.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let mut response = Response::new(json_body(schema));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/schema+json"));
    Ok(cached(response))
}

/// What changes with the program only may be kept for a while.
pub fn cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_stands_for_itself() {
        for (name, schema) in events().iter().chain(commands()) {
            let text = schema.to_string();
            for target in text.split("\"$ref\":\"#/$defs/").skip(1) {
                let target = target.split('"').next().unwrap();
                assert!(schema["$defs"].get(target).is_some(), "{name} lacks {target}");
            }
        }
        assert!(events().contains_key("school.registered.v1"));
        assert!(commands().contains_key("register-school"));
    }
}
