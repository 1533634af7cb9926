//! How the reference files are read: every line, with the file, line and column of whatever is not as it should be.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use csv::StringRecord;
use serde::Deserialize;
use sfs_domain::identity::{Cci, Label, Name, Postcode};
use sfs_domain::network_office::Site;
use sfs_domain::programme::{Module, Rates};
use sfs_domain::provenance::{Provenance, ProvenanceStatus};
use sfs_domain::reference::{District, Holiday, Reference, SchoolForm, SchoolYearDays};
use sfs_domain::school::Ownership;
use sfs_domain::{Ags, BasisPoints, BusinessDate, OrganisationId, Period, SchoolId, SchoolYear};

use super::{
    FundingCycleRow, FundingPeriodRow, OfficeRow, ProgrammeRow, ReferenceError, ReferenceFiles, SchoolRow, slug,
};

/// Reads all files.
pub(super) fn read() -> Result<ReferenceFiles, ReferenceError> {
    let programme: ProgrammeFile =
        serde_json::from_str(PROGRAMME).map_err(|source| ReferenceError::Json { file: "programme.json", source })?;
    let first_cycle = programme.programme.cycles.iter().map(|cycle| cycle.start.as_str()).min().unwrap_or_default();
    let first_cycle = in_json("cycles.start", first_cycle, BusinessDate::parse)?;
    Ok(ReferenceFiles {
        reference: Arc::new(reference()?),
        schools: rows("schools.csv", SCHOOLS, school)?,
        offices: rows("network_offices.csv", OFFICES, |row| office(row, first_cycle))?,
        programme: programme.row()?,
        funding_periods: rows("funding_periods.csv", FUNDING_PERIODS, funding_period)?,
        funding_cycles: rows("funding_cycles.csv", FUNDING_CYCLES, funding_cycle)?,
    })
}

const DISTRICTS: &str = include_str!("../../reference/districts.csv");
const SCHOOLS: &str = include_str!("../../reference/schools.csv");
const SCHOOL_FORMS: &str = include_str!("../../reference/school_forms.csv");
const OFFICES: &str = include_str!("../../reference/network_offices.csv");
const SCHOOL_YEARS: &str = include_str!("../../reference/school_years.csv");
const SCHOOL_HOLIDAYS: &str = include_str!("../../reference/school_holidays.csv");
const PUBLIC_HOLIDAYS: &str = include_str!("../../reference/public_holidays.csv");
const FUNDING_PERIODS: &str = include_str!("../../reference/funding_periods.csv");
const FUNDING_CYCLES: &str = include_str!("../../reference/funding_cycles.csv");
pub(super) const PROGRAMME: &str = include_str!("../../reference/programme.json");

fn reference() -> Result<Reference, ReferenceError> {
    let districts = rows("districts.csv", DISTRICTS, |row| {
        let district = District {
            name: row.text("name")?.into(),
            nuts3: row.text("nuts3")?.into(),
            kind: row.text("type")?.into(),
        };
        Ok((row.parse("ags5", Ags::parse)?, district))
    })?;
    let school_forms = rows("school_forms.csv", SCHOOL_FORMS, |row| {
        let form = SchoolForm {
            name_de: row.text("name_de")?.into(),
            name_en: row.text("name_en")?.into(),
            valid_from: None,
            valid_to: None,
        };
        Ok((row.text("code")?.to_owned(), form))
    })?;
    let school_years = rows("school_years.csv", SCHOOL_YEARS, |row| {
        let days = SchoolYearDays {
            first_school_day: row.parse("first_school_day_derived", BusinessDate::parse)?,
            last_school_day: row.parse("last_school_day_derived", BusinessDate::parse)?,
        };
        Ok((row.parse("school_year", |text| SchoolYear::try_from(text.to_owned()))?, days))
    })?;
    let mut school_holidays = rows("school_holidays.csv", SCHOOL_HOLIDAYS, |row| {
        Ok(Holiday {
            name: row.text("name")?.into(),
            first: row.parse("start", BusinessDate::parse)?,
            last: row.parse("end", BusinessDate::parse)?,
            confirmed: row.text("confirmed_by_second_source")? == "1",
        })
    })?;
    school_holidays.sort_by_key(|holiday| holiday.first);
    let public_holidays = rows("public_holidays.csv", PUBLIC_HOLIDAYS, |row| row.parse("date", BusinessDate::parse))?;
    Ok(Reference {
        districts: BTreeMap::from_iter(districts),
        school_forms: BTreeMap::from_iter(school_forms),
        school_years: BTreeMap::from_iter(school_years),
        school_holidays,
        public_holidays: BTreeSet::from_iter(public_holidays),
        ..Reference::default()
    })
}

