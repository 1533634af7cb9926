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
    InternalRole => "PRI-11", Invalid, "/data/grant/role", "Diese Rolle hat nur das Programm selbst.", "Only the program itself has this role.";
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
            Command::GrantRole { principal, .. } if *principal == facts.actor => Err(Refusal::SelfGrant),
            Command::GrantRole { grant, .. } if state.grants.contains(grant) => Ok(Vec::new()),
            Command::GrantRole { grant, .. } => {
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
        Role::System => return Err(Refusal::InternalRole),
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{day, given, key, written};

    fn grant_of(principal: u128, role: &str, scope: &Value, until: Option<&str>) -> Command {
        let mut body = json!({"principal": key(principal), "grant": {"role": role, "scope": scope}});
        if let Some(until) = until {
            body["grant"]["until"] = json!(until);
        }
        written("grant-role", body)
    }

    fn grant(role: &str, scope: &Value, until: Option<&str>) -> Command {
        grant_of(1, role, scope, until)
    }

    fn granted(role: &str, scope: &Value) -> Event {
        written("principal.role-granted.v1", json!({"principal": key(1), "grant": {"role": role, "scope": scope}}))
    }

    fn state() -> Value {
        json!({"state": {}})
    }

    fn coordinator() -> Event {
        granted("CO", &state())
    }

    fn revoke(role: &str) -> Command {
        written("revoke-role", json!({"principal": key(1), "role": role, "scope": state()}))
    }

    fn revoked() -> Event {
        written("principal.role-revoked.v1", json!({"principal": key(1), "role": "CO", "scope": state()}))
    }

    fn issue(until: Option<&str>) -> Command {
        let mut body = json!({"principal": key(1), "key": key(2)});
        if let Some(until) = until {
            body["until"] = json!(until);
        }
        written("issue-api-key", body)
    }

    fn issued(until: &str) -> Event {
        written("principal.api-key-issued.v1", json!({"principal": key(1), "key": key(2), "until": until}))
    }

    fn revoke_key() -> Command {
        written("revoke-api-key", json!({"principal": key(1), "key": key(2)}))
    }

    fn key_revoked() -> Event {
        written("principal.api-key-revoked.v1", json!({"principal": key(1), "key": key(2)}))
    }

    fn folded(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::default();
        for event in events {
            let fact = crate::testing::fact(1, "2025-09-01", Place::state());
            Principal::evolve(&mut state, &event, &fact);
        }
        state
    }

    #[test]
    fn a_role_is_granted_once_and_taken_away() {
        given::<Principal>([]).when(grant("CO", &state(), None)).then([coordinator()]);
        given::<Principal>([coordinator()]).when(grant("CO", &state(), None)).then([]);
        given::<Principal>([coordinator()]).when(revoke("CO")).then([revoked()]);
        given::<Principal>([coordinator()]).when(revoke("MB")).refused(Refusal::NotHeld);
        given::<Principal>([coordinator(), revoked()]).when(revoke("CO")).refused(Refusal::NotHeld);
    }

    #[test]
    fn nobody_grants_a_role_to_oneself() {
        // The tests' actor is number 7.
        given::<Principal>([]).when(grant_of(7, "CO", &state(), None)).refused(Refusal::SelfGrant);
        given::<Principal>([]).when(grant("SYS", &state(), None)).refused(Refusal::InternalRole);
    }

    #[test]
    fn a_role_exists_only_within_the_scopes_that_fit_it() {
        let scopes = [state(), json!({"district": "15083"}), json!({"provider": "P1"}), json!({"school": "S1"})];
        for role in Role::ALL {
            let fits = match role.code() {
                "SSW" => [false, false, false, true],
                "PM" => [false, false, true, false],
                "NO" | "YO" => [false, true, false, false],
                "AU" => [true, true, true, true],
                "DPO" => [true, false, true, false],
                _ => [true, false, false, false],
            };
            for (scope, fits) in scopes.iter().zip(fits) {
                let outcome = given::<Principal>([]).when(grant(role.code(), scope, Some("2026-01-01")));
                match fits {
                    true => assert!(outcome.accepted(), "{role:?} {scope}"),
                    false => outcome.refused(Refusal::ScopeContradictsRole),
                }
            }
        }
        given::<Principal>([]).when(grant("NO", &json!({"district": "15999"}), None)).refused(Refusal::UnknownDistrict);
    }

    #[test]
    fn a_grant_ends_after_it_begins_and_an_auditor_s_always_ends() {
        given::<Principal>([]).when(grant("CO", &state(), Some("2025-10-01"))).refused(Refusal::EndsBeforeItBegins);
        assert!(given::<Principal>([]).when(grant("CO", &state(), Some("2025-10-02"))).accepted());
        given::<Principal>([]).when(grant("AU", &state(), None)).refused(Refusal::EndMissing);
    }

    #[test]
    fn a_new_end_replaces_the_old_grant() {
        let longer = written(
            "principal.role-granted.v1",
            json!({"principal": key(1), "grant": {"role": "CO", "scope": state(), "until": "2027-01-01"}}),
        );
        assert_eq!(folded([coordinator(), longer]).grants().len(), 1);
    }

    #[test]
    fn a_key_is_issued_once_to_somebody_with_a_role() {
        given::<Principal>([]).when(issue(Some("2026-01-01"))).refused(Refusal::NoRole);
        given::<Principal>([coordinator()]).when(issue(Some("2026-01-01"))).then([issued("2026-01-01")]);
        given::<Principal>([coordinator()]).when(issue(Some("2025-10-01"))).refused(Refusal::KeyEndsBeforeItBegins);
        let known = || [coordinator(), issued("2026-01-01")];
        given::<Principal>(known()).when(issue(Some("2026-01-01"))).then([]);
        given::<Principal>(known()).when(issue(None)).refused(Refusal::OtherKey);
        given::<Principal>([coordinator(), issued("2026-01-01"), key_revoked()])
            .when(issue(Some("2026-01-01")))
            .refused(Refusal::OtherKey);
        let ended = written(
            "principal.role-granted.v1",
            json!({"principal": key(1), "grant": {"role": "CO", "scope": state(), "until": "2025-10-01"}}),
        );
        given::<Principal>([ended]).when(issue(Some("2026-01-01"))).refused(Refusal::NoRole);
    }

    #[test]
    fn a_key_is_revoked_once() {
        given::<Principal>([coordinator()]).when(revoke_key()).refused(Refusal::UnknownKey);
        let known = || [coordinator(), issued("2026-01-01")];
        given::<Principal>(known()).when(revoke_key()).then([key_revoked()]);
        given::<Principal>([coordinator(), issued("2026-01-01"), key_revoked()]).when(revoke_key()).then([]);
    }

    #[test]
    fn a_key_is_valid_until_its_end_or_its_revocation() {
        let state = folded([coordinator(), issued("2026-01-01")]);
        assert!(state.key_valid(&key(2), day("2025-12-31")));
        assert!(!state.key_valid(&key(2), day("2026-01-01")));
        assert!(!state.key_valid(&key(3), day("2025-12-31")));
        let state = folded([coordinator(), issued("2026-01-01"), key_revoked()]);
        assert!(!state.key_valid(&key(2), day("2025-12-31")));
        assert_eq!(state.keys().len(), 1);
    }
}
