//! Timers.

use std::num::NonZeroU16;

use adit_core::key::PrivateKey;
use adit_core::proto::limits::PEERS_PER_TIMEOUT;
use adit_core::proto::outbox::Outbox;
use adit_core::proto::time::{Now, Time};
use adit_core::proto::tunnel::{Event, PeerUpdate, Tunnel};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::world::{A, B, Kind, World, millis, secs};

#[test]
fn p25_received_data_is_answered_by_a_keepalive_after_10_s_and_a_keepalive_is_not() {
    let mut world = World::pair(25);
    world.connect();
    world.advance(secs(30));
    world.sent();

    world.send(A, B, b"no answer");
    world.advance(millis(10_005));
    assert_eq!(world.kinds_from(B), []);
    world.advance(millis(10));
    assert_eq!(world.kinds_from(B), [Kind::Keepalive]);
    world.advance(secs(60));
    assert_eq!(world.kinds_from(A), [], "never after a keepalive");
}

#[test]
fn p25_an_answer_makes_the_keepalive_needless() {
    let mut world = World::pair(2525);
    world.connect();
    world.advance(secs(30));
    world.sent();
    world.send(A, B, b"question");
    world.advance(secs(5));
    world.send(B, A, b"answer");
    world.advance(secs(9));
    assert_eq!(world.kinds_from(B), [Kind::Data]);
}

#[test]
fn p26_data_without_any_answer_begins_a_handshake_after_15_s() {
    let mut world = World::pair(26);
    world.connect();
    world.advance(secs(30));
    world.drop_next(usize::MAX);
    world.sent();
    let start = world.now.mono;
    for _ in 0..8 {
        world.send(A, B, b"anybody there?");
        world.advance(secs(2));
    }
    let sent = world.sent();
    let initiation =
        sent.iter().find(|sent| sent.kind() == Kind::Initiation).expect("the session may be dead");
    let after = initiation.at - start;
    assert!(
        after >= secs(15) && after <= millis(15_333),
        "counted from the first unanswered data: {after:?}"
    );
}

#[test]
fn p26_anything_authentic_is_an_answer_a_handshake_message_and_a_keepalive_too() {
    for answer in [Kind::Initiation, Kind::Keepalive] {
        let mut world = World::pair(2_626);
        let initiation = world.send_lost(B, A, b"kept for later").1;
        world.connect();
        world.advance(secs(30));
        world.send(A, B, b"its answer is a keepalive");
        world.advance(millis(15));
        world.drop_next(1);
        world.advance(secs(10));
        let keepalive = world.sent().pop().unwrap();
        let answer = if answer == Kind::Initiation { initiation } else { keepalive };

        world.advance(secs(4));
        assert_eq!(world.inject(A, &answer.bytes, answer.from), Ok(None));
        world.handle_handshakes(A);
        world.sent();
        world.advance(secs(4));
        assert_eq!(world.initiators(), [A; 0], "after {:?}", answer.kind());
    }
}

#[test]
fn p27_the_persistent_keepalive_counts_from_the_last_packet_either_way() {
    let mut world = World::pair(27);
    world.connect();
    world.set_keepalive(A, B, 25);
    world.advance(secs(20));
    world.send(B, A, b"received");
    world.advance(millis(10_010));
    world.sent();
    // A's passive keepalive was the last packet: 25 s from there.
    world.advance(millis(24_980));
    assert_eq!(world.kinds_from(A), []);
    world.advance(millis(40));
    assert_eq!(world.kinds_from(A), [Kind::Keepalive]);
}

#[test]
fn p27_it_begins_a_session_by_itself_and_again_after_giving_up() {
    let mut world = World::pair(2727);
    world.drop_next(usize::MAX);
    world.set_keepalive(A, B, 25);
    world.advance(secs(96));
    assert!(matches!(world.events(A).last(), Some(Event::NoAnswer { .. })));
    world.sent();
    world.advance(secs(6));
    assert_eq!(world.kinds_from(A), [], "it has given up");
    world.drop_next(0);
    world.advance(secs(26));
    assert_eq!(world.kinds_from(A), [Kind::Initiation, Kind::Keepalive]);
}

