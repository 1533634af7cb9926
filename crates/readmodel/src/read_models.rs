//! The handle on all read models: open, start, stop, wait, ask.

use std::path::Path;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use sfs_eventlog::{Direction, EventLog, Filter, ReadError};
use sfs_sql::{Durability, SqlError, Stmt};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::catch_up::Pace;
use crate::follower::Follower;
use crate::generation::{Generation, Generations, Unusable};
use crate::recorded::with_sources;
use crate::runner::{self, Halted};
use crate::shared::{Live, Shared, unpoisoned};

/// Microseconds since 1970, UTC: the clock is injected.
pub type Now = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Why the read models are not open or not rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ReadModelError {
    /// The directory cannot be used.
    #[error("the directory {} cannot be used for read models", path.display())]
    Directory {
        /// The directory.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The read database cannot be made or read.
    #[error("the read models' database does not work")]
    Sql(#[from] SqlError),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Log(#[from] ReadError),
    /// A rebuild met what the runner stops at; the old read models go on serving.
    #[error("the rebuild stopped after position {}: {}", .0.position, .0.why)]
    Halted(Halted),
    /// A rebuild is under way already.
    #[error("the read models are being rebuilt already")]
    AlreadyRebuilding,
}

/// How far a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Progress {
    /// The position that it has reached.
    pub position: u64,
    /// The position that it has to reach.
    pub target: u64,
    /// Events per second so far.
    pub rate: f64,
    /// Seconds that are left at this rate.
    pub eta_seconds: f64,
}

impl Progress {
    pub(crate) fn at(position: u64, target: u64, micros: i64) -> Self {
        let rate = if micros > 0 { position as f64 * 1e6 / micros as f64 } else { 0.0 };
        let left = target.saturating_sub(position) as f64;
        Self { position, target, rate, eta_seconds: if rate > 0.0 { left / rate } else { 0.0 } }
    }
}

/// How the read models are.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// Everything up to this position is in the answers.
    pub position: u64,
    /// The last position of the log.
    pub head: u64,
    /// Events that are not yet in the answers.
    pub lag_events: u64,
    /// How long the oldest of them has been waiting, in seconds.
    pub lag_seconds: f64,
    /// Where and why the runner stands still.
    pub halted: Option<Halted>,
    /// How far a rebuild is, if one is under way.
    pub rebuilding: Option<Progress>,
    /// The number of the generation that serves.
    pub generation: u64,
    /// The version of the tables and projections.
    pub schema: String,
}

