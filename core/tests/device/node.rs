//! One end of a tunnel: a device, and the applications' side of its TUN descriptor.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adit_core::config::{AllowedIp, AllowedIpChange, Config, Endpoint, Interface, Peer};
use adit_core::device::{Device, DeviceError, Event, Hooks, Observer, Offload, TunFd};
use adit_core::key::{PrivateKey, PublicKey};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// Longer than anything takes; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Runs a test that awaits.
pub(crate) fn wait<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

/// A private key that a test can name.
pub(crate) fn key(number: u8) -> PrivateKey {
    PrivateKey::from_bytes(&[number; 32])
}

/// A TUN descriptor for a device, and the applications' side of it.
pub(crate) fn tun_pair() -> (OwnedFd, OwnedFd) {
    let flags = SocketFlags::CLOEXEC;
    let (device, apps) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    set_socket_timeout(&apps, Timeout::Recv, Some(PATIENCE)).unwrap();
    set_socket_timeout(&apps, Timeout::Send, Some(PATIENCE)).unwrap();
    (device, apps)
}

/// The interface of node `number`, whose inner address is 10.0.0.`number`.
pub(crate) fn interface(number: u8) -> Interface {
    Interface { private_key: Some(key(number)), ..Interface::default() }
}

/// Node `number` as another's peer.
pub(crate) fn peer(number: u8, endpoint: Option<Endpoint>) -> Peer {
    let network = format!("10.0.0.{number}/32").parse().unwrap();
    Peer {
        public_key: key(number).public_key(),
        preshared_key: None,
        allowed_ips: vec![AllowedIp { network, change: AllowedIpChange::Listed }],
        endpoint,
        persistent_keepalive: None,
    }
}

/// An IPv4 packet from one node's applications to another's.
pub(crate) fn packet(from: u8, to: u8, payload: &[u8]) -> Vec<u8> {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let header = [0x45, 0, len[0], len[1], 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, from, 10, 0, 0, to];
    [&header[..], payload].concat()
}

/// Passes on every event.
struct Tell(Mutex<Sender<Event>>);

impl Observer for Tell {
    fn on_event(&self, event: Event) {
        // A test that is over does not listen.
        let _ = self.0.lock().unwrap().send(event);
    }
}

/// A device with its applications' side and its events.
pub(crate) struct Node {
    pub(crate) number: u8,
    pub(crate) device: Device,
    pub(crate) apps: OwnedFd,
    pub(crate) events: Receiver<Event>,
}

impl Node {
    /// Starts a node with these peers.
    pub(crate) fn start(number: u8, peers: Vec<Peer>) -> Self {
        Self::start_with(number, Config { interface: interface(number), peers }, Hooks::default()).unwrap()
    }

    /// Starts a node; its observer is the test's own.
    pub(crate) fn start_with(number: u8, config: Config, hooks: Hooks) -> Result<Self, DeviceError> {
        let (tun, apps) = tun_pair();
        let (tell, events) = channel();
        let hooks = Hooks { observer: Some(Arc::new(Tell(Mutex::new(tell)))), ..hooks };
        let device = wait(Device::start(config, TunFd::Owned(tun), hooks, Offload::default()))?;
        Ok(Self { number, device, apps, events })
    }

    pub(crate) fn public_key(&self) -> PublicKey {
        key(self.number).public_key()
    }

    /// Where others reach it.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint::Address(([127, 0, 0, 1], wait(self.device.status()).unwrap().listen_port).into())
    }

    /// An application sends to another node's.
    pub(crate) fn send(&self, to: &Node, payload: &[u8]) {
        rustix::io::write(&self.apps, &packet(self.number, to.number, payload)).unwrap();
    }

    /// What an application receives next, without its header.
    pub(crate) fn receive(&self) -> Vec<u8> {
        let mut buffer = vec![0; 65_536];
        let len = rustix::io::read(&self.apps, &mut buffer).expect("a packet in time");
        buffer[20..len].to_vec()
    }

    /// A packet each way, and so a session.
    pub(crate) fn exchange(&self, other: &Node) {
        self.send(other, b"there");
        assert_eq!(other.receive(), b"there");
        other.send(self, b"and back");
        assert_eq!(self.receive(), b"and back");
    }

    /// Waits for an event that the test looks for; others before it are passed over.
    pub(crate) fn event<T>(&self, wanted: impl Fn(&Event) -> Option<T>) -> T {
        loop {
            let event = self.events.recv_timeout(PATIENCE).expect("an event in time");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    }

    /// Events that have come so far.
    pub(crate) fn events_so_far(&self) -> Vec<Event> {
        self.events.try_iter().collect()
    }
}

/// Two nodes; the first knows where the second is.
pub(crate) fn pair() -> (Node, Node) {
    let server = Node::start(2, vec![peer(1, None)]);
    let client = Node::start(1, vec![peer(2, Some(server.endpoint()))]);
    (client, server)
}
