//! The thread that a driver runs on: its start and its end, told in the order that makes both certain.

use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::{Builder, JoinHandle};

use tokio::sync::{mpsc, oneshot, watch};

use super::driver::{Command, Driver};
use super::error::{DeviceError, Ended};
use super::event::Event;
use super::hooks::Hooks;
use super::observer::Notifier;
use super::offload::Offload;
use super::tun::Tun;
use crate::config::Config;

/// What a driver is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) tun: OwnedFd,
    pub(super) hooks: Hooks,
    pub(super) offload: Offload,
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

/// A panic ends the device and not the process. Whatever ended is told when nothing of it is left.
fn run(Parts { config, tun, hooks, offload, commands, started, end }: Parts) {
    let notifier = match Notifier::new(hooks.observer.clone()) {
        Ok(notifier) => notifier,
        Err(source) => {
            drop((tun, hooks, commands));
            let action = "start the observer's thread";
            return drop(started.send(Err(DeviceError::System { action, source })));
        }
    };
    let mut started = Some(started);
    let drive = || drive(config, tun, hooks, offload, notifier.clone(), commands, &mut started);
    let ended = match catch_unwind(AssertUnwindSafe(drive)) {
        Ok(Ok(ended)) => ended,
        Ok(Err(refused)) => {
            let _ = started.map(|started| started.send(Err(refused)));
            return;
        }
        Err(_panic) => Ended::Panicked,
    };
    if !matches!(ended, Ended::Stopped) {
        tracing::warn!("the tunnel has ended: {ended}");
        notifier.notify(Event::Failed { reason: ended.clone() });
    }
    end.send_replace(Some(ended));
}

/// Runs a driver to its end. An error: it never ran.
fn drive(
    config: Config,
    tun: OwnedFd,
    hooks: Hooks,
    offload: Offload,
    notifier: Notifier,
    commands: mpsc::Receiver<Command>,
    started: &mut Option<oneshot::Sender<Result<(), DeviceError>>>,
) -> Result<Ended, DeviceError> {
    let driver = Driver::new(config, Tun::new(tun, offload.tun)?, hooks, offload.udp, notifier, commands)?;
    // A caller that has gone has also dropped the other end of the commands, and the driver sees that.
    let _ = started.take().map(|started| started.send(Ok(())));
    Ok(driver.run())
}
