//! Received packets on their way into a TUN descriptor of any kind.

use adit_core::device::offload::{Form, MAX_PARTS, Merger};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::oracle::headers::{self, Places, pair, set_pair, zero_checksum};
use crate::oracle::laws;
use crate::oracle::packet::{ACK, DF, FIN, PSH, Packet, SYN, UDP, payload};
use crate::oracle::story::{OWN, PEER, Story};

const VNET: Form<'static> = Form::Vnet { tcp: true, udp: true };
const PLAIN: Form<'static> = Form::Plain { own: &OWN };

/// IPv4 and IPv6.
const VERSIONS: [usize; 2] = [0, 1];

fn tcp(version: usize) -> Packet {
    Packet::tcp(PEER[version], OWN[version])
}

fn udp(version: usize) -> Packet {
    Packet::udp(PEER[version], OWN[version])
}

/// As a sender goes on: packets of so many octets of payload each, one after the other.
fn run(first: &Packet, sizes: &[usize]) -> Vec<Packet> {
    let mut next = first.clone();
    let segment = |(number, size): (usize, &usize)| {
        let packet = Packet { payload: payload(*size, number), ..next.clone() };
        next.identification = next.identification.wrapping_add(1);
        if let Some(tcp) = next.as_tcp() {
            tcp.sequence = tcp.sequence.wrapping_add(*size as u32);
        }
        packet
    };
    sizes.iter().enumerate().map(segment).collect()
}

fn octets(packets: &[Packet]) -> Vec<Vec<u8>> {
    packets.iter().map(Packet::octets).collect()
}

/// How many packets each write has, by both readings.
fn merged(form: Form<'_>, packets: &[Packet]) -> Vec<usize> {
    laws::merge(form, &octets(packets))
}

/// Three packets of one flow, of which the second is changed: it goes alone, and so do its neighbours.
#[track_caller]
fn assert_second_goes_alone(first: &Packet, change: impl FnOnce(&mut Packet)) {
    let mut packets = run(first, &[100; 3]);
    assert_eq!(merged(VNET, &packets), [3]);
    change(&mut packets[1]);
    assert_eq!(merged(VNET, &packets), [1; 3]);
}

/// Four packets of one flow, of which the last two are changed: there are two runs.
#[track_caller]
fn assert_two_runs(first: &Packet, change: impl Fn(&mut Packet)) {
    let mut packets = run(first, &[100; 4]);
    packets[2..].iter_mut().for_each(change);
    assert_eq!(merged(VNET, &packets), [2, 2]);
}

#[test]
fn equal_segments_of_one_flow_are_one_write() {
    for version in VERSIONS {
        assert_eq!(merged(VNET, &run(&tcp(version), &[1_380; 44])), [44]);
        assert_eq!(merged(PLAIN, &run(&tcp(version), &[1_380; 44])), [44]);
        assert_eq!(merged(VNET, &run(&udp(version), &[1_380; 44])), [44]);
        assert_eq!(merged(Form::Vnet { tcp: true, udp: false }, &run(&tcp(version), &[1_380; 44])), [44]);
    }
}