#[test]
fn p27_another_network_ends_the_pause_after_giving_up() {
    let mut world = World::pair(272_727);
    world.drop_next(usize::MAX);
    world.set_keepalive(A, B, 600);
    world.advance(secs(200));
    assert!(world.events(A).iter().any(|event| matches!(event, Event::NoAnswer { .. })));
    world.drop_next(0);
    world.sent();
    world.ends[A].tunnel.network_changed(world.now);
    world.advance(secs(1));
    assert_eq!(world.kinds_from(A), [Kind::Initiation, Kind::Keepalive]);
}

#[test]
fn p28_idle_and_wiped_there_is_no_deadline() {
    let mut world = World::pair(28);
    world.connect();
    world.advance(secs(541));
    for end in [A, B] {
        assert_eq!(world.ends[end].tunnel.poll_timeout(), None);
    }
    world.sent();
    world.advance(secs(86_400));
    assert!(world.sent().is_empty());
    world.assert_connected();
}

#[test]
fn p28_a_peer_that_never_spoke_has_no_deadline() {
    let world = World::pair(2828);
    assert_eq!(world.ends[A].tunnel.poll_timeout(), None);
}

#[test]
fn p28_an_idle_session_wakes_nobody_before_it_is_wiped() {
    let mut world = World::pair(282828);
    world.connect();
    world.advance(secs(40));
    let wipe = world.ends[A].tunnel.poll_timeout().unwrap();
    assert!(wipe - world.now.mono > secs(490), "all that is left is the wipe");
}

#[test]
fn p28_waking_after_the_session_is_over_begins_nothing() {
    for asleep in [secs(200), secs(3_600)] {
        let mut world = World::pair(28_282_828);
        world.connect();
        world.send(B, A, b"unanswered");
        world.advance(secs(1));
        world.sleep(A);
        world.advance(asleep);
        world.sent();
        world.wake(A);
        assert_eq!(world.kinds_from(A), [], "after {asleep:?}");
    }
}

#[test]
fn p28_waking_long_after_data_that_had_no_answer_begins_nothing_either() {
    let mut world = World::pair(282_828_282);
    world.connect();
    world.send_lost(A, B, b"unanswered");
    world.sleep(A);
    world.advance(secs(3_600));
    world.sent();
    world.wake(A);
    assert_eq!(world.kinds_from(A), []);
    assert_eq!(world.ends[A].tunnel.poll_timeout(), None);
}

#[test]
fn p29_time_asleep_counts() {
    let mut world = World::pair(29);
    world.connect();
    world.set_keepalive(A, B, 25);
    world.sent();
    world.sleep(A);
    world.advance(secs(3_600));
    world.wake(A);
    assert_eq!(world.kinds_from(A), [Kind::Initiation], "the keepalive is due, and the session is long over");
    world.assert_connected();
}

#[test]
fn many_peers_that_are_due_at_once_are_served_in_turn() {
    let rng = ChaCha20Rng::seed_from_u64(1);
    let mut tunnel = Tunnel::new(Some(PrivateKey::from_bytes(&[1; 32])), Box::new(rng));
    let now = Now { mono: Time::from_origin(secs(1_000)), unix: secs(1_700_000_000) };
    const PEERS: u8 = 200;
    for number in 0..PEERS {
        let key = PrivateKey::from_bytes(&[number + 2; 32]).public_key();
        let update = PeerUpdate {
            endpoint: Some(([192, 0, 2, number], 51_820).into()),
            persistent_keepalive: Some(NonZeroU16::new(25)),
            ..PeerUpdate::default()
        };
        tunnel.upsert_peer(&key, update, now);
    }
    let mut out = Outbox::new(1);
    let mut before = 0;
    while tunnel.poll_timeout().is_some_and(|due| due <= now.mono) {
        tunnel.handle_timeout(now, &mut out);
        let sent = out.transmits().len() - before;
        assert!((1..=PEERS_PER_TIMEOUT).contains(&sent), "{sent} at once");
        before += sent;
    }
    assert_eq!(before, PEERS.into(), "an initiation each");
}
