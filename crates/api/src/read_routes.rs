//! The routes of the reads, with their description.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::routing::get;
use schemars::JsonSchema;
use serde_json::{Value, json};
use sfs_domain::Category;
use sfs_domain::intervention::Kind;
use sfs_domain::staff::Function;
use sfs_domain::training_need::TrainingTopic;
use sfs_readmodel::documents::{
    CooperationDocument, NeedDocument, OfficeDocument, OrganisationDocument, ProgrammeDocument, SchoolDocument,
    StaffDocument, TrainingDocument, VacancyDocument,
};
use sfs_readmodel::{
    ActivityProfile, Contributing, Coverage, Overview, RegisterEntry, RegisterList, Staffing, TrainingList,
};

use crate::app::Shared;
use crate::kinds;
use crate::openapi::{JSON, Operation, Parameter};
use crate::reads::ReadAnswer;
use crate::routes::{Around, Routes};
use crate::table::cursor;
use crate::{explain, figures, register};

/// Adds all reads.
pub fn add(routes: &mut Routes<'_>) {
    figure_routes(routes);
    explain_routes(routes);
    register_routes(routes);
}

fn figure_routes(routes: &mut Routes<'_>) {
    let answer = routes.document.schema::<ReadAnswer<Overview>>();
    let operation = read("getOverview", "figures", "M01: how the programme is doing", answer)
        .parameters([valid(), period("the school year of today")]);
    routes.add("/v1/overview", Around::Read, get(figures::overview), operation);

    let answer = routes.document.schema::<ReadAnswer<Coverage>>();
    let operation = read("getCoverage", "figures", "M02: which schools have school social work", answer)
        .parameters([valid(), district(), form(), provider()])
        .parameters([Parameter::query(
            "with_social_work",
            json!({"type": "boolean"}),
            "Only schools with it, or without.",
        )])
        .parameters(paged());
    routes.add("/v1/coverage", Around::Read, get(figures::coverage), operation);

    let answer = routes.document.schema::<ReadAnswer<Staffing>>();
    let functions: Vec<&str> = Function::ALL.iter().map(|function| function.code()).collect();
    let operation = read("getStaffing", "figures", "M03: positions filled and vacant", answer)
        .parameters([valid(), district(), provider(), school()])
        .parameters([
            Parameter::query("function", json!({"enum": functions}), "Only this function."),
            Parameter::query("occupancy", json!({"enum": ["all", "filled", "vacant"]}), "Filled or vacant positions."),
            Parameter::query(
                "ending_within_days",
                json!({"type": "integer", "minimum": 0, "maximum": 3660}),
                "Only assignments that end at most that many days after the day.",
            ),
        ])
        .parameters(paged());
    routes.add("/v1/staffing", Around::Read, get(figures::staffing), operation);

    let answer = routes.document.schema::<ReadAnswer<ActivityProfile>>();
    let groups: Vec<&str> = figures::GROUPS.iter().map(|(_, name)| *name).collect();
    let operation = read("getActivities", "figures", "M04: what is done, how much, for whom", answer)
        .about("Roles that may see only suppressed figures are denied until there is suppression.")
        .parameters(activity_parameters())
        .parameters([Parameter::query("group", json!({"enum": groups}), "What makes a group.")]);
    routes.add("/v1/activities", Around::Read, get(figures::activities), operation);

    let answer = routes.document.schema::<ReadAnswer<TrainingList>>();
    let topics: Vec<&str> = TrainingTopic::ALL.iter().map(|topic| topic.code()).collect();
    let operation = read("getTrainings", "figures", "M14: trainings with the needs behind them", answer)
        .parameters([
            period("all days"),
            district(),
            Parameter::query("topic", json!({"enum": topics}), "Only about this."),
        ])
        .parameters(paged());
    routes.add("/v1/trainings", Around::Read, get(figures::trainings), operation);
}

fn explain_routes(routes: &mut Routes<'_>) {
    let answer = routes.document.schema::<ReadAnswer<Contributing>>();
    let figure =
        Parameter::path("figure", json!({"enum": explain::figures()}), "Name of the figure's field in the overview.");
    let operation =
        read("explainOverview", "figures", "Which events stand behind a figure of the overview", answer.clone())
            .parameters([figure, valid(), period("the school year of today"), district()])
            .parameters(paged())
            .problems([&kinds::NOT_FOUND]);
    routes.add("/v1/explain/overview/{figure}", Around::Read, get(explain::overview), operation);
    let operation = read("explainActivities", "figures", "Which events stand behind the activities", answer)
        .parameters(activity_parameters())
        .parameters(paged());
    routes.add("/v1/explain/activities", Around::Read, get(explain::activities), operation);
}

