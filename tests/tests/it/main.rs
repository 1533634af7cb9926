//! Tests of the whole house, in one program: what no crate can test for itself.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may stop a test")]

mod arrows;
mod auditor;
mod backup;
mod backup_persons;
mod bundle;
mod faults;
mod hostile;
mod hostile_files;
mod independent;
mod notary;
mod persons;
mod rotation;
mod schemas;
mod signer;
#[path = "../../../crates/ledger/tests/verifier/support.rs"]
mod small_log;
mod support;
mod tamper;
mod tidy;
mod timestamps;
mod witness;
