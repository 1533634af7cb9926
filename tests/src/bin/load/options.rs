//! What is measured, and the requests that are put together for it before it begins.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

/// Sends requests to a server and prints what it took as one line of JSON.
#[derive(Debug, Parser)]
#[command(name = "load")]
pub struct Options {
    /// What is sent.
    #[arg(value_enum)]
    pub mode: Mode,
    /// Address of the server.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    pub url: String,
    /// API key; several are spread over the connections.
    #[arg(long = "key")]
    pub keys: Vec<String>,
    /// Connections.
    #[arg(long, default_value_t = 16)]
    pub connections: usize,
    /// Seconds in which requests are started.
    #[arg(long, default_value_t = 10.0)]
    pub duration: f64,
    /// Seconds before them whose requests are not counted.
    #[arg(long, default_value_t = 0.0)]
    pub warm_up: f64,
    /// Requests per second in all, each with an intended start; without it every connection sends
    /// the next request when the last was answered.
    #[arg(long)]
    pub rate: Option<f64>,
    /// File with one request body per line (`command`) or one line of a list per line (`bulk`); begun
    /// anew when it ends.
    #[arg(long)]
    pub bodies: Option<PathBuf>,
    /// Name of the command (`command`).
    #[arg(long, default_value = "record-intervention")]
    pub command: String,
    /// Lines per request (`bulk`).
    #[arg(long, default_value_t = 1_000)]
    pub lines: usize,
    /// All lines of a list or none (`bulk`).
    #[arg(long)]
    pub all: bool,
    /// Path with its query (`get`).
    #[arg(long, default_value = "/healthz")]
    pub path: String,
    /// Sends every body once and ends, whatever the duration.
    #[arg(long)]
    pub once: bool,
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// One command per request, each with an Idempotency-Key of its own.
    #[value(alias = "record-intervention")]
    Command,
    /// Lists of commands.
    Bulk,
    /// Reads.
    Get,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// Another kind of address.
    #[error("--url {0}: an address is http://host:port")]
    Url(String),
    /// The bodies cannot be read.
    #[error("--bodies {}", .0.display())]
    Bodies(PathBuf, #[source] std::io::Error),
    /// There are none.
    #[error("--bodies: a file with at least one line is needed")]
    NoBodies,
    /// Something that must be more than nothing is not.
    #[error("{0} must be more than nothing")]
    Nothing(&'static str),
}

/// Everything that is known before the first request.
#[derive(Debug)]
pub struct Plan {
    /// `host:port`.
    pub address: String,
    /// The beginning of a request up to and with `Idempotency-Key: `, or up to the end of the
    /// headers if there is no key; one for each API key.
    pub heads: Vec<Vec<u8>>,
    /// The rest of each request, from behind the Idempotency-Key.
    pub tails: Vec<Vec<u8>>,
    /// Whether an Idempotency-Key stands between head and tail.
    pub keyed: bool,
    /// Commands or reads in a request.
    pub items: u64,
    /// How many connections.
    pub connections: usize,
    /// How long requests are started.
    pub duration: Duration,
    /// How long before that nothing is counted.
    pub warm_up: Duration,
    /// Time between two intended starts.
    pub interval: Option<Duration>,
    /// Ends after so many requests.
    pub at_most: Option<u64>,
}

impl Options {
    /// Puts the requests together.
    pub fn plan(&self) -> Result<Plan, OptionsError> {
        let address = self.url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let address = address.filter(|address| address.contains(':') && !address.contains('/'));
        let address = address.ok_or_else(|| OptionsError::Url(self.url.clone()))?.to_owned();
        if self.connections == 0 {
            return Err(OptionsError::Nothing("--connections"));
        }
        if self.rate.is_some_and(|rate| rate <= 0.0) {
            return Err(OptionsError::Nothing("--rate"));
        }
        let (method, path, media) = match self.mode {
            Mode::Command => ("POST", format!("/v1/commands/{}", self.command), "application/json"),
            Mode::Bulk if self.all => ("POST", "/v1/commands:bulk?mode=all".into(), "application/x-ndjson"),
            Mode::Bulk => ("POST", "/v1/commands:bulk?mode=each".into(), "application/x-ndjson"),
            Mode::Get => ("GET", self.path.clone(), ""),
        };
        let keyed = self.mode != Mode::Get;
        let head = |key: Option<&String>| {
            let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\n");
            if let Some(key) = key {
                head.push_str(&format!("Authorization: Bearer {key}\r\n"));
            }
            if keyed {
                head.push_str(&format!("Content-Type: {media}\r\nIdempotency-Key: "));
            }
            head.into_bytes()
        };
        let heads =
            if self.keys.is_empty() { vec![head(None)] } else { self.keys.iter().map(|key| head(Some(key))).collect() };
        let tails = if keyed { self.tails()? } else { vec![b"\r\n".to_vec()] };
        let duration = Duration::from_secs_f64(self.duration);
        Ok(Plan {
            address,
            heads,
            at_most: self.once.then_some(tails.len() as u64),
            tails,
            keyed,
            items: if self.mode == Mode::Bulk { self.lines as u64 } else { 1 },
            connections: self.connections,
            duration: if self.once { Duration::MAX } else { duration },
            warm_up: Duration::from_secs_f64(self.warm_up),
            interval: self.rate.map(|rate| Duration::from_secs_f64(1.0 / rate)),
        })
    }

    fn tails(&self) -> Result<Vec<Vec<u8>>, OptionsError> {
        let path = self.bodies.as_ref().ok_or(OptionsError::NoBodies)?;
        let text = std::fs::read_to_string(path).map_err(|why| OptionsError::Bodies(path.clone(), why))?;
        let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
        let per_request = if self.mode == Mode::Bulk { self.lines.max(1) } else { 1 };
        let tail = |lines: &[&str]| {
            let body = if self.mode == Mode::Bulk { lines.join("\n") + "\n" } else { lines.concat() };
            format!("\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
        };
        // What is left over at the end would be a smaller request than the others.
        let tails: Vec<Vec<u8>> = lines.chunks_exact(per_request).map(tail).collect();
        if tails.is_empty() { Err(OptionsError::NoBodies) } else { Ok(tails) }
    }
}
