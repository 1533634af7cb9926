//! Given the story, what each read model answers, computed by hand.

use serde_json::json;
use sfs_domain::decider::Reason;
use sfs_domain::intervention::Kind;
use sfs_domain::staff::Function;
use sfs_domain::testing::{day, fixtures, key};

use super::support::{Programme, auditor, period};
use crate::{
    ActivityQuery, ActivityRow, AgreementStatus, AsOf, CoverageQuery, Figure, Group, Occupancy, OverviewFigure,
    OverviewFigures, OverviewQuery, PageRequest, QueryError, StaffingQuery, TrainingsQuery,
};

fn march() -> sfs_domain::Period {
    period("2023-03-01", "2023-04-01")
}

#[tokio::test]
async fn the_overview_counts_what_holds_on_a_day_and_happened_in_a_period() {
    let all = Programme::story().models().await;
    let query = OverviewQuery { on: day("2023-03-10"), during: march(), as_of: AsOf::default() };
    let answer = all.models.programme_overview(&auditor(), &query).await.unwrap();
    let boerde = OverviewFigures {
        schools_known: 3,
        schools_open: 3,
        schools_with_social_work: 1,
        offices_active: 1,
        positions_planned_fte: 1_000,
        positions_filled_fte: 1_000,
        agreements_active: 1,
        trainings_held: 0,
        activities: 10,
        activity_minutes: 45 + 46 + 90 + 48 + 50 + 51 + 52 + 53 + 54 + 55,
        indirect_minutes: 56 + 57 + 58 + 59,
    };
    let state = OverviewFigures { trainings_held: 1, ..OverviewFigures::default() };
    let found: Vec<_> = answer.data.districts.iter().map(|row| (row.district.as_str(), row.figures)).collect();
    assert_eq!(found, [("15", state), ("15083", boerde)]);
    assert_eq!(answer.data.total, OverviewFigures { trainings_held: 1, ..boerde });
    assert!(answer.complete);
    assert_eq!(answer.position, all.log.head().await.unwrap().size);
    assert_eq!(answer.definition.name, "programme_overview");
    all.models.stop().await;
}

#[tokio::test]
async fn the_overview_follows_the_day() {
    let all = Programme::story().models().await;
    for (on, open, social_work, offices, planned, filled, agreements) in [
        ("2022-07-31", 3, 0, 0, 0, 0, 0),
        // A vacancy of 750, no assignment yet.
        ("2022-08-15", 3, 0, 1, 750, 0, 1),
        // 750 at the school and 250 in the office.
        ("2022-10-01", 3, 1, 1, 1_000, 1_000, 1),
        // The office's share has ended, the school's was raised, the office's is vacant.
        ("2023-02-15", 3, 1, 1, 1_250, 1_000, 1),
        ("2026-07-15", 3, 1, 1, 1_000, 1_000, 0),
        ("2026-08-01", 1, 0, 0, 0, 0, 0),
    ] {
        let query = OverviewQuery { on: day(on), during: march(), as_of: AsOf::default() };
        let total = all.models.programme_overview(&auditor(), &query).await.unwrap().data.total;
        let found = (
            total.schools_open,
            total.schools_with_social_work,
            total.offices_active,
            total.positions_planned_fte,
            total.positions_filled_fte,
            total.agreements_active,
        );
        assert_eq!(found, (open, social_work, offices, planned, filled, agreements), "{on}");
        assert_eq!(total.schools_known, 3);
    }
    all.models.stop().await;
}

