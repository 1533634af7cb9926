//! An organisation: provider, authority or other body, registered once under its identifier.
//!
//! Whether it may run a project follows from its sector and its confirmed recognitions. Absent on
//! purpose: contacts; of beneficial owners there are pseudonyms and shares.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::Name;
use crate::person::vocabulary::PersonKind;
use crate::person::{self, Person};
use crate::programme::Module;
use crate::provenance::Provenance;
use crate::{Ags, BasisPoints, BusinessDate, Digest, OrganisationId, PersonId, Place, StreamId, refusals, vocabulary};

/// The aggregate.
pub struct Organisation;

vocabulary! {
    /// Legal form.
    LegalForm {
        /// Registered association (e. V.).
        RegisteredAssociation = "registered_association",
        /// Non-profit limited company (gGmbH).
        NonProfitCompany = "non_profit_company",
        /// Limited company (GmbH).
        LimitedCompany = "limited_company",
        /// Foundation.
        Foundation = "foundation",
        /// Registered cooperative (eG).
        Cooperative = "cooperative",
        /// Church body.
        ChurchBody = "church_body",
        /// District, city or municipality.
        LocalAuthority = "local_authority",
        /// Authority of the state.
        StateAuthority = "state_authority",
        /// Another form.
        Other = "other",
        /// Not known.
        Unknown = "unknown",
    }
    /// Public or private.
    Sector {
        /// Public.
        Public = "public",
        /// Private.
        Private = "private",
    }
    /// What the organisation is in the programme.
    Kind {
        /// Provider of free youth welfare.
        FreeYouthWelfare = "free_youth_welfare",
        /// Provider of public youth welfare: a youth office.
        PublicYouthWelfare = "public_youth_welfare",
        /// Maintains schools.
        SchoolAuthority = "school_authority",
        /// Carries the coordination office.
        Coordination = "coordination",
        /// Another authority.
        Authority = "authority",
        /// Anything else.
        Other = "other",
    }
    /// What a document has shown.
    Recognition {
        /// Recognised provider of free youth welfare (§ 75 SGB VIII).
        YouthWelfare75 = "youth_welfare_75",
        /// Non-profit status (§§ 51 ff. AO).
        NonProfit = "non_profit",
    }
}

/// Somebody who owns an organisation in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BeneficialOwner {
    /// Person.
    pub person: PersonId,
    /// Share.
    pub share: BasisPoints,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Registers an organisation.
    RegisterOrganisation {
        /// Identifier.
        organisation: OrganisationId,
        /// Name.
        name: Name,
        /// Legal form.
        legal_form: LegalForm,
        /// Public or private.
        sector: Sector,
        /// What it is in the programme.
        kind: Kind,
        /// District of its seat, if it belongs to one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        district: Option<Ags>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Confirms that a document shows a recognition.
    ConfirmProviderRecognition {
        /// Identifier.
        organisation: OrganisationId,
        /// Which recognition.
        recognition: Recognition,
        /// The document.
        document: Digest,
    },
    /// States whether the organisation can recover value-added tax.
    SetVatStatus {
        /// Identifier.
        organisation: OrganisationId,
        /// Whether it can.
        recoverable: bool,
    },
    /// Changes name or legal form.
    AmendOrganisation {
        /// Identifier.
        organisation: OrganisationId,
        /// The new name.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        name: Option<Name>,
        /// The new legal form.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        legal_form: Option<LegalForm>,
    },
    /// Records who owns the organisation in the end (CPR Annex XVII). Replaces what was recorded
    /// before; nobody, if nobody owns it.
    RecordBeneficialOwners {
        /// Identifier.
        organisation: OrganisationId,
        /// Owners, each once.
        #[schemars(length(max = 20))]
        owners: Vec<BeneficialOwner>,
    },
    /// Ends the organisation's part in the programme.
    DeactivateOrganisation {
        /// Identifier.
        organisation: OrganisationId,
    },
}

