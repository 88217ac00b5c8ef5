//! SKELETON: the public API that the driver is written against. The bodies follow.
#![allow(clippy::todo, unused)]

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::time::Duration;

use ipnet::IpNet;
use rand_core::CryptoRng;

use super::outbox::Outbox;
use super::path::{Ecn, Path};
use super::time::{Now, Time};
use crate::key::{PresharedKey, PrivateKey, PublicKey};

/// The state machine.
pub struct Tunnel {}

/// A change of one peer. What is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerUpdate {
    /// The inner `None` takes it away. A session goes on with the old one.
    pub preshared_key: Option<Option<PresharedKey>>,
    /// Where to send.
    pub endpoint: Option<SocketAddr>,
    /// Seconds; the inner `None` turns it off.
    pub persistent_keepalive: Option<Option<NonZeroU16>>,
    /// Whether `allowed_ips` is all that shall be left.
    pub replace_allowed_ips: bool,
    /// In the order given.
    pub allowed_ips: Vec<AllowedIpChange>,
}

/// One change of a peer's allowed IPs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AllowedIpChange {
    /// Gives it to this peer, and so takes it from any other.
    Add(IpNet),
    /// Takes it from this peer, if it has it.
    Remove(IpNet),
}

/// One peer, as it stands.
#[derive(Clone, Debug)]
pub struct PeerStatus<'a> {
    pub public_key: PublicKey,
    pub preshared_key: Option<&'a PresharedKey>,
    pub endpoint: Option<SocketAddr>,
    /// The wall clock at the last completed handshake, since the Unix epoch.
    pub last_handshake: Option<Duration>,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub persistent_keepalive: Option<NonZeroU16>,
    pub allowed_ips: Vec<IpNet>,
}

/// What the caller may want to tell people, or act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A handshake initiation went out: the first, second, ... of this attempt.
    Connecting { peer: PublicKey, attempt: u32 },
    /// A new session's keys are confirmed by authentic data.
    Connected { peer: PublicKey },
    /// An authentic packet came from a new address.
    EndpointChanged { peer: PublicKey, endpoint: SocketAddr },
    /// No answer for 90 s: the attempt is given up and what was staged is dropped.
    GaveUp { peer: PublicKey },
}

/// Why a packet from the TUN device goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unroutable {
    #[error("not a whole IPv4 or IPv6 packet")]
    Malformed,
    #[error("no peer's allowed IPs hold the destination")]
    NoPeer,
    #[error("the peer has no endpoint yet")]
    NoEndpoint,
    #[error("no private key is set")]
    NoPrivateKey,
}

/// Why a datagram from the UDP socket is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("more variants follow; treat as opaque, count it and go on")]
    Malformed,
}

impl Tunnel {
    pub fn new(private_key: Option<PrivateKey>, rng: Box<dyn CryptoRng + Send>) -> Self {
        todo!()
    }
    pub fn private_key(&self) -> Option<&PrivateKey> {
        todo!()
    }
    /// Ends all sessions. A peer with our own public key is removed.
    pub fn set_private_key(&mut self, private_key: Option<PrivateKey>) {
        todo!()
    }
    /// The inner MTU, in octets: padding stops there.
    pub fn set_mtu(&mut self, mtu: u16) {
        todo!()
    }
    /// Makes or changes a peer; our own public key is ignored. Anything to be sent because of it is due
    /// at once: call `handle_timeout` when `poll_timeout` says so.
    pub fn upsert_peer(&mut self, public_key: &PublicKey, update: PeerUpdate, now: Now) {
        todo!()
    }
    pub fn remove_peer(&mut self, public_key: &PublicKey) -> bool {
        todo!()
    }
    pub fn contains_peer(&self, public_key: &PublicKey) -> bool {
        todo!()
    }
    /// In the order in which they were added.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus<'_>> {
        core::iter::empty()
    }
    /// The sockets were bound anew or the network is another: local addresses are forgotten and the next
    /// initiation need not wait its 5 s.
    pub fn network_changed(&mut self) {
        todo!()
    }
    /// Sending on this path failed: its local address is not used again.
    pub fn path_failed(&mut self, path: &Path) {
        todo!()
    }
    /// A packet from the TUN device: sealed into `out`, or staged until a handshake is done.
    pub fn handle_packet(&mut self, packet: &[u8], now: Now, out: &mut Outbox) -> Result<(), Unroutable> {
        todo!()
    }
    /// A UDP datagram, opened in place. Some: a decrypted, accepted IP packet in the same buffer.
    pub fn handle_datagram<'d>(
        &mut self,
        datagram: &'d mut [u8],
        path: Path,
        ecn: Ecn,
        now: Now,
        out: &mut Outbox,
    ) -> Result<Option<&'d [u8]>, Rejected> {
        todo!()
    }
    /// Works off one queued handshake (about 0.2 ms); false when none waits.
    pub fn handle_handshake(&mut self, now: Now, out: &mut Outbox) -> bool {
        todo!()
    }
    pub fn handle_timeout(&mut self, now: Now, out: &mut Outbox) {
        todo!()
    }
    /// When `handle_timeout` wants to be called. `None`: the device may sleep.
    pub fn poll_timeout(&self) -> Option<Time> {
        todo!()
    }
    pub fn poll_event(&mut self) -> Option<Event> {
        todo!()
    }
}
