//! The notary of a running log: at its start it holds the log against what was signed last, and while
//! the log grows it has checkpoints signed.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sfs_eventlog::{ReadError, Reader};
use sfs_ledger::{Checkpoint, CheckpointError, Hash, NoteError, PolicyRefusal, SignedNote, VerifierKey};
use sfs_ops::{Ops, OpsError};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::key::KeyError;
use crate::keyring::KeyRing;
use crate::outside::{Outside, OutsideSettings};
use crate::signer::{Signer, SignerError};
use crate::signing::{Signing, SigningError};
use crate::tiles::{Tiles, TilesError};
use crate::timestamp::TimestampError;

/// How often a checkpoint is signed while the log grows.
const EVERY: Duration = Duration::from_secs(10);

/// How soon is tried again what did not succeed.
const AGAIN: Duration = Duration::from_secs(1);

/// Why nothing can be signed.
#[derive(Debug, thiserror::Error)]
pub enum NotaryError {
    /// The signer cannot be opened.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The tree of the log.
    #[error(transparent)]
    Tiles(#[from] TilesError),
    /// The log.
    #[error("the log did not answer")]
    Log(#[from] ReadError),
    /// The name of the log cannot stand in a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The signer has not signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The log has fewer events than were signed.
    #[error(
        "the log has {found} events, but the checkpoint of {signed} events was {how}: it was restored from an older \
         backup or cut. Restore the newest backup. If events are really lost, keep this log as it is and \
         begin another one with another origin"
    )]
    Truncated {
        /// Events that it has.
        found: u64,
        /// Events that were signed.
        signed: u64,
        /// By whom.
        how: Vouched,
    },
    /// The first events of the log are not those that were signed.
    #[error(
        "the first {size} events of the log come to the root {found}, but {signed} was {how}: the log was changed or \
         is another one. Restore the newest backup and find out who had access"
    )]
    Forked {
        /// Events that were signed.
        size: u64,
        /// The root that they come to.
        found: Hash,
        /// The root that was signed.
        signed: Hash,
        /// By whom.
        how: Vouched,
    },
    /// What was kept of checkpoints cannot be read or written.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// A kept checkpoint is no note.
    #[error("a kept checkpoint is damaged")]
    Note(#[from] NoteError),
    /// The checkpoint has not its quorum.
    #[error(transparent)]
    Policy(#[from] PolicyRefusal),
    /// There is no timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// No timestamp authority is configured.
    #[error("no timestamp authority is configured")]
    NoAuthority,
    /// Nothing has been signed, or nothing has its quorum yet.
    #[error("there is no checkpoint yet")]
    NoCheckpoint,
    /// The signer broke off.
    #[error("the signer broke off")]
    BrokeOff,
}

/// Why the newest events are not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The signer does not answer.
    Away,
    /// The signer says that the log does not continue what it has signed.
    Refused,
    /// Something else; the log of the program tells.
    Failed,
}

impl Trouble {
    const fn of(why: &NotaryError) -> Self {
        match why {
            NotaryError::Signing(SigningError::Away { .. }) => Self::Away,
            NotaryError::Signing(why) if why.is_refusal() => Self::Refused,
            _ => Self::Failed,
        }
    }
}

/// Who vouched for a checkpoint that the log is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Vouched {
    /// The signer of the log.
    Signed,
    /// Witnesses or a timestamp authority, as it was kept.
    Outside,
}

impl fmt::Display for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Signed => "signed",
            Self::Outside => "vouched for by others",
        })
    }
}

/// Signs checkpoints of one log.
pub struct Notary {
    tiles: Arc<Tiles>,
    log: Arc<dyn Reader>,
    origin: String,
    signer: Arc<Mutex<Signing>>,
    /// Held from asking what was signed last until the proof from there is used.
    signing: tokio::sync::Mutex<()>,
    note: RwLock<Option<Arc<str>>>,
    trouble: RwLock<Option<Trouble>>,
    outside: Outside,
    every: Duration,
}

impl Notary {
    /// Makes the first key and the state of a signer in a directory of their own: `origin` names the
    /// log, the entropy is 32 random bytes. A directory that has a key is refused.
    pub fn create(directory: &Path, origin: &str, entropy: &[u8; 32]) -> Result<KeyRing, NotaryError> {
        Signer::create(&directory.join(Signer::STATE), directory, origin, entropy)?;
        Ok(KeyRing::open(directory)?)
    }

