//! M14, trainings: its question and its answer.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::training_need::TrainingTopic;
use sfs_domain::{Ags, BusinessDate, Period};
use sfs_sql::Row;

use crate::answer::{Answer, AsOf, Cursor, Definition, PageRequest, QueryError, Valid, cut_page};
use crate::bitemporal::known_at;
use crate::composed::Composed;
use crate::read_models::ReadModels;
use crate::viewer::{PlaceColumns, Viewer, Visibility};

/// What the list shows.
pub const TRAININGS: Definition = Definition {
    name: "trainings",
    version: 1,
    de: "Fortbildungen (M14): welcher Bedarf, welche Fortbildung, wie viele erreicht, wie bewertet.",
    en: "Trainings (M14): which need, which training, how many reached, how evaluated.",
    formula_de: "Fortbildungen, deren Tag im Zeitraum liegt: der letzte Tag der Durchführung, vorher der geplante Beginn. \
                 Angemeldet ist die zuletzt genannte Zahl, teilgenommen die bestätigte; die Bewertung ist der Mittelwert \
                 in Hundertsteln (100 bis 500). Offene Bedarfe: am letzten Tag des Zeitraums festgestellt, nicht \
                 zurückgenommen und von keiner nicht abgesagten Fortbildung beantwortet.",
    formula_en: "Trainings whose day lies in the period: the last day on which it was held, before that the planned \
                 beginning. Registered is the number stated last, attended the confirmed one; the score is the mean in \
                 hundredths (100 to 500). Open needs: identified and not withdrawn on the last day of the period, and \
                 answered by no training that is not cancelled.",
};

/// What is asked.
#[derive(Debug, Clone)]
pub struct TrainingsQuery {
    /// The days; without them all.
    pub during: Option<Period>,
    /// As of when.
    pub as_of: AsOf,
    /// Only this district; trainings for the whole state have `15`.
    pub district: Option<Ags>,
    /// Only about this.
    pub topic: Option<TrainingTopic>,
    /// Which part of the list.
    pub page: PageRequest,
}

/// A need behind a training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct NeedBehind {
    /// The need's key.
    pub need: String,
    /// What a training should be about.
    pub topic: String,
    /// How it became known.
    pub source: String,
    /// District, or `15`.
    pub district: String,
}

/// A training.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrainingRow {
    /// The training's key.
    pub training: String,
    /// What it is about.
    pub topic: String,
    /// District, or `15` for the whole state.
    pub district: String,
    /// How it is given.
    pub format: String,
    /// `offered`, `held` or `cancelled`.
    pub status: String,
    /// Its last day if it was held, else its planned first day.
    pub day: BusinessDate,
    /// How long it lasts, in minutes.
    pub minutes: i64,
    /// Seats.
    pub seats: i64,
    /// People registered.
    pub registered: i64,
    /// Women who took part; absent until attendance is confirmed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub women: Option<i64>,
    /// Men who took part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub men: Option<i64>,
    /// Non-binary people who took part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub non_binary: Option<i64>,
    /// How many evaluated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub responses: Option<i64>,
    /// Their mean score in hundredths.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<i64>,
    /// The needs that it answers.
    pub needs: Vec<NeedBehind>,
}

/// All trainings that are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrainingsTotal {
    /// Trainings.
    pub trainings: i64,
    /// Of these held.
    pub held: i64,
    /// Of these cancelled.
    pub cancelled: i64,
    /// Seats of those not cancelled.
    pub seats: i64,
    /// People registered for those not cancelled.
    pub registered: i64,
    /// People who took part.
    pub attended: i64,
    /// Needs that no training answers.
    pub open_needs: i64,
}

/// The trainings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TrainingList {
    /// A page of trainings, by day and key.
    pub trainings: Vec<TrainingRow>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
    /// All of them together.
    pub total: TrainingsTotal,
}

const PLACES: PlaceColumns = PlaceColumns { ags: "r.ags", provider: "''", school: "''" };

impl TrainingsQuery {
    /// Every training as it is known now.
    pub fn all() -> Self {
        Self { during: None, as_of: AsOf::default(), district: None, topic: None, page: PageRequest::default() }
    }

    fn filters(&self, stmt: &mut Composed, visible: &Visibility, known: i64) {
        known_at(stmt, "r.", known);
        visible.restrict_or_state(stmt, PLACES);
        if let Some(district) = &self.district {
            stmt.sql(" and r.ags = ").text(district.as_str());
        }
        if let Some(topic) = self.topic {
            stmt.sql(" and r.topic = ").text(topic.code());
        }
    }

    fn trainings(&self, stmt: &mut Composed, visible: &Visibility, known: i64) {
        stmt.sql(" from training r where 1 = 1");
        self.filters(stmt, visible, known);
        if let Some(period) = self.during {
            stmt.sql(" and r.day >= ").int(period.from.days()).sql(" and r.day < ").int(period.to.days());
        }
    }

    fn page(&self, stmt: &mut Composed, visible: &Visibility, known: i64) -> Result<(), QueryError> {
        self.trainings(stmt, visible, known);
        if let Some(after) = &self.page.after {
            let (day, training) = after.pair()?;
            let day = day.parse().map_err(|_| QueryError::Cursor)?;
            stmt.sql(" and (r.day, r.training) > (").int(day).sql(",").text(training).sql(")");
        }
        stmt.sql(" order by r.day, r.training limit ").int(self.page.limit() as i64 + 1);
        Ok(())
    }

