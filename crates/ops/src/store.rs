//! The operational database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use sfs_sql::{Db, Durability, Options, SqlError, Stmt, Writer};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::api_key::KeyDigest;

/// What stands in the file's header so that it is known: "SfSo".
const APPLICATION_ID: u32 = 0x5366_536f;

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum OpsError {
    /// The database did not do it.
    #[error("the operational state cannot be read or written")]
    Database(#[from] SqlError),
    /// The operating system gave no random bytes.
    #[error("no random bytes")]
    Random,
    /// The file is another program's database or no database.
    #[error("{} is not an operational store of this program", .0.display())]
    Foreign(PathBuf),
    /// The file ends before its content does.
    #[error("the operational store {} is damaged: it has {is} bytes and should have {should}; restore it from a backup", path.display())]
    Cut {
        /// The file.
        path: PathBuf,
        /// Bytes that it has.
        is: u64,
        /// Bytes that it should have.
        should: u64,
    },
    /// A stored value is not what was written.
    #[error("the operational state is damaged: {0}")]
    Damaged(&'static str),
}

/// Whose key it is, and which of theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiKeyRecord {
    /// The principal's pseudonym.
    pub principal: Uuid,
    /// The key's identity, as it stands in the event that issued it.
    pub key: Uuid,
}

/// A secret of the installation, by use. Made at the first start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secret {
    /// Keys the digests of command bodies.
    CommandDigest,
    /// Turns a client's `Idempotency-Key` into a command id.
    IdempotencyKey,
    /// Authenticates consistency tokens and cursors.
    Token,
}

impl Secret {
    const fn name(self) -> &'static str {
        match self {
            Self::CommandDigest => "command-digest",
            Self::IdempotencyKey => "idempotency-key",
            Self::Token => "token",
        }
    }
}

/// The operational state. Cheap to clone.
#[derive(Clone)]
pub struct Ops {
    pub(crate) writer: Arc<Mutex<Writer>>,
    keys: Arc<RwLock<HashMap<KeyDigest, ApiKeyRecord>>>,
    secrets: Arc<HashMap<String, [u8; 32]>>,
}

impl Ops {
    /// Opens the database, makes what is missing and reads the keys' digests.
    pub async fn open(path: &Path) -> Result<Self, OpsError> {
        if !path.exists() {
            Db::make(path, APPLICATION_ID, Durability::Full, async |_| Ok(())).await?;
        } else if !sfs_sql::is_database_of(path, APPLICATION_ID) {
            return Err(OpsError::Foreign(path.to_path_buf()));
        }
        let db = Db::open(path, Options { readers: 1, cache_kib: 512, ..Options::default() }).await?;
        let mut writer = db.writer().await?;
        if let Some((is, should)) = writer.missing_length(path).await? {
            return Err(OpsError::Cut { path: path.to_path_buf(), is, should });
        }
        writer.run_script(include_str!("schema.sql")).await?;
        writer.run_script(include_str!("checkpoints.sql")).await?;
        let mut keys = HashMap::new();
        for row in writer.fetch_all(Stmt::new("select digest, principal, key from api_key")).await? {
            let digest = row.blob(0)?.try_into().map_err(|_| OpsError::Damaged("a key's digest"))?;
            let uuid = |column| Uuid::from_slice(row.blob(column)?).map_err(|_| OpsError::Damaged("a key's owner"));
            keys.insert(KeyDigest(digest), ApiKeyRecord { principal: uuid(1)?, key: uuid(2)? });
        }
        let mut secrets = HashMap::new();
        for secret in [Secret::CommandDigest, Secret::IdempotencyKey, Secret::Token] {
            let mut fresh = [0; 32];
            getrandom::fill(&mut fresh).map_err(|_| OpsError::Random)?;
            let insert = Stmt::new("insert into secret (name, value) values ($1, $2) on conflict (name) do nothing");
            writer.execute(insert.text(secret.name()).blob(fresh)).await?;
        }
        for row in writer.fetch_all(Stmt::new("select name, value from secret")).await? {
            let value = row.blob(1)?.try_into().map_err(|_| OpsError::Damaged("a secret"))?;
            secrets.insert(row.text(0)?.to_owned(), value);
        }
        db.close().await;
        Ok(Self { writer: Arc::new(Mutex::new(writer)), keys: Arc::new(RwLock::new(keys)), secrets: Arc::new(secrets) })
    }

    /// A secret of the installation.
    pub fn secret(&self, secret: Secret) -> [u8; 32] {
        self.secrets.get(secret.name()).copied().unwrap_or_default()
    }

    /// Keeps a key's digest, durably before it returns. It is valid only once the log has the event.
    pub async fn keep_key(&self, digest: KeyDigest, record: ApiKeyRecord) -> Result<(), OpsError> {
        let insert = Stmt::new(
            "insert into api_key (digest, principal, key) values ($1, $2, $3) on conflict (digest) do nothing",
        )
        .blob(digest.0)
        .blob(*record.principal.as_bytes())
        .blob(*record.key.as_bytes());
        self.writer.lock().await.execute(insert).await?;
        if let Ok(mut keys) = self.keys.write() {
            keys.insert(digest, record);
        }
        Ok(())
    }

    /// Whose key that is.
    pub fn find_key(&self, digest: &KeyDigest) -> Option<ApiKeyRecord> {
        self.keys.read().ok().and_then(|keys| keys.get(digest).copied())
    }

    /// A remembered text (where the demo was, which principals it made), by name.
    pub async fn note(&self, name: &str) -> Result<Option<String>, OpsError> {
        let select = Stmt::new("select value from note where name = $1").text(name);
        let row = self.writer.lock().await.fetch_optional(select).await?;
        Ok(row.map(|row| row.text(0).map(ToOwned::to_owned)).transpose()?)
    }

    /// Remembers a text by name.
    pub async fn set_note(&self, name: &str, value: &str) -> Result<(), OpsError> {
        let insert = Stmt::new(
            "insert into note (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value",
        )
        .text(name)
        .text(value);
        self.writer.lock().await.execute(insert).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_and_secrets_are_there_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ops.db");
        let record = ApiKeyRecord { principal: Uuid::from_u128(1), key: Uuid::from_u128(2) };
        let ops = Ops::open(&path).await.unwrap();
        let secret = ops.secret(Secret::Token);
        assert_ne!(secret, ops.secret(Secret::CommandDigest));
        ops.keep_key(KeyDigest([3; 32]), record).await.unwrap();
        ops.set_note("demo", "half").await.unwrap();
        drop(ops);
        let ops = Ops::open(&path).await.unwrap();
        assert_eq!(ops.secret(Secret::Token), secret);
        assert_eq!(ops.find_key(&KeyDigest([3; 32])), Some(record));
        assert_eq!(ops.find_key(&KeyDigest([4; 32])), None);
        assert_eq!(ops.note("demo").await.unwrap().as_deref(), Some("half"));
        assert_eq!(ops.note("other").await.unwrap(), None);
    }
}
