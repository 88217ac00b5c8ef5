//! The one state machine that a caller talks to.
//!
//! A caller reads the clock once a batch, hands in what came from either side, works off queued handshakes until
//! [`Tunnel::handle_handshake`] gives `None`, sends what stands in the [`Outbox`], and calls [`Tunnel::handle_timeout`] when
//! [`Tunnel::poll_timeout`] says so. That is the contract; there is nothing else to be called regularly.

mod batch;
mod egress;
mod event;
mod handshakes;
mod ingress;
mod settings;
mod timeouts;

use alloc::boxed::Box;

use rand_core::CryptoRng;

pub use super::noise::cookie::UnwantedCookie;
pub use super::noise::handshake::HandshakeError;
pub use super::session::keypair::OpenError;
pub use super::wire::message::NotAMessage;
pub use batch::Batch;
pub use egress::{Sealer, Unroutable};
pub use event::Event;
pub use ingress::Rejected;
pub use settings::{AllowedIpChange, PeerStatus, PeerUpdate};

use super::admission::Admission;
use super::noise::cookie::MacKeys;
use super::noise::handshake::Identity;
#[cfg(doc)]
use super::outbox::Outbox;
use super::peer::PeerId;
use super::peer::table::PeerTable;
use super::routing::allowed_ips::AllowedIps;
use super::routing::receiver_index::ReceiverIndices;
use super::session::keyring::Retired;
use super::time::Time;
use crate::key::PrivateKey;
use event::Events;

/// Octets in an inner packet at the most, until [`Tunnel::set_mtu`] says otherwise: what an Ethernet of 1,500 leaves when the
/// outer packet is IPv6.
pub const DEFAULT_MTU: u16 = 1_420;

/// This end of a WireGuard network: one private key, any number of peers.
pub struct Tunnel {
    /// In a place of its own: a tunnel that moves must not leave copies of the private key behind.
    us: Option<Box<Us>>,
    peers: PeerTable,
    allowed_ips: AllowedIps,
    indices: ReceiverIndices,
    admission: Admission,
    events: Events,
    mtu: usize,
    rng: Box<dyn CryptoRng + Send>,
}

/// What follows from our private key.
struct Us {
    identity: Identity,
    mac_keys: MacKeys,
}

impl Tunnel {
    /// A tunnel without peers. Without a private key it does nothing until it is given one. All randomness comes from
    /// `rng`: ephemeral keys, receiver indices, cookies and the jitter of retries.
    pub fn new(private_key: Option<PrivateKey>, rng: Box<dyn CryptoRng + Send>) -> Self {
        Self {
            us: private_key.map(|key| Box::new(Us::new(key))),
            peers: PeerTable::default(),
            allowed_ips: AllowedIps::default(),
            indices: ReceiverIndices::default(),
            admission: Admission::new(),
            events: Events::default(),
            mtu: DEFAULT_MTU.into(),
            rng,
        }
    }

    /// When [`Self::handle_timeout`] wants to be called. `None`: never, so the machine may sleep until a packet comes.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.peers.next_deadline().map(|(at, _)| at)
    }

    /// What happened, oldest first. Whoever does not ask loses the oldest.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// How many receiver indices are in use: one for each handshake under way and each keypair.
    pub fn receiver_indices(&self) -> usize {
        self.indices.len()
    }

    /// Frees the indices of keypairs that are no more. Dropping these wipes their keys.
    fn retire(&mut self, retired: Retired) {
        for keypair in retired.into_iter().flatten() {
            self.indices.free(keypair.local());
        }
    }

    /// Ends a peer's sessions, whatever handshake is under way and what waits for it.
    fn end_sessions(&mut self, id: PeerId) {
        let Some(contact) = self.peers[id].contact_so_far_mut() else { return };
        drop(contact.staged.take());
        let retired = contact.keyring.clear();
        self.retire(retired);
        self.abandon_attempt(id);
    }
}

impl Us {
    fn new(private_key: PrivateKey) -> Self {
        let identity = Identity::new(private_key);
        let mac_keys = MacKeys::new(&identity.public);
        Self { identity, mac_keys }
    }
}
