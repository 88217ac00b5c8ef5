//! What passes through a tunnel costs no allocation: neither in the engine nor in the driver. A process of its own, since it
//! counts every allocation that the process makes.
#![cfg(all(feature = "device", target_os = "linux"))]
#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::net::{SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};

use adit_core::config::{AllowedIp, AllowedIpChange, Config, Endpoint, Interface, Peer};
use adit_core::device::{Device, Hooks, Offload, TunFd};
use adit_core::key::PrivateKey;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

/// The system's, and a count.
struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is left to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Packets that are under way at once.
const BURST: usize = 50;
const LEN: usize = 1_400;

/// End 0 or 1 of a tunnel, which listens on this port and has the other for its peer.
fn start(end: usize, ports: [u16; 2]) -> (Device, OwnedFd) {
    let key = |end: usize| PrivateKey::from_bytes(&[1 + end as u8; 32]);
    let network = format!("10.0.0.{}/32", 1 - end).parse().unwrap();
    let peer = Peer {
        public_key: key(1 - end).public_key(),
        preshared_key: None,
        allowed_ips: vec![AllowedIp { network, change: AllowedIpChange::Listed }],
        endpoint: Some(Endpoint::Address(SocketAddr::from(([127, 0, 0, 1], ports[1 - end])))),
        persistent_keepalive: None,
    };
    let listen_port = NonZeroU16::new(ports[end]);
    let interface = Interface { private_key: Some(key(end)), listen_port, ..Interface::default() };
    let (tun, apps) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let config = Config { interface, peers: vec![peer] };
    let device = Device::start(config, TunFd::Owned(tun), Hooks::default(), Offload::default());
    let device = tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(device).unwrap();
    (device, apps)
}

/// Bursts one way, each of which arrives before the next.
fn pass(bursts: usize, from: &OwnedFd, to: &OwnedFd) {
    let mut packet = [0; LEN];
    packet[0] = 0x45;
    packet[2..4].copy_from_slice(&(LEN as u16).to_be_bytes());
    packet[12..20].copy_from_slice(&[10, 0, 0, 0, 10, 0, 0, 1]);
    let mut arrived = [0; LEN];
    for _ in 0..bursts {
        for _ in 0..BURST {
            rustix::io::write(from, &packet).unwrap();
        }
        for _ in 0..BURST {
            rustix::io::read(to, &mut arrived).unwrap();
            assert_eq!(arrived, packet);
        }
    }
}

#[test]
fn no_packet_costs_an_allocation() {
    let ports = [0; 2].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let ports = ports.map(|socket| socket.local_addr().unwrap().port());
    let [(_left, from), (_right, to)] = [0, 1].map(|end| start(end, ports));
    // The handshake, and what is allocated once and kept.
    pass(20, &from, &to);
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    pass(200, &from, &to);
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed) - before, 0, "allocations for {} packets", 200 * BURST);
}
