//! Sessions.

use adit_core::key::PrivateKey;
use adit_core::proto::tunnel::{Event, OpenError, PeerUpdate, Rejected};

use crate::world::{A, B, Kind, World, millis, secs};

/// Seconds after the session's begin at which initiations are sent, and by whom.
fn initiations(world: &mut World) -> Vec<usize> {
    let address_of_a = world.ends[A].address;
    let sent = world.sent();
    let initiations = sent.iter().filter(|sent| sent.kind() == Kind::Initiation);
    initiations.map(|sent| if sent.from == address_of_a { A } else { B }).collect()
}

#[test]
fn p19_only_the_initiator_rekeys_by_age_when_it_sends() {
    let mut world = World::pair(19);
    world.connect();
    world.chat(secs(116));
    assert_eq!(initiations(&mut world), []);
    world.advance(secs(3));
    world.send(B, A, b"the responder does not");
    world.settle();
    assert_eq!(initiations(&mut world), []);
    world.send(A, B, b"the initiator does");
    world.settle();
    assert_eq!(initiations(&mut world), [A]);
}

#[test]
fn p19_the_initiator_rekeys_at_165_s_when_it_only_receives_and_once() {
    let mut world = World::pair(1919);
    world.connect();
    world.advance(secs(160));
    world.send(B, A, b"not yet");
    world.settle();
    assert_eq!(initiations(&mut world), []);
    world.advance(secs(4));
    world.send(B, A, b"now");
    world.advance(millis(10));
    assert_eq!(initiations(&mut world), [A]);

    world.chat(secs(10));
    assert_eq!(initiations(&mut world), []);
}

#[test]
fn p19_a_late_packet_by_the_old_keypair_begins_nothing() {
    let mut world = World::pair(191_919);
    world.connect();
    world.drop_next(1);
    world.send(B, A, b"late");
    let late = world.sent().remove(0);
    world.chat(secs(170));
    assert_eq!(initiations(&mut world), [A], "rekeyed at 120 s");
    assert!(world.inject(A, &late.bytes, late.from).is_ok());
    assert_eq!(initiations(&mut world), []);
}

#[test]
fn p20_an_expired_keypair_neither_seals_nor_opens_even_where_no_timer_ran() {
    let mut world = World::pair(20);
    world.connect();
    world.drop_next(1);
    world.send(B, A, b"recorded");
    let recorded = world.sent().remove(0);
    world.sleep(A);
    world.advance(secs(181));
    // The clock went on, no timer has run, and these are the first things that happen.
    assert_eq!(world.inject(A, &recorded.bytes, recorded.from), Err(Rejected::Transport(OpenError::Expired)));
    world.sent();
    world.try_send(A, &World::packet(A, B, b"after sleep")).unwrap();
    assert_eq!(world.kinds_from(A), [Kind::Initiation]);
}

#[test]
fn p20_a_response_that_waited_out_a_sleep_makes_no_session() {
    for asleep in [6, 100, 3_600] {
        let mut world = World::pair(2_020);
        world.send(A, B, b"before sleep");
        world.advance(millis(10));
        world.sleep(A);
        let response = world.sent().into_iter().find(|sent| sent.kind() == Kind::Response).unwrap();
        world.advance(secs(asleep));
        // It lay in the socket's buffer, and is seen before any timer runs.
        assert_eq!(world.inject(A, &response.bytes, response.from), Ok(None));
        assert_eq!(world.handle_handshake(A), Some(Err(Rejected::LateResponse)), "after {asleep} s");
        assert!(!world.events(A).iter().any(|event| matches!(event, Event::Connected { .. })));
        assert_eq!(world.kinds_from(A), []);
        world.wake(A);
        world.assert_connected();
    }
}

