//! All non-personal work at a school in a school year: recorded, corrected, voided.
//!
//! An intervention is named by the event that recorded it. A wrong kind or day is voided and
//! recorded anew, everything else is corrected; both facts carry what they take back, so that a
//! projection writes a difference without looking anything up. What each kind must carry is
//! `domain.md` 5.2. Absent on purpose: cases, child protection and anything about a single pupil.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::measure::{Parties, People, Sessions};
use crate::school::{self, School};
use crate::staff::{self, Staff, Workplace};
use crate::vocabulary::Set;
use crate::{
    BusinessDate, ClientKey, EventId, Headcount, Minutes, OrganisationId, Place, SchoolId, SchoolYear,
    StaffPseudonym, StreamId, refusals, vocabulary,
};

/// The aggregate.
pub struct Intervention;

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

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Records work at a school on the business date.
    RecordIntervention {
        /// School.
        school: SchoolId,
        /// Who worked.
        staff: StaffPseudonym,
        /// In which assignment.
        assignment: ClientKey,
        /// How long.
        minutes: Minutes,
        /// What was done.
        work: Work,
    },
    /// Corrects minutes or particulars; kind and day stay.
    CorrectIntervention {
        /// School.
        school: SchoolId,
        /// School year of the recorded day.
        school_year: SchoolYear,
        /// The event that recorded it.
        intervention: EventId,
        /// How long it really was.
        minutes: Minutes,
        /// What was really done; of the same kind.
        work: Work,
    },
    /// Takes a recording back.
    VoidIntervention {
        /// School.
        school: SchoolId,
        /// School year of the recorded day.
        school_year: SchoolYear,
        /// The event that recorded it.
        intervention: EventId,
    },
}

/// What a correction takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Minutes as they stood.
    pub minutes: Minutes,
    /// Pupils reached as they stood.
    pub headcount: Headcount,
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// Somebody worked at the school on the business date.
    #[serde(rename = "intervention.recorded.v1")]
    Recorded {
        /// Who worked.
        staff: StaffPseudonym,
        /// In which assignment.
        assignment: ClientKey,
        /// How long.
        minutes: Minutes,
        /// What was done.
        work: Work,
    },
    /// It was otherwise: the figures of `day` change by the difference.
    #[serde(rename = "intervention.corrected.v1")]
    Corrected {
        /// The event that recorded it.
        intervention: EventId,
        /// The recorded day.
        day: BusinessDate,
        /// How long it really was.
        minutes: Minutes,
        /// What was really done.
        work: Work,
        /// What stood there before.
        before: Before,
    },
    /// It was not: the figures of `day` lose what stood there.
    #[serde(rename = "intervention.voided.v1")]
    Voided {
        /// The event that recorded it.
        intervention: EventId,
        /// The recorded day.
        day: BusinessDate,
        /// The recorded kind.
        kind: Kind,
        /// Minutes as they stood.
        minutes: Minutes,
        /// Pupils reached as they stood.
        headcount: Headcount,
    },
}

refusals! {
    SchoolNotOpen => "INT-01", Rule, "/data/school", "Die Schule besteht an diesem Tag nicht.", "The school does not exist on that day.";
    UnknownAssignment => "INT-02", Rule, "/data/assignment", "Diesen Einsatz gibt es an dieser Schule nicht.", "There is no such assignment at this school.";
    NotAssignedThen => "INT-03", Rule, "/occurred_on", "Der Einsatz gilt an diesem Tag nicht.", "The assignment does not hold on that day.";
    TooManyMinutes => "INT-04", Rule, "/data/minutes", "An einem Tag sind für eine Person an einer Schule höchstens zehn Stunden und Pausen möglich.", "One person cannot work more than ten hours and breaks at one school on one day.";
    NobodyReached => "INT-05", Invalid, "/data/work", "Diese Art von Arbeit erreicht mindestens eine Person.", "Work of this kind reaches at least one person.";
    NoPartner => "INT-06", Invalid, "/data/work", "Diese Art von Arbeit hat mindestens einen Partner.", "Work of this kind has at least one partner.";
    UnknownIntervention => "INT-07", Missing, "/data/intervention", "Diese Intervention ist an dieser Schule in diesem Schuljahr nicht erfasst.", "This intervention is not recorded at this school in this school year.";
    Voided => "INT-08", Rule, "/data/intervention", "Diese Intervention ist storniert.", "This intervention is voided.";
    OtherKind => "INT-09", Rule, "/data/work", "Die Art der Arbeit wird nicht berichtigt: bitte stornieren und neu erfassen.", "The kind of work is not corrected: void the intervention and record it anew.";
    ReasonMissing => "INT-10", Invalid, "/reason", "Berichtigung und Stornierung brauchen einen Grund.", "Correcting and voiding need a reason.";
    BeforeTheDay => "INT-11", Rule, "/occurred_on", "Das Datum liegt vor dem Tag der Intervention.", "The date lies before the day of the intervention.";
}

