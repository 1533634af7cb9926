//! What every read has in common: who looks, as of when, how long the read models may take to get
//! there, and what the answer says about itself.

use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::BusinessDate;
use sfs_readmodel::{
    Answer, AsOf, Contributing, Coverage, Cursor, Denied, PageRequest, QueryError, RegisterList, Staffing,
    TrainingList, Viewer,
};

use crate::answers::json_response;
use crate::app::{App, Shared};
use crate::auth::authenticate;
use crate::headers::{self, CONSISTENCY_TOKEN, PREFERENCE_APPLIED, Prefer, READ_LAG_SECONDS, READ_POSITION};
use crate::instants::KnownUntil;
use crate::kinds;
use crate::language::Text;
use crate::paging;
use crate::params::Params;
use crate::problem::Problem;

/// How long a read waits for what it must show, unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(1);

/// An answer as it is sent.
#[derive(Serialize, JsonSchema)]
pub struct ReadAnswer<T> {
    /// Figures or rows with what they mean and as of when they hold.
    #[serde(flatten)]
    answer: Answer<T>,
    /// Cursor of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// It does not yet show all that was asked for; only with `Prefer: handling=lenient`.
    #[serde(skip_serializing_if = "Option::is_none")]
    stale: Option<bool>,
}

/// Data that may go on in a next page.
pub trait Paged {
    /// Takes the read model's own cursor out: clients get a signed one.
    fn take_next(&mut self) -> Option<Cursor> {
        None
    }
}

macro_rules! paged {
    ($($data:ty),+) => { $(impl Paged for $data {
        fn take_next(&mut self) -> Option<Cursor> {
            self.next.take()
        }
    })+ };
}
paged!(Coverage, Staffing, TrainingList, RegisterList, Contributing);

/// A read in the making.
pub struct Read<'a> {
    app: &'a App,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    /// Who looks.
    pub viewer: Viewer,
    /// As of when.
    pub as_of: AsOf,
    stale: bool,
    lenient: bool,
    waited: Option<Duration>,
}

/// Authenticates, and hands out the parameters that belong to no read in particular.
pub async fn begin<'a>(app: &'a Shared, request: &'a Parts) -> Result<(Read<'a>, Params<'a>), Problem> {
    let principal = authenticate(app, &request.headers).await?;
    let viewer = Viewer { grants: principal.caller.grants, today: principal.today };
    let read = Read {
        app,
        uri: &request.uri,
        headers: &request.headers,
        viewer,
        as_of: AsOf::default(),
        stale: false,
        lenient: false,
        waited: None,
    };
    Ok((read, Params::of(&request.uri)))
}

