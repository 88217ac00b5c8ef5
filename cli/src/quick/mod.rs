//! `up`, `down` and `save`: an interface with its addresses, routes, DNS, firewall and hooks, as `wg-quick` makes it.
//!
//! [`mod@up`] says in which order. Before each step it writes into a [`journal`] what takes the step back ([`undo`]);
//! that is all that a failed `up`, a `down` and the recovery from a killed one know about it.

mod dns;
mod down;
mod error;
mod firewall;
mod hooks;
mod interrupt;
mod journal;
mod mtu;
mod netlink;
mod policy;
mod program;
mod routes;
mod save;
mod undo;
mod up;

use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use adit_core::config::{self, Config, Parsed};
use adit_core::uapi::DeviceStatus;
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;

use crate::conf_file;
use crate::interface_name::InterfaceName;
use crate::uapi_client;
use crate::uapi_socket;
use error::system;
use journal::{Journal, Place};
use netlink::Kernel;

pub(crate) use down::down;
pub(crate) use error::QuickError;
pub(crate) use save::save;
pub(crate) use up::up;

/// An interface that is brought up or taken down, and all that is needed for it.
struct Site {
    interface: InterfaceName,
    kernel: Kernel,
    journal: Journal,
}

impl Site {
    /// Takes the interface's journal, which nobody else has then. To be called within a runtime.
    fn open(interface: InterfaceName) -> Result<Self, QuickError> {
        let here = Place::here().map_err(system("find this network namespace"))?;
        let mut journal = Journal::open(Path::new(journal::DIRECTORY), &interface)?;
        journal.take_up(&interface, &here)?;
        let kernel = Kernel::connect().map_err(system("ask the kernel for its interfaces"))?;
        Ok(Self { interface, kernel, journal })
    }

    /// The index of the interface, if it is there.
    fn index(&self) -> Option<u32> {
        netlink::index_of(self.interface.as_str())
    }

    /// The interface is that of a daemon in this network namespace.
    fn is_served_here(&self) -> bool {
        self.index().is_some() && Daemon::here(&self.interface).is_some()
    }

    /// The interface that is there is the one that the journal speaks of. Whoever was killed before it could say which
    /// one it had made has made one that is served here.
    fn is_own(&self) -> bool {
        match self.journal.made() {
            Some(made) => self.index() == Some(made),
            None => self.is_served_here(),
        }
    }

    fn status(&self) -> Result<DeviceStatus, QuickError> {
        Ok(uapi_client::status(sockets(), &self.interface)?)
    }
}

/// The process behind an interface.
#[derive(Clone, Copy, Debug)]
struct Daemon {
    process: i32,
}

impl Daemon {
    /// The one that serves an interface of this name, in whichever network namespace.
    fn of(interface: &InterfaceName) -> Option<Self> {
        let socket = UnixStream::connect(uapi_socket::path(sockets(), interface)).ok()?;
        Some(Self { process: getsockopt(&socket, PeerCredentials).ok()?.pid() })
    }

    /// The same, if it is in this network namespace.
    fn here(interface: &InterfaceName) -> Option<Self> {
        Self::of(interface).filter(|daemon| Place::of(daemon.process).ok() == Place::here().ok())
    }
}

fn sockets() -> &'static Path {
    Path::new(uapi_socket::DIRECTORY)
}

/// Where CONF is and which interface it is for.
fn find(conf: &str) -> Result<(PathBuf, InterfaceName), QuickError> {
    let path = conf_file::locate(conf);
    let interface = conf_file::interface(&path)?;
    Ok((path, interface))
}

/// The configuration in a file. Whoever could read its keys is warned of.
fn read(path: &Path) -> Result<Config, QuickError> {
    Ok(read_with_spans(path)?.config)
}

/// The same, with what is said where.
fn read_with_spans(path: &Path) -> Result<Parsed, QuickError> {
    let octets = conf_file::read(path)?;
    if conf_file::is_world_accessible(path) {
        warn(&format!("everybody on this machine can open {0}; `chmod 600 {0}`", path.display()));
    }
    config::parse_bytes(&octets).map_err(|source| QuickError::Config { path: path.to_owned(), source })
}

/// Refuses without the right to change the network.
fn require_privilege(command: &'static str) -> Result<(), QuickError> {
    /// From `linux/capability.h`.
    const CAP_NET_ADMIN: u64 = 12;
    let status = fs::read_to_string("/proc/self/status").map_err(system("read /proc/self/status"))?;
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let bits = effective.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).unwrap_or_default();
    if bits & (1 << CAP_NET_ADMIN) == 0 { Err(QuickError::NoPrivilege { command }) } else { Ok(()) }
}

/// Runs a command to its end. A name that is still being resolved then is not waited for.
fn block_on<T>(command: impl Future<Output = Result<T, QuickError>>) -> Result<T, QuickError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.map_err(system("start the event loop"))?;
    let outcome = runtime.block_on(command);
    runtime.shutdown_background();
    outcome
}

/// Says on stderr what is no reason to stop.
fn warn(text: &str) {
    use io::Write;
    // Where stderr is closed there is nobody to warn.
    let _ = writeln!(io::stderr(), "adit: warning: {text}");
}
