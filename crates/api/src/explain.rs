//! `GET /v1/explain/…`: which events stand behind a figure.

use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::response::Response;
use sfs_domain::Ags;
use sfs_readmodel::{Figure, OverviewFigure};

use crate::app::Shared;
use crate::figures::{activity_query, overview_query};
use crate::kinds;
use crate::problem::Problem;
use crate::reads::begin;

/// A figure of the overview.
#[derive(Debug, Clone, Copy)]
enum Of {
    Rows(OverviewFigure),
    Activities { direct: bool },
}

/// The figures of the overview by the names of their fields.
const FIGURES: &[(&str, Of)] = &[
    ("schools_known", Of::Rows(OverviewFigure::SchoolsKnown)),
    ("schools_open", Of::Rows(OverviewFigure::SchoolsOpen)),
    ("schools_with_social_work", Of::Rows(OverviewFigure::SchoolsWithSocialWork)),
    ("offices_active", Of::Rows(OverviewFigure::OfficesActive)),
    ("positions_planned_fte", Of::Rows(OverviewFigure::PositionsPlanned)),
    ("positions_filled_fte", Of::Rows(OverviewFigure::PositionsFilled)),
    ("agreements_active", Of::Rows(OverviewFigure::AgreementsActive)),
    ("trainings_held", Of::Rows(OverviewFigure::TrainingsHeld)),
    ("activities", Of::Activities { direct: true }),
    ("activity_minutes", Of::Activities { direct: true }),
    ("indirect_minutes", Of::Activities { direct: false }),
];

/// The names of the figures that can be explained.
pub fn figures() -> Vec<&'static str> {
    FIGURES.iter().map(|(name, _)| *name).collect()
}

/// `GET /v1/explain/overview/{figure}`.
pub async fn overview(
    State(app): State<Shared>,
    Path(name): Path<String>,
    request: Parts,
) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let of = FIGURES.iter().find(|(known, _)| *known == name).map(|(_, of)| *of);
    let of = of.ok_or_else(|| Problem::new(&kinds::NOT_FOUND))?;
    let mut query = overview_query(&read, &mut params)?;
    let district = params.parsed("district", |text| Ags::parse(text))?;
    let page = read.page(&mut params)?;
    read.wait(params).await?;
    query.as_of = read.as_of;
    let figure = match of {
        Of::Rows(figure) => Figure::Overview(query, figure, district),
        Of::Activities { direct } => Figure::OverviewActivities { query, direct, district },
    };
    read.answer(app.api.reads.contributing(&read.viewer, &figure, &page).await)
}

/// `GET /v1/explain/activities`.
pub async fn activities(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = activity_query(&read, &mut params)?;
    let page = read.page(&mut params)?;
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.contributing(&read.viewer, &Figure::Activity(query), &page).await)
}
