//! The idempotency window: what tells a repeated command from another one under its id is forgotten after
//! 30 days, so that nothing made of what was said stays longer than it is of use.

use std::time::Duration;

use sfs_eventlog::AppendError;
use tokio_util::sync::CancellationToken;

use crate::handler::Handler;

/// How long a command can be repeated under its key, in microseconds: 30 days.
const WINDOW: i64 = 30 * 24 * 3_600 * 1_000_000;

/// How often is looked what is older.
const EVERY: Duration = Duration::from_secs(24 * 3_600);

impl Handler {
    /// Forgets at once what is older than the window, and then every day, until `ended`.
    pub async fn follow_window(&self, ended: CancellationToken) {
        loop {
            match self.forget_old().await {
                Ok(0) => {}
                Ok(forgotten) => tracing::info!(forgotten, "digests of old commands were forgotten"),
                Err(why) => {
                    tracing::warn!(error = &why as &dyn std::error::Error, "digests of old commands are still there");
                }
            }
            if ended.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                return;
            }
        }
    }

    /// Forgets what is older than the window; answers how many. In portions, so that nobody waits long.
    pub async fn forget_old(&self) -> Result<u64, AppendError> {
        let before = self.clock().now_micros() - WINDOW;
        let mut all = 0;
        loop {
            match self.log.forget_digests(before).await? {
                0 => return Ok(all),
                some => all += some,
            }
        }
    }
}
