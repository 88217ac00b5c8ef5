//! What is done in one go for several packets, as a record.

use adit_core::device;

/// Whether several packets may be handled as one. Both are on unless an app says otherwise: the switch is for a kernel
/// or a network that does not bear it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Offload {
    /// At the TUN descriptor: neighbouring segments of TCP as one packet, longer than the MTU. Never on Apple's systems.
    #[uniffi(default = true)]
    pub tun: bool,
    /// On the network: runs of datagrams in one send and one receive.
    #[uniffi(default = true)]
    pub udp: bool,
}

impl Default for Offload {
    fn default() -> Self {
        let device::Offload { tun, udp } = device::Offload::default();
        Self { tun, udp }
    }
}

impl From<Offload> for device::Offload {
    fn from(Offload { tun, udp }: Offload) -> Self {
        Self { tun, udp }
    }
}
