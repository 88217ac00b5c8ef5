//! Makes a TUN interface, or looks at a descriptor that was handed in, and says what stands in the way.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};

use nix::errno::Errno;
use tun_rs::DeviceBuilder;

use crate::interface_name::InterfaceName;

/// Octets in the largest packet within a tunnel over a path of 1,500: the outer headers of IPv6, UDP and WireGuard take 64,
/// the authentication tag 16.
const MTU: u16 = 1420;

/// Why there is no TUN interface.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TunError {
    /// An interface of that name is there.
    #[error("the interface {interface} exists already; delete it or choose another name")]
    Exists {
        /// Its name.
        interface: InterfaceName,
    },
    /// Neither root nor CAP_NET_ADMIN.
    #[error("making the interface {interface} needs root or CAP_NET_ADMIN; run it with sudo")]
    NoPrivilege {
        /// What was to be made.
        interface: InterfaceName,
    },
    /// The system has no TUN driver.
    #[error("this system has no TUN device (/dev/net/tun); load it with `modprobe tun`")]
    NoDriver,
    /// The system refused for another reason.
    #[error("cannot make the interface {interface}: {source}")]
    System {
        /// What was to be made.
        interface: InterfaceName,
        /// What the system said.
        source: io::Error,
    },
    /// `--tun-fd` names nothing.
    #[error("--tun-fd {fd}: this descriptor is not open; open it before and let it be inherited")]
    NotOpen {
        /// The number given.
        fd: RawFd,
    },
    /// `--tun-fd` names a file, a pipe or another device.
    #[error("--tun-fd {fd}: this descriptor is neither a TUN device nor a socket")]
    NotTun {
        /// The number given.
        fd: RawFd,
    },
}

/// Makes an interface, down; on Linux one that takes and gives super-packets. It goes away when the descriptor and its
/// duplicates are closed.
pub(crate) fn create(interface: &InterfaceName) -> Result<OwnedFd, TunError> {
    if nix::net::if_::if_nametoindex(interface.as_str()).is_ok() {
        return Err(TunError::Exists { interface: interface.clone() });
    }
    let make = || {
        let builder = DeviceBuilder::new().name(interface.as_str()).mtu(MTU).enable(false);
        #[cfg(target_os = "linux")]
        let builder = builder.offload(true);
        let device = builder.build_sync()?;
        device.as_fd().try_clone_to_owned()
    };
    make().map_err(|source| refusal(interface.clone(), source))
}

fn refusal(interface: InterfaceName, source: io::Error) -> TunError {
    match source.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EPERM | Errno::EACCES) => TunError::NoPrivilege { interface },
        Some(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => TunError::NoDriver,
        Some(Errno::EBUSY | Errno::EEXIST) => TunError::Exists { interface },
        _ => TunError::System { interface, source },
    }
}

/// Refuses a number that names no TUN device. To be called before this process opens anything itself, which might
/// get that number. What kind of a TUN device it is, the tunnel finds out.
pub(crate) fn check_descriptor(fd: RawFd) -> Result<(), TunError> {
    // This follows to the open file itself; there is no safe way to ask a number that may be closed.
    let file = fs::metadata(format!("/dev/fd/{fd}")).map_err(|_| TunError::NotOpen { fd })?;
    let kind = file.file_type();
    if kind.is_socket() || (kind.is_char_device() && is_tun(file.rdev())) {
        return Ok(());
    }
    Err(TunError::NotTun { fd })
}

/// 10 is miscellaneous devices, of which 200 is TUN (`Documentation/admin-guide/devices.txt`).
#[cfg(target_os = "linux")]
fn is_tun(device: u64) -> bool {
    device == nix::sys::stat::makedev(10, 200)
}

/// Darwin's utun is a socket.
#[cfg(not(target_os = "linux"))]
fn is_tun(_device: u64) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixDatagram;

    #[test]
    fn a_descriptor_that_carries_packets_is_taken() {
        let (socket, _other) = UnixDatagram::pair().unwrap();
        check_descriptor(socket.as_raw_fd()).unwrap();
    }

    #[test]
    fn a_file_and_a_closed_descriptor_are_refused() {
        let file = File::open("/dev/null").unwrap();
        let fd = file.as_raw_fd();
        assert!(matches!(check_descriptor(fd), Err(TunError::NotTun { .. })));
        let closed = 1 << 19;
        assert!(matches!(check_descriptor(closed), Err(TunError::NotOpen { fd }) if fd == closed));
    }

    #[test]
    fn what_the_system_says_becomes_advice() {
        let refused = |errno: Errno| refusal("wg0".parse().unwrap(), errno.into());
        assert!(matches!(refused(Errno::EPERM), TunError::NoPrivilege { .. }));
        assert!(matches!(refused(Errno::ENOENT), TunError::NoDriver));
        assert!(matches!(refused(Errno::EBUSY), TunError::Exists { .. }));
        assert!(matches!(refused(Errno::ENOMEM), TunError::System { .. }));
    }
}