impl Command {
    /// The organisation that the command names.
    const fn organisation(&self) -> &OrganisationId {
        match self {
            Self::RegisterOrganisation { organisation, .. }
            | Self::ConfirmProviderRecognition { organisation, .. }
            | Self::SetVatStatus { organisation, .. }
            | Self::AmendOrganisation { organisation, .. }
            | Self::RecordBeneficialOwners { organisation, .. }
            | Self::DeactivateOrganisation { organisation } => organisation,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// An organisation is known to the programme.
    #[serde(rename = "organisation.registered.v1")]
    Registered {
        /// Identifier.
        organisation: OrganisationId,
        /// Name.
        name: Name,
        /// Legal form.
        legal_form: LegalForm,
        /// Public or private.
        sector: Sector,
        /// What it is in the programme.
        kind: Kind,
        /// District of its seat, if it belongs to one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        district: Option<Ags>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// A document showed a recognition.
    #[serde(rename = "organisation.recognition-confirmed.v1")]
    RecognitionConfirmed {
        /// Identifier.
        organisation: OrganisationId,
        /// Which recognition.
        recognition: Recognition,
        /// The document.
        document: Digest,
    },
    /// It is known whether value-added tax can be recovered.
    #[serde(rename = "organisation.vat-status-set.v1")]
    VatStatusSet {
        /// Identifier.
        organisation: OrganisationId,
        /// Whether it can.
        recoverable: bool,
    },
    /// Name or legal form changed.
    #[serde(rename = "organisation.amended.v1")]
    Amended {
        /// Identifier.
        organisation: OrganisationId,
        /// The new name, if it changed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        name: Option<Name>,
        /// The new legal form, if it changed.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        legal_form: Option<LegalForm>,
    },
    /// It is known who owns it in the end.
    #[serde(rename = "organisation.beneficial-owners-recorded.v1")]
    BeneficialOwnersRecorded {
        /// Identifier.
        organisation: OrganisationId,
        /// Owners, in the order of their pseudonyms.
        #[schemars(length(max = 20))]
        owners: Vec<BeneficialOwner>,
    },
    /// It no longer takes part.
    #[serde(rename = "organisation.deactivated.v1")]
    Deactivated {
        /// Identifier.
        organisation: OrganisationId,
    },
}

refusals! {
    NotRegistered => "ORG-01", Missing, "/data/organisation", "Diese Organisation ist nicht registriert.", "This organisation is not registered.";
    OtherParticulars => "ORG-02", Rule, "/data/organisation", "Diese Organisation ist schon mit anderen Angaben registriert.", "This organisation is already registered with other particulars.";
    Deactivated => "ORG-03", Rule, "/data/organisation", "Diese Organisation ist nicht mehr beteiligt.", "This organisation no longer takes part.";
    UnknownDistrict => "ORG-04", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    SectorContradictsKind => "ORG-05", Invalid, "/data/sector", "Freie Träger der Jugendhilfe sind privat, öffentliche Träger und Behörden sind öffentlich.", "Providers of free youth welfare are private, those of public youth welfare and authorities are public.";
    OwnerTwice => "ORG-07", Invalid, "/data/owners", "Es sind höchstens zwanzig Personen, jede einmal.", "There are at most twenty people, each once.";
    MoreThanWhole => "ORG-08", Invalid, "/data/owners", "Die Anteile ergeben zusammen mehr als 100 %.", "The shares add up to more than 100 %.";
    NotAnOwner => "ORG-09", Rule, "/data/owners", "Mindestens eine Person ist nicht als wirtschaftlich Berechtigte dieser Organisation registriert, oder ihre Angaben sind gelöscht.", "At least one person is not registered as a beneficial owner of this organisation, or what was known is erased.";
    BeforeRegistration => "ORG-06", Rule, "/occurred_on", "Das Datum liegt vor der Registrierung dieser Organisation.", "The date lies before the registration of this organisation.";
}

/// What decisions about an organisation remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Known to the programme.
    Known(Box<Known>),
}

/// A registered organisation.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The particulars as registered, to recognise a repeated registration.
    registered: Event,
    /// Its seat, with itself as the provider: so its own people have it in their scope.
    pub place: Place,
    /// Name now.
    pub name: Name,
    /// Legal form now.
    pub legal_form: LegalForm,
    /// Public or private.
    pub sector: Sector,
    /// Confirmed recognitions, each with its last document.
    recognitions: Vec<(Recognition, Digest)>,
    /// Whether value-added tax can be recovered, if known.
    vat_recoverable: Option<bool>,
    /// Who owns it in the end, if that was recorded.
    owners: Option<Vec<BeneficialOwner>>,
    /// The day of the registration.
    since: BusinessDate,
    /// First day on which it no longer takes part.
    pub deactivated_on: Option<BusinessDate>,
}

impl Known {
    /// Whether it may be the beneficiary of a project of that module: public, or recognised under
    /// § 75 SGB VIII, for school social work and network offices; public or non-profit for the
    /// coordination office.
    pub fn may_provide(&self, module: Module) -> bool {
        let needed = match module {
            Module::SchoolSocialWork | Module::NetworkOffices => Recognition::YouthWelfare75,
            Module::CoordinationOffice => Recognition::NonProfit,
        };
        let public_will_do = module != Module::CoordinationOffice;
        (public_will_do && self.sector == Sector::Public)
            || self.recognitions.iter().any(|(recognition, _)| *recognition == needed)
    }
}

impl State {
    /// The organisation, if it is registered.
    pub const fn known(&self) -> Option<&Known> {
        match self {
            Self::Unknown => None,
            Self::Known(known) => Some(known),
        }
    }

