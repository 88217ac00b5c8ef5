//! One setting, or all of them, for scripts: `wg show wg0 endpoints`, `wg show wg0 dump`.

use std::fmt::{self, Display};
use std::io::{self, Write};
use std::num::{NonZeroU16, NonZeroU32};

use adit_core::key::{PresharedKey, PrivateKey};
use adit_core::uapi::{DeviceStatus, PeerStatus};
use clap::ValueEnum;
use zeroize::Zeroizing;

use super::address::{endpoint_text, network_text};

/// What is asked for, named as on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Field {
    PublicKey,
    PrivateKey,
    ListenPort,
    Fwmark,
    Peers,
    PresharedKeys,
    Endpoints,
    AllowedIps,
    LatestHandshakes,
    Transfer,
    PersistentKeepalive,
    /// All of them, with tabs between: a line for the interface, and one for each peer
    Dump,
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", |value| value.get_name()))
    }
}

/// What a line begins with: the interface's name, where there may be several.
#[derive(Clone, Copy)]
pub(crate) struct Prefix<'a>(pub(crate) Option<&'a str>);

impl Display for Prefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |interface| write!(f, "{interface}\t"))
    }
}

/// Writes a device's field in one line, or a peers' field in a line for each, in the daemon's order.
pub(crate) fn write_field(
    out: &mut impl Write,
    status: &DeviceStatus,
    field: Field,
    prefix: Prefix<'_>,
) -> io::Result<()> {
    match field {
        Field::PublicKey => return writeln!(out, "{prefix}{}", public_key(status)),
        Field::PrivateKey => return writeln!(out, "{prefix}{}", *private_key(status)),
        Field::ListenPort => return writeln!(out, "{prefix}{}", status.listen_port),
        Field::Fwmark => return writeln!(out, "{prefix}{}", fwmark(status.fwmark)),
        Field::Dump => write_device(out, status, prefix)?,
        _ => {}
    }
    for peer in &status.peers {
        write!(out, "{prefix}{}", peer.public_key)?;
        write_peer_field(out, peer, field)?;
        writeln!(out)?;
    }
    Ok(())
}

/// What stands behind the peer's key.
fn write_peer_field(out: &mut impl Write, peer: &PeerStatus, field: Field) -> io::Result<()> {
    match field {
        Field::PresharedKeys => write!(out, "\t{}", *preshared_key(peer)),
        Field::Endpoints => write!(out, "\t{}", endpoint(peer)),
        Field::AllowedIps => write!(out, "\t{}", allowed_ips(peer, " ")),
        Field::LatestHandshakes => write!(out, "\t{}", handshake(peer)),
        Field::Transfer => write!(out, "\t{}\t{}", peer.rx_bytes, peer.tx_bytes),
        Field::PersistentKeepalive => write!(out, "\t{}", keepalive(peer.persistent_keepalive)),
        Field::Dump => write_peer(out, peer),
        _ => Ok(()),
    }
}

fn write_device(out: &mut impl Write, status: &DeviceStatus, prefix: Prefix<'_>) -> io::Result<()> {
    let (private_key, public_key) = (private_key(status), public_key(status));
    let (port, fwmark) = (status.listen_port, fwmark(status.fwmark));
    writeln!(out, "{prefix}{}\t{public_key}\t{port}\t{fwmark}", *private_key)
}

fn write_peer(out: &mut impl Write, peer: &PeerStatus) -> io::Result<()> {
    let (preshared_key, endpoint, allowed_ips) =
        (preshared_key(peer), endpoint(peer), allowed_ips(peer, ","));
    let (handshake, keepalive) = (handshake(peer), keepalive(peer.persistent_keepalive));
    let (received, sent) = (peer.rx_bytes, peer.tx_bytes);
    write!(out, "\t{}\t{endpoint}\t{allowed_ips}\t{handshake}", *preshared_key)?;
    write!(out, "\t{received}\t{sent}\t{keepalive}")
}

const NONE: &str = "(none)";
const OFF: &str = "off";

