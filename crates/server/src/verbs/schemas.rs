//! `sfs schemas`: what the outside relies on, generated from the types.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::generate::SchemaSettings;
use sfs_domain::catalogue;

use super::VerbError;
use crate::cli::{SchemasArgs, exit};
use crate::configuration::Configuration;

/// Every generated file: its path below the directory, and its text.
pub fn generate() -> Result<BTreeMap<String, String>, serde_json::Error> {
    let mut files = BTreeMap::new();
    let mut write = |path: String, value: &serde_json::Value| -> Result<(), serde_json::Error> {
        files.insert(path, serde_json::to_string_pretty(value)? + "\n");
        Ok(())
    };
    for (folder, of_events) in [("events", true), ("commands", false)] {
        let mut names = SchemaSettings::draft2020_12().into_generator();
        let all = if of_events { catalogue::event_schemas(&mut names) } else { catalogue::command_schemas(&mut names) };
        let definitions = serde_json::Value::Object(names.take_definitions(true));
        for (name, schema) in all {
            let mut schema = serde_json::to_value(schema)?;
            if let Some(object) = schema.as_object_mut() {
                object.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
                object.insert("$id".into(), format!("/v1/schemas/{name}.json").into());
                object.insert("title".into(), name.clone().into());
                let used = used_definitions(object, &definitions);
                if !used.is_empty() {
                    object.insert("$defs".into(), serde_json::Value::Object(used));
                }
            }
            write(format!("{folder}/{name}.json"), &schema)?;
        }
    }
    let configuration = schemars::schema_for!(Configuration);
    write("config.json".into(), &serde_json::to_value(configuration)?)?;
    write("openapi.json".into(), &sfs_api::openapi())?;
    Ok(files)
}

/// The definitions that a schema refers to, directly or through others.
fn used_definitions(
    schema: &serde_json::Map<String, serde_json::Value>,
    definitions: &serde_json::Value,
) -> serde_json::Map<String, serde_json::Value> {
    let mut used = serde_json::Map::new();
    let mut open = vec![serde_json::Value::Object(schema.clone())];
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(object) => {
                let named = object.get("$ref").and_then(|target| target.as_str()?.strip_prefix("#/$defs/"));
                if let Some((name, definition)) = named.and_then(|name| Some((name, definitions.get(name)?)))
                    && used.insert(name.to_owned(), definition.clone()).is_none()
                {
                    open.push(definition.clone());
                }
                open.extend(object.into_iter().map(|(_, value)| value));
            }
            serde_json::Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
    used.sort_keys();
    used
}

pub fn run(args: &SchemasArgs) -> Result<u8, VerbError> {
    let files = generate().map_err(VerbError::defect)?;
    let mut changed = Vec::new();
    for (path, text) in &files {
        let target = args.out.join(path);
        if std::fs::read_to_string(&target).is_ok_and(|stored| stored == *text) {
            continue;
        }
        changed.push(path.clone());
        if !args.check {
            write(&target, text)?;
        }
    }
    for path in &changed {
        println!("{} {path}", if args.check { "would change" } else { "wrote" });
    }
    Ok(if args.check && !changed.is_empty() { exit::FINDINGS } else { exit::OK })
}

fn write(target: &Path, text: &str) -> Result<(), VerbError> {
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder).map_err(VerbError::unusable)?;
    }
    std::fs::write(target, text).map_err(VerbError::unusable)
}
