//! A plain TUN descriptor, such as an operating system's VPN service hands to an application: no vnet header,
//! no packet information.

use std::os::fd::{AsFd, OwnedFd};

use super::netns::Netns;

/// Makes a TUN interface in a namespace. It lives as long as a descriptor of it is open.
pub(crate) fn open(netns: &Netns, interface: &str) -> OwnedFd {
    netns.inside(|| {
        let device = tun_rs::DeviceBuilder::new()
            .name(interface)
            .offload(false)
            .packet_information(false)
            .enable(false)
            .build_sync()
            .unwrap_or_else(|error| panic!("TUN {interface}: {error}"));
        device.as_fd().try_clone_to_owned().expect("a second handle of our descriptor")
    })
}
