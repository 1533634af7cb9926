//! Backups of a server under load, what is found wrong with them, and a start from one (audit.md 5.3 and
//! case 10).

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use serde_json::{Value, json};
use sfs_sql::{Db, Options, Stmt};

use crate::support::book::{Meant, Sent};
use crate::support::process::{Server, exit, run, run_well, stderr, token, wait_for};
use crate::support::signer::Signer;
use crate::support::{files, fingerprint};

/// Backups under load: enough that keys that were copied before the log are seen to be too few.
const BACKUPS: [&str; 6] = ["first", "second", "third", "fourth", "fifth", "sixth"];

/// A data directory with a signer's key, and who may write to it.
struct Given {
    directory: tempfile::TempDir,
    key: String,
}

impl Given {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = token(&directory.path().join("data"), "CO");
        run_well(&directory.path().join("data"), &["key", "new"]);
        Self { directory, key }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn backup(&self, name: &str, more: &[&str]) -> Value {
        let to = self.path(name);
        let answer = run_well(&self.data(), &[&["--json", "backup", "--to", to.to_str().unwrap()], more].concat());
        serde_json::from_str(&answer).unwrap()
    }

    /// `restore-check` where the key-encryption keys are at hand.
    fn check(&self, name: &str) -> Output {
        run(&self.data(), &["--json", "restore-check", self.path(name).to_str().unwrap()])
    }

    /// Copies a backup to where a server can start from it, as the README says. The keys of the signer
    /// and the key-encryption keys come from elsewhere.
    fn restore(&self, backup: &str, to: &str) -> PathBuf {
        let (backup, data, to) = (self.path(backup), self.data(), self.path(to));
        std::fs::create_dir_all(to.join("signer")).unwrap();
        for store in ["log.db", "keys.db", "ops.db", "signer/state"] {
            std::fs::copy(backup.join(store), to.join(store)).unwrap();
        }
        for key in ["kek", "signer/signer-1.key"] {
            std::fs::copy(data.join(key), to.join(key)).unwrap();
        }
        to
    }

    fn register(&self, server: &Server, school: &str) {
        let mut sent = Sent::school(school, school, Meant::Accepted);
        assert!(sent.send(&mut server.client(&self.key)));
        assert_eq!(sent.answer.unwrap().status, 201);
    }
}

/// Somebody new, under a key that is made for the event.
fn register_person(server: &Server, key: &str, thread: u32, n: u32) {
    let name: String = n.to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    let person = uuid::Uuid::from_u128((0x4000_8000 << 48) | (u128::from(thread) << 32) | u128::from(n));
    let body = json!({
        "data": {"person": person, "district": "15083"},
        "personal": {"identity": {
            "family_name": format!("Probe{name}"), "given_names": "Petra", "born_on": format!("19{}-02-03", 60 + thread),
        }},
    });
    let answer = server.client(key).command("register-trainee", &person.to_string(), &body.to_string()).unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
}

fn signed_size(server: &Server) -> u64 {
    let answer = server.client("").get("/checkpoint").unwrap();
    answer.text().lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_default()
}

fn assert_code(output: &Output, code: i32, why: &str) -> Value {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(code), "{why}: {said}{}", stderr(output));
    serde_json::from_str(&said).unwrap()
}

