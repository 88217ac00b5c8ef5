//! A packet that may be merged with its neighbours: how its headers are read, what is checked of it, and whether another one
//! continues it. Whatever is unusual is no candidate and goes alone.

use std::net::IpAddr;

use super::checksum::Sum;
use super::{
    ACK, Form, IPV4_HEADER_LEN, IPV6_HEADER_LEN, PSH, TCP_FLAGS_AT, TCP_HEADER_LEN, Transport,
    UDP_HEADER_LEN, is_ipv4, pseudo_header, tcp_header_len,
};

/// IPv4's don't-fragment, in the octet of its flags; with more-fragments and any offset this is all that may be there.
const DONT_FRAGMENT: u8 = 0x40;

/// How IPv4's packets of one run are identified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// One by one, as a split does it; IPv6 has nothing to count.
    Counted,
    /// All alike: without fragments the number means nothing (RFC 6864), and some never count it on.
    Fixed,
}

/// A whole TCP or UDP packet with payload and nothing unusual, whose checksums are right.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'p> {
    pub(super) packet: &'p [u8],
    pub(super) transport: Transport,
    pub(super) transport_at: usize,
    pub(super) headers_len: usize,
    pub(super) payload_sum: Sum,
}

impl<'p> Candidate<'p> {
    /// `None`: it goes alone, and stays as it is. What `form` would not merge anyway is not summed.
    pub(super) fn read(packet: &'p [u8], form: Form<'_>) -> Option<Self> {
        let (transport_at, protocol) = match packet.first()? >> 4 {
            4 => (IPV4_HEADER_LEN, plain_ipv4(packet)?),
            6 => (IPV6_HEADER_LEN, plain_ipv6(packet)?),
            _ => return None,
        };
        let after_ip = &packet[transport_at..];
        let (transport, transport_header_len) = match protocol {
            6 => (Transport::Tcp, plain_tcp(after_ip)?),
            17 => (Transport::Udp, plain_udp(after_ip)?),
            _ => return None,
        };
        let headers_len = transport_at + transport_header_len;
        if packet.len() <= headers_len || !form.merges(transport, || destination(packet)) {
            return None;
        }
        let payload_sum = Sum::of(&packet[headers_len..]);
        let is_right = pseudo_header(packet, transport, after_ip.len())
            .and(Sum::of(&packet[transport_at..headers_len]))
            .and(payload_sum)
            .is_right()
            && (!is_ipv4(packet) || Sum::of(&packet[..IPV4_HEADER_LEN]).is_right());
        let candidate = Self { packet, transport, transport_at, headers_len, payload_sum };
        (is_right && candidate.writes_zero_as_usual()).then_some(candidate)
    }

    /// A checksum of zero may also stand there as all ones, and some senders write it so. Whoever splits a run does not,
    /// but for UDP, where zero has another meaning.
    fn writes_zero_as_usual(&self) -> bool {
        const OTHER_ZERO: [u8; 2] = [0xff; 2];
        let checksum = &self.packet[self.transport_at + self.transport.checksum_at()..][..2];
        (self.transport == Transport::Udp || checksum != OTHER_ZERO)
            && (!is_ipv4(self.packet) || self.packet[10..12] != OTHER_ZERO)
    }

