//! The store's database: opening it, finding keys, making them.

use std::path::Path;
use std::sync::Arc;

use sfs_sql::{Db, Durability, Many, Options, Row, SqlError, Stmt, Writer};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::KeysError;
use crate::crypto::{Digest, RandomBytes, random, random_uuid};
use crate::kek::{Bound, KeyEncryptionKeys};
use crate::key::{KeyId, SubjectId};
use crate::purpose::Purpose;

/// What stands in the file's header so that it is known: "SfSk".
pub(super) const APPLICATION_ID: u32 = 0x5366_536b;

/// The columns of [`Stored`].
pub(super) const COLUMNS: &str = "select key_id, subject, purpose, kek_version, wrapped from subject_key";

pub(super) struct Store {
    pub(super) writer: Writer,
    pub(super) keks: KeyEncryptionKeys,
    pub(super) random: Arc<dyn RandomBytes>,
    by_id: Many,
    /// Rows that were written since the write-ahead log was last moved into the file.
    unmoved: u64,
}

/// Rows after which the write-ahead log is moved into the file, so that it begins anew and stays short.
const MOVED_AFTER: u64 = 1_000;

/// The kinds of digests that have a key.
pub(super) const FINGERPRINTS: [&str; 2] = ["person", "stream"];

/// A row of the table of keys.
pub(super) struct Stored {
    pub id: KeyId,
    pub subject: SubjectId,
    pub purpose: Purpose,
    /// Version and bytes, unless it is a tombstone.
    pub wrapped: Option<(u32, Vec<u8>)>,
}

impl Stored {
    pub fn bound(&self) -> Bound<'static> {
        Bound { id: self.id, subject: self.subject, purpose: self.purpose.code() }
    }

    pub fn read(row: &Row) -> Result<Self, KeysError> {
        let wrapped = match (row.opt_int(3)?, row.opt_blob(4)?) {
            (Some(version), Some(bytes)) => Some((read_version(version)?, bytes.to_vec())),
            (None, None) => None,
            _ => return Err(KeysError::Damaged("a key is half destroyed")),
        };
        Ok(Self {
            id: KeyId(read_uuid(row, 0)?),
            subject: SubjectId(read_uuid(row, 1)?),
            purpose: read_purpose(row, 2)?,
            wrapped,
        })
    }
}

pub(super) fn read_uuid(row: &Row, column: usize) -> Result<Uuid, KeysError> {
    Uuid::from_slice(row.blob(column)?).map_err(|_| KeysError::Damaged("an identity"))
}

pub(super) fn read_purpose(row: &Row, column: usize) -> Result<Purpose, KeysError> {
    Purpose::from_code(row.text(column)?).ok_or(KeysError::Damaged("a purpose"))
}

pub(super) fn read_version(version: i64) -> Result<u32, KeysError> {
    version.try_into().map_err(|_| KeysError::Damaged("a version"))
}

/// A fingerprint key belongs to nobody: it is bound to its name alone.
pub(super) const fn bound_to_name(name: &str) -> Bound<'_> {
    Bound { id: KeyId(Uuid::nil()), subject: SubjectId(Uuid::nil()), purpose: name }
}

impl Store {
    pub async fn open(path: &Path, keks: KeyEncryptionKeys, random: Arc<dyn RandomBytes>) -> Result<Self, KeysError> {
        if !path.exists() {
            Db::make(path, APPLICATION_ID, Durability::Full, async |_| Ok(())).await?;
        } else if !sfs_sql::is_database_of(path, APPLICATION_ID) {
            return Err(KeysError::Foreign(path.to_path_buf()));
        }
        owner_only(path).map_err(|source| KeysError::Permissions { path: path.to_path_buf(), source })?;
        let db = Db::open(path, Options { readers: 1, cache_kib: 512, ..Options::default() }).await?;
        let mut writer = db.writer().await?;
        db.close().await;
        if let Some((is, should)) = writer.missing_length(path).await? {
            return Err(KeysError::Cut { path: path.to_path_buf(), is, should });
        }
        // What is deleted is overwritten with zeros.
        let secure = writer.fetch_optional(Stmt::new("pragma secure_delete = on")).await?;
        if secure.map_or(Ok(0), |row| row.int(0))? != 1 {
            return Err(KeysError::Damaged("the database does not overwrite what is deleted"));
        }
        // Nobody else works on the file; who reads it for a backup is not waited for longer than this.
        writer.fetch_optional(Stmt::new("pragma busy_timeout = 1000")).await?;
        writer.run_script(include_str!("schema.sql")).await?;
        let by_id =
            Many::list("select key_id, subject, purpose, kek_version, wrapped from subject_key where key_id in", "");
        let mut store = Self { writer, keks, random, by_id, unmoved: 0 };
        store.check_keks().await?;
        Ok(store)
    }

