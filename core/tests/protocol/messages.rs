//! Messages and denial of service.

use adit_core::proto::tunnel::Rejected;

use crate::world::{A, B, Kind, World};

/// All that a datagram could change.
fn state(world: &mut World, end: usize) -> String {
    let events = world.events(end);
    let tunnel = &world.ends[end].tunnel;
    let peers: Vec<_> = tunnel.peers().collect();
    format!("{peers:?} {:?} {} {events:?}", tunnel.poll_timeout(), tunnel.receiver_indices())
}

#[test]
fn p01_what_is_no_message_changes_nothing() {
    let mut world = World::pair(1);
    world.connect();
    let from = world.ends[A].address;
    let before = state(&mut world, B);
    for message_type in 0..=255u8 {
        for len in [0, 1, 3, 4, 31, 32, 33, 63, 64, 65, 91, 92, 93, 147, 148, 149, 1_500, 65_535] {
            for reserved in [[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 0, 0]] {
                let mut bytes = vec![0x5a; len];
                let [r1, r2, r3] = reserved;
                bytes[..len.min(4)].copy_from_slice(&[message_type, r1, r2, r3][..len.min(4)]);
                let is_message = reserved == [0; 3]
                    && matches!((message_type, len), (1, 148) | (2, 92) | (3, 64) | (4, 32..));
                if !is_message {
                    assert!(matches!(world.inject(B, &bytes, from), Err(Rejected::NotAMessage(_))));
                    assert_eq!(world.handle_handshake(B), None);
                }
            }
        }
    }
    assert_eq!(state(&mut world, B), before);
    assert!(world.sent().is_empty());
    world.assert_connected();
}

#[test]
fn p02_a_bad_mac1_is_neither_worked_on_nor_answered() {
    let mut world = World::pair(2);
    let good = world.send_lost(A, B, b"lost").1.bytes;
    world.sent();
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
