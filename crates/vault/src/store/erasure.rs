//! The end of a key: the row stays as a tombstone, the bytes leave every file of the store.
//!
//! SQLite overwrites what is deleted (`secure_delete`), in the table as in free pages. What lies in the
//! write-ahead log it does not: so after a destruction the log is moved into the file and cut to nothing.

use std::collections::HashSet;

use sfs_sql::{SqlError, Stmt};
use uuid::Uuid;

use super::database::{Store, read_purpose, read_uuid};
use super::{KeysError, Tombstone};
use crate::crypto::random_uuid;
use crate::key::{KeyId, SubjectId};
use crate::purpose::Purpose;

impl Store {
    pub async fn destroy(
        &mut self,
        subject: SubjectId,
        purposes: &[Purpose],
        erasure: Uuid,
    ) -> Result<Vec<Tombstone>, KeysError> {
        let mut stmts = Vec::with_capacity(purposes.len() * 3);
        for purpose in purposes {
            // The identity of the tombstone if there was never a key.
            let key = KeyId(random_uuid(&*self.random));
            let tombstone = Tombstone { key, subject, purpose: *purpose, erasure };
            stmts.push(end_of_subjects_key(&tombstone));
            stmts.push(tombstone_of_no_key(&tombstone));
            stmts.extend(end_of_person(&tombstone));
        }
        self.in_one_go(stmts).await?;
        if self.is_unscrubbed().await? {
            self.scrub().await?;
        }
        let mut all = self.tombstones_of(Some(subject)).await?;
        all.retain(|tombstone| purposes.contains(&tombstone.purpose));
        Ok(all)
    }

    pub async fn destroy_again(&mut self, tombstones: &[Tombstone]) -> Result<u64, KeysError> {
        let held = "select count(*) from subject_key where wrapped is not null";
        let before = self.count(Stmt::new(held)).await?;
        // Most of them are known at every start: what has a tombstone here cannot have come back.
        let known: HashSet<KeyId> = self.tombstones().await?.into_iter().map(|tombstone| tombstone.key).collect();
        let mut stmts = Vec::new();
        for tombstone in tombstones.iter().filter(|tombstone| !known.contains(&tombstone.key)) {
            stmts.push(end_of_subjects_key(tombstone));
            stmts.push(end_of_key(tombstone));
            stmts.push(tombstone_of_key(tombstone));
            stmts.extend(end_of_person(tombstone));
        }
        self.in_one_go(stmts).await?;
        let after = self.count(Stmt::new(held)).await?;
        if self.is_unscrubbed().await? {
            self.scrub().await?;
        }
        Ok(before.saturating_sub(after))
    }

    pub async fn tombstones(&mut self) -> Result<Vec<Tombstone>, KeysError> {
        self.tombstones_of(None).await
    }

    async fn tombstones_of(&mut self, subject: Option<SubjectId>) -> Result<Vec<Tombstone>, KeysError> {
        let all = "select key_id, subject, purpose, erasure from subject_key where wrapped is null";
        let select = match subject {
            None => Stmt::composed(format!("{all} order by key_id")),
            Some(SubjectId(id)) => {
                Stmt::composed(format!("{all} and subject = $1 order by key_id")).blob(*id.as_bytes())
            }
        };
        let read = |row: &sfs_sql::Row| {
            Ok(Tombstone {
                key: KeyId(read_uuid(row, 0)?),
                subject: SubjectId(read_uuid(row, 1)?),
                purpose: read_purpose(row, 2)?,
                erasure: read_uuid(row, 3)?,
            })
        };
        self.writer.fetch_all(select).await?.iter().map(read).collect()
    }

    /// Whether bytes of a destroyed key may still be in a file.
    pub async fn is_unscrubbed(&mut self) -> Result<bool, KeysError> {
        let select = "select count(*) from subject_key where wrapped is null and scrubbed = 0";
        Ok(self.count(Stmt::new(select)).await? > 0)
    }

    /// Moves the write-ahead log into the file and cuts it, so that what was overwritten is nowhere.
    pub async fn scrub(&mut self) -> Result<(), KeysError> {
        let cut = self.writer.fetch_optional(Stmt::new("pragma wal_checkpoint(truncate)")).await?;
        if cut.map_or(Ok(1), |row| row.int(0))? != 0 {
            return Err(KeysError::NotScrubbed);
        }
        let done = Stmt::new("update subject_key set scrubbed = 1 where wrapped is null and scrubbed = 0");
        self.writer.execute(done).await?;
        Ok(())
    }

    async fn count(&mut self, stmt: Stmt) -> Result<u64, SqlError> {
        let row = self.writer.fetch_optional(stmt).await?;
        Ok(row.map_or(Ok(0), |row| row.int(0))?.unsigned_abs())
    }
}

fn end_of_subjects_key(tombstone: &Tombstone) -> Stmt {
    let update = "update subject_key set kek_version = null, wrapped = null, erasure = $1, scrubbed = 0
                  where subject = $2 and purpose = $3 and wrapped is not null";
    Stmt::new(update)
        .blob(*tombstone.erasure.as_bytes())
        .blob(*tombstone.subject.0.as_bytes())
        .text(tombstone.purpose.code())
}

fn end_of_key(tombstone: &Tombstone) -> Stmt {
    let update = "update subject_key set kek_version = null, wrapped = null, erasure = $1, scrubbed = 0
                  where key_id = $2 and wrapped is not null";
    Stmt::new(update).blob(*tombstone.erasure.as_bytes()).blob(*tombstone.key.0.as_bytes())
}

fn tombstone_of_no_key(tombstone: &Tombstone) -> Stmt {
    let insert = "insert into subject_key (key_id, subject, purpose, erasure)
                  select $1, $2, $3, $4
                  where not exists (select 1 from subject_key where subject = $2 and purpose = $3)";
    with_columns(Stmt::new(insert), tombstone)
}

fn tombstone_of_key(tombstone: &Tombstone) -> Stmt {
    let insert = "insert into subject_key (key_id, subject, purpose, erasure) values ($1, $2, $3, $4)
                  on conflict (key_id) do nothing";
    with_columns(Stmt::new(insert), tombstone)
}

fn with_columns(stmt: Stmt, tombstone: &Tombstone) -> Stmt {
    stmt.blob(*tombstone.key.0.as_bytes())
        .blob(*tombstone.subject.0.as_bytes())
        .text(tombstone.purpose.code())
        .blob(*tombstone.erasure.as_bytes())
}

/// With the identity ends whom the subject is known as.
fn end_of_person(tombstone: &Tombstone) -> Option<Stmt> {
    (tombstone.purpose == Purpose::Identity)
        .then(|| Stmt::new("delete from person where subject = $1").blob(*tombstone.subject.0.as_bytes()))
}
