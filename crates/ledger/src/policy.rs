//! Whom somebody trusts (C2SP tlog-policy): a file that names logs, witnesses and the quorum of
//! witnesses without which a checkpoint does not count. What it says of a note is a matter of the note
//! and of the file alone; how old a checkpoint may be is asked with the time that the caller has.

use crate::checkpoint::{Checkpoint, CheckpointError, decimal};
use crate::cosignature::WitnessKey;
use crate::note::{KeyTextError, NoteError, SignedNote, VerifierKey};

/// Limit of a policy in bytes.
pub const MAX_POLICY_BYTES: usize = 100_000;

/// A policy: logs, witnesses, and who of the witnesses must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<TrustedLog>,
    witnesses: Vec<WitnessKey>,
    urls: Vec<Option<String>>,
    /// Each refers to earlier ones only.
    rules: Vec<Rule>,
    /// One of the rules; none for `quorum none`.
    quorum: Option<usize>,
}

/// A log of a policy. The name of its key is its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// Whose signature counts.
    pub key: VerifierKey,
    /// Where it is, if the policy says so.
    pub url: Option<String>,
}

/// When something has witnessed a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// The witness at this place has cosigned.
    Witness(usize),
    /// So many of these rules hold.
    Group { threshold: usize, members: Vec<usize> },
}

/// The file is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the policy: {fault}")]
pub struct PolicyError {
    /// The line, from 1; for what the whole file lacks, the one after the last.
    pub line: usize,
    /// What is wrong with it.
    pub fault: PolicyFault,
}

/// What is wrong with a line of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    /// The file is larger than [`MAX_POLICY_BYTES`].
    #[error("the file has more than {MAX_POLICY_BYTES} bytes")]
    TooLarge,
    /// The last line has no newline, so that the file may have been cut.
    #[error("it does not end with a newline; the file may have been cut")]
    NoNewline,
    /// A control character other than tab and newline.
    #[error("it has a control character (a policy has tabs and newlines only)")]
    ControlCharacter,
    /// It is none of the lines that a policy has.
    #[error("expected `log`, `witness`, `group`, `quorum` or a comment, not `{0}`")]
    Unknown(String),
    /// It has too few or too many items.
    #[error("expected `{0}`")]
    Items(&'static str),
    /// The key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyTextError),
    /// A key stands in the file twice, perhaps under two names.
    #[error("the key stands in the file before")]
    SameKey,
    /// A witness or group has a name that is taken, or `none`.
    #[error("the name `{0}` is taken")]
    NameTaken(String),
    /// No line before this one defines the name.
    #[error("no line before this one defines `{0}`")]
    NotDefined(String),
    /// A name is a member of a group already.
    #[error("`{0}` is a member of a group already")]
    Member(String),
    /// Not `all`, `any` or a number from 1 to that of the members.
    #[error("a group needs `all`, `any` or a number from 1 to {0}, the number of its members")]
    Threshold(usize),
    /// There are two quorum lines.
    #[error("there is a quorum line before")]
    SecondQuorum,
    /// There is no quorum line.
    #[error("there is no quorum line; `quorum none` asks for no witness")]
    NoQuorum,
}

/// What a policy finds in a note that one of its logs has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation<'a> {
    /// What the log has signed.
    pub checkpoint: Checkpoint,
    /// Keys of the log that have signed it, at least one.
    pub signed_by: Vec<&'a VerifierKey>,
    /// Witnesses of the policy that have cosigned it, each once, with the time in seconds since 1970.
    pub cosigned_by: Vec<(&'a WitnessKey, u64)>,
    /// Whether they are enough.
    pub quorum: Quorum,
}

/// Whether enough witnesses have cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quorum {
    /// The policy asks for no witness.
    NotAsked,
    /// They have; `at` is the last time, in seconds since 1970, at which the quorum would be reached
    /// by cosignatures of that time or later: the oldest cosignature that is needed.
    Reached {
        /// Seconds since 1970.
        at: u64,
    },
    /// They are too few.
    Missed,
}

/// A note is not accepted under a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyRefusal {
    /// A signature of a known key is wrong.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The signed text is no checkpoint.
    #[error("the signed text is not a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// None of the known keys of that log has signed.
    #[error("the checkpoint of `{0}` is not signed by a log that is trusted")]
    UnknownLog(String),
    /// Too few witnesses have cosigned.
    #[error("the checkpoint lacks its quorum: {0} of the known witnesses have cosigned it")]
    Quorum(usize),
    /// The age of the checkpoint is asked for, but nobody has said when it was seen.
    #[error("no witness is asked for, so nobody says how old the checkpoint is")]
    AgeUnknown,
    /// It is older than it may be.
    #[error("the checkpoint was cosigned {age} seconds ago and may be {limit} seconds old")]
    Stale {
        /// Seconds.
        age: u64,
        /// Seconds.
        limit: u64,
    },
    /// It was cosigned later than now by more than the limit: a clock is wrong.
    #[error("the checkpoint was cosigned {0} seconds from now: a clock is wrong")]
    Ahead(u64),
}

