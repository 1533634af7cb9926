//! `sfs signer`: the signer as a process of its own, with keys and state that the server cannot reach.

use std::path::PathBuf;

use sfs_notary::{Signer, SignerService};
use sfs_ops::DataDirectory;
use tokio::signal::unix::{SignalKind, signal};

use super::VerbError;
use crate::cli::{SignerArgs, exit};
use crate::configuration::Configuration;

/// Where the keys and the state of a signer are.
pub(super) fn directory(configuration: &Configuration, given: Option<&PathBuf>) -> PathBuf {
    given.cloned().unwrap_or_else(|| configuration.data.join(DataDirectory::SIGNER))
}

pub async fn run(configuration: &Configuration, args: &SignerArgs) -> Result<u8, VerbError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(VerbError::unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(VerbError::unusable)?;
    let directory = directory(configuration, args.directory.as_ref());
    let signer = Signer::open_in(&directory).map_err(VerbError::unusable)?;
    let (origin, size) = (signer.last().origin().to_owned(), signer.last().size());
    let mode = if args.group { 0o660 } else { 0o600 };
    let service = SignerService::bind(signer, &args.socket, mode).map_err(VerbError::unusable)?;
    eprintln!("sfs: signs for {origin} at {}, {size} events so far", args.socket.display());
    let (ended, end) = tokio::sync::oneshot::channel();
    // Its thread ends with the process: a kill at any time loses nothing.
    std::thread::spawn(move || ended.send(service.run()));
    let ended = tokio::select! {
        why = end => match why {
            Ok(why) => Err(VerbError::unusable(why)),
            Err(_) => Err(VerbError::defect("the signer broke off")),
        },
        _ = terminate.recv() => Ok(exit::OK),
        _ = interrupt.recv() => Ok(exit::OK),
    };
    // Whoever asks is told at once that nobody is there. The lock on the state was ours until now.
    let _ = std::fs::remove_file(&args.socket);
    ended
}
