//! Closed vocabularies: one code per thing, no free text. And sets of them, in a fixed order.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, SchemaGenerator};
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A closed vocabulary, at most 32 codes long.
pub trait Vocabulary: Copy + PartialEq + 'static {
    /// Every member, in the order in which sets are written.
    const ALL: &'static [Self];

    /// The stored code.
    fn code(self) -> &'static str;
}

/// Declares a closed vocabulary: an enum whose members are stored by the code that stands beside
/// them. A stored code never changes.
#[macro_export]
macro_rules! vocabulary {
    ($($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident = $code:literal,)+ })+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $code)] $member,)+ }

        impl $name {
            /// Every member.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// The stored code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$member => $code,)+ }
            }

            /// The member with that code.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$member),)+ _ => None }
            }
        }

        impl $crate::vocabulary::Vocabulary for $name {
            const ALL: &'static [Self] = Self::ALL;

            fn code(self) -> &'static str {
                Self::code(self)
            }
        }
    )+ };
}

/// A set of members, written as a list without repetition in the vocabulary's order.
pub struct Set<T>(u32, PhantomData<T>);

impl<T: Vocabulary> Set<T> {
    fn bit(member: T) -> u32 {
        T::ALL.iter().position(|other| *other == member).map_or(0, |place| 1 << place)
    }

    /// Whether nothing is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many members are in it.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Whether that member is in it.
    pub fn contains(self, member: T) -> bool {
        self.0 & Self::bit(member) != 0
    }

    /// Its members, in the vocabulary's order.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |member| self.contains(*member))
    }
}

impl<T: Vocabulary> FromIterator<T> for Set<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        Self(members.into_iter().fold(0, |bits, member| bits | Self::bit(member)), PhantomData)
    }
}

// By hand, since a derive would ask the same of the members.
impl<T> Clone for Set<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Set<T> {}
impl<T> PartialEq for Set<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Set<T> {}

impl<T: Vocabulary> fmt::Debug for Set<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Vocabulary::code)).finish()
    }
}

impl<T: Vocabulary> Serialize for Set<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Vocabulary::code))
    }
}

impl<'de, T: Vocabulary + Deserialize<'de>> Deserialize<'de> for Set<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Vocabulary + Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Set<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of different codes")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Set<T>, A::Error> {
                let mut bits = 0;
                while let Some(member) = list.next_element::<T>()? {
                    let bit = Set::bit(member);
                    if bits & bit != 0 {
                        return Err(A::Error::custom("a code stands in the list more than once"));
                    }
                    bits |= bit;
                }
                Ok(Set(bits, PhantomData))
            }
        }

        deserializer.deserialize_seq(Members(PhantomData))
    }
}

impl<T: Vocabulary + JsonSchema> JsonSchema for Set<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("SetOf{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> schemars::Schema {
        let member = generator.subschema_for::<T>();
        schemars::json_schema!({
            "type": "array",
            "items": member,
            "uniqueItems": true,
            "maxItems": T::ALL.len(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::vocabulary! {
        /// For the tests.
        Colour {
            /// Red.
            Red = "red",
            /// Green.
            Green = "green",
            /// Blue.
            Blue = "blue",
        }
    }

    #[test]
    fn a_set_is_written_in_the_order_of_its_vocabulary() {
        let set: Set<Colour> = serde_json::from_str(r#"["blue","red"]"#).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["red","blue"]"#);
        assert_eq!(set, [Colour::Red, Colour::Blue].into_iter().collect());
        assert!(!set.contains(Colour::Green));
        assert_eq!(set.len(), 2);
    }

    #[test]
    fn a_set_takes_no_code_twice_and_none_from_elsewhere() {
        assert!(serde_json::from_str::<Set<Colour>>(r#"["red","red"]"#).is_err());
        assert!(serde_json::from_str::<Set<Colour>>(r#"["white"]"#).is_err());
    }

    #[test]
    fn a_code_leads_back_to_its_member() {
        for colour in Colour::ALL {
            assert_eq!(Colour::from_code(colour.code()), Some(*colour));
        }
        assert_eq!(Colour::from_code("white"), None);
    }
}
