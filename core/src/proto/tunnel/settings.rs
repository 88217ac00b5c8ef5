//! Configuration while it runs: keys, peers and what is known of them. Each change is whole and cannot fail; what it leads to is
//! due at once and leaves with the next [`Tunnel::handle_timeout`].

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::num::NonZeroU16;
use core::time::Duration;

use ipnet::IpNet;

use super::{Tunnel, Us};
use crate::key::{PresharedKey, PrivateKey, PublicKey};
use crate::proto::outbox::Transmit;
use crate::proto::path::Path;
use crate::proto::peer::PeerId;
use crate::proto::peer::contact::Attempt;
use crate::proto::peer::timers::Timer;
use crate::proto::time::Now;

/// A change of one peer. What is `None` or empty stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerUpdate {
    /// The inner `None` takes it away. A session goes on with the old one.
    pub preshared_key: Option<Option<PresharedKey>>,
    /// Where to send, until an authentic packet comes from elsewhere.
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
    /// Who.
    pub public_key: PublicKey,
    /// The key mixed into handshakes, if any.
    pub preshared_key: Option<&'a PresharedKey>,
    /// Where it is sent to.
    pub endpoint: Option<SocketAddr>,
    /// The wall clock at the last completed handshake, since the Unix epoch.
    pub last_handshake: Option<Duration>,
    /// Octets received: outer UDP payloads that were authentic.
    pub rx_bytes: u64,
    /// Octets sent: outer UDP payloads.
    pub tx_bytes: u64,
    /// Seconds.
    pub persistent_keepalive: Option<NonZeroU16>,
    /// In the order in which they were given, IPv4 first.
    pub allowed_ips: Vec<IpNet>,
}

impl Tunnel {
    /// Ours, if there is one.
    pub fn private_key(&self) -> Option<&PrivateKey> {
        self.us.as_ref().map(|us| &us.identity.private)
    }

    /// Another private key ends all sessions, and a peer who has our public key is removed. The same one changes nothing.
    pub fn set_private_key(&mut self, private_key: Option<PrivateKey>, now: Now) {
        if self.private_key() == private_key.as_ref() {
            return;
        }
        self.us = private_key.map(|key| Box::new(Us::new(key)));
        self.admission.clear();
        for id in self.peers.ids() {
            self.end_sessions(id);
            let peer = &mut self.peers[id];
            if let Some(contact) = peer.contact_so_far_mut() {
                contact.forget_identity();
                for timer in [Timer::NewHandshake, Timer::PassiveKeepalive, Timer::Wipe] {
                    contact.timers.clear(timer);
                }
            }
            if peer.persistent_keepalive.is_some() {
                peer.contact().timers.set(Timer::PersistentKeepalive, now.mono);
            }
            self.peers.reschedule(id);
        }
        if let Some(ours) = self.us.as_ref().map(|us| us.identity.public) {
            self.remove_peer(&ours);
        }
    }

    /// Octets in an inner packet at the most: padding stops there.
    pub fn set_mtu(&mut self, mtu: u16) {
        self.mtu = mtu.into();
    }

    /// Makes or changes a peer. Our own public key is ignored.
    pub fn upsert_peer(&mut self, public_key: &PublicKey, update: PeerUpdate, now: Now) {
        if self.us.as_ref().is_some_and(|us| us.identity.public == *public_key) {
            return;
        }
        let id = self.peers.find_or_insert(public_key);
        if update.replace_allowed_ips {
            self.allowed_ips.remove_all(id);
        }
        for change in update.allowed_ips {
            match change {
                AllowedIpChange::Add(network) => self.allowed_ips.insert(network, id),
                AllowedIpChange::Remove(network) => self.allowed_ips.remove(network, id),
            }
        }
        if let Some(preshared_key) = update.preshared_key {
            self.peers[id].preshared_key = preshared_key;
        }
        if let Some(endpoint) = update.endpoint {
            self.set_endpoint(id, endpoint, now);
        }
        if let Some(interval) = update.persistent_keepalive {
            self.set_persistent_keepalive(id, interval, now);
        }
        self.peers.reschedule(id);
    }

