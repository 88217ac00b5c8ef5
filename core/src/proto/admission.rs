//! Which handshake messages are worked off, and which must first prove an address (section 5.3): a bounded queue whose
//! length says what load is, cookies, and a limit for each address that has proven itself.

use alloc::collections::VecDeque;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use hashbrown::HashMap;
use rand_core::CryptoRng;

use super::limits::{
    HANDSHAKE_BURST, HANDSHAKES_PER_SECOND, MAX_QUEUED_HANDSHAKES, UNDER_LOAD_HANDSHAKES, UNDER_LOAD_TIME,
};
use super::noise::cookie::{CookieIssuer, MacKeys};
use super::path::Path;
use super::time::Time;
use super::wire::message::{CookieReply, Handshake, Initiation, Response};

/// A handshake message with a valid mac1 that waits for its turn.
pub(crate) enum Queued {
    Initiation(Initiation, Path),
    Response(Response, Path),
}

/// What is done with a handshake message.
pub(crate) enum Verdict {
    /// Work it off.
    Admit,
    /// Send this instead: the sender has yet to prove its address.
    Challenge(CookieReply),
    /// The address has had its share.
    TooMany,
    /// mac1 is wrong: the sender does not know whom it calls.
    BadMac1,
}

/// The gate before the Diffie-Hellman operations.
pub(crate) struct Admission {
    queue: VecDeque<Queued>,
    loaded_at: Option<Time>,
    issuer: CookieIssuer,
    limiter: Limiter,
}

impl Admission {
    pub(crate) fn new() -> Self {
        Self {
            queue: VecDeque::new(),
            loaded_at: None,
            issuer: CookieIssuer::new(),
            limiter: Limiter::default(),
        }
    }

    /// Judges a message by its macs.
    pub(crate) fn judge(
        &mut self,
        keys: &MacKeys,
        message: &impl Handshake,
        from: SocketAddr,
        now: Time,
        rng: &mut dyn CryptoRng,
    ) -> Verdict {
        if !keys.mac1_is_valid(message) {
            return Verdict::BadMac1;
        }
        if !self.is_under_load(now) {
            self.limiter.forget();
            return Verdict::Admit;
        }
        if !self.issuer.mac2_is_valid(message, from, now) {
            return Verdict::Challenge(self.issuer.reply(keys, message, from, now, rng));
        }
        if self.limiter.allows(from.ip(), now) { Verdict::Admit } else { Verdict::TooMany }
    }

    /// Queues an admitted message. False when the queue is full.
    #[must_use]
    pub(crate) fn push(&mut self, message: Queued) -> bool {
        let room = self.queue.len() < MAX_QUEUED_HANDSHAKES;
        if room {
            self.queue.push_back(message);
        }
        room
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        self.queue.pop_front()
    }

    /// Forgets what waits, as when the private key that it was meant for is gone.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
    }

    /// A property of the device, whoever the senders are, that outlasts its last sign.
    fn is_under_load(&mut self, now: Time) -> bool {
        if self.queue.len() >= UNDER_LOAD_HANDSHAKES {
            self.loaded_at = Some(now);
        }
        self.loaded_at.is_some_and(|at| now - at < UNDER_LOAD_TIME)
    }
}

/// Time that one handshake uses up of an address's share.
const SHARE: Duration = Duration::from_millis(1_000 / HANDSHAKES_PER_SECOND as u64);
/// How far ahead of its share an address may be.
const AHEAD: Duration =
    Duration::from_millis(1_000 / HANDSHAKES_PER_SECOND as u64 * (HANDSHAKE_BURST as u64 - 1));
/// Addresses remembered at once: a third of a MiB.
const MAX_ADDRESSES: usize = 8_192;

/// A limit for each address: the time up to which it has used its share (the "generic cell rate algorithm").
#[derive(Default)]
struct Limiter {
    used_up_to: HashMap<IpAddr, Time>,
    /// When addresses that have their whole share again were last forgotten.
    pruned_at: Option<Time>,
}

impl Limiter {
    fn allows(&mut self, from: IpAddr, now: Time) -> bool {
        let holder = holder(from);
        if self.used_up_to.len() >= MAX_ADDRESSES && !self.used_up_to.contains_key(&holder) {
            self.prune(now);
            if self.used_up_to.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let up_to = self.used_up_to.entry(holder).or_insert(now);
        let start = (*up_to).max(now);
        let allowed = start - now <= AHEAD;
        if allowed {
            *up_to = start + SHARE;
        }
        allowed
    }

    /// Looks at all addresses, so not at every message: nothing changes much sooner than a share is back.
    fn prune(&mut self, now: Time) {
        if self.pruned_at.is_none_or(|at| now - at >= SHARE) {
            self.pruned_at = Some(now);
            self.used_up_to.retain(|_, up_to| *up_to > now);
        }
    }

    fn forget(&mut self) {
        if self.used_up_to.capacity() > 0 {
            *self = Self::default();
        }
    }
}

/// Who holds an address: an IPv4 address is one holder, an IPv6 network of 64 bits is one.
fn holder(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(ip) => IpAddr::V6((ip.to_bits() & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_origin(Duration::from_millis(millis))
    }

    #[test]
    fn an_address_has_a_burst_and_then_its_rate() {
        let mut limiter = Limiter::default();
        let address = IpAddr::from([192, 0, 2, 1]);
        let burst = (0..20).filter(|_| limiter.allows(address, at(0))).count();
        assert_eq!(burst, HANDSHAKE_BURST as usize);
        let second = (1..=1_000).filter(|millis| limiter.allows(address, at(*millis))).count();
        assert_eq!(second, HANDSHAKES_PER_SECOND as usize);
        assert!(limiter.allows(IpAddr::from([192, 0, 2, 2]), at(0)), "another address has its own");
    }

    #[test]
    fn an_ipv6_network_is_one_holder() {
        let mut limiter = Limiter::default();
        let allowed =
            (0..100u128).filter(|low| limiter.allows(IpAddr::V6((0xfd << 120 | low).into()), at(0)));
        assert_eq!(allowed.count(), HANDSHAKE_BURST as usize);
    }

    #[test]
    fn its_memory_is_bounded_and_comes_back() {
        let mut limiter = Limiter::default();
        let allowed = (0..20_000u32).filter(|ip| limiter.allows(IpAddr::V4((*ip).into()), at(0))).count();
        assert_eq!(allowed, MAX_ADDRESSES);
        assert!(limiter.allows(IpAddr::V4(30_000.into()), at(1_000)));
    }
}
