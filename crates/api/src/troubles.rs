//! From the errors of the other sides to problems: every one of them has a kind, none is a 500.

use sfs_command::{CommandError, LoadError};
use sfs_eventlog::{AppendError, ReadError};
use sfs_feed::FeedError;
use sfs_vault::KeysError;

use crate::kinds;
use crate::problem::Problem;

/// Why a command was not done.
pub fn command(why: &CommandError) -> Problem {
    match why {
        CommandError::Refused(refused) => Problem::refused(refused),
        CommandError::Forbidden => Problem::new(&kinds::FORBIDDEN),
        CommandError::NotFound => Problem::new(&kinds::NOT_FOUND),
        CommandError::Stale { actual, .. } => Problem::new(&kinds::STALE).version(*actual),
        CommandError::VersionMissing { actual, .. } => Problem::new(&kinds::VERSION_MISSING).version(*actual),
        CommandError::PayloadDiffers => Problem::new(&kinds::KEY_REUSED),
        CommandError::PayloadForgotten => Problem::new(&kinds::KEY_EXPIRED),
        CommandError::Contended => Problem::new(&kinds::CONTENDED),
        CommandError::Append(why) => append(why),
        CommandError::Load(why) => load(why),
        CommandError::Read(why) => read(why),
        CommandError::KnownPerson { person } => {
            let problem = Problem::new(&kinds::KNOWN_PERSON);
            person.map_or(problem.clone(), |person| problem.known_as(person.0))
        }
        CommandError::Keys(why) => keys(why),
        CommandError::NoKeys => Problem::new(&kinds::STORAGE).retry_after(60),
        CommandError::Encode(what) => {
            tracing::error!(error = %what, "an event could not be written down");
            Problem::new(&kinds::NOT_RECORDABLE)
        }
        CommandError::Sibling { index } => Problem::new(&kinds::LIST).line(*index as u64 + 1),
    }
}

fn append(why: &AppendError) -> Problem {
    match why {
        AppendError::PayloadDiffers => Problem::new(&kinds::KEY_REUSED),
        AppendError::PayloadForgotten(_) => Problem::new(&kinds::KEY_EXPIRED),
        AppendError::Conflict { .. } => Problem::new(&kinds::CONTENDED),
        AppendError::Overloaded => Problem::new(&kinds::OVERLOADED),
        AppendError::Closed => Problem::new(&kinds::SHUTTING_DOWN).retry_after(5),
        AppendError::TooLarge(_) => Problem::new(&kinds::TOO_LARGE),
        AppendError::OutcomeUnknown(source) => {
            tracing::error!(error = &**source as &dyn std::error::Error, "it is not known whether an append happened");
            Problem::new(&kinds::OUTCOME_UNKNOWN)
        }
        AppendError::Storage(source) => {
            tracing::error!(error = &**source as &dyn std::error::Error, "the log cannot write");
            Problem::new(&kinds::STORAGE).retry_after(5)
        }
    }
}

/// Why the key store did not answer. Nothing of a person is lost: nothing was stored.
pub fn keys(why: &KeysError) -> Problem {
    tracing::error!(error = why as &dyn std::error::Error, "the key store did not answer");
    Problem::new(&kinds::STORAGE).retry_after(5)
}

/// Why a state could not be loaded.
pub fn load(why: &LoadError) -> Problem {
    match why {
        LoadError::Read(why) => read(why),
        LoadError::Event { .. } | LoadError::Envelope { .. } | LoadError::NoAggregate(_) => {
            tracing::error!(error = why as &dyn std::error::Error, "a state could not be loaded");
            Problem::new(&kinds::LOG_UNREADABLE).retry_after(60)
        }
    }
}

/// Why the log did not answer.
pub fn read(why: &ReadError) -> Problem {
    tracing::error!(error = why as &dyn std::error::Error, "the log could not be read");
    match why {
        ReadError::Storage(_) => Problem::new(&kinds::STORAGE).retry_after(5),
        ReadError::Damaged { .. } => Problem::new(&kinds::LOG_UNREADABLE).retry_after(60),
    }
}

/// Why a feed or the journal stopped.
pub fn feed(why: &FeedError) -> Problem {
    match why {
        FeedError::Read(why) => read(why),
        FeedError::UnknownType { .. } | FeedError::Envelope { .. } => {
            tracing::error!(error = why as &dyn std::error::Error, "a feed met an event that it cannot show");
            Problem::new(&kinds::LOG_UNREADABLE).retry_after(60)
        }
    }
}
