//! The key of a subject for one purpose, in memory. Its bytes are wiped when it is dropped.

use std::fmt;
use std::marker::PhantomData;

use uuid::Uuid;
use zeroize::Zeroizing;

use crate::purpose::{Class, Purpose};

/// Whom data are about: a random pseudonym, never made from the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId(pub Uuid);

/// Which key: random. It stands in the leaf beside the slot's digest, and outlives the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub Uuid);

impl fmt::Display for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A random key of one subject for one purpose. It is made by the store and durable there before
/// anybody holds it.
#[derive(Clone)]
pub struct SubjectKey<C> {
    id: KeyId,
    subject: SubjectId,
    bytes: Zeroizing<[u8; 32]>,
    class: PhantomData<fn() -> C>,
}

impl<C: Class> SubjectKey<C> {
    pub(crate) const fn new(id: KeyId, subject: SubjectId, bytes: Zeroizing<[u8; 32]>) -> Self {
        Self { id, subject, bytes, class: PhantomData }
    }

    /// A key of given bytes, as tests and vectors need it. What is sealed under a key that is not in
    /// the store is lost with the process.
    #[must_use]
    pub fn of_bytes(id: KeyId, subject: SubjectId, bytes: [u8; 32]) -> Self {
        Self::new(id, subject, Zeroizing::new(bytes))
    }

    /// Which key it is.
    #[must_use]
    pub const fn id(&self) -> KeyId {
        self.id
    }

    /// Whose key it is.
    #[must_use]
    pub const fn subject(&self) -> SubjectId {
        self.subject
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        C::PURPOSE
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl<C: Class> fmt::Debug for SubjectKey<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SubjectKey<{}>({})", C::PURPOSE.code(), self.id)
    }
}

/// What the store answers when asked for a key.
#[derive(Debug, Clone)]
pub enum KeyReading<C: Class> {
    /// The key.
    Held(SubjectKey<C>),
    /// It was destroyed: what it sealed reads as erased.
    Destroyed,
}

impl<C: Class> KeyReading<C> {
    /// The key, if it is held.
    pub const fn held(&self) -> Option<&SubjectKey<C>> {
        match self {
            Self::Held(key) => Some(key),
            Self::Destroyed => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::purpose::Statistics;

    #[test]
    fn printing_a_key_shows_which_it_is_and_none_of_its_bytes() {
        let key = SubjectKey::<Statistics>::of_bytes(KeyId(Uuid::nil()), SubjectId(Uuid::max()), [0xab; 32]);
        let shown = format!("{:#?} {:?}", KeyReading::Held(key.clone()), key);
        assert!(shown.contains("SubjectKey<statistics>(00000000-0000-0000-0000-000000000000)"), "{shown}");
        assert!(!shown.contains("171") && !shown.contains("ab"), "{shown}");
    }
}
