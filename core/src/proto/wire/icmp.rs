//! As much of ICMP (RFC 792) and ICMPv6 (RFC 4443) as a tunnel speaks: the answer "destination unreachable" to a packet that
//! goes nowhere, so that the application learns it at once, and a router's word that a packet is too long.

use core::net::IpAddr;

use super::ip::{IPV4_HEADER_LEN, IPV6_HEADER_LEN, Inner};

/// Octets in an answer at the most: what each family's every host takes (RFC 1812, section 4.3.2.3; RFC 4443, section 2.4).
pub const MAX_LEN: usize = IPV6_MIN_MTU;

const IPV4_MOST: usize = 576;
const IPV6_MIN_MTU: usize = 1_280;
/// Of both families' ICMP: type, code, checksum and four octets that are zero.
const ICMP_HEADER_LEN: usize = 8;

const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_ICMPV6: u8 = 58;
const HOP_LIMIT: u8 = 64;

/// "Destination unreachable": of ICMP with the code for a host, of ICMPv6 with the one for an address, as the kernel says it.
const HOST_UNREACHABLE: [u8; 2] = [3, 1];
const ADDRESS_UNREACHABLE: [u8; 2] = [1, 3];

/// Writes the answer to `packet` and returns its octets; `None` for what must not be answered: no IP packet, a packet to or
/// from a group, a fragment that is not the first, an ICMP message that is an error itself (RFC 1122, section 3.2.2; RFC
/// 4443, section 2.4).
///
/// It comes from the address that the packet was for: the one address that is sure to be routed to this device, whatever
/// filters look at a packet's source.
pub fn unreachable<'b>(packet: &[u8], answer: &'b mut [u8; MAX_LEN]) -> Option<&'b [u8]> {
    let inner = Inner::parse(packet)?;
    if !may_be_answered(packet, &inner) {
        return None;
    }
    let (header_len, most) = match inner.source {
        IpAddr::V4(_) => (IPV4_HEADER_LEN, IPV4_MOST),
        IpAddr::V6(_) => (IPV6_HEADER_LEN, IPV6_MIN_MTU),
    };
    let quoted = packet.len().min(inner.len).min(most - header_len - ICMP_HEADER_LEN);
    let answer = &mut answer[..header_len + ICMP_HEADER_LEN + quoted];
    answer.fill(0);
    let (header, message) = answer.split_at_mut(header_len);
    message[ICMP_HEADER_LEN..].copy_from_slice(&packet[..quoted]);
    match (inner.destination, inner.source) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            message[..2].copy_from_slice(&HOST_UNREACHABLE);
            let sum = checksum(&[message]);
            message[2..4].copy_from_slice(&sum);

            header[0] = 0x45;
            header[2..4].copy_from_slice(&((header_len + message.len()) as u16).to_be_bytes());
            header[8..10].copy_from_slice(&[HOP_LIMIT, PROTOCOL_ICMP]);
            header[12..16].copy_from_slice(&from.octets());
            header[16..].copy_from_slice(&to.octets());
            let sum = checksum(&[header]);
            header[10..12].copy_from_slice(&sum);
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            header[0] = 0x60;
            header[4..6].copy_from_slice(&(message.len() as u16).to_be_bytes());
            header[6..8].copy_from_slice(&[PROTOCOL_ICMPV6, HOP_LIMIT]);
            header[8..24].copy_from_slice(&from.octets());
            header[24..].copy_from_slice(&to.octets());

            message[..2].copy_from_slice(&ADDRESS_UNREACHABLE);
            // The pseudo-header of RFC 8200, section 8.1.
            let length = (message.len() as u32).to_be_bytes();
            let sum = checksum(&[&header[8..], &length, &[0, 0, 0, PROTOCOL_ICMPV6], message]);
            message[2..4].copy_from_slice(&sum);
        }
        _ => return None,
    }
    Some(answer)
}

