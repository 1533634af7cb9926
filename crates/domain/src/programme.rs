//! The programme: opened once under its CCI, with funding periods, cycles per module and rates.
//!
//! Rates differ by module and cycle and may change within one; funding periods of the past may lie
//! before the eligibility of the current programme document. Absent on purpose: budgets and claims.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decider::{Decider, Fact, Facts};
use crate::identity::{Cci, Label, Name};
use crate::provenance::Provenance;
use crate::{BasisPoints, BusinessDate, Digest, Period, Place, StreamId, refusals, vocabulary};

/// The aggregate.
pub struct Programme;

vocabulary! {
    /// What is funded (Fördergegenstand).
    Module {
        /// School social work at schools.
        SchoolSocialWork = "school_social_work",
        /// One regional network office per district.
        NetworkOffices = "network_offices",
        /// The state-wide coordination office.
        CoordinationOffice = "coordination_office",
    }
    /// The fund that the programme draws on.
    Fund {
        /// European Social Fund (until 2020).
        Esf = "esf",
        /// European Social Fund Plus (from 2021).
        EsfPlus = "esf_plus",
    }
    /// Category of region (CPR Art. 108).
    CategoryOfRegion {
        /// Less developed.
        LessDeveloped = "less_developed",
        /// Transition, as all of Sachsen-Anhalt.
        Transition = "transition",
        /// More developed.
        MoreDeveloped = "more_developed",
    }
}

/// Who bears which share. Together 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// The fund.
    pub eu: BasisPoints,
    /// The state of Sachsen-Anhalt.
    pub land: BasisPoints,
    /// Districts and municipalities.
    pub municipal: BasisPoints,
}