#[tokio::test]
async fn coverage_says_who_works_where_since_when_and_under_which_agreement() {
    let all = Programme::story().models().await;
    let answer = all.models.school_coverage(&auditor(), &CoverageQuery::on(day("2023-03-10"))).await.unwrap();
    let names: Vec<_> = answer.data.schools.iter().map(|school| school.name.as_str()).collect();
    assert_eq!(names, ["Freie Schule Wanzleben", "Grundschule Klein Wanzleben", "Sekundarschule Wanzleben"]);
    let covered = &answer.data.schools[2];
    assert_eq!((covered.form.as_str(), covered.social_work, covered.fte), ("SEK", true, 1_000));
    assert_eq!(covered.provenance.as_deref(), Some("inferred"));
    let by = &covered.providers[0];
    assert_eq!((by.provider.as_str(), by.agreement, by.fte), ("P1", AgreementStatus::InForce, 1_000));
    assert_eq!(by.since, Some(day("2022-09-01")));
    assert_eq!((by.agreement_from, by.agreement_to), (Some(day("2022-08-01")), Some(day("2026-07-15"))));
    assert!(!answer.data.schools[0].social_work && answer.data.schools[0].providers.is_empty());
    let counts: Vec<_> =
        answer.data.counts.iter().map(|c| (c.form.as_str(), c.schools, c.with_social_work, c.fte)).collect();
    assert_eq!(counts, [("GMS", 1, 0, 0), ("GS", 1, 0, 0), ("SEK", 1, 1, 1_000)]);

    // The form is that of the day; the agreement was ended early.
    let later = all.models.school_coverage(&auditor(), &CoverageQuery::on(day("2026-07-20"))).await.unwrap();
    let covered = &later.data.schools[2];
    assert_eq!((covered.form.as_str(), covered.providers[0].agreement), ("GMS", AgreementStatus::EndedEarly));
    all.models.stop().await;
}

#[tokio::test]
async fn coverage_is_filtered_and_paged() {
    let all = Programme::story().models().await;
    let on = || CoverageQuery::on(day("2023-03-10"));
    let names = async |query: CoverageQuery| {
        let answer = all.models.school_coverage(&auditor(), &query).await.unwrap();
        answer.data.schools.iter().map(|school| school.school.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names(CoverageQuery { with_social_work: Some(true), ..on() }).await, ["S1"]);
    assert_eq!(names(CoverageQuery { with_social_work: Some(false), ..on() }).await, ["S3", "S2"]);
    assert_eq!(names(CoverageQuery { form: Some("GS".into()), ..on() }).await, ["S2"]);
    assert_eq!(names(CoverageQuery { provider: Some(fixtures::organisation_id("P1")), ..on() }).await, ["S1"]);
    assert!(names(CoverageQuery { district: Some(fixtures::district("15003")), ..on() }).await.is_empty());

    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = PageRequest { after, limit: 1 };
        let answer = all.models.school_coverage(&auditor(), &CoverageQuery { page, ..on() }).await.unwrap();
        seen.extend(answer.data.schools.iter().map(|school| school.school.clone()));
        match answer.data.next {
            Some(next) => after = Some(crate::Cursor::parse(&next.to_string()).unwrap()),
            None => break,
        }
    }
    assert_eq!(seen, ["S3", "S2", "S1"]);
    all.models.stop().await;
}

