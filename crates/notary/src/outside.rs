//! Who outside vouches for the log: witnesses that cosign its checkpoints, and an authority that says
//! when they were there. Whatever these do or do not, the log goes on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use sfs_ledger::{Checkpoint, Policy, SignedNote, VerifierKey};
use sfs_ops::{KeptCheckpoint, Ops};
use tokio::task::JoinSet;

use crate::notary::NotaryError;
use crate::outbound::Outbound;
use crate::tiles::Tiles;
use crate::timestamp::{TimestampAuthority, TimestampError};
use crate::witness_client::WitnessClient;

/// Seconds after which a checkpoint is cosigned again though the log has not grown, so that silence is
/// seen; and of the days by which timestamps are counted.
const DAY: u64 = 86_400;

/// Seconds for which every checkpoint with its quorum is kept; after them the last one of each day.
const KEPT_WHOLE: u64 = 30 * DAY;

/// Whom the notary asks.
#[derive(Clone)]
pub struct OutsideSettings {
    /// Whose cosignatures `/checkpoint` has: witnesses with an address are asked. Without a policy the
    /// checkpoint is served as it was signed.
    pub policy: Option<Policy>,
    /// How often they are asked while the log grows.
    pub every: Duration,
    /// Where to get timestamps (RFC 3161).
    pub timestamp_url: Option<String>,
    /// Now, in seconds since 1970.
    pub now: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl OutsideSettings {
    /// Asks nobody, so that it needs no time.
    #[must_use]
    pub fn nobody() -> Self {
        Self { policy: None, every: Duration::from_secs(60), timestamp_url: None, now: Arc::new(|| 0) }
    }
}

/// Asks them, and keeps what they answer.
pub(crate) struct Outside {
    policy: Option<Policy>,
    witnesses: Vec<Arc<WitnessClient>>,
    authority: Option<TimestampAuthority>,
    now: Arc<dyn Fn() -> u64 + Send + Sync>,
    ops: Ops,
    keys: Vec<VerifierKey>,
    /// The last checkpoint with its quorum.
    cosigned: RwLock<Option<Cosigned>>,
    /// Whether a witness contradicted the log when they were asked last.
    is_disputed: AtomicBool,
}

struct Cosigned {
    note: Arc<str>,
    size: u64,
    at: u64,
}

impl Outside {
    /// `kept` is the last checkpoint that was kept: if it still has its quorum, it is served again.
    pub(crate) fn new(
        settings: OutsideSettings,
        ops: Ops,
        keys: Vec<VerifierKey>,
        kept: Option<&KeptCheckpoint>,
    ) -> Self {
        let outbound = Outbound::new();
        let ask = |policy: &Policy| -> Vec<Arc<WitnessClient>> {
            let with_address = policy.witnesses().filter_map(|(key, url)| Some((key, url?)));
            with_address.map(|(key, url)| Arc::new(WitnessClient::new(key, url, &outbound))).collect()
        };
        let outside = Self {
            witnesses: settings.policy.as_ref().map(ask).unwrap_or_default(),
            authority: settings.timestamp_url.as_deref().map(|url| TimestampAuthority::new(url, &outbound)),
            policy: settings.policy,
            now: settings.now,
            ops,
            keys,
            cosigned: RwLock::default(),
            is_disputed: AtomicBool::new(false),
        };
        if let Some(kept) = kept
            && let Ok(note) = SignedNote::parse(kept.note.as_bytes())
            && outside.require_quorum(&note).is_ok()
        {
            outside.serve(Cosigned { note: kept.note.as_str().into(), size: kept.size, at: kept.kept_at });
        }
        outside
    }

    pub(crate) fn has_policy(&self) -> bool {
        self.policy.is_some()
    }

    pub(crate) fn is_nobody(&self) -> bool {
        self.policy.is_none() && self.authority.is_none()
    }

    pub(crate) fn is_disputed(&self) -> bool {
        self.is_disputed.load(Ordering::Acquire)
    }

    /// The last checkpoint with its quorum.
    pub(crate) fn cosigned(&self) -> Option<Arc<str>> {
        self.cosigned.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|cosigned| Arc::clone(&cosigned.note))
    }

    /// Serves it, unless a larger one is served.
    fn serve(&self, cosigned: Cosigned) {
        let mut served = self.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        if served.as_ref().is_none_or(|served| served.size <= cosigned.size) {
            metrics::gauge!("sfs_cosigned_checkpoint_position").set(cosigned.size as f64);
            *served = Some(cosigned);
        }
    }