#[test]
fn options_that_do_not_change_are_no_hindrance() {
    let mut first = tcp(0);
    first.as_tcp().unwrap().options = vec![1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(merged(VNET, &run(&first, &[1_368; 10])), [10]);
    assert_eq!(merged(PLAIN, &run(&first, &[1_368; 10])), [10]);
}

#[test]
fn odd_sizes_are_no_hindrance() {
    for version in VERSIONS {
        assert_eq!(merged(PLAIN, &run(&tcp(version), &[1, 1, 1])), [3]);
        assert_eq!(merged(PLAIN, &run(&tcp(version), &[333, 333, 332])), [3]);
        assert_eq!(merged(VNET, &run(&udp(version), &[333, 333, 1])), [3]);
    }
}

#[test]
fn one_write_has_64_kib_at_the_most() {
    for version in VERSIONS {
        // 65,535 octets with the headers, and one more.
        let whole = 65_535 - [40, 60][version];
        let mut sizes = vec![1_440; 45];
        sizes.push(whole - 45 * 1_440);
        assert_eq!(merged(VNET, &run(&tcp(version), &sizes)), [46]);
        assert_eq!(merged(PLAIN, &run(&tcp(version), &sizes)), [46]);
        sizes[45] += 1;
        assert_eq!(merged(VNET, &run(&tcp(version), &sizes)), [45, 1]);
        assert_eq!(merged(PLAIN, &run(&tcp(version), &sizes)), [45, 1]);
    }
}

#[test]
fn one_write_has_so_many_packets_at_the_most() {
    assert_eq!(merged(VNET, &run(&udp(0), &[10; 2 * MAX_PARTS + 1])), [MAX_PARTS, MAX_PARTS, 1]);
    assert_eq!(merged(PLAIN, &run(&tcp(0), &[10; MAX_PARTS + 2])), [MAX_PARTS, 2]);
}

#[test]
fn psh_ends_a_run() {
    let mut packets = run(&tcp(0), &[100; 5]);
    packets[2] = packets[2].clone().with_flags(ACK | PSH);
    assert_eq!(merged(VNET, &packets), [3, 2]);
    assert_eq!(merged(PLAIN, &packets), [3, 2]);
    packets[3] = packets[3].clone().with_flags(ACK | PSH);
    assert_eq!(merged(VNET, &packets), [3, 1, 1]);
}

#[test]
fn a_shorter_segment_ends_a_run() {
    assert_eq!(merged(VNET, &run(&tcp(0), &[100, 100, 99, 100, 100])), [3, 2]);
    assert_eq!(merged(PLAIN, &run(&tcp(0), &[100, 100, 99, 99, 99])), [3, 2]);
    assert_eq!(merged(VNET, &run(&udp(1), &[100, 100, 99, 100, 100])), [3, 2]);
}

#[test]
fn a_longer_segment_begins_a_run() {
    assert_eq!(merged(VNET, &run(&tcp(0), &[100, 100, 101, 101])), [2, 2]);
    assert_eq!(merged(VNET, &run(&udp(0), &[100, 100, 101, 101])), [2, 2]);
}

#[test]
fn an_empty_segment_goes_alone() {
    assert_eq!(merged(VNET, &run(&tcp(0), &[0, 0, 0])), [1; 3]);
    assert_eq!(merged(VNET, &run(&tcp(0), &[100, 100, 0])), [2, 1]);
    assert_eq!(merged(VNET, &run(&udp(0), &[100, 100, 0])), [2, 1]);
}

#[test]
fn segments_with_other_flags_go_alone() {
    for bit in (0..8).map(|bit| 1 << bit).filter(|bit| ![ACK, PSH].contains(bit)) {
        assert_second_goes_alone(&tcp(0), |packet| *packet = packet.clone().with_flags(ACK | bit));
    }
    assert_second_goes_alone(&tcp(1), |packet| *packet = packet.clone().with_flags(PSH));
    assert_eq!(merged(VNET, &run(&tcp(0).with_flags(ACK | FIN), &[100; 3])), [1; 3]);
    assert_eq!(merged(VNET, &run(&tcp(0).with_flags(SYN), &[100; 3])), [1; 3]);
}

#[test]
fn a_lost_or_a_repeated_segment_ends_a_run() {
    let packets = run(&tcp(1), &[100; 6]);
    let lost = [&packets[..2], &packets[3..]].concat();
    assert_eq!(merged(VNET, &lost), [2, 3]);
    let repeated = [&packets[..2], &packets[1..]].concat();
    assert_eq!(merged(VNET, &repeated), [2, 5]);
}

#[test]
fn reordered_segments_stay_reordered() {
    let mut packets = run(&tcp(1), &[100; 5]);
    packets.swap(1, 2);
    assert_eq!(merged(VNET, &packets), [1, 1, 1, 2]);
    assert_eq!(merged(PLAIN, &packets), [1, 1, 1, 2]);
}

#[test]
fn a_change_of_what_all_headers_share_ends_a_run() {
    for version in VERSIONS {
        for first in [tcp(version), udp(version)] {
            assert_two_runs(&first, |packet| packet.class = 1);
            assert_two_runs(&first, |packet| packet.hops -= 1);
            assert_two_runs(&first, |packet| packet.ports[0] += 1);
            assert_two_runs(&first, |packet| packet.ports[1] += 1);
        }
        assert_two_runs(&tcp(version), |packet| packet.as_tcp().unwrap().acknowledgement += 1);
        assert_two_runs(&tcp(version), |packet| packet.as_tcp().unwrap().window += 1);
        assert_two_runs(&tcp(version), |packet| packet.as_tcp().unwrap().options = vec![1; 4]);
    }
    assert_two_runs(&tcp(0), |packet| packet.fragment ^= DF);
    assert_two_runs(&tcp(1), |packet| packet.flow_label ^= 1);
    assert_two_runs(&tcp(0), |packet| packet.source = [10, 0, 0, 77].into());
    assert_two_runs(&tcp(0), |packet| packet.destination = [10, 0, 0, 77].into());
}

#[test]
fn another_timestamp_ends_a_run() {
    for version in VERSIONS {
        let mut first = tcp(version);
        first.as_tcp().unwrap().options = vec![1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1];
        assert_two_runs(&first, |packet| packet.as_tcp().unwrap().options[7] += 1);
    }
}

#[test]
fn urgent_data_goes_alone() {
    assert_second_goes_alone(&tcp(0), |packet| packet.as_tcp().unwrap().urgent = 1);
    let mut first = tcp(1);
    first.as_tcp().unwrap().urgent = 1;
    assert_eq!(merged(VNET, &run(&first, &[100; 3])), [1; 3]);
}

#[test]
fn options_extension_headers_and_fragments_go_alone() {
    for first in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        assert_second_goes_alone(&first, |packet| packet.between = 1);
        assert_second_goes_alone(&first, |packet| packet.fragment = 0x2000);
        assert_eq!(merged(VNET, &run(&Packet { between: 1, ..first.clone() }, &[100; 3])), [1; 3]);
        assert_eq!(merged(VNET, &run(&Packet { fragment: 0x2000, ..first.clone() }, &[100; 3])), [1; 3]);
        assert_eq!(merged(VNET, &run(&Packet { fragment: 0x0010, ..first }, &[100; 3])), [1; 3]);
    }
}

