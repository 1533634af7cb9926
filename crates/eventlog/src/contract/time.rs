//! The law of the log's time.

use super::{Subject, accepted, append};
use crate::port::{Direction, Expected, Filter};

pub(super) async fn time_finds_positions(subject: &Subject) {
    let log = subject.open().await;
    for n in 0..5 {
        accepted(&*log, append(n + 1, "s/1", Expected::Any, &["a"])).await;
    }
    let page = log.read(&Filter::default(), Direction::Forwards, 0, 10).await.expect("a page");
    assert!(page.events.windows(2).all(|pair| pair[0].recorded_at <= pair[1].recorded_at));
    let last = page.events[4].recorded_at;
    assert_eq!(log.position_at(last).await.expect("a position"), 5);
    assert_eq!(log.position_at(page.events[0].recorded_at - 1).await.expect("a position"), 0);
    log.close().await;
}
