//! The deadline's timer on Darwin: a kqueue of its own with one timer on continuous time.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::event::kqueue::kqueue;

use super::super::sys;
use super::Clock;
use crate::proto::time::Time;

/// A timer that fires once.
pub(super) struct Timer {
    queue: OwnedFd,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { queue: kqueue()? })
    }

    pub(super) fn set(&mut self, at: Option<Time>) -> io::Result<()> {
        match at {
            Some(at) => sys::arm_continuous_timer(&self.queue, at.since(Clock::now().mono)),
            None => sys::disarm_timer(&self.queue),
        }
    }

    /// Whether it has fired since it was last asked or set.
    pub(super) fn take_fired(&mut self) -> io::Result<bool> {
        match sys::take_timer_event(&self.queue) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            taken => taken,
        }
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
