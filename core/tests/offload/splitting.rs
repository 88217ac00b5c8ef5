//! Super-packets as a TUN descriptor with a vnet header brings them.

use adit_core::device::offload::{BadSuperPacket, SuperPacket, VnetHeader};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::headers::{pair, zero_checksum};
use crate::oracle::laws;
use crate::oracle::packet::{ACK, CWR, FIN, PSH, Packet, Transport, payload};
use crate::oracle::story::{OWN, PEER, super_packet};

/// IPv4 and IPv6.
const VERSIONS: [usize; 2] = [0, 1];

fn tcp(version: usize) -> Packet {
    Packet::tcp(OWN[version], PEER[version])
}

fn udp(version: usize) -> Packet {
    Packet::udp(OWN[version], PEER[version])
}

/// What the kernel says of a super-packet with segments of this size, and the super-packet.
fn offloaded(packet: &Packet, size: u16) -> (VnetHeader, Vec<u8>) {
    let (octets, places) = packet.begun();
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: match (&packet.transport, octets[0] >> 4) {
            (Transport::Udp, _) => VnetHeader::GSO_UDP_L4,
            (_, 4) => VnetHeader::GSO_TCPV4,
            _ => VnetHeader::GSO_TCPV6,
        },
        hdr_len: places.payload as u16,
        gso_size: size,
        csum_start: places.transport as u16,
        csum_offset: (places.checksum() - places.transport) as u16,
    };
    (header, octets)
}

/// Splits a super-packet of the kernel's, by both readings.
fn split(packet: &Packet, size: u16) -> Vec<Vec<u8>> {
    let (header, mut octets) = offloaded(packet, size);
    assert!(laws::split(header, &octets).is_some());
    laws::segments(&SuperPacket::new(header, &mut octets).unwrap())
}

fn refusal(header: VnetHeader, packet: &[u8]) -> BadSuperPacket {
    assert_eq!(laws::split(header, packet), None);
    SuperPacket::new(header, &mut packet.to_vec()).unwrap_err()
}

/// The segments built one by one, as an application's system would have built them without offload.
fn built(packet: &Packet, size: usize) -> Vec<Vec<u8>> {
    let count = packet.payload.len().div_ceil(size);
    let segment = |number: usize| {
        let mut segment = packet.clone();
        segment.payload = packet.payload.chunks(size).nth(number).unwrap().to_vec();
        segment.identification = segment.identification.wrapping_add(number as u16);
        if let Some(tcp) = segment.as_tcp() {
            tcp.sequence = tcp.sequence.wrapping_add((number * size) as u32);
            if number > 0 {
                tcp.flags &= !CWR;
            }
            if number + 1 < count {
                tcp.flags &= !(FIN | PSH);
            }
        }
        segment.octets()
    };
    (0..count).map(segment).collect()
}

#[test]
fn segments_are_what_the_sender_would_have_built() {
    for packet in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        let packet = Packet { payload: payload(5_500, 0), ..packet };
        assert_eq!(split(&packet, 1_000), built(&packet, 1_000));
    }
}

#[test]
fn options_and_extension_headers_are_carried_along() {
    for mut packet in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        packet.between = 2;
        packet.payload = payload(301, 0);
        if let Some(tcp) = packet.as_tcp() {
            tcp.options = vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
        }
        assert_eq!(split(&packet, 100), built(&packet, 100));
    }
}

#[test]
fn fin_and_psh_are_the_last_segments_and_cwr_is_the_first_ones() {
    for version in VERSIONS {
        let packet = tcp(version).with_flags(ACK | FIN | PSH | CWR);
        let segments = split(&packet, 334);
        let flags = |segment: &Vec<u8>| segment[[33, 53][version]];
        assert_eq!(segments.iter().map(flags).collect::<Vec<_>>(), [ACK | CWR, ACK, ACK | FIN | PSH]);
        assert_eq!(segments, built(&packet, 334));
    }
}

#[test]
fn one_segment_keeps_all_flags() {
    let packet = tcp(0).with_flags(ACK | FIN | PSH | CWR);
    assert_eq!(split(&packet, 1_000), [packet.octets()]);
}

#[test]
fn sequence_and_identification_wrap_around() {
    let mut packet = Packet { identification: 0xfffe, ..tcp(0) };
    packet.as_tcp().unwrap().sequence = u32::MAX - 150;
    let segments = split(&packet, 100);
    assert_eq!(
        segments.iter().map(|segment| pair(segment, 4)).collect::<Vec<_>>()[..4],
        [0xfffe, 0xffff, 0, 1]
    );
    assert_eq!(segments, built(&packet, 100));
}

#[test]
fn a_checksum_that_is_only_begun_is_completed() {
    for packet in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        let packet = Packet { payload: payload(77, 0), ..packet };
        let (header, octets) = offloaded(&packet, 0);
        let header = VnetHeader { gso_type: VnetHeader::GSO_NONE, ..header };
        let mut copy = octets.clone();
        let whole = SuperPacket::new(header, &mut copy).unwrap();
        assert_eq!(laws::segments(&whole), [packet.octets()]);
        assert_eq!(laws::split(header, &octets), Some(1));
    }
}

