//! The command line: verbs, flags, exit codes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Exit codes, the same for every verb.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// The command line or the configuration is wrong (clap's own code).
    pub const USAGE: u8 = 2;
    /// Findings: an import with errors, read models that differ from a rebuild.
    pub const FINDINGS: u8 = 10;
    /// The data directory, a database or a file cannot be used.
    pub const UNUSABLE: u8 = 20;
    /// The log is not what was written (as in `audit.md` 2.6).
    pub const INVALID: u8 = 40;
    /// A defect of this program.
    pub const DEFECT: u8 = 70;
}

/// Programme ledger of „Schulerfolg sichern": commands become events, events become read models.
///
/// Exit codes: 0 done · 2 wrong command line · 10 findings · 20 data directory or file cannot be used · 40 the log is
/// not what was written · 70 defect of this program.
#[derive(Debug, Parser)]
#[command(name = "sfs", version, propagate_version = true)]
pub struct Cli {
    /// Configuration file (TOML).
    #[arg(long, global = true, env = "SFS_CONFIG")]
    pub config: Option<PathBuf>,
    /// Data directory.
    #[arg(long, global = true)]
    pub data: Option<PathBuf>,
    /// Machine-readable answers on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Imports the real reference data, simulates a school year on it and serves it.
    Demo(DemoArgs),
    /// Serves the HTTP interface on the data directory.
    Serve(ServeArgs),
    /// Imports schools, organisations or offices from a CSV file: all rows or none.
    Import(ImportArgs),
    /// Lives through school years with a fixed seed, through the ordinary command path.
    Simulate(SimulateArgs),
    /// Makes the read models anew from the log.
    Rebuild,
    /// Checks leaves, links, root, columns, tags and read models against each other.
    Verify(VerifyArgs),
    /// Writes events as NDJSON, oldest first.
    Events(EventsArgs),
    /// Makes principals, grants roles and issues API keys at the console.
    Token(TokenArgs),
    /// Makes the key that signs checkpoints, a further one, or shows what verifies them.
    Key(KeyArgs),
    /// The key-encryption keys that wrap the keys of persons: a further one, the retirement of old ones.
    Kek(KekArgs),
    /// What is said of one person: `export` writes all of it out, for the person.
    Subject(SubjectArgs),
    /// Signs checkpoints as a process of its own, for a server with the setting `signer`.
    Signer(SignerArgs),
    /// Copies a data directory, in use or not: log, keys of persons, operational state, files, what was signed.
    Backup(BackupArgs),
    /// Says whether an installation would start from a backup: 0 yes, 10 keys would be destroyed again, 20 something
    /// is missing, 40 it is not what was written.
    RestoreCheck(RestoreCheckArgs),
    /// Writes the JSON Schemas and the OpenAPI document.
    Schemas(SchemasArgs),
    /// Shows the configuration and where each value comes from.
    Config,
    /// Asks a running server whether it is ready; for container health checks.
    Health(HealthArgs),
    /// Measures this program beside what the machine can do.
    Bench(BenchArgs),
}

/// See [`Verb::Demo`].
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Address to serve on.
    #[arg(long)]
    pub listen: Option<String>,
    /// Prepares everything and ends without serving.
    #[arg(long)]
    pub prepare_only: bool,
    /// Seed of the simulation.
    #[arg(long, default_value_t = 2026)]
    pub seed: u64,
    /// Schools with school social work in the simulation.
    #[arg(long, default_value_t = 355)]
    pub schools: usize,
}

/// See [`Verb::Serve`].
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address to serve on.
    #[arg(long)]
    pub listen: Option<String>,
    /// Address of the operator's interface (metrics, projections); none unless given.
    #[arg(long)]
    pub admin_listen: Option<String>,
}

/// See [`Verb::Import`].
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What the rows are.
    pub kind: ImportKind,
    /// The file; `-` is standard input.
    #[arg(required_unless_present = "template")]
    pub file: Option<PathBuf>,
    /// Checks everything and stores nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Writes an empty table with the columns instead.
    #[arg(long)]
    pub template: bool,
}

/// What can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ImportKind {
    /// Schools.
    Schools,
    /// Organisations.
    Organisations,
    /// Network offices.
    Offices,
}

/// See [`Verb::Simulate`].
#[derive(Debug, Args)]
pub struct SimulateArgs {
    /// Schools with school social work.
    #[arg(long, default_value_t = 355)]
    pub schools: usize,
    /// School years.
    #[arg(long, default_value_t = 1)]
    pub years: u32,
    /// The same seed makes the same log.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// About how many events, at most 5,000,000; by default what the years bring.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub events: Option<u64>,
    /// Does not wait for the disk: for logs that are thrown away.
    #[arg(long)]
    pub throw_away: bool,
}

/// See [`Verb::Verify`].
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// Leaves out the comparison of the read models with a rebuild.
    #[arg(long)]
    pub log_only: bool,
}

