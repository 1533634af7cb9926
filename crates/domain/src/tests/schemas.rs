//! No open text: what is a string in a schema is a closed code, a formatted value or one of few
//! named identities.

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::catalogue::{command_schemas, event_schemas};

/// The strings that are open, each with a pattern. Adding one is a decision about personal data.
const OPEN_STRINGS: &[&str] =
    &["Ags", "Cci", "Digest", "Label", "Name", "OrganisationId", "Postcode", "SchoolId", "SchoolYear", "VerifierKey"];

/// Paths of strings that are neither closed nor formatted.
fn open_strings(path: &str, schema: &Value, found: &mut Vec<String>) {
    if schema
        .get("type")
        .is_some_and(|kind| kind == "string" || kind.as_array().is_some_and(|kinds| kinds.contains(&"string".into())))
    {
        let closed = ["enum", "const", "format"].iter().any(|key| schema.get(key).is_some());
        if !closed {
            found.push(path.to_owned());
        }
    }
    match schema {
        Value::Object(fields) => {
            for (name, inner) in fields {
                open_strings(&format!("{path}/{name}"), inner, found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                open_strings(&format!("{path}/{n}"), inner, found);
            }
        }
        _ => {}
    }
}

#[test]
fn no_command_and_no_event_has_an_open_string() {
    let mut generator = SchemaGenerator::default();
    let mut schemas = command_schemas(&mut generator);
    schemas.extend(event_schemas(&mut generator));
    let mut found = Vec::new();
    for (name, schema) in &schemas {
        open_strings(name, schema.as_value(), &mut found);
    }
    for (name, schema) in generator.take_definitions(true) {
        let mut inside = Vec::new();
        open_strings(&name, &schema, &mut inside);
        if OPEN_STRINGS.contains(&name.as_str()) {
            assert_eq!(inside, std::slice::from_ref(&name), "an identity is one string");
            assert!(schema.get("pattern").is_some(), "{name} has no pattern");
        } else {
            found.extend(inside);
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn an_open_string_would_be_found() {
    let mut found = Vec::new();
    let schema = serde_json::json!({"properties": {"note": {"type": ["string", "null"]}, "on": {"type": "string", "format": "date"}}});
    open_strings("x", &schema, &mut found);
    assert_eq!(found, ["x/properties/note"]);
}

#[test]
fn no_schema_takes_unknown_fields() {
    let mut generator = SchemaGenerator::default();
    let mut schemas = command_schemas(&mut generator);
    schemas.extend(event_schemas(&mut generator));
    for (name, schema) in &schemas {
        assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{name}");
        assert_eq!(schema.get("type"), Some(&Value::from("object")), "{name}");
    }
    for (name, schema) in generator.take_definitions(true) {
        if schema.get("properties").is_some() {
            assert_eq!(schema.get("additionalProperties"), Some(&Value::Bool(false)), "{name}");
        }
    }
}
