//! M02, school coverage: which schools have social work, since when, by whom. The rows of schools,
//! cooperations and agreements and their projection.

pub(crate) mod schools;

use sfs_domain::cooperation::Event as CooperationFact;
use sfs_domain::provenance::{Provenance, ProvenanceStatus};
use sfs_domain::school::{Event as SchoolFact, Ownership};
use sfs_domain::{BusinessDate, Category, Event, OrganisationId, SchoolId};
use sfs_sql::{Arg, Stmt};

use crate::bitemporal::{ALWAYS, Change, OPEN_END, STILL_KNOWN};
use crate::name_key::name_key;
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::recorded::Recorded;

static TABLES: [Table; 3] = [
    // A school exists on every day until it ends, also before it was registered; one row is one form.
    Table {
        name: "school",
        key: &[("school", Column::Text), ("known_from", Column::Int), ("from_day", Column::Int)],
        columns: &["known_to", "to_day", "ags", "name", "name_key", "form", "ownership", "provenance"],
        create: "create table school (
            school text not null, known_from integer not null, from_day integer not null, known_to integer not null,
            to_day integer not null, ags text not null, name text not null, name_key text not null,
            form text not null, ownership text not null, provenance text not null,
            primary key (school, known_from, from_day)
        ) strict, without rowid",
        indexes: &["create index school_name on school (name_key, school)"],
    },
    Table {
        name: "cooperation",
        key: &[("school", Column::Text), ("provider", Column::Text)],
        columns: &["known_from", "ags", "proposed_day"],
        create: "create table cooperation (
            school text not null, provider text not null, known_from integer not null, ags text not null,
            proposed_day integer not null, primary key (school, provider)
        ) strict, without rowid",
        indexes: &[],
    },
    Table {
        name: "agreement",
        key: &[
            ("school", Column::Text),
            ("provider", Column::Text),
            ("known_from", Column::Int),
            ("from_day", Column::Int),
        ],
        columns: &["known_to", "to_day", "ags", "ended_early"],
        create: "create table agreement (
            school text not null, provider text not null, known_from integer not null, from_day integer not null,
            known_to integer not null, to_day integer not null, ags text not null, ended_early integer not null,
            primary key (school, provider, known_from, from_day)
        ) strict, without rowid",
        indexes: &[],
    },
];

/// The projection of schools and their cooperations.
#[derive(Default)]
pub(crate) struct Schools {
    stmts: Vec<Stmt>,
}

impl Projection for Schools {
    fn tables(&self) -> &'static [Table] {
        &TABLES
    }

    fn categories(&self) -> &'static [Category] {
        &[Category::School, Category::Cooperation]
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        match &recorded.event {
            Event::School(event) => self.fold_school(recorded, event),
            Event::Cooperation(event) => self.fold_cooperation(recorded, event),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self) -> Vec<Stmt> {
        std::mem::take(&mut self.stmts)
    }
}

impl Schools {
    fn fold_school(&mut self, recorded: &Recorded, event: &SchoolFact) {
        let day = recorded.occurred_on.days();
        let change = || {
            let school = recorded.place.school.as_ref().map_or("", SchoolId::as_str);
            Change::new(&TABLES[0], recorded.pos(), vec![("school", Arg::Text(school.to_owned()))])
        };
        match event {
            SchoolFact::Registered { school, name, form, district, ownership, provenance, .. } => self.stmts.push(
                Stmt::new(
                    "insert into school (school, known_from, from_day, known_to, to_day, ags, name, name_key, form, \
                     ownership, provenance) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                )
                .text(school.as_str())
                .int(recorded.pos())
                .int(ALWAYS)
                .int(STILL_KNOWN)
                .int(OPEN_END)
                .text(district.as_str())
                .text(name.as_str())
                .text(name_key(name.as_str()))
                .text(form.as_str())
                .text(ownership_code(*ownership))
                .text(provenance_code(provenance.as_ref())),
            ),
            SchoolFact::FormChanged { form } => {
                self.stmts.extend(change().turn(day, &[("form", Arg::Text(form.as_str().to_owned()))]));
            }
            SchoolFact::Merged { .. } | SchoolFact::Closed {} => self.stmts.extend(change().cut(day, &[])),
            // Pupils stand in the register.
            SchoolFact::PupilsRecorded { .. } => {}
        }
    }

    fn fold_cooperation(&mut self, recorded: &Recorded, event: &CooperationFact) {
        let school = recorded.place.school.as_ref().map_or("", SchoolId::as_str);
        let provider = recorded.place.provider.as_ref().map_or("", OrganisationId::as_str);
        let parties = || vec![("school", Arg::Text(school.to_owned())), ("provider", Arg::Text(provider.to_owned()))];
        match event {
            CooperationFact::Proposed { school, provider, .. } => self.stmts.push(
                Stmt::new(
                    "insert into cooperation (school, provider, known_from, ags, proposed_day) \
                     values ($1, $2, $3, $4, $5)",
                )
                .text(school.as_str())
                .text(provider.as_str())
                .int(recorded.pos())
                .text(recorded.place.ags.as_str())
                .int(recorded.occurred_on.days()),
            ),
            CooperationFact::AgreementSigned { period, .. } => {
                self.agree(recorded, school, provider, period.from, period.to);
            }
            CooperationFact::AgreementAmended { before, period, .. } => {
                let change = Change::new(&TABLES[2], recorded.pos(), parties());
                self.stmts.push(change.close(&[("from_day = ", before.from.days())]));
                self.agree(recorded, school, provider, period.from, period.to);
            }
            CooperationFact::Terminated { on } => {
                let change = Change::new(&TABLES[2], recorded.pos(), parties());
                self.stmts.extend(change.cut(on.days(), &[("ended_early", Arg::Int(1))]));
            }
            // How a cooperation works stands in the register.
            CooperationFact::ConferenceResolutionRecorded { .. }
            | CooperationFact::ExpertOpinionRecorded { .. }
            | CooperationFact::ReviewHeld { .. }
            | CooperationFact::IssueRaised { .. }
            | CooperationFact::IssueResolved { .. } => {}
        }
    }

    fn agree(&mut self, recorded: &Recorded, school: &str, provider: &str, from: BusinessDate, to: BusinessDate) {
        self.stmts.push(
            Stmt::new(
                "insert into agreement (school, provider, known_from, from_day, known_to, to_day, ags, ended_early) \
                 values ($1, $2, $3, $4, $5, $6, $7, 0)",
            )
            .text(school)
            .text(provider)
            .int(recorded.pos())
            .int(from.days())
            .int(STILL_KNOWN)
            .int(to.days())
            .text(recorded.place.ags.as_str()),
        );
    }
}

/// The stored code of a provenance: its status, empty for what was decided here.
pub(crate) fn provenance_code(provenance: Option<&Provenance>) -> &'static str {
    match provenance.map(|provenance| provenance.status) {
        None => "",
        Some(ProvenanceStatus::Stated) => "stated",
        Some(ProvenanceStatus::Inferred) => "inferred",
        Some(ProvenanceStatus::Historic) => "historic",
    }
}

const fn ownership_code(ownership: Ownership) -> &'static str {
    match ownership {
        Ownership::Public => "public",
        Ownership::Private => "private",
        Ownership::Unknown => "unknown",
    }
}