/// What decisions about a school's year remember. Cloned on every write and about a thousand
/// entries long, hence sorted lists of small copies: one allocation each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// The school's place without a provider; every event has the same.
    place: Option<Place>,
    /// Responsible providers; entries name them by index.
    providers: Vec<OrganisationId>,
    /// Interventions sorted by identity, which grows with time.
    entries: Vec<Entry>,
    /// Minutes by day and person, sorted.
    days: Vec<((BusinessDate, StaffPseudonym), u32)>,
}

/// An intervention as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    id: EventId,
    staff: StaffPseudonym,
    day: BusinessDate,
    minutes: Minutes,
    work: Work,
    /// Index of the provider; `None` if the event had none.
    provider: Option<u16>,
    voided: bool,
}

impl State {
    /// How many interventions stand.
    pub fn standing(&self) -> usize {
        self.entries.iter().filter(|entry| !entry.voided).count()
    }

    fn entry(&self, id: &EventId) -> Option<&Entry> {
        let index = self.entries.binary_search_by_key(id, |entry| entry.id).ok()?;
        self.entries.get(index)
    }

    /// The minutes of one person on one day.
    fn minutes_of(&self, day: BusinessDate, staff: StaffPseudonym) -> u32 {
        let found = self.days.binary_search_by_key(&(day, staff), |(key, _)| *key).ok();
        found.and_then(|index| self.days.get(index)).map_or(0, |(_, minutes)| *minutes)
    }

    /// Sets the minutes of one person on one day to what they are without `less` and with `more`.
    fn move_minutes(&mut self, day: BusinessDate, staff: StaffPseudonym, less: u32, more: u32) {
        match self.days.binary_search_by_key(&(day, staff), |(key, _)| *key) {
            Ok(index) => {
                if let Some((_, minutes)) = self.days.get_mut(index) {
                    *minutes = (*minutes + more).saturating_sub(less);
                }
            }
            Err(index) => self.days.insert(index, ((day, staff), more)),
        }
    }

    fn provider_index(&mut self, provider: Option<&OrganisationId>) -> Option<u16> {
        let provider = provider?;
        let known = self.providers.iter().position(|other| other == provider);
        let index = known.unwrap_or(self.providers.len());
        if known.is_none() {
            self.providers.push(provider.clone());
        }
        u16::try_from(index).ok()
    }

    fn place_of(&self, entry: &Entry) -> Option<Place> {
        let place = self.place.clone()?;
        let provider = entry.provider.and_then(|index| self.providers.get(usize::from(index)));
        Some(match provider {
            Some(provider) => place.of_provider(provider.clone()),
            None => place,
        })
    }
}

/// The stream of a school's year.
pub fn stream(school: &SchoolId, year: SchoolYear) -> StreamId {
    StreamId::new("intervention", format_args!("{school}/{}", year.slug()))
}

