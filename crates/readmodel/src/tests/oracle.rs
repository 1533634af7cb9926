//! Figures computed naively from all events and from the rules' own states, without any SQL.

use std::collections::BTreeMap;

use sfs_domain::intervention::{Event as Work, Kind};
use sfs_domain::staff::{Event as StaffFact, Function};
use sfs_domain::testing::world::Recorded;
use sfs_domain::training::Event as TrainingFact;
use sfs_domain::vacancy::Event as VacancyFact;
use sfs_domain::{BusinessDate, Event, EventId, Period, State};

use super::support::Programme;
use crate::OverviewFigures;

/// What happened to each intervention in the end: its day, kind, minutes, women; nothing if voided.
fn standing(events: &[Recorded]) -> BTreeMap<EventId, (BusinessDate, Kind, i64, i64, String)> {
    let mut all = BTreeMap::new();
    for recorded in events {
        let Event::Intervention(event) = &recorded.event else { continue };
        match event {
            Work::Recorded { minutes, work, .. } => {
                let district = recorded.fact.place.ags.to_string();
                let (minutes, women) = (i64::from(minutes.get()), i64::from(work.headcount().women.get()));
                all.insert(recorded.fact.id, (recorded.fact.occurred_on, work.kind(), minutes, women, district));
            }
            Work::Corrected { intervention, minutes, work, .. } => {
                let known = all.get_mut(intervention).unwrap();
                known.2 = i64::from(minutes.get());
                known.3 = i64::from(work.headcount().women.get());
            }
            Work::Voided { intervention, .. } => {
                all.remove(intervention);
            }
        }
    }
    all
}

/// The overview as the rules' states have it.
pub fn overview(programme: &Programme, on: BusinessDate, during: Period) -> OverviewFigures {
    let mut figures = OverviewFigures::default();
    let mut covered = std::collections::BTreeSet::new();
    for (_, state) in programme.world.streams() {
        match state {
            State::School(school) => {
                figures.schools_known += i64::from(school.known().is_some());
                figures.schools_open += i64::from(school.open_on(on).is_some());
            }
            State::NetworkOffice(office) => figures.offices_active += i64::from(office.active_on(on)),
            State::Cooperation(cooperation) => {
                figures.agreements_active += i64::from(cooperation.agreement_on(on).is_some());
            }
            State::Staff(staff) => figures.positions_filled_fte += i64::from(staff.fte_on(on)),
            _ => {}
        }
    }
    let mut vacancies = BTreeMap::new();
    for recorded in programme.world.events() {
        match &recorded.event {
            Event::Staff(StaffFact::Assigned { staff, assignment, .. }) => {
                let stream = sfs_domain::staff::stream(staff);
                let state = programme.world.streams().find(|(id, _)| **id == stream).unwrap().1;
                let State::Staff(state) = state else { panic!("no staff") };
                let known = state.assignment(assignment).unwrap();
                if known.function == Function::SchoolSocialWorker && known.active_on(on) {
                    covered.insert(recorded.fact.place.school.clone());
                }
            }
            Event::Vacancy(VacancyFact::Reported { vacancy, fte, from, .. }) => {
                vacancies.insert(*vacancy, (*from, None, i64::from(fte.get())));
            }
            Event::Vacancy(VacancyFact::Filled { vacancy, on, .. } | VacancyFact::Withdrawn { vacancy, on }) => {
                vacancies.get_mut(vacancy).unwrap().1 = Some(*on);
            }
            Event::Training(TrainingFact::Held { .. }) => {
                figures.trainings_held += i64::from(during.contains(recorded.fact.occurred_on));
            }
            _ => {}
        }
    }
    figures.schools_with_social_work = covered.len() as i64;
    let vacant = vacancies.values().filter(|(from, to, _)| *from <= on && to.is_none_or(|to| on < to));
    figures.positions_planned_fte = figures.positions_filled_fte + vacant.map(|(.., fte)| fte).sum::<i64>();
    for (_, kind, minutes, ..) in standing(programme.world.events()).values().filter(|known| during.contains(known.0)) {
        if kind.is_direct() {
            figures.activities += 1;
            figures.activity_minutes += minutes;
        } else {
            figures.indirect_minutes += minutes;
        }
    }
    figures
}

/// Count, minutes and women by district and kind, as they stand.
pub fn profile(events: &[Recorded], during: Period) -> BTreeMap<(String, &'static str), (i64, i64, i64)> {
    let mut all = BTreeMap::new();
    for (on, kind, minutes, women, district) in standing(events).into_values() {
        if during.contains(on) {
            let sums: &mut (i64, i64, i64) = all.entry((district, kind.code())).or_default();
            *sums = (sums.0 + 1, sums.1 + minutes, sums.2 + women);
        }
    }
    all
}
