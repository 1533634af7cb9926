//! Servers in processes of their own: this program serving a data directory, and a bare HTTP edge.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::{BenchError, io};

/// A server process.
pub struct Child {
    process: tokio::process::Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// Seconds from its start until it listened.
    pub started_in: f64,
}

fn this_program() -> Result<Command, BenchError> {
    let mut command = Command::new(std::env::current_exe().map_err(io("this program does not find itself"))?);
    // What is set for this process is not meant for its servers.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SFS_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    Ok(command)
}

/// Runs a verb of this program on a data directory of the benchmark; answers its JSON.
pub async fn output(directory: &Path, args: &[&str]) -> Result<serde_json::Value, BenchError> {
    let mut command = this_program()?;
    command.arg("--data").arg(directory).args(args).env("SFS_ORIGIN", super::world::ORIGIN);
    command.stdout(Stdio::piped());
    let output = command.output().await.map_err(io("cannot start this program"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(BenchError::World(format!("{args:?} ended with {}: {said}", output.status)));
    }
    serde_json::from_slice(&output.stdout).map_err(|why| BenchError::World(why.to_string()))
}

impl Child {
    /// `sfs serve` on a data directory, without rate limit.
    pub async fn serve(directory: &Path) -> Result<Self, BenchError> {
        let mut command = this_program()?;
        command.arg("--data").arg(directory).args(["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("SFS_RATE_LIMIT_PER_SECOND", "0")
            .env("SFS_LOG_FILTER", "warn")
            .env("SFS_ORIGIN", super::world::ORIGIN);
        Self::start(command).await
    }

    /// The bare HTTP edge.
    pub async fn edge() -> Result<Self, BenchError> {
        let mut command = this_program()?;
        command.args(["bench", "--edge"]);
        Self::start(command).await
    }

    async fn start(mut command: Command) -> Result<Self, BenchError> {
        let began = Instant::now();
        let mut process = command.spawn().map_err(io("cannot start a server"))?;
        let missing = || BenchError::World("a server did not say where it listens".into());
        let mut lines = BufReader::new(process.stderr.take().ok_or_else(missing)?).lines();
        let mut said = String::new();
        while let Some(line) = lines.next_line().await.map_err(io("a server said nothing"))? {
            let address = line.split_once("http://").and_then(|(_, rest)| rest.split(['/', ' ']).next()?.parse().ok());
            if let Some(address) = address {
                let started_in = began.elapsed().as_secs_f64();
                // The rest of what it says is read, so that it never waits for us.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { process, address, started_in });
            }
            said.push_str(&line);
            said.push('\n');
        }
        Err(BenchError::World(format!("a server did not start: {said}")))
    }

    fn status(&self, name: &str) -> u64 {
        let path = format!("/proc/{}/status", self.process.id().unwrap_or_default());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1_024
    }

    /// Resident memory now, in bytes.
    pub fn resident(&self) -> u64 {
        self.status("VmRSS")
    }

    /// Most resident memory so far, in bytes.
    pub fn peak(&self) -> u64 {
        self.status("VmHWM")
    }

    /// Ends it.
    pub async fn end(mut self) {
        // The data is thrown away; how a server ends properly is tested elsewhere.
        let _ = self.process.kill().await;
    }
}

/// What a server of this kind cannot be faster than: the same library, JSON in, 201 out.
pub async fn edge() -> std::io::Result<()> {
    use axum::http::StatusCode;
    use axum::{Json, Router, routing};

    #[derive(serde::Deserialize)]
    struct Body {
        #[expect(dead_code, reason = "parsed, as a server would")]
        data: serde_json::Value,
    }

    async fn created(Json(_): Json<Body>) -> (StatusCode, Json<serde_json::Value>) {
        (StatusCode::CREATED, Json(serde_json::json!({ "outcome": "accepted", "position": 1 })))
    }

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    eprintln!("http://{}/", listener.local_addr()?);
    axum::serve(listener, Router::new().route("/", routing::post(created))).await
}
