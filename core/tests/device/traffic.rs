//! Packets through two devices.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_core::device::Event;

use super::node::{Node, packet, pair, peer, wait};

#[test]
fn packets_pass_both_ways_and_both_ends_say_that_they_are_connected() {
    let (client, server) = pair();
    client.exchange(&server);
    for (node, other) in [(&client, &server), (&server, &client)] {
        let connected = node.event(|event| match event {
            Event::Connected { peer } => Some(*peer),
            _ => None,
        });
        assert_eq!(connected, other.public_key());
        let status = wait(node.device.status()).unwrap();
        assert!(status.peers[0].last_handshake.is_some());
        assert!(status.peers[0].rx_bytes > 0 && status.peers[0].tx_bytes > 0);
    }
}

#[test]
fn what_is_sent_before_the_handshake_is_kept_and_leaves_in_order() {
    let (client, server) = pair();
    for number in 0..100_u8 {
        client.send(&server, &[number]);
    }
    for number in 0..100_u8 {
        assert_eq!(server.receive(), [number]);
    }
}

#[test]
fn packets_of_every_size_arrive_whole() {
    let (client, server) = pair();
    for len in [0, 1, 15, 16, 17, 1_000, 1_379, 1_400, 9_000, 60_000] {
        let payload: Vec<u8> = (0..len).map(|octet| octet as u8).collect();
        client.send(&server, &payload);
        assert_eq!(server.receive(), payload);
    }
}

#[test]
fn p38_ten_thousand_packets_keep_their_order_and_are_accounted_for() {
    const PACKETS: u32 = 10_000;
    let (client, server) = pair();
    client.exchange(&server);
    let before = wait(server.device.stats()).unwrap();
    let ended = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        let apps = &client.apps;
        let sender = scope.spawn(move || {
            let send = |payload: &[u8]| rustix::io::write(apps, &packet(1, 2, payload)).unwrap();
            for number in 0..PACKETS {
                send(&[&number.to_be_bytes()[..], &[0; 1_200]].concat());
            }
            // The end may be lost as well.
            let mut ends = 0;
            while !ended.load(Ordering::Relaxed) {
                send(b"end");
                ends += 1;
                std::thread::sleep(Duration::from_millis(10));
            }
            ends
        });
        let mut arrived = 0;
        let mut last = None;
        loop {
            let payload = server.receive();
            if payload == b"end" {
                ended.store(true, Ordering::Relaxed);
                break;
            }
            let number = u32::from_be_bytes(payload[..4].try_into().unwrap());
            assert!(last.is_none_or(|last| last < number), "{number} after {last:?}");
            last = Some(number);
            arrived += 1;
        }
        let sent_ends: u64 = sender.join().unwrap();
        let sent = wait(client.device.stats()).unwrap();
        let stats = wait(server.device.stats()).unwrap();
        let ends = stats.tun_sent.packets - before.tun_sent.packets - arrived;
        assert!((1..=sent_ends).contains(&ends), "{ends} of {sent_ends}; {stats:?}");
        assert_eq!(sent.dropped.unroutable, 0);
        // A receiver that is slower than the sender loses in the bounded backlog, and each loss is counted. Only ends
        // may still be on their way.
        let received = stats.udp_received.packets - before.udp_received.packets;
        let dropped = stats.dropped.tun_full - before.dropped.tun_full;
        assert!(received - arrived - ends - dropped <= sent_ends, "{arrived} arrived; {stats:?}");
        assert!(arrived > 256, "what the backlog holds arrives at least: {arrived}");
    });
}

#[test]
fn applications_that_do_not_read_lose_what_overflows_and_stop_nothing_else() {
    let (client, server) = pair();
    client.exchange(&server);
    let stats = || wait(server.device.stats()).unwrap();
    // The server's applications read nothing until its buffers and its backlog are full.
    let mut number = 0_u32;
    while stats().dropped.tun_full == 0 {
        client.send(&server, &[&number.to_be_bytes()[..], &[0; 1_000]].concat());
        number += 1;
    }
    // It still takes what comes from the network, and sends.
    server.send(&client, b"not stuck");
    assert_eq!(client.receive(), b"not stuck");
    let received = stats().udp_received.packets;
    client.send(&server, b"lost as well");
    while stats().udp_received.packets == received {
        std::thread::yield_now();
    }
    // What waits comes in order, and then what is new.
    let kept = number - u32::try_from(stats().dropped.tun_full).unwrap();
    for expected in 0..kept {
        assert_eq!(server.receive()[..4], expected.to_be_bytes());
    }
}

#[test]
fn a_peer_that_moves_is_followed() {
    let (client, server) = pair();
    client.exchange(&server);
    let before = wait(server.device.status()).unwrap().peers[0].endpoint;
    // The client's port was the system's choice, so it is another now.
    wait(client.device.network_changed()).unwrap();
    client.exchange(&server);
    let after = wait(server.device.status()).unwrap().peers[0].endpoint;
    assert_ne!(before, after);
    server.event(|event| {
        matches!(event, Event::EndpointChanged { endpoint, .. } if Some(*endpoint) == after).then_some(())
    });
}

#[test]
fn the_network_changing_ends_no_session() {
    let (client, server) = pair();
    client.exchange(&server);
    let handshake = |node: &Node| wait(node.device.status()).unwrap().peers[0].last_handshake;
    let before = handshake(&client);
    for _ in 0..3 {
        wait(client.device.network_changed()).unwrap();
        client.exchange(&server);
    }
    assert_eq!(handshake(&client), before);
}

#[test]
fn p36_a_packet_without_a_way_is_answered_with_an_icmp_error() {
    let node = Node::start(1, vec![peer(2, None)]);
    for (to, why) in [(99, "no peer"), (2, "no endpoint")] {
        let packet = packet(1, to, b"nowhere");
        rustix::io::write(&node.apps, &packet).unwrap();
        let mut answer = [0; 1_500];
        let len = rustix::io::read(&node.apps, &mut answer).expect("an answer in time");
        assert_eq!(answer[12..20], [10, 0, 0, to, 10, 0, 0, 1], "{why}: from whom it could not reach");
        assert_eq!(answer[20..22], [3, 1], "{why}: host unreachable");
        assert_eq!(answer[28..len], packet, "{why}: the packet is quoted");
    }
}

#[test]
fn packets_that_nobody_takes_and_datagrams_that_are_not_wireguard_are_counted() {
    let (client, server) = pair();
    client.exchange(&server);
    let nobody = Node { number: 99, ..Node::start(3, vec![peer(1, None)]) };
    client.send(&nobody, b"lost");
    assert_eq!(client.receive()[..2], [3, 1], "told so");
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let adit_core::config::Endpoint::Address(address) = client.endpoint() else { unreachable!() };
    for junk in [&b""[..], b"junk", &[0; 148], &[4; 1_000]] {
        stranger.send_to(junk, address).unwrap();
    }
    // Once this is through, what came before it is too.
    client.exchange(&server);
    let dropped = wait(client.device.stats()).unwrap().dropped;
    assert_eq!((dropped.unroutable, dropped.rejected), (1, 4));
}
