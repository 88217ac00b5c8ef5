//! Which neighbours are written at once, from the principle: those of which the whole, split again, is what was there
//! before, octet for octet.

use std::net::IpAddr;

use adit_core::device::offload::{Form, MAX_PARTS, VnetHeader};

use super::headers::{self, Places, is_ipv4, pair, set_pair};
use super::packet::{ACK, DF, PSH, TCP, UDP};
use super::splitting::split;

/// One write.
#[derive(Debug, PartialEq, Eq)]
pub struct Written {
    pub octets: Vec<u8>,
    pub packets: usize,
}

/// What is written of these packets.
pub fn merge(form: Form<'_>, packets: &[Vec<u8>]) -> Vec<Written> {
    let mut writes = Vec::new();
    let mut rest = packets;
    while !rest.is_empty() {
        let len = (2..=rest.len()).take_while(|len| is_run(form, &rest[..*len])).last().unwrap_or(1);
        let (run, after) = rest.split_at(len);
        writes.push(Written { octets: written(form, run), packets: len });
        rest = after;
    }
    writes
}

/// The octets of one write.
fn written(form: Form<'_>, run: &[Vec<u8>]) -> Vec<u8> {
    let joined = if run.len() > 1 { join(run) } else { None };
    match (form, joined) {
        (Form::Vnet { .. }, Some((header, packet))) => [&header.to_bytes()[..], &packet].concat(),
        (Form::Vnet { .. }, None) => [&[0; VnetHeader::LEN][..], &run[0]].concat(),
        (_, Some((header, mut packet))) => {
            let places = Places::find(&packet, header.csum_start.into(), protocol(&packet)).expect("headers");
            headers::set_checksum(&mut packet, &places);
            packet
        }
        (_, None) => run[0].clone(),
    }
}

/// Whether these go in one write.
fn is_run(form: Form<'_>, run: &[Vec<u8>]) -> bool {
    let is_in_bounds = run.len() <= MAX_PARTS && run.iter().all(|packet| is_candidate(form, packet));
    let joined = if is_in_bounds { join(run) } else { None };
    joined.is_some_and(|(header, packet)| {
        packet.len() <= 65_535 && split(header, &packet).is_some_and(|parts| are_alike(&parts, run))
    })
}

/// Whether a packet may have neighbours in its write, whatever they are.
fn is_candidate(form: Form<'_>, packet: &[u8]) -> bool {
    let Some(places) = plain_places(packet) else { return false };
    let is_taken = match form {
        Form::Alone => false,
        Form::Plain { own } => places.protocol == TCP && own.contains(&destination(packet)),
        Form::Vnet { tcp, udp } => {
            if places.protocol == TCP {
                tcp
            } else {
                udp
            }
        }
    };
    is_taken && (places.protocol == UDP || is_plain_data(packet, &places))
}

/// TCP's flags say that there is data and no more, and nothing is urgent.
fn is_plain_data(packet: &[u8], places: &Places) -> bool {
    let header = &packet[places.transport..];
    header[12] & 0xf == 0 && header[13] & !PSH == ACK && pair(header, 18) == 0
}

/// Where things stand in a packet whose IP header has no options, no extensions and no fragment.
fn plain_places(packet: &[u8]) -> Option<Places> {
    match packet.first()? {
        0x45 if packet.len() >= 20 && matches!(pair(packet, 6), 0 | DF) => {
            Places::find(packet, 20, protocol(packet))
        }
        first if first >> 4 == 6 && packet.len() >= 40 => Places::find(packet, 40, protocol(packet)),
        _ => None,
    }
}

fn protocol(packet: &[u8]) -> u8 {
    packet[if is_ipv4(packet) { 9 } else { 6 }]
}

fn destination(packet: &[u8]) -> IpAddr {
    let addresses = headers::addresses(packet);
    match <[u8; 4]>::try_from(&addresses[addresses.len() / 2..]) {
        Ok(octets) => octets.into(),
        Err(_) => <[u8; 16]>::try_from(&addresses[16..]).expect("half of 32 octets").into(),
    }
}

/// The super-packet with the first packet's headers and all payloads. All are candidates.
fn join(run: &[Vec<u8>]) -> Option<(VnetHeader, Vec<u8>)> {
    let places = plain_places(&run[0])?;
    let mut packet = run[0][..places.payload].to_vec();
    for part in run {
        let Places { transport, payload, protocol } = plain_places(part)?;
        if (transport, protocol) != (places.transport, places.protocol) {
            return None;
        }
        packet.extend(&part[payload..]);
    }
    if places.protocol == TCP {
        packet[places.transport + 13] |= run.last()?[places.transport + 13] & PSH;
    }
    if packet.len() > 65_535 {
        return None;
    }
    headers::set_lengths(&mut packet, &places);
    headers::begin_checksum(&mut packet, &places);
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: match (places.protocol, is_ipv4(&packet)) {
            (TCP, true) => VnetHeader::GSO_TCPV4,
            (TCP, false) => VnetHeader::GSO_TCPV6,
            _ => VnetHeader::GSO_UDP_L4,
        },
        hdr_len: places.payload as u16,
        gso_size: (run[0].len() - places.payload) as u16,
        csum_start: places.transport as u16,
        csum_offset: (places.checksum() - places.transport) as u16,
    };
    Some((header, packet))
}

/// Whether the parts are the run's packets. Where no packet may be fragmented its identification means nothing (RFC 6864),
/// and senders write the same into all: the parts' may differ from that.
pub fn are_alike(parts: &[Vec<u8>], run: &[Vec<u8>]) -> bool {
    if parts == run {
        return true;
    }
    let first = &run[0];
    let is_unnumbered = is_ipv4(first)
        && pair(first, 6) & DF != 0
        && run.iter().all(|packet| is_ipv4(packet) && pair(packet, 4) == pair(first, 4));
    let renumbered = |part: &Vec<u8>| {
        let mut part = part.clone();
        set_pair(&mut part, 4, pair(first, 4));
        headers::set_header_checksum(&mut part);
        part
    };
    is_unnumbered && parts.iter().map(renumbered).eq(run.iter().cloned())
}
