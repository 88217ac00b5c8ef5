//! What a configuration asks of its daemon, in the ways of `wg setconf`, `addconf` and `syncconf`. The words of
//! `wg set` have the room below.

mod words;

use std::collections::HashMap;

use adit_core::config::{AllowedIp, AllowedIpChange, Attribute, Config, Interface, Parsed, Peer, Section};
use adit_core::uapi::{self, DeviceStatus, Set, SetPeer};

use crate::endpoint::{EndpointError, resolve};

pub(crate) use words::{WordsError, from_words};

/// The change that makes the configuration all that there is: what it does not say is taken away.
pub(crate) fn replacing(config: &Config) -> Result<Set, EndpointError> {
    let peers = config.peers.iter().map(|peer| {
        // All peers are new ones, which have what is said and nothing else.
        let is_said = |key| match key {
            Attribute::PresharedKey => peer.preshared_key.is_some(),
            _ => peer.persistent_keepalive.is_some(),
        };
        set_peer(peer, peer.replaces_allowed_ips(), is_said)
    });
    Ok(whole(&config.interface, peers.collect::<Result<_, _>>()?))
}

/// The change that `setconf` makes of a file. It is [`replacing`], but for a peer that the file names twice: that is
/// what both of its sections say.
pub(crate) fn setting(file: &Parsed) -> Result<Set, EndpointError> {
    Ok(whole(&file.config.interface, peers(file)?))
}

/// The change that `addconf` makes of a file: what it does not say stays.
pub(crate) fn adding(file: &Parsed) -> Result<Set, EndpointError> {
    let Interface { private_key, listen_port, fwmark, .. } = &file.config.interface;
    let is_said = |key| is_said(file, Section::Interface, key);
    Ok(Set {
        private_key: is_said(Attribute::PrivateKey).then(|| private_key.clone()),
        listen_port: is_said(Attribute::ListenPort).then(|| listen_port.map_or(0, u16::from)),
        fwmark: is_said(Attribute::FwMark).then_some(*fwmark),
        replace_peers: false,
        peers: peers(file)?,
    })
}

/// The change that `syncconf` makes of a file: peers that stay keep their sessions, and lose what the file does not
/// say.
pub(crate) fn syncing(file: &Parsed, status: &DeviceStatus) -> Result<Set, EndpointError> {
    let mut set = setting(file)?;
    set.replace_peers = false;
    let mut named = HashMap::new();
    for (index, peer) in set.peers.iter().enumerate() {
        named.entry(peer.public_key).or_insert(index);
    }
    let mut gone = Vec::new();
    for running in &status.peers {
        let Some(peer) = named.get(&running.public_key).map(|index| &mut set.peers[*index]) else {
            gone.push(SetPeer { remove: true, ..SetPeer::new(running.public_key) });
            continue;
        };
        if running.preshared_key.is_some() {
            peer.preshared_key.get_or_insert(None);
        }
        if running.persistent_keepalive.is_some() {
            peer.persistent_keepalive.get_or_insert(None);
        }
    }
    set.peers.splice(..0, gone);
    Ok(set)
}

fn whole(interface: &Interface, peers: Vec<SetPeer>) -> Set {
    Set {
        private_key: Some(interface.private_key.clone()),
        listen_port: Some(interface.listen_port.map_or(0, u16::from)),
        fwmark: Some(interface.fwmark),
        replace_peers: true,
        peers,
    }
}

/// The peers of a file as it says them: what a section leaves out, the peer keeps, except for its allowed IPs.
fn peers(file: &Parsed) -> Result<Vec<SetPeer>, EndpointError> {
    let peers = file.config.peers.iter().enumerate().map(|(index, peer)| {
        let section = Section::Peer(index + 1);
        set_peer(peer, last_line_replaces(file, section, peer), |key| is_said(file, section, key))
    });
    peers.collect()
}

fn is_said(file: &Parsed, section: Section, key: Attribute) -> bool {
    file.spans.entries(section, key).next().is_some()
}

/// Whether the last line of AllowedIPs has no prefix: for `wg` it speaks for those before it.
fn last_line_replaces(file: &Parsed, section: Section, peer: &Peer) -> bool {
    let last = file.spans.entries(section, Attribute::AllowedIps).last();
    let entries = last.map_or(0, |line| line.items.len());
    peer.allowed_ips.iter().rev().take(entries).all(|entry| entry.change == AllowedIpChange::Listed)
}

fn set_peer(
    peer: &Peer,
    replace_allowed_ips: bool,
    is_said: impl Fn(Attribute) -> bool,
) -> Result<SetPeer, EndpointError> {
    Ok(SetPeer {
        preshared_key: is_said(Attribute::PresharedKey).then(|| peer.preshared_key.clone()),
        endpoint: peer.endpoint.as_ref().map(resolve).transpose()?,
        persistent_keepalive: is_said(Attribute::PersistentKeepalive).then_some(peer.persistent_keepalive),
        replace_allowed_ips,
        allowed_ips: peer.allowed_ips.iter().map(allowed_ip).collect(),
        ..SetPeer::new(peer.public_key)
    })
}

/// An entry without a prefix is added; what else there was is another question.
fn allowed_ip(entry: &AllowedIp) -> uapi::AllowedIpChange {
    match entry.change {
        AllowedIpChange::Listed | AllowedIpChange::Add => uapi::AllowedIpChange::Add(entry.network),
        AllowedIpChange::Remove => uapi::AllowedIpChange::Remove(entry.network),
    }
}

#[cfg(test)]
mod tests;
