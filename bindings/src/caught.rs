//! Panics into errors: every exported function runs in here. What it does is not known.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// What an app reads of a panic.
pub(crate) const DEFECT: &str = "a defect of Adit, please report it";

/// A panic happened. Every error that an exported function throws has a place for it.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Runs what an exported function does.
pub(crate) fn caught<T, E: From<Panicked>>(body: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|_panic| Err(Panicked.into()))
}

/// Runs what an exported asynchronous function does. After a panic it is not polled again.
pub(crate) async fn caught_async<T, E: From<Panicked>>(
    body: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut body = pin!(body);
    poll_fn(|cx| {
        catch_unwind(AssertUnwindSafe(|| body.as_mut().poll(cx)))
            .unwrap_or_else(|_panic| Poll::Ready(Err(Panicked.into())))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::TunnelError;

    fn defect() -> Result<(), TunnelError> {
        panic!("a defect, for the test's sake")
    }

    #[test]
    fn a_panic_becomes_internal() {
        assert!(matches!(caught(defect), Err(TunnelError::Internal { .. })));
        let later = pollster::block_on(caught_async(async { defect() }));
        assert!(matches!(later, Err(TunnelError::Internal { .. })));
    }
}
