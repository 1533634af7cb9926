//! What was done at a school: fifteen kinds of work and what each must carry (`domain.md` 5.2).
//!
//! Everything is a closed code or a count. Absent on purpose: free text and single pupils.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::measure::{Parties, People, Sessions};
use crate::vocabulary::Set;
use crate::{Headcount, vocabulary};

vocabulary! {
    /// What kind of work it is (`domain.md` 5.2).
    Kind {
        /// Crisis intervention.
        Crisis = "crisis",
        /// Mediation.
        Mediation = "mediation",
        /// Preventive measure.
        Prevention = "prevention",
        /// Work on the learning climate.
        LearningClimate = "learning_climate",
        /// Social learning in groups.
        SocialLearning = "social_learning",
        /// Pupils take part and decide.
        Participation = "participation",
        /// Opening the school to its social space.
        SocialSpace = "social_space",
        /// Advice to pedagogical staff.
        StaffAdvice = "staff_advice",
        /// Support of guardians.
        GuardianSupport = "guardian_support",
        /// Committee work.
        Committee = "committee",
        /// Networking.
        Networking = "networking",
        /// Preparation: indirect.
        Preparation = "preparation",
        /// Documentation: indirect.
        Documentation = "documentation",
        /// Travel: indirect.
        Travel = "travel",
        /// A training attended: indirect.
        TrainingAttended = "training_attended",
    }
    /// What the work was about.
    Topic {
        /// Conflict between pupils.
        Conflict = "conflict",
        /// Violence.
        Violence = "violence",
        /// Bullying, also online.
        Bullying = "bullying",
        /// Addiction.
        Addiction = "addiction",
        /// School absenteeism.
        Absenteeism = "absenteeism",
        /// Learning and achievement.
        Learning = "learning",
        /// Behaviour in class.
        Behaviour = "behaviour",
        /// Family.
        Family = "family",
        /// Health and mental strain.
        Health = "health",
        /// Grief and loss.
        Grief = "grief",
        /// Sexuality and relationships.
        Sexuality = "sexuality",
        /// Discrimination and extremism.
        Discrimination = "discrimination",
        /// Flight and migration.
        Migration = "migration",
        /// Inclusion.
        Inclusion = "inclusion",
        /// Digital media.
        Media = "media",
        /// Transition between schools and into work.
        Transition = "transition",
        /// Money, housing and entitlements.
        LivingConditions = "living_conditions",
        /// Another topic.
        Other = "other",
    }
    /// How soon somebody had to act.
    Urgency {
        /// At once.
        Immediate = "immediate",
        /// On the same day.
        SameDay = "same_day",
        /// Within days.
        WithinDays = "within_days",
    }
    /// Who else was involved, by role.
    Involved {
        /// Pupils.
        Pupils = "pupils",
        /// Teachers.
        Teachers = "teachers",
        /// School leaders.
        SchoolLeaders = "school_leaders",
        /// Guardians.
        Guardians = "guardians",
        /// Youth office.
        YouthOffice = "youth_office",
        /// School psychology.
        SchoolPsychology = "school_psychology",
        /// Police.
        Police = "police",
        /// Health services.
        HealthServices = "health_services",
        /// Counselling services.
        Counselling = "counselling",
    }
    /// How a crisis intervention ended.
    CrisisResult {
        /// Calm again.
        Stabilised = "stabilised",
        /// Goes on as longer support.
        SupportContinues = "support_continues",
        /// Passed on to a service.
        Referred = "referred",
        /// Not solved.
        Unresolved = "unresolved",
    }
    /// How a mediation ended.
    MediationResult {
        /// The parties agreed.
        Agreed = "agreed",
        /// They agreed on part of it.
        PartlyAgreed = "partly_agreed",
        /// They did not agree.
        NotAgreed = "not_agreed",
        /// It was broken off.
        BrokenOff = "broken_off",
    }
    /// Classes by level.
    ClassLevels {
        /// Classes 1 and 2.
        From1To2 = "1-2",
        /// Classes 3 and 4.
        From3To4 = "3-4",
        /// Classes 5 and 6.
        From5To6 = "5-6",
        /// Classes 7 and 8.
        From7To8 = "7-8",
        /// Classes 9 and 10.
        From9To10 = "9-10",
        /// Classes 11 to 13.
        From11To13 = "11-13",
        /// Vocational classes.
        Vocational = "vocational",
        /// Several bands.
        Mixed = "mixed",
    }
    /// Whether work on the climate reaches a class or the school.
    Reach {
        /// One class.
        Class = "class",
        /// A year group.
        YearGroup = "year_group",
        /// The whole school.
        School = "school",
    }
    /// How the climate was worked on.
    ClimateMethod {
        /// Class council.
        ClassCouncil = "class_council",
        /// Team day of a class.
        TeamDay = "team_day",
        /// Rules and rituals.
        Rules = "rules",
        /// Survey of the climate.
        Survey = "survey",
        /// School development.
        SchoolDevelopment = "school_development",
        /// Accompanying lessons.
        ClassAccompaniment = "class_accompaniment",
    }
    /// Which group learned socially.
    GroupKind {
        /// A whole class.
        Class = "class",
        /// A fixed small group.
        SmallGroup = "small_group",
        /// A training group.
        TrainingGroup = "training_group",
        /// Open to all.
        Open = "open",
        /// A working group in the afternoon.
        AfternoonGroup = "afternoon_group",
    }
    /// How pupils took part.
    ParticipationForm {
        /// Class council.
        ClassCouncil = "class_council",
        /// Pupils' council.
        PupilsCouncil = "pupils_council",
        /// Open offer.
        OpenOffer = "open_offer",
        /// Project group.
        ProjectGroup = "project_group",
    }
    /// What came of participation.
    ParticipationResult {
        /// A decision of the pupils.
        Decision = "decision",
        /// A proposal to the school.
        Proposal = "proposal",
        /// An event or product.
        Product = "product",
        /// An exchange without a result.
        Exchange = "exchange",
    }
    /// Who from outside took part.
    Partner {
        /// Sports or other associations.
        Association = "association",
        /// Youth club.
        YouthClub = "youth_club",
        /// Youth office.
        YouthOffice = "youth_office",
        /// Counselling service.
        Counselling = "counselling",
        /// Health service.
        HealthService = "health_service",
        /// Police.
        Police = "police",
        /// Company.
        Company = "company",
        /// Employment agency or job centre.
        EmploymentAgency = "employment_agency",
        /// Cultural institution.
        Culture = "culture",
        /// Municipality.
        Municipality = "municipality",
        /// Another school.
        OtherSchool = "other_school",
        /// The network office.
        NetworkOffice = "network_office",
        /// Another provider.
        OtherProvider = "other_provider",
    }
    /// What opened the school.
    SpaceActivity {
        /// A visit outside.
        Visit = "visit",
        /// An event at the school.
        Event = "event",
        /// A joint project.
        JointProject = "joint_project",
        /// A preparing talk.
        Talk = "talk",
    }
    /// How staff were advised.
    AdviceForm {
        /// A talk.
        Talk = "talk",
        /// A case conference (without anything about the case).
        CaseConference = "case_conference",
        /// A team.
        Team = "team",
        /// Accompanying a lesson.
        LessonAccompaniment = "lesson_accompaniment",
    }
    /// Who was advised.
    AdvisedRole {
        /// Teachers.
        Teachers = "teachers",
        /// School leaders.
        SchoolLeaders = "school_leaders",
        /// Pedagogical assistants.
        Assistants = "assistants",
        /// Several.
        Mixed = "mixed",
    }
    /// How guardians were supported.
    GuardianForm {
        /// A talk.
        Talk = "talk",
        /// On the phone or in writing.
        Remote = "remote",
        /// At home.
        HomeVisit = "home_visit",
        /// A parents' evening.
        ParentsEvening = "parents_evening",
        /// Accompanying to an authority or service.
        Accompaniment = "accompaniment",
    }
    /// Which body met.
    Body {
        /// School conference.
        SchoolConference = "school_conference",
        /// Steering group of the school.
        SteeringGroup = "steering_group",
        /// Class or teachers' conference.
        TeachersConference = "teachers_conference",
        /// Parents' council.
        ParentsCouncil = "parents_council",
        /// Working group of the district.
        WorkingGroup = "working_group",
        /// Youth welfare committee.
        YouthWelfareCommittee = "youth_welfare_committee",
    }
    /// In which role one sat there.
    BodyRole {
        /// Member.
        Member = "member",
        /// Chair.
        Chair = "chair",
        /// Guest.
        Guest = "guest",
    }
}