#[test]
fn p22_a_replayed_message_is_refused_and_one_that_is_not_authentic_takes_no_counter() {
    let mut world = World::pair(22);
    world.connect();
    world.drop_next(1);
    let packet = world.send(A, B, b"once");
    let sealed = world.sent().remove(0);

    let mut tampered = sealed.bytes.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let refused = |error| Err(Rejected::Transport(error));
    assert_eq!(world.inject(B, &tampered, sealed.from), refused(OpenError::NotAuthentic));
    assert_eq!(world.inject(B, &sealed.bytes, sealed.from), Ok(Some(packet)));
    assert_eq!(world.inject(B, &sealed.bytes, sealed.from), refused(OpenError::Replayed));

    // A forged counter near the end neither overflows nor moves the window.
    for counter in [u64::MAX, u64::MAX - (1 << 13) - 1, u64::MAX - (1 << 13) - 2] {
        let mut forged = sealed.bytes.clone();
        forged[8..16].copy_from_slice(&counter.to_le_bytes());
        assert!(matches!(world.inject(B, &forged, sealed.from), Err(Rejected::Transport(_))));
    }
    world.assert_connected();
}

#[test]
fn p22_8_127_messages_behind_are_still_taken() {
    let mut world = World::pair(2222);
    world.connect();
    world.drop_next(usize::MAX);
    for _ in 0..8_200 {
        world.send(A, B, b"x");
    }
    let sent = world.sent();
    let newest = sent.len() - 1;
    let mut take = |at: usize| world.inject(B, &sent[at].bytes, sent[at].from);
    assert!(matches!(take(newest), Ok(Some(_))));
    assert!(matches!(take(newest - 8_127), Ok(Some(_))));
    assert_eq!(take(newest - 8_128), Err(Rejected::Transport(OpenError::Replayed)));
}

#[test]
fn p23_keys_are_forgotten_540_s_after_the_last_session() {
    let mut world = World::pair(23);
    world.connect();
    assert_eq!([A, B].map(|end| world.ends[end].tunnel.receiver_indices()), [1, 1]);
    world.advance(secs(538));
    assert_eq!([A, B].map(|end| world.ends[end].tunnel.receiver_indices()), [1, 1]);
    world.advance(secs(3));
    assert_eq!([A, B].map(|end| world.ends[end].tunnel.receiver_indices()), [0, 0]);
}

#[test]
fn p24_another_preshared_key_keeps_the_session() {
    let mut world = World::pair(24);
    world.connect();
    world.set_preshared_key(A, B, 7);
    world.assert_connected();
    assert_eq!(initiations(&mut world), []);
}

#[test]
fn p24_another_private_key_ends_all_sessions() {
    let mut world = World::pair(2424);
    world.connect();
    let same = world.ends[A].tunnel.private_key().cloned();
    world.ends[A].tunnel.set_private_key(same, world.now);
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 1, "the same key changes nothing");

    let other = PrivateKey::from_bytes(&[5; 32]);
    let old_key = world.ends[A].key;
    world.ends[A].key = other.public_key();
    world.ends[A].tunnel.set_private_key(Some(other), world.now);
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 0);
    assert_eq!(world.ends[A].tunnel.poll_timeout(), None, "nothing of them is left to wait for");
    world.ends[B].tunnel.remove_peer(&old_key);
    world.introduce(B, A);
    world.assert_connected();
}

#[test]
fn p24_an_existing_peer_can_be_changed_and_our_own_key_is_no_peer() {
    let mut world = World::pair(242424);
    world.connect();
    world.set_keepalive(A, B, 25);
    let peer = world.ends[A].tunnel.peers().next().unwrap();
    assert_eq!(peer.persistent_keepalive.map(u16::from), Some(25));
    assert_eq!(peer.allowed_ips.len(), 2, "what was not named stays");

    let ours = world.ends[A].key;
    world.ends[A].tunnel.upsert_peer(&ours, PeerUpdate::default(), world.now);
    assert_eq!(world.ends[A].tunnel.peers().count(), 1);

    let key_of_b = world.ends[B].tunnel.private_key().cloned();
    world.ends[A].tunnel.set_private_key(key_of_b, world.now);
    assert_eq!(world.ends[A].tunnel.peers().count(), 0, "a peer that turns out to be ourselves is removed");
    world.advance(millis(1));
}
