//! The only room that reads clocks: the time that counts a machine's sleep, the wall clock, and one deadline
//! on the former. A timeout of poll stops while a machine sleeps.

#[cfg(target_vendor = "apple")]
#[path = "clock/kqueue.rs"]
mod timer;
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "clock/timerfd.rs"]
mod timer;

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use timer::Timer;

use crate::proto::time::{Now, Time};

/// Counts the time asleep.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SLEEPLESS: ClockId = ClockId::Boottime;
/// Darwin's counts the time asleep under this name; its `CLOCK_UPTIME_RAW` is what stops.
#[cfg(target_vendor = "apple")]
const SLEEPLESS: ClockId = ClockId::Monotonic;

/// Reads the clocks.
pub(super) struct Clock;

impl Clock {
    /// Both clocks. Neither is a system call where the system maps its clocks into the process.
    pub(super) fn now() -> Now {
        Now {
            mono: Time::from_origin(since_zero(clock_gettime(SLEEPLESS))),
            unix: since_zero(clock_gettime(ClockId::Realtime)),
        }
    }
}

/// A wall clock set before its epoch reads as the epoch.
fn since_zero(time: Timespec) -> Duration {
    Duration::try_from(time).unwrap_or(Duration::ZERO)
}

/// A descriptor that is readable once a point in time has passed, sleep included.
pub(super) struct Deadline {
    timer: Timer,
    armed: Option<Time>,
}

impl Deadline {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { timer: Timer::new()?, armed: None })
    }

    /// Wakes at `wanted`, or a little earlier, once. A deadline that moves away keeps the timer as it is, since
    /// timers are pushed back with every packet and each change costs a system call: the driver wakes early,
    /// finds nothing due and sets the later one.
    pub(super) fn set(&mut self, wanted: Option<Time>) -> io::Result<()> {
        let keep = match (wanted, self.armed) {
            (Some(wanted), Some(armed)) => armed <= wanted,
            (None, armed) => armed.is_none(),
            (Some(_), None) => false,
        };
        if keep {
            return Ok(());
        }
        self.timer.set(wanted)?;
        self.armed = wanted;
        Ok(())
    }

    /// Whether it has passed, told once.
    pub(super) fn take_passed(&mut self) -> io::Result<bool> {
        let passed = self.timer.take_fired()?;
        if passed {
            self.armed = None;
        }
        Ok(passed)
    }
}

impl AsFd for Deadline {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.timer.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use rustix::event::{PollFd, PollFlags};

    use super::*;
    use crate::device::wakeup;

    fn passed(deadline: &mut Deadline) -> Time {
        wakeup::wait(&mut [PollFd::new(deadline, PollFlags::IN)], true);
        assert!(deadline.take_passed().unwrap());
        Clock::now().mono
    }

    #[test]
    fn time_never_runs_backwards_and_the_wall_clock_is_of_this_century() {
        let mut last = Clock::now().mono;
        for _ in 0..10_000 {
            let now = Clock::now();
            assert!(now.mono >= last);
            assert!(now.unix > Duration::from_secs(1_000_000_000));
            last = now.mono;
        }
    }

    #[test]
    fn a_deadline_wakes_when_it_has_passed_and_not_before() {
        let mut deadline = Deadline::new().unwrap();
        for _ in 0..3 {
            let due = Clock::now().mono + Duration::from_millis(20);
            deadline.set(Some(due)).unwrap();
            assert!(passed(&mut deadline) >= due);
        }
    }

    #[test]
    fn a_deadline_in_the_past_wakes_at_once() {
        let mut deadline = Deadline::new().unwrap();
        deadline.set(Some(Time::from_origin(Duration::ZERO))).unwrap();
        passed(&mut deadline);
    }

    #[test]
    fn an_earlier_deadline_replaces_a_later_one() {
        let mut deadline = Deadline::new().unwrap();
        let start = Clock::now().mono;
        deadline.set(Some(start + Duration::from_secs(3600))).unwrap();
        deadline.set(Some(start + Duration::from_millis(10))).unwrap();
        assert!(passed(&mut deadline).since(start) < Duration::from_secs(60));
    }

    #[test]
    fn a_later_deadline_costs_nothing_and_may_wake_early_once() {
        let mut deadline = Deadline::new().unwrap();
        let start = Clock::now().mono;
        let (early, late) = (start + Duration::from_millis(10), start + Duration::from_millis(60));
        deadline.set(Some(early)).unwrap();
        deadline.set(Some(late)).unwrap();
        assert!(passed(&mut deadline) >= early);
        deadline.set(Some(late)).unwrap();
        assert!(passed(&mut deadline) >= late);
    }

    #[test]
    fn a_cancelled_deadline_never_wakes() {
        let mut cancelled = Deadline::new().unwrap();
        let mut later = Deadline::new().unwrap();
        let start = Clock::now().mono;
        cancelled.set(Some(start + Duration::from_millis(10))).unwrap();
        cancelled.set(None).unwrap();
        later.set(Some(start + Duration::from_millis(50))).unwrap();
        passed(&mut later);
        assert!(!cancelled.take_passed().unwrap());
    }
}
