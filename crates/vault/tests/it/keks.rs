//! Key-encryption keys: where they come from, and what is not accepted as one.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sfs_vault::{Credential, KekError, KeyEncryptionKeys, new_kek_line};

use crate::support::Counting;

const ONE: &str = "1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
const TWO: &str = "2 AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI";

fn load(credential: &Credential) -> Result<KeyEncryptionKeys, KekError> {
    KeyEncryptionKeys::load(credential, |_| None)
}

fn write(path: &Path, mode: u32) {
    std::fs::write(path, format!("{ONE}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_highest_version_wraps_wherever_it_stands() {
    let keys = KeyEncryptionKeys::parse(&format!("# of the year\n{TWO}\n\n  {ONE}  \r\n")).unwrap();
    assert_eq!((keys.versions(), keys.current()), (vec![1, 2], 2));
}

#[test]
fn a_line_that_is_no_version_and_key_is_named_by_its_number() {
    let wrong = [
        "1",
        "x AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "0 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "-1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "4294967296 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
        "1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
        "1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB",
        "1  AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE",
    ];
    for wrong in wrong {
        let why = KeyEncryptionKeys::parse(&format!("{TWO}\n\n{wrong}")).unwrap_err();
        assert!(matches!(why, KekError::Line(3)), "{wrong}: {why}");
        assert!(!format!("{why} {why:?}").contains("AQEB"), "{why:?}");
    }
}

#[test]
fn no_key_two_of_a_version_and_one_of_two_versions_are_refused() {
    let parse = |text: &str| KeyEncryptionKeys::parse(text).unwrap_err();
    assert!(matches!(parse("# none\n"), KekError::None));
    assert!(matches!(parse(&format!("{ONE}\n{ONE}")), KekError::VersionRepeated(1)));
    assert!(matches!(parse(&format!("{ONE}\n1{}", &TWO[1..])), KekError::VersionRepeated(1)));
    assert!(matches!(parse(&format!("{ONE}\n2{}", &ONE[1..])), KekError::KeyRepeated(1, 2)));
}

#[test]
fn a_file_is_read_if_only_its_owner_may() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("kek");
    for mode in [0o600, 0o400] {
        let _ = std::fs::remove_file(&path);
        write(&path, mode);
        assert_eq!(load(&Credential::File(path.clone())).unwrap().versions(), [1]);
    }
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
        let _ = std::fs::remove_file(&path);
        write(&path, mode);
        let refused = load(&Credential::File(path.clone()));
        assert!(matches!(refused, Err(KekError::Exposed { mode: is, .. }) if is == mode), "{mode:o}");
    }
}

#[test]
fn a_missing_file_and_a_directory_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = load(&Credential::File(directory.path().join("none")));
    assert!(matches!(missing, Err(KekError::Unreadable { .. })));
    let no_file = load(&Credential::File(directory.path().to_path_buf()));
    assert!(matches!(no_file, Err(KekError::NotAFile(_))));
}

#[test]
fn a_credential_lies_in_the_directory_of_the_service_manager() {
    let directory = tempfile::tempdir().unwrap();
    // The service manager's access list looks like a right of the group.
    write(&directory.path().join("sfs-kek"), 0o440);
    let at = directory.path().to_str().unwrap().to_owned();
    let environment = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| at.clone());
    let named = |name: &str| KeyEncryptionKeys::load(&Credential::Systemd(name.into()), environment);
    assert_eq!(named("sfs-kek").unwrap().versions(), [1]);
    for name in ["", ".", "..", "../kek", "a/b", "/etc/passwd"] {
        assert!(matches!(named(name), Err(KekError::CredentialName(_))), "{name}");
    }
    let outside = load(&Credential::Systemd("sfs-kek".into()));
    assert!(matches!(outside, Err(KekError::NotSet(name)) if name == "CREDENTIALS_DIRECTORY"));
}

#[test]
fn a_variable_of_the_environment_holds_the_same_text() {
    let credential = Credential::Environment("SFS_KEK".into());
    let set = KeyEncryptionKeys::load(&credential, |name| (name == "SFS_KEK").then(|| format!("{ONE}\n{TWO}")));
    assert_eq!(set.unwrap().current(), 2);
    assert!(matches!(load(&credential), Err(KekError::NotSet(name)) if name == "SFS_KEK"));
}

#[test]
fn a_new_line_is_accepted_and_never_the_same() {
    let random = Counting::default();
    let (one, two) = (new_kek_line(1, &random), new_kek_line(2, &random));
    assert_ne!(one[2..], two[2..]);
    assert_eq!(KeyEncryptionKeys::parse(&format!("{}\n{}", *one, *two)).unwrap().versions(), [1, 2]);
}

#[test]
fn printing_the_keys_shows_their_versions_only() {
    let keys = KeyEncryptionKeys::parse(&format!("{ONE}\n{TWO}")).unwrap();
    assert_eq!(format!("{keys:?}"), "KeyEncryptionKeys(versions [1, 2])");
}
