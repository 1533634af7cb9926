//! The cooperation of a school and a provider: proposed, resolved, agreed, reviewed, ended.
//!
//! At most one agreement is in force on a day. A negative resolution of the school conference
//! stands in the way of an agreement until a later one is affirmative; where none was recorded, an
//! agreement is possible, since older agreements were signed before resolutions were recorded.
//! Absent on purpose: what was said in reviews and issues.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::organisation::{self, Organisation};
use crate::programme::Module;
use crate::school::{self, School};
use crate::vocabulary::Set;
use crate::{BusinessDate, ClientKey, Digest, OrganisationId, Period, Place, SchoolId, StreamId, refusals, vocabulary};

/// The aggregate.
pub struct Cooperation;

vocabulary! {
    /// What the school conference resolved.
    Resolution {
        /// For the cooperation.
        Affirmative = "affirmative",
        /// Against it.
        Negative = "negative",
    }
    /// Who gave an expert opinion.
    OpinionBy {
        /// The school authority.
        SchoolAuthority = "school_authority",
        /// The state school office (Landesschulamt).
        StateSchoolOffice = "state_school_office",
        /// The youth office.
        YouthOffice = "youth_office",
    }
    /// What the opinion says.
    Opinion {
        /// In favour.
        InFavour = "in_favour",
        /// In favour under conditions.
        Conditional = "conditional",
        /// Against.
        Against = "against",
    }
    /// What school and provider want to reach together.
    Goal {
        /// Fewer pupils who leave without a certificate.
        FewerDropouts = "fewer_dropouts",
        /// Fewer missed hours.
        LessAbsenteeism = "less_absenteeism",
        /// Better learning climate.
        LearningClimate = "learning_climate",
        /// Social competence.
        SocialCompetence = "social_competence",
        /// Prevention of violence and bullying.
        ViolencePrevention = "violence_prevention",
        /// Prevention of addiction.
        AddictionPrevention = "addiction_prevention",
        /// Pupils take part and decide.
        PupilParticipation = "pupil_participation",
        /// Guardians take part.
        GuardianParticipation = "guardian_participation",
        /// Successful transitions between schools and into work.
        Transition = "transition",
        /// Inclusion.
        Inclusion = "inclusion",
        /// The school opens to its social space.
        SocialSpace = "social_space",
        /// Teachers and social workers work as a team.
        Teamwork = "teamwork",
    }
    /// How far a goal was reached.
    Degree {
        /// Not reached.
        NotReached = "not_reached",
        /// Partly reached.
        Partly = "partly",
        /// Mostly reached.
        Mostly = "mostly",
        /// Reached.
        Reached = "reached",
    }
    /// How often school and provider meet.
    MeetingRhythm {
        /// Every week.
        Weekly = "weekly",
        /// Every second week.
        Fortnightly = "fortnightly",
        /// Every month.
        Monthly = "monthly",
        /// Every quarter.
        Quarterly = "quarterly",
        /// Twice a year.
        HalfYearly = "half_yearly",
    }
    /// What a cooperation can struggle with.
    IssueTopic {
        /// Who does what.
        Roles = "roles",
        /// How information flows.
        Communication = "communication",
        /// Confidentiality and data protection.
        Confidentiality = "confidentiality",
        /// Rooms and equipment.
        Rooms = "rooms",
        /// Working time and absence.
        WorkingTime = "working_time",
        /// Money.
        Funding = "funding",
        /// Different concepts.
        Concept = "concept",
    }
}

/// Who has signed. Both must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedBy {
    /// The school.
    pub school: bool,
    /// The provider.
    pub provider: bool,
}

