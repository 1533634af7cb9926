//! `sfs verify`: a data directory, a server or an evidence bundle against what vouches for it. It always
//! says what was not checked.

mod answer;
mod directory;
mod remote;

use std::path::Path;

use sfs_command::{Clock, SystemClock};
use sfs_ledger::{Checkpoint, Outcome, Policy, Report, SignedNote, Terms, VerifierKey, verify_bundle};

use super::VerbError;
use crate::cli::VerifyArgs;
use crate::configuration::Configuration;
use answer::Verified;
pub use directory::{Notes, event_tags};

/// A file that is read whole has at most so many bytes: a bundle of about a million events.
const MAX_FILE: u64 = 2 << 30;

pub async fn run(configuration: Configuration, args: &VerifyArgs, json: bool) -> Result<u8, VerbError> {
    let trust = Trust::read(args)?;
    let verified = match args.target.as_deref() {
        None => directory::verify(&configuration, args, &trust, json).await?,
        Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
            remote::verify(url, args, trust.clone(), json).await?
        }
        Some(path) => verify_file(Path::new(path), &trust)?,
    };
    if let (Outcome::Whole | Outcome::Erased, Some(path), Some(note)) =
        (verified.report.outcome, &args.remember, &verified.note)
    {
        remember(path, note)?;
    }
    Ok(verified.say(json))
}

/// What the caller trusts and remembers.
#[derive(Debug, Clone)]
struct Trust {
    policy: Option<Policy>,
    remembered: Option<Checkpoint>,
    max_age: Option<u64>,
    now: u64,
}

impl Trust {
    fn read(args: &VerifyArgs) -> Result<Self, VerbError> {
        let policy = args.policy.as_deref().map(|path| {
            let bytes = read_file(path)?;
            Policy::parse(&bytes).map_err(|why| VerbError::Usage(format!("{}: {why}", path.display())))
        });
        let remembered = args.remember.as_deref().filter(|path| path.exists()).map(|path| {
            let unusable = |why: String| VerbError::unusable(format!("{}: {why}", path.display()));
            // Whoever remembers has checked it then; its key may have been retired since.
            let note = SignedNote::parse(&read_file(path)?).map_err(|why| unusable(why.to_string()))?;
            note.unverified_text().parse::<Checkpoint>().map_err(|why| unusable(why.to_string()))
        });
        if let (Some(_), None) = (&args.token_file, &args.target) {
            return Err(VerbError::Usage("--token-file is for a server".into()));
        }
        Ok(Self {
            policy: policy.transpose()?,
            remembered: remembered.transpose()?,
            max_age: args.max_age,
            now: u64::try_from(SystemClock.now_micros() / 1_000_000).unwrap_or_default(),
        })
    }

    /// For what comes from elsewhere nobody but the policy says whom to trust.
    fn policy(&self) -> Result<&Policy, VerbError> {
        let missing = "a server or a bundle is verified with --policy FILE: it names the keys that you trust";
        self.policy.as_ref().ok_or_else(|| VerbError::Usage(missing.into()))
    }

    const fn terms<'a>(&'a self, policy: &'a Policy, known: &'a [VerifierKey]) -> Terms<'a> {
        Terms { policy, known, remembered: self.remembered.as_ref(), now: self.now, max_age: self.max_age }
    }
}

fn verify_file(path: &Path, trust: &Trust) -> Result<Verified, VerbError> {
    let terms = trust.terms(trust.policy()?, &[]);
    let bytes = read_file(path)?;
    let report = verify_bundle(&bytes, &terms);
    let note = sfs_ledger::Bundle::parse(&bytes).ok().map(|bundle| bundle.checkpoint.to_vec());
    Ok(Verified { level: 1, report, note, ..Verified::default() })
}

fn read_file(path: &Path) -> Result<Vec<u8>, VerbError> {
    let unusable = |why: std::io::Error| VerbError::unusable(format!("cannot read {}: {why}", path.display()));
    let length = std::fs::metadata(path).map_err(unusable)?.len();
    if length > MAX_FILE {
        return Err(VerbError::unusable(format!("{} has {length} bytes, more than {MAX_FILE}", path.display())));
    }
    std::fs::read(path).map_err(unusable)
}

/// Replaces the remembered checkpoint, whole or not at all.
fn remember(path: &Path, note: &[u8]) -> Result<(), VerbError> {
    let mut other = path.as_os_str().to_owned();
    other.push(".new");
    let stored = std::fs::write(&other, note).and_then(|()| std::fs::rename(&other, path));
    stored.map_err(|why| VerbError::unusable(format!("cannot write {}: {why}", path.display())))
}

/// Holds a log that has been read against a checkpoint that it is to continue.
fn hold_against(
    report: &mut Report,
    what: &str,
    checkpoint: &Checkpoint,
    events: u64,
    root: Option<&sfs_ledger::Hash>,
) -> bool {
    let (size, known) = (checkpoint.size(), checkpoint.root());
    let found = match root {
        _ if size > events => {
            format!("the log has {events} events, but {size} were {what}: it was restored or cut off")
        }
        Some(root) if *root == known => return true,
        Some(root) => format!("the first {size} events come to the root {root}, but {known} was {what}"),
        None => format!("the root of the first {size} events could not be computed"),
    };
    report.find(size.min(events), "consistency", Outcome::Inconsistent, found);
    false
}
