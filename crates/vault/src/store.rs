//! The key store: a database of its own with its own backup rule. A key is durable here before anybody
//! holds it, and a destroyed one leaves a tombstone and no bytes.

mod database;
mod erasure;
mod inspect;
mod rewrap;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sfs_sql::SqlError;
use tokio::sync::{Mutex, OwnedMutexGuard};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::{Digest, RandomBytes, keyed_digest, push_sized};
use crate::kek::{KeyEncryptionKeys, UnwrapError};
use crate::key::{KeyId, KeyReading, SubjectId, SubjectKey};
use crate::person::PersonIdentity;
use crate::purpose::{Class, Purpose};
pub use inspect::{Inspection, inspect};

use database::{FINGERPRINTS, Store, Stored};

/// What can go wrong. A key that cannot be read is never taken for a destroyed one.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The database did not do it.
    #[error("the key store cannot be read or written")]
    Database(#[from] SqlError),
    /// The file's permissions could not be set.
    #[error("the key store {} cannot be kept from other users", path.display())]
    Permissions {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is another program's database or no database.
    #[error("{} is not a key store of this program", .0.display())]
    Foreign(PathBuf),
    /// The file ends before its content does.
    #[error("the key store {} is damaged: it has {is} bytes and should have {should}; restore it from a backup", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Bytes that it has.
        is: u64,
        /// Bytes that it should have.
        should: u64,
    },
    /// Keys are wrapped under a version that was not given.
    #[error("keys are wrapped under the key-encryption key of version {0}, which is not there")]
    KekMissing(u32),
    /// A wrapped key does not open: another key-encryption key of that version, or changed bytes.
    #[error(
        "a key does not open under the key-encryption key of version {version}: it is another one, or the store was changed"
    )]
    KekWrong {
        /// The version.
        version: u32,
    },
    /// A stored value is not what was written.
    #[error("the key store is damaged: {0}")]
    Damaged(&'static str),
    /// Nobody has ever kept this key here. A destroyed one is known: the store is older than the log,
    /// or another installation's.
    #[error("the key {0} is not in the key store")]
    Unknown(KeyId),
    /// The key is for something else.
    #[error("the key {key} is for `{}`, not for `{}`", is.code(), asked.code())]
    OtherPurpose {
        /// The key.
        key: KeyId,
        /// What it is for.
        is: Purpose,
        /// What it was asked for.
        asked: Purpose,
    },
    /// The subject was erased: nobody is known under it any more.
    #[error("the subject {0} was erased")]
    SubjectErased(SubjectId),
    /// The keys are destroyed, but somebody reads the file, so that their bytes may still be in the
    /// write-ahead log. Asking again is enough.
    #[error(
        "the keys are destroyed, but their bytes may still be in the write-ahead log while somebody reads the key store"
    )]
    NotScrubbed,
    /// The process ends.
    #[error("the key store was closed in the middle of its work")]
    Stopped,
}

/// What is left of a destroyed key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tombstone {
    /// The key.
    pub key: KeyId,
    /// Whose it was.
    pub subject: SubjectId,
    /// What it was for.
    pub purpose: Purpose,
    /// The erasure that asked for its destruction.
    pub erasure: Uuid,
}

/// What a rewrap came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrapped {
    /// Keys that were wrapped anew, those of digests included.
    pub keys: u64,
    /// Version that wraps all keys now.
    pub current: u32,
    /// Versions that wrap nothing any more. Once they are destroyed everywhere, every older copy of a
    /// destroyed key is dead.
    pub retired: Vec<u32>,
}

/// The key store. Cheap to clone; one per file and process.
#[derive(Clone)]
pub struct Keys {
    store: Arc<Mutex<Store>>,
    fingerprints: Arc<Fingerprints>,
}

/// The keys of digests, unwrapped.
struct Fingerprints {
    person: Zeroizing<[u8; 32]>,
    stream: Zeroizing<[u8; 32]>,
}

