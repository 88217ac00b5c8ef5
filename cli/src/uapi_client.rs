//! Asks a daemon for its status, or for a change, over its UAPI socket: ours, wireguard-go's or any other's.

use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use adit_core::uapi::{DeviceStatus, Set, StatusError, parse_status, write_set};
use zeroize::Zeroizing;

use crate::input;
use crate::interface_name::InterfaceName;
use crate::uapi_socket;

/// Of an answer: 100,000 peers with a dozen allowed IPs each have fewer.
const MOST_OCTETS: usize = 128 << 20;

/// How long a daemon is waited for. The slowest change, of ten thousands of peers, takes a small part of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a daemon's status is not known, or its settings are as before.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No daemon serves this interface.
    #[error("no interface {interface} is running here; `adit show interfaces` lists those that are")]
    NotRunning {
        /// The interface asked for.
        interface: InterfaceName,
    },
    /// A daemon that hangs.
    #[error("the daemon of {interface} does not answer; end it, and start it again")]
    Silent {
        /// The interface asked for.
        interface: InterfaceName,
    },
    /// The socket cannot be used.
    #[error("cannot reach the daemon of {interface}: {source}{}", advice(source))]
    Socket {
        /// The interface asked for.
        interface: InterfaceName,
        /// What the system said.
        source: io::Error,
    },
    /// The daemon refused, or its answer cannot be read.
    #[error("the daemon of {interface} gave no status: {source}")]
    Answer {
        /// The interface asked for.
        interface: InterfaceName,
        /// What is wrong with the answer.
        source: StatusError,
    },
    /// The daemon refused a change, all of it.
    #[error("{interface} stays as it is: {source}")]
    Refused {
        /// The interface to be changed.
        interface: InterfaceName,
        /// What the daemon said.
        source: io::Error,
    },
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "; run it as root",
        _ => "",
    }
}

/// The index of an interface, for endpoints with a zone.
pub(crate) fn zone_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok()
}

/// What the daemon of this interface says of itself.
pub(crate) fn status(directory: &Path, interface: &InterfaceName) -> Result<DeviceStatus, ClientError> {
    let text = ask(directory, interface, b"get=1\n\n")?;
    parse_status(&text, zone_index)
        .map_err(|source| ClientError::Answer { interface: interface.clone(), source })
}

/// Changes the interface: all that is asked for, or nothing where its daemon is one of ours.
pub(crate) fn set(directory: &Path, interface: &InterfaceName, set: &Set) -> Result<(), ClientError> {
    let text = ask(directory, interface, write_set(set).as_bytes())?;
    // The answer is a status without anything but its errno.
    parse_status(&text, zone_index).map(drop).map_err(|source| match source {
        StatusError::Refused(errno) => {
            let source = io::Error::from_raw_os_error(errno as i32);
            ClientError::Refused { interface: interface.clone(), source }
        }
        source => ClientError::Answer { interface: interface.clone(), source },
    })
}

fn ask(
    directory: &Path,
    interface: &InterfaceName,
    request: &[u8],
) -> Result<Zeroizing<String>, ClientError> {
    exchange(directory, interface, request).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NotRunning { interface: interface.clone() }
        }
        // So the system says that the time is over.
        io::ErrorKind::WouldBlock => ClientError::Silent { interface: interface.clone() },
        _ => ClientError::Socket { interface: interface.clone(), source },
    })
}

/// Ends at the answer's empty line: not every daemon hangs up then.
fn exchange(directory: &Path, interface: &InterfaceName, request: &[u8]) -> io::Result<Zeroizing<String>> {
    let mut socket = UnixStream::connect(uapi_socket::path(directory, interface))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.write_all(request)?;
    let answer = input::read_until(socket, MOST_OCTETS, |answer| answer.ends_with(b"\n\n"))?;
    let answer = answer.ok_or_else(|| io::Error::other("its answer does not end; start it anew"))?;
    let text = std::str::from_utf8(&answer).map_err(io::Error::other)?;
    Ok(Zeroizing::new(text.to_owned()))
}
