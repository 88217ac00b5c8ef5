//! What an end was configured with, kept beside the engine in the plainest way, and compared with what the engine says.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use adit_core::key::{PresharedKey, PrivateKey, PublicKey};
use adit_core::proto::tunnel::{AllowedIpChange, PeerUpdate, Tunnel};
use ipnet::IpNet;

/// A private key and what follows from it.
pub type KeyPair = (PrivateKey, PublicKey);

#[derive(Default)]
pub struct Model {
    own: Option<&'static KeyPair>,
    peers: BTreeMap<PublicKey, Settings>,
    owners: BTreeMap<IpNet, PublicKey>,
}

#[derive(Default)]
struct Settings {
    preshared_key: Option<PresharedKey>,
    persistent_keepalive: Option<NonZeroU16>,
}

impl Model {
    pub fn own(&self) -> Option<PublicKey> {
        self.own.map(|(_, public)| *public)
    }

    pub fn set_own(&mut self, own: Option<&'static KeyPair>) {
        self.own = own;
        if let Some((_, public)) = own {
            self.remove(public);
        }
    }

    pub fn upsert(&mut self, peer: &PublicKey, update: &PeerUpdate) {
        if self.own() == Some(*peer) {
            return;
        }
        let settings = self.peers.entry(*peer).or_default();
        if let Some(preshared_key) = &update.preshared_key {
            settings.preshared_key.clone_from(preshared_key);
        }
        if let Some(interval) = update.persistent_keepalive {
            settings.persistent_keepalive = interval;
        }
        if update.replace_allowed_ips {
            self.owners.retain(|_, owner| owner != peer);
        }
        for change in &update.allowed_ips {
            match change {
                AllowedIpChange::Add(network) => _ = self.owners.insert(network.trunc(), *peer),
                AllowedIpChange::Remove(network) => {
                    self.owners.retain(|known, owner| *known != network.trunc() || owner != peer);
                }
            }
        }
    }

    pub fn remove(&mut self, peer: &PublicKey) {
        self.peers.remove(peer);
        self.owners.retain(|_, owner| owner != peer);
    }

    /// Cryptokey routing: the longest prefix over all peers.
    pub fn owner(&self, address: IpAddr) -> Option<PublicKey> {
        let holding = self.owners.iter().filter(|(network, _)| network.contains(&address));
        holding.max_by_key(|(network, _)| network.prefix_len()).map(|(_, owner)| *owner)
    }

    /// The engine says the same.
    pub fn assert_is_of(&self, tunnel: &Tunnel) {
        assert_eq!(tunnel.private_key(), self.own.map(|(private, _)| private));
        let mut owners = BTreeMap::new();
        let mut peers = 0;
        for status in tunnel.peers() {
            let settings = self.peers.get(&status.public_key).expect("no peer but those that were added");
            assert_eq!(status.preshared_key, settings.preshared_key.as_ref());
            assert_eq!(status.persistent_keepalive, settings.persistent_keepalive);
            owners.extend(status.allowed_ips.into_iter().map(|network| (network, status.public_key)));
            peers += 1;
        }
        assert_eq!((peers, owners), (self.peers.len(), self.owners.clone()));
    }
}