pub(super) fn school(row: &Row<'_>) -> Result<SchoolRow, ReferenceError> {
    let form = match row.text("form_code")? {
        "" => "UNKNOWN",
        code => code,
    };
    Ok(SchoolRow {
        school: row.parse("school_id", SchoolId::parse)?,
        name: row.parse("name", Name::parse)?,
        form: Label::parse(form).map_err(|what| row.wrong("form_code", what))?,
        district: row.parse("district_ags5", Ags::parse)?,
        municipality: row.parse("municipality", Name::parse)?,
        ownership: match row.text("legal_status_inferred")? {
            "frei" => Ownership::Private,
            "" => Ownership::Unknown,
            _ => return Err(row.wrong("legal_status_inferred", "`frei` or nothing is expected")),
        },
    })
}

fn office(row: &Row<'_>, first_cycle: BusinessDate) -> Result<OfficeRow, ReferenceError> {
    let site = match row.text("place")? {
        "" => None,
        _ => Some(Site {
            place: row.parse("place", Name::parse)?,
            postcode: match row.text("postcode")? {
                "" => None,
                _ => Some(row.parse("postcode", Postcode::parse)?),
            },
        }),
    };
    let address = row.text("source_url")?.trim_start_matches("https://").trim_start_matches("www.");
    let source = match address.split('/').next() {
        Some(host) if !host.is_empty() => host,
        _ => "ESF list 2007-2013",
    };
    Ok(OfficeRow {
        district: row.parse("district_ags5", Ags::parse)?,
        name: row.parse("office", Name::parse)?,
        provider_name: row.parse("provider", Name::parse)?,
        provider: row.parse("provider", |name| OrganisationId::parse(slug(name)))?,
        public: match row.text("provider_kind")? {
            "public" => true,
            "independent" => false,
            _ => return Err(row.wrong("provider_kind", "`public` or `independent` is expected")),
        },
        from: match row.text("since")? {
            "" => first_cycle,
            text => first_day(text).ok_or_else(|| row.wrong("since", "a day, a month or a year is expected"))?,
        },
        site,
        provenance: Provenance {
            source: Label::parse(source).map_err(|what| row.wrong("source_url", what))?,
            status: row.status()?,
            as_of: row.text("as_of")?.split(' ').find_map(first_day),
        },
    })
}

fn funding_period(row: &Row<'_>) -> Result<FundingPeriodRow, ReferenceError> {
    Ok(FundingPeriodRow {
        label: row.parse("label", Label::parse)?,
        period: row.period()?,
        provenance: row.provenance()?,
    })
}

fn funding_cycle(row: &Row<'_>) -> Result<FundingCycleRow, ReferenceError> {
    let share = |column| {
        row.parse(column, |text| {
            text.parse::<i64>()
                .map_err(|why| why.to_string())
                .and_then(|points| BasisPoints::try_from(points).map_err(|why| why.to_string()))
        })
    };
    Ok(FundingCycleRow {
        cycle: row.parse("cycle", Label::parse)?,
        module: Module::from_code(row.text("module")?)
            .ok_or_else(|| row.wrong("module", "a module's code is expected"))?,
        period: row.period()?,
        rates: Rates {
            eu: share("eu_basis_points")?,
            land: share("land_basis_points")?,
            municipal: share("municipal_basis_points")?,
        },
        provenance: row.provenance()?,
    })
}

/// The first day of what is written as a day, a month or a year.
fn first_day(text: &str) -> Option<BusinessDate> {
    let rest = match text.len() {
        4 => "-01-01",
        7 => "-01",
        _ => "",
    };
    BusinessDate::parse(&format!("{text}{rest}")).ok()
}

/// What is read of `programme.json`.
#[derive(Deserialize)]
struct ProgrammeFile {
    programme: ProgrammeJson,
    eu_programmes: Vec<DocumentJson>,
    specific_objective: ObjectiveJson,
}

