//! The inner packets of the demo: IPv4 with ICMP echo or UDP, built and read with every checksum. Who sends them
//! and why is not known here.

use std::net::Ipv4Addr;

/// Octets before the payload of an ICMP echo or of a UDP datagram: IPv4's 20 (RFC 791), then 8 (RFCs 792 and 768).
pub(crate) const HEADERS_LEN: usize = IPV4_LEN + 8;

const IPV4_LEN: usize = 20;
const TTL: u8 = 64;
const PROTOCOL_ICMP: u8 = 1;
const PROTOCOL_UDP: u8 = 17;
const ICMP_ECHO_REPLY: u8 = 0;
const ICMP_ECHO_REQUEST: u8 = 8;

/// From whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) source: Ipv4Addr,
    pub(crate) destination: Ipv4Addr,
}

impl Route {
    /// The way back.
    pub(crate) fn back(self) -> Self {
        Self { source: self.destination, destination: self.source }
    }
}

/// A packet of a kind that the demo knows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Packet<'p> {
    pub(crate) route: Route,
    pub(crate) ttl: u8,
    pub(crate) content: Content<'p>,
}

/// What is in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Content<'p> {
    EchoRequest(Echo<'p>),
    EchoReply(Echo<'p>),
    Datagram(Datagram<'p>),
}

/// An ICMP echo (RFC 792).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Echo<'p> {
    pub(crate) identifier: u16,
    pub(crate) sequence: u16,
    pub(crate) data: &'p [u8],
}

/// A UDP datagram (RFC 768).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram<'p> {
    pub(crate) source_port: u16,
    pub(crate) destination_port: u16,
    pub(crate) payload: &'p [u8],
}

/// Why octets are no packet of the demo's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("{len} octets do not hold the headers, or the length in them is another")]
    Length { len: usize },
    #[error("not plain IPv4 (first octet {first:#04x})")]
    NotIpv4 { first: u8 },
    #[error("a checksum is wrong")]
    Checksum,
    #[error("protocol {protocol} with type {kind} is neither an ICMP echo nor UDP")]
    Unknown { protocol: u8, kind: u8 },
}

/// Writes an echo request in place of what `packet` held.
pub(crate) fn write_echo_request(packet: &mut Vec<u8>, route: Route, echo: Echo<'_>) {
    write_echo(packet, route, ICMP_ECHO_REQUEST, echo);
}

/// Writes an echo reply in place of what `packet` held.
pub(crate) fn write_echo_reply(packet: &mut Vec<u8>, route: Route, echo: Echo<'_>) {
    write_echo(packet, route, ICMP_ECHO_REPLY, echo);
}

fn write_echo(packet: &mut Vec<u8>, route: Route, kind: u8, echo: Echo<'_>) {
    begin_ipv4(packet, route, PROTOCOL_ICMP, 8 + echo.data.len());
    packet.extend([kind, 0, 0, 0]);
    packet.extend(echo.identifier.to_be_bytes());
    packet.extend(echo.sequence.to_be_bytes());
    packet.extend_from_slice(echo.data);
    let checksum = checksum(sum(&packet[IPV4_LEN..]));
    packet[IPV4_LEN + 2..][..2].copy_from_slice(&checksum.to_be_bytes());
}

/// Writes a datagram in place of what `packet` held.
pub(crate) fn write_datagram(packet: &mut Vec<u8>, route: Route, datagram: Datagram<'_>) {
    let len = 8 + datagram.payload.len();
    begin_ipv4(packet, route, PROTOCOL_UDP, len);
    packet.extend(datagram.source_port.to_be_bytes());
    packet.extend(datagram.destination_port.to_be_bytes());
    packet.extend((len as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend_from_slice(datagram.payload);
    // A checksum of zero would mean that there is none.
    let checksum = match checksum(udp_sum(route, &packet[IPV4_LEN..])) {
        0 => 0xffff,
        checksum => checksum,
    };
    packet[IPV4_LEN + 6..][..2].copy_from_slice(&checksum.to_be_bytes());
}

/// `content_len`: octets after the IPv4 header; with it, the packet must stay below 64 KiB.
fn begin_ipv4(packet: &mut Vec<u8>, route: Route, protocol: u8, content_len: usize) {
    packet.clear();
    let total = (IPV4_LEN + content_len) as u16;
    packet.extend([0x45, 0]);
    packet.extend(total.to_be_bytes());
    packet.extend([0, 0, 0, 0, TTL, protocol, 0, 0]);
    packet.extend(route.source.octets());
    packet.extend(route.destination.octets());
    let checksum = checksum(sum(packet));
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
}

/// Reads a packet and checks every length and checksum in it.
pub(crate) fn parse(packet: &[u8]) -> Result<Packet<'_>, Malformed> {
    let len = packet.len();
    let (ip, content) = packet.split_at_checked(IPV4_LEN).ok_or(Malformed::Length { len })?;
    if ip[0] != 0x45 {
        return Err(Malformed::NotIpv4 { first: ip[0] });
    }
    if usize::from(u16_at(ip, 2)) != len || content.len() < 8 {
        return Err(Malformed::Length { len });
    }
    let address = |at: usize| Ipv4Addr::new(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]);
    let route = Route { source: address(12), destination: address(16) };
    check(sum(ip))?;
    let content = match (ip[9], content[0]) {
        (PROTOCOL_ICMP, kind @ (ICMP_ECHO_REQUEST | ICMP_ECHO_REPLY)) => {
            check(sum(content))?;
            let echo =
                Echo { identifier: u16_at(content, 4), sequence: u16_at(content, 6), data: &content[8..] };
            if kind == ICMP_ECHO_REQUEST { Content::EchoRequest(echo) } else { Content::EchoReply(echo) }
        }
        (PROTOCOL_UDP, _) => Content::Datagram(parse_datagram(route, content)?),
        (protocol, kind) => return Err(Malformed::Unknown { protocol, kind }),
    };
    Ok(Packet { route, ttl: ip[8], content })
}

