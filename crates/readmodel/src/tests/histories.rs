//! Random accepted histories: whatever the pages, a rebuild makes the same; as of any position the
//! answers are those of a shorter log; and they are what the rules' own states say.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use sfs_domain::testing::{day, event_id};
use sfs_domain::{BusinessDate, Period};

use super::oracle::{overview, profile};
use super::random::{beginning, numbers, tell};
use super::support::{Models, Programme, all_answers, append, auditor, log_of, new_event, paged};
use crate::{ActivityQuery, AsOf, Group, OverviewQuery};

async fn check(programme: &Programme, pages: Vec<usize>, cut: usize, on: BusinessDate, during: Period) {
    let events = programme.world.events();
    // Live: the log grows while it is followed, in pages of any size.
    let log = log_of(events, cut).await;
    let live = Models::following(paged(Arc::clone(&log), pages)).await;
    for (n, event) in events.iter().enumerate().skip(cut) {
        append(&*log, new_event(n as u64, event)).await;
    }
    live.caught_up().await;

    let answer =
        live.models.programme_overview(&auditor(), &OverviewQuery { on, during, as_of: AsOf::default() }).await;
    assert_eq!(answer.unwrap().data.total, overview(programme, on, during), "on {on}, {during:?}");
    let query = ActivityQuery { group: Some(Group::District), ..ActivityQuery::of(during) };
    let rows = live.models.activity_profile(&auditor(), &query).await.unwrap().data.rows;
    let found: BTreeMap<_, _> = rows
        .into_iter()
        .map(|row| ((row.group.unwrap(), row.kind.unwrap().code()), (row.count, row.minutes, row.women)))
        .collect();
    assert_eq!(found, profile(events, during), "{during:?}");

    let answers = all_answers(&live.models, AsOf::default(), on, during).await;
    let then = all_answers(&live.models, AsOf { known: Some(cut as u64) }, on, during).await;
    let digest = live.models.digest().await.unwrap();
    let rebuilt = live.models.rebuild_and_compare(|_| {}).await.unwrap();
    assert_eq!(rebuilt.differing, Some(vec![]), "live and rebuilt");
    assert_eq!(live.models.digest().await.unwrap(), digest);
    assert_eq!(all_answers(&live.models, AsOf::default(), on, during).await, answers);
    live.models.stop().await;

    let shorter = Models::following(log_of(events, cut).await).await;
    assert_eq!(all_answers(&shorter.models, AsOf::default(), on, during).await, then, "as of {cut}");
    shorter.models.stop().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn the_answers_are_those_of_the_rules_whatever_the_pages_and_the_position(
        commands in prop::collection::vec(numbers(), 1..90),
        pages in prop::collection::vec(1_usize..30, 1..6),
        cut in 0.0..1.0_f64,
        on in 0_i32..900,
        from in 0_i32..500,
        length in 1_i32..500,
    ) {
        let mut programme = beginning();
        for numbers in commands {
            tell(&mut programme, numbers);
        }
        let cut = (programme.world.events().len() as f64 * cut) as usize;
        let at = |days| day("2022-08-01").plus_days(days);
        let during = Period::new(at(from), at(from + length)).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&programme, pages, cut, at(on - 30), during));
    }
}

#[test]
fn the_random_commands_are_mostly_accepted_and_reach_every_read_model() {
    let mut programme = beginning();
    let before = programme.world.events().len();
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((random >> 33) % below) as u32
    };
    for _ in 0..600 {
        tell(&mut programme, [next(19), next(700), next(6), next(200), next(4)]);
    }
    let events = &programme.world.events()[before..];
    let types: std::collections::BTreeSet<_> = events.iter().map(|e| e.event.encode().unwrap().event_type).collect();
    assert!(events.len() > 150, "{} events", events.len());
    for expected in [
        "intervention.recorded.v1",
        "intervention.corrected.v1",
        "intervention.voided.v1",
        "school.form-changed.v1",
        "school.closed.v1",
        "office.provider-changed.v1",
        "staff.assigned.v1",
        "staff.fte-changed.v1",
        "staff.assignment-ended.v1",
        "vacancy.reported.v1",
        "vacancy.withdrawn.v1",
        "cooperation.terminated.v1",
        "cooperation.agreement-amended.v1",
        "training.offered.v1",
        "training.held.v1",
    ] {
        assert!(types.contains(expected), "{expected} never happens: {types:?}");
    }
    assert_eq!(events[0].fact.id, event_id(before as u128 + 1));
}
