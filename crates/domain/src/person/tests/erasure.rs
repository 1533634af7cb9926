//! What it takes that somebody is erased, and what is no longer possible then.

use super::*;

#[test]
fn erasure_waits_for_the_case_to_be_closed() {
    let opened = written::<support_case::Event>(
        "support-case.opened.v1",
        json!({"person": key(1), "number": 1, "entry": "pupil"}),
    );
    let closed =
        written::<support_case::Event>("support-case.closed.v1", json!({"person": key(1), "closing": "no_contact"}));
    let pupil = |events: Vec<support_case::Event>| {
        with([registered_as("pupil")]).and::<SupportCase>(&support_case::stream(&PersonId(key(1).0)), events)
    };
    pupil(vec![opened.clone()]).when(request(&["identity"])).refused(Refusal::CaseOpen);
    pupil(vec![opened, closed]).when(request(&["identity"])).then([requested(&["identity"])]);
}

fn request(purposes: &[&str]) -> Command {
    ask("request-erasure", json!({"ground": "objection", "purposes": purposes}))
}

fn requested(purposes: &[&str]) -> Event {
    happened("erasure-requested", json!({"ground": "objection", "purposes": purposes}))
}

/// Refuses the request that was the n-th event.
fn refused(n: u128, ground: &str, until: Option<&str>) -> Event {
    let mut more = json!({"request": event_id(n), "ground": ground});
    if let Some(until) = until {
        more["until"] = json!(until);
    }
    happened("erasure-refused", more)
}

fn approve(n: u128) -> Command {
    ask("approve-erasure", json!({"request": event_id(n)}))
}

fn approved(n: u128) -> Event {
    happened("erasure-approved", json!({"request": event_id(n)}))
}

fn erasure(n: u128, purposes: &[&str]) -> Value {
    json!({
        "request": event_id(n), "keys": [key(9)], "purposes": purposes, "kek_version": 2, "slots_purged": 3,
        "bound_until": "2025-11-01",
    })
}

fn record(n: u128, purposes: &[&str]) -> Command {
    ask("record-erasure", erasure(n, purposes))
}

fn erased(n: u128, purposes: &[&str]) -> Event {
    happened("erased", erasure(n, purposes))
}

#[test]
fn erasure_is_asked_for_once() {
    with([participant()]).when(request(&["identity"])).then([requested(&["identity"])]);
    with([participant(), requested(&["identity"])]).when(request(&["identity"])).then([]);
    with([participant()]).when(request(&[])).refused(Refusal::NoPurpose);
    with([participant(), requested(&["identity"])])
        .when(request(&["identity", "statistics"]))
        .refused(Refusal::RequestPending);
    with([participant(), requested(&["identity"])]).when(request(&["actor"])).then([requested(&["actor"])]);
}

#[test]
fn under_a_lock_or_a_hold_erasure_is_refused_at_once_and_both_are_events() {
    let locked = || locked(&["statistics"], "2030-01-01");
    let ask = |events: Vec<Event>, purposes: &[&str]| with(events).when(request(purposes));
    ask(vec![participant(), locked()], &["identity", "statistics"])
        .then([requested(&["identity", "statistics"]), refused(3, "retention_lock", Some("2030-01-01"))]);
    // Identity can be erased while the statistics are locked.
    ask(vec![participant(), locked()], &["identity"]).then([requested(&["identity"])]);
    ask(vec![participant(), locked(), held()], &["identity"])
        .then([requested(&["identity"]), refused(4, "legal_hold", None)]);
    ask(vec![participant(), held(), released()], &["identity"]).then([requested(&["identity"])]);
    // The day of the lock has come: today is 30 June 2026.
    let over =
        happened("retention-locked", json!({"purposes": ["identity"], "until": "2026-06-30", "ground": "accounting"}));
    ask(vec![participant(), over], &["identity"]).then([requested(&["identity"])]);
}

