//! What is said of persons on its way into the log and out of it: sealed under the person's keys before
//! the event is appended, opened again when an event that says so is durable.

use std::sync::Arc;

use serde::ser::{Error as _, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sfs_domain::decider::Recognition;
use sfs_domain::personal::{Personal, PersonalRecord, RecordKind};
use sfs_domain::{EventId, PersonId, Refused, Severity};
use sfs_eventlog::{ReadError, StoredEvent};
use sfs_ledger::{Hash, Leaf};
use sfs_vault::{
    Actor, Class, Commitments, ErasureList, Identity, KeyId, KeyReading, Keys, KeysError, Listed, PersonIdentity,
    Place, Purpose, RandomBytes, Reading, Sealed, SpecialCategory, Statistics, SubjectId, SubjectKey, Tombstone, Value,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::erasing::{ErasureError, purpose_of};
use crate::request::CommandError;
use crate::states::LoadError;

/// Runs the body with the purpose as a type.
macro_rules! with_class {
    ($purpose:expr, $class:ident => $body:expr) => {
        match $purpose {
            Purpose::Identity => {
                type $class = Identity;
                $body
            }
            Purpose::Statistics => {
                type $class = Statistics;
                $body
            }
            Purpose::SpecialCategory => {
                type $class = SpecialCategory;
                $body
            }
            Purpose::Actor => {
                type $class = Actor;
                $body
            }
        }
    };
}

/// Seals and opens with the keys of one installation.
#[derive(Clone)]
pub struct Sealer {
    keys: Keys,
    origin: Arc<str>,
    random: Arc<dyn RandomBytes>,
    erasures: Option<Arc<ErasureList>>,
}

/// What goes with an event beside its open body.
#[derive(Default)]
pub(crate) struct SealedParts {
    pub slots: Vec<Sealed>,
    /// In ascending order, as the leaf has them.
    pub commitments: Vec<Hash>,
}

/// Why a sealed record cannot be shown. None of it means that it was erased.
#[derive(Debug, thiserror::Error)]
pub enum OpeningError {
    /// The log did not answer, or is damaged.
    #[error("the log did not answer")]
    Log(#[from] ReadError),
    /// The key store did not answer.
    #[error("the key store did not answer")]
    Keys(#[from] KeysError),
    /// An event cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// An event with what it says of a person.
#[derive(Debug)]
pub struct OpenedEvent {
    /// The event as it is stored.
    pub event: StoredEvent,
    /// Its records of that person, in the order of the leaf.
    pub records: Vec<Opened>,
}

/// A sealed record, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// The record: a JSON object whose one member is named like the kind of the record.
    Known(RecordText),
    /// Its key was destroyed.
    Erased(&'static str),
    /// The command does not open records of this kind.
    Withheld,
    /// It is damaged, or its key is missing though it was not destroyed. The log of the program tells.
    Unreadable,
}

/// The text of an opened record; printing shows none of it.
#[derive(Clone, PartialEq, Eq)]
pub struct RecordText(Zeroizing<String>);

impl RecordText {
    /// The JSON text.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RecordText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordText(…)")
    }
}

impl Sealer {
    /// A sealer of the log with that origin. The random bytes are those of the operating system, or as
    /// good.
    pub fn new(keys: Keys, origin: &str, random: Arc<dyn RandomBytes>) -> Self {
        Self { keys, origin: origin.into(), random, erasures: None }
    }

    /// The same, which keeps what is erased in a list that no backup of the keys holds.
    #[must_use]
    pub fn listing(self, erasures: ErasureList) -> Self {
        Self { erasures: Some(Arc::new(erasures)), ..self }
    }

    /// Destroys the keys of a subject for these purposes; first it is in the list that they are.
    pub(crate) async fn destroy(
        &self,
        subject: SubjectId,
        purposes: &[Purpose],
        erasure: Uuid,
    ) -> Result<Vec<Tombstone>, ErasureError> {
        if let Some(list) = self.erasures.clone() {
            let listed: Vec<Listed> =
                purposes.iter().map(|purpose| Listed { subject, purpose: *purpose, erasure }).collect();
            let adding = tokio::task::spawn_blocking(move || list.add(&listed)).await;
            adding.map_err(|_| ErasureError::Stopped)??;
        }
        Ok(self.keys.destroy(subject, purposes.to_vec(), erasure).await?)
    }

    /// The digest that stands for a personal record in the digest of a command: nobody without the key
    /// store can try values.
    pub(crate) fn digest_of(&self, record: &PersonalRecord) -> [u8; 32] {
        self.keys.stream_fingerprint("command", &[record.kind().name(), record.reveal()])
    }

    /// The key store.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Makes the keys of many subjects in one commit.
    pub(crate) async fn prepare<'a>(
        &self,
        wanted: impl Iterator<Item = (PersonId, &'a Personal)>,
    ) -> Result<(), KeysError> {
        let wanted: Vec<_> = wanted
            .flat_map(|(person, personal)| {
                personal.records().iter().map(move |record| (SubjectId(person.0), purpose_of(record.kind().purpose())))
            })
            .collect();
        if wanted.is_empty() { Ok(()) } else { self.keys.prepare(wanted).await }
    }

    /// Seals the records for an event. The keys are durable when this returns, before the event is.
    pub(crate) async fn seal(
        &self,
        person: PersonId,
        personal: &Personal,
        event: EventId,
        event_type: &str,
    ) -> Result<SealedParts, CommandError> {
        self.prepare(std::iter::once((person, personal))).await?;
        let (mut slots, mut commitments) = (Vec::new(), Commitments::new());
        let mut are_any = false;
        for (slot, record) in (0..).zip(personal.records()) {
            let place = Place { origin: &self.origin, event: event.0, slot, event_type };
            let sealed = with_class!(purpose_of(record.kind().purpose()), C => {
                match self.keys.key::<C>(SubjectId(person.0)).await? {
                    KeyReading::Destroyed => return Err(CommandError::Refused(ERASED)),
                    KeyReading::Held(key) => {
                        if counts(C::PURPOSE) {
                            are_any = true;
                            commit(&mut commitments, &key, event.0, record)?;
                        }
                        sfs_vault::seal(&key, &place, &sfs_vault::Personal::new(Named(record)), &*self.random)
                            .map_err(unsealable)?
                    }
                }
            });
            slots.push(sealed);
        }
        let commitments = if are_any { commitments.finish(&*self.random) } else { Vec::new() };
        Ok(SealedParts { slots, commitments: commitments.into_iter().map(Hash::from).collect() })
    }

    /// Under whom the person of a registration is known already, if not under the given pseudonym.
    pub(crate) async fn known_as(
        &self,
        recognition: &Recognition,
        personal: &Personal,
        person: PersonId,
    ) -> Result<Option<PersonId>, CommandError> {
        let Some(identity) = identity_in(personal) else { return Ok(None) };
        let (scope, subject) = (recognition.scope(), SubjectId(person.0));
        let known = match recognition {
            Recognition::Claims(_) => self.keys.recognise(scope, &identity, subject).await,
            Recognition::Replaces(_) => self.keys.recognise_anew(scope, &identity, subject).await,
        };
        match known {
            Ok(SubjectId(known)) => Ok((known != person.0).then_some(PersonId(known))),
            Err(KeysError::SubjectErased(_)) => Err(CommandError::Refused(ERASED)),
            Err(why) => Err(why.into()),
        }
    }

    /// Gives up a claim of somebody who never came to be.
    pub(crate) async fn reclaim(
        &self,
        scope: &str,
        personal: &Personal,
        from: PersonId,
        to: PersonId,
    ) -> Result<Option<PersonId>, CommandError> {
        let Some(identity) = identity_in(personal) else { return Ok(None) };
        let known = self.keys.reclaim(scope, &identity, SubjectId(from.0), SubjectId(to.0)).await?;
        Ok((known.0 != to.0).then_some(PersonId(known.0)))
    }

    /// Opens what the event says of that person; `bytes` are its ciphertexts in the order of the leaf.
    pub(crate) async fn open(
        &self,
        stored: &StoredEvent,
        leaf: &Leaf<'_>,
        bytes: &[Option<Vec<u8>>],
        person: PersonId,
        kinds: &[RecordKind],
    ) -> Result<Vec<Opened>, OpeningError> {
        let damaged = |what: &str| ReadError::Damaged { position: stored.position, what: what.into() };
        let mut opened = Vec::new();
        for ((slot, named), bytes) in (0..).zip(&leaf.draft.sealed).zip(bytes) {
            let key = KeyId(Uuid::parse_str(&named.k).map_err(|_| damaged("a key's name is none"))?);
            let (subject, purpose) = match self.keys.owner(key).await {
                // A store that is older than the log: one record is not the rest.
                Err(KeysError::Unknown(_)) => {
                    opened.push(Opened::Unreadable);
                    continue;
                }
                owner => owner?,
            };
            if subject.0 != person.0 {
                continue;
            }
            if bytes.as_deref().is_some_and(|bytes| sfs_ledger::digest(bytes) != named.h) {
                opened.push(Opened::Unreadable);
                continue;
            }
            let place = Place { origin: &self.origin, event: leaf.draft.id, slot, event_type: &leaf.draft.event_type };
            let text = with_class!(purpose, C => {
                let key = self.keys.find::<C>(key).await?;
                sfs_vault::open::<C, Box<RawValue>>(&key, &place, bytes.as_deref()).map(sfs_vault::Personal::into_revealed)
            });
            opened.push(match text {
                Ok(Reading::Erased) => Opened::Erased(purpose.code()),
                Ok(Reading::Known(text)) if !is_one_of(text.get(), kinds) => Opened::Withheld,
                Ok(Reading::Known(text)) => Opened::Known(RecordText(Zeroizing::new(text.get().to_owned()))),
                Err(why) => {
                    let position = stored.position;
                    tracing::error!(
                        error = &why as &dyn std::error::Error,
                        position,
                        "a sealed record cannot be opened"
                    );
                    Opened::Unreadable
                }
            });
        }
        Ok(opened)
    }
}

/// The refusal where a person's keys are destroyed.
pub(crate) const ERASED: Refused = Refused {
    rule: "GEN-05",
    pointer: "/personal",
    severity: Severity::Rule,
    de: "Die Daten dieser Person sind gelöscht; unter diesem Pseudonym wird nichts mehr erfasst.",
    en: "This person's data were erased; nothing is recorded under this pseudonym any more.",
};

/// The refusal where nothing would happen to records that came with a command.
pub(crate) const RECORDED_BEFORE: Refused = Refused {
    rule: "GEN-06",
    pointer: "/personal",
    severity: Severity::Rule,
    de: "Das ist schon erfasst; die Angaben zur Person würden verloren gehen. Berichtigt wird mit einem eigenen Vorgang.",
    en: "This is recorded already; the particulars of the person would be lost. A correction is a command of its own.",
};

/// Whether figures are counted from records of that purpose, so that single attributes are committed to.
const fn counts(purpose: Purpose) -> bool {
    matches!(purpose, Purpose::Statistics | Purpose::SpecialCategory)
}

/// Commits to every attribute of a record. The members of a list are one text, in the list's order.
fn commit<C: Class>(
    commitments: &mut Commitments,
    key: &SubjectKey<C>,
    event: Uuid,
    record: &PersonalRecord,
) -> Result<(), CommandError> {
    let attributes: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(record.reveal()).map_err(unsealable)?;
    for (name, value) in &attributes {
        let value = match value {
            serde_json::Value::Bool(flag) => Value::Flag(*flag),
            serde_json::Value::Number(number) => {
                Value::Number(number.as_i64().ok_or_else(|| unsealable("a fraction"))?)
            }
            serde_json::Value::String(text) => Value::Text(text.clone()),
            serde_json::Value::Array(members) => {
                let members: Vec<&str> = members.iter().filter_map(serde_json::Value::as_str).collect();
                Value::Text(members.join(","))
            }
            serde_json::Value::Null | serde_json::Value::Object(_) => return Err(unsealable("a nested attribute")),
        };
        commitments.add(key, event, name, &value).map_err(unsealable)?;
    }
    Ok(())
}

fn unsealable(why: impl std::fmt::Display) -> CommandError {
    CommandError::Encode(why.to_string())
}

/// Whether a record is of one of these kinds. What cannot be read is of none.
fn is_one_of(text: &str, kinds: &[RecordKind]) -> bool {
    let member: Result<serde_json::Map<String, serde_json::Value>, _> = serde_json::from_str(text);
    member.is_ok_and(|member| member.keys().all(|name| kinds.iter().any(|kind| kind.name() == name)))
}

/// What tells the person from others, if the records say it.
fn identity_in(personal: &Personal) -> Option<PersonIdentity> {
    let parts = personal.records().iter().find_map(PersonalRecord::recognised_by)?;
    Some(PersonIdentity::of(parts.iter().map(|part| part.as_str())))
}

/// A record under its name: what is sealed says what it is.
struct Named<'a>(&'a PersonalRecord);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text: &RawValue = serde_json::from_str(self.0.reveal()).map_err(S::Error::custom)?;
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.kind().name(), text)?;
        map.end()
    }
}
