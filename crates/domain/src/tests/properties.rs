//! Random commands of every aggregate against a programme that has already begun: whatever is
//! accepted, the laws of folding hold and no rule is broken. The rules are checked by naive sums
//! over the events, day by day, which share nothing with the code that decides.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::random::{Choice, ENDINGS, begun, command};
use crate::catalogue::command_entry;
use crate::testing::story::story;
use crate::testing::world::{Recorded, World};
use crate::wire::decode;
use crate::{BusinessDate, Event, State, StreamId, cooperation, intervention, staff};

/// What becomes a fact each time it is said.
const ANEW: [&str; 4] =
    ["record-intervention", "assess-support-goal", "record-referral-outcome", "correct-absence-ground"];

/// The story without its endings, then random commands.
pub(super) fn random_world(choices: &[Choice]) -> World {
    let mut world = World::default();
    let story = story();
    for told in story[..story.len() - ENDINGS].iter().chain(&begun()) {
        world.hear(told).unwrap();
    }
    for choice in choices {
        let told = command(*choice);
        let _ = world.hear(&told);
    }
    world
}

fn by_stream(world: &World) -> BTreeMap<&StreamId, Vec<&Recorded>> {
    let mut streams = BTreeMap::<_, Vec<_>>::new();
    for recorded in world.events() {
        streams.entry(&recorded.stream).or_default().push(recorded);
    }
    streams
}

fn fold(mut state: State, events: &[&Recorded]) -> State {
    for recorded in events {
        state.evolve(&recorded.event, &recorded.fact);
    }
    state
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn folding_in_two_parts_is_folding_at_once(choices in vec(any::<Choice>(), 1..80), cut in any::<u8>()) {
        let world = random_world(&choices);
        let states: BTreeMap<_, _> = world.streams().collect();
        for (stream, events) in by_stream(&world) {
            let initial = State::initial(events[0].event.category());
            let (first, second) = events.split_at(usize::from(cut) % (events.len() + 1));
            prop_assert_eq!(&fold(fold(initial, first).clone(), second), states[stream], "{}", stream);
        }
    }

    #[test]
    fn what_is_read_back_folds_to_the_same(choices in vec(any::<Choice>(), 1..80)) {
        let world = random_world(&choices);
        let states: BTreeMap<_, _> = world.streams().collect();
        for (stream, events) in by_stream(&world) {
            let mut state = State::initial(events[0].event.category());
            for recorded in events {
                let encoded = recorded.event.encode().unwrap();
                let event = decode(&encoded.event_type, &encoded.data).unwrap();
                prop_assert_eq!(event.category().name(), stream.category());
                state.evolve(&event, &recorded.fact);
            }
            prop_assert_eq!(&state, states[stream], "{}", stream);
        }
    }

    #[test]
    fn a_repeated_command_adds_no_second_fact(choices in vec(any::<Choice>(), 1..80)) {
        let mut world = random_world(&[]);
        for choice in choices {
            let told = command(choice);
            let accepted = world.hear(&told);
            // Each recording is work of its own, each opening another access, and what is said sealed is compared
            // with nothing; what tells a retry apart is the command's id.
            let anew = ANEW.contains(&told.name) || !command_entry(told.name).unwrap().opens.is_empty();
            if accepted.is_ok() && !anew {
                let again = world.hear(&told);
                prop_assert!(again.as_ref().is_ok_and(Vec::is_empty) || again.is_err(), "{:?}: {:?}", told, again);
            }
        }
    }

    #[test]
    fn nobody_ever_holds_more_than_a_full_position(choices in vec(people(), 1..80)) {
        let world = random_world(&choices);
        // Share by person, day and assignment, written day by day.
        let mut shares = BTreeMap::<_, BTreeMap<_, BTreeMap<_, u32>>>::new();
        for recorded in world.events() {
            let Event::Staff(event) = &recorded.event else { continue };
            match event {
                staff::Event::QualificationConfirmed { .. } => {}
                staff::Event::Assigned { staff, assignment, fte, period, .. } => {
                    for on in period.from.days()..period.to.days() {
                        shares.entry(*staff).or_default().entry(on).or_default().insert(*assignment, fte.get());
                    }
                }
                staff::Event::FteChanged { staff, assignment, fte, from } => {
                    for (_, day) in shares.entry(*staff).or_default().range_mut(from.days()..) {
                        if let Some(share) = day.get_mut(assignment) {
                            *share = fte.get();
                        }
                    }
                }
                staff::Event::AssignmentEnded { staff, assignment, on } => {
                    for (_, day) in shares.entry(*staff).or_default().range_mut(on.days()..) {
                        day.remove(assignment);
                    }
                }
            }
            for (staff, days) in &shares {
                for (on, day) in days {
                    let sum: u32 = day.values().sum();
                    prop_assert!(sum <= 1_000, "{} holds {} on {:?}", staff, sum, BusinessDate::from_days(*on));
                }
            }
        }
    }

    #[test]
    fn no_day_has_two_agreements_of_one_cooperation(choices in vec(agreements(), 1..60)) {
        let world = random_world(&choices);
        for (stream, events) in by_stream(&world) {
            // Agreements of each day by the period that holds now.
            let mut agreements = Vec::new();
            for recorded in events {
                let Event::Cooperation(event) = &recorded.event else { continue };
                match event {
                    cooperation::Event::AgreementSigned { period, .. } => agreements.push(*period),
                    cooperation::Event::AgreementAmended { before, period, .. } => {
                        let index = agreements.iter().position(|known| known == before);
                        prop_assert!(index.is_some(), "{} amends what is not there", stream);
                        agreements[index.unwrap_or_default()] = *period;
                    }
                    cooperation::Event::Terminated { on } => {
                        agreements.retain(|period| period.from < *on);
                        for period in &mut agreements {
                            period.to = period.to.min(*on);
                        }
                    }
                    _ => {}
                }
                let days: Vec<_> = agreements.iter().flat_map(|period| period.from.days()..period.to.days()).collect();
                let distinct: BTreeSet<_> = days.iter().collect();
                prop_assert_eq!(days.len(), distinct.len(), "{}", stream);
            }
        }
    }

    #[test]
    fn corrections_take_back_exactly_what_stood_there(choices in vec(interventions(), 1..80)) {
        let world = random_world(&choices);
        for events in by_stream(&world).values() {
            // What a projection sums from differences, and what a reader knows who keeps the last word.
            let (mut sums, mut last) = (BTreeMap::<_, i64>::new(), BTreeMap::new());
            for recorded in events {
                let Event::Intervention(event) = &recorded.event else { continue };
                match event {
                    intervention::Event::Recorded { staff, minutes, work, .. } => {
                        let on = recorded.fact.occurred_on;
                        *sums.entry((on, work.kind())).or_default() += i64::from(minutes.get());
                        last.insert(recorded.fact.id, (on, *staff, *minutes, *work));
                    }
                    intervention::Event::Corrected { intervention, day, minutes, work, before } => {
                        let sum = sums.entry((*day, work.kind())).or_default();
                        *sum += i64::from(minutes.get()) - i64::from(before.minutes.get());
                        let known = last.get_mut(intervention).unwrap();
                        prop_assert_eq!((known.0, known.3.kind()), (*day, work.kind()));
                        prop_assert_eq!(known.3.headcount(), before.headcount);
                        (known.2, known.3) = (*minutes, *work);
                    }
                    intervention::Event::Voided { intervention, day, kind, minutes, headcount } => {
                        *sums.entry((*day, *kind)).or_default() -= i64::from(minutes.get());
                        let known = last.remove(intervention).unwrap();
                        prop_assert_eq!((known.0, known.2, known.3.kind(), known.3.headcount()), (*day, *minutes, *kind, *headcount));
                    }
                }
                let (mut expected, mut per_day) = (BTreeMap::<_, i64>::new(), BTreeMap::<_, u32>::new());
                for (on, staff, minutes, work) in last.values() {
                    *expected.entry((*on, work.kind())).or_default() += i64::from(minutes.get());
                    *per_day.entry((*on, *staff)).or_default() += minutes.get();
                }
                sums.retain(|_, sum| *sum != 0);
                prop_assert_eq!(&sums, &expected);
                prop_assert!(per_day.values().all(|minutes| *minutes <= 720), "{:?}", per_day);
            }
        }
    }
}

