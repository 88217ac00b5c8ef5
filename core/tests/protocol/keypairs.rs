//! Keypairs: their indices, their roles, and which of the three is used.

use std::collections::BTreeSet;
use std::convert::Infallible;

use adit_core::proto::tunnel::Tunnel;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

use crate::world::{A, B, Datagram, Kind, World, millis, secs};

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

/// A random source that says every number five times.
struct Stutter {
    rng: ChaCha20Rng,
    said: u32,
    last: u32,
}

impl TryRng for Stutter {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        if self.said.is_multiple_of(5) {
            self.last = self.rng.next_u32();
        }
        self.said += 1;
        Ok(self.last)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        self.rng.try_next_u64()
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.rng.try_fill_bytes(out)
    }
}

impl TryCryptoRng for Stutter {}

#[test]
fn p12_an_index_that_is_drawn_twice_is_used_once() {
    let mut world = World::strangers(5, 121_212);
    let private_key = world.ends[A].tunnel.private_key().cloned();
    let rng = Stutter { rng: ChaCha20Rng::seed_from_u64(12), said: 0, last: 0 };
    world.ends[A].tunnel = Tunnel::new(private_key, Box::new(rng));
    for other in 1..5 {
        world.introduce(A, other);
        world.introduce(other, A);
        world.send(A, other, b"hello");
    }
    assert_eq!(world.ends[A].tunnel.receiver_indices(), 4);
    world.settle();
    for other in 1..5 {
        assert_eq!(world.delivered(other).len(), 1);
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

/// Sets a handshake of B's going that A has seen nothing of, and then a session that A begins. Whatever is made of B's
/// initiation later stays unconfirmed.
fn connect_and_keep_an_initiation_of_b(world: &mut World) -> Datagram {
    let initiation = world.send_lost(B, A, b"lost").1;
    world.connect();
    initiation
}

#[test]
fn p15_role_and_age_stay_the_keypair_s_when_another_is_offered() {
    let mut world = World::pair(1_515);
    let begin = world.now.mono;
    let offer = connect_and_keep_an_initiation_of_b(&mut world);
    world.advance(begin + secs(117) - world.now.mono);
    world.sent();
    assert_eq!(world.inject(A, &offer.bytes, offer.from), Ok(None));
    assert_eq!(world.handle_handshake(A), Some(Ok(())));
    assert_eq!(world.kinds_from(A), [Kind::Response]);

    for (at, initiators) in [(millis(119_900), vec![]), (secs(120), vec![A])] {
        world.advance(begin + at - world.now.mono);
        world.send(B, A, b"the responder of the session");
        world.send(A, B, b"the initiator of the session");
        assert_eq!(world.initiators(), initiators, "at {at:?}");
    }
}

#[test]
fn p15_a_handshake_of_the_responder_s_that_came_to_nothing_makes_it_no_initiator() {
    let mut world = World::pair(151_515);
    connect_and_keep_an_initiation_of_b(&mut world);
    world.advance(secs(119));
    world.send(B, A, b"the responder of the session");
    assert_eq!(world.initiators(), [A; 0]);
}

#[test]
fn p17_nothing_is_lost_where_two_new_keypairs_cross() {
    let mut world = World::pair(1_717);
    world.connect();
    // B's packet has no answer, so B thinks the session dead and begins a handshake at the moment at which A does.
    world.advance(secs(105));
    world.send_lost(B, A, b"unanswered");
    world.advance(secs(15));
    let moment = world.ends[B].tunnel.poll_timeout().unwrap();
    world.advance(moment - world.now.mono - millis(1));
    world.sent();
    let mut sent = [vec![], vec![]];
    for number in 0..100 {
        sent[B].push(world.send(A, B, &[number]));
        world.advance(millis(1) / 2);
        sent[A].push(world.send(B, A, &[number]));
        world.advance(millis(1) / 2);
        assert!([A, B].iter().all(|end| world.ends[*end].tunnel.receiver_indices() <= 4));
    }
    world.settle();
    assert_eq!(world.initiators(), [A, B], "they crossed");
    assert_eq!([A, B].map(|end| world.delivered(end)), sent);
    assert!([A, B].iter().all(|end| world.ends[*end].tunnel.receiver_indices() <= 3));
}