fn parse_datagram(route: Route, content: &[u8]) -> Result<Datagram<'_>, Malformed> {
    if usize::from(u16_at(content, 4)) != content.len() {
        return Err(Malformed::Length { len: IPV4_LEN + content.len() });
    }
    check(udp_sum(route, content))?;
    Ok(Datagram {
        source_port: u16_at(content, 0),
        destination_port: u16_at(content, 2),
        payload: &content[8..],
    })
}

fn u16_at(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

/// The sum of 16-bit words, yet to be folded (RFC 1071). Packets are too short to overflow it.
fn sum(octets: &[u8]) -> u32 {
    let words = octets.chunks_exact(2);
    let last = words.remainder().first().map_or(0, |octet| u32::from(*octet) << 8);
    words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum::<u32>() + last
}

/// With the pseudo header: addresses, protocol and length (RFC 768).
fn udp_sum(route: Route, datagram: &[u8]) -> u32 {
    sum(&route.source.octets())
        + sum(&route.destination.octets())
        + u32::from(PROTOCOL_UDP)
        + datagram.len() as u32
        + sum(datagram)
}

/// The ones' complement of the folded sum.
fn checksum(sum: u32) -> u16 {
    let folded = (sum >> 16) + (sum & 0xffff);
    !((folded >> 16) + folded) as u16
}

/// A sum that took in a right checksum folds to all ones.
fn check(sum: u32) -> Result<(), Malformed> {
    if checksum(sum) == 0 { Ok(()) } else { Err(Malformed::Checksum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTE: Route =
        Route { source: Ipv4Addr::new(10, 0, 0, 1), destination: Ipv4Addr::new(10, 0, 0, 2) };

    fn echo_packet() -> Vec<u8> {
        let mut packet = Vec::new();
        write_echo_request(&mut packet, ROUTE, Echo { identifier: 0x1234, sequence: 1, data: b"abc" });
        packet
    }

    fn udp_packet(payload: &[u8]) -> Vec<u8> {
        let mut packet = Vec::new();
        write_datagram(&mut packet, ROUTE, Datagram { source_port: 40_000, destination_port: 9, payload });
        packet
    }

    /// Octets as tcpdump shows them, checksums worked out by hand.
    #[test]
    fn an_echo_request_is_what_the_wire_expects() {
        let expected = [
            0x45, 0x00, 0x00, 0x1f, 0x00, 0x00, 0x00, 0x00, 0x40, 0x01, 0x66, 0xdc, 10, 0, 0, 1, 10, 0, 0, 2,
            0x08, 0x00, 0x21, 0x68, 0x12, 0x34, 0x00, 0x01, b'a', b'b', b'c',
        ];
        assert_eq!(echo_packet(), expected);
    }

    #[test]
    fn what_is_written_reads_back() {
        let packet = echo_packet();
        let echo = Echo { identifier: 0x1234, sequence: 1, data: b"abc" };
        let content = Content::EchoRequest(echo);
        assert_eq!(parse(&packet), Ok(Packet { route: ROUTE, ttl: 64, content }));

        let mut reply = Vec::new();
        write_echo_reply(&mut reply, ROUTE.back(), echo);
        let content = Content::EchoReply(echo);
        assert_eq!(parse(&reply), Ok(Packet { route: ROUTE.back(), ttl: 64, content }));

        for len in [0, 1, 2, 1392] {
            let payload: Vec<_> = (0..len).map(|n| n as u8).collect();
            let packet = udp_packet(&payload);
            assert_eq!(packet.len(), HEADERS_LEN + len);
            let datagram = Datagram { source_port: 40_000, destination_port: 9, payload: &payload };
            assert_eq!(parse(&packet).unwrap().content, Content::Datagram(datagram));
        }
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        for packet in [echo_packet(), udp_packet(b"payload")] {
            for bit in 0..packet.len() * 8 {
                let mut broken = packet.clone();
                broken[bit / 8] ^= 1 << (bit % 8);
                assert!(parse(&broken).is_err(), "bit {bit} of {packet:x?}");
            }
        }
    }

    #[test]
    fn what_is_cut_or_foreign_is_refused() {
        let packet = echo_packet();
        for len in 0..packet.len() {
            assert_eq!(parse(&packet[..len]), Err(Malformed::Length { len }));
        }
        assert_eq!(parse(&[0x60; 48]), Err(Malformed::NotIpv4 { first: 0x60 }));
    }
}
