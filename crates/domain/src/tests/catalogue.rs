//! The table of commands, the names of events and the numbers of rules agree with the types.

use std::collections::{BTreeMap, BTreeSet};

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::catalogue::{COMMANDS, Precondition, command_entry, command_schemas, event_types};
use crate::testing::story::{story, world};
use crate::wire::Named;
use crate::{Category, Command};

fn story_events() -> BTreeSet<String> {
    world().events().iter().map(|recorded| recorded.event.encode().unwrap().event_type).collect()
}

#[test]
fn the_table_and_the_types_know_the_same_commands() {
    let table: BTreeSet<_> = COMMANDS.iter().map(|entry| entry.name.to_owned()).collect();
    let types: BTreeSet<_> =
        command_schemas(&mut SchemaGenerator::default()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(table.len(), COMMANDS.len(), "a command stands in the table twice");
    assert_eq!(table, types);
}

#[test]
fn every_command_stands_in_the_table_under_its_own_aggregate() {
    for told in story() {
        let command = told.command();
        let entry = command_entry(told.name).unwrap();
        assert_eq!(command.category(), entry.category, "{}", told.name);
        assert_eq!(command.encode().unwrap().event_type, told.name);
    }
}

#[test]
fn what_the_table_says_may_be_opened_is_opened_by_the_command_and_nothing_else() {
    let mut seen = BTreeSet::new();
    for told in story() {
        let entry = command_entry(told.name).unwrap();
        assert_eq!(!entry.opens.is_empty(), told.command().opens().is_some(), "{}", told.name);
        seen.insert(told.name);
    }
    assert!(COMMANDS.iter().all(|entry| seen.contains(entry.name)));
}

#[test]
fn every_command_has_titles_and_roles() {
    for entry in COMMANDS {
        assert!(!entry.de.is_empty() && !entry.en.is_empty() && !entry.roles.is_empty(), "{}", entry.name);
    }
    let titles: BTreeSet<_> = COMMANDS.iter().map(|entry| entry.en).collect();
    assert_eq!(titles.len(), COMMANDS.len());
}

#[test]
fn the_story_uses_every_command_and_every_event() {
    let told: BTreeSet<_> = story().iter().map(|told| told.name).collect();
    assert_eq!(told, COMMANDS.iter().map(|entry| entry.name).collect());
    assert_eq!(story_events(), event_types().clone());
}

#[test]
fn every_command_of_the_story_is_one_event() {
    assert_eq!(world().events().len(), story().len());
}

#[test]
fn a_command_that_creates_begins_its_stream() {
    let mut world = crate::testing::world::World::default();
    for told in story() {
        let before: BTreeSet<_> = world.streams().map(|(id, _)| id.clone()).collect();
        let known = world.events().len();
        world.hear(&told).unwrap();
        let stream = world.events()[known].stream.clone();
        let precondition = command_entry(told.name).unwrap().precondition;
        match precondition {
            Precondition::Creates => assert!(!before.contains(&stream), "{}", told.name),
            Precondition::Version => assert!(before.contains(&stream), "{}", told.name),
            Precondition::None => {}
        }
    }
}

/// `[a-z-]+`.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
}

#[test]
fn event_types_are_category_fact_and_version() {
    for event_type in event_types() {
        let parts: Vec<_> = event_type.split('.').collect();
        let [category, fact, version] = parts[..] else { panic!("{event_type}") };
        assert!(is_word(category) && is_word(fact), "{event_type}");
        assert!(version.strip_prefix('v').is_some_and(|n| n.parse::<u32>().is_ok()), "{event_type}");
        assert!(Category::from_name(category).is_some(), "{event_type}");
    }
}

#[test]
fn an_event_lies_in_a_stream_of_its_category() {
    for recorded in world().events() {
        let encoded = recorded.event.encode().unwrap();
        let category = recorded.event.category().name();
        assert!(encoded.event_type.starts_with(&format!("{category}.")), "{}", encoded.event_type);
        assert_eq!(recorded.stream.category(), category);
    }
}

#[test]
fn rule_numbers_are_unique_and_begin_with_one_prefix_per_aggregate() {
    let mut rules = BTreeSet::new();
    let mut prefixes = BTreeMap::new();
    for category in Category::ALL {
        for refused in category.refusals() {
            assert!(rules.insert(refused.rule), "{} twice", refused.rule);
            let (prefix, number) = refused.rule.split_once('-').unwrap();
            assert!(prefix.len() == 3 && number.len() == 2 && number.parse::<u32>().is_ok(), "{}", refused.rule);
            assert_eq!(*prefixes.entry(prefix).or_insert(*category), *category, "{}", refused.rule);
            assert!(refused.de.ends_with('.') && refused.en.ends_with('.'), "{}", refused.rule);
            assert_ne!(refused.de, refused.en, "{}", refused.rule);
        }
    }
    assert_eq!(prefixes.len(), Category::ALL.len());
}

