//! Engines that know each other, and the datagrams between them. Everything that an engine does is checked here,
//! whoever asked for it.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use adit_core::key::{PrivateKey, PublicKey};
use adit_core::proto::outbox::{Outbox, Transmit};
use adit_core::proto::path::{Ecn, Path};
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Rejected, Tunnel, Unroutable};
use adit_core::proto::wire::ip::Inner;
use ipnet::IpNet;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::model::{KeyPair, Model};
use crate::packet::{Sent, packet};

/// The last one is nobody's peer at first.
pub const ENDS: usize = 4;

/// More would only repeat what fewer do.
const MOST_IN_FLIGHT: usize = 64;

/// Each end's keys.
pub static KEYS: LazyLock<[KeyPair; ENDS]> = LazyLock::new(|| {
    std::array::from_fn(|end| {
        let private = PrivateKey::from_bytes(&[end as u8 + 1; 32]);
        let public = private.public_key();
        (private, public)
    })
});

pub struct Datagram {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub ecn: Ecn,
    pub bytes: Vec<u8>,
}

pub struct End {
    pub tunnel: Tunnel,
    pub model: Model,
    pub address: SocketAddr,
    pub local: Option<IpAddr>,
    pub mtu: u16,
    /// The last that it sent, which may be told to have failed, however late.
    pub last_sent: Option<Transmit>,
}

pub struct World {
    pub ends: Vec<End>,
    pub in_flight: VecDeque<Datagram>,
    pub now: Now,
    pub sent: Vec<Sent>,
    /// Packets that reached each end's applications.
    pub delivered: [usize; ENDS],
    packets: u16,
    out: Outbox,
}

/// What nobody may change without a key.
#[derive(Debug, PartialEq)]
struct Snapshot {
    peers: Vec<Known>,
    deadline: Option<Time>,
    receiver_indices: usize,
}

/// What is known of a peer.
#[derive(Debug, PartialEq)]
struct Known {
    public_key: PublicKey,
    endpoint: Option<SocketAddr>,
    last_handshake: Option<Duration>,
    rx_bytes: u64,
    tx_bytes: u64,
}

impl World {
    pub fn new() -> Self {
        let ends = (0..ENDS).map(|end| {
            let rng = ChaCha20Rng::seed_from_u64(end as u64);
            let mut model = Model::default();
            model.set_own(Some(&KEYS[end]));
            End {
                tunnel: Tunnel::new(Some(KEYS[end].0.clone()), Box::new(rng)),
                model,
                address: address(end, 0),
                local: None,
                mtu: adit_core::proto::tunnel::DEFAULT_MTU,
                last_sent: None,
            }
        });
        let mut world = Self {
            ends: ends.collect(),
            in_flight: VecDeque::new(),
            now: Now {
                mono: Time::from_origin(Duration::from_secs(1_000)),
                unix: Duration::from_secs(1_700_000_000),
            },
            sent: Vec::new(),
            delivered: [0; ENDS],
            packets: 0,
            out: Outbox::new(64),
        };
        for end in 0..ENDS {
            for whom in (0..ENDS - 1).filter(|whom| *whom != end) {
                world.introduce(end, whom);
            }
        }
        world
    }

    /// Makes `whom` a peer of `end` in the usual way.
    pub fn introduce(&mut self, end: usize, whom: usize) {
        let own = [false, true].map(|is_v6| AllowedIpChange::Add(IpNet::from(inner(whom, is_v6))));
        let update = PeerUpdate {
            preshared_key: Some(None),
            endpoint: Some(self.ends[whom].address),
            persistent_keepalive: Some(None),
            replace_allowed_ips: true,
            allowed_ips: own.to_vec(),
        };
        self.upsert(end, whom, update);
    }

    pub fn upsert(&mut self, end: usize, whom: usize, update: PeerUpdate) {
        let end = &mut self.ends[end];
        end.model.upsert(&KEYS[whom].1, &update);
        end.tunnel.upsert_peer(&KEYS[whom].1, update, self.now);
    }

    pub fn set_private_key(&mut self, end: usize, whose: Option<usize>) {
        let end = &mut self.ends[end];
        end.model.set_own(whose.map(|whose| &KEYS[whose]));
        end.tunnel.set_private_key(whose.map(|whose| KEYS[whose].0.clone()), self.now);
    }

