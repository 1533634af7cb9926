//! `sfs token`: a principal, a role and an API key, from the console of the machine.

use serde::Serialize;
use sfs_command::{Caller, CommandError, Outcome, Request};
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::identity::InvalidIdentity;
use sfs_domain::{Ags, BusinessDate, ClientKey, Grant, OrganisationId, PrincipalId, Role, SchoolId, Scope, principal};
use sfs_ops::{ApiKeyRecord, ApiKeySecret, OpsError};

use super::{VerbError, answer};
use crate::cli::{TokenArgs, exit};
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};

/// Why no key was issued.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A command was not done.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The digest could not be kept.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random,
    /// The catalogue has no such command. A defect of this program.
    #[error("the catalogue has no command `{0}`")]
    NoCommand(&'static str),
}

#[derive(Serialize)]
struct Issued {
    principal: PrincipalId,
    key: ClientKey,
    grant: Grant,
    api_key: String,
}

async fn command(installation: &Installation, name: &'static str, command: Command) -> Result<Outcome, TokenError> {
    let entry = command_entry(name).ok_or(TokenError::NoCommand(name))?;
    let handler = &installation.handler;
    let id = handler.entropy().uuid(handler.clock().now_micros());
    Ok(handler.handle(&Caller::console(), &Request::new(entry, command, id)).await?)
}

/// Grants the role and issues a key; the digest is kept before the event that makes it valid.
pub async fn issue(
    installation: &Installation,
    principal: PrincipalId,
    grant: Grant,
) -> Result<(ClientKey, ApiKeySecret), TokenError> {
    let handler = &installation.handler;
    let grant_role = principal::Command::GrantRole { principal, grant };
    command(installation, "grant-role", Command::Principal(grant_role)).await?;
    let key = ClientKey(handler.entropy().uuid(handler.clock().now_micros()));
    let mut random = [0; 32];
    getrandom::fill(&mut random).map_err(|_| TokenError::Random)?;
    let secret = ApiKeySecret::from_random(random);
    let record = ApiKeyRecord { principal: principal.0, key: key.0 };
    installation.ops.keep_key(secret.digest(), record).await?;
    let issue_key = principal::Command::IssueApiKey { principal, key, until: None };
    command(installation, "issue-api-key", Command::Principal(issue_key)).await?;
    Ok((key, secret))
}

fn scope(text: &str) -> Result<Scope, VerbError> {
    let invalid = |why: InvalidIdentity| VerbError::Usage(format!("--scope {text}: {why}"));
    match text.split_once(':') {
        None if text == "state" => Ok(Scope::State {}),
        Some(("district", ags)) => Ags::parse(ags).map(Scope::District).map_err(invalid),
        Some(("provider", id)) => OrganisationId::parse(id).map(Scope::Provider).map_err(invalid),
        Some(("school", id)) => SchoolId::parse(id).map(Scope::School).map_err(invalid),
        _ => Err(VerbError::Usage(format!("--scope {text}: use state, district:15083, provider:<id> or school:<id>"))),
    }
}

fn grant(args: &TokenArgs) -> Result<Grant, VerbError> {
    let role = Role::from_code(&args.role).ok_or_else(|| {
        let codes: Vec<&str> = Role::ALL.iter().map(|role| role.code()).collect();
        VerbError::Usage(format!("--role {}: use one of {}", args.role, codes.join(", ")))
    })?;
    let until = args.until.as_deref().map(BusinessDate::parse).transpose();
    let until = until.map_err(|why| VerbError::Usage(format!("--until: {why}")))?;
    Ok(Grant { role, scope: scope(&args.scope)?, until })
}

pub async fn run(configuration: Configuration, args: &TokenArgs, json: bool) -> Result<u8, VerbError> {
    let grant = grant(args)?;
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::opening)?;
    let handler = &installation.handler;
    let principal = PrincipalId(args.principal.unwrap_or_else(|| handler.entropy().uuid(handler.clock().now_micros())));
    let issued = issue(&installation, principal, grant.clone()).await;
    let issued = issued.map(|(key, secret)| Issued { principal, key, grant, api_key: secret.reveal().to_owned() });
    installation.close().await;
    match issued {
        Ok(issued) if json => answer(&issued),
        Ok(issued) => {
            eprintln!("Principal {} · {} · key {}", issued.principal, issued.grant.role.code(), issued.key);
            eprintln!("The API key is shown only now:");
            println!("{}", issued.api_key);
        }
        Err(TokenError::Command(CommandError::Refused(refused))) => {
            eprintln!("sfs: {} ({}): {}", refused.en, refused.rule, refused.pointer);
            return Ok(exit::FINDINGS);
        }
        Err(why) => return Err(VerbError::unusable(why)),
    }
    Ok(exit::OK)
}