/// Whether the schema has a property at that path (`/grant/scope`).
fn has_path(schema: &Value, definitions: &serde_json::Map<String, Value>, path: &str) -> bool {
    let schema = match schema.get("$ref").and_then(Value::as_str) {
        Some(reference) => &definitions[reference.rsplit('/').next().unwrap()],
        None => schema,
    };
    let Some(path) = path.strip_prefix('/') else { return path.is_empty() };
    let (field, rest) = path.find('/').map_or((path, ""), |at| path.split_at(at));
    schema.pointer(&format!("/properties/{field}")).is_some_and(|inner| has_path(inner, definitions, rest))
}

#[test]
fn a_refusal_points_to_a_field_that_a_command_of_its_aggregate_has() {
    let mut generator = SchemaGenerator::default();
    let schemas = command_schemas(&mut generator);
    let definitions = generator.take_definitions(true);
    for category in Category::ALL {
        for refused in category.refusals() {
            let Some(path) = refused.pointer.strip_prefix("/data") else {
                assert!(["/occurred_on", "/reason", "/evidence", ""].contains(&refused.pointer), "{refused:?}");
                continue;
            };
            let found = schemas.iter().any(|(name, schema)| {
                command_entry(name).unwrap().category == *category && has_path(schema.as_value(), &definitions, path)
            });
            assert!(found, "{} points to {}", refused.rule, refused.pointer);
        }
    }
}

/// Each aggregate's refusals by the name of their variants, with the file that must test them.
fn refusals_and_files() -> Vec<(Vec<String>, &'static str)> {
    macro_rules! of {
        ($($module:ident),+) => { vec![$((
            crate::$module::Refusal::ALL.iter().map(|refusal| format!("{refusal:?}")).collect(),
            include_str!(concat!("../", stringify!($module), ".rs")),
        )),+] };
    }
    let mut all = of!(child_protection, log, school, network_office, vacancy, training_need, principal);
    macro_rules! apart {
        ($($module:ident),+) => { $(all.push((
            crate::$module::Refusal::ALL.iter().map(|refusal| format!("{refusal:?}")).collect(),
            include_str!(concat!("../", stringify!($module), "/tests.rs")),
        ));)+ };
    }
    // These have their tests in a file of their own, or in two.
    apart!(absence, cooperation, intervention, organisation, programme, staff, support_case, training);
    all.push((
        crate::person::Refusal::ALL.iter().map(|refusal| format!("{refusal:?}")).collect(),
        concat!(include_str!("../person/tests.rs"), include_str!("../person/tests/erasure.rs")),
    ));
    all
}

#[test]
fn every_refusal_has_a_test_that_expects_it() {
    let all = refusals_and_files();
    assert_eq!(all.len(), Category::ALL.len());
    for (refusals, file) in all {
        let tests = file.split_once("mod tests {").map_or(file, |(_, tests)| tests);
        for refusal in refusals {
            assert!(tests.contains(&format!("refused(Refusal::{refusal})")), "no test expects Refusal::{refusal}");
        }
    }
}

#[test]
fn a_command_meets_no_state_of_another_aggregate() {
    let told = &story()[0];
    let command: Command = told.command();
    let reference = crate::testing::reference();
    let facts = crate::testing::facts(&reference);
    let elsewhere = crate::State::initial(Category::School);
    assert_eq!(command.decide(&elsewhere, &facts).unwrap_err().rule, "GEN-00");
    assert_eq!(command.place(&elsewhere, &facts), None);
}

/// Where reading that body fails, as a reader with paths tells it.
fn path_of_error(name: &str, body: &str) -> String {
    let mut json = serde_json::Deserializer::from_str(body);
    let mut track = serde_path_to_error::Track::new();
    let named = Named { name, body: serde_path_to_error::Deserializer::new(&mut json, &mut track) };
    let read = Command::deserialize_as(command_entry(name).unwrap().category, named);
    assert!(read.is_err(), "{body}");
    track.path().to_string()
}

#[test]
fn a_wrong_field_is_named_by_its_path() {
    let record = |minutes: &str, sessions: &str| {
        format!(
            r#"{{"school":"S1","staff":"{0}","assignment":"{0}","minutes":{minutes},"work":{{"prevention":{{"topic":"addiction",
            "levels":"7-8","sessions":{sessions},"headcount":{{"women":1,"men":0,"non_binary":0}}}}}}}}"#,
            "00000000-0000-0000-0000-000000000001",
        )
    };
    assert_eq!(path_of_error("record-intervention", &record("0", "1")), "minutes");
    assert_eq!(path_of_error("record-intervention", &record("1", "0")), "work.prevention.sessions");
    assert_eq!(path_of_error("hold-training", r#"{"training":"no key"}"#), "training");
}
