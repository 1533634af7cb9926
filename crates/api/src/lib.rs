//! HTTP: who asks is authenticated, what they ask is read strictly, what the house answers is
//! written down in the conventions of the web.
//!
//! [`router`] serves everything that needs a key and the few things that do not; [`admin_router`]
//! what only the installation itself asks. `table` lists every route once: the router and the
//! OpenAPI document are made in the same call. Absent on purpose: rules of the programme and SQL.

// What everything is made of.
mod app;
mod headers;
mod instants;
mod json;
mod kinds;
mod language;
mod messages;
mod paging;
mod params;
mod problem;
mod strict;
mod tokens;
mod troubles;

// Around every route.
mod auth;
mod edge;
mod measured;
mod openapi;
mod opened;
mod routes;
mod table;

// Commands.
mod answers;
mod api_keys;
mod bulk;
mod bulk_each;
mod command_routes;
mod command_status;
mod commands;

// Events.
mod event_stream;
mod events;
mod feed_params;
mod journal;
mod persons;
mod principals;

// Reads.
mod checkpoints;
mod explain;
mod figures;
mod proofs;
mod read_routes;
mod reads;
mod register;

// What describes the service.
mod catalogue;
mod health;
mod pages;
mod schemas;

pub use app::{Api, ApiSettings, RateLimit};
pub use measured::metrics_recorder;
pub use opened::OpenedAnswer;
pub use schemas::{commands as command_schemas, events as event_schemas};
pub use table::{admin_router, openapi, router};
