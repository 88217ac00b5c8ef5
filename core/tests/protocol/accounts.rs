//! What the engine tells of itself: octets as the wire has them, and events, each once.

use adit_core::proto::tunnel::Event;

use crate::world::{A, B, Kind, World, millis, secs};

/// Octets received and sent by an end with one peer.
fn counted(world: &World, end: usize) -> (u64, u64) {
    let peer = world.ends[end].tunnel.peers().next().unwrap();
    (peer.rx_bytes, peer.tx_bytes)
}

#[test]
fn octets_are_counted_as_the_wire_has_them() {
    let mut world = World::pair(101);
    world.send(A, B, &[7; 1_000]);
    world.chat(secs(300));
    world.settle();
    let sent = world.sent();
    let octets = |end: usize| -> u64 {
        let from_end = sent.iter().filter(|sent| sent.from == world.ends[end].address);
        from_end.map(|sent| sent.bytes.len() as u64).sum()
    };
    for kind in [Kind::Initiation, Kind::Response, Kind::Data] {
        assert!(sent.iter().any(|sent| sent.kind() == kind));
    }
    assert_eq!(counted(&world, A), (octets(B), octets(A)));
    assert_eq!(counted(&world, B), (octets(A), octets(B)));
}

#[test]
fn replays_are_not_counted_and_cause_no_event() {
    let mut world = World::pair(102);
    world.chat(secs(300));
    world.settle();
    let before = [A, B].map(|end| counted(&world, end));
    let sent = world.sent();
    for end in [A, B] {
        world.events(end);
    }
    for datagram in sent {
        let to = if datagram.to == world.ends[A].address { A } else { B };
        let _ = world.inject(to, &datagram.bytes, "203.0.113.1:7".parse().unwrap());
        world.handle_handshakes(to);
    }
    assert_eq!([A, B].map(|end| counted(&world, end)), before);
    assert!(world.sent().is_empty());
    for end in [A, B] {
        assert_eq!(world.events(end), []);
    }
}

#[test]
fn a_session_is_told_of_once_on_each_side() {
    let mut world = World::pair(103);
    world.link.duplication = 50;
    world.link.jitter = millis(5);
    world.chat(secs(1_000));
    let sessions = world.initiators().len();
    assert!(sessions >= 8, "one every 120 s: {sessions}");
    for (end, other) in [(A, B), (B, A)] {
        let connected = Event::Connected { peer: world.ends[other].key };
        let told = world.events(end).into_iter().filter(|event| *event == connected).count();
        assert_eq!(told, sessions);
    }
}
