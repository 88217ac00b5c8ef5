//! What devices cost: no descriptor and no thread once they are gone, no wake-up while nothing happens. A process of
//! its own, since it counts the process's threads and descriptors.
#![cfg(all(feature = "device", target_os = "linux"))]

use std::fs;
use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::os::fd::OwnedFd;
use std::time::Duration;

use adit_core::config::{Config, Interface};
use adit_core::device::{Device, DeviceError, Hooks, Offload, TunFd};
use adit_core::key::PrivateKey;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

fn wait<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(test)
}

fn config(listen_port: Option<NonZeroU16>) -> Config {
    let private_key = Some(PrivateKey::from_bytes(&[1; 32]));
    Config { interface: Interface { private_key, listen_port, ..Interface::default() }, peers: vec![] }
}

fn start(listen_port: Option<NonZeroU16>) -> Result<(Device, OwnedFd), DeviceError> {
    let (tun, apps) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let device =
        wait(Device::start(config(listen_port), TunFd::Owned(tun), Hooks::default(), Offload::default()))?;
    Ok((device, apps))
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Octets of this process that are in memory.
fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split(' ').nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}

/// The allocator keeps some of what was let go.
const MOST_GROWN: usize = 1 << 20;

/// The state files of the threads of this process that are devices'.
fn device_threads() -> Vec<String> {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).ok();
    tasks
        .filter_map(|task| status(task.unwrap()))
        .filter(|status| status.starts_with("Name:\tadit\n"))
        .collect()
}

fn leaks_nothing() {
    // The first runtime of a process makes what all of them share, and the first few fill the allocator.
    for _ in 0..100 {
        wait(start(None).unwrap().0.stop());
    }
    let (before, memory_before) = (descriptors(), memory());
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = NonZeroU16::new(taken.local_addr().unwrap().port());
    for _ in 0..1_000 {
        let (device, _apps) = start(None).unwrap();
        wait(device.stop());
        assert!(start(port).is_err());
    }
    drop(taken);
    assert_eq!(descriptors(), before);
    assert_eq!(device_threads().len(), 0);
    // A device that was not let go would hold far more than a kibibyte.
    let grown = memory().saturating_sub(memory_before);
    assert!(grown < MOST_GROWN, "{grown} octets after 1,000 starts");
}

fn sleeps_when_idle() {
    let (_device, _apps) = start(None).unwrap();
    let switches = || -> u64 {
        let threads = device_threads();
        let counts =
            threads.iter().flat_map(|status| status.lines().filter(|line| line.contains("_ctxt_switches:")));
        // Voluntary and not, of each thread.
        counts.map(|line| line.rsplit('\t').next().unwrap().parse::<u64>().unwrap()).sum()
    };
    // It settles: the first look at the descriptors.
    std::thread::sleep(Duration::from_millis(200));
    let before = switches();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(), before);
}

/// One after the other, since each counts what the process has.
#[test]
fn p40_a_thousand_starts_and_stops_leak_nothing_and_an_idle_device_sleeps() {
    leaks_nothing();
    sleeps_when_idle();
}
