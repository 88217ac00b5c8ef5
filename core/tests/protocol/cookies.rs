//! Cookies: what they prove, for how long, and what those who have proven their address may ask for.

use std::net::SocketAddr;

use adit_core::proto::tunnel::Rejected;

use crate::cookie_oracle::prove;
use crate::load::{bogus_initiation, flood};
use crate::world::{A, B, Datagram, Kind, World, millis, secs};

#[test]
fn p04_a_cookie_binds_address_and_port() {
    for (from, elsewhere) in [
        ("192.0.2.1:51820", ["192.0.2.1:51821", "192.0.2.99:51820"]),
        ("[2001:db8::1]:51820", ["[2001:db8::1]:51821", "[2001:db8::2]:51820"]),
    ] {
        let mut world = World::strangers(2, 4);
        flood(&mut world);
        let bogus = bogus_initiation(&world);
        let from = from.parse().unwrap();
        let proven = prove(&mut world, &bogus, from);
        for elsewhere in elsewhere {
            assert_eq!(world.inject(B, &proven, elsewhere.parse().unwrap()), Err(Rejected::Challenged));
        }
        assert_eq!(world.inject(B, &proven, from), Ok(None));
    }
}

#[test]
fn p04_the_secret_behind_cookies_changes_every_120_seconds() {
    let mut world = World::strangers(2, 44);
    flood(&mut world);
    let bogus = bogus_initiation(&world);
    let from = "203.0.113.1:7".parse().unwrap();
    let proven = prove(&mut world, &bogus, from);
    for (wait, judged) in [(millis(119_999), Ok(None)), (millis(1), Err(Rejected::Challenged))] {
        world.handle_handshakes(B);
        world.advance(wait);
        if wait > secs(1) {
            flood(&mut world);
            world.handle_handshakes(B);
        }
        assert_eq!(world.inject(B, &proven, from), judged, "after {wait:?} more");
    }
}

#[test]
fn p05_a_proven_address_still_has_a_limit() {
    let mut world = World::strangers(2, 5);
    flood(&mut world);
    let bogus = bogus_initiation(&world);
    let from = "203.0.113.1:7".parse().unwrap();
    let proven = prove(&mut world, &bogus, from);
    world.handle_handshakes(B);
    let admitted = (0..100).filter(|_| world.inject(B, &proven, from) == Ok(None)).count();
    assert_eq!(admitted, 5);

    assert_eq!(world.inject(B, &proven, from), Err(Rejected::TooMany));
    for (wait, judged) in [(millis(49), Err(Rejected::TooMany)), (millis(1), Ok(None))] {
        world.advance(wait);
        assert_eq!(world.inject(B, &proven, from), judged, "{wait:?} later");
    }
    assert_eq!(world.inject(B, &proven, from), Err(Rejected::TooMany));
}

#[test]
fn p05_an_ipv6_network_of_64_bits_has_one_limit() {
    let mut world = World::strangers(2, 5_555);
    flood(&mut world);
    let bogus = bogus_initiation(&world);
    let judge = |world: &mut World, from: &str| {
        let from: SocketAddr = from.parse().unwrap();
        let proven = prove(world, &bogus, from);
        world.inject(B, &proven, from)
    };
    let within = |host: u16| format!("[2001:db8::{host:x}]:7");
    let admitted = (1..100).filter(|host| judge(&mut world, &within(*host)) == Ok(None)).count();
    assert_eq!(admitted, 5);
    assert_eq!(judge(&mut world, "[2001:db8:0:1::1]:7"), Ok(None), "the next network has its own");
}

#[test]
fn p05_more_addresses_than_can_be_remembered_shut_out_nobody_who_is_known() {
    let mut world = World::strangers(2, 55_555);
    flood(&mut world);
    world.handle_handshakes(B);
    let bogus = bogus_initiation(&world);
    let mut judge = |address: u32| {
        let from = SocketAddr::from((address.to_be_bytes(), 7));
        let proven = prove(&mut world, &bogus, from);
        let judged = world.inject(B, &proven, from);
        world.handle_handshakes(B);
        judged
    };
    let known = 0x0b00_0000;
    let remembered = (known..).take_while(|address| judge(*address) == Ok(None)).count();
    assert!((1_000..20_000).contains(&remembered), "{remembered}");
    assert_eq!(judge(known), Ok(None));
    assert_eq!(judge(known - 1), Err(Rejected::TooMany));
}

/// B's cookie reply to the initiation that A has just sent.
fn cookie_reply(world: &mut World) -> Datagram {
    world.advance(millis(5));
    world.drop_next(1);
    world.advance(millis(10));
    world.sent().into_iter().find(|sent| sent.kind() == Kind::CookieReply).expect("B is under load")
}

#[test]
fn p06_a_cookie_reply_moves_no_endpoint_and_is_no_sign_of_life() {
    let mut world = World::pair(6);
    flood(&mut world);
    world.sent();
    let begin = world.now.mono;
    world.set_keepalive(A, B, 2);
    let reply = cookie_reply(&mut world);

    let state = |world: &World| {
        let tunnel = &world.ends[A].tunnel;
        (format!("{:?}", tunnel.peers().collect::<Vec<_>>()), tunnel.poll_timeout())
    };
    let before = state(&world);
    assert_eq!(before.1, Some(begin + secs(2)), "the persistent keepalive counts from A's initiation");
    let stranger = "203.0.113.9:9".parse().unwrap();
    let mut forged = reply.bytes.clone();
    forged[40] ^= 1;
    assert!(matches!(world.inject(A, &forged, stranger), Err(Rejected::UnwantedCookie(_))));
    assert_eq!(world.inject(A, &reply.bytes, stranger), Ok(None));
    assert!(
        matches!(world.inject(A, &reply.bytes, stranger), Err(Rejected::UnwantedCookie(_))),
        "used already"
    );
    assert_eq!(state(&world), before);
}

#[test]
fn p06_a_cookie_reply_to_an_earlier_message_is_not_opened() {
    let mut world = World::pair(66_666);
    flood(&mut world);
    world.sent();
    world.send(A, B, b"begins a handshake");
    let reply = cookie_reply(&mut world);
    world.drop_next(usize::MAX);
    world.advance(secs(6));
    let retry = world.sent().into_iter().find(|sent| sent.kind() == Kind::Initiation).expect("a retry");

    assert_eq!(world.inject(A, &reply.bytes, reply.from), Err(Rejected::UnknownIndex));
    // Nothing protects the index: whoever holds the reply can write another.
    let mut readdressed = reply.bytes;
    readdressed[4..8].copy_from_slice(&retry.bytes[4..8]);
    assert!(matches!(world.inject(A, &readdressed, reply.from), Err(Rejected::UnwantedCookie(_))));
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