#[test]
fn a_restriction_that_the_person_needs_stands_against_erasure() {
    let restricted = |ground| happened("processing-restricted", json!({"ground": ground}));
    let restrict = |ground| ask("restrict-processing", json!({"ground": ground}));
    for ground in ["unlawful", "needed_for_claims"] {
        let under = || vec![participant(), restricted(ground)];
        with(under()).when(request(&["identity"])).then([requested(&["identity"]), refused(3, "restriction", None)]);
        twice_approved().then_by(7, restricted(ground)).when(begin(2)).refused(Refusal::Kept);
        under_way().when(restrict(ground)).refused(Refusal::ErasureBegun);
        let refuse = ask("refuse-erasure", json!({"request": event_id(2), "ground": "restriction"}));
        pending().when(refuse.clone()).refused(Refusal::NothingStandsAgainst);
        pending().then_by(7, restricted(ground)).when(refuse).then([refused(2, "restriction", None)]);
    }
    for ground in ["accuracy_contested", "objection_pending"] {
        with([participant(), restricted(ground)]).when(request(&["identity"])).then([requested(&["identity"])]);
        assert!(under_way().when(restrict(ground)).accepted());
    }
    let lifted = happened("restriction-lifted", json!({}));
    with([participant(), restricted("unlawful"), lifted]).when(request(&["identity"])).then([requested(&["identity"])]);
}

#[test]
fn what_is_counted_is_kept_as_long_as_the_documents_of_the_fund() {
    // Today is 30 June 2026.
    let lock = |purposes: &[&str], ground: &str, until: &str| {
        happened("retention-locked", json!({"purposes": purposes, "until": until, "ground": ground}))
    };
    let ended = |ground: &str| happened("retention-lock-ended", json!({"ground": ground}));
    for purpose in ["statistics", "special_category"] {
        let ask = |events: &[Event]| with([&[participant()], events].concat()).when(request(&[purpose]));
        let over = || lock(&[purpose], "esf_documents", "2026-06-30");
        ask(&[]).then([requested(&[purpose]), refused(2, "legal_duty", None)]);
        ask(&[lock(&[purpose], "accounting", "2026-06-30")])
            .then([requested(&[purpose]), refused(3, "legal_duty", None)]);
        ask(&[lock(&["identity"], "esf_documents", "2026-06-30")])
            .then([requested(&[purpose]), refused(3, "legal_duty", None)]);
        ask(&[over()]).then([requested(&[purpose])]);
        ask(&[lock(&[purpose], "esf_documents", "2026-07-01")])
            .then([requested(&[purpose]), refused(3, "retention_lock", Some("2026-07-01"))]);
        ask(&[lock(&[purpose], "esf_documents", "2026-07-01"), ended("esf_documents")]).then([requested(&[purpose])]);
        ask(&[lock(&[purpose], "accounting", "2026-07-01"), ended("accounting")])
            .then([requested(&[purpose]), refused(4, "legal_duty", None)]);
        // It concerns those who are counted in an operation alone, and names go earlier.
        with([registered_as("training_participant")]).when(request(&[purpose])).then([requested(&[purpose])]);
        with([participant()]).when(request(&["identity", "actor"])).then([requested(&["identity", "actor"])]);
    }
}

#[test]
fn what_was_refused_can_be_asked_for_again_on_another_day() {
    let answered = || with([participant(), held(), requested(&["identity"]), refused(3, "legal_hold", None)]);
    answered().on("2025-09-01").when(request(&["identity"])).then([]);
    answered()
        .on("2025-10-01")
        .when(request(&["identity"]))
        .then([requested(&["identity"]), refused(5, "legal_hold", None)]);
}

#[test]
fn erasure_is_refused_once_on_a_basis_that_stands() {
    let refuse = |ground: &str, until: Option<&str>| {
        let mut more = json!({"request": event_id(2), "ground": ground});
        if let Some(until) = until {
            more["until"] = json!(until);
        }
        ask("refuse-erasure", more)
    };
    let pending = || vec![participant(), requested(&["identity"])];
    let answer = |ground: &str| with(pending()).when(refuse(ground, None));
    answer("legal_duty").then([refused(2, "legal_duty", None)]);
    answer("legal_hold").refused(Refusal::NothingStandsAgainst);
    answer("retention_lock").refused(Refusal::NothingStandsAgainst);
    with([pending(), vec![held()]].concat()).when(refuse("legal_hold", None)).then([refused(2, "legal_hold", None)]);
    with(pending()).when(refuse("legal_duty", Some("2025-10-01"))).refused(Refusal::EndsInPast);
    with(pending()).when(refuse("legal_duty", Some("2030-01-01"))).then([refused(2, "legal_duty", Some("2030-01-01"))]);
    let done = || [pending(), vec![refused(2, "legal_duty", None)]].concat();
    with(done()).when(refuse("legal_duty", None)).then([]);
    with(done()).when(refuse("legal_claims", None)).refused(Refusal::NotPending);
    with([participant()]).when(refuse("legal_duty", None)).refused(Refusal::UnknownRequest);
}

