//! A refusal: a value with a stable rule number, two sentences and a pointer to the field.

use std::fmt;

/// What kind of "no" it is; the HTTP status follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// What the command names does not exist (404).
    Missing,
    /// The command contradicts itself or a reference table (422).
    Invalid,
    /// The command contradicts what is true now (409).
    Rule,
}

/// What every aggregate's `Refusal` can tell. Written by [`refusals!`](crate::refusals).
pub trait Explain: Copy + fmt::Debug {
    /// Stable number of the rule, `SCH-02`.
    fn rule(self) -> &'static str;
    /// JSON pointer into the request (`/data/school`); empty where the whole command is meant.
    fn pointer(self) -> &'static str;
    /// What kind of "no" it is.
    fn severity(self) -> Severity;
    /// German sentence for the person who sent the command.
    fn de(self) -> &'static str;
    /// The same in English.
    fn en(self) -> &'static str;

    /// The refusal as a value that no longer knows its aggregate.
    fn refused(self) -> Refused {
        Refused { rule: self.rule(), pointer: self.pointer(), severity: self.severity(), de: self.de(), en: self.en() }
    }
}

/// A refusal of any aggregate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Stable number of the rule.
    pub rule: &'static str,
    /// JSON pointer into the request.
    pub pointer: &'static str,
    /// What kind of "no" it is.
    pub severity: Severity,
    /// German sentence.
    pub de: &'static str,
    /// English sentence.
    pub en: &'static str,
}

/// Declares an aggregate's `Refusal`: each variant with rule number, kind, pointer and sentences.
///
/// ```
/// use sfs_domain::{Explain, refusals};
///
/// refusals! {
///     Closed => "SCH-03", Rule, "/data/school", "Die Schule ist geschlossen.", "The school is closed.";
/// }
///
/// assert_eq!(Refusal::Closed.rule(), "SCH-03");
/// ```
#[macro_export]
macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident => $rule:literal, $severity:ident, $pointer:literal, $de:literal, $en:literal;)+) => {
        /// Why a command of this aggregate is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Refusal {
            $(#[doc = $en] $variant,)+
        }

        impl Refusal {
            /// Every refusal of this aggregate, for the documentation and its tests.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
        }

        impl $crate::refusal::Explain for Refusal {
            fn rule(self) -> &'static str {
                match self { $(Self::$variant => $rule,)+ }
            }
            fn pointer(self) -> &'static str {
                match self { $(Self::$variant => $pointer,)+ }
            }
            fn severity(self) -> $crate::refusal::Severity {
                match self { $(Self::$variant => $crate::refusal::Severity::$severity,)+ }
            }
            fn de(self) -> &'static str {
                match self { $(Self::$variant => $de,)+ }
            }
            fn en(self) -> &'static str {
                match self { $(Self::$variant => $en,)+ }
            }
        }
    };
}