#[derive(Deserialize)]
struct ProgrammeJson {
    name: String,
    coordination_office: String,
    cycles: Vec<CycleJson>,
}

#[derive(Deserialize)]
struct CycleJson {
    start: String,
}

#[derive(Deserialize)]
struct DocumentJson {
    period: String,
    cci: String,
    #[serde(default)]
    decision_date: String,
}

#[derive(Deserialize)]
struct ObjectiveJson {
    reading: String,
}

impl ProgrammeFile {
    fn row(&self) -> Result<ProgrammeRow, ReferenceError> {
        let document = self.eu_programmes.iter().find(|document| document.period == "2021-2027");
        let (cci, decided_on) = document.map_or(("", ""), |document| (&document.cci, &document.decision_date));
        let objective = self.specific_objective.reading.split_whitespace().find(|word| word.starts_with("ESO"));
        // The carrier stands before the comma, the office behind it.
        let carrier = self.programme.coordination_office.split(',').next().unwrap_or_default();
        Ok(ProgrammeRow {
            cci: in_json("eu_programmes.cci", cci, Cci::parse)?,
            title: in_json("programme.name", &self.programme.name, Name::parse)?,
            specific_objective: in_json("specific_objective.reading", objective.unwrap_or_default(), Label::parse)?,
            decided_on: in_json("eu_programmes.decision_date", decided_on, BusinessDate::parse)?,
            coordination_office: in_json("programme.coordination_office", carrier, Name::parse)?,
        })
    }
}

fn in_json<'a, T, E: Display>(
    column: &'static str,
    value: &'a str,
    parse: impl Fn(&'a str) -> Result<T, E>,
) -> Result<T, ReferenceError> {
    parse(value).map_err(|what| ReferenceError::Value {
        file: "programme.json",
        line: 0,
        column,
        value: value.to_owned(),
        what: what.to_string(),
    })
}

/// A line of a table.
pub(super) struct Row<'a> {
    file: &'static str,
    columns: &'a StringRecord,
    values: StringRecord,
}

impl Row<'_> {
    fn text(&self, column: &'static str) -> Result<&str, ReferenceError> {
        let place = self.columns.iter().position(|name| name == column);
        place.and_then(|place| self.values.get(place)).ok_or(ReferenceError::Column { file: self.file, column })
    }

    fn parse<'s, T, E: Display>(
        &'s self,
        column: &'static str,
        parse: impl Fn(&'s str) -> Result<T, E>,
    ) -> Result<T, ReferenceError> {
        parse(self.text(column)?).map_err(|what| self.wrong(column, what))
    }

    fn period(&self) -> Result<Period, ReferenceError> {
        let from = self.parse("from", BusinessDate::parse)?;
        Period::new(from, self.parse("to", BusinessDate::parse)?).map_err(|what| self.wrong("to", what))
    }

    fn status(&self) -> Result<ProvenanceStatus, ReferenceError> {
        match self.text("status")? {
            "stated" => Ok(ProvenanceStatus::Stated),
            "inferred" => Ok(ProvenanceStatus::Inferred),
            "historic" => Ok(ProvenanceStatus::Historic),
            _ => Err(self.wrong("status", "`stated`, `inferred` or `historic` is expected")),
        }
    }

    fn provenance(&self) -> Result<Provenance, ReferenceError> {
        Ok(Provenance { source: self.parse("source", Label::parse)?, status: self.status()?, as_of: None })
    }

    fn wrong(&self, column: &'static str, what: impl Display) -> ReferenceError {
        ReferenceError::Value {
            file: self.file,
            line: self.values.position().map_or(0, csv::Position::line),
            column,
            value: self.text(column).unwrap_or_default().to_owned(),
            what: what.to_string(),
        }
    }
}

/// Reads every line of a table.
pub(super) fn rows<T>(
    file: &'static str,
    text: &str,
    read: impl Fn(&Row<'_>) -> Result<T, ReferenceError>,
) -> Result<Vec<T>, ReferenceError> {
    let csv = |source| ReferenceError::Csv { file, source };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().map_err(csv)?.clone();
    reader.records().map(|values| read(&Row { file, columns: &columns, values: values.map_err(csv)? })).collect()
}