#[tokio::test]
async fn staffing_shows_positions_vacancies_and_what_ends_soon() {
    let all = Programme::story().models().await;
    let ask = async |query: StaffingQuery| all.models.staffing(&auditor(), &query).await.unwrap().data;
    let february = || StaffingQuery::on(day("2023-02-15"));
    let data = ask(february()).await;
    let rows: Vec<_> = data.posts.iter().map(|p| (p.function.as_str(), p.fte, p.days_left, p.days_vacant)).collect();
    assert_eq!(
        rows,
        [("network_coordinator", 250, None, Some(14)), ("school_social_worker", 1_000, Some(1_263), None),]
    );
    assert_eq!(data.posts[1].staff.as_deref(), Some(key(500).to_string().as_str()));
    assert_eq!(data.posts[1].key, key(600).to_string());
    let total = &data.districts[0];
    assert_eq!(
        (total.assignments, total.vacancies, total.planned_fte, total.filled_fte, total.days_vacant),
        (1, 1, 1_250, 1_000, 14)
    );
    let vacant = ask(StaffingQuery { occupancy: Occupancy::Vacant, ..february() }).await;
    assert_eq!(vacant.posts.len(), 1);
    let filled = ask(StaffingQuery { occupancy: Occupancy::Filled, ..february() }).await;
    assert_eq!(filled.posts[0].key, key(600).to_string());
    let office = ask(StaffingQuery { function: Some(Function::NetworkCoordinator), ..february() }).await;
    assert_eq!(office.posts.len(), 1);
    let elsewhere = ask(StaffingQuery { district: Some(fixtures::district("15003")), ..february() }).await;
    assert!(elsewhere.posts.is_empty() && elsewhere.districts.is_empty());

    // The office's assignment was planned to 2024 and ended on the first of February.
    let soon = ask(StaffingQuery { ending_within_days: Some(30), ..StaffingQuery::on(day("2023-01-20")) }).await;
    let ending: Vec<_> = soon.posts.iter().map(|p| (p.key.clone(), p.days_left, p.to)).collect();
    assert_eq!(ending, [(key(601).to_string(), Some(12), Some(day("2023-02-01")))]);
    all.models.stop().await;
}

#[tokio::test]
async fn the_profile_counts_each_intervention_as_it_was_last_corrected() {
    let all = Programme::story().models().await;
    let answer = all.models.activity_profile(&auditor(), &ActivityQuery::of(march())).await.unwrap();
    let all_minutes = 544 + 230;
    let of = |kind| answer.data.rows.iter().find(|row| row.kind == Some(kind)).cloned();
    let prevention = ActivityRow {
        group: None,
        kind: Some(Kind::Prevention),
        count: 1,
        minutes: 90,
        women: 10,
        men: 12,
        non_binary: 1,
        // 90 of 774 are 11.627… %.
        share_bp: Some(1_163),
    };
    assert_eq!(of(Kind::Prevention), Some(prevention));
    assert_eq!(of(Kind::SocialLearning), None, "it was voided");
    assert_eq!(answer.data.rows.len(), 14);
    let total = &answer.data.total;
    assert_eq!((total.count, total.minutes, total.women, total.men, total.non_binary), (14, all_minutes, 25, 26, 1));
    assert_eq!(total.share_bp, Some(10_000));

    let two = ActivityQuery { kinds: vec![Kind::Crisis, Kind::Travel], ..ActivityQuery::of(march()) };
    let answer = all.models.activity_profile(&auditor(), &two).await.unwrap();
    assert_eq!((answer.data.rows.len(), answer.data.total.minutes), (2, 45 + 58));
    // Shares stay those among all kinds.
    assert_eq!(answer.data.total.share_bp, Some((103 * 20_000 + all_minutes) / (2 * all_minutes)));
    all.models.stop().await;
}

