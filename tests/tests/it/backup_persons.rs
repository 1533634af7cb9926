//! Keys of persons in backups: every key that the log names is there or was destroyed, a destroyed one does
//! not travel, and one that came back is told (audit.md 5.3, case 35).

use std::path::PathBuf;

use serde_json::{Value, json};
use sfs_sql::{Db, Stmt};

use crate::support::http::Client;
use crate::support::process::{Server, exit, run, run_well, stderr, token, wait_for};
use crate::support::sha256;

const PERSON: &str = "9d4c1c3e-5f0a-4b7e-8a39-2f6a0c1d7e11";

struct Given {
    directory: tempfile::TempDir,
    coordination: String,
    officers: [String; 2],
}

fn accepted(client: &mut Client, name: &str, key: &str, body: &Value) -> Value {
    let answer = client.command(name, key, &body.to_string()).unwrap();
    assert_eq!(answer.status, 201, "{name}: {}", answer.text());
    answer.json()
}

impl Given {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let coordination = token(&data, "CO");
        let officers = [token(&data, "DPO"), token(&data, "DPO")];
        Self { directory, coordination, officers }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn backup(&self, name: &str) {
        run_well(&self.path("data"), &["backup", "--to", self.path(name).to_str().unwrap()]);
    }

    /// Exit code and what was found.
    fn check(&self, name: &str) -> (Option<i32>, Value) {
        let output = run(&self.path("data"), &["--json", "restore-check", self.path(name).to_str().unwrap()]);
        let found = serde_json::from_slice(&output.stdout);
        (output.status.code(), found.unwrap_or_else(|_| panic!("{}", stderr(&output))))
    }

    /// Registers somebody.
    fn register(&self, server: &Server) {
        let body = json!({
            "data": {"person": PERSON, "district": "15083"},
            "personal": {"identity": {"family_name": "Probe", "given_names": "Petra", "born_on": "1985-02-03"}},
        });
        accepted(&mut server.client(&self.coordination), "register-trainee", "register", &body);
    }

    /// Has the identity erased and waits until it is.
    fn erase(&self, server: &Server) {
        let body = json!({"data": {"person": PERSON, "ground": "consent_withdrawn", "purposes": ["identity"]}});
        let requested = accepted(&mut server.client(&self.coordination), "request-erasure", "request", &body);
        let request = &requested["events"][0]["id"];
        for (n, officer) in self.officers.iter().enumerate() {
            let body = json!({"data": {"person": PERSON, "request": request}});
            accepted(&mut server.client(officer), "approve-erasure", &format!("approve-{n}"), &body);
        }
        let mut client = server.client(&self.officers[0]);
        let journal = format!("/v1/journal?stream=person/{PERSON}");
        assert!(wait_for(|| client.get(&journal).unwrap().text().contains("person.erased.v1")), "{}", server.said());
    }

    /// A copy of a backup with the key store of another one, and a manifest that says so.
    fn compose(&self, name: &str, log_of: &str, keys_of: &str) {
        let to = self.path(name);
        std::fs::create_dir(&to).unwrap();
        for file in ["log.db", "ops.db"] {
            std::fs::copy(self.path(log_of).join(file), to.join(file)).unwrap();
        }
        std::fs::copy(self.path(keys_of).join("keys.db"), to.join("keys.db")).unwrap();
        let mut manifest: Value =
            serde_json::from_slice(&std::fs::read(self.path(log_of).join("backup.json")).unwrap()).unwrap();
        let keys = std::fs::read(to.join("keys.db")).unwrap();
        for file in manifest["files"].as_array_mut().unwrap().iter_mut().filter(|file| file["path"] == "keys.db") {
            file["bytes"] = json!(keys.len());
            file["sha256"] = json!(sha256(&keys));
        }
        let text = manifest.to_string();
        std::fs::write(to.join("backup.json.sha256"), format!("{}  backup.json\n", sha256(text.as_bytes()))).unwrap();
        std::fs::write(to.join("backup.json"), text).unwrap();
    }

    fn holds_in_keys(&self, backup: &str, bytes: &[u8]) -> bool {
        let file = std::fs::read(self.path(backup).join("keys.db")).unwrap();
        file.windows(bytes.len()).any(|found| found == bytes)
    }
}

/// The wrapped identity key in a backup.
fn wrapped(keys: PathBuf) -> Vec<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let select = Stmt::new("select wrapped from subject_key where purpose = 'identity'");
        let row = Db::open_copy(&keys).fetch_optional(select).await.unwrap();
        row.unwrap().blob(0).unwrap().to_vec()
    })
}

#[test]
fn keys_of_a_backup_are_those_that_its_log_names_and_a_destroyed_one_does_not_travel() {
    let given = Given::new();
    let server = Server::start(&given.path("data"));
    given.backup("empty");
    given.register(&server);
    given.backup("known");
    given.erase(&server);
    given.backup("erased");
    server.stop();
    for backup in ["empty", "erased"] {
        let (code, found) = given.check(backup);
        assert_eq!(code, Some(exit::OK), "{backup}: {found}");
    }
    // Its own log knows nothing of the erasure that came after it: the list does, which no backup holds.
    let (code, found) = given.check("known");
    assert_eq!((code, found["destroyed_again"].as_array().map(Vec::len)), (Some(10), Some(1)), "{found}");
    let key = wrapped(given.path("known").join("keys.db"));
    assert!(given.holds_in_keys("known", &key), "it is found where it is");
    assert!(!given.holds_in_keys("erased", &key));

    // Keys that are older than the log that names them.
    given.compose("lost", "known", "empty");
    let (code, found) = given.check("lost");
    assert_eq!(code, Some(exit::INVALID), "{found}");
    assert!(found["findings"].to_string().contains("neither there nor destroyed"), "{found}");

    // Keys that are older than an erasure: the next start destroys them again.
    given.compose("alive", "erased", "known");
    let (code, found) = given.check("alive");
    assert_eq!((code, found["destroyed_again"].as_array().map(Vec::len)), (Some(10), Some(1)), "{found}");
    let restored = given.path("restored");
    std::fs::create_dir(&restored).unwrap();
    for file in ["log.db", "keys.db", "ops.db"] {
        std::fs::copy(given.path("alive").join(file), restored.join(file)).unwrap();
    }
    std::fs::copy(given.path("data").join("kek"), restored.join("kek")).unwrap();
    let server = Server::start(&restored);
    assert!(server.said().contains("destroyed again"), "{}", server.said());
    run_well(&restored, &["backup", "--to", given.path("again").to_str().unwrap()]);
    server.stop();
    let (code, found) = given.check("again");
    assert_eq!((code, found["destroyed_again"].as_array().map(Vec::len)), (Some(exit::OK), Some(0)), "{found}");
    assert!(!given.holds_in_keys("again", &key));
}
