//! What the routes share: the sides of the house, the settings, the keyed functions.

use std::sync::Arc;
use std::time::Duration;

use sfs_command::Handler;
use sfs_eventlog::EventLog;
use sfs_notary::{Notary, Tiles};
use sfs_ops::Ops;
use sfs_readmodel::ReadModels;
use tokio_util::sync::CancellationToken;

use crate::tokens::Tokens;

/// How much one key may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests per second, in the long run.
    pub per_second: u32,
    /// Requests at once.
    pub burst: u32,
}

/// What can be set about the service.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Longest time for an answer; streams of events are not bound by it.
    pub request_timeout: Duration,
    /// Largest body of one command, in bytes.
    pub command_bytes: usize,
    /// Largest list with mode=all, in bytes.
    pub bulk_all_bytes: usize,
    /// Most commands in a list with mode=all.
    pub bulk_all_lines: usize,
    /// Largest list with mode=each, in bytes.
    pub bulk_each_bytes: usize,
    /// Most commands in a list with mode=each.
    pub bulk_each_lines: usize,
    /// How often a silent stream says that it is alive.
    pub heartbeat: Duration,
    /// How much one key may ask for; `None` is as much as it can.
    pub rate_limit: Option<RateLimit>,
    /// Origins of web pages that may read answers in a browser. Nobody, unless stated.
    pub cors_origins: Vec<String>,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            request_timeout: Duration::from_secs(30),
            command_bytes: 64 * 1024,
            bulk_all_bytes: 16 * 1024 * 1024,
            bulk_all_lines: 1_000,
            bulk_each_bytes: 64 * 1024 * 1024,
            bulk_each_lines: 100_000,
            heartbeat: Duration::from_secs(15),
            rate_limit: Some(RateLimit { per_second: 200, burst: 2_000 }),
            cors_origins: Vec::new(),
        }
    }
}

/// What the service is made of.
#[derive(Clone)]
pub struct Api {
    /// The write side.
    pub handler: Arc<Handler>,
    /// The log.
    pub log: Arc<dyn EventLog>,
    /// The read side.
    pub reads: Arc<ReadModels>,
    /// The tree of the log.
    pub tiles: Arc<Tiles>,
    /// Who signs checkpoints, if there is a key.
    pub notary: Option<Arc<Notary>>,
    /// API keys and secrets.
    pub ops: Ops,
    /// The log's origin.
    pub origin: String,
    /// Limits and times.
    pub settings: ApiSettings,
    /// Cancelled when the service is to end.
    pub shutdown: CancellationToken,
}

/// The same with what is derived from it.
pub struct App {
    pub api: Api,
    pub tokens: Tokens,
}

/// What every handler is given.
pub type Shared = Arc<App>;

impl App {
    /// Derives what is needed.
    pub fn new(api: Api) -> Shared {
        let tokens = Tokens::new(&api.ops, &api.origin);
        Arc::new(Self { api, tokens })
    }

    /// Position of the last event, as far as this process knows.
    pub fn head(&self) -> u64 {
        *self.api.log.heads().borrow()
    }
}