#[tokio::test]
async fn the_profile_is_grouped_and_filtered() {
    let all = Programme::story().models().await;
    let minutes = async |query: ActivityQuery| {
        let rows = all.models.activity_profile(&auditor(), &query).await.unwrap().data.rows;
        let mut groups = std::collections::BTreeMap::<String, i64>::new();
        rows.into_iter().for_each(|row| *groups.entry(row.group.unwrap_or_default()).or_default() += row.minutes);
        groups.into_iter().collect::<Vec<_>>()
    };
    let year = || ActivityQuery::of(period("2022-08-01", "2023-08-01"));
    let one = |name: &str| vec![(name.to_owned(), 774)];
    assert_eq!(minutes(ActivityQuery { group: Some(Group::District), ..year() }).await, one("15083"));
    assert_eq!(minutes(ActivityQuery { group: Some(Group::Provider), ..year() }).await, one("P1"));
    assert_eq!(minutes(ActivityQuery { group: Some(Group::School), ..year() }).await, one("S1"));
    assert_eq!(minutes(ActivityQuery { group: Some(Group::Month), ..year() }).await, one("2023-03"));
    // The form is that of the period's last day: it changed on 1 August 2023.
    assert_eq!(minutes(ActivityQuery { group: Some(Group::Form), ..year() }).await, one("SEK"));
    let longer = || ActivityQuery::of(period("2022-08-01", "2023-08-02"));
    assert_eq!(minutes(ActivityQuery { group: Some(Group::Form), ..longer() }).await, one("GMS"));
    assert_eq!(minutes(ActivityQuery { form: Some("GMS".into()), ..longer() }).await, one(""));
    assert!(minutes(ActivityQuery { form: Some("SEK".into()), ..longer() }).await.is_empty());
    assert!(minutes(ActivityQuery { school: Some(fixtures::school_id("S2")), ..year() }).await.is_empty());
    // Days that are no whole months: from the 7th to the 9th, three interventions.
    assert_eq!(minutes(ActivityQuery::of(period("2023-03-07", "2023-03-10"))).await, [(String::new(), 46 + 90 + 48)]);
    assert_eq!(minutes(ActivityQuery::of(period("2022-11-20", "2023-03-08"))).await, [(String::new(), 45 + 46)]);
    all.models.stop().await;
}

#[tokio::test]
async fn work_at_a_school_that_ended_keeps_its_last_form() {
    let mut programme = Programme::story();
    programme.tries("2026-09-01", Some(Reason::SchoolClosed), "close-school", json!({"school": "S1"})).unwrap();
    let all = programme.models().await;
    let query = ActivityQuery { group: Some(Group::Form), ..ActivityQuery::of(period("2022-08-01", "2026-11-01")) };
    let rows = all.models.activity_profile(&auditor(), &query).await.unwrap().data.rows;
    assert!(rows.iter().all(|row| row.group.as_deref() == Some("GMS")), "{rows:?}");
    assert_eq!(rows.iter().map(|row| row.minutes).sum::<i64>(), 774);
    let gms = ActivityQuery { form: Some("GMS".into()), group: None, ..query };
    assert_eq!(all.models.activity_profile(&auditor(), &gms).await.unwrap().data.total.minutes, 774);
    all.models.stop().await;
}

#[tokio::test]
async fn trainings_stand_with_their_needs() {
    let all = Programme::story().models().await;
    let data = all.models.trainings(&auditor(), &TrainingsQuery::all()).await.unwrap().data;
    let rows: Vec<_> = data.trainings.iter().map(|t| (t.training.clone(), t.status.as_str(), t.day)).collect();
    assert_eq!(
        rows,
        [
            (key(811).to_string(), "cancelled", day("2023-03-01")),
            (key(810).to_string(), "held", day("2023-03-09")),
            (key(812).to_string(), "held", day("2023-04-21")),
        ]
    );
    let held = &data.trainings[1];
    assert_eq!((held.seats, held.registered, held.minutes), (20, 17, 690));
    assert_eq!((held.women, held.men, held.non_binary), (Some(10), Some(4), Some(1)));
    assert_eq!((held.responses, held.score), (Some(12), Some(432)));
    assert_eq!(held.needs.len(), 1);
    assert_eq!((held.needs[0].topic.as_str(), held.needs[0].district.as_str()), ("mediation", "15083"));
    let total = data.total;
    assert_eq!((total.trainings, total.held, total.cancelled, total.seats), (3, 2, 1, 30));
    assert_eq!((total.registered, total.attended, total.open_needs), (18, 15, 0));
    // Two had registered by name, one of them stepped back.
    assert_eq!(data.trainings[2].registered, 1);

    let before = TrainingsQuery { during: Some(period("2023-01-01", "2023-03-09")), ..TrainingsQuery::all() };
    let data = all.models.trainings(&auditor(), &before).await.unwrap().data;
    assert_eq!((data.total.trainings, data.total.held), (1, 0));
    all.models.stop().await;
}

