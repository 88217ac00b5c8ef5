//! Packets and routing.

use adit_core::proto::path::Ecn;
use adit_core::proto::tunnel::{AllowedIpChange, Event, PeerUpdate, Rejected, Unroutable};

use crate::packet::{ipv4, ipv6};
use crate::world::{A, B, Kind, World, millis, secs};

const C: usize = 2;

fn allowing(network: &str) -> PeerUpdate {
    PeerUpdate { allowed_ips: vec![AllowedIpChange::Add(network.parse().unwrap())], ..PeerUpdate::default() }
}

/// A in the middle, B and C around it, all connected.
fn three() -> World {
    let mut world = World::strangers(3, 31);
    for other in [B, C] {
        world.introduce(A, other);
        world.introduce(other, A);
        world.send(A, other, b"hello");
        world.settle();
        world.delivered(other);
    }
    world.sent();
    world
}

#[test]
fn p30_payloads_are_padded_to_16_octets_but_not_beyond_the_mtu() {
    let mut world = World::pair(30);
    world.connect();
    world.ends[A].tunnel.set_mtu(1_420);
    for (payload, padded) in [(1, 32), (12, 32), (13, 48), (1_388, 1_408), (1_389, 1_420), (1_400, 1_420)] {
        let packet = world.send(A, B, &vec![7; payload]);
        assert_eq!(world.sent()[0].bytes.len(), 32 + padded, "an inner packet of {} octets", packet.len());
        world.settle();
        assert_eq!(world.delivered(B), [packet], "the padding is cut off");
    }
}

#[test]
fn p30_the_inner_length_decides_and_does_not_wrap() {
    let mut world = World::pair(3030);
    world.connect();
    let [a, b] = ["fd00::1", "fd00::2"].map(|address| address.parse().unwrap());
    let whole = ipv6(a, b, &[7; 100]);
    world.try_send(A, &whole).unwrap();
    world.settle();
    assert_eq!(world.delivered(B), std::slice::from_ref(&whole));

    for stated in [101, 65_535, 65_530u16] {
        let mut longer_than_it_is = whole.clone();
        longer_than_it_is.truncate(140);
        longer_than_it_is[4..6].copy_from_slice(&(stated.max(109)).to_be_bytes());
        world.try_send(A, &longer_than_it_is).unwrap();
    }
    world.settle();
    assert_eq!(world.delivered(B), Vec::<Vec<u8>>::new());
    assert_eq!(world.rejected(B), [Rejected::NotAPacket; 3]);
}

#[test]
fn p31_the_longest_prefix_names_the_peer_both_ways() {
    let mut world = three();
    world.configure(A, B, allowing("10.9.0.0/16"));
    world.configure(A, C, allowing("10.9.9.0/24"));
    for (destination, peer) in [([10, 9, 1, 1], B), ([10, 9, 9, 1], C)] {
        world.try_send(A, &ipv4(World::inner(A), destination.into(), b"out")).unwrap();
        assert_eq!(world.sent()[0].to, world.ends[peer].address);
    }

    // The same table judges what comes in: B may send from 10.9.1.1, but 10.9.9.1 is C's.
    for (source, delivered) in [([10, 9, 1, 1], true), ([10, 9, 9, 1], false), ([8, 8, 8, 8], false)] {
        let packet = ipv4(source.into(), World::inner(A), b"in");
        world.try_send(B, &packet).unwrap();
        world.settle();
        assert_eq!(world.delivered(A).contains(&packet), delivered, "{source:?}");
        assert_eq!(world.rejected(A).contains(&Rejected::SourceNotAllowed), !delivered);
    }
}

#[test]
fn p32_an_allowed_ip_given_to_another_peer_is_taken_from_the_first() {
    let mut world = three();
    world.configure(A, B, allowing("10.9.0.0/16"));
    world.configure(A, C, allowing("10.9.0.0/16"));
    world.try_send(A, &ipv4(World::inner(A), [10, 9, 1, 1].into(), b"moved")).unwrap();
    assert_eq!(world.sent()[0].to, world.ends[C].address);
    let counts: Vec<_> = world.ends[A].tunnel.peers().map(|peer| peer.allowed_ips.len()).collect();
    assert_eq!(counts, [2, 3]);
}

#[test]
fn p35_128_packets_wait_for_a_handshake_the_oldest_dropped_and_leave_in_order() {
    let mut world = World::pair(35);
    let packets: Vec<_> = (0..200u8).map(|number| world.send(A, B, &[number])).collect();
    world.settle();
    assert_eq!(world.delivered(B), packets[72..]);
}

#[test]
fn p35_giving_up_drops_what_waits_and_nothing_that_comes_after() {
    let mut world = World::pair(3_535);
    world.drop_next(usize::MAX);
    for number in 0..3 {
        world.send(A, B, &[number]);
    }
    world.advance(secs(100));
    assert!(matches!(world.events(A).last(), Some(Event::NoAnswer { .. })));
    let after: Vec<_> = (3..6).map(|number| world.send(A, B, &[number])).collect();
    world.drop_next(0);
    world.advance(secs(6));
    assert_eq!(world.delivered(B), after);
}