    /// Opens the signer in that directory and holds the log against what was signed last, and against
    /// the last checkpoint that others have vouched for.
    pub async fn open(
        directory: &Path,
        tiles: Arc<Tiles>,
        log: Arc<dyn Reader>,
        ops: Ops,
        outside: OutsideSettings,
    ) -> Result<Self, NotaryError> {
        Self::with(Signing::here(directory)?, tiles, log, ops, outside).await
    }

    /// The same with a signer that may be a process of its own: it is asked what it has signed last.
    pub async fn with(
        signer: Signing,
        tiles: Arc<Tiles>,
        log: Arc<dyn Reader>,
        ops: Ops,
        outside: OutsideSettings,
    ) -> Result<Self, NotaryError> {
        let signer = Arc::new(Mutex::new(signer));
        let signed = on_a_thread(&signer, |signer| signer.last()).await??;
        if let Err(TilesError::OtherLog) = tiles.prepare().await {
            // They were of another log and are made anew from this one.
            tiles.prepare().await?;
        }
        let (head, last) = (log.head().await?, signed.checkpoint);
        hold(&tiles, head.size, &last, Vouched::Signed).await?;
        let kept = ops.last_checkpoint().await?;
        if let Some(kept) = &kept {
            let checkpoint = SignedNote::parse(kept.note.as_bytes())?.unverified_text().parse()?;
            hold(&tiles, head.size, &checkpoint, Vouched::Outside).await?;
        }
        let (origin, every) = (last.origin().to_owned(), outside.every);
        let verifiers = on_a_thread(&signer, |signer| signer.verifiers()).await??;
        let outside = Outside::new(outside, ops, verifiers, kept.as_ref());
        let note = RwLock::new(signed.note.map(|note| note.to_string().into()));
        let (signing, trouble) = (tokio::sync::Mutex::default(), RwLock::default());
        Ok(Self { tiles, log, origin, signer, signing, note, trouble, outside, every })
    }

