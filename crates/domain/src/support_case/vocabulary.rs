//! How a case begins, what is done in it, how it ends. What it is about is sealed.

use crate::vocabulary;

vocabulary! {
    /// Who began it.
    EntryRoute {
        /// The pupil came.
        Pupil = "pupil",
        /// Other pupils.
        Peers = "peers",
        /// A teacher or another professional of the school.
        School = "school",
        /// A guardian.
        Guardian = "guardian",
        /// The school social worker has seen the need.
        Observed = "observed",
        /// The youth office or another service.
        Service = "service",
    }
    /// How a contact took place.
    ContactForm {
        /// A talk.
        Talk = "talk",
        /// A talk with guardians or others of the family.
        FamilyTalk = "family_talk",
        /// By telephone.
        Phone = "phone",
        /// In writing or online.
        Message = "message",
        /// At home.
        HomeVisit = "home_visit",
        /// Going along to an authority or a service.
        Accompaniment = "accompaniment",
    }
    /// Whom the pupil was referred to.
    Service {
        /// Youth office.
        YouthOffice = "youth_office",
        /// Counselling.
        Counselling = "counselling",
        /// Therapy.
        Therapy = "therapy",
        /// School psychology.
        SchoolPsychology = "school_psychology",
        /// Employment agency or job centre.
        EmploymentAgency = "employment_agency",
        /// Another service.
        Other = "other",
    }
    /// What became of a referral.
    ReferralOutcome {
        /// The service has taken over.
        TakenUp = "taken_up",
        /// The pupil waits for a place.
        Waiting = "waiting",
        /// Pupil or guardians have declined.
        Declined = "declined",
        /// The service has refused.
        Refused = "refused",
        /// Nothing was heard.
        NoResponse = "no_response",
    }
    /// Why a case ends.
    ClosingReason {
        /// The goals are reached.
        GoalsReached = "goals_reached",
        /// The pupil wants no more.
        EndedByPupil = "ended_by_pupil",
        /// Another service goes on.
        Referred = "referred",
        /// The pupil has left the school.
        LeftSchool = "left_school",
        /// There was no contact any more.
        NoContact = "no_contact",
        /// The offer at the school ended.
        OfferEnded = "offer_ended",
    }
    /// How it stands at the end.
    OutcomeScale {
        /// Much better.
        MuchBetter = "much_better",
        /// Better.
        Better = "better",
        /// Unchanged.
        Unchanged = "unchanged",
        /// Worse.
        Worse = "worse",
        /// Not known.
        Unknown = "unknown",
    }
}
