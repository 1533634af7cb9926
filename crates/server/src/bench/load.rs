//! Sends requests over kept-alive connections as cheaply as it can, since it shares the machine
//! with the server.
//!
//! Closed: each connection sends its next request when it has the answer. Open: requests have
//! intended times, and latency counts from these, so a server that stalls is not excused by having
//! stalled the sender (coordinated omission).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Why the load did not run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The server did not answer as HTTP/1.1.
    #[error("the server did not answer")]
    Io(#[from] std::io::Error),
    /// An answer was not understood.
    #[error("an answer was not understood: {0}")]
    Answer(String),
    /// Answers with a status that should not have been.
    #[error("unexpected answers: {0:?}, the first: {1}")]
    Statuses(BTreeMap<u16, u64>, String),
}

/// Writes the body of the n-th request.
pub type WriteBody = dyn Fn(u64, &mut Vec<u8>) + Send + Sync;

/// What is sent: method and path, the lines of the header, and the body of the n-th request.
#[derive(Clone)]
pub struct Target {
    /// `POST /v1/commands/record-intervention`.
    pub line: String,
    /// Further header lines, each with its line end.
    pub header: String,
    /// Whether each request gets a fresh `Idempotency-Key`.
    pub idempotency_key: Option<String>,
    /// Writes the body of the n-th request.
    pub body: Arc<WriteBody>,
}

/// When requests are sent.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// One after the other on each connection.
    Closed,
    /// So many each second over all connections.
    PerSecond(f64),
}

/// A load.
pub struct Load {
    address: SocketAddr,
    target: Target,
    connections: usize,
    pace: Pace,
    length: Duration,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    latencies: Vec<u32>,
    statuses: BTreeMap<u16, u64>,
    first_odd: String,
    seconds: f64,
}

/// Numbers the requests of this process, so that no body and no key is sent twice.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Load {
    /// A load that runs for `length`.
    pub const fn new(address: SocketAddr, target: Target, connections: usize, pace: Pace, length: Duration) -> Self {
        Self { address, target, connections, pace, length }
    }

    /// Runs it.
    pub async fn run(&self) -> Result<Measured, LoadError> {
        let mut clients = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            clients.push(Client::connect(self.address).await?);
        }
        let started = Instant::now();
        let end = started + self.length;
        let tasks: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(n, client)| {
                let connection = Connection { client, target: self.target.clone(), address: self.address };
                let interval = match self.pace {
                    Pace::Closed => None,
                    Pace::PerSecond(rate) => Some(Duration::from_secs_f64(self.connections as f64 / rate)),
                };
                let first = started + interval.unwrap_or_default().mul_f64(n as f64 / self.connections as f64);
                tokio::spawn(connection.run(first, interval, end))
            })
            .collect();
        let mut all = Measured::default();
        for task in tasks {
            let part = task.await.map_err(|why| LoadError::Answer(why.to_string()))??;
            all.latencies.extend(part.latencies);
            for (status, count) in part.statuses {
                *all.statuses.entry(status).or_default() += count;
            }
            if all.first_odd.is_empty() {
                all.first_odd = part.first_odd;
            }
        }
        all.seconds = started.elapsed().as_secs_f64();
        all.latencies.sort_unstable();
        Ok(all)
    }
}

impl Measured {
    /// Answers each second.
    pub fn rate(&self) -> f64 {
        self.latencies.len() as f64 / self.seconds
    }

    /// A percentile of the latencies (0.99 is p99), in milliseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let at = ((last as f64) * share).round() as usize;
        f64::from(self.latencies.get(at).copied().unwrap_or_default()) / 1_000.0
    }

    /// An error if an answer had another status.
    pub fn expect_only(&self, statuses: &[u16]) -> Result<(), LoadError> {
        if self.statuses.keys().all(|status| statuses.contains(status)) {
            Ok(())
        } else {
            Err(LoadError::Statuses(self.statuses.clone(), self.first_odd.clone()))
        }
    }
}

struct Connection {
    client: Client,
    target: Target,
    address: SocketAddr,
}

impl Connection {
    async fn run(mut self, first: Instant, interval: Option<Duration>, end: Instant) -> Result<Measured, LoadError> {
        let mut measured = Measured::default();
        let (mut request, mut body) = (Vec::with_capacity(2_048), Vec::with_capacity(1_024));
        let mut intended = first;
        loop {
            match interval {
                Some(_) => tokio::time::sleep_until(intended.into()).await,
                None => intended = Instant::now(),
            }
            if intended >= end {
                return Ok(measured);
            }
            self.target.write(self.address, "", &mut request, &mut body);
            let status = self.client.send(&request).await?;
            *measured.statuses.entry(status).or_default() += 1;
            if status >= 300 && measured.first_odd.is_empty() {
                measured.first_odd = self.client.body().chars().take(600).collect();
            }
            let micros = intended.elapsed().as_micros();
            measured.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
            intended += interval.unwrap_or_default();
        }
    }
}

impl Target {
    /// Writes the next request; `extra` are further header lines.
    pub fn write(&self, address: SocketAddr, extra: &str, request: &mut Vec<u8>, body: &mut Vec<u8>) {
        use std::io::Write;
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        body.clear();
        (self.body)(n, body);
        request.clear();
        // Writing to memory does not fail.
        let _ = write!(
            request,
            "{} HTTP/1.1\r\nHost: {address}\r\n{}{extra}Content-Length: {}\r\n",
            self.line,
            self.header,
            body.len()
        );
        if let Some(prefix) = &self.idempotency_key {
            let _ = write!(request, "Idempotency-Key: {prefix}-{n}\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
    }
}

/// One kept-alive connection.
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    head: usize,
}

impl Client {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Result<Self, LoadError> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024), head: 0 })
    }

    /// Sends a request and reads its answer (by `Content-Length` or in chunks); tells the status.
    pub async fn send(&mut self, request: &[u8]) -> Result<u16, LoadError> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        self.head = loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break end + 4;
            }
            self.more().await?;
        };
        let status = self.buffer.get(9..12).and_then(|status| std::str::from_utf8(status).ok()?.parse().ok());
        let status = status.ok_or_else(|| LoadError::Answer(String::from_utf8_lossy(&self.buffer).into_owned()))?;
        match self.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                while self.buffer.len() < self.head + length {
                    self.more().await?;
                }
            }
            None => {
                while !self.buffer.ends_with(b"0\r\n\r\n") {
                    self.more().await?;
                }
            }
        }
        Ok(status)
    }

    async fn more(&mut self) -> Result<(), LoadError> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(LoadError::Answer("the connection ended".into())),
            _ => Ok(()),
        }
    }

    /// A header of the last answer.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = std::str::from_utf8(self.buffer.get(..self.head)?).ok()?;
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The body of the last answer.
    pub fn body(&self) -> String {
        String::from_utf8_lossy(&self.buffer[self.head..]).into_owned()
    }
}
