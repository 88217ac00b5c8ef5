//! What the driver sleeps on: its descriptors, all asked in one system call, and a bell for other threads.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Wake, Waker};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// Waits until one of the descriptors has what it is asked for, or only looks. They are told what came.
pub(super) fn wait(asked: &mut [PollFd<'_>], sleep: bool) {
    let at_once = Timespec::default();
    let timeout = if sleep { None } else { Some(&at_once) };
    match poll(asked, timeout) {
        Ok(_) => {}
        // Nothing has come. A system without memory for this will have it later.
        Err(Errno::INTR | Errno::AGAIN | Errno::NOMEM) => {}
        Err(error) => unreachable!("descriptors of our own: {error}"),
    }
}

/// Whether there is something to read, be it an end or an error.
pub(super) fn is_readable(asked: &PollFd<'_>) -> bool {
    asked.revents().intersects(PollFlags::IN | PollFlags::ERR | PollFlags::HUP)
}

/// Whether there is nothing to read, or nobody asked, and nothing will come any more. Linux shows a deleted interface by this
/// alone.
pub(super) fn has_ended(asked: &PollFd<'_>) -> bool {
    let end = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
    asked.revents().intersects(end) && !asked.revents().contains(PollFlags::IN)
}

/// A descriptor that becomes readable once another thread has woken the driver's.
pub(super) struct Bell {
    ends: Arc<Ends>,
    waker: Waker,
}

/// The reading one stays open for as long as somebody may write, who else would have to fear SIGPIPE.
struct Ends {
    driver: UnixStream,
    others: UnixStream,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (driver, others) = UnixStream::pair()?;
        driver.set_nonblocking(true)?;
        others.set_nonblocking(true)?;
        let ends = Arc::new(Ends { driver, others });
        let waker = Waker::from(Arc::clone(&ends));
        Ok(Self { ends, waker })
    }

    /// What other threads wake the driver's with.
    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Until the next waking.
    pub(super) fn silence(&self) {
        let mut wakings = [0; 64];
        while (&self.ends.driver).read(&mut wakings).is_ok_and(|len| len == wakings.len()) {}
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ends.driver.as_fd()
    }
}

impl Wake for Ends {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    /// One that is full has been rung often enough.
    fn wake_by_ref(self: &Arc<Self>) {
        let _ = (&self.others).write(&[1]);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

    use super::*;

    fn is_rung(bell: &Bell) -> bool {
        let mut asked = [PollFd::new(bell, PollFlags::IN)];
        wait(&mut asked, false);
        is_readable(&asked[0])
    }

    #[test]
    fn a_bell_ends_a_sleep_and_rings_until_it_is_silenced() {
        let bell = Bell::new().unwrap();
        assert!(!is_rung(&bell));
        let waker = bell.waker().clone();
        let other = thread::spawn(move || waker.wake());
        wait(&mut [PollFd::new(&bell, PollFlags::IN)], true);
        other.join().unwrap();
        assert!(is_rung(&bell) && is_rung(&bell));
        bell.silence();
        assert!(!is_rung(&bell));
    }

    #[test]
    fn ringing_without_end_neither_blocks_nor_outlasts_silence() {
        let bell = Bell::new().unwrap();
        for _ in 0..1_000_000 {
            bell.waker().wake_by_ref();
        }
        bell.silence();
        assert!(!is_rung(&bell));
        bell.waker().wake_by_ref();
        assert!(is_rung(&bell));
    }

    #[test]
    fn whoever_wakes_a_driver_that_is_gone_is_not_harmed() {
        let waker = Bell::new().unwrap().waker().clone();
        waker.wake_by_ref();
        waker.wake();
    }

    #[test]
    fn an_end_shows_once_nothing_is_left_to_read_or_nobody_asks() {
        let (ours, theirs) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let ended = |flags| {
            let mut asked = [PollFd::new(&ours, flags)];
            wait(&mut asked, false);
            has_ended(&asked[0])
        };
        assert!(!ended(PollFlags::IN) && !ended(PollFlags::empty()));
        drop(theirs);
        assert!(!ended(PollFlags::IN), "reading tells");
        assert!(ended(PollFlags::empty()));
    }
}