impl Decider for Intervention {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, facts: &Facts<'_>) -> StreamId {
        match command {
            Command::RecordIntervention { school, .. } => stream(school, SchoolYear::of(facts.occurred_on)),
            Command::CorrectIntervention { school, school_year, .. }
            | Command::VoidIntervention { school, school_year, .. } => stream(school, *school_year),
        }
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::RecordIntervention { school, staff, .. } => {
                vec![school::stream(school), staff::stream(staff)]
            }
            // The assignment was checked when the work was recorded; day and person stay.
            Command::CorrectIntervention { .. } | Command::VoidIntervention { .. } => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match command {
            Command::RecordIntervention { school, staff, assignment, .. } => {
                let known = facts.other::<School>(&school::stream(school))?.known()?;
                let place = known.place.clone();
                let staff = facts.other::<Staff>(&staff::stream(staff));
                let assignment = staff.and_then(|staff| staff.assignment(assignment));
                Some(match assignment.map(|assignment| &assignment.workplace) {
                    Some(Workplace::School { school: at, provider }) if at == school => {
                        place.of_provider(provider.clone())
                    }
                    _ => place,
                })
            }
            Command::CorrectIntervention { intervention, .. } | Command::VoidIntervention { intervention, .. } => {
                state.place_of(state.entry(intervention)?)
            }
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        match command {
            Command::RecordIntervention { school, staff, assignment, minutes, work } => {
                facts
                    .other::<School>(&school::stream(school))
                    .and_then(|state| state.open_on(facts.occurred_on))
                    .ok_or(Refusal::SchoolNotOpen)?;
                let at_school = |workplace: &Workplace| {
                    matches!(workplace, Workplace::School { school: at, .. } if at == school)
                };
                let assigned = facts
                    .other::<Staff>(&staff::stream(staff))
                    .and_then(|staff| staff.assignment(assignment))
                    .filter(|assignment| at_school(&assignment.workplace))
                    .ok_or(Refusal::UnknownAssignment)?;
                if !assigned.active_on(facts.occurred_on) {
                    return Err(Refusal::NotAssignedThen);
                }
                check_work(work)?;
                check_day(state.minutes_of(facts.occurred_on, *staff), *minutes, facts)?;
                Ok(vec![Event::Recorded {
                    staff: *staff,
                    assignment: *assignment,
                    minutes: *minutes,
                    work: *work,
                }])
            }
            Command::CorrectIntervention { intervention, minutes, work, .. } => {
                let entry = standing(state, intervention, facts)?;
                if entry.voided {
                    return Err(Refusal::Voided);
                }
                if entry.work.kind() != work.kind() {
                    return Err(Refusal::OtherKind);
                }
                // The same again is a retry, not a mistake: nothing more happens.
                if entry.minutes == *minutes && entry.work == *work {
                    return Ok(Vec::new());
                }
                check_work(work)?;
                let others = state.minutes_of(entry.day, entry.staff) - entry.minutes.get();
                check_day(others, *minutes, facts)?;
                Ok(vec![Event::Corrected {
                    intervention: *intervention,
                    day: entry.day,
                    minutes: *minutes,
                    work: *work,
                    before: Before { minutes: entry.minutes, headcount: entry.work.headcount() },
                }])
            }
            Command::VoidIntervention { intervention, .. } => {
                let entry = standing(state, intervention, facts)?;
                if entry.voided {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::Voided {
                    intervention: *intervention,
                    day: entry.day,
                    kind: entry.work.kind(),
                    minutes: entry.minutes,
                    headcount: entry.work.headcount(),
                }])
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match event {
            Event::Recorded { staff, minutes, work, .. } => {
                if state.place.is_none() {
                    state.place = Some(Place { provider: None, ..fact.place.clone() });
                }
                let provider = state.provider_index(fact.place.provider.as_ref());
                let entry = Entry {
                    id: fact.id,
                    staff: *staff,
                    day: fact.occurred_on,
                    minutes: *minutes,
                    work: *work,
                    provider,
                    voided: false,
                };
                let index = state.entries.partition_point(|other| other.id < entry.id);
                state.entries.insert(index, entry);
                state.move_minutes(entry.day, *staff, 0, minutes.get());
            }
            Event::Corrected { intervention, minutes, work, .. } => {
                if let Some((entry, staff)) = state.change(intervention) {
                    let (day, before) = (entry.day, entry.minutes);
                    entry.minutes = *minutes;
                    entry.work = *work;
                    state.move_minutes(day, staff, before.get(), minutes.get());
                }
            }
            Event::Voided { intervention, .. } => {
                if let Some((entry, staff)) = state.change(intervention) {
                    let (day, before) = (entry.day, entry.minutes);
                    entry.voided = true;
                    state.move_minutes(day, staff, before.get(), 0);
                }
            }
        }
    }

    fn corrects(event: &Event) -> Option<EventId> {
        match event {
            Event::Recorded { .. } => None,
            Event::Corrected { intervention, .. } | Event::Voided { intervention, .. } => Some(*intervention),
        }
    }
}

impl State {
    fn change(&mut self, id: &EventId) -> Option<(&mut Entry, StaffPseudonym)> {
        let index = self.entries.binary_search_by_key(id, |entry| entry.id).ok()?;
        let entry = self.entries.get_mut(index)?;
        let staff = entry.staff;
        Some((entry, staff))
    }
}

/// The intervention that is to be corrected or voided, once the envelope allows that.
fn standing<'a>(state: &'a State, intervention: &EventId, facts: &Facts<'_>) -> Result<&'a Entry, Refusal> {
    let entry = state.entry(intervention).ok_or(Refusal::UnknownIntervention)?;
    if facts.reason.is_none() {
        return Err(Refusal::ReasonMissing);
    }
    if facts.occurred_on < entry.day {
        return Err(Refusal::BeforeTheDay);
    }
    Ok(entry)
}

/// Whether the kind carries whom or with whom it must.
fn check_work(work: &Work) -> Result<(), Refusal> {
    let (somebody, partner) = match work {
        Work::Prevention { headcount, .. }
        | Work::SocialLearning { headcount, .. }
        | Work::Participation { headcount, .. } => (headcount.total() > 0, true),
        Work::StaffAdvice { persons, .. } | Work::GuardianSupport { persons, .. } => (persons.get() > 0, true),
        Work::SocialSpace { partners, .. } | Work::Networking { partners } => (true, !partners.is_empty()),
        Work::Crisis { .. }
        | Work::Mediation { .. }
        | Work::LearningClimate { .. }
        | Work::Committee { .. }
        | Work::Preparation {}
        | Work::Documentation {}
        | Work::Travel {}
        | Work::TrainingAttended {} => (true, true),
    };
    match (somebody, partner) {
        (false, _) => Err(Refusal::NobodyReached),
        (_, false) => Err(Refusal::NoPartner),
        (true, true) => Ok(()),
    }
}

/// Whether that many minutes fit into the day beside the others.
fn check_day(others: u32, minutes: Minutes, facts: &Facts<'_>) -> Result<(), Refusal> {
    if others + minutes.get() > facts.reference.max_minutes_per_day {
        return Err(Refusal::TooManyMinutes);
    }
    Ok(())
}