#[tokio::test]
async fn behind_a_figure_stand_its_events() {
    let programme = Programme::story();
    let all = programme.models().await;
    let positions = async |figure: Figure, limit| {
        let (mut positions, mut after) = (Vec::new(), None);
        loop {
            let page = PageRequest { after, limit };
            let answer = all.models.contributing(&auditor(), &figure, &page).await.unwrap();
            positions.extend(answer.data.positions);
            after = answer.data.next;
            if after.is_none() {
                return positions;
            }
        }
    };
    let recorded = |n| programme.position("intervention.recorded.v1", n);
    let kinds = |kind| Figure::Activity(ActivityQuery { kinds: vec![kind], ..ActivityQuery::of(march()) });
    let corrected = programme.position("intervention.corrected.v1", 0);
    let voided = programme.position("intervention.voided.v1", 0);
    assert_eq!(positions(kinds(Kind::Prevention), 1).await, [recorded(2), corrected]);
    assert_eq!(positions(kinds(Kind::SocialLearning), 10).await, [recorded(4), voided]);
    assert_eq!(positions(Figure::Activity(ActivityQuery::of(march())), 4).await.len(), 17);

    let query = OverviewQuery { on: day("2023-03-10"), during: march(), as_of: AsOf::default() };
    let count = |figure| Figure::Overview(query, figure, None);
    let registered: Vec<u64> = (0..3).map(|n| programme.position("school.registered.v1", n)).collect();
    let by_name = positions(count(OverviewFigure::SchoolsKnown), 1).await;
    // What is known of two of them was said again when they ended.
    assert_eq!(by_name.len(), 3);
    assert!(!by_name.contains(&registered[0]), "its form changed later");
    assert_eq!(
        positions(count(OverviewFigure::PositionsFilled), 10).await,
        [programme.position("staff.fte-changed.v1", 0)]
    );
    let evaluated = programme.position("training.evaluated.v1", 0);
    assert_eq!(positions(count(OverviewFigure::TrainingsHeld), 10).await, [evaluated]);
    let direct = Figure::OverviewActivities { query, direct: true, district: None };
    let indirect = Figure::OverviewActivities { query, direct: false, district: Some(fixtures::district("15083")) };
    assert_eq!((positions(direct, 10).await.len(), positions(indirect, 10).await.len()), (13, 4));
    all.models.stop().await;
}

#[tokio::test]
async fn a_position_that_is_not_yet_known_has_no_answer() {
    let all = Programme::story().models().await;
    let head = all.log.head().await.unwrap().size;
    let query = ActivityQuery { as_of: AsOf { known: Some(head + 1) }, ..ActivityQuery::of(march()) };
    let answer = all.models.activity_profile(&auditor(), &query).await;
    assert!(
        matches!(answer, Err(QueryError::NotYetKnown { known, position }) if (known, position) == (head + 1, head))
    );
    let foreign = PageRequest { after: Some(crate::Cursor::of(["1"])), limit: 5 };
    let query = CoverageQuery { page: foreign, ..CoverageQuery::on(day("2023-03-10")) };
    assert!(matches!(all.models.school_coverage(&auditor(), &query).await, Err(QueryError::Cursor)));
    all.models.stop().await;
}

#[tokio::test]
async fn an_answer_is_written_with_all_that_it_says_about_itself() {
    let all = Programme::story().models().await;
    let query = ActivityQuery { as_of: AsOf { known: Some(10) }, ..ActivityQuery::of(march()) };
    let answer = json!(all.models.activity_profile(&auditor(), &query).await.unwrap());
    assert_eq!(answer["known_until"], 10);
    assert_eq!(answer["valid"], json!({"during": {"from": "2023-03-01", "to": "2023-04-01"}}));
    assert_eq!(answer["complete"], true);
    assert_eq!(answer["definition"]["version"], 1);
    assert_eq!(answer["data"]["rows"], json!([]));
    all.models.stop().await;
}
