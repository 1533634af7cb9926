//! `sfs witness`: a witness for those who do not want to trust the operator of a log (C2SP tlog-witness).
//! It needs a key and a little memory of its own, and nothing of the log but its verifier key.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{self, DefaultBodyLimit, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use sfs_ledger::VerifierKey;
use sfs_notary::{MAX_ADD_CHECKPOINT_BYTES, Witness, WitnessError, WitnessRefusal};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::key::{entropy, make_private};
use super::{VerbError, chain};
use crate::cli::{WitnessArgs, exit};
use crate::vouching;

pub async fn run(args: &WitnessArgs) -> Result<u8, VerbError> {
    if let Some(name) = &args.new_key {
        make_private(&args.key_dir).map_err(VerbError::unusable)?;
        let key = Witness::create(&args.key_dir, name, &entropy()?).map_err(VerbError::unusable)?;
        add_logs(&args.key_dir, &args.log).map_err(VerbError::unusable)?;
        println!("{key}");
        return Ok(exit::OK);
    }
    if args.log.is_empty() {
        return Err(VerbError::Usage("a witness needs the verifier key of a log: --log".into()));
    }
    if args.new_log {
        add_logs(&args.key_dir, &args.log).map_err(VerbError::unusable)?;
        return Ok(exit::OK);
    }
    let witness = Witness::open(&args.key_dir, args.log.clone()).map_err(VerbError::unusable)?;
    serve(witness, &args.listen).await
}

fn add_logs(directory: &Path, logs: &[VerifierKey]) -> Result<(), WitnessError> {
    let origins: BTreeSet<&str> = logs.iter().map(VerifierKey::name).collect();
    origins.into_iter().try_for_each(|origin| Witness::add_log(directory, origin))
}

async fn serve(witness: Witness, listen: &str) -> Result<u8, VerbError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(VerbError::unusable)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(VerbError::unusable)?;
    let listener = TcpListener::bind(listen).await;
    let listener = listener.map_err(|why| VerbError::unusable(format!("cannot listen on {listen}: {why}")))?;
    let address = listener.local_addr().map_err(VerbError::unusable)?;
    eprintln!("sfs: http://{address}/  (witness {})", witness.verifier());
    let router = axum::Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(checkpoint))
        .layer(DefaultBodyLimit::max(MAX_ADD_CHECKPOINT_BYTES))
        .with_state(Arc::new(witness));
    let told = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    axum::serve(listener, router).with_graceful_shutdown(told).await.map_err(VerbError::unusable)?;
    Ok(exit::OK)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    // It waits for the disk.
    let work = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, vouching::now()));
    match work.await {
        Ok(Ok(line)) => answer(StatusCode::OK, "text/plain; charset=utf-8", line),
        Ok(Err(why)) => refused(&why),
        Err(_) => refused(&WitnessRefusal::Unusable),
    }
}

fn refused(why: &WitnessRefusal) -> Response {
    let status = match why {
        WitnessRefusal::Conflict(size) => {
            return answer(StatusCode::CONFLICT, "text/x.tlog.size", format!("{size}\n"));
        }
        WitnessRefusal::Malformed => StatusCode::BAD_REQUEST,
        WitnessRefusal::UnknownLog => StatusCode::NOT_FOUND,
        WitnessRefusal::NotSigned(_) => StatusCode::FORBIDDEN,
        WitnessRefusal::Inconsistent => StatusCode::UNPROCESSABLE_ENTITY,
        WitnessRefusal::Store(_) | WitnessRefusal::Unusable => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let error = why as &dyn std::error::Error;
    match why {
        WitnessRefusal::Store(_) | WitnessRefusal::Unusable => tracing::error!(error, "nothing is cosigned"),
        // A log that cannot prove that it has only grown.
        WitnessRefusal::Inconsistent => tracing::error!(error, "a checkpoint is not cosigned"),
        _ => tracing::debug!(error, "a checkpoint is not cosigned"),
    }
    answer(status, "text/plain; charset=utf-8", format!("{}\n", chain(why)))
}

async fn checkpoint(State(witness): State<Arc<Witness>>, extract::Path(hash): extract::Path<String>) -> Response {
    match witness.checkpoint(&hash) {
        Some(note) => answer(StatusCode::OK, "text/plain; charset=utf-8", note),
        None => answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "nothing is cosigned\n".into()),
    }
}

fn answer(status: StatusCode, media: &'static str, text: String) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
