//! The deadline's timer on Linux and Android: a descriptor on the clock that counts sleep.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::sys;
use crate::proto::time::Time;

/// Not 0, which would disarm the timer.
const ALREADY_PAST: Timespec = Timespec { tv_sec: 0, tv_nsec: 1 };
const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// A timer that fires once.
pub(super) struct Timer {
    fd: AsyncFd<OwnedFd>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let fd = timerfd_create(TimerfdClockId::Boottime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        Ok(Self { fd: sys::watch(fd, Interest::READABLE)? })
    }

    pub(super) fn set(&mut self, at: Option<Time>) -> io::Result<()> {
        let it_value = match at.map(|at| Timespec::try_from(at.since_origin())) {
            Some(Ok(at)) => at.max(ALREADY_PAST),
            // Beyond what the system can count to.
            Some(Err(_)) | None => NEVER,
        };
        let once = Itimerspec { it_interval: NEVER, it_value };
        timerfd_settime(self.fd.get_ref(), TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }

    pub(super) fn poll_fired(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.fd.poll_read_ready(cx))?;
            let mut expirations = [0; 8];
            match ready.try_io(|fd| Ok(rustix::io::read(fd.get_ref(), &mut expirations)?)) {
                Ok(read) => return Poll::Ready(read.map(drop)),
                // The timer was set anew after the readiness was seen.
                Err(_would_block) => continue,
            }
        }
    }
}
