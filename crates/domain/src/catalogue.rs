//! Every aggregate and every command, one line each.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use schemars::{JsonSchema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize};

use crate::decider::{Decider, Fact, Facts, Opens};
use crate::personal::Takes;
use crate::wire::{Encoded, Named};
use crate::{
    EventId, Explain, PersonId, Place, Refused, Role, StreamId, cooperation, intervention, network_office,
    organisation, principal, programme, school, staff, training, training_need, vacancy,
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

            /// The scope within which nobody is registered twice, if it registers somebody.
            pub fn recognised_in(&self) -> Option<&'static str> {
                match self { $(Self::$variant(command) => $module::$decider::recognised_in(command),)+ }
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
    CommandEntry { name, category, precondition, roles, takes: &[], de, en }
}

impl CommandEntry {
    const fn taking(self, takes: &'static [Takes]) -> Self {
        Self { takes, ..self }
    }
}

mod lines {
    use super::Category::{
        Cooperation, Intervention, NetworkOffice, Organisation, Principal, Programme, School, Staff, Training,
        TrainingNeed, Vacancy,
    };
    use super::Precondition::{Creates, None, Version};
    use super::{CommandEntry, Role, command};

    const SSW: Role = Role::SchoolSocialWorker;
    const PM: Role = Role::ProviderManager;
    const NO: Role = Role::NetworkOffice;
    const CO: Role = Role::CoordinationOffice;
    const MB: Role = Role::Ministry;
    const GA: Role = Role::GrantingAuthority;
    const YO: Role = Role::YouthOffice;
    const AD: Role = Role::Administrator;

