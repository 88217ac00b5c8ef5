//! The driver: a tunnel engine, a TUN descriptor and UDP sockets, run on a thread of their own. This is the
//! only room that knows tokio and sockets; what WireGuard is, the engine knows.
#![allow(clippy::todo, unused)]

mod backlog;
mod clock;
mod error;
mod event;
mod hooks;
mod observer;
mod resolve;
mod stats;
mod sys;
mod tun;
mod udp;

use std::os::fd::{OwnedFd, RawFd};

use crate::config::Config;
use crate::uapi;

pub use error::{DeviceError, Ended, HookError, TunError};
pub use event::Event;
pub use hooks::{Hooks, Observer, Resolver, SocketProtector, SystemResolver};
pub use stats::{Dropped, Stats, Traffic};

/// A TUN descriptor, and who closes it.
#[derive(Debug)]
pub enum TunFd {
    /// The device owns it and closes it exactly once, on every path, errors included. An Android app hands
    /// over `ParcelFileDescriptor.detachFd()`.
    Owned(OwnedFd),
    /// The caller keeps it: the device duplicates it at start and closes only its duplicate.
    Borrowed(RawFd),
}

/// A running tunnel. Dropping the handle tells the driver to stop; that neither blocks nor panics.
#[derive(Debug)]
pub struct Device {}

impl Device {
    /// Starts the driver on a thread of its own, on whichever executor this is awaited. The descriptor is
    /// released exactly once on every path, errors and a dropped future included.
    pub async fn start(config: Config, tun: TunFd, hooks: Hooks) -> Result<Self, DeviceError> {
        todo!()
    }

    /// Applies the difference: unchanged peers keep their sessions. Refused: nothing changed.
    pub async fn set_config(&self, config: Config) -> Result<(), DeviceError> {
        todo!()
    }

    /// Applies what a UAPI client asks, all or nothing.
    pub async fn apply(&self, set: uapi::Set) -> Result<(), DeviceError> {
        todo!()
    }

    /// What UAPI's get answers.
    pub async fn status(&self) -> Result<uapi::DeviceStatus, DeviceError> {
        todo!()
    }

    /// The driver's own counters, since the start.
    pub async fn stats(&self) -> Result<Stats, DeviceError> {
        todo!()
    }

    /// The network changed: binds the sockets anew, forgets local addresses and resolves names again.
    pub async fn network_changed(&self) -> Result<(), DeviceError> {
        todo!()
    }

    /// Ends the tunnel and waits for its thread. May be called twice; never waits for a name to resolve.
    pub async fn stop(&self) {
        todo!()
    }

    /// Resolves once the driver has ended, with why.
    pub async fn ended(&self) -> Ended {
        todo!()
    }
}
