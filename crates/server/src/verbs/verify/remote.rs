//! A server: with a key all events as it serves them (level 2), without one its checkpoint and that the
//! log continues the remembered one (level 0). Nothing that it answers is believed.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::time::Duration;

use sfs_ledger::{
    Checkpoint, Hash, MAX_NOTE_BYTES, Outcome, ProofPlan, Replay, Report, TILE_WIDTH, Tile, TilePath,
    verify_checkpoint, verify_growth,
};
use ureq::Agent;
use ureq::http::StatusCode;

use super::super::VerbError;
use super::answer::Verified;
use super::{Trust, read_file};
use crate::cli::VerifyArgs;
use crate::progress::Shown;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bundle of 256 leaves of 65,535 bytes, each after two bytes.
const MAX_ENTRIES: u64 = TILE_WIDTH * 65_537;

pub(super) async fn verify(url: &str, args: &VerifyArgs, trust: Trust, json: bool) -> Result<Verified, VerbError> {
    trust.policy()?;
    let token = match &args.token_file {
        Some(path) => Some(String::from_utf8_lossy(&read_file(path)?).trim().to_owned()),
        None => None,
    };
    let server = Server::new(url, token);
    // The client waits on the thread that it is called on.
    let work = tokio::task::spawn_blocking(move || verify_server(&server, &trust, json));
    work.await.map_err(VerbError::defect)?
}

fn verify_server(server: &Server, trust: &Trust, json: bool) -> Result<Verified, VerbError> {
    let mut report = Report::default();
    let level = if server.token.is_some() { 2 } else { 0 };
    let note = server.get("checkpoint", MAX_NOTE_BYTES as u64, false)?;
    let Some(note) = note else {
        report.find(0, "checkpoint", Outcome::Incomplete, "the server has none");
        return Ok(Verified { level, report, ..Verified::default() });
    };
    let checkpoint = verify_checkpoint(&note, &trust.terms(trust.policy()?, &[]), &mut report);
    if let Some(checkpoint) = checkpoint {
        if level == 2 {
            replay(server, &checkpoint, trust, json, &mut report)?;
        } else {
            grown(server, &checkpoint, trust, &mut report)?;
            report.skip("the events: without --token-file only the checkpoint was read");
        }
    }
    report.skip("open bodies, read models and figures: a server shows them, a bundle or a data directory proves them");
    report.skip_the_unprovable();
    Ok(Verified { level, report, note: Some(note), ..Verified::default() })
}

/// Level 2: reads all events.
fn replay(
    server: &Server,
    checkpoint: &Checkpoint,
    trust: &Trust,
    json: bool,
    report: &mut Report,
) -> Result<(), VerbError> {
    let mut replay = Replay::new(checkpoint, trust.remembered.as_ref());
    let shown = Shown::start("Journal prüfen", json);
    while let Some(tile) = replay.next() {
        let (entries, hashes) = (server.tile(TilePath::Entries(tile))?, server.tile(TilePath::Hashes(tile))?);
        let (Some(entries), Some(hashes)) = (entries, hashes) else {
            let what = format!("the server has no entries or hashes for tile {}", tile.index());
            report.find(tile.leaves().start + 1, "tile", Outcome::Incomplete, what);
            break;
        };
        if !replay.entries(tile, &entries, &hashes, report) {
            break;
        }
        shown.at(tile.leaves().end, checkpoint.size());
    }
    if replay.next().is_none() {
        for tile in replay.tiles_above() {
            match server.tile(TilePath::Hashes(tile))? {
                Some(hashes) => replay.tile_above(tile, &hashes, report),
                None => {
                    report.find(0, "tile", Outcome::Incomplete, format!("the server has no {}", TilePath::Hashes(tile)))
                }
            }
        }
    }
    shown.end();
    replay.finish(report);
    Ok(())
}

