//! `POST /v1/commands:bulk`: many commands in one request, a line each, answered line by line.
//!
//! `mode=each` does every command for itself and streams; `mode=all` does all of them or none.

use std::borrow::Cow;
use std::io::Write as _;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::value::RawValue;
use sfs_command::{CommandError, Outcome, Precondition, Request as Asked};
use sfs_domain::catalogue::command_entry;
use sfs_domain::{BusinessDate, Digest, PrincipalId, Reason};
use uuid::Uuid;

use crate::answers::CommandAnswer;
use crate::app::{App, Shared};
use crate::auth::{Principal, authenticate};
use crate::commands::{fresh_id, whole};
use crate::edge::AsItIs;
use crate::headers;
use crate::kinds;
use crate::language::{Language, Text};
use crate::measured::command_done;
use crate::params::Params;
use crate::problem::Problem;
use crate::{bulk_each, json, messages, troubles};

/// The media type of lists and their answers.
pub const NDJSON: &str = "application/x-ndjson";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    command: Cow<'a, str>,
    #[serde(default)]
    idempotency_key: Option<String>,
    #[serde(default)]
    if_match: Option<String>,
    #[serde(default)]
    if_none_match: Option<String>,
    #[serde(default)]
    occurred_on: Option<BusinessDate>,
    #[serde(default)]
    reason: Option<Reason>,
    #[serde(default)]
    evidence: Vec<Digest>,
    #[serde(default, borrow)]
    personal: Option<&'a RawValue>,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// What holds for every line of a list.
pub struct List {
    /// Who sends it.
    pub principal: Principal,
    /// The request's own key.
    pub key: Option<String>,
    /// Everything but the append.
    pub dry_run: bool,
    /// Whether lines may have keys of their own: not where all of them are one.
    pub own_keys: bool,
    /// For the problems in the answer.
    pub language: Language,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Each,
    All,
}

/// Handles a list of commands.
pub async fn post(State(app): State<Shared>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let principal = authenticate(&app, &parts.headers).await?;
    headers::require_media_type(&parts.headers, NDJSON)?;
    let mut params = Params::of(&parts.uri);
    let mode = params.parsed("mode", |text| match text {
        "each" => Ok(Mode::Each),
        "all" => Ok(Mode::All),
        _ => Err("expected is one of `each`, `all`"),
    })?;
    let mode = mode.unwrap_or(Mode::Each);
    let dry_run = params.flag("dry_run")?;
    params.finish()?;
    let list = List {
        principal,
        key: headers::idempotency_key(&parts.headers)?.map(ToOwned::to_owned),
        dry_run,
        own_keys: mode == Mode::Each,
        language: Language::of(&parts.headers),
    };
    let mut response = match mode {
        Mode::Each => bulk_each::post(app, list, body),
        Mode::All => {
            let body = whole(&parts.headers, body, app.api.settings.bulk_all_bytes).await?;
            all(&app, &list, &body).await?
        }
    };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    Ok(response)
}

