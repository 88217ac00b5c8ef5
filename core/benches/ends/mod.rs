//! Two engines that talk to each other, among as many other peers as a benchmark asks for. Knows nothing of criterion.

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Duration;

use adit_core::key::{PrivateKey, PublicKey};
use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::{Ecn, Path};
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Where the two ends that talk to each other have their addresses, beside all others'.
pub(crate) const TALKERS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 168, 0, 1), Ipv4Addr::new(192, 168, 0, 2)];

pub(crate) fn at(seconds: u64) -> Now {
    Now { mono: Time::from_origin(Duration::from_secs(seconds)), unix: Duration::from_secs(1_700_000_000) }
}

pub(crate) fn rng() -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(1)
}

pub(crate) fn keys(count: u32) -> Vec<PublicKey> {
    let mut rng = rng();
    let mut key = || {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        PublicKey::from_bytes(bytes)
    };
    (0..count).map(|_| key()).collect()
}

/// The address of a peer, or of one of a peer's networks.
pub(crate) fn address(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits((10 << 24) + number)
}

pub(crate) fn host(address: Ipv4Addr) -> AllowedIpChange {
    AllowedIpChange::Add(format!("{address}/32").parse().expect("an address and a length"))
}

/// A peer with one address.
fn one_address(address: Ipv4Addr) -> PeerUpdate {
    PeerUpdate { allowed_ips: vec![host(address)], ..PeerUpdate::default() }
}

/// Gives the tunnel these peers, of one address each.
pub(crate) fn load(tunnel: &mut Tunnel, keys: &[PublicKey]) {
    for (key, number) in keys.iter().zip(0..) {
        tunnel.upsert_peer(key, one_address(address(number)), at(0));
    }
}

/// An IPv4 packet of so many octets, its header included.
pub(crate) fn packet(source: Ipv4Addr, destination: Ipv4Addr, len: usize) -> Vec<u8> {
    let mut packet = vec![0; len];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(len as u16).to_be_bytes());
    packet[12..16].copy_from_slice(&source.octets());
    packet[16..20].copy_from_slice(&destination.octets());
    packet
}

/// Two ends, each of which has all the other peers, too.
pub(crate) struct Pair {
    ends: [Tunnel; 2],
    outbox: Outbox,
}

impl Pair {
    /// With a session, and with so many peers.
    pub(crate) fn new(count: u32) -> Self {
        let mut pair = Self::unacquainted(count);
        pair.shake_hands();
        pair
    }

    /// Without a session yet.
    pub(crate) fn unacquainted(count: u32) -> Self {
        let private_keys = [1, 2].map(|octet| PrivateKey::from_bytes(&[octet; 32]));
        let others = keys(count - 1);
        let ends = [0, 1].map(|end: usize| {
            let mut tunnel = Tunnel::new(Some(private_keys[end].clone()), Box::new(rng()));
            load(&mut tunnel, &others);
            let update = PeerUpdate { endpoint: Some(path(1 - end).remote), ..one_address(TALKERS[1 - end]) };
            tunnel.upsert_peer(&private_keys[1 - end].public_key(), update, at(0));
            tunnel
        });
        Self { ends, outbox: Outbox::new(1) }
    }

    /// A packet begins a handshake, and arrives at its end.
    pub(crate) fn shake_hands(&mut self) {
        self.send(&packet(TALKERS[0], TALKERS[1], 84), 1);
        for receiver in [1, 0, 1] {
            let mut datagrams = self.sent();
            self.receive(receiver, &mut datagrams);
        }
        assert!(self.outbox.is_empty(), "an answer to data");
    }

    /// The first end's application sends this packet to the second's, so many times in one batch.
    pub(crate) fn send(&mut self, packet: &[u8], count: usize) {
        let mut batch = self.ends[0].batch(at(0));
        for _ in 0..count {
            batch.handle_packet(black_box(packet), &mut self.outbox).expect("a way");
        }
    }

    /// What has been sent. It is forgotten.
    pub(crate) fn sent(&mut self) -> Vec<Vec<u8>> {
        let transmits = self.outbox.transmits().iter();
        let datagrams = transmits.map(|transmit| self.outbox.bytes(transmit).to_vec()).collect();
        self.forget();
        datagrams
    }

    /// Forgets what has been sent.
    pub(crate) fn forget(&mut self) {
        self.outbox.clear();
    }

    /// These arrive in one batch, and what handshakes there are get worked off.
    pub(crate) fn receive(&mut self, receiver: usize, datagrams: &mut [Vec<u8>]) {
        let Self { ends, outbox } = self;
        let from = path(1 - receiver);
        let mut batch = ends[receiver].batch(at(0));
        for datagram in datagrams {
            let packet = batch.handle_datagram(datagram, from, Ecn::NotEct, outbox).expect("authentic");
            black_box(packet);
        }
        while ends[receiver].handle_handshake(at(0), outbox).is_some() {}
    }
}

/// Where an end is.
fn path(end: usize) -> Path {
    Path::to(([192, 0, 2, end as u8 + 1], 51_820).into())
}
