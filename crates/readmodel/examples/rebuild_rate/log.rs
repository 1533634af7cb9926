//! A synthetic log: 400 schools, then interventions at them, as dense as 5,000,000 in seven years.

use std::path::Path;
use std::sync::Arc;

use sfs_domain::intervention::{Event, Kind, Work};
use sfs_domain::{Ags, BusinessDate, ClientKey, Minutes, OrganisationId, Place, SchoolId, SchoolYear, StaffPseudonym};
use sfs_eventlog::{Append, EventLog, Expected, Limits, NewEvent, StreamWrite, tags};
use sfs_eventlog_sql::{Settings, open};
use sfs_ledger::{LEAF_FORMAT, LeafDraft, OpenBody, digest, write_open};
use sfs_sql::Durability;
use uuid::Uuid;

use crate::Failure;

const SCHOOLS: u64 = 400;
const APPEND: u64 = 2_000;
const EVENTS_PER_DAY: u64 = 5_000_000 / (7 * 365);

/// The log in that file, made if it does not have that many events.
pub async fn log_of(path: &Path, events: u64) -> Result<Arc<dyn EventLog>, Failure> {
    let log = open_log(path, Durability::None).await?;
    let first = log.head().await?.size;
    for begin in (first..events).step_by(APPEND as usize) {
        log.append(append(begin, (begin + APPEND).min(events))?).await?;
    }
    Ok(log)
}

/// The log in that file.
pub async fn open_log(path: &Path, durability: Durability) -> Result<Arc<dyn EventLog>, Failure> {
    let (origin, limits) = ("rebuild-rate".into(), Limits::default());
    let settings = Settings { origin, create: true, durability, limits, readers: 4 };
    Ok(Arc::new(open(path, settings, || 1_790_000_000_000_000).await?))
}

/// The events from `begin` to before `end` in one append.
pub fn append(begin: u64, end: u64) -> Result<Append, Failure> {
    let writes = (begin..end).map(write).collect::<Result<_, Failure>>()?;
    Ok(Append { command: Uuid::from_u128(u128::from(begin) + 1), digest: [0; 32], writes, guards: Vec::new() })
}

