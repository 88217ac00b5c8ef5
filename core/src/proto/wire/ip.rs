//! As much of an inner IPv4 (RFC 791) or IPv6 (RFC 8200) packet as a tunnel must read: addresses, length and
//! congestion field. No header is trusted further than its octets reach.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::proto::path::Ecn;

pub(super) const IPV4_HEADER_LEN: usize = 20;
pub(super) const IPV6_HEADER_LEN: usize = 40;

/// What the header of an inner packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner {
    /// Who sent it.
    pub source: IpAddr,
    /// Whom it is for.
    pub destination: IpAddr,
    /// Octets in the whole packet, header included.
    pub len: usize,
    /// The congestion field.
    pub ecn: Ecn,
}

impl Inner {
    /// Reads a packet's first octets; `None` if they are no whole IP header, or if the length it states is
    /// shorter than the header itself.
    pub fn parse(head: &[u8]) -> Option<Self> {
        match head.first()? >> 4 {
            4 => Self::parse_v4(head.first_chunk()?),
            6 => Some(Self::parse_v6(head.first_chunk()?)),
            _ => None,
        }
    }

    fn parse_v4(header: &[u8; IPV4_HEADER_LEN]) -> Option<Self> {
        let [_, tos, len_high, len_low, .., s0, s1, s2, s3, d0, d1, d2, d3] = *header;
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        (len >= IPV4_HEADER_LEN).then_some(Self {
            source: Ipv4Addr::new(s0, s1, s2, s3).into(),
            destination: Ipv4Addr::new(d0, d1, d2, d3).into(),
            len,
            ecn: Ecn::from_bits(tos),
        })
    }

    fn parse_v6(header: &[u8; IPV6_HEADER_LEN]) -> Self {
        let address = |at: usize| {
            let mut octets = [0; 16];
            octets.copy_from_slice(&header[at..at + 16]);
            IpAddr::V6(Ipv6Addr::from(octets))
        };
        Self {
            source: address(8),
            destination: address(24),
            // A sum of usize: 65,535 octets of payload and the header do not wrap.
            len: IPV6_HEADER_LEN + usize::from(u16::from_be_bytes([header[4], header[5]])),
            // The traffic class straddles the first two octets; its low bits are bits 4 and 5 of the second.
            ecn: Ecn::from_bits(header[1] >> 4),
        }
    }
}

/// Carries the outer congestion field into the inner packet, as a tunnel's far end does (RFC 6040, section 4.2).
/// False when the packet must be dropped: a router marked it, and its sender would not understand the mark.
#[must_use]
pub fn decapsulate_ecn(packet: &mut [u8], inner: Ecn, outer: Ecn) -> bool {
    match (inner, outer) {
        (Ecn::NotEct, Ecn::Ce) => return false,
        (Ecn::Ect0 | Ecn::Ect1, Ecn::Ce) => set_ecn(packet, Ecn::Ce),
        (Ecn::Ect0, Ecn::Ect1) => set_ecn(packet, Ecn::Ect1),
        _ => {}
    }
    true
}

/// Changes the congestion field, and IPv4's header checksum with it (RFC 1624, equation 3).
fn set_ecn(packet: &mut [u8], ecn: Ecn) {
    if packet[0] >> 4 == 6 {
        packet[1] = packet[1] & !0x30 | ecn.bits() << 4;
        return;
    }
    let old = u16::from_be_bytes([packet[0], packet[1]]);
    packet[1] = packet[1] & !0b11 | ecn.bits();
    let new = u16::from_be_bytes([packet[0], packet[1]]);
    let checksum = u16::from_be_bytes([packet[10], packet[11]]);
    let mut sum = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    packet[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    fn v4(tos: u8, len: u16) -> Vec<u8> {
        let mut packet = vec![0; usize::from(len)];
        packet[..2].copy_from_slice(&[0x45, tos]);
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        let checksum = !header_sum(&packet);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet
    }

    fn v6(class: u8, payload: u16) -> Vec<u8> {
        let mut packet = vec![0; 40];
        packet[..2].copy_from_slice(&[0x60 | class >> 4, class << 4]);
        packet[4..6].copy_from_slice(&payload.to_be_bytes());
        packet[23] = 1;
        packet[39] = 2;
        packet
    }

    /// The one's complement sum of a correct IPv4 header is 0xffff.
    fn header_sum(packet: &[u8]) -> u16 {
        let sum: u32 =
            packet[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        (sum % 0xffff) as u16
    }

    #[test]
    fn both_families_are_read() {
        let inner = Inner::parse(&v4(1, 28)).unwrap();
        assert_eq!((inner.source, inner.destination), ([10, 0, 0, 1].into(), [10, 0, 0, 2].into()));
        assert_eq!((inner.len, inner.ecn), (28, Ecn::Ect1));
        let inner = Inner::parse(&v6(0b10, 8)).unwrap();
        assert_eq!((inner.source, inner.destination), ("::1".parse().unwrap(), "::2".parse().unwrap()));
        assert_eq!((inner.len, inner.ecn), (48, Ecn::Ect0));
    }

    #[test]
    fn what_is_too_short_or_of_another_version_is_refused() {
        assert_eq!(Inner::parse(&[]), None);
        assert_eq!(Inner::parse(&v4(0, 28)[..19]), None);
        assert_eq!(Inner::parse(&v6(0, 0)[..39]), None);
        assert_eq!(Inner::parse(&[0x55; 40]), None);
        let mut shorter_than_its_header = v4(0, 28);
        shorter_than_its_header[3] = 19;
        assert_eq!(Inner::parse(&shorter_than_its_header), None);
    }

    #[test]
    fn congestion_reaches_the_inner_packet_and_its_checksum_stays_right() {
        for tos in [0b01, 0b10, 0xfc | 0b10] {
            let mut packet = v4(tos, 20);
            assert!(decapsulate_ecn(&mut packet, Ecn::from_bits(tos), Ecn::Ce));
            assert_eq!(packet[1], tos | 0b11);
            assert_eq!(header_sum(&packet), 0, "a sum of 0xffff is 0 modulo 0xffff");
        }
        let mut packet = v6(0xfc | 0b10, 0);
        assert!(decapsulate_ecn(&mut packet, Ecn::Ect0, Ecn::Ce));
        assert_eq!(packet[..2], [0x6f, 0xf0]);
    }

    #[test]
    fn a_mark_that_the_sender_cannot_understand_drops_the_packet() {
        assert!(!decapsulate_ecn(&mut v4(0, 20), Ecn::NotEct, Ecn::Ce));
        assert!(decapsulate_ecn(&mut v4(0, 20), Ecn::NotEct, Ecn::Ect0));
    }
}
