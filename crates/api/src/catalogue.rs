//! `GET /v1/catalogue`: which role may do and see what; the same table that decides it.

use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::Role;
use sfs_domain::authority::{Access, View, access};
use sfs_domain::catalogue::{Precondition, routed};

use crate::answers::json_response;
use crate::schemas::cached;

/// Roles, commands and views.
#[derive(Serialize, JsonSchema)]
pub struct CatalogueAnswer {
    /// Codes of all roles.
    roles: &'static [Role],
    /// Every command.
    commands: Vec<CommandLine>,
    /// Every view.
    views: Vec<ViewLine>,
}

/// A command.
#[derive(Serialize, JsonSchema)]
pub struct CommandLine {
    /// Name.
    name: &'static str,
    /// Address.
    href: String,
    /// Aggregate that decides.
    category: &'static str,
    /// German title.
    title_de: &'static str,
    /// English title.
    title_en: &'static str,
    /// What is to be said about the version: `creates`, `version` or `none`.
    precondition: &'static str,
    /// Roles that may send it, each within its scope.
    roles: &'static [Role],
    /// Rules of the aggregate that can be against it.
    rules: Vec<RuleLine>,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
pub struct RuleLine {
    /// Stable number.
    rule: &'static str,
    /// Field that it is about.
    pointer: &'static str,
    /// German sentence.
    de: &'static str,
    /// English sentence.
    en: &'static str,
}

/// A view.
#[derive(Serialize, JsonSchema)]
pub struct ViewLine {
    /// Name.
    name: &'static str,
    /// Roles that see exact figures, each within its scope.
    exact: Vec<Role>,
    /// Roles that may see figures only with small cells suppressed.
    suppressed: Vec<Role>,
}

const VIEWS: [(View, &str); 10] = [
    (View::Overview, "overview"),
    (View::Coverage, "coverage"),
    (View::Staffing, "staffing"),
    (View::Activity, "activities"),
    (View::Trainings, "trainings"),
    (View::Journal, "journal"),
    (View::Access, "principals"),
    (View::Cases, "cases"),
    (View::Persons, "persons"),
    (View::Operations, "operations"),
];

/// What a command wants to hear about the version.
pub const fn precondition(demanded: Precondition) -> &'static str {
    match demanded {
        Precondition::Creates => "creates",
        Precondition::Version => "version",
        Precondition::None => "none",
    }
}

/// Answers the table.
pub async fn get() -> Response {
    let command = |entry: &sfs_domain::catalogue::CommandEntry| CommandLine {
        name: entry.name,
        href: format!("/v1/commands/{}", entry.name),
        category: entry.category.name(),
        title_de: entry.de,
        title_en: entry.en,
        precondition: precondition(entry.precondition),
        roles: entry.roles,
        rules: entry
            .category
            .refusals()
            .into_iter()
            .map(|rule| RuleLine { rule: rule.rule, pointer: rule.pointer, de: rule.de, en: rule.en })
            .collect(),
    };
    let view = |(view, name): &(View, &'static str)| {
        let with = |wanted| Role::ALL.iter().copied().filter(|role| access(*role, *view) == wanted).collect();
        ViewLine { name, exact: with(Access::Exact), suppressed: with(Access::Suppressed) }
    };
    cached(json_response(&CatalogueAnswer {
        roles: Role::ALL,
        commands: routed().map(command).collect(),
        views: VIEWS.iter().map(view).collect(),
    }))
}
