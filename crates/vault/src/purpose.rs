//! What a key is for. A person has one key for each purpose, so that a name can be erased long before
//! the figure in which the person was counted.

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Name, address, birth date, free text: who somebody is.
    Identity,
    /// Attributes that indicators count: gender, age, employment, education.
    Statistics,
    /// Special categories of GDPR Art. 9 and 10: disability, migration, homelessness.
    SpecialCategory,
    /// Who stands behind the pseudonym of somebody who acts.
    Actor,
}

impl Purpose {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Identity, Self::Statistics, Self::SpecialCategory, Self::Actor];

    /// The stored name. It never changes: it is part of what a wrapped key is bound to.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Statistics => "statistics",
            Self::SpecialCategory => "special_category",
            Self::Actor => "actor",
        }
    }

    /// The purpose of that stored name.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }
}

mod closed {
    pub trait Closed {}
}

/// A purpose as a type, so that a value of one cannot be sealed under a key of another. The four
/// types of this file are all there are.
pub trait Class: closed::Closed + Copy + Eq + Send + Sync + 'static {
    /// The purpose.
    const PURPOSE: Purpose;
}

macro_rules! classes {
    ($($(#[$doc:meta])* $name:ident),*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {}

        impl closed::Closed for $name {}

        impl Class for $name {
            const PURPOSE: Purpose = Purpose::$name;
        }
    )*};
}

classes! {
    /// [`Purpose::Identity`] as a type.
    Identity,
    /// [`Purpose::Statistics`] as a type.
    Statistics,
    /// [`Purpose::SpecialCategory`] as a type.
    SpecialCategory,
    /// [`Purpose::Actor`] as a type.
    Actor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_leads_back_to_its_purpose() {
        let names = Purpose::ALL.map(Purpose::code);
        assert_eq!(names, ["identity", "statistics", "special_category", "actor"]);
        assert_eq!(names.map(Purpose::from_code), Purpose::ALL.map(Some));
        assert_eq!(Purpose::from_code("Identity"), None);
        assert_eq!([Identity::PURPOSE, Statistics::PURPOSE, SpecialCategory::PURPOSE, Actor::PURPOSE], Purpose::ALL);
    }
}
