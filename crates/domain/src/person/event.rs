//! What then is a fact about a person. Who somebody is lies beside the event, sealed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Command;
use super::registration::registered;
use super::vocabulary::{ErasureGround, ExportGround, HoldGround, OpeningGround, RefusalGround, RestrictionGround};
use super::vocabulary::{PersonKind, RetentionGround};
use crate::personal::Purpose;
use crate::vocabulary::Set;
use crate::{BusinessDate, ClientKey, EventId, KeyId, PersonId, Position};

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A person has a pseudonym.
    #[serde(rename = "person.registered.v1")]
    Registered {
        /// Person.
        person: PersonId,
        /// What they are in the programme.
        kind: PersonKind,
    },
    /// Who they are was corrected.
    #[serde(rename = "person.identity-corrected.v1")]
    IdentityCorrected {
        /// Person.
        person: PersonId,
        /// The event with which the identity came that was wrong.
        corrects: EventId,
    },
    /// A sealed record may be opened, now and by whoever acts here.
    #[serde(rename = "person.record-opened.v1")]
    RecordOpened {
        /// Person.
        person: PersonId,
        /// The event that it came with.
        position: Position,
        /// Why.
        ground: OpeningGround,
    },
    /// Everything that is known of them may be exported, now and by whoever acts here.
    #[serde(rename = "person.exported.v1")]
    Exported {
        /// Person.
        person: PersonId,
        /// Why.
        ground: ExportGround,
    },
    /// Nothing for these purposes is erased before a day.
    #[serde(rename = "person.retention-locked.v1")]
    RetentionLocked {
        /// Person.
        person: PersonId,
        /// For which purposes.
        purposes: Set<Purpose>,
        /// First day without the lock.
        until: BusinessDate,
        /// Why.
        ground: RetentionGround,
    },
    /// A lock ended before its day.
    #[serde(rename = "person.retention-lock-ended.v1")]
    RetentionLockEnded {
        /// Person.
        person: PersonId,
        /// The ground of the lock.
        ground: RetentionGround,
    },
    /// Nothing is erased until the hold is released.
    #[serde(rename = "person.legal-hold-set.v1")]
    LegalHoldSet {
        /// Person.
        person: PersonId,
        /// The hold's key.
        hold: ClientKey,
        /// Why.
        ground: HoldGround,
    },
    /// A hold was released.
    #[serde(rename = "person.legal-hold-released.v1")]
    LegalHoldReleased {
        /// Person.
        person: PersonId,
        /// The hold's key.
        hold: ClientKey,
    },
    /// What is known of them is used for little.
    #[serde(rename = "person.processing-restricted.v1")]
    ProcessingRestricted {
        /// Person.
        person: PersonId,
        /// Why.
        ground: RestrictionGround,
    },
    /// It is used as before.
    #[serde(rename = "person.restriction-lifted.v1")]
    RestrictionLifted {
        /// Person.
        person: PersonId,
    },
    /// Somebody asks for erasure.
    #[serde(rename = "person.erasure-requested.v1")]
    ErasureRequested {
        /// Person.
        person: PersonId,
        /// Why.
        ground: ErasureGround,
        /// What is to be erased.
        purposes: Set<Purpose>,
    },
    /// Erasure was refused.
    #[serde(rename = "person.erasure-refused.v1")]
    ErasureRefused {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
        /// Why.
        ground: RefusalGround,
        /// The day from which it can be asked for again, if there is one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<BusinessDate>,
    },
    /// One of two has approved erasure.
    #[serde(rename = "person.erasure-approved.v1")]
    ErasureApproved {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
    },
    /// The keys are about to be destroyed: what is set or decided from now on does not stop it.
    #[serde(rename = "person.erasure-begun.v1")]
    ErasureBegun {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
    },
    /// The keys are destroyed: nobody can read any more what was sealed under them.
    #[serde(rename = "person.erased.v1")]
    Erased {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
        /// The destroyed keys.
        #[schemars(length(max = 64))]
        keys: Vec<KeyId>,
        /// What they were for.
        purposes: Set<Purpose>,
        /// The version of the key under which they were wrapped.
        kek_version: u32,
        /// How many sealed records were deleted.
        slots_purged: u32,
        /// The day by which every older copy of these keys is dead too.
        bound_until: BusinessDate,
    },
}

/// The event that the command would be.
pub(super) fn said(command: &Command) -> Event {
    match command.clone() {
        Command::RegisterParticipant { .. }
        | Command::RegisterPupil { .. }
        | Command::RegisterStaffMember { .. }
        | Command::RegisterBeneficialOwner { .. }
        | Command::RegisterTrainee { .. } => registered(command),
        Command::CorrectIdentity { person, corrects }
        | Command::CorrectStaffIdentity { person, corrects }
        | Command::CorrectTraineeIdentity { person, corrects } => Event::IdentityCorrected { person, corrects },
        Command::OpenRecord { person, position, ground }
        | Command::OpenOwnerRecord { person, position, ground }
        | Command::OpenTraineeRecord { person, position, ground } => Event::RecordOpened { person, position, ground },
        Command::ExportPerson { person, ground } | Command::ExportPupil { person, ground } => {
            Event::Exported { person, ground }
        }
        Command::LockRetention { person, purposes, until, ground } => {
            Event::RetentionLocked { person, purposes, until, ground }
        }
        Command::EndRetentionLock { person, ground } => Event::RetentionLockEnded { person, ground },
        Command::SetLegalHold { person, hold, ground } => Event::LegalHoldSet { person, hold, ground },
        Command::ReleaseLegalHold { person, hold } => Event::LegalHoldReleased { person, hold },
        Command::RestrictProcessing { person, ground } => Event::ProcessingRestricted { person, ground },
        Command::LiftRestriction { person } => Event::RestrictionLifted { person },
        Command::RequestErasure { person, ground, purposes } => Event::ErasureRequested { person, ground, purposes },
        Command::RefuseErasure { person, request, ground, until } => {
            Event::ErasureRefused { person, request, ground, until }
        }
        Command::ApproveErasure { person, request } => Event::ErasureApproved { person, request },
        Command::BeginErasure { person, request } => Event::ErasureBegun { person, request },
        Command::RecordErasure { person, request, keys, purposes, kek_version, slots_purged, bound_until } => {
            Event::Erased { person, request, keys, purposes, kek_version, slots_purged, bound_until }
        }
    }
}
