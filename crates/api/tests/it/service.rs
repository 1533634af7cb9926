//! A service for one test: log, operational state and read models in a temporary directory, a clock
//! that stands still on 2026-11-24, and keys for whoever the test needs.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use sfs_api::{Api, ApiSettings, router};
use sfs_command::{
    Caller, Clock, Handler, ManualClock, Outcome, Request as Asked, Sealer, SeededEntropy, Settings, SystemEntropy,
};
use sfs_domain::catalogue::command_entry;
use sfs_domain::principal::Command as Access;
use sfs_domain::testing::reference;
use sfs_domain::{BusinessDate, ClientKey, Command, Grant, PrincipalId, Role, Scope};
use sfs_eventlog::{EventLog, Limits};
use sfs_notary::{Notary, OutsideSettings, Tiles};
use sfs_ops::{ApiKeyRecord, ApiKeySecret, Ops};
use sfs_readmodel::ReadModels;
use sfs_vault::{KeyEncryptionKeys, Keys, new_kek_line};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

/// 2026-11-24T09:00:00Z in microseconds since 1970.
pub const NOW: i64 = 1_795_510_800_000_000;

/// The service under test.
pub struct Service {
    pub api: Api,
    pub router: Router,
    pub clock: ManualClock,
    next: AtomicU64,
    _directory: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Bytes,
}

impl Reply {
    /// Takes an answer apart; its body must end.
    pub async fn of(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 256 * 1024 * 1024).await.unwrap();
        Self { status: parts.status.as_u16(), headers: parts.headers, bytes }
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|why| panic!("{why}: {self:?}"))
    }

    /// The lines of the body as JSON.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.bytes).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A header's text; empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Panics unless it is a problem of that kind, written as RFC 9457 wants it.
    #[track_caller]
    pub fn is_problem(&self, status: u16, kind: &str) -> Value {
        let told = self.json();
        assert_eq!((self.status, told["type"].as_str()), (status, Some(&*format!("/problems/{kind}"))), "{told}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(told["status"], status);
        assert!(told["title"].as_str().unwrap().ends_with('.'));
        assert_eq!(status == 503 || status == 429, self.headers.contains_key("retry-after"));
        told
    }

    /// The one pointer that the problem names.
    #[track_caller]
    pub fn pointer(&self) -> String {
        self.json()["errors"][0]["pointer"].as_str().unwrap_or_else(|| panic!("{self:?}")).to_owned()
    }
}

/// Seals for the log of this service.
async fn sealer(directory: &Path) -> Sealer {
    let keks = KeyEncryptionKeys::parse(&new_kek_line(1, &SystemEntropy)).unwrap();
    let keys = Keys::open(&directory.join("keys.db"), keks, Arc::new(SystemEntropy)).await.unwrap();
    Sealer::new(keys, "test", Arc::new(SystemEntropy))
}

impl Service {
    /// A fresh service with no events.
    pub async fn start() -> Self {
        Self::start_with(ApiSettings { rate_limit: None, ..ApiSettings::default() }).await
    }

