//! M14, trainings: are they needs-based, and whom do they reach? The rows of needs and trainings and
//! their projection.

pub(crate) mod list;

use sfs_domain::training::Event as TrainingFact;
use sfs_domain::training_need::Event as NeedFact;
use sfs_domain::{Category, ClientKey, Event, Headcount};
use sfs_sql::{Arg, Stmt};

use crate::bitemporal::{Change, OPEN_END, STILL_KNOWN};
use crate::projection::{Contradiction, Kind as Column, Projection, Table};
use crate::recorded::Recorded;

static TABLES: [Table; 3] = [
    Table {
        name: "training_need",
        key: &[("need", Column::Text), ("known_from", Column::Int), ("from_day", Column::Int)],
        columns: &["known_to", "to_day", "ags", "topic", "source"],
        create: "create table training_need (
            need text not null, known_from integer not null, from_day integer not null, known_to integer not null,
            to_day integer not null, ags text not null, topic text not null, source text not null,
            primary key (need, known_from, from_day)
        ) strict, without rowid",
        indexes: &[],
    },
    // `day` is the day on which it was held, or begins.
    Table {
        name: "training",
        key: &[("training", Column::Text), ("known_from", Column::Int)],
        columns: &[
            "known_to",
            "ags",
            "topic",
            "format",
            "status",
            "day",
            "begins_day",
            "seats",
            "minutes",
            "registered",
            "women",
            "men",
            "non_binary",
            "responses",
            "score",
        ],
        create: "create table training (
            training text not null, known_from integer not null, known_to integer not null, ags text not null,
            topic text not null, format text not null, status text not null, day integer not null,
            begins_day integer not null, seats integer not null, minutes integer not null,
            registered integer not null, women integer, men integer, non_binary integer, responses integer,
            score integer, primary key (training, known_from)
        ) strict, without rowid",
        indexes: &["create index training_day on training (day, training)"],
    },
    Table {
        name: "training_answers",
        key: &[("training", Column::Text), ("need", Column::Text)],
        columns: &[],
        create: "create table training_answers (
            training text not null, need text not null, primary key (training, need)
        ) strict, without rowid",
        indexes: &["create index training_answers_need on training_answers (need, training)"],
    },
];

/// The projection of needs and trainings.
#[derive(Default)]
pub(crate) struct Trainings {
    stmts: Vec<Stmt>,
}

impl Projection for Trainings {
    fn tables(&self) -> &'static [Table] {
        &TABLES
    }

    fn categories(&self) -> &'static [Category] {
        &[Category::TrainingNeed, Category::Training]
    }

    fn fold(&mut self, recorded: &Recorded) -> Result<(), Contradiction> {
        match &recorded.event {
            Event::TrainingNeed(event) => self.fold_need(recorded, event),
            Event::Training(event) => self.fold_training(recorded, event),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self) -> Vec<Stmt> {
        std::mem::take(&mut self.stmts)
    }
}

impl Trainings {
    fn fold_need(&mut self, recorded: &Recorded, event: &NeedFact) {
        match event {
            NeedFact::Identified { need, source, topic, district } => self.stmts.push(
                Stmt::new(
                    "insert into training_need (need, known_from, from_day, known_to, to_day, ags, topic, source) \
                     values ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .text(need.to_string())
                .int(recorded.pos())
                .int(recorded.occurred_on.days())
                .int(STILL_KNOWN)
                .int(OPEN_END)
                .text(district.as_str())
                .text(topic.code())
                .text(source.code()),
            ),
            NeedFact::Withdrawn { need } => {
                let change = Change::new(&TABLES[0], recorded.pos(), vec![("need", Arg::Text(need.to_string()))]);
                self.stmts.extend(change.cut(recorded.occurred_on.days(), &[]));
            }
        }
    }

    fn fold_training(&mut self, recorded: &Recorded, event: &TrainingFact) {
        match event {
            TrainingFact::Offered { training, needs, topic, district, seats, minutes, begins_on, format } => {
                self.stmts.push(
                    Stmt::new(
                        "insert into training (training, known_from, known_to, ags, topic, format, status, day, \
                         begins_day, seats, minutes, registered) \
                         values ($1, $2, $3, $4, $5, $6, 'offered', $7, $8, $9, $10, 0)",
                    )
                    .text(training.to_string())
                    .int(recorded.pos())
                    .int(STILL_KNOWN)
                    .text(district.as_str())
                    .text(topic.code())
                    .text(format.code())
                    .int(begins_on.days())
                    .int(begins_on.days())
                    .int(i64::from(seats.get()))
                    .int(i64::from(minutes.get())),
                );
                for need in needs {
                    self.stmts.push(
                        Stmt::new("insert into training_answers (training, need) values ($1, $2)")
                            .text(training.to_string())
                            .text(need.to_string()),
                    );
                }
            }
            TrainingFact::Rescheduled { training, begins_on } => {
                let day = Arg::Int(begins_on.days());
                self.change(recorded, training, &[("day", day.clone()), ("begins_day", day)]);
            }
            TrainingFact::RegistrationsRecorded { training, total, .. } => {
                self.change(recorded, training, &[("registered", Arg::Int(i64::from(total.get())))]);
            }
            TrainingFact::ParticipantRegistered { training, registered, .. }
            | TrainingFact::ParticipantWithdrawn { training, registered, .. } => {
                self.change(recorded, training, &[("registered", Arg::Int(i64::from(registered.get())))]);
            }
            // Of one person: no figure counts it.
            TrainingFact::ParticipantAttended { .. } | TrainingFact::CertificateIssued { .. } => {}
            TrainingFact::Held { training } => {
                let day = Arg::Int(recorded.occurred_on.days());
                self.change(recorded, training, &[("day", day), ("status", Arg::Text("held".to_owned()))]);
            }
            TrainingFact::AttendanceConfirmed { training, attendance, minutes } => {
                let Headcount { women, men, non_binary } = attendance;
                let count = |people: &sfs_domain::measure::People| Arg::Int(i64::from(people.get()));
                let minutes = ("minutes", Arg::Int(i64::from(minutes.get())));
                let people = [("women", count(women)), ("men", count(men)), ("non_binary", count(non_binary)), minutes];
                self.change(recorded, training, &people);
            }
            TrainingFact::Evaluated { training, responses, score } => {
                let responses = ("responses", Arg::Int(i64::from(responses.get())));
                self.change(recorded, training, &[responses, ("score", Arg::Int(i64::from(score.get())))]);
            }
            TrainingFact::Cancelled { training } => {
                self.change(recorded, training, &[("status", Arg::Text("cancelled".to_owned()))]);
            }
        }
    }

    fn change(&mut self, recorded: &Recorded, training: &ClientKey, set: &[(&'static str, Arg)]) {
        let change = Change::new(&TABLES[1], recorded.pos(), vec![("training", Arg::Text(training.to_string()))]);
        self.stmts.push(change.copy(set, &[]));
        self.stmts.push(change.close(&[]));
    }
}
