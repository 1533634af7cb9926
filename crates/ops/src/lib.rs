//! What the running of the installation needs and the log does not hold: the data directory with
//! its lock, the digests of API keys, the installation's own secrets, checkpoints that others vouch for.

mod api_key;
mod checkpoints;
mod directory;
mod store;

pub use api_key::{ApiKeySecret, KeyDigest, NotAnApiKey};
pub use checkpoints::KeptCheckpoint;
pub use directory::{DataDirectory, DirectoryError};
pub use store::{ApiKeyRecord, Ops, OpsError, Secret};
