//! What a reader of events asks for, from the query; the same for the feed and the journal.

use sfs_domain::{Ags, Category, OrganisationId, SchoolId, catalogue};
use sfs_feed::{Selection, Source, Visibility, Wanted};
use uuid::Uuid;

use crate::app::App;
use crate::auth::Principal;
use crate::kinds;
use crate::openapi::Parameter;
use crate::params::Params;
use crate::problem::Problem;

/// Longest name of a stream.
const LONGEST_STREAM: usize = 200;

/// What may be seen of what is asked for; 403 if nothing may.
pub fn selection(principal: &Principal, params: &mut Params<'_>) -> Result<Selection, Problem> {
    let visibility = Visibility::of(&principal.caller.grants, principal.today);
    let wanted = Wanted {
        types: params.list("types", |text| match catalogue::event_types().contains(text) {
            true => Ok(text.to_owned()),
            false => Err("there is no such event type; they are listed at /v1/schemas"),
        })?,
        categories: params.list("categories", |text| {
            Category::from_name(text).ok_or_else(|| {
                let names: Vec<String> =
                    Category::ALL.iter().map(|category| format!("`{}`", category.name())).collect();
                format!("expected is one of {}", names.join(", "))
            })
        })?,
        district: params.parsed("district", |text| Ags::parse(text))?,
        provider: params.parsed("provider", |text| OrganisationId::parse(text))?,
        school: params.parsed("school", |text| SchoolId::parse(text))?,
        actor: params.parsed("actor", |text| Uuid::try_parse(text).map_err(|_| "expected is a UUID"))?,
        stream: params.parsed("stream", |text| {
            let known = text.split_once('/').and_then(|(category, _)| Category::from_name(category)).is_some();
            let short = text.len() <= LONGEST_STREAM;
            (known && short).then(|| text.to_owned()).ok_or("expected is the name of a stream, like school/S1")
        })?,
    };
    if visibility.is_nothing() {
        return Err(Problem::new(&kinds::FORBIDDEN));
    }
    Ok(Selection::new(visibility, wanted))
}

/// How the events are written: with leaves, if `include=leaf` asks for them.
pub fn source(app: &App, params: &mut Params<'_>) -> Result<Source, Problem> {
    let with_leaves = params.parsed("include", |text| match text {
        "leaf" => Ok(true),
        _ => Err("expected is one of `leaf`"),
    })?;
    Ok(Source { origin: app.api.origin.clone(), with_leaves: with_leaves.unwrap_or(false) })
}

/// The parameters that are read here, described.
pub fn described() -> Vec<Parameter> {
    use serde_json::json;
    let codes: Vec<&str> = Category::ALL.iter().map(|category| category.name()).collect();
    let types: Vec<&String> = catalogue::event_types().iter().collect();
    vec![
        Parameter::query("types", json!({"type": "array", "items": {"enum": types}}), "One of these stored types."),
        Parameter::query("categories", json!({"type": "array", "items": {"enum": codes}}), "One of these categories."),
        Parameter::query(
            "district",
            json!({"type": "string", "pattern": "^15([0-9]{3})?$"}),
            "In this district (AGS); 15 is what concerns the whole state.",
        ),
        Parameter::query(
            "provider",
            json!({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", "maxLength": 80}),
            "For which this provider was responsible.",
        ),
        Parameter::query(
            "school",
            json!({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", "maxLength": 40}),
            "At this school.",
        ),
        Parameter::query("actor", json!({"type": "string", "format": "uuid"}), "Done by this pseudonym."),
        Parameter::query(
            "stream",
            json!({"type": "string", "maxLength": LONGEST_STREAM, "examples": ["school/S1"]}),
            "Of this stream.",
        ),
        Parameter::query(
            "include",
            json!({"enum": ["leaf"]}),
            "`leaf` adds the exact bytes that are hashed, as `leaf` and `openbody`.",
        ),
    ]
}
