//! Ends that nobody plans: the process is killed, the power is cut, in the middle of the load.
//!
//! Clients on several connections send commands that must be accepted, refused or known already.
//! At a random acknowledgement the server ends. Whatever was acknowledged must be there afterwards,
//! exactly once; nothing that was refused; what was not answered at most once, and once when it is
//! sent again.
//!
//! `SFS_KILL_ROUNDS` says how often (8), `SFS_SEED` repeats the choices of a run.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::support::book::{Book, Meant, Sent};
use crate::support::process::{Server, token};
use crate::support::workspace;

/// Connections that send at the same time.
const CONNECTIONS: usize = 8;

/// No round has more acknowledgements than this.
const MOST_ACKNOWLEDGED: i64 = 400;

fn rounds() -> u64 {
    std::env::var("SFS_KILL_ROUNDS").map_or(8, |rounds| rounds.parse().expect("SFS_KILL_ROUNDS is a number"))
}

/// Chance for one test, with the seed that repeats it.
fn chance(test: &str) -> StdRng {
    let seed =
        std::env::var("SFS_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().expect("SFS_SEED is a number"));
    println!("{test}: SFS_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// How a server ends.
type End<'a> = &'a (dyn Fn(&mut Server) + Sync);

fn kill(server: &mut Server) {
    server.kill();
}

fn cut_the_power(server: &mut Server) {
    server.signal("USR2");
    server.wait();
}

/// What one client does until the server is gone.
struct Worker {
    name: String,
    rng: StdRng,
    /// Acknowledged commands of this worker that can be repeated.
    known: Vec<Sent>,
    /// Registered schools whose pupils were not yet counted.
    schools: Vec<String>,
}

impl Worker {
    fn next(&mut self, number: usize) -> Sent {
        let key = format!("{}-{number}", self.name);
        match self.rng.random_range(0..10) {
            0..5 => Sent::school(&key, &key, Meant::Accepted),
            5..7 => match self.schools.pop() {
                Some(school) => Sent::pupils(&key, &school),
                None => Sent::school(&key, &key, Meant::Accepted),
            },
            7..8 => Sent::school(&key, &key, Meant::Refused),
            _ if self.known.is_empty() => Sent::school(&key, &key, Meant::Accepted),
            _ => self.known[self.rng.random_range(0..self.known.len())].again(),
        }
    }

    /// Sends until no answer comes. `acknowledged` is told of every answer.
    fn work(mut self, server: &str, key: &str, acknowledged: impl Fn()) -> Vec<Sent> {
        let mut client = crate::support::http::Client::new(server, Some(key));
        let mut all = Vec::new();
        // The bound is never reached: the server ends before.
        for number in 0..10 * MOST_ACKNOWLEDGED as usize {
            let mut sent = self.next(number);
            let answered = sent.send(&mut client);
            if answered {
                acknowledged();
                if sent.meant == Meant::Accepted {
                    self.known.push(sent.clone());
                    let school = sent.stream.strip_prefix("school/").unwrap().to_owned();
                    if sent.name == "register-school" {
                        self.schools.push(school);
                    }
                }
            }
            all.push(sent);
            if !answered {
                break;
            }
        }
        all
    }
}

/// Load on a server that ends in the middle of it.
fn load_until_the_end(server: Server, key: &str, round: u64, rng: &mut StdRng, end: End<'_>, book: &mut Book) {
    let address = server.address.clone();
    let left = AtomicI64::new(rng.random_range(1..=MOST_ACKNOWLEDGED));
    let server = Mutex::new(server);
    let acknowledged = || {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            end(&mut server.lock().unwrap());
        }
    };
    let seeds: Vec<u64> = (0..CONNECTIONS).map(|_| rng.random()).collect();
    let sent: Vec<Vec<Sent>> = std::thread::scope(|scope| {
        let start = |(number, seed): (usize, &u64)| {
            let worker = Worker {
                name: format!("r{round}w{number}"),
                rng: StdRng::seed_from_u64(*seed),
                known: Vec::new(),
                schools: Vec::new(),
            };
            let (address, acknowledged) = (&address, &acknowledged);
            scope.spawn(move || worker.work(address, key, acknowledged))
        };
        let threads: Vec<_> = seeds.iter().enumerate().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for sent in sent {
        book.take(sent);
    }
}

/// Rounds of load, end and check. Answers what was found in the first round in which anything was.
fn live_through(test: &str, rounds: u64, start: &dyn Fn(&Path, u64) -> Server, end: End<'_>) -> Vec<String> {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let mut rng = chance(test);
    let key = token(&data, "CO");
    let mut book = Book::of(&data);
    let mut unanswered = 0;
    for round in 1..=rounds {
        let server = start(&data, rng.random());
        book.settle(&server, &key);
        load_until_the_end(server, &key, round, &mut rng, end, &mut book);
        unanswered += book.unanswered();
        book.check(&data);
        let findings = book.take_findings();
        if !findings.is_empty() {
            return findings.into_iter().map(|finding| format!("round {round}: {finding}")).collect();
        }
    }
    // What was left open in the last round is settled too.
    let server = Server::start(&data);
    book.settle(&server, &key);
    server.stop();
    book.check(&data);
    println!("{test}: {rounds} rounds, {} acknowledged, {unanswered} not answered", book.acknowledged());
    // An end that leaves nobody waiting was not in the middle of anything.
    assert!(rounds < 3 || unanswered > 0, "the server never ended in the middle of a request");
    book.take_findings()
}

fn assert_nothing_found(findings: &[String]) {
    assert!(findings.is_empty(), "\n{}\n", findings.iter().take(20).cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn what_was_acknowledged_survives_the_killed_process() {
    let findings = live_through("kill", rounds(), &|data, _| Server::start(data), &kill);
    assert_nothing_found(&findings);
}

/// The library that takes back what was not synced, compiled once.
pub fn powercut() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("powercut.so");
        let source = workspace().join("tests/powercut/powercut.c");
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o"])
            .args([&library, &source])
            .arg("-lpthread")
            .output()
            .expect("a C compiler `cc` is needed");
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        library
    })
}

fn start_on_a_disk(data: &Path, change: impl FnOnce(&mut Command)) -> Server {
    Server::start_with(data, |command| {
        command.env("LD_PRELOAD", powercut()).env("POWERCUT_DIR", data);
        change(command);
    })
}

#[test]
fn what_was_acknowledged_survives_the_cut_power() {
    let start = |data: &Path, _| start_on_a_disk(data, |_| {});
    assert_nothing_found(&live_through("power cut", rounds().div_ceil(2), &start, &cut_the_power));
}

#[test]
fn what_was_acknowledged_survives_a_disk_that_had_begun_to_write() {
    // Every unsynced write is lost or not by a coin: torn pages, writes in another order.
    let start = |data: &Path, seed: u64| {
        start_on_a_disk(data, |command| {
            command.env("POWERCUT_SEED", (seed | 1).to_string());
        })
    };
    assert_nothing_found(&live_through("torn writes", rounds().div_ceil(2), &start, &cut_the_power));
}

#[test]
fn without_syncing_the_cut_power_takes_what_was_acknowledged() {
    // The test of the test: what `synchronous=OFF` means to a disk is found.
    let start = |data: &Path, _| {
        start_on_a_disk(data, |command| {
            command.env("POWERCUT_IGNORE_SYNC", "1");
        })
    };
    let findings = live_through("no sync", 3, &start, &cut_the_power);
    let lost = findings.iter().any(|finding| finding.contains("acknowledged and not in the log"));
    assert!(lost, "nothing was lost although nothing was synced: {findings:?}");
}
