//! The world that the benchmark works in: 1,000 schools with a social worker each, over ten school
//! years, and one intervention in each of these 10,000 streams.

use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use sfs_command::{Caller, Request};
use sfs_domain::catalogue::{Command, command_entry};
use sfs_domain::wire::Named;
use sfs_domain::{BusinessDate, Grant, OrganisationId, PrincipalId, Role, Scope};
use sfs_sql::Durability;
use uuid::Uuid;

use super::{BenchError, Target};
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};
use crate::verbs::issue;

/// Origin of the benchmark's logs.
pub const ORIGIN: &str = "bench.local/log/1";

/// Schools, each with one social worker.
const SCHOOLS: u64 = 1_000;

/// School years that the assignments last.
const YEARS: u64 = 10;

const PROVIDER: &str = "bench-provider";

/// What the load needs to know of the world.
pub struct World {
    api_key: String,
    manager: PrincipalId,
}

/// The configuration of a data directory of the benchmark.
pub fn configuration(directory: &Path) -> Configuration {
    Configuration { data: directory.to_path_buf(), origin: ORIGIN.into(), ..Configuration::default() }
}

fn uuid(kind: u128, n: u64) -> Uuid {
    Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + (kind << 48) + u128::from(n))
}

fn school(n: u64) -> String {
    format!("BENCH-{n:04}")
}

fn request(name: &str, body: Value, n: u64, on: &str) -> Result<Request, BenchError> {
    let broken = |why: String| BenchError::World(format!("{name}: {why}"));
    let entry = command_entry(name).ok_or_else(|| broken("no such command".into()))?;
    let command =
        Command::deserialize_as(entry.category, Named { name, body }).map_err(|why| broken(why.to_string()))?;
    let occurred_on = BusinessDate::parse(on).map_err(|why| broken(why.to_string()))?;
    Ok(Request { occurred_on: Some(occurred_on), ..Request::new(entry, command, uuid(9, n)) })
}

/// Makes the world in an empty data directory.
pub async fn make(directory: &Path) -> Result<World, BenchError> {
    let opening = Opening { durability: Durability::Process, ..Opening::default() };
    let installation = Installation::open(&configuration(directory), opening).await?;
    let made = fill(&installation).await;
    if let Ok(world) = &made {
        append(&installation, world, 0..SCHOOLS * YEARS, |_| {}).await?;
    }
    installation.close().await;
    made
}

async fn fill(installation: &Installation) -> Result<World, BenchError> {
    let state = |role| Grant { role, scope: Scope::State {}, until: None };
    let provider = OrganisationId::parse(PROVIDER).map_err(|why| BenchError::World(why.to_string()))?;
    let manager = PrincipalId(uuid(8, 1));
    let coordinator = PrincipalId(uuid(8, 2));
    let grant = Grant { role: Role::ProviderManager, scope: Scope::Provider(provider), until: None };
    let failed = |why: crate::verbs::TokenError| BenchError::World(why.to_string());
    let (_, secret) = issue(installation, manager, grant).await.map_err(failed)?;
    issue(installation, coordinator, state(Role::CoordinationOffice)).await.map_err(failed)?;
    let mut n = 0;
    let mut next = |name: &str, body: Value, on: &str| {
        n += 1;
        request(name, body, n, on)
    };
    let document = "A".repeat(43);
    let mut as_coordinator = vec![
        next(
            "register-organisation",
            json!({"organisation": PROVIDER, "name": "Träger der Messung", "legal_form": "registered_association", "sector": "private", "kind": "free_youth_welfare"}),
            "2015-01-01",
        )?,
        next(
            "confirm-provider-recognition",
            json!({"organisation": PROVIDER, "recognition": "youth_welfare_75", "document": document}),
            "2015-01-02",
        )?,
    ];
    let mut as_manager = Vec::new();
    let (from, to) = ("2015-08-01", format!("{}-08-01", 2015 + YEARS));
    for school_number in 0..SCHOOLS {
        let school = school(school_number);
        let staff = uuid(1, school_number);
        as_coordinator.push(next("register-school", json!({"school": school, "name": format!("Schule {school_number}"), "form": "SEK", "district": "15083", "ownership": "public"}), "2015-01-03")?);
        as_coordinator.push(next(
            "propose-cooperation",
            json!({"school": school, "provider": PROVIDER, "concept": document}),
            "2015-02-01",
        )?);
        as_coordinator.push(next("sign-cooperation-agreement", json!({"school": school, "provider": PROVIDER, "period": {"from": from, "to": to}, "goals": ["teamwork"], "meeting_rhythm": "monthly", "data_protection_clause": true, "signed_by": {"school": true, "provider": true}, "document": document}), "2015-03-01")?);
        as_manager.push(next("confirm-staff-qualification", json!({"staff": staff, "provider": PROVIDER, "qualification": "social_work", "state_recognised": true, "document": document}), "2015-04-01")?);
        as_manager.push(next("assign-staff", json!({"staff": staff, "assignment": uuid(2, school_number), "function": "school_social_worker", "workplace": {"school": {"school": school, "provider": PROVIDER}}, "fte": 1000, "period": {"from": from, "to": to}}), "2015-05-01")?);
    }
    for (principal, requests) in [(coordinator, as_coordinator), (manager, as_manager)] {
        let caller: Caller =
            installation.handler.caller(principal).await.map_err(|why| BenchError::World(why.to_string()))?;
        for outcome in installation.handler.handle_each(&caller, &requests).await {
            outcome.map_err(|why| BenchError::World(format!("{why:?}")))?;
        }
    }
    Ok(World { api_key: secret.reveal().to_owned(), manager })
}