/// See [`Verb::Events`].
#[derive(Debug, Args)]
pub struct EventsArgs {
    /// Begins after this position.
    #[arg(long, default_value_t = 0)]
    pub after: u64,
    /// Ends with this position.
    #[arg(long)]
    pub until: Option<u64>,
    /// Only these types.
    #[arg(long = "type")]
    pub types: Vec<String>,
    /// Also the leaf's bytes (base64url) and hash, for programs that verify.
    #[arg(long)]
    pub leaves: bool,
}

/// See [`Verb::Signer`].
#[derive(Debug, Args)]
pub struct SignerArgs {
    /// Unix socket to answer at; its directory must be there.
    #[arg(long)]
    pub socket: PathBuf,
    /// Directory of keys and state; `signer` in the data directory by default.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// Lets the group of the socket ask too (mode 0660 instead of 0600): for a server under another user.
    #[arg(long)]
    pub group: bool,
}

/// See [`Verb::Key`].
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// Directory of keys and state; `signer` in the data directory by default.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub action: KeyAction,
}

/// What `sfs key` does.
#[derive(Debug, Clone, Subcommand)]
pub enum KeyAction {
    /// Makes the first key; from the next start on `sfs serve` signs checkpoints.
    New,
    /// Makes a further key; from the next start on both sign.
    Rotate,
    /// Takes an old key away when its successor has signed that it is one; the signer must not run.
    Retire {
        /// The eight digits after the first plus sign of its verifier key.
        key: String,
    },
    /// Shows the verifier keys: give them to whoever does not want to trust you.
    Show,
}

/// See [`Verb::Kek`].
#[derive(Debug, Args)]
pub struct KekArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: KekAction,
}

/// What `sfs kek` does. The server must not be running.
#[derive(Debug, Clone, Copy, Subcommand)]
pub enum KekAction {
    /// Adds a key of the next version and wraps all keys of persons anew under it. Monthly: with the older
    /// versions destroyed, every older copy of a destroyed key is dead too.
    New,
    /// Destroys the versions that wrap nothing any more.
    Retire,
    /// Shows which versions there are and how many keys each of them wraps.
    Show,
}

/// See [`Verb::Subject`].
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: SubjectAction,
}

/// What `sfs subject` does. The server must not be running; through it, `export-person` does the same.
#[derive(Debug, Subcommand)]
pub enum SubjectAction {
    /// Writes everything that is said of a person as JSON, after the event that says so (GDPR Art. 15 and 20).
    Export {
        /// Pseudonym of the person.
        person: uuid::Uuid,
        /// Who exports: a principal whose role allows it.
        #[arg(long)]
        principal: uuid::Uuid,
        /// Why.
        #[arg(long, default_value = "data_subject_request")]
        ground: String,
        /// File to write, which must not be there; standard output by default.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

/// See [`Verb::Token`].
#[derive(Debug, Args)]
pub struct TokenArgs {
    /// Role, for example `CO`; see `GET /v1/catalogue`.
    #[arg(long)]
    pub role: String,
    /// `state`, `district:15083`, `provider:<id>` or `school:<id>`.
    #[arg(long, default_value = "state")]
    pub scope: String,
    /// Pseudonym of an existing principal; a new one by default.
    #[arg(long)]
    pub principal: Option<uuid::Uuid>,
    /// First day on which the role no longer holds.
    #[arg(long)]
    pub until: Option<String>,
}

/// See [`Verb::Backup`].
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Directory that the backup becomes; it must not be there yet.
    #[arg(long)]
    pub to: PathBuf,
    /// Copies the private keys of the signer too. Whoever gets such a backup can sign in the log's name.
    #[arg(long)]
    pub with_signer_key: bool,
}

/// See [`Verb::RestoreCheck`].
#[derive(Debug, Args)]
pub struct RestoreCheckArgs {
    /// The backup.
    pub directory: PathBuf,
}

/// See [`Verb::Schemas`].
#[derive(Debug, Args)]
pub struct SchemasArgs {
    /// Directory to write to.
    #[arg(long, default_value = "schemas")]
    pub out: PathBuf,
    /// Writes nothing; exit code 10 if something would change.
    #[arg(long)]
    pub check: bool,
}

/// See [`Verb::Health`].
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Address of the server.
    #[arg(long, default_value = "127.0.0.1:8080")]
    pub address: String,
}

/// See [`Verb::Bench`].
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Seconds of each measurement.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Measurements of each kind; the median is shown with minimum and maximum.
    #[arg(long, default_value_t = 5)]
    pub runs: usize,
    /// Events for scan, rebuild and queries; 1,000,000 and 5,000,000 take long.
    #[arg(long, default_value_t = 100_000)]
    pub events: u64,
    /// Connections at which single commands are measured.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64, 256])]
    pub connections: Vec<usize>,
    /// Measures only what is named: limits, sealing, http, bulk, lag, reads.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Directory for the databases of the measurement; a temporary one by default.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// Serves the bare HTTP edge that commands are put beside.
    #[arg(long, hide = true)]
    pub edge: bool,
}
