//! The read side: what the programme looks like, from its events and nothing else.
//!
//! [`ReadModels`] is the handle. The runner reads the log, every read model's projection folds it into
//! rows, and queries ask these rows for a [`Viewer`] as of a position and for business time. One read
//! model is one file (or one folder): its rows, its projection, its queries. Absent on purpose: the
//! journal, which is a query on the log, and small-cell suppression, until which roles that may see
//! only suppressed figures see none.

// What is asked and answered.
mod answer;
mod asked;
mod explain;
mod name_key;
mod period;
mod viewer;

// The read models.
mod activity;
mod coverage;
mod overview;
mod register;
mod staffing;
mod trainings;

// How they are kept.
mod bitemporal;
mod catch_up;
mod composed;
mod digest;
mod follower;
mod generation;
mod projection;
mod read_models;
mod rebuild;
mod recorded;
mod runner;
mod shared;

#[cfg(test)]
mod tests;

pub use activity::figures::Group;
pub use activity::profile::{ACTIVITY_PROFILE, ActivityProfile, ActivityQuery, ActivityRow};
pub use answer::{Answer, AsOf, Cursor, Definition, PageRequest, QueryError, Valid};
pub use coverage::schools::{
    AgreementStatus, Coverage, CoverageBy, CoverageCount, CoverageQuery, SCHOOL_COVERAGE, SchoolCoverage,
};
pub use digest::Digest;
pub use explain::{CONTRIBUTING, Contributing, Figure};
pub use name_key::name_key;
pub use overview::{DistrictOverview, Overview, OverviewFigure, OverviewFigures, OverviewQuery, PROGRAMME_OVERVIEW};
pub use period::{BusinessPeriod, Half, InvalidPeriod};
pub use read_models::{Now, Progress, ReadModelError, ReadModels, Status};
pub use rebuild::{Rebuilt, TableDifference, compare_with_rebuild};
pub use register::documents;
pub use register::entries::{REGISTER, RegisterEntry, RegisterList, RegisterQuery};
pub use runner::{HaltKind, Halted};
pub use staffing::{Occupancy, Post, STAFFING, Staffing, StaffingQuery, StaffingTotal};
pub use trainings::list::{NeedBehind, TRAININGS, TrainingList, TrainingRow, TrainingsQuery, TrainingsTotal};
pub use viewer::{Denied, Viewer, Visibility};
