//! Waiting: a question asked again and again, so often and no more.

use std::thread::sleep;
use std::time::Duration;

use crate::error::Error;

const PAUSE: Duration = Duration::from_millis(20);

/// With the pause, 20 s: longer than anything takes that is waited for here.
const TRIES: u32 = 1000;

/// Asks until there is an answer.
pub(super) fn until<T>(
    what: &str,
    mut question: impl FnMut() -> Result<Option<T>, Error>,
) -> Result<T, Error> {
    for _ in 0..TRIES {
        if let Some(answer) = question()? {
            return Ok(answer);
        }
        sleep(PAUSE);
    }
    Err(Error::Waiting { what: what.to_owned() })
}

/// A condition as a question for [`until`].
pub(super) fn holds(condition: bool) -> Result<Option<()>, Error> {
    Ok(condition.then_some(()))
}
