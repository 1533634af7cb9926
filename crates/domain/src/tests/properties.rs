//! Random commands of every aggregate against a programme that has already begun: whatever is
//! accepted, the laws of folding hold and no rule is broken. The rules are checked by naive sums
//! over the events, day by day, which share nothing with the code that decides.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::decider::Reason;
use crate::testing::fixtures::digest;
use crate::testing::story::{Told, every_kind_of_work, story};
use crate::testing::world::{Recorded, World};
use crate::testing::{day, event_id, key};
use crate::wire::decode;
use crate::{BusinessDate, Event, State, StreamId, cooperation, intervention, staff};

/// Twelve random bytes choose a command and its particulars from small pools, so that commands
/// often meet each other.
type Choice = [u8; 12];

fn pick<T: Clone>(pool: &[T], byte: u8) -> T {
    pool[usize::from(byte) % pool.len()].clone()
}

fn date(byte: u8) -> BusinessDate {
    day("2022-07-01").plus_days(i32::from(byte) * 6)
}

fn keys(first: u128, byte: u8) -> Value {
    json!(key(first + u128::from(byte % 4)))
}

fn command(c: Choice) -> Told {
    let on = date(c[1]);
    let reason = pick(&[Some(Reason::DataEntryError), Some(Reason::Reorganisation), None], c[2]);
    let school = pick(&["S1", "S2", "S4"], c[3]);
    let provider = pick(&["P1", "L1", "P2"], c[4]);
    let district = pick(&["15083", "15003", "15"], c[10]);
    let workplace = pick(
        &[json!({"school": {"school": school, "provider": provider}}), json!({"office": {"district": district}})],
        c[5] / 2,
    );
    let function = pick(&["school_social_worker", "network_coordinator"], c[5] / 2);
    let period = json!({"from": date(c[6]), "to": date(c[6]).plus_days(1 + i32::from(c[7]) * 4)});
    let work = pick(&every_kind_of_work(), c[8]);
    let fte = pick(&[100, 250, 400, 500, 750, 1000], c[9]);
    let intervention = event_id(50 + u128::from(c[10]) % 60);
    let rates = pick(
        &[
            json!({"eu": 6000, "land": 4000, "municipal": 0}),
            json!({"eu": 7000, "land": 3000, "municipal": 0}),
            json!({"eu": 5000, "land": 3000, "municipal": 2000}),
        ],
        c[9],
    );
    let goals = pick(&[json!(["teamwork"]), json!(["inclusion", "transition"]), json!([])], c[9]);
    let cci = "2021DE05SFPR013";
    let all = [
        ("define-funding-period", json!({"cci": cci, "label": pick(&["A", "B"], c[3]), "period": period})),
        (
            "define-funding-cycle",
            json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "module": "network_offices", "period": period, "rates": rates}),
        ),
        (
            "change-cofinancing-rates",
            json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "rates": rates, "from": date(c[6])}),
        ),
        ("close-funding-cycle", json!({"cci": cci, "cycle": pick(&["A", "B"], c[3]), "on": date(c[6])})),
        (
            "register-organisation",
            json!({
                "organisation": provider, "name": "Verein", "legal_form": "foundation", "kind": "free_youth_welfare",
                "sector": pick(&["private", "public"], c[5]),
            }),
        ),
        (
            "confirm-provider-recognition",
            json!({
                "organisation": provider, "recognition": pick(&["non_profit", "youth_welfare_75"], c[5]), "document": digest('A'),
            }),
        ),
        ("set-vat-status", json!({"organisation": provider, "recoverable": c[5] > 127})),
        ("amend-organisation", json!({"organisation": provider, "name": pick(&["Verein", "Stiftung"], c[5])})),
        ("deactivate-organisation", json!({"organisation": "P2"})),
        (
            "register-school",
            json!({
                "school": school, "name": "Schule", "form": "GS", "district": district, "ownership": "unknown",
            }),
        ),
        ("change-school-form", json!({"school": school, "form": pick(&["GS", "SEK"], c[5])})),
        ("merge-schools", json!({"school": school, "into": pick(&["S2", "S4"], c[5])})),
        ("close-school", json!({"school": school})),
        (
            "record-pupil-numbers",
            json!({
                "school": school, "school_year": "2023/24", "pupils": {"women": c[5], "men": 3, "non_binary": 0}, "source": "x",
            }),
        ),
        (
            "establish-network-office",
            json!({
                "district": district, "name": "Stelle", "provider": provider, "from": date(c[6]),
            }),
        ),
        ("add-network-office-site", json!({"district": district, "site": {"place": pick(&["Burg", "Zeitz"], c[5])}})),
        ("change-network-office-provider", json!({"district": district, "provider": provider, "from": date(c[6])})),
        ("close-network-office", json!({"district": district, "on": date(c[6])})),
        ("propose-cooperation", json!({"school": school, "provider": provider, "concept": digest('A')})),
        (
            "record-conference-resolution",
            json!({
                "school": school, "provider": provider, "held_on": date(c[6]), "result": pick(&["affirmative", "negative"], c[5]),
            }),
        ),
        (
            "record-expert-opinion",
            json!({
                "school": school, "provider": provider, "by": "youth_office", "result": pick(&["against", "in_favour"], c[5]),
            }),
        ),
        (
            "sign-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": period, "goals": goals, "meeting_rhythm": "weekly",
                "data_protection_clause": true, "signed_by": {"school": true, "provider": true}, "document": digest('A'),
            }),
        ),
        (
            "amend-cooperation-agreement",
            json!({
                "school": school, "provider": provider, "period": period, "goals": goals, "document": digest('A'),
            }),
        ),
        (
            "hold-cooperation-review",
            json!({
                "school": school, "provider": provider, "held_on": date(c[6]), "goals": [{"goal": "teamwork", "degree": "partly"}],
            }),
        ),
        (
            "raise-cooperation-issue",
            json!({
                "school": school, "provider": provider, "issue": keys(900, c[5]), "topic": pick(&["rooms", "roles"], c[9]),
            }),
        ),
        ("resolve-cooperation-issue", json!({"school": school, "provider": provider, "issue": keys(900, c[5])})),
        ("terminate-cooperation", json!({"school": school, "provider": provider, "on": date(c[6])})),
        (
            "confirm-staff-qualification",
            json!({
                "staff": keys(500, c[10]), "provider": provider, "qualification": "educator", "state_recognised": true, "document": digest('A'),
            }),
        ),
        (
            "assign-staff",
            json!({
                "staff": keys(500, c[10]), "assignment": keys(602, c[11]), "function": function, "workplace": workplace,
                "fte": fte, "period": period,
            }),
        ),
        (
            "change-assignment-fte",
            json!({
                "staff": keys(500, c[10]), "assignment": keys(600, c[11]), "fte": fte, "from": date(c[6]),
            }),
        ),
        ("end-assignment", json!({"staff": keys(500, c[10]), "assignment": keys(600, c[11]), "on": date(c[6])})),
        (
            "report-vacancy",
            json!({
                "vacancy": keys(702, c[11]), "workplace": workplace, "function": function, "fte": fte, "from": date(c[6]),
            }),
        ),
        (
            "fill-vacancy",
            json!({
                "vacancy": keys(702, c[11]), "staff": keys(500, c[10]), "assignment": keys(600, c[5]), "on": date(c[6]),
            }),
        ),
        ("withdraw-vacancy", json!({"vacancy": keys(702, c[11]), "on": date(c[6])})),
        (
            "identify-training-need",
            json!({
                "need": keys(800, c[11]), "source": "survey", "topic": pick(&["mediation", "inclusion"], c[5]), "district": district,
            }),
        ),
        ("withdraw-training-need", json!({"need": keys(800, c[11])})),
        (
            "offer-training",
            json!({
                "training": keys(812, c[11] % 2), "needs": [keys(800, c[5])], "topic": "mediation", "district": district,
                "seats": c[9] % 16, "minutes": 60, "begins_on": date(c[6]), "format": "online",
            }),
        ),
        ("reschedule-training", json!({"training": keys(812, c[11] % 2), "begins_on": date(c[6])})),
        (
            "record-training-registrations",
            json!({
                "training": keys(812, c[11] % 2), "registrations": [{"audience": "others", "people": c[9] % 20}],
            }),
        ),
        ("hold-training", json!({"training": keys(812, c[11] % 2)})),
        (
            "confirm-training-attendance",
            json!({
                "training": keys(812, c[11] % 2), "attendance": {"women": c[9] % 20, "men": 0, "non_binary": 0},
            }),
        ),
        ("evaluate-training", json!({"training": keys(812, c[11] % 2), "responses": c[9] % 20, "score": 300})),
        ("cancel-training", json!({"training": keys(812, c[11] % 2)})),
        (
            "record-intervention",
            json!({
                "school": school, "staff": keys(500, c[10] % 2), "assignment": keys(600, c[11]), "minutes": 1 + u32::from(c[9]) * 2, "work": work,
            }),
        ),
        (
            "correct-intervention",
            json!({
                "school": "S1", "school_year": "2022/23", "intervention": intervention, "minutes": 1 + u32::from(c[9]) * 3, "work": work,
            }),
        ),
        ("void-intervention", json!({"school": "S1", "school_year": "2022/23", "intervention": intervention})),
        (
            "grant-role",
            json!({
                "principal": keys(1000, c[10]), "grant": {"role": pick(&["CO", "NO", "AU"], c[5]), "scope": {"district": district}, "until": date(c[6])},
            }),
        ),
        ("revoke-role", json!({"principal": keys(1000, c[10]), "role": "NO", "scope": {"district": district}})),
        ("issue-api-key", json!({"principal": keys(1000, c[10]), "key": keys(1001, c[11])})),
        ("revoke-api-key", json!({"principal": keys(1000, c[10]), "key": keys(1001, c[11])})),
    ];
    let (name, body) = pick(&all, c[0]);
    Told { on, reason, name, body }
}

