//! Sockets that a device loses while it runs.

use std::net::UdpSocket;
use std::num::NonZeroU16;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use adit_core::config::{Config, Interface};
use adit_core::device::{DeviceError, HookError, Hooks, SocketProtector};
use rustix::net::{Shutdown, shutdown};

use super::node::{Node, interface, peer, wait};

/// Keeps a way to each socket that it protects.
#[derive(Default)]
struct Keeper(Mutex<Vec<OwnedFd>>);

impl Keeper {
    /// Those since the last time.
    fn take(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl SocketProtector for Keeper {
    fn protect(&self, socket: BorrowedFd<'_>) -> Result<(), HookError> {
        let socket = socket.try_clone_to_owned().map_err(|error| HookError::new(error.to_string()))?;
        self.0.lock().unwrap().push(socket);
        Ok(())
    }
}

#[test]
fn sockets_that_are_taken_away_are_replaced_by_others() {
    let keeper = Arc::new(Keeper::default());
    let hooks = Hooks { protector: Some(keeper.clone()), ..Hooks::default() };
    let server = Node::start(2, vec![peer(1, None)]);
    let config = Config { interface: interface(1), peers: vec![peer(2, Some(server.endpoint()))] };
    let client = Node::start_with(1, config, hooks).unwrap();
    client.exchange(&server);
    let taken = keeper.take();
    for socket in &taken {
        // A socket that is not connected is shut down, and told that it is not connected.
        let _ = shutdown(socket, Shutdown::Both);
    }
    let mut new = Vec::new();
    while new.len() < taken.len() {
        new.extend(keeper.take());
        std::thread::yield_now();
    }
    client.exchange(&server);
    // With the first one both are given up.
    let errors = wait(client.device.stats()).unwrap().dropped.udp_receive_errors;
    assert!((1..=taken.len() as u64).contains(&errors), "{errors}");
    assert_eq!(keeper.take().len(), 0, "once is enough");
}

/// Once it is told to, takes a port that has just become free.
struct Thief {
    port: u16,
    waits: AtomicBool,
    taken: Mutex<Option<UdpSocket>>,
}

impl SocketProtector for Thief {
    fn protect(&self, _: BorrowedFd<'_>) -> Result<(), HookError> {
        if self.waits.swap(false, Ordering::SeqCst) {
            let taken = UdpSocket::bind(("0.0.0.0", self.port));
            *self.taken.lock().unwrap() = Some(taken.map_err(|error| HookError::new(error.to_string()))?);
        }
        Ok(())
    }
}

#[test]
fn a_port_that_somebody_else_had_for_a_moment_is_bound_later() {
    let server = Node::start(2, vec![peer(1, None)]);
    let reserved = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = reserved.local_addr().unwrap().port();
    drop(reserved);
    let own = Interface { listen_port: NonZeroU16::new(port), ..interface(1) };
    let thief = Arc::new(Thief { port, waits: AtomicBool::new(false), taken: Mutex::default() });
    let hooks = Hooks { protector: Some(thief.clone()), ..Hooks::default() };
    let config = Config { interface: own, peers: vec![peer(2, Some(server.endpoint()))] };
    let client = Node::start_with(1, config, hooks).unwrap();
    client.exchange(&server);
    thief.waits.store(true, Ordering::SeqCst);
    assert!(matches!(wait(client.device.network_changed()), Err(DeviceError::Bind { .. })));
    assert_eq!(wait(client.device.status()).unwrap().listen_port, 0);
    thief.taken.lock().unwrap().take();
    while wait(client.device.status()).unwrap().listen_port != port {
        std::thread::yield_now();
    }
    client.exchange(&server);
}