/// Level 0: only whether the log continues the remembered one, from its hash tiles.
fn grown(server: &Server, checkpoint: &Checkpoint, trust: &Trust, report: &mut Report) -> Result<(), VerbError> {
    let Some(remembered) = &trust.remembered else {
        report.skip("whether the log continues what was known of it: no checkpoint was remembered");
        return Ok(());
    };
    if remembered.size() > checkpoint.size() && remembered.origin() == checkpoint.origin() {
        let (had, has) = (remembered.size(), checkpoint.size());
        let what = format!("{had} events were remembered, and the log has {has}");
        report.find(0, "consistency", Outcome::Inconsistent, what);
        return Ok(());
    }
    let mut proof = None;
    if let Ok(plan) = ProofPlan::consistency(remembered.size(), checkpoint.size()) {
        let mut tiles: BTreeMap<Tile, Vec<Hash>> = BTreeMap::new();
        for tile in plan.tiles() {
            let bytes = server.tile(TilePath::Hashes(tile))?;
            tiles.extend(bytes.and_then(|bytes| Some((tile, tile.hashes(&bytes).ok()?))));
        }
        let hashes = plan.compute(|tile| tiles.get(&tile).map(Vec::as_slice));
        proof = hashes.ok().map(|hashes| (remembered.size(), hashes));
    }
    verify_growth(remembered, checkpoint, proof.as_ref(), report);
    Ok(())
}

struct Server {
    agent: Agent,
    base: String,
    token: Option<String>,
}

impl Server {
    fn new(url: &str, token: Option<String>) -> Self {
        // Whoever is asked answers: a key is not carried to another place.
        let config =
            Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).max_redirects(0);
        Self { agent: config.build().into(), base: url.trim_end_matches('/').to_owned(), token }
    }

    /// The body of an answer, up to `limit` bytes; `None` if there is no such thing.
    fn get(&self, path: &str, limit: u64, with_token: bool) -> Result<Option<Vec<u8>>, VerbError> {
        let url = format!("{}/{path}", self.base);
        let unusable = |why: String| VerbError::unusable(format!("{url}: {why}"));
        let mut request = self.agent.get(&url);
        if let Some(token) = self.token.as_ref().filter(|_| with_token) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.call().map_err(|why| unusable(why.to_string()))?;
        match answer.status() {
            StatusCode::OK => {
                let mut bytes = Vec::new();
                let body = answer.into_body().into_reader();
                body.take(limit + 1).read_to_end(&mut bytes).map_err(|why| unusable(why.to_string()))?;
                if bytes.len() as u64 > limit {
                    Err(unusable("the answer is too long".into()))
                } else {
                    Ok(Some(bytes))
                }
            }
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(unusable(format!("the server answers {status}"))),
        }
    }

    /// A tile, or the beginning of the full one that has replaced it.
    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, VerbError> {
        let get = |path: TilePath| match path {
            TilePath::Hashes(_) => self.get(&path.to_string(), 32 * TILE_WIDTH, false),
            TilePath::Entries(_) => self.get(&path.to_string(), MAX_ENTRIES, true),
        };
        if let Some(bytes) = get(path)? {
            return Ok(Some(bytes));
        }
        let full = match path {
            TilePath::Hashes(tile) => tile.full().map(TilePath::Hashes),
            TilePath::Entries(tile) => tile.full().map(TilePath::Entries),
        };
        let Some(full) = full.filter(|_| !path.tile().is_full()) else { return Ok(None) };
        Ok(get(full)?.map(|mut bytes| {
            bytes.truncate(beginning(path, &bytes));
            bytes
        }))
    }
}

/// How many bytes of the full tile are the partial one's.
fn beginning(path: TilePath, full: &[u8]) -> usize {
    match path {
        TilePath::Hashes(tile) => (32 * tile.width()) as usize,
        TilePath::Entries(tile) => (0..tile.width()).fold(0, |at, _| {
            let length = full.get(at..at + 2).map_or(0, |bytes| usize::from(bytes[0]) << 8 | usize::from(bytes[1]));
            at + 2 + length
        }),
    }
}
