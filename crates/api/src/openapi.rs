//! The OpenAPI 3.1 document: made from the same calls as the router, the catalogue and the types.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::kinds::{self, Kind};
use crate::problem::ProblemSchema;

/// The media type of most bodies.
pub const JSON: &str = "application/json";

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In a header.
    Header,
}

/// A parameter of an operation.
#[derive(Debug, Clone)]
pub struct Parameter {
    name: &'static str,
    place: Place,
    schema: Value,
    about: &'static str,
    required: bool,
}

impl Parameter {
    /// A parameter in the path.
    pub fn path(name: &'static str, schema: Value, about: &'static str) -> Self {
        Self { name, place: Place::Path, schema, about, required: true }
    }

    /// A parameter in the query.
    pub fn query(name: &'static str, schema: Value, about: &'static str) -> Self {
        Self { name, place: Place::Query, schema, about, required: false }
    }

    /// A header.
    pub fn header(name: &'static str, schema: Value, about: &'static str) -> Self {
        Self { name, place: Place::Header, schema, about, required: false }
    }

    /// The same, not to be left out.
    #[must_use]
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn written(&self) -> Value {
        let place = match self.place {
            Place::Path => "path",
            Place::Query => "query",
            Place::Header => "header",
        };
        let mut written = json!({"name": self.name, "in": place, "description": self.about, "schema": self.schema});
        if self.required {
            written["required"] = json!(true);
        }
        // Lists stand in one parameter with commas between.
        if self.place == Place::Query && self.schema["type"] == "array" {
            written["style"] = json!("form");
            written["explode"] = json!(false);
        }
        written
    }
}

/// An answer of an operation.
#[derive(Debug, Clone)]
struct Answer {
    status: u16,
    about: &'static str,
    content: Vec<(&'static str, Value)>,
    headers: Vec<(&'static str, &'static str)>,
}

/// One method of one path.
#[derive(Debug, Clone)]
pub struct Operation {
    method: &'static str,
    id: String,
    tag: &'static str,
    summary: String,
    about: String,
    parameters: Vec<Parameter>,
    body: Option<(&'static str, Value)>,
    answers: Vec<Answer>,
    problems: Vec<&'static Kind>,
    more: Map<String, Value>,
}

impl Operation {
    fn new(method: &'static str, id: impl Into<String>, tag: &'static str, summary: impl Into<String>) -> Self {
        Self {
            method,
            id: id.into(),
            tag,
            summary: summary.into(),
            about: String::new(),
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
            problems: Vec::new(),
            more: Map::new(),
        }
    }

    /// A GET.
    pub fn get(id: impl Into<String>, tag: &'static str, summary: impl Into<String>) -> Self {
        Self::new("get", id, tag, summary)
    }

    /// A POST.
    pub fn post(id: impl Into<String>, tag: &'static str, summary: impl Into<String>) -> Self {
        Self::new("post", id, tag, summary)
    }

    /// What there is to know about it.
    #[must_use]
    pub fn about(mut self, about: impl Into<String>) -> Self {
        self.about = about.into();
        self
    }

    /// With these parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// With a body.
    #[must_use]
    pub fn body(mut self, media: &'static str, schema: Value) -> Self {
        self.body = Some((media, schema));
        self
    }

    /// Answers with that status and, if any, content.
    #[must_use]
    pub fn answer(mut self, status: u16, about: &'static str, content: Vec<(&'static str, Value)>) -> Self {
        self.answers.push(Answer { status, about, content, headers: Vec::new() });
        self
    }

    /// The last answer has that header.
    #[must_use]
    pub fn answer_header(mut self, name: &'static str, about: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.headers.push((name, about));
        }
        self
    }

    /// Can end in these problems.
    #[must_use]
    pub fn problems(mut self, problems: impl IntoIterator<Item = &'static Kind>) -> Self {
        self.problems.extend(problems);
        self
    }

    /// Says something that OpenAPI has no word for.
    #[must_use]
    pub fn more(mut self, name: &str, value: Value) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }
}

/// The document in the making.
pub struct Document {
    /// Collects the schemas of everything that is named.
    pub schemas: SchemaGenerator,
    paths: Map<String, Value>,
    tags: Vec<&'static str>,
}

