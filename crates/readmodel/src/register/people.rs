//! Documents of staff, vacancies, needs and trainings. Staff appear only under their pseudonyms.

use sfs_domain::measure::{People, Score, TrainingMinutes};
use sfs_domain::staff::{Event as StaffFact, Function, Qualification, Workplace};
use sfs_domain::training::{Event as TrainingFact, Format, Registration};
use sfs_domain::training_need::{Event as NeedFact, NeedSource, TrainingTopic};
use sfs_domain::vacancy::Event as VacancyFact;
use sfs_domain::{Ags, BusinessDate, ClientKey, Digest, Fte, Headcount, OrganisationId, Period, Place, StaffPseudonym};

use super::documents::{Document, Envelope, documents};

documents! {
    /// A member of staff.
    StaffDocument {
        /// Pseudonym.
        staff: StaffPseudonym,
        /// Confirmed qualifications.
        qualifications: Vec<ConfirmedQualification>,
        /// Assignments in the order in which they were made.
        assignments: Vec<AssignmentDocument>,
    } maybe {}
    /// A qualification that a document has shown.
    ConfirmedQualification {
        /// Which.
        qualification: Qualification,
        /// Whether the state has recognised it.
        state_recognised: bool,
        /// The document.
        document: Digest,
        /// Day of the confirmation.
        confirmed_on: BusinessDate,
        /// District of the provider that saw it.
        district: Ags,
    } maybe {
        /// The provider that saw it.
        provider: OrganisationId,
    }
    /// An assignment.
    AssignmentDocument {
        /// Its key.
        assignment: ClientKey,
        /// What the person does.
        function: Function,
        /// Where.
        workplace: Workplace,
        /// District.
        district: Ags,
        /// Its days as planned.
        period: Period,
        /// Shares with their first days.
        shares: Vec<ShareFrom>,
    } maybe {
        /// Provider responsible on the first day.
        provider: OrganisationId,
        /// First day without it, if it ended early.
        ended_on: BusinessDate,
    }
    /// A share from a day on.
    ShareFrom {
        /// First day.
        from: BusinessDate,
        /// Share of a full position.
        fte: Fte,
    } maybe {}
    /// A vacancy.
    VacancyDocument {
        /// Its key.
        vacancy: ClientKey,
        /// Where.
        workplace: Workplace,
        /// What is to be done.
        function: Function,
        /// Share of a full position.
        fte: Fte,
        /// First vacant day.
        from: BusinessDate,
    } maybe {
        /// First day on which it was no longer vacant or no longer existed.
        ended_on: BusinessDate,
        /// The assignment that filled it.
        filled_by: FilledBy,
    }
    /// What filled a vacancy.
    FilledBy {
        /// Who.
        staff: StaffPseudonym,
        /// By which assignment.
        assignment: ClientKey,
    } maybe {}
    /// A need for further training.
    NeedDocument {
        /// Its key.
        need: ClientKey,
        /// How it became known.
        source: NeedSource,
        /// What the training should be about.
        topic: TrainingTopic,
        /// District, or `15`.
        district: Ags,
        /// Day on which it was identified.
        identified_on: BusinessDate,
    } maybe {
        /// Day on which it was withdrawn.
        withdrawn_on: BusinessDate,
    }
    /// A further training.
    TrainingDocument {
        /// Its key.
        training: ClientKey,
        /// The needs that it answers.
        needs: Vec<ClientKey>,
        /// What it is about.
        topic: TrainingTopic,
        /// District, or `15`.
        district: Ags,
        /// Seats.
        seats: People,
        /// How long it lasts.
        minutes: TrainingMinutes,
        /// Planned first day.
        begins_on: BusinessDate,
        /// How it is given.
        format: Format,
        /// Day of the offer.
        offered_on: BusinessDate,
        /// People registered so far, by audience.
        registrations: Vec<Registration>,
    } maybe {
        /// How many are registered one by one, beside those who are counted.
        participants: People,
        /// Last day on which it was held.
        held_on: BusinessDate,
        /// People who took part.
        attendance: Headcount,
        /// What those who took part say.
        evaluation: Evaluation,
        /// Day on which it was cancelled.
        cancelled_on: BusinessDate,
    }
    /// An evaluation.
    Evaluation {
        /// How many answered.
        responses: People,
        /// Their mean score in hundredths.
        score: Score,
    } maybe {}
}

impl TrainingDocument {
    /// Adds to those who are registered by name.
    fn by_name(&mut self, more: i64) {
        let people = i64::from(self.participants.map_or(0, People::get)) + more;
        self.participants = People::try_from(people).ok();
    }
}

impl ConfirmedQualification {
    /// Where it belongs.
    pub(crate) fn place(&self) -> Place {
        Place { ags: self.district.clone(), provider: self.provider.clone(), school: None }
    }
}

impl AssignmentDocument {
    /// Where it belongs.
    pub(crate) fn place(&self) -> Place {
        let school = match &self.workplace {
            Workplace::School { school, .. } => Some(school.clone()),
            Workplace::Office { .. } => None,
        };
        Place { ags: self.district.clone(), provider: self.provider.clone(), school }
    }
}

