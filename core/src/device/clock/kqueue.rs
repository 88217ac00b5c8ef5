//! The deadline's timer on Darwin: a kqueue of its own with one timer on continuous time.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};

use rustix::event::kqueue::kqueue;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::super::sys;
use super::Clock;
use crate::proto::time::Time;

/// A timer that fires once.
pub(super) struct Timer {
    queue: AsyncFd<OwnedFd>,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { queue: sys::watch(kqueue()?, Interest::READABLE)? })
    }

    pub(super) fn set(&mut self, at: Option<Time>) -> io::Result<()> {
        let queue = self.queue.get_ref();
        match at {
            Some(at) => sys::arm_continuous_timer(queue, at.since(Clock::now().mono)),
            None => sys::disarm_timer(queue),
        }
    }

    pub(super) fn poll_fired(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut ready = ready!(self.queue.poll_read_ready(cx))?;
            if sys::take_timer_event(self.queue.get_ref())? {
                return Poll::Ready(Ok(()));
            }
            ready.clear_ready();
        }
    }
}
