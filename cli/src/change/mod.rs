//! A configuration as the change that its daemon is asked for, in the way of `wg setconf`.

use adit_core::config::{AllowedIpChange, Config, Interface, Peer};
use adit_core::uapi::{self, Set, SetPeer};

use crate::endpoint::{EndpointError, resolve};

/// The change that makes the configuration all that there is: what it does not say is taken away.
pub(crate) fn replacing(config: &Config) -> Result<Set, EndpointError> {
    let Interface { private_key, listen_port, fwmark, .. } = &config.interface;
    Ok(Set {
        private_key: Some(private_key.clone()),
        listen_port: Some(listen_port.map_or(0, u16::from)),
        fwmark: Some(*fwmark),
        replace_peers: true,
        peers: config.peers.iter().map(peer).collect::<Result<_, _>>()?,
    })
}

/// A peer as its section says it. Without a PresharedKey it has none; a keepalive and an endpoint that are not said
/// stay.
fn peer(peer: &Peer) -> Result<SetPeer, EndpointError> {
    let allowed_ips = peer.allowed_ips.iter().map(|entry| match entry.change {
        AllowedIpChange::Listed | AllowedIpChange::Add => uapi::AllowedIpChange::Add(entry.network),
        AllowedIpChange::Remove => uapi::AllowedIpChange::Remove(entry.network),
    });
    Ok(SetPeer {
        preshared_key: Some(peer.preshared_key.clone()),
        endpoint: peer.endpoint.as_ref().map(resolve).transpose()?,
        persistent_keepalive: peer.persistent_keepalive.map(Some),
        replace_allowed_ips: peer.replaces_allowed_ips(),
        allowed_ips: allowed_ips.collect(),
        ..SetPeer::new(peer.public_key)
    })
}