    /// The organisation, if it takes part on that day.
    pub fn active_on(&self, day: BusinessDate) -> Option<&Known> {
        self.known().filter(|known| known.deactivated_on.is_none_or(|ended| day < ended))
    }
}

/// The stream of an organisation.
pub fn stream(organisation: &OrganisationId) -> StreamId {
    StreamId::new("organisation", organisation)
}

impl Decider for Organisation {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(command.organisation())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        match command {
            Command::RecordBeneficialOwners { owners, .. } if owners.len() <= MAX_OWNERS => {
                let distinct: BTreeSet<_> = owners.iter().map(|owner| owner.person).collect();
                distinct.iter().map(person::stream).collect()
            }
            _ => Vec::new(),
        }
    }

    fn place(command: &Command, state: &State, _: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Known(known), _) => Some(known.place.clone()),
            (State::Unknown, Command::RegisterOrganisation { organisation, district, .. }) => {
                let seat = district.clone().map_or_else(Place::state, Place::district);
                Some(seat.of_provider(organisation.clone()))
            }
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let known = match (state, command) {
            (State::Unknown, Command::RegisterOrganisation { sector, kind, district, .. }) => {
                if district.as_ref().is_some_and(|ags| !facts.reference.is_district(ags)) {
                    return Err(Refusal::UnknownDistrict);
                }
                let possible = match kind {
                    Kind::FreeYouthWelfare => *sector == Sector::Private,
                    Kind::PublicYouthWelfare | Kind::Authority => *sector == Sector::Public,
                    Kind::SchoolAuthority | Kind::Coordination | Kind::Other => true,
                };
                return if possible { Ok(vec![said(command)]) } else { Err(Refusal::SectorContradictsKind) };
            }
            (State::Unknown, _) => return Err(Refusal::NotRegistered),
            (State::Known(known), _) => known,
        };
        match command {
            // The same again is a retry, not a mistake: nothing more happens.
            Command::RegisterOrganisation { .. } if said(command) == known.registered => Ok(Vec::new()),
            Command::RegisterOrganisation { .. } => Err(Refusal::OtherParticulars),
            Command::DeactivateOrganisation { .. } if known.deactivated_on.is_some() => Ok(Vec::new()),
            _ if known.deactivated_on.is_some() => Err(Refusal::Deactivated),
            _ if facts.occurred_on < known.since => Err(Refusal::BeforeRegistration),
            Command::ConfirmProviderRecognition { recognition, document, .. } => {
                let same = known.recognitions.iter().any(|(r, d)| r == recognition && d == document);
                Ok(if same { Vec::new() } else { vec![said(command)] })
            }
            Command::SetVatStatus { recoverable, .. } => {
                let same = known.vat_recoverable == Some(*recoverable);
                Ok(if same { Vec::new() } else { vec![said(command)] })
            }
            Command::AmendOrganisation { organisation, name, legal_form } => {
                let name = name.clone().filter(|name| *name != known.name);
                let legal_form = legal_form.filter(|form| *form != known.legal_form);
                if name.is_none() && legal_form.is_none() {
                    return Ok(Vec::new());
                }
                Ok(vec![Event::Amended { organisation: organisation.clone(), name, legal_form }])
            }
            Command::RecordBeneficialOwners { owners, .. } => {
                let Event::BeneficialOwnersRecorded { owners: sorted, .. } = said(command) else {
                    return Err(Refusal::OwnerTwice);
                };
                if known.owners.as_ref() == Some(&sorted) {
                    return Ok(Vec::new());
                }
                check_owners(owners, known, facts)?;
                Ok(vec![said(command)])
            }
            Command::DeactivateOrganisation { .. } => Ok(vec![said(command)]),
        }
    }

    fn evolve(state: &mut State, event: &Event, fact: &Fact) {
        match (state, event) {
            (state, Event::Registered { name, legal_form, sector, .. }) => {
                *state = State::Known(Box::new(Known {
                    registered: event.clone(),
                    place: fact.place.clone(),
                    name: name.clone(),
                    legal_form: *legal_form,
                    sector: *sector,
                    recognitions: Vec::new(),
                    vat_recoverable: None,
                    owners: None,
                    since: fact.occurred_on,
                    deactivated_on: None,
                }));
            }
            (State::Known(known), Event::RecognitionConfirmed { recognition, document, .. }) => {
                known.recognitions.retain(|(other, _)| other != recognition);
                known.recognitions.push((*recognition, document.clone()));
            }
            (State::Known(known), Event::VatStatusSet { recoverable, .. }) => {
                known.vat_recoverable = Some(*recoverable);
            }
            (State::Known(known), Event::BeneficialOwnersRecorded { owners, .. }) => {
                known.owners = Some(owners.clone());
            }
            (State::Known(known), Event::Amended { name, legal_form, .. }) => {
                if let Some(name) = name {
                    known.name = name.clone();
                }
                known.legal_form = legal_form.unwrap_or(known.legal_form);
            }
            (State::Known(known), Event::Deactivated { .. }) => {
                known.deactivated_on = Some(fact.occurred_on);
            }
            (State::Unknown, _) => {}
        }
    }
}

