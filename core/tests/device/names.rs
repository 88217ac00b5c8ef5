//! Endpoints that are names.

use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use adit_core::config::{Config, Endpoint};
use adit_core::device::{Event, Hooks, Resolver};

use super::node::{Node, interface, peer, wait};

/// Answers when, and what, the test says.
struct Held(Mutex<Receiver<io::Result<Vec<SocketAddr>>>>);

impl Resolver for Held {
    fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
        self.0.lock().unwrap().recv().unwrap_or_else(|_| Err(io::Error::other("the test is over")))
    }
}

fn by_name() -> (Node, Sender<io::Result<Vec<SocketAddr>>>) {
    let (answer, answers) = channel();
    let hooks = Hooks { resolver: Arc::new(Held(Mutex::new(answers))), ..Hooks::default() };
    let name = Endpoint::Name { host: "vpn.example".to_owned(), port: 51820 };
    let config = Config { interface: interface(1), peers: vec![peer(2, Some(name))] };
    (Node::start_with(1, config, hooks).unwrap(), answer)
}

#[test]
fn a_name_that_takes_its_time_holds_up_neither_the_start_nor_a_command_nor_the_stop() {
    let (node, _answer) = by_name();
    assert_eq!(wait(node.device.status()).unwrap().peers[0].endpoint, None);
    wait(node.device.stop());
}

#[test]
fn a_peer_is_reached_once_its_name_has_an_address() {
    let server = Node::start(2, vec![peer(1, None)]);
    let Endpoint::Address(address) = server.endpoint() else { unreachable!() };
    let (client, answer) = by_name();
    answer.send(Err(io::Error::other("no such host"))).unwrap();
    let reason = client.event(|event| match event {
        Event::Unresolved { host, reason, .. } if host == "vpn.example" => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(reason, "no such host");

    // It is asked for again after a second.
    answer.send(Ok(vec![address])).unwrap();
    let found = client.event(|event| match event {
        Event::Resolved { endpoint, .. } => Some(*endpoint),
        _ => None,
    });
    assert_eq!(found, address);
    client.exchange(&server);
}

/// An application sends, and the driver has seen it.
fn send_early(client: &Node, server: &Node) {
    client.send(server, b"early");
    while wait(client.device.stats()).unwrap().tun_received.packets == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn what_is_sent_while_a_name_is_first_asked_for_waits_for_the_answer() {
    let server = Node::start(2, vec![peer(1, None)]);
    let Endpoint::Address(address) = server.endpoint() else { unreachable!() };
    let (client, answer) = by_name();
    send_early(&client, &server);
    answer.send(Ok(vec![address])).unwrap();
    assert_eq!(server.receive(), b"early");
}

#[test]
fn what_waited_for_a_name_without_an_address_is_not_sent_later() {
    let server = Node::start(2, vec![peer(1, None)]);
    let Endpoint::Address(address) = server.endpoint() else { unreachable!() };
    let (client, answer) = by_name();
    send_early(&client, &server);
    answer.send(Err(io::Error::other("no such host"))).unwrap();
    client.event(|event| matches!(event, Event::Unresolved { .. }).then_some(()));
    answer.send(Ok(vec![address])).unwrap();
    client.event(|event| matches!(event, Event::Resolved { .. }).then_some(()));
    client.exchange(&server);
}

#[test]
fn names_are_asked_for_again_when_the_network_changes() {
    let first = Node::start(2, vec![peer(1, None)]);
    let Endpoint::Address(address) = first.endpoint() else { unreachable!() };
    let (client, answer) = by_name();
    let resolved_to = |wanted: SocketAddr| {
        client.event(|event| {
            matches!(event, Event::Resolved { endpoint, .. } if *endpoint == wanted).then_some(())
        });
    };
    answer.send(Ok(vec![address])).unwrap();
    resolved_to(address);
    client.exchange(&first);
    // The server starts anew elsewhere.
    wait(first.device.stop());
    let second = Node::start(2, vec![peer(1, None)]);
    let Endpoint::Address(elsewhere) = second.endpoint() else { unreachable!() };
    answer.send(Ok(vec![elsewhere])).unwrap();
    wait(client.device.network_changed()).unwrap();
    client.event(|event| {
        matches!(event, Event::Resolved { endpoint, .. } if *endpoint == elsewhere).then_some(())
    });
    assert_eq!(wait(client.device.status()).unwrap().peers[0].endpoint, Some(elsewhere));
}
