//! Trainings: offered, held, attended by count and by name.

use serde_json::{Value, json};

use super::*;
use crate::decider::Reason;
use crate::testing::{Given, given, key, written};

fn offer_body() -> Value {
    json!({
        "training": key(1), "needs": [key(10), key(11)], "topic": "mediation", "district": "15", "seats": 12,
        "minutes": 480, "begins_on": "2025-10-01", "format": "online",
    })
}

fn offer_with(field: &str, value: Value) -> Command {
    let mut body = offer_body();
    body[field] = value;
    written("offer-training", body)
}

fn offered() -> Event {
    written("training.offered.v1", offer_body())
}

fn ask(name: &str, more: Value) -> Command {
    let mut body = json!({"training": key(1)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    written(name, body)
}

fn happened(name: &str, more: Value) -> Event {
    let mut body = json!({"training": key(1)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    written(name, body)
}

fn hold() -> Command {
    ask("hold-training", json!({}))
}

fn held() -> Event {
    happened("training.held.v1", json!({}))
}

fn cancel() -> Command {
    ask("cancel-training", json!({}))
}

fn cancelled() -> Event {
    happened("training.cancelled.v1", json!({}))
}

fn move_to(begins_on: &str) -> Command {
    ask("reschedule-training", json!({"begins_on": begins_on}))
}

fn register(people: &[(&str, u32)]) -> Command {
    let registrations: Vec<_> =
        people.iter().map(|(audience, people)| json!({"audience": audience, "people": people})).collect();
    ask("record-training-registrations", json!({"registrations": registrations}))
}

fn attend(women: u32) -> Command {
    ask("confirm-training-attendance", json!({"attendance": {"women": women, "men": 1, "non_binary": 1}}))
}

fn attended(women: u32) -> Event {
    happened(
        "training.attendance-confirmed.v1",
        json!({"attendance": {"women": women, "men": 1, "non_binary": 1}, "minutes": 480}),
    )
}

fn evaluate(responses: u32) -> Command {
    ask("evaluate-training", json!({"responses": responses, "score": 400}))
}

fn evaluated(responses: u32) -> Event {
    happened("training.evaluated.v1", json!({"responses": responses, "score": 400}))
}

/// Needs 10 and 11 stand, need 12 was withdrawn.
fn with_needs(events: impl IntoIterator<Item = Event>) -> Given<Training> {
    let identified = |n| {
        written::<training_need::Event>(
            "training-need.identified.v1",
            json!({"need": key(n), "source": "survey", "topic": "mediation", "district": "15"}),
        )
    };
    let withdrawn = written::<training_need::Event>("training-need.withdrawn.v1", json!({"need": key(12)}));
    given::<Training>(events)
        .and::<TrainingNeed>(&training_need::stream(&key(10)), [identified(10)])
        .and::<TrainingNeed>(&training_need::stream(&key(11)), [identified(11)])
        .and::<TrainingNeed>(&training_need::stream(&key(12)), [identified(12), withdrawn])
}

#[test]
fn a_training_is_offered_once() {
    let same = || offer_with("topic", json!("mediation"));
    with_needs([]).on("2025-09-01").when(same()).then([offered()]);
    with_needs([offered()]).when(same()).then([]);
    with_needs([offered()]).when(offer_with("seats", json!(13))).refused(Refusal::OtherParticulars);
}

#[test]
fn a_training_answers_needs_that_stand() {
    let offer = |needs: Value| with_needs([]).when(offer_with("needs", needs));
    offer(json!([])).refused(Refusal::NeedCount);
    offer(json!([key(10), key(10)])).refused(Refusal::NeedCount);
    offer(json!((0..21).map(key).collect::<Vec<_>>())).refused(Refusal::NeedCount);
    offer(json!([key(10), key(12)])).refused(Refusal::NeedNotIdentified);
    offer(json!([key(13)])).refused(Refusal::NeedNotIdentified);
    assert!(offer(json!([key(11)])).accepted());
}

#[test]
fn a_training_has_a_place_a_seat_and_a_day_to_come() {
    with_needs([]).when(offer_with("district", json!("15999"))).refused(Refusal::UnknownDistrict);
    with_needs([]).when(offer_with("seats", json!(0))).refused(Refusal::NoSeats);
    with_needs([]).when(offer_with("begins_on", json!("2025-09-30"))).refused(Refusal::BeginsBeforeOffer);
}

#[test]
fn nothing_happens_to_a_training_that_is_not_on_offer() {
    with_needs([]).when(hold()).refused(Refusal::NotOffered);
}

#[test]
fn a_training_moves_to_another_day_before_it_is_held() {
    let moved: Event = happened("training.rescheduled.v1", json!({"begins_on": "2025-11-01"}));
    with_needs([offered()]).when(move_to("2025-11-01")).then([moved]);
    with_needs([offered()]).when(move_to("2025-10-01")).then([]);
    with_needs([offered()]).when(move_to("2025-08-31")).refused(Refusal::BeginsBeforeOffer);
    with_needs([offered(), held()]).when(move_to("2025-11-01")).refused(Refusal::AlreadyHeld);
}

#[test]
fn registrations_are_counted_so_far_and_never_exceed_the_seats() {
    let recorded = |first: u32, second: u32, before: u32| {
        happened(
            "training.registrations-recorded.v1",
            json!({
                "registrations": [
                    {"audience": "school_social_workers", "people": first}, {"audience": "teachers", "people": second},
                ],
                "total": first + second, "before": before,
            }),
        )
    };
    let count = |first, second| register(&[("teachers", second), ("school_social_workers", first)]);
    with_needs([offered()]).when(count(8, 2)).then([recorded(8, 2, 0)]);
    with_needs([offered(), recorded(8, 2, 0)]).when(count(8, 2)).then([]);
    with_needs([offered(), recorded(8, 2, 0)]).when(count(9, 3)).then([recorded(9, 3, 10)]);
    with_needs([offered()]).when(count(9, 4)).refused(Refusal::NoSeatLeft);
    with_needs([offered()]).when(count(9_999, 9_999)).refused(Refusal::NoSeatLeft);
    with_needs([offered()]).when(register(&[("teachers", 1), ("teachers", 2)])).refused(Refusal::AudienceTwice);
    with_needs([offered()]).when(register(&[])).refused(Refusal::AudienceTwice);
}

#[test]
fn a_training_is_held_once_and_not_before_its_day() {
    with_needs([offered()]).on("2025-10-01").when(hold()).then([held()]);
    with_needs([offered()]).on("2025-09-30").when(hold()).refused(Refusal::HeldBeforeOffer);
    with_needs([offered()]).then_on("2025-10-01", held()).on("2025-10-01").when(hold()).then([]);
    with_needs([offered()]).then_on("2025-10-01", held()).on("2025-10-02").when(hold()).refused(Refusal::AlreadyHeld);
}

#[test]
fn attendance_is_confirmed_once_after_the_training_within_its_seats() {
    with_needs([offered()]).when(attend(10)).refused(Refusal::NotHeld);
    with_needs([offered(), held()]).when(attend(10)).then([attended(10)]);
    with_needs([offered(), held()]).when(attend(11)).refused(Refusal::MoreThanSeats);
    with_needs([offered(), held(), attended(10)]).when(attend(10)).then([]);
    with_needs([offered(), held(), attended(10)]).when(attend(9)).refused(Refusal::OtherParticulars);
    with_needs([offered(), held()]).on("2025-08-31").when(attend(10)).refused(Refusal::HeldBeforeOffer);
}

#[test]
fn a_training_is_evaluated_once_by_those_who_took_part() {
    let confirmed = || [offered(), held(), attended(3)];
    with_needs([offered()]).when(evaluate(1)).refused(Refusal::NotHeld);
    with_needs([offered(), held()]).when(evaluate(1)).refused(Refusal::AttendanceNotConfirmed);
    with_needs(confirmed()).when(evaluate(5)).then([evaluated(5)]);
    with_needs(confirmed()).when(evaluate(6)).refused(Refusal::ResponseCount);
    with_needs(confirmed()).when(evaluate(0)).refused(Refusal::ResponseCount);
    let done = || [offered(), held(), attended(3), evaluated(5)];
    with_needs(done()).when(evaluate(5)).then([]);
    with_needs(done()).when(evaluate(4)).refused(Refusal::OtherParticulars);
}

#[test]
fn a_training_is_cancelled_for_a_reason_before_it_is_held() {
    with_needs([offered()]).when(cancel()).refused(Refusal::ReasonMissing);
    let calling_off = |events: Vec<Event>| with_needs(events).because(Reason::Illness);
    calling_off(vec![offered()]).when(cancel()).then([cancelled()]);
    calling_off(vec![offered(), cancelled()]).when(cancel()).then([]);
    calling_off(vec![offered(), held()]).when(cancel()).refused(Refusal::AlreadyHeld);
    with_needs([offered(), cancelled()]).when(hold()).refused(Refusal::Cancelled);
}

fn of(person: u128, more: Value) -> Value {
    let mut body = json!({"person": key(person)});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn sign_up(person: u128, audience: &str) -> Command {
    ask("register-training-participant", of(person, json!({"audience": audience})))
}

fn signed_up(person: u128, registered: u32) -> Event {
    happened(
        "training.participant-registered.v1",
        of(person, json!({"audience": "teachers", "registered": registered})),
    )
}

fn step_back(person: u128) -> Command {
    ask("withdraw-training-participant", of(person, json!({})))
}

fn stepped_back(person: u128, registered: u32) -> Event {
    happened("training.participant-withdrawn.v1", of(person, json!({"registered": registered})))
}

fn be_there(person: u128, minutes: u32) -> Command {
    ask("confirm-participant-attendance", of(person, json!({"minutes": minutes})))
}

fn was_there(person: u128, minutes: u32) -> Event {
    happened("training.participant-attended.v1", of(person, json!({"minutes": minutes})))
}

fn certify(person: u128, number: &str) -> Command {
    ask("issue-training-certificate", of(person, json!({"number": number})))
}

fn certified(person: u128, number: &str) -> Event {
    happened("training.certificate-issued.v1", of(person, json!({"number": number})))
}

/// So many teachers are counted.
fn counted(people: u32, total: u32) -> Event {
    happened(
        "training.registrations-recorded.v1",
        json!({"registrations": [{"audience": "teachers", "people": people}], "total": total, "before": 0}),
    )
}

/// People 21 and 22 are registered for trainings, person 23 is a member of staff.
fn with_people(events: impl IntoIterator<Item = Event>) -> Given<Training> {
    let registered = |n: u128, kind: &str| {
        [written::<person::Event>("person.registered.v1", json!({"person": key(n), "kind": kind}))]
    };
    let stream = |n: u128| person::stream(&PersonId(key(n).0));
    with_needs(events)
        .and::<person::Person>(&stream(21), registered(21, "training_participant"))
        .and::<person::Person>(&stream(22), registered(22, "training_participant"))
        .and::<person::Person>(&stream(23), registered(23, "staff"))
}

#[test]
fn a_person_is_registered_once_while_there_is_a_seat_beside_those_who_are_counted() {
    with_people([offered()]).when(sign_up(21, "teachers")).then([signed_up(21, 1)]);
    with_people([offered(), signed_up(21, 1)]).when(sign_up(21, "teachers")).then([]);
    with_people([offered(), signed_up(21, 1)]).when(sign_up(21, "others")).refused(Refusal::OtherAudience);
    with_people([offered()]).when(sign_up(23, "teachers")).refused(Refusal::NotATrainee);
    with_people([offered()]).when(sign_up(24, "teachers")).refused(Refusal::NotATrainee);
    // There are twelve seats.
    with_people([offered(), counted(11, 11)]).when(sign_up(21, "teachers")).then([signed_up(21, 12)]);
    with_people([offered(), counted(12, 12)]).when(sign_up(21, "teachers")).refused(Refusal::NoSeatForPerson);
    with_people([offered(), signed_up(21, 1)]).when(register(&[("teachers", 11)])).then([happened(
        "training.registrations-recorded.v1",
        json!({"registrations": [{"audience": "teachers", "people": 11}], "total": 12, "before": 1}),
    )]);
    with_people([offered(), signed_up(21, 1)]).when(register(&[("teachers", 12)])).refused(Refusal::NoSeatLeft);
    with_people([offered(), held()]).when(sign_up(21, "teachers")).refused(Refusal::AlreadyHeld);
}

#[test]
fn a_seat_that_was_given_back_is_free() {
    let full = || vec![offered(), counted(11, 11), signed_up(21, 12)];
    with_people(full()).when(step_back(21)).then([stepped_back(21, 11)]);
    let free = || [full(), vec![stepped_back(21, 11)]].concat();
    with_people(free()).when(step_back(21)).then([]);
    with_people(free()).when(sign_up(22, "teachers")).then([signed_up(22, 12)]);
    with_people(free()).when(sign_up(21, "teachers")).then([signed_up(21, 12)]);
    with_people(full()).when(step_back(22)).refused(Refusal::NotRegistered);
}

#[test]
fn attendance_of_one_person_is_within_the_training() {
    let there = || vec![offered(), signed_up(21, 1), held()];
    with_people(there()).when(be_there(21, 480)).then([was_there(21, 480)]);
    with_people(there()).when(be_there(21, 481)).refused(Refusal::TooLong);
    with_people(there()).when(be_there(22, 480)).refused(Refusal::NotRegistered);
    with_people([offered(), signed_up(21, 1)]).when(be_there(21, 480)).refused(Refusal::NotHeld);
    with_people(there()).on("2025-08-31").when(be_there(21, 480)).refused(Refusal::HeldBeforeOffer);
    with_people([there(), vec![was_there(21, 480)]].concat()).when(be_there(21, 480)).then([]);
    with_people([there(), vec![was_there(21, 480)]].concat()).when(be_there(21, 400)).then([was_there(21, 400)]);
    with_people([there(), vec![was_there(21, 480), certified(21, "1")]].concat())
        .when(be_there(21, 400))
        .refused(Refusal::Certified);
}

#[test]
fn a_certificate_asks_for_eighty_percent_of_the_minutes() {
    let there = |minutes| with_people([offered(), signed_up(21, 1), signed_up(22, 2), held(), was_there(21, minutes)]);
    // The training lasts 480 minutes.
    there(384).when(certify(21, "2025-1")).then([certified(21, "2025-1")]);
    there(383).when(certify(21, "2025-1")).refused(Refusal::TooLittle);
    there(384).when(certify(22, "2025-1")).refused(Refusal::NotAttended);
    there(384).when(certify(24, "2025-1")).refused(Refusal::NotRegistered);
    let shorter = happened(
        "training.attendance-confirmed.v1",
        json!({"attendance": {"women": 2, "men": 0, "non_binary": 0}, "minutes": 300}),
    );
    assert!(there(383).then_on("2025-09-01", shorter).when(certify(21, "2025-1")).accepted());
}

#[test]
fn a_person_has_one_certificate_and_a_number_one_person() {
    let issued = || {
        with_people([
            offered(),
            signed_up(21, 1),
            signed_up(22, 2),
            held(),
            was_there(21, 480),
            was_there(22, 480),
            certified(21, "2025-1"),
        ])
    };
    issued().when(certify(21, "2025-1")).then([]);
    issued().when(certify(21, "2025-2")).refused(Refusal::OtherCertificate);
    issued().when(certify(22, "2025-1")).refused(Refusal::NumberUsed);
    assert!(issued().when(certify(22, "2025-2")).accepted());
}
