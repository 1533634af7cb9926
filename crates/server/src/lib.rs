//! The binary's parts, as a library so that tests and benchmarks can use them: the verbs of the
//! command line, the configuration, the reference data, the import, the simulation and the wiring.

pub mod backup;
pub mod bench;
pub mod cli;
pub mod configuration;
pub mod import;
pub mod installation;
mod person_keys;
pub mod progress;
pub mod reference;
pub mod resources;
pub mod simulate;
pub mod telemetry;
pub mod verbs;
mod vouching;