/// Requested by the seventh principal.
fn pending() -> Given<Person> {
    with([participant(), requested(&["identity"])])
}

/// Approved by the eighth and the ninth too.
fn twice_approved() -> Given<Person> {
    pending().then_by(8, approved(2)).then_by(9, approved(2))
}

#[test]
fn erasure_is_approved_by_two_who_did_not_ask_for_it() {
    pending().when(approve(2)).refused(Refusal::OwnRequest);
    pending().acting(8).when(approve(2)).then([approved(2)]);
    pending().then_by(8, approved(2)).acting(8).when(approve(2)).then([]);
    pending().then_by(8, approved(2)).acting(9).when(approve(2)).then([approved(2)]);
    twice_approved().acting(10).when(approve(2)).refused(Refusal::NotPending);
    pending().acting(8).when(approve(3)).refused(Refusal::UnknownRequest);
    pending().then_by(7, held()).acting(8).when(approve(2)).refused(Refusal::Kept);
}

fn begin(n: u128) -> Command {
    ask("begin-erasure", json!({"request": event_id(n)}))
}

fn begun(n: u128) -> Event {
    happened("erasure-begun", json!({"request": event_id(n)}))
}

/// Begun by the program.
fn under_way() -> Given<Person> {
    twice_approved().then_by(1, begun(2))
}

#[test]
fn erasure_begins_once_when_two_have_approved_it_and_nothing_stands_against_it() {
    twice_approved().when(begin(2)).then([begun(2)]);
    under_way().when(begin(2)).then([]);
    under_way().then_by(1, erased(2, &["identity"])).when(begin(2)).then([]);
    pending().then_by(8, approved(2)).when(begin(2)).refused(Refusal::NotApproved);
    twice_approved().then_by(7, held()).when(begin(2)).refused(Refusal::Kept);
    twice_approved().then_by(7, locked(&["identity"], "2030-01-01")).when(begin(2)).refused(Refusal::Kept);
    twice_approved().then_by(9, refused(2, "legal_claims", None)).when(begin(2)).refused(Refusal::NotPending);
    twice_approved().when(begin(3)).refused(Refusal::UnknownRequest);
}

#[test]
fn erasure_is_recorded_when_it_has_begun() {
    under_way().when(record(2, &["identity"])).then([erased(2, &["identity"])]);
    under_way().then_by(1, erased(2, &["identity"])).when(record(2, &["identity"])).then([]);
    under_way()
        .then_by(1, erased(2, &["identity"]))
        .when(ask("record-erasure", {
            let mut other = erasure(2, &["identity"]);
            other["kek_version"] = json!(3);
            other
        }))
        .refused(Refusal::NotPending);
    twice_approved().when(record(2, &["identity"])).refused(Refusal::NotBegun);
    under_way().when(record(2, &["identity", "statistics"])).refused(Refusal::OtherPurposes);
    // A day of the lock's that came only later, and the restriction of processing, change nothing.
    let restricted = happened("processing-restricted", json!({"ground": "accuracy_contested"}));
    assert!(under_way().then_by(7, restricted).when(record(2, &["identity"])).accepted());
}

#[test]
fn an_erasure_that_has_begun_is_not_stopped_and_nothing_comes_too_late() {
    let late = |outcome: Outcome<Person>| outcome.refused(Refusal::ErasureBegun);
    let under_way = || under_way().because(Reason::DataEntryError);
    late(under_way().when(ask("set-legal-hold", json!({"hold": key(5), "ground": "audit"}))));
    late(under_way().when(lock(&["identity", "statistics"], "2030-01-01")));
    late(under_way().acting(10).when(ask("refuse-erasure", json!({"request": event_id(2), "ground": "legal_duty"}))));
    late(under_way().when(register_participant()));
    late(under_way().when(ask("correct-identity", json!({"corrects": event_id(1)}))));
    late(under_way().when(ask("open-record", json!({"position": 1, "ground": "legal_claims"}))));
    late(under_way().when(ask("export-person", json!({"ground": "data_subject_request"}))));
    // What concerns other purposes goes on; a hold can be set for them when the keys are gone.
    assert!(under_way().when(lock(&["statistics"], "2030-01-01")).accepted());
    let over = || under_way().then_by(1, erased(2, &["identity"]));
    over().when(ask("set-legal-hold", json!({"hold": key(5), "ground": "audit"}))).then([held()]);
}

