//! One peer: what it was configured with, its sessions, its timers and what waits for it. How they act together is
//! the tunnel's affair.

pub(crate) mod staged;
pub(crate) mod table;
pub(crate) mod timers;

use alloc::boxed::Box;
use core::num::NonZeroU16;
use core::time::Duration;

use staged::Staged;
use timers::{Timer, Timers};

use super::limits::{INITIATION_SPACING, REKEY_TIMEOUT};
use super::noise::cookie::CookieJar;
use super::noise::handshake::{Identity, SentInitiation, SharedSecret};
use super::noise::tai64n::Tai64n;
use super::path::Path;
use super::session::keyring::Keyring;
use super::time::Time;
use crate::key::{PresharedKey, PublicKey};

/// A peer's number in this tunnel. Given anew when the peer is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PeerId(pub(crate) u32);

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

/// Everything about one peer. Without a session it is small; sessions, sent initiations and staged packets are boxed.
pub(crate) struct Peer {
    pub(crate) public_key: PublicKey,
    pub(crate) preshared_key: Option<PresharedKey>,
    pub(crate) endpoint: Option<Path>,
    pub(crate) persistent_keepalive: Option<NonZeroU16>,

    /// Computed at the first handshake: 20,000 of them take a second.
    static_static: Option<SharedSecret>,
    pub(crate) keyring: Keyring,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) sent_initiation: Option<Box<SentInitiation>>,
    initiation_sent_at: Option<Time>,
    /// Whether the endpoint or the network is another than the one that the last initiation was sent by.
    is_path_fresh: bool,
    pub(crate) initiation_received_at: Option<Time>,
    pub(crate) greatest_timestamp_received: Option<Tai64n>,
    pub(crate) last_timestamp_sent: Option<Tai64n>,
    pub(crate) cookie_jar: CookieJar,
    pub(crate) timers: Timers,
    pub(crate) staged: Staged,

    /// The wall clock at the last completed handshake, since the Unix epoch.
    pub(crate) last_handshake: Option<Duration>,
    pub(crate) rx_bytes: u64,
    pub(crate) tx_bytes: u64,
}

impl Peer {
    pub(crate) fn new(public_key: PublicKey) -> Self {
        Self {
            public_key,
            preshared_key: None,
            endpoint: None,
            persistent_keepalive: None,
            static_static: None,
            keyring: Keyring::default(),
            attempt: None,
            sent_initiation: None,
            initiation_sent_at: None,
            is_path_fresh: true,
            initiation_received_at: None,
            greatest_timestamp_received: None,
            last_timestamp_sent: None,
            cookie_jar: CookieJar::default(),
            timers: Timers::default(),
            staged: Staged::default(),
            last_handshake: None,
            rx_bytes: 0,
            tx_bytes: 0,
        }
    }

    /// The secret of both static keys. `None` when the peer's key is of low order.
    pub(crate) fn static_static(&mut self, us: &Identity) -> Option<SharedSecret> {
        if self.static_static.is_none() {
            self.static_static = us.private.shared_secret(&self.public_key);
        }
        self.static_static.clone()
    }

    /// Our private key is another: what followed from the old one is worth nothing.
    pub(crate) fn forget_identity(&mut self) {
        self.static_static = None;
        self.cookie_jar = CookieJar::default();
        self.is_path_fresh = true;
    }

    /// Sends to another place from now on. An initiation may go there at once.
    pub(crate) fn move_to(&mut self, path: Path) {
        if self.endpoint.is_none_or(|old| old.remote != path.remote) {
            self.is_path_fresh = true;
        }
        self.endpoint = Some(path);
    }

    /// We are on another network: the system chooses the source, and what was tried on the old one does not count.
    pub(crate) fn change_network(&mut self) {
        self.forget_local_address();
        self.is_path_fresh = true;
    }

    pub(crate) fn note_initiation_sent(&mut self, now: Time) {
        self.initiation_sent_at = Some(now);
        self.is_path_fresh = false;
    }

    /// When the last initiation left.
    pub(crate) fn initiation_sent_at(&self) -> Option<Time> {
        self.initiation_sent_at
    }

    /// When the next initiation may leave: 5 s after the last, or soon after it by another path.
    pub(crate) fn earliest_initiation(&self, now: Time) -> Time {
        let pause = if self.is_path_fresh { INITIATION_SPACING } else { REKEY_TIMEOUT };
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

    /// Lets the system choose the source of what is sent next: the one used so far may be why there is no answer.
    pub(crate) fn forget_local_address(&mut self) {
        if let Some(path) = &mut self.endpoint {
            path.local = None;
        }
    }

    /// Something authentic was sent: it answers whatever was received.
    pub(crate) fn note_sent(&mut self, now: Time) {
        self.timers.clear(Timer::PassiveKeepalive);
        self.note_passed(now);
    }

    /// Something authentic was received: it answers whatever was sent.
    pub(crate) fn note_received(&mut self, now: Time) {
        self.timers.clear(Timer::NewHandshake);
        self.note_passed(now);
    }

    /// The persistent keepalive counts from the last authentic packet either way.
    fn note_passed(&mut self, now: Time) {
        if let Some(seconds) = self.persistent_keepalive {
            self.timers.set(Timer::PersistentKeepalive, now + Duration::from_secs(seconds.get().into()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_peer_costs_under_a_kibibyte() {
        assert!(size_of::<Peer>() < 1024, "{} octets", size_of::<Peer>());
    }
}
