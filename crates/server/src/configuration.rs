//! The configuration: flag before environment (`SFS_*`) before file before default, each value with
//! its origin.

use std::path::PathBuf;

use config::{Config, Environment, File, FileFormat};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cli::Cli;

/// Everything that can be set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Data directory. Default `data`.
    pub data: PathBuf,
    /// Address of the HTTP interface. Default `127.0.0.1:8080`.
    pub listen: String,
    /// Address of the operator's interface (metrics, projections); none by default.
    pub admin_listen: Option<String>,
    /// Where the signer of checkpoints answers: `unix:/run/sfs-signer/socket`. By default it lies in this process
    /// if the data directory has a key.
    pub signer: Option<String>,
    /// Name of the log, fixed when it is made. Default `sfs.local/log/1`.
    pub origin: String,
    /// Where the key-encryption keys come from that wrap the keys of persons: `file:<path>`,
    /// `systemd:<credential>` or `env:<variable>`. By default a file `kek` in the data directory, which is made
    /// at the first start: keep it elsewhere, and never in the same backup as `keys.db`.
    pub kek: Option<String>,
    /// File that lists which pseudonyms were erased: no backup holds it, and at every start the keys of those in it
    /// are destroyed again. By default beside the file of the key-encryption keys; keep both together.
    pub erasures: Option<PathBuf>,
    /// `text` or `json`. Default `text`.
    pub log_format: LogFormat,
    /// What is logged, in the syntax of `tracing`'s filter. Default `info`.
    pub log_filter: String,
    /// Requests per second and API key; 0 is no limit. Default 200.
    pub rate_limit_per_second: u32,
    /// Requests that a key may send at once before the limit holds. Default 400.
    pub rate_limit_burst: u32,
    /// Appends that may wait; more are answered with 503. Default 4096.
    pub queue: usize,
    /// Folded states that are kept in memory, counted in events; one takes about 60 bytes. Default 800000.
    pub cached_events: u64,
    /// Policy (C2SP tlog-policy) that names witnesses with addresses and their quorum: `/checkpoint` is then
    /// the last one with its quorum. None by default.
    pub witness_policy: Option<PathBuf>,
    /// How often witnesses are asked while the log grows, in seconds. Default 60.
    pub witness_seconds: u64,
    /// Address of a timestamp authority (RFC 3161), asked once a day; none by default.
    pub timestamp_url: Option<String>,
    /// Seconds that running requests get when the server ends. Default 10.
    pub shutdown_seconds: u64,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            listen: "127.0.0.1:8080".into(),
            admin_listen: None,
            signer: None,
            origin: "sfs.local/log/1".into(),
            kek: None,
            erasures: None,
            log_format: LogFormat::Text,
            log_filter: "info".into(),
            rate_limit_per_second: 200,
            rate_limit_burst: 400,
            queue: 4_096,
            cached_events: 800_000,
            witness_policy: None,
            witness_seconds: 60,
            timestamp_url: None,
            shutdown_seconds: 10,
        }
    }
}

/// A value with the place that it was set in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The field.
    pub name: String,
    /// Its value.
    pub value: String,
    /// `flag`, `environment`, `file` or `default`.
    pub from: &'static str,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used: {0}")]
pub struct ConfigurationError(#[from] config::ConfigError);

/// Flags that stand for fields of the configuration.
fn flags(cli: &Cli) -> Vec<(&'static str, String)> {
    use crate::cli::Verb;
    let mut set = Vec::new();
    if let Some(data) = &cli.data {
        set.push(("data", data.display().to_string()));
    }
    let (listen, admin) = match &cli.verb {
        Verb::Serve(args) => (&args.listen, &args.admin_listen),
        Verb::Demo(args) => (&args.listen, &None),
        _ => (&None, &None),
    };
    set.extend(listen.iter().map(|address| ("listen", address.clone())));
    set.extend(admin.iter().map(|address| ("admin_listen", address.clone())));
    set
}

fn file(cli: &Cli) -> Option<File<config::FileSourceFile, FileFormat>> {
    cli.config.as_ref().map(|path| File::from(path.as_path()).format(FileFormat::Toml))
}

fn environment() -> Environment {
    Environment::with_prefix("SFS").prefix_separator("_").try_parsing(true).ignore_empty(true)
}

/// Environment variables that belong to the command line or to the tests and not to the configuration.
const NOT_SETTINGS: [&str; 7] = ["config", "bin", "kill_rounds", "seed", "bless", "write_golden", "write_authority"];

fn without_flags(environment: Environment) -> Result<Config, config::ConfigError> {
    let all = Config::builder().add_source(environment).build()?;
    let table: std::collections::HashMap<String, config::Value> = all.try_deserialize()?;
    let mut kept = Config::builder();
    for (name, value) in table {
        if !NOT_SETTINGS.contains(&name.as_str()) && !name.starts_with("test_") {
            kept = kept.set_override(name, value)?;
        }
    }
    kept.build()
}

/// Reads the configuration.
pub fn load(cli: &Cli) -> Result<Configuration, ConfigurationError> {
    let mut builder = Config::builder();
    if let Some(file) = file(cli) {
        builder = builder.add_source(file);
    }
    builder = builder.add_source(without_flags(environment())?);
    for (name, value) in flags(cli) {
        builder = builder.set_override(name, value)?;
    }
    Ok(builder.build()?.try_deserialize()?)
}

/// Every value with the place that it was set in.
pub fn origins(cli: &Cli) -> Result<Vec<Origin>, ConfigurationError> {
    let names = |config: Config| -> Result<Vec<String>, config::ConfigError> {
        let table: std::collections::HashMap<String, config::Value> = config.try_deserialize()?;
        Ok(table.into_keys().collect())
    };
    let by_flag: Vec<&str> = flags(cli).into_iter().map(|(name, _)| name).collect();
    let by_environment = names(without_flags(environment())?)?;
    let by_file = match file(cli) {
        Some(file) => names(Config::builder().add_source(file).build()?)?,
        None => Vec::new(),
    };
    let values = serde_json::to_value(load(cli)?).unwrap_or_default();
    let fields = values.as_object().into_iter().flatten();
    Ok(fields
        .map(|(name, value)| Origin {
            name: name.clone(),
            value: value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned),
            from: if by_flag.contains(&name.as_str()) {
                "flag"
            } else if by_environment.contains(name) {
                "environment"
            } else if by_file.contains(name) {
                "file"
            } else {
                "default"
            },
        })
        .collect())
}