pub(super) fn staff(before: Option<Document>, event: &StaffFact, envelope: Envelope<'_>) -> Option<Document> {
    let staff = match event {
        StaffFact::QualificationConfirmed { staff, .. }
        | StaffFact::Assigned { staff, .. }
        | StaffFact::FteChanged { staff, .. }
        | StaffFact::AssignmentEnded { staff, .. } => *staff,
    };
    let mut document = match before {
        Some(Document::Staff(document)) => document,
        _ => StaffDocument { staff, qualifications: Vec::new(), assignments: Vec::new() },
    };
    let assignment_of =
        |all: &mut Vec<AssignmentDocument>, key: &ClientKey| all.iter().position(|known| known.assignment == *key);
    match event {
        StaffFact::QualificationConfirmed { qualification, state_recognised, document: shown_by, .. } => {
            document.qualifications.push(ConfirmedQualification {
                qualification: *qualification,
                state_recognised: *state_recognised,
                document: shown_by.clone(),
                confirmed_on: envelope.on,
                district: envelope.place.ags.clone(),
                provider: envelope.place.provider.clone(),
            });
        }
        StaffFact::Assigned { assignment, function, workplace, fte, period, .. } => {
            document.assignments.push(AssignmentDocument {
                assignment: *assignment,
                function: *function,
                workplace: workplace.clone(),
                district: envelope.place.ags.clone(),
                provider: envelope.place.provider.clone(),
                period: *period,
                shares: vec![ShareFrom { from: period.from, fte: *fte }],
                ended_on: None,
            });
        }
        StaffFact::FteChanged { assignment, fte, from, .. } => {
            let known = assignment_of(&mut document.assignments, assignment)?;
            let known = document.assignments.get_mut(known)?;
            known.shares.retain(|share| share.from < *from);
            known.shares.push(ShareFrom { from: *from, fte: *fte });
        }
        StaffFact::AssignmentEnded { assignment, on, .. } => {
            let known = assignment_of(&mut document.assignments, assignment)?;
            let known = document.assignments.get_mut(known)?;
            known.shares.retain(|share| share.from < *on);
            known.ended_on = Some(*on);
        }
    }
    Some(Document::Staff(document))
}

pub(super) fn vacancy(before: Option<Document>, event: &VacancyFact) -> Option<Document> {
    if let VacancyFact::Reported { vacancy, workplace, function, fte, from } = event {
        return Some(Document::Vacancy(VacancyDocument {
            vacancy: *vacancy,
            workplace: workplace.clone(),
            function: *function,
            fte: *fte,
            from: *from,
            ended_on: None,
            filled_by: None,
        }));
    }
    let Some(Document::Vacancy(mut document)) = before else { return None };
    match event {
        VacancyFact::Reported { .. } => {}
        VacancyFact::Filled { staff, assignment, on, .. } => {
            document.ended_on = Some(*on);
            document.filled_by = Some(FilledBy { staff: *staff, assignment: *assignment });
        }
        VacancyFact::Withdrawn { on, .. } => document.ended_on = Some(*on),
    }
    Some(Document::Vacancy(document))
}

pub(super) fn need(before: Option<Document>, event: &NeedFact, envelope: Envelope<'_>) -> Option<Document> {
    match (before, event) {
        (_, NeedFact::Identified { need, source, topic, district }) => Some(Document::Need(NeedDocument {
            need: *need,
            source: *source,
            topic: *topic,
            district: district.clone(),
            identified_on: envelope.on,
            withdrawn_on: None,
        })),
        (Some(Document::Need(document)), NeedFact::Withdrawn { .. }) => {
            Some(Document::Need(NeedDocument { withdrawn_on: Some(envelope.on), ..document }))
        }
        (_, NeedFact::Withdrawn { .. }) => None,
    }
}

pub(super) fn training(before: Option<Document>, event: &TrainingFact, envelope: Envelope<'_>) -> Option<Document> {
    if let TrainingFact::Offered { training, needs, topic, district, seats, minutes, begins_on, format } = event {
        return Some(Document::Training(TrainingDocument {
            training: *training,
            needs: needs.clone(),
            topic: *topic,
            district: district.clone(),
            seats: *seats,
            minutes: *minutes,
            begins_on: *begins_on,
            format: *format,
            offered_on: envelope.on,
            registrations: Vec::new(),
            participants: None,
            held_on: None,
            attendance: None,
            evaluation: None,
            cancelled_on: None,
        }));
    }
    let Some(Document::Training(mut document)) = before else { return None };
    match event {
        TrainingFact::Offered { .. } => {}
        TrainingFact::Rescheduled { begins_on, .. } => document.begins_on = *begins_on,
        TrainingFact::RegistrationsRecorded { registrations, .. } => document.registrations.clone_from(registrations),
        TrainingFact::Held { .. } => document.held_on = Some(envelope.on),
        TrainingFact::AttendanceConfirmed { attendance, minutes, .. } => {
            document.attendance = Some(*attendance);
            document.minutes = *minutes;
        }
        TrainingFact::Evaluated { responses, score, .. } => {
            document.evaluation = Some(Evaluation { responses: *responses, score: *score });
        }
        TrainingFact::ParticipantRegistered { .. } => document.by_name(1),
        TrainingFact::ParticipantWithdrawn { .. } => document.by_name(-1),
        // Of one person, and so not of the training.
        TrainingFact::ParticipantAttended { .. } | TrainingFact::CertificateIssued { .. } => {}
        TrainingFact::Cancelled { .. } => document.cancelled_on = Some(envelope.on),
    }
    Some(Document::Training(document))
}
