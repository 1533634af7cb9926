//! Commitments: salted digests of single attributes, `_sd` in the leaf, in the manner of RFC 9901
//! (SD-JWT). The salts are derived from the subject's key, so nobody stores them, and they die with
//! it: then a commitment is a random number.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::crypto::{Digest, RandomBytes, keyed_digest, random, sha256};
use crate::key::SubjectKey;
use crate::purpose::Class;

/// Integers up to this one are the same in every JSON reader.
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The value of an attribute. No fractions, no lists: what is hashed must have one spelling.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// Yes or no.
    Flag(bool),
    /// A number, at most 2^53 - 1 from zero.
    Number(i64),
    /// A code or a text.
    Text(String),
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(…)")
    }
}

/// Why an attribute cannot be committed to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitError {
    /// The name is empty, or one that RFC 9901 keeps for itself.
    #[error("`{0}` cannot be the name of an attribute")]
    Name(String),
    /// The event has that name already; a disclosure would have two meanings.
    #[error("the event commits to `{0}` twice")]
    Repeated(String),
    /// The number is further than 2^53 - 1 from zero.
    #[error("the number of the attribute `{0}` is out of range")]
    OutOfRange(String),
}

/// Why a disclosure is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DisclosureError {
    /// Its digest is not among the event's commitments: another value, another event, or forged.
    #[error("the event does not commit to this disclosure")]
    NotCommitted,
    /// It is committed to, and no disclosure of ours.
    #[error("this is not a disclosure")]
    Malformed,
}

/// An attribute with its salt, as a verifier gets it: base64url of `[salt, name, value]`. It is
/// personal data.
#[derive(Clone, PartialEq, Eq)]
pub struct Disclosure(Zeroizing<String>);

/// What a disclosure says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disclosed {
    /// Name of the attribute.
    pub name: String,
    /// Its value.
    pub value: Value,
}

impl Disclosure {
    /// The disclosure of an attribute of that event. The same key, event, name and value give the
    /// same text at any time.
    pub fn of<C: Class>(key: &SubjectKey<C>, event: Uuid, name: &str, value: &Value) -> Result<Self, CommitError> {
        if ["", "_sd", "..."].contains(&name) {
            return Err(CommitError::Name(name.to_owned()));
        }
        if matches!(value, Value::Number(number) if number.unsigned_abs() > MAX_INTEGER) {
            return Err(CommitError::OutOfRange(name.to_owned()));
        }
        let digest = Zeroizing::new(keyed_digest(key.bytes(), &[b"sd", event.as_bytes(), name.as_bytes()]));
        let salt = Zeroizing::new(URL_SAFE_NO_PAD.encode(&digest[..16]));
        let text = Zeroizing::new(serde_json::json!([*salt, name, value]).to_string());
        Ok(Self(Zeroizing::new(URL_SAFE_NO_PAD.encode(text.as_bytes()))))
    }

    /// The text to hand over.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What stands in the event's `_sd`.
    #[must_use]
    pub fn digest(&self) -> Digest {
        sha256(self.0.as_bytes())
    }

    /// What a disclosure says, if the event commits to it.
    pub fn check(text: &str, commitments: &[Digest]) -> Result<Disclosed, DisclosureError> {
        if !commitments.contains(&sha256(text.as_bytes())) {
            return Err(DisclosureError::NotCommitted);
        }
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| DisclosureError::Malformed)?;
        let (_salt, name, value): (String, String, Value) =
            serde_json::from_slice(&json).map_err(|_| DisclosureError::Malformed)?;
        Ok(Disclosed { name, value })
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disclosure(…)")
    }
}

/// The commitments of one event, of all its subjects.
#[derive(Debug, Default)]
pub struct Commitments {
    names: BTreeSet<String>,
    digests: BTreeSet<Digest>,
}

impl Commitments {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute of the event. A name may be there once, whoever it is about.
    pub fn add<C: Class>(
        &mut self,
        key: &SubjectKey<C>,
        event: Uuid,
        name: &str,
        value: &Value,
    ) -> Result<(), CommitError> {
        let disclosure = Disclosure::of(key, event, name, value)?;
        if !self.names.insert(name.to_owned()) {
            return Err(CommitError::Repeated(name.to_owned()));
        }
        self.digests.insert(disclosure.digest());
        Ok(())
    }

    /// The digests as the leaf holds them: ascending, with up to three that stand for nothing, so that
    /// their number does not tell how many attributes are known. An event without any gets none.
    #[must_use]
    pub fn finish(mut self, source: &dyn RandomBytes) -> Vec<Digest> {
        if !self.digests.is_empty() {
            let [decoys] = *random::<1>(source);
            self.digests.extend((0..decoys % 4).map(|_| *random::<32>(source)));
        }
        self.digests.into_iter().collect()
    }
}
