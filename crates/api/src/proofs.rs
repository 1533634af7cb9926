//! Proofs that the log only grows and that an event is in it (RFC 9162), and the tiles that anybody
//! can compute them from (C2SP tlog-tiles).

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use sfs_eventlog::{Direction, Filter};
use sfs_feed::Visibility;
use sfs_ledger::{Checkpoint, Hash, SignedNote, Tile, TilePath, TlogProof, write_bundle};
use sfs_notary::TilesError;

use crate::answers::json_response;
use crate::app::Shared;
use crate::auth::authenticate;
use crate::kinds;
use crate::language::Text;
use crate::params::Params;
use crate::problem::Problem;
use crate::troubles;

/// Media type of a receipt.
pub const TLOG_PROOF: &str = "text/plain; charset=utf-8";

/// Media type of a tile.
pub const TILE: &str = "application/octet-stream";

/// That an event is in the log.
#[derive(Serialize, JsonSchema)]
pub struct InclusionAnswer<'a> {
    /// Name of the log.
    origin: &'a str,
    /// Position of the event, from 1; its index in the tree is one less.
    position: u64,
    /// Size of the tree.
    size: u64,
    /// Hash of the event's leaf, base64url.
    #[schemars(with = "String")]
    leaf_hash: Hash,
    /// Root of the tree.
    #[schemars(with = "String")]
    root: Hash,
    /// The hashes from the leaf up (RFC 9162 §2.1.3).
    #[schemars(with = "Vec<String>")]
    path: Vec<Hash>,
}

/// That a tree continues an earlier one.
#[derive(Serialize, JsonSchema)]
pub struct ConsistencyAnswer<'a> {
    /// Name of the log.
    origin: &'a str,
    /// Size of the earlier tree.
    from: u64,
    /// Size of the later tree.
    to: u64,
    /// Root of the earlier tree, base64url.
    #[schemars(with = "String")]
    from_root: Hash,
    /// Root of the later tree.
    #[schemars(with = "String")]
    to_root: Hash,
    /// The hashes (RFC 9162 §2.1.4).
    #[schemars(with = "Vec<String>")]
    path: Vec<Hash>,
}

/// `GET /v1/proofs/inclusion`.
pub async fn inclusion(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    authenticate(&app, &request.headers).await?;
    let mut params = Params::of(&request.uri);
    let size = size(&app, &mut params, "size")?;
    let position = params.number("position", 1..=size.max(1))?.ok_or_else(|| missing("position"))?;
    params.finish()?;
    if size == 0 {
        return Err(empty("position"));
    }
    let tiles = &app.api.tiles;
    let proof = async {
        let path = tiles.inclusion(position, size).await?;
        Ok((tiles.leaf_hash(position).await?, tiles.root(size).await?, path))
    };
    let (leaf_hash, root, path) = proof.await.map_err(|why| trouble(&why))?;
    let answer = InclusionAnswer { origin: &app.api.origin, position, size, leaf_hash, root, path };
    Ok(json_response(&answer))
}