/// How far one goal was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoalDegree {
    /// The goal.
    pub goal: Goal,
    /// How far it was reached.
    pub degree: Degree,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Proposes that a provider works at a school.
    ProposeCooperation {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// The youth office that takes part, if any.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        youth_office: Option<OrganisationId>,
        /// The school authority that takes part, if any.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        school_authority: Option<OrganisationId>,
        /// The concept.
        concept: Digest,
    },
    /// Records what the school conference resolved.
    RecordConferenceResolution {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// Day of the conference.
        held_on: BusinessDate,
        /// What it resolved.
        result: Resolution,
    },
    /// Records an expert opinion.
    RecordExpertOpinion {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// Who gave it.
        by: OpinionBy,
        /// What it says.
        result: Opinion,
    },
    /// Records the signed agreement.
    SignCooperationAgreement {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// Its days.
        period: Period,
        /// One to ten goals.
        goals: Set<Goal>,
        /// How often both meet.
        meeting_rhythm: MeetingRhythm,
        /// Whether it says how data are protected. It must.
        data_protection_clause: bool,
        /// Who has signed. Both must have.
        signed_by: SignedBy,
        /// The agreement.
        document: Digest,
    },
    /// Changes days or goals of the latest agreement.
    AmendCooperationAgreement {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// Its days from now on, if they change.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        period: Option<Period>,
        /// One to ten goals, if they change.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        goals: Option<Set<Goal>>,
        /// The amendment.
        document: Digest,
    },
    /// Records a review of the agreement's goals.
    HoldCooperationReview {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// Day of the review.
        held_on: BusinessDate,
        /// How far goals were reached; each at most once, all from the agreement.
        #[schemars(length(min = 1, max = 10))]
        goals: Vec<GoalDegree>,
    },
    /// Raises an issue in the cooperation.
    RaiseCooperationIssue {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// The issue's key.
        issue: ClientKey,
        /// What it is about.
        topic: IssueTopic,
    },
    /// Resolves an issue.
    ResolveCooperationIssue {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// The issue's key.
        issue: ClientKey,
    },
    /// Ends the cooperation: from a day on there is no agreement any more.
    TerminateCooperation {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// First day without an agreement.
        on: BusinessDate,
    },
}

