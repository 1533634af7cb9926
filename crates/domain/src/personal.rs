//! What a command says of a person beside its open fields. No decision reads it: it is sealed under
//! the person's key before the event is appended, so nothing that a decision remembers is lost when
//! the key is destroyed.

mod vocabulary;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::cooperation::Degree;
use crate::identity::{InvalidIdentity, text_identity};
use crate::refusal::Severity;
use crate::support_case::vocabulary::{OutcomeScale, ReferralOutcome, Service};
use crate::vocabulary::Set;
use crate::{BusinessDate, Refused};

pub use vocabulary::{AbsenceGround, CaseTopic, Gender};

crate::vocabulary! {
    /// What a key is for: a person has one for each, so that a name can be erased long before the
    /// figure in which the person was counted.
    Purpose {
        /// Who somebody is, and free text.
        Identity = "identity",
        /// Attributes that indicators count.
        Statistics = "statistics",
        /// Special categories of GDPR Art. 9 and 10.
        SpecialCategory = "special_category",
        /// Who stands behind the pseudonym of somebody who acts.
        Actor = "actor",
    }
}

text_identity!(
    /// A name of a person, or a part of one. Stands only in what is sealed.
    PersonName, "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$", 100,
    "a name has 1 to 100 characters, no line breaks and no blanks at its ends",
    |t| !t.is_empty() && t.trim() == t
        && !t.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
);
text_identity!(
    /// How somebody is reached, or a number of an office. Stands only in what is sealed.
    Contact, "^[^\\s\\x00-\\x1f\\x7f-\\x9f]([^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]*[^\\s\\x00-\\x1f\\x7f-\\x9f])?$", 200,
    "a contact has 1 to 200 characters, no line breaks and no blanks at its ends",
    |t| !t.is_empty() && t.trim() == t
        && !t.chars().any(|c| c.is_control() || c == '\u{2028}' || c == '\u{2029}')
);
text_identity!(
    /// A note that its author has sealed to the people who may read it: a binary age file (age-encryption.org/v1)
    /// in base64 with padding. The server never sees what it says.
    ClientSealed, "^YWdlLWVuY3J5cHRpb24ub3JnL3Yx[A-Za-z0-9+/]+={0,2}$", 48_000,
    "a sealed note is an age file in base64, of at most 48,000 characters",
    |t| t.starts_with("YWdlLWVuY3J5cHRpb24ub3JnL3Yx") && t.len() % 4 == 0
        && t.trim_end_matches('=').bytes().all(|b| b.is_ascii_alphanumeric() || b == b'+' || b == b'/')
        && t.len() - t.trim_end_matches('=').len() <= 2
);

/// Who somebody is (CPR Annex XVII for beneficial owners: names, birth date, tax number).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Identity {
    /// Family name.
    family_name: PersonName,
    /// Given names.
    given_names: PersonName,
    /// Birth date.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    born_on: Option<BusinessDate>,
    /// Address, telephone or mail.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    contact: Option<Contact>,
    /// VAT or tax identification number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tax_number: Option<Contact>,
}

/// Who an absent member of staff is is known; this is why.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Absence {
    /// The ground.
    ground: AbsenceGround,
}

/// What a case counts in.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Profile {
    /// Gender.
    gender: Gender,
    /// Class level, 1 to 13.
    #[schemars(range(min = 1, max = 13))]
    class_level: u8,
}

/// What a case is about.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Concern {
    /// At least one topic.
    topics: Set<CaseTopic>,
}

/// Whom a pupil was referred to.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Referral {
    /// The service.
    service: Service,
}

/// What became of a referral.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OutcomeOfReferral {
    /// The outcome.
    outcome: ReferralOutcome,
}

/// How far a goal is reached.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Assessment {
    /// How far.
    degree: Degree,
}

/// How it stands at the end of a case.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CaseOutcome {
    /// How it stands.
    outcome: OutcomeScale,
}

/// A confidential note (§ 203 StGB).
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Note {
    /// The age file.
    age: ClientSealed,
}

/// Declares the kinds of personal records: the member of a command's `personal`, the record, and
/// under which key it is sealed.
macro_rules! records {
    ($($(#[$doc:meta])* $kind:ident = $name:ident: $record:ty, $purpose:ident;)+) => {
        /// A kind of personal record.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RecordKind { $($(#[$doc])* $kind,)+ }

        impl RecordKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The member of `personal` in a command, and the name in what is sealed.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($name),)+ }
            }

            /// Under which key it is sealed.
            pub const fn purpose(self) -> Purpose {
                match self { $(Self::$kind => Purpose::$purpose,)+ }
            }

            /// Where it stands in a command.
            pub const fn pointer(self) -> &'static str {
                match self { $(Self::$kind => concat!("/personal/", stringify!($name)),)+ }
            }
        }

        /// The member `personal` of a command's body.
        #[derive(Default, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct PersonalBody { $($(#[$doc])* #[serde(default)] $name: Option<$record>,)+ }

        impl PersonalBody {
            /// The records, in the order of their kinds. Fails with what serde cannot write down, a defect.
            pub fn into_personal(self) -> Result<Personal, serde_json::Error> {
                let mut records = Vec::new();
                $(if let Some(record) = self.$name {
                    let text = serde_json::to_string(&record)?;
                    records.push(PersonalRecord { kind: RecordKind::$kind, text: Zeroizing::new(text) });
                })+
                Ok(Personal(records))
            }
        }
    };
}

