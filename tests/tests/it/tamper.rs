//! The tamper and fault cases of `audit.md` 6, each by its number: first the clean thing is shown to raise
//! no alarm, then it is changed, then exactly the control that is meant for it reports it, with its exit
//! code, and nothing else does. Cases that are tested elsewhere in the same manner are pointed to from
//! here, and a test checks that the pointers hold. 6 and 42 come with PostgreSQL, 23 to 30 with reports.
//!
//! case_15 crates/ledger/tests/verifier/bundle.rs too_few_witnesses_or_one_of_them_twice_are_no_quorum
//! case_15 tests/tests/it/witness.rs a_bundle_carries_what_the_witnesses_have_cosigned
//! case_15 tests/tests/it/bundle.rs a_program_without_our_code_comes_to_the_same
//! case_16 tests/tests/it/witness.rs a_log_that_was_set_back_with_its_signer_is_refused_and_one_set_back_as_a_whole_is_disputed
//! case_16 crates/notary/src/witness/tests.rs another_root_of_the_same_size_is_refused_and_both_notes_are_kept_as_evidence
//! case_16 crates/ledger/tests/verifier/bundle.rs a_log_that_does_not_continue_the_remembered_one_is_inconsistent
//! case_16 tests/tests/it/tamper/rows.rs case_04_a_history_that_was_rewritten_and_signed_with_the_true_key_is_not_what_was_remembered
//! case_18 crates/notary/src/witness/tests.rs a_kill_at_any_step_of_a_write_leaves_a_witness_that_opens_and_the_log_goes_on
//! case_18 crates/notary/src/witness/tests.rs of_two_requests_at_once_one_is_told_what_the_other_has_done
//! case_18 crates/notary/src/witness_client/tests.rs a_witness_that_knows_another_size_is_asked_once_more_from_there
//! case_19 crates/ledger/tests/verifier/bundle.rs a_proof_that_is_cut_extended_or_exchanged_is_refused
//! case_19 crates/ledger/tests/tree.rs a_changed_inclusion_proof_is_refused
//! case_19 crates/ledger/tests/tree.rs a_changed_consistency_proof_is_refused
//! case_19 crates/ledger/tests/verifier/fuzz.rs changed_inputs_neither_panic_nor_are_accepted
//! case_19 tests/tests/it/bundle.rs a_program_without_our_code_comes_to_the_same
//! case_20 crates/ledger/tests/tree.rs proofs_hold_at_the_borders_of_large_trees
//! case_20 crates/ledger/tests/tree.rs the_verifiers_take_the_largest_trees
//! case_20 crates/ledger/tests/tree.rs the_empty_tree_has_the_root_of_nothing
//! case_20 crates/ledger/tests/tiled.rs proofs_from_tiles_are_the_proofs_over_all_hashes_at_every_border
//! case_20 crates/ledger/tests/tiled.rs the_largest_tree_is_planned_with_few_tiles
//! case_20 crates/ledger/tests/verifier/replay.rs a_log_is_whole_at_every_border_and_continues_every_earlier_one
//! case_21 crates/ledger/tests/leaf.rs a_leaf_never_exceeds_the_limit
//! case_21 crates/eventlog/src/contract.rs limits_are_kept
//! case_22 crates/ledger/tests/leaf.rs another_spelling_of_a_leaf_is_refused
//! case_32 tests/tests/it/timestamps.rs a_checkpoint_gets_a_timestamp_that_a_program_of_others_verifies
//! case_32 tests/tests/it/timestamps.rs a_timestamp_of_other_bytes_is_not_kept
//! case_32 crates/notary/src/timestamp/tests.rs a_reply_for_the_bytes_counts_and_one_for_others_does_not
//! case_33 crates/vault/tests/it/sealing.rs no_flipped_bit_opens
//! case_35 tests/tests/it/persons.rs a_person_is_sealed_shown_erased_and_then_nowhere
//! case_35 tests/tests/it/backup_persons.rs keys_of_a_backup_are_those_that_its_log_names_and_a_destroyed_one_does_not_travel
//! case_36 tests/tests/it/persons.rs a_person_is_sealed_shown_erased_and_then_nowhere
//! case_37 tests/tests/it/persons.rs an_erasure_under_a_hold_is_refused_and_the_refusal_is_kept
//! case_37 crates/domain/src/person/tests/erasure.rs under_a_lock_or_a_hold_erasure_is_refused_at_once_and_both_are_events
//! case_38 crates/notary/src/notary/tests.rs wherever_a_seal_was_cut_off_it_is_finished_with_the_same_root
//! case_38 crates/notary/src/signer/tests.rs a_kill_at_any_step_of_a_write_leaves_a_state_that_opens_and_nothing_was_answered
//! case_38 tests/tests/it/faults.rs what_was_acknowledged_survives_the_killed_process
//! case_39 tests/tests/it/persons.rs an_erasure_goes_on_after_a_kill
//! case_40 crates/notary/src/rotation/tests.rs while_both_sign_whoever_knows_one_or_both_accepts_and_the_rotation_leads_from_old_to_new

mod bits;
mod forge;
mod given;
mod mirror;
mod people;
mod rows;
mod served;
mod writing;

use std::collections::BTreeSet;

use crate::support::process::{Server, exit, run, run_well};
use crate::support::{rust_files, workspace};
pub use forge::execute;
use given::{Case, bundle, template};

/// Before anything is changed, whatever looks for changes finds none.
#[test]
fn case_00_a_clean_log_raises_no_alarm() {
    let case = Case::new();
    let policy = ["--policy", &*case.arg("policy")];
    let remember = ["--remember", &*case.arg("remembered")];
    case.verify_with(&[policy, remember].concat()).is_green();
    case.verify_bundle(&bundle(&case), &policy).is_green();
    let mirror = mirror::serve(template().served.clone());
    case.verify_url(&mirror, &[policy, remember].concat()).is_green();
    case.verify_with(&[&[&*format!("http://{mirror}")], &policy[..]].concat()).is_green();
    run_well(&case.data(), &["backup", "--to", &case.arg("backup")]);
    case.verify_with(&[]).is_green();
    let checked = run(&case.data(), &["restore-check", &case.arg("backup")]);
    assert_eq!(checked.status.code(), Some(exit::OK), "{checked:?}");
    let server = Server::start(&case.data());
    server.wait_ready();
    assert!(!server.said().contains("WARN") && !server.said().contains("ERROR"), "{}", server.said());
    server.stop();
}

#[test]
fn every_case_is_a_test_here_or_points_to_one() {
    let source = |path: &str| std::fs::read_to_string(workspace().join(path)).unwrap_or_default();
    let number = |text: &str| text.get(..2).and_then(|digits| digits.parse::<u32>().ok());
    let mut found = BTreeSet::new();
    let mut broken = Vec::new();
    for line in source("tests/tests/it/tamper.rs").lines().filter_map(|line| line.strip_prefix("//! case_")) {
        let [of, path, test] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("no pointer: {line}") };
        if source(path).contains(&format!("fn {test}(")) {
            found.extend(number(of));
        } else {
            broken.push(line.to_owned());
        }
    }
    for file in rust_files(&workspace().join("tests/tests/it/tamper")) {
        let text = std::fs::read_to_string(file).unwrap();
        found.extend(text.lines().filter_map(|line| line.strip_prefix("fn case_").and_then(number)));
    }
    assert_eq!(broken, Vec::<String>::new());
    let expected: BTreeSet<u32> = (1..=5).chain(7..=22).chain(31..=41).collect();
    assert_eq!(found, expected);
}
