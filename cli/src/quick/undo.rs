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
use super::journal::Entry;
use super::netlink::{Family, Lookup, Rule};
use super::{Daemon, Site, policy, sockets};
use crate::commands::run::RunError;
use crate::uapi_socket;

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
    /// `made` is the index of the interface, where it is known: another one of that name is not ours.
    async fn perform(&self, site: &Site, made: Option<u32>) -> Result<(), QuickError> {
        let is_ours = site.index().is_some_and(|index| made.is_none_or(|made| made == index));
        match self {
            Self::Interface => delete_interface(site, is_ours).await,
            Self::Dns(dns) => Ok(dns.unset(&site.interface, is_ours)?),
            Self::SrcValidMark => restore_src_valid_mark(site).await,
            Self::Rule(rule) => match site.kernel.delete_rule(*rule).await {
                Err(error) if !is_absence(&error) => Err(system("delete a routing rule")(error)),
                _ => Ok(()),
            },
            Self::Firewall(firewall) => Ok(firewall.unset(&site.interface)?),
        }
    }

    /// Whether it concerns the whole machine, and not one network namespace alone.
    fn is_of_machine(&self) -> bool {
        matches!(self, Self::Interface | Self::Dns(_))
    }
}

impl Site {
    /// Takes back what of an interface in another namespace, which is gone, can be taken back from here.
    pub(super) async fn take_back_from_afar(&mut self) -> Result<(), QuickError> {
        for entry in self.journal.entries().rev() {
            match entry {
                Entry::Undo(undo) if undo.is_of_machine() => undo.perform(self, None).await?,
                _ => {}
            }
        }
        Ok(self.journal.truncate(0)?)
    }

    /// Takes back all that the journal holds, the newest first, and leaves in it, behind its first entry, what could
    /// not be taken back. The first such failure is the error.
    pub(super) async fn take_back(&mut self) -> Result<(), QuickError> {
        let made = self.journal.made();
        let entries: Vec<Entry> = self.journal.entries().cloned().collect();
        let mut failures = Vec::new();
        let mut left = Vec::new();
        for (count, entry) in entries.into_iter().enumerate().skip(1).rev() {
            if let Entry::Undo(undo) = &entry
                && let Err(failure) = undo.perform(self, made).await
            {
                failures.push(failure);
                left.insert(0, entry);
            }
            if left.is_empty() {
                self.journal.truncate(count)?;
            }
        }
        self.journal.truncate(1)?;
        let Some(source) = failures.into_iter().next() else { return Ok(()) };
        for entry in made.map(Entry::Made).into_iter().chain(left) {
            self.journal.push(entry)?;
        }
        Err(QuickError::Left { interface: self.interface.clone(), source: Box::new(source) })
    }
}

/// Whether the kernel says that what shall be deleted is not there, or that it cannot be, as where there is no IPv6.
fn is_absence(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::ENOENT | Errno::ENODEV | Errno::ESRCH | Errno::EAFNOSUPPORT))
}

/// Deletes the interface, if it is ours, and waits for the end of its daemon, so that its name is free when the command
/// returns.
async fn delete_interface(site: &Site, is_ours: bool) -> Result<(), QuickError> {
    let daemon = site.daemon();
    if let Some(index) = site.index().filter(|_| is_ours) {
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
        _ => {
            // One that was killed leaves it behind.
            let path = uapi_socket::path(sockets(), &site.interface);
            Ok(uapi_socket::remove_stale(&path, &site.interface).map_err(RunError::from)?)
        }
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
