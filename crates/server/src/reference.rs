//! The reference files that are built into the binary: districts, school forms, schools, network offices, calendars
//! and the programme, each parsed once. Sources and licences stand in `crates/server/reference/README.md`. Absent on
//! purpose: telephone numbers, mail addresses and websites of schools, which stand in the file and are never read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::{Arc, OnceLock};

use csv::StringRecord;
use serde::Deserialize;
use sfs_domain::identity::{Cci, Label, Name, Postcode};
use sfs_domain::network_office::Site;
use sfs_domain::programme::{Module, Rates};
use sfs_domain::provenance::{Provenance, ProvenanceStatus};
use sfs_domain::reference::{District, Holiday, Reference, SchoolForm, SchoolYearDays};
use sfs_domain::school::Ownership;
use sfs_domain::{Ags, BasisPoints, BusinessDate, OrganisationId, Period, SchoolId, SchoolYear};

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
    FILES.get_or_init(read).as_ref()
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

fn read() -> Result<ReferenceFiles, ReferenceError> {
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

const DISTRICTS: &str = include_str!("../reference/districts.csv");
const SCHOOLS: &str = include_str!("../reference/schools.csv");
const SCHOOL_FORMS: &str = include_str!("../reference/school_forms.csv");
const OFFICES: &str = include_str!("../reference/network_offices.csv");
const SCHOOL_YEARS: &str = include_str!("../reference/school_years.csv");
const SCHOOL_HOLIDAYS: &str = include_str!("../reference/school_holidays.csv");
const PUBLIC_HOLIDAYS: &str = include_str!("../reference/public_holidays.csv");
const FUNDING_PERIODS: &str = include_str!("../reference/funding_periods.csv");
const FUNDING_CYCLES: &str = include_str!("../reference/funding_cycles.csv");
const PROGRAMME: &str = include_str!("../reference/programme.json");

fn reference() -> Result<Reference, ReferenceError> {
    let districts = rows("districts.csv", DISTRICTS, |row| {
        let district =
            District { name: row.text("name")?.into(), nuts3: row.text("nuts3")?.into(), kind: row.text("type")?.into() };
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

fn school(row: &Row<'_>) -> Result<SchoolRow, ReferenceError> {
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
    Ok(FundingPeriodRow { label: row.parse("label", Label::parse)?, period: row.period()?, provenance: row.provenance()? })
}

fn funding_cycle(row: &Row<'_>) -> Result<FundingCycleRow, ReferenceError> {
    let share = |column| row.parse(column, |text| text.parse::<i64>().map_err(|why| why.to_string()).and_then(|points| BasisPoints::try_from(points).map_err(|why| why.to_string())));
    Ok(FundingCycleRow {
        cycle: row.parse("cycle", Label::parse)?,
        module: Module::from_code(row.text("module")?).ok_or_else(|| row.wrong("module", "a module's code is expected"))?,
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
struct Row<'a> {
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
fn rows<T>(
    file: &'static str,
    text: &str,
    read: impl Fn(&Row<'_>) -> Result<T, ReferenceError>,
) -> Result<Vec<T>, ReferenceError> {
    let csv = |source| ReferenceError::Csv { file, source };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let columns = reader.headers().map_err(csv)?.clone();
    reader.records().map(|values| read(&Row { file, columns: &columns, values: values.map_err(csv)? })).collect()
}

#[cfg(test)]
mod tests {
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