    /// Another endpoint is tried at once by a handshake under way, or by one for what was staged. The same one keeps the local address that works.
    fn set_endpoint(&mut self, id: PeerId, endpoint: SocketAddr, now: Now) {
        let peer = &mut self.peers[id];
        if peer.endpoint.is_some_and(|path| path.remote == endpoint) {
            return;
        }
        peer.move_to(Path::to(endpoint));
        if let Some(contact) = peer.contact_so_far_mut() {
            if !contact.staged.is_empty() && contact.attempt.is_none() {
                contact.attempt = Some(Attempt::new(now.mono));
            }
            contact.hasten_attempt(now.mono);
        }
        if peer.persistent_keepalive.is_some() {
            peer.contact().timers.set(Timer::PersistentKeepalive, now.mono);
        }
    }

    /// Turned on, the first one is due at once.
    fn set_persistent_keepalive(&mut self, id: PeerId, interval: Option<NonZeroU16>, now: Now) {
        let peer = &mut self.peers[id];
        if peer.persistent_keepalive == interval {
            return;
        }
        peer.persistent_keepalive = interval;
        match interval {
            Some(_) => peer.contact().timers.set(Timer::PersistentKeepalive, now.mono),
            None => peer.contact().timers.clear(Timer::PersistentKeepalive),
        }
    }

    /// Ends a peer's sessions and forgets it. False when there is no such peer.
    pub fn remove_peer(&mut self, public_key: &PublicKey) -> bool {
        let Some(id) = self.peers.find(public_key) else { return false };
        self.end_sessions(id);
        self.allowed_ips.remove_all(id);
        self.peers.remove(id);
        true
    }

    /// Whether there is such a peer.
    pub fn contains_peer(&self, public_key: &PublicKey) -> bool {
        self.peers.find(public_key).is_some()
    }

    /// Whether there is a session with this peer that may still be used.
    pub fn has_session(&self, public_key: &PublicKey, now: Now) -> bool {
        let contact = self.peers.find(public_key).and_then(|id| self.peers[id].contact_so_far());
        contact.is_some_and(|contact| contact.keyring.can_send(now.mono))
    }

    /// All peers' public keys, in no order that means anything.
    pub fn peer_keys(&self) -> impl Iterator<Item = &PublicKey> {
        self.peers.keys()
    }

    /// All peers as they stand, in the order in which they were added.
    pub fn peers(&self) -> impl Iterator<Item = PeerStatus<'_>> {
        self.peers.ids_by_arrival().into_iter().map(|id| {
            let peer = &self.peers[id];
            let contact = peer.contact_so_far();
            PeerStatus {
                public_key: peer.public_key,
                preshared_key: peer.preshared_key.as_ref(),
                endpoint: peer.endpoint.map(|path| path.remote),
                last_handshake: contact.and_then(|contact| contact.last_handshake),
                rx_bytes: contact.map_or(0, |contact| contact.rx_bytes),
                tx_bytes: contact.map_or(0, |contact| contact.tx_bytes),
                persistent_keepalive: peer.persistent_keepalive,
                allowed_ips: self.allowed_ips.of(id).collect(),
            }
        })
    }

    /// The sockets were bound anew, or the machine is on another network: local addresses are forgotten, a handshake under way
    /// is tried again at once, and peers with a session or a persistent keepalive hear from where we are now.
    pub fn network_changed(&mut self, now: Now) {
        for id in self.peers.ids() {
            let peer = &mut self.peers[id];
            peer.change_network();
            let is_kept_alive = peer.persistent_keepalive.is_some();
            let Some(contact) = peer.contact_so_far_mut() else { continue };
            contact.hasten_attempt(now.mono);
            if contact.attempt.is_none() && contact.keyring.can_send(now.mono) {
                contact.timers.set(Timer::PassiveKeepalive, now.mono);
            } else if contact.attempt.is_none() && is_kept_alive {
                contact.timers.set(Timer::PersistentKeepalive, now.mono);
            }
            self.peers.reschedule(id);
        }
    }

    /// Sending this failed for its path: the local address is not used again until the peer uses it. Whatever has become of
    /// the peer meanwhile, or of its number.
    pub fn path_failed(&mut self, transmit: &Transmit) {
        if let Some(peer) = transmit.peer.and_then(|id| self.peers.get_mut(id))
            && peer.endpoint == Some(transmit.path)
        {
            peer.forget_local_address();
        }
    }
}