/// All read models of one log. Cheap to clone.
#[derive(Clone)]
pub struct ReadModels {
    pub(crate) shared: Arc<Shared>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl ReadModels {
    /// Opens the read models in that directory. What is missing, damaged, of another version of this
    /// program or of another log is put aside and built anew once [`start`](Self::start)ed; until
    /// then answers are not complete.
    pub async fn open(dir: &Path, log: Arc<dyn EventLog>, now: Now) -> Result<Self, ReadModelError> {
        Self::open_at(dir, log, now, Pace::default()).await
    }

    /// The same, with another pace.
    pub(crate) async fn open_at(
        dir: &Path,
        log: Arc<dyn EventLog>,
        now: Now,
        pace: Pace,
    ) -> Result<Self, ReadModelError> {
        let unusable = |source| ReadModelError::Directory { path: dir.to_path_buf(), source };
        let generations = Generations::at(dir).map_err(unusable)?;
        let head = log.head().await?.size;
        let (generation, follower, began_empty) = match usable(&generations, &*log, head).await? {
            Ok((generation, follower)) => (generation, follower, false),
            Err(why) => {
                tracing::warn!(why = with_sources(&why), "the read models are built anew");
                let number = generations.highest() + 1;
                let path = generations.path(number);
                let generation = Arc::new(Generation::create(path, number, Durability::Process, true).await?);
                let follower = Follower::take(Arc::clone(&generation)).await?;
                generations.set_current(number).map_err(unusable)?;
                (generation, follower, true)
            }
        };
        generations.remove_all_but(generation.number());
        generation.keep_wal_short().await?;
        let (position, complete_from) = (follower.position(), if began_empty { head } else { 0 });
        let live = Live { position, head: head.max(position), oldest: None, halted: None, complete_from };
        let shared = Shared {
            log,
            now,
            pace,
            generations,
            serving: RwLock::new(generation),
            follower: tokio::sync::Mutex::new(Some(follower)),
            swapped: Notify::new(),
            ending: CancellationToken::new(),
            rebuilding: Mutex::new(None),
            live: watch::Sender::new(live),
            began_empty,
        };
        Ok(Self { shared: Arc::new(shared), task: Arc::default() })
    }

    /// Starts to follow the log. Does nothing the second time.
    pub fn start(&self) {
        let mut task = unpoisoned(&self.task);
        if task.is_some() {
            return;
        }
        let models = self.clone();
        *task = Some(tokio::spawn(async move {
            let shared = &models.shared;
            if shared.began_empty && shared.head() > shared.pace.worth_a_rebuild {
                // If it stops, the runner will get as far and stop there too, and say so.
                match models.rebuild(|_| {}).await {
                    Ok(_) | Err(ReadModelError::AlreadyRebuilding) => {}
                    Err(why) => tracing::warn!(
                        error = &why as &dyn std::error::Error,
                        "the read models could not be built in one go"
                    ),
                }
            }
            runner::run(Arc::clone(shared)).await;
        }));
    }

    /// Stops following once the current page is written. Queries can still be asked.
    pub async fn stop(&self) {
        self.shared.ending.cancel();
        let task = unpoisoned(&self.task).take();
        if let Some(task) = task
            && let Err(why) = task.await
        {
            tracing::error!(error = %why, "the runner of the read models ended abnormally");
        }
    }

    /// Everything up to this position is in the answers.
    pub fn position(&self) -> u64 {
        self.shared.position()
    }

    /// How the read models are.
    pub fn status(&self) -> Status {
        let live = self.shared.live.borrow().clone();
        Status {
            position: live.position,
            head: live.head,
            lag_events: live.head.saturating_sub(live.position),
            lag_seconds: self.shared.lag_seconds(&live),
            halted: live.halted,
            rebuilding: *unpoisoned(&self.shared.rebuilding),
            generation: self.shared.generation().number(),
            schema: crate::projection::schema().to_b64(),
        }
    }

    /// Waits until everything up to that position is in the answers, at most that long. Answers
    /// whether it is; at once if the runner stands still before it.
    pub async fn wait_for(&self, position: u64, at_most: Duration) -> bool {
        let mut live = self.shared.live.subscribe();
        let decided = live.wait_for(|live| live.position >= position || live.halted.is_some());
        let decided = tokio::time::timeout(at_most, decided).await;
        matches!(decided, Ok(Ok(live)) if live.position >= position)
    }
}

/// Opens the generation that served last, if it is one of this log and this program.
async fn usable(
    generations: &Generations,
    log: &dyn EventLog,
    head: u64,
) -> Result<Result<(Arc<Generation>, Follower), Unusable>, ReadModelError> {
    let Some(number) = generations.current() else { return Ok(Err(Unusable::Missing)) };
    let generation = match Generation::open(generations.path(number), number).await {
        Ok(generation) => Arc::new(generation),
        Err(why) => return Ok(Err(why)),
    };
    let read = async {
        let follower = Follower::take(Arc::clone(&generation)).await?;
        let cursor = generation.db().fetch_optional(Stmt::new("select hash from cursor")).await?;
        let hash = cursor.map_or(Ok(Vec::new()), |row| row.blob(0).map(<[u8]>::to_vec))?;
        Ok::<_, SqlError>((follower, hash))
    };
    let (follower, hash) = match read.await {
        Ok(read) => read,
        Err(why) => return Ok(Err(why.into())),
    };
    let position = follower.position();
    if position > head {
        return Ok(Err(Unusable::OtherLog));
    }
    if position > 0 {
        let page = log.read(&Filter::default(), Direction::Forwards, position - 1, 1).await?;
        let same = page.events.first().is_some_and(|event| event.leaf_hash.as_bytes().as_slice() == hash);
        if !same {
            return Ok(Err(Unusable::OtherLog));
        }
    }
    Ok(Ok((generation, follower)))
}
