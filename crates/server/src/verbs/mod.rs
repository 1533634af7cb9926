//! One file per verb; here is what they share: the runtime, the exit code, the answer.

mod backup;
mod bench;
mod bundle;
mod demo;
mod events;
mod health;
mod import;
mod kek;
mod key;
mod rebuild;
mod rotation;
mod schemas;
mod serve;
mod signer;
mod simulate;
mod subject;
mod token;
mod verify;
mod witness;

pub use schemas::generate as generate_schemas;
pub use serve::{Serving, serve};
pub use token::{TokenError, issue};
pub use verify::event_tags;

use std::error::Error;
use std::process::ExitCode;

use serde::Serialize;

use crate::cli::{Cli, Verb, exit};
use crate::configuration::{self, Configuration};
use crate::installation::InstallationError;
use crate::telemetry;

/// Why a verb ended without having done what it should.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// The command line or configuration.
    #[error("{0}")]
    Usage(String),
    /// A directory, file, database or address.
    #[error(transparent)]
    Unusable(Box<dyn Error + Send + Sync>),
    /// The log is not what was signed.
    #[error(transparent)]
    Invalid(Box<dyn Error + Send + Sync>),
    /// A defect of this program.
    #[error(transparent)]
    Defect(Box<dyn Error + Send + Sync>),
}

impl VerbError {
    fn unusable(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Unusable(why.into())
    }

    /// Why a data directory was not opened.
    fn opening(why: InstallationError) -> Self {
        match why {
            why if why.is_wrong_setting() => Self::Usage(chain(&why)),
            why if why.is_invalid_log() => Self::Invalid(why.into()),
            why => Self::Unusable(why.into()),
        }
    }

    fn defect(why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Defect(why.into())
    }

    const fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Unusable(_) => exit::UNUSABLE,
            Self::Invalid(_) => exit::INVALID,
            Self::Defect(_) => exit::DEFECT,
        }
    }
}

/// Runs the verb and says how it ended.
pub fn run(cli: Cli) -> ExitCode {
    let configuration = match configuration::load(&cli) {
        Ok(configuration) => configuration,
        Err(why) => return failed(&VerbError::Usage(chain(&why))),
    };
    telemetry::start(&configuration);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(why) => return failed(&VerbError::unusable(why)),
    };
    match runtime.block_on(verb(&cli, configuration)) {
        Ok(code) => ExitCode::from(code),
        Err(why) => failed(&why),
    }
}

async fn verb(cli: &Cli, configuration: Configuration) -> Result<u8, VerbError> {
    match &cli.verb {
        Verb::Demo(args) => demo::run(configuration, args, cli.json).await,
        Verb::Serve(_) => serve::run(configuration).await,
        Verb::Import(args) => import::run(configuration, args, cli.json).await,
        Verb::Simulate(args) => simulate::run(configuration, args, cli.json).await,
        Verb::Rebuild => rebuild::run(configuration, cli.json).await,
        Verb::Verify(args) => verify::run(configuration, args, cli.json).await,
        Verb::Bundle(args) => bundle::run(&configuration, args, cli.json).await,
        Verb::Events(args) => events::run(configuration, args).await,
        Verb::Token(args) => token::run(configuration, args, cli.json).await,
        Verb::Kek(args) => kek::run(configuration, args, cli.json).await,
        Verb::Subject(args) => subject::run(configuration, args).await,
        Verb::Key(args) => key::run(&configuration, args, cli.json).await,
        Verb::Signer(args) => signer::run(&configuration, args).await,
        Verb::Backup(args) => backup::run(&configuration, args, cli.json).await,
        Verb::RestoreCheck(args) => backup::check(&configuration, args, cli.json).await,
        Verb::Witness(args) => witness::run(args).await,
        Verb::Schemas(args) => schemas::run(args),
        Verb::Config => show_configuration(cli),
        Verb::Health(args) => health::run(args).await,
        Verb::Bench(args) => bench::run(args, cli.json).await,
    }
}

fn show_configuration(cli: &Cli) -> Result<u8, VerbError> {
    let origins = configuration::origins(cli).map_err(|why| VerbError::Usage(chain(&why)))?;
    if cli.json {
        answer(&origins);
    } else {
        for origin in origins {
            println!("{:22} {:32} ({})", origin.name, origin.value, origin.from);
        }
    }
    Ok(exit::OK)
}

/// A machine-readable answer.
fn answer<T: Serialize>(value: &T) {
    if let Ok(text) = serde_json::to_string(value) {
        println!("{text}");
    }
}

/// An error with everything behind it, in one line.
fn chain(why: &dyn Error) -> String {
    let mut text = why.to_string();
    let mut source = why.source();
    while let Some(why) = source {
        text.push_str(": ");
        text.push_str(&why.to_string());
        source = why.source();
    }
    text
}

fn failed(why: &VerbError) -> ExitCode {
    eprintln!("sfs: {}", chain(why));
    ExitCode::from(why.code())
}
