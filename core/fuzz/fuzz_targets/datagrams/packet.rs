//! Inner packets, and whether one that was delivered is one that was sent.

use std::net::IpAddr;

use adit_core::key::PublicKey;
use adit_core::proto::path::Ecn;
use adit_core::proto::wire::ip::Inner;
use adit_fuzz::reference;

/// An IPv4 or IPv6 packet of protocol 253 (RFC 3692) without options. Its checksum is zero: nobody reads it. `id` tells it
/// from others of the same payload.
pub fn packet(source: IpAddr, destination: IpAddr, ecn: u8, id: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            packet.extend([0x45, ecn & 3]);
            packet.extend((20 + payload.len() as u16).to_be_bytes());
            packet.extend(id.to_be_bytes());
            packet.extend([0, 0, 64, 253, 0, 0]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            packet.extend([0x60, (ecn & 3) << 4]);
            packet.extend(id.to_be_bytes());
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([253, 64]);
            packet.extend(source.octets());
            packet.extend(destination.octets());
        }
        _ => panic!("two addresses of one family"),
    }
    packet.extend(payload);
    packet
}

/// What was handed to an engine, by whom and for whom. Each is sealed once at the most, so it arrives once at the most.
pub struct Sent {
    pub from: PublicKey,
    pub to: PublicKey,
    pub payload: Vec<u8>,
}

impl Sent {
    /// Whether a packet that came with this outer congestion field is this one: its padding cut off by its own length,
    /// which may reach into the padding.
    pub fn is(&self, delivered: &[u8], outer: Ecn) -> bool {
        let Some(inner) = Inner::parse(&self.payload) else { return false };
        let mut expected = self.payload.clone();
        expected.resize(inner.len.max(expected.len()).min(u16::MAX.into()), 0);
        expected.truncate(inner.len);
        delivered.len() == expected.len()
            && reference::only_ecn_differs(&expected, delivered)
            && Some(reference::ecn(delivered)) == reference::combined_ecn(inner.ecn, outer)
    }
}
