//! One end: an engine, the machine that it runs on, and what it would read from its configuration when it starts anew.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel};
use ipnet::IpNet;

use crate::dice::generator;
use crate::network::{Datagram, Nat};
use crate::plan::{EndPlan, secs};

const PORT: u16 = 51_820;
/// Datagrams that the socket of a machine that sleeps holds.
const HELD_ASLEEP: usize = 20;

pub struct End {
    pub key: PublicKey,
    /// `None` while the machine is down.
    pub tunnel: Option<Tunnel>,
    pub address: SocketAddr,
    pub nat: Option<Nat>,
    pub clock: Clock,
    pub is_asleep: bool,
    /// What came while it slept, as far as its socket holds it.
    pub socket: VecDeque<Datagram>,
    pub peers: BTreeMap<usize, Peer>,
    /// Handshakes wait for the processor.
    pub is_working: bool,
    number: usize,
    seed: u64,
    private_key: PrivateKey,
    boots: u64,
    networks: u8,
}

/// What an end's configuration says of a peer, but for the allowed IPs.
pub struct Peer {
    pub key: PublicKey,
    pub preshared_key: Option<u8>,
    pub keepalive: Option<NonZeroU16>,
    /// When this end last lost its sessions with the peer, if it did.
    pub forgotten_at: Option<Duration>,
}

impl End {
    pub fn new(number: usize, seed: u64, plan: &EndPlan) -> Self {
        let private_key = PrivateKey::generate(&mut generator(seed, 100 + number as u64));
        let mut end = Self {
            key: private_key.public_key(),
            tunnel: None,
            address: SocketAddr::from(([0, 0, 0, 0], PORT)),
            nat: None,
            clock: Clock::new(plan.drift),
            is_asleep: false,
            socket: VecDeque::new(),
            peers: BTreeMap::new(),
            is_working: false,
            number,
            seed,
            private_key,
            boots: 0,
            networks: 0,
        };
        end.join_network(plan.nat);
        end
    }

    /// Another address, behind another NAT if there is one.
    pub fn join_network(&mut self, nat: Option<Duration>) {
        self.networks += 1;
        let outside = IpAddr::from([198, 51, self.number as u8, self.networks]);
        let inside = IpAddr::from([192, 168, self.number as u8, self.networks]);
        self.address.set_ip(if nat.is_some() { inside } else { outside });
        self.nat = nat.map(|lifetime| Nat::new(outside, lifetime));
    }

    pub fn is_up(&self) -> bool {
        self.tunnel.is_some() && !self.is_asleep
    }

    /// Keeps a datagram for when the machine wakes, and loses the oldest where there are too many.
    pub fn hold(&mut self, datagram: Datagram) {
        if self.socket.len() == HELD_ASLEEP {
            self.socket.pop_front();
        }
        self.socket.push_back(datagram);
    }

    /// An engine that knows nothing but its key.
    pub fn boot(&mut self) {
        self.boots += 1;
        self.is_working = false;
        self.is_asleep = false;
        self.socket.clear();
        let rng = generator(self.seed, 1_000 * self.boots + self.number as u64);
        self.tunnel = Some(Tunnel::new(Some(self.private_key.clone()), Box::new(rng)));
    }

    /// What its configuration says of a peer, as a change.
    pub fn update(&self, peer: usize, endpoint: Option<SocketAddr>, networks: Vec<IpNet>) -> PeerUpdate {
        let Peer { preshared_key, keepalive, .. } = &self.peers[&peer];
        PeerUpdate {
            preshared_key: Some(preshared_key.and_then(|octet| PresharedKey::from_bytes(&[octet; 32]))),
            endpoint,
            persistent_keepalive: Some(*keepalive),
            replace_allowed_ips: true,
            allowed_ips: networks.into_iter().map(AllowedIpChange::Add).collect(),
        }
    }

    /// Where the engine sends to.
    pub fn endpoint_of(&self, peer: usize) -> Option<SocketAddr> {
        let key = self.peers[&peer].key;
        self.tunnel.as_ref()?.peers().find(|status| status.public_key == key)?.endpoint
    }

    /// When the engine wants to be called, in the world's time.
    pub fn deadline(&self) -> Option<Duration> {
        let tunnel = self.tunnel.as_ref().filter(|_| !self.is_asleep)?;
        tunnel.poll_timeout().map(|at| self.clock.when(at))
    }
}

/// A machine's clocks, neither of which is the world's.
pub struct Clock {
    /// In millionths.
    drift: i64,
    /// Seconds that the wall clock is off.
    step: i64,
    least_step: i64,
    /// The latest that the wall clock has ever said.
    latest: Duration,
}

const ORIGIN: Duration = secs(1_000);
const EPOCH: Duration = secs(1_700_000_000);
const MILLION: i128 = 1_000_000;

impl Clock {
    fn new(drift: i64) -> Self {
        Self { drift, step: 0, least_step: i64::MIN, latest: Duration::ZERO }
    }

    fn mono(&self, now: Duration) -> Duration {
        let nanos = now.as_nanos() as i128;
        let drifted = nanos + nanos * i128::from(self.drift) / MILLION;
        ORIGIN + Duration::from_nanos(drifted as u64)
    }

    /// The first moment of the world's time at which this clock shows `time`.
    fn when(&self, time: Time) -> Duration {
        let nanos = time.since_origin().saturating_sub(ORIGIN).as_nanos() as i128;
        let undrifted = nanos * MILLION / (MILLION + i128::from(self.drift));
        Duration::from_nanos(undrifted as u64 + 2)
    }

    pub fn read(&mut self, now: Duration) -> Now {
        let mono = self.mono(now);
        let unix = (EPOCH + mono).as_secs() as i64 + self.step;
        let unix = Duration::new(unix.max(0) as u64, mono.subsec_nanos());
        self.latest = self.latest.max(unix);
        Now { mono: Time::from_origin(mono), unix }
    }

    /// Not to before the end was started: see [`Self::start`].
    pub fn step(&mut self, seconds: i64) {
        self.step = (self.step + seconds).max(self.least_step);
    }

    /// A machine that starts anew has a wall clock that is later than all it has ever said: with an earlier one, peers must
    /// take its handshakes for replays (section 5.1), and no implementation can help it.
    pub fn start(&mut self, now: Duration) {
        let right = (EPOCH + self.mono(now)).as_secs() as i64;
        self.least_step = (self.latest.as_secs() as i64 + 60 - right).max(0);
        self.step = self.least_step;
    }
}
