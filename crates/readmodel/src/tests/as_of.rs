//! What was known at a position is answered as if the log ended there.

use sfs_domain::testing::{day, key};
use sfs_domain::{Category, intervention::Kind};

use super::support::{Models, Programme, all_answers, auditor, log_of, period};
use crate::register::documents::Document;
use crate::{ActivityQuery, AsOf, CoverageQuery, RegisterQuery, StaffingQuery};

#[tokio::test]
async fn every_answer_as_of_a_position_is_that_of_a_log_that_ends_there() {
    let programme = Programme::story();
    let all = programme.models().await;
    let events = programme.world.events();
    for position in (0..=events.len()).step_by(3) {
        let shorter = Models::following(log_of(events, position).await).await;
        for (on, from, to) in [("2023-03-10", "2023-03-01", "2023-04-01"), ("2026-07-20", "2022-09-10", "2023-03-14")] {
            let (on, during) = (day(on), period(from, to));
            let as_of = AsOf { known: Some(position as u64) };
            let then = all_answers(&all.models, as_of, on, during).await;
            let now = all_answers(&shorter.models, AsOf::default(), on, during).await;
            assert_eq!(then, now, "as of {position}");
        }
        shorter.models.stop().await;
    }
    all.models.stop().await;
}

#[tokio::test]
async fn a_figure_is_what_it_was_before_the_correction() {
    let programme = Programme::story();
    let all = programme.models().await;
    let corrected = programme.position("intervention.corrected.v1", 0);
    let query = |known| ActivityQuery {
        as_of: AsOf { known },
        kinds: vec![Kind::Prevention],
        ..ActivityQuery::of(period("2023-03-01", "2023-04-01"))
    };
    for (known, minutes, women) in [(Some(corrected - 1), 47, 11), (Some(corrected), 90, 10), (None, 90, 10)] {
        let total = all.models.activity_profile(&auditor(), &query(known)).await.unwrap().data.total;
        assert_eq!((total.minutes, total.women), (minutes, women), "{known:?}");
    }
    all.models.stop().await;
}

#[tokio::test]
async fn an_end_that_was_not_yet_known_does_not_show() {
    let programme = Programme::story();
    let all = programme.models().await;
    let ended = programme.position("staff.assignment-ended.v1", 0);
    let on = day("2023-03-10");
    let office = |known| StaffingQuery { as_of: AsOf { known }, ..StaffingQuery::on(on) };
    let keys = async |known| {
        let posts = all.models.staffing(&auditor(), &office(known)).await.unwrap().data.posts;
        posts.into_iter().map(|post| (post.key, post.fte)).collect::<Vec<_>>()
    };
    let (school, at_office) = (key(600).to_string(), key(601).to_string());
    assert_eq!(keys(Some(ended - 1)).await, [(at_office, 250), (school.clone(), 750)]);
    assert_eq!(keys(None).await, [(school, 1_000)]);
    all.models.stop().await;
}

#[tokio::test]
async fn particulars_are_what_they_were() {
    let programme = Programme::story();
    let all = programme.models().await;
    let amended = programme.position("organisation.amended.v1", 0);
    let name = async |known: Option<u64>| {
        let query = RegisterQuery { as_of: AsOf { known }, ..RegisterQuery::of(Category::Organisation) };
        let entries = all.models.register(&auditor(), &query).await.unwrap().data.entries;
        entries.into_iter().find(|entry| entry.key == "P1").map(|entry| match entry.document {
            Document::Organisation(document) => (entry.version, document.name.as_str().to_owned()),
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(name(Some(amended - 1)).await, Some((3, "Verein für Jugendarbeit e. V.".to_owned())));
    assert_eq!(name(Some(amended)).await, Some((4, "Jugendarbeit gGmbH".to_owned())));
    assert_eq!(name(Some(1)).await, None);
    let school = programme.position("school.form-changed.v1", 0);
    let form = async |known: Option<u64>| {
        let query = CoverageQuery { as_of: AsOf { known }, ..CoverageQuery::on(day("2024-01-01")) };
        let schools = all.models.school_coverage(&auditor(), &query).await.unwrap().data.schools;
        schools.into_iter().find(|school| school.school == "S1").map(|school| school.form)
    };
    assert_eq!(form(Some(school - 1)).await.as_deref(), Some("SEK"));
    assert_eq!(form(Some(school)).await.as_deref(), Some("GMS"));
    all.models.stop().await;
}
