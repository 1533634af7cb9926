//! A small log with everything that vouches for it: leaves of a few streams, one of them with
//! commitments, a signed and cosigned checkpoint, a policy, and bundles of chosen events.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signer as _, SigningKey};
use sfs_ledger::{
    Bundle, Checkpoint, Hash, LEAF_FORMAT, LeafDraft, NoteSignature, OpenBody, Policy, ProofPlan, Report, SealedRef,
    SignedNote, Terms, Tile, VerifierKey, WitnessKey, consistency_proof, cosigned_message, digest, disclosure_digest,
    leaf_hash, push_position, tile_root, verify_bundle, write_bundle, write_consistency, write_open,
};
use uuid::Uuid;

pub const ORIGIN: &str = "sfs.example/log/1";

/// When the witnesses have cosigned, in seconds since 1970.
pub const COSIGNED_AT: u64 = 1_795_453_200;

/// The key pair of a number.
fn pair(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub fn log_key(seed: u8) -> VerifierKey {
    VerifierKey::new(ORIGIN, &pair(seed).verifying_key().to_bytes()).unwrap()
}

pub fn witness_key(seed: u8) -> WitnessKey {
    WitnessKey::new("witness.example/w", &pair(seed).verifying_key().to_bytes()).unwrap()
}

pub fn signature(seed: u8, text: &str) -> NoteSignature {
    NoteSignature::ed25519(&log_key(seed), pair(seed).sign(text.as_bytes()).to_bytes())
}

pub fn cosignature(seed: u8, time: u64, text: &str) -> NoteSignature {
    let signature = pair(seed).sign(&cosigned_message(time, text)).to_bytes();
    NoteSignature::cosignature(&witness_key(seed), time, signature)
}

/// Log key 1, witnesses 11 and 12, both needed.
pub fn policy_text() -> String {
    format!(
        "log {}\nwitness one {}\nwitness two {}\ngroup both all one two\nquorum both\n",
        log_key(1),
        witness_key(11),
        witness_key(12)
    )
}

pub fn policy() -> Policy {
    Policy::parse(policy_text().as_bytes()).unwrap()
}

/// A log.
pub struct SmallLog {
    pub leaves: Vec<Vec<u8>>,
    pub open: Vec<Vec<u8>>,
    pub hashes: Vec<Hash>,
    /// With the positions of the events that commit to them.
    pub disclosures: Vec<(u64, String)>,
}

impl SmallLog {
    /// Of so many events in five streams; `at` gives the time of each, microseconds since 1970.
    pub fn timed(size: u64, at: impl Fn(u64) -> i64) -> Self {
        let mut log = Self { leaves: Vec::new(), open: Vec::new(), hashes: Vec::new(), disclosures: Vec::new() };
        for pos in 1..=size {
            log.append(pos, at(pos));
        }
        log
    }

    pub fn of(size: u64) -> Self {
        Self::timed(size, |pos| 1_795_453_000_000_000 + pos as i64)
    }

    fn append(&mut self, pos: u64, at_micros: i64) {
        let data = format!("{{\"n\":{pos}}}");
        let body = OpenBody {
            occurred_on: "2026-11-23".into(),
            ags: "15083".into(),
            provider: None,
            operation: None,
            school: Some(format!("school-{pos}").into()),
            reason: None,
            corrects: None,
            evidence: Vec::new(),
            data: &data,
            salt: [pos as u8; 16],
        };
        let mut open = Vec::new();
        write_open(&body, &mut open).unwrap();
        let (mut sd, mut sealed) = (Vec::new(), Vec::new());
        if pos % 4 == 2 {
            for (name, value) in [("gender", "\"f\""), ("minor", "false")] {
                let salt = URL_SAFE_NO_PAD.encode([pos as u8; 16]);
                let disclosure = URL_SAFE_NO_PAD.encode(format!("[\"{salt}\",\"{name}\",{value}]"));
                sd.push(disclosure_digest(&disclosure));
                self.disclosures.push((pos, disclosure));
            }
            sd.sort_unstable();
            sealed.push(SealedRef { a: "xc20p".into(), k: "k1".into(), h: digest(b"ciphertext") });
        }
        let (stream, sv) = (pos % 5, (pos - 1) / 5 + 1);
        let draft = LeafDraft {
            v: LEAF_FORMAT,
            id: Uuid::from_u128(u128::from(pos)),
            stream: format!("person/{stream}").into(),
            event_type: "person.counted.v1".into(),
            actor: "a1".into(),
            role: "PM".into(),
            org: None,
            rule: "R1".into(),
            cmd: Uuid::from_u128(u128::from(pos) + (1 << 64)),
            corr: None,
            cause: None,
            by: "sfs/0.1.0".into(),
            open: digest(&open),
            sealed,
            sd,
        };
        let prev = (sv > 1).then(|| self.hashes[pos as usize - 6]);
        let mut leaf = Vec::new();
        draft.prepare().unwrap().complete(pos, at_micros, sv, prev.as_ref(), &mut leaf).unwrap();
        self.hashes.push(leaf_hash(&leaf));
        self.leaves.push(leaf);
        self.open.push(open);
    }

    pub fn size(&self) -> u64 {
        self.leaves.len() as u64
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        Checkpoint::new(ORIGIN, size, tile_root(&self.hashes[..size as usize])).unwrap()
    }

    /// Signed by log key 1 and both witnesses.
    pub fn note(&self) -> SignedNote {
        let text = self.checkpoint(self.size()).to_string();
        let cosign = |seed| cosignature(seed, COSIGNED_AT, &text);
        SignedNote::new(&text, vec![signature(1, &text), cosign(11), cosign(12)]).unwrap()
    }

    /// The hashes of a tile, from the definition.
    pub fn tile(&self, tile: Tile) -> Vec<Hash> {
        let below = tile.leaves();
        let span = (below.end - below.start) / tile.width();
        self.hashes[below.start as usize..below.end as usize].chunks(span as usize).map(tile_root).collect()
    }

    /// What a bundle of these positions holds.
    pub fn parts(&self, positions: &[u64]) -> Parts {
        let index = |position: &u64| *position as usize - 1;
        let mut encoded = Vec::new();
        let mut last = 0;
        for position in positions {
            push_position(&mut encoded, last, *position);
            last = *position;
        }
        let indexes: Vec<u64> = positions.iter().map(|position| position - 1).collect();
        let plan = ProofPlan::multiproof(&indexes, self.size()).unwrap();
        let tiles: Vec<(Tile, Vec<Hash>)> = plan.tiles().into_iter().map(|tile| (tile, self.tile(tile))).collect();
        let proof = plan.compute(|asked| tiles.iter().find(|(tile, _)| *tile == asked).map(|(_, hashes)| &hashes[..]));
        let open = positions.iter().map(|position| &self.open[index(position)]);
        let disclosed = self.disclosures.iter().filter(|(position, _)| positions.contains(position));
        let mut lines: Vec<(u64, &str)> = disclosed.map(|(position, text)| (*position, &**text)).collect();
        lines.sort_unstable();
        Parts {
            checkpoint: self.note().to_string().into_bytes(),
            consistency: None,
            positions: encoded,
            leaves: write_bundle(positions.iter().map(|position| &self.leaves[index(position)][..])).unwrap(),
            open: open.flat_map(|body| [&(body.len() as u32).to_be_bytes()[..], body].concat()).collect(),
            multiproof: proof.unwrap().iter().flat_map(|hash| *hash.as_bytes()).collect(),
            disclosures: lines.iter().map(|(position, text)| format!("{position} {text}\n")).collect(),
            timestamps: Vec::new(),
        }
    }

    pub fn consistency(&self, old_size: u64) -> String {
        write_consistency(old_size, &consistency_proof(&self.hashes, old_size as usize).unwrap())
    }
}

/// The files of a bundle, to be changed.
#[derive(Debug, Clone)]
pub struct Parts {
    pub checkpoint: Vec<u8>,
    pub consistency: Option<String>,
    pub positions: Vec<u8>,
    pub leaves: Vec<u8>,
    pub open: Vec<u8>,
    pub multiproof: Vec<u8>,
    /// None if empty.
    pub disclosures: String,
    pub timestamps: Vec<(String, Vec<u8>)>,
}

impl Parts {
    pub fn pack(&self) -> Vec<u8> {
        let bundle = Bundle {
            checkpoint: &self.checkpoint,
            consistency: self.consistency.as_deref().map(str::as_bytes),
            positions: &self.positions,
            leaves: &self.leaves,
            open: &self.open,
            multiproof: &self.multiproof,
            disclosures: Some(self.disclosures.as_bytes()).filter(|text| !text.is_empty()),
            timestamps: self.timestamps.iter().map(|(name, reply)| (&**name, &**reply)).collect(),
        };
        bundle.pack().unwrap()
    }
}

/// Verifies a minute after the witnesses have cosigned, at an age of at most an hour.
pub fn verified(bytes: &[u8], remembered: Option<&Checkpoint>) -> Report {
    verified_under(&policy(), bytes, remembered)
}

pub fn verified_under(policy: &Policy, bytes: &[u8], remembered: Option<&Checkpoint>) -> Report {
    let now = COSIGNED_AT + 60;
    verify_bundle(bytes, &Terms { policy, known: &[], remembered, now, max_age: Some(3600) })
}
