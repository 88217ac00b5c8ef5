//! Engines on a simulated network, whose clock only `advance` moves.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::time::Duration;

use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::{Ecn, Path};
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, Event, PeerUpdate, Rejected, Tunnel, Unroutable};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::link::Link;
pub use crate::link::{Datagram, Kind};
use crate::packet::ipv4;

/// The first two ends of every world.
pub const A: usize = 0;
pub const B: usize = 1;

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// One engine, its address and what came out of it.
pub struct End {
    pub tunnel: Tunnel,
    pub key: PublicKey,
    pub address: SocketAddr,
    pub local: Option<std::net::IpAddr>,
    delivered: Vec<Vec<u8>>,
    rejected: Vec<Rejected>,
    asleep: bool,
}

pub struct World {
    pub ends: Vec<End>,
    pub link: Link,
    pub now: Now,
    /// Everything sent, since it was last taken.
    sent: Vec<Datagram>,
    in_flight: BTreeMap<(Time, u64), Datagram>,
    flights: u64,
    out: Outbox,
}

impl World {
    /// Two ends that know each other's key, endpoint and addresses.
    pub fn pair(seed: u64) -> Self {
        let mut world = Self::strangers(2, seed);
        world.introduce(A, B);
        world.introduce(B, A);
        world
    }

    /// Ends that know nobody.
    pub fn strangers(count: usize, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let ends = (0..count).map(|end| {
            let private_key = PrivateKey::generate(&mut rng);
            End {
                key: private_key.public_key(),
                tunnel: Tunnel::new(Some(private_key), Box::new(ChaCha20Rng::seed_from_u64(rng.next_u64()))),
                address: SocketAddr::from(([192, 0, 2, end as u8 + 1], 51_820)),
                local: None,
                delivered: Vec::new(),
                rejected: Vec::new(),
                asleep: false,
            }
        });
        Self {
            ends: ends.collect(),
            now: Now { mono: Time::from_origin(secs(1_000)), unix: secs(1_700_000_000) },
            sent: Vec::new(),
            in_flight: BTreeMap::new(),
            flights: 0,
            out: Outbox::new(64),
            link: Link::new(rng),
        }
    }

