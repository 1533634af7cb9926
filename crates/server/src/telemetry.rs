//! Log lines: a message that reads alone, and fields that can be queried. Never names, keys or bodies.

use tracing_subscriber::EnvFilter;

use crate::configuration::{Configuration, LogFormat};

/// Starts logging to standard error. A second call changes nothing.
pub fn start(configuration: &Configuration) {
    let filter = EnvFilter::try_new(&configuration.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match configuration.log_format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
    // Somebody else (a test) has already started it.
    let _ = started;
}
