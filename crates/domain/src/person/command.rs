//! What may be asked for about a person.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vocabulary::{ErasureGround, ExportGround, HoldGround, OpeningGround, RefusalGround, RestrictionGround};
use super::vocabulary::{PersonKind, RetentionGround};
use crate::personal::Purpose;
use crate::vocabulary::Set;
use crate::{Ags, BusinessDate, ClientKey, EventId, KeyId, OrganisationId, PersonId, Position, SchoolId};

/// What may be asked for. Who somebody is comes beside it, sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Registers somebody who takes part in an operation.
    RegisterParticipant {
        /// Person.
        person: PersonId,
        /// Provider of the operation.
        provider: OrganisationId,
        /// School, if it takes place at one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        school: Option<SchoolId>,
    },
    /// Registers the pseudonym of a pupil, whose name stays with the provider.
    RegisterPupil {
        /// Person.
        person: PersonId,
        /// Provider of the school social work.
        provider: OrganisationId,
        /// School.
        school: SchoolId,
    },
    /// Registers who a member of staff is.
    RegisterStaffMember {
        /// Person: the pseudonym of the member of staff.
        person: PersonId,
        /// A provider that assigns them, or did.
        provider: OrganisationId,
    },
    /// Registers somebody who owns a beneficiary in the end.
    RegisterBeneficialOwner {
        /// Person.
        person: PersonId,
        /// The organisation that they own.
        provider: OrganisationId,
    },
    /// Registers somebody who takes part in further trainings.
    RegisterTrainee {
        /// Person.
        person: PersonId,
        /// District, or `15` for the whole state.
        district: Ags,
    },
    /// Corrects who a participant or beneficial owner is (GDPR Art. 16).
    CorrectIdentity {
        /// Person.
        person: PersonId,
        /// The event with which the identity came that is wrong.
        corrects: EventId,
    },
    /// Corrects who a member of staff is (GDPR Art. 16).
    CorrectStaffIdentity {
        /// Person.
        person: PersonId,
        /// The event with which the identity came that is wrong.
        corrects: EventId,
    },
    /// Corrects who a participant of a training is (GDPR Art. 16).
    CorrectTraineeIdentity {
        /// Person.
        person: PersonId,
        /// The event with which the identity came that is wrong.
        corrects: EventId,
    },
    /// Opens a sealed record of a participant, beneficial owner or member of staff.
    OpenRecord {
        /// Person.
        person: PersonId,
        /// The event that it came with.
        position: Position,
        /// Why.
        ground: OpeningGround,
    },
    /// Opens a sealed record of a beneficial owner.
    OpenOwnerRecord {
        /// Person.
        person: PersonId,
        /// The event that it came with.
        position: Position,
        /// Why.
        ground: OpeningGround,
    },
    /// Opens a sealed record of a participant of a training.
    OpenTraineeRecord {
        /// Person.
        person: PersonId,
        /// The event that it came with.
        position: Position,
        /// Why.
        ground: OpeningGround,
    },
    /// Exports everything that is known of a person (GDPR Art. 15).
    ExportPerson {
        /// Person.
        person: PersonId,
        /// Why.
        ground: ExportGround,
    },
    /// Exports everything that is known of a pupil with a case. Only the owner of the case and the
    /// deputy do: nobody else reads what a case is about.
    ExportPupil {
        /// Person.
        person: PersonId,
        /// Why.
        ground: ExportGround,
    },
    /// Forbids erasure before a day. A later day for the same ground takes the place of the earlier.
    LockRetention {
        /// Person.
        person: PersonId,
        /// For which purposes, at least one.
        purposes: Set<Purpose>,
        /// First day without the lock.
        until: BusinessDate,
        /// Why.
        ground: RetentionGround,
    },
    /// Ends a lock before its day. A second principal does it: four eyes.
    EndRetentionLock {
        /// Person.
        person: PersonId,
        /// The ground of the lock.
        ground: RetentionGround,
    },
    /// Forbids erasure until the hold is released.
    SetLegalHold {
        /// Person.
        person: PersonId,
        /// The hold's key.
        hold: ClientKey,
        /// Why.
        ground: HoldGround,
    },
    /// Releases a hold.
    ReleaseLegalHold {
        /// Person.
        person: PersonId,
        /// The hold's key.
        hold: ClientKey,
    },
    /// Restricts what is done with what is known of a person (GDPR Art. 18).
    RestrictProcessing {
        /// Person.
        person: PersonId,
        /// Why.
        ground: RestrictionGround,
    },
    /// Lifts the restriction.
    LiftRestriction {
        /// Person.
        person: PersonId,
    },
    /// Asks for erasure. Under a lock or a hold it is refused at once, with both events.
    RequestErasure {
        /// Person.
        person: PersonId,
        /// Why.
        ground: ErasureGround,
        /// What is to be erased, at least one purpose.
        purposes: Set<Purpose>,
    },
    /// Refuses erasure on a legal basis.
    RefuseErasure {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
        /// Why not.
        ground: RefusalGround,
        /// The day from which it can be asked for again, if there is one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        until: Option<BusinessDate>,
    },
    /// Approves erasure. Two principals do, neither of them the one who asked.
    ApproveErasure {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
    },
    /// Begins an erasure that two have approved: from then on nothing stands against it any more, and
    /// nothing is sealed for these purposes.
    BeginErasure {
        /// Person.
        person: PersonId,
        /// The event of the request.
        request: EventId,
    },
    /// Says that the keys are destroyed.
    RecordErasure {
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

impl Command {
    /// The person that the command names.
    pub const fn person(&self) -> PersonId {
        match self {
            Self::RegisterParticipant { person, .. }
            | Self::RegisterPupil { person, .. }
            | Self::RegisterStaffMember { person, .. }
            | Self::RegisterBeneficialOwner { person, .. }
            | Self::RegisterTrainee { person, .. }
            | Self::CorrectIdentity { person, .. }
            | Self::CorrectStaffIdentity { person, .. }
            | Self::CorrectTraineeIdentity { person, .. }
            | Self::OpenRecord { person, .. }
            | Self::OpenOwnerRecord { person, .. }
            | Self::OpenTraineeRecord { person, .. }
            | Self::ExportPerson { person, .. }
            | Self::ExportPupil { person, .. }
            | Self::LockRetention { person, .. }
            | Self::EndRetentionLock { person, .. }
            | Self::SetLegalHold { person, .. }
            | Self::ReleaseLegalHold { person, .. }
            | Self::RestrictProcessing { person, .. }
            | Self::LiftRestriction { person }
            | Self::RequestErasure { person, .. }
            | Self::RefuseErasure { person, .. }
            | Self::ApproveErasure { person, .. }
            | Self::BeginErasure { person, .. }
            | Self::RecordErasure { person, .. } => *person,
        }
    }

    /// For people of which kinds the command is. A command of one role must not reach the people of
    /// another: who coordinates trainings sees no participant, who grants money sees owners alone.
    pub const fn kinds(&self) -> &'static [PersonKind] {
        match self {
            Self::RegisterParticipant { .. } => &[PersonKind::Participant],
            Self::RegisterPupil { .. } | Self::ExportPupil { .. } => &[PersonKind::Pupil],
            Self::RegisterStaffMember { .. } | Self::CorrectStaffIdentity { .. } => &[PersonKind::Staff],
            Self::RegisterBeneficialOwner { .. } | Self::OpenOwnerRecord { .. } => &[PersonKind::BeneficialOwner],
            Self::RegisterTrainee { .. } | Self::CorrectTraineeIdentity { .. } | Self::OpenTraineeRecord { .. } => {
                &[PersonKind::TrainingParticipant]
            }
            Self::CorrectIdentity { .. } => &[PersonKind::Participant, PersonKind::BeneficialOwner],
            Self::ExportPerson { .. } => &[
                PersonKind::Participant,
                PersonKind::Staff,
                PersonKind::BeneficialOwner,
                PersonKind::TrainingParticipant,
            ],
            Self::OpenRecord { .. } => &[PersonKind::Participant, PersonKind::BeneficialOwner, PersonKind::Staff],
            _ => PersonKind::ALL,
        }
    }

    /// Whether it registers somebody.
    pub const fn registers(&self) -> bool {
        matches!(
            self,
            Self::RegisterParticipant { .. }
                | Self::RegisterPupil { .. }
                | Self::RegisterStaffMember { .. }
                | Self::RegisterBeneficialOwner { .. }
                | Self::RegisterTrainee { .. }
        )
    }
}
