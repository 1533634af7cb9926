//! What may be asked for in a support case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::{ClosingReason, ContactForm, EntryRoute};
use crate::measure::CaseNumber;
use crate::{ClientKey, EventId, Minutes, PersonId, PrincipalId};

/// What may be asked for. What the case is about comes beside it, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Opens a case. Whoever does owns it. Profile and concern come beside it, sealed.
    OpenSupportCase {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// Number of the case; it keeps it for ever.
        number: CaseNumber,
        /// Who began it.
        entry: EntryRoute,
        /// Who may read and write in the owner's place.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        deputy: Option<PrincipalId>,
    },
    /// Records a contact; the business date is its day.
    RecordSupportContact {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The contact's key.
        contact: ClientKey,
        /// How long it took.
        minutes: Minutes,
        /// How it took place.
        form: ContactForm,
    },
    /// Keeps a note, which its author has sealed.
    WriteNote {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The note's key.
        note: ClientKey,
    },
    /// Opens a note or what the case is about. Only what belongs to the last case under the pseudonym:
    /// whoever comes to own it by a hand-over or a reassignment reads all of it, whoever opens a new case
    /// nothing of the earlier ones.
    OpenNote {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The event that it came with, as the receipt named it.
        event: EventId,
    },
    /// Says who may read and write in the owner's place; nobody if it names nobody.
    NameDeputy {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// Who.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        deputy: Option<PrincipalId>,
    },
    /// Gives the case to somebody else; only its owner does.
    HandOverCase {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The new owner.
        to: PrincipalId,
    },
    /// Gives the case of somebody who cannot any more to somebody else.
    ReassignCase {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The new owner.
        to: PrincipalId,
    },
    /// Records that a goal was agreed. What it is stands in a note.
    AgreeSupportGoal {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The goal's key.
        goal: ClientKey,
    },
    /// Says how far a goal is reached; each assessment is one of its own. How far comes beside it, sealed.
    AssessSupportGoal {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The goal's key.
        goal: ClientKey,
    },
    /// Records that the pupil was referred to a service, which comes beside it, sealed.
    ReferCase {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The referral's key.
        referral: ClientKey,
    },
    /// Says what became of a referral, beside it and sealed; each time is one of its own, the last one holds.
    RecordReferralOutcome {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The referral's key.
        referral: ClientKey,
    },
    /// Closes the case. How it stands comes beside it, sealed.
    CloseSupportCase {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// Why.
        closing: ClosingReason,
    },
    /// Opens the closed case again, under its number.
    ReopenSupportCase {
        /// Pupil, by pseudonym.
        person: PersonId,
    },
}

impl Command {
    /// The pupil that the command names.
    pub const fn person(&self) -> PersonId {
        match self {
            Self::OpenSupportCase { person, .. }
            | Self::RecordSupportContact { person, .. }
            | Self::WriteNote { person, .. }
            | Self::OpenNote { person, .. }
            | Self::NameDeputy { person, .. }
            | Self::HandOverCase { person, .. }
            | Self::ReassignCase { person, .. }
            | Self::AgreeSupportGoal { person, .. }
            | Self::AssessSupportGoal { person, .. }
            | Self::ReferCase { person, .. }
            | Self::RecordReferralOutcome { person, .. }
            | Self::CloseSupportCase { person, .. }
            | Self::ReopenSupportCase { person } => *person,
        }
    }
}