impl Keys {
    /// Opens the store and makes it if there is none: whoever has a log that names keys asks first
    /// whether the file is there. Every version under which a key is wrapped must be there and be the
    /// one that wrapped it. What a killed process destroyed and did not scrub is scrubbed here.
    pub async fn open(path: &Path, keks: KeyEncryptionKeys, random: Arc<dyn RandomBytes>) -> Result<Self, KeysError> {
        let mut store = Store::open(path, keks, random).await?;
        let [person, stream] = FINGERPRINTS;
        let fingerprints =
            Fingerprints { person: store.fingerprint_key(person).await?, stream: store.fingerprint_key(stream).await? };
        if store.is_unscrubbed().await? {
            store.scrub().await?;
        }
        Ok(Self { store: Arc::new(Mutex::new(store)), fingerprints: Arc::new(fingerprints) })
    }

    /// The subject's key for the purpose of `C`. If there was never one it is made, and durable before
    /// this returns.
    pub async fn key<C: Class>(&self, subject: SubjectId) -> Result<KeyReading<C>, KeysError> {
        if let Some(known) = self.known(subject).await? {
            return Ok(known);
        }
        self.prepare(vec![(subject, C::PURPOSE)]).await?;
        self.known(subject).await?.ok_or(KeysError::Damaged("a key that was made is not there"))
    }

    async fn known<C: Class>(&self, subject: SubjectId) -> Result<Option<KeyReading<C>>, KeysError> {
        let mut store = self.lock().await;
        let stored = store.of_subject(subject, C::PURPOSE).await?;
        stored.map(|stored| store.reading(stored)).transpose()
    }

    /// Makes the keys that are missing, of many subjects in one commit: before a bulk of commands asks
    /// for them one by one.
    pub async fn prepare(&self, wanted: Vec<(SubjectId, Purpose)>) -> Result<(), KeysError> {
        let mut store = self.lock().await;
        tokio::spawn(async move { store.make(&wanted).await }).await.map_err(|_| KeysError::Stopped)?
    }

    /// The key that a leaf names.
    pub async fn find<C: Class>(&self, key: KeyId) -> Result<KeyReading<C>, KeysError> {
        self.find_all(&[key]).await?.remove(&key).ok_or(KeysError::Unknown(key))
    }

    /// Whose key that is and what it is for, whether it is held or destroyed.
    pub async fn owner(&self, key: KeyId) -> Result<(SubjectId, Purpose), KeysError> {
        let stored = self.lock().await.by_id(&[key]).await?;
        stored.first().map(|stored| (stored.subject, stored.purpose)).ok_or(KeysError::Unknown(key))
    }

    /// The keys that the leaves of a page name, all for one purpose.
    pub async fn find_all<C: Class>(&self, keys: &[KeyId]) -> Result<HashMap<KeyId, KeyReading<C>>, KeysError> {
        let mut store = self.lock().await;
        let mut found = HashMap::with_capacity(keys.len());
        for stored in store.by_id(keys).await? {
            found.insert(stored.id, store.reading(stored)?);
        }
        match keys.iter().find(|key| !found.contains_key(key)) {
            Some(missing) => Err(KeysError::Unknown(*missing)),
            None => Ok(found),
        }
    }

    /// The subject under which this person is known in that scope (an operation, or empty for the whole
    /// installation). Unknown so far, the person is `candidate` from now on, durably before this
    /// returns.
    pub async fn recognise(
        &self,
        scope: &str,
        person: &PersonIdentity,
        candidate: SubjectId,
    ) -> Result<SubjectId, KeysError> {
        let digest = person.digest(&self.fingerprints.person, scope);
        self.lock().await.claim(digest, candidate).await?.ok_or(KeysError::SubjectErased(candidate))
    }

    /// Gives up what [`Keys::recognise`] has kept for a subject that never came to be, in favour of another
    /// one. Answers under whom the person is known now.
    pub async fn reclaim(
        &self,
        scope: &str,
        person: &PersonIdentity,
        from: SubjectId,
        to: SubjectId,
    ) -> Result<SubjectId, KeysError> {
        let digest = person.digest(&self.fingerprints.person, scope);
        let mut store = self.lock().await;
        store.forget_person(Some(digest), from).await?;
        store.claim(digest, to).await?.ok_or(KeysError::SubjectErased(to))
    }

