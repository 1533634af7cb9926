//! The reference files that are built into the binary: districts, school forms, schools, network offices, calendars
//! and the programme, each parsed once. Sources and licences stand in `crates/server/reference/README.md`. Absent on
//! purpose: telephone numbers, mail addresses and websites of schools, which stand in the file and are never read.

mod reading;

use std::sync::{Arc, OnceLock};

use sfs_domain::identity::{Cci, Label, Name};
use sfs_domain::network_office::Site;
use sfs_domain::programme::{Module, Rates};
use sfs_domain::provenance::Provenance;
use sfs_domain::reference::Reference;
use sfs_domain::school::Ownership;
use sfs_domain::{Ags, BusinessDate, OrganisationId, Period, SchoolId};

/// Why a reference file cannot be used. It is part of the binary, so this is a defect of the binary.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// A line is not CSV.
    #[error("the reference file `{file}` is not readable as CSV")]
    Csv {
        /// The file.
        file: &'static str,
        /// What was found.
        source: csv::Error,
    },
    /// The file is not the JSON that it should be.
    #[error("the reference file `{file}` is not readable as JSON")]
    Json {
        /// The file.
        file: &'static str,
        /// What was found.
        source: serde_json::Error,
    },
    /// A column is missing.
    #[error("the reference file `{file}` has no column `{column}`")]
    Column {
        /// The file.
        file: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A value is not what it should be.
    #[error("the reference file `{file}`, line {line}, column `{column}`: `{value}` cannot be used: {what}")]
    Value {
        /// The file.
        file: &'static str,
        /// The line, counted from 1; 0 if the file has no lines.
        line: u64,
        /// The column or field.
        column: &'static str,
        /// What stands there.
        value: String,
        /// What is wrong with it.
        what: String,
    },
}

/// Everything that the files hold, as far as the product needs it.
#[derive(Debug)]
pub struct ReferenceFiles {
    /// What decisions are told.
    pub reference: Arc<Reference>,
    /// The 901 schools of the list of 2016.
    pub schools: Vec<SchoolRow>,
    /// The 14 network offices.
    pub offices: Vec<OfficeRow>,
    /// The programme.
    pub programme: ProgrammeRow,
    /// The funding periods, also those before the current programme document.
    pub funding_periods: Vec<FundingPeriodRow>,
    /// The funding cycles by module.
    pub funding_cycles: Vec<FundingCycleRow>,
}

/// A school of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchoolRow {
    /// Identifier of the list; there is no official number in it.
    pub school: SchoolId,
    /// Name.
    pub name: Name,
    /// Code of the school form, concluded from name and mail domain; `UNKNOWN` where it cannot be.
    pub form: Label,
    /// District, concluded from the municipality.
    pub district: Ags,
    /// The municipality.
    pub municipality: Name,
    /// Private where the name says so, else not known.
    pub ownership: Ownership,
}

/// A network office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeRow {
    /// District.
    pub district: Ags,
    /// Name.
    pub name: Name,
    /// Name of the provider.
    pub provider_name: Name,
    /// Identifier of the provider, made from its name.
    pub provider: OrganisationId,
    /// Whether the provider is a district or city.
    pub public: bool,
    /// First day: as stated, else the first day of the first cycle.
    pub from: BusinessDate,
    /// Its site, if known.
    pub site: Option<Site>,
    /// Stated, inferred or historic, and as of when.
    pub provenance: Provenance,
}

/// The programme.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgrammeRow {
    /// Common code of the programme document.
    pub cci: Cci,
    /// Title.
    pub title: Name,
    /// Specific objective; an assumption from the wording of the guideline.
    pub specific_objective: Label,
    /// Day of the Commission's decision on the programme document.
    pub decided_on: BusinessDate,
    /// Who carries the coordination office.
    pub coordination_office: Name,
}

/// A funding period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingPeriodRow {
    /// Label.
    pub label: Label,
    /// Its days.
    pub period: Period,
    /// Where it comes from.
    pub provenance: Provenance,
}

/// A funding cycle of one module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingCycleRow {
    /// Label: number of the cycle and letter of the module.
    pub cycle: Label,
    /// What is funded.
    pub module: Module,
    /// Its days.
    pub period: Period,
    /// Who bears which share.
    pub rates: Rates,
    /// Where it comes from; inferred where a share was concluded.
    pub provenance: Provenance,
}

/// The files, parsed at the first call.
pub fn files() -> Result<&'static ReferenceFiles, &'static ReferenceError> {
    static FILES: OnceLock<Result<ReferenceFiles, ReferenceError>> = OnceLock::new();
    FILES.get_or_init(reading::read).as_ref()
}

