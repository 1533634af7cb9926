//! The closed vocabularies of what is sealed.

use crate::vocabulary;

vocabulary! {
    /// Why somebody is absent; of health and family, so a special category.
    AbsenceGround {
        /// Illness.
        Illness = "illness",
        /// A sick child.
        ChildIllness = "child_illness",
        /// Maternity protection.
        Maternity = "maternity",
        /// Parental leave.
        ParentalLeave = "parental_leave",
        /// Leave.
        Leave = "leave",
        /// Further training.
        Training = "training",
        /// Anything else.
        Other = "other",
    }

    /// Gender as the ESF+ counts it (Regulation (EU) 2021/1057, Annex I).
    Gender {
        /// Female.
        Female = "female",
        /// Male.
        Male = "male",
        /// Non-binary.
        NonBinary = "non_binary",
    }

    /// What a support case is about (`domain.md` 5.2).
    CaseTopic {
        /// Lessons, homework, performance.
        Learning = "learning",
        /// Staying away from school.
        Absenteeism = "absenteeism",
        /// Conflicts with pupils or teachers.
        Conflict = "conflict",
        /// Bullying.
        Bullying = "bullying",
        /// Violence.
        Violence = "violence",
        /// Family.
        Family = "family",
        /// Separation or death.
        Loss = "loss",
        /// Mental health.
        MentalHealth = "mental_health",
        /// Addiction.
        Addiction = "addiction",
        /// Money or housing.
        Livelihood = "livelihood",
        /// Migration and language.
        Migration = "migration",
        /// Disability.
        Disability = "disability",
        /// From school to work.
        Transition = "transition",
        /// Anything else.
        Other = "other",
    }
}
