//! Who outside is asked to vouch for the log, as the configuration says it.

use std::sync::Arc;
use std::time::Duration;

use sfs_ledger::Policy;
use sfs_notary::OutsideSettings;
use sfs_ops::Ops;

use super::VerbError;
use crate::configuration::Configuration;

/// Reads the policy and puts the rest beside it.
pub fn settings(configuration: &Configuration) -> Result<OutsideSettings, VerbError> {
    let policy = match &configuration.witness_policy {
        None => None,
        Some(path) => {
            let bytes = std::fs::read(path)
                .map_err(|why| VerbError::unusable(format!("cannot read the policy {}: {why}", path.display())))?;
            let read = Policy::parse(&bytes).map_err(|why| VerbError::Usage(format!("{}: {why}", path.display())))?;
            Some(read)
        }
    };
    Ok(OutsideSettings {
        policy,
        every: Duration::from_secs(configuration.witness_seconds.max(1)),
        timestamp_url: configuration.timestamp_url.clone(),
        now: Arc::new(now),
    })
}

/// Without a key nobody can be asked, and a log that was vouched for is not served as if it were not.
pub async fn check_without_key(configuration: &Configuration, ops: &Ops) -> Result<(), VerbError> {
    if configuration.witness_policy.is_some() || configuration.timestamp_url.is_some() {
        let why = "witnesses or timestamps are configured, but no key signs checkpoints: make one with `sfs key new`";
        return Err(VerbError::Usage(why.into()));
    }
    match ops.last_checkpoint().await.map_err(VerbError::unusable)? {
        None => Ok(()),
        Some(kept) => Err(VerbError::unusable(format!(
            "others have vouched for a checkpoint of {} events, but the signer's keys and state are gone: restore the \
             directory `{}` from a backup",
            kept.size,
            sfs_ops::DataDirectory::SIGNER
        ))),
    }
}

/// Now, in seconds since 1970.
pub fn now() -> u64 {
    u64::try_from(sfs_command::Clock::now_micros(&sfs_command::SystemClock) / 1_000_000).unwrap_or_default()
}
