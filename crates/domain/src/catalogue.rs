//! Every aggregate and every command, one line each.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

use crate::decider::{Decider, Fact, Facts, Opens, Recognition};
use crate::personal::{RecordKind, Takes};
use crate::wire::{Encoded, Named};
use crate::{
    EventId, Explain, PersonId, Place, Refused, Role, StreamId, absence, child_protection, cooperation, intervention,
    log, network_office, organisation, person, principal, programme, school, staff, support_case, training,
    training_need, vacancy,
};

/// An aggregate whose folded state can be found in a [`State`].
pub trait Folded: Decider {
    /// The state, if it is of this aggregate.
    fn of(state: &State) -> Option<&Self::State>;
}

/// Joins the aggregates into one Command, Event and State. Dispatch is a match, nothing is boxed.
macro_rules! aggregates {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $module:ident :: $decider:ident;)+) => {
        /// What an event or a stream is about. The name is the first part of both.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Category { $($(#[$doc])* $variant,)+ }

        /// A command of any aggregate.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Command { $($(#[$doc])* $variant($module::Command),)+ }

        /// An event of any aggregate.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(untagged)]
        pub enum Event { $($(#[$doc])* $variant($module::Event),)+ }

        /// The folded state of a stream of any aggregate.
        #[derive(Debug, Clone, PartialEq)]
        pub enum State { $($(#[$doc])* $variant(<$module::$decider as Decider>::State),)+ }

        impl Category {
            /// Every category.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The first part of stream names and event types.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The category with that name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }

            /// The JSON Schemas of the events (`events`) or commands by name, in the given
            /// generator's dialect.
            fn schemas(self, events: bool, generator: &mut SchemaGenerator) -> Vec<(String, schemars::Schema)> {
                match self {
                    $(Self::$variant => variants(if events {
                        $module::Event::json_schema(generator)
                    } else {
                        $module::Command::json_schema(generator)
                    }),)+
                }
            }

            /// What the aggregate refuses, for the documentation.
            pub fn refusals(self) -> Vec<Refused> {
                match self {
                    $(Self::$variant => $module::Refusal::ALL.iter().map(|r| r.refused()).collect(),)+
                }
            }
        }

        impl Command {
            /// Reads the body of a command whose category and name are known.
            pub fn deserialize_as<'de, D: Deserializer<'de>>(category: Category, named: Named<'_, D>) -> Result<Self, D::Error> {
                match category {
                    $(Category::$variant => $module::Command::deserialize(named).map(Self::$variant),)+
                }
            }

            /// The name and body, as a client would send them.
            pub fn encode(&self) -> Result<Encoded, serde_json::Error> {
                match self { $(Self::$variant(command) => crate::wire::encode(command),)+ }
            }

            /// What it is about.
            pub const fn category(&self) -> Category {
                match self { $(Self::$variant(_) => Category::$variant,)+ }
            }

            /// The stream that it writes.
            pub fn stream(&self, facts: &Facts<'_>) -> StreamId {
                match self { $(Self::$variant(command) => $module::$decider::stream(command, facts),)+ }
            }

            /// The other streams that its decision reads.
            pub fn reads(&self, state: &State) -> Vec<StreamId> {
                match (self, state) {
                    $((Self::$variant(command), State::$variant(state)) => $module::$decider::reads(command, state),)+
                    _ => Vec::new(),
                }
            }

            /// Where the fact would belong; `None` when what it names does not exist.
            pub fn place(&self, state: &State, facts: &Facts<'_>) -> Option<Place> {
                match (self, state) {
                    $((Self::$variant(command), State::$variant(state)) => $module::$decider::place(command, state, facts),)+
                    _ => None,
                }
            }

            /// Under whose keys its personal records are sealed.
            pub fn subject(&self) -> Option<PersonId> {
                match self { $(Self::$variant(command) => $module::$decider::subject(command),)+ }
            }

            /// What it shows of somebody once its event is durable.
            pub fn opens(&self) -> Option<Opens> {
                match self { $(Self::$variant(command) => $module::$decider::opens(command),)+ }
            }

            /// The scope within which nobody is known twice, if it says who somebody is.
            pub fn recognised_in(&self, state: &State) -> Option<Recognition> {
                match (self, state) {
                    $((Self::$variant(command), State::$variant(state)) => $module::$decider::recognised_in(command, state),)+
                    _ => None,
                }
            }

            /// The decision; the state must be of the same category.
            pub fn decide(&self, state: &State, facts: &Facts<'_>) -> Result<Vec<Event>, Refused> {
                match (self, state) {
                    $((Self::$variant(command), State::$variant(state)) => $module::$decider::decide(command, state, facts)
                        .map(|events| events.into_iter().map(Event::$variant).collect())
                        .map_err(Explain::refused),)+
                    _ => Err(crate::decider::general(
                        "GEN-00", crate::Severity::Missing, "", "Den Gegenstand gibt es nicht.", "There is no such thing.",
                    )),
                }
            }
        }

        impl State {
            /// The state of a stream without events.
            pub fn initial(category: Category) -> Self {
                match category { $(Category::$variant => Self::$variant(Default::default()),)+ }
            }

            /// What is true after the event; an event of another category changes nothing.
            pub fn evolve(&mut self, event: &Event, fact: &Fact) {
                match (self, event) {
                    $((Self::$variant(state), Event::$variant(event)) => $module::$decider::evolve(state, event, fact),)+
                    _ => {}
                }
            }
        }

        impl Event {
            /// Reads the body of an event whose category and type are known.
            pub(crate) fn deserialize_as<'de, D: Deserializer<'de>>(category: Category, named: Named<'_, D>) -> Result<Self, D::Error> {
                match category {
                    $(Category::$variant => $module::Event::deserialize(named).map(Self::$variant),)+
                }
            }

            /// What it is about.
            pub const fn category(&self) -> Category {
                match self { $(Self::$variant(_) => Category::$variant,)+ }
            }

            /// The stored type and body.
            pub fn encode(&self) -> Result<Encoded, serde_json::Error> {
                match self { $(Self::$variant(event) => crate::wire::encode(event),)+ }
            }

            /// The earlier event that this one corrects.
            pub fn corrects(&self) -> Option<EventId> {
                match self { $(Self::$variant(event) => $module::$decider::corrects(event),)+ }
            }
        }

        $(impl Folded for $module::$decider {
            fn of(state: &State) -> Option<&Self::State> {
                match state { State::$variant(state) => Some(state), _ => None }
            }
        })+

        $(#[cfg(any(test, feature = "testing"))]
        impl From<crate::testing::Other<$module::$decider>> for State {
            fn from(other: crate::testing::Other<$module::$decider>) -> Self {
                Self::$variant(other.0)
            }
        })+
    };
}

aggregates! {
    /// The programme with its funding periods and cycles.
    Programme = "programme", programme::Programme;
    /// Providers, authorities and other bodies.
    Organisation = "organisation", organisation::Organisation;
    /// Schools.
    School = "school", school::School;
    /// The network office of a district.
    NetworkOffice = "office", network_office::NetworkOffice;
    /// The cooperation of a school and a provider.
    Cooperation = "cooperation", cooperation::Cooperation;
    /// A member of staff with all assignments.
    Staff = "staff", staff::Staff;
    /// A position that nobody holds.
    Vacancy = "vacancy", vacancy::Vacancy;
    /// A need for further training.
    TrainingNeed = "training-need", training_need::TrainingNeed;
    /// A further training.
    Training = "training", training::Training;
    /// The interventions at a school in a school year.
    Intervention = "intervention", intervention::Intervention;
    /// Somebody who may act: grants and keys.
    Principal = "principal", principal::Principal;
    /// A person of whom something is sealed.
    Person = "person", person::Person;
    /// The absences of a member of staff.
    Absence = "absence", absence::Absence;
    /// The support cases of a pupil.
    SupportCase = "support-case", support_case::SupportCase;
    /// What is done when a child may be in danger.
    ChildProtection = "child-protection", child_protection::ChildProtection;
    /// The log itself: the keys that sign its checkpoints.
    Log = "log", log::Log;
}

/// What a client must say about the version it has seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Precondition {
    /// Brings something into being: no version yet.
    Creates,
    /// Changes what somebody else may have changed: `If-Match` is demanded (else 428).
    Version,
    /// Adds a fact that does not depend on the others: `If-Match` is honoured if given.
    None,
}

/// One command: its route, who may send it, what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandEntry {
    /// Name and last part of the route.
    pub name: &'static str,
    /// The aggregate that decides.
    pub category: Category,
    /// Version rule.
    pub precondition: Precondition,
    /// Roles that may send it, each within its scope.
    pub roles: &'static [Role],
    /// What it takes of personal records beside its open fields.
    pub takes: &'static [Takes],
    /// What may be opened once its event is durable: records of these kinds and no others.
    pub opens: &'static [RecordKind],
    /// German title.
    pub de: &'static str,
    /// English title.
    pub en: &'static str,
}

const fn command(
    name: &'static str,
    category: Category,
    precondition: Precondition,
    roles: &'static [Role],
    de: &'static str,
    en: &'static str,
) -> CommandEntry {
    CommandEntry { name, category, precondition, roles, takes: &[], opens: &[], de, en }
}

impl CommandEntry {
    const fn taking(self, takes: &'static [Takes]) -> Self {
        Self { takes, ..self }
    }

    const fn opening(self, opens: &'static [RecordKind]) -> Self {
        Self { opens, ..self }
    }

    /// Whether only the program itself sends it: it has no route.
    pub const fn is_internal(&self) -> bool {
        matches!(self.roles, [Role::System])
    }
}

mod lines;

pub use lines::COMMANDS;

/// Every command that somebody can send: all but the internal ones.
pub fn routed() -> impl Iterator<Item = &'static CommandEntry> {
    COMMANDS.iter().filter(|entry| !entry.is_internal())
}

/// The entry of the command with that name.
pub fn command_entry(name: &str) -> Option<&'static CommandEntry> {
    COMMANDS.iter().find(|entry| entry.name == name)
}

/// Splits the schema of an externally tagged enum into one schema per variant.
fn variants(schema: schemars::Schema) -> Vec<(String, schemars::Schema)> {
    let alternatives = schema.get("oneOf").and_then(|all| all.as_array()).cloned().unwrap_or_default();
    alternatives
        .into_iter()
        .filter_map(|alternative| {
            let properties = alternative.get("properties")?.as_object()?;
            let (name, body) = properties.iter().next()?;
            let mut body = body.clone();
            if let (Some(object), Some(text)) = (body.as_object_mut(), alternative.get("description")) {
                object.entry("description").or_insert_with(|| text.clone());
            }
            Some((name.clone(), schemars::Schema::try_from(body).ok()?))
        })
        .collect()
}

/// The JSON Schema of every event type of this program, by stored type.
pub fn event_schemas(generator: &mut SchemaGenerator) -> Vec<(String, schemars::Schema)> {
    Category::ALL.iter().flat_map(|category| category.schemas(true, generator)).collect()
}

/// The JSON Schema of every command's body, by name.
pub fn command_schemas(generator: &mut SchemaGenerator) -> Vec<(String, schemars::Schema)> {
    Category::ALL.iter().flat_map(|category| category.schemas(false, generator)).collect()
}

/// Every event type that this program knows.
pub fn event_types() -> &'static BTreeSet<String> {
    static TYPES: OnceLock<BTreeSet<String>> = OnceLock::new();
    TYPES.get_or_init(|| event_schemas(&mut SchemaGenerator::default()).into_iter().map(|(name, _)| name).collect())
}
