//! What then is a fact about a support case. What it is about lies beside the event, sealed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::{ClosingReason, ContactForm, EntryRoute};
use crate::measure::CaseNumber;
use crate::{ClientKey, EventId, Minutes, PersonId, PrincipalId};

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A case is open; whoever acts here owns it.
    #[serde(rename = "support-case.opened.v1")]
    Opened {
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
    /// There was a contact.
    #[serde(rename = "support-case.contact-recorded.v1")]
    ContactRecorded {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The contact's key.
        contact: ClientKey,
        /// How long it took.
        minutes: Minutes,
        /// How it took place.
        form: ContactForm,
    },
    /// A note is kept.
    #[serde(rename = "support-case.note-written.v1")]
    NoteWritten {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The note's key.
        note: ClientKey,
    },
    /// A sealed record of the case may be opened, now and by whoever acts here.
    #[serde(rename = "support-case.note-opened.v1")]
    NoteOpened {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The event that it came with.
        event: EventId,
    },
    /// Somebody else may read and write in the owner's place, or nobody.
    #[serde(rename = "support-case.deputy-named.v1")]
    DeputyNamed {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// Who.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        deputy: Option<PrincipalId>,
    },
    /// The case has another owner.
    #[serde(rename = "support-case.handed-over.v1")]
    HandedOver {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The new owner.
        to: PrincipalId,
    },
    /// A goal was agreed.
    #[serde(rename = "support-case.goal-agreed.v1")]
    GoalAgreed {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The goal's key.
        goal: ClientKey,
    },
    /// It is known how far a goal is reached.
    #[serde(rename = "support-case.goal-assessed.v1")]
    GoalAssessed {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The goal's key.
        goal: ClientKey,
    },
    /// The pupil was referred to a service.
    #[serde(rename = "support-case.referred.v1")]
    Referred {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The referral's key.
        referral: ClientKey,
    },
    /// It is known what became of a referral.
    #[serde(rename = "support-case.referral-outcome-recorded.v1")]
    ReferralOutcomeRecorded {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// The referral's key.
        referral: ClientKey,
    },
    /// The case is closed.
    #[serde(rename = "support-case.closed.v1")]
    Closed {
        /// Pupil, by pseudonym.
        person: PersonId,
        /// Why.
        closing: ClosingReason,
    },
    /// The case is open again, under its number.
    #[serde(rename = "support-case.reopened.v1")]
    Reopened {
        /// Pupil, by pseudonym.
        person: PersonId,
    },
}