#[test]
fn a_backup_under_load_is_whole_and_a_server_goes_on_from_it() {
    let given = Given::new();
    let server = Server::start(&given.data());
    assert!(wait_for(|| signed_size(&server) == 2));
    let (is_over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let manifests: Vec<Value> = std::thread::scope(|scope| {
        for thread in 0..4 {
            let (given, server, is_over, sent) = (&given, &server, &is_over, &sent);
            scope.spawn(move || {
                for n in 0.. {
                    match thread {
                        0 | 1 => given.register(server, &format!("T{thread}N{n}")),
                        _ => register_person(server, &given.key, thread, n),
                    }
                    sent.fetch_add(1, Ordering::SeqCst);
                    if is_over.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        let made = BACKUPS.map(|name| {
            let before = sent.load(Ordering::SeqCst);
            assert!(wait_for(|| sent.load(Ordering::SeqCst) > before + 100), "the load goes on");
            given.backup(name, &[])
        });
        is_over.store(true, Ordering::SeqCst);
        made.into()
    });
    let last = 2 + sent.load(Ordering::SeqCst);
    server.stop();
    let sizes: Vec<u64> = manifests.iter().map(|manifest| manifest["size"].as_u64().unwrap()).collect();
    assert!(100 < sizes[0] && sizes.is_sorted_by(|one, next| one + 100 < *next), "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= last), "{sizes:?} of {last}");
    for name in BACKUPS {
        let before = fingerprint(&given.path(name));
        let checked = assert_code(&given.check(name), exit::OK, name);
        assert!(checked["findings"].as_array().unwrap().is_empty(), "{checked}");
        assert_eq!(fingerprint(&given.path(name)), before, "the check changes nothing");
        assert_eq!(files(&given.path(name)).len(), before.len(), "and leaves nothing behind");
    }

    let restored = given.restore("first", "restored");

    run_well(&restored, &["verify", "--log-only"]);
    let server = Server::start(&restored);
    server.wait_ready();
    assert!(wait_for(|| signed_size(&server) == sizes[0]), "{}", server.said());
    given.register(&server, "AFTERWARDS");
    server.stop();
    run_well(&restored, &["verify"]);
}

#[test]
fn an_older_backup_beside_what_was_signed_since_is_not_served() {
    let given = Given::new();
    given.backup("older", &[]);
    let server = Server::start(&given.data());
    given.register(&server, "S1");
    assert!(wait_for(|| signed_size(&server) >= 2), "{}", server.said());
    server.stop();
    let restored = given.restore("older", "restored");
    let server = Server::start(&given.data());
    assert!(wait_for(|| signed_size(&server) == 3), "{}", server.said());
    server.stop();
    std::fs::copy(given.data().join("signer/state"), restored.join("signer/state")).unwrap();
    for verb in [&["serve", "--listen", "127.0.0.1:0"][..], &["token", "--role", "CO"]] {
        let output = run(&restored, verb);
        assert_eq!(output.status.code(), Some(exit::INVALID), "{}", stderr(&output));
        assert!(
            stderr(&output).contains("has 2 events, but the checkpoint of 3 events was signed"),
            "{}",
            stderr(&output)
        );
    }
    // Nor is a backup made of it.
    let output = run(&restored, &["backup", "--to", given.path("again").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(exit::INVALID), "{}", stderr(&output));
    assert!(!given.path("again").exists() && !given.path("again.unfinished").exists());
}

#[test]
fn a_flipped_bit_in_any_file_of_a_backup_is_found() {
    let given = Given::new();
    let server = Server::start(&given.data());
    given.register(&server, "S1");
    assert!(wait_for(|| signed_size(&server) >= 2));
    server.stop();
    std::fs::create_dir_all(given.data().join("files/ab")).unwrap();
    std::fs::write(given.data().join("files/ab/cd"), b"a report").unwrap();
    given.backup("backup", &["--with-signer-key"]);
    assert_code(&given.check("backup"), exit::OK, "the clean backup");
    let all = files(&given.path("backup"));
    assert_eq!(all.len(), 8, "{all:?}");
    for file in all {
        let bytes = std::fs::read(&file).unwrap();
        for (n, place) in [0, bytes.len() / 3, bytes.len() / 2, bytes.len() - 1].into_iter().enumerate() {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << n;
            std::fs::write(&file, changed).unwrap();
            let output = given.check("backup");
            assert_eq!(output.status.code(), Some(exit::INVALID), "{} at {place}: {}", file.display(), stderr(&output));
        }
        std::fs::write(&file, bytes).unwrap();
    }
    assert_code(&given.check("backup"), exit::OK, "the clean backup again");
}

#[test]
fn a_missing_file_an_added_file_and_an_unfinished_backup_are_found() {
    let given = Given::new();
    given.backup("backup", &[]);
    for file in ["log.db", "keys.db", "ops.db", "signer/state", "backup.json", "backup.json.sha256"] {
        let (path, aside) = (given.path("backup").join(file), given.path("aside"));
        std::fs::rename(&path, &aside).unwrap();
        assert_code(&given.check("backup"), exit::UNUSABLE, file);
        std::fs::rename(&aside, &path).unwrap();
    }
    let added = given.path("backup").join("log.db-wal");
    std::fs::write(&added, b"").unwrap();
    assert_code(&given.check("backup"), exit::INVALID, "a file that the database would read as its own");
    std::fs::remove_file(added).unwrap();
    assert_code(&given.check("backup"), exit::OK, "the clean backup");
    // A backup has a place of its own, and not in what it copies.
    for place in [given.path("backup"), given.data().join("backup")] {
        let output = run(&given.data(), &["backup", "--to", place.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(exit::UNUSABLE), "{}", stderr(&output));
    }
    let output = run(&given.path("nothing"), &["backup", "--to", given.path("other").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(exit::UNUSABLE), "{}", stderr(&output));
}

/// Whether any file below a directory has these bytes.
fn holds(directory: &Path, secret: &str) -> bool {
    let has =
        |file: PathBuf| std::fs::read(file).unwrap().windows(secret.len()).any(|found| found == secret.as_bytes());
    files(directory).into_iter().any(has)
}

#[test]
fn neither_key_encryption_keys_nor_unless_asked_for_the_signers_keys_are_in_a_backup() {
    let given = Given::new();
    let read = |name: &str| std::fs::read_to_string(given.data().join(name)).unwrap().trim().to_owned();
    let (kek, signer) = (read("kek").split_once(' ').unwrap().1.to_owned(), read("signer/signer-1.key"));
    given.backup("without", &[]);
    given.backup("with", &["--with-signer-key"]);
    assert!(holds(&given.data(), &kek) && holds(&given.data(), &signer));
    assert!(!holds(&given.path("without"), &kek) && !holds(&given.path("without"), &signer));
    assert!(!holds(&given.path("with"), &kek) && holds(&given.path("with"), &signer));
    // Elsewhere the rest is checked all the same, and it is said what is not.
    let output = run(&given.path("elsewhere"), &["--json", "restore-check", given.path("with").to_str().unwrap()]);
    let checked = assert_code(&output, exit::OK, "without the key-encryption keys");
    assert!(checked["not_checked"].to_string().contains("whether the keys open"), "{checked}");
    // With other ones it is said that they do not open it.
    std::fs::write(given.path("other"), format!("1 {}\n", "A".repeat(43))).unwrap();
    let mut command = crate::support::process::sfs(&given.path("elsewhere"));
    command.env("SFS_KEK", format!("file:{}", given.path("other").display()));
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(given.path("other"), mode).unwrap();
    let output = command.args(["--json", "restore-check"]).arg(given.path("with")).output().unwrap();
    assert_code(&output, exit::UNUSABLE, "with other key-encryption keys");
}

#[test]
fn what_a_signer_of_its_own_has_signed_is_asked_for() {
    let given = Given::new();
    std::fs::remove_dir_all(given.data().join("signer")).unwrap();
    let signer = Signer::with_new_key(&given.path("custody"));
    let server = signer.serve(&given.data());
    assert!(wait_for(|| signed_size(&server) == 2));
    let backup = |name: &str, more: &[&str]| {
        signer.sfs(&given.data()).args(["--json", "backup", "--to"]).arg(given.path(name)).args(more).output().unwrap()
    };
    let manifest = assert_code(&backup("backup", &[]), exit::OK, "with a signer of its own");
    assert_eq!((manifest["signed"]["size"].as_u64(), manifest["size"].as_u64()), (Some(2), Some(2)));
    assert_code(&given.check("backup"), exit::OK, "the backup");
    let original = std::fs::read(given.path("custody").join("state")).unwrap();
    assert_eq!(std::fs::read(given.path("backup").join("signer/state")).unwrap(), original);
    let refused = backup("other", &["--with-signer-key"]);
    assert_eq!(refused.status.code(), Some(exit::UNUSABLE), "{}", stderr(&refused));
    server.stop();
}

/// Keeps a checkpoint in the operational state, as if others had vouched for it.
fn keep(data: &Path, kept_at: i64, note: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = Db::open(data.join("ops.db"), Options { create: false, ..Options::default() }).await.unwrap();
        let mut writer = db.writer().await.unwrap();
        let size: i64 = note.lines().nth(1).unwrap().parse().unwrap();
        let insert = Stmt::new("insert into checkpoint (size, kept_at, note) values ($1, $2, $3)");
        writer.execute(insert.int(size).int(kept_at).text(note)).await.unwrap();
        writer.close().await.unwrap();
        db.close().await;
    });
}

#[test]
fn a_log_that_does_not_continue_what_others_have_vouched_for_is_found() {
    let given = Given::new();
    let server = Server::start(&given.data());
    assert!(wait_for(|| signed_size(&server) == 2));
    let note = server.client("").get("/checkpoint").unwrap().text();
    given.register(&server, "S1");
    server.stop();
    keep(&given.data(), 1, &note);
    given.backup("continued", &[]);
    assert_code(&given.check("continued"), exit::OK, "what was vouched for is continued");
    let root = note.lines().nth(2).unwrap();
    for (name, forged, words) in [
        ("other", note.replacen(root, &("A".repeat(43) + "="), 1), "the first 2 events of the log are not"),
        ("ahead", note.replacen("\n2\n", "\n4\n", 1), "4 events were signed, but the log has 3"),
    ] {
        keep(&given.data(), 2, &forged);
        given.backup(name, &[]);
        let found = assert_code(&given.check(name), exit::INVALID, name);
        assert!(found["findings"].to_string().contains(words), "{found}");
    }
}
