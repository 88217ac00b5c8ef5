//! Inner packets for tests: real headers, payloads that say which packet it is.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An IPv4 packet of protocol 253 (RFC 3692, for experiments), without options. The header
/// checksum is left zero: an engine changes it by what it changes, and reads nothing from it.
pub fn ipv4(source: Ipv4Addr, destination: Ipv4Addr, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0];
    packet.extend(len.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, 253, 0, 0]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(payload);
    packet
}

/// An IPv6 packet of next header 253.
pub fn ipv6(source: Ipv6Addr, destination: Ipv6Addr, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([253, 64]);
    packet.extend(source.octets());
    packet.extend(destination.octets());
    packet.extend(payload);
    packet
}