#[test]
fn identification_counts_or_stays_where_nothing_may_be_fragmented() {
    let numbered = |fragment, identifications: [u16; 4]| {
        let mut packets = run(&Packet { fragment, ..tcp(0) }, &[100; 4]);
        packets.iter_mut().zip(identifications).for_each(|(packet, number)| packet.identification = number);
        merged(VNET, &packets)
    };
    assert_eq!(numbered(DF, [7, 7, 7, 7]), [4]);
    assert_eq!(numbered(DF, [7, 7, 8, 9]), [2, 2]);
    assert_eq!(numbered(DF, [7, 8, 8, 8]), [2, 2]);
    assert_eq!(numbered(DF, [7, 7, 9, 10]), [2, 2]);
    assert_eq!(numbered(DF, [7, 8, 7, 8]), [2, 2]);
    assert_eq!(numbered(DF, [7, 9, 10, 12]), [1, 2, 1]);
    assert_eq!(numbered(0, [7, 7, 7, 7]), [1; 4]);
    assert_eq!(numbered(0, [0xfffe, 0xffff, 0, 1]), [4]);
}

#[test]
fn sequence_numbers_wrap_around_within_a_run() {
    let mut first = tcp(1);
    first.as_tcp().unwrap().sequence = u32::MAX - 150;
    assert_eq!(merged(VNET, &run(&first, &[100; 4])), [4]);
    assert_eq!(merged(PLAIN, &run(&first, &[100; 4])), [4]);
}

#[test]
fn a_corrupted_segment_goes_alone_and_stays_corrupted() {
    for form in [VNET, PLAIN] {
        for first in VERSIONS.map(tcp) {
            let packets = octets(&run(&first, &[100; 3]));
            for at in 0..packets[1].len() {
                let mut packets = packets.clone();
                packets[1][at] ^= 0x10;
                assert_eq!(laws::merge(form, &packets), [1; 3], "octet {at}");
            }
        }
    }
}

#[test]
fn a_corrupted_datagram_goes_alone_and_stays_corrupted() {
    for first in VERSIONS.map(udp) {
        let packets = octets(&run(&first, &[100; 3]));
        for at in 0..packets[1].len() {
            let mut packets = packets.clone();
            packets[1][at] ^= 0x10;
            assert_eq!(laws::merge(VNET, &packets), [1; 3], "octet {at}");
        }
    }
}

#[test]
fn a_datagram_without_a_checksum_goes_alone() {
    for version in VERSIONS {
        let mut packets = octets(&run(&udp(version), &[100; 3]));
        packets.iter_mut().for_each(|packet| packet[[26, 46][version]..][..2].fill(0));
        assert_eq!(laws::merge(VNET, &packets), [1; 3]);
    }
}

/// A checksum of zero may be written as 0xffff, and right it is; but whoever splits the run writes zero. With UDP, where zero
/// means that there is none, it is the other way round.
#[test]
fn a_checksum_in_its_other_form_stays_in_it() {
    for (is_header, first, form) in [
        (false, tcp(0), 0xffff),
        (false, tcp(1), 0xffff),
        (false, udp(0), 0),
        (false, udp(1), 0),
        (true, tcp(0), 0xffff),
        (true, udp(0), 0xffff),
    ] {
        // Its own neighbour follows: where the identification had to change, that one's does, too.
        let mut first = first;
        let mut octets = first.octets();
        zero_checksum(&mut octets, is_header, form);
        first.identification = pair(&octets, 4);
        let mut packets = self::octets(&run(&first, &[1_000; 3]));
        packets[0] = octets;
        assert_eq!(laws::merge(VNET, &packets), [1, 2], "{first:?}");
    }
}

