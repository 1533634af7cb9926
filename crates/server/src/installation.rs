//! The wiring: a data directory opened as a whole. Everything that the verbs work on.

use std::path::PathBuf;
use std::sync::Arc;

use sfs_command::{Clock, Entropy, ErasureError, Handler, Settings as HandlerSettings, SystemClock, SystemEntropy};
use sfs_eventlog::{EventLog, Limits, Reader};
use sfs_eventlog_sql::{OpenError, Settings as LogSettings};
use sfs_notary::{Notary, NotaryError, Signing, Tiles, TilesError};
use sfs_ops::{DataDirectory, DirectoryError, Ops, OpsError, Secret};
use sfs_readmodel::{ReadModelError, ReadModels};
use sfs_sql::Durability;

use crate::configuration::Configuration;
use crate::person_keys::{self, PersonKeysError};
use crate::reference::{self, ReferenceError};
use crate::vouching::{self, VouchingError};

/// Why a data directory could not be opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum InstallationError {
    /// The directory itself.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The log.
    #[error(transparent)]
    Log(#[from] OpenError),
    /// The operational state.
    #[error(transparent)]
    Ops(#[from] OpsError),
    /// The key store, or what wraps its keys.
    #[error(transparent)]
    PersonKeys(#[from] PersonKeysError),
    /// Erased persons could not be erased again.
    #[error(transparent)]
    Erasure(#[from] ErasureError),
    /// The read models.
    #[error(transparent)]
    ReadModels(#[from] ReadModelError),
    /// The tree of the log.
    #[error("the tiles of the log's tree cannot be opened; they can be deleted and are made again")]
    Tiles(#[from] TilesError),
    /// A store of the directory is gone.
    #[error("{} is missing, while the other stores of the data directory are there; restore it from a backup", .0.display())]
    StoreMissing(PathBuf),
    /// The log did not answer.
    #[error("the log did not answer")]
    Read(#[from] sfs_eventlog::ReadError),
    /// Who vouches for the log.
    #[error(transparent)]
    Vouching(#[from] VouchingError),
    /// The signer, or the log is not what it has signed.
    #[error(transparent)]
    Notary(#[from] NotaryError),
    /// The setting `signer` names no socket.
    #[error("the signer `{0}` is not `unix:` and the path of a socket")]
    SignerAddress(String),
    /// The signer signs for another log.
    #[error("the signer signs for `{signer}`, this log is `{log}`")]
    OtherSigner {
        /// Origin of its log.
        signer: String,
        /// Origin of ours.
        log: String,
    },
    /// The reference files of this program.
    #[error("the reference data of this program cannot be used")]
    Reference(#[source] &'static ReferenceError),
}

impl InstallationError {
    /// Whether the configuration has to be changed.
    pub const fn is_wrong_setting(&self) -> bool {
        matches!(self, Self::SignerAddress(_) | Self::Vouching(VouchingError::Policy { .. } | VouchingError::NoKey))
    }

    /// Whether the log is not what was signed.
    pub const fn is_invalid_log(&self) -> bool {
        matches!(self, Self::Notary(NotaryError::Truncated { .. } | NotaryError::Forked { .. }))
    }
}

/// How a data directory is opened.
pub struct Opening {
    /// Whether a missing one is made.
    pub create: bool,
    /// What a commit waits for.
    pub durability: Durability,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
}

impl Default for Opening {
    fn default() -> Self {
        Self {
            create: true,
            durability: Durability::Full,
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// An opened data directory.
pub struct Installation {
    /// The directory, locked for this process.
    pub directory: DataDirectory,
    /// Operational state.
    pub ops: Ops,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The write side.
    pub handler: Arc<Handler>,
    /// The read side.
    pub reads: Arc<ReadModels>,
    /// The tree of the log.
    pub tiles: Arc<Tiles>,
    /// Who signs checkpoints of the log, if there is a key.
    pub notary: Option<Arc<Notary>>,
    /// Name of the log.
    pub origin: String,
}

/// Where the log of a data directory lies.
pub fn log_path(configuration: &Configuration) -> PathBuf {
    configuration.data.join("log.db")
}

impl Installation {
    /// Opens the data directory: locks it, opens the log and checks it, holds it against what was signed
    /// last, reads what is needed.
    pub async fn open(configuration: &Configuration, opening: Opening) -> Result<Self, InstallationError> {
        let reference = Arc::clone(&reference::files().map_err(InstallationError::Reference)?.reference);
        let directory = DataDirectory::open(&configuration.data, opening.create)?;
        if directory.ops().exists() && !directory.log().exists() {
            return Err(InstallationError::StoreMissing(directory.log()));
        }
        let clock = Arc::clone(&opening.clock);
        let settings = LogSettings {
            origin: configuration.origin.clone(),
            create: opening.create,
            durability: opening.durability,
            limits: Limits { queue: configuration.queue, ..Limits::default() },
            readers: 4,
        };
        let log = sfs_eventlog_sql::open(&directory.log(), settings, move || clock.now_micros()).await?;
        let log: Arc<dyn EventLog> = Arc::new(log);
        if !directory.ops().exists() && log.head().await?.size > 0 {
            // Without it the keys are gone, and the secrets by which a repeated command is known.
            return Err(InstallationError::StoreMissing(directory.ops()));
        }
        if !directory.keys().exists() && log.head().await?.size > 0 {
            // What is sealed could never be opened, and nobody could tell it from what was erased.
            return Err(InstallationError::StoreMissing(directory.keys()));
        }
        let sealer = person_keys::sealer(configuration, &directory).await?;
        let ops = Ops::open(&directory.ops()).await?;
        let clock = Arc::clone(&opening.clock);
        let reads = ReadModels::open(&directory.read(), Arc::clone(&log), Arc::new(move || clock.now_micros())).await?;
        let reader: Arc<dyn Reader> = Arc::clone(&log) as Arc<dyn Reader>;
        let tiles = Arc::new(Tiles::open(&directory.tiles(), Arc::clone(&reader)).await?);
        let notary = notary(configuration, &directory, &tiles, reader, &ops).await?;
        let handler = Handler::new(HandlerSettings {
            log: Arc::clone(&log),
            reference,
            clock: opening.clock,
            entropy: opening.entropy,
            digest_key: ops.secret(Secret::CommandDigest),
            cached_events: configuration.cached_events,
            sealer: Some(sealer),
        });
        // A key store that was restored from a backup has keys of people who were erased since.
        let came_back = handler.destroy_again().await?;
        if came_back > 0 {
            tracing::warn!(
                keys = came_back,
                "keys that the log says were destroyed had come back and were destroyed again"
            );
        }
        Ok(Self {
            directory,
            ops,
            log,
            handler: Arc::new(handler),
            reads: Arc::new(reads),
            tiles,
            notary,
            origin: configuration.origin.clone(),
        })
    }

    /// Ends everything in order: what was accepted is finished, the read models stop after their page.
    pub async fn close(self) {
        self.log.close().await;
        self.reads.stop().await;
    }
}

/// The socket of the signer that is a process of its own, if that is so.
pub fn signer_socket(configuration: &Configuration) -> Result<Option<PathBuf>, InstallationError> {
    let Some(address) = &configuration.signer else { return Ok(None) };
    let path = address.strip_prefix("unix:").filter(|path| !path.is_empty());
    path.map(|path| Some(path.into())).ok_or_else(|| InstallationError::SignerAddress(address.clone()))
}

/// The signer, if there is one. It refuses a log that does not continue what it has signed, and whoever
/// appends without asking it would hide that: so one that does not answer is an error too.
async fn notary(
    configuration: &Configuration,
    directory: &DataDirectory,
    tiles: &Arc<Tiles>,
    log: Arc<dyn Reader>,
    ops: &Ops,
) -> Result<Option<Arc<Notary>>, InstallationError> {
    let outside = vouching::settings(configuration)?;
    let signing = match signer_socket(configuration)? {
        Some(socket) => Signing::There(socket),
        None if directory.signer().exists() => Signing::here(&directory.signer()).map_err(NotaryError::from)?,
        None => {
            vouching::check_without_key(configuration, ops).await?;
            return Ok(None);
        }
    };
    let notary = Notary::with(signing, Arc::clone(tiles), log, ops.clone(), outside).await?;
    if notary.origin() != configuration.origin {
        let (signer, log) = (notary.origin().to_owned(), configuration.origin.clone());
        return Err(InstallationError::OtherSigner { signer, log });
    }
    Ok(Some(Arc::new(notary)))
}
