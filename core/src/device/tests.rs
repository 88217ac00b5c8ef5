//! A device on a real TUN interface, in a network namespace of the test's own.

use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::sys::testing::{in_network_namespace, ip, open_tun};
use super::*;
use crate::config::{AllowedIp, AllowedIpChange, Endpoint, Interface, Peer};
use crate::key::PrivateKey;

fn wait<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

/// Node 1 or 2, whose only peer is the other.
fn config(number: u8, endpoint: Option<Endpoint>) -> Config {
    let key = |number| PrivateKey::from_bytes(&[number; 32]);
    let other = 3 - number;
    let network = format!("10.0.0.{other}/32").parse().unwrap();
    let peer = Peer {
        public_key: key(other).public_key(),
        preshared_key: None,
        allowed_ips: vec![AllowedIp { network, change: AllowedIpChange::Listed }],
        endpoint,
        persistent_keepalive: None,
    };
    Config {
        interface: Interface { private_key: Some(key(number)), ..Interface::default() },
        peers: vec![peer],
    }
}

/// Turns an IPv4 UDP packet into its echo. The header's checksum stays right, since its sum does not change; UDP's
/// own may be left out.
fn echo(packet: &mut [u8]) {
    let (ip, udp) = packet.split_at_mut(20);
    let (source, destination) = ip[12..20].split_at_mut(4);
    source.swap_with_slice(destination);
    udp.swap(0, 2);
    udp.swap(1, 3);
    udp[6..8].fill(0);
}

#[test]
fn a_real_interface_carries_datagrams_both_ways_until_it_is_deleted() {
    in_network_namespace(|| {
        let tun = open_tun("adit-t9", libc::IFF_TUN | libc::IFF_NO_PI).unwrap();
        let (other_tun, apps): (OwnedFd, OwnedFd) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
        let other = wait(Device::start(
            config(2, None),
            TunFd::Owned(other_tun),
            Hooks::default(),
            Offload::default(),
        ))
        .unwrap();
        let port = wait(other.status()).unwrap().listen_port;
        let endpoint = Endpoint::Address(([127, 0, 0, 1], port).into());
        let device = wait(Device::start(
            config(1, Some(endpoint)),
            TunFd::Owned(tun),
            Hooks::default(),
            Offload::default(),
        ))
        .unwrap();
        ip("address add 10.0.0.1/24 dev adit-t9");
        ip("link set adit-t9 mtu 1420 up");

        let client = UdpSocket::bind("10.0.0.1:0").unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut buffer = [0; 2_000];
        for len in [1, 100, 1_392] {
            client.send_to(&vec![len as u8; len], "10.0.0.2:7").unwrap();
            let arrived = rustix::io::read(&apps, &mut buffer).unwrap();
            assert_eq!(arrived, 28 + len);
            echo(&mut buffer[..arrived]);
            rustix::io::write(&apps, &buffer[..arrived]).unwrap();
            let (back, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!(from, "10.0.0.2:7".parse().unwrap());
            assert_eq!(buffer[..back], vec![len as u8; len]);
        }

        ip("link del adit-t9");
        assert!(matches!(wait(device.ended()), Ended::TunGone));
    });
}
