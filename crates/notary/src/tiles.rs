//! The tiles of a log, in a database of their own: derived from the log, made again when they do not
//! fit it. Only full tiles are stored; what is at the end of the tree is computed from them and from
//! the log.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sfs_eventlog::{Direction, Filter, ReadError, Reader};
use sfs_ledger::{Hash, MissingTile, ProofError, ProofPlan, TILE_WIDTH, Tile, TileError, tile_root};
use sfs_sql::{Db, Durability, Options, SqlError, Stmt, Writer};
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

/// What stands in the file's header so that it is known: "SfSt".
const APPLICATION_ID: u32 = 0x5366_5374;

/// Tiles that are written in one transaction, after as large a page of the log: events come with their
/// bodies, so more of them at once would take tens of MiB.
const TILES_PER_COMMIT: u64 = 4;

/// Hashes of a large proof that are computed at a time: their tiles are at most 256 times as large.
const HASHES_PER_PIECE: usize = 1_024;

/// How long the log may have grown before full tiles are looked for.
const EVERY: Duration = Duration::from_secs(1);

/// Why there is no tile or no proof.
#[derive(Debug, thiserror::Error)]
pub enum TilesError {
    /// The database of the tiles.
    #[error("the tiles cannot be read or written")]
    Database(#[from] SqlError),
    /// The log that they are made of.
    #[error("the log did not answer")]
    Log(#[from] ReadError),
    /// No tree has such a leaf or such sizes.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The tree does not have it.
    #[error(transparent)]
    Missing(#[from] MissingTile),
    /// They are still being made or checked.
    #[error("the tiles are not complete yet")]
    NotReady,
    /// They do not come to the root of the log.
    #[error("the tiles do not come to the root of the log; they are made anew")]
    OtherLog,
    /// A stored tile is not what was written.
    #[error("a stored tile is damaged")]
    Damaged(#[from] TileError),
}

/// The tiles of one log.
pub struct Tiles {
    /// None if this process only looks on and there are none.
    db: Option<Db>,
    /// None in a process that only looks on.
    writer: Option<Mutex<Writer>>,
    log: Arc<dyn Reader>,
    /// Leaves below the full tiles of level 0 that are stored.
    sealed: AtomicU64,
    /// What the unfinished tiles above level 0 have so far, by the level below and their place.
    roots: Mutex<HashMap<(u8, u64), Vec<Hash>>>,
    /// Whether they have been checked against the log.
    ready: AtomicBool,
}

impl Tiles {
    /// Opens the tiles of that log; [`Tiles::prepare`] makes them complete.
    pub async fn open(path: &Path, log: Arc<dyn Reader>) -> Result<Self, TilesError> {
        if !sfs_sql::is_database_of(path, APPLICATION_ID) {
            for suffix in ["db", "db-wal", "db-shm"] {
                // Whatever it is, it is not a store of ours; usually there is none.
                let _ = std::fs::remove_file(path.with_extension(suffix));
            }
            let fill = async |writer: &mut Writer| writer.run_script(include_str!("tiles.sql")).await;
            Db::make(path, APPLICATION_ID, Durability::Process, fill).await?;
        }
        let options = Options { create: false, durability: Durability::Process, readers: 2, ..Options::default() };
        let db = Db::open(path, Options { cache_kib: 512, writer_cache_kib: 512, ..options }).await?;
        let writer = Mutex::new(db.writer().await?);
        let full = db.fetch_optional(Stmt::new("select count(*) from tile where level = 0")).await?;
        let sealed = full.map_or(Ok(0), |row| row.int(0))? as u64 * TILE_WIDTH;
        let tiles = Self::of(Some(db), log);
        tiles.sealed.store(sealed, Ordering::Release);
        Ok(Self { writer: Some(writer), ..tiles })
    }

    /// For a process beside the one that makes the tiles: it reads those that are stored, makes the
    /// others of the log, and stores none. What comes of them is to be held against a signed root.
    pub async fn look_on(path: &Path, log: Arc<dyn Reader>) -> Result<Self, TilesError> {
        let options = Options { create: false, readers: 1, cache_kib: 512, ..Options::default() };
        let db =
            if sfs_sql::is_database_of(path, APPLICATION_ID) { Some(Db::open(path, options).await?) } else { None };
        let tiles = Self::of(db, log);
        tiles.ready.store(true, Ordering::Release);
        Ok(tiles)
    }

    fn of(db: Option<Db>, log: Arc<dyn Reader>) -> Self {
        let (sealed, ready) = (AtomicU64::new(0), AtomicBool::new(false));
        Self { db, writer: None, log, sealed, roots: Mutex::default(), ready }
    }

    /// Stores what is missing and checks all of it against the root of the log; until this has been
    /// done there are no proofs. Tiles of another log are made anew.
    pub async fn prepare(&self) -> Result<(), TilesError> {
        let head = self.log.head().await?;
        if self.sealed() > head.size {
            self.discard().await?;
        }
        self.seal(head.size).await?;
        let root = self.compute(&ProofPlan::root(head.size)?).await?;
        if root.first() != Some(&head.root) {
            self.discard().await?;
            return Err(TilesError::OtherLog);
        }
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    async fn discard(&self) -> Result<(), TilesError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        writer.lock().await.execute(Stmt::new("delete from tile")).await?;
        self.roots.lock().await.clear();
        self.sealed.store(0, Ordering::Release);
        Ok(())
    }

    /// Leaves below the full tiles that are stored.
    pub fn sealed(&self) -> u64 {
        self.sealed.load(Ordering::Acquire)
    }

    /// Stores the full tiles of the tree as the log grows, until `ended`.
    pub async fn follow(&self, mut heads: watch::Receiver<u64>, ended: CancellationToken) {
        while !ended.is_cancelled() {
            let size = *heads.borrow_and_update();
            let done = if self.ready.load(Ordering::Acquire) { self.seal(size).await } else { self.prepare().await };
            if let Err(why) = done {
                tracing::warn!(error = &why as &dyn std::error::Error, "the tiles could not be made");
            }
            // Not at every append, and once more after a failure.
            let pause = async {
                tokio::time::sleep(EVERY).await;
                if self.ready.load(Ordering::Acquire) { heads.changed().await } else { Ok(()) }
            };
            match ended.run_until_cancelled(pause).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return,
            }
        }
    }

    /// Stores the full tiles of the tree of that size.
    pub async fn seal(&self, size: u64) -> Result<(), TilesError> {
        let Some(writer) = &self.writer else { return Ok(()) };
        let mut writer = writer.lock().await;
        while self.sealed() + TILE_WIDTH <= size {
            let first = self.sealed() / TILE_WIDTH;
            let tiles = (size / TILE_WIDTH - first).min(TILES_PER_COMMIT);
            let hashes = self.leaf_hashes(first * TILE_WIDTH, tiles * TILE_WIDTH).await?;
            let full: Vec<&[Hash]> = hashes.chunks_exact(TILE_WIDTH as usize).collect();
            if full.is_empty() {
                return Ok(());
            }
            writer.begin().await?;
            if let Err(why) = store_all(&mut writer, first, &full).await {
                // The connection is not to stay within a transaction that nobody ends.
                writer.rollback().await?;
                return Err(why);
            }
            writer.checkpoint(false).await?;
            self.sealed.store((first + full.len() as u64) * TILE_WIDTH, Ordering::Release);
        }
        Ok(())
    }

    /// The hashes of a tile of the log's tree. The log must have grown so far.
    pub async fn tile(&self, tile: Tile) -> Result<Vec<Hash>, TilesError> {
        self.check_ready()?;
        self.hashes(tile).await
    }

    fn check_ready(&self) -> Result<(), TilesError> {
        if self.ready.load(Ordering::Acquire) { Ok(()) } else { Err(TilesError::NotReady) }
    }

    async fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, TilesError> {
        let stored = self.stored(tile.level(), tile.index()..tile.index() + 1).await?;
        if let Some(mut hashes) = stored.into_iter().next() {
            hashes.truncate(tile.width() as usize);
            return Ok(hashes);
        }
        let first = tile.index() * TILE_WIDTH;
        let hashes = match tile.level().checked_sub(1) {
            None => self.leaf_hashes(first, tile.width()).await?,
            Some(below) => {
                // Not held while tiles are fetched: those below may need it too.
                let place = (below, tile.index());
                let mut known = self.roots.lock().await.get(&place).cloned().unwrap_or_default();
                for below_tile in self.full_tiles(below, first + known.len() as u64..first + tile.width()).await? {
                    known.push(tile_root(&below_tile));
                }
                let hashes = known.iter().take(tile.width() as usize).copied().collect();
                let mut roots = self.roots.lock().await;
                // A full tile is stored soon, unless nobody here stores it.
                if known.len() < TILE_WIDTH as usize || self.writer.is_none() {
                    roots.insert(place, known);
                } else {
                    roots.remove(&place);
                }
                hashes
            }
        };
        if hashes.len() as u64 == tile.width() { Ok(hashes) } else { Err(MissingTile(tile).into()) }
    }

    /// The hash of the leaf of the event at a position (from 1).
    pub async fn leaf_hash(&self, position: u64) -> Result<Hash, TilesError> {
        let index = position.checked_sub(1).ok_or(ProofError::OutOfRange)?;
        let hashes = self.leaf_hashes(index, 1).await?;
        hashes.first().copied().ok_or(TilesError::Proof(ProofError::OutOfRange))
    }

    /// The root of the tree of that size.
    pub async fn root(&self, size: u64) -> Result<Hash, TilesError> {
        let root = self.prove(&ProofPlan::root(size)?).await?;
        Ok(root.first().copied().unwrap_or_else(sfs_ledger::root_of_empty_tree))
    }

    /// The inclusion proof of the event at a position (from 1) in the tree of that size
    /// (RFC 9162 §2.1.3.1).
    pub async fn inclusion(&self, position: u64, size: u64) -> Result<Vec<Hash>, TilesError> {
        let index = position.checked_sub(1).ok_or(ProofError::OutOfRange)?;
        self.prove(&ProofPlan::inclusion(index, size)?).await
    }

    /// The proof that the tree of size `to` continues the one of size `from` (RFC 9162 §2.1.4.1).
    pub async fn consistency(&self, from: u64, to: u64) -> Result<Vec<Hash>, TilesError> {
        self.prove(&ProofPlan::consistency(from, to)?).await
    }

    /// One proof of the events at these positions (from 1, strictly ascending) in the tree of that size:
    /// see [`sfs_ledger::verify_multiproof`]. Few tiles are in memory at a time.
    pub async fn multiproof(&self, positions: &[u64], size: u64) -> Result<Vec<Hash>, TilesError> {
        self.check_ready()?;
        let indexes = positions.iter().map(|position| position.checked_sub(1).ok_or(ProofError::OutOfRange));
        let plan = ProofPlan::multiproof(&indexes.collect::<Result<Vec<_>, _>>()?, size)?;
        let mut proof = Vec::new();
        for piece in plan.pieces(HASHES_PER_PIECE) {
            proof.extend(self.compute(&piece).await?);
        }
        Ok(proof)
    }

    async fn prove(&self, plan: &ProofPlan) -> Result<Vec<Hash>, TilesError> {
        self.check_ready()?;
        self.compute(plan).await
    }

    async fn compute(&self, plan: &ProofPlan) -> Result<Vec<Hash>, TilesError> {
        let mut fetched = HashMap::new();
        for tile in plan.tiles() {
            fetched.insert(tile, self.hashes(tile).await?);
        }
        Ok(plan.compute(|tile| fetched.get(&tile).map(Vec::as_slice))?)
    }

    /// Full tiles of a level, stored or not yet: those behind the stored ones are made of the log.
    async fn full_tiles(&self, level: u8, indexes: std::ops::Range<u64>) -> Result<Vec<Vec<Hash>>, TilesError> {
        let mut tiles = self.stored(level, indexes.clone()).await?;
        for index in indexes.skip(tiles.len()) {
            let tile = Tile::new(level, index, TILE_WIDTH)?;
            tiles.push(Box::pin(self.hashes(tile)).await?);
        }
        Ok(tiles)
    }

    /// The stored tiles of these places, without a gap from the first.
    async fn stored(&self, level: u8, indexes: std::ops::Range<u64>) -> Result<Vec<Vec<Hash>>, TilesError> {
        let range =
            Stmt::new("select place, hashes from tile where level = $1 and place >= $2 and place < $3 order by place")
                .int(i64::from(level))
                .int(indexes.start as i64)
                .int(indexes.end as i64);
        let mut tiles = Vec::new();
        let Some(db) = &self.db else { return Ok(tiles) };
        for (row, index) in db.fetch_all(range).await?.iter().zip(indexes) {
            if row.int(0)? as u64 != index {
                break;
            }
            tiles.push(Tile::new(level, index, TILE_WIDTH)?.hashes(row.blob(1)?)?);
        }
        Ok(tiles)
    }

    /// The hashes of so many leaves from an index (from 0), as far as the log has them.
    async fn leaf_hashes(&self, first: u64, count: u64) -> Result<Vec<Hash>, TilesError> {
        let filter = Filter::default();
        let page = self.log.read(&filter, Direction::Forwards, first, count as usize).await?;
        Ok(page.events.iter().map(|event| event.leaf_hash).collect())
    }
}

/// Stores full tiles of level 0 from a place on, and what has become full above them; commits.
async fn store_all(writer: &mut Writer, first: u64, full: &[&[Hash]]) -> Result<(), TilesError> {
    for (index, hashes) in (first..).zip(full) {
        store(writer, 0, index, hashes).await?;
    }
    store_above(writer, first, first + full.len() as u64).await?;
    writer.commit().await?;
    Ok(())
}

async fn store(writer: &mut Writer, level: u8, index: u64, hashes: &[Hash]) -> Result<(), TilesError> {
    let bytes = Tile::new(level, index, TILE_WIDTH)?.bytes(hashes)?;
    let insert = Stmt::new("insert into tile (level, place, hashes) values ($1, $2, $3)");
    writer.execute(insert.int(i64::from(level)).int(index as i64).blob(bytes)).await?;
    Ok(())
}

/// Stores the tiles that have become full above the tiles `first..end` of level 0.
async fn store_above(writer: &mut Writer, first: u64, end: u64) -> Result<(), TilesError> {
    let (mut level, mut first, mut end) = (0_u8, first, end);
    while first / TILE_WIDTH < end / TILE_WIDTH {
        for index in first / TILE_WIDTH..end / TILE_WIDTH {
            let below =
                Stmt::new("select hashes from tile where level = $1 and place >= $2 and place < $3 order by place")
                    .int(i64::from(level))
                    .int((index * TILE_WIDTH) as i64)
                    .int(((index + 1) * TILE_WIDTH) as i64);
            let mut hashes = Vec::with_capacity(TILE_WIDTH as usize);
            for row in writer.fetch_all(below).await? {
                hashes.push(tile_root(&Tile::new(level, 0, TILE_WIDTH)?.hashes(row.blob(0)?)?));
            }
            store(writer, level + 1, index, &hashes).await?;
        }
        (level, first, end) = (level + 1, first / TILE_WIDTH, end / TILE_WIDTH);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
