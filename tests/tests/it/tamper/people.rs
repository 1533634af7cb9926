//! What was sealed: a ciphertext in another's place, and a key that was destroyed (cases 33, 34 and 39).

use serde_json::{Value, json};
use sfs_ledger::{Leaf, SealedRef};

use crate::support::http::Answer;
use crate::support::process::{Server, exit, wait_for};

use super::forge;
use super::given::{Case, PERSONS, bundle, template};

fn send(server: &Server, key: usize, name: &str, command: &str, data: &Value) -> Answer {
    let body = json!({"data": data}).to_string();
    server.client(&template().keys[key]).command(name, command, &body).unwrap()
}

fn open(server: &Server, command: &str, person: usize) -> Answer {
    let position = template().registered[person];
    let data = json!({"person": PERSONS[person], "position": position, "ground": "certificate"});
    send(server, 0, "open-trainee-record", command, &data)
}

/// Has two approve the erasure of the first person's identity.
fn approve_erasure(server: &Server) {
    let ground = json!({"person": PERSONS[0], "ground": "consent_withdrawn", "purposes": ["identity"]});
    let requested = send(server, 0, "request-erasure", "request", &ground);
    assert_eq!(requested.status, 201, "{}", requested.text());
    let approval = json!({"person": PERSONS[0], "request": requested.json()["events"][0]["id"]});
    for officer in [2, 3] {
        let answer = send(server, officer, "approve-erasure", &format!("approve-{officer}"), &approval);
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

/// What everybody who may sees of the first person's stream.
fn journal(server: &Server) -> String {
    let path = format!("/v1/journal?stream=person/{}", PERSONS[0]);
    server.client(&template().keys[2]).get(&path).unwrap().text()
}

/// Digests of the two ciphertexts, in hexadecimal digits.
fn sealed(case: &Case) -> [String; 2] {
    let rows = forge::rows(&case.data().join("log.db"));
    template().registered.map(|position| {
        let leaf = Leaf::parse(&rows[position as usize - 1].leaf).unwrap();
        let SealedRef { h, .. } = &leaf.draft.sealed[0];
        h.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

#[test]
fn case_33_a_ciphertext_in_the_place_of_another_is_found_and_never_shown() {
    let case = Case::green();
    let server = Server::start(&case.data());
    server.wait_ready();
    assert_eq!(open(&server, "clean", 0).status, 201);
    assert_eq!(open(&server, "clean-2", 1).status, 201);
    server.stop();
    case.verify().is_green();
    let [one, two] = sealed(&case);
    let moved = |from: &str, to: &str| format!("update sealed_slot set digest = x'{to}' where digest = x'{from}'");
    forge::execute(&case.data().join("log.db"), &[&moved(&one, "00"), &moved(&two, &one), &moved("00", &two)]);

    let found = case.verify();

    let [first, second] = template().registered;
    found.is(exit::INVALID, &[(first, "sealed"), (second, "sealed")]);
    found.says("sealed", "is not the one that the leaf names");
    let server = Server::start(&case.data());
    server.wait_ready();
    for person in 0..2 {
        let answer = open(&server, &format!("moved-{person}"), person);
        let text = answer.text();
        assert!(!text.contains("Probe"), "{text}");
        let records = &answer.json()["opened"][0]["records"];
        assert_eq!((answer.status, records), (201, &json!([{"unreadable": {}}])), "{text}");
    }
    server.stop();
}

#[test]
fn case_34_a_destroyed_key_reads_as_erased_and_every_proof_stays() {
    let case = Case::green();
    let bundle = bundle(&case);
    let policy = ["--policy", &*case.arg("policy")];
    case.verify_bundle(&bundle, &policy).is_green();
    let server = Server::start(&case.data());
    server.wait_ready();
    approve_erasure(&server);
    assert!(wait_for(|| journal(&server).contains("person.erased.v1")), "{}", server.said());

    let refused = open(&server, "after", 0);
    assert_eq!((refused.status, refused.json()["errors"][0]["rule"].as_str()), (409, Some("PER-08")));
    assert_eq!(open(&server, "other", 1).status, 201, "nobody else is touched");
    server.stop();
    let found = case.verify();
    found.is(10, &[]);
    assert_eq!((found.answer["erased"].as_u64(), found.answer["sealed"].as_u64()), (Some(1), Some(2)));
    assert_eq!(found.answer["checkpoint"]["continues"].as_u64(), Some(template().size), "every leaf is as it was");
    // What was given to others before proves the same.
    case.verify_bundle(&bundle, &policy).is_green();
    // And it is found if the log forgets that it erased.
    case.remember_again();
    case.verify().is(10, &[]);
}

#[test]
fn case_39_an_erasure_that_was_cut_off_before_the_destruction_is_seen_and_goes_on() {
    let case = Case::green();
    let keys = case.data().join("keys.db");
    // Somebody keeps the keys from being destroyed, so that the end comes in between for certain.
    let hold = "create trigger held before update on subject_key begin select raise(abort, 'held'); end";
    forge::attempt(&keys, hold);
    let mut server = Server::start(&case.data());
    server.wait_ready();
    approve_erasure(&server);
    assert!(wait_for(|| server.said().contains("an erasure was not carried out")), "{}", server.said());
    let seen = journal(&server);
    assert_eq!(seen.matches("de.schulerfolg.person.erasure-approved.v1").count(), 2, "{seen}");
    assert!(!seen.contains("person.erased.v1"), "{seen}");
    assert!(seen.contains("person.erasure-begun.v1"), "{seen}");
    assert_eq!(open(&server, "held", 0).status, 409, "the key is there, and nobody may use it any more");
    server.kill();
    case.verify().is_green();

    forge::attempt(&keys, "drop trigger if exists held");
    let server = Server::start(&case.data());
    assert!(wait_for(|| journal(&server).contains("person.erased.v1")), "{}", server.said());
    assert_eq!(open(&server, "after", 0).status, 409);
    server.stop();
    case.verify().is(10, &[]);
}
