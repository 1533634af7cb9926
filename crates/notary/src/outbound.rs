//! Requests to services of others: with a limit of time and size, on a thread that nobody waits for
//! when the server ends.

use std::time::Duration;

use tokio::sync::oneshot;

/// How long a service of others may take for an answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Limit of an answer in bytes.
const MAX_ANSWER_BYTES: u64 = 1 << 20;

/// There was no answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The request failed or was not answered in time.
    #[error("there was no answer")]
    Failed(#[source] Box<ureq::Error>),
    /// The thread of the request broke off.
    #[error("the request broke off")]
    BrokeOff,
}

/// What a service answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// Asks services of others. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Outbound(ureq::Agent);

impl Outbound {
    pub(crate) fn new() -> Self {
        Self::within(TIMEOUT)
    }

    /// Gives up after that time.
    pub(crate) fn within(timeout: Duration) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("sfs/", env!("CARGO_PKG_VERSION")));
        Self(config.build().into())
    }

    /// Posts the bytes; every status is an answer.
    pub(crate) async fn post(&self, url: String, media: &'static str, body: Vec<u8>) -> Result<Answer, NoAnswer> {
        let (agent, (send, receive)) = (self.0.clone(), oneshot::channel());
        // The runtime waits at its end for tasks that block; it does not know of this thread.
        std::thread::spawn(move || send.send(exchange(&agent, &url, media, &body)));
        let answer = receive.await.map_err(|_| NoAnswer::BrokeOff)?;
        answer.map_err(|why| NoAnswer::Failed(Box::new(why)))
    }
}

fn exchange(agent: &ureq::Agent, url: &str, media: &str, body: &[u8]) -> Result<Answer, ureq::Error> {
    let mut response = agent.post(url).content_type(media).send(body)?;
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec()?;
    Ok(Answer { status, body })
}
