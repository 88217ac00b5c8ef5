//! What lies between the ends: links that lose, delay, double and spoil, and NATs that forget. It carries octets and knows
//! nothing of what they mean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::dice::Dice;
use crate::plan::Quality;

/// Octets of the outer IPv4 and UDP headers.
const OUTER_HEADERS: usize = 28;

#[derive(Clone, Debug)]
pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// One direction between two ends.
pub struct Link {
    pub quality: Quality,
    pub is_cut: bool,
}

impl Link {
    pub fn new() -> Self {
        Self { quality: Quality::GOOD, is_cut: false }
    }

    /// What arrives of a datagram, and how much later.
    pub fn carry(&self, bytes: &[u8], dice: &mut Dice) -> Vec<(Duration, Vec<u8>)> {
        let Quality { latency, jitter, loss, duplication, corruption, mtu } = self.quality;
        let mut arriving = Vec::new();
        for _ in 0..if dice.chance(duplication) { 2 } else { 1 } {
            if self.is_cut || bytes.len() + OUTER_HEADERS > mtu || dice.chance(loss) {
                continue;
            }
            let mut bytes = bytes.to_vec();
            if dice.chance(corruption) {
                let at = dice.below(bytes.len());
                bytes[at] ^= 1 << dice.below(8);
            }
            arriving.push((latency + dice.up_to(jitter), bytes));
        }
        arriving
    }
}

/// A NAT in front of one host. What was sent to may answer; a mapping that nothing was sent by for long is forgotten.
pub struct Nat {
    address: IpAddr,
    lifetime: Duration,
    next_port: u16,
    mapping: Option<Mapping>,
}

struct Mapping {
    port: u16,
    /// Whom it was used to send to, and when last.
    used: Vec<(SocketAddr, Duration)>,
}

impl Nat {
    pub fn new(address: IpAddr, lifetime: Duration) -> Self {
        Self { address, lifetime, next_port: 10_000, mapping: None }
    }

    /// As whom the host appears to `to`, if it has a mapping.
    pub fn appearance(&self) -> Option<SocketAddr> {
        self.mapping.as_ref().map(|mapping| SocketAddr::new(self.address, mapping.port))
    }

    /// The host sends.
    pub fn outbound(&mut self, to: SocketAddr, now: Duration) -> SocketAddr {
        self.expire(now);
        let next_port = &mut self.next_port;
        let mapping = self.mapping.get_or_insert_with(|| {
            *next_port += 1;
            Mapping { port: *next_port, used: Vec::new() }
        });
        mapping.used.retain(|(whom, _)| *whom != to);
        mapping.used.push((to, now));
        SocketAddr::new(self.address, mapping.port)
    }

    /// Whether what comes from there to that address of the NAT's reaches the host.
    pub fn admits(&self, from: SocketAddr, to: SocketAddr, now: Duration) -> bool {
        let used = self.mapping.iter().flat_map(|mapping| &mapping.used);
        self.appearance() == Some(to)
            && used.into_iter().any(|(whom, at)| *whom == from && now - *at < self.lifetime)
    }

    /// Everything is forgotten, and ports are given anew.
    pub fn rebind(&mut self) {
        self.mapping = None;
    }

    fn expire(&mut self, now: Duration) {
        let Some(mapping) = &mut self.mapping else { return };
        mapping.used.retain(|(_, at)| now - *at < self.lifetime);
        if mapping.used.is_empty() {
            self.mapping = None;
        }
    }
}
