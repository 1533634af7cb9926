//! What people are in the programme, and why something is opened, kept, held or erased.

use crate::personal::Purpose;
use crate::vocabulary;

vocabulary! {
    /// What a person is in the programme.
    PersonKind {
        /// Somebody who takes part in an operation and is counted (Regulation (EU) 2021/1057, Annex I).
        Participant = "participant",
        /// A pupil with a support case. The name stays with the provider.
        Pupil = "pupil",
        /// A member of staff.
        Staff = "staff",
        /// Somebody who owns a beneficiary in the end (CPR Annex XVII).
        BeneficialOwner = "beneficial_owner",
        /// Somebody who takes part in a further training.
        TrainingParticipant = "training_participant",
    }
    /// Why a record is opened.
    OpeningGround {
        /// The work with the person.
        Work = "work",
        /// Administration of staff.
        Personnel = "personnel",
        /// A certificate is written.
        Certificate = "certificate",
        /// A check at the provider, on the spot.
        OnTheSpotCheck = "on_the_spot_check",
        /// A check of beneficial owners against double funding and conflicts of interest.
        OwnershipCheck = "ownership_check",
        /// The person has asked (GDPR Art. 15 to 22).
        DataSubjectRequest = "data_subject_request",
        /// Legal claims are made or defended.
        LegalClaims = "legal_claims",
    }
    /// Why everything of a person leaves the installation.
    ExportGround {
        /// The person has asked (GDPR Art. 15 and 20).
        DataSubjectRequest = "data_subject_request",
        /// The supervisory authority has asked (GDPR Art. 58).
        SupervisoryAuthority = "supervisory_authority",
        /// Legal claims are made or defended.
        LegalClaims = "legal_claims",
    }
    /// Why something may not be erased before a day.
    RetentionGround {
        /// Documents of the fund: five years from the end of the year of the last payment (CPR Art. 82).
        EsfDocuments = "esf_documents",
        /// Books and vouchers (§ 147 AO, § 257 HGB).
        Accounting = "accounting",
        /// What the grant decision demands.
        GrantDecision = "grant_decision",
        /// Limitation of claims from employment.
        Employment = "employment",
        /// What the provider's concept demands for files of child protection.
        ChildProtection = "child_protection",
    }
    /// Why nothing may be erased until it is said that it may.
    HoldGround {
        /// An audit is going on.
        Audit = "audit",
        /// An irregularity is being looked into.
        Irregularity = "irregularity",
        /// Legal claims are made or defended.
        LegalClaims = "legal_claims",
        /// A court has ordered it.
        CourtOrder = "court_order",
        /// The supervisory authority has ordered it.
        SupervisoryAuthority = "supervisory_authority",
    }
    /// Why what is known of a person may not be used for the time being (GDPR Art. 18(1)).
    RestrictionGround {
        /// The person says that it is wrong (a).
        AccuracyContested = "accuracy_contested",
        /// It is unlawful, and the person does not want it erased (b).
        Unlawful = "unlawful",
        /// The person needs it for legal claims (c).
        NeededForClaims = "needed_for_claims",
        /// The person has objected (d).
        ObjectionPending = "objection_pending",
    }
    /// Why something is to be erased (GDPR Art. 17(1)).
    ErasureGround {
        /// It is no longer needed (a).
        NoLongerNeeded = "no_longer_needed",
        /// Consent was withdrawn (b).
        ConsentWithdrawn = "consent_withdrawn",
        /// The person has objected (c).
        Objection = "objection",
        /// It is unlawful (d).
        Unlawful = "unlawful",
        /// The law demands it (e).
        LegalDuty = "legal_duty",
        /// The time of retention has ended.
        RetentionEnded = "retention_ended",
    }
    /// Why something is not erased (GDPR Art. 17(3) and what is set here).
    RefusalGround {
        /// A retention lock stands.
        RetentionLock = "retention_lock",
        /// A legal hold stands.
        LegalHold = "legal_hold",
        /// Processing is restricted instead: the person does not want it erased, or needs it for claims
        /// (Art. 18(1)(b), (c)).
        Restriction = "restriction",
        /// The law demands that it is kept (b).
        LegalDuty = "legal_duty",
        /// Archiving in the public interest, research or statistics (d).
        ArchivingStatistics = "archiving_statistics",
        /// Legal claims (e).
        LegalClaims = "legal_claims",
        /// No ground of Art. 17(1) is given, or whoever asks is not the person.
        Unfounded = "unfounded",
    }
}

impl PersonKind {
    /// Under which keys something of somebody of this kind may lie.
    pub const fn purposes(self) -> &'static [Purpose] {
        match self {
            Self::Participant | Self::Pupil => &[Purpose::Identity, Purpose::Statistics, Purpose::SpecialCategory],
            Self::Staff => &[Purpose::Actor, Purpose::SpecialCategory],
            Self::BeneficialOwner | Self::TrainingParticipant => &[Purpose::Identity],
        }
    }

    /// Under which key it is sealed who somebody of this kind is. For a pupil, whose name is not
    /// here, the key of the notes.
    pub const fn identity(self) -> Purpose {
        match self {
            Self::Staff => Purpose::Actor,
            Self::Participant | Self::Pupil | Self::BeneficialOwner | Self::TrainingParticipant => Purpose::Identity,
        }
    }
}
