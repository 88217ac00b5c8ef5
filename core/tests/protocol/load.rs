//! Handshakes under load: cookies and limits.

use std::net::SocketAddr;

use crate::strangers::fix_mac1;
use crate::world::{A, B, Kind, World, millis, secs};

/// An initiation for B whose mac1 is valid and whose rest means nothing.
pub fn bogus_initiation(world: &World) -> Vec<u8> {
    let mut bytes = vec![0x5a; 148];
    bytes[..4].copy_from_slice(&[1, 0, 0, 0]);
    fix_mac1(&mut bytes, &world.ends[B].key);
    bytes
}

/// Queues initiations at B, from as many addresses, until B is under load.
pub fn flood(world: &mut World) {
    let bogus = bogus_initiation(world);
    for sender in 0..2_000u32 {
        let from = SocketAddr::from(((0x0a00_0000 + sender).to_be_bytes(), 7));
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

#[test]
fn p03_a_flood_from_one_address_makes_another_prove_itself() {
    let mut world = World::pair(33);
    let bogus = bogus_initiation(&world);
    for _ in 0..2_000 {
        let _ = world.inject(B, &bogus, "203.0.113.1:7".parse().unwrap());
    }
    world.sent();
    world.send(A, B, b"a first-time caller");
    world.advance(millis(15));
    assert_eq!(world.kinds_from(B), [Kind::CookieReply]);
}

#[test]
fn p03_load_is_over_a_second_after_its_last_sign() {
    let mut world = World::pair(333);
    flood(&mut world);
    world.handle_handshakes(B);
    world.sent();
    world.advance(secs(1));
    world.send(A, B, b"a first-time caller");
    world.advance(millis(15));
    assert_eq!(world.kinds_from(B), [Kind::Response]);
}
