//! Messages and denial of service.

use adit_core::proto::tunnel::Rejected;

use crate::strangers::fix_mac1;
use crate::world::{A, B, Kind, World, millis, secs};

/// An initiation from A that B has not seen.
fn lost_initiation(world: &mut World) -> Vec<u8> {
    world.drop_next(1);
    world.send(A, B, b"lost");
    let sent = world.sent();
    assert_eq!(sent[0].kind(), Kind::Initiation);
    sent[0].bytes.clone()
}

#[test]
fn p01_what_is_no_message_changes_nothing() {
    let mut world = World::pair(1);
    world.connect();
    let from = world.ends[A].address;
    let before = format!("{:?}", world.ends[B].tunnel.peers().collect::<Vec<_>>());
    for message_type in 0..=255u8 {
        for len in [0, 1, 3, 31, 33, 63, 65, 91, 93, 147, 149, 1_500, 65_535] {
            let mut bytes = vec![0x5a; len];
            bytes[..len.min(4)].copy_from_slice(&[message_type, 0, 0, 1][..len.min(4)]);
            assert!(matches!(world.inject(B, &bytes, from), Err(Rejected::NotAMessage(_))));
        }
    }
    assert_eq!(format!("{:?}", world.ends[B].tunnel.peers().collect::<Vec<_>>()), before);
    assert!(world.sent().is_empty());
    world.assert_connected();
}

#[test]
fn p02_a_bad_mac1_is_neither_worked_on_nor_answered() {
    let mut world = World::pair(2);
    let good = lost_initiation(&mut world);
    let from = world.ends[A].address;
    for at in [5, 40, 100, 116, 131] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        assert_eq!(world.inject(B, &bad, from), Err(Rejected::BadMac1));
        assert_eq!(world.handle_handshake(B), None, "nothing was queued");
    }
    assert!(world.sent().is_empty());
    assert_eq!(world.inject(B, &good, from), Ok(None));
    assert_eq!(world.handle_handshake(B), Some(Ok(())), "the untouched one was");
    assert_eq!(world.kinds_from(B), [Kind::Response]);
}

/// Queues initiations at B, from as many addresses, until B is under load.
fn flood(world: &mut World) {
    let bogus = {
        let mut bytes = [0x5a; 148];
        bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
        fix_mac1(&mut bytes, &world.ends[B].key);
        bytes
    };
    for sender in 0..2_000u32 {
        let from = std::net::SocketAddr::from(((0x0a00_0000 + sender).to_be_bytes(), 7));
        let _ = world.inject(B, &bogus, from);
    }
}

#[test]
fn p03_a_flood_from_many_addresses_is_answered_with_cookies() {
    let mut world = World::pair(3);
    flood(&mut world);
    let cookies = world.kinds_from(B);
    assert!(cookies.len() > 1_000 && cookies.iter().all(|kind| *kind == Kind::CookieReply));

    // The queue is worked off, but load is remembered for a second, for a first-time caller too.
    world.handle_handshakes(B);
    world.advance(secs(1) - millis(20));
    world.send(A, B, b"first");
    world.advance(millis(15));
    assert_eq!(world.kinds_from(B), [Kind::CookieReply]);

    // With the cookie, the retry is answered.
    flood(&mut world);
    world.handle_handshakes(B);
    world.sent();
    world.advance(secs(4));
    flood(&mut world);
    world.advance(secs(3));
    assert!(world.kinds_from(B).contains(&Kind::Response));
    world.assert_connected();
}

#[test]
fn p06_a_cookie_reply_opens_only_with_the_mac1_last_sent_and_moves_nothing() {
    let mut world = World::pair(6);
    let status = |world: &World| format!("{:?}", world.ends[A].tunnel.peers().collect::<Vec<_>>());
    flood(&mut world);
    world.sent();
    world.send(A, B, b"begins a handshake");
    world.advance(millis(15));
    let sent = world.sent();
    let reply =
        sent.iter().find(|datagram| datagram.kind() == Kind::CookieReply).expect("B is under load").clone();

    let stranger = "203.0.113.9:9".parse().unwrap();
    // Were it taken for a sign of life, the persistent keepalive would count from here.
    let before = (status(&world), world.ends[A].tunnel.poll_timeout());
    let mut forged = reply.bytes.clone();
    forged[40] ^= 1;
    assert!(matches!(world.inject(A, &forged, stranger), Err(Rejected::UnwantedCookie(_))));
    assert_eq!(world.inject(A, &reply.bytes, stranger), Ok(None));
    assert!(
        matches!(world.inject(A, &reply.bytes, stranger), Err(Rejected::UnwantedCookie(_))),
        "used already"
    );
    assert_eq!(
        (status(&world), world.ends[A].tunnel.poll_timeout()),
        before,
        "endpoint and liveness are as they were"
    );
}

