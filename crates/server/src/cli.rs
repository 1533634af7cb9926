//! The command line: verbs, flags, exit codes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Exit codes, the same for every verb.
pub mod exit {
    /// Done.
    pub const OK: u8 = 0;
    /// The command line or the configuration is wrong (clap's own code).
    pub const USAGE: u8 = 2;
    /// Findings: an import with errors, a server that is not ready, a log from which data were erased.
    pub const FINDINGS: u8 = 10;
    /// The data directory, a database or a file cannot be used, or a part of what is verified is missing.
    pub const UNUSABLE: u8 = 20;
    /// The log does not continue what was known of it.
    pub const INCONSISTENT: u8 = 30;
    /// The log is not what was written (as in `audit.md` 2.6).
    pub const INVALID: u8 = 40;
    /// Those who should have signed have not, or too long ago.
    pub const UNTRUSTED: u8 = 50;
    /// The log is whole, but read models differ from a rebuild.
    pub const READ_MODELS: u8 = 60;
    /// A defect of this program.
    pub const DEFECT: u8 = 70;
}

/// Programme ledger of „Schulerfolg sichern": commands become events, events become read models.
///
/// Exit codes: 0 done · 2 wrong command line · 10 findings; whole, but data were erased · 20 data directory or file
/// cannot be used; incomplete · 30 the log does not continue what was known of it · 40 the log is not what was written ·
/// 50 not signed by whom the policy wants · 60 read models differ from a rebuild · 70 defect of this program.
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
    /// Checks a data directory, a server (https://…) or an evidence bundle, and says what was not checked.
    Verify(VerifyArgs),
    /// Writes chosen events with the proof that they are in the log, as one file for `sfs verify`.
    Bundle(BundleArgs),
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
    /// Cosigns checkpoints of logs as a witness: for a funder, needs no data directory.
    Witness(WitnessArgs),
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
    /// A server (`https://…`) or a bundle; the data directory by default.
    pub target: Option<String>,
    /// Whose signatures count and how many witnesses are needed (C2SP tlog-policy); needed for servers and bundles.
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// Remembers the checkpoint in this file after success, and checks that the log continues the one in it.
    #[arg(long)]
    pub remember: Option<PathBuf>,
    /// Seconds that the witnesses' signatures may be old.
    #[arg(long)]
    pub max_age: Option<u64>,
    /// File with the API key of the server: with it all events are read, without it only the checkpoint.
    #[arg(long)]
    pub token_file: Option<PathBuf>,
    /// Leaves out the comparison of the read models with a rebuild.
    #[arg(long)]
    pub log_only: bool,
}

/// See [`Verb::Bundle`].
#[derive(Debug, Args)]
pub struct BundleArgs {
    /// The file to write.
    pub out: PathBuf,
    /// A position, or several: `5`, `7..20` with both ends, `@file` with one or more a line. Can be repeated.
    #[arg(long = "position")]
    pub positions: Vec<String>,
    /// All events of this stream.
    #[arg(long = "stream")]
    pub streams: Vec<String>,
    /// The events of this command.
    #[arg(long = "command")]
    pub commands: Vec<uuid::Uuid>,
    /// Size of the log that the verifier remembers: adds the proof that this one continues it.
    #[arg(long)]
    pub since: Option<u64>,
    /// The signed checkpoint to use; by default the newest of the data directory.
    #[arg(long)]
    pub checkpoint: Option<PathBuf>,
    /// Disclosures to carry along, a line each: position, space, disclosure.
    #[arg(long)]
    pub disclosures: Option<PathBuf>,
    /// A timestamp reply for the checkpoint (`*.tsr`). Can be repeated.
    #[arg(long = "timestamp")]
    pub timestamps: Vec<PathBuf>,
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
        /// File with the API key of whoever exports: the event names its principal, whose role must allow it.
        #[arg(long)]
        key_file: PathBuf,
        /// Why.
        #[arg(long, default_value = "data_subject_request")]
        ground: String,
        /// File to write, which must not be there; standard output by default.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

impl SubjectAction {
    /// The file to write, if it is not standard output.
    pub fn out(&self) -> Option<&std::path::Path> {
        let Self::Export { out, .. } = self;
        out.as_deref()
    }
}

/// See [`Verb::Witness`].
#[derive(Debug, Args)]
pub struct WitnessArgs {
    /// Address to serve on.
    #[arg(long, default_value = "127.0.0.1:8090")]
    pub listen: String,
    /// Directory of the witness: its key and what it has cosigned.
    #[arg(long)]
    pub key_dir: PathBuf,
    /// Verifier key of a log that is cosigned, as `sfs key show` prints it; several are allowed.
    #[arg(long)]
    pub log: Vec<sfs_ledger::VerifierKey>,
    /// Makes the key of a new witness with this name, takes up the logs, prints the verifier key and ends.
    #[arg(long, value_name = "NAME")]
    pub new_key: Option<String>,
    /// Takes up logs that this witness has never cosigned and ends.
    #[arg(long)]
    pub new_log: bool,
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
    /// Measures only what is named: limits, sealing, http, bulk, lag, reads, bundle.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Directory for the databases of the measurement; a temporary one by default.
    #[arg(long)]
    pub directory: Option<PathBuf>,
    /// Serves the bare HTTP edge that commands are put beside.
    #[arg(long, hide = true)]
    pub edge: bool,
}
