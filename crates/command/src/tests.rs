//! The write side on a real log in memory.

use std::sync::Arc;

use sfs_domain::authority::Scope;
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::identity::{Label, Name};
use sfs_domain::{Ags, Grant, PrincipalId, Reason, Role, SchoolId, principal, school, testing};
use sfs_eventlog::memory::{Fault, Memory};
use sfs_eventlog::{Direction, EventLog, Filter, Limits};
use uuid::Uuid;

use crate::{Caller, CommandError, Handler, ManualClock, Outcome, Precondition, Request, SeededEntropy, Settings};

/// 1 November 2025, noon.
const NOW: i64 = 1_761_998_400_000_000;

struct House {
    memory: Memory,
    log: Arc<dyn EventLog>,
    handler: Arc<Handler>,
}

fn house() -> House {
    let memory = Memory::default();
    let clock = ManualClock::at(NOW);
    let log: Arc<dyn EventLog> = Arc::new(memory.start(Limits::default(), || NOW));
    let handler = Handler::new(Settings {
        log: Arc::clone(&log),
        reference: Arc::new(testing::reference()),
        clock: Arc::new(clock),
        entropy: Arc::new(SeededEntropy::new(1)),
        digest_key: [9; 32],
        cached_events: 10_000,
        sealer: None,
    });
    House { memory, log, handler: Arc::new(handler) }
}

fn caller(role: Role, scope: Scope) -> Caller {
    Caller {
        principal: PrincipalId(Uuid::from_u128(5)),
        grants: Arc::new([Grant { role, scope, until: None }]),
        read: None,
    }
}

