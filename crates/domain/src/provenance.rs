//! Where a taken-over fact comes from, and how sure it is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::BusinessDate;
use crate::identity::Label;

/// How far a taken-over fact can be trusted, and from where it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Short name of the source.
    pub source: Label,
    /// Stated by the source, concluded from it, or true only in the past.
    pub status: ProvenanceStatus,
    /// The day as of which the source speaks, if it says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub as_of: Option<BusinessDate>,
}

/// See [`Provenance`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProvenanceStatus {
    /// The source says so.
    Stated,
    /// Concluded from the source.
    Inferred,
    /// The last known state, possibly no longer true.
    Historic,
}
