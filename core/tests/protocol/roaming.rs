//! Where a peer is sent to, and from where.

use std::net::IpAddr;

use adit_core::proto::outbox::Outbox;
use adit_core::proto::path::Path;
use adit_core::proto::tunnel::{Event, HandshakeError, Rejected};

use crate::load::flood;
use crate::strangers::fix_mac1;
use crate::world::{A, B, Datagram, Kind, World, millis, secs};

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
        let mut out = Outbox::new(1);
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
    let mut out = Outbox::new(1);
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
fn p33_a_response_from_a_new_address_moves_the_endpoint() {
    let mut world = World::pair(333_333);
    world.drop_next_of(B, Kind::Response);
    world.send(A, B, b"hello");
    world.advance(millis(15));
    let response = world.sent().pop().unwrap();
    let elsewhere = "198.51.100.1:4000".parse().unwrap();
    let mut forged = response.bytes.clone();
    forged[50] ^= 1;
    fix_mac1(&mut forged, &world.ends[A].key);
    let refused = Err(Rejected::Handshake(HandshakeError::NotAuthentic));
    for (bytes, judged, endpoint) in
        [(forged, refused, response.from), (response.bytes.clone(), Ok(()), elsewhere)]
    {
        assert_eq!(world.inject(A, &bytes, elsewhere), Ok(None));
        assert_eq!(world.handle_handshake(A), Some(judged));
        assert_eq!(world.endpoint(A), Some(endpoint));
    }
    assert_eq!(world.sent()[0].to, elsewhere, "and what was staged goes there");
}

#[test]
fn p33_an_initiation_that_is_refused_moves_no_endpoint() {
    let mut world = World::pair(33_333);
    world.drop_next(2);
    world.send(A, B, b"knock");
    world.advance(secs(6));
    let [first, second]: [Datagram; 2] = world.sent().try_into().unwrap();
    let elsewhere = "198.51.100.1:4000".parse().unwrap();
    for (initiation, from, judged) in [
        (&first, first.from, Ok(())),
        (&first, elsewhere, Err(Rejected::OldTimestamp)),
        (&second, elsewhere, Err(Rejected::TooSoon)),
    ] {
        assert_eq!(world.inject(B, &initiation.bytes, from), Ok(None));
        assert_eq!(world.handle_handshake(B), Some(judged));
        assert_eq!(world.endpoint(B), Some(first.from));
    }
}

#[test]
fn p33_a_cookie_reply_moves_no_endpoint() {
    let mut world = World::pair(3_333_333);
    flood(&mut world);
    world.sent();
    world.drop_next_of(B, Kind::CookieReply);
    world.send(A, B, b"hello");
    world.advance(millis(15));
    let reply = world.sent().pop().unwrap();
    assert_eq!(world.inject(A, &reply.bytes, "198.51.100.1:4000".parse().unwrap()), Ok(None));
    assert_eq!(world.endpoint(A), Some(reply.from));
}

/// A pair with a session, where B has used this address of A's.
fn pair_by_a_local_address(seed: u64) -> (World, Option<IpAddr>) {
    let mut world = World::pair(seed);
    let local = Some([192, 0, 2, 201].into());
    world.ends[A].local = local;
    world.connect();
    world.send(A, B, b"by that address");
    assert_eq!(world.sent()[0].local, local);
    world.settle();
    (world, local)
}

/// The local addresses of all initiations sent since it was last asked.
fn locals_of_initiations(world: &mut World) -> Vec<Option<IpAddr>> {
    let sent = world.sent();
    sent.iter().filter(|sent| sent.kind() == Kind::Initiation).map(|sent| sent.local).collect()
}

#[test]
fn p34_the_local_address_is_dropped_when_a_handshake_is_retried() {
    let (mut world, local) = pair_by_a_local_address(3_434);
    world.advance(secs(200));
    world.drop_next(usize::MAX);
    world.sent();
    world.send(A, B, b"nobody hears");
    world.advance(secs(6));
    assert_eq!(locals_of_initiations(&mut world), [local, None]);
}

#[test]
fn p34_the_local_address_is_dropped_when_data_has_no_answer() {
    let (mut world, local) = pair_by_a_local_address(343_434);
    world.advance(secs(20));
    world.drop_next(usize::MAX);
    world.sent();
    world.send(A, B, b"nobody hears");
    assert_eq!(world.sent()[0].local, local);
    world.advance(secs(16));
    assert_eq!(locals_of_initiations(&mut world), [None]);
}