/// The n-th intervention: another school each time, another year after each round of the schools.
fn intervention(n: u64, out: &mut Vec<u8>) {
    let school_number = n % SCHOOLS;
    let round = n / SCHOOLS;
    let year = 2015 + round % YEARS;
    // 1 September and the 300 days after it lie in the school year; 5 minutes leave room for many.
    let day = BusinessDate::parse(&format!("{year}-09-01")).map(|day| day.plus_days(((round / YEARS) % 300) as i32));
    let Ok(day) = day else { return };
    // Writing to memory does not fail.
    let _ = write!(
        out,
        "\"occurred_on\":\"{day}\",\"data\":{{\"school\":\"{}\",\"staff\":\"{}\",\"assignment\":\"{}\",\"minutes\":5,\
         \"work\":{{\"prevention\":{{\"topic\":\"bullying\",\"levels\":\"5-6\",\"sessions\":1,\
         \"headcount\":{{\"women\":{},\"men\":11,\"non_binary\":0}}}}}}}}",
        school(school_number),
        uuid(1, school_number),
        uuid(2, school_number),
        n % 17
    );
}

fn header(api_key: &str, content_type: &str) -> String {
    format!("Authorization: Bearer {api_key}\r\nContent-Type: {content_type}\r\n")
}

impl World {
    /// `record-intervention`, one a request, each under a key of its own.
    pub fn commands(&self) -> Target {
        Target {
            line: "POST /v1/commands/record-intervention".into(),
            header: header(&self.api_key, "application/json"),
            idempotency_key: Some(format!("bench-{}", std::process::id())),
            body: Arc::new(|n, out| {
                out.push(b'{');
                intervention(SCHOOLS * YEARS + n, out);
                out.push(b'}');
            }),
        }
    }

    /// The same in bulk, `lines` a request.
    pub fn bulk(&self, lines: u64) -> Target {
        Target {
            line: "POST /v1/commands:bulk?mode=each".into(),
            header: header(&self.api_key, "application/x-ndjson"),
            idempotency_key: Some(format!("bulk-{}", std::process::id())),
            body: Arc::new(move |n, out| {
                for line in 0..lines {
                    out.extend_from_slice(b"{\"command\":\"record-intervention\",");
                    // Numbers that single commands do not reach.
                    intervention(1_000_000_000 + n * lines + line, out);
                    out.extend_from_slice(b"}\n");
                }
            }),
        }
    }

    /// A read.
    pub fn get(&self, path: &str) -> Target {
        Target {
            line: format!("GET {path}"),
            header: header(&self.api_key, "application/json"),
            idempotency_key: None,
            body: Arc::new(|_, _| {}),
        }
    }
}

/// Appends so many further interventions without waiting for HTTP or the disk.
pub async fn grow(directory: &Path, world: &World, events: u64, progress: impl Fn(u64)) -> Result<(), BenchError> {
    let opening = Opening { durability: Durability::Process, ..Opening::default() };
    // Every round of the schools comes back to all streams: what does not fit would be read again.
    let cached_events = 2 * events + SCHOOLS * YEARS * 16;
    let configuration = Configuration { cached_events, ..configuration(directory) };
    let installation = Installation::open(&configuration, opening).await?;
    append(&installation, world, SCHOOLS * YEARS..SCHOOLS * YEARS + events, progress).await?;
    installation.close().await;
    Ok(())
}

async fn append(
    installation: &Installation,
    world: &World,
    numbers: Range<u64>,
    progress: impl Fn(u64),
) -> Result<(), BenchError> {
    let caller = installation.handler.caller(world.manager).await.map_err(|why| BenchError::World(why.to_string()))?;
    let entry = command_entry("record-intervention").ok_or_else(|| BenchError::World("no such command".into()))?;
    let mut text = Vec::new();
    for first in numbers.clone().step_by(1_000) {
        let mut requests = Vec::with_capacity(1_000);
        for n in first..(first + 1_000).min(numbers.end) {
            text.clear();
            text.push(b'{');
            intervention(n, &mut text);
            text.push(b'}');
            let body: Body = serde_json::from_slice(&text).map_err(|why| BenchError::World(why.to_string()))?;
            let named = Named { name: entry.name, body: body.data };
            let command =
                Command::deserialize_as(entry.category, named).map_err(|why| BenchError::World(why.to_string()))?;
            requests.push(Request { occurred_on: Some(body.occurred_on), ..Request::new(entry, command, uuid(3, n)) });
        }
        for outcome in installation.handler.handle_each(&caller, &requests).await {
            outcome.map_err(|why| BenchError::World(format!("{why:?}")))?;
        }
        progress(first + 1_000 - numbers.start);
    }
    Ok(())
}

#[derive(serde::Deserialize)]
struct Body {
    occurred_on: BusinessDate,
    data: Value,
}

/// The same bodies for the bare HTTP edge.
pub fn edge_target() -> Target {
    Target {
        line: "POST /".into(),
        header: header(&format!("sfs_{}", "0".repeat(64)), "application/json"),
        idempotency_key: Some("edge".into()),
        body: Arc::new(|n, out| {
            out.push(b'{');
            intervention(n, out);
            out.push(b'}');
        }),
    }
}
