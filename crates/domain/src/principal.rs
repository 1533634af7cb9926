//! A principal: a user or a machine that may act, with its roles and its keys.
//!
//! Nobody grants a role to oneself. A key's digest lies elsewhere; here is only that it was issued
//! and whether it was revoked. Absent on purpose: who it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::{BusinessDate, ClientKey, Grant, Place, PrincipalId, Role, Scope, StreamId, refusals};

/// The aggregate.
pub struct Principal;

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Grants a role; replaces an earlier grant of the same role and scope.
    GrantRole {
        /// To whom.
        principal: PrincipalId,
        /// Role, scope and end.
        grant: Grant,
    },
    /// Takes a role away.
    RevokeRole {
        /// From whom.
        principal: PrincipalId,
        /// The role.
        role: Role,
        /// The scope of the grant.
        scope: Scope,
    },
    /// Issues a key.
    IssueApiKey {
        /// To whom.
        principal: PrincipalId,
        /// The key's identity, not its secret.
        key: ClientKey,
        /// First day on which it no longer opens anything.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<BusinessDate>,
    },
    /// Makes a key invalid.
    RevokeApiKey {
        /// Whose.
        principal: PrincipalId,
        /// The key's identity.
        key: ClientKey,
    },
}

impl Command {
    /// The principal that the command names.
    const fn principal(&self) -> PrincipalId {
        match self {
            Self::GrantRole { principal, .. }
            | Self::RevokeRole { principal, .. }
            | Self::IssueApiKey { principal, .. }
            | Self::RevokeApiKey { principal, .. } => *principal,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// Somebody holds a role.
    #[serde(rename = "principal.role-granted.v1")]
    RoleGranted {
        /// Who.
        principal: PrincipalId,
        /// Role, scope and end.
        grant: Grant,
    },
    /// Somebody no longer holds a role.
    #[serde(rename = "principal.role-revoked.v1")]
    RoleRevoked {
        /// Who.
        principal: PrincipalId,
        /// The role.
        role: Role,
        /// The scope of the grant.
        scope: Scope,
    },
    /// A key was issued.
    #[serde(rename = "principal.api-key-issued.v1")]
    ApiKeyIssued {
        /// To whom.
        principal: PrincipalId,
        /// The key's identity.
        key: ClientKey,
        /// First day on which it no longer opens anything.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<BusinessDate>,
    },
    /// A key no longer opens anything.
    #[serde(rename = "principal.api-key-revoked.v1")]
    ApiKeyRevoked {
        /// Whose.
        principal: PrincipalId,
        /// The key's identity.
        key: ClientKey,
    },
}

refusals! {
    SelfGrant => "PRI-01", Rule, "/data/principal", "Niemand gibt sich selbst eine Rolle.", "Nobody grants a role to oneself.";
    ScopeContradictsRole => "PRI-02", Invalid, "/data/grant/scope", "Diese Rolle gibt es nicht in diesem Geltungsbereich.", "This role does not exist within this scope.";
    UnknownDistrict => "PRI-03", Invalid, "/data/grant/scope", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    EndMissing => "PRI-04", Invalid, "/data/grant/until", "Prüfrechte gelten nur auf Zeit und brauchen ein Ende.", "Auditors hold their role for a limited time: it needs an end.";
    EndsBeforeItBegins => "PRI-05", Invalid, "/data/grant/until", "Das Ende liegt nicht nach dem Datum des Vorgangs.", "The end does not lie after the business date.";
    NotHeld => "PRI-06", Rule, "/data/role", "Diese Rolle ist in diesem Geltungsbereich nicht vergeben.", "This role is not held within this scope.";
    NoRole => "PRI-07", Rule, "/data/principal", "Ein Schlüssel setzt eine gültige Rolle voraus.", "A key asks for a role that holds.";
    OtherKey => "PRI-08", Rule, "/data/key", "Dieser Schlüssel ist schon mit anderen Angaben ausgegeben.", "This key has already been issued with other particulars.";
    UnknownKey => "PRI-09", Missing, "/data/key", "Diesen Schlüssel gibt es nicht.", "There is no such key.";
    KeyEndsBeforeItBegins => "PRI-10", Invalid, "/data/until", "Das Ende liegt nicht nach dem Datum des Vorgangs.", "The end does not lie after the business date.";
}

/// What decisions about a principal remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    grants: Vec<Grant>,
    keys: Vec<Key>,
}

/// An issued key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Its identity.
    pub key: ClientKey,
    /// First day on which it no longer opens anything.
    pub until: Option<BusinessDate>,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl State {
    /// The grants that were not revoked; whether one still holds depends on the day.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// Every key that was ever issued.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Whether the key was issued, not revoked, and has not ended by that day.
    pub fn key_valid(&self, key: &ClientKey, day: BusinessDate) -> bool {
        let issued = self.keys.iter().find(|issued| issued.key == *key);
        issued.is_some_and(|issued| !issued.revoked && issued.until.is_none_or(|until| day < until))
    }
}

/// The stream of a principal.
pub fn stream(principal: &PrincipalId) -> StreamId {
    StreamId::new("principal", principal)
}

impl Decider for Principal {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(&command.principal())
    }

