//! A disk of our own that can be filled and made read-only.
//!
//! Where it may be mounted (as root), it is a small file system in memory, and the errors are the
//! kernel's. Elsewhere the preloaded library of `powercut/` says that the disk is full, and the
//! folder's permissions that it is read-only. `SFS_TEST_DISK=library` does so as root too.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Room on the mounted disk.
const SIZE: &str = "size=16m";

/// A disk. It is unmounted when the value is dropped.
pub struct Disk {
    folder: TempDir,
    mounted: bool,
}

fn mount(args: &[&str], folder: &Path) -> bool {
    let output = Command::new("mount").args(args).arg(folder).output();
    output.is_ok_and(|output| output.status.success())
}

impl Disk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let wanted = std::env::var_os("SFS_TEST_DISK").is_none_or(|kind| kind != "library");
        let mounted = wanted && mount(&["-t", "tmpfs", "-o", SIZE, "sfs-tests"], folder.path());
        println!("the disk is {}", if mounted { "a file system of its own" } else { "made of a preloaded library" });
        Self { folder, mounted }
    }

    /// A data directory on it.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    /// Prepares a server for this disk.
    pub fn prepare(&self, command: &mut Command) {
        if !self.mounted {
            command.env("LD_PRELOAD", crate::faults::powercut());
            command.env("POWERCUT_DIR", self.data()).env("POWERCUT_FULL_WHILE", self.ballast());
        }
    }

    /// Leaves no room.
    pub fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        if !self.mounted {
            return;
        }
        // In ever smaller pieces, so that nothing is left over.
        for piece in [1 << 16, 1 << 12, 1] {
            let bytes = vec![0; piece];
            let why = loop {
                if let Err(why) = ballast.write(&bytes) {
                    break why;
                }
            };
            assert_eq!(why.kind(), ErrorKind::StorageFull, "the disk cannot be filled: {why}");
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        std::fs::remove_file(self.ballast()).unwrap();
    }

    /// Lets nobody write any more.
    pub fn make_read_only(&self) {
        if self.mounted {
            assert!(mount(&["-o", "remount,ro"], self.folder.path()), "the disk cannot be made read-only");
        } else {
            std::fs::set_permissions(self.data(), Permissions::from_mode(0o555)).unwrap();
        }
        let probe = OpenOptions::new().create(true).append(true).open(self.data().join("probe"));
        assert!(probe.is_err(), "the disk is not read-only");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted {
            let _ = Command::new("umount").arg(self.folder.path()).status();
        } else if self.data().exists() {
            let _ = std::fs::set_permissions(self.data(), Permissions::from_mode(0o755));
        }
    }
}
