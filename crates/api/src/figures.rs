//! The figures of the programme: overview, coverage, staffing, activities, trainings.

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::Response;
use sfs_domain::intervention::Kind;
use sfs_domain::staff::Function;
use sfs_domain::training_need::TrainingTopic;
use sfs_domain::{Ags, OrganisationId, Period, SchoolId, SchoolYear};
use sfs_readmodel::{
    ActivityQuery, AsOf, BusinessPeriod, CoverageQuery, Group, Occupancy, OverviewQuery, StaffingQuery, TrainingsQuery,
};

use crate::app::Shared;
use crate::params::Params;
use crate::problem::Problem;
use crate::reads::{Read, begin, code};

/// Groups of the activity profile by their names.
pub const GROUPS: &[(Group, &str)] = &[
    (Group::District, "district"),
    (Group::Form, "form"),
    (Group::Provider, "provider"),
    (Group::School, "school"),
    (Group::Month, "month"),
];

/// `GET /v1/overview` (M01).
pub async fn overview(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = overview_query(&read, &mut params)?;
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.programme_overview(&read.viewer, &query).await)
}

/// `GET /v1/coverage` (M02).
pub async fn coverage(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = CoverageQuery {
        on: params.date("valid")?.unwrap_or(read.today()),
        as_of: AsOf::default(),
        district: params.parsed("district", |text| Ags::parse(text))?,
        form: params.parsed("form", school_form)?,
        provider: params.parsed("provider", |text| OrganisationId::parse(text))?,
        with_social_work: params.parsed("with_social_work", flag)?,
        page: read.page(&mut params)?,
    };
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.school_coverage(&read.viewer, &query).await)
}

/// `GET /v1/staffing` (M03).
pub async fn staffing(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let occupancies = [(Occupancy::All, "all"), (Occupancy::Filled, "filled"), (Occupancy::Vacant, "vacant")];
    let occupancy = params.parsed("occupancy", |text| named(&occupancies, text))?;
    let mut query = StaffingQuery {
        on: params.date("valid")?.unwrap_or(read.today()),
        as_of: AsOf::default(),
        district: params.parsed("district", |text| Ags::parse(text))?,
        provider: params.parsed("provider", |text| OrganisationId::parse(text))?,
        school: params.parsed("school", |text| SchoolId::parse(text))?,
        function: params.parsed("function", |text| code(Function::ALL, Function::code, text))?,
        occupancy: occupancy.unwrap_or_default(),
        ending_within_days: params.number("ending_within_days", 0..=3_660)?.map(|days| days as u32),
        page: read.page(&mut params)?,
    };
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.staffing(&read.viewer, &query).await)
}

/// `GET /v1/activities` (M04).
pub async fn activities(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = activity_query(&read, &mut params)?;
    query.group = params.parsed("group", |text| named(GROUPS, text))?;
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.activity_profile(&read.viewer, &query).await)
}

/// `GET /v1/trainings` (M14).
pub async fn trainings(State(app): State<Shared>, request: Parts) -> Result<Response, Problem> {
    let (mut read, mut params) = begin(&app, &request).await?;
    let mut query = TrainingsQuery {
        during: period(&mut params)?,
        as_of: AsOf::default(),
        district: params.parsed("district", |text| Ags::parse(text))?,
        topic: params.parsed("topic", |text| code(TrainingTopic::ALL, TrainingTopic::code, text))?,
        page: read.page(&mut params)?,
    };
    read.wait(params).await?;
    query.as_of = read.as_of;
    read.answer(app.api.reads.trainings(&read.viewer, &query).await)
}

/// The day and the period of the overview: today and its school year, unless others are named.
pub fn overview_query(read: &Read<'_>, params: &mut Params<'_>) -> Result<OverviewQuery, Problem> {
    Ok(OverviewQuery {
        on: params.date("valid")?.unwrap_or(read.today()),
        during: period(params)?.unwrap_or(SchoolYear::of(read.today()).period()),
        as_of: AsOf::default(),
    })
}

/// Which activities, all but the grouping.
pub fn activity_query(read: &Read<'_>, params: &mut Params<'_>) -> Result<ActivityQuery, Problem> {
    Ok(ActivityQuery {
        district: params.parsed("district", |text| Ags::parse(text))?,
        form: params.parsed("form", school_form)?,
        provider: params.parsed("provider", |text| OrganisationId::parse(text))?,
        school: params.parsed("school", |text| SchoolId::parse(text))?,
        kinds: params.list("kinds", |text| code(Kind::ALL, Kind::code, text))?,
        ..ActivityQuery::of(period(params)?.unwrap_or(SchoolYear::of(read.today()).period()))
    })
}

fn period(params: &mut Params<'_>) -> Result<Option<Period>, Problem> {
    Ok(params.parsed("period", BusinessPeriod::parse)?.map(|period| period.period()))
}

fn named<T: Copy>(all: &[(T, &'static str)], text: &str) -> Result<T, String> {
    all.iter().find(|(_, name)| *name == text).map(|(one, _)| *one).ok_or_else(|| {
        let names: Vec<String> = all.iter().map(|(_, name)| format!("`{name}`")).collect();
        format!("expected is one of {}", names.join(", "))
    })
}

fn flag(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("expected is true or false"),
    }
}

/// A school form's code. Which forms there are changes with time, so a form of which there is
/// nothing is no mistake.
fn school_form(text: &str) -> Result<String, &'static str> {
    let is_code =
        (1..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_code { Ok(text.to_owned()) } else { Err("expected is the code of a school form, like SEK") }
}
