//! Packets and routing.

use adit_core::proto::path::{Ecn, Path};
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
fn p33_an_authentic_packet_moves_the_endpoint_and_nothing_else_does() {
    let mut world = World::pair(33);
    world.connect();
    let elsewhere = "198.51.100.1:4000".parse().unwrap();
    world.drop_next(1);
    world.send(A, B, b"roaming");
    let sealed = world.sent().remove(0);

    let mut tampered = sealed.bytes.clone();
    tampered[30] ^= 1;
    assert!(world.inject(B, &tampered, elsewhere).is_err());
    world.send(B, A, b"to the old place");
    assert_eq!(world.sent()[0].to, world.ends[A].address);

    assert!(world.inject(B, &sealed.bytes, elsewhere).is_ok());
    assert!(world.inject(B, &sealed.bytes, "203.0.113.1:1".parse().unwrap()).is_err(), "a replay");
    world.send(B, A, b"to the new place");
    assert_eq!(world.sent()[0].to, elsewhere);
    let key = world.ends[A].key;
    assert!(world.events(B).contains(&Event::EndpointChanged { peer: key, endpoint: elsewhere }));
}

#[test]
fn p33_a_handshake_from_a_new_address_moves_the_endpoint() {
    let mut world = World::pair(3333);
    world.connect();
    world.ends[A].address = "198.51.100.1:4000".parse().unwrap();
    world.advance(secs(200));
    world.assert_connected();
}

#[test]
fn p34_the_address_that_the_peer_used_is_replied_from_until_it_fails() {
    let mut world = World::pair(34);
    world.connect();
    let local = Some([192, 0, 2, 200].into());
    world.ends[B].local = local;
    world.send(A, B, b"to that address");
    world.settle();
    let answer = |world: &mut World| {
        let mut out = adit_core::proto::outbox::Outbox::new(1);
        let packet = World::packet(B, A, b"answer");
        world.ends[B].tunnel.handle_packet(&packet, world.now, &mut out).unwrap();
        out.transmits()[0].clone()
    };
    let remote = world.ends[A].address;
    let used = answer(&mut world);
    assert_eq!(used.path, Path { remote, local });
    world.ends[B].tunnel.path_failed(&used);
    assert_eq!(answer(&mut world).path, Path { remote, local: None });

    world.send(A, B, b"to that address again");
    world.settle();
    assert_eq!(answer(&mut world).path, Path { remote, local });
    world.ends[B].tunnel.network_changed(world.now);
    assert_eq!(answer(&mut world).path, Path { remote, local: None });
}

#[test]
fn p34_what_failed_for_a_peer_that_is_gone_or_has_moved_changes_nothing() {
    let mut world = World::pair(3434);
    world.ends[B].local = Some([192, 0, 2, 200].into());
    world.connect();
    let mut out = adit_core::proto::outbox::Outbox::new(1);
    world.ends[B].tunnel.handle_packet(&World::packet(B, A, b""), world.now, &mut out).unwrap();
    let sent = out.transmits()[0].clone();

    world.ends[B].local = Some([192, 0, 2, 201].into());
    world.send(A, B, b"to another address");
    world.settle();
    world.ends[B].tunnel.path_failed(&sent);
    world.ends[B].tunnel.handle_packet(&World::packet(B, A, b""), world.now, &mut out).unwrap();
    assert_eq!(out.transmits()[1].path.local, world.ends[B].local);

    let gone = world.ends[A].key;
    assert!(world.ends[B].tunnel.remove_peer(&gone));
    world.ends[B].tunnel.path_failed(&sent);
}

#[test]
fn p35_128_packets_wait_for_a_handshake_the_oldest_dropped_and_leave_in_order() {
    let mut world = World::pair(35);
    let packets: Vec<_> = (0..200u8).map(|number| world.send(A, B, &[number])).collect();
    world.settle();
    assert_eq!(world.delivered(B), packets[72..]);
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

#[test]
fn p37_congestion_marks_pass_both_ways() {
    let mut world = World::pair(37);
    world.connect();
    let mut capable = World::packet(A, B, b"ECT(0)");
    capable[1] = 0xb8 | Ecn::Ect0.bits();
    let mut out = adit_core::proto::outbox::Outbox::new(1);
    world.ends[A].tunnel.handle_packet(&capable, world.now, &mut out).unwrap();
    assert_eq!(out.transmits()[0].ecn, Ecn::Ect0, "copied out, and only that of the traffic class");

    let sealed = out.bytes(&out.transmits()[0]).to_vec();
    let from = world.ends[A].address;
    let opened = world.inject_marked(B, &sealed, from, Ecn::Ce).unwrap().unwrap();
    assert_eq!(opened[1], 0xb8 | Ecn::Ce.bits());
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
