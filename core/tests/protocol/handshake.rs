//! Handshakes: which initiations are accepted, and when ours leave.

use std::time::Duration;

use adit_core::proto::tunnel::{Event, PeerUpdate, Rejected};

use crate::world::{A, B, Kind, World, millis, secs};

#[test]
fn p08_an_initiation_whose_timestamp_is_not_greater_is_refused() {
    let mut world = World::pair(8);
    world.send(A, B, b"first");
    let old = world.sent()[0].clone();
    world.settle();
    world.sent();

    world.inject(B, &old.bytes, old.from).unwrap();
    assert_eq!(world.handle_handshake(B), Some(Err(Rejected::OldTimestamp)));
    assert!(world.sent().is_empty(), "a replay is not answered");
    world.assert_connected();
}

#[test]
fn p08_ours_goes_on_when_the_wall_clock_steps_back() {
    let mut world = World::pair(88);
    world.send(A, B, b"first");
    world.settle();
    world.now.unix -= secs(1_000_000);
    world.advance(secs(200));
    world.assert_connected();
}

#[test]
fn p08_an_old_initiation_is_refused_after_a_newer_one() {
    let mut world = World::pair(8_888);
    world.drop_next(2);
    world.send(A, B, b"knock");
    world.advance(secs(6));
    let sent = world.sent();
    for (datagram, judged) in [(&sent[1], Ok(())), (&sent[0], Err(Rejected::OldTimestamp))] {
        world.inject(B, &datagram.bytes, datagram.from).unwrap();
        assert_eq!(world.handle_handshake(B), Some(judged));
        world.advance(secs(1));
    }
}

#[test]
fn p08_a_wall_clock_that_was_wrong_and_is_put_right_costs_no_handshake() {
    let right = World::pair(88_888).now.unix;
    // The beginning of 1970 and the end of 9999.
    for wrong in [Duration::ZERO, secs(253_402_300_799)] {
        let mut world = World::pair(88_888);
        world.now.unix = wrong;
        world.connect();
        world.now.unix = right;
        world.advance(secs(200));
        let packet = world.send(A, B, b"once more");
        world.settle();
        assert_eq!(world.delivered(B), [packet]);
    }
}

#[test]
fn p08_a_peer_that_is_removed_and_added_again_is_not_taken_for_a_replay() {
    let mut world = World::pair(888);
    world.now.unix += secs(86_400);
    world.connect();
    // The clock was a day ahead.
    world.now.unix -= secs(86_400);
    let key = world.ends[B].key;
    assert!(world.ends[A].tunnel.remove_peer(&key));
    world.introduce(A, B);
    world.assert_connected();
}

#[test]
fn p09_initiations_to_one_endpoint_are_five_seconds_apart() {
    let mut world = World::pair(9);
    world.drop_next(usize::MAX);
    for _ in 0..100 {
        world.send(A, B, b"knock");
        world.advance(millis(300));
    }
    let sent = world.sent();
    assert!(sent.len() >= 5);
    for pair in sent.windows(2) {
        assert!(pair[1].at - pair[0].at >= secs(5));
    }
}

#[test]
fn p09_another_network_or_endpoint_is_tried_at_once() {
    let mut world = World::pair(99);
    world.drop_next(usize::MAX);
    world.send(A, B, b"knock");
    world.advance(secs(1));
    world.ends[A].tunnel.network_changed(world.now);
    world.advance(millis(1));
    assert_eq!(world.kinds_from(A), [Kind::Initiation, Kind::Initiation]);
    let elsewhere = Some("192.0.2.77:7".parse().unwrap());
    world.configure(A, B, PeerUpdate { endpoint: elsewhere, ..PeerUpdate::default() });
    world.advance(millis(100));
    assert_eq!(world.kinds_from(A), [Kind::Initiation]);
}

#[test]
fn p09_initiations_within_20_ms_are_consumed_once() {
    let mut world = World::pair(999);
    world.drop_next(2);
    world.send(A, B, b"knock");
    world.advance(secs(6));
    let sent = world.sent();
    assert_eq!(sent.len(), 2);
    let judged = sent.iter().map(|datagram| {
        world.inject(B, &datagram.bytes, datagram.from).unwrap();
        world.handle_handshake(B).unwrap()
    });
    assert_eq!(judged.collect::<Vec<_>>(), [Ok(()), Err(Rejected::TooSoon)]);
    assert_eq!(world.kinds_from(B), [Kind::Response]);

    world.advance(millis(21));
    world.inject(B, &sent[1].bytes, sent[1].from).unwrap();
    assert_eq!(world.handle_handshake(B), Some(Ok(())), "what came too soon was not taken for received");
}

#[test]
fn p09_a_network_that_changes_again_and_again_costs_no_handshake() {
    let mut world = World::pair(9_999);
    world.send(A, B, b"knock");
    for _ in 0..10 {
        world.ends[A].tunnel.network_changed(world.now);
        world.advance(millis(5));
    }
    world.advance(millis(200));
    assert_eq!(world.delivered(B).len(), 1);
}

#[test]
fn p10_retries_come_after_5_to_5_333_s_and_end_after_90_s() {
    let mut world = World::pair(10);
    world.drop_next(usize::MAX);
    world.send(A, B, b"lost");
    world.advance(secs(120));
    let sent = world.sent();
    for pair in sent.windows(2) {
        let pause = pair[1].at - pair[0].at;
        assert!(pause >= secs(5) && pause <= millis(5_333), "{pause:?}");
    }
    assert!(sent.last().unwrap().at - sent[0].at < secs(90));
    let since = sent[0].at;
    assert_eq!(world.events(A).last(), Some(&Event::NoAnswer { peer: world.ends[B].key, since }));

    world.drop_next(0);
    let packet = world.send(A, B, b"next");
    world.settle();
    assert_eq!(world.delivered(B), [packet], "the next packet begins again; what was staged is gone");
}

#[test]
fn p10_whoever_goes_on_sending_is_not_given_up_on() {
    let mut world = World::pair(1010);
    world.drop_next(usize::MAX);
    let mut last = Vec::new();
    for second in 0..100 {
        last = world.send(A, B, &[second]);
        world.advance(secs(1));
    }
    world.drop_next(0);
    world.advance(secs(6));
    assert!(
        world.delivered(B).contains(&last),
        "section 6.4: the attempt's time begins again with each packet"
    );
}

#[test]
fn p10_whoever_goes_on_sending_by_a_session_that_is_dead_is_not_given_up_on_either() {
    let mut world = World::pair(101_010);
    world.connect();
    world.drop_next(usize::MAX);
    let start = world.now.mono;
    for _ in 0..300 {
        world.send(A, B, b"anybody there?");
        world.advance(secs(1));
    }
    let from = world.ends[A].address;
    let sent = world.sent();
    let initiations = sent.iter().filter(|sent| sent.from == from && sent.kind() == Kind::Initiation);
    let initiations: Vec<_> = initiations.map(|sent| sent.at).collect();
    assert!(initiations[0] - start < secs(16));
    assert!(initiations.windows(2).all(|pair| pair[1] - pair[0] <= millis(5_333)), "{initiations:?}");
    assert!(world.now.mono - *initiations.last().unwrap() <= millis(5_333));
    let no_answer = Event::NoAnswer { peer: world.ends[B].key, since: initiations[0] };
    assert_eq!(world.events(A).iter().filter(|event| **event == no_answer).count(), 1, "told once");
}
