//! Reference data: what the state and the statistics decide, versioned and valid in time.
//!
//! The files are the server's (`crates/server/reference`, each with source and licence); this is
//! their shape and what rules ask of them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{Ags, BasisPoints, BusinessDate, SchoolYear};

/// All reference data that a decision may ask. The default is no tables and the limits in force.
#[derive(Debug, Clone)]
pub struct Reference {
    /// Highest share that the fund may bear (CPR Art. 112: 60 % in a transition region).
    pub max_eu_rate: BasisPoints,
    /// Most minutes that one member of staff can have worked at one school on one day: ten hours
    /// (§ 3 ArbZG) and the breaks between, which nobody records apart.
    pub max_minutes_per_day: u32,
    /// Least share of a training's minutes that a certificate asks for (80 %, a parameter of the
    /// coordination office's trainings).
    pub min_certificate_attendance: BasisPoints,
    /// The 14 districts and cities by AGS.
    pub districts: BTreeMap<Ags, District>,
    /// School forms (§ 3 SchulG LSA) by code.
    pub school_forms: BTreeMap<String, SchoolForm>,
    /// School years by name.
    pub school_years: BTreeMap<SchoolYear, SchoolYearDays>,
    /// School holidays, sorted by first day.
    pub school_holidays: Vec<Holiday>,
    /// Public holidays.
    pub public_holidays: BTreeSet<BusinessDate>,
}

/// A district (Landkreis) or city (kreisfreie Stadt).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct District {
    /// Common name.
    pub name: String,
    /// NUTS-3 code. The order of the codes is not the order of the AGS.
    pub nuts3: String,
    /// `Landkreis` or `Kreisfreie Stadt`.
    pub kind: String,
}

/// A school form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchoolForm {
    /// German name.
    pub name_de: String,
    /// English name.
    pub name_en: String,
    /// First day on which the form exists, if it did not always.
    pub valid_from: Option<BusinessDate>,
    /// First day on which it no longer exists.
    pub valid_to: Option<BusinessDate>,
}

/// First and last day of teaching in a school year (derived from the holidays).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SchoolYearDays {
    /// First day of teaching.
    pub first_school_day: BusinessDate,
    /// Last day of teaching, included.
    pub last_school_day: BusinessDate,
}

/// A block of school holidays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holiday {
    /// German name.
    pub name: String,
    /// First day.
    pub first: BusinessDate,
    /// Last day, included.
    pub last: BusinessDate,
    /// Whether a second source says the same.
    pub confirmed: bool,
}

impl Default for Reference {
    fn default() -> Self {
        Self {
            max_eu_rate: BasisPoints::SIXTY_PERCENT,
            max_minutes_per_day: 720,
            min_certificate_attendance: BasisPoints::EIGHTY_PERCENT,
            districts: BTreeMap::new(),
            school_forms: BTreeMap::new(),
            school_years: BTreeMap::new(),
            school_holidays: Vec::new(),
            public_holidays: BTreeSet::new(),
        }
    }
}

impl Reference {
    /// Whether the AGS names one of the districts (not the state).
    pub fn is_district(&self, ags: &Ags) -> bool {
        self.districts.contains_key(ags)
    }

    /// Whether a school form exists on that day.
    pub fn is_school_form(&self, code: &str, on: BusinessDate) -> bool {
        self.school_forms
            .get(code)
            .is_some_and(|form| form.valid_from.is_none_or(|from| from <= on) && form.valid_to.is_none_or(|to| on < to))
    }

    /// Whether schools teach on that day: no weekend, no holiday.
    pub fn is_school_day(&self, day: BusinessDate) -> bool {
        use jiff::civil::Weekday::{Saturday, Sunday};
        !matches!(day.civil().weekday(), Saturday | Sunday)
            && !self.public_holidays.contains(&day)
            && !self.school_holidays.iter().any(|h| h.first <= day && day <= h.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::day;

    #[test]
    fn a_school_form_exists_from_its_first_to_before_its_last_day() {
        let mut reference = Reference::default();
        let form = SchoolForm {
            name_de: "Gemeinschaftsschule".into(),
            name_en: "community school".into(),
            valid_from: Some(day("2013-08-01")),
            valid_to: Some(day("2030-08-01")),
        };
        reference.school_forms.insert("GMS".into(), form);
        let exists = |on| reference.is_school_form("GMS", day(on));
        assert_eq!(["2013-07-31", "2013-08-01", "2030-07-31", "2030-08-01"].map(exists), [false, true, true, false],);
        assert!(!reference.is_school_form("GS", day("2020-01-01")));
    }

    #[test]
    fn schools_teach_on_no_weekend_and_no_holiday() {
        let mut reference = Reference::default();
        reference.public_holidays.insert(day("2026-10-31"));
        reference.public_holidays.insert(day("2026-05-01"));
        let autumn =
            Holiday { name: "Herbstferien".into(), first: day("2026-10-19"), last: day("2026-10-30"), confirmed: true };
        reference.school_holidays.push(autumn);
        let teaches = |on| reference.is_school_day(day(on));
        // Friday before, both ends of the holidays, Monday after; a Saturday, a Sunday, 1 May (a Friday).
        assert_eq!(["2026-10-16", "2026-10-19", "2026-10-30", "2026-11-02"].map(teaches), [true, false, false, true],);
        assert_eq!(["2026-09-05", "2026-09-06", "2026-05-01"].map(teaches), [false, false, false]);
    }
}
