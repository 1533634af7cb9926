//! What the verifier accepts and what it finds: bundles, whole logs, and whatever else is thrown at it.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

mod bundle;
mod fuzz;
mod replay;
mod support;