    /// The log that the signer signs for.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Why the newest events are not signed; `None` if nothing is wrong.
    pub fn trouble(&self) -> Option<Trouble> {
        *self.trouble.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last checkpoint, a C2SP signed note: with a policy the last one that has its quorum, without
    /// one the last that was signed. `None` if there is none yet.
    pub fn checkpoint(&self) -> Option<Arc<str>> {
        if self.outside.has_policy() { self.outside.cosigned() } else { self.signed() }
    }

    fn signed(&self) -> Option<Arc<str>> {
        self.note.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whom a verifier may know, oldest first.
    pub async fn verifiers(&self) -> Result<Vec<VerifierKey>, NotaryError> {
        Ok(on_a_thread(&self.signer, |signer| signer.verifiers()).await??)
    }

    /// Events that the last signed checkpoint covers.
    pub fn signed_size(&self) -> u64 {
        let note = self.signed();
        let size = note.as_deref().and_then(|note| note.lines().nth(1)).and_then(|size| size.parse().ok());
        size.unwrap_or_default()
    }

    /// Whether a witness contradicted the log when it was asked last: it has seen a larger one or
    /// another one.
    pub fn is_disputed(&self) -> bool {
        self.outside.is_disputed()
    }

    /// Has a checkpoint of the log as it is now signed: of what is durable, continuing what was signed
    /// before.
    pub async fn sign(&self) -> Result<(), NotaryError> {
        let _alone = self.signing.lock().await;
        let head = self.log.head().await?;
        let last = on_a_thread(&self.signer, |signer| signer.last()).await??.checkpoint.size();
        let proof = self.tiles.consistency(last.min(head.size), head.size).await?;
        let checkpoint = Checkpoint::new(&self.origin, head.size, head.root)?;
        let note = on_a_thread(&self.signer, move |signer| signer.sign(&checkpoint, &proof)).await??;
        *self.note.write().unwrap_or_else(PoisonError::into_inner) = Some(note.to_string().into());
        Ok(())
    }

    /// Signs at once, and then every ten seconds if the log has grown, until `ended`. The log goes on
    /// without a signer: what is wrong is told once, and tried again.
    pub async fn follow(&self, mut heads: watch::Receiver<u64>, ended: CancellationToken) {
        loop {
            heads.mark_unchanged();
            let is_signed = self.tell(self.sign().await.err());
            let next = async {
                tokio::time::sleep(if is_signed { EVERY } else { AGAIN }).await;
                if is_signed { heads.changed().await } else { Ok(()) }
            };
            match ended.run_until_cancelled(next).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    /// Remembers how signing went, and tells it when that has changed; whether it went well.
    fn tell(&self, why: Option<NotaryError>) -> bool {
        let now = why.as_ref().map(Trouble::of);
        let before = std::mem::replace(&mut *self.trouble.write().unwrap_or_else(PoisonError::into_inner), now);
        match why {
            Some(why) if now != before => {
                tracing::error!(error = &why as &dyn std::error::Error, "no checkpoint was signed");
            }
            None if before.is_some() => tracing::info!("checkpoints are signed again"),
            _ => {}
        }
        now.is_none()
    }

    /// Has the log as it is now signed and cosigned; fails if the quorum is not reached.
    pub async fn cosign(&self) -> Result<(), NotaryError> {
        self.sign().await?;
        let signed = self.signed().ok_or(NotaryError::NoCheckpoint)?;
        self.outside.cosign(&SignedNote::parse(signed.as_bytes())?, &self.tiles).await
    }

    /// Has the checkpoint that is served timestamped and keeps the reply beside it; one that has its
    /// timestamp is left alone.
    pub async fn stamp(&self) -> Result<(), NotaryError> {
        let served = self.checkpoint().ok_or(NotaryError::NoCheckpoint)?;
        self.outside.stamp(&SignedNote::parse(served.as_bytes())?).await
    }

    /// Asks witnesses and the timestamp authority as often as the settings say, until `ended`.
    pub async fn follow_outside(&self, ended: CancellationToken) {
        if self.outside.is_nobody() {
            return;
        }
        let mut rounds = tokio::time::interval(self.every);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let asking = async {
            loop {
                rounds.tick().await;
                self.ask_outside().await;
            }
        };
        ended.run_until_cancelled(asking).await;
    }

    #[cfg(test)]
    pub(crate) fn outside_mut(&mut self) -> &mut Outside {
        &mut self.outside
    }

    /// One round, whatever is due.
    pub(crate) async fn ask_outside(&self) {
        // First, so that the last checkpoint of a day is timestamped and not the first of the next one.
        if let Err(why) = self.stamp_if_due().await {
            tracing::warn!(error = &why as &dyn std::error::Error, "there is no timestamp of the checkpoint");
        }
        if let Err(why) = self.cosign_if_due().await {
            tracing::warn!(error = &why as &dyn std::error::Error, "there is no cosigned checkpoint of the log");
        }
    }

    async fn stamp_if_due(&self) -> Result<(), NotaryError> {
        if self.checkpoint().is_none() || !self.outside.is_timestamp_due().await? { Ok(()) } else { self.stamp().await }
    }

    async fn cosign_if_due(&self) -> Result<(), NotaryError> {
        if self.outside.is_cosigning_due(self.log.head().await?.size) { self.cosign().await } else { Ok(()) }
    }
}

/// A signer waits for a disk or for another process, so it works on a thread where that keeps nobody.
async fn on_a_thread<T: Send + 'static>(
    signer: &Arc<Mutex<Signing>>,
    work: impl FnOnce(&mut Signing) -> T + Send + 'static,
) -> Result<T, NotaryError> {
    let signer = Arc::clone(signer);
    let working = move || work(&mut signer.lock().unwrap_or_else(PoisonError::into_inner));
    tokio::task::spawn_blocking(working).await.map_err(|_| NotaryError::BrokeOff)
}

/// Holds a log with so many events against a checkpoint that somebody has vouched for.
async fn hold(tiles: &Tiles, found: u64, last: &Checkpoint, how: Vouched) -> Result<(), NotaryError> {
    if found < last.size() {
        return Err(NotaryError::Truncated { found, signed: last.size(), how });
    }
    let root = tiles.root(last.size()).await?;
    if root != last.root() {
        return Err(NotaryError::Forked { size: last.size(), found: root, signed: last.root(), how });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
