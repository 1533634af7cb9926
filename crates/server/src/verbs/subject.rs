//! `sfs subject export`: everything that is said of a person, for the person (GDPR Art. 15 and 20). It is a
//! command like any other: its event is durable before anything is written out.

use std::io::Write;

use serde::Serialize;
use sfs_api::OpenedAnswer;
use sfs_command::{CommandError, Outcome, Request};
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::person::vocabulary::ExportGround;
use sfs_domain::{Opens, PersonId, PrincipalId, person};

use super::VerbError;
use crate::cli::{SubjectAction, SubjectArgs, exit};
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};

#[derive(Serialize)]
struct Export {
    person: PersonId,
    log: String,
    events: Vec<OpenedAnswer>,
}

pub async fn run(configuration: Configuration, args: &SubjectArgs) -> Result<u8, VerbError> {
    let SubjectAction::Export { person, principal, ground, out } = &args.action;
    let ground = ExportGround::from_code(ground).ok_or_else(|| {
        let codes: Vec<&str> = ExportGround::ALL.iter().map(|ground| ground.code()).collect();
        VerbError::Usage(format!("--ground {ground}: use one of {}", codes.join(", ")))
    })?;
    let (person, principal) = (PersonId(*person), PrincipalId(*principal));
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::unusable)?;
    let export = export(&installation, person, principal, ground).await;
    installation.close().await;
    match export? {
        Ok(export) => write(&export, out.as_deref())?,
        Err(refused) => {
            eprintln!("sfs: {refused}");
            return Ok(exit::FINDINGS);
        }
    }
    Ok(exit::OK)
}

async fn export(
    installation: &Installation,
    person: PersonId,
    principal: PrincipalId,
    ground: ExportGround,
) -> Result<Result<Export, String>, VerbError> {
    let handler = &installation.handler;
    let entry = command_entry("export-person").ok_or_else(|| VerbError::defect("there is no such command"))?;
    let caller = handler.caller(principal).await.map_err(VerbError::unusable)?;
    let command = Command::Person(person::Command::ExportPerson { person, ground });
    let id = handler.entropy().uuid(handler.clock().now_micros());
    match handler.handle(&caller, &Request::new(entry, command, id)).await {
        Ok(Outcome::Accepted(_)) => {}
        Ok(_) => return Err(VerbError::defect("an export was not recorded")),
        Err(CommandError::Refused(refused)) => return Ok(Err(format!("{} ({})", refused.en, refused.rule))),
        Err(why @ (CommandError::Forbidden | CommandError::NotFound)) => return Ok(Err(why.to_string())),
        Err(why) => return Err(VerbError::unusable(why)),
    }
    let opened = handler.opened(Opens::Everything { person }).await.map_err(VerbError::unusable)?;
    let readable = |event| OpenedAnswer::of(event).ok_or_else(|| VerbError::unusable("an event cannot be read"));
    let events = opened.into_iter().map(readable).collect::<Result<_, _>>()?;
    Ok(Ok(Export { person, log: installation.origin.clone(), events }))
}

/// To a file that only its owner reads, or to standard output.
fn write(export: &Export, out: Option<&std::path::Path>) -> Result<(), VerbError> {
    let text = serde_json::to_vec_pretty(export).map_err(VerbError::defect)?;
    let Some(path) = out else {
        let mut stdout = std::io::stdout().lock();
        return stdout.write_all(&text).and_then(|()| stdout.write_all(b"\n")).map_err(VerbError::unusable);
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(VerbError::unusable)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(VerbError::unusable)
}
