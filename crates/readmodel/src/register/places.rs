//! Documents of schools, network offices and their cooperations.

use sfs_domain::cooperation::{
    Event as CooperationFact, Goal, GoalDegree, IssueTopic, MeetingRhythm, Opinion, OpinionBy, Resolution,
};
use sfs_domain::identity::{Label, Name};
use sfs_domain::network_office::{Event as OfficeFact, Site};
use sfs_domain::provenance::Provenance;
use sfs_domain::school::{Event as SchoolFact, Ownership};
use sfs_domain::vocabulary::Set;
use sfs_domain::{Ags, BusinessDate, ClientKey, Digest, Headcount, OrganisationId, Period, SchoolId, SchoolYear};

use super::documents::{Document, Envelope, documents};

documents! {
    /// A school.
    SchoolDocument {
        /// Identifier.
        school: SchoolId,
        /// Name.
        name: Name,
        /// District.
        district: Ags,
        /// Who maintains it.
        ownership: Ownership,
        /// Day of the registration.
        registered_on: BusinessDate,
        /// Code of its form now.
        form: Label,
        /// Changes of form with their days.
        form_changes: Vec<FormChange>,
        /// Pupils by school year as last counted.
        pupils: Vec<PupilCount>,
    } maybe {
        /// The school authority, if known.
        authority: OrganisationId,
        /// Source, if taken over.
        provenance: Provenance,
        /// First day on which it no longer exists.
        ended_on: BusinessDate,
        /// The school that it merged into.
        merged_into: SchoolId,
    }
    /// A change of form.
    FormChange {
        /// First day.
        from: BusinessDate,
        /// Code of the form.
        form: Label,
    } maybe {}
    /// Pupils of a school year.
    PupilCount {
        /// School year.
        school_year: SchoolYear,
        /// Pupils by gender.
        pupils: Headcount,
        /// Short name of the source.
        source: Label,
    } maybe {}
    /// The network offices that a district has had, one after another.
    OfficeDocument {
        /// District.
        district: Ags,
        /// Offices in order; the last is the one that it has, unless that is closed.
        offices: Vec<Office>,
    } maybe {}
    /// A network office from its establishment to its closure.
    Office {
        /// Name.
        name: Name,
        /// Providers with their first days.
        providers: Vec<OfficeProvider>,
        /// Where it can be visited.
        sites: Vec<Site>,
    } maybe {
        /// Source, if taken over.
        provenance: Provenance,
        /// First day without it.
        closed_on: BusinessDate,
    }
    /// A provider of an office from a day on.
    OfficeProvider {
        /// First day.
        from: BusinessDate,
        /// The provider.
        provider: OrganisationId,
    } maybe {}
    /// A cooperation of a school and a provider.
    CooperationDocument {
        /// School.
        school: SchoolId,
        /// Provider.
        provider: OrganisationId,
        /// The concept.
        concept: Digest,
        /// Day of the proposal.
        proposed_on: BusinessDate,
        /// Expert opinions, each as last given.
        opinions: Vec<ExpertOpinion>,
        /// Agreements by their first days.
        agreements: Vec<AgreementDocument>,
        /// Reviews in the order in which they were recorded.
        reviews: Vec<Review>,
        /// Issues in the order in which they were raised.
        issues: Vec<Issue>,
    } maybe {
        /// The youth office that takes part.
        youth_office: OrganisationId,
        /// The school authority that takes part.
        school_authority: OrganisationId,
        /// Last resolution of the school conference.
        resolution: ConferenceResolution,
        /// First day without an agreement, if it was terminated.
        terminated_on: BusinessDate,
    }
    /// A resolution.
    ConferenceResolution {
        /// Day of the conference.
        held_on: BusinessDate,
        /// What it resolved.
        result: Resolution,
    } maybe {}
    /// An opinion.
    ExpertOpinion {
        /// Who gave it.
        by: OpinionBy,
        /// What it says.
        result: Opinion,
    } maybe {}
    /// An agreement.
    AgreementDocument {
        /// Its days.
        period: Period,
        /// Its goals.
        goals: Set<Goal>,
        /// How often both meet.
        meeting_rhythm: MeetingRhythm,
        /// The last document about it.
        document: Digest,
    } maybe {}
    /// A review of goals.
    Review {
        /// Its day.
        held_on: BusinessDate,
        /// How far goals were reached.
        goals: Vec<GoalDegree>,
    } maybe {}
    /// An issue.
    Issue {
        /// Its key.
        issue: ClientKey,
        /// What it is about.
        topic: IssueTopic,
        /// Day on which it was raised.
        raised_on: BusinessDate,
    } maybe {
        /// Day on which it was resolved.
        resolved_on: BusinessDate,
    }
}

