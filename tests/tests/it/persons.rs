//! Persons in a real process: what is said of one is sealed, shown only by a command of its own, and
//! erased so that no file, backup or log line has it any more (cases 34 to 37 and 39 of `audit.md` 6).
//!
//! The canary is a name that stands nowhere else. It is first found where it may be, so that not finding
//! it later means something.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde_json::{Value, json};

use crate::support::files;
use crate::support::http::{Answer, Client};
use crate::support::process::{Server, exit, run, run_well, token, wait_for};

const FAMILY: &str = "Kanarienvogel-Ünterberg";
const GIVEN: &str = "Zaunkönigin Adelheid";

const PERSON: &str = "9d4c1c3e-5f0a-4b7e-8a39-2f6a0c1d7e11";

/// Every spelling in which a text may lie somewhere: itself, as UTF-16, JSON with escapes, hexadecimal, and
/// base64 at each of the three places where it can begin.
fn spellings(text: &str) -> Vec<Vec<u8>> {
    let bytes = text.as_bytes();
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let escaped: String =
        text.chars().map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", c as u32) }).collect();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut all = vec![
        bytes.to_vec(),
        utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        escaped.clone().into_bytes(),
        escaped.to_uppercase().into_bytes(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
    ];
    for before in 0..3 {
        let mut shifted = vec![0; before];
        shifted.extend_from_slice(bytes);
        let text = BASE64_STANDARD_NO_PAD.encode(&shifted);
        // Letters that also hold bits of the neighbours are left out.
        let (first, last) = (before.div_ceil(3) * 4, shifted.len() / 3 * 4);
        let inner = &text[first..last];
        all.push(inner.as_bytes().to_vec());
        all.push(inner.replace('+', "-").replace('/', "_").into_bytes());
    }
    all
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether the canary is in the bytes, in any spelling.
fn sings_in(bytes: &[u8]) -> bool {
    [FAMILY, GIVEN].iter().any(|name| spellings(name).iter().any(|spelling| holds(bytes, spelling)))
}

/// The files below a folder that have the canary.
fn sings(folder: &Path) -> Vec<String> {
    let all = files(folder).into_iter().filter(|path| std::fs::read(path).is_ok_and(|bytes| sings_in(&bytes)));
    all.map(|path| path.display().to_string()).collect()
}

struct House {
    directory: tempfile::TempDir,
    coordination: String,
    officers: [String; 2],
}

impl House {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let data = directory.path().join("data");
        let coordination = token(&data, "CO");
        let officers = [token(&data, "DPO"), token(&data, "DPO")];
        Self { directory, coordination, officers }
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.path().join("data")
    }

    fn serve(&self) -> Server {
        let server = Server::start(&self.data());
        server.wait_ready();
        server
    }
}

fn send(client: &mut Client, name: &str, key: &str, body: &Value) -> Answer {
    client.command(name, key, &body.to_string()).unwrap()
}

fn accepted(client: &mut Client, name: &str, key: &str, body: &Value) -> Value {
    let answer = send(client, name, key, body);
    assert_eq!(answer.status, 201, "{name}: {}", answer.text());
    answer.json()
}

fn rule(answer: &Answer) -> (u16, String) {
    (answer.status, answer.json()["errors"][0]["rule"].as_str().unwrap_or_default().to_owned())
}

fn registration() -> Value {
    json!({
        "data": {"person": PERSON, "district": "15083"},
        "personal": {"identity": {"family_name": FAMILY, "given_names": GIVEN, "born_on": "1985-02-03"}},
    })
}

fn opening(position: u64) -> Value {
    json!({"data": {"person": PERSON, "position": position, "ground": "certificate"}})
}

/// Asks for the erasure of the identity; answers the request's event.
fn request_erasure(client: &mut Client, key: &str) -> Value {
    let body = json!({"data": {"person": PERSON, "ground": "consent_withdrawn", "purposes": ["identity"]}});
    accepted(client, "request-erasure", key, &body)
}

fn approve(client: &mut Client, key: &str, request: &Value) -> Answer {
    send(client, "approve-erasure", key, &json!({"data": {"person": PERSON, "request": request}}))
}

/// Waits until the person's stream ends with an erasure.
fn wait_erased(client: &mut Client) {
    let erased = wait_for(|| {
        let journal = client.get(&format!("/v1/journal?stream=person/{PERSON}")).unwrap();
        journal.text().contains("person.erased.v1")
    });
    assert!(erased, "the erasure was not carried out");
}

#[test]
fn a_spelling_is_found_wherever_it_begins() {
    for before in 0..7 {
        let mut text = "x".repeat(before).into_bytes();
        text.extend_from_slice(FAMILY.as_bytes());
        assert!(sings_in(&text));
        assert!(sings_in(BASE64_STANDARD_NO_PAD.encode(&text).as_bytes()), "{before}");
    }
    assert!(!sings_in(b"Kanarienvogel"));
}