impl Read<'_> {
    /// Today, where the client names no day.
    pub fn today(&self) -> BusinessDate {
        self.viewer.today
    }

    /// Which part of a list.
    pub fn page(&self, params: &mut Params<'_>) -> Result<PageRequest, Problem> {
        let limit = params.number("limit", 1..=1_000)?.unwrap_or(100) as u32;
        let place = paging::place(self.app, &paging::query(self.uri), params)?;
        let after = place.map(|place| Cursor::parse(&place).map_err(|_| paging::foreign_cursor())).transpose()?;
        Ok(PageRequest { after, limit })
    }

    /// Takes what is left of the parameters, and waits until the read models are where they must be.
    pub async fn wait(&mut self, mut params: Params<'_>) -> Result<(), Problem> {
        let known = params.parsed("known_until", KnownUntil::parse)?;
        let as_of = params.parsed("as_of", KnownUntil::parse)?;
        let token = params.text("consistency_token")?;
        params.finish()?;
        let known = match known.or(as_of) {
            Some(known) => Some(self.known(known).await?),
            None => None,
        };
        let token = headers::text(self.headers, &CONSISTENCY_TOKEN)?.or(token.as_deref());
        let seen = match token {
            Some(token) => self.app.tokens.position(token).ok_or_else(foreign_token)?,
            None => 0,
        };
        let (reads, prefer) = (&self.app.api.reads, Prefer::of(self.headers));
        let target = seen.max(known.unwrap_or(0));
        self.as_of = AsOf { known };
        if target <= reads.position() {
            return Ok(());
        }
        // A little less than the answer may take as a whole.
        let longest = self.app.api.settings.request_timeout.saturating_sub(Duration::from_millis(500));
        self.waited = prefer.wait;
        if reads.wait_for(target, prefer.wait.unwrap_or(PATIENCE).min(longest)).await {
            return Ok(());
        }
        let position = reads.position();
        if prefer.lenient {
            (self.stale, self.lenient) = (true, true);
            self.as_of = AsOf { known: known.map(|known| known.min(position)) };
            return Ok(());
        }
        let kind = if reads.status().halted.is_some() { &kinds::HALTED } else { &kinds::BEHIND };
        Err(Problem::new(kind).read_position(position))
    }

    async fn known(&self, known: KnownUntil) -> Result<u64, Problem> {
        let position = known.position(self.app).await?;
        if position > self.app.head() {
            let text = Text::new(
                "Diese Position gibt es in diesem Protokoll noch nicht.",
                "This log does not have this position yet.",
            );
            return Err(Problem::parameter("known_until", text));
        }
        Ok(position)
    }

    /// The answer, with what it says about itself in headers and body.
    pub fn answer<T: Serialize + Paged>(&self, answered: Result<Answer<T>, QueryError>) -> Result<Response, Problem> {
        let mut answer = answered.map_err(|why| problem(&why))?;
        let next = answer.data.take_next();
        let next = next.map(|next| self.app.tokens.cursor(&paging::query(self.uri), &next.to_string()));
        let link = next.as_ref().map(|cursor| paging::link(self.uri, cursor));
        let (position, lag) = (answer.position, answer.lag_seconds);
        let mut response = json_response(&ReadAnswer { answer, next, stale: self.stale.then_some(true) });
        let mut applied: Vec<String> = self.waited.map(|wait| format!("wait={}", wait.as_secs())).into_iter().collect();
        if self.lenient {
            applied.push("handling=lenient".into());
        }
        let applied = (!applied.is_empty()).then(|| applied.join(", "));
        let headers: [(HeaderName, Option<String>); 4] = [
            (READ_POSITION, Some(position.to_string())),
            (READ_LAG_SECONDS, Some(format!("{lag:.3}"))),
            (header::LINK, link),
            (PREFERENCE_APPLIED, applied),
        ];
        for (name, value) in headers {
            if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
                response.headers_mut().insert(name, value);
            }
        }
        Ok(response)
    }
}

fn foreign_token() -> Problem {
    let text = Text::new("Dieses Token ist keines von diesem Protokoll.", "This token is not one of this log.");
    Problem::parameter("consistency-token", text)
}

/// Why a query has no answer.
pub fn problem(why: &QueryError) -> Problem {
    match why {
        QueryError::Denied(Denied::NoAccess) => Problem::new(&kinds::FORBIDDEN),
        QueryError::Denied(Denied::SuppressedOnly) => Problem::new(&kinds::FORBIDDEN).detail(
            "Ihre Rollen sehen diese Zahlen nur mit unterdrückten kleinen Zellen, und das gibt es noch nicht.",
            "Your roles see these figures only with small cells suppressed, and that does not exist yet.",
        ),
        QueryError::NotYetKnown { position, .. } => Problem::new(&kinds::BEHIND).read_position(*position),
        QueryError::Cursor => paging::foreign_cursor(),
        QueryError::Sql(_) | QueryError::Row(_) => {
            tracing::error!(error = why as &dyn std::error::Error, "the read models could not be read");
            Problem::new(&kinds::STORAGE).retry_after(5)
        }
    }
}

/// A code from a closed list, by its name.
pub fn code<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, text: &str) -> Result<T, String> {
    all.iter().copied().find(|one| name(*one) == text).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(|one| format!("`{}`", name(*one))).collect();
        format!("expected is one of {}", names.join(", "))
    })
}

impl Paged for sfs_readmodel::Overview {}
impl Paged for sfs_readmodel::ActivityProfile {}
impl Paged for sfs_readmodel::RegisterEntry {}
