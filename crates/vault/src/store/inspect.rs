//! A copy of a key store looked at without being changed: which keys it has, which were destroyed, and
//! whether those that wrap them are the right ones.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sfs_sql::{Db, Stmt};

use super::KeysError;
use super::database::{APPLICATION_ID, COLUMNS, Stored, bound_to_name, read_purpose, read_uuid, read_version};
use crate::kek::{Bound, KeyEncryptionKeys};
use crate::key::{KeyId, SubjectId};
use crate::purpose::Purpose;

/// What a copy holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Keys that it has, with whose they are and what they are for.
    pub held: BTreeMap<KeyId, (SubjectId, Purpose)>,
    /// Keys of which only the tombstone is left.
    pub destroyed: BTreeSet<KeyId>,
    /// Versions of the key-encryption key that are needed to open those that it has, ascending.
    pub versions: BTreeSet<u32>,
}

/// Reads a copy that nobody writes. With `keks`, one key of each version is opened, and the keys of
/// digests are.
pub async fn inspect(path: &Path, keks: Option<&KeyEncryptionKeys>) -> Result<Inspection, KeysError> {
    if !sfs_sql::is_database_of(path, APPLICATION_ID) {
        return Err(KeysError::Foreign(path.to_path_buf()));
    }
    let db = Db::open_copy(path);
    let mut found = Inspection::default();
    for row in db.fetch_all(Stmt::new("select key_id, kek_version, subject, purpose from subject_key")).await? {
        let id = KeyId(read_uuid(&row, 0)?);
        match row.opt_int(1)? {
            Some(version) => {
                found.versions.insert(read_version(version)?);
                found.held.insert(id, (SubjectId(read_uuid(&row, 2)?), read_purpose(&row, 3)?));
            }
            None => {
                found.destroyed.insert(id);
            }
        }
    }
    let mut wrapped = Vec::new();
    for version in &found.versions {
        let one = Stmt::composed(format!("{COLUMNS} where kek_version = $1 limit 1")).int((*version).into());
        for row in db.fetch_all(one).await? {
            let stored = Stored::read(&row)?;
            let bound = stored.bound();
            wrapped.extend(stored.wrapped.map(|(version, bytes)| (bound, version, bytes)));
        }
    }
    let rows = db.fetch_all(Stmt::new("select name, kek_version, wrapped from fingerprint_key")).await?;
    let names = rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect::<Result<Vec<_>, KeysError>>()?;
    for (row, name) in rows.iter().zip(&names) {
        let version = read_version(row.int(1)?)?;
        found.versions.insert(version);
        wrapped.push((bound_to_name(name), version, row.blob(2)?.to_vec()));
    }
    db.close().await;
    if let Some(keks) = keks {
        wrapped.iter().try_for_each(|(bound, version, bytes)| opens(keks, bound, *version, bytes))?;
    }
    Ok(found)
}

fn opens(keks: &KeyEncryptionKeys, bound: &Bound<'_>, version: u32, wrapped: &[u8]) -> Result<(), KeysError> {
    keks.unwrap_key(bound, version, wrapped).map(drop).map_err(|why| why.at(version))
}
