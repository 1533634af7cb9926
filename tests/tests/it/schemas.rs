//! What the outside relies on is generated from the types and committed: both must be the same.

use std::collections::BTreeMap;

use crate::support::{files, relative, workspace};

#[test]
fn the_committed_schemas_are_the_generated_ones() {
    let generated = sfs_server::verbs::generate_schemas().unwrap();
    assert!(generated.keys().any(|path| path.starts_with("events/")), "nothing was generated");
    let folder = workspace().join("schemas");
    let committed: BTreeMap<String, String> = files(&folder)
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = relative(&path).trim_start_matches("schemas/").to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let names: std::collections::BTreeSet<&String> = generated.keys().chain(committed.keys()).collect();
    let differing: Vec<&String> =
        names.into_iter().filter(|name| generated.get(*name) != committed.get(*name)).collect();
    assert!(differing.is_empty(), "run `just schemas` (sfs schemas) and commit what changes: {differing:?}");
}
