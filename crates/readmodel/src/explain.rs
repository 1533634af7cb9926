//! Which events stand behind a figure: the same conditions as the figure's, asked for positions
//! instead of sums.

use schemars::JsonSchema;
use serde::Serialize;
use sfs_domain::authority::View;
use sfs_domain::intervention::Kind;
use sfs_sql::Row;

use crate::activity::profile::ActivityQuery;
use crate::answer::{Answer, Cursor, Definition, PageRequest, QueryError, Valid, cut_page};
use crate::composed::Composed;
use crate::overview::{OverviewFigure, OverviewQuery, activities};
use crate::read_models::ReadModels;
use crate::viewer::Viewer;

/// What the list shows.
pub const CONTRIBUTING: Definition = Definition {
    name: "contributing_events",
    version: 1,
    de: "Die Ereignisse hinter einer Kennzahl.",
    en: "The events behind a figure.",
    formula_de: "Positionen aller Ereignisse, die die Kennzahl unter denselben Bedingungen verändern oder die gezählten \
                 Angaben zu dem gemacht haben, was sie sind.",
    formula_en: "Positions of all events that change the figure under the same conditions, or that made the counted \
                 particulars what they are.",
};

/// A figure that can be led back to events.
#[derive(Debug, Clone)]
pub enum Figure {
    /// Any figure of the activity profile; kinds and filters say which.
    Activity(ActivityQuery),
    /// A count of the programme overview, of one district or of all.
    Overview(OverviewQuery, OverviewFigure, Option<sfs_domain::Ags>),
    /// The interventions of the programme overview (`direct`), or its indirect work.
    OverviewActivities {
        /// The overview.
        query: OverviewQuery,
        /// Interventions that reach people, or indirect work.
        direct: bool,
        /// Only this district.
        district: Option<sfs_domain::Ags>,
    },
}

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contributing {
    /// Positions: of activities by day and position, of everything else by position.
    pub positions: Vec<u64>,
    /// Where the next page begins; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Cursor>,
}

impl ReadModels {
    /// The events behind a figure, as far as the viewer sees the figure.
    pub async fn contributing(
        &self,
        viewer: &Viewer,
        figure: &Figure,
        page: &PageRequest,
    ) -> Result<Answer<Contributing>, QueryError> {
        let limit = page.limit();
        let after = page.after.as_ref().map(days_and_position).transpose()?;
        let (as_of, valid, stmt) = match figure {
            Figure::Activity(query) => {
                let visible = viewer.scopes(View::Activity)?;
                let valid = Valid { on: None, during: Some(query.period) };
                (query.as_of, valid, query.wanted(&visible).facts(&query.kinds, after, limit + 1))
            }
            Figure::OverviewActivities { query, direct, district } => {
                let visible = viewer.scopes(View::Overview)?;
                let kinds: Vec<Kind> = Kind::ALL.iter().copied().filter(|kind| kind.is_direct() == *direct).collect();
                let mut wanted = activities(query, &visible);
                wanted.district = district.as_ref().map(sfs_domain::Ags::as_str);
                let valid = Valid { on: None, during: Some(query.during) };
                (query.as_of, valid, wanted.facts(&kinds, after, limit + 1))
            }
            Figure::Overview(query, figure, district) => {
                let visible = viewer.scopes(View::Overview)?;
                let known = self.asked(query.as_of).known();
                let mut stmt = Composed::new("select distinct 0, r.known_from from ");
                figure.rows(&mut stmt, query, &visible, known);
                if let Some(district) = district {
                    stmt.sql(" and r.ags = ").text(district.as_str());
                }
                if let Some((_, position)) = after {
                    stmt.sql(" and r.known_from > ").int(position);
                }
                stmt.sql(" order by r.known_from limit ").int(limit as i64 + 1);
                let during = (*figure == OverviewFigure::TrainingsHeld).then_some(query.during);
                let on = during.is_none().then_some(query.on);
                (query.as_of, Valid { on, during }, stmt.stmt())
            }
        };
        let asked = self.asked(as_of);
        let (position, answers) = asked.fetch(vec![stmt]).await?;
        let read = |row: &Row| Ok::<_, QueryError>((row.int(0)?, row.int(1)?));
        let mut rows: Vec<(i64, i64)> = answers[0].iter().map(read).collect::<Result<_, _>>()?;
        let next = cut_page(&mut rows, limit, |(day, position)| Cursor::of([day.to_string(), position.to_string()]));
        let positions = rows.into_iter().map(|(_, position)| position as u64).collect();
        Ok(asked.answer(Contributing { positions, next }, &CONTRIBUTING, position, valid))
    }
}

fn days_and_position(cursor: &Cursor) -> Result<(i64, i64), QueryError> {
    let (day, position) = cursor.pair()?;
    let number = |text: &str| text.parse().map_err(|_| QueryError::Cursor);
    Ok((number(day)?, number(position)?))
}
