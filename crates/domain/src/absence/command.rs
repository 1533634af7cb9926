//! What may be asked for about absences.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BusinessDate, ClientKey, Period, StaffPseudonym};

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Records that a member of staff is absent.
    RecordAbsence {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Its days; on the first they have an assignment.
        period: Period,
    },
    /// Changes the days of an absence.
    AmendAbsence {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// The days now.
        period: Period,
    },
    /// Corrects why somebody is absent (GDPR Art. 16); the ground comes beside it, sealed, and the last holds.
    CorrectAbsenceGround {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
    },
    /// Takes an absence back.
    WithdrawAbsence {
        /// Member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
    },
    /// Says who stands in.
    AppointSubstitute {
        /// The absent member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Who stands in.
        substitute: StaffPseudonym,
        /// Days, inside the absence.
        period: Period,
    },
    /// Says that somebody stands in no longer; on its first day: that they never did.
    EndSubstitution {
        /// The absent member of staff.
        staff: StaffPseudonym,
        /// The absence's key.
        absence: ClientKey,
        /// Who stands in.
        substitute: StaffPseudonym,
        /// First day without them.
        on: BusinessDate,
    },
}

impl Command {
    /// The absent member of staff and the absence.
    pub(super) const fn about(&self) -> (&StaffPseudonym, &ClientKey) {
        match self {
            Self::RecordAbsence { staff, absence, .. }
            | Self::AmendAbsence { staff, absence, .. }
            | Self::CorrectAbsenceGround { staff, absence }
            | Self::WithdrawAbsence { staff, absence }
            | Self::AppointSubstitute { staff, absence, .. }
            | Self::EndSubstitution { staff, absence, .. } => (staff, absence),
        }
    }
}
