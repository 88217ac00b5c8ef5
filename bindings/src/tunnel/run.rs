//! One start of a tunnel, to its end. It has a thread of its own, so that a stop never depends on whether the app's
//! executor gets round to a call that it still awaits.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::{Builder, JoinHandle};

use adit_core::config::{Config, Endpoint};
use adit_core::device::{Device, Ended, Hooks, TunFd};
use tokio::select;
use tokio::sync::watch;

use super::invalid_state;
use crate::caught::Panicked;
use crate::error::TunnelError;
use crate::hooks::{AppHooks, AppObserver};
use crate::offload::Offload;

/// What a start is given.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) tun: TunFd,
    pub(super) hooks: Arc<AppHooks>,
    pub(super) observer: Arc<AppObserver>,
    pub(super) offload: Offload,
}

/// A tunnel that runs.
pub(super) struct Live {
    pub(super) device: Device,
    hooks: Arc<AppHooks>,
    /// The endpoints' names of the configuration that is in force.
    hosts: Mutex<BTreeSet<String>>,
}

enum Phase {
    Starting,
    Running(Arc<Live>),
    /// Nothing is held any more. The error is what a start that is still awaited throws.
    Ended(TunnelError),
}

/// The app's side. Dropping it is a stop that nobody waits for.
pub(super) struct Run {
    stop: watch::Sender<bool>,
    phase: watch::Receiver<Phase>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Run {
    /// Begins; an error has released everything.
    pub(super) fn begin(parts: Parts) -> Result<Self, TunnelError> {
        let (stop, stopped) = watch::channel(false);
        let (tell, phase) = watch::channel(Phase::Starting);
        let body = move || {
            let run = AssertUnwindSafe(|| pollster::block_on(run(parts, stopped, &tell)));
            let error = catch_unwind(run).unwrap_or_else(|_panic| Panicked.into());
            tell.send_replace(Phase::Ended(error));
        };
        let thread = Builder::new().name("adit-tunnel".to_owned()).spawn(body).map_err(|error| {
            TunnelError::Internal { reason: format!("cannot start the tunnel's thread: {error}") }
        })?;
        Ok(Self { stop, phase, thread: Mutex::new(Some(thread)) })
    }

    /// Says that it shall end, and waits for nothing.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits until it runs, or until all is released and the error says why.
    pub(super) async fn started(&self) -> Result<(), TunnelError> {
        let mut phase = self.phase.clone();
        let outcome = match phase.wait_for(|phase| !matches!(phase, Phase::Starting)).await.as_deref() {
            Ok(Phase::Ended(error)) => Err(error.clone()),
            Ok(_) => Ok(()),
            Err(_) => Err(Panicked.into()),
        };
        if outcome.is_err() {
            self.join();
        }
        outcome
    }

    /// Waits until all is released.
    pub(super) async fn ended(&self) {
        // The other end says so before it goes.
        let _ = self.phase.clone().wait_for(|phase| matches!(phase, Phase::Ended(_))).await;
        self.join();
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Ended(_))
    }

    pub(super) fn live(&self) -> Option<Arc<Live>> {
        match &*self.phase.borrow() {
            Phase::Running(live) => Some(Arc::clone(live)),
            _ => None,
        }
    }

    /// The thread has told its end and is about to return.
    fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Its panic was caught.
        let _ = thread.map(JoinHandle::join);
    }
}

impl Live {
    /// Names that are new are found first, so that one without an address changes nothing.
    pub(super) async fn set_config(&self, config: Config) -> Result<(), TunnelError> {
        let hosts = hosts_of(&config);
        let new = {
            let known = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            hosts.difference(&known).cloned().collect()
        };
        select! {
            biased;
            _ = self.device.ended() => return Err(stopped()),
            found = self.hooks.ask_ahead(new) => found?,
        }
        self.device.set_config(config).await?;
        *self.hosts.lock().unwrap_or_else(PoisonError::into_inner) = hosts;
        Ok(())
    }
}

/// From the start to the end. What the app gave is given back before it is told.
async fn run(parts: Parts, mut stop: watch::Receiver<bool>, tell: &watch::Sender<Phase>) -> TunnelError {
    let (hooks, observer) = (Arc::clone(&parts.hooks), Arc::clone(&parts.observer));
    let hosts = hosts_of(&parts.config);
    let device = match start(parts, &mut stop).await {
        Ok(device) => device,
        Err(error) => {
            hooks.give_back();
            observer.give_back();
            return error;
        }
    };
    let live = Arc::new(Live { device, hooks: Arc::clone(&hooks), hosts: Mutex::new(hosts) });
    tell.send_replace(Phase::Running(Arc::clone(&live)));
    select! {
        biased;
        () = asked(&mut stop) => {
            observer.give_back();
            end(&live.device, &hooks).await;
            stopped()
        }
        // The observer is told of it, and then gives itself back.
        ended = live.device.ended() => {
            hooks.give_back();
            let reason = ended.to_string();
            match ended {
                Ended::TunGone | Ended::TunFailed(_) => TunnelError::TunDescriptor { reason },
                _ => TunnelError::Internal { reason },
            }
        }
    }
}

/// Finds the names and starts the driver, unless it is asked to stop meanwhile.
async fn start(parts: Parts, stop: &mut watch::Receiver<bool>) -> Result<Device, TunnelError> {
    let Parts { config, tun, hooks, observer, offload } = parts;
    select! {
        biased;
        () = asked(stop) => return Err(stopped()),
        found = hooks.ask_ahead(hosts_of(&config)) => found?,
    }
    let given =
        Hooks { protector: Some(hooks.clone()), resolver: hooks.clone(), observer: Some(observer.clone()) };
    let mut starting = pin!(Device::start(config, tun, given, offload.into()));
    select! {
        biased;
        () = asked(stop) => {}
        started = &mut starting => return Ok(started?),
    }
    hooks.give_back();
    // The app's `protect` may wait for whoever stops. Without a caller the driver ends by itself.
    if !hooks.is_protecting()
        && let Ok(device) = starting.await
    {
        device.stop().await;
    }
    Err(stopped())
}

/// Ends the driver, and waits for it unless it waits for the app.
async fn end(device: &Device, hooks: &AppHooks) {
    hooks.give_back();
    let mut stop = pin!(device.stop());
    if hooks.is_protecting() {
        // Once, which says it.
        return poll_fn(|cx| {
            let _ = stop.as_mut().poll(cx);
            Poll::Ready(())
        })
        .await;
    }
    stop.await;
}

/// Until somebody stops it, or nobody holds it any more.
async fn asked(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn hosts_of(config: &Config) -> BTreeSet<String> {
    let endpoints = config.peers.iter().filter_map(|peer| peer.endpoint.as_ref());
    endpoints
        .filter_map(|endpoint| match endpoint {
            Endpoint::Name { host, .. } => Some(host.clone()),
            Endpoint::Address(_) => None,
        })
        .collect()
}

fn stopped() -> TunnelError {
    invalid_state("the tunnel was stopped meanwhile")
}