    /// The same with other settings.
    pub async fn start_with(settings: ApiSettings) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let clock = ManualClock::at(NOW);
        let log = open_log(directory.path(), clock.clone()).await;
        let ops = Ops::open(&directory.path().join("ops.db")).await.unwrap();
        let handler = Arc::new(Handler::new(Settings {
            log: Arc::clone(&log),
            reference: Arc::new(reference()),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SeededEntropy::new(7)),
            digest_key: [3; 32],
            cached_events: 100_000,
            sealer: Some(sealer(directory.path()).await),
        }));
        let now = {
            let clock = clock.clone();
            Arc::new(move || clock.now_micros())
        };
        let reads = ReadModels::open(&directory.path().join("read"), Arc::clone(&log), now).await.unwrap();
        reads.start();
        let reader: Arc<dyn sfs_eventlog::Reader> = log.clone();
        let tiles = Tiles::open(&directory.path().join("tiles.db"), Arc::clone(&reader)).await.unwrap();
        tiles.prepare().await.unwrap();
        let tiles = Arc::new(tiles);
        let signer = directory.path().join("signer");
        std::fs::create_dir(&signer).unwrap();
        Notary::create(&signer, "test", &[9; 32]).unwrap();
        let notary =
            Notary::open(&signer, Arc::clone(&tiles), reader, ops.clone(), OutsideSettings::nobody()).await.unwrap();
        notary.sign().await.unwrap();
        let api = Api {
            handler,
            log,
            reads: Arc::new(reads),
            tiles,
            notary: Some(Arc::new(notary)),
            ops,
            origin: "test".into(),
            settings,
            shutdown: CancellationToken::new(),
        };
        Self { router: router(api.clone()), api, clock, next: AtomicU64::new(1), _directory: directory }
    }

    /// A number that the test has not had before.
    pub fn number(&self) -> u128 {
        u128::from(self.next.fetch_add(1, Ordering::Relaxed))
    }

    /// A key of a new principal with that role.
    pub async fn key(&self, role: Role, scope: Scope) -> String {
        let until = (role == Role::Auditor).then(|| BusinessDate::parse("2027-01-01").unwrap());
        self.key_of(&[Grant { role, scope, until }]).await.1
    }

    /// A key of a new principal with these grants, and the principal.
    pub async fn key_of(&self, grants: &[Grant]) -> (PrincipalId, String) {
        let principal = PrincipalId(Uuid::from_u128(0xAAAA_0000 + self.number()));
        for grant in grants {
            self.console(Access::GrantRole { principal, grant: grant.clone() }).await;
        }
        let key = ClientKey(Uuid::from_u128(0xBBBB_0000 + self.number()));
        let mut random = [0; 32];
        random[..16].copy_from_slice(&self.number().to_be_bytes());
        let secret = ApiKeySecret::from_random(random);
        let record = ApiKeyRecord { principal: principal.0, key: key.0 };
        self.api.ops.keep_key(secret.digest(), record).await.unwrap();
        self.console(Access::IssueApiKey { principal, key, until: None }).await;
        (principal, secret.reveal().to_owned())
    }

    /// Does something with roles or keys as whoever sits at the console.
    pub async fn console(&self, command: Access) {
        let name = match command {
            Access::GrantRole { .. } => "grant-role",
            Access::RevokeRole { .. } => "revoke-role",
            Access::IssueApiKey { .. } => "issue-api-key",
            Access::RevokeApiKey { .. } => "revoke-api-key",
        };
        let command = Command::Principal(command);
        let asked = Asked::new(command_entry(name).unwrap(), command, Uuid::from_u128(0xCCCC_0000 + self.number()));
        let outcome = self.api.handler.handle(&Caller::console(), &asked).await.unwrap();
        assert!(matches!(outcome, Outcome::Accepted(_)), "{outcome:?}");
    }

    /// The coordination office: registers schools in the whole state.
    pub async fn coordination(&self) -> String {
        self.key(Role::CoordinationOffice, Scope::State {}).await
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Body>) -> Reply {
        Reply::of(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// A request in the making, with a key unless that is empty.
    pub fn request(method: Method, path: &str, key: &str) -> axum::http::request::Builder {
        let request = Request::builder().method(method).uri(path);
        if key.is_empty() { request } else { request.header("authorization", format!("Bearer {key}")) }
    }

    /// Reads.
    pub async fn get(&self, path: &str, key: &str) -> Reply {
        self.send(Self::request(Method::GET, path, key).body(Body::empty()).unwrap()).await
    }

    /// Sends a command.
    pub async fn command(&self, name: &str, key: &str, body: &Value) -> Reply {
        self.command_with(name, key, &[], body).await
    }

    /// Sends a command with more headers.
    pub async fn command_with(&self, name: &str, key: &str, headers: &[(&str, &str)], body: &Value) -> Reply {
        let mut request = Self::request(Method::POST, &format!("/v1/commands/{name}"), key);
        request = request.header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Registers a school in Börde and panics unless that is done.
    pub async fn school(&self, key: &str, id: &str) -> Reply {
        let reply = self.command("register-school", key, &school(id)).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.json());
        reply
    }

    /// How many events the log has.
    pub async fn size(&self) -> u64 {
        self.api.log.head().await.unwrap().size
    }
}

/// The body that registers a school in Börde.
pub fn school(id: &str) -> Value {
    json!({"data": {"school": id, "name": format!("Schule {id}"), "form": "SEK", "district": "15083", "ownership": "public"}})
}

async fn open_log(directory: &std::path::Path, clock: ManualClock) -> Arc<dyn EventLog> {
    let settings = sfs_eventlog_sql::Settings {
        origin: "test".into(),
        create: true,
        durability: sfs_sql::Durability::Process,
        limits: Limits::default(),
        readers: 4,
    };
    let opened = sfs_eventlog_sql::open(&directory.join("log.db"), settings, move || clock.now_micros()).await;
    Arc::new(opened.unwrap_or_else(|why| panic!("{why}")))
}