    /// Whether every version in use is there and is the one that wrapped: one key of each is tried.
    pub async fn check_keks(&mut self) -> Result<(), KeysError> {
        for (version, _) in self.versions_in_use().await? {
            let one = Stmt::composed(format!("{COLUMNS} where kek_version = $1 limit 1")).int(version.into());
            for row in self.writer.fetch_all(one).await? {
                let stored = Stored::read(&row)?;
                if let Some((version, wrapped)) = &stored.wrapped {
                    self.unwrap_key(&stored.bound(), *version, wrapped)?;
                }
            }
        }
        for name in FINGERPRINTS {
            self.known_fingerprint_key(name).await?;
        }
        Ok(())
    }

    /// The keys of fingerprints are in use too, but are nobody's: a version that wraps only them has 0.
    pub async fn versions_in_use(&mut self) -> Result<Vec<(u32, u64)>, KeysError> {
        let select = "select kek_version, sum(one) from
                          (select kek_version, 1 as one from subject_key where kek_version is not null
                           union all select kek_version, 0 from fingerprint_key)
                      group by kek_version order by kek_version";
        let rows = self.writer.fetch_all(Stmt::new(select)).await?;
        rows.iter().map(|row| Ok((read_version(row.int(0)?)?, row.int(1)?.unsigned_abs()))).collect()
    }