/// The story without its endings, then random commands.
fn random_world(choices: &[Choice]) -> World {
    let mut world = World::default();
    let story = story();
    for told in &story[..story.len() - 5] {
        world.tell(told.on, told.reason, &told.command()).unwrap();
    }
    for choice in choices {
        let told = command(*choice);
        let _ = world.tell(told.on, told.reason, &told.command());
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
            let accepted = world.tell(told.on, told.reason, &told.command());
            // Each recording is work of its own; what tells a retry apart is the command's id.
            if accepted.is_ok() && told.name != "record-intervention" {
                let again = world.tell(told.on, told.reason, &told.command());
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
fn among(names: &'static [&'static str]) -> impl Strategy<Value = Choice> {
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
    for _ in 0..100 {
        let mut world = random_world(&[]);
        for _ in 0..400 {
            let mut choice = [0; 12];
            for byte in &mut choice {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = u8::try_from(seed >> 56).unwrap_or_default();
            }
            let told = command(choice);
            let known = accepted.entry(told.name).or_default();
            match world.tell(told.on, told.reason, &told.command()) {
                Ok(events) => *known += u32::from(!events.is_empty()),
                Err(_) => refused += 1,
            }
        }
    }
    let never: Vec<_> = accepted.iter().filter(|(_, times)| **times == 0).map(|(name, _)| *name).collect();
    assert_eq!(never, Vec::<&str>::new());
    assert!((10_000..35_000).contains(&refused), "{refused} of 40,000 refused");
}
