//! Who outside is asked to vouch for the log, as the configuration says it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sfs_command::{Clock, SystemClock};
use sfs_ledger::{Policy, PolicyError};
use sfs_notary::OutsideSettings;
use sfs_ops::{DataDirectory, Ops, OpsError};

use crate::configuration::Configuration;

/// Why nobody can be asked, or the log is not to be used without.
#[derive(Debug, thiserror::Error)]
pub enum VouchingError {
    /// The policy cannot be read.
    #[error("cannot read the policy {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The policy is none.
    #[error("the policy {} cannot be used", path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: PolicyError,
    },
    /// Nobody signs what witnesses would cosign.
    #[error("witnesses or timestamps are configured, but no key signs checkpoints: make one with `sfs key new`")]
    NoKey,
    /// Who has signed is gone, while others remember what.
    #[error(
        "others have vouched for a checkpoint of {0} events, but the signer's keys and state are gone: restore the \
         directory `{dir}` from a backup",
        dir = DataDirectory::SIGNER
    )]
    SignerGone(u64),
    /// The operational state.
    #[error(transparent)]
    Ops(#[from] OpsError),
}

/// Reads the policy and puts the rest beside it.
pub fn settings(configuration: &Configuration) -> Result<OutsideSettings, VouchingError> {
    let policy = configuration.witness_policy.clone().map(|path| {
        let bytes = std::fs::read(&path).map_err(|source| VouchingError::Read { path: path.clone(), source })?;
        Policy::parse(&bytes).map_err(|source| VouchingError::Policy { path, source })
    });
    Ok(OutsideSettings {
        policy: policy.transpose()?,
        every: Duration::from_secs(configuration.witness_seconds.max(1)),
        timestamp_url: configuration.timestamp_url.clone(),
        now: Arc::new(now),
    })
}

/// Without a key nobody can be asked, and a log that was vouched for is not used as if it were not.
pub async fn check_without_key(configuration: &Configuration, ops: &Ops) -> Result<(), VouchingError> {
    if configuration.witness_policy.is_some() || configuration.timestamp_url.is_some() {
        return Err(VouchingError::NoKey);
    }
    match ops.last_checkpoint().await? {
        None => Ok(()),
        Some(kept) => Err(VouchingError::SignerGone(kept.size)),
    }
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    u64::try_from(SystemClock.now_micros() / 1_000_000).unwrap_or_default()
}
