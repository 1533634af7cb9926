//! The particulars of a thing as they stand: one document for each stream, built only from what its
//! events say.

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::{BusinessDate, Category, Event, Place};

pub use super::people::{
    AssignmentDocument, ConfirmedQualification, Evaluation, FilledBy, NeedDocument, ShareFrom, StaffDocument,
    TrainingDocument, VacancyDocument,
};
pub use super::places::{
    AgreementDocument, ConferenceResolution, CooperationDocument, ExpertOpinion, FormChange, Issue, Office,
    OfficeDocument, OfficeProvider, PupilCount, Review, SchoolDocument,
};
pub use super::programme::{
    ConfirmedRecognition, FundingCycle, FundingPeriod, OrganisationDocument, ProgrammeDocument, RatesFrom,
};

/// Declares documents: fields that are always there, and behind `maybe` those that are left out
/// where there is nothing to say.
macro_rules! documents {
    ($(
        $(#[$doc:meta])* $name:ident {
            $($(#[$always_doc:meta])* $always:ident: $always_type:ty,)*
        } maybe {
            $($(#[$maybe_doc:meta])* $maybe:ident: $maybe_type:ty,)*
        }
    )+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$always_doc])* pub $always: $always_type,)*
            $($(#[$maybe_doc])* #[serde(skip_serializing_if = "Option::is_none", default)] pub $maybe: Option<$maybe_type>,)*
        }
    )+ };
}
pub(super) use documents;

/// What an event says besides itself.
#[derive(Clone, Copy)]
pub(crate) struct Envelope<'a> {
    /// Its business date.
    pub on: BusinessDate,
    /// Where it belongs.
    pub place: &'a Place,
}

/// A document of any kind. What kind it is, the category beside it says.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Document {
    /// A programme.
    Programme(ProgrammeDocument),
    /// An organisation.
    Organisation(OrganisationDocument),
    /// A school.
    School(SchoolDocument),
    /// The network offices that a district has had.
    Office(OfficeDocument),
    /// A cooperation.
    Cooperation(CooperationDocument),
    /// A member of staff.
    Staff(StaffDocument),
    /// A vacancy.
    Vacancy(VacancyDocument),
    /// A need for further training.
    Need(NeedDocument),
    /// A further training.
    Training(TrainingDocument),
}

impl Document {
    /// Reads what was written as JSON; work, principals and persons have no document.
    pub fn read(category: Category, text: &str) -> Result<Self, serde_json::Error> {
        match category {
            Category::Programme => serde_json::from_str(text).map(Self::Programme),
            Category::Organisation => serde_json::from_str(text).map(Self::Organisation),
            Category::School => serde_json::from_str(text).map(Self::School),
            Category::NetworkOffice => serde_json::from_str(text).map(Self::Office),
            Category::Cooperation => serde_json::from_str(text).map(Self::Cooperation),
            Category::Staff => serde_json::from_str(text).map(Self::Staff),
            Category::Vacancy => serde_json::from_str(text).map(Self::Vacancy),
            Category::TrainingNeed => serde_json::from_str(text).map(Self::Need),
            Category::Training => serde_json::from_str(text).map(Self::Training),
            Category::Intervention
            | Category::Principal
            | Category::Person
            | Category::Absence
            | Category::SupportCase
            | Category::ChildProtection
            | Category::Log => Err(serde::de::Error::custom("there is no document of this category")),
        }
    }

    /// What is true after the event. `None` where it changes something that is not there: then the
    /// log is not what the rules allow.
    pub(crate) fn after(before: Option<Self>, event: &Event, envelope: Envelope<'_>) -> Option<Self> {
        match event {
            Event::Programme(event) => super::programme::programme(before, event),
            Event::Organisation(event) => super::programme::organisation(before, event, envelope),
            Event::School(event) => super::places::school(before, event, envelope),
            Event::NetworkOffice(event) => super::places::office(before, event),
            Event::Cooperation(event) => super::places::cooperation(before, event, envelope),
            Event::Staff(event) => super::people::staff(before, event, envelope),
            Event::Vacancy(event) => super::people::vacancy(before, event),
            Event::TrainingNeed(event) => super::people::need(before, event, envelope),
            Event::Training(event) => super::people::training(before, event, envelope),
            Event::Intervention(_)
            | Event::Principal(_)
            | Event::Person(_)
            | Event::Absence(_)
            | Event::SupportCase(_)
            | Event::ChildProtection(_)
            | Event::Log(_) => None,
        }
    }

    /// What the thing is called, for lists: a public name, or what it is about.
    pub fn title(&self) -> String {
        match self {
            Self::Programme(document) => document.title.as_str().to_owned(),
            Self::Organisation(document) => document.name.as_str().to_owned(),
            Self::School(document) => document.name.as_str().to_owned(),
            Self::Office(document) => {
                let last = document.offices.last();
                last.map_or_else(|| document.district.to_string(), |office| office.name.as_str().to_owned())
            }
            Self::Cooperation(document) => format!("{} {}", document.school, document.provider),
            Self::Staff(document) => document.staff.to_string(),
            Self::Vacancy(document) => format!("{} {}", document.from, document.function.code()),
            Self::Need(document) => document.topic.code().to_owned(),
            Self::Training(document) => format!("{} {}", document.begins_on, document.topic.code()),
        }
    }
}