fn coordination() -> Caller {
    caller(Role::CoordinationOffice, Scope::State {})
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn request(name: &str, command: Command, n: u128) -> Request {
    Request::new(command_entry(name).expect("a command"), command, id(n))
}

fn register(school: &str, name: &str, n: u128) -> Request {
    register_in(school, name, "15083", n)
}

fn register_in(school: &str, name: &str, district: &str, n: u128) -> Request {
    let command = school::Command::RegisterSchool {
        school: SchoolId::parse(school).expect("an id"),
        name: Name::parse(name).expect("a name"),
        form: Label::parse("SEK").expect("a form"),
        district: Ags::parse(district).expect("a district"),
        ownership: school::Ownership::Public,
        authority: None,
        provenance: None,
    };
    request("register-school", Command::School(command), n)
}

fn change_form(school: &str, form: &str, n: u128) -> Request {
    let command = school::Command::ChangeSchoolForm {
        school: SchoolId::parse(school).expect("an id"),
        form: Label::parse(form).expect("a form"),
    };
    request("change-school-form", Command::School(command), n)
}

fn close(school: &str, n: u128) -> Request {
    let command = school::Command::CloseSchool { school: SchoolId::parse(school).expect("an id") };
    Request { reason: Some(Reason::SchoolClosed), ..request("close-school", Command::School(command), n) }
}

fn receipt(outcome: Outcome) -> crate::Receipt {
    match outcome {
        Outcome::Accepted(receipt) | Outcome::Replayed(receipt) => receipt,
        other => panic!("no receipt: {other:?}"),
    }
}

async fn size(house: &House) -> u64 {
    house.log.head().await.expect("a head").size
}

#[tokio::test]
async fn an_accepted_command_is_answered_with_its_receipt_and_again_when_repeated() {
    let house = house();
    let first = house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    assert!(matches!(first, Outcome::Accepted(_)));
    let first = receipt(first);
    assert_eq!((first.version, first.position(), &*first.stream), (1, 1, "school/S1"));
    let again = house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("replayed");
    assert_eq!(again, Outcome::Replayed(first));
    assert_eq!(size(&house).await, 1);
}

#[tokio::test]
async fn a_repeated_command_is_replayed_even_when_it_would_now_be_refused() {
    let house = house();
    house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    let closing = Request { precondition: Precondition::Version(1), ..close("S1", 2) };
    let first = house.handler.handle(&coordination(), &closing).await.expect("accepted");
    let again = house.handler.handle(&coordination(), &closing).await.expect("replayed");
    assert_eq!(again, Outcome::Replayed(receipt(first)));
    let other = Request { precondition: Precondition::Version(2), ..close("S1", 3) };
    assert!(matches!(house.handler.handle(&coordination(), &other).await, Err(CommandError::Refused(_))));
}

#[tokio::test]
async fn the_same_id_with_another_body_is_refused() {
    let house = house();
    house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    let other = house.handler.handle(&coordination(), &register("S2", "Andere Schule", 1)).await;
    assert!(matches!(other, Err(CommandError::PayloadDiffers)), "{other:?}");
    house.memory.forget_digests();
    let late = house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await;
    assert!(matches!(late, Err(CommandError::PayloadForgotten)), "{late:?}");
}

#[tokio::test]
async fn what_changes_something_needs_the_version_that_was_seen() {
    let house = house();
    house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    let blind = house.handler.handle(&coordination(), &change_form("S1", "GMS", 2)).await;
    assert!(matches!(blind, Err(CommandError::VersionMissing { actual: 1, .. })), "{blind:?}");
    let seen = Request { precondition: Precondition::Version(1), ..change_form("S1", "GMS", 2) };
    house.handler.handle(&coordination(), &seen).await.expect("accepted");
    let stale = Request { precondition: Precondition::Version(1), ..change_form("S1", "GS", 3) };
    let stale = house.handler.handle(&coordination(), &stale).await;
    assert!(matches!(stale, Err(CommandError::Stale { expected: 1, actual: 2, .. })), "{stale:?}");
    let exists = Request { precondition: Precondition::Absent, ..register("S1", "Schule", 4) };
    let exists = house.handler.handle(&coordination(), &exists).await;
    assert!(matches!(exists, Err(CommandError::Stale { expected: 0, actual: 2, .. })), "{exists:?}");
}

#[tokio::test]
async fn a_dry_run_decides_and_leaves_no_trace() {
    let house = house();
    let dry = Request { dry_run: true, ..register("S1", "Schule", 1) };
    match house.handler.handle(&coordination(), &dry).await.expect("decided") {
        Outcome::Would { events, version: 0, .. } => assert_eq!(events[0].0, "school.registered.v1"),
        other => panic!("{other:?}"),
    }
    assert_eq!(size(&house).await, 0);
    let bad = Request { dry_run: true, ..register_in("S1", "Schule", "15001", 1) };
    assert!(matches!(house.handler.handle(&coordination(), &bad).await, Err(CommandError::Refused(_))));
}

#[tokio::test]
async fn a_foreign_and_an_absent_object_answer_alike() {
    let house = house();
    house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    let elsewhere = caller(Role::NetworkOffice, Scope::District(Ags::parse("15003").expect("a district")));
    let numbers = |school: &str| {
        let command = school::Command::RecordPupilNumbers {
            school: SchoolId::parse(school).expect("an id"),
            school_year: sfs_domain::SchoolYear::try_from("2025/26".to_owned()).expect("a year"),
            pupils: sfs_domain::Headcount::default(),
            source: Label::parse("test").expect("a label"),
        };
        request("record-pupil-numbers", Command::School(command), 9)
    };
    for school in ["S1", "S9"] {
        let answer = house.handler.handle(&elsewhere, &numbers(school)).await;
        assert!(matches!(answer, Err(CommandError::NotFound)), "{answer:?}");
    }
    let here = caller(Role::NetworkOffice, Scope::District(Ags::parse("15083").expect("a district")));
    house.handler.handle(&here, &numbers("S1")).await.expect("accepted in its own district");
    let without = caller(Role::Auditor, Scope::State {});
    assert!(matches!(house.handler.handle(&without, &numbers("S1")).await, Err(CommandError::Forbidden)));
}

#[tokio::test]
async fn a_revoked_role_allows_nothing_any_more() {
    let house = house();
    let somebody = PrincipalId(id(77));
    let grant = Grant { role: Role::CoordinationOffice, scope: Scope::State {}, until: None };
    let give = principal::Command::GrantRole { principal: somebody, grant };
    house
        .handler
        .handle(&Caller::console(), &request("grant-role", Command::Principal(give), 1))
        .await
        .expect("granted");
    let before = house.handler.caller(somebody).await.expect("a caller");
    house.handler.handle(&before, &register("S1", "Schule", 2)).await.expect("allowed");
    let take =
        principal::Command::RevokeRole { principal: somebody, role: Role::CoordinationOffice, scope: Scope::State {} };
    let take = request("revoke-role", Command::Principal(take), 3);
    let take = Request { reason: Some(Reason::StaffChange), ..take };
    house.handler.handle(&Caller::console(), &take).await.expect("revoked");
    // Decided with what was known before: the append names the grants that it read.
    let late = house.handler.handle(&before, &register("S2", "Schule zwei", 4)).await;
    assert!(matches!(late, Err(CommandError::Forbidden)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_once_register_one_school_once() {
    let house = house();
    let tries: Vec<_> = (0..64)
        .map(|n| {
            let handler = Arc::clone(&house.handler);
            tokio::spawn(async move { handler.handle(&coordination(), &register("S1", "Schule", n + 1)).await })
        })
        .collect();
    let (mut accepted, mut unchanged) = (0, 0);
    for attempt in tries {
        match attempt.await.expect("a task").expect("an outcome") {
            Outcome::Accepted(_) => accepted += 1,
            Outcome::Unchanged { version: 1, .. } => unchanged += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((accepted, unchanged, size(&house).await), (1, 63, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_changes_are_decided_one_after_the_other() {
    let house = house();
    house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await.expect("accepted");
    let tries: Vec<_> = (0..40_u32)
        .map(|n| {
            let handler = Arc::clone(&house.handler);
            let command = school::Command::RecordPupilNumbers {
                school: SchoolId::parse("S1").expect("an id"),
                school_year: sfs_domain::SchoolYear::try_from("2025/26".to_owned()).expect("a year"),
                pupils: sfs_domain::Headcount {
                    women: i64::from(n).try_into().expect("a count"),
                    ..sfs_domain::Headcount::default()
                },
                source: Label::parse("test").expect("a label"),
            };
            let request = request("record-pupil-numbers", Command::School(command), 100 + u128::from(n));
            tokio::spawn(async move { handler.handle(&coordination(), &request).await })
        })
        .collect();
    for attempt in tries {
        assert!(matches!(attempt.await.expect("a task"), Ok(Outcome::Accepted(_))));
    }
    assert_eq!(size(&house).await, 41);
    let folded = house.handler.state(&school::stream(&SchoolId::parse("S1").expect("an id"))).await.expect("a state");
    assert_eq!(folded.version, 41);
}

#[tokio::test]
async fn a_list_done_one_by_one_answers_each_line_for_itself() {
    let house = house();
    let lines = vec![
        register("S1", "Schule", 1),
        register_in("S2", "Schule", "15001", 2),
        Request { precondition: Precondition::Version(1), ..change_form("S1", "GMS", 3) },
        register("S1", "Schule", 4),
        register("S1", "Schule", 1),
    ];
    let outcomes = house.handler.handle_each(&coordination(), &lines).await;
    assert!(matches!(outcomes[0], Ok(Outcome::Accepted(_))), "{:?}", outcomes[0]);
    assert!(matches!(outcomes[1], Err(CommandError::Refused(_))), "{:?}", outcomes[1]);
    assert!(matches!(outcomes[2], Ok(Outcome::Accepted(_))), "{:?}", outcomes[2]);
    assert!(matches!(outcomes[3], Ok(Outcome::Unchanged { .. })), "{:?}", outcomes[3]);
    assert!(matches!(outcomes[4], Ok(Outcome::Replayed(_))), "{:?}", outcomes[4]);
    assert_eq!(size(&house).await, 2);
}

#[tokio::test]
async fn a_list_done_as_a_whole_happens_or_does_not() {
    let house = house();
    let bad = vec![register("S1", "Schule", 1), register_in("S2", "Schule", "15001", 2), register("S3", "Schule", 3)];
    let outcomes = house.handler.handle_all(&coordination(), id(50), &bad).await;
    assert!(matches!(outcomes[0], Err(CommandError::Sibling { index: 1 })), "{:?}", outcomes[0]);
    assert!(matches!(outcomes[1], Err(CommandError::Refused(_))), "{:?}", outcomes[1]);
    assert_eq!(size(&house).await, 0);
    let good = vec![
        register("S1", "Schule", 1),
        Request { precondition: Precondition::Version(1), ..change_form("S1", "GMS", 2) },
        register("S2", "Schule zwei", 3),
    ];
    let outcomes = house.handler.handle_all(&coordination(), id(51), &good).await;
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(Outcome::Accepted(_)))), "{outcomes:?}");
    assert_eq!(size(&house).await, 3);
    let again = house.handler.handle_all(&coordination(), id(51), &good).await;
    assert!(again.iter().all(|outcome| matches!(outcome, Ok(Outcome::Replayed(_)))), "{again:?}");
    let positions: Vec<u64> =
        again.into_iter().filter_map(Result::ok).map(|outcome| receipt(outcome).position()).collect();
    assert_eq!(positions, [1, 2, 3]);
    let other = house.handler.handle_all(&coordination(), id(51), &good[..1]).await;
    assert!(matches!(other[0], Err(CommandError::PayloadDiffers)), "{:?}", other[0]);
    assert_eq!(size(&house).await, 3);
}

#[tokio::test]
async fn a_lost_answer_is_looked_up_and_nothing_is_done_twice() {
    let house = house();
    house.memory.order(Fault::FailsButPersists);
    let outcome = house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await;
    assert!(matches!(outcome, Ok(Outcome::Accepted(_))), "{outcome:?}");
    house.memory.order(Fault::FailsAndStaysSilent);
    let unknown = house.handler.handle(&coordination(), &register("S2", "Schule zwei", 2)).await;
    assert!(matches!(unknown, Err(CommandError::Append(_))), "{unknown:?}");
    let again = house.handler.handle(&coordination(), &register("S2", "Schule zwei", 2)).await;
    assert!(matches!(again, Ok(Outcome::Replayed(_))), "{again:?}");
    assert_eq!(size(&house).await, 2);
}

#[tokio::test]
async fn a_stream_with_an_unknown_event_type_stops_its_commands() {
    let house = house();
    let foreign = sfs_eventlog::Append {
        command: id(900),
        digest: [0; 32],
        writes: vec![sfs_eventlog::StreamWrite {
            stream: "school/S1".into(),
            expected: sfs_eventlog::Expected::Any,
            events: vec![sfs_eventlog::contract::event("school/S1", "school.painted.v7", "x", id(900))],
        }],
        guards: Vec::new(),
    };
    house.log.append(foreign).await.expect("appended by a newer program");
    let answer = house.handler.handle(&coordination(), &register("S1", "Schule", 1)).await;
    assert!(matches!(answer, Err(CommandError::Load(crate::LoadError::Event { position: 1, .. }))), "{answer:?}");
    house.handler.handle(&coordination(), &register("S2", "Schule", 2)).await.expect("others go on");
}

#[tokio::test]
async fn what_is_stored_names_who_what_and_why() {
    let house = house();
    let evidence = sfs_domain::Digest::parse("A".repeat(43)).expect("a digest");
    let request = Request {
        correlation: Some(id(4_000)),
        causation: Some(id(5_000)),
        evidence: vec![evidence],
        ..register("S1", "Schule", 1)
    };
    house.handler.handle(&coordination(), &request).await.expect("accepted");
    let filter = Filter { leaves: true, ..Filter::default() };
    let page = house.log.read(&filter, Direction::Forwards, 0, 10).await.expect("a page");
    let leaf = sfs_ledger::Leaf::parse(&page.events[0].leaf).expect("a leaf");
    assert_eq!(&*leaf.draft.rule, "register-school/CO@state");
    assert_eq!(&*leaf.draft.role, "CO");
    assert_eq!((leaf.draft.cmd, leaf.draft.corr, leaf.draft.cause), (id(1), Some(id(4_000)), Some(id(5_000))));
    assert_eq!(leaf.draft.id, crate::event_id(id(1), 0).0);
    let open = sfs_ledger::OpenBody::parse(&page.events[0].open).expect("an open body");
    assert_eq!((&*open.ags, open.school.as_deref(), &*open.occurred_on), ("15083", Some("S1"), "2025-11-01"));
    assert_eq!(open.evidence.len(), 1);
}