    /// Who the subject is after a correction: what it was known as before no longer counts, unless somebody
    /// else is known so. Answers under whom the person is known now.
    pub async fn recognise_anew(
        &self,
        scope: &str,
        person: &PersonIdentity,
        subject: SubjectId,
    ) -> Result<SubjectId, KeysError> {
        let digest = person.digest(&self.fingerprints.person, scope);
        let mut store = self.lock().await;
        let known = store.claim(digest, subject).await?.ok_or(KeysError::SubjectErased(subject))?;
        if known == subject {
            store.forget_others(digest, subject).await?;
        }
        Ok(known)
    }

    /// A digest that stands for a natural key which may describe a person, in the name of a stream. It
    /// is the same for ever; nobody without this store can try values. `kind` keeps streams of
    /// different kinds apart.
    #[must_use]
    pub fn stream_fingerprint(&self, kind: &str, parts: &[&str]) -> Digest {
        let mut text = Zeroizing::new(Vec::new());
        push_sized(&mut text, kind);
        for part in parts {
            push_sized(&mut text, part);
        }
        keyed_digest(&self.fingerprints.stream, &[b"stream", &text])
    }

    /// Destroys the subject's keys for these purposes, and with the identity key whom the subject is
    /// known as. A purpose without a key gets a tombstone too, so that none is made later. Answers
    /// with the tombstones, also of what was destroyed before, once the bytes are in no file of the
    /// store; asked again, it finishes what was left.
    pub async fn destroy(
        &self,
        subject: SubjectId,
        purposes: Vec<Purpose>,
        erasure: Uuid,
    ) -> Result<Vec<Tombstone>, KeysError> {
        let mut store = self.lock().await;
        tokio::spawn(async move { store.destroy(subject, &purposes, erasure).await })
            .await
            .map_err(|_| KeysError::Stopped)?
    }

    /// Destroys again what the log says was destroyed: after a restore, before anything is served.
    /// Answers how many keys had come back.
    pub async fn destroy_again(&self, tombstones: Vec<Tombstone>) -> Result<u64, KeysError> {
        let mut store = self.lock().await;
        tokio::spawn(async move { store.destroy_again(&tombstones).await }).await.map_err(|_| KeysError::Stopped)?
    }

    /// All tombstones, by key.
    pub async fn tombstones(&self) -> Result<Vec<Tombstone>, KeysError> {
        self.lock().await.tombstones().await
    }

    /// How many keys are held under each version of the key-encryption key.
    pub async fn versions_in_use(&self) -> Result<Vec<(u32, u64)>, KeysError> {
        self.lock().await.versions_in_use().await
    }

    /// Wraps every key anew under the current version of `keks`, which must hold the versions in use
    /// too, and forgets the older ones. A rewrap that was stopped goes on when it is asked for again.
    pub async fn rewrap(&self, keks: KeyEncryptionKeys) -> Result<Rewrapped, KeysError> {
        let mut store = self.lock().await;
        tokio::spawn(async move { store.rewrap(keks).await }).await.map_err(|_| KeysError::Stopped)?
    }

    /// Owned, so that a transaction, which is a task of its own, comes to its end when the caller is gone.
    async fn lock(&self) -> OwnedMutexGuard<Store> {
        Arc::clone(&self.store).lock_owned().await
    }
}

impl Store {
    /// The key in memory, or that it was destroyed.
    fn reading<C: Class>(&self, stored: Stored) -> Result<KeyReading<C>, KeysError> {
        if stored.purpose != C::PURPOSE {
            return Err(KeysError::OtherPurpose { key: stored.id, is: stored.purpose, asked: C::PURPOSE });
        }
        match &stored.wrapped {
            None => Ok(KeyReading::Destroyed),
            Some((version, wrapped)) => {
                let bytes = self.unwrap_key(&stored.bound(), *version, wrapped)?;
                Ok(KeyReading::Held(SubjectKey::new(stored.id, stored.subject, bytes)))
            }
        }
    }
}

impl UnwrapError {
    const fn at(self, version: u32) -> KeysError {
        match self {
            Self::NoKek(version) => KeysError::KekMissing(version),
            Self::Refused => KeysError::KekWrong { version },
        }
    }
}