impl Command {
    /// The school and the provider that the command names.
    const fn parties(&self) -> (&SchoolId, &OrganisationId) {
        match self {
            Self::ProposeCooperation { school, provider, .. }
            | Self::RecordConferenceResolution { school, provider, .. }
            | Self::RecordExpertOpinion { school, provider, .. }
            | Self::SignCooperationAgreement { school, provider, .. }
            | Self::AmendCooperationAgreement { school, provider, .. }
            | Self::HoldCooperationReview { school, provider, .. }
            | Self::RaiseCooperationIssue { school, provider, .. }
            | Self::ResolveCooperationIssue { school, provider, .. }
            | Self::TerminateCooperation { school, provider, .. } => (school, provider),
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it. School
/// and provider stand in the event's place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// A provider is to work at a school.
    #[serde(rename = "cooperation.proposed.v1")]
    Proposed {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// The youth office that takes part, if any.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        youth_office: Option<OrganisationId>,
        /// The school authority that takes part, if any.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        school_authority: Option<OrganisationId>,
        /// The concept.
        concept: Digest,
    },
    /// The school conference has resolved.
    #[serde(rename = "cooperation.conference-resolution-recorded.v1")]
    ConferenceResolutionRecorded {
        /// Day of the conference.
        held_on: BusinessDate,
        /// What it resolved.
        result: Resolution,
    },
    /// Somebody gave an expert opinion.
    #[serde(rename = "cooperation.expert-opinion-recorded.v1")]
    ExpertOpinionRecorded {
        /// Who gave it.
        by: OpinionBy,
        /// What it says.
        result: Opinion,
    },
    /// Both have signed.
    #[serde(rename = "cooperation.agreement-signed.v1")]
    AgreementSigned {
        /// Its days.
        period: Period,
        /// Its goals.
        goals: Set<Goal>,
        /// How often both meet.
        meeting_rhythm: MeetingRhythm,
        /// The agreement.
        document: Digest,
    },
    /// Days or goals of the latest agreement changed.
    #[serde(rename = "cooperation.agreement-amended.v1")]
    AgreementAmended {
        /// Its days before.
        before: Period,
        /// Its days now.
        period: Period,
        /// Its goals now.
        goals: Set<Goal>,
        /// The amendment.
        document: Digest,
    },
    /// Goals were reviewed.
    #[serde(rename = "cooperation.review-held.v1")]
    ReviewHeld {
        /// Day of the review.
        held_on: BusinessDate,
        /// How far goals were reached.
        #[schemars(length(min = 1, max = 10))]
        goals: Vec<GoalDegree>,
    },
    /// An issue was raised.
    #[serde(rename = "cooperation.issue-raised.v1")]
    IssueRaised {
        /// The issue's key.
        issue: ClientKey,
        /// What it is about.
        topic: IssueTopic,
    },
    /// An issue was resolved.
    #[serde(rename = "cooperation.issue-resolved.v1")]
    IssueResolved {
        /// The issue's key.
        issue: ClientKey,
    },
    /// From a day on there is no agreement any more.
    #[serde(rename = "cooperation.terminated.v1")]
    Terminated {
        /// First day without an agreement.
        on: BusinessDate,
    },
}

refusals! {
    NotProposed => "COO-01", Missing, "/data/provider", "Schule und Träger haben keine Kooperation.", "School and provider have no cooperation.";
    OtherParticulars => "COO-02", Rule, "/data/school", "Diese Kooperation ist schon mit anderen Angaben vorgeschlagen.", "This cooperation has already been proposed with other particulars.";
    SchoolNotOpen => "COO-03", Rule, "/data/school", "Die Schule ist nicht registriert oder besteht nicht mehr.", "The school is not registered or no longer exists.";
    ProviderNotActive => "COO-04", Rule, "/data/provider", "Der Träger ist nicht registriert oder nicht mehr beteiligt.", "The provider is not registered or no longer takes part.";
    ProviderNotRecognised => "COO-05", Rule, "/data/provider", "Der Träger ist weder öffentlich noch nach § 75 SGB VIII anerkannt.", "The provider is neither public nor recognised under § 75 SGB VIII.";
    ResolutionNegative => "COO-06", Rule, "/data/school", "Die Gesamtkonferenz hat sich gegen die Kooperation entschieden.", "The school conference has resolved against the cooperation.";
    Unsigned => "COO-07", Invalid, "/data/signed_by", "Schule und Träger müssen beide unterschrieben haben.", "School and provider must both have signed.";
    NoDataProtection => "COO-08", Invalid, "/data/data_protection_clause", "Die Vereinbarung muss den Datenschutz regeln.", "The agreement must say how data are protected.";
    GoalCount => "COO-09", Invalid, "/data/goals", "Eine Vereinbarung hat ein bis zehn Ziele.", "An agreement has one to ten goals.";
    Overlap => "COO-10", Rule, "/data/period", "Für einen Teil dieser Zeit gilt schon eine Vereinbarung.", "An agreement is already in force for part of this time.";
    NoAgreement => "COO-11", Rule, "/data/school", "Es gibt keine Vereinbarung, die dies betreffen könnte.", "There is no agreement that this could concern.";
    NothingAmended => "COO-12", Invalid, "/data/document", "Die Änderung nennt weder neue Tage noch neue Ziele.", "The amendment names neither other days nor other goals.";
    ForeignGoal => "COO-13", Rule, "/data/goals", "Bewertet werden Ziele der Vereinbarung, jedes höchstens einmal.", "Goals under review come from the agreement, each at most once.";
    OtherReview => "COO-14", Rule, "/data/held_on", "Für diesen Tag ist schon eine andere Bewertung festgehalten.", "Another review is already recorded for this day.";
    HeldLater => "COO-15", Invalid, "/data/held_on", "Der Tag liegt nach dem Datum des Vorgangs.", "The day lies after the business date.";
    OtherIssue => "COO-16", Rule, "/data/issue", "Unter diesem Schlüssel ist schon ein anderes Problem bekannt.", "Another issue is already known under this key.";
    UnknownIssue => "COO-17", Missing, "/data/issue", "Dieses Problem ist nicht bekannt.", "This issue is not known.";
    ReasonMissing => "COO-18", Invalid, "/reason", "Das Ende einer Kooperation braucht einen Grund.", "The end of a cooperation needs a reason.";
    OtherResolution => "COO-19", Rule, "/data/held_on", "Nach diesem Tag ist schon ein späterer Beschluss festgehalten.", "A later resolution is already recorded.";
    EndsTooEarly => "COO-20", Rule, "/data/on", "Das Ende liegt vor einer Vereinbarung, die schon begonnen hat.", "The end lies before an agreement that has already begun.";
}

/// What decisions about a cooperation remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Proposed.
    Known(Box<Known>),
}

/// A cooperation that has at least been proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// As proposed, to recognise a repetition.
    proposed: Event,
    /// The school's place, with the provider.
    pub place: Place,
    /// Last resolution of the school conference.
    resolution: Option<(BusinessDate, Resolution)>,
    opinions: BTreeMap<OpinionBy, Opinion>,
    /// Agreements, none overlapping another.
    agreements: Vec<Agreement>,
    reviews: BTreeMap<BusinessDate, Vec<GoalDegree>>,
    /// Topic and whether it is resolved.
    issues: BTreeMap<ClientKey, (IssueTopic, bool)>,
    /// The last termination.
    terminated_on: Option<BusinessDate>,
}

