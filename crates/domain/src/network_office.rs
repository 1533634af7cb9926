//! The network office of a district: exactly one at any date, with sites and changing providers.
//!
//! Its stream is named by the district, so that there cannot be two. An office that is taken over
//! from a source is shown as the source has it, without documents; only what is decided here asks
//! for the provider's recognition. Absent on purpose: mailboxes and contacts, which are persons.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::{Name, Postcode};
use crate::organisation::{self, Organisation};
use crate::programme::Module;
use crate::provenance::Provenance;
use crate::{Ags, BusinessDate, OrganisationId, Place, StreamId, refusals};

/// The aggregate.
pub struct NetworkOffice;

/// Where an office can be visited.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The town.
    pub place: Name,
    /// Its postcode, if known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub postcode: Option<Postcode>,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Establishes the office of a district, also again after it was closed.
    EstablishNetworkOffice {
        /// District.
        district: Ags,
        /// Name.
        name: Name,
        /// The provider that runs it.
        provider: OrganisationId,
        /// First day.
        from: BusinessDate,
        /// Its first site, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        site: Option<Site>,
        /// Source, if taken over from a list: then the provider needs no recognition yet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Adds a site.
    AddNetworkOfficeSite {
        /// District.
        district: Ags,
        /// The site.
        site: Site,
    },
    /// Gives the office to another provider from a day on.
    ChangeNetworkOfficeProvider {
        /// District.
        district: Ags,
        /// The new provider.
        provider: OrganisationId,
        /// First day of the new provider.
        from: BusinessDate,
    },
    /// Closes the office.
    CloseNetworkOffice {
        /// District.
        district: Ags,
        /// First day without it.
        on: BusinessDate,
    },
}

impl Command {
    /// The district that the command names.
    const fn district(&self) -> &Ags {
        match self {
            Self::EstablishNetworkOffice { district, .. }
            | Self::AddNetworkOfficeSite { district, .. }
            | Self::ChangeNetworkOfficeProvider { district, .. }
            | Self::CloseNetworkOffice { district, .. } => district,
        }
    }