#[test]
fn a_checksum_that_happens_to_be_zero_is_no_hindrance() {
    for (first, form) in [(tcp(0), 0), (tcp(1), 0), (udp(0), 0xffff), (udp(1), 0xffff)] {
        let mut packets = octets(&run(&first, &[100; 3]));
        packets.iter_mut().for_each(|packet| zero_checksum(packet, false, form));
        assert_eq!(laws::merge(VNET, &packets), [3]);
    }
}

#[test]
fn octets_behind_or_missing_at_the_end_of_a_packet_make_it_go_alone() {
    for first in VERSIONS.into_iter().flat_map(|version| [tcp(version), udp(version)]) {
        let mut packets = octets(&run(&first, &[100; 3]));
        packets[1].push(0);
        assert_eq!(laws::merge(VNET, &packets), [1; 3]);
        packets[1].pop();
        packets[1].pop();
        assert_eq!(laws::merge(VNET, &packets), [1; 3]);
    }
}

/// All its checksums are right nevertheless.
#[test]
fn a_packet_that_is_not_as_long_as_it_says_goes_alone() {
    for version in VERSIONS {
        let mut packets = octets(&run(&tcp(version), &[100; 3]));
        let packet = &mut packets[1];
        let at = [2, 4][version];
        let len = pair(packet, at);
        set_pair(packet, at, len - 1);
        if version == 0 {
            headers::set_header_checksum(packet);
        }
        assert_eq!(laws::merge(VNET, &packets), [1; 3]);
    }
}

/// All its checksums are right nevertheless.
#[test]
fn a_datagram_that_is_not_as_long_as_it_says_goes_alone() {
    for version in VERSIONS {
        let mut packets = octets(&run(&udp(version), &[100; 3]));
        let packet = &mut packets[1];
        let places = Places::find(packet, [20, 40][version], UDP).unwrap();
        set_pair(packet, places.transport + 4, 107);
        headers::set_checksum(packet, &places);
        assert_eq!(laws::merge(VNET, &packets), [1; 3]);
    }
}

/// What looks like a header of TCP is said to be options of IPv4's.
#[test]
fn options_that_look_like_a_transport_header_go_alone() {
    let mut packets = octets(&run(&tcp(0), &[100; 3]));
    for packet in &mut packets {
        // The sum of the first 20 octets stays what it was.
        packet[0] = 0x4a;
        packet[8] -= 5;
    }
    assert_eq!(laws::merge(VNET, &packets), [1; 3]);
}

#[test]
fn flows_that_alternate_stay_in_order() {
    for form in [VNET, PLAIN] {
        let [first, second] = VERSIONS.map(|version| run(&tcp(version), &[100; 4]));
        let alternating: Vec<Packet> = first.into_iter().zip(second).flat_map(|(a, b)| [a, b]).collect();
        merged(form, &alternating);
    }
}

#[test]
fn a_plain_descriptor_takes_long_packets_to_its_own_addresses_only() {
    for version in VERSIONS {
        let elsewhere = [[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()][version];
        let first = Packet { destination: elsewhere, ..tcp(version) };
        assert_eq!(merged(PLAIN, &run(&first, &[100; 3])), [1; 3]);
        assert_eq!(merged(VNET, &run(&first, &[100; 3])), [3]);
    }
}

#[test]
fn datagrams_are_merged_only_where_the_kernel_knows_how() {
    for form in [PLAIN, Form::Vnet { tcp: true, udp: false }, Form::Alone] {
        assert_eq!(merged(form, &run(&udp(0), &[100; 3])), [1; 3]);
    }
}

#[test]
fn a_descriptor_that_takes_one_packet_a_write_gets_one() {
    assert_eq!(merged(Form::Alone, &run(&tcp(0), &[100; 3])), [1; 3]);
}

#[test]
fn an_error_of_the_write_is_handed_on() {
    let packets = octets(&run(&udp(0), &[100; 2]));
    let mut alone = Merger::new(Form::Alone);
    assert_eq!(alone.push(&packets[0], |_| Err("full")), Err("full"));
    let mut held = Merger::new(VNET);
    assert_eq!(held.push(&packets[0], |_| Err("nothing is written yet")), Ok(()));
    assert_eq!(held.finish(|_| Err("full")), Err("full"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn both_readings_agree_on_every_story(octets in vec(any::<u8>(), 0..200)) {
        let story = Story::read(&octets);
        laws::merge(story.form, &story.packets);
    }

    #[test]
    fn a_plain_run_is_one_write(version in 0..2_usize, count in 2..=MAX_PARTS, size in 1..1_000_usize, last in 1..1_000_usize) {
        let mut sizes = vec![size; count];
        sizes[count - 1] = last.min(size);
        for form in [VNET, PLAIN] {
            prop_assert_eq!(merged(form, &run(&tcp(version), &sizes)), [count]);
        }
        prop_assert_eq!(merged(VNET, &run(&udp(version), &sizes)), [count]);
    }
}