    fn place(_: &Command, _: &State, _: &Facts<'_>) -> Option<Place> {
        Some(Place::state())
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::GrantRole { principal, grant } => {
                if *principal == facts.actor {
                    return Err(Refusal::SelfGrant);
                }
                if state.grants.contains(grant) {
                    return Ok(Vec::new());
                }
                check_grant(grant, facts)?;
                Ok(vec![said(command)])
            }
            Command::RevokeRole { role, scope, .. } => {
                let held = state.grants.iter().any(|grant| grant.role == *role && grant.scope == *scope);
                if held { Ok(vec![said(command)]) } else { Err(Refusal::NotHeld) }
            }
            Command::IssueApiKey { key, until, .. } => {
                match state.keys.iter().find(|issued| issued.key == *key) {
                    // The same again is a retry; a revoked key does not come back.
                    Some(issued) if issued.until == *until && !issued.revoked => return Ok(Vec::new()),
                    Some(_) => return Err(Refusal::OtherKey),
                    None => {}
                }
                if until.is_some_and(|until| until <= facts.occurred_on) {
                    return Err(Refusal::KeyEndsBeforeItBegins);
                }
                if !state.grants.iter().any(|grant| grant.holds_on(facts.occurred_on)) {
                    return Err(Refusal::NoRole);
                }
                Ok(vec![said(command)])
            }
            Command::RevokeApiKey { key, .. } => {
                let issued = state.keys.iter().find(|issued| issued.key == *key).ok_or(Refusal::UnknownKey)?;
                Ok(if issued.revoked { Vec::new() } else { vec![said(command)] })
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, _: &Fact) {
        match event {
            Event::RoleGranted { grant, .. } => {
                state.grants.retain(|other| other.role != grant.role || other.scope != grant.scope);
                state.grants.push(grant.clone());
            }
            Event::RoleRevoked { role, scope, .. } => {
                state.grants.retain(|grant| grant.role != *role || grant.scope != *scope);
            }
            Event::ApiKeyIssued { key, until, .. } => {
                state.keys.push(Key { key: *key, until: *until, revoked: false });
            }
            Event::ApiKeyRevoked { key, .. } => {
                if let Some(issued) = state.keys.iter_mut().find(|issued| issued.key == *key) {
                    issued.revoked = true;
                }
            }
        }
    }
}

/// Whether the role can be held that far and that long (`domain.md` 8.8).
fn check_grant(grant: &Grant, facts: &Facts<'_>) -> Result<(), Refusal> {
    let plausible = match grant.role {
        Role::SchoolSocialWorker => matches!(grant.scope, Scope::School(_)),
        Role::ProviderManager => matches!(grant.scope, Scope::Provider(_)),
        Role::NetworkOffice | Role::YouthOffice => matches!(grant.scope, Scope::District(_)),
        Role::Auditor => true,
        Role::DataProtectionOfficer => matches!(grant.scope, Scope::State {} | Scope::Provider(_)),
        Role::CoordinationOffice
        | Role::Ministry
        | Role::GrantingAuthority
        | Role::ManagingAuthority
        | Role::Public
        | Role::Administrator => matches!(grant.scope, Scope::State {}),
    };
    if !plausible {
        return Err(Refusal::ScopeContradictsRole);
    }
    if let Scope::District(ags) = &grant.scope
        && !facts.reference.is_district(ags)
    {
        return Err(Refusal::UnknownDistrict);
    }
    match grant.until {
        None if grant.role == Role::Auditor => Err(Refusal::EndMissing),
        Some(until) if until <= facts.occurred_on => Err(Refusal::EndsBeforeItBegins),
        _ => Ok(()),
    }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::GrantRole { principal, grant } => Event::RoleGranted { principal, grant },
        Command::RevokeRole { principal, role, scope } => Event::RoleRevoked { principal, role, scope },
        Command::IssueApiKey { principal, key, until } => Event::ApiKeyIssued { principal, key, until },
        Command::RevokeApiKey { principal, key } => Event::ApiKeyRevoked { principal, key },
    }
}
