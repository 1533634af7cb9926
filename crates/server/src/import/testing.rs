//! What the tests of import and simulation begin with: a write side on a log in memory and a clock that they set.

use std::sync::Arc;

use sfs_command::{Caller, Clock, Handler, ManualClock, Request, SeededEntropy, Settings};
use sfs_domain::catalogue::command_entry;
use sfs_domain::{Command, Grant, PrincipalId, Role, Scope, principal};
use sfs_eventlog::memory::Memory;
use sfs_eventlog::{EventLog, Limits, Reader};
use sfs_ledger::Head;
use uuid::Uuid;

use crate::reference::files;

/// Microseconds since 1970 of an instant in UTC.
pub fn at(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

/// A write side with its log and its clock.
pub struct Subject {
    /// The write side.
    pub handler: Handler,
    /// What its clock and the log's clock show.
    pub clock: ManualClock,
    /// The log.
    pub log: Arc<dyn EventLog>,
}

impl Subject {
    /// A new one in memory.
    pub async fn new(now: i64) -> Self {
        let clock = ManualClock::at(now);
        let told = clock.clone();
        let log: Arc<dyn EventLog> = Arc::new(Memory::default().start(Limits::default(), move || told.now_micros()));
        Self::on(log, clock)
    }

    /// One on that log.
    pub fn on(log: Arc<dyn EventLog>, clock: ManualClock) -> Self {
        let settings = Settings {
            log: Arc::clone(&log),
            reference: Arc::clone(&files().unwrap().reference),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(1)),
            digest_key: [7; 32],
            cached_events: 400_000,
            sealer: None,
        };
        Self { handler: Handler::new(settings), clock, log }
    }

    /// Somebody with that role, granted outside of the log.
    pub async fn somebody(&self, role: Role, scope: Scope) -> Caller {
        let principal = PrincipalId(Uuid::from_u128(role as u128 + 100));
        Caller { principal, grants: Arc::new([Grant { role, scope, until: None }]), read: None }
    }

    /// Somebody of the ministry, granted outside of the log.
    pub async fn ministry(&self) -> Caller {
        self.somebody(Role::Ministry, Scope::State {}).await
    }

    /// Somebody with that role, granted at the console.
    pub async fn granted(&self, role: Role, scope: Scope) -> Caller {
        let principal = PrincipalId(Uuid::from_u128(role as u128 + 200));
        let grant = principal::Command::GrantRole { principal, grant: Grant { role, scope, until: None } };
        let entry = command_entry("grant-role").unwrap();
        let request = Request::new(entry, Command::Principal(grant), Uuid::from_u128(role as u128 + 300));
        self.handler.handle(&Caller::console(), &request).await.unwrap();
        self.handler.caller(principal).await.unwrap()
    }

    /// Where the log ends.
    pub async fn head(&self) -> Head {
        Reader::head(&*self.log).await.unwrap()
    }
}
