//! How both ends come to the same session: by one preshared key, and though both begin at once.

use std::collections::BTreeSet;
use std::time::Duration;

use adit_core::proto::tunnel::{HandshakeError, Rejected};

use crate::world::{A, B, Datagram, Kind, World, millis, secs};

#[test]
fn p13_the_same_preshared_key_connects() {
    let mut world = World::pair(13);
    world.set_preshared_key(A, B, 7);
    world.set_preshared_key(B, A, 7);
    world.assert_connected();
}

#[test]
fn p13_a_wrong_preshared_key_fails_without_a_telling_reply() {
    let mut world = World::pair(1313);
    world.set_preshared_key(A, B, 7);
    world.set_preshared_key(B, A, 8);
    world.send(A, B, b"hello");
    world.advance(secs(30));
    assert!(world.delivered(B).is_empty());
    // The responder cannot know, and answers as ever; the initiator says nothing to the response.
    let kinds = world.kinds_from(A);
    assert!(kinds.len() > 2 && kinds.iter().all(|kind| *kind == Kind::Initiation));
}

#[test]
fn p13_a_preshared_key_on_one_side_alone_fails_until_both_agree() {
    for (of_a, of_b) in [(0, 7), (7, 0)] {
        let mut world = World::pair(131_313);
        world.set_preshared_key(A, B, of_a);
        world.set_preshared_key(B, A, of_b);
        let packet = world.send(A, B, b"hello");
        world.advance(secs(4));
        assert_eq!(world.rejected(A), [Rejected::Handshake(HandshakeError::NotAuthentic)]);
        world.set_preshared_key(A, B, of_b);
        world.advance(millis(1_400));
        assert_eq!(world.delivered(B), [packet], "by the next retry");
    }
}

#[test]
fn p13_the_key_that_counts_is_the_one_held_when_the_response_comes() {
    let mut world = World::pair(13_131_313);
    world.set_preshared_key(A, B, 7);
    world.set_preshared_key(B, A, 7);
    let packet = world.send(A, B, b"hello");
    world.advance(millis(15));
    world.set_preshared_key(A, B, 8);
    world.advance(millis(10));
    assert_eq!(world.rejected(A), [Rejected::Handshake(HandshakeError::NotAuthentic)]);
    world.set_preshared_key(B, A, 8);
    world.advance(millis(5_400));
    assert_eq!(world.delivered(B), [packet], "by the next retry");
}

/// The pause before a retry, its jitter and the way there and back.
const ONE_RETRY: Duration = millis(5_400);

/// Both send by one session: the indices that they write to each other are those of one response.
#[track_caller]
fn assert_one_session(world: &mut World, sent: &[Datagram], seed: u64) {
    let index_from = |end: usize| {
        let from = world.ends[end].address;
        let data = sent.iter().rfind(|sent| sent.kind() == Kind::Data && sent.from == from);
        data.expect("both have sent data").bytes[4..8].to_vec()
    };
    let used = [index_from(A), index_from(B)];
    let responses = sent.iter().filter(|sent| sent.kind() == Kind::Response);
    let mut sessions = responses.map(|sent| [sent.bytes[4..8].to_vec(), sent.bytes[8..12].to_vec()]);
    assert!(
        sessions.any(|[responder, initiator]| used == [responder.clone(), initiator.clone()]
            || used == [initiator, responder]),
        "seed {seed}: A and B send by different sessions"
    );
}

#[test]
fn p14_both_may_begin_at_once_and_converge_on_one_session() {
    for seed in 0..200 {
        let mut world = World::pair(seed);
        world.link.jitter = millis(if seed < 20 { 0 } else { 30 });
        world.link.loss = if seed < 100 { 0 } else { 20 };
        let first = world.send(A, B, b"from a");
        world.advance(millis(seed % 20));
        let second = world.send(B, A, b"from b");
        if seed < 100 {
            world.advance(ONE_RETRY);
            assert_eq!((world.delivered(A), world.delivered(B)), (vec![second], vec![first]), "seed {seed}");
        } else {
            world.advance(secs(7));
            world.link.loss = 0;
            world.advance(secs(12));
        }
        world.assert_connected();
        world.assert_connected();
        let sent = world.sent();
        assert_one_session(&mut world, &sent, seed);

        // Who is initiator of the one session rekeys it, and the other does not.
        world.chat(secs(125));
        let initiations = world.sent().into_iter().filter(|sent| sent.kind() == Kind::Initiation);
        let from: BTreeSet<_> = initiations.map(|sent| sent.from).collect();
        assert_eq!(from.len(), 1, "seed {seed}: one initiator");
    }
}

#[test]
fn p14_they_converge_within_one_retry_though_a_message_of_either_handshake_is_lost() {
    for (from, kind) in [(A, Kind::Response), (B, Kind::Response), (A, Kind::Data), (B, Kind::Data)] {
        for apart in 0..10 {
            let mut world = World::pair(1_414);
            world.drop_next_of(from, kind);
            world.send(A, B, b"from a");
            world.advance(millis(apart));
            world.send(B, A, b"from b");
            world.advance(ONE_RETRY);
            assert_eq!(world.link.drop_next_of, None, "{from}'s {kind:?} was lost, {apart} ms apart");
            world.assert_connected();
            world.assert_connected();
            let sent = world.sent();
            assert_one_session(&mut world, &sent, apart);
        }
    }
}

#[test]
fn p14_a_handshake_that_the_other_made_needless_begins_no_third() {
    let mut world = World::pair(141_414);
    world.send(A, B, b"from a");
    // B has answered, and may not use the session yet. What it begins now is overtaken by A's confirmation.
    world.advance(millis(15));
    world.send(B, A, b"from b");
    world.advance(secs(1));
    assert_eq!(world.initiators(), [A, B]);
    for _ in 0..100 {
        world.send(B, A, b"A has nothing to say");
        world.advance(millis(200));
    }
    assert_eq!(world.initiators(), [A; 0]);
}
