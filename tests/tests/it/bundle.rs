//! Evidence bundles and `sfs verify` as others use them: made beside a running server, verified in
//! levels with the exit codes of `audit.md` 2.6, and by a program in JavaScript that shares no code
//! with ours and must come to the same.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::Value;

use crate::small_log::{COSIGNED_AT, Parts, SmallLog, cosignature, policy_text, signature, verified};
use crate::support::process::{Server, exit, run, run_well, sfs, stderr, token, wait_for};
use crate::support::workspace;

fn node(script: &str, args: &[&str]) -> Output {
    let script = workspace().join("tests/check").join(script);
    Command::new("node").arg(script).args(args).output().expect("node is needed")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|why| panic!("{why}: {}", stderr(output)))
}

/// A small simulated log with a key, and the policy that trusts it.
struct World {
    directory: tempfile::TempDir,
    data: PathBuf,
    policy: String,
    checkpoint: String,
}

impl World {
    fn make() -> (Self, Server) {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        run_well(&data, &["simulate", "--schools", "6", "--seed", "3", "--throw-away"]);
        let key = run_well(&data, &["key", "new"]);
        let auditor = run_well(&data, &["--json", "token", "--role", "AU", "--until", "2199-12-31"]);
        let auditor: Value = serde_json::from_str(&auditor).unwrap();
        let server = Server::start(&data);
        let mut client = server.client("");
        let mut note = String::new();
        let signed = wait_for(|| {
            let answer = client.get("/checkpoint").unwrap();
            note = answer.text();
            answer.status == 200
        });
        assert!(signed, "nothing is signed: {}", server.said());
        let world = Self { data, policy: String::new(), checkpoint: note, directory };
        let policy = world.write("policy", format!("log {}quorum none\n", key).as_bytes());
        world.write("token", auditor["api_key"].as_str().unwrap().as_bytes());
        (Self { policy, ..world }, server)
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.directory.path().join(name), bytes).unwrap();
        self.path(name)
    }

    fn size(&self) -> u64 {
        self.checkpoint.lines().nth(1).unwrap().parse().unwrap()
    }

    /// Verifies and answers exit code and answer.
    fn verify(&self, args: &[&str]) -> (i32, Value) {
        let output = run(&self.data, &[&["--json", "verify", "--policy", &self.policy], args].concat());
        (output.status.code().unwrap(), json(&output))
    }

    fn verify_in_node(&self, bundle: &str, args: &[&str]) -> (i32, Value) {
        let output = node("bundle.mjs", &[&[bundle, "--policy", &self.policy], args].concat());
        (output.status.code().unwrap(), json(&output))
    }
}

