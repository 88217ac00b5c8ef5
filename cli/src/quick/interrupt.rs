//! The signals that ask this process to end. While somebody holds [`Interrupts`], they only tell.

use std::fs;
use std::io;
use std::process::ExitStatus;

use futures_util::FutureExt;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::Child;
use tokio::signal::unix::{self, SignalKind, signal};
use tokio::task::yield_now;

/// A wish that this process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("interrupted by {0}")]
pub(crate) struct Interrupted(Signal);

impl Interrupted {
    /// Tells it to a process and all that it has started, as a terminal does.
    pub(super) fn pass_on(self, process: u32) {
        let mut to_tell = vec![process];
        while let Some(process) = to_tell.pop() {
            let before = children(process);
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(process.cast_signed()), self.0);
            // A shell that has just started one more waits for it, and ends only if the signal ends that one, too.
            let after = children(process).into_iter().filter(|child| !before.contains(child));
            to_tell.extend(after.collect::<Vec<_>>());
            to_tell.extend(before);
        }
    }
}

fn children(process: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Listens for SIGINT, SIGTERM and SIGHUP.
pub(super) struct Interrupts {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Interrupts {
    /// From now on none of them ends this process. To be called within a runtime.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for one.
    pub(super) async fn received(&mut self) -> Interrupted {
        Interrupted(tokio::select! {
            _ = self.interrupt.recv() => Signal::SIGINT,
            _ = self.terminate.recv() => Signal::SIGTERM,
            _ = self.hangup.recv() => Signal::SIGHUP,
        })
    }

    /// Waits for the end of a process, and passes on to it what comes meanwhile: the last of that is told, too.
    pub(super) async fn wait(&mut self, child: &mut Child) -> (io::Result<ExitStatus>, Option<Interrupted>) {
        let mut signalled = None;
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                signal = self.received() => {
                    if let Some(process) = child.id() {
                        signal.pass_on(process);
                    }
                    signalled = Some(signal);
                }
            }
        };
        (ended, signalled)
    }

    /// Whether one has come since the last time. The runtime is given a turn to notice.
    pub(super) async fn check(&mut self) -> Result<(), Interrupted> {
        yield_now().await;
        self.received().now_or_never().map_or(Ok(()), Err)
    }
}
