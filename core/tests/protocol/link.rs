//! The link between engines: it loses, delays, reorders and doubles what a seeded generator tells it to.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use adit_core::proto::path::Ecn;
use adit_core::proto::time::Time;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;

use crate::world::millis;

/// The four messages, by their first octet; transport data without a payload is a keepalive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Initiation,
    Response,
    CookieReply,
    Keepalive,
    Data,
}

/// A datagram as the link saw it.
#[derive(Clone, Debug)]
pub struct Datagram {
    pub at: Time,
    pub from: SocketAddr,
    pub to: SocketAddr,
    /// The source that the engine asked for; `None` leaves it to the system.
    pub local: Option<IpAddr>,
    pub ecn: Ecn,
    pub bytes: Vec<u8>,
}

impl Datagram {
    pub fn kind(&self) -> Kind {
        match (self.bytes[0], self.bytes.len()) {
            (1, 148) => Kind::Initiation,
            (2, 92) => Kind::Response,
            (3, 64) => Kind::CookieReply,
            (4, 32) => Kind::Keepalive,
            (4, 33..) => Kind::Data,
            other => panic!("an engine sent {other:?}"),
        }
    }
}

/// What the link does to each datagram.
pub struct Link {
    pub latency: Duration,
    /// Added at random, which reorders.
    pub jitter: Duration,
    /// Of 100 datagrams.
    pub loss: u32,
    /// Of 100 datagrams.
    pub duplication: u32,
    /// Drops this many more, whoever sends them.
    pub drop_next: usize,
    /// Drops one of this kind, from there.
    pub drop_next_of: Option<(SocketAddr, Kind)>,
    rng: ChaCha20Rng,
}

impl Link {
    /// A good one: 10 ms each way, and nothing is lost.
    pub fn new(rng: ChaCha20Rng) -> Self {
        Self {
            latency: millis(10),
            jitter: Duration::ZERO,
            loss: 0,
            duplication: 0,
            drop_next: 0,
            drop_next_of: None,
            rng,
        }
    }

    /// After how long each copy of a datagram arrives.
    pub fn carry(&mut self, datagram: &Datagram) -> Vec<Duration> {
        if self.drop_next_of == Some((datagram.from, datagram.kind())) {
            self.drop_next_of = None;
            return Vec::new();
        }
        if self.drop_next > 0 {
            self.drop_next -= 1;
            return Vec::new();
        }
        let copies = if self.chance(self.duplication) { 2 } else { 1 };
        let arriving = (0..copies).filter(|_| !self.chance(self.loss)).count();
        (0..arriving).map(|_| self.delay()).collect()
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.next_u32() % 100 < percent
    }

    fn delay(&mut self) -> Duration {
        let jitter = self.jitter.as_nanos() as u64;
        self.latency + Duration::from_nanos(if jitter == 0 { 0 } else { self.rng.next_u64() % jitter })
    }
}
