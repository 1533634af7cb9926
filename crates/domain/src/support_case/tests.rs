//! When a case is open, who may do what in it, and who reads it.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::fixtures::at_school_of_provider;
use crate::testing::{Given, event_id, given, key, written};

fn body(more: Value) -> Value {
    let mut body = json!({"person": key(1)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn ask(name: &str, more: Value) -> Command {
    written(name, body(more))
}

fn happened(name: &str, more: Value) -> Event {
    written(&format!("support-case.{name}.v1"), body(more))
}

fn open_numbered(number: u32) -> Command {
    ask("open-support-case", json!({"number": number, "entry": "pupil", "deputy": key(8)}))
}

fn opened() -> Event {
    happened("opened", json!({"number": 1, "entry": "pupil", "deputy": key(8)}))
}

fn close() -> Command {
    ask("close-support-case", json!({"closing": "goals_reached"}))
}

fn closed() -> Event {
    happened("closed", json!({"closing": "goals_reached"}))
}

fn reopen() -> Command {
    ask("reopen-support-case", json!({}))
}

fn contact(n: u128, minutes: u32) -> Command {
    ask("record-support-contact", json!({"contact": key(n), "minutes": minutes, "form": "talk"}))
}

fn contacted(n: u128) -> Event {
    happened("contact-recorded", json!({"contact": key(n), "minutes": 45, "form": "talk"}))
}

fn said(name: &str, more: Value) -> person::Event {
    written(&format!("person.{name}.v1"), body(more))
}

fn pupil() -> person::Event {
    said("registered", json!({"kind": "pupil"}))
}

fn erasure_requested() -> person::Event {
    said("erasure-requested", json!({"ground": "objection", "purposes": ["identity"]}))
}

fn erased() -> person::Event {
    said(
        "erased",
        json!({
            "request": event_id(2), "keys": [], "purposes": ["identity"], "kek_version": 1, "slots_purged": 0,
            "bound_until": "2025-10-01",
        }),
    )
}

fn erasure_begun() -> person::Event {
    said("erasure-begun", json!({"request": event_id(2)}))
}

fn social_worker(n: u128, school: &str) -> crate::principal::Event {
    written(
        "principal.role-granted.v1",
        json!({"principal": key(n), "grant": {"role": "SSW", "scope": {"school": school}}}),
    )
}

/// Principals 8 and 9 are school social workers at `S1`, principal 10 at another school. The
/// seventh acts, and so owns what is opened.
fn of_person(events: Vec<Event>, person: Vec<person::Event>) -> Given<SupportCase> {
    let principal = |n| principal::stream(&crate::testing::principal(n));
    given::<SupportCase>(events)
        .at(at_school_of_provider())
        .and::<Person>(&person::stream(&PersonId(key(1).0)), person)
        .and::<Principal>(&principal(8), [social_worker(8, "S1")])
        .and::<Principal>(&principal(9), [social_worker(9, "S1")])
        .and::<Principal>(&principal(10), [social_worker(10, "S2")])
}

fn with(events: impl IntoIterator<Item = Event>) -> Given<SupportCase> {
    of_person(events.into_iter().collect(), vec![pupil()])
}

#[test]
fn a_case_is_opened_once_for_a_pupil_who_is_whole() {
    with([]).when(open_numbered(1)).then([opened()]);
    with([opened()]).when(open_numbered(1)).then([]);
    with([opened()]).when(open_numbered(2)).refused(Refusal::AlreadyOpen);
    let open = |person: Vec<person::Event>| of_person(vec![], person).when(open_numbered(1));
    open(vec![]).refused(Refusal::NotAPupil);
    open(vec![said("registered", json!({"kind": "participant"}))]).refused(Refusal::NotAPupil);
    open(vec![pupil(), erasure_requested()]).refused(Refusal::ErasureRequested);
    open(vec![pupil(), erasure_requested(), erasure_begun()]).refused(Refusal::NotAPupil);
    open(vec![pupil(), erasure_requested(), erasure_begun(), erased()]).refused(Refusal::NotAPupil);
}

#[test]
fn a_later_case_has_another_number() {
    with([opened(), closed()]).when(open_numbered(1)).then([]);
    assert!(with([opened(), closed()]).when(open_numbered(2)).accepted());
    with([opened(), closed()]).acting(9).when(open_numbered(1)).refused(Refusal::NumberUsed);
    with([opened(), closed()]).on("2025-08-31").when(open_numbered(2)).refused(Refusal::OutsideCase);
}

#[test]
fn a_deputy_is_another_school_social_worker_of_the_school() {
    let open = |deputy: u128| {
        with([]).when(ask("open-support-case", json!({"number": 1, "entry": "pupil", "deputy": key(deputy)})))
    };
    open(10).refused(Refusal::DeputyNotSchoolSocialWorker);
    open(7).refused(Refusal::DeputyNotSchoolSocialWorker);
    let name = |deputy: u128| ask("name-deputy", json!({"deputy": key(deputy)}));
    let named = |deputy: u128| happened("deputy-named", json!({"deputy": key(deputy)}));
    with([opened()]).when(name(9)).then([named(9)]);
    with([opened()]).when(name(8)).then([]);
    with([opened()]).when(name(10)).refused(Refusal::DeputyNotSchoolSocialWorker);
    with([opened()]).when(name(7)).refused(Refusal::DeputyNotSchoolSocialWorker);
    with([opened()]).acting(8).when(name(9)).refused(Refusal::NotTheOwner);
    with([opened()]).when(ask("name-deputy", json!({}))).then([happened("deputy-named", json!({}))]);
}

#[test]
fn owner_and_deputy_alone_work_in_a_case_and_read_it() {
    let note = || ask("write-note", json!({"note": key(5)}));
    let open = || ask("open-note", json!({"event": event_id(1)}));
    for command in [contact(2, 45), note(), open(), close(), ask("agree-support-goal", json!({"goal": key(4)}))] {
        for (actor, allowed) in [(7, true), (8, true), (9, false), (10, false)] {
            let outcome = with([opened()]).acting(actor).repeatable().when(command.clone());
            match allowed {
                true => assert!(outcome.accepted(), "{command:?} {actor}"),
                false => outcome.refused(Refusal::NeitherOwnerNorDeputy),
            }
        }
    }
    with([]).when(note()).refused(Refusal::NoCase);
    let replaced = || [opened(), happened("deputy-named", json!({"deputy": key(9)}))];
    with(replaced()).acting(8).when(open()).refused(Refusal::NeitherOwnerNorDeputy);
    assert!(with(replaced()).acting(9).repeatable().when(open()).accepted());
}

#[test]
fn each_opening_of_a_note_is_a_fact_also_when_the_case_is_closed() {
    let opened_note = || happened("note-opened", json!({"event": event_id(1)}));
    let open = || ask("open-note", json!({"event": event_id(1)}));
    with([opened(), opened_note()]).repeatable().when(open()).then([opened_note()]);
    with([opened(), closed()]).repeatable().when(open()).then([opened_note()]);
    let restricted = said("processing-restricted", json!({"ground": "unlawful"}));
    of_person(vec![opened()], vec![pupil(), restricted]).when(open()).refused(Refusal::Restricted);
    of_person(vec![opened(), closed()], vec![pupil(), erasure_requested(), erasure_begun(), erased()])
        .when(open())
        .refused(Refusal::NotAPupil);
}

#[test]
fn what_belongs_to_the_last_case_is_opened_and_nothing_of_another() {
    let note = happened("note-written", json!({"note": key(5)}));
    let handed = happened("handed-over", json!({"to": key(9)}));
    let second = happened("opened", json!({"number": 2, "entry": "pupil"}));
    let open = |n| ask("open-note", json!({"event": event_id(n)}));
    // What opened the case, its note, its outcome, what opened it again.
    let one = [opened(), note.clone(), contacted(2), closed(), happened("reopened", json!({}))];
    for (n, is_there) in [(1, true), (2, true), (3, false), (4, true), (5, true), (6, false)] {
        let outcome = with(one.clone()).repeatable().when(open(n));
        match is_there {
            true => assert!(outcome.accepted(), "{n}"),
            false => outcome.refused(Refusal::UnknownRecord),
        }
    }
    // Whoever gets the case reads all of it.
    let theirs = || with([one.to_vec(), vec![handed.clone()]].concat()).repeatable();
    assert!(theirs().acting(9).when(open(2)).accepted());
    theirs().when(open(2)).refused(Refusal::NeitherOwnerNorDeputy);
    // Whoever opens another case reads nothing of the first, though it was theirs.
    let later = || with([opened(), note.clone(), closed(), second.clone(), note.clone()]).repeatable();
    for n in [1, 2] {
        later().when(open(n)).refused(Refusal::UnknownRecord);
    }
    assert!(later().when(open(4)).accepted() && later().when(open(5)).accepted());
}

#[test]
fn a_note_is_kept_once() {
    let note = || ask("write-note", json!({"note": key(5)}));
    let written = || happened("note-written", json!({"note": key(5)}));
    with([opened()]).when(note()).then([written()]);
    with([opened(), written()]).when(note()).then([]);
    with([opened(), closed()]).when(note()).refused(Refusal::NotOpen);
    // Between the scan for ciphertexts and the end of the keys nothing comes.
    of_person(vec![opened()], vec![pupil(), erasure_requested(), erasure_begun()])
        .when(note())
        .refused(Refusal::NotAPupil);
}

#[test]
fn contacts_lie_between_opening_and_closing() {
    with([opened()]).on("2025-09-01").when(contact(2, 45)).then([contacted(2)]);
    with([opened()]).on("2025-08-31").when(contact(2, 45)).refused(Refusal::OutsideCase);
    with([opened(), closed()]).when(contact(2, 45)).refused(Refusal::NotOpen);
    with([opened()]).then_on("2025-10-01", contacted(2)).when(contact(2, 45)).then([]);
    with([opened()]).then_on("2025-10-01", contacted(2)).when(contact(2, 46)).refused(Refusal::OtherParticulars);
    with([opened(), contacted(2)]).when(contact(2, 45)).refused(Refusal::OtherParticulars);
    let until = || with([opened()]).then_on("2025-10-01", contacted(2));
    until().on("2025-09-30").when(close()).refused(Refusal::OutsideCase);
    until().on("2025-10-01").when(close()).then([closed()]);
}

#[test]
fn goals_are_agreed_once_and_assessed_as_often_as_somebody_says_how_far_they_are() {
    let agree = || ask("agree-support-goal", json!({"goal": key(4)}));
    let agreed = || happened("goal-agreed", json!({"goal": key(4)}));
    let assess = || ask("assess-support-goal", json!({"goal": key(4)}));
    let assessed = || happened("goal-assessed", json!({"goal": key(4)}));
    with([opened()]).when(agree()).then([agreed()]);
    with([opened(), agreed()]).when(agree()).then([]);
    with([opened(), agreed()]).repeatable().when(assess()).then([assessed()]);
    with([opened(), agreed(), assessed()]).repeatable().when(assess()).then([assessed()]);
    with([opened()]).when(assess()).refused(Refusal::UnknownGoal);
}

#[test]
fn a_referral_is_recorded_once_and_its_outcome_as_often_as_it_changes() {
    let refer = || ask("refer-case", json!({"referral": key(6)}));
    let referred = || happened("referred", json!({"referral": key(6)}));
    let record = || ask("record-referral-outcome", json!({"referral": key(6)}));
    let recorded = || happened("referral-outcome-recorded", json!({"referral": key(6)}));
    with([opened()]).when(refer()).then([referred()]);
    with([opened(), referred()]).when(refer()).then([]);
    with([opened()]).when(record()).refused(Refusal::UnknownReferral);
    with([opened(), referred()]).repeatable().when(record()).then([recorded()]);
    with([opened(), referred(), recorded()]).repeatable().when(record()).then([recorded()]);
}

#[test]
fn what_is_sealed_in_a_case_needs_keys_that_last_and_can_be_opened() {
    let steps = [
        (happened("goal-agreed", json!({"goal": key(4)})), ask("assess-support-goal", json!({"goal": key(4)}))),
        (contacted(9), ask("refer-case", json!({"referral": key(6)}))),
        (
            happened("referred", json!({"referral": key(7)})),
            ask("record-referral-outcome", json!({"referral": key(7)})),
        ),
        (contacted(9), close()),
    ];
    for (before, command) in steps {
        of_person(vec![opened(), before.clone()], vec![pupil(), erasure_requested(), erasure_begun()])
            .when(command.clone())
            .refused(Refusal::NotAPupil);
        let brought = super::said(&command);
        assert!(
            with([opened(), before, brought])
                .repeatable()
                .when(ask("open-note", json!({"event": event_id(3)})))
                .accepted()
        );
    }
}

#[test]
fn a_case_is_closed_once_and_reopened_under_its_number() {
    with([opened()]).when(close()).then([closed()]);
    with([opened(), closed()]).when(close()).then([]);
    with([opened(), closed()])
        .when(ask("close-support-case", json!({"closing": "no_contact"})))
        .refused(Refusal::NotOpen);
    let reopened = || happened("reopened", json!({}));
    with([opened(), closed()]).when(reopen()).then([reopened()]);
    with([opened()]).when(reopen()).refused(Refusal::NotClosed);
    of_person(vec![opened(), closed()], vec![pupil(), erasure_requested()])
        .when(reopen())
        .refused(Refusal::ErasureRequested);
    with([opened(), closed(), reopened()]).when(open_numbered(2)).refused(Refusal::AlreadyOpen);
    // What belongs to the time before it was opened again does not come now.
    with([opened(), closed()])
        .then_on("2025-09-20", reopened())
        .on("2025-09-19")
        .when(contact(2, 45))
        .refused(Refusal::OutsideCase);
}

#[test]
fn a_case_is_given_to_another_school_social_worker() {
    let hand_over = |to: u128| ask("hand-over-case", json!({"to": key(to)}));
    let handed = |to: u128| happened("handed-over", json!({"to": key(to)}));
    with([opened()]).when(hand_over(9)).then([handed(9)]);
    with([opened()]).when(hand_over(10)).refused(Refusal::NotSchoolSocialWorker);
    with([opened()]).acting(8).when(hand_over(9)).refused(Refusal::NotTheOwner);
    with([opened(), handed(9)]).when(hand_over(9)).refused(Refusal::NotTheOwner);
    // The deputy who becomes the owner has no deputy any more.
    with([opened(), handed(8)]).acting(7).when(contact(2, 45)).refused(Refusal::NeitherOwnerNorDeputy);
    let reassign = |to: u128| ask("reassign-case", json!({"to": key(to)}));
    with([opened()]).acting(20).when(reassign(9)).refused(Refusal::ReasonMissing);
    let for_staff = |events: Vec<Event>| with(events).acting(20).because(Reason::StaffChange);
    for_staff(vec![opened()]).when(reassign(9)).then([handed(9)]);
    for_staff(vec![opened(), handed(9)]).when(reassign(9)).then([]);
    for_staff(vec![opened()]).when(reassign(10)).refused(Refusal::NotSchoolSocialWorker);
    for_staff(vec![opened(), closed()]).when(reassign(9)).then([handed(9)]);
}
