//! The handshake.

use std::collections::BTreeSet;

use adit_core::key::PublicKey;
use adit_core::proto::tunnel::{AllowedIpChange, Event, HandshakeError, PeerUpdate, Rejected};

use crate::strangers::fix_mac1;
use crate::world::{A, B, Datagram, Kind, World, millis, secs};

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

#[test]
fn p11_a_low_order_public_key_is_refused() {
    let mut world = World::pair(11);
    let low_order = PublicKey::from_bytes([0; 32]);
    let update = PeerUpdate {
        endpoint: Some("192.0.2.9:9".parse().unwrap()),
        persistent_keepalive: Some(std::num::NonZeroU16::new(1)),
        ..PeerUpdate::default()
    };
    world.ends[A].tunnel.upsert_peer(&low_order, update, world.now);
    world.advance(secs(100));
    assert!(world.kinds_from(A).is_empty(), "nothing is sealed with a secret that everybody knows");
    let everything = AllowedIpChange::Add("10.0.0.8/29".parse().unwrap());
    let update = PeerUpdate { allowed_ips: vec![everything], ..PeerUpdate::default() };
    world.ends[A].tunnel.upsert_peer(&low_order, update, world.now);
    world.try_send(A, &World::packet(A, 8, b"nobody would ever take it")).unwrap();
    assert!(world.kinds_from(A).is_empty());

    let mut zero_ephemeral = [0; 148];
    zero_ephemeral[0] = 1;
    fix_mac1(&mut zero_ephemeral, &world.ends[B].key);
    let from = world.ends[A].address;
    assert_eq!(world.inject(B, &zero_ephemeral, from), Ok(None));
    assert_eq!(world.handle_handshake(B), Some(Err(Rejected::Handshake(HandshakeError::LowOrder))));
    assert!(world.sent().is_empty());
}

#[test]
fn p12_receiver_indices_are_random_unique_and_freed() {
    let mut world = World::strangers(40, 12);
    for other in 1..40 {
        world.introduce(A, other);
        world.introduce(other, A);
        world.send(A, other, b"hello");
    }
    world.settle();
    let sent = world.sent();
    let from_a = sent.iter().filter(|sent| sent.kind() == Kind::Initiation).map(|sent| &sent.bytes[4..8]);
    let indices: BTreeSet<_> = from_a.collect();
    assert_eq!(indices.len(), 39);
    assert!(
        indices.iter().any(|index| index[3] > 127) && indices.iter().any(|index| index[3] < 128),
        "no counter"
    );
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 39);

    for other in 1..20 {
        let key = world.ends[other].key;
        world.ends[A].tunnel.remove_peer(&key);
    }
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 20);
    world.advance(secs(600));
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 0, "wiped keypairs need none");
}

#[test]
fn p12_retries_and_rekeys_do_not_collect_indices() {
    let mut world = World::pair(1212);
    world.link.loss = 30;
    for _ in 0..2_000 {
        world.send(A, B, b"data");
        world.send(B, A, b"data");
        world.advance(secs(1));
        let in_use = [A, B].map(|end| world.ends[end].tunnel.receiver_indices());
        assert!(in_use.iter().all(|in_use| *in_use <= 4), "three keypairs and one initiation: {in_use:?}");
    }
}

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
        world.advance(secs(7));
        world.link.loss = 0;
        world.advance(secs(12));
        if seed < 100 {
            assert_eq!((world.delivered(A), world.delivered(B)), (vec![second], vec![first]), "seed {seed}");
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
fn p15_an_unconfirmed_handshake_leaves_the_current_keypair_in_use() {
    let mut world = World::pair(15);
    world.connect();
    // A begins another handshake; its confirmation never comes, and B goes on with what it has.
    world.chat(secs(119));
    let address_of_b = world.ends[B].address;
    let old_index = world.sent().iter().rfind(|sent| sent.from == address_of_b).unwrap().bytes[4..8].to_vec();
    world.advance(secs(2));
    world.send(A, B, b"asks for new keys");
    world.advance(millis(15));
    world.drop_next(usize::MAX);
    world.advance(millis(10));
    assert!(world.kinds_from(B).contains(&Kind::Response));
    world.drop_next(0);
    let packet = world.send(B, A, b"by the old keypair");
    assert_eq!(world.sent()[0].bytes[4..8], old_index);
    world.settle();
    assert_eq!(world.delivered(A).last(), Some(&packet));
}

#[test]
fn p16_the_initiator_sends_at_once_and_the_responder_waits_for_it() {
    let mut world = World::pair(16);
    world.send(A, B, b"first");
    world.advance(millis(10));
    assert_eq!(world.kinds_from(B), [Kind::Response]);
    // B may not use the new keypair yet: it begins a handshake of its own.
    let early = world.send(B, A, b"early");
    assert_eq!(world.kinds_from(B), [Kind::Initiation]);
    world.advance(millis(10));
    assert!(world.kinds_from(A).contains(&Kind::Data), "what was staged confirms");
    world.settle();
    assert_eq!(world.delivered(A), [early]);
}

#[test]
fn p16_with_nothing_to_send_a_keepalive_confirms() {
    let mut world = World::pair(1616);
    world.set_keepalive(A, B, 25);
    world.advance(millis(25));
    assert_eq!(world.kinds_from(A), [Kind::Initiation, Kind::Keepalive]);
    let packet = world.send(B, A, b"after it");
    world.settle();
    assert_eq!(world.delivered(A), [packet]);
}

#[test]
fn p16_a_responder_whose_new_keypair_waits_in_vain_does_not_wait_for_ever() {
    let mut world = World::pair(161_616);
    world.connect();
    // Two handshakes of A's succeed, but nothing that A sends by the new keypairs arrives. A forgets the one that B uses.
    for _ in 0..2 {
        world.advance(secs(121));
        world.send(A, B, b"asks for new keys");
        world.advance(millis(15));
        world.drop_next(usize::MAX);
        world.advance(secs(1));
        world.drop_next(0);
    }
    world.advance(secs(4));
    world.delivered(A);
    world.sent();
    let begin = world.now.mono;
    let mut flows = None;
    for _ in 0..20 {
        world.send(B, A, b"B alone has something to send");
        world.advance(millis(500));
        if flows.is_none() && !world.delivered(A).is_empty() {
            flows = Some(world.now.mono - begin);
        }
    }
    assert!(flows.is_some_and(|after| after <= secs(6)), "{flows:?}");
}

#[test]
fn p17_the_previous_keypair_still_opens_late_packets() {
    let mut world = World::pair(17);
    world.connect();
    world.chat(secs(115));
    world.drop_next(1);
    world.sent();
    let late_packet = world.send(B, A, b"late");
    let late = world.sent().remove(0);
    world.chat(secs(20));
    assert!(world.sent().iter().any(|sent| sent.kind() == Kind::Response), "there are new keys");
    assert_eq!(world.inject(A, &late.bytes, late.from), Ok(Some(late_packet)));
    for end in [A, B] {
        assert!(world.ends[end].tunnel.receiver_indices() <= 3);
    }
}
