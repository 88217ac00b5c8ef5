//! A peer's deadlines, one for each kind of timer. What is due and what comes next are read from the same table,
//! so they cannot disagree.

use crate::proto::time::Time;

/// What a peer may be waiting for (section 6, and the kernel's names for it).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// No new session for so long that all keys are to be wiped (section 6.3). First, so that a machine that slept does
    /// not act on what came of keys that are over.
    Wipe,
    /// The initiation we sent has had no response (section 6.4).
    RetryHandshake,
    /// Data we sent has had no answer of any kind: the session may be dead (section 6.4).
    NewHandshake,
    /// Data was received and we have sent nothing since (section 6.5), or the peer must hear where we are now.
    PassiveKeepalive,
    /// Nothing authentic has passed either way for the configured interval.
    PersistentKeepalive,
}

const KINDS: [Timer; 5] = [
    Timer::Wipe,
    Timer::RetryHandshake,
    Timer::NewHandshake,
    Timer::PassiveKeepalive,
    Timer::PersistentKeepalive,
];

/// When each kind of timer fires; those that are not set do not.
#[derive(Default)]
pub(crate) struct Timers([Option<Time>; KINDS.len()]);

impl Timers {
    pub(crate) fn set(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize] = Some(at);
    }

    /// Sets it only if it is not set: the first cause counts.
    pub(crate) fn set_if_clear(&mut self, timer: Timer, at: Time) {
        self.0[timer as usize].get_or_insert(at);
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize].is_some()
    }

    pub(crate) fn is_due(&self, timer: Timer, now: Time) -> bool {
        self.0[timer as usize].is_some_and(|at| at <= now)
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.0[timer as usize] = None;
    }

    /// When the first one fires.
    pub(crate) fn next(&self) -> Option<Time> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes out one that is due.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Timer> {
        let timer = KINDS.into_iter().find(|timer| self.is_due(*timer, now))?;
        self.clear(timer);
        Some(timer)
    }
}