fn private_key(status: &DeviceStatus) -> Zeroizing<String> {
    Zeroizing::new(status.private_key.as_ref().map_or_else(|| NONE.into(), PrivateKey::to_base64))
}

fn public_key(status: &DeviceStatus) -> String {
    let key = status.private_key.as_ref().map(PrivateKey::public_key);
    key.map_or_else(|| NONE.into(), |key| key.to_base64())
}

fn preshared_key(peer: &PeerStatus) -> Zeroizing<String> {
    Zeroizing::new(peer.preshared_key.as_ref().map_or_else(|| NONE.into(), PresharedKey::to_base64))
}

fn fwmark(mark: Option<NonZeroU32>) -> String {
    mark.map_or_else(|| OFF.into(), |mark| format!("{mark:#x}"))
}

fn endpoint(peer: &PeerStatus) -> String {
    peer.endpoint.map_or_else(|| NONE.into(), endpoint_text)
}

fn allowed_ips(peer: &PeerStatus, between: &str) -> String {
    let networks: Vec<_> = peer.allowed_ips.iter().map(network_text).collect();
    if networks.is_empty() { NONE.into() } else { networks.join(between) }
}

/// Seconds since the Unix epoch; 0 is none.
fn handshake(peer: &PeerStatus) -> u64 {
    peer.last_handshake.map_or(0, |at| at.as_secs())
}

fn keepalive(seconds: Option<NonZeroU16>) -> String {
    seconds.map_or_else(|| OFF.into(), |seconds| seconds.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status_text::sample::{device, full_device};

    fn said(status: &DeviceStatus, field: Field, prefix: Option<&str>) -> String {
        let mut text = Vec::new();
        write_field(&mut text, status, field, Prefix(prefix)).unwrap();
        String::from_utf8(text).unwrap()
    }

    const IDLE: &str = "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";
    const BUSY: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

    #[test]
    fn each_field_of_each_peer_has_a_line() {
        for (field, idle, busy) in [
            (Field::Peers, "", ""),
            (Field::PresharedKeys, "\t(none)", "\tCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk="),
            (Field::Endpoints, "\t(none)", "\t192.0.2.7:51820"),
            (Field::AllowedIps, "\t(none)", "\t10.0.0.2/32 fd00::/64"),
            (Field::LatestHandshakes, "\t0", "\t1699999937"),
            (Field::Transfer, "\t0\t0", "\t1536\t5242880"),
            (Field::PersistentKeepalive, "\toff", "\t25"),
        ] {
            assert_eq!(said(&full_device(), field, None), format!("{IDLE}{idle}\n{BUSY}{busy}\n"));
            let prefixed = format!("wg0\t{IDLE}{idle}\nwg0\t{BUSY}{busy}\n");
            assert_eq!(said(&full_device(), field, Some("wg0")), prefixed);
        }
    }

    #[test]
    fn each_field_of_the_interface_is_a_line() {
        for (field, full, empty) in [
            (Field::PublicKey, "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=", "(none)"),
            (Field::PrivateKey, "AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=", "(none)"),
            (Field::ListenPort, "51820", "0"),
            (Field::Fwmark, "0xca6c", "off"),
        ] {
            assert_eq!(said(&full_device(), field, None), format!("{full}\n"));
            assert_eq!(said(&device(Vec::new()), field, Some("wg0")), format!("wg0\t{empty}\n"));
        }
    }

    #[test]
    fn a_dump_has_everything() {
        let expected = "\
            AAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAUE=\tpOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=\t\
            51820\t0xca6c\n\
            AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\t(none)\t(none)\t(none)\t0\t0\t0\toff\n\
            AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\tCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\t\
            192.0.2.7:51820\t10.0.0.2/32,fd00::/64\t1699999937\t1536\t5242880\t25\n";
        assert_eq!(said(&full_device(), Field::Dump, None), expected);
        let prefixed: String = expected.lines().map(|line| format!("wg0\t{line}\n")).collect();
        assert_eq!(said(&full_device(), Field::Dump, Some("wg0")), prefixed);
    }
}