/// Zero would mean that there is none.
#[test]
fn a_checksum_of_zero_is_written_as_ones_in_udp() {
    for version in VERSIONS {
        let headers_len = [28, 48][version];
        let mut segment = udp(version);
        let mut octets = segment.octets();
        zero_checksum(&mut octets, false, 0xffff);
        segment.payload = octets[headers_len..].to_vec();
        assert_eq!(segment.octets(), octets);

        let (header, mut begun) = offloaded(&segment, 0);
        let header = VnetHeader { gso_type: VnetHeader::GSO_NONE, ..header };
        assert_eq!(laws::split(header, &begun), Some(1));
        assert_eq!(laws::segments(&SuperPacket::new(header, &mut begun).unwrap()), [octets.clone()]);

        let twice = Packet { payload: segment.payload.repeat(2), ..segment };
        assert_eq!(split(&twice, 1_000)[0], octets);
    }
}

#[test]
fn a_packet_without_offload_is_left_as_it_is() {
    let mut octets = tcp(0).octets();
    octets[36] ^= 1;
    let mut copy = octets.clone();
    assert_eq!(
        laws::segments(&SuperPacket::new(VnetHeader::default(), &mut copy).unwrap()),
        [octets.clone()]
    );
    assert_eq!(laws::segments(&SuperPacket::whole(&octets)), [octets]);
}

#[test]
fn a_whole_super_packet_of_64_kib_is_split() {
    for version in VERSIONS {
        let headers_len = [40, 60][version];
        let packet = Packet { payload: payload(65_535 - headers_len, 0), ..tcp(version) };
        assert_eq!(split(&packet, 1_380), built(&packet, 1_380));
    }
}

#[test]
fn the_head_is_the_header_of_every_segment() {
    for version in VERSIONS {
        let (header, mut octets) = offloaded(&tcp(version), 400);
        let whole = SuperPacket::new(header, &mut octets).unwrap();
        let addresses = [12..20, 8..40][version].clone();
        for segment in laws::segments(&whole) {
            assert_eq!(whole.head()[addresses.clone()], segment[addresses.clone()]);
        }
    }
}

#[test]
fn a_super_packet_of_empty_segments_is_refused() {
    let (header, octets) = offloaded(&tcp(0), 0);
    assert_eq!(refusal(header, &octets), BadSuperPacket::NoSegmentSize);
}

#[test]
fn a_kind_of_segmentation_that_nobody_asked_for_is_refused() {
    let (header, octets) = offloaded(&udp(0), 500);
    let ufo = VnetHeader { gso_type: 3, ..header };
    assert_eq!(refusal(ufo, &octets), BadSuperPacket::UnknownType(3));
}

#[test]
fn another_version_than_the_type_says_is_refused() {
    for version in VERSIONS {
        let (header, octets) = offloaded(&tcp(version), 500);
        let other = [VnetHeader::GSO_TCPV6, VnetHeader::GSO_TCPV4][version];
        assert_eq!(refusal(VnetHeader { gso_type: other, ..header }, &octets), BadSuperPacket::Contradiction);
    }
}

#[test]
fn headers_that_contradict_each_other_are_refused() {
    for packet in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        let (header, octets) = offloaded(&packet, 500);
        let csum_start = header.csum_start;
        for contradiction in [
            VnetHeader { flags: 0, ..header },
            VnetHeader { csum_offset: header.csum_offset + 2, ..header },
            VnetHeader { csum_start: csum_start - 4, ..header },
        ] {
            assert_eq!(refusal(contradiction, &octets), BadSuperPacket::Contradiction);
        }
    }
    let (header, octets) = offloaded(&tcp(0), 500);
    // Another protocol, another length of IP's header, and one of TCP's that is too short.
    for (at, octet) in [(9, 17), (0, 0x46), (32, 0x40)] {
        let mut octets = octets.clone();
        octets[at] = octet;
        assert_eq!(refusal(header, &octets), BadSuperPacket::Contradiction);
    }
    // Both say the same of IP's header, which is too short.
    let mut octets = octets;
    octets[0] = 0x44;
    octets[16 + 12] = 0x50;
    assert_eq!(refusal(VnetHeader { csum_start: 16, ..header }, &octets), BadSuperPacket::Contradiction);
}

#[test]
fn a_segment_that_ip_cannot_carry_is_refused() {
    let (header, octets) = offloaded(&Packet { payload: payload(66_000, 0), ..tcp(0) }, u16::MAX);
    assert_eq!(refusal(header, &octets), BadSuperPacket::Contradiction);
}

#[test]
fn a_super_packet_without_payload_is_one_segment() {
    let packet = Packet { payload: Vec::new(), ..tcp(0) };
    assert_eq!(split(&packet, 500), [packet.octets()]);
}

#[test]
fn a_super_packet_that_is_cut_within_its_headers_is_refused() {
    for packet in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        let (header, octets) = offloaded(&packet, 500);
        for len in 0..usize::from(header.hdr_len) {
            refusal(header, &octets[..len]);
        }
    }
}

#[test]
fn a_checksum_behind_the_packets_end_is_refused() {
    let (header, octets) = offloaded(&udp(0), 0);
    let header = VnetHeader { gso_type: VnetHeader::GSO_NONE, csum_start: octets.len() as u16 - 7, ..header };
    assert_eq!(refusal(header, &octets), BadSuperPacket::Truncated);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn both_readings_agree_on_every_split(octets in vec(any::<u8>(), 0..60)) {
        let (header, packet) = super_packet(&octets);
        laws::split(header, &packet);
    }

    #[test]
    fn both_readings_agree_on_splitting_anything(header: [u8; 10], packet in vec(any::<u8>(), 0..200)) {
        laws::split(VnetHeader::from_bytes(&header), &packet);
    }
}
