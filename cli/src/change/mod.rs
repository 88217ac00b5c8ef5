//! What a configuration asks of its daemon, in the ways of `wg setconf`, `addconf` and `syncconf`. The words of
//! `wg set` have the room below.

mod words;

use std::collections::HashMap;

use adit_core::config::{
    AllowedIp, AllowedIpChange, Attribute, Interface, Parsed, Peer, Section, SectionSpan,
};
use adit_core::uapi::{self, DeviceStatus, Set, SetPeer};

use crate::endpoint::{EndpointError, resolve};

pub(crate) use words::{WordsError, from_words};

/// The change that `setconf` makes of a file: what it does not say is taken away.
pub(crate) fn setting(file: &Parsed) -> Result<Set, EndpointError> {
    let Interface { private_key, listen_port, fwmark, .. } = &file.config.interface;
    Ok(Set {
        private_key: Some(private_key.clone()),
        listen_port: Some(listen_port.map_or(0, u16::from)),
        fwmark: Some(*fwmark),
        replace_peers: true,
        peers: peers(file)?,
    })
}

/// The change that `addconf` makes of a file: what it does not say stays.
pub(crate) fn adding(file: &Parsed) -> Result<Set, EndpointError> {
    let Interface { private_key, listen_port, fwmark, .. } = &file.config.interface;
    let is_said = |key| file.spans.entries(Section::Interface, key).next().is_some();
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

/// The peers of a file as it says them: what a section leaves out, the peer keeps, except for its allowed IPs.
fn peers(file: &Parsed) -> Result<Vec<SetPeer>, EndpointError> {
    let sections = file.spans.sections.iter().filter(|span| span.section != Section::Interface);
    file.config.peers.iter().zip(sections).map(|(peer, section)| set_peer(peer, section)).collect()
}

fn set_peer(peer: &Peer, section: &SectionSpan) -> Result<SetPeer, EndpointError> {
    let is_said = |key| section.entries.iter().any(|entry| entry.key == key);
    Ok(SetPeer {
        preshared_key: is_said(Attribute::PresharedKey).then(|| peer.preshared_key.clone()),
        endpoint: peer.endpoint.as_ref().map(resolve).transpose()?,
        persistent_keepalive: is_said(Attribute::PersistentKeepalive).then_some(peer.persistent_keepalive),
        replace_allowed_ips: last_line_replaces(peer, section),
        allowed_ips: peer.allowed_ips.iter().map(allowed_ip).collect(),
        ..SetPeer::new(peer.public_key)
    })
}

/// Whether the last line of AllowedIPs has no prefix: for `wg` it speaks for those before it.
fn last_line_replaces(peer: &Peer, section: &SectionSpan) -> bool {
    let last = section.entries.iter().rfind(|entry| entry.key == Attribute::AllowedIps);
    let entries = last.map_or(0, |line| line.items.len());
    peer.allowed_ips.iter().rev().take(entries).all(|entry| entry.change == AllowedIpChange::Listed)
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