/// `GET /v1/proofs/receipt`: what a receipt of a command becomes once a checkpoint covers it, a file that
/// stands alone (C2SP tlog-proof).
pub async fn receipt(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    authenticate(&app, &request.headers).await?;
    let mut params = Params::of(&request.uri);
    let position = params.number("position", 1..=app.head().max(1))?.ok_or_else(|| missing("position"))?;
    params.finish()?;
    let note = app.api.notary.as_ref().and_then(|notary| notary.checkpoint());
    let checkpoint = note.and_then(|note| SignedNote::parse(note.as_bytes()).ok());
    let size = checkpoint.as_ref().and_then(|note| note.unverified_text().parse::<Checkpoint>().ok());
    let covered = size.map_or(0, |checkpoint| checkpoint.size());
    let (Some(checkpoint), true) = (checkpoint, position <= covered) else {
        return Err(Problem::new(&kinds::NOT_FOUND).detail(
            format!("Der letzte unterschriebene Stand hat {covered} Ereignisse und reicht noch nicht so weit."),
            format!("The last signed checkpoint has {covered} events and does not reach so far yet."),
        ));
    };
    let path = app.api.tiles.inclusion(position, covered).await.map_err(|why| trouble(&why))?;
    let proof = TlogProof::new(position - 1, path, checkpoint).map_err(|why| {
        tracing::error!(error = &why as &dyn std::error::Error, "a proof could not be written down");
        Problem::new(&kinds::PROOFS_NOT_READY)
    })?;
    let mut response = Response::new(Body::from(proof.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(TLOG_PROOF));
    Ok(response)
}

/// `GET /v1/proofs/consistency`.
pub async fn consistency(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    authenticate(&app, &request.headers).await?;
    let mut params = Params::of(&request.uri);
    let to = size(&app, &mut params, "to")?;
    let from = params.number("from", 0..=to)?.ok_or_else(|| missing("from"))?;
    params.finish()?;
    let tiles = &app.api.tiles;
    let proof = async { Ok((tiles.root(from).await?, tiles.root(to).await?, tiles.consistency(from, to).await?)) };
    let (from_root, to_root, path) = proof.await.map_err(|why| trouble(&why))?;
    Ok(json_response(&ConsistencyAnswer { origin: &app.api.origin, from, to, from_root, to_root, path }))
}

/// `GET /tile/…`. Hashes say nothing about what they are of, so they need no key; entries are the leaves
/// themselves, for whoever may see every event.
pub async fn tile(
    State(app): State<Shared>,
    Path(rest): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let not_found = || Problem::new(&kinds::NOT_FOUND);
    let path: TilePath = format!("tile/{rest}").parse().map_err(|_| not_found())?;
    let asked = path.tile();
    // A narrower one than the tree has is still true.
    let has = Tile::of_tree(asked.level(), asked.index(), app.head());
    let (bytes, cached) = match path {
        TilePath::Hashes(tile) => {
            if has.is_none_or(|has| has.width() < tile.width()) {
                return Err(not_found());
            }
            let hashes = app.api.tiles.tile(tile).await.map_err(|why| trouble(&why))?;
            (tile.bytes(&hashes).map_err(|why| trouble(&why.into()))?, "public, max-age=31536000, immutable")
        }
        TilePath::Entries(tile) => {
            let principal = authenticate(&app, &headers).await?;
            if !Visibility::of(&principal.caller.grants, principal.today).shows_every_leaf() {
                return Err(Problem::new(&kinds::FORBIDDEN));
            }
            if has.is_none_or(|has| has.width() < tile.width()) {
                return Err(not_found());
            }
            (entries(&app, tile).await?, "private, max-age=31536000, immutable")
        }
    };
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(TILE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    Ok(response)
}

/// The leaves below a tile of level 0, as they were hashed.
async fn entries(app: &Shared, tile: Tile) -> Result<Vec<u8>, Problem> {
    let filter = Filter { leaves: true, ..Filter::default() };
    let page = app.api.log.read(&filter, Direction::Forwards, tile.leaves().start, tile.width() as usize).await;
    let page = page.map_err(|why| troubles::read(&why))?;
    write_bundle(page.events.iter().map(|event| event.leaf.as_slice())).map_err(|why| trouble(&why.into()))
}

/// The size of a tree: as large as the log, unless it is asked for a smaller one.
fn size(app: &Shared, params: &mut Params<'_>, name: &'static str) -> Result<u64, Problem> {
    let head = app.head();
    Ok(params.number(name, 0..=head)?.unwrap_or(head))
}

fn missing(name: &'static str) -> Problem {
    Problem::parameter(name, Text::new("Diese Angabe fehlt.", "It is missing."))
}

fn empty(name: &'static str) -> Problem {
    Problem::parameter(name, Text::new("Ein Baum ohne Blätter enthält nichts.", "A tree without leaves holds nothing."))
}

fn trouble(why: &TilesError) -> Problem {
    match why {
        TilesError::Proof(_) | TilesError::Missing(_) => Problem::new(&kinds::NOT_FOUND),
        TilesError::Log(why) => troubles::read(why),
        TilesError::NotReady | TilesError::OtherLog => Problem::new(&kinds::PROOFS_NOT_READY).retry_after(2),
        TilesError::Database(_) | TilesError::Damaged(_) => {
            tracing::error!(error = why as &dyn std::error::Error, "there is no proof");
            Problem::new(&kinds::STORAGE).retry_after(5)
        }
    }
}
