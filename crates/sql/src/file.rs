//! What a database file is, before it is opened as one.

use std::io::Read;
use std::path::Path;

/// Whether the file is a database with that application id in its header. A file that cannot be
/// read for want of a permission is not judged: opening it says more.
pub fn is_database_of(path: &Path, application_id: u32) -> bool {
    let mut header = [0; 100];
    match std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Ok(()) => header.starts_with(b"SQLite format 3\0") && header[68..72] == application_id.to_be_bytes(),
        Err(why) => why.kind() == std::io::ErrorKind::PermissionDenied,
    }
}
