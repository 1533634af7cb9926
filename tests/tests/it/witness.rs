//! Witnesses as processes of their own: what a quorum has cosigned is what is served, a dead witness
//! holds up nothing, and a log that was set back is told so by its witnesses (audit.md 2.4, 2.9).

use std::path::{Path, PathBuf};
use std::process::Command;

use sfs_ledger::{Checkpoint, Evaluation, Policy, Quorum, SignedNote};
use sha2::Digest as _;

use crate::support::process::{Server, exit, run, run_well, sfs, stderr, token, wait_for};
use crate::support::workspace;

/// A witness with its directory; the process may be running or not.
pub struct Witness {
    directory: PathBuf,
    name: &'static str,
    vkey: String,
    listen: String,
    process: Option<Server>,
}

impl Witness {
    /// Makes one for a log, and starts it.
    pub fn new(parent: &Path, name: &'static str, log: &str) -> Self {
        let directory = parent.join(name);
        let made = run_well(
            &parent.join("none"),
            &["witness", "--key-dir", directory.to_str().unwrap(), "--new-key", name, "--log", log],
        );
        let (vkey, listen) = (made.trim().to_owned(), "127.0.0.1:0".to_owned());
        let mut witness = Self { directory, name, vkey, listen, process: None };
        witness.start(log);
        // From now on where the policy says.
        witness.listen = witness.process.as_ref().unwrap().address.clone();
        witness
    }

    fn start(&mut self, log: &str) {
        let mut command = sfs(&self.directory.join("none"));
        command.args(["witness", "--listen", &self.listen, "--log", log, "--key-dir"]).arg(&self.directory);
        self.process = Some(Server::of(command).unwrap_or_else(|(status, said)| panic!("{status}: {said}")));
    }

    fn kill(&mut self) {
        self.process.take().unwrap().kill();
    }

    /// Its line of a policy.
    pub fn line(&self) -> String {
        format!("witness {} {} http://{}/\n", self.name, self.vkey, self.listen)
    }

    /// What it keeps of a log that has signed two histories.
    fn evidence(&self) -> Option<String> {
        let mut files = std::fs::read_dir(&self.directory).unwrap().map(|entry| entry.unwrap().path());
        let evidence = files.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("evidence-"))?;
        Some(std::fs::read_to_string(evidence).unwrap())
    }

    /// Size that it has cosigned, as monitors see it.
    fn cosigned(&self, origin: &str) -> u64 {
        let hash = sha2::Sha256::digest(origin.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let answer = self.process.as_ref().unwrap().client("").get(&format!("/{hash}/checkpoint")).unwrap();
        if answer.status == 200 { checkpoint(&answer.text()).size() } else { 0 }
    }
}

const ORIGIN: &str = "sfs.local/log/1";

fn checkpoint(note: &str) -> Checkpoint {
    SignedNote::parse(note.as_bytes()).unwrap().unverified_text().parse().unwrap()
}

/// A log with a key, two witnesses and a policy that asks for both.
pub struct World {
    pub directory: tempfile::TempDir,
    log: String,
    witnesses: [Witness; 2],
    pub policy: PathBuf,
}

impl World {
    fn new() -> Self {
        Self::with(|data| drop(token(data, "CO")))
    }

    /// Of the log that is prepared in a data directory.
    pub fn with(prepare: impl FnOnce(&Path)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        prepare(&data);
        let log = run_well(&data, &["key", "new"]).trim().to_owned();
        let witnesses = ["funder", "auditor"].map(|name| Witness::new(directory.path(), name, &log));
        let policy = directory.path().join("policy");
        let lines = witnesses.iter().map(Witness::line).collect::<String>();
        std::fs::write(&policy, format!("log {log}\n{lines}group both all funder auditor\nquorum both\n")).unwrap();
        Self { directory, log, witnesses, policy }
    }

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn with_policy(&self) -> impl FnOnce(&mut Command) {
        let policy = self.policy.clone();
        move |command| {
            command.env("SFS_WITNESS_POLICY", policy).env("SFS_WITNESS_SECONDS", "1");
        }
    }

    pub fn serve(&self) -> Server {
        Server::start_with(&self.data(), self.with_policy())
    }

    fn evaluate(&self, note: &str) -> (u64, Quorum) {
        let policy = Policy::parse(&std::fs::read(&self.policy).unwrap()).unwrap();
        let note = SignedNote::parse(note.as_bytes()).unwrap();
        let Evaluation { checkpoint, quorum, .. } = policy.evaluate(&note, &[]).unwrap();
        (checkpoint.size(), quorum)
    }

    /// What is served, once it has that size.
    pub fn served(&self, server: &Server, size: u64) -> String {
        let mut client = server.client("");
        let mut note = String::new();
        let is_so = wait_for(|| {
            let answer = client.get("/checkpoint").unwrap();
            note = answer.text();
            answer.status == 200 && checkpoint(&note).size() == size
        });
        assert!(is_so, "the checkpoint of {size} events is not served, but {note}; {}", server.said());
        note
    }
}

