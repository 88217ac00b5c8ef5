//! Writes `set=1` requests, in the order in which `wg` sends them.

use alloc::string::String;
use core::fmt::{self, Write};

use zeroize::Zeroizing;

use super::{AllowedIpChange, Set, SetPeer};
use crate::key::{PresharedKey, PrivateKey};

/// 32 zeros: no key.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The request as text, its empty line included.
pub fn write_set(set: &Set) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::new());
    write_lines(&mut text, set).expect("writing to a string never fails");
    text
}

fn write_lines(text: &mut String, set: &Set) -> fmt::Result {
    writeln!(text, "set=1")?;
    if let Some(key) = &set.private_key {
        writeln!(text, "private_key={}", *hex_or_zeros(key.as_ref().map(PrivateKey::to_hex)))?;
    }
    if let Some(port) = set.listen_port {
        writeln!(text, "listen_port={port}")?;
    }
    if let Some(fwmark) = set.fwmark {
        writeln!(text, "fwmark={}", fwmark.map_or(0, u32::from))?;
    }
    if set.replace_peers {
        writeln!(text, "replace_peers=true")?;
    }
    for peer in &set.peers {
        write_peer(text, peer)?;
    }
    writeln!(text)
}

fn write_peer(text: &mut String, peer: &SetPeer) -> fmt::Result {
    writeln!(text, "public_key={}", peer.public_key.to_hex())?;
    if peer.remove {
        writeln!(text, "remove=true")?;
    }
    if peer.update_only {
        writeln!(text, "update_only=true")?;
    }
    if let Some(key) = &peer.preshared_key {
        writeln!(text, "preshared_key={}", *hex_or_zeros(key.as_ref().map(PresharedKey::to_hex)))?;
    }
    if let Some(endpoint) = peer.endpoint {
        writeln!(text, "endpoint={endpoint}")?;
    }
    if let Some(seconds) = peer.persistent_keepalive {
        writeln!(text, "persistent_keepalive_interval={}", seconds.map_or(0, u16::from))?;
    }
    if peer.replace_allowed_ips {
        writeln!(text, "replace_allowed_ips=true")?;
    }
    for change in &peer.allowed_ips {
        match change {
            AllowedIpChange::Add(network) => writeln!(text, "allowed_ip={network}")?,
            AllowedIpChange::Remove(network) => writeln!(text, "allowed_ip=-{network}")?,
        }
    }
    Ok(())
}

/// A secret's digits, wiped when dropped.
pub(super) fn hex_or_zeros(hex: Option<String>) -> Zeroizing<String> {
    Zeroizing::new(hex.unwrap_or_else(|| NO_KEY.into()))
}
