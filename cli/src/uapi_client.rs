//! Asks a daemon for its status over its UAPI socket: ours, wireguard-go's or any other's.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use adit_core::uapi::{DeviceStatus, StatusError, parse_status};
use zeroize::Zeroizing;

use crate::interface_name::InterfaceName;
use crate::uapi_socket;

/// Why a daemon's status is not known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// No daemon serves this interface.
    #[error("no interface {interface} is running here; `adit show interfaces` lists those that are")]
    NotRunning {
        /// The interface asked for.
        interface: InterfaceName,
    },
    /// The socket cannot be used.
    #[error("cannot read {interface}: {source}{}", advice(source))]
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
    let text = ask(directory, interface).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::NotRunning { interface: interface.clone() }
        }
        _ => ClientError::Socket { interface: interface.clone(), source },
    })?;
    parse_status(&text, zone_index)
        .map_err(|source| ClientError::Answer { interface: interface.clone(), source })
}

/// Ends at the answer's empty line: not every daemon hangs up then.
fn ask(directory: &Path, interface: &InterfaceName) -> io::Result<Zeroizing<String>> {
    let mut socket = UnixStream::connect(uapi_socket::path(directory, interface))?;
    socket.write_all(b"get=1\n\n")?;
    let mut answer = Zeroizing::new(Vec::new());
    let mut piece = Zeroizing::new([0; 4096]);
    while !answer.ends_with(b"\n\n") {
        match socket.read(&mut piece[..])? {
            0 => break,
            received => answer.extend_from_slice(&piece[..received]),
        }
    }
    let text = std::str::from_utf8(&answer).map_err(io::Error::other)?;
    Ok(Zeroizing::new(text.to_owned()))
}
