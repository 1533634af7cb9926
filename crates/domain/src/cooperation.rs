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
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decider::Reason;
    use crate::testing::fixtures::{
        agreement_signed, at_school, at_school_of_provider, cooperation_proposed, digest, organisation_id,
        provider_deactivated, provider_recognised, provider_registered, school_closed, school_id, school_registered,
    };
    use crate::testing::{Given, day, given, key, written};

    fn ask(name: &str, more: Value) -> Command {
        let mut body = json!({"school": "S1", "provider": "P1"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        written(name, body)
    }

    fn propose(concept: char) -> Command {
        ask("propose-cooperation", json!({"concept": digest(concept)}))
    }

    fn sign_with(from: &str, to: &str, change: impl FnOnce(&mut Value)) -> Command {
        let mut body = json!({
            "period": {"from": from, "to": to}, "goals": ["fewer_dropouts", "teamwork"], "meeting_rhythm": "monthly",
            "data_protection_clause": true, "signed_by": {"school": true, "provider": true}, "document": digest('A'),
        });
        change(&mut body);
        ask("sign-cooperation-agreement", body)
    }

    fn sign(from: &str, to: &str) -> Command {
        sign_with(from, to, |_| {})
    }

    fn resolve(held_on: &str, result: &str) -> Command {
        ask("record-conference-resolution", json!({"held_on": held_on, "result": result}))
    }

    fn resolved(held_on: &str, result: &str) -> Event {
        written("cooperation.conference-resolution-recorded.v1", json!({"held_on": held_on, "result": result}))
    }

    fn amend(more: Value) -> Command {
        ask("amend-cooperation-agreement", more)
    }

    fn review(held_on: &str, goals: &[&str]) -> Command {
        let goals: Vec<_> = goals.iter().map(|goal| json!({"goal": goal, "degree": "partly"})).collect();
        ask("hold-cooperation-review", json!({"held_on": held_on, "goals": goals}))
    }

    fn terminate(on: &str) -> Command {
        ask("terminate-cooperation", json!({"on": on}))
    }

    fn terminated(on: &str) -> Event {
        written("cooperation.terminated.v1", json!({"on": on}))
    }

    fn with(
        events: impl IntoIterator<Item = Event>,
        school: Vec<school::Event>,
        provider: Vec<organisation::Event>,
    ) -> Given<Cooperation> {
        given::<Cooperation>(events)
            .at(at_school_of_provider())
            .and_at::<School>(&school::stream(&school_id("S1")), at_school(), school)
            .and::<Organisation>(&organisation::stream(&organisation_id("P1")), provider)
    }

    /// With an open school and a recognised provider.
    fn usual(events: impl IntoIterator<Item = Event>) -> Given<Cooperation> {
        with(events, vec![school_registered()], vec![provider_registered(), provider_recognised()])
    }

    fn agreed() -> [Event; 2] {
        [cooperation_proposed(), agreement_signed("2025-08-01", "2026-08-01")]
    }

    fn folded(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::default();
        for event in events {
            let fact = crate::testing::fact(1, "2025-09-01", at_school_of_provider());
            Cooperation::evolve(&mut state, &event, &fact);
        }
        state
    }

    #[test]
    fn a_cooperation_is_proposed_once() {
        usual([]).when(propose('A')).then([cooperation_proposed()]);
        usual([cooperation_proposed()]).when(propose('A')).then([]);
        usual([cooperation_proposed()]).when(propose('B')).refused(Refusal::OtherParticulars);
    }

    #[test]
    fn a_cooperation_is_of_an_open_school_and_an_active_provider() {
        let provider = || vec![provider_registered()];
        with([], vec![], provider()).when(propose('A')).refused(Refusal::SchoolNotOpen);
        with([], vec![school_registered(), school_closed()], provider())
            .when(propose('A'))
            .refused(Refusal::SchoolNotOpen);
        with([], vec![school_registered()], vec![]).when(propose('A')).refused(Refusal::ProviderNotActive);
        with([], vec![school_registered()], vec![provider_registered(), provider_deactivated()])
            .when(propose('A'))
            .refused(Refusal::ProviderNotActive);
    }

    #[test]
    fn nothing_is_signed_that_was_not_proposed() {
        usual([]).when(sign("2025-08-01", "2026-08-01")).refused(Refusal::NotProposed);
    }

    #[test]
    fn an_agreement_is_signed_by_both_with_data_protection_and_goals() {
        let sign = |change: fn(&mut Value)| sign_with("2025-08-01", "2026-08-01", change);
        let begun = || usual([cooperation_proposed()]);
        begun().when(sign(|_| {})).then([agreement_signed("2025-08-01", "2026-08-01")]);
        begun().when(sign(|body| body["signed_by"]["school"] = json!(false))).refused(Refusal::Unsigned);
        begun().when(sign(|body| body["signed_by"]["provider"] = json!(false))).refused(Refusal::Unsigned);
        begun().when(sign(|body| body["data_protection_clause"] = json!(false))).refused(Refusal::NoDataProtection);
        begun().when(sign(|body| body["goals"] = json!([]))).refused(Refusal::GoalCount);
        let all: Vec<_> = Goal::ALL.iter().map(|goal| goal.code()).collect();
        let eleven = sign_with("2025-08-01", "2026-08-01", |body| body["goals"] = json!(all[..11]));
        begun().when(eleven).refused(Refusal::GoalCount);
        let ten = sign_with("2025-08-01", "2026-08-01", |body| body["goals"] = json!(all[..10]));
        assert!(begun().when(ten).accepted());
    }

    #[test]
    fn an_agreement_asks_for_a_recognised_provider() {
        with([cooperation_proposed()], vec![school_registered()], vec![provider_registered()])
            .when(sign("2025-08-01", "2026-08-01"))
            .refused(Refusal::ProviderNotRecognised);
    }

    #[test]
    fn a_negative_resolution_stands_in_the_way_until_a_later_one_is_affirmative() {
        let no = resolved("2025-06-01", "negative");
        usual([cooperation_proposed(), no.clone()])
            .when(sign("2025-08-01", "2026-08-01"))
            .refused(Refusal::ResolutionNegative);
        usual([cooperation_proposed(), no, resolved("2025-06-20", "affirmative")])
            .when(sign("2025-08-01", "2026-08-01"))
            .then([agreement_signed("2025-08-01", "2026-08-01")]);
    }

    #[test]
    fn a_resolution_is_recorded_once_after_it_was_made_and_in_order() {
        usual([cooperation_proposed()])
            .when(resolve("2025-09-30", "affirmative"))
            .then([resolved("2025-09-30", "affirmative")]);
        usual([cooperation_proposed()]).when(resolve("2025-10-02", "affirmative")).refused(Refusal::HeldLater);
        let known = || [cooperation_proposed(), resolved("2025-09-30", "affirmative")];
        usual(known()).when(resolve("2025-09-30", "affirmative")).then([]);
        usual(known()).when(resolve("2025-09-29", "negative")).refused(Refusal::OtherResolution);
    }

    #[test]
    fn an_opinion_is_recorded_until_it_changes() {
        let body = |result| json!({"by": "youth_office", "result": result});
        let event = |result| written::<Event>("cooperation.expert-opinion-recorded.v1", body(result));
        let ask = |result| ask("record-expert-opinion", body(result));
        usual([cooperation_proposed()]).when(ask("against")).then([event("against")]);
        usual([cooperation_proposed(), event("against")]).when(ask("against")).then([]);
        usual([cooperation_proposed(), event("against")]).when(ask("in_favour")).then([event("in_favour")]);
    }

    #[test]
    fn one_agreement_is_in_force_at_a_time() {
        usual(agreed()).when(sign("2025-08-01", "2026-08-01")).then([]);
        usual(agreed()).when(sign("2026-07-31", "2027-08-01")).refused(Refusal::Overlap);
        usual(agreed()).when(sign("2026-08-01", "2027-08-01")).then([agreement_signed("2026-08-01", "2027-08-01")]);
    }

    #[test]
    fn an_amendment_changes_days_or_goals_of_the_latest_agreement() {
        let longer = || json!({"period": {"from": "2025-08-01", "to": "2027-08-01"}, "document": digest('B')});
        let amended: Event = written(
            "cooperation.agreement-amended.v1",
            json!({
                "before": {"from": "2025-08-01", "to": "2026-08-01"}, "period": {"from": "2025-08-01", "to": "2027-08-01"},
                "goals": ["fewer_dropouts", "teamwork"], "document": digest('B'),
            }),
        );
        let [proposed, signed] = agreed();
        usual([proposed.clone(), signed.clone()]).when(amend(longer())).then([amended.clone()]);
        usual([proposed.clone(), signed, amended]).when(amend(longer())).then([]);
        usual(agreed()).when(amend(json!({"document": digest('B')}))).refused(Refusal::NothingAmended);
        usual([proposed.clone()]).when(amend(longer())).refused(Refusal::NoAgreement);
        usual([proposed, agreement_signed("2024-08-01", "2025-08-01"), agreement_signed("2025-08-01", "2026-08-01")])
            .when(amend(json!({"period": {"from": "2025-07-31", "to": "2026-08-01"}, "document": digest('B')})))
            .refused(Refusal::Overlap);
    }

    #[test]
    fn the_latest_agreement_is_the_one_that_begins_last_in_whatever_order_they_were_signed() {
        let state = [
            cooperation_proposed(),
            agreement_signed("2025-08-01", "2026-08-01"),
            agreement_signed("2024-08-01", "2025-08-01"),
        ];
        usual(state)
            .when(amend(json!({"period": {"from": "2025-08-01", "to": "2027-08-01"}, "document": digest('A')})))
            .then([written(
                "cooperation.agreement-amended.v1",
                json!({
                    "before": {"from": "2025-08-01", "to": "2026-08-01"}, "period": {"from": "2025-08-01", "to": "2027-08-01"},
                    "goals": ["fewer_dropouts", "teamwork"], "document": digest('A'),
                }),
            )]);
    }

    #[test]
    fn a_review_concerns_goals_of_the_agreement_of_that_day_once() {
        let held: Event = written(
            "cooperation.review-held.v1",
            json!({"held_on": "2025-09-20", "goals": [{"goal": "teamwork", "degree": "partly"}]}),
        );
        usual(agreed()).when(review("2025-09-20", &["teamwork"])).then([held.clone()]);
        usual(agreed()).when(review("2025-09-20", &["inclusion"])).refused(Refusal::ForeignGoal);
        usual(agreed()).when(review("2025-09-20", &["teamwork", "teamwork"])).refused(Refusal::ForeignGoal);
        usual(agreed()).when(review("2025-09-20", &[])).refused(Refusal::ForeignGoal);
        usual(agreed()).when(review("2025-07-31", &["teamwork"])).refused(Refusal::NoAgreement);
        usual(agreed()).when(review("2025-10-02", &["teamwork"])).refused(Refusal::HeldLater);
        let [proposed, signed] = agreed();
        let known = || [proposed.clone(), signed.clone(), held.clone()];
        usual(known()).when(review("2025-09-20", &["teamwork"])).then([]);
        usual(known()).when(review("2025-09-20", &["fewer_dropouts"])).refused(Refusal::OtherReview);
    }

    #[test]
    fn an_issue_is_raised_and_resolved_once() {
        let raise = |topic| ask("raise-cooperation-issue", json!({"issue": key(1), "topic": topic}));
        let resolve = || ask("resolve-cooperation-issue", json!({"issue": key(1)}));
        let raised = || written::<Event>("cooperation.issue-raised.v1", json!({"issue": key(1), "topic": "rooms"}));
        let done = || written::<Event>("cooperation.issue-resolved.v1", json!({"issue": key(1)}));
        usual([cooperation_proposed()]).when(raise("rooms")).then([raised()]);
        usual([cooperation_proposed(), raised()]).when(raise("rooms")).then([]);
        usual([cooperation_proposed(), raised()]).when(raise("roles")).refused(Refusal::OtherIssue);
        usual([cooperation_proposed()]).when(resolve()).refused(Refusal::UnknownIssue);
        usual([cooperation_proposed(), raised()]).when(resolve()).then([done()]);
        usual([cooperation_proposed(), raised(), done()]).when(resolve()).then([]);
    }

    #[test]
    fn a_cooperation_ends_for_a_reason_and_not_before_its_agreement_began() {
        usual(agreed()).when(terminate("2025-12-01")).refused(Refusal::ReasonMissing);
        let ending = |events: Vec<Event>| usual(events).because(Reason::FundingEnded);
        ending(agreed().to_vec()).when(terminate("2025-12-01")).then([terminated("2025-12-01")]);
        ending(agreed().to_vec()).when(terminate("2025-07-31")).refused(Refusal::EndsTooEarly);
        ending(agreed().to_vec()).when(terminate("2026-08-01")).refused(Refusal::NoAgreement);
        let [proposed, signed] = agreed();
        ending(vec![proposed, signed, terminated("2025-12-01")]).when(terminate("2025-12-01")).then([]);
    }

    #[test]
    fn a_later_agreement_ends_with_the_cooperation_and_a_new_one_can_follow() {
        let [proposed, signed] = agreed();
        let next = agreement_signed("2026-08-01", "2027-08-01");
        let state = folded([proposed.clone(), signed.clone(), next, terminated("2025-12-01")]);
        let in_force = |on| state.agreement_on(day(on)).is_some();
        assert_eq!(["2025-11-30", "2025-12-01", "2026-08-01"].map(in_force), [true, false, false]);
        usual([proposed, signed, terminated("2025-12-01")])
            .when(sign("2025-12-01", "2026-08-01"))
            .then([agreement_signed("2025-12-01", "2026-08-01")]);
    }

    #[test]
    fn a_time_is_covered_by_one_agreement_or_several_in_turn() {
        let state = folded([
            cooperation_proposed(),
            agreement_signed("2024-08-01", "2025-08-01"),
            agreement_signed("2025-08-01", "2026-08-01"),
            agreement_signed("2026-08-02", "2027-08-01"),
        ]);
        let covers = |from, to| state.covers(&Period::new(day(from), day(to)).unwrap());
        assert!(covers("2024-08-01", "2025-08-01"));
        assert!(covers("2025-01-01", "2026-08-01"));
        assert!(!covers("2024-07-31", "2025-08-01"));
        assert!(!covers("2026-01-01", "2026-08-02"));
        assert!(!covers("2026-01-01", "2027-01-01"));
    }

    #[test]
    fn a_cooperation_belongs_to_the_school_and_a_known_provider() {
        let reference = crate::testing::reference();
        let facts = crate::testing::facts(&reference);
        assert_eq!(Cooperation::place(&propose('A'), &State::default(), &facts), None);
        let known = folded([cooperation_proposed()]);
        let place = Cooperation::place(&terminate("2026-01-01"), &known, &facts);
        assert_eq!(place, Some(at_school_of_provider()));
    }
}