/// What may be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Command {
    /// Opens a programme.
    OpenProgramme {
        /// Common code of the programme document.
        cci: Cci,
        /// Title.
        title: Name,
        /// Specific objective, `ESO4.6`.
        specific_objective: Label,
        /// Fund.
        fund: Fund,
        /// Category of region.
        category_of_region: CategoryOfRegion,
        /// Intervention field, `149`.
        intervention_field: Label,
        /// Priority, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        priority: Option<Label>,
        /// Days on which expenditure may be eligible.
        eligibility: Period,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Names a funding period, also one before the current programme document.
    DefineFundingPeriod {
        /// Programme.
        cci: Cci,
        /// Label, unique in the programme.
        label: Label,
        /// Its days.
        period: Period,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Defines a cycle in which one module is funded at certain rates.
    DefineFundingCycle {
        /// Programme.
        cci: Cci,
        /// Label, unique in the programme.
        cycle: Label,
        /// What is funded.
        module: Module,
        /// Its days, inside the eligibility.
        period: Period,
        /// Rates from the first day on.
        rates: Rates,
        /// The guideline or decision behind it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        legal_basis: Option<Digest>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// Changes a cycle's rates from a day on.
    ChangeCofinancingRates {
        /// Programme.
        cci: Cci,
        /// Label of the cycle.
        cycle: Label,
        /// The new rates.
        rates: Rates,
        /// First day on which they hold.
        from: BusinessDate,
    },
    /// Closes a cycle.
    CloseFundingCycle {
        /// Programme.
        cci: Cci,
        /// Label of the cycle.
        cycle: Label,
        /// First day that no longer belongs to it.
        on: BusinessDate,
    },
}

impl Command {
    /// The programme that the command names.
    const fn cci(&self) -> &Cci {
        match self {
            Self::OpenProgramme { cci, .. }
            | Self::DefineFundingPeriod { cci, .. }
            | Self::DefineFundingCycle { cci, .. }
            | Self::ChangeCofinancingRates { cci, .. }
            | Self::CloseFundingCycle { cci, .. } => cci,
        }
    }
}

/// Facts. The names are what is stored: never change one, add the next version beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Event {
    /// The programme exists.
    #[serde(rename = "programme.opened.v1")]
    Opened {
        /// Common code of the programme document.
        cci: Cci,
        /// Title.
        title: Name,
        /// Specific objective, `ESO4.6`.
        specific_objective: Label,
        /// Fund.
        fund: Fund,
        /// Category of region.
        category_of_region: CategoryOfRegion,
        /// Intervention field, `149`.
        intervention_field: Label,
        /// Priority, if known.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        priority: Option<Label>,
        /// Days on which expenditure may be eligible.
        eligibility: Period,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// A funding period has a name.
    #[serde(rename = "programme.funding-period-defined.v1")]
    FundingPeriodDefined {
        /// Programme.
        cci: Cci,
        /// Label.
        label: Label,
        /// Its days.
        period: Period,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// A module is funded in a cycle.
    #[serde(rename = "programme.funding-cycle-defined.v1")]
    FundingCycleDefined {
        /// Programme.
        cci: Cci,
        /// Label.
        cycle: Label,
        /// What is funded.
        module: Module,
        /// Its days.
        period: Period,
        /// Rates from the first day on.
        rates: Rates,
        /// The guideline or decision behind it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        legal_basis: Option<Digest>,
        /// Source, if taken over from a list.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        provenance: Option<Provenance>,
    },
    /// A cycle has other rates from a day on.
    #[serde(rename = "programme.cofinancing-rates-changed.v1")]
    CofinancingRatesChanged {
        /// Programme.
        cci: Cci,
        /// Label of the cycle.
        cycle: Label,
        /// The new rates.
        rates: Rates,
        /// First day on which they hold.
        from: BusinessDate,
    },
    /// A cycle ended.
    #[serde(rename = "programme.funding-cycle-closed.v1")]
    FundingCycleClosed {
        /// Programme.
        cci: Cci,
        /// Label of the cycle.
        cycle: Label,
        /// First day that no longer belongs to it.
        on: BusinessDate,
    },
}

refusals! {
    NotOpened => "PRG-01", Missing, "/data/cci", "Dieses Programm ist nicht angelegt.", "This programme has not been opened.";
    OtherParticulars => "PRG-02", Rule, "/data/cci", "Dieses Programm ist schon mit anderen Angaben angelegt.", "This programme has already been opened with other particulars.";
    PeriodLabelTaken => "PRG-03", Rule, "/data/label", "Diese Bezeichnung steht schon für einen anderen Förderzeitraum.", "This label already stands for another funding period.";
    CycleLabelTaken => "PRG-04", Rule, "/data/cycle", "Diese Bezeichnung steht schon für einen anderen Förderzyklus.", "This label already stands for another funding cycle.";
    RatesDoNotSum => "PRG-05", Invalid, "/data/rates", "Die Finanzierungsanteile ergeben zusammen nicht 100 %.", "The shares of the financing do not add up to 100 %.";
    EuRateTooHigh => "PRG-06", Invalid, "/data/rates/eu", "Der EU-Anteil liegt über dem Höchstsatz des Programms.", "The EU share lies above the programme's maximum.";
    OutsideEligibility => "PRG-07", Rule, "/data/period", "Der Förderzyklus liegt nicht ganz im Förderfähigkeitszeitraum.", "The funding cycle does not lie wholly inside the eligibility period.";
    UnknownCycle => "PRG-08", Missing, "/data/cycle", "Diesen Förderzyklus gibt es nicht.", "There is no such funding cycle.";
    ChangeOutsideCycle => "PRG-09", Rule, "/data/from", "Die Änderung liegt nicht im Förderzyklus.", "The change does not lie inside the funding cycle.";
    BeforeLastChange => "PRG-10", Rule, "/data/from", "Die Änderung liegt vor der letzten Änderung der Anteile.", "The change lies before the last change of the rates.";
    CycleClosed => "PRG-11", Rule, "/data/cycle", "Dieser Förderzyklus ist abgeschlossen.", "This funding cycle is closed.";
    EndOutsideCycle => "PRG-12", Rule, "/data/on", "Das Ende liegt nicht im Förderzyklus.", "The end does not lie inside the funding cycle.";
}

/// What decisions about a programme remember.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Never heard of.
    #[default]
    Unknown,
    /// Opened.
    Open(Box<Open>),
}

/// An opened programme.
#[derive(Debug, Clone, PartialEq)]
pub struct Open {
    /// As opened, to recognise a repetition.
    opened: Event,
    /// Days on which expenditure may be eligible.
    pub eligibility: Period,
    /// Funding periods as defined, by label.
    periods: BTreeMap<Label, Event>,
    /// Funding cycles by label.
    pub cycles: BTreeMap<Label, Cycle>,
}

/// A funding cycle.
#[derive(Debug, Clone, PartialEq)]
pub struct Cycle {
    /// As defined, to recognise a repetition.
    defined: Event,
    /// Its days as planned.
    pub period: Period,
    /// First days and rates, in order; the first is the cycle's own.
    rates: Vec<(BusinessDate, Rates)>,
    /// First day that no longer belongs to it, if it was closed.
    pub closed_on: Option<BusinessDate>,
}

impl Cycle {
    /// The rates of that day, if it lies in the cycle.
    pub fn rates_on(&self, day: BusinessDate) -> Option<Rates> {
        let open = self.period.contains(day) && self.closed_on.is_none_or(|closed| day < closed);
        let last = self.rates.iter().rev().find(|(from, _)| *from <= day);
        last.filter(|_| open).map(|(_, rates)| *rates)
    }
}

/// The stream of a programme.
pub fn stream(cci: &Cci) -> StreamId {
    StreamId::new("programme", cci)
}

impl Decider for Programme {
    type Command = Command;
    type Event = Event;
    type State = State;
    type Refusal = Refusal;

    fn stream(command: &Command, _: &Facts<'_>) -> StreamId {
        stream(command.cci())
    }

    fn place(command: &Command, state: &State, _: &Facts<'_>) -> Option<Place> {
        match (state, command) {
            (State::Open(_), _) | (State::Unknown, Command::OpenProgramme { .. }) => Some(Place::state()),
            (State::Unknown, _) => None,
        }
    }

    fn decide(command: &Command, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refusal> {
        let open = match (state, command) {
            (State::Unknown, Command::OpenProgramme { .. }) => return Ok(vec![said(command)]),
            (State::Unknown, _) => return Err(Refusal::NotOpened),
            (State::Open(open), _) => open,
        };
        match command {
            // The same again is a retry, not a mistake: nothing more happens.
            Command::OpenProgramme { .. } if said(command) == open.opened => Ok(Vec::new()),
            Command::OpenProgramme { .. } => Err(Refusal::OtherParticulars),
            Command::DefineFundingPeriod { label, .. } => match open.periods.get(label) {
                Some(known) if *known == said(command) => Ok(Vec::new()),
                Some(_) => Err(Refusal::PeriodLabelTaken),
                None => Ok(vec![said(command)]),
            },
            Command::DefineFundingCycle { cycle, period, rates, .. } => match open.cycles.get(cycle) {
                Some(known) if known.defined == said(command) => Ok(Vec::new()),
                Some(_) => Err(Refusal::CycleLabelTaken),
                None => {
                    check_rates(rates, facts)?;
                    if !open.eligibility.covers(period) {
                        return Err(Refusal::OutsideEligibility);
                    }
                    Ok(vec![said(command)])
                }
            },
            Command::ChangeCofinancingRates { cycle, rates, from, .. } => {
                let known = open.cycles.get(cycle).ok_or(Refusal::UnknownCycle)?;
                check_rates(rates, facts)?;
                if known.closed_on.is_some() {
                    return Err(Refusal::CycleClosed);
                }
                if !known.period.contains(*from) {
                    return Err(Refusal::ChangeOutsideCycle);
                }
                match known.rates.last() {
                    Some((since, _)) if from < since => Err(Refusal::BeforeLastChange),
                    Some((_, now)) if now == rates => Ok(Vec::new()),
                    _ => Ok(vec![said(command)]),
                }
            }
            Command::CloseFundingCycle { cycle, on, .. } => {
                let known = open.cycles.get(cycle).ok_or(Refusal::UnknownCycle)?;
                match known.closed_on {
                    Some(closed) if closed == *on => Ok(Vec::new()),
                    Some(_) => Err(Refusal::CycleClosed),
                    None if *on <= known.period.from || known.period.to < *on => Err(Refusal::EndOutsideCycle),
                    None => Ok(vec![said(command)]),
                }
            }
        }
    }

    fn evolve(state: &mut State, event: &Event, _: &Fact) {
        match (state, event) {
            (state, Event::Opened { eligibility, .. }) => {
                *state = State::Open(Box::new(Open {
                    opened: event.clone(),
                    eligibility: *eligibility,
                    periods: BTreeMap::new(),
                    cycles: BTreeMap::new(),
                }));
            }
            (State::Open(open), Event::FundingPeriodDefined { label, .. }) => {
                open.periods.insert(label.clone(), event.clone());
            }
            (State::Open(open), Event::FundingCycleDefined { cycle, period, rates, .. }) => {
                let known = Cycle {
                    defined: event.clone(),
                    period: *period,
                    rates: vec![(period.from, *rates)],
                    closed_on: None,
                };
                open.cycles.insert(cycle.clone(), known);
            }
            (State::Open(open), Event::CofinancingRatesChanged { cycle, rates, from, .. }) => {
                if let Some(known) = open.cycles.get_mut(cycle) {
                    known.rates.push((*from, *rates));
                }
            }
            (State::Open(open), Event::FundingCycleClosed { cycle, on, .. }) => {
                if let Some(known) = open.cycles.get_mut(cycle) {
                    known.closed_on = Some(*on);
                }
            }
            (State::Unknown, _) => {}
        }
    }
}

fn check_rates(rates: &Rates, facts: &Facts<'_>) -> Result<(), Refusal> {
    if rates.eu.get() + rates.land.get() + rates.municipal.get() != BasisPoints::WHOLE.get() {
        return Err(Refusal::RatesDoNotSum);
    }
    if rates.eu > facts.reference.max_eu_rate {
        return Err(Refusal::EuRateTooHigh);
    }
    Ok(())
}

/// The event that the command would be.
fn said(command: &Command) -> Event {
    match command.clone() {
        Command::OpenProgramme {
            cci,
            title,
            specific_objective,
            fund,
            category_of_region,
            intervention_field,
            priority,
            eligibility,
            provenance,
        } => Event::Opened {
            cci,
            title,
            specific_objective,
            fund,
            category_of_region,
            intervention_field,
            priority,
            eligibility,
            provenance,
        },
        Command::DefineFundingPeriod { cci, label, period, provenance } => {
            Event::FundingPeriodDefined { cci, label, period, provenance }
        }
        Command::DefineFundingCycle { cci, cycle, module, period, rates, legal_basis, provenance } => {
            Event::FundingCycleDefined { cci, cycle, module, period, rates, legal_basis, provenance }
        }
        Command::ChangeCofinancingRates { cci, cycle, rates, from } => {
            Event::CofinancingRatesChanged { cci, cycle, rates, from }
        }
        Command::CloseFundingCycle { cci, cycle, on } => Event::FundingCycleClosed { cci, cycle, on },
    }
}

#[cfg(test)]
mod tests;