/// An agreement.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// As signed, to recognise a repetition.
    signed: Event,
    /// The last document about it.
    document: Digest,
    /// Its days.
    pub period: Period,
    /// Its goals.
    pub goals: Set<Goal>,
}

impl State {
    /// The cooperation, if it was proposed.
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// The agreement in force on that day.
    pub fn agreement_on(&self, day: BusinessDate) -> Option<&Agreement> {
        self.known()?.agreements.iter().find(|agreement| agreement.period.contains(day))
    }

    /// Whether an agreement is in force on every day of the period, be it one or several in turn.
    pub fn covers(&self, period: &Period) -> bool {
        let mut day = period.from;
        while day < period.to {
            match self.agreement_on(day) {
                Some(agreement) => day = agreement.period.to,
                None => return false,
            }
        }
        true
    }
}

/// The stream of a cooperation.
pub fn stream(school: &SchoolId, provider: &OrganisationId) -> StreamId {
    StreamId::new("cooperation", format_args!("{school}/{provider}"))
}

impl Decider for Cooperation {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        let (school, provider) = command.parties();
        stream(school, provider)
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::ProposeCooperation { school, provider, .. }
            | Command::SignCooperationAgreement { school, provider, .. } => {
                vec![school::stream(school), organisation::stream(provider)]
            }
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::ProposeCooperation { school, provider, .. }) => {
                let school = facts.other::<School>(&school::stream(school))?.known()?;
                let known = facts.other::<Organisation>(&organisation::stream(provider));
                let known = known.is_some_and(|state| state.known().is_some());
                let place = school.place.clone();
                Some(if known { place.of_provider(provider.clone()) } else { place })
            }
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::ProposeCooperation { school, provider, .. }) => {
                check_parties(school, provider, facts, false)?;
                return Ok(vec![proposed(command)?]);
            }
            (State::Unknown, _) => return Err(Refusal::NotProposed),
            (State::Known(known), _) => known,
        };
        match command {
            // The same again is a retry, not a mistake: nothing more happens.
            Command::ProposeCooperation { .. } if proposed(command)? == known.proposed => Ok(Vec::new()),
            Command::ProposeCooperation { .. } => Err(Refusal::OtherParticulars),
            Command::RecordConferenceResolution { held_on, result, .. } => {
                if facts.occurred_on < *held_on {
                    return Err(Refusal::HeldLater);
                }
                match known.resolution {
                    Some(last) if last == (*held_on, *result) => Ok(Vec::new()),
                    Some((last, _)) if *held_on < last => Err(Refusal::OtherResolution),
                    _ => Ok(vec![Event::ConferenceResolutionRecorded { held_on: *held_on, result: *result }]),
                }
            }
            Command::RecordExpertOpinion { by, result, .. } => {
                if known.opinions.get(by) == Some(result) {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::ExpertOpinionRecorded { by: *by, result: *result }])
            }
            Command::SignCooperationAgreement { .. } => sign(command, known, facts),
            Command::AmendCooperationAgreement { period, goals, document, .. } => {
                amend(known, *period, *goals, document)
            }
            Command::HoldCooperationReview { held_on, goals, .. } => {
                review(state, known, *held_on, goals, facts.occurred_on)
            }
            Command::RaiseCooperationIssue { issue, topic, .. } => match known.issues.get(issue) {
                Some((same, _)) if same == topic => Ok(Vec::new()),
                Some(_) => Err(Refusal::OtherIssue),
                None => Ok(vec![Event::IssueRaised { issue: *issue, topic: *topic }]),
            },
            Command::ResolveCooperationIssue { issue, .. } => match known.issues.get(issue) {
                None => Err(Refusal::UnknownIssue),
                Some((_, true)) => Ok(Vec::new()),
                Some((_, false)) => Ok(vec![Event::IssueResolved { issue: *issue }]),
            },
            Command::TerminateCooperation { on, .. } => {
                if facts.reason.is_none() {
                    return Err(Refusal::ReasonMissing);
                }
                let begun = |agreement: &Agreement| agreement.period.from <= facts.occurred_on;
                if known.agreements.iter().any(|a| begun(a) && *on < a.period.from) {
                    return Err(Refusal::EndsTooEarly);
                }
                if known.agreements.iter().any(|agreement| *on < agreement.period.to) {
                    return Ok(vec![Event::Terminated { on: *on }]);
                }
                if known.terminated_on == Some(*on) { Ok(Vec::new()) } else { Err(Refusal::NoAgreement) }
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Proposed { .. }) => {
                *state = State::Known(Box::new(Known {
                    proposed: event.clone(),
                    place: fact.place.clone(),
                    resolution: None,
                    opinions: BTreeMap::new(),
                    agreements: Vec::new(),
                    reviews: BTreeMap::new(),
                    issues: BTreeMap::new(),
                    terminated_on: None,
                }));
            }
            (State::Known(known), Event::ConferenceResolutionRecorded { held_on, result }) => {
                known.resolution = Some((*held_on, *result));
            }
            (State::Known(known), Event::ExpertOpinionRecorded { by, result }) => {
                known.opinions.insert(*by, *result);
            }
            (State::Known(known), Event::AgreementSigned { period, goals, document, .. }) => {
                known.agreements.push(Agreement {
                    signed: event.clone(),
                    document: document.clone(),
                    period: *period,
                    goals: *goals,
                });
                known.agreements.sort_by_key(|agreement| agreement.period.from);
            }
            (State::Known(known), Event::AgreementAmended { period, goals, document, .. }) => {
                if let Some(last) = known.agreements.last_mut() {
                    last.period = *period;
                    last.goals = *goals;
                    last.document = document.clone();
                }
            }
            (State::Known(known), Event::ReviewHeld { held_on, goals }) => {
                known.reviews.insert(*held_on, goals.clone());
            }
            (State::Known(known), Event::IssueRaised { issue, topic }) => {
                known.issues.insert(*issue, (*topic, false));
            }
            (State::Known(known), Event::IssueResolved { issue }) => {
                if let Some((_, resolved)) = known.issues.get_mut(issue) {
                    *resolved = true;
                }
            }
            (State::Known(known), Event::Terminated { on }) => {
                known.terminated_on = Some(*on);
                known.agreements.retain_mut(|agreement| {
                    match Period::new(agreement.period.from, agreement.period.to.min(*on)) {
                        Ok(left) => {
                            agreement.period = left;
                            true
                        }
                        Err(_) => false,
                    }
                });
            }
            (State::Unknown, _) => {}
        }
    }
}

