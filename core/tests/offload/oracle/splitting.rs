//! What a super-packet stands for (Linux's TSO and USO, as its TUN descriptors hand them over).

use adit_core::device::offload::VnetHeader;

use super::checksum;
use super::headers::{self, Places, is_ipv4, pair, set_pair};
use super::packet::{CWR, FIN, PSH, TCP, UDP};

/// The packets; `None` where the headers contradict each other or the packet.
pub fn split(header: VnetHeader, packet: &[u8]) -> Option<Vec<Vec<u8>>> {
    if header.gso_type & !VnetHeader::GSO_ECN == VnetHeader::GSO_NONE {
        return Some(vec![complete(header, packet)?]);
    }
    let places = places(header, packet)?;
    let payload = &packet[places.payload..];
    let size = usize::from(header.gso_size);
    let mut parts: Vec<&[u8]> = if size == 0 { return None } else { payload.chunks(size).collect() };
    if parts.is_empty() {
        parts.push(&[]);
    }
    if places.payload + parts[0].len() > 65_535 {
        return None;
    }
    let segment = |(number, part): (usize, &&[u8])| {
        let mut segment = [&packet[..places.payload], part].concat();
        let ends = [number == 0, number + 1 == parts.len()];
        number_segment(&mut segment, &places, number, number * size, ends);
        headers::set_lengths(&mut segment, &places);
        headers::set_checksum(&mut segment, &places);
        segment
    };
    Some(parts.iter().enumerate().map(segment).collect())
}

/// One packet whose checksum may only be begun.
fn complete(header: VnetHeader, packet: &[u8]) -> Option<Vec<u8>> {
    let mut packet = packet.to_vec();
    if header.flags & VnetHeader::NEEDS_CSUM == 0 {
        return Some(packet);
    }
    let start = usize::from(header.csum_start);
    let field = start + usize::from(header.csum_offset);
    if field + 2 > packet.len() {
        return None;
    }
    // Nobody says what protocol it is, but where UDP's checksum stands no other's does.
    let is_udp = header.csum_offset == 6;
    let checksum = !checksum::sum(&packet[start..]);
    set_pair(&mut packet, field, if is_udp && checksum == 0 { 0xffff } else { checksum });
    Some(packet)
}

/// Where things stand in a super-packet.
fn places(header: VnetHeader, packet: &[u8]) -> Option<Places> {
    let (version, protocol) = match header.gso_type & !VnetHeader::GSO_ECN {
        VnetHeader::GSO_TCPV4 => (4, TCP),
        VnetHeader::GSO_TCPV6 => (6, TCP),
        VnetHeader::GSO_UDP_L4 => (packet.first()? >> 4, UDP),
        _ => return None,
    };
    let transport = usize::from(header.csum_start);
    let is_consistent = packet.first()? >> 4 == version
        && header.flags & VnetHeader::NEEDS_CSUM != 0
        && ip_header_ends(packet, transport, protocol);
    let places = Places::find(packet, transport, protocol).filter(|_| is_consistent)?;
    (places.checksum() == transport + usize::from(header.csum_offset)).then_some(places)
}

/// Whether the IP header, or the last of its extension headers, ends there and names this protocol.
fn ip_header_ends(packet: &[u8], end: usize, protocol: u8) -> bool {
    if end > packet.len() {
        return false;
    }
    match packet[0] >> 4 {
        4 => {
            let header_len = 4 * usize::from(packet[0] & 0xf);
            header_len >= 20 && header_len == end && packet[9] == protocol
        }
        6 => end >= 40,
        _ => false,
    }
}

/// What differs between the segments of one super-packet. `ends`: whether it is the first, whether it is the last.
fn number_segment(segment: &mut [u8], places: &Places, number: usize, before: usize, ends: [bool; 2]) {
    if is_ipv4(segment) {
        let identification = pair(segment, 4).wrapping_add(number as u16);
        set_pair(segment, 4, identification);
    }
    if places.protocol == TCP {
        let at = places.transport + 4;
        let field: [u8; 4] = segment[at..at + 4].try_into().expect("four octets");
        let sequence = u32::from_be_bytes(field).wrapping_add(before as u32);
        segment[at..at + 4].copy_from_slice(&sequence.to_be_bytes());
        let [is_first, is_last] = ends;
        let flags = &mut segment[places.transport + 13];
        if !is_first {
            *flags &= !CWR;
        }
        if !is_last {
            *flags &= !(FIN | PSH);
        }
    }
}
