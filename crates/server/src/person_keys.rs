//! The key store of an installation, and where the key-encryption keys come from that wrap its keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sfs_command::SystemEntropy;
use sfs_ops::DataDirectory;
use sfs_vault::{Credential, KekError, KeyEncryptionKeys, Keys, KeysError, new_kek_line};

/// Name of the file in the data directory, unless the configuration names another place.
const FILE: &str = "kek";

/// Why the keys of persons cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PersonKeysError {
    /// The configuration names no place that there is.
    #[error("`kek = \"{0}\"` is none of `file:<path>`, `systemd:<credential>`, `env:<variable>`")]
    Place(String),
    /// The key-encryption keys cannot be read.
    #[error("the key-encryption keys cannot be used")]
    Kek(#[from] KekError),
    /// The first one could not be written.
    #[error("no key-encryption key can be made at {}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The store.
    #[error(transparent)]
    Keys(#[from] KeysError),
}

/// Where the configuration says that the key-encryption keys are.
pub fn credential(directory: &Path, kek: Option<&str>) -> Result<Credential, PersonKeysError> {
    let Some(kek) = kek else { return Ok(Credential::File(directory.join(FILE))) };
    match kek.split_once(':') {
        Some(("file", path)) if !path.is_empty() => Ok(Credential::File(path.into())),
        Some(("systemd", name)) if !name.is_empty() => Ok(Credential::Systemd(name.into())),
        Some(("env", name)) if !name.is_empty() => Ok(Credential::Environment(name.into())),
        _ => Err(PersonKeysError::Place(kek.to_owned())),
    }
}

/// Opens the store. With the store the first key-encryption key is made too, unless the configuration
/// says where it is.
pub async fn open(directory: &DataDirectory, kek: Option<&str>) -> Result<Keys, PersonKeysError> {
    let credential = credential(directory.path(), kek)?;
    if let (Credential::File(path), None, false) = (&credential, kek, directory.keys().exists())
        && !path.exists()
    {
        make(path).map_err(|source| PersonKeysError::Make { path: path.clone(), source })?;
    }
    let keks = KeyEncryptionKeys::load(&credential, |name| std::env::var(name).ok())?;
    Ok(Keys::open(&directory.keys(), keks, Arc::new(SystemEntropy)).await?)
}

/// Writes a key of version 1 for its owner alone, durably: what it wraps would be lost with it.
fn make(path: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(new_kek_line(1, &SystemEntropy).as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    path.parent().map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_key_encryption_keys_is_said_in_one_word() {
        let of = |kek| credential(Path::new("/data"), kek);
        assert_eq!(of(None).unwrap(), Credential::File("/data/kek".into()));
        assert_eq!(of(Some("file:/etc/kek")).unwrap(), Credential::File("/etc/kek".into()));
        assert_eq!(of(Some("systemd:kek")).unwrap(), Credential::Systemd("kek".into()));
        assert_eq!(of(Some("env:SFS_KEK_TEXT")).unwrap(), Credential::Environment("SFS_KEK_TEXT".into()));
        for wrong in ["", "file:", "/etc/kek", "vault:x"] {
            assert!(matches!(of(Some(wrong)), Err(PersonKeysError::Place(_))), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_first_start_makes_a_key_and_a_later_one_misses_it() {
        let parent = tempfile::tempdir().unwrap();
        let directory = DataDirectory::open(&parent.path().join("data"), true).unwrap();
        drop(open(&directory, None).await.unwrap());
        assert!(directory.path().join(FILE).exists());
        drop(open(&directory, None).await.unwrap());
        std::fs::remove_file(directory.path().join(FILE)).unwrap();
        assert!(matches!(open(&directory, None).await, Err(PersonKeysError::Kek(_))));
    }
}
