//! Who asks.

use std::sync::Arc;

use sfs_domain::{Grant, PrincipalId, Role, Scope};
use uuid::Uuid;

/// Who asks, with what they may, as loaded from the log.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Pseudonym; stands in the leaf.
    pub principal: PrincipalId,
    /// What they hold.
    pub grants: Arc<[Grant]>,
    /// The stream and version that the grants were read from: an append is refused if they have
    /// changed since, so that a revoked grant never allows anything.
    pub read: Option<(Arc<str>, u64)>,
}

impl Caller {
    /// Somebody at the console of the machine, with the data directory in hand: may grant roles and
    /// issue keys, like an administrator. This is how the first principal comes to be.
    pub fn console() -> Self {
        Self {
            principal: PrincipalId(Uuid::nil()),
            grants: Arc::new([Grant { role: Role::Administrator, scope: Scope::State {}, until: None }]),
            read: None,
        }
    }

    /// The program itself, for commands that nobody else may send.
    pub fn system() -> Self {
        Self {
            principal: PrincipalId(Uuid::nil()),
            grants: Arc::new([Grant { role: Role::System, scope: Scope::State {}, until: None }]),
            read: None,
        }
    }
}
