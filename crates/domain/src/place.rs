//! Where a fact belongs: what scopes, filters and the envelope of an event are made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Ags, OrganisationId, SchoolId};

/// District, responsible provider and school of a fact, taken from loaded state and never from the
/// client. Stands in the open body of every event and is what a scope is compared with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Place {
    /// The district, or `15` for what concerns the whole state.
    pub ags: Ags,
    /// The provider that was responsible on the business date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub provider: Option<OrganisationId>,
    /// The school.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub school: Option<SchoolId>,
}

impl Place {
    /// The whole state.
    pub fn state() -> Self {
        Self { ags: Ags::state(), provider: None, school: None }
    }

    /// One district.
    pub fn district(ags: Ags) -> Self {
        Self { ags, provider: None, school: None }
    }

    /// One school in its district.
    pub fn school(ags: Ags, school: SchoolId) -> Self {
        Self { ags, provider: None, school: Some(school) }
    }

    /// The same place with a responsible provider.
    #[must_use]
    pub fn of_provider(mut self, provider: OrganisationId) -> Self {
        self.provider = Some(provider);
        self
    }
}