/// Most people who can be recorded as owners; CPR Annex XVII asks for those with more than a quarter.
const MAX_OWNERS: usize = 20;

/// Whether these people own the organisation: each registered for it, together no more than all.
fn check_owners(owners: &[BeneficialOwner], known: &Known, facts: &Facts<'_>) -> Result<(), Refusal> {
    let distinct: BTreeSet<_> = owners.iter().map(|owner| owner.person).collect();
    if owners.len() > MAX_OWNERS || distinct.len() != owners.len() {
        return Err(Refusal::OwnerTwice);
    }
    if owners.iter().map(|owner| owner.share.get()).sum::<u32>() > BasisPoints::WHOLE.get() {
        return Err(Refusal::MoreThanWhole);
    }
    let registered = |person: &PersonId| {
        let person = facts.other::<Person>(&person::stream(person));
        let person = person.and_then(|person| person.whole(PersonKind::BeneficialOwner));
        person.is_some_and(|person| person.place == known.place)
    };
    if distinct.iter().all(registered) { Ok(()) } else { Err(Refusal::NotAnOwner) }
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::RegisterOrganisation { organisation, name, legal_form, sector, kind, district, provenance } => {
            Event::Registered { organisation, name, legal_form, sector, kind, district, provenance }
        }
        Command::ConfirmProviderRecognition { organisation, recognition, document } => {
            Event::RecognitionConfirmed { organisation, recognition, document }
        }
        Command::SetVatStatus { organisation, recoverable } => Event::VatStatusSet { organisation, recoverable },
        Command::AmendOrganisation { organisation, name, legal_form } => {
            Event::Amended { organisation, name, legal_form }
        }
        Command::RecordBeneficialOwners { organisation, mut owners } => {
            owners.sort_by_key(|owner| owner.person);
            Event::BeneficialOwnersRecorded { organisation, owners }
        }
        Command::DeactivateOrganisation { organisation } => Event::Deactivated { organisation },
    }
}
