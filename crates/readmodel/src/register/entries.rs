//! The register's lists and entries: who sees which, and in what order.

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::{Ags, Category, OrganisationId, Place, SchoolId};
use sfs_sql::Row;

use super::documents::{AssignmentDocument, ConfirmedQualification, Document};
use crate::activity::place_of;
use crate::answer::{Answer, AsOf, Cursor, Definition, PageRequest, QueryError, Valid, cut_page};
use crate::bitemporal::known_at;
use crate::composed::Composed;
use crate::name_key::name_key;
use crate::read_models::ReadModels;
use crate::viewer::{Denied, PlaceColumns, Viewer, Visibility};

/// What the register shows.
pub const REGISTER: Definition = Definition {
    name: "register",
    version: 1,
    de: "Register: die Angaben zu einem Gegenstand, wie sie stehen.",
    en: "Register: the particulars of a thing as they stand.",
    formula_de: "Alle Ereignisse des Gegenstands in ihrer Reihenfolge angewandt; die Version zählt sie. Geordnet nach dem \
                 Namen ohne Akzente, Groß- und Kleinschreibung.",
    formula_en: "All events of the thing applied in their order; the version counts them. Ordered by the name without \
                 accents and case.",
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct RegisterQuery {
    /// What kind of things.
    pub category: Category,
    /// As of when.
    pub as_of: AsOf,
    /// Only what has belonged to this district.
    pub district: Option<Ags>,
    /// Only what has belonged to this provider.
    pub provider: Option<OrganisationId>,
    /// Only what has belonged to this school.
    pub school: Option<SchoolId>,
    /// Only what is called something that begins like this, whatever its accents and case.
    pub prefix: Option<String>,
    /// Which part of the list.
    pub page: PageRequest,
}

impl RegisterQuery {
    /// Everything of that kind as it is known now.
    pub fn of(category: Category) -> Self {
        let (as_of, page) = (AsOf::default(), PageRequest::default());
        Self { category, as_of, district: None, provider: None, school: None, prefix: None, page }
    }
}

/// A thing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RegisterEntry {
    /// Its stream's name behind the category.
    pub key: String,
    /// Version of its stream: what `If-Match` is compared with.
    pub version: u64,
    /// Position of the event that made it what it is.
    pub position: u64,
    /// District that its last event belongs to; `15` for the whole state.
    pub district: String,
    /// Provider that was responsible for its last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// School of its last event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub school: Option<String>,
    /// Its particulars.
    pub document: Document,
}

/// A page of the register.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RegisterList {
    /// Things, by name and key.
    pub entries: Vec<RegisterEntry>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

const PLACES: PlaceColumns = PlaceColumns { ags: "p.ags", provider: "p.provider", school: "p.school" };

const COLUMNS: &str = "select r.name_key, r.key, r.version, r.known_from, r.ags, r.provider, r.school, r.body \
                       from register r where r.category = ";

/// The view that shows things of a category; `None` for those that have no document.
const fn view_of(category: Category) -> Option<View> {
    match category {
        Category::Programme => Some(View::Overview),
        Category::Organisation | Category::School | Category::NetworkOffice | Category::Cooperation => {
            Some(View::Coverage)
        }
        Category::Staff | Category::Vacancy => Some(View::Staffing),
        Category::TrainingNeed | Category::Training => Some(View::Trainings),
        Category::Intervention
        | Category::Principal
        | Category::Person
        | Category::Absence
        | Category::SupportCase
        | Category::ChildProtection
        | Category::Log => None,
    }
}

fn scopes(viewer: &Viewer, category: Category) -> Result<Visibility, Denied> {
    view_of(category).map_or(Err(Denied::NoAccess), |view| viewer.scopes(view))
}

/// Adds that the thing has belonged to a place that the viewer sees.
fn seen(stmt: &mut Composed, visible: &Visibility, known: i64) {
    if !visible.is_everything() {
        stmt.sql(" and exists (select 1 from register_place p where p.category = r.category and p.key = r.key");
        stmt.sql(" and p.known_from <= ").int(known);
        visible.restrict_or_state(stmt, PLACES);
        stmt.sql(")");
    }
}