records! {
    /// Who a person is.
    Identity = identity: Identity, Identity;
    /// Who a member of staff is.
    StaffIdentity = staff_identity: Identity, Actor;
    /// Why a member of staff is absent.
    Absence = absence: Absence, SpecialCategory;
    /// Gender and class level of a support case.
    CaseProfile = case_profile: Profile, Statistics;
    /// Topics of a support case.
    CaseConcern = case_concern: Concern, SpecialCategory;
    /// Whom a pupil was referred to.
    Referral = referral: Referral, SpecialCategory;
    /// What became of a referral.
    ReferralOutcome = referral_outcome: OutcomeOfReferral, SpecialCategory;
    /// How far a goal of a support case is reached.
    GoalAssessment = goal_assessment: Assessment, Statistics;
    /// How it stands at the end of a support case.
    CaseOutcome = case_outcome: CaseOutcome, Statistics;
    /// A confidential note, sealed by its author.
    Note = note: Note, Identity;
}

/// One personal record of a command. It has no `Serialize`, and printing shows its kind alone.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalRecord {
    kind: RecordKind,
    text: Zeroizing<String>,
}

impl PersonalRecord {
    /// What it is.
    pub const fn kind(&self) -> RecordKind {
        self.kind
    }

    /// The record as JSON text: for sealing, and for the keyed digest of a command.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What tells the person from others, in the order that the key store keeps: family name, given
    /// names, birth date. `None` where the birth date is not said: names alone tell nobody apart.
    pub fn recognised_by(&self) -> Option<[Zeroizing<String>; 3]> {
        let identity: Identity = serde_json::from_str(&self.text).ok()?;
        let day = identity.born_on?.to_string();
        let text = |name: &PersonName| Zeroizing::new(name.as_str().to_owned());
        Some([text(&identity.family_name), text(&identity.given_names), Zeroizing::new(day)])
    }
}

impl fmt::Debug for PersonalRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonalRecord({}, …)", self.kind.name())
    }
}

/// The personal records of a command, each kind at most once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Personal(Vec<PersonalRecord>);

impl Personal {
    /// The records.
    pub fn records(&self) -> &[PersonalRecord] {
        &self.0
    }

    /// Whether nothing is said of anybody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A kind of record that a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Takes {
    /// The kind.
    pub kind: RecordKind,
    /// Whether the command makes no sense without it.
    pub required: bool,
}

/// Holds what a command says of a person against what it takes.
pub fn check_personal(takes: &[Takes], personal: &Personal) -> Result<(), Refused> {
    let given = |kind| personal.records().iter().any(|record| record.kind() == kind);
    let refused =
        |rule, kind: RecordKind, de, en| Err(crate::decider::general(rule, Severity::Invalid, kind.pointer(), de, en));
    if let Some(missing) = takes.iter().find(|takes| takes.required && !given(takes.kind)) {
        let (de, en) = ("Diese Angaben zur Person fehlen.", "These particulars of the person are missing.");
        return refused("GEN-03", missing.kind, de, en);
    }
    let unwanted = personal.records().iter().find(|record| !takes.iter().any(|takes| takes.kind == record.kind()));
    if let Some(unwanted) = unwanted {
        let (de, en) = (
            "Diese Angaben zur Person gehören nicht zu diesem Vorgang.",
            "These particulars of a person do not belong to this command.",
        );
        return refused("GEN-04", unwanted.kind(), de, en);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn personal(body: Value) -> Result<Personal, String> {
        let body: PersonalBody = serde_json::from_value(body).map_err(|why| why.to_string())?;
        body.into_personal().map_err(|why| why.to_string())
    }

    fn identity() -> Value {
        json!({"family_name": "Muster", "given_names": "Erika", "born_on": "2010-02-03"})
    }

    const STAFF: &[Takes] = &[
        Takes { kind: RecordKind::StaffIdentity, required: true },
        Takes { kind: RecordKind::Absence, required: false },
    ];

    #[test]
    fn a_record_is_read_strictly() {
        assert!(personal(json!({"identity": identity()})).is_ok());
        for wrong in [
            json!({"identity": {"family_name": "Muster"}}),
            json!({"identity": {"family_name": " Muster", "given_names": "Erika"}}),
            json!({"identity": {"family_name": "Muster", "given_names": "Erika", "height": 1}}),
            json!({"name": "Muster"}),
            json!({"absence": {"ground": "holiday on ice"}}),
            json!({"note": {"age": "plain text"}}),
        ] {
            assert!(personal(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn printing_shows_the_kind_alone() {
        let said = format!("{:?}", personal(json!({"identity": identity()})).unwrap());
        assert!(said.contains("identity") && !said.contains("Muster") && !said.contains("2010"));
    }

    #[test]
    fn a_command_takes_what_it_names_and_nothing_else() {
        let staff = || personal(json!({"staff_identity": identity()})).unwrap();
        assert_eq!(check_personal(STAFF, &staff()), Ok(()));
        assert_eq!(check_personal(&[], &Personal::default()), Ok(()));
        let rule = |takes, personal: &Personal| check_personal(takes, personal).map_err(|why| (why.rule, why.pointer));
        assert_eq!(rule(STAFF, &Personal::default()), Err(("GEN-03", "/personal/staff_identity")));
        assert_eq!(rule(&[], &staff()), Err(("GEN-04", "/personal/staff_identity")));
    }

    #[test]
    fn a_person_is_recognised_by_names_and_birth_date_only() {
        let parts = |body| {
            let personal = personal(json!({ "identity": body })).unwrap();
            personal.records()[0].recognised_by().map(|parts| parts.map(|part| part.to_string()))
        };
        assert_eq!(parts(identity()), Some(["Muster", "Erika", "2010-02-03"].map(str::to_owned)));
        assert_eq!(parts(json!({"family_name": "Muster", "given_names": "Erika"})), None);
    }
}