/// What was done, with what each kind must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Work {
    /// Crisis intervention.
    Crisis {
        /// What it was about.
        topic: Topic,
        /// How soon somebody had to act.
        urgency: Urgency,
        /// Who else was involved.
        involved: Set<Involved>,
        /// How it ended.
        result: CrisisResult,
    },
    /// Mediation between at least two parties.
    Mediation {
        /// How many parties.
        parties: Parties,
        /// How it ended.
        result: MediationResult,
    },
    /// Preventive measure.
    Prevention {
        /// What it was about.
        topic: Topic,
        /// For which classes.
        levels: ClassLevels,
        /// How many sittings.
        sessions: Sessions,
        /// Pupils reached, at least one.
        headcount: Headcount,
    },
    /// Work on the learning climate.
    LearningClimate {
        /// How far it reaches.
        reach: Reach,
        /// How.
        method: ClimateMethod,
    },
    /// Social learning in groups.
    SocialLearning {
        /// Which group.
        group: GroupKind,
        /// How many sittings.
        sessions: Sessions,
        /// Pupils reached, at least one.
        headcount: Headcount,
    },
    /// Pupils take part and decide.
    Participation {
        /// How.
        form: ParticipationForm,
        /// Pupils who took part, at least one.
        headcount: Headcount,
        /// What came of it.
        result: ParticipationResult,
    },
    /// Opening the school to its social space.
    SocialSpace {
        /// With whom, at least one.
        partners: Set<Partner>,
        /// What was done.
        activity: SpaceActivity,
        /// Pupils who took part, perhaps none.
        headcount: Headcount,
    },
    /// Advice to pedagogical staff.
    StaffAdvice {
        /// How.
        form: AdviceForm,
        /// Whom.
        advised: AdvisedRole,
        /// About what.
        topic: Topic,
        /// How many persons, at least one.
        persons: People,
    },
    /// Support of guardians.
    GuardianSupport {
        /// How.
        form: GuardianForm,
        /// About what.
        topic: Topic,
        /// How many persons, at least one.
        persons: People,
    },
    /// Committee work.
    Committee {
        /// Which body.
        body: Body,
        /// In which role.
        role: BodyRole,
        /// How many decisions it took, perhaps none.
        decisions: People,
    },
    /// Networking.
    Networking {
        /// With whom, at least one.
        partners: Set<Partner>,
    },
    /// Preparation.
    Preparation {},
    /// Documentation.
    Documentation {},
    /// Travel.
    Travel {},
    /// A training attended.
    TrainingAttended {},
}