impl ReadModels {
    /// A page of the things of a category.
    pub async fn register(&self, viewer: &Viewer, query: &RegisterQuery) -> Result<Answer<RegisterList>, QueryError> {
        let visible = scopes(viewer, query.category)?;
        let asked = self.asked(query.as_of);
        let (known, limit) = (asked.known(), query.page.limit());
        let mut stmt = Composed::new(COLUMNS);
        stmt.text(query.category.name());
        known_at(&mut stmt, "r.", known);
        seen(&mut stmt, &visible, known);
        for (column, value) in [
            ("p.ags", query.district.as_ref().map(Ags::as_str)),
            ("p.provider", query.provider.as_ref().map(OrganisationId::as_str)),
            ("p.school", query.school.as_ref().map(SchoolId::as_str)),
        ] {
            if let Some(value) = value {
                stmt.sql(" and exists (select 1 from register_place p where p.category = r.category and p.key = r.key");
                stmt.sql(" and p.known_from <= ").int(known).sql(" and ").sql(column).sql(" = ").text(value);
                visible.restrict_or_state(&mut stmt, PLACES);
                stmt.sql(")");
            }
        }
        if let Some(prefix) = query.prefix.as_deref().map(name_key).filter(|prefix| !prefix.is_empty()) {
            let end = format!("{prefix}{}", char::MAX);
            stmt.sql(" and r.name_key >= ").text(prefix).sql(" and r.name_key < ").text(end);
        }
        if let Some(after) = &query.page.after {
            let (name, key) = after.pair()?;
            stmt.sql(" and (r.name_key, r.key) > (").text(name).sql(",").text(key).sql(")");
        }
        stmt.sql(" order by r.name_key, r.key limit ").int(limit as i64 + 1);
        let (position, answers) = asked.fetch(vec![stmt.stmt()]).await?;
        let read = |row| entry(row, query.category, &visible);
        let mut rows: Vec<(Cursor, RegisterEntry)> = answers[0].iter().map(read).collect::<Result<_, _>>()?;
        let next = cut_page(&mut rows, limit, |(cursor, _)| cursor.clone());
        let entries = rows.into_iter().map(|(_, entry)| entry).collect();
        Ok(asked.answer(RegisterList { entries, next }, &REGISTER, position, Valid::default()))
    }

    /// One thing; `None` if there is none, or none that the viewer sees.
    pub async fn register_entry(
        &self,
        viewer: &Viewer,
        category: Category,
        key: &str,
        as_of: AsOf,
    ) -> Result<Answer<Option<RegisterEntry>>, QueryError> {
        let visible = scopes(viewer, category)?;
        let asked = self.asked(as_of);
        let mut stmt = Composed::new(COLUMNS);
        stmt.text(category.name()).sql(" and r.key = ").text(key);
        known_at(&mut stmt, "r.", asked.known());
        seen(&mut stmt, &visible, asked.known());
        let (position, answers) = asked.fetch(vec![stmt.stmt()]).await?;
        let found = answers[0].first().map(|row| entry(row, category, &visible)).transpose()?;
        Ok(asked.answer(found.map(|(_, entry)| entry), &REGISTER, position, Valid::default()))
    }
}

fn entry(row: &Row, category: Category, visible: &Visibility) -> Result<(Cursor, RegisterEntry), QueryError> {
    let some = |column| Ok::<_, QueryError>(Some(row.text(column)?.to_owned()).filter(|text| !text.is_empty()));
    let mut document = Document::read(category, row.text(7)?).map_err(|why| QueryError::Row(why.to_string()))?;
    let mut place = (row.text(4)?.to_owned(), some(5)?, some(6)?);
    if let Document::Staff(staff) = &mut document
        && !visible.is_everything()
    {
        // One person may work for several providers: each sees its own part.
        staff.assignments.retain(|assignment| visible.contains(&assignment.place()));
        staff.qualifications.retain(|qualification| visible.contains(&qualification.place()));
        let last = place_of(&place.0, place.2.as_deref().unwrap_or(""), place.1.as_deref().unwrap_or(""));
        if !last.is_some_and(|last| visible.contains(&last)) {
            let seen = staff.assignments.last().map(AssignmentDocument::place);
            let seen = seen.or_else(|| staff.qualifications.last().map(ConfirmedQualification::place));
            place = shown(&seen.unwrap_or_else(Place::state));
        }
    }
    let (district, provider, school) = place;
    let entry = RegisterEntry {
        key: row.text(1)?.to_owned(),
        version: row.int(2)? as u64,
        position: row.int(3)? as u64,
        district,
        provider,
        school,
        document,
    };
    Ok((Cursor::of([row.text(0)?, row.text(1)?]), entry))
}

fn shown(place: &Place) -> (String, Option<String>, Option<String>) {
    let text = |id: &str| id.to_owned();
    (
        place.ags.as_str().to_owned(),
        place.provider.as_ref().map(|provider| text(provider.as_str())),
        place.school.as_ref().map(|school| text(school.as_str())),
    )
}
