//! The program `sfs` as a process of its own: found, started, ended, asked.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::Client;

/// How long a server may take to be ready, or to end: more than it ever needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long to wait between two questions.
const PAUSE: Duration = Duration::from_millis(5);

/// Exit codes as `sfs --help` says them.
pub mod exit {
    pub const OK: i32 = 0;
    pub const UNUSABLE: i32 = 20;
    pub const INCONSISTENT: i32 = 30;
    pub const INVALID: i32 = 40;
    pub const UNTRUSTED: i32 = 50;
}

/// The program: `SFS_BIN`, or the one that was built beside this test.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SFS_BIN") {
        return path.into();
    }
    // …/target/<profile>/deps/it-<hash>
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let beside = profile.join("sfs");
    assert!(
        beside.exists(),
        "there is no {}: build it first with `cargo build -p sfs-server` (with --release if the tests are), \
         or name one in SFS_BIN",
        beside.display()
    );
    beside
}

/// The program with a data directory and no settings of the one who runs the tests.
pub fn sfs(data: &Path) -> Command {
    let mut command = Command::new(binary());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SFS_") {
            command.env_remove(name);
        }
    }
    command.arg("--data").arg(data);
    command
}

/// Runs a verb to its end.
pub fn run(data: &Path, args: &[&str]) -> Output {
    sfs(data).args(args).stdin(Stdio::null()).output().unwrap()
}

/// Runs a verb that must succeed; answers what it printed.
pub fn run_well(data: &Path, args: &[&str]) -> String {
    let output = run(data, args);
    assert!(output.status.success(), "sfs {args:?} ended with {}: {}", output.status, stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A principal with that role everywhere, and its key.
pub fn token(data: &Path, role: &str) -> String {
    let answer = run_well(data, &["--json", "token", "--role", role]);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    answer["api_key"].as_str().unwrap().to_owned()
}

/// A running server. It is killed when the value is dropped.
pub struct Server {
    child: Child,
    pub address: String,
    said: Arc<Mutex<String>>,
}

impl Server {
    /// Starts one on a free port and waits until it listens.
    pub fn start(data: &Path) -> Self {
        Self::start_with(data, |_| {})
    }

    /// Starts one whose command was changed first.
    pub fn start_with(data: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::try_start(data, change).unwrap_or_else(|(status, said)| panic!("sfs serve ended with {status}: {said}"))
    }

    /// Starts one; if it ends before it listens, answers how, and what it said.
    pub fn try_start(data: &Path, change: impl FnOnce(&mut Command)) -> Result<Self, (ExitStatus, String)> {
        let mut command = sfs(data);
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command.env("SFS_RATE_LIMIT_PER_SECOND", "0").env("SFS_LOG_FILTER", "warn");
        change(&mut command);
        Self::of(command)
    }

    /// Starts whatever says its address as `sfs serve` does.
    pub fn of(mut command: Command) -> Result<Self, (ExitStatus, String)> {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let said = Arc::new(Mutex::new(String::new()));
        let mut address = None;
        for line in lines.by_ref().map_while(Result::ok) {
            let found = line.strip_prefix("sfs: http://").and_then(|rest| rest.split('/').next()).map(str::to_owned);
            said.lock().unwrap().push_str(&(line + "\n"));
            address = found;
            if address.is_some() {
                break;
            }
        }
        let Some(address) = address else {
            let status = child.wait().unwrap();
            let said = said.lock().unwrap().clone();
            return Err((status, said));
        };
        let rest = Arc::clone(&said);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                rest.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        Ok(Self { child, address, said })
    }

    /// A client with that key.
    pub fn client(&self, key: &str) -> Client {
        Client::new(&self.address, Some(key))
    }

    /// Waits until the server says that it is ready.
    pub fn wait_ready(&self) {
        let mut client = Client::new(&self.address, None);
        let mut last = String::new();
        let ready = wait_for(|| match client.get("/readyz") {
            Ok(answer) if answer.status == 200 => true,
            Ok(answer) => {
                last = answer.text();
                false
            }
            Err(why) => {
                last = why.to_string();
                false
            }
        });
        assert!(ready, "the server did not become ready: {last}; it said: {}", self.said());
    }

    /// What it wrote to standard error so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends the process as nobody can prevent (SIGKILL).
    pub fn kill(&mut self) {
        // An error means that it has ended already.
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.id().to_string()).status().unwrap();
        assert!(status.success(), "kill -{name}");
    }

    /// Waits until the process has ended by itself.
    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        let ended = wait_for(|| {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(ended, "the server did not end; it said: {}", self.said());
        status.unwrap()
    }

    /// Ends the server in order.
    pub fn stop(mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert!(status.success(), "sfs serve ended with {status}: {}", self.said());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks until it is so; whether it became so in time.
pub fn wait_for(mut is_so: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if is_so() {
            return true;
        }
        std::thread::sleep(PAUSE);
    }
    false
}
