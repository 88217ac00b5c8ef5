//! The engine's idea of time: two readings that the caller takes once a batch. No clock is read here.

use core::ops::{Add, Sub};
use core::time::Duration;

/// A point on a clock that never steps and that counts the time a machine sleeps. Its origin is the
/// caller's affair; only differences mean anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The point `since_origin` after the clock's origin, to the nanosecond. The clock's end is after 584 years.
    pub const fn from_origin(since_origin: Duration) -> Self {
        let nanos = since_origin.as_nanos();
        Self(if nanos > u64::MAX as u128 { u64::MAX } else { nanos as u64 })
    }

    /// How long after the clock's origin this is.
    pub const fn since_origin(self) -> Duration {
        Duration::from_nanos(self.0)
    }

    /// How long after `earlier` this is; nothing if it is not.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time::from_origin(self.since_origin().saturating_add(duration))
    }
}

impl Sub<Time> for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

/// What the clocks say, read once a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// For every timer and every age.
    pub mono: Time,
    /// The wall clock, since the Unix epoch: only for TAI64N and for people. It may step either way.
    pub unix: Duration,
}
