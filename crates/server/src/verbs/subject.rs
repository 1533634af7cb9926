//! `sfs subject export`: everything that is said of a person, for the person (GDPR Art. 15 and 20). It is a
//! command like any other: its event is durable before anything is written out.

use std::io::Write;
use std::path::Path;

use serde::Serialize;
use sfs_api::OpenedAnswer;
use sfs_command::{Caller, CommandError, Outcome, Request};
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::person::vocabulary::ExportGround;
use sfs_domain::{ClientKey, Opens, PersonId, PrincipalId, State, person, principal};
use sfs_ops::KeyDigest;

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
    let SubjectAction::Export { person, key_file, ground, out } = &args.action;
    let ground = ExportGround::from_code(ground).ok_or_else(|| {
        let codes: Vec<&str> = ExportGround::ALL.iter().map(|ground| ground.code()).collect();
        VerbError::Usage(format!("--ground {ground}: use one of {}", codes.join(", ")))
    })?;
    let key = std::fs::read_to_string(key_file).map_err(VerbError::unusable)?;
    // First, so that nothing is recorded of an export that has nowhere to go.
    let mut out = destination(out.as_deref())?;
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::unusable)?;
    let export = match whose(&installation, key.trim()).await {
        Ok(caller) => export(&installation, PersonId(*person), &caller, ground).await,
        Err(why) => Err(why),
    };
    installation.close().await;
    match export? {
        Ok(export) => write(&export, &mut *out)?,
        Err(refused) => {
            // Nothing was exported: an empty file would say that there is nothing.
            if let Some(path) = &args.action.out() {
                std::fs::remove_file(path).map_err(VerbError::unusable)?;
            }
            eprintln!("sfs: {refused}");
            return Ok(exit::FINDINGS);
        }
    }
    Ok(exit::OK)
}

async fn export(
    installation: &Installation,
    person: PersonId,
    caller: &Caller,
    ground: ExportGround,
) -> Result<Result<Export, String>, VerbError> {
    let handler = &installation.handler;
    let entry = command_entry("export-person").ok_or_else(|| VerbError::defect("there is no such command"))?;
    let command = Command::Person(person::Command::ExportPerson { person, ground });
    let id = handler.entropy().uuid(handler.clock().now_micros());
    match handler.handle(caller, &Request::new(entry, command, id)).await {
        Ok(Outcome::Accepted(_)) => {}
        Ok(_) => return Err(VerbError::defect("an export was not recorded")),
        Err(CommandError::Refused(refused)) => return Ok(Err(format!("{} ({})", refused.en, refused.rule))),
        Err(why @ (CommandError::Forbidden | CommandError::NotFound)) => return Ok(Err(why.to_string())),
        Err(why) => return Err(VerbError::unusable(why)),
    }
    let opened = handler.opened(caller, entry, Opens::Everything { person }).await.map_err(VerbError::unusable)?;
    let readable = |event| OpenedAnswer::of(event).ok_or_else(|| VerbError::unusable("an event cannot be read"));
    let events = opened.into_iter().map(readable).collect::<Result<_, _>>()?;
    Ok(Ok(Export { person, log: installation.origin.clone(), events }))
}

/// Whose key that is, with what they may.
async fn whose(installation: &Installation, key: &str) -> Result<Caller, VerbError> {
    let unknown = || VerbError::Usage("this API key opens nothing".into());
    let digest = KeyDigest::of_presented(key).map_err(|_| unknown())?;
    let record = installation.ops.find_key(&digest).ok_or_else(unknown)?;
    let (handler, principal) = (&installation.handler, PrincipalId(record.principal));
    let folded = handler.state(&principal::stream(&principal)).await.map_err(VerbError::unusable)?;
    let is_valid = matches!(&*folded.state, State::Principal(state)
        if state.key_valid(&ClientKey(record.key), handler.clock().today()));
    if !is_valid {
        return Err(unknown());
    }
    handler.caller(principal).await.map_err(VerbError::unusable)
}

/// A file that only its owner reads and that was not there, or standard output.
fn destination(out: Option<&Path>) -> Result<Box<dyn Write + Send>, VerbError> {
    let Some(path) = out else { return Ok(Box::new(std::io::stdout())) };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(Box::new(options.open(path).map_err(VerbError::unusable)?))
}

fn write(export: &Export, out: &mut dyn Write) -> Result<(), VerbError> {
    let text = serde_json::to_vec_pretty(export).map_err(VerbError::defect)?;
    out.write_all(&text).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).map_err(VerbError::unusable)
}
