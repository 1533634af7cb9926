//! Rewrap and retire: all keys are wrapped anew under the current key-encryption key. When the older
//! ones are then destroyed, so is every copy of a destroyed key that a backup or a disk still holds.

use sfs_sql::Stmt;

use super::database::{COLUMNS, Store, Stored, bound_to_name, read_version};
use super::{KeysError, Rewrapped};
use crate::kek::KeyEncryptionKeys;

/// Keys that are wrapped anew in one transaction.
const PAGE: i64 = 500;

impl Store {
    pub async fn rewrap(&mut self, keks: KeyEncryptionKeys) -> Result<Rewrapped, KeysError> {
        let before = std::mem::replace(&mut self.keks, keks);
        // Before anything is written under them: the new list must hold all that is in use.
        if let Err(why) = self.check_keks().await {
            self.keks = before;
            return Err(why);
        }
        let mut keys = self.rewrap_fingerprints().await?;
        while let page @ 1.. = self.rewrap_page().await? {
            keys += page;
        }
        // The older wrappings leave the files too; they are dead once their version is destroyed.
        self.scrub().await?;
        let retired = self.keks.forget_older();
        Ok(Rewrapped { keys, current: self.keks.current(), retired })
    }

    async fn rewrap_page(&mut self) -> Result<u64, KeysError> {
        let current = self.keks.current();
        let text = format!("{COLUMNS} where kek_version <> $1 limit $2");
        let rows = self.writer.fetch_all(Stmt::composed(text).int(current.into()).int(PAGE)).await?;
        let mut updates = Vec::with_capacity(rows.len());
        for row in &rows {
            let stored = Stored::read(row)?;
            let Some((version, wrapped)) = &stored.wrapped else { continue };
            let key = self.unwrap_key(&stored.bound(), *version, wrapped)?;
            let update = Stmt::new("update subject_key set kek_version = $1, wrapped = $2 where key_id = $3")
                .int(current.into())
                .blob(self.wrap(&stored.bound(), &key)?)
                .blob(*stored.id.0.as_bytes());
            updates.push(update);
        }
        Ok(self.in_one_go(updates).await?)
    }

    async fn rewrap_fingerprints(&mut self) -> Result<u64, KeysError> {
        let current = self.keks.current();
        let select = Stmt::new("select name, kek_version, wrapped from fingerprint_key where kek_version <> $1");
        let rows = self.writer.fetch_all(select.int(current.into())).await?;
        let mut updates = Vec::with_capacity(rows.len());
        for row in &rows {
            let name = row.text(0)?;
            let bound = bound_to_name(name);
            let key = self.unwrap_key(&bound, read_version(row.int(1)?)?, row.blob(2)?)?;
            let update = Stmt::new("update fingerprint_key set kek_version = $1, wrapped = $2 where name = $3")
                .int(current.into())
                .blob(self.wrap(&bound, &key)?)
                .text(name);
            updates.push(update);
        }
        Ok(self.in_one_go(updates).await?)
    }
}
