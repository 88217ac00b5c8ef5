//! `run`: the daemon of one interface. It makes the interface, serves its UAPI socket and cleans up after both.

mod backend;
mod detach;

#[cfg(target_os = "linux")]
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;

use adit_core::config::Config;
use adit_core::device::{Device, DeviceError, Ended, Hooks, Offload, TunFd};
use tokio::net::UnixListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::LocalSet;

use crate::args::{OffloadSide, RunArgs};
use crate::interface_name::InterfaceName;
use crate::tun::{self, TunError};
use crate::uapi_server::serve;
use crate::uapi_socket::{self, SocketError, UapiSocket};

/// Why an interface does not run, or does not run any more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    /// No TUN interface.
    #[error(transparent)]
    Tun(#[from] TunError),
    /// No UAPI socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The tunnel did not start.
    #[error("{interface} did not start: {source}")]
    Start {
        /// Which.
        interface: InterfaceName,
        /// Why.
        source: DeviceError,
    },
    /// The tunnel ended by itself.
    #[error("{interface} ended: {why}")]
    Ended {
        /// Which.
        interface: InterfaceName,
        /// Why.
        why: Ended,
    },
    /// The system refused something that every daemon needs.
    #[error("cannot {action}: {source}")]
    System {
        /// What was tried.
        action: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon in the background failed, and has said so itself.
    #[error("{interface} did not start")]
    Told {
        /// Which.
        interface: InterfaceName,
    },
}

/// Names what was tried when the system refuses it.
fn system(action: &'static str) -> impl FnOnce(io::Error) -> RunError {
    move |source| RunError::System { action, source }
}

/// Serves the interface to its end, or starts a daemon that does and returns when it answers.
pub(crate) fn run(args: &RunArgs) -> Result<(), RunError> {
    let directory = Path::new(uapi_socket::DIRECTORY);
    if let Some(fd) = args.tun_fd {
        tun::check_descriptor(fd)?;
    }
    UapiSocket::check_free(directory, &args.interface)?;
    if !args.foreground && !args.detached {
        return detach::start_daemon(args, Stdio::null());
    }
    if args.detached {
        detach::leave_session(args)?;
    }
    serve_interface(args, directory)
}

/// Starts a daemon and returns when it answers. It holds this file open until then, or until it has ended: whoever
/// waits for a lock on it does so, too, where this process is killed meanwhile.
#[cfg(target_os = "linux")]
pub(crate) fn start(interface: InterfaceName, held: File) -> Result<(), RunError> {
    UapiSocket::check_free(Path::new(uapi_socket::DIRECTORY), &interface)?;
    let args =
        RunArgs { foreground: false, tun_fd: None, no_offload: Vec::new(), interface, detached: false };
    detach::start_daemon(&args, held.into())
}

fn serve_interface(args: &RunArgs, directory: &Path) -> Result<(), RunError> {
    let tun = match args.tun_fd {
        // This process keeps the number open to its end, which is where the device ends, too.
        Some(fd) => TunFd::Borrowed(fd),
        None => TunFd::Owned(tun::create(&args.interface)?),
    };
    let offload = Offload {
        tun: !args.no_offload.contains(&OffloadSide::Tun),
        udp: !args.no_offload.contains(&OffloadSide::Udp),
    };
    let (_removed_on_return, listener) = UapiSocket::bind(directory, &args.interface)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .map_err(system("start the event loop"))?;
    LocalSet::new().block_on(&runtime, async {
        let mut signals = Signals::new().map_err(system("listen for signals"))?;
        let listener = UnixListener::from_std(listener).map_err(system("listen on the UAPI socket"))?;
        let device = Device::start(Config::default(), tun, Hooks::default(), offload)
            .await
            .map_err(|source| RunError::Start { interface: args.interface.clone(), source })?;
        let device = Rc::new(device);
        if args.detached {
            detach::tell_ready()?;
        }
        let outcome = tokio::select! {
            () = signals.received() => Ok(()),
            why = device.ended() => judge(why, &args.interface),
            never = serve(listener, Rc::clone(&device)) => match never {},
        };
        device.stop().await;
        outcome
    })
}

/// Deleting the interface is how it is told to stop; what ends by itself is a failure.
fn judge(why: Ended, interface: &InterfaceName) -> Result<(), RunError> {
    match why {
        Ended::Stopped | Ended::TunGone => Ok(()),
        why => Err(RunError::Ended { interface: interface.clone(), why }),
    }
}

/// The signals that ask a daemon to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    /// The terminal of a daemon in the foreground is gone.
    hangup: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
