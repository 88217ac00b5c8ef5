//! The clocks that people read: the wall clock, and a stopwatch. The tunnel has clocks of its own.

use std::time::{Duration, Instant, SystemTime};

/// Since the Unix epoch; a clock set before it reads as the epoch.
#[expect(clippy::disallowed_methods, reason = "for people only: `show` compares it with a handshake's time")]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Measures how long something of the demo takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    #[expect(clippy::disallowed_methods, reason = "the demo's own measurements end before a machine sleeps")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Since the start.
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}
