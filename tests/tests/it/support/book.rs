//! What clients sent and were answered, kept outside of the server, and held against its log.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::{Value, json};

use super::http::{Answer, Client};
use super::process::{Server, exit, run, stderr};

/// What a command is meant to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meant {
    /// One new event.
    Accepted,
    /// A refusal, and no event.
    Refused,
    /// The answer of before, and no event.
    Repeated,
}

/// A command as it was sent, and its answer if one came.
#[derive(Debug, Clone)]
pub struct Sent {
    pub name: &'static str,
    pub key: String,
    pub body: String,
    /// The stream that it writes.
    pub stream: String,
    pub meant: Meant,
    pub answer: Option<Answer>,
}

impl Sent {
    fn new(name: &'static str, key: &str, stream: &str, meant: Meant, data: &Value) -> Self {
        let body = json!({"occurred_on": "2026-09-01", "data": data}).to_string();
        Self { name, key: key.to_owned(), body, stream: stream.to_owned(), meant, answer: None }
    }

    /// A school that nobody has registered before; refused if its form does not exist.
    pub fn school(key: &str, school: &str, meant: Meant) -> Self {
        let form = if meant == Meant::Refused { "CASTLE" } else { "GS" };
        let data = json!({
            "school": school, "name": "Grundschule am Prüfstand", "form": form, "district": "15083",
            "ownership": "unknown",
        });
        Self::new("register-school", key, &format!("school/{school}"), meant, &data)
    }

    /// Its pupils of a school year.
    pub fn pupils(key: &str, school: &str) -> Self {
        let data = json!({
            "school": school, "school_year": "2026/27", "source": "test",
            "pupils": {"women": 101, "men": 99, "non_binary": 1},
        });
        Self::new("record-pupil-numbers", key, &format!("school/{school}"), Meant::Accepted, &data)
    }

    /// The same once more.
    pub fn again(&self) -> Self {
        Self { meant: Meant::Repeated, answer: None, ..self.clone() }
    }

    /// Sends it and keeps the answer; false if none came.
    pub fn send(&mut self, client: &mut Client) -> bool {
        self.answer = client.command(self.name, &self.key, &self.body).ok();
        self.answer.is_some()
    }

    fn outcome(&self) -> Option<String> {
        Some(self.answer.as_ref()?.json()["outcome"].as_str()?.to_owned())
    }
}

/// An acknowledged command: what the answer promised.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Promise {
    command: String,
    stream: String,
    version: u64,
    position: u64,
    event_type: String,
    event_id: String,
}

impl Promise {
    fn of(answer: &Value) -> Option<Self> {
        let event = answer["events"].as_array().filter(|events| events.len() == 1)?.first()?;
        Some(Self {
            command: answer["command_id"].as_str()?.to_owned(),
            stream: answer["stream"].as_str()?.to_owned(),
            version: answer["version"].as_u64()?,
            position: answer["position"].as_u64()?,
            event_type: event["type"].as_str()?.to_owned(),
            event_id: event["id"].as_str()?.to_owned(),
        })
    }
}

/// An event as the log exports it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Logged {
    stream: String,
    version: u64,
    event_type: String,
}

/// Everything that was sent to one log.
#[derive(Default)]
pub struct Book {
    promises: Vec<Promise>,
    /// Acknowledged commands by Idempotency-Key.
    by_key: HashMap<String, Promise>,
    /// Promises that were already held against the log.
    checked: usize,
    unanswered: Vec<Sent>,
    refused: Vec<String>,
    /// The log as far as it was read, by position.
    log: BTreeMap<u64, Logged>,
    findings: Vec<String>,
}

impl Book {
    /// A book on a log that already holds what the set-up wrote.
    pub fn of(data: &Path) -> Self {
        let mut book = Self::default();
        book.read_log(data);
        assert_eq!(book.findings, Vec::<String>::new());
        book
    }