#[test]
fn what_is_served_has_its_quorum_and_a_dead_witness_holds_up_nothing() {
    let mut world = World::new();
    let server = world.serve();
    let first = world.served(&server, 2);
    assert!(matches!(world.evaluate(&first), (2, Quorum::Reached { at }) if at > 1_764_000_000), "{first}");
    assert_eq!(server.client("").get("/v1/checkpoints/2").unwrap().text(), first);
    assert_eq!(server.client("").get("/v1/checkpoints/2/timestamp").unwrap().status, 404);
    server.stop();

    world.witnesses[1].kill();
    let key = token(&world.data(), "AD");
    let server = world.serve();
    assert_eq!(world.served(&server, 2), first, "after a restart it is served at once");
    assert!(wait_for(|| world.witnesses[0].cosigned(ORIGIN) == 4), "the other is asked: {}", server.said());
    assert!(wait_for(|| server.said().contains("a witness has not cosigned")), "{}", server.said());
    assert_eq!(world.served(&server, 2), first, "one of two is no quorum");
    assert_eq!(server.client(&key).get("/v1/principals").unwrap().status, 200);
    let metrics = server.client(&key).get("/metrics").unwrap().text();
    assert!(metrics.contains(r#"sfs_witness_requests_total{witness="auditor",outcome="no-answer"}"#), "{metrics}");

    let log = world.log.clone();
    world.witnesses[1].start(&log);
    let second = world.served(&server, 4);
    assert!(matches!(world.evaluate(&second), (4, Quorum::Reached { .. })), "{second}");
    assert_eq!(server.client("").get("/v1/checkpoints/2").unwrap().text(), first, "the first is kept");
    let ready = server.client("").get("/readyz").unwrap().json();
    assert_eq!(ready.get("warnings"), None, "no false alarm: {ready}");
    server.stop();
    for witness in &world.witnesses {
        assert!(!witness.directory.join("none").exists(), "a witness needs no data directory");
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

#[test]
fn a_log_that_was_set_back_with_its_signer_is_refused_and_one_set_back_as_a_whole_is_disputed() {
    let world = World::new();
    let (data, backup, newest) =
        (world.data(), world.directory.path().join("backup"), world.directory.path().join("newest"));
    let server = world.serve();
    world.served(&server, 2);
    server.stop();
    copy(&data, &backup);
    token(&data, "CO");
    let server = world.serve();
    let note = world.served(&server, 4);
    server.stop();
    copy(&data, &newest);

    // The log and the signer's state of yesterday, the rest of today.
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    for suffix in ["", "-wal", "-shm"] {
        let name = format!("ops.db{suffix}");
        let _ = std::fs::remove_file(data.join(&name));
        let _ = std::fs::copy(newest.join(&name), data.join(&name));
    }
    match Server::try_start(&data, world.with_policy()) {
        Ok(_) => panic!("a log that is not what was vouched for is served"),
        Err((status, said)) => {
            assert_eq!(status.code(), Some(exit::INVALID), "{said}");
            for words in ["has 2 events", "4 events was vouched for by others", "Restore the newest backup"] {
                assert!(said.contains(words), "it does not say `{words}`: {said}");
            }
        }
    }

    // Everything of yesterday: only the witnesses know better.
    std::fs::remove_dir_all(&data).unwrap();
    copy(&backup, &data);
    token(&data, "AD");
    let server = world.serve();
    let warns = || server.client("").get("/readyz").unwrap().json()["warnings"][0] == "witness-disputes";
    assert!(wait_for(warns), "{}", server.said());
    assert!(wait_for(|| server.said().contains("a witness contradicts the log")), "{}", server.said());
    assert_eq!(world.served(&server, 2).lines().nth(1), Some("2"), "nothing newer has its quorum");
    for witness in &world.witnesses {
        // It was set back to 2 events and has 4 again, but others than those that were cosigned.
        let evidence = witness.evidence().expect("two histories of one size");
        assert_eq!(evidence.matches(&format!("{ORIGIN}\n4\n")).count(), 2, "{evidence}");
    }
    server.stop();

    // Today's is served as if nothing had been.
    std::fs::remove_dir_all(&data).unwrap();
    copy(&newest, &data);
    let server = world.serve();
    assert_eq!(world.served(&server, 4), note);
    server.stop();
}

#[test]
fn a_witness_answers_as_the_specification_says() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "CO");
    let log = run_well(&data, &["key", "new"]).trim().to_owned();
    let witness = Witness::new(directory.path(), "funder", &log);
    let mut client = witness.process.as_ref().unwrap().client("");
    let server = Server::start(&data);
    server.wait_ready();
    let signed = wait_for(|| server.client("").get("/checkpoint").unwrap().status == 200);
    assert!(signed, "{}", server.said());
    let note = server.client("").get("/checkpoint").unwrap().text();
    server.stop();
    let mut ask = |body: String| client.request("POST", "/add-checkpoint", &[], body.as_bytes()).unwrap();
    let forged = note.replacen("\n2\n", "\n3\n", 1);
    let foreign = note.replacen(&format!("{ORIGIN}\n"), "other/log\n", 1);
    for (status, body) in [
        (400, "old\n".to_owned()),
        (400, format!("old 3\n\n{note}")),
        (404, format!("old 0\n\n{foreign}")),
        (403, format!("old 0\n\n{forged}")),
        (413, "a".repeat(100_000)),
        (200, format!("old 0\n\n{note}")),
        (200, format!("old 2\n\n{note}")),
        (422, format!("old 2\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n{note}")),
    ] {
        let answer = ask(body.clone());
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
    }
    let conflict = ask(format!("old 0\n\n{note}"));
    let media = conflict.header("content-type").map(str::to_owned);
    assert_eq!((conflict.status, conflict.text().as_str(), media.as_deref()), (409, "2\n", Some("text/x.tlog.size")));
    assert_eq!(witness.cosigned(ORIGIN), 2);
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let (data, policy) = (directory.path().join("data"), directory.path().join("policy"));
    token(&data, "CO");
    let start = |policy: &Path| match Server::try_start(&data, |command| {
        command.env("SFS_WITNESS_POLICY", policy);
    }) {
        Ok(_) => panic!("it is served"),
        Err((status, said)) => (status.code().unwrap(), said),
    };
    std::fs::write(&policy, "quorum none\n").unwrap();
    let (code, said) = start(&policy);
    assert!(code == 2 && said.contains("`sfs key new`"), "{code} {said}");
    let log = run_well(&data, &["key", "new"]).trim().to_owned();
    std::fs::write(&policy, format!("log {log}\nquorum funder\n")).unwrap();
    let (code, said) = start(&policy);
    assert!(code == 2 && said.contains("line 2 of the policy: no line before this one defines `funder`"), "{said}");
    let (code, said) = start(&directory.path().join("nowhere"));
    assert!(code == exit::UNUSABLE && said.contains("cannot read the policy"), "{code} {said}");

    let keys = directory.path().join("keys");
    let witness = |more: &[&str]| {
        let args = [&["witness", "--listen", "127.0.0.1:0", "--key-dir", keys.to_str().unwrap()], more].concat();
        let output = run(&data, &args);
        (output.status.code().unwrap(), stderr(&output))
    };
    assert_eq!(witness(&["--log", &log]).0, exit::UNUSABLE, "there is no key");
    assert_eq!(witness(&["--new-key", "w"]).0, exit::OK);
    assert_eq!(witness(&["--new-key", "w"]).0, exit::UNUSABLE, "a key is made once");
    assert_eq!(witness(&[]).0, 2, "it needs a log");
    assert_eq!(witness(&["--log", "no key"]).0, 2);
    let (code, said) = witness(&["--log", &log]);
    assert!(code == exit::UNUSABLE && said.contains("add it with --new-log"), "{code} {said}");
    assert_eq!(witness(&["--log", &log, "--new-log"]).0, exit::OK);
}

#[test]
fn a_bundle_carries_what_the_witnesses_have_cosigned() {
    let world = World::new();
    let server = world.serve();
    world.served(&server, 2);
    let bundle = world.directory.path().join("bundle.tar");
    let (bundle, policy) = (bundle.to_str().unwrap(), world.policy.to_str().unwrap());
    run_well(&world.data(), &["bundle", bundle, "--position", "1..2"]);
    let url = format!("http://{}", server.address);
    for target in [&[bundle][..], &[&url], &[]] {
        let output = run(&world.data(), &[&["verify"], target, &["--policy", policy, "--max-age", "600"]].concat());
        assert_eq!(output.status.code(), Some(exit::OK), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let node = |policy: &str, more: &[&str]| {
        let script = workspace().join("crates/api/assets/bundle.mjs");
        let args = [&[bundle, "--policy", policy], more].concat();
        Command::new("node").arg(script).args(args).output().expect("node is needed").status.code()
    };
    assert_eq!((node(policy, &[]), node(policy, &["--max-age", "600"])), (Some(0), Some(0)));
    // Whoever asks for another witness as well does not believe it.
    let another = std::fs::read_to_string(policy).unwrap().replace("witness auditor", "witness former");
    let key = "witness.example/x+73669969+BIqI4910CfGV/VLbLTy6XXKQZwg0MMcMZ5MWVDuM+24P";
    let another = format!(
        "{}witness auditor {key}\n{}",
        &another[..another.find("group").unwrap()],
        &another[another.find("group").unwrap()..]
    );
    let stricter = world.directory.path().join("stricter");
    std::fs::write(&stricter, another).unwrap();
    let stricter = stricter.to_str().unwrap();
    for target in [&[bundle][..], &[&url], &[]] {
        let output = run(&world.data(), &[&["verify"], target, &["--policy", stricter]].concat());
        assert_eq!(
            output.status.code(),
            Some(exit::UNTRUSTED),
            "{}{}",
            stderr(&output),
            String::from_utf8_lossy(&output.stdout)
        );
    }
    assert_eq!(node(stricter, &[]), Some(50));
    server.stop();
}