    /// The inner addresses of an end.
    pub fn inner(end: usize) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, 0, end as u8 + 1)
    }

    /// Makes `whom` a peer of `end`, with endpoint and addresses.
    pub fn introduce(&mut self, end: usize, whom: usize) {
        let update = PeerUpdate {
            endpoint: Some(self.ends[whom].address),
            allowed_ips: vec![
                AllowedIpChange::Add(format!("{}/32", Self::inner(whom)).parse().unwrap()),
                AllowedIpChange::Add(format!("fd00::{}/128", whom + 1).parse().unwrap()),
            ],
            ..PeerUpdate::default()
        };
        self.configure(end, whom, update);
    }

    pub fn configure(&mut self, end: usize, whom: usize, update: PeerUpdate) {
        let key = self.ends[whom].key;
        self.ends[end].tunnel.upsert_peer(&key, update, self.now);
        self.run();
    }

    pub fn set_preshared_key(&mut self, end: usize, whom: usize, octet: u8) {
        let preshared_key = Some(PresharedKey::from_bytes(&[octet; 32]));
        self.configure(end, whom, PeerUpdate { preshared_key, ..PeerUpdate::default() });
    }

    pub fn set_keepalive(&mut self, end: usize, whom: usize, seconds: u16) {
        let persistent_keepalive = Some(NonZeroU16::new(seconds));
        self.configure(end, whom, PeerUpdate { persistent_keepalive, ..PeerUpdate::default() });
    }

    /// An inner packet from one end to another, with a payload that tells it from others.
    pub fn packet(from: usize, to: usize, payload: &[u8]) -> Vec<u8> {
        ipv4(Self::inner(from), Self::inner(to), payload)
    }

    /// An application at `from` sends to the one at `to`.
    pub fn send(&mut self, from: usize, to: usize, payload: &[u8]) -> Vec<u8> {
        let packet = Self::packet(from, to, payload);
        self.try_send(from, &packet).expect("the packet has a way");
        packet
    }

    pub fn try_send(&mut self, from: usize, packet: &[u8]) -> Result<(), Unroutable> {
        let routed = self.ends[from].tunnel.handle_packet(packet, self.now, &mut self.out);
        self.flush(from);
        self.run();
        routed
    }

    /// Hands a datagram straight to an end, whatever the link would do.
    pub fn inject(&mut self, to: usize, bytes: &[u8], from: SocketAddr) -> Result<Option<Vec<u8>>, Rejected> {
        self.inject_marked(to, bytes, from, Ecn::NotEct)
    }

    pub fn inject_marked(
        &mut self,
        to: usize,
        bytes: &[u8],
        from: SocketAddr,
        ecn: Ecn,
    ) -> Result<Option<Vec<u8>>, Rejected> {
        let end = &mut self.ends[to];
        let path = Path { remote: from, local: end.local };
        let mut bytes = bytes.to_vec();
        let opened = end.tunnel.handle_datagram(&mut bytes, path, ecn, self.now, &mut self.out);
        let opened = opened.map(|packet| packet.map(<[u8]>::to_vec));
        self.flush(to);
        opened
    }

    /// Works off one queued handshake of an end.
    pub fn handle_handshake(&mut self, end: usize) -> Option<Result<(), Rejected>> {
        let worked = self.ends[end].tunnel.handle_handshake(self.now, &mut self.out);
        self.flush(end);
        worked
    }

    /// Works off all of them, and notes what is refused.
    pub fn handle_handshakes(&mut self, end: usize) {
        while let Some(worked) = self.handle_handshake(end) {
            self.ends[end].rejected.extend(worked.err());
        }
    }

    /// Lets time pass, and does all that is due on the way.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        self.run();
        while let Some(next) = self.next_cause().filter(|next| *next <= end) {
            self.pass(next - self.now.mono);
            self.run();
        }
        self.pass(end - self.now.mono);
    }

    /// Until nothing is on the way and nobody waits for anything sooner than `idle` from now.
    pub fn settle(&mut self) {
        self.advance(secs(1));
    }

    fn pass(&mut self, duration: Duration) {
        self.now.mono = self.now.mono + duration;
        self.now.unix += duration;
    }

    fn next_cause(&self) -> Option<Time> {
        let arrival = self.in_flight.keys().next().map(|(at, _)| *at);
        let awake = self.ends.iter().filter(|end| !end.asleep);
        awake.filter_map(|end| end.tunnel.poll_timeout()).chain(arrival).min()
    }

    /// Does all that is due now.
    fn run(&mut self) {
        while let Some(entry) = self.in_flight.first_entry().filter(|entry| entry.key().0 <= self.now.mono) {
            let datagram = entry.remove();
            self.deliver(&datagram);
        }
        for end in 0..self.ends.len() {
            let due = |end: &End, now: Now| end.tunnel.poll_timeout().is_some_and(|at| at <= now.mono);
            if !self.ends[end].asleep && due(&self.ends[end], self.now) {
                self.ends[end].tunnel.handle_timeout(self.now, &mut self.out);
                self.flush(end);
                assert!(!due(&self.ends[end], self.now), "what was due is done");
            }
        }
    }

    fn deliver(&mut self, datagram: &Datagram) {
        let Some(to) = self.ends.iter().position(|end| end.address == datagram.to && !end.asleep) else {
            return;
        };
        match self.inject(to, &datagram.bytes, datagram.from) {
            Ok(Some(packet)) => self.ends[to].delivered.push(packet),
            Ok(None) => {}
            Err(rejected) => self.ends[to].rejected.push(rejected),
        }
        self.handle_handshakes(to);
    }

    /// Puts what an end has sent on the link.
    fn flush(&mut self, from: usize) {
        let out = std::mem::replace(&mut self.out, Outbox::new(64));
        for transmit in out.transmits() {
            for bytes in out.bytes(transmit).chunks(transmit.segment_size) {
                self.transmit(Datagram {
                    at: self.now.mono,
                    from: self.ends[from].address,
                    to: transmit.path.remote,
                    local: transmit.path.local,
                    ecn: transmit.ecn,
                    bytes: bytes.to_vec(),
                });
            }
        }
    }

    fn transmit(&mut self, datagram: Datagram) {
        for delay in self.link.carry(&datagram) {
            self.flights += 1;
            self.in_flight.insert((self.now.mono + delay, self.flights), datagram.clone());
        }
        self.sent.push(datagram);
    }

    /// The link drops what is sent next.
    pub fn drop_next(&mut self, datagrams: usize) {
        self.link.drop_next = datagrams;
    }

    /// The link drops the next datagram of this kind that this end sends.
    pub fn drop_next_of(&mut self, from: usize, kind: Kind) {
        self.link.drop_next_of = Some((self.ends[from].address, kind));
    }

    /// An application sends, and the link drops what comes of it.
    pub fn send_lost(&mut self, from: usize, to: usize, payload: &[u8]) -> (Vec<u8>, Datagram) {
        self.drop_next(1);
        let packet = self.send(from, to, payload);
        (packet, self.sent.last().expect("something was sent").clone())
    }

    /// The machine sleeps: its clock goes on, its timers do not run and nothing reaches it.
    pub fn sleep(&mut self, end: usize) {
        self.ends[end].asleep = true;
    }

    pub fn wake(&mut self, end: usize) {
        self.ends[end].asleep = false;
        self.run();
    }

    /// What reached the applications at an end, since it was last taken.
    pub fn delivered(&mut self, end: usize) -> Vec<Vec<u8>> {
        std::mem::take(&mut self.ends[end].delivered)
    }

    /// Where an end sends to, if it has one peer.
    pub fn endpoint(&self, end: usize) -> Option<SocketAddr> {
        self.ends[end].tunnel.peers().next().expect("it has a peer").endpoint
    }

    /// What an end refused, since it was last taken.
    pub fn rejected(&mut self, end: usize) -> Vec<Rejected> {
        std::mem::take(&mut self.ends[end].rejected)
    }

    /// Everything sent by either end, since it was last taken.
    pub fn sent(&mut self) -> Vec<Datagram> {
        std::mem::take(&mut self.sent)
    }

    /// What an end sent since it was last taken, by kind.
    pub fn kinds_from(&mut self, end: usize) -> Vec<Kind> {
        let address = self.ends[end].address;
        self.sent().iter().filter(|datagram| datagram.from == address).map(Datagram::kind).collect()
    }

    /// Who sent initiations since it was last asked, in order.
    pub fn initiators(&mut self) -> Vec<usize> {
        let sent = self.sent();
        let initiations = sent.iter().filter(|sent| sent.kind() == Kind::Initiation);
        let whose = |sent: &Datagram| self.ends.iter().position(|end| end.address == sent.from);
        initiations.filter_map(whose).collect()
    }

    pub fn events(&mut self, end: usize) -> Vec<Event> {
        std::iter::from_fn(|| self.ends[end].tunnel.poll_event()).collect()
    }

    /// Brings a session up between A and B, begun by A, and forgets how.
    pub fn connect(&mut self) {
        self.assert_connected();
        self.sent();
        self.events(A);
        self.events(B);
    }

    /// A packet each way arrives.
    #[track_caller]
    pub fn assert_connected(&mut self) {
        for (from, to) in [(A, B), (B, A)] {
            let packet = self.send(from, to, b"are you there?");
            self.settle();
            assert!(self.delivered(to).contains(&packet), "{from} reaches {to}");
        }
    }

    /// Ages a fresh session without letting any timer but keepalives run out: a packet each way now and then.
    pub fn chat(&mut self, duration: Duration) {
        let end = self.now.mono + duration;
        while self.now.mono < end {
            self.send(A, B, b"ping");
            self.advance(secs(1));
            self.send(B, A, b"pong");
            self.advance((end - self.now.mono).min(secs(4)));
        }
    }
}