    /// The day of what is served.
    fn served_day(&self) -> Option<u64> {
        self.cosigned.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|cosigned| cosigned.at / DAY)
    }

    /// Whether witnesses are to be asked for a checkpoint of that size.
    pub(crate) fn is_cosigning_due(&self, size: u64) -> bool {
        let cosigned = self.cosigned.read().unwrap_or_else(PoisonError::into_inner);
        let is_enough = |last: &Cosigned| last.size >= size && (self.now)().saturating_sub(last.at) < DAY;
        self.has_policy() && !cosigned.as_ref().is_some_and(is_enough)
    }

    /// Has the note of a checkpoint cosigned by all witnesses at once, and if they are enough keeps and
    /// serves it.
    pub(crate) async fn cosign(&self, note: &SignedNote, tiles: &Arc<Tiles>) -> Result<(), NotaryError> {
        let checkpoint: Checkpoint = note.unverified_text().parse()?;
        let size = checkpoint.size();
        let mut asked = JoinSet::new();
        for witness in &self.witnesses {
            let (witness, note, tiles) = (Arc::clone(witness), note.clone(), Arc::clone(tiles));
            asked.spawn(async move { (witness.cosign(&note, size, &tiles).await, witness) });
        }
        let (mut lines, mut is_disputed) = (note.signatures().to_vec(), false);
        while let Some(answer) = asked.join_next().await {
            let Ok((answer, witness)) = answer else { continue };
            let name = witness.key.name().to_owned();
            let outcome = answer.as_ref().map_or_else(|why| why.name(), |_| "cosigned");
            metrics::counter!("sfs_witness_requests_total", "witness" => name.clone(), "outcome" => outcome)
                .increment(1);
            match answer {
                Ok(line) => lines.push(line),
                Err(why) if why.is_dispute() => {
                    is_disputed = true;
                    let error = &why as &dyn std::error::Error;
                    tracing::error!(error, size, witness = name, "a witness contradicts the log");
                }
                Err(why) => {
                    let error = &why as &dyn std::error::Error;
                    tracing::warn!(error, size, witness = name, "a witness has not cosigned");
                }
            }
        }
        self.is_disputed.store(is_disputed, Ordering::Release);
        let note = SignedNote::new(note.unverified_text(), lines)?;
        self.require_quorum(&note)?;
        let (note, at) = (note.to_string(), (self.now)());
        self.ops.keep_checkpoint(size, at, &note).await?;
        if self.served_day() != Some(at / DAY) {
            self.ops.thin_checkpoints(at.saturating_sub(KEPT_WHOLE)).await?;
        }
        self.serve(Cosigned { note: note.into(), size, at });
        Ok(())
    }

    fn require_quorum(&self, note: &SignedNote) -> Result<(), NotaryError> {
        match &self.policy {
            Some(policy) => Ok(policy.evaluate(note, &self.keys)?.require_quorum()?),
            None => Ok(()),
        }
    }

    /// Whether it is another day than that of the last timestamp (in UTC).
    pub(crate) async fn is_timestamp_due(&self) -> Result<bool, NotaryError> {
        if self.authority.is_none() {
            return Ok(false);
        }
        let last = self.ops.last_timestamp().await?;
        Ok(last.is_none_or(|last| last / DAY < (self.now)() / DAY))
    }

    /// Has the checkpoint that is served timestamped, unless it is; keeps the reply beside it.
    pub(crate) async fn stamp(&self, served: &SignedNote) -> Result<(), NotaryError> {
        let authority = self.authority.as_ref().ok_or(NotaryError::NoAuthority)?;
        let checkpoint: Checkpoint = served.unverified_text().parse()?;
        let (size, note) = (checkpoint.size(), served.to_string());
        let kept = self.ops.checkpoint(size).await?.filter(|kept| kept.note == note);
        if kept.as_ref().is_some_and(|kept| kept.timestamp.is_some()) {
            return Ok(());
        }
        let reply = authority.stamp(note.as_bytes()).await;
        let outcome = if reply.is_ok() { "granted" } else { "failed" };
        metrics::counter!("sfs_timestamp_requests_total", "outcome" => outcome).increment(1);
        if let Err(why @ TimestampError::OtherBytes) = &reply {
            tracing::error!(error = why as &dyn std::error::Error, size, "the timestamp authority cannot be trusted");
        }
        let (reply, now) = (reply?, (self.now)());
        let kept = match kept {
            Some(kept) => kept,
            None => {
                self.ops.keep_checkpoint(size, now, &note).await?;
                KeptCheckpoint { size, kept_at: now, note, timestamp: None }
            }
        };
        self.ops.keep_timestamp(&kept, now, &reply).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