    /// Commands that were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.promises.len()
    }

    /// Commands whose answer never came.
    pub fn unanswered(&self) -> usize {
        self.unanswered.len()
    }

    /// Everything that was found to be wrong since the last call.
    pub fn take_findings(&mut self) -> Vec<String> {
        std::mem::take(&mut self.findings)
    }

    /// Takes over what one client sent.
    pub fn take(&mut self, sent: Vec<Sent>) {
        for sent in sent {
            self.take_one(sent);
        }
    }

    fn take_one(&mut self, sent: Sent) {
        let Some(answer) = &sent.answer else {
            self.unanswered.push(sent);
            return;
        };
        let json = answer.json();
        match (sent.meant, answer.status) {
            (Meant::Accepted, 201) => match Promise::of(&json) {
                Some(promise) => {
                    self.by_key.insert(sent.key.clone(), promise.clone());
                    self.promises.push(promise);
                }
                None => self.findings.push(format!("an answer without one event: {json}")),
            },
            (Meant::Refused, 422) => self.refused.push(sent.stream),
            (Meant::Repeated, 200) if sent.outcome().as_deref() == Some("replayed") => {
                let (now, before) = (Promise::of(&json), self.by_key.get(&sent.key));
                if now.as_ref() != before {
                    self.findings.push(format!("a repeated command is answered {now:?}, before {before:?}"));
                }
            }
            (meant, status) => self.findings.push(format!(
                "`{}` was to be {meant:?} and is answered {status}: {}",
                sent.name,
                answer.text()
            )),
        }
    }

    /// Sends what was not answered once more: it must be as if it had been answered.
    pub fn resend(&mut self, client: &mut Client) {
        for mut sent in std::mem::take(&mut self.unanswered) {
            if !sent.send(client) {
                self.findings.push(format!("no answer to the second `{}`", sent.name));
                continue;
            }
            // It had happened, and only the answer was lost.
            let replayed = sent.meant == Meant::Accepted && sent.outcome().as_deref() == Some("replayed");
            if let Some(answer) = sent.answer.as_mut().filter(|_| replayed) {
                answer.status = 201;
            }
            self.take_one(sent);
        }
    }

    /// Asks the server for every command that it has acknowledged since the last check.
    pub fn ask(&mut self, client: &mut Client) {
        for promise in self.promises.get(self.checked..).unwrap_or_default() {
            let path = format!("/v1/commands/{}", promise.command);
            let answer = client.get(&path).map(|answer| (answer.status, Promise::of(&answer.json())));
            if !matches!(&answer, Ok((200, Some(kept))) if kept == promise) {
                self.findings.push(format!("{path} is answered {answer:?}, promised was {promise:?}"));
            }
        }
    }

    fn read_log(&mut self, data: &Path) {
        // The last known event once more: the log must not have become shorter.
        let known = self.log.last_key_value().map(|(position, logged)| (*position, logged.clone()));
        let after = known.as_ref().map_or(0, |(position, _)| position - 1);
        let output = run(data, &["events", "--after", &after.to_string()]);
        if !output.status.success() {
            self.findings.push(format!("the log cannot be exported: {}", stderr(&output)));
            return;
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let mut next = after + 1;
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            let position = event["position"].as_u64().unwrap();
            if position != next {
                self.findings.push(format!("position {position} follows {}", next - 1));
            }
            next = position + 1;
            let part = |name: &str| event[name].as_str().unwrap().to_owned();
            let logged = Logged {
                stream: part("stream"),
                version: event["version"].as_u64().unwrap(),
                event_type: part("type"),
            };
            if let Some(before) = self.log.insert(position, logged.clone())
                && before != logged
            {
                self.findings.push(format!("position {position} was {before:?} and is {logged:?}"));
            }
        }
        if let Some((position, _)) = known.filter(|(position, _)| next <= *position) {
            self.findings.push(format!("the log ends before position {position}, which it had before"));
        }
    }

    /// Holds everything against the log of a server that does not run: it is whole, holds every
    /// acknowledged command exactly once, none that was refused, and each unanswered one at most
    /// once.
    pub fn check(&mut self, data: &Path) {
        let verify = run(data, &["verify"]);
        if verify.status.code() != Some(exit::OK) {
            let said = String::from_utf8_lossy(&verify.stdout).into_owned() + &stderr(&verify);
            self.findings.push(format!("sfs verify ends with {}: {said}", verify.status));
        }
        self.read_log(data);
        for promise in self.promises.get(self.checked..).unwrap_or_default() {
            let kept = self.log.get(&promise.position).is_some_and(|logged| {
                (&logged.stream, logged.version, &logged.event_type)
                    == (&promise.stream, promise.version, &promise.event_type)
            });
            if !kept {
                self.findings.push(format!("acknowledged and not in the log: {promise:?}"));
            }
        }
        self.checked = self.promises.len();
        let mut counts: HashMap<&str, (usize, usize, usize)> = HashMap::new();
        for promise in &self.promises {
            counts.entry(&promise.stream).or_default().0 += 1;
        }
        for sent in self.unanswered.iter().filter(|sent| sent.meant == Meant::Accepted) {
            counts.entry(&sent.stream).or_default().1 += 1;
        }
        for stream in &self.refused {
            counts.entry(stream).or_default();
        }
        for logged in self.log.values() {
            if let Some(count) = counts.get_mut(logged.stream.as_str()) {
                count.2 += 1;
            }
        }
        for (stream, (promised, open, logged)) in counts {
            if !(promised..=promised + open).contains(&logged) {
                self.findings.push(format!(
                    "stream `{stream}` has {logged} events; {promised} were acknowledged and {open} not answered"
                ));
            }
        }
    }

    /// Waits for a restarted server and asks it for all that this book knows.
    pub fn settle(&mut self, server: &Server, key: &str) {
        server.wait_ready();
        let mut client = server.client(key);
        self.ask(&mut client);
        self.resend(&mut client);
    }
}
