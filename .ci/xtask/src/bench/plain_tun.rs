//! A plain TUN descriptor, such as an operating system's VPN service hands to an application: no vnet header, no packet
//! information, the kernel's own length of its queue.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tun_rs::DeviceBuilder;

use crate::error::Error;

/// Makes an interface in the namespace of that file. It lives as long as a descriptor of it is open.
pub(super) fn open(namespace: &Path, interface: &str) -> Result<OwnedFd, Error> {
    let open = || -> io::Result<OwnedFd> {
        let namespace = File::open(namespace)?;
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
        let builder = DeviceBuilder::new().name(interface).offload(false).packet_information(false);
        builder.enable(false).build_sync()?.as_fd().try_clone_to_owned()
    };
    // A thread that has entered a namespace is of no other use.
    let opened = thread::scope(|scope| scope.spawn(open).join());
    opened
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        .map_err(|error| Error::File { path: format!("/dev/net/tun, {interface}"), error })
}
