//! Taking data over: the reference files of the binary ([`reference_data`]) and tables that users bring ([`csv`]). Both
//! go the ordinary way of commands, and both change nothing when they are repeated.

mod columns;
mod reference_data;
mod rows;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod user_file;

use sfs_command::CommandError;
use sfs_ledger::digest;
use uuid::{Builder, Uuid};

pub use columns::{Column, Kind, columns, template};
pub use reference_data::{ReferenceImport, reference_data, reference_data_after};
pub use user_file::{Finding, ImportReport, MAX_ROWS, csv};

use crate::reference::ReferenceError;

/// How far something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// So many are done.
    pub done: u64,
    /// Of so many.
    pub total: u64,
    /// What is being done, in German.
    pub what_de: &'static str,
}

/// Why an import could not be done. What is wrong with its rows are findings, not errors.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A reference file of the binary is not usable. A defect of the binary.
    #[error("the reference data cannot be used")]
    Reference(#[source] &'static ReferenceError),
    /// A reference file holds what its command cannot carry. A defect of the binary.
    #[error("the reference data cannot be written as a command: {0}")]
    Value(String),
    /// The caller holds no role that may do this.
    #[error("no role of the caller allows this import")]
    Forbidden,
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Input(#[from] std::io::Error),
    /// The write side could not do it.
    #[error("the command `{command}` could not be done")]
    Command {
        /// Which command.
        command: &'static str,
        /// Why.
        source: CommandError,
    },
}

/// The identity that these parts always have (UUID version 8): the same import sends the same commands again.
pub(crate) fn derived_id(parts: &[&[u8]]) -> Uuid {
    let mut all = Vec::with_capacity(128);
    for part in parts {
        all.extend((part.len() as u64).to_be_bytes());
        all.extend(*part);
    }
    let hash = digest(&all);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