    pub fn unwrap_key(
        &self,
        bound: &Bound<'_>,
        version: u32,
        wrapped: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, KeysError> {
        self.keks.unwrap_key(bound, version, wrapped).map_err(|why| why.at(version))
    }

    pub fn wrap(&self, bound: &Bound<'_>, key: &[u8; 32]) -> Result<Vec<u8>, KeysError> {
        self.keks.wrap(bound, key, &*self.random).map_err(|why| why.at(self.keks.current()))
    }

    /// The key of that subject and purpose. A tombstone comes first: after a restore there may be a
    /// tombstone from the log and a key that was made since.
    pub async fn of_subject(&mut self, subject: SubjectId, purpose: Purpose) -> Result<Option<Stored>, KeysError> {
        let text = format!("{COLUMNS} where subject = $1 and purpose = $2 order by wrapped is not null limit 1");
        let select = Stmt::composed(text).blob(*subject.0.as_bytes()).text(purpose.code());
        self.writer.fetch_optional(select).await?.map(|row| Stored::read(&row)).transpose()
    }

    pub async fn by_id(&mut self, keys: &[KeyId]) -> Result<Vec<Stored>, KeysError> {
        let mut found = Vec::with_capacity(keys.len());
        for select in self.by_id.statements(keys, |stmt, key| stmt.blob(*key.0.as_bytes())) {
            for row in self.writer.fetch_all(select).await? {
                found.push(Stored::read(&row)?);
            }
        }
        Ok(found)
    }

    /// Makes the keys that are missing. They are random, so that one can be destroyed without another.
    pub async fn make(&mut self, wanted: &[(SubjectId, Purpose)]) -> Result<(), KeysError> {
        let mut inserts = Vec::with_capacity(wanted.len());
        for (subject, purpose) in wanted {
            let id = KeyId(random_uuid(&*self.random));
            let bound = Bound { id, subject: *subject, purpose: purpose.code() };
            let wrapped = self.wrap(&bound, &random::<32>(&*self.random))?;
            let insert = "insert into subject_key (key_id, subject, purpose, kek_version, wrapped)
                select $1, $2, $3, $4, $5
                where not exists (select 1 from subject_key where subject = $2 and purpose = $3)";
            inserts.push(
                Stmt::new(insert)
                    .blob(*id.0.as_bytes())
                    .blob(*subject.0.as_bytes())
                    .text(purpose.code())
                    .int(self.keks.current().into())
                    .blob(wrapped),
            );
        }
        self.in_one_go(inserts).await?;
        Ok(())
    }

    /// The subject under which that digest is known; `candidate` if it was unknown. None if it is
    /// unknown and the candidate was erased.
    pub async fn claim(&mut self, digest: Digest, candidate: SubjectId) -> Result<Option<SubjectId>, KeysError> {
        let insert = "insert into person (digest, subject)
            select $1, $2
            where not exists (select 1 from subject_key where subject = $2 and purpose = $3 and wrapped is null)
            on conflict (digest) do nothing";
        let insert = Stmt::new(insert).blob(digest).blob(*candidate.0.as_bytes()).text(Purpose::Identity.code());
        let claimed = self.writer.execute(insert).await?;
        self.wrote(claimed).await;
        let select = Stmt::new("select subject from person where digest = $1").blob(digest);
        let row = self.writer.fetch_optional(select).await?;
        row.map(|row| read_uuid(&row, 0).map(SubjectId)).transpose()
    }

    /// Forgets that digest of the subject, or all of its digests.
    pub async fn forget_person(&mut self, digest: Option<Digest>, subject: SubjectId) -> Result<(), KeysError> {
        let delete = "delete from person where subject = $1 and ($2 is null or digest = $2)";
        let delete = Stmt::new(delete).blob(*subject.0.as_bytes()).opt_blob(digest.map(Vec::from));
        let gone = self.writer.execute(delete).await?;
        self.wrote(gone).await;
        Ok(())
    }

    /// Forgets all digests of the subject but this one.
    pub async fn forget_others(&mut self, digest: Digest, subject: SubjectId) -> Result<(), KeysError> {
        let delete = Stmt::new("delete from person where subject = $1 and digest <> $2");
        let gone = self.writer.execute(delete.blob(*subject.0.as_bytes()).blob(digest)).await?;
        self.wrote(gone).await;
        Ok(())
    }

    /// The key of a kind of digests. It is made once and stays.
    pub async fn fingerprint_key(&mut self, name: &'static str) -> Result<Zeroizing<[u8; 32]>, KeysError> {
        let bound = bound_to_name(name);
        let wrapped = self.wrap(&bound, &random::<32>(&*self.random))?;
        let insert = "insert into fingerprint_key (name, kek_version, wrapped) values ($1, $2, $3)
                      on conflict (name) do nothing";
        let insert = Stmt::new(insert).text(name).int(self.keks.current().into()).blob(wrapped);
        self.writer.execute(insert).await?;
        self.known_fingerprint_key(name).await?.ok_or(KeysError::Damaged("a fingerprint key"))
    }

    async fn known_fingerprint_key(&mut self, name: &str) -> Result<Option<Zeroizing<[u8; 32]>>, KeysError> {
        let select = Stmt::new("select kek_version, wrapped from fingerprint_key where name = $1").text(name);
        let Some(row) = self.writer.fetch_optional(select).await? else {
            return Ok(None);
        };
        self.unwrap_key(&bound_to_name(name), read_version(row.int(0)?)?, row.blob(1)?).map(Some)
    }

    async fn wrote(&mut self, rows: u64) {
        self.unmoved += rows;
        // What was written is durable already. If it cannot be moved now, the next rows try again.
        if self.unmoved >= MOVED_AFTER && self.writer.checkpoint(false).await.is_ok() {
            self.unmoved = 0;
        }
    }

    /// All statements or none; answers how many rows they changed.
    pub async fn in_one_go(&mut self, stmts: Vec<Stmt>) -> Result<u64, SqlError> {
        self.writer.begin().await?;
        let mut changed = 0;
        let mut outcome = Ok(());
        for stmt in stmts {
            match self.writer.execute(stmt).await {
                Ok(rows) => changed += rows,
                Err(why) => {
                    outcome = Err(why);
                    break;
                }
            }
        }
        if outcome.is_ok() {
            outcome = self.writer.commit().await;
        }
        match outcome {
            Ok(()) => {
                self.wrote(changed).await;
                Ok(changed)
            }
            Err(why) => {
                // What failed first is what the caller must know.
                let _ = self.writer.rollback().await;
                Err(why)
            }
        }
    }
}

/// Keeps the file, and what the engine makes beside it with the same mode, from other users.
fn owner_only(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}
