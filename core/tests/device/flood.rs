//! Behaviour 7: what strangers send, however much of it, stops no session.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adit_core::config::Endpoint;

use super::node::{packet, pair, wait};
use super::strangers::fix_mac1;

#[test]
fn p07_a_flood_of_handshakes_stops_no_session() {
    let (client, server) = pair();
    client.exchange(&server);
    let Endpoint::Address(address) = server.endpoint() else { unreachable!() };
    let mut initiation = [0x5a; 148];
    initiation[..4].copy_from_slice(&[1, 0, 0, 0]);
    fix_mac1(&mut initiation, &server.public_key());

    let over = &AtomicBool::new(false);
    let rejected = || wait(server.device.stats()).unwrap().dropped.rejected;
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
            while !over.load(Ordering::Relaxed) {
                // What the server's socket has no room for is lost, as in any flood.
                let _ = stranger.send_to(&initiation, address);
            }
        });
        // More than a queue holds: the server is under load.
        while rejected() < 2_000 {
            std::thread::yield_now();
        }
        // The flood takes the room of some of what the client sends, so it sends until enough has come back.
        let apps = &client.apps;
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                rustix::io::write(apps, &packet(1, 2, b"there")).unwrap();
                std::thread::sleep(Duration::from_millis(1));
            }
        });
        let before = rejected();
        for _ in 0..100 {
            assert_eq!(server.receive(), b"there");
            server.send(&client, b"and back");
            assert_eq!(client.receive(), b"and back");
        }
        assert!(rejected() > before, "the flood went on meanwhile");
        over.store(true, Ordering::Relaxed);
    });
}
