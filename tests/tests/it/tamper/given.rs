//! One small programme for all cases, made once and copied for each: simulated, signed, cosigned by two
//! witnesses, with two people whose data are sealed, and a bundle.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};
use sfs_ledger::{Tile, TilePath};

use crate::support::process::{Server, exit, run, run_well, stderr, token, wait_for};
use crate::support::{files, inject, workspace};
use crate::witness::World;

/// Two people of whom something is sealed.
pub const PERSONS: [&str; 2] = ["9d4c1c3e-5f0a-4b7e-8a39-2f6a0c1d7e11", "1f2d3c4b-5f0a-4b7e-8a39-2f6a0c1d7e12"];

pub struct Template {
    directory: tempfile::TempDir,
    /// What the server serves to others, by path.
    pub served: BTreeMap<String, Vec<u8>>,
    /// Coordination office, auditor, two data protection officers.
    pub keys: [String; 4],
    /// Events.
    pub size: u64,
    /// Where the two people were registered.
    pub registered: [u64; 2],
}

/// The template, made when it is first asked for.
pub fn template() -> &'static Template {
    static TEMPLATE: OnceLock<Template> = OnceLock::new();
    TEMPLATE.get_or_init(Template::make)
}

impl Template {
    fn make() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let mut keys = Vec::new();
        let world = World::with(|data| {
            run_well(data, &["simulate", "--schools", "6", "--seed", "5", "--throw-away"]);
            let auditor = run_well(data, &["--json", "token", "--role", "AU", "--until", "2199-12-31"]);
            let auditor: Value = serde_json::from_str(&auditor).unwrap();
            keys.extend([token(data, "CO"), auditor["api_key"].as_str().unwrap().to_owned()]);
            keys.extend(["DPO", "DPO"].map(|role| token(data, role)));
            copy(data, &path("older"));
        });
        let data = world.data();
        copy(&data.join("signer"), &path("first-signer"));
        let server = world.serve();
        let registered = PERSONS.map(|person| register(&server, &keys[0], person));
        let size = registered[1];
        let note = world.served(&server, size);
        let served = mirrored(&server, &keys[1], &note, size);
        let bundle = path("bundle.tar");
        let (from, to) = (size / 2, size / 2 + 20);
        let positions = ["--position", &format!("{from}..{to}"), "--position", &format!("{}..{size}", size - 3)];
        let since = ["--since", &(size / 3).to_string()];
        run_well(&data, &[&["bundle", bundle.to_str().unwrap()], &positions[..], &since].concat());
        server.stop();
        inject::settle(&data);
        copy(&data, &path("data"));
        std::fs::copy(&world.policy, path("policy")).unwrap();
        std::fs::write(path("remembered"), note).unwrap();
        let keys = keys.try_into().unwrap();
        Self { directory, served, keys, size, registered }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Keys of the signer with the state that it had before it signed anything: what an attacker has who
    /// made a backup in time.
    pub fn first_signer(&self) -> PathBuf {
        self.path("first-signer")
    }

    /// The data directory before it had a signer and people.
    pub fn older(&self) -> PathBuf {
        self.path("older")
    }
}

