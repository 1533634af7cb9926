//! Proofs: what a client checks with the numbers of RFC 9162 and without us.

use serde_json::Value;
use sfs_domain::{Role, Scope};
use sfs_ledger::{Hash, TlogProof, verify_consistency, verify_inclusion};

use crate::service::Service;

fn hash(value: &Value) -> Hash {
    Hash::from_b64(value.as_str().unwrap()).unwrap()
}

fn path(proof: &Value) -> Vec<Hash> {
    proof["path"].as_array().unwrap().iter().map(hash).collect()
}

async fn with_schools(schools: usize) -> (Service, String) {
    let service = Service::start().await;
    let auditor = service.key(Role::Auditor, Scope::State {}).await;
    let coordination = service.coordination().await;
    for n in 0..schools {
        service.school(&coordination, &format!("S{n}")).await;
    }
    (service, auditor)
}

#[tokio::test]
async fn every_event_is_proved_to_be_in_the_log() {
    let (service, auditor) = with_schools(7).await;
    let head = service.api.log.head().await.unwrap();
    for position in 1..=head.size {
        let proof = service.get(&format!("/v1/proofs/inclusion?position={position}"), &auditor).await.json();
        assert_eq!((proof["size"].as_u64(), proof["origin"].as_str()), (Some(head.size), Some("test")));
        assert_eq!(hash(&proof["root"]), head.root);
        verify_inclusion(&hash(&proof["leaf_hash"]), position - 1, head.size, &path(&proof), &head.root).unwrap();
    }
}

#[tokio::test]
async fn a_receipt_names_the_leaf_hash_that_is_proved() {
    let (service, auditor) = with_schools(3).await;
    let coordination = service.coordination().await;
    let receipt = service.school(&coordination, "S9").await.json();
    let event = &receipt["events"][0];
    let proof = service.get(&format!("/v1/proofs/inclusion?position={}", event["position"]), &auditor).await.json();
    assert_eq!(proof["leaf_hash"], event["leaf_hash"]);
}

#[tokio::test]
async fn a_receipt_stands_alone_once_a_checkpoint_covers_it() {
    let (service, auditor) = with_schools(0).await;
    let coordination = service.coordination().await;
    let event = service.school(&coordination, "S9").await.json()["events"][0].clone();
    let address = format!("/v1/proofs/receipt?position={}", event["position"]);
    let early = service.get(&address, &auditor).await;
    early.is_problem(404, "not-found");
    let notary = service.api.notary.as_ref().unwrap();
    notary.sign().await.unwrap();
    let reply = service.get(&address, &auditor).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; charset=utf-8"));
    let proof = TlogProof::parse(&reply.bytes).unwrap();
    let keys = notary.verifiers().await.unwrap();
    let checkpoint = proof.verify(&hash(&event["leaf_hash"]), "test", &keys).unwrap();
    assert_eq!(checkpoint.size(), service.size().await);
    assert!(proof.verify(&Hash::from([1; 32]), "test", &keys).is_err());
}

#[tokio::test]
async fn the_log_is_proved_to_have_only_grown() {
    let (service, auditor) = with_schools(6).await;
    let head = service.api.log.head().await.unwrap();
    for from in 1..=head.size {
        let proof = service.get(&format!("/v1/proofs/consistency?from={from}"), &auditor).await.json();
        let (old, new) = (hash(&proof["from_root"]), hash(&proof["to_root"]));
        assert_eq!(new, head.root);
        verify_consistency(from, head.size, &path(&proof), &old, &new).unwrap();
    }
    let nothing = service.get("/v1/proofs/consistency?from=0", &auditor).await.json();
    assert_eq!(path(&nothing), []);
}

#[tokio::test]
async fn an_earlier_tree_can_be_asked_for() {
    let (service, auditor) = with_schools(5).await;
    let consistency = service.get("/v1/proofs/consistency?from=2&to=4", &auditor).await.json();
    let inclusion = service.get("/v1/proofs/inclusion?position=2&size=4", &auditor).await.json();
    assert_eq!((&inclusion["root"], inclusion["size"].as_u64()), (&consistency["to_root"], Some(4)));
}

#[tokio::test]
async fn what_the_log_does_not_have_is_refused_by_name() {
    let (service, auditor) = with_schools(1).await;
    let size = service.size().await;
    for path in [
        "/v1/proofs/inclusion".to_owned(),
        "/v1/proofs/inclusion?position=0".to_owned(),
        format!("/v1/proofs/inclusion?position={}", size + 1),
        format!("/v1/proofs/inclusion?position=1&size={}", size + 1),
        "/v1/proofs/inclusion?position=2&size=1".to_owned(),
        "/v1/proofs/inclusion?position=1&size=0".to_owned(),
        "/v1/proofs/inclusion?position=1&at=now".to_owned(),
        "/v1/proofs/consistency".to_owned(),
        "/v1/proofs/consistency?from=3&to=2".to_owned(),
    ] {
        let told = service.get(&path, &auditor).await.is_problem(400, "parameter");
        assert!(told["errors"][0]["parameter"].is_string(), "{path}: {told}");
    }
    service.get("/v1/proofs/inclusion?position=1", "").await.is_problem(401, "unauthorised");
}

#[tokio::test]
async fn tiles_need_no_key_and_come_to_the_root() {
    let (service, _) = with_schools(4).await;
    let head = service.api.log.head().await.unwrap();
    let tile = service.get(&format!("/tile/0/000.p/{}", head.size), "").await;
    assert_eq!((tile.status, tile.header("content-type")), (200, "application/octet-stream"));
    let hashes: Vec<Hash> = tile.bytes.chunks_exact(32).map(|hash| Hash::try_from(hash).unwrap()).collect();
    assert_eq!(sfs_ledger::tile_root(&hashes), head.root);
    for path in ["/tile/0/000", "/tile/0/001.p/1", "/tile/1/000.p/1", "/tile/0/0", "/tile/9/000"] {
        service.get(path, "").await.is_problem(404, "not-found");
    }
}

#[tokio::test]
async fn entries_are_the_leaves_for_whoever_may_see_every_event() {
    let (service, auditor) = with_schools(4).await;
    let head = service.api.log.head().await.unwrap();
    let path = format!("/tile/entries/000.p/{}", head.size);
    service.get(&path, "").await.is_problem(401, "unauthorised");
    let office = service.key(Role::NetworkOffice, Scope::District(sfs_domain::Ags::parse("15083").unwrap())).await;
    service.get(&path, &office).await.is_problem(403, "forbidden");
    let bundle = service.get(&path, &auditor).await;
    assert_eq!(bundle.status, 200, "{}", bundle.json());
    let entries = sfs_ledger::read_bundle(head.size, &bundle.bytes).unwrap();
    let hashes: Vec<Hash> = entries.into_iter().map(sfs_ledger::leaf_hash).collect();
    assert_eq!(sfs_ledger::tile_root(&hashes), head.root);
}

#[tokio::test]
async fn the_last_signed_checkpoint_is_served_to_everybody() {
    let (service, _) = with_schools(2).await;
    let head = service.api.log.head().await.unwrap();
    service.api.notary.as_ref().unwrap().sign().await.unwrap();
    let note = service.get("/checkpoint", "").await;
    assert_eq!((note.status, note.header("content-type")), (200, "text/plain; charset=utf-8"));
    let note = sfs_ledger::SignedNote::parse(&note.bytes).unwrap();
    let checkpoint: sfs_ledger::Checkpoint = note.unverified_text().parse().unwrap();
    assert_eq!((checkpoint.origin(), checkpoint.size(), checkpoint.root()), ("test", head.size, head.root));
}