    /// The provider that the command names.
    const fn provider(&self) -> Option<&OrganisationId> {
        match self {
            Self::EstablishNetworkOffice { provider, .. } | Self::ChangeNetworkOfficeProvider { provider, .. } => {
                Some(provider)
            }
            Self::AddNetworkOfficeSite { .. } | Self::CloseNetworkOffice { .. } => None,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The district has an office.
    #[serde(rename = "office.established.v1")]
    Established {
        /// District.
        district: Ags,
        /// Name.
        name: Name,
        /// The provider that runs it.
        provider: OrganisationId,
        /// First day.
        from: BusinessDate,
        /// Its first site, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        site: Option<Site>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// It has another site.
    #[serde(rename = "office.site-added.v1")]
    SiteAdded {
        /// District.
        district: Ags,
        /// The site.
        site: Site,
    },
    /// Another provider runs it.
    #[serde(rename = "office.provider-changed.v1")]
    ProviderChanged {
        /// District.
        district: Ags,
        /// The new provider.
        provider: OrganisationId,
        /// First day of the new provider.
        from: BusinessDate,
    },
    /// It was closed.
    #[serde(rename = "office.closed.v1")]
    Closed {
        /// District.
        district: Ags,
        /// First day without it.
        on: BusinessDate,
    },
}

refusals! {
    NotEstablished => "OFF-01", Missing, "/data/district", "Dieser Landkreis hat keine Netzwerkstelle.", "This district has no network office.";
    UnknownDistrict => "OFF-02", Invalid, "/data/district", "Diesen Landkreis gibt es nicht.", "There is no such district.";
    AlreadyActive => "OFF-03", Rule, "/data/district", "Dieser Landkreis hat schon eine Netzwerkstelle mit anderen Angaben.", "This district already has a network office with other particulars.";
    ProviderNotActive => "OFF-04", Rule, "/data/provider", "Der Träger ist nicht registriert oder nicht mehr beteiligt.", "The provider is not registered or no longer takes part.";
    ProviderNotRecognised => "OFF-05", Rule, "/data/provider", "Der Träger ist weder öffentlich noch nach § 75 SGB VIII anerkannt.", "The provider is neither public nor recognised under § 75 SGB VIII.";
    GapNeedsReason => "OFF-06", Invalid, "/reason", "Zwischen Schließung und neuer Einrichtung liegt eine Lücke; sie braucht einen Grund.", "There is a gap between the closure and the new beginning; it needs a reason.";
    BeforeClosure => "OFF-07", Rule, "/data/from", "Die neue Einrichtung beginnt vor der Schließung der alten.", "The new office begins before the old one was closed.";
    BeforeLastChange => "OFF-08", Rule, "/data/from", "Der Wechsel liegt nicht nach dem letzten Wechsel des Trägers.", "The change does not lie after the last change of provider.";
    Closed => "OFF-09", Rule, "/data/district", "Diese Netzwerkstelle ist geschlossen.", "This network office is closed.";
    ClosesBeforeItBegan => "OFF-10", Rule, "/data/on", "Die Schließung liegt nicht nach dem Beginn des letzten Trägers.", "The closure does not lie after the last provider's first day.";
}

/// What decisions about a district's office remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// One after another, never two at a time.
    offices: Vec<Office>,
}

/// The office from its establishment to its closure.
#[derive(Debug, Clone, PartialEq)]
struct Office {
    /// As established, to recognise a repetition.
    established: Event,
    /// Providers with their first days, in order.
    providers: Vec<(BusinessDate, OrganisationId)>,
    sites: Vec<Site>,
    /// First day without it.
    closed_on: Option<BusinessDate>,
}

impl State {
    /// The provider that runs the office on that day; `None` where there is no office.
    pub fn provider_on(&self, day: BusinessDate) -> Option<&OrganisationId> {
        let open = |office: &&Office| office.closed_on.is_none_or(|closed| day < closed);
        self.offices
            .iter()
            .filter(open)
            .find_map(|office| office.providers.iter().rev().find(|(from, _)| *from <= day))
            .map(|(_, provider)| provider)
    }

    /// Whether the district has an office on that day.
    pub fn active_on(&self, day: BusinessDate) -> bool {
        self.provider_on(day).is_some()
    }
}

/// The stream of a district's office.
pub fn stream(district: &Ags) -> StreamId {
    StreamId::new("office", district)
}

impl Decider for NetworkOffice {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(command.district())
    }

    fn reads(command: &Command, _: &State) -> Vec<StreamId> {
        command.provider().map(organisation::stream).into_iter().collect()
    }

    fn place(command: &Command, state: &State, facts: &Facts<'_>) -> Option<Place> {
        let place = Place::district(command.district().clone());
        if let Some(provider) = state.provider_on(facts.occurred_on) {
            return Some(place.of_provider(provider.clone()));
        }
        match command {
            // Nobody is responsible yet on this day: the one who will be.
            Command::EstablishNetworkOffice { provider, .. } => {
                let known = facts.other::<Organisation>(&organisation::stream(provider));
                let known = known.is_some_and(|state| state.known().is_some());
                Some(if known { place.of_provider(provider.clone()) } else { place })
            }
            _ if state.offices.is_empty() => None,
            _ => Some(place),
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let last = match (state.offices.last(), command) {
            (last, Command::EstablishNetworkOffice { .. }) => return establish(command, last, facts),
            (None, _) => return Err(Refusal::NotEstablished),
            (Some(last), _) => last,
        };
        if let (Command::CloseNetworkOffice { on, .. }, Some(closed)) = (command, last.closed_on)
            && *on == closed
        {
            return Ok(Vec::new());
        }
        if last.closed_on.is_some() {
            return Err(Refusal::Closed);
        }
        match command {
            Command::EstablishNetworkOffice { .. } => Err(Refusal::AlreadyActive),
            Command::AddNetworkOfficeSite { site, .. } if last.sites.contains(site) => Ok(Vec::new()),
            Command::AddNetworkOfficeSite { .. } => Ok(vec![said(command)]),
            Command::ChangeNetworkOfficeProvider { provider, from, .. } => match last.providers.last() {
                Some((_, now)) if now == provider => Ok(Vec::new()),
                Some((since, _)) if from <= since => Err(Refusal::BeforeLastChange),
                _ => {
                    check_provider(provider, facts, true)?;
                    Ok(vec![said(command)])
                }
            },
            Command::CloseNetworkOffice { on, .. } => {
                if last.providers.iter().any(|(from, _)| on <= from) {
                    return Err(Refusal::ClosesBeforeItBegan);
                }
                Ok(vec![said(command)])
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, _: &Fact) {
        match event {
            Event::Established { provider, from, site, .. } => state.offices.push(Office {
                established: event.clone(),
                providers: vec![(*from, provider.clone())],
                sites: site.iter().cloned().collect(),
                closed_on: None,
            }),
            Event::SiteAdded { site, .. } => {
                if let Some(office) = state.offices.last_mut() {
                    office.sites.push(site.clone());
                }
            }
            Event::ProviderChanged { provider, from, .. } => {
                if let Some(office) = state.offices.last_mut() {
                    office.providers.push((*from, provider.clone()));
                }
            }
            Event::Closed { on, .. } => {
                if let Some(office) = state.offices.last_mut() {
                    office.closed_on = Some(*on);
                }
            }
        }
    }
}

fn establish(command: &Command, last: Option<&Office>, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
    let Command::EstablishNetworkOffice { district, provider, from, provenance, .. } = command else {
        return Err(Refusal::NotEstablished);
    };
    if !facts.reference.is_district(district) {
        return Err(Refusal::UnknownDistrict);
    }
    match last.map(|office| (office, office.closed_on)) {
        // The same again is a retry, not a mistake: nothing more happens.
        Some((office, None)) if office.established == said(command) => return Ok(Vec::new()),
        Some((_, None)) => return Err(Refusal::AlreadyActive),
        Some((_, Some(closed))) if *from < closed => return Err(Refusal::BeforeClosure),
        Some((_, Some(closed))) if closed < *from && facts.reason.is_none() => {
            return Err(Refusal::GapNeedsReason);
        }
        _ => {}
    }
    check_provider(provider, facts, provenance.is_none())?;
    Ok(vec![said(command)])
}

fn check_provider(provider: &OrganisationId, facts: &Facts<'_>, recognised: bool) -> Result<(), Refusal> {
    let known = facts
        .other::<Organisation>(&organisation::stream(provider))
        .and_then(|state| state.active_on(facts.occurred_on))
        .ok_or(Refusal::ProviderNotActive)?;
    if recognised && !known.may_provide(Module::NetworkOffices) {
        return Err(Refusal::ProviderNotRecognised);
    }
    Ok(())
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::EstablishNetworkOffice { district, name, provider, from, site, provenance } => {
            Event::Established { district, name, provider, from, site, provenance }
        }
        Command::AddNetworkOfficeSite { district, site } => Event::SiteAdded { district, site },
        Command::ChangeNetworkOfficeProvider { district, provider, from } => {
            Event::ProviderChanged { district, provider, from }
        }
        Command::CloseNetworkOffice { district, on } => Event::Closed { district, on },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decider::Reason;
    use crate::testing::fixtures::{
        district, office_established, organisation_id, provider_deactivated, provider_recognised, provider_registered,
    };
    use crate::testing::{Given, day, given, written};

    fn body(provider: &str, from: &str) -> Value {
        json!({"district": "15083", "name": "Netzwerkstelle Börde", "provider": provider, "from": from})
    }

    fn establish(from: &str) -> Command {
        written("establish-network-office", body("P1", from))
    }

    fn change(provider: &str, from: &str) -> Command {
        written("change-network-office-provider", json!({"district": "15083", "provider": provider, "from": from}))
    }

    fn close(on: &str) -> Command {
        written("close-network-office", json!({"district": "15083", "on": on}))
    }

    fn closed(on: &str) -> Event {
        written("office.closed.v1", json!({"district": "15083", "on": on}))
    }

    fn changed(provider: &str, from: &str) -> Event {
        written("office.provider-changed.v1", json!({"district": "15083", "provider": provider, "from": from}))
    }

    /// With a recognised provider `P1` and a recognised provider `P2`.
    fn with_providers(events: impl IntoIterator<Item = Event>) -> Given<NetworkOffice> {
        let recognised = || [provider_registered(), provider_recognised()];
        given::<NetworkOffice>(events)
            .and::<Organisation>(&organisation::stream(&organisation_id("P1")), recognised())
            .and::<Organisation>(&organisation::stream(&organisation_id("P2")), recognised())
    }

    fn with_provider(provider: Vec<organisation::Event>) -> Given<NetworkOffice> {
        given::<NetworkOffice>([]).and::<Organisation>(&organisation::stream(&organisation_id("P1")), provider)
    }

    fn folded(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::default();
        for event in events {
            let fact = crate::testing::fact(1, "2025-09-01", Place::state());
            NetworkOffice::evolve(&mut state, &event, &fact);
        }
        state
    }

    #[test]
    fn a_district_has_one_office() {
        with_providers([]).when(establish("2025-10-01")).then([office_established("2025-10-01")]);
        with_providers([office_established("2025-10-01")]).when(establish("2025-10-01")).then([]);
        with_providers([office_established("2025-10-01")])
            .when(establish("2026-01-01"))
            .refused(Refusal::AlreadyActive);
    }

    #[test]
    fn an_office_is_established_only_in_a_district() {
        for ags in ["15", "15999"] {
            let mut body = body("P1", "2025-10-01");
            body["district"] = json!(ags);
            with_providers([]).when(written("establish-network-office", body)).refused(Refusal::UnknownDistrict);
        }
    }

    #[test]
    fn the_provider_takes_part_and_is_recognised() {
        with_provider(vec![]).when(establish("2025-10-01")).refused(Refusal::ProviderNotActive);
        with_provider(vec![provider_registered(), provider_recognised(), provider_deactivated()])
            .when(establish("2025-10-01"))
            .refused(Refusal::ProviderNotActive);
        with_provider(vec![provider_registered()])
            .when(establish("2025-10-01"))
            .refused(Refusal::ProviderNotRecognised);
        with_provider(vec![]).when(change("P1", "2025-10-01")).refused(Refusal::NotEstablished);
    }

    #[test]
    fn an_office_from_a_source_is_shown_before_its_provider_is_recognised() {
        for status in ["stated", "inferred", "historic"] {
            let mut body = body("P1", "2025-10-01");
            body["provenance"] = json!({"source": "office list", "status": status});
            with_provider(vec![provider_registered()])
                .when(written("establish-network-office", body.clone()))
                .then([written("office.established.v1", body)]);
        }
    }

    #[test]
    fn an_office_begins_again_after_it_was_closed_and_a_gap_needs_a_reason() {
        let before = || [office_established("2022-08-01"), closed("2024-08-01")];
        with_providers(before()).when(establish("2024-08-01")).then([office_established("2024-08-01")]);
        with_providers(before()).when(establish("2024-08-02")).refused(Refusal::GapNeedsReason);
        with_providers(before())
            .because(Reason::FundingEnded)
            .when(establish("2024-08-02"))
            .then([office_established("2024-08-02")]);
        with_providers(before()).when(establish("2024-07-31")).refused(Refusal::BeforeClosure);
    }

    #[test]
    fn a_provider_is_changed_to_another_after_the_last_change() {
        let begun = || [office_established("2022-08-01")];
        with_providers(begun()).when(change("P2", "2024-08-01")).then([changed("P2", "2024-08-01")]);
        with_providers(begun()).when(change("P1", "2024-08-01")).then([]);
        with_providers(begun()).when(change("P2", "2022-08-01")).refused(Refusal::BeforeLastChange);
    }

    #[test]
    fn an_office_is_closed_once_after_it_began() {
        let begun = || [office_established("2022-08-01"), changed("P2", "2024-08-01")];
        with_providers(begun()).when(close("2025-08-01")).then([closed("2025-08-01")]);
        with_providers(begun()).when(close("2024-08-01")).refused(Refusal::ClosesBeforeItBegan);
        let ended = || [office_established("2022-08-01"), closed("2025-08-01")];
        with_providers(ended()).when(close("2025-08-01")).then([]);
        with_providers(ended()).when(close("2025-09-01")).refused(Refusal::Closed);
        with_providers(ended()).when(change("P2", "2025-09-01")).refused(Refusal::Closed);
    }

    #[test]
    fn a_site_is_added_once() {
        let site = || json!({"district": "15083", "site": {"place": "Wanzleben", "postcode": "39164"}});
        let added = || written::<Event>("office.site-added.v1", site());
        let add = || written::<Command>("add-network-office-site", site());
        with_providers([office_established("2022-08-01")]).when(add()).then([added()]);
        with_providers([office_established("2022-08-01"), added()]).when(add()).then([]);
    }

    #[test]
    fn each_day_has_at_most_one_provider() {
        let state = folded([
            office_established("2022-08-01"),
            changed("P2", "2023-08-01"),
            closed("2024-08-01"),
            office_established("2025-01-01"),
        ]);
        let provider = |on| state.provider_on(day(on)).map(|provider| provider.as_str().to_owned());
        let found = ["2022-07-31", "2022-08-01", "2023-08-01", "2024-07-31", "2024-08-01", "2025-01-01"].map(provider);
        assert_eq!(
            found.each_ref().map(Option::as_deref),
            [None, Some("P1"), Some("P2"), Some("P2"), None, Some("P1")],
        );
        assert!(!state.active_on(day("2024-12-31")));
    }

    #[test]
    fn an_office_belongs_to_its_district_and_the_provider_of_the_day() {
        let reference = crate::testing::reference();
        let mut facts = crate::testing::facts(&reference);
        let state = folded([office_established("2022-08-01"), changed("P2", "2025-10-01")]);
        let place = |facts: &Facts<'_>| NetworkOffice::place(&close("2026-01-01"), &state, facts);
        let boerde = || Place::district(district("15083"));
        assert_eq!(place(&facts), Some(boerde().of_provider(organisation_id("P2"))));
        facts.occurred_on = day("2025-09-30");
        assert_eq!(place(&facts), Some(boerde().of_provider(organisation_id("P1"))));
        assert_eq!(NetworkOffice::place(&close("2026-01-01"), &State::default(), &facts), None);
    }
}
