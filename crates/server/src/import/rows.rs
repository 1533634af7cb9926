//! From a row of a user's table to the command that it asks for.

use std::collections::HashMap;

use sfs_domain::identity::{Label, Name, Postcode};
use sfs_domain::network_office::Site;
use sfs_domain::organisation::{Kind as OrganisationKind, LegalForm, Sector};
use sfs_domain::provenance::{Provenance, ProvenanceStatus};
use sfs_domain::school::Ownership;
use sfs_domain::{Ags, BusinessDate, Command, OrganisationId, Reason, SchoolId, network_office, organisation, school};

use super::columns::Kind;
use super::table::{Row, Table};
use super::user_file::Finding;

/// A row as a command.
pub(super) struct Draft {
    pub row: u64,
    pub command: Command,
    /// Business date; today if the row says nothing.
    pub on: Option<BusinessDate>,
    pub reason: Option<Reason>,
}

/// The name of the command that a row of that kind is.
pub(super) const fn command_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Schools => "register-school",
        Kind::Organisations => "register-organisation",
        Kind::Offices => "establish-network-office",
    }
}

/// The column that says which thing a row is about.
const fn key(kind: Kind) -> &'static str {
    match kind {
        Kind::Schools => "school_id",
        Kind::Organisations => "organisation_id",
        Kind::Offices => "district_ags5",
    }
}

/// Reads every row; what cannot be read is a finding.
pub(super) fn drafts(table: &Table, findings: &mut Vec<Finding>) -> Vec<Draft> {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    let mut drafts = Vec::with_capacity(table.rows.len());
    for row in &table.rows {
        if let Some(name) = row.text(key(table.kind))
            && let Some(first) = seen.insert(name, row.number)
        {
            findings.push(Finding::new(
                Some(row.number),
                Some(key(table.kind)),
                "IMP-09",
                format!("„{name}“ steht schon in Zeile {first}."),
                format!("`{name}` already stands in row {first}."),
            ));
        }
        let command = match table.kind {
            Kind::Schools => school(row, findings).map(Command::School),
            Kind::Organisations => organisation(row, findings).map(Command::Organisation),
            Kind::Offices => office(row, findings).map(Command::NetworkOffice),
        };
        let on = row.read("registered_on", findings, BusinessDate::parse);
        let reason = row.read("reason", findings, |code| Reason::from_code(code).ok_or(""));
        drafts.extend(command.map(|command| Draft { row: row.number, command, on, reason }));
    }
    drafts
}

fn school(row: &Row, findings: &mut Vec<Finding>) -> Option<school::Command> {
    let school = row.need("school_id", findings, SchoolId::parse);
    let name = row.need("name", findings, Name::parse);
    let form = row.need("form_code", findings, Label::parse);
    let district = row.need("district_ags5", findings, Ags::parse);
    let ownership = row.need("ownership", findings, |code| match code {
        "public" => Ok(Ownership::Public),
        "private" => Ok(Ownership::Private),
        "unknown" => Ok(Ownership::Unknown),
        _ => Err(""),
    });
    let authority = row.read("authority_id", findings, OrganisationId::parse);
    let provenance = provenance(row, findings);
    Some(school::Command::RegisterSchool {
        school: school?,
        name: name?,
        form: form?,
        district: district?,
        ownership: ownership?,
        authority,
        provenance,
    })
}

fn organisation(row: &Row, findings: &mut Vec<Finding>) -> Option<organisation::Command> {
    let organisation = row.need("organisation_id", findings, OrganisationId::parse);
    let name = row.need("name", findings, Name::parse);
    let legal_form = row.need("legal_form", findings, |code| LegalForm::from_code(code).ok_or(""));
    let sector = row.need("sector", findings, |code| Sector::from_code(code).ok_or(""));
    let kind = row.need("kind", findings, |code| OrganisationKind::from_code(code).ok_or(""));
    let district = row.read("district_ags5", findings, Ags::parse);
    let provenance = provenance(row, findings);
    Some(organisation::Command::RegisterOrganisation {
        organisation: organisation?,
        name: name?,
        legal_form: legal_form?,
        sector: sector?,
        kind: kind?,
        district,
        provenance,
    })
}

fn office(row: &Row, findings: &mut Vec<Finding>) -> Option<network_office::Command> {
    let district = row.need("district_ags5", findings, Ags::parse);
    let name = row.need("name", findings, Name::parse);
    let provider = row.need("provider_id", findings, OrganisationId::parse);
    let from = row.need("from", findings, BusinessDate::parse);
    let place = row.read("place", findings, Name::parse);
    let postcode = row.read("postcode", findings, Postcode::parse);
    if row.text("postcode").is_some() && row.text("place").is_none() {
        findings.push(Finding::new(
            Some(row.number),
            Some("place"),
            "IMP-11",
            "Zu einer Postleitzahl gehört der Ort.",
            "A postcode needs its town.",
        ));
    }
    let provenance = provenance(row, findings);
    Some(network_office::Command::EstablishNetworkOffice {
        district: district?,
        name: name?,
        provider: provider?,
        from: from?,
        site: place.map(|place| Site { place, postcode }),
        provenance,
    })
}

fn provenance(row: &Row, findings: &mut Vec<Finding>) -> Option<Provenance> {
    let source = row.read("source", findings, Label::parse);
    let status = row.read("status", findings, |code| match code {
        "stated" => Ok(ProvenanceStatus::Stated),
        "inferred" => Ok(ProvenanceStatus::Inferred),
        "historic" => Ok(ProvenanceStatus::Historic),
        _ => Err(""),
    });
    let as_of = row.read("as_of", findings, BusinessDate::parse);
    let filled = |column| row.text(column).is_some();
    if filled("source") != filled("status") || (filled("as_of") && !filled("source")) {
        let missing = if filled("source") { "status" } else { "source" };
        findings.push(Finding::new(
            Some(row.number),
            Some(missing),
            "IMP-12",
            "Zu einer Herkunft gehören Quelle und Status.",
            "A provenance needs source and status.",
        ));
    }
    Some(Provenance { source: source?, status: status?, as_of })
}
