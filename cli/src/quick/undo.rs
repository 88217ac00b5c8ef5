//! What takes a step of `up` back. Every one of them succeeds, too, where there is nothing (any more) to take back:
//! the step may never have been made, or `wg-quick down` may have been there first.

use std::fs;
use std::io;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::dns::Dns;
use super::error::{QuickError, system};
use super::firewall::Firewall;
use super::interrupt::Interrupts;
use super::journal::Entry;
use super::netlink::{Family, Lookup, Rule};
use super::{Daemon, Site, policy, sockets};
use crate::commands::run::RunError;
use crate::uapi_socket::{self, SocketError};

/// How a step is taken back. Addresses and routes need no entry of their own: they go with the interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Undo {
    /// Delete the interface, which ends its daemon.
    Interface,
    /// Take the servers from the resolver.
    Dns(Dns),
    /// Set src_valid_mark to 0 again, which it was, unless another default route needs it.
    SrcValidMark,
    /// Delete the rule.
    Rule(Rule),
    /// Delete the interface's own rules.
    Firewall(Firewall),
}

impl Undo {
    async fn perform(&self, site: &Site, interrupts: &mut Interrupts) -> Result<(), QuickError> {
        // A signal that came before is the reason for this, and not to stop it.
        let _ = interrupts.check().await;
        match self {
            Self::Interface => delete_interface(site).await,
            Self::Dns(dns) => Ok(dns.unset(interrupts).await?),
            Self::SrcValidMark => restore_src_valid_mark(site).await,
            Self::Rule(rule) => match site.kernel.delete_rule(*rule).await {
                Err(error) if !is_absence(&error) => Err(system("delete a routing rule")(error)),
                _ => Ok(()),
            },
            Self::Firewall(firewall) => Ok(firewall.unset(&site.interface, interrupts).await?),
        }
    }
}

impl Site {
    /// Takes back what of an interface that has died in another namespace can be taken back from here, which is no
    /// interface's, and keeps the rest for a `down` there.
    pub(super) async fn take_back_from_afar(
        &mut self,
        interrupts: &mut Interrupts,
    ) -> Result<(), QuickError> {
        remove_stale_socket(self)?;
        for (number, undo) in self.journal.undos() {
            if matches!(undo, Undo::Dns(_)) {
                undo.perform(self, interrupts).await?;
                self.journal.push(Entry::Done(number))?;
            }
        }
        Ok(self.journal.set_aside(&self.interface)?)
    }

    /// Takes back all that the journal holds, the newest first, but the interface before everything else: what is
    /// bound to its address would leave in the clear where that outlives the rules. What cannot be taken back stays
    /// in the journal; the first such failure is the error.
    pub(super) async fn take_back(&mut self, interrupts: &mut Interrupts) -> Result<(), QuickError> {
        self.journal.begin_down()?;
        let (links, others): (Vec<_>, Vec<_>) =
            self.journal.undos().into_iter().rev().partition(|(_, undo)| *undo == Undo::Interface);
        let mut failed = None;
        for (number, undo) in links.into_iter().chain(others) {
            match undo.perform(self, interrupts).await {
                Ok(()) => self.journal.push(Entry::Done(number))?,
                Err(failure) => {
                    failed.get_or_insert(failure);
                    if undo == Undo::Interface && self.is_own() {
                        break;
                    }
                }
            }
        }
        let Some(source) = failed else { return Ok(()) };
        Err(QuickError::Left { interface: self.interface.clone(), source: Box::new(source) })
    }
}

/// Whether the kernel says that what shall be deleted is not there, or that it cannot be, as where there is no IPv6.
fn is_absence(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ENODEV | Errno::ESRCH | Errno::EAFNOSUPPORT))
}

/// Deletes the interface, if it is ours, and waits for the end of its daemon, so that its name is free when the command
/// returns. A daemon of another interface of this name is left alone.
async fn delete_interface(site: &Site) -> Result<(), QuickError> {
    let own = site.index().filter(|_| site.is_own());
    let is_strangers = own.is_none() && site.index().is_some();
    let daemon = Daemon::here(&site.interface).filter(|_| !is_strangers);
    if let Some(index) = own {
        match site.kernel.delete_link(index).await {
            Err(error) if !is_absence(&error) => {
                return Err(system(format!("delete the interface {}", site.interface))(error));
            }
            _ => {}
        }
    }
    match daemon {
        Some(Daemon { process }) if !ends(process) => {
            Err(QuickError::DaemonStays { interface: site.interface.clone(), process })
        }
        _ => remove_stale_socket(site),
    }
}

/// A daemon that was killed leaves it behind. One that somebody answers is none.
fn remove_stale_socket(site: &Site) -> Result<(), QuickError> {
    match uapi_socket::remove_stale(&uapi_socket::path(sockets(), &site.interface), &site.interface) {
        Err(SocketError::AlreadyRunning { .. }) => Ok(()),
        removed => Ok(removed.map_err(RunError::from)?),
    }
}

/// Waits for the end of a process, but not forever.
fn ends(process: i32) -> bool {
    const REST: Duration = Duration::from_millis(10);
    const TRIES: u32 = 1000;
    (0..TRIES).any(|_| {
        let has_ended = has_ended(process);
        if !has_ended {
            thread::sleep(REST);
        }
        has_ended
    })
}

/// One that its parent has not asked for yet is a zombie, and has ended.
fn has_ended(process: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { return true };
    let state = stat.rsplit_once(") ").map(|(_, rest)| rest);
    state.is_some_and(|state| state.starts_with(['Z', 'X']))
}

async fn restore_src_valid_mark(site: &Site) -> Result<(), QuickError> {
    let rules = site.kernel.rules(Family::V4).await.map_err(system("list the routing rules"))?;
    if rules.iter().any(|rule| rule.lookup == Lookup::MainButDefault) {
        return Ok(());
    }
    fs::write(policy::SRC_VALID_MARK, "0").map_err(system(format!("write {}", policy::SRC_VALID_MARK)))
}
