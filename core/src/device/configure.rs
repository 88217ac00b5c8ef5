//! Changes of a device that runs: what a configuration, or a UAPI client, asks becomes calls of the engine. What can
//! be refused is done first, so that a refused change leaves all as it was.

use std::collections::HashSet;
use std::num::{NonZeroU16, NonZeroU32};

use ipnet::IpNet;

use super::clock::Clock;
use super::driver::Driver;
use super::error::DeviceError;
use super::udp::Sockets;
use crate::config::{self, Config, Endpoint};
use crate::key::PublicKey;
use crate::proto::time::Now;
use crate::proto::tunnel::{AllowedIpChange, DEFAULT_MTU, PeerStatus, PeerUpdate};
use crate::uapi;

impl Driver {
    /// The configuration is all that shall be: peers that it does not name go, the rest keep their sessions.
    pub(super) fn set_config(&mut self, config: Config) -> Result<(), DeviceError> {
        let Config { interface, peers } = config;
        let now = Clock::now();
        self.set_sockets(interface.listen_port, interface.fwmark, now)?;

        self.settings.mtu = interface.mtu;
        self.incoming.own.configure(interface.addresses.iter().map(IpNet::addr));
        self.refresh_mtu();
        self.tunnel.set_private_key(interface.private_key, now);
        let named: HashSet<PublicKey> = peers.iter().map(|peer| peer.public_key).collect();
        let unnamed = |peer: &&PublicKey| !named.contains(*peer);
        let gone: Vec<_> = self.tunnel.peer_keys().filter(unnamed).copied().collect();
        for peer in gone {
            self.remove_peer(&peer);
        }
        for peer in peers {
            self.set_peer(peer, now);
        }
        Ok(())
    }

    /// What a UAPI client asks, all of it or nothing.
    pub(super) fn apply(&mut self, set: uapi::Set) -> Result<(), DeviceError> {
        let now = Clock::now();
        let port = match set.listen_port {
            Some(port) => NonZeroU16::new(port),
            None => self.settings.listen_port,
        };
        self.set_sockets(port, set.fwmark.unwrap_or(self.settings.fwmark), now)?;

        self.refresh_mtu();
        if let Some(private_key) = set.private_key {
            self.tunnel.set_private_key(private_key, now);
        }
        if set.replace_peers {
            let all: Vec<_> = self.tunnel.peer_keys().copied().collect();
            for peer in all {
                self.remove_peer(&peer);
            }
        }
        for peer in set.peers {
            self.apply_peer(peer, now);
        }
        Ok(())
    }

    /// What UAPI's get answers.
    pub(super) fn status(&self) -> uapi::DeviceStatus {
        uapi::DeviceStatus {
            private_key: self.tunnel.private_key().cloned(),
            listen_port: self.sockets.port(),
            fwmark: self.settings.fwmark,
            peers: self.tunnel.peers().map(peer_status).collect(),
        }
    }

    /// Sockets are bound anew, since a system may have tied the old ones to a network that is gone. A port that was
    /// asked for must be given up before it can be bound again: if somebody else takes it in between, the tunnel is
    /// without sockets until a later attempt or a change of the port succeeds.
    pub(super) fn network_changed(&mut self) -> Result<(), DeviceError> {
        let now = Clock::now();
        let fresh = match self.settings.listen_port {
            None => self.bind(0, self.settings.fwmark)?,
            Some(port) => {
                self.sockets = Sockets::none();
                self.renewal.ask(now.mono);
                self.bind(port.get(), self.settings.fwmark)?
            }
        };
        self.replace_sockets(fresh, now);
        self.refresh_mtu();
        let Self { names, tunnel, .. } = self;
        names.ask_all(now.mono, |peer| tunnel.has_session(peer, now));
        Ok(())
    }

    /// All that can be refused: another port, another mark. `None` for the port keeps one that the system chose.
    fn set_sockets(
        &mut self,
        port: Option<NonZeroU16>,
        mark: Option<NonZeroU32>,
        now: Now,
    ) -> Result<(), DeviceError> {
        let kept = match port {
            Some(port) => port.get() == self.sockets.port(),
            None => self.settings.listen_port.is_none(),
        };
        if !kept {
            let fresh = self.bind(port.map_or(0, NonZeroU16::get), mark)?;
            self.replace_sockets(fresh, now);
        } else if mark != self.settings.fwmark {
            self.sockets.set_mark(mark, self.settings.fwmark)?;
        }
        self.settings.listen_port = port;
        self.settings.fwmark = mark;
        Ok(())
    }

