//! What it costs that events can be proved and persons erased: events with leaf and root, and with two
//! sealed records and their commitments, beside the same rows without.

use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use sfs_command::SystemEntropy;
use sfs_eventlog::{Append, EventLog, Expected, Limits, NewEvent, SealedSlot, StreamWrite};
use sfs_eventlog_sql::Settings;
use sfs_ledger::{Hash, LEAF_FORMAT, LeafDraft, OpenBody, SealedRef, digest, write_open};
use sfs_sql::Durability;
use sfs_vault::{
    Commitments, Identity, KeyEncryptionKeys, KeyReading, Keys, Personal, Place, Purpose, Statistics, SubjectId,
    SubjectKey, Value, new_kek_line, seal,
};
use uuid::Uuid;

use super::{Bench, BenchError};

/// Events that are sent at once.
const TOGETHER: u64 = 100;

/// Persons of whom something is said.
const PERSONS: u64 = 1_000;

const ORIGIN: &str = "bench.sfs.local/log/1";

const EVENT_TYPE: &str = "person.registered.v1";

pub(super) async fn measure(bench: &mut Bench<'_>) -> Result<(), BenchError> {
    for (name, what, sealed) in [
        ("proved 100", "events with leaf and root, at once: ", false),
        ("sealed 100", "… and two sealed records, at once: ", true),
    ] {
        let (mut rates, mut cpu) = (Vec::new(), Vec::new());
        for _ in 0..bench.args.runs {
            let (rate, micros) = append(bench, sealed).await?;
            rates.push(rate);
            cpu.push(micros);
        }
        bench.report.add(name, what, "ev/s", &rates, Some(("sqlite 100", None)));
        bench.report.add(&format!("{name} cpu"), "  … processor time of an event", "µs", &cpu, None);
    }
    bench.report.compare("sealed 100", "proved 100", None);
    Ok(())
}

fn failed(why: impl std::fmt::Display) -> BenchError {
    BenchError::World(why.to_string())
}

/// The keys of a person.
struct PersonKeys {
    identity: SubjectKey<Identity>,
    statistics: SubjectKey<Statistics>,
}

/// Events a second, and microseconds of processor time an event.
async fn append(bench: &Bench<'_>, sealed: bool) -> Result<(f64, f64), BenchError> {
    let directory = bench.fresh("sealing")?;
    let settings = Settings {
        origin: ORIGIN.into(),
        create: true,
        durability: Durability::Full,
        limits: Limits::default(),
        readers: 1,
    };
    let log = sfs_eventlog_sql::open(&directory.join("log.db"), settings, || 1).await.map_err(failed)?;
    let keks = KeyEncryptionKeys::parse(&new_kek_line(1, &SystemEntropy)).map_err(failed)?;
    let store = Keys::open(&directory.join("keys.db"), keks, Arc::new(SystemEntropy)).await.map_err(failed)?;
    let persons = persons(&store).await?;
    let (started, cpu, mut n) = (Instant::now(), processor_time(), 0);
    while started.elapsed() < bench.length() {
        let mut appends = Vec::new();
        for n in n..n + TOGETHER {
            let keys = persons.get((n % PERSONS) as usize).filter(|_| sealed);
            appends.push(log.append(one(n, keys)?));
        }
        for answer in join_all(appends).await {
            answer.map_err(failed)?;
        }
        n += TOGETHER;
    }
    let rate = n as f64 / started.elapsed().as_secs_f64();
    let micros = (processor_time() - cpu) * 1e6 / n as f64;
    log.close().await;
    Ok((rate, micros))
}

