//! `sfs serve`: the HTTP interface on an opened data directory, until it is told to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::ListenerExt;
use sfs_api::{Api, ApiSettings, RateLimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::VerbError;
use crate::cli::exit;
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};

/// A server that serves.
pub struct Serving {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where the operator's interface listens.
    pub admin_address: Option<SocketAddr>,
    /// SIGTERM and SIGINT, listened to from before anybody knows the address.
    signals: Option<(Signal, Signal)>,
    shutdown: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<std::io::Result<()>>>,
    installation: Installation,
    grace: Duration,
}

/// Starts serving.
pub async fn serve(installation: Installation, configuration: &Configuration) -> Result<Serving, VerbError> {
    let signals = signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok());
    let shutdown = CancellationToken::new();
    let notary = installation.notary.clone();
    installation.reads.start();
    let (tiles, heads, ended) = (Arc::clone(&installation.tiles), installation.log.heads(), shutdown.clone());
    tokio::spawn(async move { tiles.follow(heads, ended).await });
    let (handler, ended) = (Arc::clone(&installation.handler), shutdown.clone());
    tokio::spawn(async move { handler.follow_erasures(ended).await });
    let (handler, ended) = (Arc::clone(&installation.handler), shutdown.clone());
    tokio::spawn(async move { handler.follow_window(ended).await });
    if let Some(notary) = notary.clone() {
        let (heads, ended) = (installation.log.heads(), shutdown.clone());
        let (outside, until) = (Arc::clone(&notary), shutdown.clone());
        tokio::spawn(async move { notary.follow(heads, ended).await });
        tokio::spawn(async move { outside.follow_outside(until).await });
    }
    let api = Api {
        handler: Arc::clone(&installation.handler),
        log: Arc::clone(&installation.log),
        reads: Arc::clone(&installation.reads),
        tiles: Arc::clone(&installation.tiles),
        notary: notary.clone(),
        ops: installation.ops.clone(),
        origin: installation.origin.clone(),
        settings: ApiSettings {
            rate_limit: (configuration.rate_limit_per_second > 0).then_some(RateLimit {
                per_second: configuration.rate_limit_per_second,
                burst: configuration.rate_limit_burst,
            }),
            ..ApiSettings::default()
        },
        shutdown: shutdown.clone(),
    };
    let bind = |address: String| async move {
        let listener = TcpListener::bind(&address).await;
        listener.map_err(|why| VerbError::unusable(format!("cannot listen on {address}: {why}")))
    };
    let listener = bind(configuration.listen.clone()).await?;
    let address = listener.local_addr().map_err(VerbError::unusable)?;
    let mut tasks = vec![spawn(listener, sfs_api::router(api.clone()), shutdown.clone())];
    let mut admin_address = None;
    if let Some(admin) = &configuration.admin_listen {
        let listener = bind(admin.clone()).await?;
        admin_address = listener.local_addr().ok();
        tasks.push(spawn(listener, sfs_api::admin_router(api), shutdown.clone()));
    }
    let grace = Duration::from_secs(configuration.shutdown_seconds);
    Ok(Serving { address, admin_address, signals, shutdown, tasks, installation, grace })
}

fn spawn(
    listener: TcpListener,
    router: axum::Router,
    shutdown: CancellationToken,
) -> tokio::task::JoinHandle<std::io::Result<()>> {
    // Answers are small: waiting for more to send would only make them late.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    // Made once: a router that is served as such copies all its routes for every connection.
    let service = router.into_make_service();
    tokio::spawn(async move { axum::serve(listener, service).with_graceful_shutdown(shutdown.cancelled_owned()).await })
}

impl Serving {
    /// Waits for SIGTERM, SIGINT or the end of a listener.
    pub async fn until_told(&mut self) {
        let signals = &mut self.signals;
        let signal = async {
            match signals {
                Some((terminate, interrupt)) => tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                },
                None => drop(tokio::signal::ctrl_c().await),
            }
        };
        let ended = async {
            match self.tasks.first_mut() {
                Some(task) => drop(task.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = signal => {}
            () = ended => {}
        }
    }

    /// Takes no more requests, finishes those it has, ends feeds, finishes the log and the current
    /// page of the read models.
    pub async fn end(self) {
        self.shutdown.cancel();
        for task in self.tasks {
            if !task.is_finished() && tokio::time::timeout(self.grace, task).await.is_err() {
                tracing::warn!("requests were still running after the time that they were given");
            }
        }
        self.installation.close().await;
    }
}

pub async fn run(configuration: Configuration) -> Result<u8, VerbError> {
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::opening)?;
    super::rotation::warn_of_unnamed(&installation).await;
    let mut serving = serve(installation, &configuration).await?;
    eprintln!("sfs: http://{}/  (API: /docs, OpenAPI: /openapi.json)", serving.address);
    if let Some(admin) = serving.admin_address {
        eprintln!("sfs: operator's interface http://{admin}/");
    }
    tracing::info!(address = %serving.address, "serving on {}", serving.address);
    serving.until_told().await;
    tracing::info!("ending");
    serving.end().await;
    Ok(exit::OK)
}
