//! The deadline's timer on Linux and Android: a descriptor on the clock that counts sleep.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};

use crate::proto::time::Time;

/// Not 0, which would disarm the timer.
const ALREADY_PAST: Timespec = Timespec { tv_sec: 0, tv_nsec: 1 };
const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A timer that fires once.
pub(super) struct Timer {
    fd: OwnedFd,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { fd })
    }

    pub(super) fn set(&mut self, at: Option<Time>) -> io::Result<()> {
        let it_value = match at.map(|at| Timespec::try_from(at.since_origin())) {
            Some(Ok(at)) => at.max(ALREADY_PAST),
            // Beyond what the system can count to.
            Some(Err(_)) | None => NEVER,
        };
        let once = Itimerspec { it_interval: NEVER, it_value };
        timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }

    /// Whether it has fired since it was last asked or set.
    pub(super) fn take_fired(&mut self) -> io::Result<bool> {
        match rustix::io::read(&self.fd, &mut [0_u8; 8]) {
            Ok(_) => Ok(true),
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