async fn persons(store: &Keys) -> Result<Vec<PersonKeys>, BenchError> {
    let subjects: Vec<SubjectId> = (1..=PERSONS).map(|n| SubjectId(Uuid::from_u128(n.into()))).collect();
    let wanted = subjects.iter().flat_map(|subject| [(*subject, Purpose::Identity), (*subject, Purpose::Statistics)]);
    store.prepare(wanted.collect()).await.map_err(failed)?;
    let mut all = Vec::new();
    for subject in subjects {
        let (identity, statistics) =
            (store.key(subject).await.map_err(failed)?, store.key(subject).await.map_err(failed)?);
        let (KeyReading::Held(identity), KeyReading::Held(statistics)) = (identity, statistics) else {
            return Err(failed("a new key is destroyed"));
        };
        all.push(PersonKeys { identity, statistics });
    }
    Ok(all)
}

/// An event of the size of an intervention; with keys also an identity, and two attributes that are
/// committed to.
fn one(n: u64, keys: Option<&PersonKeys>) -> Result<Append, BenchError> {
    let id = Uuid::from_u128(u128::from(n + 1) << 32);
    let mut open = Vec::new();
    let data = format!(r#"{{"person":"{id}","kind":"participant","note":"{}"}}"#, "x".repeat(120));
    let body = OpenBody {
        occurred_on: "2026-11-24".into(),
        ags: "15083".into(),
        provider: Some("provider-1".into()),
        operation: None,
        school: Some("ST-JS2016-17".into()),
        reason: None,
        corrects: None,
        evidence: Vec::new(),
        data: &data,
        salt: [7; 16],
    };
    write_open(&body, &mut open).map_err(failed)?;
    let (mut slots, mut sd) = (Vec::new(), Vec::new());
    if let Some(keys) = keys {
        let place = |slot| Place { origin: ORIGIN, event: id, slot, event_type: EVENT_TYPE };
        let identity = Personal::new(("Musterfrau", "Erika Maria", "2010-02-03"));
        slots.push(seal(&keys.identity, &place(0), &identity, &SystemEntropy).map_err(failed)?);
        slots.push(seal(&keys.statistics, &place(1), &Personal::new(("female", 7)), &SystemEntropy).map_err(failed)?);
        let mut commitments = Commitments::new();
        for (name, value) in [("gender", Value::Text("female".into())), ("class_level", Value::Number(7))] {
            commitments.add(&keys.statistics, id, name, &value).map_err(failed)?;
        }
        sd = commitments.finish(&SystemEntropy).into_iter().map(Hash::from).collect();
    }
    let draft = LeafDraft {
        v: LEAF_FORMAT,
        id,
        stream: format!("person/{id}").into(),
        event_type: EVENT_TYPE.into(),
        actor: "00000000-0000-0000-0000-000000000007".into(),
        role: "PM".into(),
        org: None,
        rule: "register-participant/PM@provider".into(),
        cmd: id,
        corr: None,
        cause: None,
        by: "sfs/bench".into(),
        open: digest(&open),
        sealed: slots
            .iter()
            .map(|slot| SealedRef {
                a: sfs_vault::ALGORITHM.into(),
                k: slot.key.to_string().into(),
                h: slot.digest.into(),
            })
            .collect(),
        sd,
    };
    let event = NewEvent {
        leaf: draft.prepare().map_err(failed)?,
        event_type: EVENT_TYPE.into(),
        open: String::from_utf8(open).map_err(failed)?,
        tags: vec![sfs_eventlog::tags::event_type(EVENT_TYPE), sfs_eventlog::tags::district("15083")],
        sealed: slots.into_iter().map(|slot| SealedSlot { digest: slot.digest.into(), bytes: slot.bytes }).collect(),
    };
    let stream: Arc<str> = format!("person/{id}").into();
    let writes = vec![StreamWrite { stream, expected: Expected::Version(0), events: vec![event] }];
    Ok(Append { command: id, digest: [1; 32], writes, guards: Vec::new() })
}

/// Processor time of this process so far, in seconds (100 ticks a second, as Linux counts for all).
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name, which may hold blanks: user and system time are the 12th and 13th.
    let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
    let ticks = behind.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