/// How long the packet was that a router calls too long to forward (RFC 1191; RFC 4443, section 3.2); `None` for any other
/// packet than such a message.
pub fn refused_len(packet: &[u8]) -> Option<usize> {
    const FRAGMENTATION_NEEDED: [u8; 2] = [3, 4];
    const PACKET_TOO_BIG: [u8; 2] = [2, 0];
    let (message, kind) = match packet.first()? >> 4 {
        4 if packet.get(9) == Some(&PROTOCOL_ICMP) => {
            (packet.get(usize::from(packet[0] & 0xf) * 4..)?, FRAGMENTATION_NEEDED)
        }
        6 if packet.get(6) == Some(&PROTOCOL_ICMPV6) => (packet.get(IPV6_HEADER_LEN..)?, PACKET_TOO_BIG),
        _ => return None,
    };
    if !message.starts_with(&kind) {
        return None;
    }
    Some(Inner::parse(message.get(ICMP_HEADER_LEN..)?)?.len)
}

fn may_be_answered(packet: &[u8], inner: &Inner) -> bool {
    let is_one_host = |address: IpAddr| match address {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_multicast(),
    };
    if inner.source.is_unspecified() || !is_one_host(inner.source) || !is_one_host(inner.destination) {
        return false;
    }
    match inner.source {
        IpAddr::V4(_) => {
            let header_len = usize::from(packet[0] & 0x0f) * 4;
            let fragment_offset = u16::from_be_bytes([packet[6], packet[7]]) & 0x1fff;
            let kind = packet.get(header_len);
            fragment_offset == 0 && !(packet[9] == PROTOCOL_ICMP && kind.is_none_or(|kind| !is_query(*kind)))
        }
        // Behind extension headers an error is not looked for: no host sends one so.
        IpAddr::V6(_) => {
            let kind = packet.get(IPV6_HEADER_LEN);
            // ICMPv6's errors are the types below 128.
            !(packet[6] == PROTOCOL_ICMPV6 && kind.is_none_or(|kind| *kind < 128))
        }
    }
}

/// Whether an ICMP type is no error: echo, timestamp, information and address mask.
fn is_query(kind: u8) -> bool {
    matches!(kind, 0 | 8 | 13..=18)
}

