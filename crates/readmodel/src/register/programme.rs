//! Documents of the programme and of those who carry it out.

use sfs_domain::identity::{Cci, Label, Name};
use sfs_domain::organisation::{Event as OrganisationFact, Kind, LegalForm, Recognition, Sector};
use sfs_domain::programme::{CategoryOfRegion, Event as ProgrammeFact, Fund, Module, Rates};
use sfs_domain::provenance::Provenance;
use sfs_domain::{Ags, BusinessDate, Digest, OrganisationId, Period};

use super::documents::{Document, Envelope, documents};

documents! {
    /// A programme.
    ProgrammeDocument {
        /// Common code of the programme document.
        cci: Cci,
        /// Title.
        title: Name,
        /// Specific objective.
        specific_objective: Label,
        /// Fund.
        fund: Fund,
        /// Category of region.
        category_of_region: CategoryOfRegion,
        /// Intervention field.
        intervention_field: Label,
        /// Days on which expenditure may be eligible.
        eligibility: Period,
        /// Funding periods in the order in which they were defined.
        funding_periods: Vec<FundingPeriod>,
        /// Funding cycles in the order in which they were defined.
        funding_cycles: Vec<FundingCycle>,
    } maybe {
        /// Priority, if known.
        priority: Label,
        /// Source, if taken over.
        provenance: Provenance,
    }
    /// A funding period.
    FundingPeriod {
        /// Label.
        label: Label,
        /// Its days.
        period: Period,
    } maybe {
        /// Source, if taken over.
        provenance: Provenance,
    }
    /// A funding cycle.
    FundingCycle {
        /// Label.
        cycle: Label,
        /// What is funded.
        module: Module,
        /// Its days as planned.
        period: Period,
        /// Rates with their first days.
        rates: Vec<RatesFrom>,
    } maybe {
        /// The guideline or decision behind it.
        legal_basis: Digest,
        /// Source, if taken over.
        provenance: Provenance,
        /// First day that no longer belongs to it, if it was closed.
        closed_on: BusinessDate,
    }
    /// Rates from a day on.
    RatesFrom {
        /// First day.
        from: BusinessDate,
        /// Who bears which share.
        rates: Rates,
    } maybe {}
    /// An organisation.
    OrganisationDocument {
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
        /// Day of the registration.
        registered_on: BusinessDate,
        /// Confirmed recognitions, each with its last document.
        recognitions: Vec<ConfirmedRecognition>,
    } maybe {
        /// District of its seat.
        district: Ags,
        /// Source, if taken over.
        provenance: Provenance,
        /// Whether value-added tax can be recovered, if known.
        vat_recoverable: bool,
        /// First day on which it no longer takes part.
        deactivated_on: BusinessDate,
    }
    /// A recognition that a document has shown.
    ConfirmedRecognition {
        /// Which.
        recognition: Recognition,
        /// The document.
        document: Digest,
        /// Day of the confirmation.
        confirmed_on: BusinessDate,
    } maybe {}
}

pub(super) fn programme(before: Option<Document>, event: &ProgrammeFact) -> Option<Document> {
    if let ProgrammeFact::Opened {
        cci,
        title,
        specific_objective,
        fund,
        category_of_region,
        intervention_field,
        priority,
        eligibility,
        provenance,
    } = event
    {
        return Some(Document::Programme(ProgrammeDocument {
            cci: cci.clone(),
            title: title.clone(),
            specific_objective: specific_objective.clone(),
            fund: *fund,
            category_of_region: *category_of_region,
            intervention_field: intervention_field.clone(),
            priority: priority.clone(),
            eligibility: *eligibility,
            provenance: provenance.clone(),
            funding_periods: Vec::new(),
            funding_cycles: Vec::new(),
        }));
    }
    let Some(Document::Programme(mut document)) = before else { return None };
    let cycle_of =
        |cycles: &mut Vec<FundingCycle>, label: &Label| cycles.iter().position(|known| known.cycle == *label);
    match event {
        ProgrammeFact::Opened { .. } => {}
        ProgrammeFact::FundingPeriodDefined { label, period, provenance, .. } => {
            let (label, provenance) = (label.clone(), provenance.clone());
            document.funding_periods.push(FundingPeriod { label, period: *period, provenance });
        }
        ProgrammeFact::FundingCycleDefined { cycle, module, period, rates, legal_basis, provenance, .. } => {
            document.funding_cycles.push(FundingCycle {
                cycle: cycle.clone(),
                module: *module,
                period: *period,
                rates: vec![RatesFrom { from: period.from, rates: *rates }],
                legal_basis: legal_basis.clone(),
                provenance: provenance.clone(),
                closed_on: None,
            });
        }
        ProgrammeFact::CofinancingRatesChanged { cycle, rates, from, .. } => {
            let known = cycle_of(&mut document.funding_cycles, cycle)?;
            let known = document.funding_cycles.get_mut(known)?;
            known.rates.retain(|earlier| earlier.from < *from);
            known.rates.push(RatesFrom { from: *from, rates: *rates });
        }
        ProgrammeFact::FundingCycleClosed { cycle, on, .. } => {
            let known = cycle_of(&mut document.funding_cycles, cycle)?;
            document.funding_cycles.get_mut(known)?.closed_on = Some(*on);
        }
    }
    Some(Document::Programme(document))
}

pub(super) fn organisation(
    before: Option<Document>,
    event: &OrganisationFact,
    envelope: Envelope<'_>,
) -> Option<Document> {
    if let OrganisationFact::Registered { organisation, name, legal_form, sector, kind, district, provenance } = event {
        return Some(Document::Organisation(OrganisationDocument {
            organisation: organisation.clone(),
            name: name.clone(),
            legal_form: *legal_form,
            sector: *sector,
            kind: *kind,
            district: district.clone(),
            provenance: provenance.clone(),
            registered_on: envelope.on,
            recognitions: Vec::new(),
            vat_recoverable: None,
            deactivated_on: None,
        }));
    }
    let Some(Document::Organisation(mut document)) = before else { return None };
    match event {
        OrganisationFact::Registered { .. } => {}
        OrganisationFact::RecognitionConfirmed { recognition, document: shown_by, .. } => {
            document.recognitions.retain(|known| known.recognition != *recognition);
            let (recognition, shown_by) = (*recognition, shown_by.clone());
            let confirmed = ConfirmedRecognition { recognition, document: shown_by, confirmed_on: envelope.on };
            document.recognitions.push(confirmed);
        }
        OrganisationFact::VatStatusSet { recoverable, .. } => document.vat_recoverable = Some(*recoverable),
        // Who owns it is seen where persons are, not in the register.
        OrganisationFact::BeneficialOwnersRecorded { .. } => {}
        OrganisationFact::Amended { name, legal_form, .. } => {
            if let Some(name) = name {
                document.name = name.clone();
            }
            document.legal_form = legal_form.unwrap_or(document.legal_form);
        }
        OrganisationFact::Deactivated { .. } => document.deactivated_on = Some(envelope.on),
    }
    Some(Document::Organisation(document))
}