/// All commands in one append, or none.
async fn all(app: &App, list: &List, body: &[u8]) -> Result<Response, Problem> {
    let lines: Vec<(u64, &[u8])> =
        (1..).zip(body.split(|byte| *byte == b'\n')).filter(|(_, line)| !is_blank(line)).collect();
    if lines.len() > app.api.settings.bulk_all_lines {
        return Err(Problem::new(&kinds::TOO_LARGE));
    }
    let read: Vec<Result<Asked, Problem>> = lines.iter().map(|(number, line)| list.read(app, *number, line)).collect();
    let mut answers = Vec::with_capacity(256 * lines.len());
    let mut status = StatusCode::OK;
    let wrong = read.iter().zip(&lines).find(|(asked, _)| asked.is_err()).map(|(_, (number, _))| *number);
    if let Some(wrong) = wrong {
        for (asked, (number, _)) in read.into_iter().zip(&lines) {
            let why = asked.err().unwrap_or_else(|| Problem::new(&kinds::LIST).line(wrong));
            if *number == wrong {
                status = why.status();
            }
            list.write_problem(*number, &why, &mut answers);
        }
    } else {
        let asked: Vec<Asked> = read.into_iter().flatten().collect();
        let outcomes = app.api.handler.handle_all(&list.principal.caller, list.id(app), &asked).await;
        for ((asked, outcome), (number, _)) in asked.iter().zip(outcomes).zip(&lines) {
            // The siblings of the line that was in the way are counted from the lines that are there.
            let outcome = outcome.map_err(|why| match why {
                CommandError::Sibling { index } => {
                    Problem::new(&kinds::LIST).line(lines.get(index).map_or(0, |(number, _)| *number))
                }
                why => troubles::command(&why),
            });
            if let Err(why) = &outcome
                && why.kind() != &kinds::LIST
            {
                status = why.status();
            }
            list.write(app, *number, asked, outcome, &mut answers);
        }
    }
    let mut response = Response::new(answers.into());
    *response.status_mut() = status;
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

/// Whether a line holds nothing.
pub fn is_blank(line: &[u8]) -> bool {
    line.iter().all(u8::is_ascii_whitespace)
}

impl List {
    fn principal_id(&self) -> PrincipalId {
        self.principal.caller.principal
    }

    /// The identity of the whole list.
    fn id(&self, app: &App) -> Uuid {
        match &self.key {
            Some(key) => app.tokens.command_id(self.principal_id(), key, None),
            None => fresh_id(app),
        }
    }

    /// Reads a line.
    pub fn read(&self, app: &App, number: u64, line: &[u8]) -> Result<Asked, Problem> {
        if line.len() > app.api.settings.command_bytes {
            return Err(Problem::new(&kinds::TOO_LARGE));
        }
        let text = json::utf8(line)?;
        let line: Line<'_> = json::object(text)?;
        let Some(entry) = command_entry(&line.command) else {
            let message = Text::new("Diesen Vorgang gibt es nicht.", "There is no such command.");
            return Err(Problem::invalid("/command", "BUL-01", message));
        };
        if entry.name == "issue-api-key" {
            let message = Text::new(
                "Schlüssel werden einzeln ausgegeben, nicht in einer Liste.",
                "Keys are issued one by one, not in a list.",
            );
            return Err(Problem::invalid("/command", "BUL-02", message));
        }
        json::check_evidence(&line.evidence)?;
        Ok(Asked {
            entry,
            command: json::data_of(entry, text, line.data)?,
            command_id: self.command_id(app, number, line.idempotency_key.as_deref())?,
            occurred_on: line.occurred_on,
            reason: line.reason,
            evidence: line.evidence,
            personal: json::personal_of(text, line.personal)?,
            precondition: precondition(line.if_match.as_deref(), line.if_none_match.as_deref())?,
            correlation: None,
            causation: None,
            dry_run: self.dry_run,
        })
    }

    fn command_id(&self, app: &App, number: u64, own: Option<&str>) -> Result<Uuid, Problem> {
        match (own, &self.key) {
            (Some(_), _) if !self.own_keys => Err(Problem::invalid(
                "/idempotency_key",
                "BUL-03",
                Text::new(
                    "Mit mode=all hat die Liste als Ganzes einen Schlüssel.",
                    "With mode=all the list as a whole has a key.",
                ),
            )),
            (Some(own), _) if headers::is_key(own) => Ok(app.tokens.command_id(self.principal_id(), own, None)),
            (Some(_), _) => Err(Problem::invalid(
                "/idempotency_key",
                "BUL-04",
                Text::new(
                    "Erwartet werden 1 bis 200 sichtbare ASCII-Zeichen.",
                    "Expected are 1 to 200 visible ASCII characters.",
                ),
            )),
            (None, Some(key)) => Ok(app.tokens.command_id(self.principal_id(), key, Some(number))),
            (None, None) => Ok(fresh_id(app)),
        }
    }

    /// Writes the answer of a line.
    pub fn write(
        &self,
        app: &App,
        number: u64,
        asked: &Asked,
        outcome: Result<Outcome, Problem>,
        answers: &mut Vec<u8>,
    ) {
        match outcome {
            Ok(outcome) => {
                let answer = CommandAnswer::of(app, asked.command_id, &outcome);
                command_done(asked.entry.name, Some(answer.outcome));
                begin(number, answer.status(), answers);
                let brace = answers.len();
                // Texts and numbers: writing them cannot fail. The answer's members go on where the
                // line began, so its brace becomes a comma.
                let _ = serde_json::to_writer(&mut *answers, &answer);
                if let Some(byte) = answers.get_mut(brace) {
                    *byte = b',';
                }
                answers.push(b'\n');
            }
            Err(why) => {
                command_done(asked.entry.name, None);
                self.write_problem(number, &why, answers);
            }
        }
    }

    /// Writes the answer of a line that is a problem.
    pub fn write_problem(&self, number: u64, why: &Problem, answers: &mut Vec<u8>) {
        begin(number, why.status(), answers);
        answers.extend_from_slice(b",\"problem\":");
        let _ = serde_json::to_writer(&mut *answers, &why.in_language(self.language));
        answers.extend_from_slice(b"}\n");
    }
}

fn begin(number: u64, status: StatusCode, answers: &mut Vec<u8>) {
    let _ = write!(answers, "{{\"line\":{number},\"status\":{}", status.as_u16());
}

/// What a line says about the version, as the headers of a single command would.
fn precondition(matching: Option<&str>, absent: Option<&str>) -> Result<Precondition, Problem> {
    let wrong = |pointer, expected: &str| Problem::invalid(pointer, "BUL-05", messages::of_expectation(expected));
    match (matching, absent) {
        (None, None) => Ok(Precondition::None),
        (None, Some("*")) => Ok(Precondition::Absent),
        (Some(tag), None) => {
            let version = headers::version(tag).map(Precondition::Version);
            version.ok_or_else(|| wrong("/if_match", "expected is a version like \"v17\""))
        }
        (_, Some(_)) => Err(wrong("/if_none_match", "expected is one of `*`")),
    }
}
