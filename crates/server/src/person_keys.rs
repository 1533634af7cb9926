//! The key store of an installation, and where the key-encryption keys come from that wrap its keys.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sfs_command::{Sealer, SystemEntropy};
use sfs_ops::DataDirectory;
use sfs_vault::{
    Credential, ErasureList, ErasureListError, KekError, KeyEncryptionKeys, Keys, KeysError, new_kek_line,
};
use zeroize::Zeroizing;

use crate::configuration::Configuration;

/// Name of the file in the data directory, unless the configuration names another place.
const FILE: &str = "kek";

/// What the list of erasures is called after: the file of the key-encryption keys.
const LIST: &str = "erased";

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
    /// The file says something else than it was read as.
    #[error("{} changed while it was read", .0.display())]
    Unreadable(PathBuf),
    /// The list of what was erased.
    #[error(transparent)]
    Erasures(#[from] ErasureListError),
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
    let keks = load(&credential)?;
    let keys = Keys::open(&directory.keys(), keks.clone(), Arc::new(SystemEntropy)).await?;
    let is_older = |(version, _): &(u32, u64)| *version < keks.current();
    if keys.versions_in_use().await?.iter().any(is_older) {
        let rewrapped = keys.rewrap(keks).await?;
        tracing::info!(keys = rewrapped.keys, version = rewrapped.current, "the keys of persons were wrapped anew");
    }
    Ok(keys)
}

/// Where the list of erasures lies.
pub fn list_of_erasures(configuration: &Configuration) -> Result<PathBuf, PersonKeysError> {
    if let Some(path) = &configuration.erasures {
        return Ok(path.clone());
    }
    Ok(match credential(&configuration.data, configuration.kek.as_deref())? {
        Credential::File(path) => path.with_extension(LIST),
        Credential::Systemd(_) | Credential::Environment(_) => configuration.data.join(LIST),
    })
}

/// Opens store and list. Whoever is in the list and has keys again was brought back by a restored backup:
/// their keys are destroyed before anybody can use them.
pub async fn sealer(configuration: &Configuration, directory: &DataDirectory) -> Result<Sealer, PersonKeysError> {
    let keys = open(directory, configuration.kek.as_deref()).await?;
    let (list, listed) = ErasureList::open(&list_of_erasures(configuration)?)?;
    let gone: BTreeSet<_> = keys.tombstones().await?.iter().map(|stone| (stone.subject, stone.purpose)).collect();
    let mut came_back = 0_u64;
    for one in listed.iter().filter(|one| !gone.contains(&(one.subject, one.purpose))) {
        keys.destroy(one.subject, vec![one.purpose], one.erasure).await?;
        came_back += 1;
    }
    if came_back > 0 {
        tracing::warn!(came_back, "persons who are listed as erased had come back, and were destroyed again");
    }
    Ok(Sealer::new(keys, &configuration.origin, Arc::new(SystemEntropy)).listing(list))
}

/// The key-encryption keys from where they are.
pub fn load(credential: &Credential) -> Result<KeyEncryptionKeys, PersonKeysError> {
    Ok(KeyEncryptionKeys::load(credential, |name| std::env::var(name).ok())?)
}

/// Adds a key of the next version to the file; answers which.
pub fn add_version(path: &Path) -> Result<u32, PersonKeysError> {
    let version = load(&Credential::File(path.into()))?.current() + 1;
    let failed = |source| PersonKeysError::Make { path: path.into(), source };
    let mut text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&new_kek_line(version, &SystemEntropy));
    text.push('\n');
    replace(path, text.as_bytes()).map_err(failed)?;
    Ok(version)
}

/// Destroys all versions in the file but the current one; answers which went.
pub fn retire_older(path: &Path) -> Result<Vec<u32>, PersonKeysError> {
    let keks = load(&Credential::File(path.into()))?;
    let older: Vec<u32> = keks.versions().into_iter().filter(|version| *version != keks.current()).collect();
    let failed = |source| PersonKeysError::Make { path: path.into(), source };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed)?);
    let is_current = |line: &&str| line.split_whitespace().next() == Some(&*keks.current().to_string());
    let mut kept = Zeroizing::new(text.lines().filter(is_current).collect::<Vec<_>>().join("\n"));
    kept.push('\n');
    // What would be left must be what wraps: otherwise every key would be lost.
    if KeyEncryptionKeys::parse(&kept)?.versions() != [keks.current()] {
        return Err(PersonKeysError::Unreadable(path.into()));
    }
    replace(path, kept.as_bytes()).map_err(failed)?;
    Ok(older)
}

/// Writes a key of version 1: what it wraps would be lost with it.
fn make(path: &Path) -> std::io::Result<()> {
    let mut line = new_kek_line(1, &SystemEntropy);
    line.push('\n');
    write_new(path, line.as_bytes())
}

/// The file with another content: whoever reads it sees the old one or the new one.
fn replace(path: &Path, text: &[u8]) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    match std::fs::remove_file(&beside) {
        Err(why) if why.kind() != std::io::ErrorKind::NotFound => return Err(why),
        _ => {}
    }
    write_new(&beside, text)?;
    std::fs::rename(&beside, path)?;
    sync_parent(path)
}

/// A new file for its owner alone, durable when this returns.
fn write_new(path: &Path, text: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text)?;
    file.sync_all()?;
    sync_parent(path)
}

fn sync_parent(path: &Path) -> std::io::Result<()> {
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
        let file = directory.path().join(FILE);
        assert_eq!(add_version(&file).unwrap(), 2);
        // What wraps the keys goes only after they are wrapped anew, which the next start does.
        let keys = open(&directory, None).await.unwrap();
        assert!(keys.versions_in_use().await.unwrap().iter().all(|(version, _)| *version == 2));
        drop(keys);
        assert_eq!(retire_older(&file).unwrap(), [1]);
        assert_eq!(load(&Credential::File(file)).unwrap().versions(), [2]);
        drop(open(&directory, None).await.unwrap());
        std::fs::remove_file(directory.path().join(FILE)).unwrap();
        assert!(matches!(open(&directory, None).await, Err(PersonKeysError::Kek(_))));
    }
}