fn folded(events: impl IntoIterator<Item = (u128, Event)>) -> State {
    let mut state = State::default();
    for (n, (actor, event)) in (1..).zip(events) {
        let mut fact = crate::testing::fact(n, "2025-09-01", at_school_of_provider());
        fact.actor = crate::testing::principal(actor);
        Person::evolve(&mut state, &event, &fact);
    }
    state
}

#[test]
fn the_job_that_destroys_keys_sees_what_is_approved_and_not_held() {
    let once = || vec![(7, participant()), (7, requested(&["identity"])), (8, approved(2))];
    let pending = |events: Vec<(u128, Event)>| {
        let found: Vec<_> = folded(events).pending_erasures(day("2026-06-30")).map(|request| request.id).collect();
        found
    };
    assert_eq!(pending(once()), []);
    let twice = || [once(), vec![(9, approved(2))]].concat();
    assert_eq!(pending(twice()), [event_id(2)]);
    assert_eq!(pending([twice(), vec![(7, held())]].concat()), []);
    assert_eq!(pending([twice(), vec![(7, held()), (7, released())]].concat()), [event_id(2)]);
    assert_eq!(pending([twice(), vec![(7, locked(&["identity"], "2030-01-01"))]].concat()), []);
    assert_eq!(pending([twice(), vec![(7, locked(&["statistics"], "2030-01-01"))]].concat()), [event_id(2)]);
    assert!(folded([twice(), vec![(7, held())]].concat()).has_approved_erasure());
    // What has begun is finished, whatever stands against it since; the decisions let nothing come to that.
    let under_way = || [twice(), vec![(1, begun(2))]].concat();
    assert_eq!(pending([under_way(), vec![(7, held())]].concat()), [event_id(2)]);
    let state = folded(under_way());
    assert!(state.has_approved_erasure() && state.is_closed(Purpose::Identity) && !state.is_erased(Purpose::Identity));
    assert!(!state.is_closed(Purpose::Statistics) && state.whole(PersonKind::Participant).is_none());
    assert!(state.pending_erasures(day("2026-06-30")).all(Request::has_begun));
    let done = [under_way(), vec![(1, erased(2, &["identity"]))]].concat();
    assert_eq!(pending(done.clone()), []);
    let state = folded(done);
    assert!(state.is_erased(Purpose::Identity) && !state.is_erased(Purpose::Statistics));
    assert!(state.whole(PersonKind::Participant).is_none());
}

#[test]
fn after_erasure_nothing_of_it_is_registered_corrected_or_opened() {
    let gone = || under_way().then_by(1, erased(2, &["identity"])).because(Reason::DataEntryError);
    let refuses = |outcome: Outcome<Person>| outcome.refused(Refusal::Erased);
    refuses(gone().when(register_participant()));
    refuses(gone().when(ask("correct-identity", json!({"corrects": event_id(1)}))));
    refuses(gone().when(ask("open-record", json!({"position": 1, "ground": "legal_claims"}))));
    gone().on("2025-10-02").when(request(&["identity"])).refused(Refusal::AlreadyErased);
    gone().when(request(&["actor"])).then([requested(&["actor"])]);
}

#[test]
fn what_is_left_after_an_erasure_is_exported_until_nothing_is() {
    let export = || ask("export-person", json!({"ground": "data_subject_request"}));
    let without = |kind: &str, purposes: &[&str]| {
        with([registered_as(kind), requested(purposes)])
            .then_by(8, approved(2))
            .then_by(9, approved(2))
            .then_by(1, begun(2))
            .then_by(1, erased(2, purposes))
            .repeatable()
            .when(export())
    };
    let left: [(&str, &[&str]); 4] = [
        ("participant", &["identity"]),
        ("participant", &["identity", "statistics"]),
        ("staff", &["actor"]),
        ("staff", &["special_category"]),
    ];
    for (kind, purposes) in left {
        assert!(without(kind, purposes).accepted(), "{kind} {purposes:?}");
    }
    without("participant", &["identity", "statistics", "special_category"]).refused(Refusal::Erased);
    without("staff", &["special_category", "actor"]).refused(Refusal::Erased);
    without("training_participant", &["identity"]).refused(Refusal::Erased);
}