impl Policy {
    /// Reads a policy file. Names and comments are any bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let at = |line| move |fault| PolicyError { line, fault };
        if bytes.len() > MAX_POLICY_BYTES {
            return Err(at(1)(PolicyFault::TooLarge));
        }
        let mut reading = Reading::default();
        let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
        let rest = lines.pop().unwrap_or_default();
        for (number, line) in (1..).zip(&lines) {
            reading.line(line).map_err(at(number))?;
        }
        let last = at(lines.len() + 1);
        if !rest.is_empty() {
            return Err(last(PolicyFault::NoNewline));
        }
        let quorum = reading.quorum.ok_or_else(|| last(PolicyFault::NoQuorum))?;
        let Reading { logs, witnesses, urls, rules, .. } = reading;
        Ok(Self { logs, witnesses, urls, rules, quorum })
    }

    /// The logs, in the order of the file; there may be none.
    #[must_use]
    pub fn logs(&self) -> &[TrustedLog] {
        &self.logs
    }

    /// The witnesses with the addresses of their services (submission prefixes), in the order of the
    /// file.
    pub fn witnesses(&self) -> impl Iterator<Item = (&WitnessKey, Option<&str>)> {
        self.witnesses.iter().zip(self.urls.iter().map(Option::as_deref))
    }

    /// What the policy finds in a note. `known` are keys of logs that are trusted beside those of the
    /// file. A note that none of them has signed as the log that it is of is refused, and so is one
    /// with a wrong signature of a known key; lines of others are ignored.
    pub fn evaluate<'a>(
        &'a self,
        note: &SignedNote,
        known: &'a [VerifierKey],
    ) -> Result<Evaluation<'a>, PolicyRefusal> {
        let checkpoint: Checkpoint = note.unverified_text().parse()?;
        let mut signed_by: Vec<&VerifierKey> = Vec::new();
        // A log signs under its origin; another trusted log cannot speak for it.
        let keys = || self.logs.iter().map(|log| &log.key).chain(known).filter(|key| key.name() == checkpoint.origin());
        for signature in note.signatures() {
            let Some(key) = VerifierKey::claimed(signature, keys())? else { continue };
            if !key.verifies(note.unverified_text().as_bytes(), signature.bytes()) {
                return Err(NoteError::WrongSignature(key.name().to_owned()).into());
            }
            if !signed_by.contains(&key) {
                signed_by.push(key);
            }
        }
        if signed_by.is_empty() {
            return Err(PolicyRefusal::UnknownLog(checkpoint.origin().to_owned()));
        }
        let cosigned_by = note.cosigners(&self.witnesses)?;
        let quorum = self.quorum_of(&cosigned_by);
        Ok(Evaluation { checkpoint, signed_by, cosigned_by, quorum })
    }

    fn quorum_of(&self, cosigned_by: &[(&WitnessKey, u64)]) -> Quorum {
        let Some(quorum) = self.quorum else { return Quorum::NotAsked };
        // Since when each rule holds, in the order in which they refer to each other.
        let mut since: Vec<Option<u64>> = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            since.push(match rule {
                Rule::Witness(place) => {
                    let key = self.witnesses.get(*place);
                    cosigned_by.iter().find(|(by, _)| Some(*by) == key).map(|(_, time)| *time)
                }
                Rule::Group { threshold, members } => {
                    let mut times: Vec<u64> =
                        members.iter().filter_map(|member| since.get(*member).copied().flatten()).collect();
                    times.sort_unstable_by(|a, b| b.cmp(a));
                    threshold.checked_sub(1).and_then(|last| times.get(last).copied())
                }
            });
        }
        match since.get(quorum).copied().flatten() {
            Some(at) => Quorum::Reached { at },
            None => Quorum::Missed,
        }
    }
}

impl Evaluation<'_> {
    /// Refuses what has no quorum.
    pub fn require_quorum(&self) -> Result<(), PolicyRefusal> {
        match self.quorum {
            Quorum::Missed => Err(PolicyRefusal::Quorum(self.cosigned_by.len())),
            Quorum::NotAsked | Quorum::Reached { .. } => Ok(()),
        }
    }

    /// Refuses what has no quorum of cosignatures that are at most `limit` seconds old; `now` is in
    /// seconds since 1970. Cosignatures may be ahead of `now` by the same limit.
    pub fn require_fresh(&self, now: u64, limit: u64) -> Result<(), PolicyRefusal> {
        match self.quorum {
            Quorum::NotAsked => Err(PolicyRefusal::AgeUnknown),
            Quorum::Missed => self.require_quorum(),
            Quorum::Reached { at } if at > now.saturating_add(limit) => Err(PolicyRefusal::Ahead(at.abs_diff(now))),
            Quorum::Reached { at } => match now.saturating_sub(at) {
                age if age > limit => Err(PolicyRefusal::Stale { age, limit }),
                _ => Ok(()),
            },
        }
    }
}