    /// Every command.
    #[rustfmt::skip]
    pub const COMMANDS: &[CommandEntry] = &[
        command("open-programme", Programme, Creates, &[MB, GA], "Programm anlegen", "Open a programme"),
        command("define-funding-period", Programme, None, &[MB, GA], "Förderzeitraum benennen", "Define a funding period"),
        command("define-funding-cycle", Programme, None, &[MB, GA], "Förderzyklus festlegen", "Define a funding cycle"),
        command("change-cofinancing-rates", Programme, Version, &[MB, GA], "Finanzierungsanteile ändern", "Change co-financing rates"),
        command("close-funding-cycle", Programme, Version, &[MB, GA], "Förderzyklus abschließen", "Close a funding cycle"),
        command("register-organisation", Organisation, Creates, &[CO, MB, GA, NO], "Organisation registrieren", "Register an organisation"),
        command("confirm-provider-recognition", Organisation, None, &[CO, MB, GA], "Anerkennung bestätigen", "Confirm a provider's recognition"),
        command("set-vat-status", Organisation, None, &[GA, PM], "Vorsteuerabzug festhalten", "Set the VAT status"),
        command("amend-organisation", Organisation, Version, &[CO, MB, GA], "Angaben zur Organisation ändern", "Amend an organisation"),
        command("deactivate-organisation", Organisation, Version, &[CO, MB, GA], "Organisation stilllegen", "Deactivate an organisation"),
        command("register-school", School, Creates, &[CO, MB, GA, NO], "Schule registrieren", "Register a school"),
        command("change-school-form", School, Version, &[CO, MB, GA], "Schulform ändern", "Change a school's form"),
        command("merge-schools", School, Version, &[CO, MB, GA], "Schulen zusammenlegen", "Merge schools"),
        command("close-school", School, Version, &[CO, MB, GA], "Schule schließen", "Close a school"),
        command("record-pupil-numbers", School, None, &[CO, MB, GA, NO], "Schülerzahlen erfassen", "Record pupil numbers"),
        // Not `Creates`: an office is established again after it was closed.
        command("establish-network-office", NetworkOffice, None, &[CO, MB, GA], "Netzwerkstelle einrichten", "Establish a network office"),
        command("add-network-office-site", NetworkOffice, None, &[CO, NO], "Standort ergänzen", "Add a network office site"),
        command("change-network-office-provider", NetworkOffice, Version, &[CO, MB, GA], "Träger der Netzwerkstelle wechseln", "Change a network office's provider"),
        command("close-network-office", NetworkOffice, Version, &[CO, MB, GA], "Netzwerkstelle schließen", "Close a network office"),
        command("propose-cooperation", Cooperation, Creates, &[PM, NO, CO], "Kooperation vorschlagen", "Propose a cooperation"),
        command("record-conference-resolution", Cooperation, None, &[PM, NO, CO], "Beschluss der Gesamtkonferenz erfassen", "Record a school conference's resolution"),
        command("record-expert-opinion", Cooperation, None, &[YO, GA, NO, CO], "Fachliches Votum erfassen", "Record an expert opinion"),
        command("sign-cooperation-agreement", Cooperation, None, &[PM, NO, CO], "Kooperationsvereinbarung schließen", "Sign a cooperation agreement"),
        command("amend-cooperation-agreement", Cooperation, Version, &[PM, NO, CO], "Kooperationsvereinbarung ändern", "Amend a cooperation agreement"),
        command("hold-cooperation-review", Cooperation, None, &[PM, NO, CO], "Kooperation auswerten", "Hold a cooperation review"),
        command("raise-cooperation-issue", Cooperation, None, &[PM, NO, CO], "Problem der Kooperation melden", "Raise a cooperation issue"),
        command("resolve-cooperation-issue", Cooperation, None, &[PM, NO, CO], "Problem der Kooperation lösen", "Resolve a cooperation issue"),
        command("terminate-cooperation", Cooperation, Version, &[PM, CO, GA], "Kooperation beenden", "Terminate a cooperation"),
        command("confirm-staff-qualification", Staff, None, &[PM, GA], "Qualifikation bestätigen", "Confirm a qualification"),
        command("assign-staff", Staff, None, &[PM], "Fachkraft einsetzen", "Assign staff"),
        command("change-assignment-fte", Staff, Version, &[PM], "Stellenanteil ändern", "Change an assignment's FTE"),
        command("end-assignment", Staff, Version, &[PM], "Einsatz beenden", "End an assignment"),
        command("report-vacancy", Vacancy, Creates, &[PM, NO], "Vakanz melden", "Report a vacancy"),
        command("fill-vacancy", Vacancy, Version, &[PM], "Vakanz besetzen", "Fill a vacancy"),
        command("withdraw-vacancy", Vacancy, Version, &[PM, NO], "Vakanz zurückziehen", "Withdraw a vacancy"),
        command("identify-training-need", TrainingNeed, Creates, &[CO, NO], "Fortbildungsbedarf feststellen", "Identify a training need"),
        command("withdraw-training-need", TrainingNeed, Version, &[CO, NO], "Fortbildungsbedarf zurücknehmen", "Withdraw a training need"),
        command("offer-training", Training, Creates, &[CO, NO], "Fortbildung anbieten", "Offer a training"),
        command("reschedule-training", Training, Version, &[CO, NO], "Fortbildung verlegen", "Reschedule a training"),
        command("record-training-registrations", Training, None, &[CO, NO], "Anmeldungen erfassen", "Record training registrations"),
        command("hold-training", Training, None, &[CO, NO], "Fortbildung durchführen", "Hold a training"),
        command("confirm-training-attendance", Training, None, &[CO, NO], "Teilnahme bestätigen", "Confirm training attendance"),
        command("evaluate-training", Training, None, &[CO, NO], "Fortbildung auswerten", "Evaluate a training"),
        command("cancel-training", Training, Version, &[CO, NO], "Fortbildung absagen", "Cancel a training"),
        // A stream holds a school's whole year: demanding its version would make colleagues wait
        // for each other, and the decision names the one intervention anyway.
        command("record-intervention", Intervention, None, &[SSW, PM], "Intervention erfassen", "Record an intervention"),
        command("correct-intervention", Intervention, None, &[SSW, PM], "Intervention berichtigen", "Correct an intervention"),
        command("void-intervention", Intervention, None, &[SSW, PM], "Intervention stornieren", "Void an intervention"),
        command("grant-role", Principal, None, &[AD], "Rolle geben", "Grant a role"),
        command("revoke-role", Principal, None, &[AD], "Rolle entziehen", "Revoke a role"),
        command("issue-api-key", Principal, None, &[AD], "Schlüssel ausgeben", "Issue an API key"),
        command("revoke-api-key", Principal, None, &[AD], "Schlüssel sperren", "Revoke an API key"),
    ];
}

pub use lines::COMMANDS;

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