#[test]
fn a_person_is_sealed_shown_erased_and_then_nowhere() {
    let house = House::new();
    let server = house.serve();
    let mut coordination = server.client(&house.coordination);
    let [mut first, mut second] = house.officers.each_ref().map(|key| server.client(key));

    let registered = accepted(&mut coordination, "register-trainee", "k1", &registration());
    let position = registered["position"].as_u64().unwrap();
    assert!(!sings_in(registered.to_string().as_bytes()), "a receipt names nobody");

    // The canary is where it may be, and there alone.
    let opened = accepted(&mut coordination, "open-trainee-record", "k2", &opening(position));
    assert_eq!(opened["opened"][0]["records"][0]["record"]["identity"]["family_name"], FAMILY);
    let export = json!({"data": {"person": PERSON, "ground": "data_subject_request"}});
    let exported = accepted(&mut first, "export-person", "k3", &export);
    assert!(sings_in(exported.to_string().as_bytes()), "{exported}");
    assert_eq!(sings(&house.data()), Vec::<String>::new(), "nothing lies in clear");
    let before = house.directory.path().join("keys-before.db");
    let is_cut = run(&house.data(), &["verify", "--log-only"]);
    assert_eq!(is_cut.status.code(), Some(exit::OK));

    // Four eyes: who asks does not approve, and one is not two.
    let requested = request_erasure(&mut coordination, "k4");
    let request = requested["events"][0]["id"].clone();
    assert_eq!(rule(&approve(&mut coordination, "k5", &request)).0, 403, "no approver by role");
    assert_eq!(approve(&mut first, "k6", &request).status, 201);
    assert_eq!(approve(&mut first, "k7", &request).status, 200, "the same person again is not a second one");
    assert_eq!(send(&mut coordination, "open-trainee-record", "k8", &opening(position)).status, 201);
    server.stop();
    std::fs::copy(house.data().join("keys.db"), &before).unwrap();

    let server = house.serve();
    let mut coordination = server.client(&house.coordination);
    let [mut first, mut second_now] = house.officers.each_ref().map(|key| server.client(key));
    std::mem::swap(&mut second, &mut second_now);
    assert_eq!(approve(&mut second, "k9", &request).status, 201);
    wait_erased(&mut first);

    // Nothing opens any more, nothing is registered again, and the log is whole.
    let (status, why) = rule(&send(&mut coordination, "open-trainee-record", "k10", &opening(position)));
    assert_eq!((status, why.as_str()), (409, "PER-08"));
    assert_eq!(rule(&send(&mut first, "export-person", "k11", &export)).0, 409);
    assert_eq!(rule(&send(&mut coordination, "register-trainee", "k12", &registration())).0, 409);
    let replayed = send(&mut coordination, "open-trainee-record", "k2", &opening(position));
    assert!(!sings_in(&replayed.body), "what was shown once is not shown again: {}", replayed.text());
    let said = server.said();
    server.stop();
    assert!(!sings_in(said.as_bytes()));
    assert_eq!(sings(&house.data()), Vec::<String>::new());
    let verified = run(&house.data(), &["verify", "--log-only"]);
    assert!(matches!(verified.status.code(), Some(exit::OK | 10)), "{verified:?}");

    // The key store of a backup knows the person still; the log knows better.
    std::fs::copy(&before, house.data().join("keys.db")).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(house.data().join(format!("keys.db{suffix}")));
    }
    let server = house.serve();
    assert!(server.said().contains("destroyed again"), "{}", server.said());
    let mut coordination = server.client(&house.coordination);
    assert_eq!(rule(&send(&mut coordination, "open-trainee-record", "k13", &opening(position))).1, "PER-08");
    server.stop();
}

#[test]
fn an_erasure_under_a_hold_is_refused_and_the_refusal_is_kept() {
    let house = House::new();
    let server = house.serve();
    let mut coordination = server.client(&house.coordination);
    let mut officer = server.client(&house.officers[0]);
    accepted(&mut coordination, "register-trainee", "k1", &registration());
    let hold =
        json!({"data": {"person": PERSON, "hold": "5f4c1c3e-5f0a-4b7e-8a39-2f6a0c1d7e11", "ground": "legal_claims"}});
    accepted(&mut officer, "set-legal-hold", "k2", &hold);
    let requested = request_erasure(&mut coordination, "k3");
    let types: Vec<&str> =
        requested["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["person.erasure-requested.v1", "person.erasure-refused.v1"]);
    let answer = approve(&mut officer, "k4", &requested["events"][0]["id"]);
    assert_eq!(rule(&answer).0, 409, "{}", answer.text());
    server.stop();
}

#[test]
fn an_erasure_goes_on_after_a_kill() {
    let house = House::new();
    let mut server = house.serve();
    let mut coordination = server.client(&house.coordination);
    let [mut first, mut second] = house.officers.each_ref().map(|key| server.client(key));
    accepted(&mut coordination, "register-trainee", "k1", &registration());
    let request = request_erasure(&mut coordination, "k2")["events"][0]["id"].clone();
    assert_eq!(approve(&mut first, "k3", &request).status, 201);
    assert_eq!(approve(&mut second, "k4", &request).status, 201);
    // Killed at once: whether before the keys were destroyed, or between that and the event.
    server.kill();
    let server = house.serve();
    wait_erased(&mut server.client(&house.officers[0]));
    server.stop();
}

#[test]
fn without_its_key_store_nothing_starts() {
    let house = House::new();
    let before = run_well(&house.data(), &["kek", "show"]);
    assert!(before.contains("version 1"), "{before}");
    std::fs::remove_file(house.data().join("keys.db")).unwrap();
    let refused = run(&house.data(), &["token", "--role", "CO"]);
    assert_eq!(refused.status.code(), Some(exit::UNUSABLE));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("keys.db is missing"), "{refused:?}");
}