pub(super) fn school(before: Option<Document>, event: &SchoolFact, envelope: Envelope<'_>) -> Option<Document> {
    if let SchoolFact::Registered { school, name, form, district, ownership, authority, provenance } = event {
        return Some(Document::School(SchoolDocument {
            school: school.clone(),
            name: name.clone(),
            district: district.clone(),
            ownership: *ownership,
            authority: authority.clone(),
            provenance: provenance.clone(),
            registered_on: envelope.on,
            form: form.clone(),
            form_changes: Vec::new(),
            ended_on: None,
            merged_into: None,
            pupils: Vec::new(),
        }));
    }
    let Some(Document::School(mut document)) = before else { return None };
    match event {
        SchoolFact::Registered { .. } => {}
        SchoolFact::FormChanged { form } => {
            document.form = form.clone();
            document.form_changes.push(FormChange { from: envelope.on, form: form.clone() });
        }
        SchoolFact::Merged { into } => {
            document.ended_on = Some(envelope.on);
            document.merged_into = Some(into.clone());
        }
        SchoolFact::Closed {} => document.ended_on = Some(envelope.on),
        SchoolFact::PupilsRecorded { school_year, pupils, source } => {
            document.pupils.retain(|known| known.school_year != *school_year);
            document.pupils.push(PupilCount { school_year: *school_year, pupils: *pupils, source: source.clone() });
            document.pupils.sort_by_key(|known| known.school_year);
        }
    }
    Some(Document::School(document))
}

pub(super) fn office(before: Option<Document>, event: &OfficeFact) -> Option<Document> {
    let mut document = match (before, event) {
        (Some(Document::Office(document)), _) => document,
        (_, OfficeFact::Established { district, .. }) => {
            OfficeDocument { district: district.clone(), offices: Vec::new() }
        }
        (_, OfficeFact::SiteAdded { .. } | OfficeFact::ProviderChanged { .. } | OfficeFact::Closed { .. }) => {
            return None;
        }
    };
    match event {
        OfficeFact::Established { name, provider, from, site, provenance, .. } => document.offices.push(Office {
            name: name.clone(),
            providers: vec![OfficeProvider { from: *from, provider: provider.clone() }],
            sites: site.iter().cloned().collect(),
            provenance: provenance.clone(),
            closed_on: None,
        }),
        OfficeFact::SiteAdded { site, .. } => document.offices.last_mut()?.sites.push(site.clone()),
        OfficeFact::ProviderChanged { provider, from, .. } => {
            let now = OfficeProvider { from: *from, provider: provider.clone() };
            document.offices.last_mut()?.providers.push(now);
        }
        OfficeFact::Closed { on, .. } => document.offices.last_mut()?.closed_on = Some(*on),
    }
    Some(Document::Office(document))
}

pub(super) fn cooperation(
    before: Option<Document>,
    event: &CooperationFact,
    envelope: Envelope<'_>,
) -> Option<Document> {
    if let CooperationFact::Proposed { school, provider, youth_office, school_authority, concept } = event {
        return Some(Document::Cooperation(CooperationDocument {
            school: school.clone(),
            provider: provider.clone(),
            youth_office: youth_office.clone(),
            school_authority: school_authority.clone(),
            concept: concept.clone(),
            proposed_on: envelope.on,
            resolution: None,
            opinions: Vec::new(),
            agreements: Vec::new(),
            reviews: Vec::new(),
            issues: Vec::new(),
            terminated_on: None,
        }));
    }
    let Some(Document::Cooperation(mut document)) = before else { return None };
    match event {
        CooperationFact::Proposed { .. } => {}
        CooperationFact::ConferenceResolutionRecorded { held_on, result } => {
            document.resolution = Some(ConferenceResolution { held_on: *held_on, result: *result });
        }
        CooperationFact::ExpertOpinionRecorded { by, result } => {
            document.opinions.retain(|known| known.by != *by);
            document.opinions.push(ExpertOpinion { by: *by, result: *result });
        }
        CooperationFact::AgreementSigned { period, goals, meeting_rhythm, document: signed } => {
            document.agreements.push(AgreementDocument {
                period: *period,
                goals: *goals,
                meeting_rhythm: *meeting_rhythm,
                document: signed.clone(),
            });
            document.agreements.sort_by_key(|agreement| agreement.period.from);
        }
        CooperationFact::AgreementAmended { period, goals, document: amendment, .. } => {
            let last = document.agreements.last_mut()?;
            last.period = *period;
            last.goals = *goals;
            last.document = amendment.clone();
        }
        CooperationFact::ReviewHeld { held_on, goals } => {
            document.reviews.push(Review { held_on: *held_on, goals: goals.clone() });
        }
        CooperationFact::IssueRaised { issue, topic } => {
            let (issue, topic) = (*issue, *topic);
            document.issues.push(Issue { issue, topic, raised_on: envelope.on, resolved_on: None });
        }
        CooperationFact::IssueResolved { issue } => {
            let known = document.issues.iter_mut().find(|known| known.issue == *issue)?;
            known.resolved_on = Some(envelope.on);
        }
        CooperationFact::Terminated { on } => {
            document.terminated_on = Some(*on);
            document.agreements.retain_mut(|agreement| {
                let left = Period::new(agreement.period.from, agreement.period.to.min(*on));
                agreement.period = left.clone().unwrap_or(agreement.period);
                left.is_ok()
            });
        }
    }
    Some(Document::Cooperation(document))
}
