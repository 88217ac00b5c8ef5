//! Why an interface is not up, not down or not saved, in one sentence for whoever asked.

use std::io;
use std::path::PathBuf;

use adit_core::config::{ConfigError, Unwritable};
use ipnet::IpNet;
use nix::errno::Errno;

use super::hooks::HookError;
use super::interrupt::Interrupted;
use super::journal::JournalError;
use super::program::ProgramError;
use crate::commands::run::RunError;
use crate::conf_file::ConfFileError;
use crate::endpoint::EndpointError;
use crate::interface_name::InterfaceName;
use crate::new_file::NewFileError;
use crate::uapi_client::ClientError;

/// Why a command did not do all that it is there for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuickError {
    /// Neither root nor CAP_NET_ADMIN.
    #[error("`adit {command}` changes this machine's network, which needs root; run it with sudo")]
    NoPrivilege {
        /// What was asked for.
        command: &'static str,
    },
    /// No file.
    #[error(transparent)]
    File(#[from] ConfFileError),
    /// A file that is no configuration.
    #[error("{path}: {source}")]
    Config {
        /// Where.
        path: PathBuf,
        /// What is wrong with it.
        source: ConfigError,
    },
    /// There is such an interface.
    #[error("{interface} already exists; `adit down {interface}` takes it down, if it is a tunnel")]
    Exists {
        /// Its name.
        interface: InterfaceName,
    },
    /// Nothing to take down or to save.
    #[error("{interface} is not running here; `adit show interfaces` lists what is")]
    NotRunning {
        /// Its name.
        interface: InterfaceName,
    },
    /// An interface that no daemon serves.
    #[error("{interface} is not a WireGuard interface, or its daemon does not answer; it is left alone")]
    NotWireguard {
        /// Its name.
        interface: InterfaceName,
    },
    /// Its daemon is in another network namespace.
    #[error("{interface} runs in another network namespace; run this there")]
    Elsewhere {
        /// Its name.
        interface: InterfaceName,
    },
    /// It was in another network namespace.
    #[error(
        "{interface} was brought up in another network namespace; run this there, or remove {journal} if that is gone"
    )]
    LeftElsewhere {
        /// Its name.
        interface: InterfaceName,
        /// What tells of it.
        journal: PathBuf,
    },
    /// No daemon.
    #[error(transparent)]
    Run(#[from] RunError),
    /// No journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A hook failed.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// A hook failed before anything was taken down.
    #[error("{interface} is still up, because {source}")]
    BeforeDown {
        /// Which.
        interface: InterfaceName,
        /// Which hook.
        source: HookError,
    },
    /// A hook failed that was the last thing to do.
    #[error("{interface} is down, but {source}")]
    AfterDown {
        /// Which.
        interface: InterfaceName,
        /// Which hook.
        source: HookError,
    },
    /// An endpoint's name is not known.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The daemon did not take the configuration.
    #[error("cannot configure {interface}: {source}")]
    Configure {
        /// Which.
        interface: InterfaceName,
        /// What the daemon said.
        source: io::Error,
    },
    /// The daemon did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The kernel refused an address.
    #[error("cannot give {interface} the address {address}: {source}{}", advice(address, source))]
    Address {
        /// To which.
        interface: InterfaceName,
        /// Which.
        address: IpNet,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a route.
    #[error("cannot route {network} to {interface}: {source}{}", advice(network, source))]
    Route {
        /// To which.
        interface: InterfaceName,
        /// Which.
        network: IpNet,
        /// What the kernel said.
        source: io::Error,
    },
    /// No file beside the configuration.
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    /// Nobody takes the DNS servers.
    #[error(
        "the servers of DNS cannot be set, because neither resolvconf nor systemd-resolved is here; \
         install openresolv, or take DNS out of the configuration"
    )]
    NoResolver,
    /// Nobody keeps the rules of a default route.
    #[error(
        "a default route needs nft or iptables, and neither is here; install nftables, or set Table = off"
    )]
    NoFirewall,
    /// A program of the system's failed.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// The system refused something else.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon goes on without its interface.
    #[error("the daemon of {interface}, process {process}, has not ended; end it with `kill {process}`")]
    DaemonStays {
        /// Whose it is.
        interface: InterfaceName,
        /// Its number.
        process: i32,
    },
    /// A signal came.
    #[error("{0}")]
    Interrupted(#[from] Interrupted),
    /// A step failed, and those before it were taken back.
    #[error("{0}; all that adit had done is taken back")]
    TakenBack(Box<QuickError>),
    /// Something could not be taken back.
    #[error("{source}; run `adit down {interface}` again when that is mended")]
    Left {
        /// Of which.
        interface: InterfaceName,
        /// What could not be.
        source: Box<QuickError>,
    },
    /// The state cannot be said as a configuration.
    #[error("cannot save: {0}")]
    Unwritable(#[from] Unwritable),
}

/// What the number that the kernel gives for a route does not say.
fn advice(network: &IpNet, error: &io::Error) -> &'static str {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EEXIST) => "; it is there already",
        Some(Errno::ENODEV) if network.addr().is_ipv6() => "; IPv6 needs an MTU of 1280 or more",
        Some(Errno::EACCES) if network.addr().is_ipv6() => "; IPv6 is turned off here",
        _ => "",
    }
}

impl QuickError {
    /// Whether the daemon, in the background, has told the user already.
    pub(crate) fn is_told(&self) -> bool {
        match self {
            Self::Run(RunError::Told { .. }) => true,
            Self::TakenBack(cause) => cause.is_told(),
            _ => false,
        }
    }
}

/// Names what was tried when the system refuses it.
pub(super) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> QuickError {
    move |source| QuickError::System { action: action.into(), source }
}
