//! The driver: a tunnel engine, a TUN descriptor and UDP sockets, run on a thread of their own. This is the
//! only room that knows descriptors and sockets; what WireGuard is, the engine knows.

mod backlog;
mod clock;
mod configure;
mod driver;
mod error;
mod event;
mod hooks;
mod incoming;
mod observer;
pub mod offload;
mod outgoing;
mod own_addresses;
mod renewal;
mod resolve;
mod stats;
mod sys;
mod thread;
mod tun;
mod turns;
mod udp;
mod unroutable;
mod wakeup;

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use crate::config::Config;
use crate::uapi;
use driver::Command;

pub use error::{DeviceError, Ended, HookError, TunError};
pub use event::Event;
pub use hooks::{Hooks, Observer, Resolver, SocketProtector, SystemResolver};
pub use offload::Offload;
pub use stats::{Dropped, Stats, Traffic};

/// A TUN descriptor, and who closes it. On Linux a device without a vnet header gets a queue of 4,000 packets instead of the
/// kernel's 500, where the process may set it and nobody has chosen another length.
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
pub struct Device {
    commands: mpsc::Sender<Command>,
    ended: watch::Receiver<Option<Ended>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Commands that may wait for a driver that is busy.
const COMMANDS: usize = 16;

impl Device {
    /// Starts the driver on a thread of its own, on whichever executor this is awaited. The descriptor is
    /// released exactly once on every path, errors and a dropped future included.
    pub async fn start(
        config: Config,
        tun: TunFd,
        hooks: Hooks,
        offload: Offload,
    ) -> Result<Self, DeviceError> {
        let tun = match tun {
            TunFd::Owned(tun) => tun,
            TunFd::Borrowed(tun) => sys::duplicate(tun).map_err(TunError::Unusable)?,
        };
        let (commands, queue) = mpsc::channel(COMMANDS);
        let (end, ended) = watch::channel(None);
        let (started, start) = oneshot::channel();
        let thread =
            thread::spawn(thread::Parts { config, tun, hooks, offload, commands: queue, started, end })?;
        let started = start.await.unwrap_or_else(|_panicked| {
            Err(DeviceError::System { action: "start the driver", source: io::Error::other("it panicked") })
        });
        if let Err(refused) = started {
            // The thread has released all that it had, and is about to return.
            let _ = thread.join();
            return Err(refused);
        }
        Ok(Self { commands, ended, thread: Mutex::new(Some(thread)) })
    }

    /// Applies the difference: unchanged peers keep their sessions. Refused: nothing changed.
    pub async fn set_config(&self, config: Config) -> Result<(), DeviceError> {
        self.ask(|reply| Command::SetConfig(Box::new(config), reply)).await?
    }

    /// Applies what a UAPI client asks, all or nothing.
    pub async fn apply(&self, set: uapi::Set) -> Result<(), DeviceError> {
        self.ask(|reply| Command::Apply(set, reply)).await?
    }

    /// What UAPI's get answers.
    pub async fn status(&self) -> Result<uapi::DeviceStatus, DeviceError> {
        self.ask(Command::Status).await
    }

    /// The driver's own counters, since the start.
    pub async fn stats(&self) -> Result<Stats, DeviceError> {
        self.ask(Command::Stats).await
    }

    /// The network changed: binds the sockets anew, forgets local addresses and resolves names again. A listening port
    /// that was asked for is given up for a moment; if it cannot be had again, nothing is sent or received
    /// until a later call succeeds.
    pub async fn network_changed(&self) -> Result<(), DeviceError> {
        self.ask(Command::NetworkChanged).await?
    }

    /// Ends the tunnel and waits for its thread. May be called twice; never waits for a name to resolve. Not to be
    /// waited for inside a [`SocketProtector`], which runs on that thread.
    pub async fn stop(&self) {
        // A driver that has ended already takes no command.
        let _ = self.commands.send(Command::Stop).await;
        self.ended().await;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // All that it had is released and told; it is about to return, and its panic was caught.
            let _ = thread.join();
        }
    }

    /// Resolves once the driver has ended, with why.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let told = ended.wait_for(Option::is_some).await;
        told.ok().and_then(|ended| ended.clone()).unwrap_or(Ended::Panicked)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, DeviceError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| DeviceError::Stopped)?;
        answer.await.map_err(|_| DeviceError::Stopped)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests;
