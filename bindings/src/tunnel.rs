//! A tunnel, as an app holds it: one object that is started and stopped again and again. What one start leads to,
//! until its end, is in `run`.

mod run;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};

use adit_core::{config, device};

use crate::caught::{caught, caught_async};
use crate::config::Config;
use crate::descriptor::TunFd;
use crate::error::TunnelError;
use crate::hooks::{AppHooks, AppObserver, PlatformHooks, TunnelObserver, inside_protect};
use crate::offload::Offload;
use crate::stats::Stats;
use run::{Live, Parts, Run};

/// A tunnel that is started and stopped. Letting it go ends it too, and neither waits nor fails.
#[derive(Default, uniffi::Object)]
pub struct Tunnel {
    /// The latest start.
    run: Mutex<Option<Arc<Run>>>,
    /// For the next one.
    offload: Mutex<Offload>,
}

#[uniffi::export]
impl Tunnel {
    /// A tunnel that does nothing yet.
    #[uniffi::constructor]
    pub fn new() -> Result<Self, TunnelError> {
        caught(|| Ok(Self::default()))
    }

    /// Finds the endpoints' names, opens the sockets and carries packets from now on. Hooks and observer are held from
    /// here to the stop or the failure, and no longer; an error has released them already. The descriptor is the
    /// tunnel's from the call on, whatever becomes of it, if it is [`TunFd::Owned`].
    ///
    /// `stop` ends a start that still runs. So does cancelling this call, where the language can (Kotlin, Python).
    pub async fn start(
        &self,
        config: Config,
        tun: TunFd,
        hooks: Arc<dyn PlatformHooks>,
        observer: Arc<dyn TunnelObserver>,
    ) -> Result<(), TunnelError> {
        caught_async(async {
            let run = self.begin(config, tun, hooks, observer)?;
            let abandoned = StopOnDrop(Some(&run));
            let started = run.started().await;
            abandoned.disarm();
            started
        })
        .await
    }

    /// Chooses what is handled in one go, from the next start on.
    pub fn set_offload(&self, offload: Offload) -> Result<(), TunnelError> {
        caught(|| {
            *self.offload.lock().unwrap_or_else(PoisonError::into_inner) = offload;
            Ok(())
        })
    }

    /// Applies the difference: unchanged peers keep their sessions. Refused: nothing changed.
    pub async fn set_config(&self, config: Config) -> Result<(), TunnelError> {
        caught_async(async { self.live()?.set_config(config.try_into()?).await }).await
    }

    /// Ends the tunnel, or the start that still runs, and waits until nothing of it is left. Never waits for a name or
    /// for the app's own `protect`. Stopping what does not run is fine.
    pub async fn stop(&self) -> Result<(), TunnelError> {
        caught_async(async {
            if let Some(run) = self.run() {
                run.stop();
                run.ended().await;
            }
            Ok(())
        })
        .await
    }

    /// What the tunnel counts.
    pub fn stats(&self) -> Result<Stats, TunnelError> {
        caught(|| {
            let live = self.live()?;
            pollster::block_on(async {
                Ok(Stats::of(live.device.status().await?, live.device.stats().await?))
            })
        })
    }

    /// The network changed: binds the sockets anew, asks `protect` for them, and looks names up again.
    pub fn network_changed(&self) -> Result<(), TunnelError> {
        caught(|| Ok(pollster::block_on(self.live()?.device.network_changed())?))
    }
}

impl Tunnel {
    fn run(&self) -> Option<Arc<Run>> {
        self.run.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whatever is refused here is released by being dropped.
    fn begin(
        &self,
        config: Config,
        tun: TunFd,
        hooks: Arc<dyn PlatformHooks>,
        observer: Arc<dyn TunnelObserver>,
    ) -> Result<Arc<Run>, TunnelError> {
        let parts = Parts {
            tun: device::TunFd::try_from(tun)?,
            config: config::Config::try_from(config)?,
            hooks: Arc::new(AppHooks::new(hooks)),
            observer: Arc::new(AppObserver::new(observer)),
            offload: *self.offload.lock().unwrap_or_else(PoisonError::into_inner),
        };
        let mut latest = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.as_ref().is_some_and(|run| !run.has_ended()) {
            // The app may do anything when its hooks are let go, so not under the lock.
            drop(latest);
            return Err(invalid_state("the tunnel is started already; stop it first"));
        }
        let run = Arc::new(Run::begin(parts)?);
        *latest = Some(Arc::clone(&run));
        Ok(run)
    }

    fn live(&self) -> Result<Arc<Live>, TunnelError> {
        if inside_protect() {
            return Err(invalid_state("the tunnel waits for protect(), which must not wait for the tunnel"));
        }
        let live = self.run().and_then(|run| run.live());
        live.ok_or_else(|| invalid_state("the tunnel does not run; start it first"))
    }
}

/// A start whose caller has gone is stopped.
struct StopOnDrop<'r>(Option<&'r Run>);

impl StopOnDrop<'_> {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        if let Some(run) = self.0 {
            run.stop();
        }
    }
}

fn invalid_state(reason: &str) -> TunnelError {
    TunnelError::InvalidState { reason: reason.to_owned() }
}
