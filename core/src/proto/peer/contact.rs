//! What comes of dealings with a peer: sessions, handshakes, timers, counters and what waits. A peer that nobody has
//! ever sent to or heard from has none of it.

use alloc::boxed::Box;
use core::time::Duration;

use super::staged::Staged;
use super::timers::{Timer, Timers};
use crate::key::PublicKey;
use crate::proto::limits::{INITIATION_SPACING, REKEY_TIMEOUT};
use crate::proto::noise::cookie::CookieJar;
use crate::proto::noise::handshake::{Identity, SentInitiation, SharedSecret};
use crate::proto::noise::tai64n::Tai64n;
use crate::proto::session::keyring::Keyring;
use crate::proto::time::Time;

/// A handshake that we try to complete, over as many initiations as it takes (section 6.4).
pub(crate) struct Attempt {
    pub(crate) began: Time,
    /// When it began, or was last given reason to go on.
    pub(crate) started: Time,
    /// Initiations sent so far.
    pub(crate) initiations: u32,
    /// Whether the caller knows that there is no answer.
    pub(crate) is_told: bool,
}

impl Attempt {
    pub(crate) fn new(now: Time) -> Self {
        Self { began: now, started: now, initiations: 0, is_told: false }
    }
}

/// Keypairs, sent initiations and staged packets are boxed in turn: they come and go.
#[derive(Default)]
pub(crate) struct Contact {
    /// Computed at the first handshake: 20,000 of them take a second.
    static_static: Option<SharedSecret>,
    pub(crate) keyring: Keyring,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) sent_initiation: Option<Box<SentInitiation>>,
    initiation_sent_at: Option<Time>,
    /// Whether the last initiation was sent to this endpoint from this network.
    is_path_tried: bool,
    pub(crate) initiation_received_at: Option<Time>,
    pub(crate) greatest_timestamp_received: Option<Tai64n>,
    pub(crate) last_timestamp_sent: Option<Tai64n>,
    pub(crate) cookie_jar: CookieJar,
    pub(crate) timers: Timers,
    /// What comes on top of the time for an answer. Drawn with each session: once for each packet that asks for an answer
    /// would be a system call between reading it and sending it.
    pub(crate) jitter: Duration,
    pub(crate) staged: Staged,

    /// The wall clock at the last completed handshake, since the Unix epoch.
    pub(crate) last_handshake: Option<Duration>,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
}

impl Contact {
    /// The secret of both static keys. `None` when the peer's key is of low order.
    pub(super) fn static_static(&mut self, us: &Identity, peer: &PublicKey) -> Option<SharedSecret> {
        if self.static_static.is_none() {
            self.static_static = us.private.shared_secret(peer);
        }
        self.static_static.clone()
    }

    /// Our private key is another: what followed from the old one is worth nothing.
    pub(crate) fn forget_identity(&mut self) {
        self.static_static = None;
        self.cookie_jar = CookieJar::default();
        self.is_path_tried = false;
    }

    /// The endpoint or the network is another than the one that the last initiation was sent by.
    pub(super) fn note_fresh_path(&mut self) {
        self.is_path_tried = false;
    }

    pub(crate) fn note_initiation_sent(&mut self, now: Time) {
        self.initiation_sent_at = Some(now);
        self.is_path_tried = true;
    }

    /// When the last initiation left.
    pub(crate) fn initiation_sent_at(&self) -> Option<Time> {
        self.initiation_sent_at
    }

    /// When the next initiation may leave: 5 s after the last, or soon after it by another path.
    pub(crate) fn earliest_initiation(&self, now: Time) -> Time {
        let pause = if self.is_path_tried { REKEY_TIMEOUT } else { INITIATION_SPACING };
        self.initiation_sent_at.map_or(now, |sent| now.max(sent + pause))
    }

    /// There is reason to go on with an attempt that is under way: its 90 s begin again (section 6.4).
    pub(crate) fn prolong_attempt(&mut self, now: Time) {
        if let Some(attempt) = &mut self.attempt {
            attempt.started = now;
        }
    }

    /// Tries an attempt that is under way again, as soon as may be, by another path.
    pub(crate) fn hasten_attempt(&mut self, now: Time) {
        if self.attempt.is_some() {
            self.prolong_attempt(now);
            self.timers.set(Timer::RetryHandshake, self.earliest_initiation(now));
        }
    }
}
