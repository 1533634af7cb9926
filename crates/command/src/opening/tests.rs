//! What a case has of sealed records, by the events with which they came.

use std::collections::BTreeMap;
use std::sync::Arc;

use sfs_domain::catalogue::{CommandEntry, command_entry};
use sfs_domain::personal::PersonalBody;
use sfs_domain::testing::story::{Told, story};
use sfs_domain::{EventId, Grant, Opens, PersonId, Scope, testing};
use uuid::Uuid;

use crate::erasing::tests::House;
use crate::sealing::Opened;
use crate::{Caller, Outcome, Request};

/// What has to happen in the story before a note is written, and that.
const UNTIL_A_NOTE: [&str; 11] = [
    "register-organisation",
    "confirm-provider-recognition",
    "register-school",
    "propose-cooperation",
    "record-conference-resolution",
    "record-expert-opinion",
    "sign-cooperation-agreement",
    "grant-role",
    "register-pupil",
    "open-support-case",
    "write-note",
];

/// The n-th principal, who may send that command everywhere.
fn caller(entry: &CommandEntry, n: u128) -> Caller {
    let grants = Arc::new([Grant { role: entry.roles[0], scope: Scope::State {}, until: None }]);
    Caller { principal: testing::principal(n), grants, read: None }
}

async fn tell(house: &House, told: &Told, n: u128) -> EventId {
    let entry = command_entry(told.name).expect("a command");
    let caller = caller(entry, told.actor);
    let mut request = Request::new(entry, told.command(), Uuid::from_u128(1_000 + n));
    (request.occurred_on, request.reason) = (Some(told.on), told.reason);
    if !told.personal.is_null() {
        let body: PersonalBody = serde_json::from_value(told.personal.clone()).expect("records");
        request.personal = body.into_personal().expect("records");
    }
    match house.handler.handle(&caller, &request).await {
        Ok(Outcome::Accepted(receipt)) => receipt.events[0].id,
        other => panic!("{}: {other:?}", told.name),
    }
}

#[tokio::test]
async fn a_record_of_a_case_is_found_by_its_event_in_the_stream_of_the_case_alone() {
    let house = House::new().await;
    let mut events = BTreeMap::new();
    let needed = story().into_iter().filter(|told| UNTIL_A_NOTE.contains(&told.name));
    for (n, told) in (0..).zip(needed) {
        events.insert(told.name, tell(&house, &told, n).await);
    }
    let person = PersonId(testing::key(3001).0);
    let entry = command_entry("open-note").expect("a command");
    let caller = caller(entry, 7);
    let opened = async |name: &str| {
        let opens = Opens::CaseRecord { person, event: events[name] };
        let opened = house.handler.opened(&caller, entry, opens).await.expect("an answer");
        let records = opened.into_iter().flat_map(|event| event.records);
        let text = |record| match record {
            Opened::Known(text) => text.reveal().to_owned(),
            other => panic!("{other:?}"),
        };
        records.map(text).collect::<Vec<_>>()
    };
    let note = opened("write-note").await;
    assert!(note.len() == 1 && note[0].starts_with("{\"note\""), "{note:?}");
    let about = opened("open-support-case").await;
    assert!(about.iter().any(|text| text.contains("absenteeism")), "{about:?}");
    assert_eq!(opened("register-pupil").await, Vec::<String>::new());
}
