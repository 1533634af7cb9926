//! The register: what is known of every thing, as a document with its version, now and as of any
//! position. Interventions and principals are not in it.

pub mod documents;
pub(crate) mod entries;
mod people;
mod places;
mod programme;

use std::collections::HashMap;
use std::sync::Arc;

use sfs_domain::{Category, Event, Place, cooperation};
use sfs_eventlog::BoxFuture;
use sfs_sql::{SqlError, Stmt, Writer};

use crate::bitemporal::STILL_KNOWN;
use crate::name_key::name_key;
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::recorded::Recorded;
use documents::{Document, Envelope};

static TABLES: [Table; 2] = [
    Table {
        name: "register",
        key: &[("category", Column::Text), ("key", Column::Text), ("known_from", Column::Int)],
        columns: &["known_to", "version", "ags", "provider", "school", "name_key", "body"],
        create: "create table register (
            category text not null, key text not null, known_from integer not null, known_to integer not null,
            version integer not null, ags text not null, provider text not null, school text not null,
            name_key text not null, body text not null, primary key (category, key, known_from)
        ) strict",
        indexes: &["create index register_name on register (category, name_key, key)"],
    },
    // Every place that a thing has ever belonged to: whoever sees one of them sees the thing.
    Table {
        name: "register_place",
        key: &[
            ("category", Column::Text),
            ("key", Column::Text),
            ("ags", Column::Text),
            ("provider", Column::Text),
            ("school", Column::Text),
        ],
        columns: &["known_from"],
        create: "create table register_place (
            category text not null, key text not null, ags text not null, provider text not null,
            school text not null, known_from integer not null, primary key (category, key, ags, provider, school)
        ) strict, without rowid",
        indexes: &[],
    },
];

/// A thing as it stands.
struct Standing {
    /// The document as JSON: parsed only when an event comes, so that it costs little to keep.
    body: Box<str>,
    place: Arc<Place>,
    /// The row of this page that is still known, by its index; `None` if it is in the table.
    row: Option<usize>,
}

/// A row of this page.
struct NewRow {
    stream: Arc<str>,
    known_from: i64,
    known_to: i64,
    version: i64,
    place: Arc<Place>,
    name_key: String,
    body: Box<str>,
}

/// The projection.
#[derive(Default)]
pub(crate) struct Register {
    standing: HashMap<Arc<str>, Standing>,
    rows: Vec<NewRow>,
    /// Things whose row in the table is no longer known, and from where on.
    closed: Vec<(Arc<str>, i64)>,
    places: Vec<Stmt>,
}

impl Projection for Register {
    fn tables(&self) -> &'static [Table] {
        &TABLES
    }

    fn categories(&self) -> &'static [Category] {
        &[
            Category::Programme,
            Category::Organisation,
            Category::School,
            Category::NetworkOffice,
            Category::Cooperation,
            Category::Staff,
            Category::Vacancy,
            Category::TrainingNeed,
            Category::Training,
        ]
    }

    fn load<'a>(&'a mut self, tables: &'a mut Writer) -> BoxFuture<'a, Result<(), SqlError>> {
        Box::pin(async {
            let known =
                Stmt::new("select category, key, body, ags, provider, school from register where known_to = $1")
                    .int(STILL_KNOWN);
            for row in tables.fetch_all(known).await? {
                let stream: Arc<str> = format!("{}/{}", row.text(0)?, row.text(1)?).into();
                // A place that is none only costs one more row, which is there already.
                let place = crate::activity::place_of(row.text(3)?, row.text(5)?, row.text(4)?);
                let place = Arc::new(place.unwrap_or_else(Place::state));
                self.standing.insert(stream, Standing { body: row.text(2)?.into(), place, row: None });
            }
            Ok(())
        })
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        let category = recorded.event.category();
        let failed = |why: String| Contradiction { position: recorded.position, why };
        let known = self.standing.get(&recorded.stream);
        let before = known.map(|standing| Document::read(category, &standing.body)).transpose();
        let before = before.map_err(|why| failed(why.to_string()))?;
        let envelope = Envelope { on: recorded.occurred_on, place: &recorded.place };
        let document = Document::after(before, &recorded.event, envelope)
            .ok_or_else(|| failed(format!("it changes `{}`, of which nothing is known", recorded.stream)))?;
        let body: Box<str> = serde_json::to_string(&document).map_err(|why| failed(why.to_string()))?.into();

        let (row, moved) = match known {
            Some(standing) => (standing.row, *standing.place != *recorded.place),
            None => (None, true),
        };
        match (row.and_then(|row| self.rows.get_mut(row)), known) {
            (Some(row), _) => row.known_to = recorded.pos(),
            (None, Some(_)) => self.closed.push((Arc::clone(&recorded.stream), recorded.pos())),
            (None, None) => {}
        }
        if moved {
            self.places.push(place_row(category, recorded.key(), &recorded.place, recorded.pos()));
        }
        if let Event::Cooperation(cooperation::Event::Proposed { school, .. }) = &recorded.event {
            // The provider sees the school from now on.
            self.places.push(place_row(Category::School, school.as_str(), &recorded.place, recorded.pos()));
        }
        self.standing.insert(
            Arc::clone(&recorded.stream),
            Standing { body: body.clone(), place: Arc::clone(&recorded.place), row: Some(self.rows.len()) },
        );
        self.rows.push(NewRow {
            stream: Arc::clone(&recorded.stream),
            known_from: recorded.pos(),
            known_to: STILL_KNOWN,
            version: recorded.version as i64,
            place: Arc::clone(&recorded.place),
            name_key: name_key(&document.title()),
            body,
        });
        Ok(())
    }

    fn write(&mut self) -> Vec<Stmt> {
        let mut stmts = Vec::with_capacity(self.closed.len() + self.rows.len() + self.places.len());
        for (stream, position) in self.closed.drain(..) {
            let (category, key) = split(&stream);
            stmts.push(
                Stmt::new("update register set known_to = $1 where category = $2 and key = $3 and known_to = $4")
                    .int(position)
                    .text(category)
                    .text(key)
                    .int(STILL_KNOWN),
            );
        }
        for row in self.rows.drain(..) {
            let (category, key) = split(&row.stream);
            if let Some(standing) = self.standing.get_mut(&row.stream) {
                standing.row = None;
            }
            stmts.push(
                Stmt::new(
                    "insert into register (category, key, known_from, known_to, version, ags, provider, school, \
                     name_key, body) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                )
                .text(category)
                .text(key)
                .int(row.known_from)
                .int(row.known_to)
                .int(row.version)
                .text(row.place.ags.as_str())
                .text(row.place.provider.as_ref().map_or("", |provider| provider.as_str()))
                .text(row.place.school.as_ref().map_or("", |school| school.as_str()))
                .text(row.name_key)
                .text(row.body),
            );
        }
        stmts.append(&mut self.places);
        stmts
    }
}

fn split(stream: &str) -> (&str, &str) {
    stream.split_once('/').unwrap_or((stream, ""))
}

fn place_row(category: Category, key: &str, place: &Place, position: i64) -> Stmt {
    Stmt::new(
        "insert into register_place (category, key, ags, provider, school, known_from) \
         values ($1, $2, $3, $4, $5, $6) on conflict (category, key, ags, provider, school) do nothing",
    )
    .text(category.name())
    .text(key)
    .text(place.ags.as_str())
    .text(place.provider.as_ref().map_or("", |provider| provider.as_str()))
    .text(place.school.as_ref().map_or("", |school| school.as_str()))
    .int(position)
}
