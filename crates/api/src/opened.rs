//! What a command shows of somebody: after its event is durable, in the answer to its own route.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use sfs_command::{Opened, OpenedEvent, OpeningError, Outcome, Request as Asked};
use sfs_ledger::OpenBody;

use crate::answers::instant;
use crate::app::App;
use crate::auth::Principal;
use crate::kinds;
use crate::problem::Problem;
use crate::troubles;

/// An event with what it says of a person.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OpenedAnswer {
    /// Position in the log.
    position: u64,
    /// Stored type.
    #[serde(rename = "type")]
    event_type: String,
    /// When the log learned it.
    #[schemars(extend("format" = "date-time"))]
    recorded_at: String,
    /// Business date.
    #[schemars(extend("format" = "date"))]
    occurred_on: String,
    /// Its open fields.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: Box<RawValue>,
    /// Its sealed records of that person, in the order of the leaf.
    records: Vec<RecordAnswer>,
}

/// A sealed record, or why it is not shown.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordAnswer {
    /// The record: an object whose one member is named like its kind.
    Record(#[schemars(with = "serde_json::Map<String, serde_json::Value>")] Box<RawValue>),
    /// The key of that purpose was destroyed: nobody can read it any more.
    Erased(&'static str),
    /// This command does not open records of its kind: a confidential note is for owner and deputy.
    Withheld {},
    /// It is damaged, or its key is missing though it was not destroyed: the operator has to look.
    Unreadable {},
}

/// A record is not for log lines.
impl std::fmt::Debug for RecordAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordAnswer(…)")
    }
}

/// What the command shows, if it was accepted now and is one that shows something.
pub async fn of(
    app: &App,
    principal: &Principal,
    asked: &Asked,
    outcome: &Outcome,
) -> Result<Option<Vec<OpenedAnswer>>, Problem> {
    // A repetition shows nothing again: what is read twice is two facts.
    let (Some(opens), Outcome::Accepted(_)) = (asked.command.opens(), outcome) else {
        return Ok(None);
    };
    let opened = app.api.handler.opened(&principal.caller, asked.entry, opens).await.map_err(|why| trouble(&why))?;
    let answers =
        opened.into_iter().map(|event| OpenedAnswer::of(event).ok_or_else(|| Problem::new(&kinds::LOG_UNREADABLE)));
    answers.collect::<Result<_, _>>().map(Some)
}

impl OpenedAnswer {
    /// The event as it is shown; `None` if it cannot be read.
    pub fn of(opened: OpenedEvent) -> Option<Self> {
        let OpenedEvent { event, records } = opened;
        let open = OpenBody::parse(&event.open).ok()?;
        let records = records.into_iter().map(|record| {
            Some(match record {
                Opened::Known(text) => RecordAnswer::Record(RawValue::from_string(text.reveal().to_owned()).ok()?),
                Opened::Erased(purpose) => RecordAnswer::Erased(purpose),
                Opened::Withheld => RecordAnswer::Withheld {},
                Opened::Unreadable => RecordAnswer::Unreadable {},
            })
        });
        Some(OpenedAnswer {
            position: event.position,
            recorded_at: instant(event.recorded_at),
            occurred_on: open.occurred_on.to_string(),
            data: RawValue::from_string(open.data.to_owned()).ok()?,
            records: records.collect::<Option<_>>()?,
            event_type: event.event_type.to_string(),
        })
    }
}

fn trouble(why: &OpeningError) -> Problem {
    match why {
        OpeningError::Log(why) => troubles::read(why),
        OpeningError::Keys(why) => troubles::keys(why),
        OpeningError::Load(why) => troubles::load(why),
    }
}