/// A kind of thing: category, addresses of the list and of one, names of the operations.
type Noun = (Category, Option<&'static str>, &'static str, &'static str, &'static str);

/// Trainings have their list among the figures.
const NOUNS: [Noun; 8] = [
    (Category::Programme, Some("/v1/programmes"), "/v1/programmes/{key}", "Programmes", "Programme"),
    (Category::Organisation, Some("/v1/organisations"), "/v1/organisations/{key}", "Organisations", "Organisation"),
    (Category::School, Some("/v1/schools"), "/v1/schools/{key}", "Schools", "School"),
    (Category::NetworkOffice, Some("/v1/offices"), "/v1/offices/{key}", "Offices", "Office"),
    (Category::Staff, Some("/v1/staff"), "/v1/staff/{key}", "Staff", "StaffMember"),
    (Category::Vacancy, Some("/v1/vacancies"), "/v1/vacancies/{key}", "Vacancies", "Vacancy"),
    (Category::TrainingNeed, Some("/v1/training-needs"), "/v1/training-needs/{key}", "TrainingNeeds", "TrainingNeed"),
    (Category::Training, None, "/v1/trainings/{key}", "Trainings", "Training"),
];

fn register_routes(routes: &mut Routes<'_>) {
    for (category, list, one, many_name, one_name) in NOUNS {
        if let Some(path) = list {
            add_list(routes, path, category, many_name);
        }
        let key = Parameter::path(
            "key",
            json!({"type": "string", "maxLength": 100}),
            "What the stream is called behind its category.",
        );
        let document = document_of(routes, category);
        let operation = entry_operation(routes, one_name, document).parameters([key]);
        let handler =
            move |state: State<Shared>, key: Path<String>, request: Parts| register::one(state, category, key, request);
        routes.add(one, Around::Read, get(handler), operation);
    }
    add_list(routes, "/v1/cooperations", Category::Cooperation, "Cooperations");
    let document = document_of(routes, Category::Cooperation);
    let operation = entry_operation(routes, "Cooperation", document).parameters([
        Parameter::path("school", json!({"type": "string", "maxLength": 40}), "The school."),
        Parameter::path("provider", json!({"type": "string", "maxLength": 80}), "The provider."),
    ]);
    routes.add("/v1/cooperations/{school}/{provider}", Around::Read, get(register::cooperation), operation);
}

fn add_list(routes: &mut Routes<'_>, path: &'static str, category: Category, name: &str) {
    let answer = routes.document.schema::<ReadAnswer<RegisterList>>();
    let name_parameter = Parameter::query(
        "name",
        json!({"type": "string", "minLength": 1, "maxLength": 200}),
        "Only what is called something that begins like this.",
    );
    let operation = read(&format!("list{name}"), "register", "What is known of them", answer)
        .parameters([district(), provider(), school(), name_parameter, as_of()])
        .parameters(paged());
    let handler = move |state: State<Shared>, request: Parts| register::list(state, category, request);
    routes.add(path, Around::Read, get(handler), operation);
}

fn entry_operation(routes: &mut Routes<'_>, name: &str, document: Value) -> Operation {
    let answer = routes.document.schema::<ReadAnswer<RegisterEntry>>();
    // The entry of this kind has a document of this kind.
    let narrowed = json!({"allOf": [answer, {"properties": {"data": {"properties": {"document": document}}}}]});
    read(&format!("get{name}"), "register", "What is known of it, with the version that a change has to name", narrowed)
        .parameters([
            as_of(),
            Parameter::header(
                "If-None-Match",
                json!({"type": "string"}),
                "The version that you have: 304 if it is still that.",
            ),
        ])
        .answer_header("ETag", "Its version, for `If-Match`.")
        .answer(304, "It is still the version that you have.", Vec::new())
        .problems([&kinds::NOT_FOUND])
}