    fn open_needs(&self, visible: &Visibility, known: i64) -> Composed {
        let mut stmt = Composed::new("select count(*) from training_need r where 1 = 1");
        self.filters(&mut stmt, visible, known);
        match self.during {
            Some(period) => {
                stmt.sql(" and r.from_day < ").int(period.to.days());
                stmt.sql(" and r.to_day >= ").int(period.to.days());
            }
            None => {
                stmt.sql(" and r.to_day = ").int(crate::bitemporal::OPEN_END);
            }
        }
        stmt.sql(" and not exists (select 1 from training_answers a join training t on t.training = a.training");
        stmt.sql(" where a.need = r.need and t.status <> 'cancelled'");
        known_at(&mut stmt, "t.", known);
        stmt.sql(")");
        stmt
    }
}

impl ReadModels {
    /// M14: trainings with the needs behind them.
    pub async fn trainings(&self, viewer: &Viewer, query: &TrainingsQuery) -> Result<Answer<TrainingList>, QueryError> {
        let visible = viewer.scopes(View::Trainings)?;
        let asked = self.asked(query.as_of);
        let (known, limit) = (asked.known(), query.page.limit());
        let mut page = Composed::new(
            "select r.day, r.training, r.topic, r.ags, r.format, r.status, r.minutes, r.seats, r.registered, r.women, \
             r.men, r.non_binary, r.responses, r.score",
        );
        query.page(&mut page, &visible, known)?;
        let mut needs = Composed::new("with page as (select r.training");
        query.page(&mut needs, &visible, known)?;
        needs.sql(") select a.training, n.need, n.topic, n.source, n.ags from page p");
        needs.sql(" join training_answers a on a.training = p.training");
        // A need's particulars never change: its first row has them.
        needs.sql(" join training_need n on n.need = a.need and n.known_from = (select min(f.known_from)");
        needs.sql(" from training_need f where f.need = a.need)");
        visible.restrict_or_state(&mut needs, PlaceColumns { ags: "n.ags", ..PLACES });
        needs.sql(" order by a.training, n.need");
        let mut total = Composed::new(
            "select count(*), coalesce(sum(case when r.status = 'held' then 1 else 0 end), 0), \
             coalesce(sum(case when r.status = 'cancelled' then 1 else 0 end), 0), \
             cast(coalesce(sum(case when r.status <> 'cancelled' then r.seats else 0 end), 0) as bigint), \
             cast(coalesce(sum(case when r.status <> 'cancelled' then r.registered else 0 end), 0) as bigint), \
             cast(coalesce(sum(coalesce(r.women, 0) + coalesce(r.men, 0) + coalesce(r.non_binary, 0)), 0) as bigint)",
        );
        query.trainings(&mut total, &visible, known);
        let open = query.open_needs(&visible, known);
        let (position, answers) = asked.fetch(vec![page.stmt(), needs.stmt(), total.stmt(), open.stmt()]).await?;

        let mut behind = needs_by_training(&answers[1])?;
        let mut rows: Vec<TrainingRow> =
            answers[0].iter().map(|row| training(row, &mut behind)).collect::<Result<_, _>>()?;
        let next = cut_page(&mut rows, limit, |row| Cursor::of([row.day.days().to_string(), row.training.clone()]));
        let count = |answer: &[Row], column| answer.first().map_or(Ok(0), |row| row.int(column));
        let total = TrainingsTotal {
            trainings: count(&answers[2], 0)?,
            held: count(&answers[2], 1)?,
            cancelled: count(&answers[2], 2)?,
            seats: count(&answers[2], 3)?,
            registered: count(&answers[2], 4)?,
            attended: count(&answers[2], 5)?,
            open_needs: count(&answers[3], 0)?,
        };
        let valid = Valid { on: None, during: query.during };
        Ok(asked.answer(TrainingList { trainings: rows, next, total }, &TRAININGS, position, valid))
    }
}

fn needs_by_training(rows: &[Row]) -> Result<HashMap<String, Vec<NeedBehind>>, QueryError> {
    let mut needs = HashMap::<String, Vec<NeedBehind>>::new();
    for row in rows {
        needs.entry(row.text(0)?.to_owned()).or_default().push(NeedBehind {
            need: row.text(1)?.to_owned(),
            topic: row.text(2)?.to_owned(),
            source: row.text(3)?.to_owned(),
            district: row.text(4)?.to_owned(),
        });
    }
    Ok(needs)
}

fn training(row: &Row, needs: &mut HashMap<String, Vec<NeedBehind>>) -> Result<TrainingRow, QueryError> {
    let (day, training) = (row.int(0)?, row.text(1)?.to_owned());
    Ok(TrainingRow {
        topic: row.text(2)?.to_owned(),
        district: row.text(3)?.to_owned(),
        format: row.text(4)?.to_owned(),
        status: row.text(5)?.to_owned(),
        day: BusinessDate::from_days(day).ok_or_else(|| QueryError::Row(format!("day {day}")))?,
        minutes: row.int(6)?,
        seats: row.int(7)?,
        registered: row.int(8)?,
        women: row.opt_int(9)?,
        men: row.opt_int(10)?,
        non_binary: row.opt_int(11)?,
        responses: row.opt_int(12)?,
        score: row.opt_int(13)?,
        needs: needs.remove(&training).unwrap_or_default(),
        training,
    })
}