    pub(super) fn headers(&self) -> &'p [u8] {
        &self.packet[..self.headers_len]
    }

    pub(super) fn payload(&self) -> &'p [u8] {
        &self.packet[self.headers_len..]
    }

    /// Whether TCP asks to hand this over at once.
    pub(super) fn pushes(&self) -> bool {
        self.transport == Transport::Tcp && self.packet[self.transport_at + TCP_FLAGS_AT] & PSH != 0
    }

    /// Whether `next`, but for its identification, is what a split would make of the same super-packet `octets` of payload
    /// later.
    pub(super) fn is_continued_by(&self, next: &Candidate<'_>, octets: usize) -> bool {
        self.transport == next.transport
            && self.headers_len == next.headers_len
            && self.has_ip_of(next)
            && match self.transport {
                Transport::Tcp => self.has_tcp_of(next, octets),
                Transport::Udp => {
                    self.packet[self.transport_at..][..4] == next.packet[self.transport_at..][..4]
                }
            }
    }

    /// How the sender comes from this packet's identification to that of `next`, which is `parts` packets later. `None`: in
    /// no way that a split knows.
    pub(super) fn numbering(&self, next: &Candidate<'_>, parts: usize) -> Option<Numbering> {
        let (ours, theirs) = (self.packet, next.packet);
        let identification = |packet: &[u8]| u16::from_be_bytes([packet[4], packet[5]]);
        if !is_ipv4(ours) || identification(theirs) == identification(ours).wrapping_add(parts as u16) {
            return Some(Numbering::Counted);
        }
        let is_fixed = ours[6] & DONT_FRAGMENT != 0 && identification(theirs) == identification(ours);
        is_fixed.then_some(Numbering::Fixed)
    }

    fn has_ip_of(&self, next: &Candidate<'_>) -> bool {
        let (ours, theirs) = (self.packet, next.packet);
        if !is_ipv4(ours) {
            return ours[..4] == theirs[..4] && ours[6..IPV6_HEADER_LEN] == theirs[6..IPV6_HEADER_LEN];
        }
        ours[..2] == theirs[..2]
            && ours[6..10] == theirs[6..10]
            && ours[12..IPV4_HEADER_LEN] == theirs[12..IPV4_HEADER_LEN]
    }

    fn has_tcp_of(&self, next: &Candidate<'_>, octets: usize) -> bool {
        let ours = &self.packet[self.transport_at..self.headers_len];
        let theirs = &next.packet[self.transport_at..self.headers_len];
        let sequence = |tcp: &[u8]| u32::from_be_bytes([tcp[4], tcp[5], tcp[6], tcp[7]]);
        sequence(theirs) == sequence(ours).wrapping_add(octets as u32)
            // Ports.
            && ours[..4] == theirs[..4]
            // Acknowledgement and data offset; the flags are checked already. Then the window.
            && ours[8..TCP_FLAGS_AT] == theirs[8..TCP_FLAGS_AT]
            && ours[14..16] == theirs[14..16]
            && ours[TCP_HEADER_LEN..] == theirs[TCP_HEADER_LEN..]
    }
}

/// Of a whole IP header.
fn destination(packet: &[u8]) -> IpAddr {
    if is_ipv4(packet) {
        let octets: [u8; 4] = packet[16..20].try_into().expect("4 octets");
        return octets.into();
    }
    let octets: [u8; 16] = packet[24..40].try_into().expect("16 octets");
    octets.into()
}

/// The protocol of an IPv4 packet that is whole, unfragmented and without options.
fn plain_ipv4(packet: &[u8]) -> Option<u8> {
    let header: &[u8; IPV4_HEADER_LEN] = packet.first_chunk()?;
    let is_plain = header[0] == 0x45
        && usize::from(u16::from_be_bytes([header[2], header[3]])) == packet.len()
        && header[6] & !DONT_FRAGMENT == 0
        && header[7] == 0;
    is_plain.then_some(header[9])
}

/// The protocol of an IPv6 packet that is whole. An extension header is a protocol that nobody merges.
fn plain_ipv6(packet: &[u8]) -> Option<u8> {
    let header: &[u8; IPV6_HEADER_LEN] = packet.first_chunk()?;
    let is_whole = usize::from(u16::from_be_bytes([header[4], header[5]])) + IPV6_HEADER_LEN == packet.len();
    is_whole.then_some(header[6])
}

/// Octets in the header of a TCP segment that carries data and signals nothing else.
fn plain_tcp(segment: &[u8]) -> Option<usize> {
    let header: &[u8; TCP_HEADER_LEN] = segment.first_chunk()?;
    let len = tcp_header_len(header[12]);
    let is_plain = header[12] & 0xf == 0
        && header[TCP_FLAGS_AT] & !PSH == ACK
        && header[18..] == [0; 2]
        && (TCP_HEADER_LEN..=segment.len()).contains(&len);
    is_plain.then_some(len)
}

/// Octets in the header of a UDP datagram that is whole and has a checksum.
fn plain_udp(datagram: &[u8]) -> Option<usize> {
    let header: &[u8; UDP_HEADER_LEN] = datagram.first_chunk()?;
    let is_whole = usize::from(u16::from_be_bytes([header[4], header[5]])) == datagram.len();
    (is_whole && header[6..] != [0; 2]).then_some(UDP_HEADER_LEN)
}
