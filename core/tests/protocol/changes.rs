//! Keys and peers that change while it runs.

use adit_core::key::PrivateKey;
use adit_core::proto::tunnel::{HandshakeError, PeerUpdate, Rejected};

use crate::world::{A, B, Kind, World, millis, secs};

#[test]
fn p24_another_preshared_key_keeps_the_session() {
    let mut world = World::pair(24);
    world.connect();
    world.set_preshared_key(A, B, 7);
    world.assert_connected();
    assert_eq!(world.initiators(), [A; 0]);
}

#[test]
fn p24_the_next_rekey_uses_the_new_preshared_key() {
    let mut world = World::pair(24_242);
    world.connect();
    world.set_preshared_key(A, B, 7);
    world.set_preshared_key(B, A, 7);
    world.chat(secs(125));
    assert_eq!(world.initiators(), [A]);
    assert_eq!([world.rejected(A), world.rejected(B)], [vec![], vec![]]);
    world.assert_connected();
}

#[test]
fn p24_the_next_rekey_fails_while_the_other_end_has_the_old_preshared_key() {
    let mut world = World::pair(242_242);
    world.connect();
    world.set_preshared_key(A, B, 7);
    world.chat(secs(150));
    let refused = world.rejected(A);
    assert!(refused.len() > 3, "{refused:?}");
    assert!(refused.iter().all(|refused| *refused == Rejected::Handshake(HandshakeError::NotAuthentic)));
    world.assert_connected();
    world.chat(secs(40));
    world.delivered(B);
    let packet = world.send(A, B, b"the session is over");
    world.advance(secs(6));
    assert_eq!(world.delivered(B), Vec::<Vec<u8>>::new());

    world.set_preshared_key(B, A, 7);
    world.advance(millis(5_400));
    assert!(world.delivered(B).contains(&packet), "by the next retry");
}

/// What a peer was sending when a change of A's comes: B's initiation, or B's response to A's.
fn handshakes_queued_at_a(seed: u64) -> [World; 2] {
    let mut worlds = [World::pair(seed), World::pair(seed)];
    let initiation = worlds[0].send_lost(B, A, b"from b").1;
    worlds[1].drop_next_of(B, Kind::Response);
    worlds[1].send(A, B, b"from a");
    worlds[1].advance(millis(15));
    let response = worlds[1].sent().pop().unwrap();
    assert_eq!([initiation.kind(), response.kind()], [Kind::Initiation, Kind::Response]);
    for (world, datagram) in worlds.iter_mut().zip([initiation, response]) {
        assert_eq!(world.inject(A, &datagram.bytes, datagram.from), Ok(None));
        world.sent();
    }
    worlds
}

#[test]
fn p24_what_was_queued_for_the_old_private_key_comes_to_nothing() {
    for mut world in handshakes_queued_at_a(2_424_242) {
        let other = PrivateKey::from_bytes(&[5; 32]);
        world.ends[A].tunnel.set_private_key(Some(other), world.now);
        assert_eq!(world.handle_handshake(A), None);
        assert_eq!(world.ends[A].tunnel.receiver_indices(), 0);
        assert!(world.sent().is_empty());
    }
}

#[test]
fn p24_what_was_queued_of_a_peer_that_is_removed_becomes_nobody_else_s() {
    let refused = [Rejected::UnknownPeer, Rejected::UnknownIndex];
    for (mut world, refused) in handshakes_queued_at_a(24_242_424).into_iter().zip(refused) {
        let old = world.ends[B].key;
        assert!(world.ends[A].tunnel.remove_peer(&old));
        let other = PrivateKey::from_bytes(&[5; 32]).public_key();
        let endpoint = Some(world.ends[B].address);
        world.ends[A].tunnel.upsert_peer(&other, PeerUpdate { endpoint, ..PeerUpdate::default() }, world.now);
        world.events(A);
        assert_eq!(world.handle_handshake(A), Some(Err(refused)));
        assert!(!world.ends[A].tunnel.has_session(&other, world.now));
        assert_eq!(world.ends[A].tunnel.receiver_indices(), 0);
        assert!(world.sent().is_empty() && world.events(A).is_empty());
    }
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