    /// A packet of an application at one end for one at another.
    pub fn packet(&mut self, from: usize, to: usize, is_v6: bool, ecn: u8, payload: &[u8]) -> Vec<u8> {
        self.packets += 1;
        packet(inner(from, is_v6), inner(to, is_v6), ecn, self.packets, payload)
    }

    /// Hands packets to an engine: all go where the first one goes, as the segments of one large packet do.
    pub fn send(&mut self, from: usize, packets: &[Vec<u8>]) {
        let End { tunnel, model, .. } = &mut self.ends[from];
        let Some(head) = packets.first() else { return };
        let to = Inner::parse(head).and_then(|inner| model.owner(inner.destination));
        match tunnel.batch(self.now).route(head, &mut self.out) {
            Ok(mut sealer) => {
                let (from, to) =
                    (model.own().expect("who sends has a key"), to.expect("who is sent to is known"));
                for packet in packets {
                    sealer.push(packet.len(), |room| room.copy_from_slice(packet));
                    self.sent.push(Sent { from, to, payload: packet.clone() });
                }
            }
            Err(Unroutable::Malformed) => assert_eq!(Inner::parse(head), None),
            Err(Unroutable::NoPeer) => assert_eq!(to, None),
            Err(Unroutable::NoPrivateKey) => assert_eq!(model.own(), None),
            Err(Unroutable::NoEndpoint { .. }) => {}
        }
        self.flush(from);
    }

    /// A datagram reaches whoever is at its address.
    pub fn deliver(&mut self, mut datagram: Datagram) {
        let Some(at) = self.ends.iter().position(|end| end.address == datagram.to) else { return };
        let before = self.snapshot(at);
        let End { tunnel, local, .. } = &mut self.ends[at];
        let path = Path { remote: datagram.from, local: *local };
        let kind = datagram.bytes.first().copied();
        let opened = tunnel.handle_datagram(&mut datagram.bytes, path, datagram.ecn, self.now, &mut self.out);
        match opened {
            Ok(Some(packet)) => {
                let packet = packet.to_vec();
                self.assert_was_sent(at, &packet, datagram.ecn);
            }
            Ok(None) if kind == Some(4) => {}
            // Authentic, and then refused.
            Err(Rejected::NotAPacket | Rejected::SourceNotAllowed | Rejected::Congested) => {}
            // A handshake that waits, a cookie, and whatever proves nothing.
            opened => {
                let replies = usize::from(opened == Err(Rejected::Challenged));
                assert_eq!(self.out.transmits().len(), replies, "{opened:?} is answered");
                assert_eq!(before, self.snapshot(at), "{opened:?} changes something");
            }
        }
        self.flush(at);
    }

    /// Works off one handshake; false when none waits.
    pub fn work(&mut self, end: usize) -> bool {
        let before = self.snapshot(end);
        let worked = self.ends[end].tunnel.handle_handshake(self.now, &mut self.out);
        if let Some(Err(refused)) = worked {
            assert!(self.out.is_empty(), "{refused} is answered");
            assert_eq!(before, self.snapshot(end), "{refused} changes something");
        }
        self.flush(end);
        worked.is_some()
    }

    /// Does what is due at an end.
    pub fn handle_timeout(&mut self, end: usize) {
        self.ends[end].tunnel.handle_timeout(self.now, &mut self.out);
        self.flush(end);
        let next = self.ends[end].tunnel.poll_timeout();
        assert!(next.is_none_or(|at| at > self.now.mono), "what was due is done");
    }

    /// Lets time pass as on a machine that sleeps: what was due on the way is done afterwards.
    pub fn sleep(&mut self, duration: Duration) {
        self.pass(duration);
        (0..ENDS).for_each(|end| self.handle_timeout(end));
    }

    /// Lets time pass, and does what is due on the way, up to a number of deadlines.
    pub fn advance(&mut self, duration: Duration) {
        const MOST_DEADLINES: usize = 16;
        let end = self.now.mono + duration;
        for _ in 0..MOST_DEADLINES {
            let Some(next) = self.next_deadline().filter(|next| *next <= end) else { break };
            self.sleep(next - self.now.mono);
        }
        self.sleep(end - self.now.mono);
    }

    fn next_deadline(&self) -> Option<Time> {
        self.ends.iter().filter_map(|end| end.tunnel.poll_timeout()).min()
    }