fn check_parties(
    school: &SchoolId,
    provider: &OrganisationId,
    facts: &Facts<'_>,
    recognised: bool,
) -> Result<(), Refusal> {
    facts
        .other::<School>(&school::stream(school))
        .and_then(|state| state.open_on(facts.occurred_on))
        .ok_or(Refusal::SchoolNotOpen)?;
    let provider = facts
        .other::<Organisation>(&organisation::stream(provider))
        .and_then(|state| state.active_on(facts.occurred_on))
        .ok_or(Refusal::ProviderNotActive)?;
    if recognised && !provider.may_provide(Module::SchoolSocialWork) {
        return Err(Refusal::ProviderNotRecognised);
    }
    Ok(())
}

fn check_goals(goals: Set<Goal>) -> Result<(), Refusal> {
    if (1..=10).contains(&goals.len()) { Ok(()) } else { Err(Refusal::GoalCount) }
}

fn sign(command: &Command, known: &Known, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
    let Command::SignCooperationAgreement {
        school,
        provider,
        period,
        goals,
        meeting_rhythm,
        data_protection_clause,
        signed_by,
        document,
    } = command
    else {
        return Err(Refusal::NotProposed);
    };
    if !(signed_by.school && signed_by.provider) {
        return Err(Refusal::Unsigned);
    }
    if !data_protection_clause {
        return Err(Refusal::NoDataProtection);
    }
    check_goals(*goals)?;
    let signed = Event::AgreementSigned {
        period: *period,
        goals: *goals,
        meeting_rhythm: *meeting_rhythm,
        document: document.clone(),
    };
    if known.agreements.iter().any(|agreement| agreement.signed == signed) {
        return Ok(Vec::new());
    }
    if matches!(known.resolution, Some((_, Resolution::Negative))) {
        return Err(Refusal::ResolutionNegative);
    }
    check_parties(school, provider, facts, true)?;
    if known.agreements.iter().any(|agreement| agreement.period.overlaps(period)) {
        return Err(Refusal::Overlap);
    }
    Ok(vec![signed])
}

