//! Where chance comes from: injected, so that a seed gives the same log again.

use std::sync::{Mutex, PoisonError};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sfs_domain::EventId;
use sfs_vault::RandomBytes;
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Sixteen random bytes.
    fn bytes(&self) -> [u8; 16];

    /// A new identity that sorts by time (UUID version 7, RFC 9562 §5.7).
    fn uuid(&self, now_micros: i64) -> Uuid {
        let mut random = [0; 10];
        random.copy_from_slice(&self.bytes()[..10]);
        Builder::from_unix_timestamp_millis(now_micros.max(0) as u64 / 1_000, &random).into_uuid()
    }
}

/// The generator of the thread, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        rand::rng().fill_bytes(&mut bytes);
        bytes
    }
}

/// For keys and nonces: the generator is cryptographically strong and seeded by the operating system.
impl RandomBytes for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// A generator that gives the same bytes for the same seed.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<StdRng>);

impl SeededEntropy {
    /// Starts from that seed.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }
}

/// The identity of the n-th event of a command (UUID version 8): a repeated command carries the
/// identities of its events by itself.
pub fn event_id(command: Uuid, n: u32) -> EventId {
    let mut hash = Sha256::new();
    hash.update(b"sfs event");
    hash.update(command.as_bytes());
    hash.update(n.to_be_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    EventId(Builder::from_custom_bytes(bytes).into_uuid())
}
