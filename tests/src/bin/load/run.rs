//! The measurement: connections that take the next request until the time is over.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use tokio::time::{Instant, sleep_until, timeout};

use crate::connection::Connection;
use crate::options::Plan;
use crate::report::{Report, Samples};

/// A request without an answer for so long has none.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a connection waits before it connects anew.
const PAUSE: Duration = Duration::from_millis(10);

struct Shared {
    plan: Plan,
    began: Instant,
    /// Requests that were taken so far.
    taken: Cell<u64>,
    samples: RefCell<Samples>,
    /// Makes Idempotency-Keys of this run others than those of any other.
    run: u128,
}

impl Shared {
    fn end(&self) -> Option<Instant> {
        self.began.checked_add(self.plan.warm_up)?.checked_add(self.plan.duration)
    }

    /// The number and the intended start of the next request; `None` when it is over.
    async fn next(&self) -> Option<(u64, Instant)> {
        let number = self.taken.get();
        if self.plan.at_most.is_some_and(|most| number >= most) {
            return None;
        }
        // Taken before it is waited for, so that every start has one request.
        self.taken.set(number + 1);
        let is_over = |start: Instant| self.end().is_some_and(|end| start >= end);
        let Some(interval) = self.plan.interval else {
            let now = Instant::now();
            return (!is_over(now)).then_some((number, now));
        };
        let intended = self.began + Duration::from_secs_f64(interval.as_secs_f64() * number as f64);
        if is_over(intended) {
            return None;
        }
        sleep_until(intended).await;
        Some((number, intended))
    }

    fn write(&self, request: &mut Vec<u8>, connection: usize, number: u64) {
        request.clear();
        request.extend_from_slice(&self.plan.heads[connection % self.plan.heads.len()]);
        if self.plan.keyed {
            push_hex(request, self.run, 16);
            push_hex(request, u128::from(number), 12);
        }
        request.extend_from_slice(&self.plan.tails[(number % self.plan.tails.len() as u64) as usize]);
    }
}

fn push_hex(out: &mut Vec<u8>, value: u128, digits: u32) {
    out.extend((0..digits).rev().map(|digit| b"0123456789abcdef"[(value >> (4 * digit)) as usize & 15]));
}

/// Measures.
pub async fn run(plan: Plan) -> Report {
    let connections = plan.connections;
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
    let run = since_1970 ^ u128::from(std::process::id()) << 40;
    let shared = Rc::new(Shared {
        plan,
        began: Instant::now(),
        taken: Cell::new(0),
        samples: RefCell::new(Samples::default()),
        run,
    });
    let local = tokio::task::LocalSet::new();
    for number in 0..connections {
        local.spawn_local(work(Rc::clone(&shared), number));
    }
    local.await;
    let counted_from = shared.began + shared.plan.warm_up;
    let seconds = counted_from.elapsed().as_secs_f64();
    shared.samples.take().report(seconds, shared.plan.items)
}

async fn work(shared: Rc<Shared>, number: usize) {
    let mut connection = None;
    let mut request = Vec::new();
    while let Some((taken, start)) = shared.next().await {
        shared.write(&mut request, number, taken);
        let status = send(&shared.plan.address, &mut connection, &request).await;
        if start >= shared.began + shared.plan.warm_up {
            let mut samples = shared.samples.borrow_mut();
            samples.add(status, start.elapsed());
            if shared.plan.items > 1 {
                samples.refuse_lines(connection.as_ref().map_or(0, Connection::refused_lines));
            }
        }
        if status.is_none() {
            connection = None;
            sleep_until(Instant::now() + PAUSE).await;
        }
    }
}

/// The status of the answer; none if there was no answer.
async fn send(address: &str, connection: &mut Option<Connection>, request: &[u8]) -> Option<u16> {
    let exchange = async {
        let open = match connection {
            Some(open) => open,
            none => none.insert(Connection::open(address).await?),
        };
        open.exchange(request).await
    };
    timeout(PATIENCE, exchange).await.ok()?.ok()
}