#[test]
fn p36_a_packet_without_a_way_says_why() {
    let mut world = World::pair(36);
    let to_nobody = ipv4(World::inner(A), [9, 9, 9, 9].into(), b"");
    assert_eq!(world.try_send(A, &to_nobody), Err(Unroutable::NoPeer));
    assert_eq!(world.try_send(A, b"not IP"), Err(Unroutable::Malformed));

    let mut world = World::strangers(2, 3636);
    world.configure(A, B, allowing("10.0.0.2/32"));
    assert_eq!(
        world.try_send(A, &World::packet(A, B, b"")),
        Err(Unroutable::NoEndpoint { peer: world.ends[B].key })
    );
    world.ends[A].tunnel.set_private_key(None, world.now);
    assert_eq!(world.try_send(A, &World::packet(A, B, b"")), Err(Unroutable::NoPrivateKey));
}

/// A packet from A to B whose traffic class has this congestion field, beside a DSCP (expedited forwarding).
fn marked(ecn: Ecn, payload: &[u8]) -> Vec<u8> {
    let mut packet = World::packet(A, B, payload);
    packet[1] = EXPEDITED | ecn.bits();
    packet
}

const EXPEDITED: u8 = 0xb8;
const ALL: [Ecn; 4] = [Ecn::NotEct, Ecn::Ect1, Ecn::Ect0, Ecn::Ce];

#[test]
fn p37_the_congestion_field_is_copied_out_and_the_dscp_stays_inside() {
    let mut world = World::pair(37);
    world.connect();
    for ecn in ALL {
        let packet = marked(ecn, b"");
        world.try_send(A, &packet).unwrap();
        assert_eq!(world.sent()[0].ecn, ecn);
        world.settle();
        assert_eq!(world.delivered(B), [packet]);
    }
}

#[test]
fn p37_of_staged_packets_too() {
    let mut world = World::pair(3_737);
    let packets = ALL.map(|ecn| marked(ecn, b"staged"));
    for packet in &packets {
        world.try_send(A, packet).unwrap();
    }
    world.settle();
    let sent = world.sent();
    let [handshake, data]: [Vec<_>; 2] =
        [false, true].map(|data| sent.iter().filter(|sent| (sent.kind() == Kind::Data) == data).collect());
    assert!(
        handshake.iter().all(|sent| sent.ecn == Ecn::NotEct),
        "a handshake has no congestion field of anybody's"
    );
    assert_eq!(data.iter().map(|sent| sent.ecn).collect::<Vec<_>>(), ALL);
    assert_eq!(world.delivered(B), packets);
}

#[test]
fn p37_a_congestion_mark_is_carried_inside_or_costs_the_packet() {
    let mut world = World::pair(373_737);
    world.connect();
    let congested = Err(Rejected::Congested);
    for (inner, opened) in [
        (Ecn::NotEct, congested),
        (Ecn::Ect1, Ok(Some(marked(Ecn::Ce, b"")))),
        (Ecn::Ect0, Ok(Some(marked(Ecn::Ce, b"")))),
        (Ecn::Ce, Ok(Some(marked(Ecn::Ce, b"")))),
    ] {
        world.drop_next(1);
        world.try_send(A, &marked(inner, b"")).unwrap();
        let sealed = world.sent().remove(0);
        let received = world.inject_marked(B, &sealed.bytes, sealed.from, Ecn::Ce);
        assert_eq!(received.map(|packet| packet.map(without_checksum)), opened, "{inner:?}");
    }
}

/// The test's packets have none, so what the engine adds to it means nothing.
fn without_checksum(mut packet: Vec<u8>) -> Vec<u8> {
    packet[10..12].fill(0);
    packet
}

#[test]
fn p38_order_is_kept_across_a_rekey() {
    let mut world = World::pair(3_838);
    world.connect();
    world.advance(millis(119_900) - secs(2));
    let packets: Vec<_> = (0..200u8)
        .map(|number| {
            world.advance(millis(1));
            world.send(A, B, &[number])
        })
        .collect();
    world.settle();
    assert_eq!(world.delivered(B), packets);
    assert_eq!(world.initiators(), [A], "there were new keys");
}

#[test]
fn p38_order_is_kept_on_an_orderly_link() {
    let mut world = World::pair(38);
    let packets: Vec<_> = (0..100u8)
        .map(|number| {
            world.advance(millis(1));
            world.send(A, B, &[number])
        })
        .collect();
    world.settle();
    assert_eq!(world.delivered(B), packets, "what was staged leaves before what came after");
    assert_eq!(world.kinds_from(A)[0], Kind::Initiation);
}
