//! What must hold of everything that is split or merged: the driver and the second reading agree, octet for octet.

use adit_core::device::offload::{Form, Merger, SuperPacket, VnetHeader, Write};

use super::headers::{self, Places};
use super::merging::{self, Written, are_alike};
use super::packet::TCP;
use super::splitting;

/// Splits a super-packet, and looks whether the segments are those of the second reading. Tells how many there are;
/// `None` where both say that it makes no sense.
pub fn split(header: VnetHeader, packet: &[u8]) -> Option<usize> {
    assert_eq!(VnetHeader::from_bytes(&header.to_bytes()), header);
    let expected = splitting::split(header, packet);
    let mut copy = packet.to_vec();
    let split = SuperPacket::new(header, &mut copy).map(|whole| segments(&whole));
    match (split, expected) {
        (Ok(segments), Some(expected)) => {
            assert_eq!(segments.len(), expected.len(), "segments of {header:?}");
            for (number, (segment, expected)) in segments.iter().zip(&expected).enumerate() {
                assert_eq!(segment, expected, "segment {number} of {header:?}");
            }
            Some(segments.len())
        }
        (Ok(segments), None) => panic!("{header:?} of {packet:x?} became {segments:x?}"),
        (Err(refused), Some(_)) => panic!("{header:?} of {packet:x?} is refused: {refused}"),
        (Err(_), None) => None,
    }
}

/// All segments, written into rooms that are not clean.
pub fn segments(whole: &SuperPacket<'_>) -> Vec<Vec<u8>> {
    let segments = whole.segments();
    let expected = segments.len();
    let segments: Vec<Vec<u8>> = segments
        .map(|segment| {
            let mut room = vec![0xaa; segment.len()];
            segment.write(&mut room);
            room
        })
        .collect();
    assert_eq!(segments.len(), expected);
    segments
}

/// Merges packets, and looks whether the writes are those of the second reading, and whether they are, taken apart, what
/// was pushed, in its order. Tells how many packets each write has.
pub fn merge(form: Form<'_>, packets: &[Vec<u8>]) -> Vec<usize> {
    let (writes, octets) = writes(form, packets);
    let mut rest = packets;
    let mut octets = octets.into_iter();
    for write in &writes {
        let (pushed, after) = rest.split_at(write.packets);
        assert_stands_for(form, write, pushed);
        assert_eq!(octets.next(), Some(pushed.iter().map(Vec::len).sum()), "octets of one write");
        rest = after;
    }
    assert!(rest.is_empty(), "{} packets are lost", rest.len());
    let expected = merging::merge(form, packets);
    let lens = |writes: &[Written]| writes.iter().map(|write| write.packets).collect::<Vec<_>>();
    assert_eq!(lens(&writes), lens(&expected), "packets in each write, {form:?}, of {packets:x?}");
    assert_eq!(writes, expected, "{form:?}");
    lens(&writes)
}

/// What is written of these packets, and the octets that each write says it stands for.
fn writes(form: Form<'_>, packets: &[Vec<u8>]) -> (Vec<Written>, Vec<usize>) {
    let mut writes = Vec::new();
    let mut octets = Vec::new();
    let mut take = |write: Write<'_>| {
        writes.push(Written {
            octets: write.slices.iter().flat_map(|slice| slice.iter().copied()).collect(),
            packets: write.packets,
        });
        octets.push(write.octets);
        Ok::<(), std::convert::Infallible>(())
    };
    let mut merger = Merger::new(form);
    for packet in packets {
        let Ok(()) = merger.push(packet, &mut take);
    }
    let Ok(()) = merger.finish(&mut take);
    (writes, octets)
}

/// One write, taken apart, is these packets.
fn assert_stands_for(form: Form<'_>, write: &Written, pushed: &[Vec<u8>]) {
    let (header, packet) = match form {
        Form::Vnet { .. } => {
            let (header, packet) = write.octets.split_first_chunk().expect("a vnet header");
            (VnetHeader::from_bytes(header), packet.to_vec())
        }
        _ if pushed.len() > 1 => undone(&write.octets, &pushed[0]),
        _ => (VnetHeader::default(), write.octets.clone()),
    };
    let parts = splitting::split(header, &packet).expect("a write that can be split again");
    assert!(are_alike(&parts, pushed), "{header:?} of {packet:x?} was {pushed:x?}");
}

/// A long packet of TCP as it was before its checksum was completed, and what a vnet header would say of it: its first part
/// tells the size of the others. The checksum must have been right.
fn undone(long: &[u8], first: &[u8]) -> (VnetHeader, Vec<u8>) {
    let is_ipv4 = long[0] >> 4 == 4;
    let places = Places::find(long, if is_ipv4 { 20 } else { 40 }, TCP).expect("a packet of TCP");
    let mut packet = long.to_vec();
    headers::set_checksum(&mut packet, &places);
    assert_eq!(packet, long, "the checksum of a long packet");
    headers::begin_checksum(&mut packet, &places);
    let header = VnetHeader {
        flags: VnetHeader::NEEDS_CSUM,
        gso_type: if is_ipv4 { VnetHeader::GSO_TCPV4 } else { VnetHeader::GSO_TCPV6 },
        gso_size: (first.len() - places.payload) as u16,
        hdr_len: places.payload as u16,
        csum_start: places.transport as u16,
        csum_offset: 16,
    };
    (header, packet)
}