fn document_of(routes: &mut Routes<'_>, category: Category) -> Value {
    fn schema<T: JsonSchema>(routes: &mut Routes<'_>) -> Value {
        routes.document.schema::<T>()
    }
    match category {
        Category::Programme => schema::<ProgrammeDocument>(routes),
        Category::Organisation => schema::<OrganisationDocument>(routes),
        Category::School => schema::<SchoolDocument>(routes),
        Category::NetworkOffice => schema::<OfficeDocument>(routes),
        Category::Cooperation => schema::<CooperationDocument>(routes),
        Category::Staff => schema::<StaffDocument>(routes),
        Category::Vacancy => schema::<VacancyDocument>(routes),
        Category::TrainingNeed => schema::<NeedDocument>(routes),
        Category::Training => schema::<TrainingDocument>(routes),
        Category::Intervention
        | Category::Principal
        | Category::Person
        | Category::Absence
        | Category::SupportCase
        | Category::ChildProtection
        | Category::Log => {
            json!({})
        }
    }
}

fn read(id: &str, tag: &'static str, summary: &str, answer: Value) -> Operation {
    let known = "Only what the log knew then: a position, a day (to its end, Europe/Berlin) or an instant.";
    Operation::get(id, tag, summary)
        .parameters([
            Parameter::query("known_until", json!({"type": "string", "examples": ["2026-06-30"]}), known),
            Parameter::query("consistency_token", json!({"type": "string"}), "As the header of that name."),
            Parameter::header("Consistency-Token", json!({"type": "string"}), "From a command: the answer shows it, or is 503."),
            Parameter::header("Prefer", json!({"type": "string", "examples": ["wait=5, handling=lenient"]}), "`wait=5`: how long the read models may take to get there (1 s unless stated, at most 30 s). `handling=lenient`: else take what there is, marked `stale`."),
        ])
        .answer(200, "The answer, with what it means and as of when it holds.", vec![(JSON, answer)])
        .answer_header("Read-Position", "The position up to which the log was read.")
        .answer_header("Read-Lag-Seconds", "How far behind that is.")
        .answer_header("Link", "`rel=\"next\"`: the next page.")
        .problems([&kinds::PARAMETER, &kinds::FORBIDDEN, &kinds::BEHIND, &kinds::HALTED])
}

fn activity_parameters() -> Vec<Parameter> {
    let kinds: Vec<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
    let kinds = json!({"type": "array", "items": {"enum": kinds}});
    vec![
        period("the school year of today"),
        district(),
        form(),
        provider(),
        school(),
        Parameter::query("kinds", kinds, "Only these kinds of work."),
    ]
}

fn paged() -> [Parameter; 2] {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100});
    [Parameter::query("limit", limit, "Rows in a page, at most."), cursor()]
}

fn valid() -> Parameter {
    Parameter::query(
        "valid",
        json!({"type": "string", "format": "date"}),
        "The day of what holds; today if it is not named.",
    )
}

fn as_of() -> Parameter {
    Parameter::query("as_of", json!({"type": "string"}), "The same as `known_until`.")
}

fn period(default: &'static str) -> Parameter {
    let about = match default {
        "all days" => {
            "The days of what happens; all if not named. `2025/26`, `2025/26-H1`, `2025`, `2025-Q3`, `2025-11`, `2025-01-01..2025-07-01`, `esf:2025-06-30`."
        }
        _ => {
            "The days of what happens; this school year if not named. `2025/26`, `2025/26-H1`, `2025`, `2025-Q3`, `2025-11`, `2025-01-01..2025-07-01`, `esf:2025-06-30`."
        }
    };
    Parameter::query("period", json!({"type": "string", "examples": ["2025/26"]}), about)
}

fn district() -> Parameter {
    Parameter::query("district", json!({"type": "string", "pattern": "^15([0-9]{3})?$"}), "Only this district (AGS).")
}

fn form() -> Parameter {
    Parameter::query(
        "form",
        json!({"type": "string", "pattern": "^[A-Za-z0-9_]{1,20}$"}),
        "Only this school form (code).",
    )
}

fn provider() -> Parameter {
    let schema = json!({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", "maxLength": 80});
    Parameter::query("provider", schema, "Only this provider.")
}

fn school() -> Parameter {
    let schema = json!({"type": "string", "pattern": "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", "maxLength": 40});
    Parameter::query("school", schema, "Only this school.")
}