fn register(server: &Server, key: &str, person: &str) -> u64 {
    let body = json!({
        "data": {"person": person, "district": "15083"},
        "personal": {"identity": {
            "family_name": format!("Probe{}", if person == PERSONS[0] { "eins" } else { "zwei" }),
            "given_names": "Petra", "born_on": "1985-02-03",
        }},
    });
    let answer = server.client(key).command("register-trainee", person, &body.to_string()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["position"].as_u64().unwrap()
}

/// Checkpoint, hash tiles and entries as they are served.
fn mirrored(server: &Server, key: &str, note: &str, size: u64) -> BTreeMap<String, Vec<u8>> {
    let mut client = server.client(key);
    let mut served = BTreeMap::from([("/checkpoint".to_owned(), note.as_bytes().to_vec())]);
    let mut get = |path: TilePath| {
        let path = format!("/{path}");
        let answer = client.get(&path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        served.insert(path, answer.body);
    };
    for level in 0.. {
        let tiles: Vec<Tile> = (0..).map_while(|index| Tile::of_tree(level, index, size)).collect();
        if tiles.is_empty() {
            return served;
        }
        for tile in tiles {
            get(TilePath::Hashes(tile));
            if level == 0 {
                get(TilePath::Entries(tile));
            }
        }
    }
    served
}

/// Copies a directory.
pub fn copy(from: &Path, to: &Path) {
    for file in files(from).into_iter().filter(|file| !file.ends_with("lock")) {
        let to = to.join(file.strip_prefix(from).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(file, to).unwrap();
    }
}

/// What a detector said.
#[derive(Debug)]
pub struct Found {
    pub code: i32,
    /// Position and control of each finding, in order.
    pub findings: Vec<(u64, String)>,
    pub answer: Value,
}

impl Found {
    fn of(output: &Output) -> Self {
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)));
        let finding = |finding: &Value| {
            (finding["position"].as_u64().unwrap_or_default(), finding["check"].as_str().unwrap_or_default().to_owned())
        };
        let findings = answer["findings"].as_array().unwrap().iter().map(finding).collect();
        Self { code: output.status.code().unwrap(), findings, answer }
    }

    /// That exit code, exactly these findings in this order, and that many.
    #[track_caller]
    pub fn is(&self, code: i32, findings: &[(u64, &str)]) {
        let found: Vec<(u64, &str)> = self.findings.iter().map(|(position, check)| (*position, &**check)).collect();
        assert_eq!((self.code, &found[..]), (code, findings), "{:#}", self.answer);
        assert_eq!(self.answer["found"].as_u64(), Some(findings.len() as u64), "{:#}", self.answer);
    }

    /// Nothing at all is reported.
    #[track_caller]
    pub fn is_green(&self) {
        self.is(exit::OK, &[]);
    }

    /// The message of a control's first finding has these words.
    #[track_caller]
    pub fn says(&self, check: &str, words: &str) {
        let findings = self.answer["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["check"] == check).expect(check);
        assert!(finding["what"].as_str().unwrap().contains(words), "{finding}");
    }
}

/// A copy of the template for one case.
pub struct Case {
    directory: tempfile::TempDir,
}

impl Case {
    pub fn new() -> Self {
        let case = Self { directory: tempfile::tempdir().unwrap() };
        copy(&template().path("data"), &case.data());
        std::fs::copy(template().path("policy"), case.path("policy")).unwrap();
        case.remember_again();
        case
    }

    /// A copy that was just found to be whole.
    pub fn green() -> Self {
        let case = Self::new();
        case.verify().is_green();
        case
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The path as an argument.
    pub fn arg(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A success moves what is remembered on; this puts back the checkpoint of the template.
    pub fn remember_again(&self) {
        std::fs::copy(template().path("remembered"), self.path("remembered")).unwrap();
    }

    /// A policy that trusts the template's log and asks for no witness.
    pub fn log_key_only(&self) -> String {
        let policy = std::fs::read_to_string(self.path("policy")).unwrap();
        let log = policy.lines().next().unwrap();
        std::fs::write(self.path("log-key-only"), format!("{log}\nquorum none\n")).unwrap();
        self.arg("log-key-only")
    }

    /// The log of the data directory under the policy with both witnesses, and what was remembered.
    pub fn verify(&self) -> Found {
        self.verify_with(&["--log-only", "--policy", &self.arg("policy"), "--remember", &self.arg("remembered")])
    }

    pub fn verify_with(&self, args: &[&str]) -> Found {
        Found::of(&run(&self.data(), &[&["--json", "verify"], args].concat()))
    }

    /// A bundle, in our program and in the one without our code: both come to the same exit code.
    pub fn verify_bundle(&self, bundle: &str, args: &[&str]) -> Found {
        let found = self.verify_with(&[&[bundle], args].concat());
        assert_eq!(node(bundle, args), found.code, "without our code: {:#}", found.answer);
        found
    }

    /// A server, to the level that the auditor's key allows.
    pub fn verify_url(&self, address: &str, args: &[&str]) -> Found {
        std::fs::write(self.path("token"), &template().keys[1]).unwrap();
        let (url, token) = (format!("http://{address}"), self.arg("token"));
        self.verify_with(&[&[&*url, "--token-file", &token], args].concat())
    }

    /// What `sfs serve` says if it does not start; the exit code is that of a log that is not what was signed.
    #[track_caller]
    pub fn is_not_served(&self, words: &[&str]) {
        let Err((status, said)) = Server::try_start(&self.data(), |_| {}) else { panic!("it is served") };
        assert_eq!(status.code(), Some(exit::INVALID), "{said}");
        for word in words {
            assert!(said.contains(word), "it does not say `{word}`: {said}");
        }
    }

    /// Has what the data directory holds now signed with the true key, by a signer that has forgotten
    /// what it has signed, and takes away what others have vouched for.
    pub fn sign_anew(&self) -> Server {
        std::fs::remove_dir_all(self.data().join("signer")).unwrap();
        copy(&template().first_signer(), &self.data().join("signer"));
        super::forge::attempt(&self.data().join("ops.db"), "delete from checkpoint");
        let server = Server::start(&self.data());
        server.wait_ready();
        assert!(wait_for(|| server.client("").get("/checkpoint").unwrap().status == 200), "{}", server.said());
        server
    }
}

/// The bundle of the template, in a file of the case.
pub fn bundle(case: &Case) -> String {
    std::fs::copy(template().path("bundle.tar"), case.path("bundle.tar")).unwrap();
    case.arg("bundle.tar")
}

/// Exit code of the verifier that shares no code with ours.
pub fn node(bundle: &str, args: &[&str]) -> i32 {
    let script = workspace().join("crates/api/assets/bundle.mjs");
    let output = Command::new("node").arg(script).arg(bundle).args(args).output().expect("node is needed");
    output.status.code().unwrap()
}