/// Why a piece of work is not complete. What the types can say already, they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incomplete {
    /// It must reach at least one person.
    NobodyReached,
    /// It must have at least one partner.
    NoPartner,
}

impl Work {
    /// What kind of work it is.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Crisis { .. } => Kind::Crisis,
            Self::Mediation { .. } => Kind::Mediation,
            Self::Prevention { .. } => Kind::Prevention,
            Self::LearningClimate { .. } => Kind::LearningClimate,
            Self::SocialLearning { .. } => Kind::SocialLearning,
            Self::Participation { .. } => Kind::Participation,
            Self::SocialSpace { .. } => Kind::SocialSpace,
            Self::StaffAdvice { .. } => Kind::StaffAdvice,
            Self::GuardianSupport { .. } => Kind::GuardianSupport,
            Self::Committee { .. } => Kind::Committee,
            Self::Networking { .. } => Kind::Networking,
            Self::Preparation {} => Kind::Preparation,
            Self::Documentation {} => Kind::Documentation,
            Self::Travel {} => Kind::Travel,
            Self::TrainingAttended {} => Kind::TrainingAttended,
        }
    }

    /// The pupils reached, where the kind counts them by gender; else nobody.
    pub fn headcount(&self) -> Headcount {
        match self {
            Self::Prevention { headcount, .. }
            | Self::SocialLearning { headcount, .. }
            | Self::Participation { headcount, .. }
            | Self::SocialSpace { headcount, .. } => *headcount,
            _ => Headcount::default(),
        }
    }

    /// Whether it carries whom or with whom a work of its kind must.
    pub fn check(&self) -> Result<(), Incomplete> {
        let (somebody, partner) = match self {
            Self::Prevention { headcount, .. }
            | Self::SocialLearning { headcount, .. }
            | Self::Participation { headcount, .. } => (headcount.total() > 0, true),
            Self::StaffAdvice { persons, .. } | Self::GuardianSupport { persons, .. } => (persons.get() > 0, true),
            Self::SocialSpace { partners, .. } | Self::Networking { partners } => (true, !partners.is_empty()),
            Self::Crisis { .. }
            | Self::Mediation { .. }
            | Self::LearningClimate { .. }
            | Self::Committee { .. }
            | Self::Preparation {}
            | Self::Documentation {}
            | Self::Travel {}
            | Self::TrainingAttended {} => (true, true),
        };
        match (somebody, partner) {
            (false, _) => Err(Incomplete::NobodyReached),
            (_, false) => Err(Incomplete::NoPartner),
            (true, true) => Ok(()),
        }
    }

    /// Whether it reaches people and is not preparation, documentation, travel or one's training.
    pub const fn is_direct(&self) -> bool {
        self.kind().is_direct()
    }
}

impl Kind {
    /// Whether work of this kind reaches people and is not preparation, documentation, travel or
    /// one's own training.
    pub const fn is_direct(self) -> bool {
        !matches!(self, Self::Preparation | Self::Documentation | Self::Travel | Self::TrainingAttended)
    }
}
