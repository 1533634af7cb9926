//! Who asks: a key is looked up by its digest, and is worth what the principal's events say today.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use sfs_command::{Caller, LoadError};
use sfs_domain::authority::{Access, View, access};
use sfs_domain::{BusinessDate, ClientKey, Grant, PrincipalId, Role, Scope, State, principal};
use sfs_ops::KeyDigest;

use crate::app::{App, Shared};
use crate::kinds;
use crate::problem::Problem;
use crate::troubles;

/// Somebody with a valid key.
#[derive(Debug, Clone)]
pub struct Principal {
    /// For the write side.
    pub caller: Caller,
    /// Which of their keys they used.
    pub key: ClientKey,
    /// The day for which the key was found valid.
    pub today: BusinessDate,
}

/// The digest of the key that a request presents; `None` without one, an error if it is no key.
pub fn presented(headers: &HeaderMap) -> Option<Result<KeyDigest, sfs_ops::NotAnApiKey>> {
    let value = headers.get(header::AUTHORIZATION)?;
    let key = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(key.map_or(Err(sfs_ops::NotAnApiKey), |(_, key)| KeyDigest::of_presented(key.trim())))
}

/// Whose request it is.
pub async fn authenticate(app: &App, headers: &HeaderMap) -> Result<Principal, Problem> {
    let digest = presented(headers).ok_or_else(|| Problem::unauthorised(false))?;
    let digest = digest.map_err(|_| Problem::unauthorised(true))?;
    let record = app.api.ops.find_key(&digest).ok_or_else(|| Problem::unauthorised(true))?;
    let (principal, key) = (PrincipalId(record.principal), ClientKey(record.key));
    let found = of_key(app, principal, key).await.map_err(|why| troubles::load(&why))?;
    found.ok_or_else(|| Problem::unauthorised(true))
}

/// The principal, if that key of theirs is valid today. Asked again and again by long streams.
pub async fn of_key(app: &App, id: PrincipalId, key: ClientKey) -> Result<Option<Principal>, LoadError> {
    let today = app.api.handler.clock().today();
    let stream = principal::stream(&id);
    let folded = app.api.handler.state(&stream).await?;
    let State::Principal(state) = &*folded.state else { return Ok(None) };
    // Key and grants come from one version of the state, and appends are guarded by it.
    Ok(state.key_valid(&key, today).then(|| Principal {
        caller: Caller {
            principal: id,
            grants: state.grants().into(),
            read: Some((stream.as_str().into(), folded.version)),
        },
        key,
        today,
    }))
}

impl Principal {
    /// Its grants that hold today.
    pub fn grants(&self) -> impl Iterator<Item = &Grant> {
        self.caller.grants.iter().filter(|grant| grant.holds_on(self.today))
    }

    /// A problem unless it sees all of a view in the whole state.
    pub fn require_state_wide(&self, view: View) -> Result<(), Problem> {
        let sees = |grant: &Grant| grant.scope == Scope::State {} && access(grant.role, view) == Access::Exact;
        if self.grants().any(sees) { Ok(()) } else { Err(Problem::new(&kinds::FORBIDDEN)) }
    }

    /// Whether it holds that role in the whole state.
    pub fn holds_state_wide(&self, role: Role) -> bool {
        self.grants().any(|grant| grant.role == role && grant.scope == Scope::State {})
    }
}

impl FromRequestParts<Shared> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Problem> {
        authenticate(app, &parts.headers).await
    }
}
