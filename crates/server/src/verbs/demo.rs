//! `sfs demo`: the real reference data, a simulated programme on it, and a server to try it with.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sfs_command::{Clock, SystemClock};
use sfs_domain::{Ags, Grant, PrincipalId, Role, Scope};
use sfs_sql::Durability;

use super::serve::serve;
use super::simulate::{first_year, into_directory};
use super::token::issue;
use super::{VerbError, answer};
use crate::cli::{DemoArgs, exit};
use crate::configuration::Configuration;
use crate::installation::{Installation, Opening};
use crate::progress::Shown;
use crate::simulate::SimulationSettings;

/// Origin of the demo's log: whoever sees an event of it sees that it is none of the programme.
const ORIGIN: &str = "demo.sfs.local/log/1";

/// Keys that the demo issued, shown again at each start. Only a demo keeps keys.
#[derive(Serialize, Deserialize)]
struct Keys {
    coordination_office: String,
    auditor: String,
    administrator: String,
    network_office_boerde: String,
}

fn keys_file(configuration: &Configuration) -> PathBuf {
    configuration.data.join("demo-keys.json")
}

fn read_keys(path: &Path) -> Option<Keys> {
    serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()
}

fn write_keys(path: &Path, keys: &Keys) -> Result<(), VerbError> {
    let text = serde_json::to_string_pretty(keys).map_err(VerbError::defect)?;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(VerbError::unusable)?;
    std::io::Write::write_all(&mut file, text.as_bytes()).map_err(VerbError::unusable)
}

async fn issue_keys(installation: &Installation) -> Result<Keys, VerbError> {
    let handler = &installation.handler;
    let day = handler.clock().today();
    let boerde = Ags::parse("15083").map_err(VerbError::defect)?;
    let mut keys = Vec::new();
    for (role, scope) in [
        (Role::CoordinationOffice, Scope::State {}),
        (Role::Auditor, Scope::State {}),
        (Role::Administrator, Scope::State {}),
        (Role::NetworkOffice, Scope::District(boerde)),
    ] {
        let until = (role == Role::Auditor).then(|| day.plus_days(365));
        let principal = PrincipalId(handler.entropy().uuid(handler.clock().now_micros()));
        let issued = issue(installation, principal, Grant { role, scope, until }).await;
        let (_, secret) = issued.map_err(VerbError::unusable)?;
        keys.push(secret.reveal().to_owned());
    }
    let mut keys = keys.into_iter();
    let mut next = || keys.next().unwrap_or_default();
    Ok(Keys { coordination_office: next(), auditor: next(), administrator: next(), network_office_boerde: next() })
}

pub async fn run(configuration: Configuration, args: &DemoArgs, json: bool) -> Result<u8, VerbError> {
    let mut configuration = Configuration { origin: ORIGIN.into(), ..configuration };
    if configuration.data == Configuration::default().data {
        configuration.data = configuration.data.join("demo");
    }
    let keys = match read_keys(&keys_file(&configuration)) {
        Some(keys) => keys,
        None => prepare(&configuration, args, json).await?,
    };
    if args.prepare_only {
        answer(&keys);
        return Ok(exit::OK);
    }
    let installation = Installation::open(&configuration, Opening::default()).await.map_err(VerbError::opening)?;
    let mut serving = serve(installation, &configuration).await?;
    welcome(&format!("http://{}", serving.address), &keys);
    serving.until_told().await;
    eprintln!("sfs: ending");
    serving.end().await;
    Ok(exit::OK)
}

/// Reference data, simulation up to yesterday, keys. Interrupted, it goes on where it was.
async fn prepare(configuration: &Configuration, args: &DemoArgs, json: bool) -> Result<Keys, VerbError> {
    eprintln!("sfs demo: {} (Protokoll „{ORIGIN}“)", configuration.data.display());
    let settings = SimulationSettings {
        schools: args.schools,
        school_years: 2,
        seed: args.seed,
        events: None,
        start: first_year(1),
        until: Some(SystemClock.today().plus_days(-1)),
    };
    // Nothing that is simulated is anybody's: what a power cut takes is simulated again.
    let (report, _) = into_directory(configuration, &settings, Durability::Process, json).await?;
    eprintln!(
        "{} Ereignisse: 14 Landkreise, 901 Schulen, 14 Netzwerkstellen, {} Schulen mit simulierter Schulsozialarbeit, {} bis {}",
        report.events, report.schools, report.first_day, report.last_day
    );
    let installation = Installation::open(configuration, Opening::default()).await.map_err(VerbError::opening)?;
    let keys = issue_keys(&installation).await;
    let shown = Shown::start("Lesemodelle aufbauen", json);
    let rebuilt = installation.reads.rebuild(|progress| shown.at(progress.position, progress.target)).await;
    shown.end();
    installation.close().await;
    let keys = keys?;
    rebuilt.map_err(VerbError::unusable)?;
    write_keys(&keys_file(configuration), &keys)?;
    Ok(keys)
}

fn welcome(address: &str, keys: &Keys) {
    let key = &keys.coordination_office;
    println!(
        "
Schulerfolg sichern – Demonstration. Schulen, Landkreise und Netzwerkstellen sind echt (Stand siehe /v1/schools),
Träger mit „(Simulation)“, Fachkräfte, Fortbildungen und Interventionen sind simuliert.

  Öffnen:  {address}/        Überblick
           {address}/docs    Schnittstelle, zum Ausprobieren

  Schlüssel (nur in der Demonstration gespeichert):
    Koordinierungsstelle   {key}
    Netzwerkstelle Börde   {}
    Prüfung                {}
    Verwaltung             {}

  Drei Anfragen:
    curl -H 'Authorization: Bearer {key}' {address}/v1/overview
    curl -H 'Authorization: Bearer {key}' '{address}/v1/coverage?district=15083&limit=5'
    curl -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' -H 'Idempotency-Key: erster-versuch' \\
      -d '{{\"data\":{{\"school\":\"ST-NEU-1\",\"name\":\"Neue Sekundarschule\",\"form\":\"SEK\",\"district\":\"15083\",\"ownership\":\"public\"}}}}' \\
      {address}/v1/commands/register-school

  Ende mit Strg-C; der nächste Start geht weiter, wo dieser war.
",
        keys.network_office_boerde, keys.auditor, keys.administrator
    );
}
