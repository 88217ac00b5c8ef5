//! Sessions.

use std::time::Duration;

use adit_core::proto::tunnel::{Event, OpenError, PeerUpdate, Rejected};

use crate::world::{A, B, Kind, World, millis, secs};

const NANOSECOND: Duration = Duration::from_nanos(1);

#[test]
fn p19_only_the_initiator_rekeys_by_age_when_it_sends() {
    let mut world = World::pair(19);
    world.connect();
    world.chat(secs(116));
    assert_eq!(world.initiators(), [A; 0]);
    world.advance(secs(3));
    world.send(B, A, b"the responder does not");
    world.settle();
    assert_eq!(world.initiators(), [A; 0]);
    world.send(A, B, b"the initiator does");
    world.settle();
    assert_eq!(world.initiators(), [A]);
}

#[test]
fn p19_the_initiator_rekeys_at_165_s_when_it_only_receives_and_once() {
    let mut world = World::pair(1919);
    world.connect();
    world.advance(secs(160));
    world.send(B, A, b"not yet");
    world.settle();
    assert_eq!(world.initiators(), [A; 0]);
    world.advance(secs(4));
    world.send(B, A, b"now");
    world.advance(millis(10));
    assert_eq!(world.initiators(), [A]);

    world.chat(secs(10));
    assert_eq!(world.initiators(), [A; 0]);
}

#[test]
fn p19_the_initiator_rekeys_in_time_though_both_began_at_once_and_each_sends_by_the_other_s_session() {
    for (silent, speaker) in [(A, B), (B, A)] {
        let mut world = World::pair(1_919);
        // Two handshakes cross, and their first keepalives, too. After them only the speaker is heard.
        world.set_keepalive(A, B, 25);
        world.set_keepalive(B, A, 25);
        let quiet = PeerUpdate { persistent_keepalive: Some(None), ..PeerUpdate::default() };
        world.configure(silent, speaker, quiet);
        world.advance(secs(172));
        let sent: Vec<_> = (0..2_500_u16)
            .map(|number| {
                world.advance(millis(5));
                world.send(speaker, silent, &number.to_be_bytes())
            })
            .collect();
        world.settle();
        assert_eq!(world.delivered(silent), sent);
    }
}

#[test]
fn p19_a_late_packet_by_the_old_keypair_begins_nothing() {
    let mut world = World::pair(191_919);
    world.connect();
    world.drop_next(1);
    world.send(B, A, b"late");
    let late = world.sent().remove(0);
    world.chat(secs(170));
    assert_eq!(world.initiators(), [A], "rekeyed at 120 s");
    assert!(world.inject(A, &late.bytes, late.from).is_ok());
    assert_eq!(world.initiators(), [A; 0]);
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
fn p20_a_keypair_works_until_it_is_180_s_old_and_not_a_nanosecond_longer() {
    for (short_of, works) in [(millis(100), true), (NANOSECOND, true), (Duration::ZERO, false)] {
        // A's keypair begins when its initiation leaves, B's when that arrives.
        for (end, other, begins_after) in [(A, B, Duration::ZERO), (B, A, millis(10))] {
            let mut world = World::pair(20_202);
            let expires = world.now.mono + begins_after + secs(180);
            world.connect();
            let (packet, sealed) = world.send_lost(other, end, b"late");
            // No timer helps.
            world.sleep(A);
            world.sleep(B);
            world.advance(expires - world.now.mono - short_of);
            world.sent();
            let opened = world.inject(end, &sealed.bytes, sealed.from);
            let expired = Err(Rejected::Transport(OpenError::Expired));
            assert_eq!(
                opened,
                if works { Ok(Some(packet)) } else { expired },
                "{end} opens {short_of:?} before"
            );
            world.sent();
            world.send(end, other, b"new");
            let sealed = world.kinds_from(end).contains(&Kind::Data);
            assert_eq!(sealed, works, "{end} seals {short_of:?} before");
        }
    }
}

#[test]
fn p20_the_previous_keypair_ages_as_well() {
    let mut world = World::pair(2_020_202);
    let expires = world.now.mono + secs(180);
    world.connect();
    let [(packet, late), (_, too_late)] =
        ["late", "too late"].map(|text| world.send_lost(B, A, text.as_bytes()));
    world.chat(secs(125));
    assert_eq!(world.initiators(), [A], "there are new keys");
    world.advance(expires - world.now.mono - NANOSECOND);
    assert_eq!(world.inject(A, &late.bytes, late.from), Ok(Some(packet)));
    world.advance(NANOSECOND);
    let expired = Err(Rejected::Transport(OpenError::Expired));
    assert_eq!(world.inject(A, &too_late.bytes, too_late.from), expired);
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