/// Choices that lead to commands about people and what these need.
fn people() -> impl Strategy<Value = Choice> {
    among(&["confirm-staff-qualification", "assign-staff", "change-assignment-fte", "end-assignment"])
}

/// Choices that lead to commands about agreements.
fn agreements() -> impl Strategy<Value = Choice> {
    among(&[
        "propose-cooperation",
        "sign-cooperation-agreement",
        "amend-cooperation-agreement",
        "terminate-cooperation",
    ])
}

/// Choices that lead to commands about interventions.
fn interventions() -> impl Strategy<Value = Choice> {
    among(&["record-intervention", "correct-intervention", "void-intervention"])
}

/// Random choices of these commands only.
pub(super) fn among(names: &'static [&'static str]) -> impl Strategy<Value = Choice> {
    let first: Vec<_> = (0..=u8::MAX).filter(|byte| names.contains(&command([*byte; 12]).name)).collect();
    (proptest::sample::select(first), any::<Choice>()).prop_map(|(first, mut choice)| {
        choice[0] = first;
        choice
    })
}

#[test]
fn random_commands_are_neither_all_accepted_nor_all_refused() {
    // A generator that only produces refusals would prove nothing.
    let (mut accepted, mut refused) = (BTreeMap::<_, u32>::new(), 0);
    let mut seed = 1_u64;
    for _ in 0..50 {
        let mut world = random_world(&[]);
        for _ in 0..1_200 {
            let mut choice = [0; 12];
            for byte in &mut choice {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = u8::try_from(seed >> 56).unwrap_or_default();
            }
            let told = command(choice);
            let known = accepted.entry(told.name).or_default();
            match world.hear(&told) {
                Ok(events) => *known += u32::from(!events.is_empty()),
                Err(_) => refused += 1,
            }
        }
    }
    let never: Vec<_> = accepted.iter().filter(|(_, times)| **times == 0).map(|(name, _)| *name).collect();
    assert_eq!(never, Vec::<&str>::new());
    assert!((15_000..52_500).contains(&refused), "{refused} of 60,000 refused");
}