#[test]
fn p06_a_cookie_is_used_for_120_seconds() {
    let mut world = World::pair(66);
    flood(&mut world);
    world.send(A, B, b"hello");
    world.settle();
    world.drop_next(usize::MAX);
    let mac2_after = |world: &mut World, wait| {
        world.advance(wait);
        world.sent();
        world.send(A, B, b"hello");
        world.advance(secs(6));
        let initiation = world.sent().into_iter().rfind(|sent| sent.kind() == Kind::Initiation).unwrap();
        initiation.bytes[132..] != [0; 16]
    };
    assert!(mac2_after(&mut world, secs(100)));
    assert!(!mac2_after(&mut world, secs(20)));
}

/// An initiation of A's with mac2 by the cookie that B sent, once B is under load, and from where it is good.
fn proven_initiation(world: &mut World) -> Vec<u8> {
    flood(world);
    world.send(A, B, b"hello");
    world.advance(secs(1));
    flood(world);
    world.drop_next(1);
    world.sent();
    world.advance(millis(4_400));
    let initiation = world.sent().into_iter().find(|sent| sent.kind() == Kind::Initiation).expect("a retry");
    assert_ne!(initiation.bytes[132..], [0; 16]);
    flood(world);
    world.sent();
    initiation.bytes
}

#[test]
fn p04_a_cookie_binds_address_and_port() {
    let mut world = World::pair(4);
    let initiation = proven_initiation(&mut world);
    world.handle_handshakes(B);
    for elsewhere in ["192.0.2.1:51821", "192.0.2.99:51820"] {
        assert_eq!(world.inject(B, &initiation, elsewhere.parse().unwrap()), Err(Rejected::Challenged));
    }
    assert_eq!(world.inject(B, &initiation, "192.0.2.1:51820".parse().unwrap()), Ok(None));
}

#[test]
fn p04_the_secret_behind_cookies_changes_every_120_seconds() {
    let mut world = World::pair(44);
    let initiation = proven_initiation(&mut world);
    let from = world.ends[A].address;
    world.ends[A].tunnel.set_private_key(None, world.now);
    for (wait, judged) in [(secs(100), Ok(None)), (secs(20), Err(Rejected::Challenged))] {
        world.handle_handshakes(B);
        world.advance(wait);
        flood(&mut world);
        world.handle_handshakes(B);
        assert_eq!(world.inject(B, &initiation, from), judged, "after {wait:?} more");
    }
}

#[test]
fn p05_a_proven_address_still_has_a_limit() {
    let mut world = World::pair(5);
    let initiation = proven_initiation(&mut world);
    world.handle_handshakes(B);
    let from = world.ends[A].address;
    let admitted = (0..100).filter(|_| world.inject(B, &initiation, from) == Ok(None)).count();
    assert_eq!(admitted, 5);
    assert_eq!(world.inject(B, &initiation, from), Err(Rejected::TooMany));
}

#[test]
fn p07_established_sessions_pass_data_while_the_queue_is_full() {
    let mut world = World::pair(7);
    world.connect();
    world.drop_next(1);
    let packet = world.send(A, B, b"data");
    let sealed = world.sent().remove(0);
    flood(&mut world);
    // Nothing of the flood has been worked off, and what belongs to a session does not wait for that.
    assert_eq!(world.inject(B, &sealed.bytes, sealed.from), Ok(Some(packet)));
    let queued = std::iter::from_fn(|| world.handle_handshake(B)).count();
    assert!(queued >= 100, "{queued} handshakes had been waiting");
}