/// An identifier made from a name: small letters, digits and hyphens, `ä` as `ae`, at most 80 long.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.chars().flat_map(char::to_lowercase) {
        match letter {
            'ä' => slug.push_str("ae"),
            'ö' => slug.push_str("oe"),
            'ü' => slug.push_str("ue"),
            'ß' => slug.push_str("ss"),
            letter if letter.is_ascii_alphanumeric() => slug.push(letter),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.truncate(80);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sfs_domain::provenance::ProvenanceStatus;

    use super::reading::{PROGRAMME, rows, school};
    use super::*;

    fn day(text: &str) -> BusinessDate {
        BusinessDate::parse(text).unwrap()
    }

    #[test]
    fn the_state_has_14_districts_each_with_one_office_and_901_listed_schools() {
        let files = files().unwrap();
        let districts: BTreeSet<&Ags> = files.reference.districts.keys().collect();
        assert_eq!(districts.len(), 14);
        assert_eq!(files.offices.iter().map(|office| &office.district).collect::<BTreeSet<_>>(), districts);
        assert_eq!(files.offices.len(), 14);
        assert_eq!(files.schools.len(), 901);
        assert_eq!(files.schools.iter().map(|school| &school.school).collect::<BTreeSet<_>>().len(), 901);
        assert!(files.schools.iter().all(|school| districts.contains(&school.district)));
        let boerde = Ags::parse("15083").unwrap();
        assert_eq!(files.reference.districts[&boerde].nuts3, "DEE07", "the NUTS order is not the AGS order");
    }

    #[test]
    fn every_school_has_a_form_of_the_list() {
        let files = files().unwrap();
        let unlisted: Vec<_> = files
            .schools
            .iter()
            .filter(|school| !files.reference.is_school_form(school.form.as_str(), day("2016-12-01")))
            .collect();
        assert!(unlisted.is_empty(), "{unlisted:?}");
        let of = |code: &str| files.schools.iter().filter(|school| school.form.as_str() == code).count();
        assert_eq!([of("GS"), of("SEK"), of("WAL"), of("ZBW"), of("UNKNOWN")], [501, 156, 3, 2, 5]);
        let private = files.schools.iter().filter(|school| school.ownership == Ownership::Private).count();
        assert_eq!(private, 81);
    }

    #[test]
    fn the_calendars_are_whole() {
        let reference = &files().unwrap().reference;
        assert_eq!(reference.school_holidays.len(), 60);
        assert_eq!(reference.school_holidays.iter().filter(|holiday| holiday.confirmed).count(), 33);
        assert_eq!(reference.public_holidays.len(), 103);
        assert_eq!(reference.school_years.len(), 7);
        assert!(!reference.is_school_day(day("2025-10-31")), "Reformation day");
        assert!(!reference.is_school_day(day("2026-02-03")), "winter holidays");
        assert!(reference.is_school_day(day("2026-02-10")));
    }

    #[test]
    fn what_is_only_inferred_or_historic_says_so() {
        let offices = &files().unwrap().offices;
        let with = |status| offices.iter().filter(|office| office.provenance.status == status).count();
        assert_eq!(with(ProvenanceStatus::Stated), 8);
        assert_eq!(with(ProvenanceStatus::Inferred), 3);
        assert_eq!(with(ProvenanceStatus::Historic), 3);
        let of = |ags: &str| offices.iter().find(|office| office.district.as_str() == ags).unwrap();
        assert_eq!(of("15088").provenance.source.as_str(), "ESF list 2007-2013");
        assert_eq!(of("15088").provenance.as_of, Some(day("2011-01-01")));
        assert_eq!(of("15083").provenance.as_of, Some(day("2019-06-01")));
        assert_eq!(of("15082").provenance.as_of, Some(day("2015-01-01")), "`about 2015`");
        assert_eq!((of("15091").from, of("15001").from), (day("2009-01-01"), day("2022-08-01")));
        assert_eq!(of("15089").site, None);
        assert_eq!(of("15002").provider.as_str(), "stadt-halle-saale");
    }

    #[test]
    fn the_cycles_are_those_of_the_programme_and_their_shares_are_whole() {
        let files = files().unwrap();
        assert_eq!(files.programme.cci.as_str(), "2021DE05SFPR013");
        assert_eq!(files.programme.specific_objective.as_str(), "ESO4.6");
        assert_eq!(files.programme.coordination_office.as_str(), "Deutsche Kinder- und Jugendstiftung GmbH");
        assert_eq!(files.funding_periods.len(), 3);
        for cycle in &files.funding_cycles {
            let Rates { eu, land, municipal } = cycle.rates;
            assert_eq!(eu.get() + land.get() + municipal.get(), 10_000, "{cycle:?}");
            assert!(eu <= files.reference.max_eu_rate);
        }
        let json: serde_json::Value = serde_json::from_str(PROGRAMME).unwrap();
        for cycle in json["programme"]["cycles"].as_array().unwrap() {
            let (start, end) = (day(cycle["start"].as_str().unwrap()), day(cycle["end"].as_str().unwrap()));
            let no = cycle["no"].to_string();
            let rows: Vec<_> = files.funding_cycles.iter().filter(|row| row.cycle.as_str().starts_with(&no)).collect();
            assert!(!rows.is_empty());
            assert!(rows.iter().all(|row| row.period == Period::new(start, end.plus_days(1)).unwrap()), "{rows:?}");
        }
    }

    #[test]
    fn a_wrong_value_is_named_with_file_line_and_column() {
        let text = "school_id,name,form_code,district_ags5,municipality,legal_status_inferred\nS1,Schule,GS,15083,Ort,\nS 2,Schule,GS,15083,Ort,\n";
        let wrong = rows("schools.csv", text, school).unwrap_err();
        assert_eq!(
            wrong.to_string(),
            "the reference file `schools.csv`, line 3, column `school_id`: `S 2` cannot be used: a school identifier has \
             1 to 40 letters, digits or hyphens"
        );
        let missing = rows("schools.csv", "school_id\nS1\n", school).unwrap_err();
        assert_eq!(missing.to_string(), "the reference file `schools.csv` has no column `form_code`");
    }

    #[test]
    fn a_slug_keeps_only_small_letters_digits_and_hyphens() {
        assert_eq!(slug("Stadt Dessau-Roßlau"), "stadt-dessau-rosslau");
        assert_eq!(slug("  Träger »Übermut« e. V. "), "traeger-uebermut-e-v");
    }
}
