//! Tests of the vault, in one program.

#![expect(clippy::unwrap_used, reason = "helpers of tests may stop a test")]

mod commitments;
mod copies;
mod erasure;
mod keks;
mod keys;
mod sealing;
mod support;
