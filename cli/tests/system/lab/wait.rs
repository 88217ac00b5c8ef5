//! Waiting: always a question asked again and again, never longer than a bound.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine of two cores.
pub(crate) const LONG: Duration = Duration::from_secs(20);

/// Asks until there is an answer. Fails with the question's name when there is none within the limit.
pub(crate) fn until<T>(what: &str, limit: Duration, question: impl FnMut() -> Option<T>) -> T {
    within(limit, question).unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
}

/// Asks until there is an answer, or for the limit.
pub(crate) fn within<T>(limit: Duration, mut question: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = question() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        sleep(Duration::from_millis(20));
    }
}

/// A condition as a question for [`until`].
pub(crate) fn holds(condition: bool) -> Option<()> {
    condition.then_some(())
}
