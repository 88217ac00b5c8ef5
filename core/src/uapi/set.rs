//! Writes `set=1` requests, in the order in which `wg` sends them.

use alloc::string::String;

use zeroize::Zeroizing;

use super::{AllowedIpChange, Set, SetPeer};
use crate::key::{PresharedKey, PrivateKey};
use crate::secret_text::SecretText;

/// 32 zeros: no key.
const NO_KEY: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The request as text, its empty line included.
pub fn write_set(set: &Set) -> Zeroizing<String> {
    let mut text = SecretText::default();
    write_lines(&mut text, set);
    text.into_inner()
}

fn write_lines(text: &mut SecretText, set: &Set) {
    text.put(format_args!("set=1\n"));
    if let Some(key) = &set.private_key {
        text.put(format_args!("private_key={}\n", *hex_or_zeros(key.as_ref().map(PrivateKey::to_hex))));
    }
    if let Some(port) = set.listen_port {
        text.put(format_args!("listen_port={port}\n"));
    }
    if let Some(fwmark) = set.fwmark {
        text.put(format_args!("fwmark={}\n", fwmark.map_or(0, u32::from)));
    }
    if set.replace_peers {
        text.put(format_args!("replace_peers=true\n"));
    }
    for peer in &set.peers {
        write_peer(text, peer);
    }
    text.put(format_args!("\n"));
}

fn write_peer(text: &mut SecretText, peer: &SetPeer) {
    text.put(format_args!("public_key={}\n", peer.public_key.to_hex()));
    if peer.remove {
        text.put(format_args!("remove=true\n"));
    }
    if peer.update_only {
        text.put(format_args!("update_only=true\n"));
    }
    if let Some(key) = &peer.preshared_key {
        text.put(format_args!("preshared_key={}\n", *hex_or_zeros(key.as_ref().map(PresharedKey::to_hex))));
    }
    if let Some(endpoint) = peer.endpoint {
        text.put(format_args!("endpoint={endpoint}\n"));
    }
    if let Some(seconds) = peer.persistent_keepalive {
        text.put(format_args!("persistent_keepalive_interval={}\n", seconds.map_or(0, u16::from)));
    }
    if peer.replace_allowed_ips {
        text.put(format_args!("replace_allowed_ips=true\n"));
    }
    for change in &peer.allowed_ips {
        match change {
            AllowedIpChange::Add(network) => text.put(format_args!("allowed_ip={network}\n")),
            AllowedIpChange::Remove(network) => text.put(format_args!("allowed_ip=-{network}\n")),
        }
    }
}

/// A secret's digits, wiped when dropped.
pub(super) fn hex_or_zeros(hex: Option<String>) -> Zeroizing<String> {
    Zeroizing::new(hex.unwrap_or_else(|| NO_KEY.into()))
}
