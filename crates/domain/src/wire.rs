//! How commands and events are written down: a name and a body, no wrapper around them.
//!
//! A stored event is its type (`school.registered.v1`) and the JSON object `data` in the open
//! body. The types are enums whose variants carry these names, so one derive gives decoding,
//! encoding and schema. Stored names never change; old versions come in through [`UPCASTERS`].

use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, VariantAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, forward_to_deserialize_any};
use serde_json::Value;

use crate::{Category, Event};

/// Why a stored event cannot be read. A reader that meets one stops there.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer program wrote it: this one does not know the type.
    #[error("unknown event type `{0}`")]
    UnknownType(String),
    /// The body is not what its type says.
    #[error("the body of a `{event_type}` is not readable")]
    Body {
        /// The stored type.
        event_type: String,
        /// What serde found.
        source: serde_json::Error,
    },
}

/// Turns one stored version of an event into the next. Pure; never removed.
pub struct Upcaster {
    /// The stored type that it reads.
    pub from: &'static str,
    /// The type that it yields.
    pub to: &'static str,
    /// The body of the one made from the body of the other.
    pub convert: fn(Value) -> Value,
}

/// All conversions, oldest first. Empty as long as every event is in its first version.
pub const UPCASTERS: &[Upcaster] = &[];

/// Reads a stored event.
pub fn decode(event_type: &str, data: &str) -> Result<Event, DecodeError> {
    decode_with(UPCASTERS, event_type, data)
}

/// Reads a stored event with the given conversions; [`decode`] is this with [`UPCASTERS`].
pub fn decode_with(upcasters: &[Upcaster], event_type: &str, data: &str) -> Result<Event, DecodeError> {
    if !upcasters.iter().any(|up| up.from == event_type) {
        return decode_current(event_type, data);
    }
    let failed = |source| DecodeError::Body { event_type: event_type.to_owned(), source };
    let mut value: Value = serde_json::from_str(data).map_err(failed)?;
    let mut current = event_type;
    while let Some(up) = upcasters.iter().find(|up| up.from == current) {
        value = (up.convert)(value);
        current = up.to;
    }
    decode_current(current, &value.to_string())
}

fn decode_current(event_type: &str, data: &str) -> Result<Event, DecodeError> {
    let unknown = || DecodeError::UnknownType(event_type.to_owned());
    let category = event_type.split('.').next().and_then(Category::from_name).ok_or_else(unknown)?;
    let mut json = serde_json::Deserializer::from_str(data);
    Event::deserialize_as(category, Named { name: event_type, body: &mut json })
        .and_then(|event| json.end().map(|()| event))
        // Only here is it asked whether the type is known: every event passes above.
        .map_err(|source| match crate::catalogue::event_types().contains(event_type) {
            true => DecodeError::Body { event_type: event_type.to_owned(), source },
            false => unknown(),
        })
}

/// An event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The stored type.
    pub event_type: String,
    /// The JSON object that becomes `data` in the open body.
    pub data: String,
}

/// Writes an event or a command down: the name of its variant and its fields.
pub fn encode<T: Serialize>(value: &T) -> Result<Encoded, serde_json::Error> {
    // An externally tagged enum is `{"name":{…}}`: the name and the body are its two halves.
    let text = serde_json::to_string(value)?;
    let inner = text.strip_prefix("{\"").and_then(|rest| rest.strip_suffix('}'));
    match inner.and_then(|inner| inner.split_once("\":")) {
        Some((name, data)) => Ok(Encoded { event_type: name.to_owned(), data: data.to_owned() }),
        None => Err(de::Error::custom("not a struct variant of an externally tagged enum")),
    }
}

/// A deserializer for an enum whose variant is known by name and whose body stands alone.
pub struct Named<'a, D> {
    /// The variant's name.
    pub name: &'a str,
    /// Reads the body.
    pub body: D,
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        visitor.visit_enum(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, D: Deserializer<'de>> EnumAccess<'de> for Named<'_, D> {
    type Error = D::Error;
    type Variant = Body<D>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Body<D>), D::Error> {
        let name: de::value::StrDeserializer<'_, D::Error> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, Body(self.body)))
    }
}

/// The body of a [`Named`] variant.
pub struct Body<D>(D);

impl<'de, D: Deserializer<'de>> VariantAccess<'de> for Body<D> {
    type Error = D::Error;

    fn unit_variant(self) -> Result<(), D::Error> {
        Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, D::Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        // `deserialize_map` and not `_struct`: a JSON array is no body.
        let _ = fields;
        self.0.deserialize_map(visitor)
    }
}