#[test]
fn chosen_events_are_proved_without_us_and_nothing_can_be_changed() {
    let (world, server) = World::make();
    let size = world.size();
    let bundle = world.path("some.tar");
    let last = size.to_string();
    let range = format!("{}..{}", size / 2, size / 2 + 40);
    let half = (size / 2).to_string();
    let export: Vec<Value> = run_well(&world.data, &["events", "--leaves"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let leaf: Value = serde_json::from_str(export[7]["leaf"].as_str().unwrap()).unwrap();
    let (stream, command) = (export[size as usize / 3]["stream"].as_str().unwrap(), leaf["cmd"].as_str().unwrap());

    // Given a bundle that was made beside the running server …
    let made = run_well(
        &world.data,
        &[
            "--json",
            "bundle",
            &bundle,
            "--position",
            "1",
            "--position",
            &last,
            "--position",
            &range,
            "--stream",
            stream,
            "--command",
            command,
            "--since",
            &half,
        ],
    );
    let made: Value = serde_json::from_str(&made).unwrap();
    let of_stream = export.iter().filter(|event| event["stream"] == stream).count() as u64;
    let events = made["events"].as_u64().unwrap();
    assert!(events > 42 && events <= 43 + of_stream + 20, "{made}");

    // … it verifies with our program and without it.
    let remembered = world.write("remembered", &at_size(&world, &export, size / 2));
    for remember in [&[][..], &["--remember", &remembered]] {
        let (code, answer) = world.verify(&[&[&*bundle], remember].concat());
        assert_eq!((code, answer["level"].as_u64()), (exit::OK, Some(1)), "{answer}");
        assert_eq!((&answer["events"], &answer["checkpoint"]["size"]), (&made["events"], &Value::from(size)));
        assert!(!answer["not_checked"].as_array().unwrap().is_empty());
        let (code, answer) = world.verify_in_node(&bundle, remember);
        assert_eq!((code, &answer["events"]), (0, &made["events"]), "{answer}");
        // What is remembered moved on with the first success.
        world.write("remembered", &at_size(&world, &export, size / 2));
    }
    assert_eq!(run(&world.data, &["verify", &bundle]).status.code(), Some(2), "nobody is trusted without a policy");

    // One bit anywhere, and neither accepts it.
    let bytes = std::fs::read(&bundle).unwrap();
    let mut chance = StdRng::seed_from_u64(7);
    let changed = world.directory.path().join("changed");
    std::fs::create_dir(&changed).unwrap();
    for number in 0..60 {
        let mut bytes = bytes.clone();
        let place = chance.random_range(0..bytes.len());
        bytes[place] ^= 1 << chance.random_range(0..8_u8);
        let path = changed.join(number.to_string());
        std::fs::write(&path, bytes).unwrap();
        if number < 8 {
            let (code, answer) = world.verify(&[path.to_str().unwrap()]);
            assert!(code >= exit::UNUSABLE, "byte {place}: {answer}");
        }
    }
    let codes = json(&node("bundles.mjs", &[changed.to_str().unwrap(), &world.policy, "-", "0", "NaN"]));
    assert_eq!(codes.as_object().unwrap().len(), 60);
    assert!(codes.as_object().unwrap().values().all(|code| code.as_u64() >= Some(20)), "{codes}");
    server.stop();
}

/// A note of an earlier size: who remembers it has checked its signature then.
fn at_size(world: &World, export: &[Value], size: u64) -> Vec<u8> {
    let hashes = export[..size as usize].iter().map(|event| event["leaf_hash"].as_str().unwrap().parse().unwrap());
    let hashes: Vec<sfs_ledger::Hash> = hashes.collect();
    let origin = world.checkpoint.lines().next().unwrap();
    let (_, signature) = world.checkpoint.split_once("\n\n").unwrap();
    let root = sfs_ledger::tile_root(&hashes).to_standard_b64();
    format!("{origin}\n{size}\n{root}\n\n{signature}").into_bytes()
}

#[test]
fn a_server_is_verified_in_levels_and_what_is_remembered_binds_it() {
    let (world, server) = World::make();
    let url = format!("http://{}", server.address);
    let (remembered, token) = (world.path("remembered"), world.path("token"));
    let with_token = [&*url, "--token-file", &token, "--remember", &remembered];
    let without = [&*url, "--remember", &remembered];
    for (args, level, events) in [(&without[..], 0, 0), (&with_token, 2, world.size()), (&without, 0, 0)] {
        let (code, answer) = world.verify(args);
        assert_eq!(
            (code, answer["level"].as_u64(), answer["events"].as_u64()),
            (exit::OK, Some(level), Some(events)),
            "{answer}"
        );
        assert_eq!(std::fs::read_to_string(&remembered).unwrap(), world.checkpoint);
    }
    let export: Vec<Value> = run_well(&world.data, &["events", "--leaves"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for args in [&without[..], &with_token] {
        let earlier = at_size(&world, &export, world.size() / 3);
        world.write("remembered", &earlier);
        let (code, answer) = world.verify(args);
        assert_eq!((code, answer["checkpoint"]["continues"].as_u64()), (exit::OK, Some(world.size() / 3)), "{answer}");
        // Another root of that size, and a larger size, were never this log's.
        let other = at_size(&world, &export[1..], world.size() / 3);
        let longer = world.checkpoint.replacen(&world.size().to_string(), &(world.size() + 1).to_string(), 1);
        for wrong in [other, longer.into_bytes()] {
            world.write("remembered", &wrong);
            let (code, answer) = world.verify(args);
            assert_eq!(code, exit::INCONSISTENT, "{answer}");
            assert_eq!(answer["findings"][0]["check"], "consistency");
            assert_eq!(std::fs::read(&remembered).unwrap(), wrong, "nothing else is remembered");
        }
        std::fs::remove_file(&remembered).unwrap();
    }
    // Somebody else's key.
    let stranger = run_well(&world.directory.path().join("other"), &["key", "new"]);
    let stranger = world.write("stranger", format!("log {stranger}quorum none\n").as_bytes());
    for target in [&url, &world.path("data")] {
        let args = if *target == url { vec!["verify", target] } else { vec!["verify"] };
        let output = run(&world.data, &[&args[..], &["--policy", &stranger]].concat());
        assert_eq!(output.status.code(), Some(exit::UNTRUSTED), "{}", String::from_utf8_lossy(&output.stdout));
    }
    server.stop();
}

#[test]
fn a_data_directory_is_held_against_its_signer_and_against_what_was_remembered() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    token(&data, "CO");
    let backup = directory.path().join("backup.db");
    std::fs::copy(data.join("log.db"), &backup).unwrap();
    token(&data, "CO");
    run_well(&data, &["key", "new"]);
    let server = Server::start(&data);
    assert!(wait_for(|| server.client("").get("/checkpoint").unwrap().status == 200));
    server.stop();
    let remembered = directory.path().join("remembered");
    let verify = |more: &[&str]| {
        let output = sfs(&data).args(["--json", "verify", "--log-only"]).args(more).output().unwrap();
        (output.status.code().unwrap(), json(&output))
    };
    let remember = ["--remember", remembered.to_str().unwrap()];
    let (code, answer) = verify(&remember);
    assert_eq!((code, answer["checkpoint"]["size"].as_u64()), (exit::OK, Some(4)), "{answer}");

    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(data.join(format!("log.db{suffix}")));
    }
    std::fs::copy(&backup, data.join("log.db")).unwrap();

    let (code, answer) = verify(&remember);
    assert_eq!((code, answer["found"].as_u64()), (exit::INCONSISTENT, Some(2)), "{answer}");
    assert!(answer["findings"].as_array().unwrap().iter().all(|finding| finding["check"] == "consistency"));
    // Without the signer what was remembered still binds.
    std::fs::remove_dir_all(data.join("signer")).unwrap();
    assert_eq!(verify(&remember).0, exit::INCONSISTENT);
    assert_eq!(verify(&[]).0, exit::OK, "alone it is a whole log");
}

/// Bundles of the small log, each with the exit code that both programs must give it.
fn cases() -> Vec<(&'static str, i32, Vec<u8>)> {
    let log = SmallLog::of(20);
    let mut parts = log.parts(&[2, 7, 8, 13, 18]);
    parts.consistency = Some(log.consistency(11));
    parts.timestamps = vec![("a.tsr".into(), b"a reply".to_vec()), ("b.tsr".into(), Vec::new())];
    let text = log.checkpoint(20).to_string();
    let note = |signatures| {
        let note = sfs_ledger::SignedNote::new(&text, signatures).unwrap();
        Parts { checkpoint: note.to_string().into_bytes(), ..parts.clone() }.pack()
    };
    let cosign = |seed, time| cosignature(seed, time, &text);
    let wrong_order = SmallLog::timed(20, |pos| if pos == 13 { 5 } else { pos as i64 });
    let mut wrong_order = wrong_order.parts(&[2, 7, 8, 13, 18]);
    wrong_order.consistency = Some(SmallLog::timed(20, |pos| if pos == 13 { 5 } else { pos as i64 }).consistency(11));
    let lines: Vec<&str> = parts.disclosures.lines().collect();
    let disclosing = |lines: &[&str]| {
        let disclosures = lines.iter().map(|line| format!("{line}\n")).collect();
        Parts { disclosures, ..parts.clone() }.pack()
    };
    let moved = format!("7 {}", lines[0].split_once(' ').unwrap().1);
    let whole = parts.pack();
    let mut open = parts.open.clone();
    *open.last_mut().unwrap() ^= 1;
    vec![
        ("whole", 0, whole.clone()),
        (
            "without what is optional",
            20,
            Parts { consistency: None, disclosures: String::new(), timestamps: Vec::new(), ..parts.clone() }.pack(),
        ),
        (
            "more signatures",
            0,
            note(vec![
                signature(1, &text),
                signature(9, &text),
                cosign(12, COSIGNED_AT),
                cosign(13, 0),
                cosign(11, 1),
                cosign(11, COSIGNED_AT),
            ]),
        ),
        ("unknown key", 50, note(vec![signature(2, &text), cosign(11, COSIGNED_AT), cosign(12, COSIGNED_AT)])),
        (
            "too few witnesses",
            50,
            note(vec![signature(1, &text), cosign(11, COSIGNED_AT), cosign(11, COSIGNED_AT + 1)]),
        ),
        ("stale", 50, note(vec![signature(1, &text), cosign(11, COSIGNED_AT), cosign(12, COSIGNED_AT - 7200)])),
        (
            "wrong signature",
            40,
            note(vec![signature(1, &text.replacen("20", "21", 1)), cosign(11, COSIGNED_AT), cosign(12, COSIGNED_AT)]),
        ),
        ("another log", 40, {
            let mut other = wrong_order.clone();
            other.consistency = None;
            other.pack()
        }),
        ("recorded backwards", 40, wrong_order.pack()),
        ("proof cut", 40, Parts { multiproof: parts.multiproof[32..].to_vec(), ..parts.clone() }.pack()),
        (
            "proof extended",
            40,
            Parts { multiproof: [&parts.multiproof[..], &[0; 32]].concat(), ..parts.clone() }.pack(),
        ),
        ("other positions", 40, Parts { positions: log.parts(&[2, 7, 8, 13, 19]).positions, ..parts.clone() }.pack()),
        ("position beyond", 40, Parts { positions: vec![2, 5, 1, 5, 8], ..parts.clone() }.pack()),
        ("position twice", 40, Parts { positions: vec![2, 5, 1, 5, 0], ..parts.clone() }.pack()),
        ("open body", 40, Parts { open, ..parts.clone() }.pack()),
        ("fewer disclosures", 0, disclosing(&lines[1..])),
        ("moved disclosure", 40, disclosing(&[lines[0], &moved])),
        ("disclosures not in order", 40, disclosing(&[lines[1], lines[0]])),
        ("damaged timestamp", 40, {
            let place = whole.windows(7).position(|bytes| bytes == b"a reply").unwrap();
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            damaged
        }),
        ("cut", 20, whole[..whole.len() - 600].to_vec()),
        ("goes on", 40, [&whole[..], &[0; 512]].concat()),
        ("empty", 20, Vec::new()),
    ]
}

/// Whatever is done to a bundle, both programs refuse it or both accept it.
#[test]
fn a_program_without_our_code_comes_to_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let (bundles, mutated) = (directory.path().join("bundles"), directory.path().join("mutated"));
    let (policy, remembered) = (directory.path().join("policy"), directory.path().join("remembered"));
    let log = SmallLog::of(20);
    let earlier = SmallLog::of(11);
    std::fs::write(&policy, policy_text()).unwrap();
    std::fs::write(&remembered, earlier.note().to_string()).unwrap();
    let in_node = |bundles: &Path| {
        let now = (COSIGNED_AT + 60).to_string();
        let (policy, remembered) = (policy.to_str().unwrap(), remembered.to_str().unwrap());
        json(&node("bundles.mjs", &[bundles.to_str().unwrap(), policy, remembered, &now, "3600"]))
    };
    std::fs::create_dir(&bundles).unwrap();
    let cases = cases();
    for (name, _, bytes) in &cases {
        std::fs::write(bundles.join(name), bytes).unwrap();
    }
    let codes = in_node(&bundles);
    for (name, code, bytes) in &cases {
        let ours = verified(bytes, Some(&log.checkpoint(11)));
        assert_eq!(i32::from(ours.outcome.code()), *code, "{name}: {:?}", ours.findings);
        assert_eq!(codes[name].as_i64(), Some(i64::from(*code)), "{name} in JavaScript");
    }
    // Random changes of the files, with digests that fit, so that the proofs must find them.
    std::fs::create_dir(&mutated).unwrap();
    let mut parts = log.parts(&[2, 7, 8, 13, 18]);
    parts.consistency = Some(log.consistency(11));
    let mut chance = StdRng::seed_from_u64(11);
    let mut ours = Vec::new();
    for number in 0..300 {
        let mut changed = parts.clone();
        let file = match chance.random_range(0..5_u8) {
            0 => &mut changed.checkpoint,
            1 => &mut changed.positions,
            2 => &mut changed.leaves,
            3 => &mut changed.open,
            _ => &mut changed.multiproof,
        };
        let place = chance.random_range(0..file.len());
        match chance.random_range(0..4_u8) {
            0 => drop(file.remove(place)),
            1 => file.insert(place, chance.random()),
            2 => file[place] = chance.random(),
            _ => file[place] ^= 1 << chance.random_range(0..8_u8),
        }
        let bytes = changed.pack();
        std::fs::write(mutated.join(number.to_string()), &bytes).unwrap();
        ours.push(verified(&bytes, Some(&log.checkpoint(11))).outcome.code());
    }
    let codes = in_node(&mutated);
    for (number, code) in ours.iter().enumerate() {
        let theirs = codes[number.to_string()].as_u64().unwrap();
        assert_eq!(theirs == 0, *code == 0, "mutation {number}: ours {code}, in JavaScript {theirs}");
    }
    assert!(ours.iter().filter(|code| **code > 0).count() > 290, "nearly every change matters");
}