/// The n-th event: a school, then work. Days go by in order, schools and kinds are spread; every
/// fortieth is a correction.
fn write(n: u64) -> Result<StreamWrite, Failure> {
    let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let school = if n < SCHOOLS { n } else { (mix >> 20) % SCHOOLS };
    let day = BusinessDate::parse("2019-08-01")?.plus_days((n / EVENTS_PER_DAY) as i32);
    let minutes = Minutes::try_from(15 + (mix >> 40) as i64 % 120)?;
    let work = work((mix >> 8) % 15, (mix >> 50) % 20)?;
    let staff = StaffPseudonym(Uuid::from_u128(u128::from(school) * 2 + u128::from(mix >> 13) % 2 + 1));
    let assignment = ClientKey(Uuid::from_u128(staff.0.as_u128() + 1_000_000));
    let event = match n % 40 {
        39 => {
            let back = BusinessDate::parse("2019-08-01")?.plus_days((n.saturating_sub(20_000) / EVENTS_PER_DAY) as i32);
            serde_json::from_value(serde_json::json!({"intervention.corrected.v1": {
                "intervention": Uuid::from_u128(u128::from(n)), "day": back, "minutes": minutes, "work": work,
                "before": {"minutes": 30, "headcount": work.headcount()},
            }}))?
        }
        _ => Event::Recorded { staff, assignment, minutes, work },
    };
    let place = Place {
        ags: Ags::parse(format!("150{:02}", school % 14 + 1))?,
        provider: Some(OrganisationId::parse(format!("P{}", school % 60))?),
        school: Some(SchoolId::parse(format!("ST-JS2016-{school}"))?),
    };
    let form = ["GS", "SEK", "GMS", "GYM"][school as usize % 4];
    let registered = serde_json::json!({"school.registered.v1": {
        "school": place.school, "name": format!("Schule {school}"), "district": place.ags, "ownership": "public",
        "form": form,
    }});
    let (event, stream) = if n < SCHOOLS {
        let stream = format!("school/ST-JS2016-{school}");
        (sfs_domain::Event::School(serde_json::from_value(registered)?), stream)
    } else {
        let stream = format!("intervention/ST-JS2016-{school}/{}", SchoolYear::of(day).slug());
        (sfs_domain::Event::Intervention(event), stream)
    };
    let encoded = event.encode()?;
    let mut open = Vec::new();
    write_open(
        &OpenBody {
            occurred_on: day.to_string().into(),
            ags: place.ags.as_str().into(),
            provider: place.provider.as_ref().map(|provider| provider.as_str().into()),
            operation: None,
            school: place.school.as_ref().map(|school| school.as_str().into()),
            reason: None,
            corrects: None,
            evidence: Vec::new(),
            data: &encoded.data,
            salt: u128::from(mix).to_be_bytes(),
        },
        &mut open,
    )?;
    let leaf = LeafDraft {
        v: LEAF_FORMAT,
        id: Uuid::from_u128(u128::from(n) + 1),
        stream: stream.as_str().into(),
        event_type: encoded.event_type.as_str().into(),
        actor: "01900000-0000-7000-8000-000000000001".into(),
        role: "SSW".into(),
        org: None,
        rule: "record-intervention/SSW@school".into(),
        cmd: Uuid::from_u128(u128::from(n) + 1),
        corr: None,
        cause: None,
        by: "sfs/0.1.0".into(),
        open: digest(&open),
        sealed: Vec::new(),
        sd: Vec::new(),
    };
    let tags = vec![tags::event_type(&encoded.event_type), tags::district(&place.ags)];
    let event = NewEvent {
        leaf: leaf.prepare()?,
        event_type: encoded.event_type.as_str().into(),
        open: String::from_utf8(open)?,
        tags,
        sealed: Vec::new(),
    };
    Ok(StreamWrite { stream: stream.into(), expected: Expected::Any, events: vec![event] })
}

fn work(kind: u64, people: u64) -> Result<Work, Failure> {
    let headcount = serde_json::json!({"women": people + 1, "men": people / 2, "non_binary": people / 15});
    let kind = Kind::ALL[kind as usize];
    let body = match kind {
        Kind::Crisis => {
            serde_json::json!({"topic": "violence", "urgency": "immediate", "involved": ["pupils"], "result": "stabilised"})
        }
        Kind::Mediation => serde_json::json!({"parties": 2, "result": "agreed"}),
        Kind::Prevention => {
            serde_json::json!({"topic": "addiction", "levels": "7-8", "sessions": 2, "headcount": headcount})
        }
        Kind::LearningClimate => serde_json::json!({"reach": "class", "method": "class_council"}),
        Kind::SocialLearning => serde_json::json!({"group": "small_group", "sessions": 1, "headcount": headcount}),
        Kind::Participation => {
            serde_json::json!({"form": "pupils_council", "headcount": headcount, "result": "decision"})
        }
        Kind::SocialSpace => {
            serde_json::json!({"partners": ["association"], "activity": "visit", "headcount": headcount})
        }
        Kind::StaffAdvice => {
            serde_json::json!({"form": "talk", "advised": "teachers", "topic": "behaviour", "persons": 2})
        }
        Kind::GuardianSupport => serde_json::json!({"form": "home_visit", "topic": "absenteeism", "persons": 1}),
        Kind::Committee => serde_json::json!({"body": "steering_group", "role": "member", "decisions": 1}),
        Kind::Networking => serde_json::json!({"partners": ["network_office"]}),
        Kind::Preparation | Kind::Documentation | Kind::Travel | Kind::TrainingAttended => serde_json::json!({}),
    };
    Ok(serde_json::from_value(serde_json::json!({kind.code(): body}))?)
}
