//! Building the read models from nothing: a new generation beside the one that serves, compared with
//! it if asked, and swapped in while the server goes on.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use sfs_eventlog::Reader;
use sfs_sql::{Db, Durability, SqlError};
use tokio_util::sync::CancellationToken;

use crate::catch_up::{Pace, catch_up};
use crate::digest::{Digest, digest_of};
use crate::follower::{Follower, Stop};
use crate::generation::{Generation, Generations, remove_files};
use crate::read_models::{Now, Progress, ReadModelError, ReadModels};
use crate::runner::Halted;
use crate::shared::{Shared, unpoisoned};

/// What a rebuild came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// The number of the generation that serves now.
    pub generation: u64,
    /// The position that it had reached when it was swapped in.
    pub position: u64,
    /// Tables whose content was another one before, if that was asked.
    pub differing: Option<Vec<TableDifference>>,
}

/// A table that a rebuild fills otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDifference {
    /// Its name.
    pub table: String,
    /// As it was.
    pub live: Option<Digest>,
    /// As a rebuild fills it.
    pub rebuilt: Option<Digest>,
}

impl std::fmt::Display for TableDifference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rows = |digest: &Option<Digest>| digest.map_or(0, |digest| digest.rows);
        write!(f, "{} ({} rows, rebuilt {})", self.table, rows(&self.live), rows(&self.rebuilt))
    }
}

/// Ends the note that a rebuild is under way, however it ends.
struct UnderWay<'a>(&'a Shared);

impl<'a> UnderWay<'a> {
    fn begin(shared: &'a Shared) -> Result<Self, ReadModelError> {
        let mut rebuilding = unpoisoned(&shared.rebuilding);
        if rebuilding.is_some() {
            return Err(ReadModelError::AlreadyRebuilding);
        }
        *rebuilding = Some(Progress::at(0, shared.head(), 0));
        Ok(Self(shared))
    }

    fn at(&self, progress: Progress) {
        *unpoisoned(&self.0.rebuilding) = Some(progress);
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *unpoisoned(&self.0.rebuilding) = None;
    }
}

impl ReadModels {
    /// Builds all read models anew and swaps them in; queries are answered all the while. A second
    /// rebuild at the same time is refused.
    pub async fn rebuild(&self, progress: impl FnMut(&Progress)) -> Result<Rebuilt, ReadModelError> {
        self.rebuild_with(false, progress).await
    }

    /// The same, and compares table by table what was with what is now. The runner rests meanwhile.
    pub async fn rebuild_and_compare(&self, progress: impl FnMut(&Progress)) -> Result<Rebuilt, ReadModelError> {
        self.rebuild_with(true, progress).await
    }

    async fn rebuild_with(
        &self,
        compare: bool,
        mut progress: impl FnMut(&Progress),
    ) -> Result<Rebuilt, ReadModelError> {
        let shared = &self.shared;
        let under_way = UnderWay::begin(shared)?;
        let number = shared.generations.highest() + 1;
        let path = shared.generations.path(number);
        let log: Arc<dyn Reader> = shared.log.clone();
        let begun = (shared.now)();
        let report = |position, target| {
            let now = Progress::at(position, target, (shared.now)() - begun);
            under_way.at(now);
            progress(&now);
        };
        // To be compared, it must not know more than what serves.
        let until = compare.then(|| shared.position());
        let built = build(&log, &path, number, until, shared.pace, &shared.ending, report).await;
        let generation = built.inspect_err(|_| remove_files(&path))?;
        let swapped = self.swap_in(generation, compare, &log).await;
        swapped.inspect_err(|_| remove_files(&path))
    }

    async fn swap_in(
        &self,
        generation: Generation,
        compare: bool,
        log: &Arc<dyn Reader>,
    ) -> Result<Rebuilt, ReadModelError> {
        let shared = &self.shared;
        let generation = Arc::new(generation);
        let mut new = Follower::take(Arc::clone(&generation)).await?;
        // From here on the old one does not move.
        let mut place = shared.follower.lock().await;
        let old_position = shared.position();
        if new.position() < old_position {
            let done =
                catch_up(log, &mut new, Some(old_position), shared.pace, &CancellationToken::new(), |_, _| {}).await;
            done.map_err(|why| stopped(new.position(), why))?;
        }
        let differing = match compare && new.position() == old_position {
            true => Some(compare_tables(shared.generation().db(), generation.db()).await?),
            false => None,
        };
        let directory = shared.generations.directory().to_path_buf();
        let unusable = |source| ReadModelError::Directory { path: directory, source };
        shared.generations.set_current(generation.number()).map_err(unusable)?;
        generation.keep_wal_short().await?;
        let rebuilt = Rebuilt { generation: generation.number(), position: new.position(), differing };
        shared.serve(generation).retire();
        shared.restarted(new.position());
        *place = Some(new);
        Ok(rebuilt)
    }
}

