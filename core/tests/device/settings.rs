//! Changing a device that runs.

use std::net::UdpSocket;
use std::num::{NonZeroU16, NonZeroU32};

use adit_core::config::{Config, Interface};
use adit_core::device::{DeviceError, Event};
use adit_core::uapi::{AllowedIpChange, Set, SetPeer};

use super::node::{Node, interface, key, pair, peer, wait};

fn set_peer(number: u8) -> SetPeer {
    SetPeer {
        public_key: key(number).public_key(),
        remove: false,
        update_only: false,
        preshared_key: None,
        endpoint: None,
        persistent_keepalive: None,
        replace_allowed_ips: false,
        allowed_ips: Vec::new(),
    }
}

#[test]
fn an_unchanged_peer_keeps_its_session_while_others_come_and_go() {
    let (client, server) = pair();
    client.exchange(&server);
    client.events_so_far();
    for others in [vec![peer(3, None), peer(4, None)], vec![peer(4, None)], vec![]] {
        let peers = [vec![peer(2, Some(server.endpoint()))], others].concat();
        let count = peers.len();
        wait(client.device.set_config(Config { interface: interface(1), peers })).unwrap();
        assert_eq!(wait(client.device.status()).unwrap().peers.len(), count);
        client.exchange(&server);
    }
    let again = client.events_so_far().into_iter().any(|event| matches!(event, Event::Connecting { .. }));
    assert!(!again, "no handshake was needed");
}

#[test]
fn a_peer_that_has_moved_stays_where_it_is_when_its_configuration_is_as_before() {
    let (client, server) = pair();
    client.exchange(&server);
    let moved = wait(server.device.status()).unwrap().peers[0].endpoint;
    assert!(moved.is_some());
    wait(server.device.set_config(Config { interface: interface(2), peers: vec![peer(1, None)] })).unwrap();
    assert_eq!(wait(server.device.status()).unwrap().peers[0].endpoint, moved);
}

#[test]
fn a_peer_that_is_taken_out_hears_nothing_more() {
    let (client, server) = pair();
    client.exchange(&server);
    wait(server.device.set_config(Config { interface: interface(2), peers: vec![] })).unwrap();
    let rejected = || wait(server.device.stats()).unwrap().dropped.rejected;
    let before = rejected();
    client.send(&server, b"nobody's");
    while rejected() == before {
        std::thread::yield_now();
    }
    assert_eq!(wait(server.device.status()).unwrap().peers, []);
}

#[test]
fn another_port_is_bound_and_the_peer_is_heard_from_there() {
    let (client, server) = pair();
    client.exchange(&server);
    let free = UdpSocket::bind("0.0.0.0:0").unwrap().local_addr().unwrap().port();
    let listen_port = NonZeroU16::new(free);
    let config = Config { interface: Interface { listen_port, ..interface(1) }, peers: vec![peer(2, None)] };
    wait(client.device.set_config(config)).unwrap();
    assert_eq!(wait(client.device.status()).unwrap().listen_port, free);
    client.exchange(&server);
    assert_eq!(wait(server.device.status()).unwrap().peers[0].endpoint.unwrap().port(), free);
    // A port that was asked for comes back after a change of the network.
    wait(client.device.network_changed()).unwrap();
    assert_eq!(wait(client.device.status()).unwrap().listen_port, free);
    client.exchange(&server);
}

#[test]
fn a_refused_change_leaves_all_as_it_was() {
    let (client, server) = pair();
    client.exchange(&server);
    let before = wait(client.device.status()).unwrap();
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();

    let listen_port = NonZeroU16::new(port);
    let config = Config { interface: Interface { listen_port, ..interface(9) }, peers: vec![peer(3, None)] };
    let refused = wait(client.device.set_config(config));
    assert!(matches!(refused, Err(DeviceError::Bind { port: named, .. }) if named == port));
    assert_eq!(wait(client.device.status()).unwrap(), before);

    let set = Set {
        private_key: Some(Some(key(9))),
        listen_port: Some(port),
        fwmark: Some(NonZeroU32::new(7)),
        replace_peers: true,
        peers: vec![set_peer(3)],
    };
    assert!(matches!(wait(client.device.apply(set)), Err(DeviceError::Bind { .. })));
    assert_eq!(wait(client.device.status()).unwrap(), before);
    client.exchange(&server);
}

#[test]
fn a_uapi_client_builds_a_tunnel_from_nothing_and_changes_every_value() {
    let server = Node::start(2, vec![peer(1, None)]);
    let client = Node::start_with(1, Config::default(), Default::default()).unwrap();
    let adit_core::config::Endpoint::Address(endpoint) = server.endpoint() else { unreachable!() };

    let network = "10.0.0.2/32".parse().unwrap();
    let add = SetPeer {
        endpoint: Some(endpoint),
        persistent_keepalive: Some(NonZeroU16::new(25)),
        allowed_ips: vec![AllowedIpChange::Add(network)],
        ..set_peer(2)
    };
    let set = Set { private_key: Some(Some(key(1))), peers: vec![add], ..Set::default() };
    wait(client.device.apply(set)).unwrap();
    client.exchange(&server);

    let status = wait(client.device.status()).unwrap();
    assert_eq!(status.private_key, Some(key(1)));
    assert_ne!(status.listen_port, 0);
    assert_eq!(status.peers[0].endpoint, Some(endpoint));
    assert_eq!(status.peers[0].persistent_keepalive, NonZeroU16::new(25));
    assert_eq!(status.peers[0].allowed_ips, [network]);

    let stranger = SetPeer { update_only: true, ..set_peer(5) };
    let change = SetPeer {
        persistent_keepalive: Some(None),
        replace_allowed_ips: true,
        allowed_ips: vec![AllowedIpChange::Add("10.0.0.0/24".parse().unwrap())],
        ..set_peer(2)
    };
    wait(client.device.apply(Set { peers: vec![stranger, change], ..Set::default() })).unwrap();
    let status = wait(client.device.status()).unwrap();
    assert_eq!(status.peers.len(), 1, "nobody is made by update_only");
    assert_eq!(status.peers[0].persistent_keepalive, None);
    assert_eq!(status.peers[0].allowed_ips, ["10.0.0.0/24".parse().unwrap()]);
    client.exchange(&server);

    let removal = SetPeer { remove: true, ..set_peer(2) };
    wait(client.device.apply(Set { peers: vec![removal], ..Set::default() })).unwrap();
    assert_eq!(wait(client.device.status()).unwrap().peers, []);
}

#[test]
fn replacing_the_peers_leaves_only_those_that_are_named() {
    let node = Node::start(1, vec![peer(2, None), peer(3, None)]);
    let set = Set { replace_peers: true, peers: vec![set_peer(3), set_peer(4)], ..Set::default() };
    wait(node.device.apply(set)).unwrap();
    let left: Vec<_> = wait(node.device.status()).unwrap().peers.iter().map(|peer| peer.public_key).collect();
    assert_eq!(left, [key(3).public_key(), key(4).public_key()]);
}