/// What the lines so far have said.
#[derive(Default)]
struct Reading {
    logs: Vec<TrustedLog>,
    witnesses: Vec<WitnessKey>,
    urls: Vec<Option<String>>,
    rules: Vec<Rule>,
    /// Name of each rule, and whether it is a member of a group already.
    names: Vec<(Vec<u8>, bool)>,
    quorum: Option<Option<usize>>,
}

impl Reading {
    fn line(&mut self, line: &[u8]) -> Result<(), PolicyFault> {
        if line.iter().any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f) {
            return Err(PolicyFault::ControlCharacter);
        }
        let items: Vec<&[u8]> =
            line.split(|byte| [b' ', b'\t'].contains(byte)).filter(|item| !item.is_empty()).collect();
        match items[..] {
            [] => Ok(()),
            [first, ..] if first.starts_with(b"#") => Ok(()),
            [b"log", key] => self.log(key, None),
            [b"log", key, url] => self.log(key, Some(url)),
            [b"log", ..] => Err(PolicyFault::Items("log <vkey> [<url>]")),
            [b"witness", name, key] => self.witness(name, key, None),
            [b"witness", name, key, url] => self.witness(name, key, Some(url)),
            [b"witness", ..] => Err(PolicyFault::Items("witness <name> <vkey> [<url>]")),
            [b"group", name, threshold, ref members @ ..] if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            [b"group", ..] => Err(PolicyFault::Items("group <name> <all|any|number> <member>...")),
            [b"quorum", name] => self.quorum(name),
            [b"quorum", ..] => Err(PolicyFault::Items("quorum <name>")),
            [first, ..] => Err(PolicyFault::Unknown(shown(first))),
        }
    }

    fn log(&mut self, key: &[u8], url: Option<&[u8]>) -> Result<(), PolicyFault> {
        let key: VerifierKey = utf8(key)?.parse()?;
        if self.logs.iter().any(|log| log.key.public_key() == key.public_key()) {
            return Err(PolicyFault::SameKey);
        }
        self.logs.push(TrustedLog { key, url: url.map(shown) });
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8], url: Option<&[u8]>) -> Result<(), PolicyFault> {
        let key: WitnessKey = utf8(key)?.parse()?;
        if self.witnesses.iter().any(|known| known.public_key() == key.public_key()) {
            return Err(PolicyFault::SameKey);
        }
        self.define(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(key);
        self.urls.push(url.map(shown));
        Ok(())
    }

    fn group(&mut self, name: &[u8], threshold: &[u8], members: &[&[u8]]) -> Result<(), PolicyFault> {
        let threshold = match threshold {
            b"any" => Some(1),
            b"all" => Some(members.len()),
            number => str::from_utf8(number).ok().and_then(decimal).and_then(|number| usize::try_from(number).ok()),
        };
        let threshold = threshold.filter(|number| (1..=members.len()).contains(number));
        let threshold = threshold.ok_or(PolicyFault::Threshold(members.len()))?;
        let mut places = Vec::with_capacity(members.len());
        for member in members {
            let place = self.find(member)?;
            match self.names.get_mut(place) {
                Some((_, is_member)) if !*is_member => *is_member = true,
                // Nobody can contribute in two ways.
                _ => return Err(PolicyFault::Member(shown(member))),
            }
            places.push(place);
        }
        self.define(name, Rule::Group { threshold, members: places })
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), PolicyFault> {
        if self.quorum.is_some() {
            return Err(PolicyFault::SecondQuorum);
        }
        self.quorum = Some(if name == b"none" { None } else { Some(self.find(name)?) });
        Ok(())
    }

    fn define(&mut self, name: &[u8], rule: Rule) -> Result<(), PolicyFault> {
        if name == b"none" || self.find(name).is_ok() {
            return Err(PolicyFault::NameTaken(shown(name)));
        }
        self.names.push((name.to_owned(), false));
        self.rules.push(rule);
        Ok(())
    }

    /// The place of the rule with this name.
    fn find(&self, name: &[u8]) -> Result<usize, PolicyFault> {
        let place = self.names.iter().position(|(known, _)| known == name);
        place.ok_or_else(|| PolicyFault::NotDefined(shown(name)))
    }
}

/// For messages and addresses; what is compared are the bytes.
fn shown(item: &[u8]) -> String {
    String::from_utf8_lossy(item).into_owned()
}

fn utf8(key: &[u8]) -> Result<&str, KeyTextError> {
    str::from_utf8(key).map_err(|_| KeyTextError::Malformed)
}
