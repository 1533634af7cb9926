//! Who may do what, where: one table, deny by default. The rule that allowed a command is written
//! into its event.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalogue::CommandEntry;
use crate::{Ags, BusinessDate, OrganisationId, Place, SchoolId};

/// What somebody is in the programme (`domain.md` 8.8). Stored by its short code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Role {
    /// School social worker.
    #[serde(rename = "SSW")]
    SchoolSocialWorker,
    /// Provider manager.
    #[serde(rename = "PM")]
    ProviderManager,
    /// Network office.
    #[serde(rename = "NO")]
    NetworkOffice,
    /// Coordination office.
    #[serde(rename = "CO")]
    CoordinationOffice,
    /// Ministry.
    #[serde(rename = "MB")]
    Ministry,
    /// Granting authority.
    #[serde(rename = "GA")]
    GrantingAuthority,
    /// Managing authority.
    #[serde(rename = "MA")]
    ManagingAuthority,
    /// Auditor: reads, for a limited time.
    #[serde(rename = "AU")]
    Auditor,
    /// Youth office of a district.
    #[serde(rename = "YO")]
    YouthOffice,
    /// Data protection officer.
    #[serde(rename = "DPO")]
    DataProtectionOfficer,
    /// The public.
    #[serde(rename = "PUB")]
    Public,
    /// Administrator of the installation: grants roles and keys, decides nothing of the programme.
    #[serde(rename = "AD")]
    Administrator,
    /// The program itself: sends the commands that nobody else may, and is granted to nobody, so no
    /// schema names it.
    #[serde(rename = "SYS")]
    #[schemars(skip)]
    System,
}

impl Role {
    /// Every role that somebody can hold.
    pub const ALL: &'static [Self] = &[
        Self::SchoolSocialWorker,
        Self::ProviderManager,
        Self::NetworkOffice,
        Self::CoordinationOffice,
        Self::Ministry,
        Self::GrantingAuthority,
        Self::ManagingAuthority,
        Self::Auditor,
        Self::YouthOffice,
        Self::DataProtectionOfficer,
        Self::Public,
        Self::Administrator,
    ];

    /// The stored code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SchoolSocialWorker => "SSW",
            Self::ProviderManager => "PM",
            Self::NetworkOffice => "NO",
            Self::CoordinationOffice => "CO",
            Self::Ministry => "MB",
            Self::GrantingAuthority => "GA",
            Self::ManagingAuthority => "MA",
            Self::Auditor => "AU",
            Self::YouthOffice => "YO",
            Self::DataProtectionOfficer => "DPO",
            Self::Public => "PUB",
            Self::Administrator => "AD",
            Self::System => "SYS",
        }
    }

    /// The role with that code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.code() == code)
    }
}

/// How far a grant reaches. Stored as `{"district":"15083"}`, the state as `{"state":{}}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// Everything.
    State {},
    /// What belongs to one district.
    District(Ags),
    /// What one provider is responsible for.
    Provider(OrganisationId),
    /// What belongs to one school.
    School(SchoolId),
}

impl Scope {
    /// Whether what belongs to that place lies in this scope.
    pub fn contains(&self, place: &Place) -> bool {
        match self {
            Self::State {} => true,
            Self::District(ags) => place.ags == *ags,
            Self::Provider(provider) => place.provider.as_ref() == Some(provider),
            Self::School(school) => place.school.as_ref() == Some(school),
        }
    }

    /// The kind of scope, as it stands in the rule's name.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::State {} => "state",
            Self::District(_) => "district",
            Self::Provider(_) => "provider",
            Self::School(_) => "school",
        }
    }
}

/// A role held within a scope, until a day (excluded) or without end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The role.
    pub role: Role,
    /// How far it reaches.
    pub scope: Scope,
    /// First day on which it no longer holds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<BusinessDate>,
}

impl Grant {
    /// Whether it holds on that day.
    pub fn holds_on(&self, day: BusinessDate) -> bool {
        self.until.is_none_or(|until| day < until)
    }
}

/// The grants that allow a command by role; which of them reaches far enough is asked with
/// [`Scope::contains`] once the state is loaded.
pub fn allowing<'a>(
    grants: &'a [Grant],
    command: &'a CommandEntry,
    today: BusinessDate,
) -> impl Iterator<Item = &'a Grant> {
    grants.iter().filter(move |grant| grant.holds_on(today) && command.roles.contains(&grant.role))
}

/// The name of the rule that allowed a command: `register-school/CO@state`.
pub fn rule_name(command: &CommandEntry, grant: &Grant) -> String {
    format!("{}/{}@{}", command.name, grant.role.code(), grant.scope.kind())
}

/// What can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// M01 programme overview.
    Overview,
    /// M02 school coverage.
    Coverage,
    /// M03 staffing.
    Staffing,
    /// M04 activity profile.
    Activity,
    /// M14 trainings.
    Trainings,
    /// The journal and the event feed.
    Journal,
    /// Principals, grants and keys.
    Access,
    /// Support cases and processes of child protection: that something was done, and when. Nobody of
    /// an authority, of the coordination office or of the auditors (`domain.md` 8.8).
    Cases,
    /// Persons by pseudonym: what was opened, kept, erased. No name is in it.
    Persons,
    /// State of projections and of the installation.
    Operations,
}

/// How much of a view a role sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Nothing.
    None,
    /// Only figures with small cells suppressed.
    Suppressed,
    /// Exact figures within the scope.
    Exact,
}

/// The table of reading rights (`domain.md` 8.9, column "who").
pub const fn access(role: Role, view: View) -> Access {
    use Access::{Exact, None, Suppressed};
    use Role::{
        Administrator, Auditor, CoordinationOffice, DataProtectionOfficer, GrantingAuthority, ManagingAuthority,
        Ministry, NetworkOffice, ProviderManager, Public, SchoolSocialWorker, System, YouthOffice,
    };
    match (view, role) {
        // It writes and reads nothing for anybody.
        (_, System) => None,
        (View::Overview, Public | Administrator) => None,
        (View::Overview, _) => Exact,
        (View::Coverage, Administrator) => None,
        (View::Coverage, _) => Exact,
        (View::Staffing, ProviderManager | NetworkOffice | CoordinationOffice | GrantingAuthority | Auditor) => Exact,
        (View::Staffing, _) => None,
        (View::Activity, SchoolSocialWorker | ProviderManager | NetworkOffice | GrantingAuthority | Auditor) => Exact,
        (View::Activity, CoordinationOffice | Ministry | ManagingAuthority | YouthOffice) => Suppressed,
        (View::Activity, _) => None,
        (
            View::Trainings,
            CoordinationOffice | NetworkOffice | Ministry | ProviderManager | GrantingAuthority | Auditor,
        ) => Exact,
        (View::Trainings, _) => None,
        (View::Journal, Public | Administrator) => None,
        (View::Journal, CoordinationOffice | Ministry | ManagingAuthority | YouthOffice) => Suppressed,
        (View::Journal, _) => Exact,
        (View::Access, Administrator | Auditor | DataProtectionOfficer) => Exact,
        (View::Access, _) => None,
        (View::Cases, SchoolSocialWorker | ProviderManager) => Exact,
        (View::Cases, _) => None,
        (View::Persons, DataProtectionOfficer | Auditor | ProviderManager) => Exact,
        (View::Persons, _) => None,
        (View::Operations, Administrator | Auditor) => Exact,
        (View::Operations, _) => None,
    }
}
