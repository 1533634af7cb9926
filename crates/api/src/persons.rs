//! `GET /v1/persons/{id}`: what is known of a pseudonym beside who it is: kind, locks, holds, requests for
//! erasure and what they came to.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::{Access, View, access};
use sfs_domain::person::vocabulary::{ErasureGround, HoldGround, PersonKind, RestrictionGround, RetentionGround};
use sfs_domain::personal::Purpose;
use sfs_domain::{BusinessDate, ClientKey, EventId, PersonId, State as Folded, person};
use uuid::Uuid;

use crate::answers::{etag, json_response};
use crate::app::Shared;
use crate::auth::Principal;
use crate::headers::READ_POSITION;
use crate::kinds;
use crate::problem::Problem;
use crate::troubles;

/// A person of whom something is sealed.
#[derive(Serialize, JsonSchema)]
pub struct PersonAnswer {
    /// Pseudonym.
    person: PersonId,
    /// Version of its stream.
    version: u64,
    /// What they are in the programme.
    kind: PersonKind,
    /// District; `15` for the whole state.
    district: String,
    /// Responsible provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// School.
    #[serde(skip_serializing_if = "Option::is_none")]
    school: Option<String>,
    /// Purposes whose keys are destroyed.
    erased: Vec<Purpose>,
    /// Why use is restricted, if it is (GDPR Art. 18).
    #[serde(skip_serializing_if = "Option::is_none")]
    restricted: Option<RestrictionGround>,
    /// What may not be erased before a day.
    locks: Vec<LockAnswer>,
    /// What stands against any erasure.
    holds: Vec<HoldAnswer>,
    /// Requests for erasure, oldest first.
    requests: Vec<RequestAnswer>,
}

/// A lock on retention.
#[derive(Serialize, JsonSchema)]
pub struct LockAnswer {
    /// Why.
    ground: RetentionGround,
    /// For which purposes.
    purposes: Vec<Purpose>,
    /// First day without it.
    until: BusinessDate,
}

/// A legal hold that was not released.
#[derive(Serialize, JsonSchema)]
pub struct HoldAnswer {
    /// Its key.
    hold: ClientKey,
    /// Why.
    ground: HoldGround,
}

/// A request for erasure.
#[derive(Serialize, JsonSchema)]
pub struct RequestAnswer {
    /// The event that asked: what `approve-erasure` names.
    request: EventId,
    /// Why.
    ground: ErasureGround,
    /// For which purposes.
    purposes: Vec<Purpose>,
    /// How many have approved it; two are needed.
    approvals: usize,
    /// `open`, `begun` (nothing stops it any more), `refused` or `erased`.
    state: &'static str,
}

/// Answers one of them, to whoever may see persons where this one belongs.
pub async fn get(State(app): State<Shared>, principal: Principal, Path(id): Path<String>) -> Result<Response, Problem> {
    let not_found = || Problem::new(&kinds::NOT_FOUND);
    let id = PersonId(Uuid::try_parse(&id).map_err(|_| not_found())?);
    let sees = |role| access(role, View::Persons) != Access::None;
    let grants = || principal.caller.grants.iter().filter(|grant| grant.holds_on(principal.today) && sees(grant.role));
    if grants().next().is_none() {
        return Err(Problem::new(&kinds::FORBIDDEN));
    }
    let folded = app.api.handler.state(&person::stream(&id)).await.map_err(|why| troubles::load(&why))?;
    let Folded::Person(state) = &*folded.state else { return Err(not_found()) };
    let known = state.known().ok_or_else(not_found)?;
    if !grants().any(|grant| grant.scope.contains(&known.place)) {
        return Err(not_found());
    }
    let mut response = json_response(&answer(id, folded.version, known));
    response.headers_mut().insert(READ_POSITION, app.head().into());
    response.headers_mut().extend(HeaderValue::try_from(etag(folded.version)).ok().map(|tag| (header::ETAG, tag)));
    Ok(response)
}

fn answer(person: PersonId, version: u64, known: &person::Known) -> PersonAnswer {
    let lock = |lock: &person::Lock| LockAnswer {
        ground: lock.ground,
        purposes: lock.purposes.iter().collect(),
        until: lock.until,
    };
    let request = |request: &person::Request| RequestAnswer {
        request: request.id,
        ground: request.ground,
        purposes: request.purposes.iter().collect(),
        approvals: request.approvals(),
        state: match request.ended() {
            None if request.has_begun() => "begun",
            None => "open",
            Some(person::Event::Erased { .. }) => "erased",
            Some(_) => "refused",
        },
    };
    PersonAnswer {
        person,
        version,
        kind: known.kind,
        district: known.place.ags.to_string(),
        provider: known.place.provider.as_ref().map(ToString::to_string),
        school: known.place.school.as_ref().map(ToString::to_string),
        erased: Purpose::ALL.iter().copied().filter(|purpose| known.erasure.is_erased(*purpose)).collect(),
        restricted: known.retention.restricted(),
        locks: known.retention.locks().iter().map(lock).collect(),
        holds: known.retention.holds().map(|hold| HoldAnswer { hold: hold.key, ground: hold.ground }).collect(),
        requests: known.erasure.requests().iter().map(request).collect(),
    }
}
