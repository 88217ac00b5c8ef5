//! The device as a file for `setconf`: `wg showconf wg0`.

use std::io::{self, Write};

use adit_core::uapi::{DeviceStatus, PeerStatus};
use zeroize::Zeroizing;

use super::address::{endpoint_text, network_text};

/// Writes the interface with its peers.
pub(crate) fn write_conf(out: &mut impl Write, status: &DeviceStatus) -> io::Result<()> {
    writeln!(out, "[Interface]")?;
    if status.listen_port != 0 {
        writeln!(out, "ListenPort = {}", status.listen_port)?;
    }
    if let Some(fwmark) = status.fwmark {
        writeln!(out, "FwMark = {fwmark:#x}")?;
    }
    if let Some(private_key) = &status.private_key {
        writeln!(out, "PrivateKey = {}", *Zeroizing::new(private_key.to_base64()))?;
    }
    for peer in &status.peers {
        writeln!(out)?;
        write_peer(out, peer)?;
    }
    // An interface without peers ends in an empty line, too.
    if status.peers.is_empty() { writeln!(out) } else { Ok(()) }
}

fn write_peer(out: &mut impl Write, peer: &PeerStatus) -> io::Result<()> {
    writeln!(out, "[Peer]\nPublicKey = {}", peer.public_key)?;
    if let Some(preshared_key) = &peer.preshared_key {
        writeln!(out, "PresharedKey = {}", *Zeroizing::new(preshared_key.to_base64()))?;
    }
    if !peer.allowed_ips.is_empty() {
        let networks: Vec<_> = peer.allowed_ips.iter().map(network_text).collect();
        writeln!(out, "AllowedIPs = {}", networks.join(", "))?;
    }
    if let Some(endpoint) = peer.endpoint {
        writeln!(out, "Endpoint = {}", endpoint_text(endpoint))?;
    }
    if let Some(seconds) = peer.persistent_keepalive {
        writeln!(out, "PersistentKeepalive = {seconds}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_text::sample::{device, full_device};

    fn conf(status: &DeviceStatus) -> String {
        let mut text = Vec::new();
        write_conf(&mut text, status).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_full_device_is_a_file() {
        let expected = "\
[Interface]
ListenPort = 51820
FwMark = 0xca6c
PrivateKey = AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=

[Peer]
PublicKey = AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=

[Peer]
PublicKey = AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=
PresharedKey = CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=
AllowedIPs = 10.0.0.2/32, fd00::/64
Endpoint = 192.0.2.7:51820
PersistentKeepalive = 25
";
        assert_eq!(conf(&full_device()), expected);
    }

    #[test]
    fn an_empty_device_is_an_empty_section() {
        assert_eq!(conf(&device(Vec::new())), "[Interface]\n\n");
    }
}