/// Builds a generation up to a position, or to the end of the log, and leaves it whole on the disk.
async fn build(
    log: &Arc<dyn Reader>,
    path: &Path,
    number: u64,
    until: Option<u64>,
    pace: Pace,
    ending: &CancellationToken,
    report: impl FnMut(u64, u64),
) -> Result<Generation, ReadModelError> {
    let generation = Generation::create(path.to_path_buf(), number, Durability::None, false).await?;
    let mut follower = Follower::take(Arc::new(generation)).await?;
    catch_up(log, &mut follower, until, pace, ending, report).await.map_err(|why| stopped(follower.position(), why))?;
    follower.create_indexes().await?;
    let built = Arc::clone(follower.generation());
    follower.close().await?;
    built.db().close().await;
    let directory = |source| ReadModelError::Directory { path: path.to_path_buf(), source };
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(directory)?;
    Generation::open(path.to_path_buf(), number).await.map_err(|why| match why {
        crate::generation::Unusable::Sql(why) => ReadModelError::Sql(why),
        other => directory(std::io::Error::other(other)),
    })
}

fn stopped(position: u64, why: Stop) -> ReadModelError {
    match why {
        Stop::Sql(why) => why.into(),
        Stop::Log(why @ sfs_eventlog::ReadError::Storage(_)) => why.into(),
        why => ReadModelError::Halted(Halted::of(position, &why)),
    }
}

async fn compare_tables(live: &Db, rebuilt: &Db) -> Result<Vec<TableDifference>, SqlError> {
    let (live, rebuilt) = (digest_of(live).await?, digest_of(rebuilt).await?);
    Ok(differences(&live, &rebuilt))
}

fn differences(live: &BTreeMap<String, Digest>, rebuilt: &BTreeMap<String, Digest>) -> Vec<TableDifference> {
    let names: std::collections::BTreeSet<&String> = live.keys().chain(rebuilt.keys()).collect();
    names
        .into_iter()
        .filter(|name| live.get(*name) != rebuilt.get(*name))
        .map(|name| TableDifference {
            table: name.clone(),
            live: live.get(name).copied(),
            rebuilt: rebuilt.get(name).copied(),
        })
        .collect()
}

/// Compares the read models in that directory, which nobody may be following, with a rebuild to the
/// same position that is thrown away afterwards. Answers the tables that differ; none if there are no
/// read models yet. `progress` is told positions read and to be read.
pub async fn compare_with_rebuild(
    dir: &Path,
    log: Arc<dyn Reader>,
    now: Now,
    mut progress: impl FnMut(u64, u64),
) -> Result<Vec<TableDifference>, ReadModelError> {
    let unusable = |source| ReadModelError::Directory { path: dir.to_path_buf(), source };
    if !dir.exists() {
        return Ok(Vec::new());
    }
    let generations = Generations::at(dir).map_err(unusable)?;
    let Some(number) = generations.current() else { return Ok(Vec::new()) };
    let live = match Generation::open(generations.path(number), number).await {
        Ok(live) => live,
        Err(crate::generation::Unusable::Sql(why)) => return Err(why.into()),
        Err(why) => return Err(unusable(std::io::Error::other(why))),
    };
    let cursor = live.db().fetch_optional(sfs_sql::Stmt::new("select position from cursor")).await?;
    let position = cursor.map_or(Ok(0), |row| row.int(0))? as u64;
    let path = generations.passing((now)());
    let built = match position {
        0 => Generation::create(path.clone(), 0, Durability::None, true).await.map_err(ReadModelError::from),
        _ => build(&log, &path, 0, Some(position), Pace::default(), &CancellationToken::new(), &mut progress).await,
    };
    let compared = match built {
        Ok(rebuilt) => {
            let compared = compare_tables(live.db(), rebuilt.db()).await;
            rebuilt.db().close().await;
            compared.map_err(ReadModelError::from)
        }
        Err(why) => Err(why),
    };
    live.db().close().await;
    remove_files(&path);
    compared
}