impl Document {
    /// Nothing described yet.
    pub fn new() -> Self {
        let settings =
            SchemaSettings::draft2020_12().with(|settings| settings.definitions_path = "/components/schemas".into());
        Self { schemas: settings.into_generator(), paths: Map::new(), tags: Vec::new() }
    }

    /// The schema of a type, by reference.
    pub fn schema<T: JsonSchema>(&mut self) -> Value {
        self.schemas.subschema_for::<T>().to_value()
    }

    /// Describes an operation of a path.
    pub fn add(&mut self, path: &str, operation: Operation, needs_key: bool) {
        if !self.tags.contains(&operation.tag) {
            self.tags.push(operation.tag);
        }
        let problem = self.schema::<ProblemSchema>();
        let (method, written) = (operation.method, written(operation, needs_key, &problem));
        let methods = self.paths.entry(path).or_insert_with(|| json!({}));
        methods[method] = written;
    }

    /// The whole document.
    pub fn finish(mut self) -> Value {
        let schemas: Map<String, Value> = self.schemas.take_definitions(true).into_iter().collect();
        let problems: Vec<Value> = kinds::ALL
            .iter()
            .map(|kind| json!({"type": kind.uri, "status": kind.status.as_u16(), "title_de": kind.de, "title_en": kind.en}))
            .collect();
        json!({
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
            "info": {
                "title": "sfs: Schulerfolg sichern",
                "version": env!("CARGO_PKG_VERSION"),
                "summary": "Programme ledger: commands become events, events become figures that can prove themselves.",
                "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
            },
            "servers": [{"url": "/"}],
            "security": [{"key": []}],
            "tags": self.tags.iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>(),
            "paths": self.paths,
            "components": {
                "schemas": schemas,
                "securitySchemes": {
                    "key": {"type": "http", "scheme": "bearer", "bearerFormat": "sfs_ and 64 hexadecimal digits"},
                },
            },
            "x-problems": problems,
        })
    }
}

fn written(operation: Operation, needs_key: bool, problem: &Value) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        let content: Map<String, Value> =
            answer.content.iter().map(|(media, schema)| ((*media).to_owned(), json!({"schema": schema}))).collect();
        let mut response = json!({"description": answer.about});
        if !content.is_empty() {
            response["content"] = content.into();
        }
        if !answer.headers.is_empty() {
            let header = |about: &str| json!({"description": about, "schema": {"type": "string"}});
            let headers = answer.headers.iter().map(|(name, about)| ((*name).to_owned(), header(about)));
            response["headers"] = headers.collect::<Map<_, _>>().into();
        }
        responses.insert(answer.status.to_string(), response);
    }
    let mut problems = operation.problems;
    if needs_key {
        problems.extend([&kinds::UNAUTHORISED, &kinds::TOO_MANY, &kinds::STORAGE, &kinds::LOG_UNREADABLE]);
    }
    problems.extend([&kinds::TIMEOUT, &kinds::DEFECT]);
    let statuses: BTreeSet<u16> = problems.iter().map(|kind| kind.status.as_u16()).collect();
    for status in statuses {
        let mut names: Vec<&str> = Vec::new();
        for kind in problems.iter().filter(|kind| kind.status.as_u16() == status) {
            if !names.contains(&kind.name()) {
                names.push(kind.name());
            }
        }
        // A list answers with lines also where it fails; then the status is described already.
        let problem = json!({"schema": problem});
        let response = responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"description": format!("Problem: {}.", names.join(", ")), "content": {}}));
        response["content"]["application/problem+json"] = problem;
    }
    let mut written = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "responses": responses,
    });
    if !operation.about.is_empty() {
        written["description"] = operation.about.into();
    }
    if !operation.parameters.is_empty() {
        written["parameters"] = operation.parameters.iter().map(Parameter::written).collect::<Vec<_>>().into();
    }
    if let Some((media, schema)) = operation.body {
        written["requestBody"] = json!({"required": true, "content": {media: {"schema": schema}}});
    }
    if !needs_key {
        written["security"] = json!([]);
    }
    for (name, value) in operation.more {
        written[name] = value;
    }
    written
}

/// `register-school` as `registerSchool`.
pub fn camel_case(name: &str) -> String {
    let mut upper = false;
    name.chars()
        .filter_map(|letter| {
            if letter == '-' {
                upper = true;
                return None;
            }
            Some(if std::mem::take(&mut upper) { letter.to_ascii_uppercase() } else { letter })
        })
        .collect()
}