    /// The interface's MTU may have changed since it was last asked.
    fn refresh_mtu(&mut self) {
        let mtu = self.settings.mtu.or_else(|| self.incoming.tun.mtu()).unwrap_or(DEFAULT_MTU);
        self.incoming.mtu = mtu;
        self.tunnel.set_mtu(mtu);
    }

    fn remove_peer(&mut self, peer: &PublicKey) {
        self.tunnel.remove_peer(peer);
        self.names.remove(peer);
        self.settings.endpoints.remove(peer);
    }

    /// One peer of a configuration. An endpoint that is configured as before is left alone: the peer may have moved.
    fn set_peer(&mut self, peer: config::Peer, now: Now) {
        let config::Peer { public_key, preshared_key, allowed_ips, endpoint, persistent_keepalive } = peer;
        let mut update = PeerUpdate {
            preshared_key: Some(preshared_key),
            endpoint: None,
            persistent_keepalive: Some(persistent_keepalive),
            replace_allowed_ips: true,
            allowed_ips: allowed_ips.into_iter().map(from_config).collect(),
        };
        let is_known = self.tunnel.contains_peer(&public_key);
        if is_known && self.settings.endpoints.get(&public_key) == endpoint.as_ref() {
            self.tunnel.upsert_peer(&public_key, update, now);
            return;
        }
        self.names.remove(&public_key);
        if let Some(Endpoint::Address(address)) = &endpoint {
            update.endpoint = Some(*address);
        }
        self.tunnel.upsert_peer(&public_key, update, now);
        match endpoint {
            // Our own public key is no peer.
            Some(endpoint) if self.tunnel.contains_peer(&public_key) => {
                if let Endpoint::Name { host, port } = &endpoint {
                    self.names.set(public_key, host, *port, now.mono);
                }
                self.settings.endpoints.insert(public_key, endpoint);
            }
            _ => drop(self.settings.endpoints.remove(&public_key)),
        }
    }

    fn apply_peer(&mut self, peer: uapi::SetPeer, now: Now) {
        if peer.remove {
            return self.remove_peer(&peer.public_key);
        }
        if peer.update_only && !self.tunnel.contains_peer(&peer.public_key) {
            return;
        }
        let update = PeerUpdate {
            preshared_key: peer.preshared_key,
            endpoint: peer.endpoint,
            persistent_keepalive: peer.persistent_keepalive,
            replace_allowed_ips: peer.replace_allowed_ips,
            allowed_ips: peer.allowed_ips.into_iter().map(from_uapi).collect(),
        };
        self.tunnel.upsert_peer(&peer.public_key, update, now);
        if let Some(address) = peer.endpoint {
            self.names.remove(&peer.public_key);
            self.settings.endpoints.insert(peer.public_key, Endpoint::Address(address));
        }
    }
}

fn from_config(entry: config::AllowedIp) -> AllowedIpChange {
    match entry.change {
        config::AllowedIpChange::Listed | config::AllowedIpChange::Add => AllowedIpChange::Add(entry.network),
        config::AllowedIpChange::Remove => AllowedIpChange::Remove(entry.network),
    }
}

fn from_uapi(change: uapi::AllowedIpChange) -> AllowedIpChange {
    match change {
        uapi::AllowedIpChange::Add(network) => AllowedIpChange::Add(network),
        uapi::AllowedIpChange::Remove(network) => AllowedIpChange::Remove(network),
    }
}

fn peer_status(peer: PeerStatus<'_>) -> uapi::PeerStatus {
    uapi::PeerStatus {
        public_key: peer.public_key,
        preshared_key: peer.preshared_key.cloned(),
        endpoint: peer.endpoint,
        last_handshake: peer.last_handshake,
        rx_bytes: peer.rx_bytes,
        tx_bytes: peer.tx_bytes,
        persistent_keepalive: peer.persistent_keepalive,
        allowed_ips: peer.allowed_ips,
    }
}