/// The internet checksum (RFC 1071) over the parts, all but the last of even length.
fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    (!(folded + (folded >> 16)) as u16).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use alloc::vec::Vec;

    /// A UDP packet without a right checksum, from 10.0.0.1 to 10.0.0.2.
    fn v4(payload: usize) -> Vec<u8> {
        let mut packet = vec![7; 28 + payload];
        let len = (packet.len() as u16).to_be_bytes();
        packet[..10].copy_from_slice(&[0x45, 0, len[0], len[1], 0, 1, 0x40, 0, 64, 17]);
        packet[12..20].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        packet
    }

    /// The same from fd00::1 to fd00::2.
    fn v6(payload: usize) -> Vec<u8> {
        let mut packet = vec![7; 48 + payload];
        packet[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 0, 17, 64]);
        packet[4..6].copy_from_slice(&(8 + payload as u16).to_be_bytes());
        packet[8..40].fill(0);
        for (at, octet) in [(8, 0xfd), (23, 1), (24, 0xfd), (39, 2)] {
            packet[at] = octet;
        }
        packet
    }

    #[test]
    fn a_router_s_word_tells_how_long_the_refused_packet_was() {
        let mut said = v4(8 + 28);
        said[9] = PROTOCOL_ICMP;
        said[20..28].copy_from_slice(&[3, 4, 0, 0, 0, 0, 5, 0]);
        said[28..56].copy_from_slice(&v4(1_400)[..28]);
        assert_eq!(refused_len(&said), Some(1_428));
        said[21] = 1;
        assert_eq!(refused_len(&said), None);

        let mut said = v6(8 + 48);
        said[6] = PROTOCOL_ICMPV6;
        said[40..48].copy_from_slice(&[2, 0, 0, 0, 0, 0, 5, 0]);
        said[48..96].copy_from_slice(&v6(60_000)[..48]);
        assert_eq!(refused_len(&said), Some(60_048));
        assert_eq!(refused_len(&said[..60]), None, "the quotation is cut off");
        assert_eq!(refused_len(&v6(100)), None);
    }

    fn answer(packet: &[u8]) -> Option<Vec<u8>> {
        unreachable(packet, &mut [0xee; MAX_LEN]).map(<[u8]>::to_vec)
    }

    #[test]
    fn an_ipv4_packet_is_quoted_and_both_checksums_are_right() {
        for payload in [0, 1, 100, 1_400] {
            let packet = v4(payload);
            let answer = answer(&packet).unwrap();
            let inner = Inner::parse(&answer).unwrap();
            assert_eq!((inner.source, inner.destination), ([10, 0, 0, 2].into(), [10, 0, 0, 1].into()));
            assert_eq!(inner.len, answer.len());
            assert!(answer.len() <= 576);
            assert_eq!(answer[9], PROTOCOL_ICMP);
            assert_eq!(answer[20..22], [3, 1]);
            assert_eq!(answer[28..], packet[..answer.len() - 28]);
            assert_eq!([checksum(&[&answer[..20]]), checksum(&[&answer[20..]])], [[0, 0]; 2]);
        }
    }

    #[test]
    fn an_ipv6_packet_is_quoted_and_the_checksum_is_right() {
        for payload in [0, 1, 100, 1_400] {
            let packet = v6(payload);
            let answer = answer(&packet).unwrap();
            let inner = Inner::parse(&answer).unwrap();
            assert_eq!(inner.source, "fd00::2".parse::<IpAddr>().unwrap());
            assert_eq!(inner.destination, "fd00::1".parse::<IpAddr>().unwrap());
            assert_eq!(inner.len, answer.len());
            assert!(answer.len() <= 1_280);
            assert_eq!(answer[40..42], [1, 3]);
            assert_eq!(answer[48..], packet[..answer.len() - 48]);
            let length = ((answer.len() - 40) as u32).to_be_bytes();
            assert_eq!(checksum(&[&answer[8..40], &length, &[0, 0, 0, 58], &answer[40..]]), [0, 0]);
        }
    }

    #[test]
    fn what_must_not_be_answered_is_not() {
        let changed = |mut packet: Vec<u8>, at: usize, octets: &[u8]| {
            packet[at..at + octets.len()].copy_from_slice(octets);
            packet
        };
        let silent = [
            ("no IP", vec![0x50; 60]),
            ("an IPv4 header that is cut", v4(0)[..19].to_vec()),
            ("to a group", changed(v4(0), 16, &[224, 0, 0, 1])),
            ("to everybody", changed(v4(0), 16, &[255; 4])),
            ("from nobody", changed(v4(0), 12, &[0; 4])),
            ("a later fragment", changed(v4(0), 6, &[0x20, 1])),
            ("an ICMP error", changed(changed(v4(0), 9, &[1]), 20, &[3])),
            ("ICMP without its type", changed(v4(0), 9, &[1])[..20].to_vec()),
            ("to a group of IPv6", changed(v6(0), 24, &[0xff, 2])),
            ("an ICMPv6 error", changed(changed(v6(0), 6, &[58]), 40, &[1])),
        ];
        for (what, packet) in silent {
            assert_eq!(answer(&packet), None, "{what}");
        }
        for (what, packet) in [
            ("an echo request", changed(changed(v4(0), 9, &[1]), 20, &[8])),
            ("a first fragment", changed(v4(0), 6, &[0x20, 0])),
            ("an ICMPv6 echo request", changed(changed(v6(0), 6, &[58]), 40, &[128])),
        ] {
            assert!(answer(&packet).is_some(), "{what}");
        }
    }
}