fn amend(
    known: &Known,
    period: Option<Period>,
    goals: Option<Set<Goal>>,
    document: &Digest,
) -> Result<Vec<Event>, Refusal> {
    if period.is_none() && goals.is_none() {
        return Err(Refusal::NothingAmended);
    }
    let (last, earlier) = known.agreements.split_last().ok_or(Refusal::NoAgreement)?;
    let (now, goals) = (period.unwrap_or(last.period), goals.unwrap_or(last.goals));
    check_goals(goals)?;
    if now == last.period && goals == last.goals && *document == last.document {
        return Ok(Vec::new());
    }
    if earlier.iter().any(|agreement| now.from < agreement.period.to) {
        return Err(Refusal::Overlap);
    }
    Ok(vec![Event::AgreementAmended { before: last.period, period: now, goals, document: document.clone() }])
}

fn review(
    state: &State,
    known: &Known,
    held_on: BusinessDate,
    goals: &[GoalDegree],
    occurred_on: BusinessDate,
) -> Result<Vec<Event>, Refusal> {
    if occurred_on < held_on {
        return Err(Refusal::HeldLater);
    }
    let agreement = state.agreement_on(held_on).ok_or(Refusal::NoAgreement)?;
    let distinct: Set<Goal> = goals.iter().map(|reviewed| reviewed.goal).collect();
    let from_agreement = distinct.iter().all(|goal| agreement.goals.contains(goal));
    if goals.is_empty() || distinct.len() as usize != goals.len() || !from_agreement {
        return Err(Refusal::ForeignGoal);
    }
    match known.reviews.get(&held_on) {
        Some(same) if same == goals => Ok(Vec::new()),
        Some(_) => Err(Refusal::OtherReview),
        None => Ok(vec![Event::ReviewHeld { held_on, goals: goals.to_vec() }]),
    }
}

/// The event that a proposal would be.
fn proposed(command: &Command) -> Result<Event, Refusal> {
    match command.clone() {
        Command::ProposeCooperation { school, provider, youth_office, school_authority, concept } => {
            Ok(Event::Proposed { school, provider, youth_office, school_authority, concept })
        }
        _ => Err(Refusal::NotProposed),
    }
}

#[cfg(test)]
mod tests;