    fn pass(&mut self, duration: Duration) {
        self.now.mono = self.now.mono + duration;
        self.now.unix += duration;
    }

    /// All that is in flight arrives, in order, and so does what comes of it, up to a number of datagrams.
    pub fn settle(&mut self) {
        const MOST_DATAGRAMS: usize = 100;
        for _ in 0..MOST_DATAGRAMS {
            let Some(datagram) = self.in_flight.pop_front() else { break };
            self.deliver(datagram);
            for end in 0..ENDS {
                while self.work(end) {}
            }
        }
    }

    /// Puts what an engine has built on the link.
    fn flush(&mut self, from: usize) {
        let End { model, address, mtu, .. } = &self.ends[from];
        for transmit in self.out.transmits() {
            assert!(model.own().is_some(), "who has no key sends nothing");
            for bytes in self.out.bytes(transmit).chunks(transmit.segment_size) {
                assert_is_well_formed(bytes, transmit.ecn, *mtu);
                self.in_flight.push_back(Datagram {
                    from: *address,
                    to: transmit.path.remote,
                    ecn: transmit.ecn,
                    bytes: bytes.to_vec(),
                });
            }
        }
        if let Some(last) = self.out.transmits().last() {
            self.ends[from].last_sent = Some(last.clone());
        }
        self.out.clear();
        let too_many = self.in_flight.len().saturating_sub(MOST_IN_FLIGHT);
        self.in_flight.drain(..too_many);
    }

    fn snapshot(&self, end: usize) -> Snapshot {
        let tunnel = &self.ends[end].tunnel;
        let peers = tunnel.peers().map(|peer| Known {
            public_key: peer.public_key,
            endpoint: peer.endpoint,
            last_handshake: peer.last_handshake,
            rx_bytes: peer.rx_bytes,
            tx_bytes: peer.tx_bytes,
        });
        Snapshot {
            peers: peers.collect(),
            deadline: tunnel.poll_timeout(),
            receiver_indices: tunnel.receiver_indices(),
        }
    }

    /// Somebody sent it, to this end, whose source address is his here; and it has not arrived before.
    fn assert_was_sent(&mut self, at: usize, packet: &[u8], outer: Ecn) {
        let model = &self.ends[at].model;
        let inner = Inner::parse(packet).expect("what is delivered is a packet");
        assert_eq!(inner.len, packet.len());
        let (from, to) = (model.owner(inner.source), model.own());
        let is_it = |sent: &Sent| Some(sent.from) == from && Some(sent.to) == to && sent.is(packet, outer);
        let place = self.sent.iter().position(is_it);
        self.sent.swap_remove(place.expect("what is delivered was sent, and is delivered once"));
        self.delivered[at] += 1;
    }

    /// What holds after every action.
    pub fn check(&self) {
        for End { tunnel, model, .. } in &self.ends {
            model.assert_is_of(tunnel);
            // Three keypairs and one handshake under way.
            let most = if model.own().is_some() { 4 * tunnel.peers().count() } else { 0 };
            assert!(tunnel.receiver_indices() <= most, "{} receiver indices", tunnel.receiver_indices());
        }
    }
}

/// One of the four messages; transport data is padded, and it alone has a congestion field.
fn assert_is_well_formed(datagram: &[u8], ecn: Ecn, mtu: u16) {
    match (datagram[0], datagram.len()) {
        (1, 148) | (2, 92) | (3, 64) => assert_eq!(ecn, Ecn::NotEct),
        (4, len @ 32..) => {
            let padded = len - 32;
            assert!(padded.is_multiple_of(16) || padded >= mtu.into(), "{padded} octets for {mtu}");
        }
        other => panic!("an engine sent {other:?}"),
    }
}

/// Where an end may be: at one of two ports, by IPv4 or IPv6.
pub fn address(end: usize, place: u16) -> SocketAddr {
    let port = 51_820 + place % 2;
    let host = end as u8 + 1;
    match place / 2 {
        0 => ([192, 0, 2, host], port).into(),
        _ => ([0x2001, 0xdb8, 0, 0, 0, 0, 0, host.into()], port).into(),
    }
}

/// An end's addresses within the tunnel.
fn inner(end: usize, is_v6: bool) -> IpAddr {
    let host = end as u8 + 1;
    if is_v6 { [0xfd00, 0, 0, 0, 0, 0, 0, host.into()].into() } else { [10, 0, 0, host].into() }
}
