//! The notary of a running log: at its start it holds the log against what was signed last, and while
//! the log grows it has checkpoints signed.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use sfs_eventlog::{ReadError, Reader};
use sfs_ledger::{Checkpoint, CheckpointError, Hash};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::key::KeyError;
use crate::keyring::KeyRing;
use crate::signer::{SignError, Signer, SignerError};
use crate::tiles::{Tiles, TilesError};

/// Name of the signer's state beside its keys.
pub(crate) const STATE: &str = "state";

/// How often a checkpoint is signed while the log grows.
const EVERY: Duration = Duration::from_secs(10);

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
    /// The signer has refused.
    #[error(transparent)]
    Refused(#[from] SignError),
    /// The log has fewer events than were signed.
    #[error(
        "the log has {found} events, but the checkpoint of {signed} events was signed: it was restored from an older \
         backup or cut. Restore the newest backup. If events are really lost, begin a log with another origin"
    )]
    Truncated {
        /// Events that it has.
        found: u64,
        /// Events that were signed.
        signed: u64,
    },
    /// The first events of the log are not those that were signed.
    #[error(
        "the first {size} events of the log come to the root {found}, but {signed} was signed: the log was changed or \
         is another one. Restore the newest backup and find out who had access"
    )]
    Forked {
        /// Events that were signed.
        size: u64,
        /// The root that they come to.
        found: Hash,
        /// The root that was signed.
        signed: Hash,
    },
    /// The signer broke off.
    #[error("the signer broke off")]
    BrokeOff,
}

/// Signs checkpoints of one log.
pub struct Notary {
    tiles: Arc<Tiles>,
    log: Arc<dyn Reader>,
    origin: String,
    signer: Arc<Mutex<Signer>>,
    note: RwLock<Option<Arc<str>>>,
}

impl Notary {
    /// Makes the first key and the state of a signer in a directory of their own: `origin` names the
    /// log, the entropy is 32 random bytes. A directory that has a key is refused.
    pub fn create(directory: &Path, origin: &str, entropy: &[u8; 32]) -> Result<KeyRing, NotaryError> {
        Signer::create(&directory.join(STATE), directory, origin, entropy)?;
        Ok(KeyRing::open(directory)?)
    }

    /// Opens the signer in that directory and holds the log against what was signed last.
    pub async fn open(directory: &Path, tiles: Arc<Tiles>, log: Arc<dyn Reader>) -> Result<Self, NotaryError> {
        let signer = Signer::open(&directory.join(STATE), KeyRing::open(directory)?)?;
        if let Err(TilesError::OtherLog) = tiles.prepare().await {
            // They were of another log and are made anew from this one.
            tiles.prepare().await?;
        }
        let (head, last) = (log.head().await?, signer.last().clone());
        if head.size < last.size() {
            return Err(NotaryError::Truncated { found: head.size, signed: last.size() });
        }
        let found = tiles.root(last.size()).await?;
        if found != last.root() {
            return Err(NotaryError::Forked { size: last.size(), found, signed: last.root() });
        }
        let note = signer.last_note().map(|note| note.to_string().into());
        let origin = last.origin().to_owned();
        Ok(Self { tiles, log, origin, signer: Arc::new(Mutex::new(signer)), note: RwLock::new(note) })
    }

    /// The last signed checkpoint, a C2SP signed note; `None` if nothing has been signed yet.
    pub fn checkpoint(&self) -> Option<Arc<str>> {
        self.note.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has a checkpoint of the log as it is now signed: of what is durable, continuing what was signed
    /// before.
    pub async fn sign(&self) -> Result<(), NotaryError> {
        let head = self.log.head().await?;
        let last = self.with_signer(|signer| signer.last().size()).await?;
        let proof = self.tiles.consistency(last.min(head.size), head.size).await?;
        let checkpoint = Checkpoint::new(&self.origin, head.size, head.root)?;
        let note = self.with_signer(move |signer| signer.sign(&checkpoint, &proof)).await??;
        *self.note.write().unwrap_or_else(PoisonError::into_inner) = Some(note.to_string().into());
        Ok(())
    }

    /// Signs at once, and then every ten seconds if the log has grown, until `ended`.
    pub async fn follow(&self, mut heads: watch::Receiver<u64>, ended: CancellationToken) {
        loop {
            heads.mark_unchanged();
            if let Err(why) = self.sign().await {
                tracing::error!(error = &why as &dyn std::error::Error, "no checkpoint was signed");
            }
            let grown = async {
                tokio::time::sleep(EVERY).await;
                heads.changed().await
            };
            match ended.run_until_cancelled(grown).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    /// The signer waits for the disk, so it works on a thread where that keeps nobody.
    async fn with_signer<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Signer) -> T + Send + 'static,
    ) -> Result<T, NotaryError> {
        let signer = Arc::clone(&self.signer);
        let working = move || work(&mut signer.lock().unwrap_or_else(PoisonError::into_inner));
        tokio::task::spawn_blocking(working).await.map_err(|_| NotaryError::BrokeOff)
    }
}

#[cfg(test)]
mod tests;
