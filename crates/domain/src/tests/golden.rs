//! One stored example of every event version, for ever: a program of tomorrow reads what one of
//! today wrote. The files are never edited; a missing one is written with `SFS_WRITE_GOLDEN=1`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::Event;
use crate::catalogue::event_types;
use crate::intervention::{self, Kind};
use crate::testing::story::world;
use crate::wire::{DecodeError, UPCASTERS, Upcaster, decode, decode_with};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

/// The files of a folder by their names without the ending.
fn stored_in(folder: PathBuf) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap()))
        .collect()
}

fn stored() -> BTreeMap<String, String> {
    stored_in(folder())
}

/// Writes what is missing, if asked to; never overwrites.
fn write_missing(folder: PathBuf, examples: &BTreeMap<String, String>) {
    if std::env::var_os("SFS_WRITE_GOLDEN").is_some() {
        for (name, data) in examples {
            let path = folder.join(format!("{name}.json"));
            if !path.exists() {
                std::fs::write(path, format!("{data}\n")).unwrap();
            }
        }
    }
}

#[test]
fn every_event_type_has_an_example() {
    // The first event of each type in the story, as it is stored.
    let mut told = BTreeMap::new();
    for recorded in world().events() {
        let encoded = recorded.event.encode().unwrap();
        told.entry(encoded.event_type).or_insert(encoded.data);
    }
    write_missing(folder(), &told);
    let stored = stored();
    for event_type in event_types() {
        assert!(stored.contains_key(event_type), "no example of {event_type}: write it with SFS_WRITE_GOLDEN=1");
    }
    for event_type in stored.keys() {
        let readable = event_types().contains(event_type) || UPCASTERS.iter().any(|up| up.from == event_type);
        assert!(readable, "{event_type} was written once and can no longer be read");
    }
}

#[test]
fn every_kind_of_work_has_an_example() {
    let folder = folder().join("work");
    let mut told = BTreeMap::new();
    for recorded in world().events() {
        if let Event::Intervention(intervention::Event::Recorded { work, .. }) = &recorded.event {
            told.insert(work.kind().code().to_owned(), recorded.event.encode().unwrap().data);
        }
    }
    write_missing(folder.clone(), &told);
    let stored = stored_in(folder);
    for kind in Kind::ALL {
        let data = stored[kind.code()].trim_end();
        let event = decode("intervention.recorded.v1", data).unwrap();
        assert!(
            matches!(&event, Event::Intervention(intervention::Event::Recorded { work, .. }) if work.kind() == *kind)
        );
        assert_eq!(event.encode().unwrap().data, data);
    }
    assert_eq!(stored.len(), Kind::ALL.len());
}

#[test]
fn every_example_is_read_and_written_again_as_it_was() {
    for (event_type, data) in stored() {
        let event = decode(&event_type, data.trim_end()).unwrap_or_else(|why| panic!("{event_type}: {why:?}"));
        let again = event.encode().unwrap();
        // A version that is no longer written comes back as its successor.
        if event_types().contains(&event_type) {
            assert_eq!(again.event_type, event_type);
            assert_eq!(again.data, data.trim_end(), "{event_type}");
        }
    }
}

#[test]
fn what_the_story_stores_is_read_as_it_was_told() {
    for recorded in world().events() {
        let encoded = recorded.event.encode().unwrap();
        let value: Value = serde_json::from_str(&encoded.data).unwrap();
        assert!(value.is_object());
        assert_eq!(decode(&encoded.event_type, &encoded.data).unwrap(), recorded.event);
    }
}

#[test]
fn an_unknown_type_is_told_apart_from_an_unreadable_body() {
    for unknown in ["school.exploded.v1", "school.registered.v9", "weather.changed.v1", "", "school"] {
        assert!(matches!(decode(unknown, "{}"), Err(DecodeError::UnknownType(t)) if t == unknown), "{unknown}");
    }
    for body in
        ["{}", "[]", "null", r#"{"into":"S2","more":1}"#, r#"{"into":"S2"} {}"#, r#"{"into":"no/slash"}"#, r#"["S2"]"#]
    {
        assert!(matches!(decode("school.merged.v1", body), Err(DecodeError::Body { .. })), "{body}");
    }
    assert!(decode("school.merged.v1", r#"{"into":"S2"}"#).is_ok());
}

#[test]
fn an_older_version_comes_in_through_its_conversions_one_after_another() {
    fn name(mut value: Value) -> Value {
        value["into"] = value["target"].take();
        value.as_object_mut().unwrap().remove("target");
        value
    }
    fn prefix(mut value: Value) -> Value {
        value["into"] = json!(format!("ST-{}", value["into"].as_str().unwrap()));
        value
    }
    let upcasters = [
        Upcaster { from: "school.merged.v-1", to: "school.merged.v0", convert: name },
        Upcaster { from: "school.merged.v0", to: "school.merged.v1", convert: prefix },
    ];
    let expected = decode("school.merged.v1", r#"{"into":"ST-2"}"#).unwrap();
    assert_eq!(decode_with(&upcasters, "school.merged.v-1", r#"{"target":"2"}"#).unwrap(), expected);
    assert_eq!(decode_with(&upcasters, "school.merged.v0", r#"{"into":"2"}"#).unwrap(), expected);
    assert_eq!(decode_with(&upcasters, "school.merged.v1", r#"{"into":"ST-2"}"#).unwrap(), expected);
    assert!(matches!(decode_with(&upcasters, "school.merged.v0", "not json"), Err(DecodeError::Body { .. })));
}
