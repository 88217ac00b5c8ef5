//! The thread that a driver runs on: its runtime, its start and its end, told in the order that makes both certain.

use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use tokio::sync::{mpsc, oneshot, watch};

use super::driver::{Command, Driver};
use super::error::{DeviceError, Ended};
use super::event::Event;
use super::hooks::Hooks;
use super::observer::Notifier;
use super::tun::Tun;
use crate::config::Config;

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) tun: OwnedFd,
    pub(super) hooks: Hooks,
    pub(super) commands: mpsc::Receiver<Command>,
    /// Told once the driver runs, or has released everything and says why.
    pub(super) started: oneshot::Sender<Result<(), DeviceError>>,
    /// Told once everything is released.
    pub(super) end: watch::Sender<Option<Ended>>,
}

/// Starts the thread.
pub(super) fn spawn(parts: Parts) -> Result<JoinHandle<()>, DeviceError> {
    Builder::new()
        .name("adit".to_owned())
        .spawn(|| run(parts))
        .map_err(|source| DeviceError::System { action: "start the driver's thread", source })
}

/// A panic ends the device and not the process.
fn run(Parts { config, tun, hooks, commands, started, end }: Parts) {
    let notifier = match Notifier::new(hooks.observer.clone()) {
        Ok(notifier) => notifier,
        Err(source) => {
            drop((tun, commands));
            let action = "start the observer's thread";
            return drop(started.send(Err(DeviceError::System { action, source })));
        }
    };
    let passed_on = notifier.clone();
    let drive = || drive(config, tun, hooks, passed_on, commands, started);
    let ended = catch_unwind(AssertUnwindSafe(drive)).unwrap_or(Some(Ended::Panicked));
    let Some(ended) = ended else { return };
    if !matches!(ended, Ended::Stopped) {
        tracing::warn!("the tunnel has ended: {ended}");
        notifier.notify(Event::Failed { reason: ended.clone() });
    }
    end.send_replace(Some(ended));
}

/// `None` when the driver never ran.
fn drive(
    config: Config,
    tun: OwnedFd,
    hooks: Hooks,
    notifier: Notifier,
    commands: mpsc::Receiver<Command>,
    started: oneshot::Sender<Result<(), DeviceError>>,
) -> Option<Ended> {
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            drop(tun);
            let _ = started.send(Err(error));
            return None;
        }
    };
    runtime.block_on(async {
        let driver = Tun::new(tun)
            .map_err(DeviceError::from)
            .and_then(|tun| Driver::new(config, tun, hooks, notifier, commands));
        match driver {
            Ok(driver) => {
                // A caller that has gone has also dropped the other end of the commands, and the driver sees that.
                let _ = started.send(Ok(()));
                Some(driver.run().await)
            }
            Err(error) => {
                let _ = started.send(Err(error));
                None
            }
        }
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, DeviceError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(|source: io::Error| DeviceError::System { action: "make the driver's event loop", source })
}
