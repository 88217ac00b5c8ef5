//! How devices end, and what they leave behind: nothing.

use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use adit_core::config::{Config, Interface};
use adit_core::device::{
    Device, DeviceError, Ended, Event, HookError, Hooks, Offload, SocketProtector, TunError, TunFd,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};

use super::node::{Node, PATIENCE, interface, pair, peer, tun_pair, wait};

/// Whether a device has closed its side.
fn is_closed(apps: &OwnedFd) -> bool {
    matches!(rustix::io::read(apps, &mut [0; 16]), Ok(0))
}

#[test]
fn a_stop_ends_the_device_and_may_be_repeated() {
    let (client, server) = pair();
    client.exchange(&server);
    wait(async {
        client.device.stop().await;
        client.device.stop().await;
        assert!(matches!(client.device.ended().await, Ended::Stopped));
        assert!(matches!(client.device.status().await, Err(DeviceError::Stopped)));
        assert!(matches!(client.device.set_config(Config::default()).await, Err(DeviceError::Stopped)));
    });
    assert!(is_closed(&client.apps));
}

#[test]
fn a_dropped_handle_ends_the_device() {
    let Node { device, apps, events, .. } = Node::start(1, vec![]);
    drop(device);
    assert!(is_closed(&apps));
    // The observer is let go, so that no cycle keeps an app alive; and that it ended is no failure.
    assert!(events.recv_timeout(PATIENCE).is_err());
}

#[test]
fn the_tun_interface_going_away_ends_the_device_and_says_so() {
    let Node { device, apps, events, .. } = Node::start(1, vec![]);
    drop(apps);
    assert!(matches!(wait(device.ended()), Ended::TunGone));
    let event = events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::Failed { reason: Ended::TunGone }));
    wait(device.stop());
}

#[test]
fn a_borrowed_descriptor_stays_the_caller_s() {
    let (tun, apps) = tun_pair();
    for _ in 0..2 {
        let device = wait(Device::start(
            Config::default(),
            TunFd::Borrowed(tun.as_raw_fd()),
            Hooks::default(),
            Offload::default(),
        ))
        .unwrap();
        wait(device.stop());
    }
    // It is open still, and carries.
    rustix::io::write(&tun, b"open").unwrap();
    assert_eq!(rustix::io::read(&apps, &mut [0; 16]).unwrap(), 4);
}

/// Panics on whichever thread wakes it.
struct Landmine;

impl Wake for Landmine {
    fn wake(self: Arc<Self>) {
        panic!("a defect, for the test's sake");
    }
}

/// Once it is told to, holds the driver up until the test lets go.
struct Brake {
    on: AtomicBool,
    release: Mutex<Receiver<()>>,
}

impl SocketProtector for Brake {
    fn protect(&self, _: BorrowedFd<'_>) -> Result<(), HookError> {
        if self.on.swap(false, Ordering::SeqCst) {
            self.release.lock().unwrap().recv().map_err(|_| HookError::new("the test is over"))?;
        }
        Ok(())
    }
}

#[test]
fn a_panic_on_the_driver_s_thread_ends_the_device_alone() {
    let (release, released) = channel();
    let brake = Arc::new(Brake { on: AtomicBool::new(false), release: Mutex::new(released) });
    let hooks = Hooks { protector: Some(brake.clone()), ..Hooks::default() };
    let Node { device, apps, events, .. } = Node::start_with(1, Config::default(), hooks).unwrap();

    brake.on.store(true, Ordering::SeqCst);
    let mut held_up = Box::pin(device.network_changed());
    assert!(held_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    // The driver will answer this, wake whoever waits for the answer, and so panic.
    let mut status = Box::pin(device.status());
    let waker = Waker::from(Arc::new(Landmine));
    assert!(status.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    release.send(()).unwrap();

    assert!(matches!(wait(device.ended()), Ended::Panicked));
    assert!(is_closed(&apps));
    let event = events.recv_timeout(PATIENCE).unwrap();
    assert!(matches!(event, Event::Failed { reason: Ended::Panicked }));
    wait(device.stop());
}

/// Refuses every socket, in words or by a panic.
struct Refuses(fn() -> HookError);

impl SocketProtector for Refuses {
    fn protect(&self, _: BorrowedFd<'_>) -> Result<(), HookError> {
        Err((self.0)())
    }
}

#[test]
fn a_start_that_is_refused_closes_the_descriptor_and_says_why() {
    let taken = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = NonZeroU16::new(taken.local_addr().unwrap().port());
    let in_use = Config { interface: Interface { listen_port: port, ..interface(1) }, peers: vec![] };
    let refusing = |refuse| Hooks { protector: Some(Arc::new(Refuses(refuse))), ..Hooks::default() };
    let cases = [
        (in_use, Hooks::default(), format!("cannot listen on UDP port {}", port.unwrap())),
        (Config::default(), refusing(|| HookError::new("no VPN permission")), "no VPN permission".to_owned()),
        (Config::default(), refusing(|| panic!("a defect of the app")), "panicked".to_owned()),
    ];
    for (config, hooks, words) in cases {
        let (tun, apps) = tun_pair();
        let error = wait(Device::start(config, TunFd::Owned(tun), hooks, Offload::default())).unwrap_err();
        assert!(error.to_string().contains(&words), "{error}");
        assert!(is_closed(&apps));
    }
}

#[test]
fn descriptors_that_are_no_tun_device_are_refused_by_name() {
    let (stream, other) =
        socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
    let start =
        |tun| wait(Device::start(Config::default(), tun, Hooks::default(), Offload::default())).unwrap_err();
    assert!(matches!(start(TunFd::Owned(stream)), DeviceError::TunDescriptor(TunError::Stream)));
    assert!(is_closed(&other));

    let file = OwnedFd::from(std::fs::File::open("Cargo.toml").unwrap());
    for tun in [TunFd::Borrowed(-1), TunFd::Borrowed(999_999), TunFd::Owned(file)] {
        assert!(matches!(start(tun), DeviceError::TunDescriptor(TunError::Unusable(_))));
    }
}

#[test]
fn a_start_that_nobody_waits_for_any_more_ends_by_itself() {
    let (tun, apps) = tun_pair();
    let start = Device::start(Config::default(), TunFd::Owned(tun), Hooks::default(), Offload::default());
    wait(async {
        // Polled once, so that the thread has begun, and then dropped.
        let mut start = Box::pin(start);
        std::future::poll_fn(|cx| {
            let _ = start.as_mut().poll(cx);
            std::task::Poll::Ready(())
        })
        .await;
    });
    assert!(is_closed(&apps));

    // Never polled at all.
    let (tun, apps) = tun_pair();
    drop(Device::start(Config::default(), TunFd::Owned(tun), Hooks::default(), Offload::default()));
    assert!(is_closed(&apps));
}

#[test]
fn a_device_and_its_futures_may_go_to_any_thread() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    fn is_send<T: Send>(_: &T) {}
    let node = Node::start(1, vec![peer(2, None)]);
    is_send_and_sync(&node.device);
    is_send(&node.device.set_config(Config::default()));
    is_send(&node.device.stop());
    is_send(&node.device.ended());
    let (tun, _apps) = tun_pair();
    is_send(&Device::start(Config::default(), TunFd::Owned(tun), Hooks::default(), Offload::default()));
}
