//! How every story ends, whatever came before: two ends that are configured as usual reach each other, and ends that
//! nobody asks for anything fall silent.

use std::time::Duration;

use adit_core::proto::tunnel::PeerUpdate;

use crate::world::{ENDS, KEYS, World, address};

/// Longer than any session takes to be found dead and replaced: 15 s and a retry.
const ROUNDS: usize = 10;

pub fn assert_reconnects(world: &mut World) {
    world.in_flight.clear();
    // No clock says less than an earlier one: an initiation would be taken for a replay.
    world.now.unix = Duration::from_secs(4_000_000_000);
    for end in 0..ENDS {
        while world.work(end) {}
        world.set_private_key(end, Some(end));
        world.ends[end].address = address(end, 0);
    }
    for (end, whom) in [(0, 1), (1, 0)] {
        world.introduce(end, whom);
    }
    world.in_flight.clear();
    world.sleep(Duration::from_secs(1));

    let before = world.delivered;
    for _ in 0..ROUNDS {
        for (from, to) in [(0, 1), (1, 0)] {
            let packet = world.packet(from, to, false, 0, b"are you there?");
            world.send(from, &[packet]);
            for _ in 0..3 {
                world.settle();
                world.sleep(Duration::from_secs(1));
            }
        }
        if world.delivered[0] > before[0] && world.delivered[1] > before[1] {
            return;
        }
    }
    panic!("two ends that know each other do not find each other");
}

/// Nobody hears anything more; without persistent keepalives there is nothing to wait for in the end.
pub fn assert_falls_silent(world: &mut World) {
    for end in 0..ENDS {
        for whom in 0..ENDS {
            if world.ends[end].tunnel.contains_peer(&KEYS[whom].1) {
                let off = PeerUpdate { persistent_keepalive: Some(None), ..PeerUpdate::default() };
                world.upsert(end, whom, off);
            }
        }
    }
    // A handshake that begins late, gives up after 90 s; keys are wiped after 540 s.
    for _ in 0..5 {
        world.sleep(Duration::from_secs(200));
        world.in_flight.clear();
    }
    for end in &world.ends {
        assert_eq!(end.tunnel.poll_timeout(), None);
        assert_eq!(end.tunnel.receiver_indices(), 0);
    }
}
